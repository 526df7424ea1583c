"""The command that starts one training on a cluster of Ray or Spark, as ``accelerate launch`` does on machines by name.

Knows the two clusters; what is trained, and how processes find each other, ``hiercls train`` knows.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from hiercls.errors import require


class Clusters(StrEnum):
    """Where processes are started."""

    ray = "ray"
    spark = "spark"


On = Annotated[Clusters, typer.Option("--on", help="Ray Train, or Spark's TorchDistributor.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes, each of one CPU core or of one GPU.")]
Gpu = Annotated[bool, typer.Option("--gpu", help="A GPU for each process.")]
Arguments = Annotated[
    list[str], typer.Argument(metavar="-- train ...", help="What each of them runs: hiercls train, as it is typed.")
]


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls launch --on ray --workers 4 -- train map.yaml data.jsonl -o model")(launch)


def launch(arguments: Arguments, on: On = Clusters.ray, workers: Workers = 2, gpu: Gpu = False) -> None:
    """Train on several processes of a cluster.

    It joins the cluster that RAY_ADDRESS names, or the Spark session of spark-submit; without one, all processes are of
    this machine. Files must be where all machines find them. On machines without a cluster: accelerate launch.
    """
    if arguments[0] != "train":
        raise typer.BadParameter(f"expected train and its arguments after --, got {arguments[0]!r}")
    if on is Clusters.ray:
        _on_ray(arguments, workers=workers, gpu=gpu)
    else:
        _on_spark(arguments, workers=workers, gpu=gpu)


def _on_ray(arguments: Sequence[str], *, workers: int, gpu: bool) -> None:
    """Ray Train's ``TorchTrainer`` with a worker a process."""
    os.environ.setdefault("RAY_TRAIN_V2_ENABLED", "1")
    ray, train, torch = (require(name, extra="ray") for name in ("ray", "ray.train", "ray.train.torch"))
    from hiercls.scale.on_ray import cluster

    quiet = ray.LoggingConfig(log_level="ERROR")  # what is printed is seen, what Ray itself thinks of it is not
    ray.init(logging_level="ERROR", logging_config=quiet, **cluster(workers + 1))  # the trainer itself takes a core
    try:
        scaling = train.ScalingConfig(num_workers=workers, use_gpu=gpu)
        config = {"program": sys.argv[0], "arguments": list(arguments), "folder": str(Path.cwd())}
        torch.TorchTrainer(_worker, train_loop_config=config, scaling_config=scaling).fit()
    finally:
        ray.shutdown()


def _worker(config: Mapping[str, Any]) -> None:
    """One process of Ray's: ``hiercls train`` where the command was typed."""
    os.chdir(config["folder"])
    sys.argv = [config["program"], *config["arguments"]]
    try:
        runpy.run_module("hiercls", run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise


def _on_spark(arguments: Sequence[str], *, workers: int, gpu: bool) -> None:
    """Spark's ``TorchDistributor``, which runs this program under torchrun in a barrier stage."""
    distributor = require("pyspark.ml.torch.distributor", extra="spark")
    from hiercls.scale.on_spark import session_of

    with session_of(workers) as (_, is_local):
        program = str(Path(__file__).parents[1] / "__main__.py")
        run = distributor.TorchDistributor(num_processes=workers, local_mode=is_local, use_gpu=gpu).run
        run(program, *arguments)
