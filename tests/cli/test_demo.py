"""The demo: on few synthetic documents in seconds, and whole (slow) in minutes."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import subprocess
import sys
import time

import numpy as np
import pytest

from hiercls.cli.demo import _verdicts
from hiercls.data.pydocs import Pydocs
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.study.demo import Comparison
from hiercls.taxonomy import Taxonomy, shipped
from hiercls.training.config import TrainingConfig


@pytest.fixture
def small_world(monkeypatch, tiny_bert):
    """Ten documents a topic, each topic with two words of its own, and an encoder that fits in a hand."""
    taxonomy = Taxonomy.from_yaml(shipped("pydocs"))
    words = [f"{letter}{number}" for letter in "abcdef" for number in range(6)]
    pairs = list(itertools.combinations(words, 2))[:: 630 // len(taxonomy.topics)]
    random = np.random.default_rng(0)
    texts, topics = [], []
    for topic, pair in zip(taxonomy.topics, pairs, strict=False):
        for number in range(10):
            texts.append(" ".join([*random.choice(pair, size=8), "the"] + ["of"] * number))
            topics.append(topic)
    corpus = Pydocs(texts=tuple(texts), topics=tuple(topics), versions={"numpy": "2.0"})
    settings = {"encoder": str(tiny_bert), "max_length": 32, "training": TrainingConfig(epochs=5, weight_decay=1.0)}
    monkeypatch.setattr("hiercls.data.pydocs.load_pydocs", lambda: corpus)
    monkeypatch.setattr(
        "hiercls.study.demo.demo_classifier", lambda taxonomy: HierarchicalTextClassifier(taxonomy, **settings)
    )
    return corpus


def percent(line):
    return [float(number) for number in re.findall(r"(\d+\.\d) %", line)]


def test_the_demo_tells_its_whole_story(run, small_world, tmp_path):
    folder = tmp_path / "out put"
    result = run("demo", "-o", folder)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "'pydocs' is fine: 32 topics" in lines
    assert "320 docstrings of numpy 2.0" in result.stdout
    assert "have rank 32 of 32." in " ".join(result.stdout.split())
    rows = {line.split()[1]: line for line in lines if line.startswith(("level ", "customer "))}
    assert [name for name in rows if name in ("area", "topic")] == ["area", "topic"]
    for name in ("university", "publisher", "consultancy"):
        union, own = percent(rows[name])
        told = float(re.search(r"([+−]\d+\.\d) ±", rows[name])[1].replace("−", "-"))
        assert told == pytest.approx(union - own, abs=0.11)
    assert len(percent(rows["topic"])) == 1
    assert re.search(r"Pooling (wins|loses|makes no clear difference) for", result.stdout)

    (onboarded,) = [line for line in lines if line.startswith("laboratory: 13 classes")]
    model = HierarchicalTextClassifier.from_pretrained(folder / "model")
    assert model.taxonomy_ == Taxonomy.from_yaml(shipped("pydocs"))
    assert len(percent(onboarded)) == 1
    assert (folder / "accuracy.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "laboratory.yaml").is_file()


def test_the_next_command_can_be_typed(run, small_world, tmp_path):
    last = run("demo", "-o", tmp_path / "out put").stdout.splitlines()[-1]
    said, command = last.strip().split(" | ")
    words = shlex.split(command)
    words = words[words.index("predict") :]
    answer = json.loads(run(*words, stdin=shlex.split(said)[1] + "\n").stdout)
    assert answer["label"] in Taxonomy.from_yaml(shipped("pydocs")).view("laboratory").classes


def test_it_runs_again_over_its_own_output(run, small_world, tmp_path):
    first, second = (run("demo", "-o", tmp_path).stdout for _ in range(2))
    assert re.sub(r"\d+ seconds", "", first) == re.sub(r"\d+ seconds", "", second)


def test_a_loss_is_told_as_plainly_as_a_gain():
    def one(name, union, own):
        return Comparison(view=name, n_classes=2, n_documents=9, union=union, own=own, deviation=0.02)

    level = Comparison(view="topic", n_classes=2, n_documents=0, union=0.5)
    assert _verdicts([level, one("a", 0.9, 0.8), one("b", 0.7, 0.8), one("c", 0.8, 0.79), one("d", 0.9, 0.5)]) == [
        "Pooling wins for a, d.",
        "Pooling loses for b.",
        "Pooling makes no clear difference for c.",
    ]


@pytest.mark.slow
def test_the_whole_demo_takes_less_than_three_minutes_and_pooling_helps(tmp_path):
    start = time.perf_counter()
    command = [sys.executable, "-m", "hiercls", "demo", "-o", str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert time.perf_counter() - start < 180
    for name in ("university", "publisher", "consultancy"):
        union, own = percent(next(line for line in told.splitlines() if line.startswith(f"customer {name}")))
        assert union > own + 2
