"""The protocol of Xfer's text demo: 13 groups to learn from, 100 labelled documents of 7 others, all of those tested.

Knows the protocol and where results go; what is compared is in ``study/repurposing``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hiercls.errors import require
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.files import write_text
from hiercls.plots.bars import plot_probabilities
from hiercls.study.corpus import Corpus, newsgroups_corpora
from hiercls.study.newsgroups import versions_and_machine
from hiercls.study.report import mean_and_deviation, runs_before, save_svg, write_json
from hiercls.study.repurposing import INDUCTIVE, TRANSDUCTIVE, Target, of_paragraph, retrained
from hiercls.taxonomy import Taxonomy, shipped

TARGETS = (
    "alt.atheism",
    "comp.sys.mac.hardware",
    "rec.autos",
    "rec.sport.hockey",
    "sci.electronics",
    "soc.religion.christian",
    "talk.politics.guns",
)
"""The groups of the demo's target task; the other 13 are its source task."""
N_LABELLED, N_RETRAINED_DRAWS = 100, 3
"""Documents whose labels are seen; draws of the methods that train the encoder, which take minutes each."""

PARAGRAPH = (
    "The engine control unit of a modern sedan reads the oxygen sensor and the crankshaft position through shielded "
    "wires, and a small microcontroller sets the ignition timing and the current of the fuel injectors. When the "
    "alternator's voltage regulator fails, ripple on the twelve volt supply upsets the analog inputs, and the "
    "dashboard shows faults that no mechanic finds under the hood; a capacitor across the supply pins and an "
    "oscilloscope tell more than a new transmission would."
)
"""On automotive electronics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class XferConfig:
    """What is run.

    Args:
        headers: Header settings, ``kept`` and ``removed``.
        draws: Seeds of the draws and of all training.
        documents: Bydate training and test documents taken; None: all.
        settings: Settings of ``HierarchicalTextClassifier``, of which the encoder's are read.
    """

    headers: Sequence[Literal["kept", "removed"]] = ("kept", "removed")
    draws: Sequence[int] = tuple(range(10))
    documents: int | None = None
    settings: Mapping[str, Any]


def run_xfer(config: XferConfig, folder: Path, *, resume: bool, say: Callable[[str], None]) -> str:
    """Run the benchmark; its JSON is written anew after every method, its tables and its picture at the end.

    Args:
        config: What is run.
        folder: Where ``xfer.json``, ``xfer.md`` and ``xfer.svg`` go.
        resume: Whether results that stand in the JSON already, run under the same conditions, are kept.
        say: Is told of every result as it comes.

    Returns:
        The tables, in Markdown.

    Raises:
        MissingExtraError: If matplotlib is not installed, before anything is run.
    """
    require("matplotlib", extra="plots")
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    results: dict[str, Any] = {"conditions": conditions(config), "runs": {}}
    if resume:
        results["runs"] = runs_before(folder / "xfer.json", results["conditions"])
    engine = HierarchicalTextClassifier(taxonomy, **config.settings).build_engine()
    for headers in config.headers:
        training, test = newsgroups_corpora(taxonomy, headers=headers, documents=config.documents)
        source, target = split(Corpus(texts=training.texts + test.texts, topics=np.r_[training.topics, test.topics]))
        task = Target.build(taxonomy, source=source, target=target, names=TARGETS, encode=engine.encode)
        draws = results["runs"].setdefault(headers, {})
        for seed in config.draws:
            run: dict[str, Any] = draws.setdefault(str(seed), {"accuracy": {}, "seconds": {}})
            draw = task.drawn(drawn(len(target.texts), seed=seed), seed=seed)
            slow = retrained(engine.encoder) if seed in config.draws[:N_RETRAINED_DRAWS] else {}
            for method, predict in {**INDUCTIVE, **TRANSDUCTIVE, **slow}.items():
                if method in run["accuracy"]:
                    continue
                start = time.process_time()
                accuracy = float(np.mean(predict(draw) == draw.truth))
                run["accuracy"][method] = accuracy
                run["seconds"][method] = round(time.process_time() - start, 1)
                say(f"headers {headers}, draw {seed}, {method}: {accuracy:.3f}")
                write_json(folder / "xfer.json", results)
        if headers == config.headers[0] and not (resume and (folder / "xfer.svg").exists()):
            draw_paragraph(task.drawn(drawn(len(target.texts), seed=0), seed=0), engine.encode, folder / "xfer.svg")
    text = report(results)
    write_text(folder / "xfer.md", text)
    return text


def split(corpus: Corpus) -> tuple[Corpus, Corpus]:
    """The documents of the source groups, and of the target groups.

    Args:
        corpus: All documents.

    Returns:
        Two parts; the topics stay positions in the taxonomy.
    """
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    is_target = np.isin(corpus.topics, [taxonomy.topics.index(name) for name in TARGETS])
    return corpus.take(np.flatnonzero(~is_target)), corpus.take(np.flatnonzero(is_target))


def drawn(n_documents: int, *, seed: int) -> np.ndarray:
    """The documents whose labels are seen, drawn at random from all, as in the demo.

    Args:
        n_documents: Documents of the target groups.
        seed: Seed of the draw.

    Returns:
        100 positions, sorted.

    Example:
        >>> drawn(6642, seed=0).shape
        (100,)
    """
    return np.sort(np.random.default_rng(seed).permutation(n_documents)[:N_LABELLED])


def draw_paragraph(draw: Target, encode: Callable[[Sequence[str]], np.ndarray], file: Path) -> None:
    """The picture of the demo: what a repurposed head says of a paragraph on automotive electronics.

    Args:
        draw: The labelled documents.
        encode: Encodes texts.
        file: Where the picture goes.
    """
    shares = of_paragraph(draw, PARAGRAPH, encode)
    subtitle = "A paragraph of ours, after 100 labelled documents of the seven groups"
    figure = plot_probabilities(shares, title="What is it about: automotive electronics", subtitle=subtitle)
    save_svg(figure, file)


def conditions(config: XferConfig) -> dict[str, Any]:
    """What a reader must know to run it again.

    Args:
        config: What is run.

    Returns:
        Plain data.
    """
    documents = "all (6,642 of the 7 target groups, of which 100 are labelled)"
    return {
        "documents": documents if config.documents is None else config.documents,
        **versions_and_machine(config.settings),
    }


def report(results: Mapping[str, Any]) -> str:
    """The two tables of a finished benchmark.

    Args:
        results: What ``xfer.json`` holds.

    Returns:
        Markdown.
    """
    parts = ["# Xfer's protocol on 20 Newsgroups", "", " ".join(f"{k}: {v}." for k, v in results["conditions"].items())]
    parts += [
        "",
        "Train and test documents are pooled, as in the demo; 100 random ones of the seven target groups are labelled, "
        "all others tested. Mean ± sd over draws. Whatever is tuned is tuned by cross-validation inside the 100, but "
        "for the networks of strategies, which are as in the learning curves of onboarding. CPU seconds of a draw, of "
        "the first column, encodings cached unless the encoder is trained; whoever asks first for words pays for them.",
    ]
    ran = {method: None for draws in results["runs"].values() for run in draws.values() for method in run["accuracy"]}
    for title, methods in (
        ("Inductive: documents to test are not read before", [name for name in ran if name not in TRANSDUCTIVE]),
        ("Transductive: their texts are read, without labels", [name for name in ran if name in TRANSDUCTIVE]),
    ):
        parts += ["", f"## {title}", "", *_table(results["runs"], methods)]
    parts += ["", "![What a head on encodings and words says of a paragraph on automotive electronics](xfer.svg)"]
    return "\n".join([*parts, ""])


def _table(runs: Mapping[str, Mapping[str, Any]], methods: Sequence[str]) -> list[str]:
    """A row a method, a column a header setting, and the time."""
    columns = " | ".join(f"headers {headers} ({len(draws)} draws)" for headers, draws in runs.items())
    lines = [f"| accuracy | {columns} | seconds |", "|---" * (len(runs) + 2) + "|"]
    for method in methods:
        cells = [_cell(draws, method) for draws in runs.values()]
        taken = [run["seconds"][method] for run in next(iter(runs.values())).values() if method in run["seconds"]]
        lines.append(f"| {method} | {' | '.join(cells)} | {np.mean(taken) if taken else np.nan:.1f} |")
    return lines


def _cell(draws: Mapping[str, Any], method: str) -> str:
    """A method's accuracy under a header setting, with the number of draws where it had fewer than the others."""
    found = [run["accuracy"][method] for run in draws.values() if method in run["accuracy"]]
    if not found:
        return ""
    return mean_and_deviation(found) + ("" if len(found) == len(draws) else f" ({len(found)} draws)")
