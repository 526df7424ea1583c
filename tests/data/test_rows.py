import dataclasses

import numpy as np
import pandas as pd
import pytest

from hiercls.data.rows import Row, make_rows
from hiercls.errors import ConfigError, DataError, InputTypeError


def test_rows_keep_texts_labels_and_order() -> None:
    rows = make_rows(
        ["first", "", "third"], ["ABC", None, ["ABC", "two:BC"]], views="one", customers=["one", None, "x"]
    )
    assert [row.text for row in rows] == ["first", "", "third"]
    assert [row.labels for row in rows] == [(("one", "ABC"),), (), (("one", "ABC"), ("one", "two:BC"))]
    assert [row.customer for row in rows] == ["one", None, "x"]


def test_rows_without_labels() -> None:
    assert make_rows(["a"]) == (Row(text="a"),)
    assert make_rows([]) == ()


@pytest.mark.parametrize(
    "kind", [list, tuple, np.array, pd.Series, iter, lambda values: np.array(values, dtype=object)]
)
def test_every_kind_of_list(kind) -> None:
    rows = make_rows(kind(["a", "b"]), kind(["A", "B"]), views=kind(["topic", "topic"]))
    assert [type(row.text) for row in rows] == [str, str]
    assert [row.labels for row in rows] == [(("topic", "A"),), (("topic", "B"),)]


def test_one_view_per_text_and_missing_ones() -> None:
    rows = make_rows(["a", "b", "c"], ["A", "ABC", "B"], views=pd.Series(["topic", "one", None]))
    assert [row.labels[0][0] for row in rows] == ["topic", "one", None]


def test_missing_labels_of_pandas_are_no_labels() -> None:
    labels = pd.Series(["A", None, pd.NA, float("nan")], dtype=object)
    assert [row.labels for row in make_rows(list("abcd"), labels)] == [((None, "A"),), (), (), ()]


@pytest.mark.parametrize("argument", ["texts", "labels"])
def test_a_bare_string_is_an_error_that_says_so(argument) -> None:
    given = {"texts": ["a"], "labels": ["A"]} | {argument: "one document"}
    with pytest.raises(InputTypeError, match=f"'{argument}' to be a list of strings, got one string"):
        make_rows(**given)


@pytest.mark.parametrize("texts", [{"text": "a"}, {"a", "b"}, 3, None, b"a"])
def test_other_kinds_are_errors(texts) -> None:
    with pytest.raises(InputTypeError, match="'texts'"):
        make_rows(texts)


@pytest.mark.parametrize("argument", ["labels", "views", "customers"])
def test_lengths_must_agree(argument) -> None:
    with pytest.raises(ConfigError, match=r"got 3 .* for 2 texts"):
        make_rows(["a", "b"], **{argument: ["A", "B", "C"]})


def test_all_bad_cells_are_reported_at_once() -> None:
    with pytest.raises(DataError) as caught:
        make_rows(["a", None, 3, float("nan")], ["A", "B", ["C", 4], "D"], views=["topic", 1, None, None])
    paths = [problem.path for problem in caught.value.problems]
    assert sorted(paths) == ["labels[2]", "texts[1]", "texts[2]", "texts[3]", "views[1]"]
    assert "at texts[1]: expected a text as a string, got None; an empty text is ''" in str(caught.value)
    assert "at labels[2]: expected a label as a string, got the int 4" in str(caught.value)


def test_a_row_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Row(text="a").text = "b"  # type: ignore[misc]


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(DataError, match="half of a surrogate pair at character 2"):
        make_rows(["ä\ud800"])


@pytest.mark.parametrize("texts", [pd.DataFrame({"text": ["a"]}), np.array("a")])
def test_a_table_or_a_single_value_is_no_list_of_texts(texts) -> None:
    with pytest.raises(InputTypeError, match="'texts' to be a list of strings") as caught:
        make_rows(texts)
    assert ("choose one of its columns" in str(caught.value)) == isinstance(texts, pd.DataFrame)


def test_what_a_row_lists_completely():
    labels = [["ABC"], [], None, ["ABC"], []]
    said = [None, None, None, False, False]
    rows = make_rows(["…"] * 5, labels, views="one", complete=said)
    assert [row.complete for row in rows] == [None, ("one",), None, (), ()]
    assert [row.complete for row in make_rows(["…"] * 2, ["A", None], complete=True)] == [None, (None,)]
    with pytest.raises(DataError, match=r"complete\[1\].*true or false, got the int 3"):
        make_rows(["…"] * 2, ["A", "B"], complete=[True, 3])
