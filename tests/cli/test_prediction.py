"""The commands predict and evaluate: the same answers as in Python, in order, whatever the rows are like."""

from __future__ import annotations

import json

import pytest

from hiercls import scoring
from hiercls.cli import prediction
from hiercls.data import reading
from hiercls.data.rows import Row
from hiercls.estimator import HierarchicalTextClassifier

TEXTS = ["a1 the a2", "", "d4 d5", "f0 e1 of", "b2 “ünïcode”"]


@pytest.fixture(scope="module")
def classifier(training):
    return HierarchicalTextClassifier.from_pretrained(training[0])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(json.dumps({"text": text, "label": "ABC"}) for text in TEXTS), encoding="utf-8")
    return path


def answers(result):
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("at", ["topic", "area", "one", "two", "three"])
def test_answers_are_the_estimators_in_order(run, training, classifier, file, at):
    found = answers(run("predict", training[0], file, "--at", at, "--top-k", 99))
    view = classifier.taxonomy_.view(at)
    probabilities = classifier.predict_proba(TEXTS, at=at)
    assert [answer["label"] for answer in found] == classifier.predict(TEXTS, at=at).tolist()
    for answer, row in zip(found, probabilities, strict=True):
        assert answer.keys() == {"label", "probability", "top"}
        told = {entry["label"]: entry["probability"] for entry in answer["top"]}
        assert told == pytest.approx(dict(zip(view.classes, row.tolist(), strict=True)), abs=1e-6)
        assert sum(told.values()) == pytest.approx(1.0, abs=1e-5)
        assert list(told.values()) == sorted(told.values(), reverse=True)
        assert answer["top"][0] == {"label": answer["label"], "probability": answer["probability"]}


def test_three_classes_of_the_topics_are_listed_by_default(run, training, classifier, file):
    found = answers(run("predict", training[0], file))
    assert [len(answer["top"]) for answer in found] == [3] * len(TEXTS)
    assert [answer["label"] for answer in found] == classifier.predict(TEXTS).tolist()


@pytest.mark.parametrize("as_json", [False, True])
def test_stdin_is_texts_or_jsonl_and_an_empty_text_is_answered(run, training, file, as_json):
    lines = file.read_bytes() if as_json else "\n".join([*TEXTS, ""]).encode()
    by_default = run("predict", training[0], "--at", "one", stdin=lines)
    assert by_default.stdout == run("predict", training[0], file, "--at", "one").stdout
    assert by_default.stdout == run("predict", training[0], "-", "--at", "one", stdin=lines).stdout
    assert by_default.stderr == ""


def test_nothing_in_is_nothing_out(run, training):
    assert answers(run("predict", training[0], stdin="")) == []


@pytest.mark.parametrize("window", [1, 4])
def test_windows_do_not_show(run, training, file, monkeypatch, window):
    whole = run("predict", training[0], file, "--at", "two").stdout
    monkeypatch.setattr(scoring, "WINDOW", window)
    assert run("predict", training[0], file, "--at", "two").stdout == whole


def test_windows_of_any_size_change_no_more_than_rounding(run, training, file, monkeypatch):
    whole = answers(run("predict", training[0], file, "--at", "two"))
    monkeypatch.setattr(scoring, "WINDOW", 2)
    parts = answers(run("predict", training[0], file, "--at", "two"))
    assert [answer["label"] for answer in parts] == [answer["label"] for answer in whole]
    for part, answer in zip(parts, whole, strict=True):
        told = [[(entry["label"], entry["probability"]) for entry in one["top"]] for one in (part, answer)]
        assert [label for label, _ in told[0]] == [label for label, _ in told[1]]
        # products of more rows are rounded otherwise, which may move the sixth digit that is told by one
        assert [share for _, share in told[0]] == pytest.approx([share for _, share in told[1]], abs=1.5e-6)


