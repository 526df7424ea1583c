"""From rows to a trained head: the steps of one fit, in order.

Knows every room above and joins them; knows no scikit-learn and no file.
"""

from __future__ import annotations

import copy
import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn

from hiercls.data.rows import Row
from hiercls.data.splitting import holdout
from hiercls.encoding.engine import EncodingEngine
from hiercls.errors import ConfigError, DataError, Problem, TrainingError
from hiercls.estimator.lexical import lexical_branch
from hiercls.model.batch import LabelledDocuments
from hiercls.model.encoder import TextEncoder
from hiercls.model.head import Head, HeadSettings
from hiercls.model.inputs import EncodingInputs, TokenInputs
from hiercls.model.lexical import LexicalBranch
from hiercls.model.network import HierarchicalNetwork
from hiercls.model.priors import Priors
from hiercls.model.targets import TargetTable
from hiercls.model.terms import LexicalConfig
from hiercls.names import composed
from hiercls.scoring import TopicMix
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import ResolvedLabels, resolve
from hiercls.training.config import TrainingConfig
from hiercls.training.prior import pooled_mix
from hiercls.training.sampling import CustomerSampler
from hiercls.training.selection import WEIGHT_DECAYS, Trainer, Trial, log_topics, select_and_train

ENCODER_WEIGHT_DECAY = 0.01
"""L2 where the encoder is trained too and none is given: trying several would cost too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """What one fit is told beside its rows.

    Args:
        head: How the head is built.
        training: How training runs go.
        tune: ``none``: the encoder is frozen and its encodings are cached. ``all``: all its layers are trained.
        level_weights: Weight of each level's loss, the topics last; None: 1 each.
        customer_weights: Weight of customers' documents in the loss; 1 where not named.
        priors: Mix of topics of the customers whose own is known: customer → topic → share.
        validation_fraction: Share of the documents that choose L2 and the number of epochs.
        device: Where training runs.
        seed: Seed of everything random.
        progress: Whether to show bars on standard error.
        lexical: What the lexical branch reads; True: ``LexicalConfig()``; False: there is none; None: there is one
            where held-out labels are likelier with it, or where there is no encoder.

    Raises:
        ConfigError: If teacher forcing is asked for and no level feeds another.
    """

    head: HeadSettings
    training: TrainingConfig
    tune: Literal["none", "all"]
    level_weights: Sequence[float] | None
    customer_weights: Mapping[str, float] | None
    priors: Mapping[str, Mapping[str, float]] | None
    validation_fraction: float
    device: torch.device
    seed: int
    progress: bool
    lexical: LexicalConfig | bool | None = None

    def __post_init__(self) -> None:
        if self.training.teacher_forcing and not self.head.can_be_forced:
            raise ConfigError("teacher forcing needs levels that feed each other; set teacher_forcing=0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What one fit gives.

    Args:
        head: The trained head; None where there is no encoder.
        encoder: The trained encoder; None where it stayed frozen.
        lexical: The lexical branch; None where there is none.
        mix: The pooled mix of topics and the customers' own.
        trials: The settings tried, the best first.
    """

    head: Head | None
    encoder: TextEncoder | None
    lexical: LexicalBranch | None
    mix: TopicMix
    trials: tuple[Trial, ...]


def resolve_all(taxonomy: Taxonomy, rows: Sequence[Row]) -> ResolvedLabels:
    """Meet all labels with the map, or report every row that does not fit.

    Args:
        taxonomy: The map.
        rows: Labelled rows.

    Returns:
        The labels, one entry a row.

    Raises:
        DataError: If any row's labels are illegal; all of them are listed.
    """
    resolution = resolve(taxonomy, rows)
    if resolution.problems:
        raise DataError(resolution.problems, subject="the labels")
    return resolution.labels


