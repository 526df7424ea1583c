"""The estimator: fit on everybody's labels, predict at any level and for any customer.

Knows scikit-learn's conventions; the work is done in the rooms above.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from hiercls.calibration import Calibration, Method
from hiercls.data.rows import Row, make_rows
from hiercls.encoding.engine import EncodingEngine
from hiercls.errors import ConfigError, DataError, Problem, TrainingError
from hiercls.estimator import calibrating, fitting, folder
from hiercls.estimator.engines import EngineConfig, n_tuned_layers
from hiercls.estimator.mixes import topic_mix
from hiercls.estimator.onboarding import OnboardingMixin
from hiercls.estimator.promising import PromisingMixin
from hiercls.estimator.repurposing import RepurposingMixin
from hiercls.estimator.reshaping import ReshapingMixin
from hiercls.estimator.sharing import SharingMixin
from hiercls.estimator.tasks import TaskName, all_right, cheapest, check_settings, need_one_topic, task_of
from hiercls.model.encoder import DEFAULT_ENCODER, EncoderConfig, load_encoder
from hiercls.model.heads import HeadConfig
from hiercls.model.hiagm import HiagmConfig
from hiercls.model.novelty import Novelty
from hiercls.model.terms import LexicalConfig
from hiercls.names import composed
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy, View
from hiercls.training.config import TrainingConfig
from hiercls.training.selection import Trial


class HierarchicalTextClassifier(
    OnboardingMixin,
    ReshapingMixin,
    PromisingMixin,
    RepurposingMixin,
    SharingMixin,
    ClassifierMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """One model for the levels of a taxonomy and all customers' groupings of its topics.

    ``p(k|x,c) = Σ_t A_c[t,k] · p_c(t|x)``, trained by ``−log p(label|x)`` whatever view the label is of.

    Args:
        taxonomy: The map: a ``Taxonomy``, the path of its YAML or ``.parquet``, or the text of its YAML.
        encoder: A BERT-like encoder's name on the Hugging Face hub, or a folder; an ``EncoderConfig``, which also says
            how it is pooled and what is read of long texts; None: words alone are read.
        max_length: Tokens read of a text, at most 512; the rest is cut. None: as ``encoder`` says, 256 by default.
        tune: ``none``: the encoder is frozen and encodings are cached on disk. ``last-n``, as in ``last-2``: its last n
            layers are trained, the lower ones run once. ``all``: all its layers are trained.
        lexical: Whether words are counted beside the encoder, and which (``LexicalConfig``); None: where held-out
            labels are likelier with them.
        head: How the cascaded heads (``HeadConfig``) or HiAGM (``HiagmConfig``) are built; None: ``HeadConfig()``.
        training: How training goes; None: ``TrainingConfig()``, which chooses L2 on held-out labels.
        level_weights: Weight of each level's loss, the topics last; None: 1 each.
        customer_weights: Weight of customers' documents in the loss; 1 where not named.
        priors: Mix of topics of the customers whose own is known: customer → topic → share.
        validation_fraction: Share of the documents that choose L2 and the number of epochs; 0: none.
        warm_start: Whether ``fit`` starts from the weights of the fit before.
        precision: Number format of a frozen encoder: ``auto`` is bfloat16 where the hardware computes it fast.
        cache: Whether encodings are kept on disk (in ``$HIERCLS_CACHE``, by default ``~/.cache/hiercls``).
        random_state: Seed, as scikit-learn takes it.
        device: Where to compute; None: a GPU where there is one.
        verbose: Whether to show progress on standard error.
        task: ``multiclass``: a document has one topic, and several labels narrow it down. ``multilabel``: it may have
            several topics, or none; several labels all hold.

    Example:
        >>> classifier = HierarchicalTextClassifier("{hiercls: 1, levels: [topic], topics: [A, B]}")
        >>> classifier.get_params()["tune"]
        'none'

    Source:
        The README's "The idea"; marginal likelihood over label sets as in Bevandić et al., WACV 2022.
    """

    taxonomy_: Taxonomy
    scorer_: Scorer
    trials_: tuple[Trial, ...]

    def __init__(
        self,
        taxonomy: Taxonomy | str | Path,
        *,
        encoder: str | Path | EncoderConfig | None = DEFAULT_ENCODER,
        max_length: int | None = None,
        tune: str = "none",
        lexical: LexicalConfig | bool | None = None,
        head: HeadConfig | HiagmConfig | None = None,
        training: TrainingConfig | None = None,
        level_weights: Sequence[float] | None = None,
        customer_weights: Mapping[str, float] | None = None,
        priors: Mapping[str, Mapping[str, float]] | None = None,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        precision: Literal["auto", "float32", "bfloat16", "int8"] = "auto",
        cache: bool = True,
        random_state: int | np.random.RandomState | None = 0,
        device: str | torch.device | None = None,
        verbose: bool = False,
        task: TaskName = "multiclass",
    ) -> None:
        self.taxonomy = taxonomy
        self.encoder = encoder
        self.max_length = max_length
        self.tune = tune
        self.lexical = lexical
        self.head = head
        self.training = training
        self.level_weights = level_weights
        self.customer_weights = customer_weights
        self.priors = priors
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.precision = precision
        self.cache = cache
        self.random_state = random_state
        self.device, self.verbose, self.task = device, verbose, task

    def fit(
        self,
        texts: Iterable[str],
        labels: Iterable[Any],
        *,
        views: str | Iterable[str | None] | None = None,
        customers: str | Iterable[str | None] | None = None,
        sample_weight: Iterable[float] | None = None,
    ) -> Self:
        """Train on the union of everybody's labels.

        ``minimise Σ_i w_i · −log p(y_i|x_i)``

        Args:
            texts: The documents, n_documents strings.
            labels: For each a class of its view, ``view:class``, or a list of these, whose sets intersect; where a
                document may have several topics, the list of all classes of the view that hold.
            views: One view's name, or one per document; None: the topics.
            customers: One customer's name, or one per document; None: the view where it is a customer.
            sample_weight: Weight of each document in the loss, shape (n_documents,).

        Returns:
            The estimator.

        Raises:
            DataError: If texts or labels are illegal; all of them are listed.
            ConfigError: If settings do not fit each other or the taxonomy.
            TrainingError: If a loss is not finite; where an epoch was finished, the estimator keeps its weights.
        """
        return self.fit_rows(make_rows(texts, labels, views=views, customers=customers), sample_weight=sample_weight)

    def fit_rows(self, rows: Sequence[Row], *, sample_weight: Iterable[float] | None = None) -> Self:
        """Train on rows, as ``hiercls.data.read`` reads them.

        Args:
            rows: Labelled rows of all customers.
            sample_weight: Weight of each row in the loss, shape (n_rows,).

        Returns:
            The estimator.

        Raises:
            DataError: If there are no rows, or labels that are illegal.
            ConfigError: If settings do not fit each other or the taxonomy.
            TrainingError: If a loss is not finite; where an epoch was finished, the estimator keeps its weights.
        """
        config = self._fit_config()
        taxonomy = self.taxonomy if isinstance(self.taxonomy, Taxonomy) else Taxonomy.read(self.taxonomy)
        before: Scorer | None = getattr(self, "scorer_", None) if self.warm_start else None
        if before is not None and (
            _levels(taxonomy) != _levels(self.taxonomy_) or type(before.task) is not type(config.task)
        ):
            raise ConfigError(
                "warm_start goes on from the weights of the fit before, which had other levels, topics or task; "
                "set warm_start=False to begin anew"
            )
        engine = None if self.encoder is None else self._engine(before)
        weights = None if sample_weight is None else np.asarray(list(sample_weight), dtype=np.float32)
        start = None if before is None else before.head
        try:
            fitted = fitting.fit(taxonomy, rows, engine, config, sample_weight=weights, start=start)
        except TrainingError as error:
            if isinstance(error.kept, fitting.Fit):
                self._take(taxonomy, engine, error.kept)
            raise
        return self._take(taxonomy, engine, fitted)

    def _engine(self, before: Scorer | None) -> EncodingEngine:
        """An engine on a fresh encoder, or on the one of the fit before."""
        if before is None or before.engine is None:
            return self.build_engine()
        return self.engine_config().build(before.engine.encoder)

    def _take(self, taxonomy: Taxonomy, engine: EncodingEngine | None, fitted: fitting.Fit) -> Self:
        """Become what was trained."""
        if fitted.encoder is not None:
            engine = self.engine_config().build(fitted.encoder)
        self.taxonomy_ = taxonomy
        self.trials_ = fitted.trials
        self.heldout_ = None
        self.scorer_ = Scorer(
            mix=fitted.mix,
            head=fitted.head,
            engine=engine,
            lexical=fitted.lexical,
            novelty=Novelty(density=fitted.density),
            task=fitted.task,
        )
        return self

    def calibrate(
        self,
        texts: Iterable[str],
        labels: Iterable[Any],
        *,
        views: str | Iterable[str | None] | None = None,
        customers: str | Iterable[str | None] | None = None,
        method: Method | None = None,
        per_customer: bool = False,
    ) -> Self:
        """Make the probabilities believable on documents that were not trained on; ``calibration_`` says how.

        ``log p'(t|x) = log_softmax_t( a_t · s(x) · log p(t|x) + b_t )``, with a, s and b that make the labels
        likeliest. Every view's probabilities stay sums of the topics', so labels of any view will do. With
        ``task="multilabel"`` the topics' log-odds are scaled, and the threshold is chosen again on these documents.

        Args:
            texts: The documents, n_documents strings.
            labels: For each a class of its view, ``view:class``, or a list of these, whose sets intersect.
            views: One view's name, or one per document; None: the topics.
            customers: One customer's name, or one per document; None: the view where it is a customer.
            method: ``adaptive``: one a, and a power of how sure the model is (s); ``temperature``: one a alone;
                ``bias_corrected``: and a b for each topic; ``vector``: an a for each too. None: ``adaptive``, and with
                ``task="multilabel"`` ``bias_corrected``.
            per_customer: Whether every customer with documents among them gets a scaling of its own, too.

        Returns:
            The estimator.

        Raises:
            DataError: If there are no documents, or texts or labels are illegal; all of them are listed.
            ConfigError: If there is no such method.
        """
        rows = make_rows(texts, labels, views=views, customers=customers)
        return self.calibrate_rows(rows, method=method, per_customer=per_customer)

    def calibrate_rows(self, rows: Sequence[Row], *, method: Method | None = None, per_customer: bool = False) -> Self:
        """Make the probabilities believable on rows that were not trained on, as ``hiercls.data.read`` reads them.

        Args:
            rows: Labelled rows.
            method: ``adaptive``, ``temperature``, ``bias_corrected`` or ``vector``; None: as ``calibrate`` has it.
            per_customer: Whether every customer with rows among them gets a scaling of its own, too.

        Returns:
            The estimator.

        Raises:
            DataError: If there are no rows, or labels that are illegal.
            ConfigError: If there is no such method.
        """
        check_is_fitted(self, "taxonomy_")
        self.scorer_ = calibrating.calibrated(
            self.taxonomy_, self.scorer_, rows, method=method, per_customer=per_customer, progress=self.verbose
        )
        return self

    @property
    def calibration_(self) -> Calibration | None:
        """The slopes and biases that ``calibrate`` found, and on how many documents; None before it."""
        check_is_fitted(self, "taxonomy_")
        return self.scorer_.calibration

    @property
    def classes_(self) -> np.ndarray:
        """The topics, in the order of the columns of ``predict_proba``."""
        check_is_fitted(self, "taxonomy_")
        return np.asarray(self.taxonomy_.topics)

    def predict(self, texts: Iterable[str], *, at: str | None = None) -> np.ndarray:
        """The likeliest class of each text, or where it may have several all that are probable enough.

        ``argmax_k p(k|x)``, or ``P(k|x) ≥ τ`` with the one threshold that was chosen on held-out labels.

        Args:
            texts: The documents.
            at: A level or a customer; None: the topics.

        Returns:
            As scikit-learn's classifiers: class names, shape (n_texts,); with ``task="multilabel"`` an indicator
            matrix of 0 and 1, shape (n_texts, n_classes), columns as ``taxonomy.view(at).classes``.

        Raises:
            ConfigError: If there is no such view.
        """
        view = self._view(at)
        return self.scorer_.task.answers(self._classes(texts, view), view)

    def predict_labels(self, texts: Iterable[str], *, at: str | None = None) -> list[tuple[str, ...]]:
        """The predicted classes of each text by name, as ``fit`` takes them, whatever the task.

        Args:
            texts: The documents.
            at: A level or a customer; None: the topics.

        Returns:
            For each text its classes, in the view's order: one, or any number with ``task="multilabel"``.

        Raises:
            ConfigError: If there is no such view.
        """
        view = self._view(at)
        chosen = self.scorer_.task.chosen(self._classes(texts, view))
        return [tuple(np.asarray(view.classes)[row].tolist()) for row in chosen]

    def predict_least_cost(self, texts: Iterable[str], *, at: str) -> np.ndarray:
        """The class under which it costs least, on average, to file each text, by the costs in the customer's YAML.

        ``argmin_a Σ_k costs[a, k] · p(k|x)``; where the YAML says nothing, the likeliest class. With
        ``task="multilabel"`` a text is still filed under one class, and costs what it costs beside the nearest class
        that it has.

        Args:
            texts: The documents.
            at: A customer.

        Returns:
            Class names, shape (n_texts,).

        Raises:
            ConfigError: If there is no such customer.
        """
        check_is_fitted(self, "taxonomy_")
        costs, view = self.taxonomy_.costs(at), self._view(at)
        return cheapest(self.scorer_.task, self._classes(texts, view), view, costs=costs)

    def novelty_score(self, texts: Iterable[str]) -> np.ndarray:
        """How unlike all known topics each text is: the log-likelihood of its encoding and words without the topics,
        less that with them; with ``task="multilabel"`` how unlikely the likeliest topic is, ``−max_t log p(t|x)``.

        Args:
            texts: The documents.

        Returns:
            Shape (n_texts,), higher for what is newer; only the order means something, see ``predict_or_reject``.
        """
        return self._topics_and_novelty(texts)[1]

    def predict_or_reject(
        self, texts: Iterable[str], *, at: str | None = None, false_alarms: float = 0.05
    ) -> np.ndarray:
        """The likeliest class of each text, or all that are probable enough; None where it is of no known topic.

        A text is rejected if at most that part of the documents given to ``calibrate`` look as new as it does.

        Args:
            texts: The documents.
            at: A level or a customer; None: the topics.
            false_alarms: The part of documents of known topics that may be rejected, between 0 and 1.

        Returns:
            Class names, with ``task="multilabel"`` tuples of them, None where out of scope, shape (n_texts,).

        Raises:
            ConfigError: If there is no such view, ``calibrate`` was not called, or with too few documents for the rate.
        """
        view = self._view(at)
        topics, scores = self._topics_and_novelty(texts)
        novel = self.scorer_.novelty.is_novel(scores, false_alarms=false_alarms)
        found = self.scorer_.task.named(self.scorer_.classes(topics, view), view)
        found[novel] = None
        return found

    def predict_proba(self, texts: Iterable[str], *, at: str | None = None) -> np.ndarray:
        """The probabilities of a view's classes: sums of the topics', after the customer's prior and scope.

        ``p(k|x,c) = Σ_t A_c[t,k] · p_c(t|x)``

        Args:
            texts: The documents.
            at: A level or a customer; None: the topics.

        Returns:
            Shape (n_texts, n_classes), columns as ``taxonomy.view(at).classes``; rows sum to 1, except with
            ``task="multilabel"``, where a class's is ``1 − Π_{t in k} (1 − p(t|x))``.

        Raises:
            ConfigError: If there is no such view.
        """
        probabilities: np.ndarray = np.exp(self.predict_log_proba(texts, at=at))
        return probabilities

    def predict_log_proba(self, texts: Iterable[str], *, at: str | None = None) -> np.ndarray:
        """The log-probabilities of a view's classes.

        Args:
            texts: The documents.
            at: A level or a customer; None: the topics.

        Returns:
            Shape (n_texts, n_classes), columns as ``taxonomy.view(at).classes``.

        Raises:
            ConfigError: If there is no such view.
        """
        log_probabilities: np.ndarray = self._classes(texts, self._view(at)).numpy()
        return log_probabilities

    def predict_proba_many(self, texts: Iterable[str], *, at: Iterable[str]) -> dict[str, np.ndarray]:
        """The probabilities of many views' classes: each text is scored once, and all views are one sparse product.

        Args:
            texts: The documents.
            at: Levels and customers.

        Returns:
            For each view what ``predict_proba`` says of it.

        Raises:
            ConfigError: If there is no such view.
        """
        views = [self._view(name) for name in at]
        found = self.scorer_.classes_many(self._topics(texts), views)
        return {view.name: part.exp().numpy() for view, part in zip(views, found, strict=True)}

    def scope_proba(self, texts: Iterable[str], *, at: str) -> np.ndarray:
        """The probability that a text's topic is one that a view names at all.

        ``Σ_{t in scope} p(t|x)``

        Args:
            texts: The documents.
            at: A level or a customer.

        Returns:
            Shape (n_texts,); 1 for a view that names all topics.

        Raises:
            ConfigError: If there is no such view.
        """
        view = self._view(at)
        mass: np.ndarray = self.scorer_.scope(self._topics(texts), view).exp().numpy()
        return mass

    def node_proba(self, texts: Iterable[str], *, at: str | None = None) -> np.ndarray:
        """The probability that a text's topic lies below each node of a level, or in each class of a customer.

        ``P(node|x) = Σ_{t below node} p_c(t|x)``, undivided where nodes share topics.

        Args:
            texts: The documents.
            at: A level or a customer; None: the topics.

        Returns:
            Shape (n_texts, n_classes); rows may sum to more than 1.

        Raises:
            ConfigError: If there is no such view.
        """
        view = self._view(at)
        mass: np.ndarray = self.scorer_.nodes(self._topics(texts), view).exp().numpy()
        return mass

    def score(
        self,
        texts: Iterable[str],
        labels: Iterable[Any],
        *,
        views: str | Iterable[str | None] | None = None,
        sample_weight: Iterable[float] | None = None,
    ) -> float:
        """The accuracy at the views that the labels are of; with ``task="multilabel"`` that of whole lists of labels.

        Args:
            texts: The documents.
            labels: For each a class of its view, or ``view:class``.
            views: One view's name, or one per document; None: the topics.
            sample_weight: Weight of each document, shape (n_documents,).

        Returns:
            Share of documents whose predicted class is the labelled one; several labels must all be predicted, and
            where they are all that hold, nothing else.

        Raises:
            DataError: If texts or labels are illegal; all of them are listed.
        """
        check_is_fitted(self, "taxonomy_")
        rows = make_rows(texts, labels, views=views)
        if not rows:
            raise DataError([Problem(message="expected at least one labelled text, got none")], subject="the texts")
        right = all_right(self.taxonomy_, self.scorer_, rows, progress=self.verbose)
        weights = None if sample_weight is None else np.asarray(list(sample_weight), dtype=float)
        return float(np.average(right, weights=weights))

    def add_customer(self, source: Any, *, prior: Mapping[str, float] | None = None) -> Self:
        """Add a customer to the trained model: it works at once, from its YAML alone.

        Args:
            source: The path or text of its YAML, or a mapping with ``customer`` and ``classes``.
            prior: Its mix of topics where that is known: topic → share; None: the pooled mix.

        Returns:
            The estimator.

        Raises:
            TaxonomyError: If the YAML has problems; all of them are listed.
            ConfigError: If the prior does not fit the taxonomy.
        """
        check_is_fitted(self, "taxonomy_")
        added = self.taxonomy_.with_customer(source)
        return self._regroup(added, added.customers[-1], prior)

    def replace_customer(self, source: Any, *, prior: Mapping[str, float] | None = None) -> Self:
        """Regroup a customer of the trained model; its new classes work at once.

        Args:
            source: The path or text of its YAML, or a mapping with ``customer`` and ``classes``.
            prior: Its mix of topics where that is known: topic → share; None: the pooled mix.

        Returns:
            The estimator.

        Raises:
            TaxonomyError: If the YAML has problems; all of them are listed.
            ConfigError: If there is no such customer, or the prior does not fit the taxonomy.
        """
        check_is_fitted(self, "taxonomy_")
        replaced = self.taxonomy_.replace_customer(source)
        bare = self.taxonomy_
        for name in bare.customers:
            bare = bare.without_customer(name)
        return self._regroup(replaced, bare.with_customer(source).customers[-1], prior)

    def remove_customer(self, name: str) -> Self:
        """Remove a customer's grouping from the trained model.

        Args:
            name: The customer.

        Returns:
            The estimator.

        Raises:
            ConfigError: If there is no such customer.
        """
        check_is_fitted(self, "taxonomy_")
        return self._regroup(self.taxonomy_.without_customer(name), composed(name), None)

    def _regroup(self, taxonomy: Taxonomy, customer: str, prior: Mapping[str, float] | None) -> Self:
        """Take a changed map and one customer's mix, in the settings too, so that they fit the next ``fit``."""
        known = {name: mix for name, mix in self.scorer_.mix.customers.items() if name != customer}
        priors = {name: shares for name, shares in (self.priors or {}).items() if composed(name) != customer}
        if prior is not None:
            need_one_topic(self.scorer_, "a customer's prior")
            known[customer] = topic_mix(taxonomy, customer, prior)
            priors[customer] = dict(prior)
        left = set(taxonomy.customers)
        weights = {name: weight for name, weight in (self.customer_weights or {}).items() if composed(name) in left}
        self.scorer_ = calibrating.without_customer(folder.with_customers(self.scorer_, known), customer)
        self.taxonomy = self.taxonomy_ = taxonomy
        self.priors, self.customer_weights = priors or None, weights or None
        return self

    def _view(self, at: str | None) -> View:
        """A view by name."""
        check_is_fitted(self, "taxonomy_")
        return self.taxonomy_.view(self.taxonomy_.levels[-1] if at is None else at)

    def _topics(self, texts: Iterable[str]) -> Tensor:
        """Log p(t|x), shape (n_texts, n_topics)."""
        return self.scorer_.topics([row.text for row in make_rows(texts)], progress=self.verbose)

    def _topics_and_novelty(self, texts: Iterable[str]) -> tuple[Tensor, np.ndarray]:
        """Log p(t|x), shape (n_texts, n_topics), and novelty scores, shape (n_texts,)."""
        check_is_fitted(self, "taxonomy_")
        return self.scorer_.topics_and_novelty([row.text for row in make_rows(texts)], progress=self.verbose)

    def _classes(self, texts: Iterable[str], view: View) -> Tensor:
        """Log p(k|x), shape (n_texts, n_classes)."""
        return self.scorer_.classes(self._topics(texts), view)

    def build_engine(self) -> EncodingEngine:
        """An encoding engine as these settings describe it, untrained.

        Returns:
            The engine.

        Raises:
            EncoderNotFoundError: If the encoder is not to be had.
        """
        return self.engine_config().build(load_encoder(self.encoder_config()))

    def engine_config(self) -> EngineConfig:
        """How this estimator's settings encode texts."""
        return EngineConfig(device=self.device, precision=self.precision, tune=self.tune, cache=self.cache)

    def encoder_config(self) -> EncoderConfig:
        """Which encoder this estimator's settings name; a folder by its absolute path, wherever work goes on.

        Returns:
            Its name, its pooling, and what is read of a text.

        Raises:
            ConfigError: If they name none.
        """
        if self.encoder is None:
            raise ConfigError("this estimator has no encoder: encoder=None reads words alone")
        given = self.encoder if isinstance(self.encoder, EncoderConfig) else EncoderConfig(name=str(self.encoder))
        name = os.path.abspath(given.name) if os.path.isdir(given.name) else given.name
        max_length = given.max_length if self.max_length is None else self.max_length
        return dataclasses.replace(given, name=name, max_length=max_length)

    def _fit_config(self) -> fitting.FitConfig:
        """The settings of a fit, checked."""
        n_tuned = n_tuned_layers(self.tune)
        if not (self.lexical is None or isinstance(self.lexical, bool | LexicalConfig)):
            raise ConfigError(f"expected lexical to be True, False, None or a LexicalConfig, got {self.lexical!r}")
        if self.encoder is None and (self.lexical is False or n_tuned != 0):
            raise ConfigError("without an encoder there is nothing to tune, and nothing to read without the words")
        if not 0.0 <= self.validation_fraction < 1.0:
            raise ConfigError(f"expected 0 <= validation_fraction < 1, got {self.validation_fraction}")
        task = task_of(self.task)
        head = HeadConfig() if self.head is None else self.head
        check_settings(task, encoder=self.encoder, head=head, priors=self.priors)
        seed = self.random_state
        seed = int(seed) if isinstance(seed, Integral) else int(check_random_state(seed).randint(2**31 - 1))
        return fitting.FitConfig(
            task=task,
            head=head,
            training=TrainingConfig() if self.training is None else self.training,
            tune=self.tune,
            lexical=self.lexical,
            level_weights=self.level_weights,
            customer_weights=self.customer_weights,
            priors=self.priors,
            validation_fraction=self.validation_fraction,
            device=self.engine_config().place,
            seed=seed,
            progress=self.verbose,
        )


def _levels(taxonomy: Taxonomy) -> list[View]:
    """The views of a taxonomy's levels: what the heads' weights are for."""
    return [taxonomy.view(level) for level in taxonomy.levels]
