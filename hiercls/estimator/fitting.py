"""From rows to a trained head: the steps of one fit, in order.

Knows every room above and joins them; knows no scikit-learn and no file.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from hiercls.data.rows import Row, thread_marks
from hiercls.data.splitting import holdout
from hiercls.encoding.engine import EncodingEngine
from hiercls.errors import ConfigError, IndivisibleError, TrainingError
from hiercls.estimator import tasks
from hiercls.estimator.checkpointing import checkpoints_of
from hiercls.estimator.engines import FROZEN
from hiercls.estimator.labelled import Labelled, labelled_rows, with_descriptions
from hiercls.estimator.lexical import lexical_branch
from hiercls.estimator.mixes import topic_mix, training_priors
from hiercls.estimator.networks import Bench, start_from
from hiercls.estimator.weighting import level_weights
from hiercls.model.batch import LabelledDocuments
from hiercls.model.encoder import TextEncoder
from hiercls.model.head import Head, HeadSettings
from hiercls.model.lexical import LexicalBranch
from hiercls.model.multilabel import SeveralTopics
from hiercls.model.network import HierarchicalNetwork
from hiercls.model.novelty import TopicDensity
from hiercls.model.priors import Priors
from hiercls.model.task import ONE_TOPIC, OneTopic, Task
from hiercls.model.terms import LexicalConfig
from hiercls.names import composed
from hiercls.scoring import TopicMix
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import ResolvedLabels
from hiercls.taxonomy.multilabels import Multilabels
from hiercls.training.checkpoint_folder import CheckpointFolder
from hiercls.training.config import TrainingConfig
from hiercls.training.distributed import Processes
from hiercls.training.novelty import known_topics
from hiercls.training.sampling import CustomerSampler
from hiercls.training.selection import WEIGHT_DECAYS, Trainer, Trial, log_topics, select_and_train


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """What one fit is told beside its rows.

    Args:
        head: How the head is built.
        training: How training runs go.
        tune: ``none``: the encoder is frozen and its encodings are cached. ``last-n``: its last n layers are trained.
            ``all``: all its layers are trained.
        level_weights: Weight of each level's loss, the topics last; None: 1 each.
        customer_weights: Weight of customers' documents in the loss; 1 where not named.
        priors: Mix of topics of the customers whose own is known: customer → topic → share.
        validation_fraction: Share of the documents that choose L2 and the number of epochs.
        device: Where training runs.
        seed: Seed of everything random.
        progress: Whether to show bars on standard error.
        lexical: What the lexical branch reads; True: ``LexicalConfig()``; False: there is none; None: there is one
            where held-out labels are likelier with it, or where there is no encoder.
        task: Whether documents have one topic, or several.

    Raises:
        ConfigError: If teacher forcing is asked for and no level feeds another, or the task knows no such training.
    """

    head: HeadSettings
    training: TrainingConfig
    tune: str
    level_weights: Sequence[float] | None
    customer_weights: Mapping[str, float] | None
    priors: Mapping[str, Mapping[str, float]] | None
    validation_fraction: float
    device: torch.device
    seed: int
    progress: bool
    lexical: LexicalConfig | bool | None = None
    task: Task = ONE_TOPIC

    def __post_init__(self) -> None:
        if self.training.teacher_forcing and not self.head.can_be_forced:
            raise ConfigError("teacher forcing needs levels that feed each other; set teacher_forcing=0")
        if isinstance(self.task, SeveralTopics) and (self.training.label_smoothing or self.training.r_drop):
            raise ConfigError("task='multilabel' knows no label_smoothing, no r_drop; leave them out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What one fit gives.

    Args:
        head: The trained head; None where there is no encoder.
        encoder: The trained encoder; None where it stayed frozen.
        lexical: The lexical branch; None where there is none.
        mix: The pooled mix of topics and the customers' own.
        trials: The settings tried, the best first.
        task: The task; where documents may have several topics, with the threshold chosen on held-out labels.
        density: Where the known topics' encodings lie; None where there is no encoder, or documents may have several.
    """

    head: Head | None
    encoder: TextEncoder | None
    lexical: LexicalBranch | None
    mix: TopicMix
    trials: tuple[Trial, ...]
    task: Task
    density: TopicDensity | None = None


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
        engine: Encodes texts; its encoder is the one that is trained where one is. None: words alone are read.
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
    weights = level_weights(taxonomy, config.level_weights)
    labelled = labelled_rows(
        taxonomy, rows, task=config.task, customer_weights=config.customer_weights, sample_weight=sample_weight
    )
    _warn_of_confusion(taxonomy, labelled.labels)
    labelled = with_descriptions(taxonomy, labelled, about_weight=config.training.about_weight)
    mix = _mix(taxonomy, labelled, config, adjustment=0.0 if engine is None else config.head.mix_adjustment)
    priors = training_priors(mix, labelled.groups)
    processes = Processes.joined(config.device)
    with _checkpoints(taxonomy, labelled, engine, config, start, processes) as checkpoints:
        with processes.first_goes_first():
            bench = Bench.of(labelled.texts, engine, tune=config.tune, progress=config.progress)
        documents = _documents(taxonomy, labelled, bench, config, priors)
        split = _split(labelled, config)
        if engine is None:
            return _words_alone(labelled, documents, split, config, mix)
        trainer = Trainer(
            build=_builder(taxonomy, bench, config, mix, start),
            level_weights=weights,
            device=config.device,
            seed=config.seed,
            progress=config.progress,
            checkpoints=checkpoints,
        )
        network, trials, before, after = _train(trainer, documents, split, config, bench, mix)
    lexical, said = None, None if before is None else before[split[1]]
    if config.lexical is not False and before is not None and after is not None:
        lexical, said = _lexical(labelled, documents, split, config, before=before, after=after)
    task = _task(taxonomy, labelled.labels, split[1], config, said)
    density = known_topics(network, documents, device=config.device)
    return dataclasses.replace(_fit(network, bench, lexical, mix, trials, task), density=density)


