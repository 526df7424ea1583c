"""The few-label benchmark on 20 Newsgroups: a handful of labelled documents of each of the 20 topics, several draws.

Knows the protocol and where results go; how a model is trained, the estimator knows.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hiercls.data.rows import Row
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.files import write_text
from hiercls.study.baselines import OWN_DATA, Baseline, Documents, predict_from_own_data
from hiercls.study.corpus import Corpus, newsgroups_corpora
from hiercls.study.newsgroups import versions_and_machine
from hiercls.study.parallel import Backend, run_many
from hiercls.study.report import markdown_table, runs_before, write_json
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.training.config import TrainingConfig

FEW, UNDESCRIBED, ENCODER, UNLABELLED = (
    "hiercls",
    "the same, descriptions of topics unread",
    "the same, frozen encoder alone",
    "hiercls, the other training texts read without labels",
)
PLAIN = {baseline.name.removeprefix("own data: "): baseline for baseline in OWN_DATA if baseline.features != "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FewConfig:
    """What is run.

    Args:
        headers: Whether headers, footers and quotes are kept or removed.
        sizes: Labelled documents of each topic.
        draws: Seeds of the draws and of all training.
        documents: Training and test documents taken; None: all.
        unlabelled: Whether the other training texts are read without their labels, too, which is slow.
        settings: Settings of ``HierarchicalTextClassifier``.
    """

    headers: Literal["kept", "removed"] = "removed"
    sizes: Sequence[int] = (8, 16, 50)
    draws: Sequence[int] = tuple(range(10))
    documents: int | None = None
    unlabelled: bool = False
    settings: Mapping[str, Any]

    @property
    def methods(self) -> tuple[str, ...]:
        """What is compared, in the order of the table."""
        return (FEW, *([UNLABELLED] if self.unlabelled else []), UNDESCRIBED, ENCODER, *PLAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One draw of labelled documents.

    Args:
        taxonomy: The map.
        training: All training documents.
        chosen: Positions of those whose labels may be seen, shape (n_chosen,).
        test: The test documents.
        seed: Seed of all training.
    """

    taxonomy: Taxonomy
    training: Corpus
    chosen: np.ndarray
    test: Corpus
    seed: int

    @property
    def rows(self) -> list[Row]:
        """The chosen documents with their topics."""
        few = self.training.take(self.chosen)
        names = [self.taxonomy.topics[topic] for topic in few.topics]
        return [Row(text=text, labels=((None, name),)) for text, name in zip(few.texts, names, strict=True)]


def drawn(topics: np.ndarray, *, per_topic: int, seed: int) -> np.ndarray:
    """Documents of each topic, drawn at random.

    Args:
        topics: Position of each document's topic, shape (n_documents,).
        per_topic: How many of each; all, where there are fewer.
        seed: Seed of the draw.

    Returns:
        Sorted positions of documents.

    Example:
        >>> topics = np.array([0, 0, 0, 1, 1])
        >>> topics[drawn(topics, per_topic=2, seed=0)].tolist()
        [0, 0, 1, 1]
    """
    random = np.random.default_rng([seed, per_topic])
    parts = [random.permutation(np.flatnonzero(topics == topic))[:per_topic] for topic in np.unique(topics)]
    return np.sort(np.concatenate(parts))


def run_few(
    config: FewConfig,
    folder: Path,
    *,
    resume: bool,
    say: Callable[[str], None],
    backend: Backend = "local",
    workers: int = 1,
) -> str:
    """Run the benchmark; its JSON is written anew after every method, its table at the end.

    Args:
        config: What is run.
        folder: Where ``few.json`` and ``few.md`` go.
        resume: Whether results that stand in the JSON already, run under the same conditions, are kept.
        say: Is told of every result as it comes.
        backend: Where methods are run: processes of this machine, or a running cluster.
        workers: How many at once; one local worker is this process.

    Returns:
        The table, in Markdown.
    """
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    training, test = newsgroups_corpora(taxonomy, headers=config.headers, documents=config.documents)
    results: dict[str, Any] = {"conditions": conditions(config), "runs": {}}
    if resume:
        results["runs"] = runs_before(folder / "few.json", results["conditions"])
    runs = results["runs"]
    missing = [
        (seed, size, method)
        for seed in config.draws
        for size in config.sizes
        for method in config.methods
        if str(size) not in runs.get(str(seed), {}).get("accuracy", {}).get(method, {})
    ]
    given = _given(taxonomy, training, test, missing, config.settings)
    for seed, size, method, accuracy, seconds in run_many(_one, given, backend=backend, workers=workers):
        run = runs.setdefault(str(seed), {"accuracy": {}, "seconds": {}})
        for found, value in (("accuracy", accuracy), ("seconds", round(seconds, 1))):
            by_size = {**run[found].get(method, {}), str(size): value}
            rows = {**run[found], method: dict(sorted(by_size.items(), key=lambda one: int(one[0])))}
            run[found] = {name: rows[name] for name in (*config.methods, *rows) if name in rows}
        say(f"draw {seed}, {size} documents a topic, {method}: {accuracy:.3f}")
        write_json(folder / "few.json", results)
    text = report({**results, "runs": {str(seed): runs[str(seed)] for seed in config.draws}}, config)
    write_text(folder / "few.md", text)
    return text


