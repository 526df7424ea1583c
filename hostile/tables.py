"""Hostile tables: delimited files and Parquet. Knows formats; not hiercls."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hostile.texts import Made

_DELIMITED: Mapping[str, Callable[[], str]] = {
    "no header": lambda: "\n\n",
    "a header alone": lambda: "text,label",
    "other columns": lambda: "a,b\n1,2\n",
    "a column twice": lambda: "text,text\na,b\n",
    "a column without a name": lambda: "text,\na,b\n",
    "labels": lambda: "text,labels\na,b\n",
    "semicolons": lambda: "text;label\na;b\n",
    "too many fields": lambda: "text,label\na,b,c,d\n",
    "too few fields": lambda: "text,label,view\na\n",
    "an open quote": lambda: 'text\n"a\nb\nc\n',
    "an open quote of ten megabytes": lambda: 'text\n"' + "x\n" * 5_000_000,
    "a closed quote that goes on": lambda: 'text\n"a"b\n',
    "a quote in a header": lambda: '"text\n',
    "quotes alone": lambda: 'text\n""""""\n"\n',
    "NULs": lambda: "text\na\0b\n\0\n",
    "NUL in the header": lambda: "te\0xt\na\n",
    "carriage returns": lambda: "text\ra\rb\r",
    "mixed line ends": lambda: "text\r\na\nb\rc\n",
    "100,000 columns": lambda: ",".join(["text", *(f"c{n}" for n in range(100_000))]) + "\n",
    "100,000 fields": lambda: "text\n" + "," * 100_000 + "\n",
    "100,000 bad rows": lambda: "text\n" + "a,b\n" * 100_000,
    "a field of ten megabytes": lambda: "text\n" + "x" * 10**7 + "\n",
    "a header of ten megabytes": lambda: "x" * 10**7 + "\n",
    "a formula": lambda: "text,label\n=cmd|' /C calc'!A0,A\n",
    "an unknown view": lambda: "text,label,view\na,A,nobody\n",
    "an unknown class": lambda: "text,label,view\na,Q,one\n",
    "an unknown customer": lambda: "text,label,customer\na,A,nobody\n",
    "a label of colons": lambda: "text,label\na,:::::\n",
    "a label of half a view": lambda: "text,label\na,one:\n",
}


def delimited_cases() -> Iterator[Made]:
    """CSV and TSV that mean harm."""
    for kind, make in _DELIMITED.items():
        yield "csv", kind, lambda make=make: make().encode()
        yield "tsv", kind, lambda make=make: make().replace(",", "\t").encode()


def _columns() -> Mapping[str, Mapping[str, Any]]:
    import pyarrow as pa

    texts = {"text": pa.array(["a", "b"])}
    return {
        "no text": {"label": ["A", "B"]},
        "texts that are numbers": {"text": [1, 2]},
        "texts that are bytes": {"text": pa.array([b"\xff", b"a"])},
        "texts that are nulls": {"text": pa.nulls(2)},
        "texts that are lists": {"text": [["a"], ["b"]]},
        "texts that are structures": {"text": [{"a": 1}, {"a": 2}]},
        "texts that are dates": {"text": pa.array([0, 2**62], pa.timestamp("ns"))},
        "texts that are true": {"text": [True, False]},
        "texts from a dictionary": {"text": pa.array(["a", "b"]).dictionary_encode()},
        "large texts": {"text": pa.array(["a", None], pa.large_string())},
        "labels that are numbers": {**texts, "label": [1, 2]},
        "labels that are not numbers": {**texts, "label": [float("nan"), 1.0]},
        "labels in lists in lists": {**texts, "labels": [[[["one", "ABC"]]], [[["x"]]]]},
        "labels in structures": {**texts, "labels": [[{"view": "one"}], []]},
        "pairs of three": {**texts, "labels": [[["a", "b", "c"]], [["one", "ABC"]]]},
        "views that are numbers": {**texts, "view": [1, 2]},
        "complete that is a word": {**texts, "complete": ["maybe", "true"]},
        "threads that are bytes": {**texts, "thread": pa.array([b"a", b"b"])},
        "customers that are lists": {**texts, "customer": [["one"], []]},
        "decimal labels": {**texts, "label": pa.array([1, 2], pa.decimal128(38, 2))},
        "no rows": {"text": pa.array([], pa.string())},
        "a thousand columns": {**texts, **{f"c{n}": [n, n] for n in range(1000)}},
        "a class that is a number": {"customer": [1], "class": [2], "node": [3]},
        "nulls for nodes": {"customer": ["one", None], "class": ["K", None], "node": [None, None]},
        "a circle": {"customer": pa.nulls(2, pa.string()), "class": ["A", "B"], "node": ["B", "A"]},
        "a node of itself": {"customer": pa.nulls(1, pa.string()), "class": ["A"], "node": ["A"]},
        "a reversed name": {"customer": pa.nulls(1, pa.string()), "class": [None], "node": ["a\u202eb"]},
    }


_HEADS = (
    "{}",
    "[]",
    "{",
    "null",
    '{"hiercls": 1}',
    '{"hiercls": 99}',
    "9" * 5000,
    "[" * 100_000,
    '{"a": "' + "x" * 10**6,
)


def parquet_cases() -> Iterator[Made]:
    """Parquet files with columns and metadata that nobody expects, as documents and as taxonomies."""
    for kind in _columns():
        for door in ("parquet", "parquet-taxonomy"):
            yield door, kind, lambda kind=kind: _written(_columns()[kind], {})
    edges = {"customer": [None, None], "class": [None, None], "node": ["A", "B"]}
    for number, head in enumerate(_HEADS):
        yield "parquet-taxonomy", f"metadata {number}", lambda head=head: _written(edges, {"hiercls": head})


def _written(columns: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    file = io.BytesIO()
    table = pa.table(dict(columns))
    parquet.write_table(table.replace_schema_metadata(metadata), file)
    return file.getvalue()