def _checkpoints(
    taxonomy: Taxonomy,
    labelled: Labelled,
    engine: EncodingEngine | None,
    config: FitConfig,
    start: Head | None,
    processes: Processes,
) -> AbstractContextManager[CheckpointFolder | None]:
    """The fit's folder of checkpoints; where it runs and what it shows do not decide what is trained."""
    training = dataclasses.replace(
        config.training, checkpoints=None, shard_weights=False, activation_checkpointing=False
    )
    return checkpoints_of(
        config.training.checkpoints,
        processes,
        taxonomy=taxonomy,
        rows=labelled.rows,
        weights=labelled.weights,
        engine=engine,
        start=start,
        settings=repr(dataclasses.replace(config, training=training, device=torch.device("cpu"), progress=False)),
    )


def _words_alone(
    labelled: Labelled,
    documents: LabelledDocuments,
    split: tuple[np.ndarray, np.ndarray],
    config: FitConfig,
    mix: TopicMix,
) -> Fit:
    """The fit where there is no encoder: before words are read, every document has the mix of topics."""
    share = torch.from_numpy(np.log(mix.pooled).astype(np.float32)).expand(len(labelled.rows), -1)
    lexical, _ = _lexical(labelled, documents, split, config, before=share, after=share, alone=True)
    return Fit(head=None, encoder=None, lexical=lexical, mix=mix, trials=(), task=config.task)


def _task(
    taxonomy: Taxonomy,
    labels: ResolvedLabels | Multilabels,
    heldout: np.ndarray,
    config: FitConfig,
    said: torch.Tensor | None,
) -> Task:
    """The task, its threshold chosen on held-out documents where it has one."""
    if said is None:
        return config.task
    return tasks.with_threshold(config.task, taxonomy, said, labels.take(heldout), seed=config.seed)


def _train(
    trainer: Trainer,
    documents: LabelledDocuments,
    split: tuple[np.ndarray, np.ndarray],
    config: FitConfig,
    bench: Bench,
    mix: TopicMix,
) -> tuple[HierarchicalNetwork, tuple[Trial, ...], torch.Tensor | None, torch.Tensor | None]:
    """The trained network, its trials, and what it says of all documents: before it saw the held-out ones, and now."""
    frozen, said = config.tune == FROZEN, []

    def listen(network: HierarchicalNetwork) -> None:
        if config.lexical is not False or isinstance(config.task, SeveralTopics):
            said.append(log_topics(network, documents, device=config.device))

    candidates = _candidates(config, n_heldout=len(split[1]))
    # The heads' steps are too small to be divided: on busy cores, threads that wait for each other took ten times
    # as long as one alone.
    try:
        with threadpool_limits(limits=1 if frozen else None):
            network, trials = select_and_train(
                trainer, documents, candidates=candidates, split=split, refit=frozen, observe=listen
            )
            if frozen:
                listen(network)
    except TrainingError as error:
        if isinstance(error.kept, HierarchicalNetwork):
            error.kept = _fit(error.kept, bench, None, mix, (), config.task)
        raise
    return network, trials, said[0] if said else None, said[-1] if said else None


def _fit(
    network: HierarchicalNetwork,
    bench: Bench,
    lexical: LexicalBranch | None,
    mix: TopicMix,
    trials: tuple[Trial, ...],
    task: Task,
) -> Fit:
    """The parts of a trained network, and the words beside it."""
    return Fit(head=network.head, encoder=bench.encoder_of(network), lexical=lexical, mix=mix, trials=trials, task=task)


