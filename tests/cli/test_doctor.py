"""``hiercls doctor``: what stands on this machine, and what is said where something does not."""

from __future__ import annotations

import json

import torch
from typer.testing import CliRunner

import hiercls
from hiercls.cli import build, doctor
from hiercls.encoding import precision


def test_it_says_what_is_used_and_why(run, tiny_bert, monkeypatch, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("HIERCLS_CACHE", str(tmp_path / "kept"))
    result = run("doctor", "--encoder", tiny_bert, "--device", "cpu", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["installed"]["hiercls"] == hiercls.__version__
    assert found["installed"]["torch"] == torch.__version__
    assert found["computing"]["threads"] == torch.get_num_threads()
    assert found["computing"]["threads_why"] == "OMP_NUM_THREADS is 3"
    assert found["computing"]["precision"] == str(precision.fast_precision(torch.device("cpu")))[6:]
    assert found["encoder"] == {"name": str(tiny_bert), "folder": str(tiny_bert), "problem": None}
    assert found["cache"] == {"folder": str(tmp_path / "kept"), "writable": True}
    said = run("doctor", "--encoder", tiny_bert).stdout
    assert f"encoder '{tiny_bert}': {tiny_bert}" in said
    assert "precision" in said


def test_an_encoder_that_is_not_here_is_exit_code_1_and_no_download(run, monkeypatch):
    asked = []

    def download(name, *, local_files_only=False, **_):
        asked.append(local_files_only)
        raise FileNotFoundError

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    result = run("doctor", "--encoder", "you/unknown")
    assert (result.exit_code, asked) == (1, [True])
    assert "unset HF_HUB_OFFLINE" in result.stderr
    assert run("doctor", "--encoder", "no good name/", "--json").exit_code == 1


def test_extras_that_are_not_whole_are_named_with_the_line_that_mends_them(monkeypatch):
    lines = ["numpy>=1", "numpy>=1; extra == 'fine'", 'no-such-thing>=2; extra == "poor"', "numpy; extra == 'poor'"]
    monkeypatch.setattr(doctor, "requires", lambda name: lines)
    assert doctor.extras() == {"fine": [], "poor": ["no-such-thing"]}
    found = {"installed": {}, "extras": doctor.extras(), "computing": doctor.computing("cpu"),
             "encoder": {"name": "e", "folder": None}, "cache": {"folder": "c", "writable": False}}  # fmt: skip
    assert "  poor  lacks no-such-thing: pip install 'hiercls[poor]'" in doctor._lines(found)


def test_why_a_precision_is_chosen(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(precision, "_is_fast", lambda device: True)
    monkeypatch.setattr(precision, "computes_rightly", lambda device, number_format: False)
    assert "is not what float32 says" in precision.precision_reason(cpu)
    assert precision.fast_precision(cpu) == torch.float32
    monkeypatch.setattr(precision, "computes_rightly", lambda device, number_format: True)
    assert "agrees with float32" in precision.precision_reason(cpu)


def test_shells_complete_commands_and_options():
    for typed, place, offered in (("hiercls pre", 1, "predict"), ("hiercls predict --at", 2, "--at")):
        environment = {"_HIERCLS_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(place)}
        result = CliRunner().invoke(build(), [], prog_name="hiercls", env=environment)
        assert offered in result.stdout.split()