def fit(
    taxonomy: Taxonomy,
    rows: Sequence[Row],
    engine: EncodingEngine | None,
    config: FitConfig,
    *,
    sample_weight: np.ndarray | None = None,
    start: Head | None = None,
) -> Fit:
    """Train on the union of everybody's labels.

    Args:
        taxonomy: The map.
        rows: Labelled rows of all customers.
        engine: Encodes texts; its encoder is the one that is trained with ``tune="all"``. None: words alone are read.
        config: Everything else.
        sample_weight: Weight of each row in the loss, shape (n_rows,); None: 1 each.
        start: A head whose weights to start from; None: new ones.

    Returns:
        The trained parts.

    Raises:
        DataError: If there are no rows, or labels that are illegal.
        ConfigError: If settings do not fit the taxonomy.
        TrainingError: If a loss is not finite; its ``kept`` holds the parts as the last good epoch left them.
    """
    level_weights = _level_weights(taxonomy, config)
    labelled = _labelled(taxonomy, rows, config, sample_weight)
    _warn_of_confusion(taxonomy, labelled.labels)
    mix = _mix(taxonomy, labelled, config, adjustment=0.0 if engine is None else config.head.mix_adjustment)
    documents = _documents(taxonomy, labelled, engine, config, mix)
    split = _split(labelled, config)
    if engine is None:
        share = torch.from_numpy(np.log(mix.pooled).astype(np.float32)).expand(len(labelled.rows), -1)
        lexical = _lexical(labelled, documents, split, config, before=share, after=share, alone=True)
        return Fit(head=None, encoder=None, lexical=lexical, mix=mix, trials=())
    trainer = Trainer(
        build=_builder(taxonomy, engine.encoder, config, mix, start),
        level_weights=level_weights,
        device=config.device,
        seed=config.seed,
        progress=config.progress,
    )
    try:
        network, trials, before, after = _train(trainer, documents, split, config)
    except TrainingError as error:
        if isinstance(error.kept, HierarchicalNetwork):
            error.kept = _fit(error.kept, None, mix, ())
        raise
    lexical = None
    if before is not None and after is not None:
        lexical = _lexical(labelled, documents, split, config, before=before, after=after)
    return _fit(network, lexical, mix, trials)


def _train(
    trainer: Trainer, documents: LabelledDocuments, split: tuple[np.ndarray, np.ndarray], config: FitConfig
) -> tuple[HierarchicalNetwork, tuple[Trial, ...], torch.Tensor | None, torch.Tensor | None]:
    """The trained network, its trials, and what it says of all documents: before it saw the held-out ones, and now."""
    frozen, said = config.tune == "none", []

    def listen(network: HierarchicalNetwork) -> None:
        if config.lexical is not False:
            said.append(log_topics(network, documents, device=config.device))

    candidates = _candidates(config, n_heldout=len(split[1]))
    # The heads' steps are too small to be divided: on busy cores, threads that wait for each other took ten times
    # as long as one alone.
    with threadpool_limits(limits=1 if frozen else None):
        network, trials = select_and_train(
            trainer, documents, candidates=candidates, split=split, refit=frozen, observe=listen
        )
        if frozen:
            listen(network)
    return network, trials, said[0] if said else None, said[-1] if said else None


def _fit(network: HierarchicalNetwork, lexical: LexicalBranch | None, mix: TopicMix, trials: tuple[Trial, ...]) -> Fit:
    """The parts of a trained network, and the words beside it."""
    encoder = network.body if isinstance(network.body, TextEncoder) else None
    return Fit(head=network.head, encoder=encoder, lexical=lexical, mix=mix, trials=trials)


def _lexical(
    labelled: _Labelled,
    documents: LabelledDocuments,
    split: tuple[np.ndarray, np.ndarray],
    config: FitConfig,
    *,
    before: torch.Tensor,
    after: torch.Tensor,
    alone: bool = False,
) -> LexicalBranch | None:
    """The lexical branch, where held-out labels want it, or where there is no encoder beside it."""
    reads = config.lexical if isinstance(config.lexical, LexicalConfig) else LexicalConfig()
    branch = lexical_branch(
        labelled.texts,
        documents,
        owners=labelled.owners,
        config=reads,
        split=split,
        before=before,
        after=after,
        always=alone or config.lexical is not None,
    )
    if branch is None and alone:
        raise ConfigError(
            f"expected words that at least {reads.min_customers} customers use, found none in {len(labelled.texts):,} "
            "texts, and there is no encoder; lower LexicalConfig(min_customers=...), or give an encoder"
        )
    return branch


@dataclass(frozen=True, slots=True, kw_only=True)
class _Labelled:
    """The rows that count: those of positive weight, and where they stood among the rows given."""

    rows: list[Row]
    labels: ResolvedLabels
    groups: np.ndarray
    owners: np.ndarray
    weights: np.ndarray
    origins: np.ndarray

    @property
    def texts(self) -> list[str]:
        return [row.text for row in self.rows]


def _labelled(
    taxonomy: Taxonomy, rows: Sequence[Row], config: FitConfig, sample_weight: np.ndarray | None
) -> _Labelled:
    """Labels, customers and weights of the rows; those of weight 0 are left out."""
    labels = resolve_all(taxonomy, rows)
    if not len(labels):
        raise DataError([Problem(message="expected at least one labelled row, got none")], subject="the rows")
    groups = groups_of(taxonomy, rows, labels)
    weights = _weights(taxonomy, groups, config, sample_weight)
    kept = np.flatnonzero(weights > 0)
    if not len(kept):
        raise ConfigError("expected some row of positive weight, got the weight 0 for every row")
    return _Labelled(
        rows=[rows[position] for position in kept.tolist()],
        labels=labels.take(kept),
        groups=groups[kept],
        owners=np.where(np.isin(groups, taxonomy.customers), groups, "")[kept],
        weights=weights[kept],
        origins=kept,
    )