def test_output_goes_to_a_file_whole(run, training, file, tmp_path):
    path = tmp_path / "new" / "answers.jsonl"
    result = run("predict", training[0], file, "-o", path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"wrote {path}" in result.stderr
    assert path.read_text() == run("predict", training[0], file).stdout
    assert [entry.name for entry in path.parent.iterdir()] == ["answers.jsonl"]


def test_the_input_is_never_overwritten(run, training, file):
    before = file.read_text()
    result = run("predict", training[0], file, "-o", file)
    assert result.exit_code == 1
    assert "is the file to be read" in result.stderr
    assert file.read_text() == before


def test_output_that_breaks_off_leaves_what_was_there(run, training, file, tmp_path, monkeypatch):
    path = tmp_path / "answers.jsonl"
    path.write_text("old")

    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(prediction, "_answer", fail)
    assert isinstance(run("predict", training[0], file, "-o", path).exception, ZeroDivisionError)
    assert path.read_text() == "old"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["answers.jsonl", "texts.jsonl"]


@pytest.fixture
def bad_file(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b'{"text": null}\n{"text": "a1"}\n\xff\n{"text": "d1"}\n{text\n')
    return path


def test_bad_rows_are_listed_and_nothing_is_answered(run, training, bad_file, tmp_path):
    result = run("predict", training[0], bad_file, "-o", tmp_path / "answers.jsonl")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error: 3 problems in the data:" in result.stderr
    assert all(f"{bad_file}:{line}:" in result.stderr for line in (1, 3, 5))
    assert not (tmp_path / "answers.jsonl").exists()


def test_skip_bad_keeps_every_rows_place(run, training, bad_file, tmp_path):
    rejects = tmp_path / "rejects.jsonl"
    result = run("predict", training[0], bad_file, "--skip-bad", "--rejects", rejects)
    found = answers(result)
    good = answers(run("predict", training[0], stdin="a1\nd1\n"))
    assert [found[1], found[3]] == good
    for place, line in ((0, 1), (2, 3), (4, 5)):
        assert (found[place]["label"], found[place]["probability"], found[place]["top"]) == (None, None, [])
        assert found[place]["problems"][0].startswith(f"{bad_file}:{line}:")
    assert f"warning: 3 bad rows of 5 left out; they are in '{rejects}' with the reasons" in result.stderr
    assert len(rejects.read_text().splitlines()) == 3


def test_skip_bad_without_a_file_says_how_many(run, training, bad_file):
    result = run("predict", training[0], bad_file, "--skip-bad")
    assert result.stderr == "warning: 3 bad rows of 5 left out\n"


def test_an_unknown_view_is_said_with_the_nearest(run, training, file):
    result = run("predict", training[0], file, "--at", "onee")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "unknown level or customer 'onee'; did you mean 'one'" in result.stderr


@pytest.mark.parametrize("name", ["predict", "evaluate"])
def test_what_is_no_model(run, tmp_path, file, name):
    result = run(name, tmp_path, file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error: expected a model folder with" in result.stderr


@pytest.fixture
def labelled(tmp_path):
    path = tmp_path / "labelled.csv"
    path.write_text("text,label,view\na1 a2,A,\nb3 b4,ABC,one\n,DE,two\nf1 f2,F,topic\nd1 d2,A,topic\n")
    return path


def test_evaluate_is_a_table_of_levels_and_customers(run, training, labelled):
    result = run("evaluate", training[0], labelled)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "5 labelled documents, 1 of them without text"
    assert lines[2].split() == ["documents", "undetermined", "accuracy", "macro-F1", "ECE", "log-loss"]
    rows = {tuple(line.split()[:2]): line.split()[2:] for line in lines[3:8]}
    assert [counts[:2] for counts in rows.values()] == [["5", "0"], ["3", "2"], ["4", "1"], ["4", "1"], ["3", "2"]]
    assert list(rows) == [
        ("level", "area"),
        ("level", "topic"),
        *(("customer", name) for name in ("one", "two", "three")),
    ]
    assert lines[-1].endswith("on 3 documents whose topic is known")


def test_evaluate_as_json_is_what_python_says(run, training, classifier, labelled):
    result = json.loads(run("evaluate", training[0], labelled, "--json").stdout)
    texts, labels = ["a1 a2", "f1 f2", "d1 d2"], ["A", "F", "A"]
    by_view = {scores["view"]: scores for scores in (*result["levels"], *result["customers"])}
    assert by_view["topic"]["accuracy"] == pytest.approx(classifier.score(texts, labels))
    assert by_view["one"]["accuracy"] == pytest.approx(
        classifier.score([*texts, "b3 b4"], ["ABC", "EF", "ABC", "ABC"], views="one")
    )
    assert (result["n_documents"], result["n_empty"], result["hierarchical"]["n_documents"]) == (5, 1, 3)


def test_evaluate_of_one_customers_labels_has_dashes_where_nothing_is_known(run, training, tmp_path):
    path = tmp_path / "coarse.csv"
    path.write_text("text,label,view\na1 b2,CD,three\n")
    lines = run("evaluate", training[0], path).stdout.splitlines()
    assert next(line for line in lines if line.startswith("level topic")).split() == [
        "level",
        "topic",
        "0",
        "1",
        *"––––",
    ]
    assert "hierarchical precision –, recall –, F1 – on 0 documents" in lines[-1]


def test_evaluate_draws_what_the_labels_decide(run, training, labelled, tmp_path):
    result = run("evaluate", training[0], labelled, "--figures", tmp_path / "figures")
    assert result.exit_code == 0, result.output
    names = {"reliability", "risk-coverage", "operating-curve", "confusion-area", "confusion-topic"}
    names |= {f"confusion-{name}" for name in ("one", "two", "three")}
    assert {file.name for file in (tmp_path / "figures").iterdir()} == {f"{name}.png" for name in names}
    assert result.stderr == f"wrote 8 figures to {tmp_path / 'figures'}\n"


def test_evaluate_of_coarse_labels_draws_no_curve_over_topics(run, training, tmp_path):
    path = tmp_path / "coarse.csv"
    path.write_text("text,label,view\na1 b2,CD,three\n")
    assert run("evaluate", training[0], path, "--figures", tmp_path / "figures").exit_code == 0
    assert {file.stem for file in (tmp_path / "figures").iterdir()} == {"reliability", "confusion-three"}


def test_evaluate_writes_a_report_and_one_for_a_customer(run, training, labelled, tmp_path):
    pytest.importorskip("plotly")
    pages = []
    for number, options in enumerate([("--training", labelled), ("--customer", "one")]):
        path = tmp_path / f"{number}.html"
        result = run("evaluate", training[0], labelled, "--report", path, *options)
        assert result.exit_code == 0, result.output
        assert result.stderr == f"wrote {path}\n"
        pages.append(path.read_text(encoding="utf-8"))
    assert all(page.startswith("<!doctype html>") for page in pages)
    assert str(training[0]) in pages[0]
    assert str(training[0]) not in pages[1]
    assert labelled.name not in pages[1]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--customer", "one"), 2, "--report"),
        (("--training", "x.csv"), 2, "--report"),
        (("--report", "r.html", "--customer", "on"), 1, "unknown customer 'on'"),
    ],
)
def test_what_a_report_cannot_be_made_of_is_said_before_any_work(run, training, labelled, options, code, said):
    result = run("evaluate", training[0], labelled, *options)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr


