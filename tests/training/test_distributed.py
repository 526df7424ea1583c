"""Two processes that train together do what one does alone, and go on after one of them was killed.

Once each holds all weights, once they are shared out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hiercls.errors import ConfigError
from hiercls.training.distributed import Processes

PROGRAM = Path(__file__).with_name("pair.py")
ROOT = Path(__file__).parents[2]
N_DOCUMENTS = 61
WEIGHTS = pytest.mark.parametrize("weights", ["held", "shared"])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("pair")
    result = subprocess.run([sys.executable, PROGRAM, folder, tiny_bert], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    said: dict[str, Any] = json.loads(result.stdout)
    return said


@WEIGHTS
def test_each_step_of_two_has_the_losses_of_one(found: dict[str, Any], weights: str) -> None:
    alone, (first, second) = found["alone"], found[weights]["pair"]
    assert len(alone["steps"]) == len(first["steps"]) == len(second["steps"]) == 50
    for whole, *shares in zip(alone["steps"], first["steps"], second["steps"], strict=True):
        expected = dict(zip(whole["positions"], whole["losses"], strict=True))
        for share in shares:
            for position, loss in zip(share["positions"], share["losses"], strict=True):
                assert loss == pytest.approx(expected.pop(position), abs=1e-5)
        assert expected == {}
    for history in ("losses", "heldout"):
        np.testing.assert_allclose(first[history], alone[history], atol=1e-5)
        assert first[history] == second[history]
    np.testing.assert_allclose(first["weights"], alone["weights"], atol=1e-4)
    assert first["weights"] == second["weights"]


@WEIGHTS
def test_two_train_the_encoder_that_one_does(found: dict[str, Any], weights: str) -> None:
    alone, (first, second) = found["tuned"], found[weights]["tuned"]
    assert len(alone["heldout"]) == 3
    np.testing.assert_allclose(first["heldout"], alone["heldout"], atol=1e-5)
    np.testing.assert_allclose(first["weights"], alone["weights"], atol=1e-4)
    assert first == second


def test_an_epoch_of_both_visits_each_document_once(found: dict[str, Any]) -> None:
    sizes = set()
    for epoch in range(10):
        steps = [step for one in found["held"]["pair"] for step in one["steps"][5 * epoch : 5 * epoch + 5]]
        assert Counter(position for step in steps for position in step["positions"]) == Counter(range(N_DOCUMENTS))
        sizes |= {len(step["positions"]) for step in steps}
    assert sizes == {8, 7, 1, 0}


@WEIGHTS
def test_two_of_which_one_was_killed_go_on_and_end_the_same(found: dict[str, Any], weights: str) -> None:
    of_two = found[weights]
    assert of_two["killed"] == [None, None]
    assert of_two["left"] == ["lock", "training.json", "trial-1"]
    assert of_two["resumed"] == of_two["whole"]
    assert of_two["whole"][0] == of_two["whole"][1] is not None


def test_checkpoints_hold_whole_tensors_though_the_weights_are_shared_out(found: dict[str, Any]) -> None:
    assert found["shared"]["layout"] == found["held"]["layout"]
    names = {name.split(".")[0] for tensors in found["held"]["layout"].values() for name in tensors}
    assert {"network", "optimizer", "average", "head"} <= names


def test_hiercls_alone_shares_out_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ConfigError, match="without FSDP; TrainingConfig\\(shard_weights=True\\)"):
        Processes.joined(torch.device("cpu"))


def command_line(encoder: Path, *options: object) -> list[object]:
    """A training of the tiny world."""
    files = [ROOT / "taxonomies" / name for name in ("tiny.yaml", "tiny.jsonl")]
    return ["-m", "hiercls", "train", *files, "--encoder", encoder, "--max-length", 16, "--device", "cpu", *options]


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--tune", "last-1", "--shard-weights")], ids=["held", "shared"])
def test_accelerate_launches_the_command_line(tmp_path: Path, tiny_bert: Path, more: tuple[str, ...]) -> None:
    """One program: what one process trains, two do too, and one of them says so."""
    train = command_line(tiny_bert, "--epochs", 3, *more)
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", 2, "--num_machines", 1]
    settings = ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", 0]
    said = []
    for name, prefix in (("alone", []), ("pair", [*launch, *settings])):
        arguments = [*prefix, *train, "-o", tmp_path / name, "--checkpoints", tmp_path / f"{name}-checkpoints"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        result = subprocess.run(
            [sys.executable, *map(str, arguments)], capture_output=True, text=True, env=environment, cwd=tmp_path
        )
        assert result.returncode == 0, result.stderr
        said.append(result.stdout.replace(str(tmp_path / name), "MODEL"))
        assert (tmp_path / name / "model.safetensors").is_file()
    assert said[0].splitlines()[:4] == said[1].splitlines()[:4]
    assert said[1].count("the model is in") == 1
    shapes = [
        {file.name: {name: value.shape for name, value in load_file(file).items()} for file in files}
        for files in (sorted((tmp_path / name).rglob("*.safetensors")) for name in ("alone", "pair"))
    ]
    assert shapes[0] == shapes[1] != {}


@pytest.mark.slow
def test_torchrun_restarts_a_group_of_which_one_was_killed(tmp_path: Path, tiny_bert: Path) -> None:
    """The group goes on from its checkpoints, and ends with the weights of one of which none was killed."""
    for name in ("whole", "killed"):
        train = command_line(
            tiny_bert, "-o", tmp_path / name, "--checkpoints", tmp_path / f"{name}-kept", "--resume", "--epochs", 20
        )
        run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, "--max-restarts", 1]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with subprocess.Popen(
            [sys.executable, *map(str, [*run, *train])],
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=tmp_path,
        ) as group:
            if name == "killed":
                os.kill(second_of(group, after=tmp_path / "killed-kept" / "trial-2"), signal.SIGKILL)
            said = group.communicate()[1]
        assert group.returncode == 0, said
        assert ("going on from the checkpoints" in said) == (name == "killed")
    whole, killed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert whole.keys() == killed.keys()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


def second_of(group: subprocess.Popen[str], *, after: Path) -> int:
    """The second process of a group that torchrun began, once there is a file."""
    end = time.monotonic() + 300
    while not after.exists():
        assert group.poll() is None, group.stderr and group.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.01)
    children = Path(f"/proc/{group.pid}/task/{group.pid}/children").read_text().split()
    (second,) = (one for one in children if b"\0RANK=1\0" in Path(f"/proc/{one}/environ").read_bytes())
    return int(second)
