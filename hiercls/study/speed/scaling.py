"""What must not grow with the taxonomy: sums over topics, checks of groupings, steps for many customers, metrics.

Knows made-up worlds of any size; knows no text.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array

from hiercls.aggregation import Entries, aggregate
from hiercls.data.rows import make_rows
from hiercls.errors import require
from hiercls.metrics.paths import path_scores
from hiercls.model.inputs import EncodingInputs
from hiercls.study.speed.learning import fitted, flat_network, labelled
from hiercls.study.speed.machine import bandwidth
from hiercls.study.speed.rounds import Row, SpeedConfig, ratios, slope
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

N_TOPICS, N_CLASSES, N_DOCUMENTS = 10_000, 1_000, 2_048
"""Of the sums; more documents are more of the same, a few rows at a time."""

WIDTH = 384
"""Width of made-up encodings."""


def grouped(n_topics: int, n_classes: int, *, seed: int = 0) -> np.ndarray:
    """The class of each topic, at random, none empty; shape (n_topics,)."""
    random = np.random.default_rng(seed)
    rest = random.integers(n_classes, size=max(0, n_topics - n_classes))
    return random.permutation(np.concatenate([np.arange(min(n_classes, n_topics)), rest]))


def aggregate_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """Sum topics to classes, beside a dense product of the same numbers.

    Args:
        config: Rounds, threads, scale.
        say: Not used: torch is always there.

    Returns:
        The rows.
    """
    n_topics, n_classes = config.size(N_TOPICS, least=10), config.size(N_CLASSES, least=2)
    class_of = grouped(n_topics, n_classes)
    member = csr_array((np.ones(n_topics), (class_of, np.arange(n_topics))), shape=(n_classes, n_topics))
    entries, dense = Entries.of_matrix(member), torch.from_numpy(member.T.toarray()).float()
    n_documents = config.size(N_DOCUMENTS, least=16)
    topics = torch.randn(n_documents, n_topics).log_softmax(dim=-1)
    works = {"hiercls": lambda: aggregate(topics, entries), "dense": lambda: (topics.exp() @ dense).log()}
    seconds = config.time(works)
    read = 100 * topics.numel() * 4 / bandwidth(config)
    what = f"aggregate {n_documents:,} documents × {n_topics:,} topics into {n_classes:,} classes"
    return [
        Row(work=what, against="dense torch matmul", values=ratios(seconds["dense"], seconds["hiercls"]), bar=5.0),
        Row(
            work=what,
            against="measured memory bandwidth, topics read once",
            values=[read / one for one in seconds["hiercls"]],
            unit=" %",
            bar=50.0,
        ),
    ]


def write_memberships(path: Path, *, n_topics: int, n_customers: int, n_classes: int) -> None:
    """A taxonomy in Parquet of customers who group all topics at random.

    Args:
        path: The file.
        n_topics: Topics, under a hundredth as many areas.
        n_customers: Customers; each has a membership for every topic.
        n_classes: Classes of each.
    """
    arrow, parquet = require("pyarrow", extra="tables"), require("pyarrow.parquet", extra="tables")
    topics = arrow.array([f"t{number}" for number in range(n_topics)])
    areas = arrow.array([f"a{number}" for number in range(max(1, n_topics // 100))])
    head = {"hiercls": 1, "name": "made up", "levels": ["area", "topic"]}
    schema = arrow.schema([(name, arrow.string()) for name in ("customer", "class", "node")])
    schema = schema.with_metadata({b"hiercls": json.dumps(head).encode()})
    with parquet.ParquetWriter(path, schema) as writer:
        nothing = arrow.nulls(len(areas), arrow.string())
        writer.write_table(arrow.table([nothing, nothing, areas], schema=schema))
        above = areas.take(arrow.array(np.arange(n_topics) % len(areas)))
        writer.write_table(arrow.table([arrow.nulls(n_topics, arrow.string()), above, topics], schema=schema))
        for number in range(n_customers):
            names = arrow.array([f"k{one}" for one in range(n_classes)])
            classes = names.take(arrow.array(grouped(n_topics, n_classes, seed=number)))
            customer = arrow.array([f"c{number}"] * n_topics)
            writer.write_table(arrow.table([customer, classes, topics], schema=schema))


def taxonomy_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """Read and check memberships in Parquet and in YAML, with the views' matrices.

    Args:
        config: Rounds (three at most), scale.
        say: Is told of sizes.

    Returns:
        The rows.
    """
    config = replace(config, rounds=min(3, config.rounds))
    n_topics, sizes, found = config.size(100_000, least=200), [], []
    with tempfile.TemporaryDirectory() as folder:
        for n_customers in (1, 10, 100):
            file = Path(folder) / f"{n_customers}.parquet"
            write_memberships(file, n_topics=n_topics, n_customers=n_customers, n_classes=max(2, n_topics // 100))
            sizes.append(n_customers * n_topics)
            say(f"taxonomy: {sizes[-1]:,} memberships in Parquet")
            found.append(config.time({"": partial(_check, Taxonomy.from_parquet, file)}, warm=False)[""])
        yaml = Path(folder) / "made-up.yaml"
        yaml.write_text(Taxonomy.from_parquet(Path(folder) / "1.parquet").to_yaml(), encoding="utf-8")
        say(f"taxonomy: {n_topics:,} memberships in YAML")
        plain = config.time({"": partial(_check, Taxonomy.from_yaml, yaml)}, warm=False)[""]
    steepness = slope(sizes, [float(np.median(one)) for one in found])
    in_parquet, in_yaml = (f"check {number:,} memberships in" for number in (sizes[-1], n_topics))
    return [
        Row(work=f"{in_parquet} Parquet", against="–", values=found[-1], unit=" s", bar=30.0, smaller=True),
        Row(
            work="the same, growth over 1 : 10 : 100",
            against="linear",
            values=[steepness],
            unit="",
            bar=1.1,
            smaller=True,
        ),
        Row(work=f"{in_yaml} YAML", against="–", values=plain, unit=" s", bar=10.0, smaller=True),
    ]


def _check(read: Callable[[Path], Taxonomy], file: Path) -> None:
    """Read a taxonomy and make all views' matrices."""
    taxonomy = read(file)
    for name in taxonomy.views:
        _ = taxonomy.view(name).weights


