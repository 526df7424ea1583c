import csv
import io
import json
import os
import sys
from collections import UserDict
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hiercls.data.reading import Table, iterate, iterate_stream, read, read_stream
from hiercls.data.rejects import reject_row, write_rejects
from hiercls.data.rows import Row
from hiercls.errors import DataError, InputTypeError, MissingExtraError, Problem

EXPECTED = [
    ("first", (("one", "ABC"),), "one"),
    ("", (("two", "BC"),), None),
    ("third,\nof two lines", (), "two"),
    ("vier – ½", ((None, "one:EF"),), None),
]
COLUMNS = {
    "text": [text for text, _, _ in EXPECTED],
    "label": ["ABC", "BC", None, "one:EF"],
    "view": ["one", "two", None, None],
    "customer": ["one", None, "two", None],
    "id": [1, 2, 3, 4],
}


def _facts(table: Table) -> list[tuple]:
    return [(row.text, row.labels, row.customer) for row in table.rows]


def _write(path, kind: str):
    frame = pd.DataFrame(COLUMNS)
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind in ("csv", "tsv"):
        frame.to_csv(path, sep="\t" if kind == "tsv" else ",", index=False)
    else:
        rows = [dict(zip(COLUMNS, cells, strict=True)) for cells in zip(*COLUMNS.values(), strict=True)]
        path.write_text("\n\n".join(json.dumps(row) for row in rows) + "\n")


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("csv", [2, 3, 4, 6]),
        ("tsv", [2, 3, 4, 6]),
        ("jsonl", [1, 3, 5, 7]),
        ("ndjson", [1, 3, 5, 7]),
        ("parquet", [1, 2, 3, 4]),
    ],
)
def test_every_kind_of_file_gives_the_same_rows(tmp_path, kind, lines) -> None:
    path = tmp_path / f"data.{kind}"
    _write(path, kind)
    table = read(path)
    assert _facts(table) == EXPECTED
    assert table.problems == ()
    assert [row.line for row in table.rows] == lines
    assert {row.file for row in table.rows} == {str(path)}


class _Dataset:
    """What of a Hugging Face data set is used: names and columns."""

    def __init__(self, columns: dict) -> None:
        self._columns = columns
        self.column_names = list(columns)

    def __getitem__(self, name: str) -> list:
        return self._columns[name]


@pytest.mark.parametrize(
    "make",
    [
        pd.DataFrame,
        lambda columns: pd.DataFrame(columns).convert_dtypes(),
        lambda columns: pd.DataFrame(columns).set_index("id"),
        pa.table,
        _Dataset,
        lambda columns: pd.DataFrame(columns).to_dict("records"),
        lambda columns: (UserDict(row) for row in pd.DataFrame(columns).to_dict("records")),
    ],
)
def test_every_kind_of_table_in_memory_gives_the_same_rows(make) -> None:
    table = read(make(COLUMNS))
    assert _facts(table) == EXPECTED
    assert {(row.file, row.line) for row in table.rows} == {(None, None)}


def test_several_labels() -> None:
    table = read(
        [
            {"text": "a", "label": ["ABC", "two:BC"], "view": "one"},
            {"text": "b", "labels": [["one", "ABC"], ["two", "BC"], [None, "C"], "D"], "view": "topic"},
            {"text": "c", "label": "E", "labels": [("two", "DE")]},
            {"text": "d", "label": [], "labels": None},
            {"text": "e", "label": "", "labels": "", "view": "", "customer": ""},
        ]
    )
    assert table.problems == ()
    assert [row.labels for row in table.rows] == [
        (("one", "ABC"), ("one", "two:BC")),
        (("one", "ABC"), ("two", "BC"), (None, "C"), ("topic", "D")),
        ((None, "E"), ("two", "DE")),
        (),
        (),
    ]