def _lexical(
    labelled: Labelled,
    documents: LabelledDocuments,
    split: tuple[np.ndarray, np.ndarray],
    config: FitConfig,
    *,
    before: torch.Tensor,
    after: torch.Tensor,
    alone: bool = False,
) -> tuple[LexicalBranch | None, torch.Tensor]:
    """The lexical branch, where held-out labels want it or there is no encoder, and what is said of held-out documents.

    Neither encoder nor words have learnt from these.
    """
    reads = config.lexical if isinstance(config.lexical, LexicalConfig) else LexicalConfig()
    found = lexical_branch(
        labelled.texts,
        documents,
        owners=labelled.owners,
        config=reads,
        split=split,
        before=before,
        after=after,
        always=alone or config.lexical is not None,
        task=config.task,
    )
    if found is None and alone:
        raise ConfigError(
            f"expected words that at least {reads.min_customers} customers use, found none in {len(labelled.texts):,} "
            "texts, and there is no encoder; lower LexicalConfig(min_customers=...), or give an encoder"
        )
    return found or (None, before[split[1]])


def _documents(
    taxonomy: Taxonomy, labelled: Labelled, bench: Bench, config: FitConfig, priors: Priors | None
) -> LabelledDocuments:
    """Everything that a training run reads."""
    return LabelledDocuments(
        inputs=bench.inputs,
        targets=tasks.targets_of(taxonomy, labelled.labels, composition=config.head.composition, priors=priors),
        weights=labelled.weights,
        groups=labelled.groups,
        origins=labelled.origins,
    )


def _split(labelled: Labelled, config: FitConfig) -> tuple[np.ndarray, np.ndarray]:
    """Positions to train on and to hold out; nothing is held out where nothing may be, or nothing can be."""
    texts, threads = labelled.texts, thread_marks(labelled.rows)
    everything = np.arange(len(texts)), np.arange(0)
    if config.validation_fraction == 0.0:
        return everything
    alike = isinstance(config.task, OneTopic)  # lists of several labels are too many to be kept in proportion
    strata = [(group, alike and row.labels) for group, row in zip(labelled.groups, labelled.rows, strict=True)]
    try:
        return holdout(texts, groups=threads, strata=strata, fraction=config.validation_fraction, seed=config.seed)
    except IndivisibleError:
        return everything


def _warn_of_confusion(taxonomy: Taxonomy, labels: ResolvedLabels | Multilabels) -> None:
    """Say which topics nothing in the labels tells apart, and where nothing says that a topic does not hold."""
    if isinstance(labels, Multilabels) and not labels.bases[labels.base_of[labels.saying_of]].any():
        warnings.warn(
            "no class is ever ruled out, since no row lists its labels completely: the model will find that everything "
            "holds; say complete: false only of rows that may lack labels",
            stacklevel=5,
        )
    taught = taxonomy.identifiability(sorted(frozenset().union(*labels.views)))
    if not taught.is_determined:
        found = "; ".join([taught.verdict, *taught.gaps])
        warnings.warn(
            f"the labelled views leave topics undetermined: {found}; among such topics, probabilities follow the "
            "text's likeness to the others only",
            stacklevel=5,
        )


def _mix(taxonomy: Taxonomy, labelled: Labelled, config: FitConfig, *, adjustment: float | None) -> TopicMix:
    """The pooled mix under the sampler in use, and the customers' known ones."""
    sampler = CustomerSampler(labelled.groups, temperature=config.training.sampling_temperature, seed=config.seed)
    pooled = tasks.mix_of(taxonomy, labelled.labels, labelled.weights * sampler.visits())
    known = {composed(name): topic_mix(taxonomy, name, shares) for name, shares in (config.priors or {}).items()}
    return TopicMix(pooled=pooled, customers=known, adjustment=adjustment)


def _builder(
    taxonomy: Taxonomy, bench: Bench, config: FitConfig, mix: TopicMix, start: Head | None
) -> Callable[[], HierarchicalNetwork]:
    """Makes networks with the same initial weights."""

    def build() -> HierarchicalNetwork:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(config.seed)
            width = bench.encoder.width if bench.encoder else 0
            head = config.head.build(width, taxonomy, mix=mix.pooled, task=config.task)
        if start is not None:
            start_from(head, start)
        return bench.network(head)

    return build


def _candidates(config: FitConfig, *, n_heldout: int) -> list[TrainingConfig]:
    """The settings to try: a few L2 strengths; one where it is given, nothing is held out, or trying costs too much."""
    if config.training.weight_decay is not None:
        return [config.training]
    middle = WEIGHT_DECAYS[len(WEIGHT_DECAYS) // 2]
    decays = WEIGHT_DECAYS if n_heldout and config.tune == FROZEN else (middle,)
    return [dataclasses.replace(config.training, weight_decay=decay) for decay in decays]
