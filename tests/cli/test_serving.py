"""The command serve: a real process answers, and ends as it should."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ADMIN = "an-admin-token-0123456789"


@pytest.fixture
def server(model):
    """A server on a free port: its address; it must end well within seconds of SIGTERM."""
    environment = {**os.environ, "HIERCLS_TOKEN": ADMIN, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "hiercls", "serve", str(model), "--port", "0"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    said = []
    try:
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"running on (http://[\d.:]+)", line):
                break
        assert found, said
        yield found[1]
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=30)[1]
        assert "Application shutdown complete" in rest
        assert "Traceback" not in rest
    finally:
        process.kill()
        process.communicate()


def post(address, body):
    request = urllib.request.Request(
        address, data=body, headers={"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def test_a_process_answers_and_keeps_customers_beside_the_model(server, model, run):
    post(f"{server}/customers", b"{customer: acme, classes: {Letters: [A, B], Other: rest}}")
    found = post(f"{server}/predict", json.dumps({"documents": ["a1 a2", "f1"], "at": ["acme"]}).encode())
    labels = [document["answers"][0]["labels"] for document in found["documents"]]
    assert all(label in (["Letters"], ["Other"]) for label in labels)
    kept = json.loads(model.with_name("model.customers.json").read_text())
    assert [one["customer"] for one in kept["customers"]] == ["acme"]


def test_wrong_tokens_end_the_command_before_the_model_is_read(run, tmp_path, monkeypatch):
    tokens = tmp_path / "tokens.yaml"
    tokens.write_text("admin: short")
    result = run("serve", tmp_path / "none", "--tokens", tokens)
    assert result.exit_code == 1
    assert "expected the token of 'admin' to be 16 or more" in result.stderr
    tokens.write_text(f"admin: {ADMIN}")
    monkeypatch.setenv("HIERCLS_TOKEN", ADMIN)
    result = run("serve", tmp_path / "none", "--tokens", tokens)
    assert result.exit_code == 1
    assert "leave one out" in result.stderr
