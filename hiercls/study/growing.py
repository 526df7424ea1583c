"""What own documents bring, by their number: every strategy beside hiercls and the customer's own data, one customer.

All learn from the same documents of the other customers, are given the same own ones, and answer the same test
documents. Knows the world and the strategies; where results go, the benchmark knows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from threadpoolctl import threadpool_limits

from hiercls.customers import adapt_customer, infer_classes
from hiercls.data.splitting import holdout
from hiercls.model.encoder import TextEncoder
from hiercls.study.baselines import OWN_DATA, Baseline, Documents, predict_from_own_data
from hiercls.study.newcomers import Array, Bench, Indices
from hiercls.study.posteriors import Posteriors
from hiercls.study.strategies import ALONE, JOINT, Augmented, Filed, MarkedText, Pool, Strategy
from hiercls.study.strategies.changes import Change, crop, delete, swap, synonym_replacement, word_replacement
from hiercls.study.strategies.network import NetworkConfig
from hiercls.study.strategies.regularised import fitted_head
from hiercls.study.union import Protocol, classes_of
from hiercls.taxonomy import View

SIZES = (0, 10, 20, 50, 100, 200, 500, 2000)
"""Own documents."""

FEW, N_DRAWS = 100, 3
"""Up to so many own documents all draws are made; with more, three."""

AUGMENTED_SIZES = (10, 20, 50, 100)
"""Own documents of which changed copies are encoded."""

HELD_OUT, N_DRAWN_FROM = 0.35, 2800
"""The part of the training documents that the pool does not have; how many of these own documents are drawn from. The
others calibrate, so that these are enough for 2,000."""

MARKED_SIZES, MARKED_DRAWS, MARKED_LENGTH = (20, 100), 1, 128
"""Own documents and draws of what trains the encoder on everybody's documents, minutes each; the tokens it reads."""

MARKED = NetworkConfig(epochs=1, batch=32)
"""Its table, and once over the documents."""

MARKERS: Mapping[str, Literal["text", "token"]] = {"in words": "text", "as a token": "token"}

YAML_ALONE = "hiercls: YAML alone"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """One customer that is new, and everybody else.

    Args:
        view: The new customer's classes, as declared.
        pool: The other customers' documents.
        few: Documents that its own are drawn from.
        few_logs: log p(t|x) of these by a model of the pool, shape (n_few, n_topics).
        test: Documents to answer.
        test_logs: log p(t|x) of these, shape (n_test, n_topics).
        pooled: π, shape (n_topics,).
        topics: The topics' names.
    """

    view: View
    pool: Pool
    few: Filed
    few_logs: Array
    test: Filed
    test_logs: Array
    pooled: Array
    topics: tuple[str, ...]

    @classmethod
    def build(cls, protocol: Protocol, said: Posteriors, encode: Callable[[Sequence[str]], np.ndarray]) -> Self:
        """Encode everything, and calibrate.

        Args:
            protocol: The deal; its newcomer is the new customer.
            said: What a model says that was trained with ``HELD_OUT`` of the training documents held out.
            encode: Encodes texts.

        Returns:
            The world.
        """
        training, taxonomy = protocol.training, protocol.taxonomy
        kept, heldout = holdout(training.texts, strata=training.topics.tolist(), fraction=HELD_OUT, seed=protocol.seed)
        order = np.random.default_rng(protocol.seed).permutation(len(heldout))
        few, calibrated = order[:N_DRAWN_FROM], order[N_DRAWN_FROM:]
        bench = Bench.of(_part(said, calibrated, few), taxonomy, seed=protocol.seed)
        encodings = encode(training.texts)
        hands = protocol.deal()

        def filed(name: str, places: Indices) -> Filed:
            documents = Documents(texts=[training.texts[one] for one in places], encodings=encodings[places])
            view = taxonomy.view(name)
            return Filed(
                documents=documents, classes=classes_of(view, training.topics[places]), n_classes=len(view.classes)
            )

        view = taxonomy.view(protocol.newcomer)
        test = Documents(texts=protocol.test.texts, encodings=encode(protocol.test.texts))
        return cls(
            view=view,
            pool=Pool({name: filed(name, np.intersect1d(hands[name], kept)) for name in protocol.customers}),
            few=filed(view.name, heldout[few]),
            few_logs=bench.logs[: len(few)],
            test=Filed(documents=test, classes=classes_of(view, protocol.test.topics), n_classes=len(view.classes)),
            test_logs=bench.logs[len(few) :],
            pooled=bench.pooled,
            topics=taxonomy.topics,
        )


def _part(said: Posteriors, calibrated: Indices, few: Indices) -> Posteriors:
    """Some held-out documents to calibrate on; the others stand before the test documents."""
    return Posteriors(
        heldout=said.heldout[calibrated],
        heldout_topics=said.heldout_topics[calibrated],
        heldout_customers=said.heldout_customers[calibrated],
        test=np.concatenate([said.heldout[few], said.test]),
        test_topics=np.concatenate([said.heldout_topics[few], said.test_topics]),
    )


Method = Callable[[World, Indices, int], Array]
"""Own documents, by position among the few, and a seed → what is said of the test documents' classes."""


def _yaml_alone(world: World, own: Indices, seed: int) -> Array:
    """The sums of the topics' probabilities."""
    found: Array = np.exp(world.test_logs) @ world.view.weights.toarray()
    return found


