"""The command score: as many answers as rows, told on stdout; what went wrong on stderr."""

from __future__ import annotations

import json

from pyarrow import parquet

from hiercls.estimator import HierarchicalTextClassifier


def test_files_are_answered_and_bad_rows_counted(run, training, world, tmp_path):
    folder, _ = training
    with (tmp_path / "more.jsonl").open("w") as file:
        file.write('{"text": "a1 a2"}\n{"text": null}\n')
    asked = ("score", folder, world.one, tmp_path / "more.jsonl", "-o", tmp_path / "out", "--workers", 1)
    asked += ("--at", "one", "--at", "topic", "--top-k", 2)
    result = run(*asked)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["shards"], told["before"], told["rows"], told["bad"]) == (2, 0, 38, 1)
    assert "1 bad row of 38 without an answer" in result.stderr
    (file,) = (tmp_path / "out").glob("one-*.parquet")
    found = parquet.read_table(file)
    assert found.column_names == ["row", "one", "one_probability", "one_top", "topic", "topic_probability", "topic_top"]
    model = HierarchicalTextClassifier.from_pretrained(folder)
    lines = [line.split(",")[0] for line in world.one.read_text().splitlines()[1:]]
    assert found["one"].to_pylist() == model.predict(lines, at="one").tolist()
    again = run(*asked)
    assert "2 of 2 files were done before" in again.stderr
    assert json.loads(again.stdout)["before"] == 2
    other = run(*asked[:-2])
    assert other.exit_code == 1
    assert "made otherwise (top_k 2, not 0)" in other.stderr
