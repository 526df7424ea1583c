"""The command that learns other labels: what it answers, and the head that it saves."""

from __future__ import annotations

import json

import pytest

from hiercls.cli.repurposing import HeadName
from hiercls.customers.heads import HEADS
from hiercls.customers.repurpose import Repurposer
from hiercls.estimator import HierarchicalTextClassifier


@pytest.fixture
def moods(tmp_path):
    """Labels that no customer has; the last two documents have none."""
    rows = [
        {"text": f"{letter}{place} the", "label": "low" if letter == "a" else "high"}
        for place in range(6)
        for letter in "ad"
    ]
    rows += [{"text": "a1 a2 a3"}, {"text": "d1 d2 d3"}]
    path = tmp_path / "moods.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_command_offers_every_head():
    assert [name.value for name in HeadName] == list(HEADS)


@pytest.mark.parametrize("layers", [(), ("--layer", "encoder.layer.0", "--layer", "encoder.layer.1")])
def test_other_labels_are_learnt_answered_saved_and_used_again(run, model, moods, tmp_path, layers):
    result = run("customer", "repurpose", model, moods, "-o", tmp_path / "head", *layers)
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["label"] for answer in answers] == ["low", "high"]
    assert all(0.5 <= answer["probability"] <= 1.0 for answer in answers)
    assert "learnt 2 classes from 12 documents" in result.stderr
    again = run("customer", "repurpose", model, moods, "--with", tmp_path / "head")
    assert again.stdout.splitlines()[-2:] == result.stdout.splitlines()
    assert len(again.stdout.splitlines()) == 14
    classifier = HierarchicalTextClassifier.from_pretrained(model)
    head, names = Repurposer.load(tmp_path / "head"), [name for name in layers if name != "--layer"]
    assert head.predict(classifier.features(["a4 a5"], layers=names)).tolist() == ["low"]


def test_nothing_to_learn_from_is_said(run, model, tmp_path):
    (tmp_path / "bare.jsonl").write_text('{"text": "a1"}\n')
    result = run("customer", "repurpose", model, tmp_path / "bare.jsonl")
    assert result.exit_code == 1
    assert "--with HEAD" in result.stderr
