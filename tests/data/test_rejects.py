import json

import pytest

from hiercls.data.reading import read
from hiercls.data.rejects import Reject, reject_row, write_rejects
from hiercls.data.rows import Row
from hiercls.errors import Problem


def test_rejects_hold_the_rows_as_they_came_and_the_reasons(tmp_path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_bytes(b'{"text": null, "id": 7}\n{"text": "caf\xe9"}\n{"text": "ab\\ud800"}\n{"text": "fine"}\n')
    path = tmp_path / "rejects.jsonl"
    assert write_rejects(path, read(source).rejects) == 3
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"text": None, "id": 7, "reasons": [str(read(source).problems[0])]}
    assert lines[1]["raw"] == '{"text": "caf\\xe9"}'
    assert lines[2]["text"] == "ab\ud800"
    assert f"{source}:2: expected UTF-8" in lines[1]["reasons"][0]


def test_a_mended_rejects_file_can_be_read_again(tmp_path) -> None:
    row = Row(text="ein Döcument", labels=(("one", "Q"), (None, "A")), customer="one", file="a.csv", line=3)
    path = tmp_path / "rejects.jsonl"
    write_rejects(path, [reject_row(row, Problem(message="'Q' is no class of 'one'", file="a.csv", line=3))])
    assert "ein Döcument" in path.read_text(encoding="utf-8")
    (again,) = read(path).rows
    assert (again.text, again.labels, again.customer) == (row.text, row.labels, row.customer)


def test_the_file_is_written_whole_or_not_at_all(tmp_path) -> None:
    path = tmp_path / "rejects.jsonl"
    path.write_text("before\n")

    def rows():
        yield Reject(raw="a", problems=(Problem(message="bad"),))
        raise RuntimeError("stopped in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        write_rejects(path, rows())
    assert path.read_text() == "before\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["rejects.jsonl"]


def test_values_that_json_does_not_know(tmp_path) -> None:
    path = tmp_path / "rejects.jsonl"
    write_rejects(path, [Reject(raw={"text": float("nan"), "when": {1}}, problems=())])
    assert json.loads(path.read_text()) == {"text": None, "when": "{1}", "reasons": []}
