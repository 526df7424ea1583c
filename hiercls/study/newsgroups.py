"""The union benchmark on 20 Newsgroups, whole: both header settings, several seeds, written after every step.

Knows the protocol and where results go; what is compared is in ``study/union``.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch

from hiercls.encoding.precision import resolve_precision
from hiercls.files import write_text
from hiercls.study.corpus import newsgroups_corpora
from hiercls.study.report import markdown_table, runs_before, write_json
from hiercls.study.union import METHODS, Protocol, run_union
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
    """

    headers: Sequence[Literal["kept", "removed"]] = ("removed", "kept")
    seeds: Sequence[int] = (0, 1, 2)
    documents: int | None = None
    newcomer_documents: int = 2000
    settings: Mapping[str, Any]


def run_benchmark(config: BenchmarkConfig, folder: Path, *, resume: bool, say: Callable[[str], None]) -> str:
    """Run the benchmark; its JSON is written anew after every method, its table at the end.

    Args:
        config: What is run.
        folder: Where ``newsgroups.json`` and ``newsgroups.md`` go.
        resume: Whether results that stand in the JSON already, run under the same conditions, are kept.
        say: Is told of every result as it comes.

    Returns:
        The tables, in Markdown.
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
            run: dict[str, Any] = worlds.setdefault(str(seed), {"accuracy": {}, "seconds": {}})
            for result in run_union(protocol, settings=config.settings, done=run["accuracy"]):
                run["accuracy"][result.method] = dict(result.accuracy)
                run["seconds"][result.method] = round(result.seconds, 1)
                shown = ", ".join(f"{view} {value:.3f}" for view, value in result.accuracy.items())
                say(f"headers {headers}, seed {seed}, {result.method}: {shown}")
                run["accuracy"] = {name: run["accuracy"][name] for name in METHODS if name in run["accuracy"]}
                write_json(folder / "newsgroups.json", results)
    asked = {name: {str(seed): results["runs"][name][str(seed)] for seed in config.seeds} for name in config.headers}
    text = report({**results, "runs": asked}, taxonomy)
    write_text(folder / "newsgroups.md", text)
    return text


def report(results: Mapping[str, Any], taxonomy: Taxonomy) -> str:
    """The tables of a finished benchmark.

    Args:
        results: What ``newsgroups.json`` holds.
        taxonomy: The map.

    Returns:
        Markdown.
    """
    trained = [name for name in taxonomy.customers if name != NEWCOMER]
    columns = {
        **{level: [level] for level in reversed(taxonomy.levels)},
        "mean of the four": trained,
        **{name: [name] for name in trained},
        f"{NEWCOMER} (0 documents)": [NEWCOMER],
    }
    conditions = results["conditions"]
    parts = ["# Union of customers on 20 Newsgroups", "", " ".join(f"{k}: {v}." for k, v in conditions.items())]
    for headers, seeds in results["runs"].items():
        parts += ["", f"## Headers {headers} ({len(seeds)} seeds, mean ± sd)", ""]
        parts += [markdown_table([run["accuracy"] for run in seeds.values()], columns=columns)]
    parts += [
        "",
        f"Own-data rows give the {NEWCOMER} {conditions['documents of its own for the newcomer']} documents of its own;"
        " the union and the oracle give it none.",
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
    return {
        "settings": ", ".join(f"{name}={value}" for name, value in settings.items()) or "defaults",
        "precision": str(resolve_precision("auto", device)).removeprefix("torch."),
        "versions": ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "scikit-learn")),
        "machine": f"{device.type}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    }
