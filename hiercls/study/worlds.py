"""Is what ``hiercls pool`` foretells true? On 20 Newsgroups dealt to customers of unequal size, mix and grouping.

Knows the protocol and where results go; how gains are foretold and measured, ``pooled`` and ``pool_truth`` know.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hiercls.data.rows import Row
from hiercls.data.splitting import holdout
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.files import write_text
from hiercls.study.corpus import Corpus, newsgroups_corpora
from hiercls.study.labelled import Labelled
from hiercls.study.newcomers import random_grouping
from hiercls.study.newsgroups import versions_and_machine
from hiercls.study.paired import Answers, Difference, paired_difference
from hiercls.study.pool_truth import measure, trained_sets
from hiercls.study.pooled import Worth, forecast
from hiercls.study.report import runs_before, write_json
from hiercls.study.splits import Split
from hiercls.study.threads import threads
from hiercls.study.worlds_report import report
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.taxonomy.labels import resolve

N_CUSTOMERS, SIZES, N_TEST = (3, 4, 5), (50, 3_000), 2_000
"""Customers of a world; their documents, spread evenly on a logarithmic scale; test documents of each."""

HELD_OUT = 0.35
"""Share of the training documents, whole threads, that development tests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldsConfig:
    """What is run.

    Args:
        seeds: A world each.
        headers: Whether headers, footers and quotes are kept or removed.
        documents: Training and test documents taken; None: all.
        development: Whether training documents alone are dealt, and tested on those of other threads.
        settings: Settings of ``HierarchicalTextClassifier``.
    """

    seeds: Sequence[int]
    headers: Literal["kept", "removed"] = "removed"
    documents: int | None = None
    development: bool = False
    settings: Mapping[str, Any]


def run_worlds(config: WorldsConfig, folder: Path, *, resume: bool, say: Callable[[str], object]) -> str:
    """Run the benchmark; its JSON is written anew after every world.

    Args:
        config: What is run.
        folder: Where ``worlds.json`` and ``worlds.md`` go.
        resume: Whether worlds that stand in the JSON already, run under the same conditions, are kept.
        say: Is told of every world as it comes.

    Returns:
        The report, in Markdown.
    """
    training, test = _corpora(config)
    of = "training documents" if config.development else "bydate"
    conditions = {
        "documents": f"{'all' if config.documents is None else config.documents} ({of})",
        "headers": config.headers,
        **versions_and_machine(config.settings),
    }
    results: dict[str, Any] = {"conditions": conditions, "runs": {}}
    if resume:
        results["runs"] = runs_before(folder / "worlds.json", conditions)
    for seed in config.seeds:
        if str(seed) not in results["runs"]:
            found = run_world(dealt_world(training, test, seed=seed), config.settings)
            results["runs"][str(seed)] = found
            write_json(folder / "worlds.json", results)
            gains = [f"{100 * one['by_all']['forecast']['mean']:+.1f} ({100 * one['by_all']['measured']['mean']:+.1f})"
                     for one in found["customers"].values()]  # fmt: skip
            say(f"world {seed}: foretold (measured) {', '.join(gains)}")
    text = report(results, fitted=config.development)
    write_text(folder / "worlds.md", text)
    return text


def _corpora(config: WorldsConfig) -> tuple[Corpus, Corpus]:
    """What is dealt, and what test documents are drawn from."""
    taxonomy = _topics_alone()
    training, test = newsgroups_corpora(taxonomy, headers=config.headers, documents=config.documents)
    if not config.development:
        return training, test
    whole = newsgroups_corpora(taxonomy, headers="kept", documents=config.documents)[0]
    subjects, topics = threads(whole.texts), whole.topics.tolist()
    dealt, asked = holdout(whole.texts, groups=subjects, strata=topics, fraction=HELD_OUT, seed=0)
    return training.take(dealt), training.take(asked)


