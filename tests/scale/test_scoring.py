"""Files in, files out: every row once, what is done stays, nothing of another model or setting is mixed in."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet

from hiercls.errors import ConfigError, DataError, ModelFolderError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.scale import ScoreConfig, TableScorer, job, score, sink


def read(folder: Path) -> pa.Table:
    """All answers, as whoever reads Parquet by the folder sees them."""
    return parquet.read_table(folder).sort_by("row")


def files(folder: Path) -> dict[str, str]:
    """What stands in a folder but manifests, by SHA-256."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "_manifests")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def manifests(folder: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((folder / "_manifests").iterdir())]


def test_each_file_gives_one_file_and_each_row_one_answer(words_model, made_files, tmp_path):
    documents = made_files(tmp_path / "in", [2500, 0, 7])
    found = score(words_model, [documents], tmp_path / "out", config=ScoreConfig(at=("one", "area")), keep=["id"])
    assert (found.shards, found.before, found.rows, found.bad) == (3, 0, 2507, 0)
    table = parquet.read_table(tmp_path / "out")
    assert table.column_names == ["row", "id", "one", "one_probability", "area", "area_probability"]
    assert sorted(table["id"].to_pylist()) == list(range(2507))
    told = manifests(tmp_path / "out")
    assert [one["rows"] for one in told] == [2500, 0, 7]
    for number, one in enumerate(told):
        (file,) = (tmp_path / "out").glob(f"part-{number}-*.parquet")
        assert hashlib.sha256(file.read_bytes()).hexdigest() == one["sha256"]
        assert one["shard"]["address"] == f"file://{documents}/part-{number}.parquet"
    texts = parquet.read_table(documents / "part-0.parquet")["text"].to_pylist()
    model = HierarchicalTextClassifier.from_pretrained(words_model)
    first = parquet.read_table(next((tmp_path / "out").glob("part-0-*.parquet")))
    assert first["row"].to_pylist() == list(range(1, 2501))
    assert first["one"].to_pylist() == model.predict(texts, at="one").tolist()
    assert not (tmp_path / "out" / "_bad").exists()


def test_files_of_lines_packed_or_not_keep_bad_rows_with_reasons(words_model, tmp_path):
    lines = [
        '{"text": "a1 a2", "id": 7}',
        "",
        '{"text": null, "id": "x"}',
        "{text: a}",
        '{"text": 3}',
        '{"id": 1}',
        "[]",
    ]
    lines.append('{"text": "d4 \\ud800"}')
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with gzip.open(tmp_path / "in" / "b.csv.gz", "wb") as file:
        file.write(b'id,text\n1,"two\nlines"\n2\n3,caf\xe9\n4,\n')
    found = score(words_model, [tmp_path / "in"], tmp_path / "out", keep=["id"])
    assert (found.rows, found.bad) == (11, 8)
    assert read(tmp_path / "out").select(["row", "id"]).to_pylist() == [
        {"row": 1, "id": "7"},
        {"row": 2, "id": "1"},
        {"row": 6, "id": "4"},
    ]
    bad = parquet.read_table(next((tmp_path / "out" / "_bad").glob("a-*.parquet"))).to_pylist()
    assert [(row["row"], row["id"], row["reasons"][0].split(";")[0]) for row in bad] == [
        (3, "x", "expected a text as a string, got None"),
        (4, None, "not valid JSON (Expecting property name enclosed in double quotes)"),
        (5, None, "expected a text as a string, got the int 3"),
        (6, "1", "expected a column 'text', found 'id'"),
        (7, None, "expected an object with the columns as keys, got the list []"),
        (8, None, "expected a text of whole characters, got half of a surrogate pair at character 4"),
    ]
    assert bad[0]["raw"] == '{"text": null, "id": "x"}'
    assert bad[1]["raw"] == "{text: a}"
    bad = parquet.read_table(next((tmp_path / "out" / "_bad").glob("b-*.parquet"))).to_pylist()
    assert [(row["row"], row["reasons"][0][:12]) for row in bad] == [(4, "expected 2 f"), (5, "expected UTF")]


