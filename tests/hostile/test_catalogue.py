"""What is broken or means harm is refused by an error of hiercls, or answered; by any other error never."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from hostile import abuse
from hostile.catalogue import Case, catalogue
from hostile.doors import DOORS
from hostile.fuzzing import CRASHES, TARGETS, corpus, knock
from hostile.wholes import wholes

EVERY = 40
"""Of the quick cases of each door every so many are tried by each run of the tests; the slow test tries all."""
SLOW = ("million", "megabyte", "10,000", "00,000", "kB", "a line of")


def test_the_kinds_are_many_and_each_stands_once_a_door():
    kinds = [(case.door, case.kind) for case in catalogue()]
    assert len(set(kinds)) == len(kinds) >= 500
    assert {door for door, _ in kinds} == set(DOORS) - {"labels"}


def test_what_is_whole_is_answered():
    for door, data in wholes():
        DOORS[door](data)


@pytest.mark.parametrize("door", sorted(set(DOORS) - {"labels"}))
def test_a_sample_is_refused_or_answered(door):
    quick = (case for case in catalogue() if case.door == door and not any(word in case.kind for word in SLOW))
    outcomes = [abuse.knock(case) for case in itertools.islice(quick, 0, None, EVERY)]
    assert [(one.kind, one.said) for one in outcomes if one.became == "fault"] == []
    assert outcomes


@pytest.mark.slow
def test_every_case_is_refused_or_answered():
    outcomes = [abuse.knock(case) for case in catalogue()]
    assert [(one.door, one.kind, one.said) for one in outcomes if one.became == "fault"] == []
    assert sum(one.became == "refused" for one in outcomes) >= 500


def test_an_error_of_another_kind_is_a_fault(monkeypatch):
    monkeypatch.setitem(DOORS, "csv", lambda data: data[9])
    outcome = abuse.knock(Case(door="csv", kind="short", make=lambda: b"x"))
    assert outcome.became == "fault"
    assert "IndexError" in outcome.said
    assert "FAULT csv, short" in abuse.report([outcome, abuse.knock(Case(door="stream", kind="x", make=lambda: b"x"))])


@pytest.mark.parametrize("file", sorted(CRASHES.glob("*-*")), ids=lambda path: path.name)
def test_what_fuzzing_found_stays_mended(file: Path):
    knock(file.name.split("-")[0], file.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_what_fuzzing_found_to_be_new_is_refused_or_answered(target):
    inputs = corpus(target)
    assert len(inputs) > 50
    for data in inputs[::25]:
        knock(target, data)
