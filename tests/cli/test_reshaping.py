"""Other topics and other names for a trained model, and what two models answer differently."""

from __future__ import annotations

import json

import pytest

from hiercls.estimator import HierarchicalTextClassifier

MERGED = """
hiercls: 1
levels: [area, topic]
topics: {X: [AB, C], Y: [D, E, F]}
customers: {one: {ABC: [AB, C], D: D, EF: [E, F]}}
"""


def test_topics_are_merged_and_diff_says_what_changes(run, model, tmp_path):
    taxonomy, documents = tmp_path / "merged.yaml", tmp_path / "documents.jsonl"
    taxonomy.write_text(MERGED)
    documents.write_text("".join(json.dumps({"text": text}) + "\n" for text in ("a1 a2 a3", "d1 d2 d3")))
    found = run("extend", model, taxonomy, "--from", "AB=A", "--from", "AB=B", "-o", tmp_path / "merged")
    assert found.exit_code == 0, found.output
    assert "topic added: 'AB'" in found.stdout
    merged = HierarchicalTextClassifier.from_pretrained(tmp_path / "merged")
    assert merged.predict(["a1 a2 a3"]).tolist() == ["AB"]
    changes = run("diff", model, tmp_path / "merged", documents)
    assert changes.exit_code == 0, changes.output
    assert "topic: 1 of 2 documents are answered otherwise; probabilities moved by" in changes.stdout
    assert "  A → AB  1  such as " in changes.stdout
    assert "area: 0 of 2 documents are answered otherwise; probabilities moved by 0.0%" in changes.stdout
    one = run("diff", model, tmp_path / "merged", documents, "--at", "one")
    assert "one: 0 of 2" in one.stdout
    assert "area" not in one.stdout.splitlines()[-1]


def test_names_are_changed_in_place(run, model):
    assert run("rename", model, "A=Alpha", "one:ABC=first").exit_code == 0
    renamed = HierarchicalTextClassifier.from_pretrained(model)
    assert renamed.predict(["a1 a2 a3"]).tolist() == ["Alpha"]
    assert renamed.predict(["a1 a2 a3"], at="one").tolist() == ["first"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rename", "A"], "expected OLD=NEW"),
        (["extend", "taxonomy.yaml", "--from", "AB"], "expected NEW=OLD"),
    ],
)
def test_what_cannot_be_is_said(run, model, arguments, said):
    found = run(arguments[0], model, *arguments[1:])
    assert (found.exit_code, said in found.stderr) == (2, True)
