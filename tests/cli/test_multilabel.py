"""Several topics a document on the command line: train, predict, evaluate, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.taxonomy import shipped

TINY = shipped("tiny")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 documents of none to three topics, all of them listed, in one file."""
    random = np.random.default_rng(0)
    file = tmp_path_factory.mktemp("several") / "data.jsonl"
    with file.open("w") as lines:
        for _ in range(120):
            held = sorted(random.choice(list("ABCDEF"), random.integers(0, 4), replace=False).tolist())
            words = ["the", *(f"{topic.lower()}{number}" for topic in held for number in random.integers(6, size=3))]
            lines.write(json.dumps({"text": " ".join(words), "label": held}) + "\n")
    return file


@pytest.fixture(scope="module")
def trained(run, data: Path, tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("several") / "model"
    options = ["--encoder", tiny_bert, "--max-length", 16, "--epochs", 60, "--words", "off"]
    result = run("train", TINY, data, "-o", folder, "--multilabel", *options)
    assert result.exit_code == 0, result.output
    return folder, result


def test_training_says_from_which_probability_a_class_is_predicted(trained) -> None:
    folder, result = trained
    threshold = HierarchicalTextClassifier.from_pretrained(folder).scorer_.task.threshold
    assert f"a class is predicted from a probability of {threshold:.2f}" in result.stdout.splitlines()
    assert "words are read" not in result.stdout


def test_answers_list_all_classes_and_bad_rows_keep_their_place(run, trained, data: Path, tmp_path: Path) -> None:
    folder, _ = trained
    texts = [json.loads(line)["text"] for line in data.read_text().splitlines()[:20]]
    stdin = "\n".join([*(json.dumps({"text": text}) for text in texts), '{"text": null}']) + "\n"
    result = run("predict", folder, "--at", "area", "--skip-bad", stdin=stdin)
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    expected = HierarchicalTextClassifier.from_pretrained(folder).predict_labels(texts, at="area")
    assert [answer["labels"] for answer in answers[:-1]] == [list(names) for names in expected]
    assert {0, 1, 2} >= {len(answer["labels"]) for answer in answers[:-1]} > {1}
    assert all(set(answer) == {"labels", "top"} for answer in answers[:-1])
    assert answers[-1]["labels"] is None
    assert "expected a text" in answers[-1]["problems"][0]


def test_evaluation_has_f1_at_every_view(run, trained, data: Path) -> None:
    folder, _ = trained
    shown = run("evaluate", folder, data)
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0] == "120 labelled documents"
    columns = ["documents", "open", "precision", "recall", "micro-F1", "macro-F1", "all", "right", "ECE", "log-loss"]
    assert lines[2].split() == columns
    assert lines[-2].startswith("ECE: ")
    assert [line.split()[:4] for line in lines[3:5]] == [["level", "area", "120", "0"], ["level", "topic", "120", "0"]]
    told = json.loads(run("evaluate", folder, data, "--json").stdout)
    assert told["levels"][1]["micro_f1"] > 0.6
    assert told["hierarchical"]["f1"] > told["levels"][1]["micro_f1"]  # areas are easier, and count too
    assert [scores["view"] for scores in told["customers"]] == ["one", "two", "three"]
    model, rows = HierarchicalTextClassifier.from_pretrained(folder), [*map(json.loads, data.read_text().splitlines())]
    held = np.array([[topic in row["label"] for topic in "ABCDEF"] for row in rows])
    sure = model.predict_proba([row["text"] for row in rows])
    loss = -np.log(np.where(held, sure, 1 - sure)).sum(axis=1).mean()
    assert told["probabilities"]["topic"]["log_loss"] == pytest.approx(loss, abs=1e-4)
    assert 0 < told["probabilities"]["topic"]["calibration_error"] < 0.3


def test_calibrate_chooses_what_suits_sigmoids_and_what_is_new_has_no_labels(
    run, trained, data: Path, tmp_path: Path
) -> None:
    folder, _ = trained
    result = run("calibrate", folder, data, "-o", tmp_path / "model")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == "calibrated on 120 documents; losses in nats a document"
    model = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    assert model.calibration_.pooled.method == "bias_corrected"
    asked = run("predict", tmp_path / "model", "--false-alarms", 0.2, stdin="the\na1 a2 a3\n")
    first, second = (json.loads(line) for line in asked.stdout.splitlines())
    assert (first["labels"], first["out_of_scope"]) == (None, True)
    assert (second["labels"], second["out_of_scope"]) == (["A"], False)
    told = run("calibrate", folder, data, "-o", tmp_path / "other", "--method", "temperature")
    assert told.exit_code == 0, told.output
    assert HierarchicalTextClassifier.from_pretrained(tmp_path / "other").calibration_.pooled.method == "temperature"


def test_conformalize_and_sets_of_a_coverage(run, trained, data: Path, tmp_path: Path) -> None:
    folder, _ = trained
    result = run("conformalize", folder, data, "-o", tmp_path / "model")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    n_held = sum(bool(json.loads(line)["label"]) for line in data.read_text().splitlines())
    assert lines[0] == f"held out {n_held} documents"  # the promise is for documents that have a class
    assert "threshold" not in lines[1]
    asked = run("predict", tmp_path / "model", "--at", "one", "--coverage", 0.9, stdin="a1 a2 d3\n")
    model = HierarchicalTextClassifier.from_pretrained(tmp_path / "model")
    expected = model.predict_set(["a1 a2 d3"], at="one", coverage=0.9)[0]
    names = model.taxonomy_.view("one").classes
    assert json.loads(asked.stdout)["set"] == [name for name, inside in zip(names, expected, strict=True) if inside]


def test_explain_names_the_topics_and_words_of_a_class(run, trained) -> None:
    folder, _ = trained
    told = json.loads(run("explain", folder, "a1 the d2", "--at", "one", "--class", "ABC", "--json").stdout)
    assert told["topics"][0]["topic"] == "A"
    assert told["words"][0]["word"] == "a1"
    assert told["duel"] is None


def test_what_knows_one_topic_alone_is_refused(run, trained, data: Path) -> None:
    folder, _ = trained
    result = run("customer", "mix", folder, data, "--at", "one")
    assert result.exit_code == 1
    assert "is for one topic a document" in result.stderr


def test_predict_adds_coarser_nodes_and_the_cheapest_class(run, trained) -> None:
    folder, _ = trained
    told = json.loads(run("predict", folder, "--threshold", 0.5, "--least-cost", "--at", "one", stdin="a1 d3\n").stdout)
    model = HierarchicalTextClassifier.from_pretrained(folder)
    chosen = model.predict_or_coarsen(["a1 d3"], threshold=0.5)[0]
    assert told["nodes"] == [model.taxonomy_.hierarchy.nodes[place] for place in chosen.nonzero()[0]]
    assert told["least_cost"] == model.predict_least_cost(["a1 d3"], at="one")[0]


def test_without_the_task_several_topics_contradict_each_other(run, data: Path, tmp_path: Path) -> None:
    result = run("train", TINY, data, "-o", tmp_path / "model")
    assert result.exit_code == 1
    assert "contradict each other" in result.stderr
