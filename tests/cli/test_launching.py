"""The command launch: one training on a cluster of Ray or Spark."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.taxonomy import shipped

TINY = shipped("tiny")


def test_it_launches_trainings_alone(run):
    result = run("launch", "--", "predict", "model", "texts.jsonl")
    assert result.exit_code == 2
    assert "expected train and its arguments after --, got 'predict'" in " ".join(
        result.stderr.replace("│", "").split()
    )


@pytest.mark.slow
@pytest.mark.parametrize("cluster", ["ray", "spark"])
def test_two_processes_of_a_cluster_train_one_model(cluster, tiny_bert, tmp_path):
    pytest.importorskip({"ray": "ray", "spark": "pyspark"}[cluster])
    if cluster == "spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    for name in ("tiny.yaml", "tiny.jsonl"):
        shutil.copy(TINY.parent / name, tmp_path)
    training = ["train", "tiny.yaml", "tiny.jsonl", "-o", "model", "--device", "cpu", "--words", "off"]
    training += ["--encoder", str(tiny_bert), "--max-length", "16", "--epochs", "2", "--checkpoints", "kept"]
    launched = subprocess.run(
        [sys.executable, "-m", "hiercls", "launch", "--on", cluster, "--workers", "2", "--", *training],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert launched.returncode == 0, launched.stderr[-2000:]
    assert (launched.stdout + launched.stderr).count("the model is in 'model'") == 1  # the first process speaks alone
    assert HierarchicalTextClassifier.from_pretrained(tmp_path / "model").predict(["a text"], at="one").shape == (1,)
    kept = "".join(path.read_text() for path in (tmp_path / "kept").rglob("*.json"))
    assert '"processes": "2"' in kept