def _documents(
    taxonomy: Taxonomy, labelled: _Labelled, engine: EncodingEngine | None, config: FitConfig, mix: TopicMix
) -> LabelledDocuments:
    """Everything that a training run reads."""
    priors = training_priors(mix, labelled.groups)
    return LabelledDocuments(
        inputs=_inputs(labelled.texts, engine, config),
        targets=TargetTable(taxonomy, labelled.labels, composition=config.head.composition, priors=priors),
        weights=labelled.weights,
        groups=labelled.groups,
        origins=labelled.origins,
    )


def _split(labelled: _Labelled, config: FitConfig) -> tuple[np.ndarray, np.ndarray]:
    """Positions to train on and to hold out; nothing is held out where nothing may be, or nothing can be."""
    texts = labelled.texts
    if config.validation_fraction == 0.0 or len({" ".join(text.split()) for text in texts}) < 2:
        return np.arange(len(texts)), np.arange(0)
    strata = [(group, row.labels) for group, row in zip(labelled.groups.tolist(), labelled.rows, strict=True)]
    return holdout(texts, strata=strata, fraction=config.validation_fraction, seed=config.seed)


def _warn_of_confusion(taxonomy: Taxonomy, labels: ResolvedLabels) -> None:
    """Say which topics nothing in the labels tells apart."""
    taught = taxonomy.identifiability(sorted(frozenset().union(*labels.views)))
    if not taught.is_determined:
        found = "; ".join([taught.verdict, *taught.gaps])
        warnings.warn(
            f"the labelled views leave topics undetermined: {found}; among such topics, probabilities follow the "
            "text's likeness to the others only",
            stacklevel=5,
        )


def groups_of(taxonomy: Taxonomy, rows: Sequence[Row], labels: ResolvedLabels) -> np.ndarray:
    """The customer of each row; the labelled view where none is given.

    Args:
        taxonomy: The map.
        rows: Labelled rows.
        labels: Their labels, met with the map.

    Returns:
        Names, shape (n_rows,).
    """
    customers = set(taxonomy.customers)
    names = []
    for row, views in zip(rows, labels.views, strict=True):
        own = sorted(views & customers) or sorted(views)
        names.append(own[0] if row.customer is None else row.customer)
    return np.array(names, dtype=object).astype(str)


def _weights(taxonomy: Taxonomy, groups: np.ndarray, config: FitConfig, sample_weight: np.ndarray | None) -> np.ndarray:
    """Weight of each row in the loss."""
    named = {composed(name): weight for name, weight in (config.customer_weights or {}).items()}
    unknown = sorted(set(named) - set(taxonomy.customers))
    if unknown or not all(np.isfinite(weight) and weight >= 0 for weight in named.values()):
        raise ConfigError(f"expected finite customer_weights >= 0 for customers of the taxonomy, got {named}")
    weights = np.array([named.get(group, 1.0) for group in groups], dtype=np.float32)
    if sample_weight is None:
        return weights
    given = np.asarray(sample_weight, dtype=np.float32)
    if given.shape != weights.shape:
        raise ConfigError(f"expected {len(weights)} sample weights, got an array of shape {given.shape}")
    wrong = np.flatnonzero(~np.isfinite(given) | (given < 0))
    if len(wrong):
        raise ConfigError(f"expected finite sample weights >= 0, got {given[wrong[0]]} at position {wrong[0]}")
    return weights * given


def _mix(taxonomy: Taxonomy, labelled: _Labelled, config: FitConfig, *, adjustment: float | None) -> TopicMix:
    """The pooled mix under the sampler in use, and the customers' known ones."""
    sampler = CustomerSampler(labelled.groups, temperature=config.training.sampling_temperature, seed=config.seed)
    pooled = pooled_mix(labelled.labels.weights, labelled.weights * sampler.visits())
    known = {composed(name): topic_mix(taxonomy, name, shares) for name, shares in (config.priors or {}).items()}
    return TopicMix(pooled=pooled, customers=known, adjustment=adjustment)


