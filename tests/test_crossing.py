"""What crosses between customers who learn together: what all may share, and nothing that one of them alone has."""

from __future__ import annotations

import dataclasses
import json
import os

import pytest

from hiercls.data.reading import read
from hiercls.errors import ConfigError
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.explain import explain

WORLD = """
hiercls: 1
name: shop
levels: [area, topic]
topics: {X: [A, B], Y: [C, D]}
customers:
  own: {Mine: [A, B], Yours: [C, D]}
  other: {Hushhush: [A, C], Quiet: rest}
"""
COMMON = {"A": "apple red", "B": "bread brown", "C": "cloud white", "D": "dog black"}


def rows():
    """Documents of both customers; the other's hold a word that nobody else uses, and so are its classes called."""
    made = []
    for number in range(8):
        for topic, words in COMMON.items():
            mine = "Mine" if topic in "AB" else "Yours"
            theirs = "Hushhush" if topic in "AC" else "Quiet"
            made.append({"text": f"{words} {words} {number}", "label": mine, "view": "own", "customer": "own"})
            secret = {"text": f"{words} zyzzyva{topic.lower()}", "label": theirs, "view": "other", "customer": "other"}
            made.append(secret)
            made.append({"text": f"{words} {number}", "label": topic, "view": "topic", "customer": "own"})
    return read(made).rows


@pytest.fixture(scope="module", params=[None, "tiny-bert"])
def model(request, tiny_bert, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIERCLS_CACHE", str(tmp_path_factory.mktemp("cache")))
        encoder = None if request.param is None else tiny_bert
        trained = HierarchicalTextClassifier(WORLD, encoder=encoder, lexical=True, max_length=16, random_state=0)
        yield trained.fit_rows(rows()).conformalize_rows(rows())


def secrets(text):
    return [word for word in ("zyzzyva", "Hushhush", "Quiet") if word in text]


def test_answers_at_a_view_name_that_views_classes_alone(model):
    texts = ["apple zyzzyvaa", "dog zyzzyvad"]
    assert set(model.predict(texts, at="own")) <= {"Mine", "Yours"}
    assert not secrets(json.dumps(model.predict_set(texts, at="own", coverage=0.5).tolist(), default=str))


def test_the_vocabulary_holds_no_word_that_one_customer_alone_uses(model):
    assert not [term for term in model.scorer_.lexical.terms.names if "zyzzyva" in term]
    assert "apple" in model.scorer_.lexical.terms.names


def test_a_saved_model_holds_no_document(model, tmp_path):
    model.save_pretrained(tmp_path / "m")
    for file in (tmp_path / "m").rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert b"zyzzyva" not in content, file
        assert b"apple red" not in content, file
        assert b"Hushhush" not in content or file.name == "taxonomy.yaml"


def test_an_explanation_shows_the_askers_own_documents_alone(model):
    found = explain(model, "apple red", at="own", documents=rows(), n_neighbours=64)
    assert found.neighbours
    assert not secrets(str(dataclasses.asdict(found)))
    theirs = explain(model, "apple red", at="other", documents=rows(), n_neighbours=64)
    assert secrets(str(dataclasses.asdict(theirs)))  # who owns them sees them


def test_a_promise_is_made_of_ones_own_documents(model):
    own = model.heldout_.of_customer("own")
    assert 0 < len(own) < len(model.heldout_)
    assert set(own.customers) == {"own"}
    with pytest.raises(ConfigError, match="no held-out document is of 'nobody'"):
        model.heldout_.of_customer("nobody")


def test_the_cache_holds_numbers_under_hashes(model, tmp_path):
    folder = os.environ["HIERCLS_CACHE"]
    for root, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(root, name), "rb") as file:
                content = file.read()
            assert b"apple" not in content
            assert b"zyzzyva" not in content