def test_evaluate_lists_bad_labels_or_leaves_them_out(run, training, labelled):
    labelled.write_text(labelled.read_text() + "c1,Q,topic\n")
    refused = run("evaluate", training[0], labelled)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"{labelled}:7: 'Q' is no class of 'topic'" in refused.stderr
    skipped = run("evaluate", training[0], labelled, "--skip-bad")
    assert skipped.stdout.startswith("5 labelled documents")
    assert "warning: 1 bad row of 6 left out\n" in skipped.stderr


@pytest.fixture
def promising(run, model, world):
    assert run("conformalize", model, world.one, world.others).exit_code == 0
    return model


@pytest.mark.parametrize("exact", [(), ("--calibrated-at", "one")])
def test_sets_nodes_and_the_cheapest_class_are_the_estimators(run, promising, file, exact, monkeypatch):
    classifier = HierarchicalTextClassifier.from_pretrained(promising)
    monkeypatch.setattr(scoring, "WINDOW", 2)
    asked = ("--at", "one", "--coverage", 0.8, *exact, "--threshold", 0.9, "--least-cost")
    found = answers(run("predict", promising, file, *asked))
    plain = answers(run("predict", promising, file, "--at", "one"))
    assert [{key: answer[key] for key in ("label", "probability", "top")} for answer in found] == plain
    sets = classifier.predict_set(TEXTS, at="one", coverage=0.8, calibrated_at="one" if exact else None)
    classes = classifier.taxonomy_.view("one").classes
    assert [answer["set"] for answer in found] == [[classes[place] for place in row.nonzero()[0]] for row in sets]
    assert [answer["node"] for answer in found] == classifier.predict_or_coarsen(TEXTS, threshold=0.9).tolist()
    assert [answer["least_cost"] for answer in found] == classifier.predict_least_cost(TEXTS, at="one").tolist()