def _adapted(world: World, own: Indices, seed: int) -> Array:
    """The customer's own mix and filing, where they help."""
    found = adapt_customer(world.few_logs[own], world.few.classes[own], view=world.view, pooled=world.pooled, seed=seed)
    if not found.helps:
        return _yaml_alone(world, own, seed)
    answered: Array = np.exp(world.test_logs) * (found.mix / world.pooled) @ found.filing
    return answered


def _inferred(world: World, own: Indices, seed: int) -> Array:
    """The classes from labels, as if there were no YAML."""
    names = tuple(map(str, range(world.few.n_classes)))
    found = infer_classes(
        world.few_logs[own], world.few.classes[own], names=world.topics, classes=names, pooled=world.pooled, seed=seed
    )
    answered: Array = np.exp(world.test_logs) @ found.posterior
    return answered


def _head_on_topics(world: World, own: Indices, seed: int) -> Array:
    """Logistic regression on the model's log-probabilities of topics."""

    def read(documents: Documents, logs: Array) -> Documents:
        return Documents(texts=documents.texts, encodings=logs.astype(np.float32))

    few = world.few.take(own)
    answer = fitted_head(
        Filed(documents=read(few.documents, world.few_logs[own]), classes=few.classes, n_classes=few.n_classes)
    )
    return answer(read(world.test.documents, world.test_logs))


def _own_data(world: World, own: Indices, seed: int, *, baseline: Baseline) -> Array:
    """A plain classifier on the own documents."""
    few = world.few.take(own)
    found = predict_from_own_data(baseline, few.documents, few.classes, world.test.documents, seed=seed)
    answered: Array = np.eye(few.n_classes)[found]
    return answered


def _by(world: World, own: Indices, seed: int, *, strategy: Strategy) -> Array:
    """A strategy, the documents that are not drawn being those without labels."""
    unlabelled = world.few.documents.take(np.setdiff1d(np.arange(len(world.few)), own))
    return strategy.fit(world.pool, world.few.take(own), unlabelled)(world.test.documents)


METHODS: Mapping[str, Method] = {
    YAML_ALONE: _yaml_alone,
    "hiercls: YAML and adapt": _adapted,
    "hiercls: no YAML, classes inferred": _inferred,
    "hiercls: no YAML, a head on its topics": _head_on_topics,
    **{one.name: functools.partial(_own_data, baseline=one) for one in OWN_DATA if one.features != "none"},
    **{name: functools.partial(_by, strategy=one) for name, one in ALONE.items()},
}
"""What is quick."""

JOINT_METHODS: Mapping[str, Method] = {name: functools.partial(_by, strategy=one) for name, one in JOINT.items()}
"""What is not."""


def augmentations(
    world: World, encode: Callable[[Sequence[str]], np.ndarray], *, tokenizer: Any, embeddings: Any
) -> dict[str, Method]:
    """The strategies that encode texts anew.

    Args:
        world: Its documents say what words say.
        encode: Encodes texts.
        tokenizer: The encoder's tokenizer.
        embeddings: Its token embeddings.

    Returns:
        Methods by name.
    """
    changes: dict[str, Change] = {
        "swap": swap,
        "deletion": delete,
        "crop": crop,
        "TF-IDF word replacement": word_replacement(world.few.documents.texts),
        "synonyms by token embeddings": synonym_replacement(tokenizer, embeddings),
    }
    return {
        f"own data, {name}": functools.partial(_by, strategy=Augmented(change=change, encode=encode))
        for name, change in changes.items()
    }


def marked(encoder: TextEncoder) -> dict[str, Method]:
    """The strategies that train the encoder on everybody's documents, a marker of the customer in front of each text.

    Args:
        encoder: The encoder; it stays as it is.

    Returns:
        Methods by name.
    """
    return {
        f"marker in front of the text, {kind}": functools.partial(
            _by, strategy=MarkedText(encoder=encoder, marker=marker, config=MARKED)
        )
        for kind, marker in MARKERS.items()
    }


def curves(
    world: World,
    methods: Mapping[str, Method],
    *,
    draws: int,
    sizes: Sequence[int] = SIZES,
    done: Callable[[str, int, int], bool],
) -> Iterator[tuple[str, int, int, float]]:
    """Run every method on every draw: the first draw whole, then few documents, then more.

    Args:
        world: The world.
        methods: The methods.
        draws: Draws with few own documents.
        sizes: Numbers of own documents; a draw's smaller sizes are part of its larger ones.
        done: Whether a method, with a number of documents and a draw, is left out.

    Yields:
        Method, number of own documents, draw, and accuracy on the test documents.
    """
    wanted = [(draw, size) for draw in range(draws) for size in sizes if size <= FEW or draw < N_DRAWS]
    for draw, size in sorted(wanted, key=lambda one: (one[0] > 0 and one[1] > FEW, one)):
        order = np.random.default_rng(draw).permutation(len(world.few))
        for name, method in methods.items():
            if (size or name == YAML_ALONE) and not done(name, size, draw):
                with threadpool_limits(limits=1):
                    said = method(world, np.sort(order[:size]), draw)
                yield name, size, draw, float((said.argmax(axis=1) == world.test.classes).mean())
