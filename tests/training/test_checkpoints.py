"""Checkpoints are whole or not there, and what goes on from one is what never stopped."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hiercls.errors import CheckpointError, ConfigError, TrainingError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.files import locked
from hiercls.model.encoder import EncoderConfig
from hiercls.model.heads import HeadConfig
from hiercls.taxonomy import Taxonomy
from hiercls.training.checkpoint_folder import opened
from hiercls.training.checkpoints import Checkpoint, RunCheckpoints
from hiercls.training.config import CheckpointConfig, TrainingConfig
from hiercls.training.state import random_kept, random_states, set_random_states
from hiercls.training.steps import Steps

Documents = tuple[list[str], list[str]]
Make = Callable[..., HierarchicalTextClassifier]
CPU = torch.device("cpu")


class Stopped(BaseException):
    """What stops a training where a kill would."""


# ------------------------------------------------------------------------------------------------- one run's


def checkpoint(step: int, best_epoch: int = 0) -> Checkpoint:
    best = {"w": torch.full((2,), float(best_epoch))} if best_epoch else {}
    tensors = {"w": torch.full((3,), float(step)), "turned": torch.arange(6.0).reshape(2, 3).T}
    return Checkpoint(step=step, best_epoch=best_epoch, state={"losses": [0.1, 1 / 3]}, tensors=tensors, best=best)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_read_bit_for_bit(tmp_path: Path) -> None:
    checkpoints = RunCheckpoints(tmp_path / "run", every=0, keep=2)
    assert checkpoints.latest() is None
    checkpoints.write(checkpoint(7, best_epoch=2))
    found = RunCheckpoints(tmp_path / "run", every=0, keep=2).latest()
    assert found is not None
    assert (found.step, found.best_epoch, found.state) == (7, 2, {"losses": [0.1, 1 / 3]})
    for part in ("tensors", "best"):
        expected = getattr(checkpoint(7, 2), part)
        assert getattr(found, part).keys() == expected.keys()
        assert all(value.equal(expected[name]) for name, value in getattr(found, part).items())


def test_the_latest_are_kept_and_the_best_that_they_name(tmp_path: Path) -> None:
    checkpoints = RunCheckpoints(tmp_path, every=0, keep=2)
    (tmp_path / "notes.txt").write_text("somebody's")
    (tmp_path / ".hiercls-dead.part").write_text("half")
    for step, best in ((1, 0), (2, 1), (3, 1), (4, 2), (5, 2)):
        checkpoints.write(checkpoint(step, best))
    steps = [f"step-00000000{step}.{kind}" for step in (4, 5) for kind in ("json", "safetensors")]
    assert names(tmp_path) == sorted(["best-000002.safetensors", "notes.txt", *steps])


def test_it_is_time_after_so_many_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("hiercls.training.checkpoints.time.monotonic", lambda: now)
    checkpoints = RunCheckpoints(tmp_path, every=60, keep=1)
    assert not checkpoints.is_due
    now = 160.0
    assert checkpoints.is_due
    checkpoints.write(checkpoint(1))
    assert not checkpoints.is_due


@pytest.mark.parametrize("part", ["step-000000003.safetensors", "step-000000003.json", "best-000002.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_damaged_one_is_passed_over_and_that_is_said(tmp_path: Path, part: str, damage: str) -> None:
    checkpoints = RunCheckpoints(tmp_path, every=0, keep=2)
    checkpoints.write(checkpoint(2, best_epoch=1))
    checkpoints.write(checkpoint(3, best_epoch=2))
    file = tmp_path / part
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(content[: len(content) // 2] if damage == "cut" else content[:-2] + b"??")
    again = RunCheckpoints(tmp_path, every=0, keep=1)
    if part.endswith("json") and damage == "gone":  # it was never whole
        found = again.latest()
    else:
        with pytest.warns(UserWarning, match=r"step-000000003.json' is damaged.*; going on from step 2 instead"):
            found = again.latest()
    assert found is not None
    assert (found.step, found.best["w"].tolist()) == (2, [1.0, 1.0])
    again.write(checkpoint(3, best_epoch=2))
    found = RunCheckpoints(tmp_path, every=0, keep=1).latest()
    assert found is not None
    assert (found.step, found.best["w"].tolist()) == (3, [2.0, 2.0])


def test_where_none_is_whole_nothing_is_begun_in_silence(tmp_path: Path) -> None:
    RunCheckpoints(tmp_path, every=0, keep=2).write(checkpoint(3))
    (tmp_path / "step-000000003.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"SHA-256 .* is another.*no other is left: delete '.*' to begin"):
        RunCheckpoints(tmp_path, every=0, keep=2).latest()


def test_a_later_layout_is_refused(tmp_path: Path) -> None:
    RunCheckpoints(tmp_path, every=0, keep=2).write(checkpoint(3))
    manifest = tmp_path / "step-000000003.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 2}))
    with pytest.raises(CheckpointError, match="format 2, this hiercls reads 1"):
        RunCheckpoints(tmp_path, every=0, keep=2).latest()


def test_a_full_disk_is_a_clear_error_and_the_last_one_is_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = RunCheckpoints(tmp_path, every=0, keep=1)
    checkpoints.write(checkpoint(2, best_epoch=1))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    sync, left = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    for n_synced in range(4):  # tensors, best weights, the folder, the JSON
        checkpoints, left = RunCheckpoints(tmp_path, every=0, keep=1), n_synced
        with pytest.raises(CheckpointError, match=r"No space left.*the last is that of step 2; make room"):
            checkpoints.write(checkpoint(3, best_epoch=1))
        assert {name: (tmp_path / name).read_bytes() for name in before} == before
        found = RunCheckpoints(tmp_path, every=0, keep=1).latest()
        assert found is not None
        assert found.step == 2
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX's")
def test_a_file_that_grows_too_large_is_a_clear_error_too(tmp_path: Path) -> None:
    """The write fails half way, inside safetensors."""
    code = """
