"""The folder of a whole training's checkpoints: whose it is, and that one training at a time has it.

Knows hashes of what is trained, files and a lock; knows no tensor and no step.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hiercls.errors import CheckpointError
from hiercls.files import locked, write_text
from hiercls.training.checkpoints import FORMAT, RunCheckpoints
from hiercls.training.config import CheckpointConfig

_TRAINING, _LOCK = "training.json", "lock"


class CheckpointFolder:
    """The checkpoints of all runs of one training, by the runs' names.

    Args:
        config: The folder, and what is kept.
    """

    def __init__(self, config: CheckpointConfig) -> None:
        self.config = config

    def of_run(self, name: str) -> RunCheckpoints:
        """The checkpoints of one run.

        Args:
            name: The run's name, such as ``trial-1``.

        Returns:
            They, or their place where there are none yet.
        """
        return RunCheckpoints(Path(self.config.folder, name), every=self.config.every, keep=self.config.keep)


@contextmanager
def opened(
    config: CheckpointConfig, *, made_from: Mapping[str, str], made_on: Mapping[str, str]
) -> Iterator[CheckpointFolder]:
    """Have a folder of checkpoints for as long as a training goes on.

    Args:
        config: The folder, and whether to go on from what is there.
        made_from: What decides the training, part by part, as hashes; another training's checkpoints are refused.
        made_on: What decides its last bits, such as the number of threads; other values are a warning.

    Yields:
        The folder.

    Raises:
        CheckpointError: If another process has it, it cannot be written, it holds something else, checkpoints of
            another training, or some where none are to be gone on from.
    """
    folder = Path(config.folder)
    try:
        with locked(folder / _LOCK) as mine:
            if not mine:
                raise CheckpointError(
                    f"another process has the checkpoints in '{folder}'; wait until it ends, or give another folder"
                )
            _claim(folder, config.resume, made_from=made_from, made_on=made_on)
            yield CheckpointFolder(config)
    except OSError as error:
        if error.filename is None or not Path(error.filename).is_relative_to(folder):
            raise
        raise CheckpointError(f"cannot keep checkpoints in '{folder}': {error}; give another folder") from error


def is_begun(folder: Path) -> bool:
    """Whether a folder holds a training that can be gone on from."""
    return (folder / _TRAINING).exists()


def _claim(folder: Path, resume: bool, *, made_from: Mapping[str, str], made_on: Mapping[str, str]) -> None:
    """Make an empty folder a training's, or see that it is this one's."""
    file = folder / _TRAINING
    if not file.exists():
        others = sorted(path.name for path in folder.iterdir() if path.name != _LOCK and path.suffix != ".part")
        if others:
            raise CheckpointError(
                f"'{folder}' holds no checkpoints but other files, such as '{others[0]}'; give another folder"
            )
        made = {"format": FORMAT, "made_from": {**made_from}, "made_on": {**made_on}}
        write_text(file, json.dumps(made, indent=2))
        return
    if not resume:
        raise CheckpointError(
            f"there are checkpoints in '{folder}' already; resume to go on from them, or give another folder"
        )
    from_then, on_then = _read(file)
    others = [name for name, value in made_from.items() if value != from_then.get(name)]
    if others:
        raise CheckpointError(
            f"the checkpoints in '{folder}' are of a training with other {' and other '.join(others)}; give what was "
            "given then, or another folder"
        )
    differ = [
        f"{name} {on_then.get(name)} then, {now} now" for name, now in made_on.items() if now != on_then.get(name)
    ]
    if differ:
        warnings.warn(f"training goes on, but not bit for bit: {'; '.join(differ)}", stacklevel=4)


def _read(file: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What a folder's training was made from and on."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise ValueError(f"it has format {found['format']!r}, this hiercls reads {FORMAT}")
        return {**found["made_from"]}, {**found["made_on"]}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"'{file}' is damaged ({error}); delete '{file.parent}' to begin anew") from error
