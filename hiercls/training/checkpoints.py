"""The checkpoints of one training run: safetensors and JSON, whole or not there at all.

A checkpoint is there once its JSON is, which is written last and holds the SHA-256 of the tensors beside it. Every file
is written aside, synced and renamed; older ones go when the new one is on the disk. Knows files and tensors; knows no
optimiser and not what the tensors are for.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from hiercls.errors import CheckpointError
from hiercls.files import replacing, settle, sha256, write_text

FORMAT = 1
"""Version of a checkpoint's layout."""
_OURS = ("step-*.safetensors", "best-*.safetensors", ".hiercls-*.part")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A run as it stood between two steps.

    Args:
        step: Steps taken.
        best_epoch: The epoch, from 1, whose weights were best so far; 0: none was finished.
        state: Everything else that is no tensor, as plain data.
        tensors: Tensors by name, on the CPU.
        best: The best weights by name, on the CPU; empty where no epoch was finished.
    """

    step: int
    best_epoch: int
    state: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    best: Mapping[str, Tensor]


class RunCheckpoints:
    """The folder of one run's checkpoints, which one process writes.

    Args:
        folder: The folder; made where it is not there.
        every: Seconds between two checkpoints.
        keep: How many of the latest are kept.

    Example:
        >>> import tempfile, torch
        >>> checkpoints = RunCheckpoints(Path(tempfile.mkdtemp()), every=60, keep=2)
        >>> state = {"losses": [0.5]}
        >>> checkpoints.write(Checkpoint(step=7, best_epoch=0, state=state, tensors={"w": torch.ones(2)}, best={}))
        >>> checkpoints.latest().tensors["w"]
        tensor([1., 1.])
    """

    def __init__(self, folder: Path, *, every: float, keep: int) -> None:
        self.folder = folder
        self.every = every
        self.keep = keep
        self._written = time.monotonic()
        self._known: dict[str, str] = {}

    @property
    def is_due(self) -> bool:
        """Whether it is time for another."""
        return time.monotonic() - self._written >= self.every

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then delete those that are not kept any more.

        Args:
            checkpoint: The run as it stands; at a step later than all before.

        Raises:
            CheckpointError: If it cannot be written; those that were there are untouched.
        """
        tensors, best = f"step-{checkpoint.step:09}.safetensors", f"best-{checkpoint.best_epoch:06}.safetensors"
        given = {tensors: checkpoint.tensors, best: checkpoint.best}
        wanted = {name: content for name, content in given.items() if content}
        try:
            for name, content in wanted.items():
                if name not in self._known:
                    with replacing(self.folder / name) as aside:
                        save_file({key: value.contiguous() for key, value in content.items()}, aside)
                        digest = sha256(aside)
                    self._known[name] = digest
            manifest = {
                "format": FORMAT,
                "step": checkpoint.step,
                "best_epoch": checkpoint.best_epoch,
                "sha256": {name: self._known[name] for name in wanted},
                "state": checkpoint.state,
            }
            settle(self.folder)
            write_text(self.folder / f"step-{checkpoint.step:09}.json", json.dumps(manifest, allow_nan=False))
            settle(self.folder)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(
                f"cannot write a checkpoint to '{self.folder}': {error}; {self._left()}; make room, or let the folder "
                "be written, and resume"
            ) from error
        self._known = {best: self._known[best]} if checkpoint.best else {}
        self._delete_old(checkpoint.step)
        self._written = time.monotonic()

    def latest(self) -> Checkpoint | None:
        """The last whole checkpoint; a damaged one is passed over, and that is a warning.

        Returns:
            The checkpoint; None where there is none yet.

        Raises:
            CheckpointError: If there are some, and none is whole.
        """
        faults: list[str] = []
        for manifest in reversed(self._manifests()):
            try:
                checkpoint, hashes = _read(manifest)
            except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
                faults.append(f"'{manifest}' is damaged ({error})")
                continue
            self._known = {name: digest for name, digest in hashes.items() if name.startswith("best-")}
            if faults:
                warnings.warn(f"{'; '.join(faults)}; going on from step {checkpoint.step:,} instead", stacklevel=2)
            return checkpoint
        if faults:
            raise CheckpointError(
                f"{'; '.join(faults)}; no other is left: delete '{self.folder}' to begin this run anew"
            )
        return None

    def _manifests(self) -> list[Path]:
        """The JSONs of all checkpoints, the oldest first."""
        return sorted(self.folder.glob("step-*[0-9].json"))

    def _left(self) -> str:
        """What there is to go on from."""
        manifests = self._manifests()
        return f"the last is that of step {_step(manifests[-1]):,}" if manifests else "there is none yet"

    def _delete_old(self, step: int) -> None:
        """Delete what no kept checkpoint names: a checkpoint's JSON first, so that none is left without its tensors.

        Of steps that are still to come there are only such as were damaged.
        """
        manifests = self._manifests()
        latest = [manifest for manifest in manifests if _step(manifest) <= step][-self.keep :]
        kept = {self.folder / name for manifest in latest for name in (manifest.name, *_names(manifest))}
        ours = (file for pattern in _OURS for file in self.folder.glob(pattern))
        for file in [*manifests, *ours]:
            if file not in kept:
                with suppress(OSError):
                    file.unlink(missing_ok=True)


def _step(manifest: Path) -> int:
    """The step whose checkpoint a JSON is."""
    return int(manifest.stem.removeprefix("step-"))


def _names(manifest: Path) -> list[str]:
    """The files that a checkpoint's JSON names."""
    try:
        return list(json.loads(manifest.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def _read(manifest: Path) -> tuple[Checkpoint, dict[str, str]]:
    """A checkpoint and its files' hashes, if it is what was written; else an error that says what is not."""
    content = json.loads(manifest.read_text(encoding="utf-8"))
    if content["format"] != FORMAT:
        raise ValueError(f"it has format {content['format']!r}, this hiercls reads {FORMAT}")
    tensors: dict[str, dict[str, Tensor]] = {"step": {}, "best": {}}
    for name, digest in content["sha256"].items():
        file = manifest.with_name(Path(name).name)
        if sha256(file) != digest:
            raise ValueError(f"the SHA-256 of '{name}' is another")
        tensors[name.split("-")[0]] = load_file(file)
    read = Checkpoint(
        step=content["step"],
        best_epoch=content["best_epoch"],
        state=content["state"],
        tensors=tensors["step"],
        best=tensors["best"],
    )
    return read, content["sha256"]
