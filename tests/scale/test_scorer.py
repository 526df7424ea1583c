"""Tables in, tables out: the estimator's own answers, row for row, and null ones with reasons for bad rows."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pyarrow as pa
import pytest

from hiercls import scoring
from hiercls.errors import ConfigError, DataError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.scale import ScoreConfig, TableScorer
from hiercls.scale.columns import CLASSES
from hiercls.training.config import TrainingConfig

TEXTS = ["a1 the a2", "", "d4 d5", "f0 e1 of", "b2 “ünïcode”", "a1 the a2", "c0 " * 40]
VIEWS = ("topic", "area", "one", "two")


@pytest.fixture(scope="module")
def encoder_model(tiny, tiny_documents, tiny_bert, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder") / "model"
    model = HierarchicalTextClassifier(tiny, encoder=tiny_bert, max_length=16, precision="float32")
    model.fit(*tiny_documents).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("window", [2, 16, 4096])
@pytest.mark.parametrize("kind", ["words_model", "encoder_model"])
def test_answers_are_the_estimators(request, monkeypatch, kind, window):
    folder = request.getfixturevalue(kind)
    monkeypatch.setattr(TableScorer, "window", window)
    table = pa.table({"id": list("abcdefg"), "text": TEXTS})
    found = TableScorer(folder, ScoreConfig(at=VIEWS, top_k=2, probabilities=True))(table)
    model = HierarchicalTextClassifier.from_pretrained(folder)
    assert found["id"].to_pylist() == list("abcdefg")
    assert found["reasons"].null_count == len(TEXTS)
    for view in VIEWS:
        shares = model.predict_proba(TEXTS, at=view)
        assert found[view].to_pylist() == model.predict(TEXTS, at=view).tolist()
        np.testing.assert_allclose(found[f"{view}_probability"].to_numpy(), shares.max(axis=1), atol=1e-5)
        column = found[f"{view}_probabilities"]
        np.testing.assert_allclose(np.array(column.to_pylist()), shares, atol=1e-5)
        names = json.loads(found.schema.field(f"{view}_probabilities").metadata[CLASSES])
        assert tuple(names) == model.taxonomy_.view(view).classes
        for row, top in zip(shares, found[f"{view}_top"].to_pylist(), strict=True):
            order = np.argsort(-row, kind="stable")[:2]
            assert [entry["probability"] for entry in top] == pytest.approx(row[order].tolist(), abs=1e-5)


@pytest.mark.parametrize("window", [1, 2, 16])
@pytest.mark.parametrize("kind", ["words_model", "encoder_model"])
def test_bad_rows_have_reasons_and_nobody_elses_answers(request, monkeypatch, kind, window):
    folder = request.getfixturevalue(kind)
    monkeypatch.setattr(TableScorer, "window", window)
    scorer = TableScorer(folder, ScoreConfig(at=("one",)))
    found = scorer(pa.table({"text": [None, "d4 d5", None, None, "a1 a2"]}))
    good = scorer(pa.table({"text": ["d4 d5", "a1 a2"]}))
    assert [row is None for row in found["reasons"].to_pylist()] == [False, True, False, False, True]
    assert found["reasons"][0].as_py() == ["expected a text as a string, got None; an empty text is ''"]
    assert found["one"].to_pylist() == [None, good["one"][0].as_py(), None, None, good["one"][1].as_py()]
    assert found["one_probability"].drop_null().to_pylist() == pytest.approx(good["one_probability"].to_pylist())


def test_a_column_of_numbers_is_no_text(words_model):
    found = TableScorer(words_model)(pa.table({"text": [3, None]}))
    assert found["reasons"].to_pylist() == [
        ["expected a text as a string, got the int 3"],
        ["expected a text as a string, got None; an empty text is ''"],
    ]
    assert found["topic"].null_count == 2


@pytest.mark.parametrize("kind", ["words_model", "encoder_model"])
def test_an_empty_table_has_the_same_columns(request, kind):
    scorer = TableScorer(request.getfixturevalue(kind), ScoreConfig(at=("one",), top_k=1))
    empty = scorer(pa.table({"text": pa.array([], pa.string())}))
    assert empty.num_rows == 0
    assert empty.schema == scorer(pa.table({"text": ["a1"]})).schema


def test_several_topics_are_lists(tiny, tiny_bert, tiny_documents, tmp_path):
    texts, topics = tiny_documents
    quick = {"lexical": False, "training": TrainingConfig(epochs=5, weight_decay=1.0)}
    model = HierarchicalTextClassifier(tiny, encoder=tiny_bert, max_length=16, task="multilabel", **quick)
    model.fit(texts, [[topic] for topic in topics]).save_pretrained(tmp_path / "model")
    found = TableScorer(tmp_path / "model", ScoreConfig(at=("topic", "one")))(pa.table({"text": [*TEXTS, None]}))
    for view in ("topic", "one"):
        names = model.taxonomy_.view(view).classes
        chosen = np.asarray(model.predict(TEXTS, at=view)).astype(bool)
        shares = model.predict_proba(TEXTS, at=view)
        assert found[view].to_pylist() == [[names[k] for k in row.nonzero()[0]] for row in chosen] + [None]
        for row, one, told in zip(shares, chosen, found[f"{view}_probability"].to_pylist(), strict=False):
            assert told == pytest.approx(row[one].tolist(), abs=1e-5)


def test_windows_shrink_with_many_topics(words_model, monkeypatch):
    assert TableScorer(words_model).window == 4096
    monkeypatch.setattr(scoring, "NUMBERS", 6 * 100)
    assert TableScorer(words_model).window == 100
    monkeypatch.setattr(scoring, "NUMBERS", 6)
    assert TableScorer(words_model).window == 16


def test_a_scorer_is_sent_without_its_model(words_model):
    scorer = TableScorer(words_model, ScoreConfig(at=("two",)))
    table = pa.table({"text": TEXTS})
    before = scorer(table)
    sent = pickle.dumps(scorer)
    assert len(sent) < 1000
    assert pickle.loads(sent)(table).equals(before)


@pytest.mark.parametrize(
    ("columns", "at", "kind", "said"),
    [
        ({"texts": ["a"]}, (), DataError, "rename 'texts' to 'text'"),
        ({"text": ["a"], "one": ["b"]}, ("one",), ConfigError, "got 'one'"),
        ({"text": ["a"]}, ("ones",), ConfigError, "did you mean 'one'"),
        ({"text": ["a"]}, ("one", "one"), ConfigError, "'one', 'one_probability' twice"),
    ],
)
def test_what_cannot_be_asked_is_said(words_model, columns, at, kind, said):
    with pytest.raises(kind, match=said):
        TableScorer(words_model, ScoreConfig(at=at))(pa.table(columns))