def customer_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """Steps on documents of 1,000 customers, each with a grouping of its own, beside the same steps for one.

    Args:
        config: Rounds, threads, scale.
        say: Not used.

    Returns:
        The row.
    """
    n_topics, n_customers = config.size(1_000, least=20), config.size(1_000, least=3)
    n_documents = config.size(8_192, least=256)
    taxonomy = _many_customers(n_topics, n_customers, n_classes=max(2, n_topics // 20))
    random = np.random.default_rng(0)
    inputs = EncodingInputs(random.normal(size=(n_documents, WIDTH)).astype(np.float32))
    topics, owners = random.integers(n_topics, size=n_documents), random.integers(n_customers, size=n_documents)
    settings = TrainingConfig(epochs=1, weight_decay=0.1, learning_rate=1e-3)
    documents = {}
    for name, own in (("one", np.zeros_like(owners)), ("many", owners)):
        views = [f"c{number}" for number in own]
        place = {view: grouped(n_topics, max(2, n_topics // 20), seed=int(view[1:])) for view in set(views)}
        classes = [f"k{place[view][topic]}" for view, topic in zip(views, topics, strict=True)]
        rows = make_rows([""] * n_documents, classes, views=views, customers=views)
        documents[name] = labelled(taxonomy, rows, inputs)

    def steps(name: str) -> object:
        return fitted(flat_network(taxonomy, width=WIDTH), documents[name], settings, n_levels=2)

    seconds = config.time({"one": lambda: steps("one"), "many": lambda: steps("many")})
    return [
        Row(
            work=f"a training step, {n_customers:,} customers mixed",
            against="the same step, one customer",
            values=ratios(seconds["many"], seconds["one"]),
            bar=1.1,
            smaller=True,
            note=f"{n_topics:,} topics, linear head on encodings, 128 documents a step",
        )
    ]


def _many_customers(n_topics: int, n_customers: int, *, n_classes: int) -> Taxonomy:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "made-up.parquet"
        write_memberships(file, n_topics=n_topics, n_customers=n_customers, n_classes=n_classes)
        return Taxonomy.from_parquet(file)


def metric_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """Hierarchical F1 of labels at three levels, beside hiclass.

    Args:
        config: Threads, scale; rounds, three at most.
        say: Is told where hiclass is absent.

    Returns:
        The row.
    """
    config = replace(config, rounds=min(3, config.rounds))
    f1 = require("hiclass.metrics", extra="compare").f1
    random, n_documents = np.random.default_rng(0), config.size(100_000, least=100)
    drawn = random.integers(1000, size=(2, n_documents))
    truth, predicted = (_levels(topics) for topics in drawn)
    told: dict[str, Any] = {}

    def ours() -> None:
        told["hiercls"] = path_scores(predicted, truth, node="name", average="documents").f1

    def hiclass() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one a document that has nothing right
            told["hiclass"] = f1(truth, predicted, average="macro")

    seconds = config.time({"hiercls": ours, "hiclass": hiclass}, warm=False)
    note = f"{told['hiercls']:.6f} and {told['hiclass']:.6f}"
    faster = ratios(seconds["hiclass"], seconds["hiercls"])
    return [
        Row(work=f"hierarchical metrics, {n_documents:,} × 3", against="hiclass", values=faster, bar=500.0, note=note)
    ]


def _levels(topics: np.ndarray) -> np.ndarray:
    """Labels at three levels, ten below each, no two levels with a name in common; shape (n_documents, 3)."""
    columns = (np.char.add(letter, (topics // size).astype(str)) for letter, size in (("a", 100), ("b", 10), ("c", 1)))
    return np.stack(list(columns), axis=1)