def topic_mix(taxonomy: Taxonomy, customer: str, shares: Mapping[str, float]) -> np.ndarray:
    """A customer's mix of topics as an array, smoothed by a thousandth of the uniform one so that no share is 0.

    Args:
        taxonomy: The map.
        customer: The customer's name.
        shares: Share of each topic, ≥ 0; topics that are not named have 0.

    Returns:
        π_c, shape (n_topics,), positive, sums to 1.

    Raises:
        ConfigError: If the customer or a topic is unknown, or the shares are negative or all 0.
    """
    shares = {composed(topic): share for topic, share in shares.items()}
    if composed(customer) not in taxonomy.customers:
        raise ConfigError(f"expected priors of customers of the taxonomy, got one of '{customer}'")
    unknown = sorted(set(shares) - set(taxonomy.topics))
    if unknown:
        raise ConfigError(f"the prior of '{customer}' names topics that the taxonomy does not have: {unknown}")
    try:
        mix = np.array([float(shares.get(topic, 0.0)) for topic in taxonomy.topics])
    except (TypeError, ValueError) as error:
        raise ConfigError(f"expected numbers in the prior of '{customer}', got {dict(shares)}") from error
    if not np.isfinite(mix).all() or (mix < 0).any() or mix.sum() <= 0:
        raise ConfigError(f"expected shares >= 0 with a positive sum in the prior of '{customer}', got {dict(shares)}")
    smoothed: np.ndarray = 0.999 * mix / mix.sum() + 0.001 / len(mix)
    return smoothed


def training_priors(mix: TopicMix, groups: np.ndarray) -> Priors | None:
    """The known mixes, and which documents they hold for; with adjusted logits the pooled one holds for the others.

    Args:
        mix: The pooled mix and the customers' own.
        groups: The customer of each document, shape (n_documents,).

    Returns:
        The mixes by document; None where none is known.
    """
    if not mix.customers and not mix.adjustment:
        return None
    row = {name: position for position, name in enumerate(mix.customers)}
    known, others = list(mix.customers.values()), -1
    if mix.adjustment:
        known, others = [*known, mix.pooled], len(known)
    return Priors(
        pooled=mix.answered,
        customers=np.stack(known),
        index=np.array([row.get(group, others) for group in groups], dtype=np.int64),
    )


def _inputs(texts: list[str], engine: EncodingEngine | None, config: FitConfig) -> EncodingInputs | TokenInputs:
    """Encodings where the encoder is frozen, tokens where it is trained, nothing where there is none."""
    if engine is None:
        return EncodingInputs(np.empty((len(texts), 0), dtype=np.float32))
    if config.tune == "none":
        return EncodingInputs(engine.encode(texts, progress=config.progress))
    return TokenInputs(engine.encoder.tokenize(texts), engine.encoder.pad_id)


def _builder(
    taxonomy: Taxonomy, encoder: TextEncoder, config: FitConfig, mix: TopicMix, start: Head | None
) -> Callable[[], HierarchicalNetwork]:
    """Makes networks with the same initial weights."""

    def build() -> HierarchicalNetwork:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(config.seed)
            head = config.head.build(encoder.width, taxonomy, mix=mix.pooled)
        if start is not None:
            _start_from(head, start)
        body: nn.Module = nn.Identity()
        if config.tune == "all":
            body = copy.deepcopy(encoder).float().requires_grad_(True)
        return HierarchicalNetwork(head, body=body)

    return build


def _start_from(head: Head, start: Head) -> None:
    """Take another head's weights."""
    try:
        head.load_state_dict(start.state_dict())
    except RuntimeError as error:
        raise ConfigError(
            "warm_start goes on from the weights of the fit before, which had another hierarchy or another head; "
            "set warm_start=False to begin anew"
        ) from error


def _level_weights(taxonomy: Taxonomy, config: FitConfig) -> torch.Tensor:
    """w, shape (n_levels,)."""
    given: Any = [1.0] * len(taxonomy.levels) if config.level_weights is None else config.level_weights
    fits = not isinstance(given, str | Mapping) and len(given) == len(taxonomy.levels)
    if not fits or not all(np.isfinite(weight) and weight >= 0 for weight in given) or not given[-1]:
        raise ConfigError(
            f"expected one finite level weight >= 0 for each of {list(taxonomy.levels)}, the last > 0, got {given!r}"
        )
    return torch.tensor(list(given), dtype=torch.float32)


def _candidates(config: FitConfig, *, n_heldout: int) -> list[TrainingConfig]:
    """The settings to try: one L2 strength where it is given or nothing is held out, else a few."""
    if config.training.weight_decay is not None:
        return [config.training]
    middle = WEIGHT_DECAYS[len(WEIGHT_DECAYS) // 2]
    tried = WEIGHT_DECAYS if n_heldout else (middle,)
    decays = (ENCODER_WEIGHT_DECAY,) if config.tune == "all" else tried
    return [dataclasses.replace(config.training, weight_decay=decay) for decay in decays]
