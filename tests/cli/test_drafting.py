"""``hiercls init``: a first taxonomy from what there is."""

from __future__ import annotations

import json

import networkx as nx
import pytest
from typer.testing import CliRunner

from hiercls.cli import build
from hiercls.cli.drafting import draft, guess_levels, read_rows
from hiercls.errors import ConfigError, DataError
from hiercls.taxonomy import Taxonomy, shipped

LABELS = """\
text,area,topic,one,two
"a text, with a comma",X,A,AB,A
b,X,B,AB,BC
c,Y,C,C,BC
"""
AS_TAXONOMY = {"X": ["A", "B"], "Y": ["C"]}


def run(*arguments):
    return CliRunner().invoke(build(), ["init", *map(str, arguments)])


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(LABELS)
    return path


def drafted(path, **chosen):
    settings = {"levels": [], "customers": [], "edges": [], "name": None} | chosen
    return draft(path, **settings).taxonomy


def test_a_table_becomes_a_taxonomy_that_reads_back(labels, tmp_path):
    output = tmp_path / "first.yaml"
    result = run(labels, "--levels", "area, topic", "--customers", "one,two", "-o", output)
    assert (result.exit_code, result.stdout) == (0, "")
    taxonomy = Taxonomy.from_yaml(output)
    assert taxonomy.to_dict()["topics"] == AS_TAXONOMY
    assert taxonomy.customers == ("one", "two")
    assert taxonomy.view("two").topics_of("BC") == ("B", "C")
    again = run(labels, "--customers", "one,two", "-o", output)
    assert again.exit_code == 1
    assert "--force overwrites it" in again.stderr
    assert run(labels, "--customers", "one,two", "-o", output, "--force").exit_code == 0


def test_the_draft_goes_to_stdout_and_the_guess_to_stderr(labels):
    result = run(labels, "--customers", "one,two")
    assert Taxonomy.from_yaml(result.stdout).levels == ("area", "topic")
    assert "took for levels, from coarse to fine: 'area', 'topic'" in result.stderr


@pytest.mark.parametrize("kind", ["tsv", "jsonl", "parquet"])
def test_other_tables_say_the_same(labels, tmp_path, kind):
    rows = read_rows(labels)
    path = tmp_path / f"labels.{kind}"
    if kind == "parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif kind == "jsonl":
        path.write_text("\n\n".join(json.dumps(row) for row in rows))
    else:
        path.write_text("\n".join("\t".join(cells) for cells in [rows[0].keys(), *(row.values() for row in rows)]))
    chosen = {"customers": ["one", "two"], "name": "labels"}
    assert drafted(path, **chosen) == drafted(labels, **chosen)


@pytest.mark.parametrize("columns", ["parent,child", "source,target", "above,below"])
def test_a_list_of_edges(tmp_path, columns):
    path = tmp_path / "edges.csv"
    path.write_text(f"{columns}\nX,A\nX,B\nY,C\n")
    edges = columns.split(",") if columns.startswith("above") else []
    taxonomy = drafted(path, edges=edges, levels=["area", "topic"])
    assert (taxonomy.name, taxonomy.levels, taxonomy.to_dict()["topics"]) == ("edges", ("area", "topic"), AS_TAXONOMY)


@pytest.mark.parametrize(
    ("kind", "writer"), [("graphml", nx.write_graphml), ("gexf", nx.write_gexf), ("gml", nx.write_gml)]
)
def test_a_graph(tmp_path, kind, writer):
    tiny = Taxonomy.from_yaml(shipped("tiny"))
    writer(nx.DiGraph(tiny.graph.edges), tmp_path / f"graph.{kind}")
    assert drafted(tmp_path / f"graph.{kind}").to_dict()["topics"] == tiny.to_dict()["topics"]


