"""The command pool: a table, a sentence for each customer, a figure, and the truth by training."""

from __future__ import annotations

import json

import pytest

from hiercls.cli.pool import points, sentence
from hiercls.study.paired import Difference
from hiercls.study.pooled import Worth
from hiercls.taxonomy import shipped

TINY = shipped("tiny")


@pytest.fixture(scope="module")
def encoder(tiny_bert):
    return ("--encoder", tiny_bert, "--max-length", 16)


def test_it_tells_each_customer_and_draws_who_helps_whom(run, world, encoder, tmp_path):
    result = run("pool", TINY, world.one, world.others, *encoder, "--figure", tmp_path / "pool.png")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["customer", "documents", "own", "data", "with", "all", "others", "best", "with", "gain"]
    names = [line.split()[0] for line in lines[1 : lines.index("")]]
    assert set(names) == {"one", "two", "three"}
    assert all(any(line.startswith(f"{name}: ") for line in lines) for name in names)
    assert (tmp_path / "pool.png").read_bytes().startswith(b"\x89PNG")


def test_with_verify_the_model_is_trained_and_json_has_all_numbers(run, world, encoder, tmp_path):
    rows = world.others.read_text().splitlines(keepends=True)
    (tmp_path / "two.jsonl").write_text("".join(row for row in rows if json.loads(row)["customer"] == "two"))
    result = run("pool", TINY, world.one, tmp_path / "two.jsonl", *encoder, "--verify", "--seeds", 1, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    one = found["one"]
    assert set(one) == {"documents", "own", "by_each", "by_all", "best", "by_best", "measured", "verdict"}
    assert set(one["by_each"]) == {"two"}
    low, high = one["measured"]["by_all"]["interval"]
    assert low <= one["measured"]["by_all"]["mean"] <= high


def test_the_table_says_what_was_measured(run, world, encoder, monkeypatch):
    def measured(taxonomy, documents, worth, settings, seeds):
        sets = {(name, others) for name, one in worth.items() for others in (tuple(one.by_each), one.best)}
        return {(name, frozenset({name, *others})): Difference(mean=0.03, error=0.01) for name, others in sets}

    monkeypatch.setattr("hiercls.cli.pool._measure", measured)
    lines = run("pool", TINY, world.one, world.others, *encoder, "--verify").stdout.splitlines()
    assert lines[0].endswith("measured, all  measured, best")
    assert all("+3.0 ± 2.0" in line for line in lines[1 : lines.index("")])


def test_one_customer_alone_is_said(run, world, encoder):
    result = run("pool", TINY, world.one, *encoder)
    assert result.exit_code == 1
    assert "documents of somebody else; got one: 36" in result.stderr


def test_topics_that_nothing_tells_apart_are_said(run, tmp_path, encoder):
    words = {"A": "amber", "B": "birch", "C": "cedar", "D": "dune", "E": "ember", "F": "fjord"}
    lines = [
        {"text": f"{words[topic]} {number}", "label": label, "customer": label.split(":")[0]}
        for number in range(12)
        for topic, label in (("A", "one:ABC"), ("D", "one:D"), ("A", "four:ABC"), ("F", "four:DEF"))
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    (tmp_path / "four.yaml").write_text("{customer: four, classes: {ABC: [A, B, C], DEF: [D, E, F]}}")
    result = run("pool", TINY, tmp_path / "rows.jsonl", "--customer", tmp_path / "four.yaml", *encoder)
    assert result.exit_code == 0, result.output
    assert "of all documents together: every view groups 'A', 'B', 'C' alike" in result.stderr


@pytest.mark.parametrize(
    ("mean", "error", "best", "expected"),
    [
        (0.05, 0.01, ("b", "c"), "a: pool it; all others' documents help (+5.0 points, +3.0 to +7.0)."),
        (-0.05, 0.01, ("b", "c"), "a: keep it apart; all others' documents harm (−5.0 points, −7.0 to −3.0)."),
        (0.01, 0.01, ("b", "c"), "a: all others' documents help with a probability of 84% (+1.0 points, −1.0 to "
                                 "+3.0)."),
        (0.05, 0.01, ("c",), "a: pool it; all others' documents help (+5.0 points, +3.0 to +7.0); with c alone it "
                             "would be +9.0."),
    ],
)  # fmt: skip
def test_a_sentence_says_what_to_do_and_how_sure_that_is(mean, error, best, expected):
    gain, more = Difference(mean=mean, error=error), Difference(mean=0.09, error=error)
    worth = Worth(
        n_documents=50, own=0.5, by_each={"b": gain, "c": more}, by_head=gain, by_all=gain, best=best,
        by_best=gain if len(best) == 2 else more,
    )  # fmt: skip
    assert sentence("a", worth) == expected
    assert points(None) == "–"
    assert points(gain) == f"{100 * mean:+.1f} ± 2.0".replace("-", "−")
