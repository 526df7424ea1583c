"""Labels that are likely mistakes, and documents on their way to and from tools for labelling."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hiercls.customers.label_quality import label_issues
from hiercls.data import read
from hiercls.data.labelling import from_tool, to_tool
from hiercls.errors import ConfigError, DataError


def lines_of(result):
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_swapped_labels_are_found_among_a_customer_s(run, model, tmp_path, tiny, tiny_documents):
    pytest.importorskip("cleanlab", reason="needs the extra: pip install 'hiercls[cleanlab]'")
    view = tiny.view("one")
    wrong = {5, 40, 77}
    with (tmp_path / "own.jsonl").open("w") as file:
        for number, (text, topic) in enumerate(zip(*tiny_documents, strict=True)):
            label = next(name for name in view.classes if (topic in view.topics_of(name)) != (number in wrong))
            file.write(json.dumps({"text": text, "label": label, "view": "one"}) + "\n")
    found = lines_of(run("labels", "issues", model, tmp_path / "own.jsonl", "--at", "one"))
    assert {line["line"] - 1 for line in found} >= wrong
    assert len(found) < 12
    assert all(line["suggested"] != line["label"] and 0 <= line["quality"] <= 1 for line in found)
    assert [line["quality"] for line in found] == sorted(line["quality"] for line in found)


@pytest.mark.parametrize("tool", ["doccano", "prodigy"])
def test_documents_go_to_a_tool_and_come_back(tool, run, model, world, tmp_path):
    tasks = lines_of(run("labels", "export", model, world.one, "--at", "one", "--tool", tool))
    assert len(tasks) == len(read(world.one).rows)
    assert all(len(task["label" if tool == "doccano" else "accept"]) == 1 for task in tasks)
    if tool == "prodigy":
        assert [option["id"] for option in tasks[0]["options"]] == ["ABC", "D", "EF"]
        tasks = [{**task, "answer": "accept" if number else "reject"} for number, task in enumerate(tasks)]
    (tmp_path / "done.jsonl").write_text("\n".join(json.dumps(task) for task in tasks), encoding="utf-8")
    result = run("labels", "import", tmp_path / "done.jsonl", "--at", "one", "-o", tmp_path / "rows.jsonl")
    assert result.exit_code == 0, result.output
    rows = read(tmp_path / "rows.jsonl").rows
    assert len(rows) == len(tasks) - (tool == "prodigy")
    assert {row.customer for row in rows} == {row.labels[0][0] for row in rows} == {"one"}


def test_lines_of_no_tool_are_listed(run, tmp_path):
    with pytest.raises(DataError, match=r"2 problems.*\n.*line:1.*\n.*line:3.*'entities'"):
        from_tool([{}, {"text": "a", "label": "D"}, {"text": "b", "label": 3, "entities": []}], view="one")
    with pytest.raises(ConfigError, match="doccano, prodigy, got 'pen'"):
        to_tool("a", tool="pen", classes=["D"])
    (tmp_path / "bad.jsonl").write_text('{"text": "a"}\n[1]\n{\n')
    result = run("labels", "import", tmp_path / "bad.jsonl", "--at", "one")
    assert (result.exit_code, "bad.jsonl:2" in result.stderr, "bad.jsonl:3" in result.stderr) == (1, True, True)


def test_probabilities_must_fit_the_labels():
    with pytest.raises(ConfigError, match="3 × 2"):
        label_issues(np.ones((3, 3)) / 3, [0, 1, 1], classes=["a", "b"])
