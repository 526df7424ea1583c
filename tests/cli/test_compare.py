"""The command compare: one table, one honest sentence, one figure."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest

from hiercls.cli.compare import verdict
from hiercls.study.compare import SplitResult
from hiercls.study.comparison import Results
from hiercls.study.paired import Answers
from hiercls.taxonomy import shipped

TINY = shipped("tiny")


@pytest.fixture(scope="module")
def encoder(tiny_bert):
    return ("--encoder", tiny_bert, "--max-length", 16, "--seeds", 1)


def test_it_tells_who_wins_where_and_draws_it(run, world, encoder, tmp_path):
    result = run("compare", TINY, world.one, world.others, *encoder, "--figure", tmp_path / "compared.png")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "1 seed: 77 documents to learn from and 19 to be tested on"
    assert lines[2].split() == ["accuracy", "customers'", "mean", "one", "two", "three", "area", "seconds"]
    names = [line.split("  ")[0] for line in lines[3 : lines.index("", 3)]]
    assert names[0] == "hiercls"
    assert names[-5:-1] == [
        "same encoder + logistic regression",
        "TF-IDF + LinearSVC",
        "TF-IDF + ComplementNB",
        "majority class",
    ]
    assert ("hiclass: TF-IDF + LinearSVC under every node" in names) == bool(importlib.util.find_spec("hiclass"))
    assert lines[lines.index("", 3) - 1].startswith("hiercls − best of the others  ")
    assert lines[-1].endswith(".")
    assert {"wins", "loses", "makes"} & set(" ".join(lines[-3:]).split())
    assert (tmp_path / "compared.png").read_bytes().startswith(b"\x89PNG")


def test_the_result_as_json_has_all_numbers(run, world, encoder):
    result = run("compare", TINY, world.one, "--test", world.others, *encoder, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["seeds"], found["n_training"], found["n_test"]) == ([0], [36], [60])
    ours = found["methods"]["hiercls"]
    assert len(ours["accuracy"]["two"]) == 1
    assert found["methods"]["TF-IDF + LinearSVC"]["accuracy"]["two"] is None
    assert found["differences"]["two"] is None
    assert found["differences"]["area"]["rival"] in found["methods"]


def test_the_number_of_workers_is_that_asked_for(run, world, encoder):
    result = run("compare", TINY, world.one, *encoder, "--workers", 0)
    assert result.exit_code == 1
    assert "1 worker or more" in result.stderr


def test_a_figure_of_no_known_kind_is_said_before_any_work(run, world, tmp_path):
    result = run("compare", TINY, world.one, "--figure", tmp_path / "compared.txt")
    assert result.exit_code == 1
    assert "expected a figure that ends in .svg or .png or .pdf" in result.stderr


class Split:
    """As much of a split as the verdict needs."""

    def __init__(self, taxonomy):
        self.taxonomy, self.seed, self.views = taxonomy, 0, ("one", "two", "three", "topic")


def test_the_verdict_names_wins_losses_and_what_is_open(tiny):
    results = Results(splits=[Split(tiny)], methods=("hiercls", "other"))
    shares = {"hiercls": {"one": 0.9, "two": 0.5, "three": 0.71}, "other": {"one": 0.7, "two": 0.7, "three": 0.7}}
    for method, by_view in shares.items():
        views = {**by_view, "topic": 0.5} if method == "hiercls" else by_view
        answers = {
            view: Answers(clusters=np.arange(100), right=np.arange(100) < 100 * share) for view, share in views.items()
        }
        results.add(SplitResult(method=method, seed=0, answers=answers, seconds=1.0))
    said = verdict(results)
    assert said == (
        "hiercls wins at one (20.0 points over other); it loses at two (20.0 points under other); "
        "it makes no clear difference at customers' mean, three."
    )
    alone = Results(splits=[Split(tiny)], methods=("hiercls", "other"))
    assert "alone can answer" in verdict(alone)
