"""Batching: the same answers, in fewer batches; a bound, a deadline, and an end that loses nothing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from hiercls.errors import ConfigError
from hiercls.explain import explain
from hiercls.serving import Limits
from hiercls.serving.batching import Batcher, BusyError


class Gate:
    """Scores texts by their length, once it is opened; remembers its batches."""

    def __init__(self):
        self.open, self.entered, self.batches = threading.Event(), threading.Event(), []

    def __call__(self, texts):
        self.batches.append(list(texts))
        self.entered.set()
        assert self.open.wait(10)
        if "bad" in texts:
            raise ValueError("a bad text")
        return torch.tensor([[float(len(text))] for text in texts])


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def batcher(gate):
    """Lets 2 documents be scored together and 4 wait; the first is being scored already."""
    found = Batcher(gate, limits=Limits(n_batch=2, n_documents=4, n_waiting=4, linger=0.0, deadline=60))
    found.first = found.submit(["a"], torch.flatten)
    assert gate.entered.wait(10)
    yield found
    gate.open.set()
    found.close()


def test_batches_are_cut_by_documents_and_every_request_gets_its_own(gate, batcher):
    futures = [batcher.submit(texts, lambda topics: topics[:, 0].tolist()) for texts in (["aa"], ["bbb"], ["c", ""])]
    gate.open.set()
    assert [future.result(10) for future in futures] == [[2.0], [3.0], [1.0, 0.0]]
    assert gate.batches == [["a"], ["aa", "bbb"], ["c", ""]]


def test_what_exceeds_the_bound_is_refused_and_the_rest_answered(gate, batcher):
    kept = [batcher.submit(["aa"], len) for _ in range(4)]
    assert batcher.n_waiting == 4
    with pytest.raises(BusyError, match="4 documents wait already, of at most 4"):
        batcher.submit(["aa"], len)
    gate.open.set()
    assert [future.result(10) for future in kept] == [1] * 4
    assert batcher.submit(["aa"], len).result(10) == 1
    assert batcher.n_waiting == 0


def test_an_error_is_told_to_those_it_concerns(gate, batcher):
    good, bad = batcher.submit(["aa", "aa"], len), batcher.submit(["bad"], len)
    gate.open.set()
    assert good.result(10) == 2
    with pytest.raises(ValueError, match="a bad text"):
        bad.result(10)
    failing = batcher.submit(["aa"], lambda topics: topics[7])
    with pytest.raises(IndexError):
        failing.result(10)
    assert batcher.submit(["aa"], len).result(10) == 1


def test_what_is_given_up_is_not_scored(gate, batcher):
    gone = batcher.submit(["gone"], len)
    assert gone.cancel()
    kept = batcher.submit(["kept"], len)
    gate.open.set()
    assert kept.result(10) == 1
    assert ["gone"] not in gate.batches


def test_what_waits_too_long_is_given_up(gate):
    batcher = Batcher(gate, limits=Limits(n_batch=1, deadline=0.05, linger=0.0))
    first = batcher.submit(["a"], len)
    assert gate.entered.wait(10)
    late = batcher.submit(["late"], len)
    time.sleep(0.1)
    gate.open.set()
    assert first.result(10) == 1
    with pytest.raises(BusyError, match=r"waited 0\.05 seconds"):
        late.result(10)
    batcher.close()
    assert gate.batches == [["a"]]


def test_closing_answers_what_waits_and_takes_no_more(gate, batcher):
    waiting = batcher.submit(["aa"], len)
    closing = threading.Thread(target=batcher.close)
    closing.start()
    while batcher.is_open:
        time.sleep(0.001)
    with pytest.raises(BusyError, match="closing"):
        batcher.submit(["aa"], len)
    gate.open.set()
    closing.join(10)
    assert (batcher.first.result(0).item(), waiting.result(0)) == (1.0, 1)


def test_requests_that_come_together_are_answered_as_alone(serve, classifier, tiny_documents):
    texts = tiny_documents[0]
    client = serve(linger=0.05)

    def ask(place):
        answers = client.post("/predict", json={"documents": [texts[place]], "at": ["one"], "top_k": 3}).json()
        return {one["name"]: one["probability"] for one in answers["documents"][0]["answers"][0]["top"]}

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(ask, range(len(texts))))
    expected = classifier.predict_proba(texts, at="one")
    classes = classifier.taxonomy_.view("one").classes
    np.testing.assert_allclose([[row[name] for name in classes] for row in found], expected, atol=1e-6)
    n_batches = float(client.get("/metrics").text.split("hiercls_batch_documents_count ")[1].split()[0])
    assert n_batches < len(texts) / 2


def test_a_full_queue_is_429_and_a_closing_server_503(serve):
    client = serve(n_waiting=4, n_documents=4)
    batcher = client.app.state.hiercls.batcher
    gate, entered = threading.Event(), threading.Event()

    def hold(topics):
        entered.set()
        gate.wait(10)

    held = batcher.submit(["a"], hold)
    assert entered.wait(10)
    waiting = batcher.submit(["a"] * 4, len)
    response = client.post("/predict", json={"documents": ["a"]})
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")
    assert "4 documents wait already" in response.json()["detail"]
    gate.set()
    assert (held.result(10), waiting.result(10)) == (None, 4)
    assert client.post("/predict", json={"documents": ["a"]}).status_code == 200
    batcher.close()
    assert client.get("/readyz").status_code == 503
    response = client.post("/predict", json={"documents": ["a"]})
    assert response.status_code == 503
    assert "closing" in response.json()["detail"]


def test_nobody_waits_for_the_explanations_of_others(serve, monkeypatch):
    client, gate, entered = serve(), threading.Event(), threading.Event()

    def slow(*arguments, **settings):
        entered.set()
        assert gate.wait(10)
        return explain(*arguments, **settings)

    monkeypatch.setattr("hiercls.serving.answers.explain", slow)
    with ThreadPoolExecutor(1) as pool:
        explained = pool.submit(client.post, "/predict", json={"documents": ["a1"], "explain": True})
        assert entered.wait(10)
        plain = client.post("/predict", json={"documents": ["a1"]})
        assert not explained.done()
        gate.set()
        assert plain.json()["documents"][0]["answers"][0]["labels"] == ["A"]
        assert explained.result(10).json()["documents"][0]["answers"][0]["why"]["words"][0]["word"] == "a1"


@pytest.mark.parametrize("wrong", [{"n_documents": 0}, {"deadline": -1}, {"linger": float("nan")}, {"n_waiting": 5}])
def test_limits_that_let_nothing_through_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"got |raise n_waiting"):
        Limits(**wrong)
