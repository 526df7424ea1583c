"""The union benchmark on 20 Newsgroups, whole: both header settings, several seeds, written after every step.

Knows the protocol and where results go; what is compared is in ``study/union``.
"""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch

from hiercls.encoding.precision import resolve_precision
from hiercls.errors import ConfigError
from hiercls.files import write_text
from hiercls.study.corpus import newsgroups_corpora
from hiercls.study.cost import costs_table
from hiercls.study.report import markdown_table, runs_before, write_json
from hiercls.study.union import MethodResult, Protocol, methods_of, run_union
from hiercls.taxonomy import Taxonomy, shipped

NEWCOMER = "newcomer"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkConfig:
    """What is run.

    Args:
        headers: Header settings, ``kept`` and ``removed``.
        seeds: Seeds of the deal and of training.
        documents: Training and test documents taken; None: all.
        newcomer_documents: Documents of its own that the newcomer's own-data baselines get.
        settings: Settings of ``HierarchicalTextClassifier``.
        others: Further settings under which the fine-label oracle is run once more, as a row of its own.
        methods: Parts of the names of the methods that are run; empty: all are.

    Raises:
        ConfigError: If no method has such a name.
    """

    headers: Sequence[Literal["kept", "removed"]] = ("removed", "kept")
    seeds: Sequence[int] = (0, 1, 2)
    documents: int | None = None
    newcomer_documents: int = 2000
    settings: Mapping[str, Any]
    others: Mapping[str, Any] = field(default_factory=dict)
    methods: Sequence[str] = ()

    def __post_init__(self) -> None:
        names = methods_of(self.others)
        for part in self.methods:
            if not any(part in name for name in names):
                raise ConfigError(f"expected a part of the name of one of {list(names)}, got '{part}'")

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names of the methods that are run, in the order of the table."""
        names = methods_of(self.others)
        return tuple(name for name in names if not self.methods or any(part in name for part in self.methods))


def run_benchmark(config: BenchmarkConfig, folder: Path, *, resume: bool, say: Callable[[str], None]) -> str:
    """Run the benchmark; its JSON is written anew after every method, its tables at the end.

    Args:
        config: What is run.
        folder: Where ``newsgroups.json`` and ``newsgroups.md`` go.
        resume: Whether results that stand in the JSON already, run under the same conditions, are kept; of the methods
            that are run, those are run again whose macro-F1 is not there.
        say: Is told of every result as it comes.

    Returns:
        The tables, in Markdown, of everything that the JSON holds.
    """
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    results: dict[str, Any] = {"conditions": conditions(config), "runs": {}}
    if resume:
        results["runs"] = runs_before(folder / "newsgroups.json", results["conditions"])
    for headers in config.headers:
        training, test = newsgroups_corpora(taxonomy, headers=headers, documents=config.documents)
        worlds = results["runs"].setdefault(headers, {})
        for seed in config.seeds:
            protocol = Protocol(
                taxonomy=taxonomy,
                newcomer=NEWCOMER,
                newcomer_documents=min(config.newcomer_documents, len(training.texts)),
                training=training,
                test=test,
                seed=seed,
            )
            run: dict[str, Any] = worlds.setdefault(str(seed), {})
            wanted = [name for name in config.wanted if name not in run.get("macro_f1", {})]
            for result in run_union(protocol, settings=config.settings, others=config.others, wanted=wanted):
                _take(run, result, order=methods_of(config.others))
                shown = ", ".join(f"{view} {scores.accuracy:.3f}" for view, scores in result.scores.items())
                say(f"headers {headers}, seed {seed}, {result.method}: {shown}")
                write_json(folder / "newsgroups.json", results)
    text = report(results, taxonomy)
    write_text(folder / "newsgroups.md", text)
    return text


def _take(run: dict[str, Any], result: MethodResult, *, order: Sequence[str]) -> None:
    """Write one method's result among those of its world and seed, in the order of the table."""
    found = {
        "accuracy": {view: round(scores.accuracy, 6) for view, scores in result.scores.items()},
        "macro_f1": {view: round(scores.macro_f1, 6) for view, scores in result.scores.items()},
        "cost": None if result.cost is None else dataclasses.asdict(result.cost),
        "seconds": round(result.seconds, 1),
    }
    for what, value in found.items():
        rows = run.get(what, {}) | ({} if value is None else {result.method: value})
        run[what] = {name: rows[name] for name in dict.fromkeys((*order, *rows)) if name in rows}


def report(results: Mapping[str, Any], taxonomy: Taxonomy) -> str:
    """The tables of a benchmark.

    Args:
        results: What ``newsgroups.json`` holds.
        taxonomy: The map.

    Returns:
        Markdown.
    """
    trained = [name for name in taxonomy.customers if name != NEWCOMER]
    levels = {level: [level] for level in reversed(taxonomy.levels)}
    shared = {"mean of the four": trained}
    newcomer = {f"{NEWCOMER} (0 documents)": [NEWCOMER]}
    columns = {**levels, **shared, **{name: [name] for name in trained}, **newcomer}
    conditions = results["conditions"]
    parts = ["# Union of customers on 20 Newsgroups", "", " ".join(f"{k}: {v}." for k, v in conditions.items())]
    for headers, seeds in results["runs"].items():
        runs = list(seeds.values())
        accuracy, macro_f1, costs = ([run.get(what, {}) for run in runs] for what in ("accuracy", "macro_f1", "cost"))
        parts += ["", f"## Headers {headers} ({len(seeds)} seed{'s' * (len(seeds) > 1)}, mean ± sd)", ""]
        parts += [markdown_table(accuracy, columns=columns)]
        if any(macro_f1):
            parts += ["", markdown_table(macro_f1, columns={**levels, **shared, **newcomer}, of="macro-F1")]
        if any(costs):
            parts += ["", costs_table(costs, [run.get("seconds", {}) for run in runs])]
    parts += [
        "",
        f"Own-data rows give the {NEWCOMER} {conditions['documents of its own for the newcomer']} documents of its own;"
        " the union and the oracle give it none.",
        "",
        "Minutes are for training and for predicting all test documents; encodings that are cached take none. Tokens"
        " are those of the training documents, read once; epochs are those of the weights that were kept.",
        "",
    ]
    return "\n".join(parts)


def conditions(config: BenchmarkConfig) -> dict[str, Any]:
    """What a reader must know to run it again: documents, settings, versions, machine.

    Args:
        config: What is run.

    Returns:
        Plain data.
    """
    return {
        "documents": "all (11,314 training, 7,532 test, bydate)" if config.documents is None else config.documents,
        "documents of its own for the newcomer": config.newcomer_documents,
        **versions_and_machine(config.settings),
    }


def versions_and_machine(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What any benchmark was run with and on.

    Args:
        settings: Settings of ``HierarchicalTextClassifier``.

    Returns:
        Plain data.
    """
    device = torch.device(settings.get("device") or ("cuda" if torch.cuda.is_available() else "cpu"))
    told = [f"{name}={value}" for name, value in settings.items() if name != "precision"]
    return {
        "settings": ", ".join(told) or "defaults",
        "precision": str(resolve_precision(settings.get("precision", "auto"), device)).removeprefix("torch."),
        "versions": ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "scikit-learn")),
        "machine": f"{device.type}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    }