def test_several_labels_through_parquet_and_pandas(tmp_path) -> None:
    columns = {"text": ["a", "b"], "label": [["ABC"], None], "labels": [None, [["one", "EF"], ["two", "F"]]]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    expected = [((None, "ABC"),), (("one", "EF"), ("two", "F"))]
    assert [row.labels for row in read(tmp_path / "a.parquet").rows] == expected
    frame = pd.read_parquet(tmp_path / "a.parquet")
    assert isinstance(frame["label"][0], np.ndarray)
    assert [row.labels for row in read(frame).rows] == expected


def test_several_sources_in_order(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("text\nfirst\n")
    table = read(str(tmp_path / "a.csv"), [{"text": "second"}], tmp_path / "a.csv")
    assert [row.text for row in table.rows] == ["first", "second", "first"]


def test_a_byte_order_mark_nul_and_windows_line_ends(tmp_path) -> None:
    (tmp_path / "a.CSV").write_bytes(b'\xef\xbb\xbftext,label\r\n"a\r\nb",A\r\nc\0d,B\r\n\r\n')
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "a", "label": "A"}\r\n{"text": "c\\u0000d"}\r\n')
    rows = read(tmp_path / "a.CSV", tmp_path / "a.jsonl").rows
    assert [(row.text, row.line) for row in rows] == [("a\r\nb", 2), ("c\0d", 4), ("a", 1), ("c\0d", 2)]


def test_a_text_of_ten_megabytes_and_the_limit_is_put_back(tmp_path) -> None:
    limit = csv.field_size_limit()
    (tmp_path / "a.csv").write_text("text\n" + "word " * 2_000_000 + "\n")
    assert len(read(tmp_path / "a.csv").rows[0].text) == 10_000_000
    assert csv.field_size_limit() == limit


def test_a_header_alone_is_an_empty_table(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n")
    (tmp_path / "a.jsonl").write_text("")
    assert read(tmp_path / "a.csv", tmp_path / "a.jsonl", []) == Table(rows=())


GOOD = b'{"text": "fine"}\n'
BAD_ROWS = {
    "null text": ("jsonl", GOOD + b'{"text": null}\n', 2, "got None; an empty text is ''"),
    "text is a number": ("jsonl", GOOD + b'{"text": 12}\n', 2, "expected a text as a string, got the int 12"),
    "text is a list": ("jsonl", b'{"text": ["a"]}\n' + GOOD, 1, "expected a text as a string, got the list ['a']"),
    "one row without text": ("jsonl", GOOD + b'{"txt": "a"}\n', 2, "expected a column 'text', found 'txt'"),
    "broken JSON": ("jsonl", GOOD + b'\n{"text": "a" "b"}\n', 3, "not valid JSON (Expecting ',' delimiter)"),
    "cut off JSON": ("jsonl", GOOD + b'{"text": "a', 2, "not valid JSON (Unterminated string"),
    "a list for an object": ("jsonl", GOOD + b'["a"]\n', 2, "expected an object with the columns as keys, got the l"),
    "a key twice": ("jsonl", GOOD + b'{"text": "a", "text": "b"}\n', 2, "the key 'text' stands twice"),
    "deep nesting": ("jsonl", GOOD + b'{"text": ' + b"[" * 100_000 + b"\n", 2, "nested too deeply"),
    "a number of 5,000 digits": ("jsonl", GOOD + b'{"text": ' + b"1" * 5000 + b"}\n", 2, "not usable JSON (Exceeds"),
    "half a surrogate pair": ("jsonl", GOOD + b'{"text": "ab\\ud800"}\n', 2, "half of a surrogate pair at character 3"),
    "Latin-1 in JSONL": (
        "jsonl",
        GOOD + b'{"text": "caf\xe9"}\n',
        2,
        "expected UTF-8, got the byte 0xe9; save the file",
    ),
    "label is a number": ("jsonl", GOOD + b'{"text": "a", "label": 3}\n', 2, "got the int 3; write the class's name"),
    "empty label in a list": (
        "jsonl",
        GOOD + b'{"text": "a", "label": ["A", ""]}\n',
        2,
        "got an empty string in a list",
    ),
    "null in a list": (
        "jsonl",
        GOOD + b'{"text": "a", "label": [null]}\n',
        2,
        "expected a label as a string, got None",
    ),
    "view is a number": (
        "jsonl",
        GOOD + b'{"text": "a", "view": 1}\n',
        2,
        "expected a view as a string, got the int 1",
    ),
    "customer is a list": ("jsonl", GOOD + b'{"text": "a", "customer": ["x"]}\n', 2, "expected a customer as a string"),
    "labels is a string": ("jsonl", GOOD + b'{"text": "a", "labels": "A"}\n', 2, "a list of [view, class] pairs, got"),
    "labels is an object": (
        "jsonl",
        GOOD + b'{"text": "a", "labels": {"one": "A"}}\n',
        2,
        "a list of [view, class] pairs",
    ),
    "labels of three": (
        "jsonl",
        GOOD + b'{"text": "a", "labels": [["a", "b", "c"]]}\n',
        2,
        "as a [view, class] pair, got",
    ),
    "too many fields": ("csv", b"text,label\na,b,A\n", 2, "expected 2 fields as in the header, got 3; quote a field"),
    "too few fields": ("csv", b'text,label\n"a\nb",A\nc\n', 4, "expected 2 fields as in the header, got 1"),
    "too few fields in TSV": ("tsv", b"text\tlabel\na,A\n", 2, "expected 2 fields as in the header, got 1"),
    "an open quote": ("csv", b'text,label\na,A\n"b,B\nc,C\n', 3, "begins in this row is never closed"),
    "text after a quote": ("csv", b'text,label\n"a" b,A\nc,C\n', 2, "goes on after its closing quote"),
    "Latin-1 in CSV": ("csv", b'text,label\na,A\n"b\ncaf\xe9",B\nc,C\n', 4, "expected UTF-8, got the byte 0xe9"),
}


@pytest.mark.parametrize(("kind", "content", "line", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_a_problem_with_its_line(tmp_path, kind, content, line, message) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content)
    table = read(path)
    (problem,) = table.problems
    assert str(problem).startswith(f"{path}:{line}:")
    assert message in str(problem)
    assert len(table.rejects) == 1


def test_the_other_rows_are_read_and_all_problems_are_reported(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'text,label\n"one\nrow",A\nx,y,z\n"a" b,B\nlast\xff,C\n"good\n\nrow",D\nshort\n\nend,E\n')
    table = read(path)
    assert [(row.text, row.line) for row in table.rows] == [("one\nrow", 2), ("good\n\nrow", 7), ("end", 12)]
    assert [problem.line for problem in table.problems] == [4, 5, 6, 10]
    assert [reject.raw for reject in table.rejects] == ["x,y,z", '"a" b,B', "last\\xff,C", "short"]


def test_all_problems_of_one_row() -> None:
    table = read([{"text": 1, "label": [2, "A", 3], "view": 4}, {"text": "a"}])
    assert [problem.path for problem in table.problems] == ["row 1"] * 4
    assert len(table.rejects) == 1


BAD_FILES = {
    "no text column": (
        "a.csv",
        b"Text,label\na,A\n",
        "a.csv:1: expected a column 'text', found 'Text', 'label'; rename",
    ),
    "no text key": ("a.jsonl", b'{"doc": "a"}\n{"doc": "b"}\n', "a.jsonl:1: expected a column 'text', found 'doc'"),
    "semicolons": ("a.csv", b"text;label\na;A\n", "the columns of a .csv are divided by commas"),
    "a column twice": (
        "a.csv",
        b"text,label,label\na,A,B\n",
        "a.csv:1: expected every column once, found 'label' more",
    ),
    "labels in CSV": ("a.csv", b"text,labels\na,A\n", "write one label in 'label', or use JSONL"),
    "empty CSV": ("a.csv", b"\n\n", "expected a header with the columns' names, got an empty file"),
    "UTF-16": ("a.csv", "text\na\n".encode("utf-16"), "expected UTF-8, got UTF-16"),
    "UTF-16 JSONL": ("a.jsonl", '{"text": "a"}'.encode("utf-16"), "expected UTF-8, got UTF-16"),
    "Latin-1 header": ("a.csv", b"text,cat\xe9gorie\na,A\n", "a.csv:1: expected UTF-8, got the byte 0xe9"),
    "one JSON array": (
        "a.jsonl",
        b'[\n{"text": "a"}\n]',
        "a.jsonl:1: expected JSONL, got one JSON array; write one object",
    ),
    "no Parquet": ("a.parquet", b"text,label\n", "expected a Parquet file, which this is not"),
    "a wrong extension": (
        "a.json",
        b"{}",
        "extensions .csv, .tsv, .jsonl, .ndjson, .parquet, got '.json'; did you mean",
    ),
    "no extension": ("data", b"text\n", "got none; one of .csv"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_cannot_be_read_at_all(tmp_path, name, content, message) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(tmp_path / name)
    assert message in str(caught.value)


def test_parquet_without_text(tmp_path) -> None:
    pq.write_table(pa.table({"body": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="expected a column 'text', found 'body'"):
        read(tmp_path / "a.parquet")


def test_all_files_that_cannot_be_read_are_reported(tmp_path) -> None:
    (tmp_path / "train.csv").write_text("text\na\n")
    (tmp_path / "empty.csv").write_text("")
    os.mkfifo(tmp_path / "pipe.csv")
    names = ["train.cvs", "train.csv", "", "empty.csv", "a\0b.csv", "a" * 5000, "pipe.csv"]
    with pytest.raises(DataError) as caught:
        read(*(tmp_path / name for name in names), "/dev/null")
    messages = [str(problem) for problem in caught.value.problems]
    assert len(messages) == 7
    assert messages[0].endswith("train.cvs: there is no such file; did you mean 'train.csv'?")
    assert messages[1].endswith("expected a file, got a folder; name a file in it")
    assert messages[-2].endswith("expected a file, got a named pipe; write what it carries to a file")
    assert messages[-1].endswith("expected a file, got a device; copy what it holds to a file")


def test_parquet_without_pyarrow_names_the_extra(tmp_path, monkeypatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hiercls\[tables\]'"):
        read(tmp_path / "a.parquet")


def test_tables_in_memory_without_text_or_with_a_column_twice() -> None:
    with pytest.raises(DataError, match="expected a column 'text', found 'body'"):
        read(pd.DataFrame({"body": ["a"]}))
    with pytest.raises(DataError, match="expected every column once, found 'text'"):
        read(pd.DataFrame([["a", "b"]], columns=["text", "text"]))
    with pytest.raises(DataError, match="expected a column 'text', found 'content'; rename 'content'"):
        read([{"content": "a"}])


class _Splits(dict):
    column_names: dict = {"train": ["text"], "test": ["text"]}  # noqa: RUF012


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (3, "got the int 3"),
        (None, "got None"),
        (b"a.csv", "got the bytes"),
        ({"text": ["a"]}, "iterable of mappings, got the dict"),
        (["a", "b"], "make_rows takes lists of texts"),
        (_Splits(), "choose one of its splits: 'train', 'test'"),
    ],
)
def test_sources_of_no_known_kind(source, message) -> None:
    with pytest.raises(InputTypeError, match=message):
        read(source)


def test_nothing_to_read() -> None:
    with pytest.raises(InputTypeError, match="got none"):
        read()


def test_a_missing_text_in_a_frame_names_the_row() -> None:
    table = read(pd.DataFrame({"text": ["a", None, "b"], "label": ["A", "B", 3]}))
    assert [row.text for row in table.rows] == ["a"]
    assert [problem.path for problem in table.problems] == ["row 2", "row 3"]


def test_a_stream_of_objects() -> None:
    stream = io.BytesIO(b'\n{"text": "a", "label": "A", "view": "topic"}\n\nplain\n{"text": "b"}')
    table = read_stream(stream)
    assert table.rows[0] == Row(text="a", labels=(("topic", "A"),), file="-", line=2)
    assert [(row.text, row.line) for row in table.rows] == [("a", 2), ("b", 5)]
    assert str(table.problems[0]).startswith("-:4:1: not valid JSON")


@pytest.mark.parametrize("content", [b"\xef\xbb\xbffirst\r\n\r\n{third\n", "\ufefffirst\n\n{third\n"])
def test_a_stream_of_plain_texts(content) -> None:
    stream = io.BytesIO(content) if isinstance(content, bytes) else io.StringIO(content)
    table = read_stream(stream, name="texts")
    assert [(row.text, row.file, row.line) for row in table.rows] == [
        ("first", "texts", 1),
        ("", "texts", 2),
        ("{third", "texts", 3),
    ]


def test_a_stream_with_a_bad_byte_and_an_empty_one() -> None:
    table = read_stream([b"a\n", b"\xff\n"])
    assert [row.text for row in table.rows] == ["a"]
    assert "-:2: expected UTF-8" in str(table.problems[0])
    assert read_stream([]) == Table(rows=())


def test_a_row_that_is_no_mapping() -> None:
    table = read([{"text": "a"}, 3])
    assert len(table.rows) == 1
    assert str(table.problems[0]) == "at row 2: expected a mapping such as {'text': …}, got the int 3"


def test_rows_are_read_one_by_one() -> None:
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        for number in range(1_000_000):
            taken += 1
            yield json.dumps({"text": str(number)}) if number % 2 == 0 else "{"

    walker = iterate_stream(lines())
    assert [type(next(walker)).__name__ for _ in range(4)] == ["Row", "Reject", "Row", "Reject"]
    assert taken < 10


def test_one_by_one_is_the_same_as_at_once(tmp_path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a"}\n{"text": null}\n\n{"text": "b", "label": "A"}\n')
    table = read(file)
    found = list(iterate(file))
    assert [row for row in found if isinstance(row, Row)] == list(table.rows)
    assert [str(row.problems[0]) for row in found if not isinstance(row, Row)] == list(map(str, table.problems))
    file.write_text('{"txt": "a"}\n')
    with pytest.raises(DataError, match="expected a column 'text', found 'txt'"):
        list(iterate(file))


def test_rows_say_whether_their_labels_are_complete(tmp_path):
    lines = ['{"text": "a", "label": ["A", "B"]}', '{"text": "b", "label": "A", "complete": false}',
             '{"text": "c", "labels": [], "view": "one"}', '{"text": "d", "complete": true}', '{"text": "e"}',
             '{"text": "f", "label": "A", "complete": "perhaps"}']  # fmt: skip
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(lines) + "\n")
    table = read(file)
    assert [row.complete for row in table.rows] == [None, (), ("one",), (None,), None]
    assert str(table.problems[0]).endswith("expected 'complete' to be true or false, got the str 'perhaps'")
    sheet = tmp_path / "rows.csv"
    sheet.write_text("text,label,complete\na,A,FALSE\nb,A,\nc,,true\n")
    assert [row.complete for row in read(sheet).rows] == [(), None, (None,)]
    rejects = [reject_row(row, Problem(message="no")) for row in table.rows[:3]]
    write_rejects(tmp_path / "bad.jsonl", rejects)
    assert [row.complete for row in read(tmp_path / "bad.jsonl").rows] == [None, (), ("one",)]


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_a_file_is_read_part_by_part_and_its_lines_are_counted_through(tmp_path, monkeypatch, extension):
    monkeypatch.setattr("hiercls.data.delimited._N_AT_A_TIME", 2)
    monkeypatch.setattr("hiercls.data.records._N_AT_A_TIME", 2)
    path, texts = tmp_path / f"a.{extension}", [f"text {number}" for number in range(5)]
    pd.DataFrame({"text": texts}).to_csv(path, index=False) if extension == "csv" else pq.write_table(
        pa.table({"text": texts}), path
    )
    limit, found = csv.field_size_limit(), []
    for row in iterate(path):
        assert csv.field_size_limit() == limit  # which is the whole process's
        found.append(row)
    assert [row.text for row in found] == texts
    assert [row.line for row in found] == [number + (extension == "csv") for number in range(1, 6)]