def test_customers_in_a_column(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("topic,customer,label\nA,one,AB\nB,one,AB\nA,two,A\nB,two,B\n")
    taxonomy = drafted(path)
    assert taxonomy.levels == ("topic",)
    assert taxonomy.view("one").topics_of("AB") == ("A", "B")
    assert taxonomy.view("two").classes == ("A", "B")


def test_columns_that_do_not_nest_are_no_levels():
    rows = [{"a": "1", "b": "2"}, {"a": "1", "b": "3"}, {"a": "2", "b": "3"}]
    with pytest.raises(ConfigError, match=r"'b' does not nest in 'a'.*--levels"):
        guess_levels(rows, ["a", "b"], [], "t.csv")


def test_texts_alone_make_no_taxonomy():
    with pytest.raises(ConfigError, match="has the columns 'text'; say which are the levels"):
        guess_levels([{"text": "a"}], ["text"], [], "t.csv")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--levels", "area,topik"], "no column 'topik' (did you mean 'topic'?)"),
        (["--customers", "three"], "no column 'three'"),
        (["--edges", "area"], "expected the columns of parent and child, got 'area'"),
    ],
)
def test_wrong_columns_are_named(labels, arguments, said):
    result = run(labels, *arguments)
    assert result.exit_code == 1
    assert said in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"area,topic\nX\nX,A,B\n", "t.csv:2: expected 2 fields as in the header, got 1"),
        ("t.csv", b"area,topic\nX\nX,A,B\n", "t.csv:3: expected 2 fields as in the header, got 3"),
        ("t.csv", b'area,topic\n"X" Y,A\n', "t.csv:2: a quoted field goes on after its closing quote"),
        ("t.csv", b"area,topic\n\xff,A\n", "t.csv:2: expected UTF-8"),
        ("t.csv", b"", "expected a header with the columns' names, got an empty file"),
        ("t.csv", b"area,topic\n", "the file has no rows"),
        ("t.jsonl", b'{"area": "X"\n[1]\n', "t.jsonl:1:13: not valid JSON"),
        ("t.jsonl", b'{"area": "X"\n[1]\n', "t.jsonl:2: expected an object with the columns as keys, got the list [1]"),
        ("t.graphml", b"<graph", "not a graph in the format of .graphml"),
        ("t.gml", b"graph [", "not a graph in the format of .gml"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        drafted(tmp_path / name)
    assert said in str(caught.value).replace(str(tmp_path) + "/", "")


def test_an_unknown_kind_of_file_names_the_known_ones(tmp_path):
    (unknown := tmp_path / "t.xlsx").touch()
    with pytest.raises(ConfigError, match=r"expected a table or graph \(.csv, .tsv"):
        drafted(unknown)


def test_a_file_that_is_not_there_is_said_without_a_traceback(tmp_path):
    path = tmp_path / "none.csv"
    result = run(path)
    assert (result.exit_code, result.stderr) == (1, f"error: 1 problem in '{path}':\n  {path}: there is no such file\n")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.parquet", b"nope", "a.parquet: expected a Parquet file, which this is not"),
        ("a.csv", b"area,area\nX,A\n", "a.csv:1: expected every column once, found 'area' more than once"),
        ("a.csv", b"area;topic\nX;A\n", "a.csv:1: expected several columns, found 'area;topic' alone; the columns of"),
        ("a.csv", b"area,topic\nX,A\nX,\xe9\n", "a.csv:3: expected UTF-8, got the byte 0xe9; save"),
        ("a.csv", "area,topic\nX,A\n".encode("utf-16"), "a.csv: expected UTF-8, got UTF-16; save"),
        ("a.jsonl", b'\n{"topic"\n', "a.jsonl:2:9: not valid JSON (Expecting ':' delimiter)"),
        ("a.jsonl", b'[{"topic": "A"}]', "a.jsonl:1: expected JSONL, got one JSON array; write one object per line"),
        ("a.jsonl", b'{"a": ' + b"[" * 100_000, "a.jsonl:1: not usable JSON ("),
    ],
)
def test_what_is_wrong_with_a_table(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_rows(tmp_path / name)
    assert message in str(caught.value)


def test_a_byte_order_mark_and_empty_columns_are_no_trouble(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfarea,topic,,\r\nX,A,,\r\nX,B,,\r\n")
    assert drafted(path).to_dict()["topics"] == {"X": ["A", "B"]}