def test_bad_rows_of_parquet_are_named_by_their_number(words_model, tmp_path):
    (tmp_path / "in").mkdir()
    parquet.write_table(pa.table({"text": ["a1", None, "b1"], "id": [1, 2, 3]}), tmp_path / "in" / "a.parquet")
    parquet.write_table(pa.table({"text": [1, 2], "id": [4, 5]}), tmp_path / "in" / "b.parquet")
    found = score(words_model, [tmp_path / "in"], tmp_path / "out", keep=["id"])
    assert (found.rows, found.bad) == (5, 3)
    bad = parquet.read_table(tmp_path / "out" / "_bad").select(["row", "id"]).to_pylist()
    assert bad == [{"row": 2, "id": 2}, {"row": 1, "id": 4}, {"row": 2, "id": 5}]


def test_what_is_done_stays_and_what_changed_is_done_again(words_model, made_files, tmp_path, monkeypatch):
    documents, out = made_files(tmp_path / "in", [5, 6, 7]), tmp_path / "out"
    score(words_model, [documents], out)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    assert score(words_model, [documents], out).before == 3
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")} == before
    next(out.glob("part-0-*")).unlink()
    next(out.glob("part-1-*")).write_bytes(b"cut off")
    parquet.write_table(pa.table({"text": ["d4", None]}), documents / "part-2.parquet")
    found = score(words_model, [documents], out)
    assert (found.before, found.rows, found.bad) == (0, 13, 1)
    parquet.write_table(pa.table({"text": ["d4", "d5"]}), documents / "part-2.parquet")
    assert score(words_model, [documents], out).before == 2
    assert not list((out / "_bad").iterdir())
    assert read(out).num_rows == 13


