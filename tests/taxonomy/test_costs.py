"""What wrong filings cost, from YAML to the matrix and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiercls.decoding import least_cost
from hiercls.errors import ConfigError
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.diff import differences

CLASSES = ("ABC", "D", "EF")
ONE = {"ABC": "X", "D": "D", "EF": ["E", "F"]}
COSTS = {"D": {"ABC": 2.5, "EF": 1e-7}, "EF": 2}


@pytest.fixture
def priced(tiny: Taxonomy) -> Taxonomy:
    return tiny.replace_customer({"customer": "one", "classes": ONE, "costs": COSTS})


def test_the_matrix_is_what_is_written_and_one_elsewhere(priced: Taxonomy, tiny: Taxonomy) -> None:
    """Rows are what a document is filed under, columns what is true."""
    assert priced.costs("one").tolist() == [[0.0, 2.5, 2.0], [1.0, 0.0, 2.0], [1.0, 1e-7, 0.0]]
    assert tiny.costs("one").tolist() == (1 - np.eye(3)).tolist()
    with pytest.raises(ConfigError, match="unknown customer 'uno'"):
        tiny.costs("uno")


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    costs=st.dictionaries(
        st.sampled_from(CLASSES),
        st.floats(0, 1e9) | st.integers(0, 9) | st.dictionaries(st.sampled_from(CLASSES), st.floats(0, 1e9)),
    )
)
def test_costs_survive_yaml_and_plain_data(tiny: Taxonomy, costs) -> None:
    legal = {
        truth: {filed: cost for filed, cost in value.items() if filed != truth} if isinstance(value, dict) else value
        for truth, value in costs.items()
    }
    taxonomy = tiny.replace_customer({"customer": "one", "classes": ONE, "costs": legal})
    for again in (
        Taxonomy.from_yaml(taxonomy.to_yaml()),
        Taxonomy.from_dict(json.loads(json.dumps(taxonomy.to_dict()))),
    ):
        assert again == taxonomy
        assert (again.costs("one") == taxonomy.costs("one")).all()
    for row, filed in enumerate(CLASSES):
        for column, truth in enumerate(CLASSES):
            value = legal.get(truth, 1)
            expected = 0 if filed == truth else value.get(filed, 1) if isinstance(value, dict) else value
            assert taxonomy.costs("one")[row, column] == expected


def test_costs_follow_new_names(priced: Taxonomy) -> None:
    renamed = priced.renamed({"one:D": "drama", "one": "uno", "E": "Echo"})
    assert renamed.view("uno").classes == ("ABC", "drama", "EF")
    assert (renamed.costs("uno") == priced.costs("one")).all()


def test_taxonomies_of_other_costs_are_not_equal_and_differ_in_them(tiny: Taxonomy, priced: Taxonomy) -> None:
    assert priced != tiny
    assert differences(tiny, priced) == ("customer one: the costs of wrong filings changed",)
    assert differences(priced, priced) == ()
    spelt = tiny.replace_customer({"customer": "one", "classes": ONE, "costs": {"D": 1}})
    assert differences(tiny, spelt) == (
        "only the order of nodes, customers or classes changed, or how costs are written",
    )


def test_a_class_may_be_called_costs(tiny: Taxonomy) -> None:
    added = tiny.with_customer({"customer": "four", "classes": {"costs": ["A", "B"], "classes": "rest"}})
    assert added.view("four").classes == ("costs", "classes")
    plain = Taxonomy.from_yaml("{hiercls: 1, levels: [t], topics: [A, B], customers: {one: {costs: A, gains: B}}}")
    assert plain.view("one").classes == ("costs", "gains")


def test_the_cheapest_filing_weighs_what_is_declared(priced: Taxonomy) -> None:
    """D is likeliest, but EF is cheaper: .2 · 1 against .2 · 1 + .3 · 2 for D, and .5 · 2.5 + .3 · 2 for ABC."""
    logs = np.log([[0.2, 0.5, 0.3]])
    expected = priced.costs("one") @ [0.2, 0.5, 0.3]
    assert least_cost(logs, costs=priced.costs("one")).tolist() == [int(expected.argmin())] == [2]
