"""The ablation: one change at a time on held-out threads of 20 Newsgroups, written after every run.

Knows the protocol and where results go; rows are those of ``study/variants``, documents those of ``study/threads``.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiercls.errors import ConfigError, nearest, require
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.files import write_text
from hiercls.metrics import evaluate_view
from hiercls.plots import Gain, plot_gains
from hiercls.study.effects import effects, report
from hiercls.study.labelled import undetermined_topics
from hiercls.study.newsgroups import versions_and_machine
from hiercls.study.parallel import Backend, run_many
from hiercls.study.report import runs_before, save_svg, write_json
from hiercls.study.threads import WORLDS, Split, draw
from hiercls.study.union import classes_of
from hiercls.study.variants import BASE, NAMES, VARIANTS, Variant
from hiercls.taxonomy import Taxonomy, shipped


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationConfig:
    """What is run.

    Args:
        worlds: Names of ``WORLDS``.
        rows: Names of ``VARIANTS``.
        seeds: Seeds of the split and of training.
        documents: Training documents taken.

    Raises:
        ConfigError: If there is no such world or row.
    """

    worlds: Sequence[str]
    rows: Sequence[str]
    seeds: Sequence[int] = (0, 1, 2)
    documents: int = 3000

    def __post_init__(self) -> None:
        for what, names, known in (("worlds", self.worlds, WORLDS), ("rows", self.rows, VARIANTS)):
            for name in names:
                if name not in known:
                    raise ConfigError(f"expected {what} of {list(known)}, got '{name}'; {nearest(name, list(known))}")

    @property
    def variants(self) -> list[Variant]:
        """The rows."""
        return [variant for name in self.rows for variant in VARIANTS[name]]


def run_ablation(
    config: AblationConfig,
    folder: Path,
    *,
    resume: bool,
    say: Callable[[str], None],
    backend: Backend = "local",
    workers: int = 1,
) -> str:
    """Run the ablation; its JSON is written anew after every run, its tables at the end.

    Args:
        config: What is run.
        folder: Where ``ablation.json``, ``ablation.md`` and ``ablation.svg`` go.
        resume: Whether runs that stand in the JSON already, with the same settings, are kept.
        say: Is told of every run as it comes.
        backend: Where runs are made: processes of this machine, or a running cluster.
        workers: How many at once; one local worker is this process.

    Returns:
        The tables, in Markdown, of everything that the JSON holds.

    Raises:
        MissingExtraError: If matplotlib is not installed, before anything is run.
    """
    require("matplotlib", extra="plots")
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    results: dict[str, Any] = {"conditions": conditions(config), "runs": {}}
    if resume:
        results["runs"] = runs_before(folder / "ablation.json", results["conditions"])
    runs = results["runs"]
    missing = [
        (taxonomy, name, variant, seed, config.documents)
        for name in config.worlds
        for seed in config.seeds
        for variant in config.variants
        if runs.get(name, {}).get(str(seed), {}).get(variant.name, {}).get("changes") != variant.plain
    ]
    for name, seed, variant, found in run_many(_one, missing, backend=backend, workers=workers):
        run = {
            "group": variant.group,
            "against": variant.against,
            "changes": variant.plain,
            **dataclasses.asdict(found),
        }
        seeds = runs.setdefault(name, {})
        rows = {**seeds.get(str(seed), {}), variant.name: run}
        seeds[str(seed)] = {row: rows[row] for row in NAMES if row in rows}
        accuracy = found.accuracy[taxonomy.levels[-1]]
        say(f"{name}, seed {seed}, {variant.group}, {variant.name}: {accuracy:.3f}")
        write_json(folder / "ablation.json", results)
    text = report(results, taxonomy)
    write_text(folder / "ablation.md", text)
    _draw(results, folder / "ablation.svg", level=taxonomy.levels[-1])
    return text


def _one(
    taxonomy: Taxonomy, world: str, variant: Variant, seed: int, documents: int
) -> tuple[str, int, Variant, Figures]:
    """One run, in whatever process."""
    split = draw(taxonomy, WORLDS[world], documents=documents, seed=seed)
    return world, seed, variant, run_variant(taxonomy, split, variant, seed=seed)


def _draw(results: Mapping[str, Any], file: Path, *, level: str) -> None:
    """The gains, in one colour for each of the first three worlds."""
    series = {
        f"headers {world}": [Gain(name=e.name, group=e.group, values=e.gains) for e in effects(seeds, level=level)]
        for world, seeds in list(results["runs"].items())[:3]
    }
    n_seeds = max(len(seeds) for seeds in results["runs"].values())
    subtitle = f"Accuracy of the topics minus the default's, mean ± standard deviation of {n_seeds} seeds"
    figure = plot_gains(series, title="One change at a time", subtitle=subtitle)
    save_svg(figure, file)


def conditions(config: AblationConfig) -> dict[str, Any]:
    """What a reader must know to run it again.

    Args:
        config: What is run.

    Returns:
        Plain data.
    """
    return {
        "documents": f"{config.documents:,} of the training part; tested on held-out threads of it (a quarter)",
        **versions_and_machine(BASE),
        "settings": "the defaults, with the frozen encoder alone; what the taxonomy says about topics is not read",
        "L2": "3, which held-out labels choose nearly always; chosen on them for linear heads; 1 where the "
        "encoder is trained",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How one row did.

    Args:
        accuracy: Accuracy on the held-out documents by level.
        macro_f1: Macro-F1 of the topics.
        weight_decay: The L2 that was trained with; None without an encoder.
        seconds: Of the CPU, for training and prediction.
    """

    accuracy: Mapping[str, float]
    macro_f1: float
    weight_decay: float | None
    seconds: float


def run_variant(taxonomy: Taxonomy, split: Split, variant: Variant, *, seed: int) -> Figures:
    """Train one row and test it.

    Args:
        taxonomy: The map.
        split: What is trained and tested on.
        variant: The row.
        seed: Seed of training.

    Returns:
        Its figures.
    """
    start = time.process_time()
    with undetermined_topics():
        classifier = HierarchicalTextClassifier(taxonomy, random_state=seed, **variant.settings)
        classifier.fit_rows(split.rows)
    topics = classifier.scorer_.topics(split.test.texts)
    scores = {}
    for level in taxonomy.levels:
        view = taxonomy.view(level)
        predicted = classifier.scorer_.classes(topics, view).argmax(dim=-1).numpy()
        scores[level] = evaluate_view(view, predicted, classes_of(view, split.test.topics))
    return Figures(
        accuracy={level: round(found.accuracy, 5) for level, found in scores.items()},
        macro_f1=round(scores[taxonomy.levels[-1]].macro_f1, 5),
        weight_decay=classifier.trials_[0].config.weight_decay if classifier.trials_ else None,
        seconds=round(time.process_time() - start, 1),
    )