def test_a_run_that_was_stopped_goes_on(words_model, made_files, tmp_path):
    documents = made_files(tmp_path / "in", [50] * 6)

    def stop(done: int, shards: int, rows: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(words_model, [documents], tmp_path / "out", keep=["id"], advance=stop)
    (tmp_path / "out" / ".hiercls-killed.part").write_bytes(b"cut off")
    found = score(words_model, [documents], tmp_path / "out", keep=["id"])
    assert (found.before, found.rows) == (2, 300)
    score(words_model, [documents], tmp_path / "whole", keep=["id"])
    assert files(tmp_path / "out") == files(tmp_path / "whole")


@pytest.mark.parametrize("change", ["model", "at", "keep", "top_k"])
def test_nothing_made_otherwise_is_mixed_in(words_model, made_files, tmp_path, change):
    documents, out, model = made_files(tmp_path / "in", [5, 6]), tmp_path / "out", tmp_path / "model"
    shutil.copytree(words_model, model)
    score(model, [documents / "part-0.parquet"], out)
    before = files(out)
    if change == "model":
        HierarchicalTextClassifier.from_pretrained(model).remove_customer("four").save_pretrained(model)
    config = {"at": ScoreConfig(at=("one",)), "top_k": ScoreConfig(top_k=2)}.get(change)
    keep = ["id"] if change == "keep" else []
    with pytest.raises(ConfigError, match=f"made otherwise \\({change} "):
        score(model, [documents / "part-1.parquet"], out, config=config, keep=keep)
    assert files(out) == before
    score(model, [documents / "part-1.parquet"], out, config=config, keep=keep, overwrite=True)
    assert [name[:6] for name in files(out)] == ["part-1"]


def test_a_model_that_changes_while_it_runs_is_not_mixed_in(words_model, made_files, tmp_path):
    model = Path(shutil.copytree(words_model, tmp_path / "model"))

    def change(done: int, shards: int, rows: int) -> None:
        if done == 1:
            job.scorer_of.cache_clear()  # as a worker that comes later
            HierarchicalTextClassifier.from_pretrained(model).remove_customer("four").save_pretrained(model)

    with pytest.raises(ModelFolderError, match="not the one that this job began with"):
        score(model, [made_files(tmp_path / "in", [5, 6])], tmp_path / "out", advance=change)


def test_files_that_cannot_be_read_do_not_hold_up_the_others(words_model, made_files, tmp_path):
    documents = made_files(tmp_path / "in", [5, 6])
    (documents / "a.parquet").write_bytes(b"no Parquet")
    (documents / "b.csv").write_text("texts\na\n")
    whole = (documents / "part-0.parquet").read_bytes()
    (documents / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="3 problems") as error:
        score(words_model, [documents], tmp_path / "out")
    assert [Path(problem.file).name for problem in error.value.problems] == ["a.parquet", "b.csv", "cut.parquet"]
    assert len(manifests(tmp_path / "out")) == 2
    assert {name[:6] for name in files(tmp_path / "out")} == {"part-0", "part-1"}
    assert not list((tmp_path / "out").rglob(".hiercls*"))
    for name in ("a.parquet", "b.csv", "cut.parquet"):
        (documents / name).unlink()
    assert score(words_model, [documents], tmp_path / "out").before == 2


def test_a_file_is_read_and_written_in_parts(words_model, made_files, tmp_path, monkeypatch):
    monkeypatch.setattr(sink, "ROWS", 2000)
    monkeypatch.setattr(TableScorer, "window", 300)
    widest = []
    write = sink.Sink.write

    def watched(self, table):
        widest.append(table.num_rows)
        write(self, table)

    monkeypatch.setattr(sink.Sink, "write", watched)
    score(words_model, [made_files(tmp_path / "in", [7000])], tmp_path / "out")
    assert max(widest) == 300
    groups = parquet.ParquetFile(next((tmp_path / "out").glob("*.parquet"))).metadata
    assert [groups.row_group(number).num_rows for number in range(groups.num_row_groups)] == [2100, 2100, 2100, 700]


def test_other_stores_than_this_machines(words_model, made_files, tmp_path):
    documents = made_files(tmp_path / "in", [5, 6])
    store = fsspec.filesystem("memory")
    for file in sorted(documents.iterdir()):
        store.pipe_file(f"/in/{file.name}", file.read_bytes())
    store.pipe_file("/in/broken.jsonl", b'{"text": 1}\n')
    found = score(words_model, ["memory://in/*.parquet", "memory://in"], "memory://out")
    assert (found.shards, found.rows, found.bad) == (3, 12, 1)
    assert score(words_model, ["memory://in"], "memory://out").before == 3
    score(words_model, [documents], tmp_path / "out")
    here = {name[:6]: digest for name, digest in files(tmp_path / "out").items()}
    sent = {one["name"].split("/")[-1][:6]: one["name"] for one in store.ls("/out") if "part-" in one["name"]}
    assert {name: hashlib.sha256(store.cat_file(path)).hexdigest() for name, path in sent.items()} == here
    store.rm("/in", recursive=True)
    store.rm("/out", recursive=True)


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        ({"documents": ["nowhere/*.parquet", "nobody.csv"]}, DataError, "2 problems"),
        ({"keep": ["ids"]}, DataError, "did you mean 'id'"),
        ({"keep": ["topic"]}, ConfigError, "got 'topic'"),
        ({"keep": ["row"]}, ConfigError, "got 'row'"),
        ({"engine": "dusk"}, ConfigError, "'local', 'ray', 'spark'"),
        ({"workers": 0}, ConfigError, "one worker or more"),
        ({"model": "nothing"}, ModelFolderError, "folder of a trained model"),
        ({"output": "nope://x"}, ConfigError, "such as s3://"),
    ],
)
def test_what_cannot_be_done_is_said(words_model, made_files, tmp_path, asked, kind, said):
    given = {"model": words_model, "documents": [made_files(tmp_path / "in", [5])], "output": tmp_path / "out"}
    with pytest.raises(kind, match=said):
        score(**{**given, **asked})
    assert not list(tmp_path.glob("out/*.parquet"))


def test_answers_are_not_read(words_model, made_files, tmp_path):
    documents = made_files(tmp_path / "in", [5])
    score(words_model, [documents], documents / "_answers")
    assert score(words_model, [documents], documents / "_answers").before == 1
    with pytest.raises(ConfigError, match="stands where answers go"):
        score(words_model, [documents], documents)
