"""The part of the scikit-learn face that keeps promises: sets that hold the truth, and coarser answers that are right.

Knows scikit-learn's conventions; the work is done in ``promises`` and the rooms above.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from hiercls.data.rows import Row, make_rows
from hiercls.decoding.conformal import Score
from hiercls.errors import ConfigError, NotPromisedError
from hiercls.estimator.promises import HeldOut, Promises
from hiercls.estimator.tasks import coarser
from hiercls.model.multilabel import SeveralTopics
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy


class PromisingMixin:
    """Answers with a promise, for an estimator that has a map and a scorer: ``conformalize`` once, then ask for any."""

    taxonomy_: Taxonomy
    scorer_: Scorer
    heldout_: HeldOut | None = None
    verbose: bool

    def conformalize(
        self,
        texts: Iterable[str],
        labels: Iterable[Any],
        *,
        views: str | Iterable[str | None] | None = None,
        customers: str | Iterable[str | None] | None = None,
    ) -> Self:
        """Look at held-out documents, so that ``predict_set``, ``predict_nodes`` and an accuracy can be promised.

        Afterwards any coverage may be asked for, at any view, also of customers that are added later; ``calibrate``
        may come before or after. The promises are for documents of the same kind, and exact where these here were
        neither trained on nor calibrated on. Labels of any view will do; of a coarse label the least convenient topic
        counts, whichever is true: more is kept than promised then, and sets are larger than they need be.

        Args:
            texts: The documents, n_documents strings; their texts are not kept.
            labels: For each a class of its view, ``view:class``, or a list of these, whose sets intersect.
            views: One view's name, or one per document; None: the topics.
            customers: One customer's name, or one per document; None: the view where it is a customer.

        Returns:
            The estimator.

        Raises:
            DataError: If there are no documents, or texts or labels are illegal; all of them are listed.
        """
        return self.conformalize_rows(make_rows(texts, labels, views=views, customers=customers))

    def conformalize_rows(self, rows: Sequence[Row]) -> Self:
        """Look at held-out rows, as ``hiercls.data.read`` reads them; the same as ``conformalize``.

        Args:
            rows: Labelled rows.

        Returns:
            The estimator.

        Raises:
            DataError: If there are no rows, or labels that are illegal.
        """
        check_is_fitted(self, "taxonomy_")
        self.heldout_ = HeldOut.of(self.taxonomy_, self.scorer_, rows, progress=self.verbose)
        return self

    def predict_set(
        self,
        texts: Iterable[str],
        *,
        at: str | None = None,
        coverage: float = 0.9,
        calibrated_at: str | None = None,
        score: Score = "lac",
        customers: str | Iterable[str | None] | None = None,
    ) -> np.ndarray:
        """The set of classes of each text that holds the true one as often as promised; ``conformalize`` comes before.

        ``P(every class with the true topic is in the set) ≥ coverage``, over texts like the held-out ones. By default
        the set is one of topics and says their classes at the view, so that sets of all views agree. Where the view's
        mix of topics is known (``priors``), the held-out documents are weighted to it.

        With ``task="multilabel"`` the coverage is the part of a document's true classes that its set holds, on average
        over documents that have any. Of a set that is calibrated at the topics, it is the part of the
        true topics whose classes are all in the set.

        Args:
            texts: The documents.
            at: A level or a customer; None: the topics. Of a customer that leaves topics out, the promise is for
                documents of the others.
            coverage: The promise, between 0 and 1.
            calibrated_at: The view where the coverage is what is promised, mostly ``at``, where sets are then smallest;
                at other views it is at least that. None: the topics.
            score: ``lac``: the smallest sets on average, some of them empty where little is promised; ``aps``: the
                likeliest class is in every set.
            customers: Whose texts these are, one name or one per text, for the promise to be kept for each customer by
                itself, from its own held-out documents (Mondrian); None: for all together.

        Returns:
            True for the classes in the set, shape (n_texts, n_classes), columns as ``taxonomy_.view(at).classes``.

        Raises:
            ConfigError: If nothing was held out (of a customer), or there is no such view, coverage or score; with
                ``task="multilabel"`` there is ``lac`` alone.

        Source:
            Vovk et al., Algorithmic Learning in a Random World, 2005; see ``hiercls.decoding.conformal_rule``, and
            ``hiercls.decoding.recall_rule`` for several topics.
        """
        promises, rows = self.promises_, make_rows(texts, customers=customers)
        fine = self.taxonomy_.levels[-1]
        view = self.taxonomy_.view(fine if at is None else at)
        found = np.zeros((len(rows), len(view.classes)), dtype=bool)
        exact = self.taxonomy_.view(fine if calibrated_at is None else calibrated_at)
        topics = self.scorer_.conditioned(self._log_topics(rows), view).numpy()
        for customer in dict.fromkeys(row.customer for row in rows):
            rule = promises.sets(at=view, calibrated_at=exact, coverage=coverage, score=score, customer=customer)
            own = np.array([row.customer == customer for row in rows])
            found[own] = rule.sets(topics[own], at=view)
        return found

    def predict_nodes(
        self, texts: Iterable[str], *, coverage: float = 0.9, max_nodes: int = 1
    ) -> list[tuple[str, ...]]:
        """The few nodes of the hierarchy that the true topic stands below as often as promised.

        ``P(the true topic is a node of the set or below it) ≥ coverage``; ``conformalize`` comes before. One node is
        found by climbing from the likeliest topic. All topics count as a set that holds the truth; where that shall be
        no answer, ``predict_or_coarsen(accuracy=...)`` makes its promise for the other answers.

        Args:
            texts: The documents.
            coverage: The promise, between 0 and 1.
            max_nodes: The most nodes of a set.

        Returns:
            For each text the names of nodes, in the order of the hierarchy; all those at the top where nothing less
            than all topics will do.

        Raises:
            ConfigError: If nothing was held out, or there is no such coverage or number of nodes.

        Source:
            Goren, Galil and El-Yaniv, Hierarchical Selective Classification, NeurIPS 2024 (one node).
        """
        rule = self.promises_.nodes(coverage=coverage, max_nodes=max_nodes)
        nodes = np.array(self.taxonomy_.hierarchy.nodes, dtype=object)
        chosen = rule.nodes(self._log_topics(make_rows(texts)).numpy())
        return [tuple(nodes[row].tolist()) for row in chosen]

    def predict_or_coarsen(
        self, texts: Iterable[str], *, threshold: float | None = None, accuracy: float | None = None
    ) -> np.ndarray:
        """The most specific node of the hierarchy that is probable enough, for each text.

        How probable is enough, you say (``threshold``), or how many of the answers shall be right (``accuracy``): then
        ``conformalize`` comes before, and the lowest threshold is taken under which so many are right, with 99 %
        confidence over the held-out documents. None, no answer, is neither right nor wrong.

        With ``task="multilabel"`` an answer is all nodes that are probable enough while nothing below them is, and
        right if all of them hold.

        Args:
            texts: The documents.
            threshold: The probability that an answer must have at least, from 0 to 1.
            accuracy: The part of the answers, other than None, that shall be right, between 0 and 1.

        Returns:
            Names of topics or inner nodes, None where even the top is uncertain, shape (n_texts,); None everywhere
            where the held-out documents are too few, or the model too poor, for the accuracy to be sure. With
            ``task="multilabel"`` an indicator matrix of 0 and 1, shape (n_texts, n_nodes), columns as
            ``taxonomy_.hierarchy.nodes``.

        Raises:
            ConfigError: If not one of the two is given, it is no probability, or nothing was held out.

        Source:
            See ``hiercls.decoding.stop`` and ``climbing_rule``; with several topics ``stop_several`` and
            ``climbing_rule_several``.
        """
        if accuracy is not None and threshold is None:
            threshold = self.promises_.climbing(accuracy=accuracy).threshold
        elif threshold is None or accuracy is not None:
            raise ConfigError(f"expected a threshold or an accuracy, one of the two, got {threshold} and {accuracy}")
        elif not 0 <= threshold <= 1:
            raise ConfigError(f"expected a threshold from 0 to 1, got {threshold}")
        check_is_fitted(self, "taxonomy_")
        topics, task = self._log_topics(make_rows(texts)), self.scorer_.task
        chosen = coarser(task, topics, taxonomy=self.taxonomy_, threshold=threshold)
        if isinstance(task, SeveralTopics):
            return chosen.astype(np.int64)
        nodes = np.array([None, *self.taxonomy_.hierarchy.nodes], dtype=object)
        found: np.ndarray = nodes[np.where(chosen.any(axis=1), 1 + chosen.argmax(axis=1), 0)]
        return found

    @property
    def promises_(self) -> Promises:
        """The rules that keep promises to documents like the held-out ones; an error before ``conformalize``."""
        check_is_fitted(self, "taxonomy_")
        if self.heldout_ is None:
            raise NotPromisedError(
                "nothing can be promised before 'conformalize' has seen labelled documents that were not trained on"
            )
        return Promises(taxonomy=self.taxonomy_, scorer=self.scorer_, heldout=self.heldout_)

    def _log_topics(self, rows: Sequence[Row]) -> Tensor:
        """Log p(t|x), shape (n_rows, n_topics)."""
        return self.scorer_.topics([row.text for row in rows], progress=self.verbose)