def dealt_world(training: Corpus, test: Corpus, *, seed: int) -> Split:
    """Deal documents to customers of unequal size, each with a mix and a grouping of its own.

    Sizes are drawn evenly on a logarithmic scale, mixes from a flat Dirichlet distribution, groupings at random in 6
    to 8 classes; no training document is dealt twice. Test documents are drawn by the same mixes, with replacement.

    Args:
        training: What is dealt.
        test: What test documents are drawn from.
        seed: Seed of all draws and of training.

    Returns:
        The world; nothing is said of topics but their names' places.
    """
    random = np.random.default_rng(seed)
    base = _topics_alone()
    topics, n_topics = base.topics, len(base.topics)
    n_customers = int(random.choice(N_CUSTOMERS))
    names = [f"customer {number + 1}" for number in range(n_customers)]
    sizes = np.exp(random.uniform(math.log(SIZES[0]), math.log(SIZES[1]), n_customers)).astype(int)
    groupings = [random_grouping(n_topics, random).argmax(axis=1) for _ in names]
    mixes = [random.dirichlet(np.ones(n_topics)) for _ in names]
    left = [random.permutation(np.flatnonzero(training.topics == topic)).tolist() for topic in range(n_topics)]
    customers = {
        name: {
            f"class {one + 1}": [topics[at] for at in np.flatnonzero(grouping == one)]
            for one in range(grouping.max() + 1)
        }
        for name, grouping in zip(names, groupings, strict=True)
    }
    taxonomy = Taxonomy.from_dict({**base.to_dict(), "customers": customers})
    rows: dict[str, list[Row]] = {"training": [], "test": []}
    for place in np.argsort(sizes):  # small customers first: theirs is the mix that they were given
        name, grouping, mix = names[place], groupings[place], mixes[place]
        wanted = random.multinomial(sizes[place], mix)
        own = [left[topic].pop() for topic, n in enumerate(wanted) for _ in range(min(n, len(left[topic])))]
        rows["training"] += _rows(training, own, name, grouping)
        share = mix[test.topics] / np.bincount(test.topics, minlength=n_topics)[test.topics]
        asked = random.choice(len(test.topics), N_TEST, p=share / share.sum())
        rows["test"] += _rows(test, asked.tolist(), name, grouping)
    parts = {part: Labelled(rows=tuple(found), labels=resolve(taxonomy, found).labels) for part, found in rows.items()}
    return Split(taxonomy=taxonomy, **parts, places=np.arange(len(rows["test"])), seed=seed)


def run_world(world: Split, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Foretell what pooling is worth in a world, and measure it.

    Args:
        world: The world.
        settings: Settings of ``HierarchicalTextClassifier``.

    Returns:
        Plain data by customer; what forecast and training took.
    """
    encodings = HierarchicalTextClassifier(world.taxonomy, **settings).build_engine().encode(world.training.texts)
    begin = time.process_time()
    worth = forecast(world.taxonomy, world.training, encodings, seed=world.seed)
    middle = time.process_time()
    sets = trained_sets(worth, world.taxonomy.customers)
    answers = measure(world, sets, settings)
    seconds = {"forecast": round(middle - begin, 1), "measured": round(time.process_time() - middle, 1)}
    customers = {name: _found(name, one, answers) for name, one in worth.items()}
    return {"customers": customers, "cpu_seconds": seconds}


def _found(name: str, worth: Worth, answers: Mapping[tuple[str, frozenset[str]], Answers]) -> dict[str, Any]:
    """What was foretold of a customer, and what came."""
    own = answers[name, frozenset({name})]

    def measured(others: Sequence[str]) -> dict[str, float]:
        return _plain(paired_difference([answers[name, frozenset({name, *others})]], [own]))

    return {
        "documents": worth.n_documents,
        "own": own.accuracy,
        "by_all": {
            "head": _plain(worth.by_head),
            "forecast": _plain(worth.by_all),
            "measured": measured(tuple(worth.by_each)),
        },
        "best": list(worth.best),
        "by_best": {"forecast": _plain(worth.by_best), "measured": measured(worth.best)},
    }


def _plain(gain: Difference) -> dict[str, float]:
    return {"mean": round(gain.mean, 5), "error": round(gain.error, 5)}


def _topics_alone() -> Taxonomy:
    """The map without customers, and without descriptions, which would teach topics beside the labels."""
    data = Taxonomy.from_yaml(shipped("newsgroups")).to_dict()
    return Taxonomy.from_dict({key: value for key, value in data.items() if key not in ("customers", "about")})


def _rows(corpus: Corpus, places: Sequence[int], name: str, grouping: NDArray[np.int64]) -> list[Row]:
    """Documents of a customer, labelled with its classes."""
    return [
        Row(text=corpus.texts[at], labels=((name, f"class {grouping[corpus.topics[at]] + 1}"),), customer=name)
        for at in places
    ]
