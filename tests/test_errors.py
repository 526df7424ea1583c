"""Errors: they say the same in whatever process they are read."""

from __future__ import annotations

import pickle

import pytest

from hiercls.errors import CheckpointError, ConfigError, DataError, HierclsError, Problem, TaxonomyError

PROBLEM = Problem(message="expected a string, got 7", file="a.yaml", line=3, hint="quote it")


@pytest.mark.parametrize(
    "error",
    [
        TaxonomyError([PROBLEM], subject="a.yaml"),
        DataError([PROBLEM, PROBLEM], subject="the rows"),
        ConfigError("expected one, got two"),
        CheckpointError("the disk is full"),
    ],
)
def test_an_error_crosses_processes(error: HierclsError) -> None:
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is type(error)
    assert (str(other), other.args, vars(other)) == (str(error), error.args, vars(error))
