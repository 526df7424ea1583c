"""The command explain, and what predict says of documents of no known topic."""

from __future__ import annotations

import json

import pytest

from hiercls.data import read
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.explain import explain

TEXT = "a1 the <b>d4</b>"


@pytest.fixture(scope="module")
def classifier(training):
    return HierarchicalTextClassifier.from_pretrained(training[0])


def test_the_terminal_says_what_python_does(run, training, classifier):
    result = run("explain", training[0], TEXT, "--at", "one")
    assert (result.exit_code, result.stderr) == (0, "")
    found = explain(classifier, TEXT, at="one")
    lines = result.stdout.splitlines()
    assert lines[0] == f"{found.answer} at one: {found.probability:.3f}"
    assert TEXT in lines
    assert f"{found.duel.topic} against {found.duel.rival}" in result.stdout
    assert "\x1b" not in result.stdout


def test_another_class_may_be_asked_for_and_json_is_plain(run, training, classifier):
    result = run("explain", training[0], "-", "--at", "one", "--class", "D", "--json", stdin=TEXT)
    assert json.loads(result.stdout) == json.loads(json.dumps(explain(classifier, TEXT, at="one", of="D").to_dict()))


def test_documents_are_the_customers_own(run, training, world):
    result = run("explain", training[0], TEXT, "--at", "one", "--documents", world.one, "--neighbours", 99, "--json")
    own = {row.text for row in read(world.one).rows}
    assert {near["text"] for near in json.loads(result.stdout)["neighbours"]} == own
    refused = run("explain", training[0], TEXT, "--at", "one", "--documents", world.others)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "belong to customers other than 'one'" in refused.stderr


def test_bad_rows_of_the_documents_are_listed(run, training, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": null}\n{"text": "a1"}\n')
    result = run("explain", training[0], TEXT, "--documents", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{path}:1:" in result.stderr
    assert "a1" in run("explain", training[0], TEXT, "--documents", path, "--skip-bad").stdout


def test_html_goes_to_a_file_escaped_and_is_not_overwritten(run, training, tmp_path):
    path = tmp_path / "why.html"
    result = run("explain", training[0], TEXT, "--html", path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"wrote {path}" in result.stderr
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "<b>" not in page
    assert "&lt;" in page
    refused = run("explain", training[0], TEXT, "--html", path)
    assert (refused.exit_code, "--force" in refused.stderr) == (1, True)
    assert run("explain", training[0], TEXT, "--html", path, "--force").exit_code == 0


@pytest.mark.parametrize("options", [("--at", "onee"), ("--at", "one", "--class", "AB")])
def test_an_unknown_view_or_class_is_said(run, training, options):
    result = run("explain", training[0], TEXT, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "did you mean" in result.stderr


def test_predict_says_what_is_out_of_scope(run, model, world):
    refused = run("predict", model, "--false-alarms", 0.1, stdin="a1\n")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "calibrate" in refused.stderr
    assert run("calibrate", model, world.one, world.others).exit_code == 0
    texts = ["a1 a2 the", "zebra quagga", "d1 of d2 d2"]
    lines = "".join(f"{text}\n" for text in texts)
    result = run("predict", model, "--at", "one", "--false-alarms", 0.1, stdin=lines)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    expected = HierarchicalTextClassifier.from_pretrained(model).predict_or_reject(texts, at="one", false_alarms=0.1)
    assert [answer["label"] for answer in found] == expected.tolist()
    assert [answer["out_of_scope"] for answer in found] == [label is None for label in expected]
    plain = [json.loads(line) for line in run("predict", model, "--at", "one", stdin=lines).stdout.splitlines()]
    for answer, before in zip(found, plain, strict=True):
        assert answer["top"] == before["top"]
        assert answer["probability"] == (None if answer["out_of_scope"] else before["probability"])
