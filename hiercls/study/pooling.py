"""When does pooling help? The study of Kerinec, Braud and Søgaard (2018) on 20 Newsgroups: the sweep and its report.

Knows the protocol and where results go; what is compared is in the other ``study/pooling`` files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hiercls.study.corpus import newsgroups_corpora
from hiercls.study.newsgroups import versions_and_machine
from hiercls.study.pooling_networks import Trained
from hiercls.study.pooling_sweep import Run, SweepConfig, sweep
from hiercls.study.pooling_tasks import Documents, Kind, pairs
from hiercls.study.report import runs_before, write_json
from hiercls.taxonomy import Taxonomy, shipped


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolingConfig:
    """What is run.

    Args:
        kind: Which pairs of tasks; the unrelated ones hold the related ones.
        sweep: What is trained for them, and where.
    """

    kind: Kind = "unrelated"
    sweep: SweepConfig = field(default_factory=SweepConfig)


def run_sweep(
    config: PoolingConfig, folder: Path, *, resume: bool, say: Callable[[str], None]
) -> tuple[Documents, Mapping[Run, Trained]]:
    """Train all networks; each is written as it comes.

    Args:
        config: What is run.
        folder: Where ``pooling.json`` and ``pooling-runs.jsonl`` go.
        resume: Whether networks that stand there already, trained under the same conditions, are kept.
        say: Is told how far it is.

    Returns:
        The documents, and how each network did.
    """
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    path = folder / "pooling-runs.jsonl"
    if resume:
        runs_before(folder / "pooling.json", conditions(config))
    else:
        path.unlink(missing_ok=True)
    write_json(folder / "pooling.json", {"conditions": conditions(config), "runs": {}})
    documents = Documents.of(taxonomy, *newsgroups_corpora(taxonomy, headers="removed"))
    return documents, sweep(documents, pairs(taxonomy, config.kind), config.sweep, path, say=say)


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