import resource, signal, sys, torch
from pathlib import Path
from hiercls.errors import CheckpointError
from hiercls.training.checkpoints import Checkpoint, RunCheckpoints
checkpoints = RunCheckpoints(Path(sys.argv[1]), every=0, keep=1)
def write(step, size):
    checkpoints.write(Checkpoint(step=step, best_epoch=0, state={}, tensors={"w": torch.ones(size)}, best={}))
write(1, 10)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    write(2, 10_000)
except CheckpointError as error:
    print(error)
print(RunCheckpoints(Path(sys.argv[1]), every=0, keep=1).latest().step)
"""
    result = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    said, step = result.stdout.splitlines()
    assert "cannot write a checkpoint" in said
    assert "too large" in said
    assert step == "1"


# ------------------------------------------------------------------------------------------- a training's folder


def claim(folder: Path, *, resume: bool = False, **made: str) -> None:
    with opened(CheckpointConfig(folder=folder, resume=resume), made_from=made, made_on={"threads": "1"}):
        pass


def test_a_folder_is_one_training_s(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "checkpoints"
    claim(folder, documents="1", settings="1", resume=True)
    with pytest.raises(CheckpointError, match=r"there are checkpoints in .* already; resume to go on"):
        claim(folder, documents="1", settings="1")
    claim(folder, documents="1", settings="1", resume=True)
    with pytest.raises(CheckpointError, match="a training with other documents and other settings; give what"):
        claim(folder, documents="2", settings="2", resume=True)
    config, said = CheckpointConfig(folder=folder, resume=True), "not bit for bit: threads 1 then, 4 now"
    with pytest.warns(UserWarning, match=said), opened(config, made_from={}, made_on={"threads": "4"}):
        pass
    (folder / "training.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"training.json' is damaged .* to begin anew"):
        claim(folder, resume=True)


def test_other_files_are_nobody_s_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(CheckpointError, match=r"holds no checkpoints but other files, such as 'thesis.txt'"):
        claim(tmp_path)


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from hiercls.files import locked
with locked(Path({str(tmp_path / "lock")!r})) as mine:
    print(mine, flush=True)
    input()
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with pytest.raises(CheckpointError, match="another process has the checkpoints"):
            claim(tmp_path)
        other.kill()
    claim(tmp_path)
    with locked(tmp_path / "lock") as mine:
        assert mine


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot keep checkpoints in"):
        claim(tmp_path / "file" / "checkpoints")

    def read_only(self: Path, *args: Any, **settings: Any) -> Any:
        raise PermissionError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    monkeypatch.setattr(Path, "open", read_only)
    with pytest.raises(CheckpointError, match=r"Read-only file system.*give another folder"):
        claim(tmp_path / "new")


@pytest.mark.parametrize("settings", [{"every": -1}, {"keep": 0}])
def test_settings_out_of_range(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="expected every >= 0 and keep >= 1"):
        CheckpointConfig(folder="f", **settings)


def test_all_random_generators_go_on_where_they_were() -> None:
    def draw() -> list[float]:
        return [torch.rand(1).item(), np.random.rand(), np.random.randn(), random.random(), random.gauss(0, 1)]

    with random_kept(CPU):
        draw()  # odd numbers of normal draws: each generator keeps the second of a pair
        states = random_states(CPU)
        expected = draw()
        draw()
        second = {name: torch.stack([torch.zeros_like(value), value])[1] for name, value in states.items()}
        set_random_states(second, CPU)  # as it is read where processes train together
        assert draw() == expected


# ------------------------------------------------------------------------------------------------------ a fit


@pytest.fixture
def make(tiny: Taxonomy, tiny_bert: Path) -> Make:
    def build(checkpoints: CheckpointConfig | None = None, **settings: Any) -> HierarchicalTextClassifier:
        training = TrainingConfig(
            epochs=3, batch_size=32, teacher_forcing=0.5, averaging=0.3, checkpoints=checkpoints, label_smoothing=0.1
        )
        return HierarchicalTextClassifier(
            tiny,
            encoder=EncoderConfig(name=str(tiny_bert), max_length=16),
            head=HeadConfig(hidden=8, dropout=0.3),
            training=dataclasses.replace(training, **settings.pop("training", {})),
            **({"lexical": False} | settings),
        )

    return build


def weights(model: HierarchicalTextClassifier) -> list[torch.Tensor]:
    return [
        value for part in (model.scorer_.head, model.scorer_.engine.encoder) for value in part.state_dict().values()
    ]


def same(one: HierarchicalTextClassifier, other: HierarchicalTextClassifier) -> bool:
    runs = [[trial.run for trial in model.trials_] for model in (one, other)]
    return runs[0] == runs[1] and all(a.equal(b) for a, b in zip(weights(one), weights(other), strict=True))


def stop_after(monkeypatch: pytest.MonkeyPatch, n_steps: int) -> list[int]:
    """Stop before a step is taken, and list the steps that were."""
    taken: list[int] = []
    take = Steps.take

    def watched(self: Steps, positions: np.ndarray) -> Any:
        if len(taken) == n_steps:
            raise Stopped
        taken.append(self.taken)
        return take(self, positions)

    monkeypatch.setattr(Steps, "take", watched)
    return taken


@pytest.mark.parametrize(("tune", "n_steps"), [("none", (2, 14, 31)), ("last-1", (4,)), ("all", (4,))])
def test_a_fit_that_was_cut_short_goes_on_as_if_it_never_had_been(
    tune: str, n_steps: tuple[int, ...], make: Make, tiny_documents: Documents, tmp_path: Path
) -> None:
    """Two trials and a bit, and the training on everything: what is over is not repeated."""
    whole = make(tune=tune).fit(*tiny_documents)
    config, n_taken = CheckpointConfig(folder=tmp_path / "kept", resume=True, every=0), []
    for number in (*n_steps, 10**6):
        with pytest.MonkeyPatch.context() as patch:
            n_taken.append(stop_after(patch, number - sum(map(len, n_taken)) if number < 10**6 else number))
            if number < 10**6:
                with pytest.raises(Stopped):
                    make(config, tune=tune).fit(*tiny_documents)
            else:
                model = make(config, tune=tune).fit(*tiny_documents)
    assert same(model, whole)
    n_all = sum(map(len, n_taken))
    again = make(config, tune=tune)
    with pytest.MonkeyPatch.context() as patch:
        assert stop_after(patch, 0) == []
        assert same(again.fit(*tiny_documents), whole)
    assert n_all == 9 * (4 if tune == "none" else 1)


def test_checkpoints_change_nothing_and_are_no_part_of_a_model(
    make: Make, tiny_documents: Documents, tmp_path: Path
) -> None:
    config = CheckpointConfig(folder=tmp_path / "kept", every=0)
    model = make(config).fit(*tiny_documents)
    assert same(model, make().fit(*tiny_documents))
    model.save_pretrained(tmp_path / "model")
    assert "kept" not in (tmp_path / "model" / "config.json").read_text()
    loaded = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    assert loaded.training == dataclasses.replace(model.training, checkpoints=None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training": {"learning_rate": 0.1}}, "settings"),
        ({"random_state": 7}, "settings"),
        ({"encoder": "short"}, "encoder"),
        ({"texts": True}, "documents"),
    ],
)
def test_another_fit_s_checkpoints_are_refused(
    changes: dict[str, Any], said: str, make: Make, tiny_documents: Documents, tmp_path: Path
) -> None:
    config = CheckpointConfig(folder=tmp_path, resume=True, every=0)
    texts, topics = tiny_documents
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 1)
        with pytest.raises(Stopped):
            make(config).fit(texts, topics)
    if changes.pop("texts", False):
        texts = [*texts[:-1], "another"]
    other = make(config, **{name: value for name, value in changes.items() if name != "encoder"})
    if "encoder" in changes:
        other.encoder = dataclasses.replace(other.encoder, max_length=8)
    with pytest.raises(CheckpointError, match=f"a training with other {said}; give"):
        other.fit(texts, topics)


def test_a_disk_that_is_full_leaves_the_estimator_the_last_good_weights(
    make: Make, tiny_documents: Documents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, n_written = RunCheckpoints.write, 0

    def full(self: RunCheckpoints, checkpoint: Checkpoint) -> None:
        nonlocal n_written
        n_written += 1
        if n_written > 5:
            raise CheckpointError("cannot write a checkpoint")
        write(self, checkpoint)

    monkeypatch.setattr(RunCheckpoints, "write", full)
    model = make(CheckpointConfig(folder=tmp_path, every=0))
    with pytest.raises(CheckpointError):
        model.fit(*tiny_documents)
    assert len(model.predict(tiny_documents[0])) == len(tiny_documents[0])


# ------------------------------------------------------------------------------------------- what does not fit


def test_a_batch_that_does_not_fit_is_halved_once_said_and_the_steps_stay_the_same(
    make: Make, tiny_documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(limit: int) -> HierarchicalTextClassifier:
        plain = {"training": {"teacher_forcing": 0.0, "weight_decay": 0.1, "l1": 0.01}, "validation_fraction": 0.0}
        model = make(**plain, tune="all").set_params(head=HeadConfig(hidden=8, dropout=0.0), precision="float32")
        real = Steps._loss

        def allocate(self: Steps, network: Any, batch: Any) -> Any:
            if len(batch.documents) > limit:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
            return real(self, network, batch)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Steps, "_loss", allocate)
            return model.fit(*tiny_documents)

    whole = fit(1000)
    with pytest.warns(UserWarning, match="a batch of 32 documents does not fit in memory; half as many") as caught:
        parts = fit(10)
    assert len(caught) == 1
    for one, other in zip(weights(whole), weights(parts), strict=True):
        torch.testing.assert_close(one, other, atol=2e-4, rtol=1e-3)
    np.testing.assert_allclose(parts.trials_[0].run.losses, whole.trials_[0].run.losses, rtol=1e-4)
    said = "not even one document fits in memory"
    with pytest.warns(UserWarning, match="half as many"), pytest.raises(TrainingError, match=said):
        fit(0)


def test_other_errors_of_a_step_are_no_matter_of_memory(
    make: Make, tiny_documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **settings: Any) -> Any:
        raise RuntimeError("shapes do not agree")

    monkeypatch.setattr(Steps, "_loss", fail)
    with pytest.raises(RuntimeError, match="shapes do not agree"):
        make().fit(*tiny_documents)