def test_nodes_of_a_promised_accuracy_and_what_cannot_be_promised(run, promising, file):
    classifier = HierarchicalTextClassifier.from_pretrained(promising)
    found = answers(run("predict", promising, file, "--accuracy", 0.5))
    assert [answer["node"] for answer in found] == classifier.predict_or_coarsen(TEXTS, accuracy=0.5).tolist()
    result = run("predict", promising, file, "--accuracy", 0.999)
    assert [answer["node"] for answer in answers(result)] == [None] * len(TEXTS)
    assert "warning: no threshold is sure to make 0.999 of the nodes right: all of them are null" in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--coverage", 0.9), "nothing can be promised before 'conformalize' has seen labelled documents"),
        (("--accuracy", 0.9), "nothing can be promised before 'conformalize' has seen labelled documents"),
        (("--accuracy", 0.9, "--threshold", 0.9), "give one of them"),
        (("--calibrated-at", "one"), "--calibrated-at says where --coverage is exact: give both"),
        (("--threshold", 9), "expected a threshold from 0 to 1, got 9"),
        (("--least-cost",), "unknown customer 'topic'"),
    ],
)
def test_what_is_asked_for_in_vain_is_said_before_anything_is_answered(run, training, file, options, said):
    result = run("predict", training[0], file, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


def test_a_bad_row_has_no_set_and_no_node(run, promising, bad_file):
    found = answers(run("predict", promising, bad_file, "--skip-bad", "--coverage", 0.9, "--threshold", 0.5))
    assert [(answer["set"], answer["node"]) for answer in found[::2]] == [(None, None)] * 3
    assert all(answer["set"] for answer in found[1::2])


def test_a_long_file_is_never_held_whole(run, training, tmp_path, monkeypatch):
    held = 0
    most = 0

    class Counted(Row):
        def __init__(self, **cells):
            nonlocal held, most
            super().__init__(**cells)
            held += 1
            most = max(most, held)

        def __del__(self):
            nonlocal held
            held -= 1

    monkeypatch.setattr(reading, "Row", Counted)
    monkeypatch.setattr(scoring, "WINDOW", 5)
    path = tmp_path / "long.jsonl"
    path.write_text("\n".join(json.dumps({"text": f"a{number % 6}"}) for number in range(200)))
    assert len(answers(run("predict", training[0], path))) == 200
    assert most < 20
