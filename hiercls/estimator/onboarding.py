"""The part of the scikit-learn face that gets to know a customer: its mix of topics, its filing, its classes.

Knows scikit-learn's conventions; the work is done in ``hiercls.customers``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from hiercls.customers import (
    Adaptation,
    Advice,
    Audit,
    InferredClasses,
    MixEstimate,
    adapt_customer,
    advise,
    estimate_mix,
    infer_classes,
    name_prior,
    worth_labelling,
)
from hiercls.customers.adapt import Method
from hiercls.data.rows import Row, make_rows
from hiercls.errors import ConfigError, nearest
from hiercls.estimator.advising import ways_to_serve
from hiercls.estimator.auditing import audited, filed_under
from hiercls.estimator.tasks import need_one_topic, resolve_one_topic
from hiercls.names import composed
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy


class OnboardingMixin:
    """What a trained model finds out about one customer, for an estimator that has a map and a scorer."""

    taxonomy_: Taxonomy
    scorer_: Scorer
    verbose: bool

    if TYPE_CHECKING:

        def _regroup(self, taxonomy: Taxonomy, customer: str, prior: Mapping[str, float] | None) -> Self: ...

    def estimate_prior(
        self, texts: Iterable[str], labels: Iterable[Any] | None = None, *, at: str, level: float = 0.9
    ) -> MixEstimate:
        """A customer's own mix of topics, from its documents, labelled or not; ``set_prior`` makes the model use it.

        ``maximise Σ_i log Σ_t π_c(t)/π(t) · p(t|x_i) · A_c[t,y_i]``, beside four documents a topic of the pooled mix.
        The probabilities are believed: ``calibrate(method="bias_corrected")`` comes before, above all where no document
        has a label. Labels are believed too: where they contradict the declared classes, leave them out.

        Args:
            texts: The customer's documents, drawn as those to come will be.
            labels: For each a class of the customer, ``view:class``, a list of these, or None; None: none has one.
            at: The customer.
            level: How often the intervals shall hold the shares.

        Returns:
            The shares of the topics, with intervals.

        Raises:
            DataError: If texts or labels are illegal; all of them are listed.
            ConfigError: If there is no such customer, or no document.

        Source:
            See ``hiercls.customers.estimate_mix``.
        """
        return self.estimate_prior_rows(make_rows(texts, labels, views=at), at=at, level=level)

    def estimate_prior_rows(self, rows: Sequence[Row], *, at: str, level: float = 0.9) -> MixEstimate:
        """The same from rows, as ``hiercls.data.read`` reads them; a label without a view is of the customer's.

        Args:
            rows: The customer's rows, with labels, without, or some of each.
            at: The customer.
            level: How often the intervals shall hold the shares.

        Returns:
            The shares of the topics, with intervals.

        Raises:
            DataError: If labels are illegal; all of them are listed.
            ConfigError: If there is no such customer, or no document.
        """
        customer = self._customer(at)
        need_one_topic(self.scorer_, "estimate_prior")
        view = self.taxonomy_.view(customer)
        own = rows_at(rows, customer)
        weights = np.ones((len(own), len(view.topics)))
        marked = [place for place, row in enumerate(own) if row.labels]
        if marked:
            weights[marked] = resolve_one_topic(self.taxonomy_, [own[place] for place in marked]).weights.toarray()
        topics = self.scorer_.topics([row.text for row in own], progress=self.verbose)
        pooled = self.scorer_.mix.pooled
        return estimate_mix(
            topics.numpy(), names=view.topics, pooled=pooled, weights=weights, scope=view.scope, level=level
        )

    def set_prior(self, prior: MixEstimate | Mapping[str, float] | None, *, at: str) -> Self:
        """Use a customer's own mix of topics from now on, in predictions and in the next ``fit``.

        Args:
            prior: The mix: what ``estimate_prior`` found, or topic → share; None: the pooled mix.
            at: The customer. A calibration of its own that it has is forgotten, since that knew the mix before; and so
                is what ``adapt`` found.

        Returns:
            The estimator.

        Raises:
            ConfigError: If there is no such customer, or the shares do not fit the taxonomy.
        """
        shares = prior.prior if isinstance(prior, MixEstimate) else prior
        return self._regroup(self.taxonomy_, self._customer(at), shares)

    def adapt(self, texts: Iterable[str], labels: Iterable[Any], *, at: str, method: Method = "filing") -> Adaptation:
        """Adapt to one customer by few labelled documents: its own mix of topics, and its own filing of them.

        ``p(k|x,c) = Σ_t A_c[t,k] · p_c(t|x)``, π_c and then A_c by EM, near the pooled mix and the declared classes. It
        is tried on the documents themselves, each foreseen from others; where it is not sure to help, the customer is
        left as it was, and the answer says so. Other customers and the topics stay as they are.

        Args:
            texts: The customer's documents, n_documents strings; they must not have been trained on.
            labels: For each a class of the customer.
            at: The customer. A calibration of its own that it has is forgotten where it is adapted to.
            method: ``filing``: mix and filing; ``prior``: the mix alone, where the classes are kept to.

        Returns:
            What was found; ``helps`` is whether it is used.

        Raises:
            DataError: If texts or labels are illegal; all of them are listed.
            ConfigError: If there is no such customer or method, or no document.

        Source:
            See ``hiercls.customers.adapt_customer``.
        """
        return self.adapt_rows(make_rows(texts, labels, views=at), at=at, method=method)

    def adapt_rows(self, rows: Sequence[Row], *, at: str, method: Method = "filing") -> Adaptation:
        """The same from rows, as ``hiercls.data.read`` reads them; those without a class of the customer's are passed.

        Args:
            rows: The customer's rows; a label without a view is of the customer's.
            at: The customer.
            method: ``filing`` or ``prior``.

        Returns:
            What was found; ``helps`` is whether it is used.

        Raises:
            DataError: If labels are illegal; all of them are listed.
            ConfigError: If there is no such customer or method, or no document.
        """
        customer = self._customer(at)
        need_one_topic(self.scorer_, "adapt")
        view, own = self.taxonomy_.view(customer), [row for row in rows_at(rows, customer) if row.labels]
        filed = filed_under(resolve_one_topic(self.taxonomy_, own), customer)
        here = np.flatnonzero(filed >= 0)
        topics = self.scorer_.topics([own[place].text for place in here], progress=self.verbose)
        mix = self.scorer_.mix.answered
        found = adapt_customer(topics.numpy(), filed[here], view=view, pooled=mix, method=method)
        if found.helps:
            prior = dict(zip(view.topics, found.mix.tolist(), strict=True))
            self._regroup(self.taxonomy_, customer, prior)
            if method == "filing":
                filings = {**self.scorer_.filings, customer: found.filing}
                self.scorer_ = dataclasses.replace(self.scorer_, filings=filings)
        return found

    def advise(self, texts: Iterable[str], labels: Iterable[Any], *, at: str | None = None) -> Advice:
        """Which way to serve a customer, by cross-validation on its labelled documents.

        The YAML alone, adapting, classes inferred from the labels, heads of its own on topics, encoder and words, and
        words alone are tried, each on documents that it has not seen; and what 100 labels more would bring is foretold.

        Args:
            texts: The customer's documents, n_documents strings; they must not have been trained on.
            labels: For each its class.
            at: The customer; None: it has no YAML.

        Returns:
            Which way to use, how sure that is, and what labels would bring; its text is a sentence.

        Raises:
            DataError: If texts or labels are illegal; all of them are listed.
            ConfigError: If there is no such customer, or fewer than 20 documents.

        Source:
            See ``hiercls.customers.advise``.
        """
        return self.advise_rows(make_rows(texts, labels), at=at)

    def advise_rows(self, rows: Sequence[Row], *, at: str | None = None) -> Advice:
        """The same from rows, as ``hiercls.data.read`` reads them; rows without a label are left out.

        Args:
            rows: The customer's labelled rows.
            at: The customer; None: it has no YAML.

        Returns:
            Which way to use.

        Raises:
            DataError: If labels are illegal; all of them are listed.
            ConfigError: If there is no such customer, or fewer than 20 documents.
        """
        check_is_fitted(self, "taxonomy_")
        need_one_topic(self.scorer_, "advise")
        marked, view = [row for row in rows if row.labels], None
        if at is None:
            names = [row.labels[0][1] for row in marked]
            known = tuple(dict.fromkeys(names))
            classes = np.array([known.index(name) for name in names], dtype=np.int64)
        else:
            view, marked = self.taxonomy_.view(self._customer(at)), rows_at(marked, self._customer(at))
            known = view.classes
            classes = filed_under(resolve_one_topic(self.taxonomy_, marked), view.name)
        own = [row for row, place in zip(marked, classes, strict=True) if place >= 0]
        classes, texts = classes[classes >= 0], [row.text for row in own]
        ways = ways_to_serve(self.taxonomy_, self.scorer_, texts, classes, n_classes=len(known), view=view)
        marks = [row.thread or (" ".join(row.text.split()),) for row in own]
        return advise(ways, classes, groups=marks)

    def audit(
        self,
        texts: Iterable[str],
        labels: Iterable[Any],
        *,
        at: str,
        views: str | Iterable[str | None] | None = None,
        customers: str | Iterable[str | None] | None = None,
        folds: int | None = None,
    ) -> Audit:
        """What a customer does against what its YAML declares, measured against the others.

        The model mistakes topics for each other, which looks like filing elsewhere; so what it takes for what is
        measured on the other customers' documents, and taken out. The customer's mix of topics is found from its texts
        alone.

        Args:
            texts: Documents of the customer and of others, n_documents strings.
            labels: For each a class of its view, ``view:class``, or a list of these, whose sets intersect.
            at: The customer that is audited.
            views: One view's name, or one per document; None: the topics.
            customers: One customer's name, or one per document; None: the view where it is a customer.
            folds: Models that are trained anew for it, such as 3, each without the customer and without a part of the
                others, which it then looks at; threads are not divided. None: this model looks, which must not have
                been trained on any of these documents.

        Returns:
            How the documents of each topic are filed, with intervals, and what is surely filed elsewhere; positions of
            documents are among the customer's.

        Raises:
            DataError: If texts or labels are illegal; all of them are listed.
            ConfigError: If there is no such customer, it or the others have no documents, or too few for the folds.

        Source:
            See ``hiercls.customers.audit_filing``.
        """
        rows = make_rows(texts, labels, views=views, customers=customers)
        return self.audit_rows(rows, at=at, folds=folds)[0]

    def audit_rows(self, rows: Sequence[Row], *, at: str, folds: int | None = None) -> tuple[Audit, list[Row]]:
        """The same from rows, as ``hiercls.data.read`` reads them.

        Args:
            rows: Labelled rows of the customer and of others.
            at: The customer that is audited.
            folds: Models that are trained anew for it; None: this model looks.

        Returns:
            The audit, and the customer's rows to which its positions of documents belong.

        Raises:
            DataError: If labels are illegal; all of them are listed.
            ConfigError: If there is no such customer, it or the others have no documents, or too few for the folds.
        """
        customer = self._customer(at)

        def train(part: Sequence[Row]) -> Scorer:
            anew = clone(self).set_params(taxonomy=self.taxonomy_, warm_start=False)
            anew.training = anew.training and dataclasses.replace(anew.training, checkpoints=None)
            scorer: Scorer = anew.fit_rows(part).scorer_
            return scorer

        return audited(
            self.taxonomy_, self.scorer_, rows, customer=customer, folds=folds, train=train, progress=self.verbose
        )

    def infer_classes(self, texts: Iterable[str], labels: Iterable[str]) -> InferredClasses:
        """The classes of a customer that has labelled documents and no YAML; ``.yaml(name)`` drafts it.

        ``p(k|x) = Σ_t A_c[t,k] · p_c(t|x)``, A_c by EM, beside what the names say, where there is an encoder: those of
        the classes, and those of the topics with what the taxonomy says about them.

        Args:
            texts: The customer's documents, n_documents strings.
            labels: For each the name of its class.

        Returns:
            The classes of the topics, and how sure they are.

        Raises:
            DataError: If texts or labels are illegal; all of them are listed.
            ConfigError: If there is no document.

        Source:
            See ``hiercls.customers.infer_classes``.
        """
        check_is_fitted(self, "taxonomy_")
        need_one_topic(self.scorer_, "infer_classes")
        said = [composed(label) for label in labels]
        rows = make_rows(texts, said)
        classes, topics = tuple(dict.fromkeys(said)), self.taxonomy_.topics
        prior = None
        if self.scorer_.engine is not None and classes:
            told = [f"{topic}. {self.taxonomy_.about.get(topic, '')}".strip() for topic in topics]
            encoded = self.scorer_.engine.encode([*told, *classes])
            prior = name_prior(encoded[: len(topics)], encoded[len(topics) :])
        logs = self.scorer_.topics([row.text for row in rows], progress=self.verbose).numpy()
        filed = [classes.index(label) for label in said]
        pooled = self.scorer_.mix.pooled
        return infer_classes(logs, filed, names=topics, classes=classes, pooled=pooled, prior=prior)

    def worth_labelling(
        self, texts: Iterable[str], inferred: InferredClasses, *, n_documents: int = 10
    ) -> tuple[int, ...]:
        """Unlabelled documents whose labels would settle most of what ``infer_classes`` left open.

        Args:
            texts: The documents to choose from.
            inferred: What was found so far.
            n_documents: How many to choose.

        Returns:
            Their positions, the best first.
        """
        logs = self.scorer_.topics([row.text for row in make_rows(texts)], progress=self.verbose).numpy()
        return worth_labelling(logs, inferred, n_documents=n_documents)

    def _customer(self, name: str) -> str:
        """A customer's name as the map has it."""
        check_is_fitted(self, "taxonomy_")
        if composed(name) not in self.taxonomy_.customers:
            raise ConfigError(f"unknown customer '{name}'; {nearest(name, self.taxonomy_.customers)}")
        return composed(name)


def rows_at(rows: Sequence[Row], customer: str) -> list[Row]:
    """Rows whose labels are of a customer's view where no view is said.

    Args:
        rows: Rows as they were read.
        customer: The customer.

    Returns:
        As many rows.

    Example:
        >>> rows_at([Row(text="…", labels=((None, "ABC"), ("two", "BC")))], "one")[0].labels
        (('one', 'ABC'), ('two', 'BC'))
    """
    return [
        Row(
            text=row.text,
            labels=tuple((customer if view is None else view, label) for view, label in row.labels),
            customer=row.customer,
            thread=row.thread,
            file=row.file,
            line=row.line,
        )
        for row in rows
    ]
