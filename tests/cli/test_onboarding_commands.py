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


def test_audit_says_what_is_filed_elsewhere_and_proposes_a_yaml(run, model, tmp_path):
    random, path = np.random.default_rng(1), tmp_path / "data.jsonl"
    rows = []
    for number in range(1188):
        topic = "ABCDEF"[number % 6]
        text = " ".join(f"{topic.lower()}{word}" for word in random.integers(6, size=4))
        view = ("one", "two", "three")[number // 6 % 3]
        classes = {"one": "ABC D EF", "two": "A BC DE F", "three": "AB CD E F"}[view].split()
        label = next(name for name in classes if topic in name)
        rows.append({"text": text, "view": view, "label": "F" if (view, topic) == ("two", "E") else label})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = contents(model)
    result = run("customer", "audit", model, path, "--at", "two", "--figure", tmp_path / "two.svg")
    assert result.exit_code == 0, result.output
    assert "audited 396 documents of 'two' against 792 documents of others" in result.stdout
    assert "of 'E' documents are filed under 'F', the YAML says 'DE': about" in result.stdout
    assert f"    {path}:" in result.stdout
    assert "customer two: 'E' moved from 'DE' to 'F'" in result.stdout
    assert "  F: [E, F]" in result.stdout
    assert (tmp_path / "two.svg").stat().st_size > 1000
    assert contents(model) == before
    clean = run("customer", "audit", model, path, "--at", "one")
    assert clean.stdout.splitlines()[1] == "nothing is surely filed elsewhere than the YAML says"
    missing = run("customer", "audit", model, path, "--at", "four")
    assert (missing.exit_code, "unknown customer 'four'" in missing.stderr) == (1, True)


def test_infer_drafts_a_yaml_that_can_be_added(run, model, tmp_path):
    random, path, draft = np.random.default_rng(2), tmp_path / "data.jsonl", tmp_path / "acme.yaml"
    rows = []
    for number in range(100):
        topic = "ABCDE"[number % 5] if number < 80 else "F"
        text = " ".join(f"{topic.lower()}{word}" for word in random.integers(6, size=4))
        rows.append({"text": text, "label": "left" if topic in "ABC" else "right"} if number < 80 else {"text": text})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = contents(model)
    result = run("customer", "infer", model, path, "--name", "acme", "-o", draft)
    assert result.exit_code == 0, result.output
    assert "# uncertain: F: " in draft.read_text()
    assert "  left: [A, B, C" in draft.read_text()
    assert "of 6 settled by 80 documents" in result.stderr
    chosen = [int(line.rpartition(":")[2]) for line in result.stderr.splitlines() if line.startswith("  ")]
    assert len(chosen) == 10
    assert min(chosen) > 80
    assert contents(model) == before
    assert run("customer", "add", model, draft).exit_code == 0
    refused = run("customer", "infer", model, path, "--name", "other", "-o", draft)
    assert (refused.exit_code, "--force overwrites it" in refused.stderr) == (1, True)


def test_infer_wants_one_class_a_document(run, model, tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps({"text": "a1", "label": ["x", "y"]}) + "\n")
    result = run("customer", "infer", model, path, "--name", "acme")
    assert (result.exit_code, "data.jsonl:1: expected one class, got 2" in result.stderr) == (1, True)


def test_adapt_changes_the_model_where_it_helps_and_says_so(run, model, tmp_path):
    random, path = np.random.default_rng(3), tmp_path / "data.jsonl"
    rows = []
    for number in range(120):
        topic = "ABCDEF"[number % 6]
        text = " ".join(f"{topic.lower()}{word}" for word in random.integers(6, size=4))
        label = "F" if topic == "C" else next(name for name in ["A", "BC", "DE", "F"] if topic in name)
        rows.append({"text": text, "label": label})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = contents(model)
    dry = run("customer", "adapt", model, path, "--at", "two", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert dry.stdout.startswith("adapting to 'two' by 'filing' helps")
    assert "of 'C' documents are expected under 'F'" in dry.stdout
    assert contents(model) == before
    found = run("customer", "adapt", model, path, "--at", "two", "-o", tmp_path / "m")
    assert (found.exit_code, contents(model)) == (0, before)
    adapted = HierarchicalTextClassifier.from_pretrained(tmp_path / "m")
    assert adapted.predict(["c1 c2 c3"], at="two").tolist() == ["F"]
    assert adapted.predict(["c1 c2 c3"], at="one").tolist() == ["ABC"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:6]))
    left = run("customer", "adapt", model, path, "--at", "two")
    assert (left.exit_code, contents(model)) == (0, before)
    assert "'two' was left as it was" in left.stdout
    assert run("customer", "adapt", model, path, "--at", "two", "--dry-run", "-o", "x").exit_code == 2


def test_advise_prints_a_table_and_a_sentence_and_changes_nothing(run, model, tmp_path):
    random, path = np.random.default_rng(4), tmp_path / "data.jsonl"
    rows = []
    for number in range(30):
        topic = "ABCDEF"[number % 6]
        text = " ".join(f"{topic.lower()}{word}" for word in random.integers(6, size=4))
        rows.append({"text": text, "label": next(name for name in ["ABC", "D", "EF"] if topic in name)})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = contents(model)
    result = run("customer", "advise", model, path, "--at", "one")
    assert result.exit_code == 0, result.output
    *table, sentence = result.stdout.splitlines()
    assert table[0].split()[:2] == ["way", "accuracy"]
    starred = [line for line in table[1:] if line.endswith("*")]
    assert len(starred) == 1
    assert sentence.startswith(f"use '{starred[0].split('  ')[0]}'")
    assert any(line.startswith("the YAML alone") for line in table)
    bare = run("customer", "advise", model, path)
    assert bare.exit_code == 0, bare.output
    assert "the YAML alone" not in bare.stdout
    assert contents(model) == before
