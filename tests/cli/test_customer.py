"""The commands on a trained model's customers: changed in place, whole or not at all, without any training."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.taxonomy import Taxonomy

ACME = "customer: acme\nclasses: {Science: X, Arts: D, Other: rest}\n"


@pytest.fixture
def acme(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(ACME)
    return path


def taxonomy_of(model):
    return Taxonomy.from_yaml(model / "taxonomy.yaml")


def contents(model):
    return {file.name: file.read_bytes() for file in model.iterdir()}


def test_a_customer_comes_regroups_and_leaves(run, model, acme):
    before = contents(model)
    result = run("customer", "add", model, acme)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("added 'acme' with 3 classes; next: ")
    assert result.stdout.rstrip().endswith(f"predict {model} FILE --at acme")
    assert contents(model)["model.safetensors"] == before["model.safetensors"]
    answer = json.loads(run("predict", model, "--at", "acme", stdin="a1 a2 a3\n").stdout)
    assert answer["label"] == "Science"

    acme.write_text(ACME.replace("Arts: D, ", ""))
    result = run("customer", "replace", model, acme)
    assert result.stdout.startswith("'acme' has 2 classes now; next: ")
    assert taxonomy_of(model).view("acme").classes == ("Science", "Other")
    assert run("customer", "replace", model, acme).stdout.startswith("nothing to replace")

    result = run("customer", "remove", model, "acme")
    assert result.stdout == "removed 'acme'; left: one, two, three\n"
    assert contents(model) == before


def test_the_last_customer_may_leave(run, model):
    for name in ("one", "two", "three"):
        result = run("customer", "remove", model, name)
    assert result.stdout == "removed 'three'; left: no customers\n"
    assert run("predict", model, stdin="a1\n").exit_code == 0


def test_output_leaves_the_model_as_it_was(run, model, acme, tmp_path):
    before = contents(model)
    result = run("customer", "add", model, acme, "-o", tmp_path / "changed")
    assert result.exit_code == 0
    assert f"predict {tmp_path / 'changed'} FILE" in result.stdout
    assert contents(model) == before
    assert "acme" in HierarchicalTextClassifier.from_pretrained(tmp_path / "changed").taxonomy_.customers
    refused = run("customer", "add", model, acme, "-o", tmp_path / "changed")
    assert refused.exit_code == 1
    assert "is there already" in refused.stderr


def test_one_class_is_one_class(run, model, acme):
    acme.write_text("customer: acme\nclasses: {All: rest}\n")
    assert run("customer", "add", model, acme).stdout.startswith("added 'acme' with 1 class; ")


@pytest.mark.parametrize(
    ("arguments", "yaml", "said"),
    [
        (["add"], "customer: acme\nclasses: {Science: [A, Q], Other: [B]}\n", "acme.yaml:2:"),
        (["add"], "customer: one\nclasses: {Science: X, Other: rest}\n", "'one'"),
        (["replace"], ACME, "unknown customer 'acme'"),
        (["remove", "onee"], ACME, "unknown customer 'onee'; did you mean 'one'?"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(run, model, acme, arguments, yaml, said):
    acme.write_text(yaml)
    before = contents(model)
    result = run("customer", arguments[0], model, *(arguments[1:] or [acme]))
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert contents(model) == before


def test_what_is_no_model(run, tmp_path, acme):
    result = run("customer", "add", tmp_path, acme)
    assert result.exit_code == 1
    assert "expected a model folder" in result.stderr


@pytest.mark.parametrize("given", ["pairs", "mix.yaml", "mix.json"])
def test_a_customer_comes_with_a_mix_of_its_own(run, model, acme, tmp_path, given):
    shares = {"A": 1, "B": 3}
    (tmp_path / "mix.json").write_text(json.dumps(shares))
    (tmp_path / "mix.yaml").write_text("A: 1\nB: 3\n")
    prior = ["--prior", "A=1", "--prior", "B=3.0"] if given == "pairs" else ["--prior", tmp_path / given]
    expected = HierarchicalTextClassifier.from_pretrained(model).add_customer(acme, prior=shares)
    result = run("customer", "add", model, acme, *prior)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "added 'acme' with 3 classes and a mix of topics of its own; next: " in result.stdout
    found = HierarchicalTextClassifier.from_pretrained(model)
    assert found.priors == expected.priors == {"acme": shares}
    texts = ["a1 b2 d3", "e1"]
    np.testing.assert_array_equal(found.predict_proba(texts, at="acme"), expected.predict_proba(texts, at="acme"))


def test_a_mix_comes_changes_and_goes_with_replace(run, model, acme):
    run("customer", "add", model, acme)
    result = run("customer", "replace", model, acme, "--prior", "A=1")
    assert (result.stderr, "'acme' has 3 classes and a mix of topics of its own now" in result.stdout) == ("", True)
    assert run("customer", "replace", model, acme, "--prior", "A=1").stdout.startswith("nothing to replace")
    result = run("customer", "replace", model, acme)
    assert "'acme' had a mix of topics of its own, and has that of all customers now" in result.stderr
    assert result.stdout.startswith("'acme' has 3 classes now; ")
    assert HierarchicalTextClassifier.from_pretrained(model).priors is None


@pytest.mark.parametrize(
    ("prior", "code", "said"),
    [
        (["A=much"], 2, "expected a file, or topic=share such as A=0.7, got 'A=much'"),
        (["A=1", "A=2"], 2, "gives a share to 'A' twice"),
        (["A=1", "mix.yaml"], 2, "--prior takes one file, or topic=share as often as there are topics"),
        (["A=1", "Q=-1", "X=1"], 1, "3 problems in the shares of topics"),
        (["A=.5,B=.5"], 2, "'A=.5,B' is no topic; repeat --prior for every topic=share"),
        (["none.yaml"], 1, "none.yaml: there is no such file"),
    ],
)
def test_a_mix_that_is_none_changes_nothing(run, model, acme, prior, code, said):
    before = contents(model)
    result = run("customer", "add", model, acme, *(word for one in prior for word in ("--prior", one)))
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert contents(model) == before
