"""Watchers that hand epochs on to TensorBoard, MLflow and Weights & Biases, each by an extra of its name.

Knows their clients; knows no training.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from hiercls.errors import ConfigError, require
from hiercls.training.watching import Epoch, Watcher


def tensorboard(folder: str | Path = "runs") -> Watcher:
    """A watcher that writes TensorBoard's files, a folder for each run.

    Args:
        folder: Where to.

    Returns:
        The watcher.

    Raises:
        MissingExtraError: If TensorBoard is not installed.
    """
    require("tensorboard", extra="tensorboard")
    summary: Any = require("torch.utils.tensorboard", extra="tensorboard")
    writers: dict[int, Any] = {}

    def watch(epoch: Epoch) -> None:
        if epoch.run not in writers:
            writers[epoch.run] = summary.SummaryWriter(str(Path(folder, f"run{epoch.run}")))
        for name, value in epoch.metrics.items():
            writers[epoch.run].add_scalar(name, value, epoch.epoch)
        writers[epoch.run].flush()

    return watch


def mlflow(experiment: str = "hiercls") -> Watcher:
    """A watcher that logs to MLflow: into the run that is open, or into one of its own.

    Args:
        experiment: The experiment, where no run is open.

    Returns:
        The watcher.

    Raises:
        MissingExtraError: If MLflow is not installed.
    """
    client: Any = require("mlflow", extra="mlflow")
    if client.active_run() is None:
        client.set_experiment(experiment)

    def watch(epoch: Epoch) -> None:
        if epoch.epoch == 1:
            client.log_params(_named(epoch, dataclasses.asdict(epoch.settings)))
        client.log_metrics(_named(epoch, epoch.metrics), step=epoch.epoch)

    return watch


def wandb(project: str = "hiercls") -> Watcher:
    """A watcher that logs to Weights & Biases: into the run that is open, or into one of its own.

    Args:
        project: The project, where no run is open.

    Returns:
        The watcher.

    Raises:
        MissingExtraError: If wandb is not installed.
    """
    client: Any = require("wandb", extra="wandb")
    run = client.run or client.init(project=project)

    def watch(epoch: Epoch) -> None:
        if epoch.epoch == 1:
            run.config.update(_named(epoch, dataclasses.asdict(epoch.settings)))
        run.log({"epoch": epoch.epoch, **_named(epoch, epoch.metrics)})

    return watch


TRACKERS = {"tensorboard": tensorboard, "mlflow": mlflow, "wandb": wandb}
"""The trackers by the names that the command line knows them by."""


def tracker(asked: str) -> Watcher:
    """A tracker as the command line names it.

    Args:
        asked: ``tensorboard``, ``mlflow`` or ``wandb``, and where to after a ``=``: folder, experiment or project.

    Returns:
        The watcher.

    Raises:
        ConfigError: If there is no such tracker.
        MissingExtraError: If it is not installed.
    """
    name, _, where = asked.partition("=")
    if name not in TRACKERS:
        raise ConfigError(f"expected a tracker of {', '.join(TRACKERS)}, such as tensorboard=runs, got {asked!r}")
    return TRACKERS[name](where) if where else TRACKERS[name]()


def _named(epoch: Epoch, values: dict[str, Any]) -> dict[str, Any]:
    """Values by name and run."""
    return {f"run{epoch.run}/{name}": value for name, value in values.items()}