def _given(
    taxonomy: Taxonomy,
    training: Corpus,
    test: Corpus,
    missing: Sequence[tuple[int, int, str]],
    settings: Mapping[str, Any],
) -> Iterator[tuple[Draw, int, str, Mapping[str, Any]]]:
    """What each run is given, one after the other."""
    for seed, size, method in missing:
        chosen = drawn(training.topics, per_topic=size, seed=seed)
        draw = Draw(taxonomy=taxonomy, training=training, chosen=chosen, test=test, seed=seed)
        yield draw, size, method, {**settings, "random_state": seed}


def _one(draw: Draw, size: int, method: str, settings: Mapping[str, Any]) -> tuple[int, int, str, float, float]:
    """One method on one draw, in whatever process: its accuracy and seconds."""
    start = time.perf_counter()
    truth = np.asarray(draw.taxonomy.topics)[draw.test.topics]
    accuracy = float(np.mean(_predicted(draw, method, settings) == truth))
    return draw.seed, size, method, accuracy, time.perf_counter() - start


def _predicted(draw: Draw, method: str, settings: Mapping[str, Any]) -> np.ndarray:
    """The topics of the test documents by their names, as a method predicts them."""
    if method in PLAIN:
        return _plain(draw, PLAIN[method], settings)
    if method == UNLABELLED:
        return _self_trained(draw, settings).predict(draw.test.texts)
    undescribed = dataclasses.replace(settings.get("training", TrainingConfig()), about_weight=0.0)
    changes = {FEW: {}, UNDESCRIBED: {"training": undescribed}, ENCODER: {"lexical": False}}[method]
    return _fitted(draw, {**settings, **changes}).predict(draw.test.texts)


def _fitted(draw: Draw, settings: Mapping[str, Any]) -> HierarchicalTextClassifier:
    """The estimator, fitted on the chosen documents."""
    return HierarchicalTextClassifier(draw.taxonomy, **settings).fit_rows(draw.rows)


def _self_trained(draw: Draw, settings: Mapping[str, Any]) -> HierarchicalTextClassifier:
    """Fitted on the chosen documents, then on these and on all others as it labelled them, by how sure it was."""
    first = _fitted(draw, settings)
    others = draw.training.take(np.setdiff1d(np.arange(len(draw.training.texts)), draw.chosen))
    probabilities = first.predict_proba(others.texts)
    names = first.classes_[probabilities.argmax(axis=1)]
    guessed = [Row(text=text, labels=((None, str(name)),)) for text, name in zip(others.texts, names, strict=True)]
    weights = [*np.ones(len(draw.chosen)), *probabilities.max(axis=1)]
    second = HierarchicalTextClassifier(draw.taxonomy, **settings)
    return second.fit_rows([*draw.rows, *guessed], sample_weight=weights)


def _plain(draw: Draw, baseline: Baseline, settings: Mapping[str, Any]) -> np.ndarray:
    """A plain classifier on the chosen documents."""
    encode, few = None, draw.training.take(draw.chosen)
    if baseline.features == "encodings":
        encode = HierarchicalTextClassifier(draw.taxonomy, **settings).build_engine().encode
    training, test = Documents.of(few.texts, encode), Documents.of(draw.test.texts, encode)
    topics = predict_from_own_data(baseline, training, few.topics, test, seed=draw.seed)
    predicted: np.ndarray = np.asarray(draw.taxonomy.topics)[topics]
    return predicted


def conditions(config: FewConfig) -> dict[str, Any]:
    """What a reader must know to run it again.

    Args:
        config: What is run.

    Returns:
        Plain data.
    """
    return {
        "documents": "all (bydate)" if config.documents is None else config.documents,
        "headers": config.headers,
        **versions_and_machine(config.settings),
    }


def report(results: Mapping[str, Any], config: FewConfig) -> str:
    """The table of a finished benchmark.

    Args:
        results: What ``few.json`` holds.
        config: What was run.

    Returns:
        Markdown.
    """
    runs = [{method: run["accuracy"][method] for method in config.methods} for run in results["runs"].values()]
    columns = {f"{size} a topic": [str(size)] for size in config.sizes}
    parts = [
        "# Few labelled documents on 20 Newsgroups",
        "",
        " ".join(f"{name}: {value}." for name, value in results["conditions"].items()),
        "",
        f"20 topics, bydate test documents, {len(runs)} draws, mean ± sd. The descriptions are the topics' `about` "
        "lines in `taxonomies/newsgroups.yaml`, written by people who knew the topics' names. The plain methods are "
        "tuned on five held-out fifths of the drawn documents.",
        "",
        markdown_table(runs, columns=columns),
        "",
    ]
    return "\n".join(parts)
