"""The column thread: a string or a number, kept through rejects, never divided by a split."""

from __future__ import annotations

import pytest

from hiercls.data.reading import read
from hiercls.data.rejects import reject_row, write_rejects
from hiercls.data.rows import Row, thread_marks
from hiercls.data.splitting import holdout
from hiercls.errors import IndivisibleError, Problem


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,thread\na,17\nb,\nc,x\n"),
        ("a.jsonl", '{"text": "a", "thread": 17}\n{"text": "b", "thread": null}\n{"text": "c", "thread": "x"}\n'),
    ],
)
def test_a_thread_is_a_string_or_a_number(tmp_path, name, content) -> None:
    (tmp_path / name).write_text(content)
    assert [row.thread for row in read(tmp_path / name).rows] == ["17", None, "x"]


def test_anything_else_is_a_problem_of_its_row(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "thread": ["x"]}\n{"text": "b"}\n')
    table = read(tmp_path / "a.jsonl")
    assert [str(problem) for problem in table.problems] == [
        f"{tmp_path / 'a.jsonl'}:1: expected a thread as a string, got the list ['x']"
    ]


def test_a_mended_row_is_still_of_its_thread(tmp_path) -> None:
    write_rejects(tmp_path / "bad.jsonl", [reject_row(Row(text="a", thread="x"), Problem(message="wrong"))])
    assert [row.thread for row in read(tmp_path / "bad.jsonl").rows] == ["x"]


def test_a_split_by_marks_divides_no_thread() -> None:
    rows = [Row(text=f"text {number}", thread=f"t{number // 3}" if number % 2 else None) for number in range(60)]
    training, heldout = holdout([row.text for row in rows], groups=thread_marks(rows), fraction=0.3, seed=0)
    sides = [{rows[place].thread for place in part} - {None} for part in (training.tolist(), heldout.tolist())]
    assert not sides[0] & sides[1]
    assert {None} <= {rows[place].thread for place in heldout.tolist()}


def test_what_cannot_be_divided() -> None:
    for texts, groups in (
        ([], None),
        (["a", " a"], None),
        (["a", "b"], ["x", "x"]),
        (["a", "b", "a"], ["x", "y", "y"]),
    ):
        with pytest.raises(IndivisibleError, match=f"{len(texts)} texts that must all stay together"):
            holdout(texts, groups=groups, fraction=0.5, seed=0)
    assert [len(side) for side in holdout(["a", "b", "c"], groups=["x", "x", "y"], fraction=0.5, seed=0)]
