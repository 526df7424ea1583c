"""The commands that get to know a customer: what they print, and what they change."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hiercls.data.reading import read
from hiercls.estimator import HierarchicalTextClassifier


@pytest.fixture
def skewed(tmp_path):
    """Documents that are mostly of topic B, filed by customer one; and one row of another customer."""
    random = np.random.default_rng(0)
    rows = []
    for topic in ["B"] * 30 + ["E"] * 10:
        text = " ".join(f"{topic.lower()}{word}" for word in random.integers(6, size=3))
        rows.append({"text": text, "label": {"B": "ABC", "E": "EF"}[topic]})
    rows.append({"text": "a1 a2", "label": "A", "view": "two"})
    path = tmp_path / "skewed.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def contents(model):
    return {file.name: file.read_bytes() for file in model.iterdir()}


def test_mix_says_what_the_documents_are_about_and_changes_nothing(run, model, skewed):
    before = contents(model)
    result = run("customer", "mix", model, skewed, "--at", "one")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "found from 40 documents, 40 with labels"
    assert lines[1].split() == ["topic", "share", "90%", "interval", "all", "customers"]
    assert lines[2].split()[0] == "B"
    assert "1 row of other customers left out" in result.stderr
    assert contents(model) == before
    classifier = HierarchicalTextClassifier.from_pretrained(model)
    found = classifier.estimate_prior_rows(read(skewed).rows[:-1], at="one")
    assert lines[2].split()[1] == f"{found.shares[1]:.1%}"


def test_mix_is_applied_in_place_or_elsewhere(run, model, skewed, tmp_path):
    result = run("customer", "mix", model, skewed, "--at", "one", "--without-labels", "--apply", "-o", tmp_path / "m")
    assert result.exit_code == 0, result.output
    assert "40 documents, none with labels" in result.stdout
    assert "never calibrated" in result.stderr
    assert not HierarchicalTextClassifier.from_pretrained(model).priors
    plain = HierarchicalTextClassifier.from_pretrained(tmp_path / "m").priors["one"]
    assert run("customer", "mix", model, skewed, "--at", "one", "--apply").exit_code == 0
    told = HierarchicalTextClassifier.from_pretrained(model).priors["one"]
    assert sum(told[topic] for topic in "ABC") > 0.6
    assert told != plain


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--at", "onee"], 1, "unknown customer 'onee'"),
        (["--at", "three"], 1, "is no class of 'three'"),
        (["--at", "one", "-o", "elsewhere"], 2, "--apply"),
    ],
)
def test_what_cannot_be_is_said(run, model, skewed, options, code, said):
    result = run("customer", "mix", model, skewed, *options)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
