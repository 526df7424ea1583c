"""When does pooling help? The study of Kerinec, Braud and Søgaard (2018) on 20 Newsgroups, and then mended.

Knows the protocol and where results go; what is compared is in the other ``study/pooling`` files.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hiercls.errors import require
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.files import write_text
from hiercls.study.corpus import newsgroups_corpora
from hiercls.study.newsgroups import versions_and_machine
from hiercls.study.parallel import run_many
from hiercls.study.pooling_documents import Documents
from hiercls.study.pooling_forecast import N_SHUFFLES
from hiercls.study.pooling_measures import OWN, Measured, measure
from hiercls.study.pooling_networks import Trained
from hiercls.study.pooling_report import draw_curves, draw_forecasts, report
from hiercls.study.pooling_speed import speed
from hiercls.study.pooling_sweep import Run, SweepConfig, sweep
from hiercls.study.pooling_tables import EPOCHS, Scores, affinities, curves, mended, published, scores_at
from hiercls.study.pooling_tasks import Kind, Pair, main_tasks, pairs
from hiercls.study.report import runs_before, save_svg, write_json
from hiercls.taxonomy import Taxonomy, shipped


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolingConfig:
    """What is run.

    Args:
        kind: Which pairs of tasks; the unrelated ones hold the related ones.
        sweep: What is trained for them, and where.
        encoder: Whether the encoder is asked, too: its scores as forecasts, and the question with it in place of words.
        n_shuffles: How often pairs are dealt to five folds, as published.
    """

    kind: Kind = "unrelated"
    sweep: SweepConfig = field(default_factory=SweepConfig)
    encoder: bool = True
    n_shuffles: int = N_SHUFFLES


def run_pooling(config: PoolingConfig, folder: Path, *, resume: bool, say: Callable[[str], None]) -> str:
    """Train all networks, each written as it comes, then forecast their gains.

    Args:
        config: What is run.
        folder: Where ``pooling-runs.jsonl``, ``pooling.json``, ``pooling.md`` and the figures go.
        resume: Whether networks that stand there already, trained under the same conditions, are kept.
        say: Is told how far it is.

    Returns:
        The tables, in Markdown.

    Raises:
        MissingExtraError: If matplotlib is not installed, before anything is run.
    """
    require("matplotlib", extra="plots")
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    results: dict[str, Any] = {"conditions": conditions(config), "runs": {}}
    if resume:
        results["runs"] = runs_before(folder / "pooling.json", results["conditions"])
    else:
        (folder / "pooling-runs.jsonl").unlink(missing_ok=True)
    write_json(folder / "pooling.json", results)
    documents = Documents.of(taxonomy, *newsgroups_corpora(taxonomy, headers="removed"))
    chosen = pairs(taxonomy, config.kind)
    runs = sweep(documents, chosen, config.sweep, folder / "pooling-runs.jsonl", say=say)
    if "speed" not in results["runs"]:
        say("timing the naive loop beside the programs")
        results["runs"]["speed"] = speed(documents, pairs(taxonomy, "unrelated"), config.sweep)
    study = Study.of(config, documents, chosen, runs, say=say)
    related = set(pairs(taxonomy, "related"))
    results["runs"]["related"] = study.of_pairs([pair in related for pair in chosen])
    if config.kind == "unrelated":
        say("forecasting the gains of all pairs")
        results["runs"]["unrelated"] = study.of_pairs([True] * len(chosen))
    write_json(folder / "pooling.json", results)
    text = report(results)
    write_text(folder / "pooling.md", text)
    save_svg(draw_forecasts(results["runs"]), folder / "pooling.svg")
    save_svg(draw_curves(results["runs"]), folder / "pooling-curves.svg")
    return text


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """Everything that was measured on some pairs.

    Args:
        config: What was run.
        pairs: The pairs.
        runs: How each network did.
        features: Groups of features, each of shape (n_repeats, n_pairs, n_features).
        union: F1 with the encoder, alone and from the union; None where it was not asked.
    """

    config: PoolingConfig
    pairs: tuple[Pair, ...]
    runs: Mapping[Run, Trained]
    features: Mapping[str, np.ndarray]
    union: Scores | None

    @classmethod
    def of(
        cls,
        config: PoolingConfig,
        documents: Documents,
        chosen: tuple[Pair, ...],
        runs: Mapping[Run, Trained],
        *,
        say: Callable[[str], None],
    ) -> Study:
        """Measure what is not in the runs.

        Args:
            config: What was run.
            documents: The corpus.
            chosen: The pairs.
            runs: How each network did.
            say: Is told how far it is.

        Returns:
            The study.
        """
        given = []
        encodings = _encodings(documents) if config.encoder else None
        for repeat in config.sweep.repeats:
            losses = {task: runs[repeat, (task,)].losses[0] for task in main_tasks(chosen)}
            given.append((documents, encodings, chosen, losses, config.sweep.per_class, repeat))
        say(f"measuring what may foretell a gain, {len(given)} repeats")
        found: dict[int, Measured] = {}
        for measured in run_many(measure, given, backend=config.sweep.backend, workers=config.sweep.workers):
            found[measured.repeat] = measured
            say(f"measured {len(found)} of {len(given)} repeats")
        ordered = [found[repeat] for repeat in config.sweep.repeats]
        affinity = np.stack([affinities(runs, chosen, repeat) for repeat in config.sweep.repeats])
        groups = {name: np.stack([one.features[name] for one in ordered]) for name in ordered[0].features}
        own, *others = groups.items()
        unions = [one.union for one in ordered if one.union is not None]
        alone, beside = (np.array([union[place] for union in unions]) for place in (0, 1))
        return cls(
            config=config,
            pairs=chosen,
            runs=runs,
            features=dict([own, ("affinity in the joint run", affinity), *others]),
            union=Scores(alone=alone, beside=beside) if unions else None,
        )

    def of_pairs(self, chosen: list[bool]) -> dict[str, Any]:
        """The figures of some of the pairs, as plain data.

        Args:
            chosen: Which of them.

        Returns:
            The tables by name, values by repeat.
        """
        some = [pair for pair, taken in zip(self.pairs, chosen, strict=True) if taken]
        every = self.config.sweep.alone.every
        scores = {
            epoch: scores_at(self.runs, some, self.config.sweep.repeats, epoch=epoch, every=every) for epoch in EPOCHS
        }
        features = {name: values[:, chosen] for name, values in self.features.items()}
        own = features[OWN]
        found = {
            "n_pairs": len(some),
            "table": {str(epoch): score.table() for epoch, score in scores.items()},
            "published": published(own, scores[EPOCHS[0]].gains, n_shuffles=self.config.n_shuffles),
            "mended": _plain(features, some, scores[EPOCHS[0]]),
            "curves": curves(self.runs, some, self.config.sweep.repeats),
            "gains": {
                " | ".join((*pair.main, *pair.auxiliary)): values.round(4).tolist()
                for pair, values in zip(some, scores[EPOCHS[0]].gains.T, strict=True)
            },
        }
        if self.union is not None:
            union = Scores(alone=self.union.alone[:, chosen], beside=self.union.beside[:, chosen])
            found["union"] = {"table": union.table(), "mended": _plain(features, some, union)}
        return found


def _plain(features: Mapping[str, np.ndarray], some: list[Pair], scores: Scores) -> dict[str, Any]:
    found = mended(features, some, scores.gains, scores.alone)
    return {name: dataclasses.asdict(quality) for name, quality in found.items()}


def _encodings(documents: Documents) -> tuple[np.ndarray, np.ndarray]:
    """The frozen encoder's, of all training and test documents."""
    engine = HierarchicalTextClassifier(documents.taxonomy).build_engine()
    return engine.encode(documents.training.texts), engine.encode(documents.test.texts)


def conditions(config: PoolingConfig) -> dict[str, Any]:
    """What a reader must know to run it again.

    Args:
        config: What is run.

    Returns:
        Plain data.
    """
    sweep = config.sweep
    return {
        "pairs": config.kind,
        "headers": "removed",
        "documents": f"{sweep.per_class} training documents of each topic, at most 700 bydate test documents of a task",
        "words": "TF-IDF of the 10,000 most frequent",
        "networks": f"two hidden layers of {sweep.alone.width} sigmoids, dropout {sweep.alone.dropout}, batches of "
        f"{sweep.alone.batch}, Adam; {sweep.alone.n_epochs} epochs alone, {sweep.joint.n_epochs} beside another task",
        "repeats": len(sweep.repeats),
        **versions_and_machine({}),
    }
