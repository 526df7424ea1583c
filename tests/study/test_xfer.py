"""Xfer's protocol on a small world: what is labelled, what is run, what is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hiercls.study.corpus import Corpus
from hiercls.study.repurposing import INDUCTIVE, TRANSDUCTIVE, Target, both_features
from hiercls.study.xfer import TARGETS, XferConfig, drawn, run_xfer, split
from hiercls.taxonomy import Taxonomy, shipped

NAMES = Taxonomy.from_yaml(shipped("newsgroups")).topics


@pytest.fixture
def corpus() -> Corpus:
    """Twenty documents a topic, each with a word of its topic and a common one."""
    topics = np.arange(400) % 20
    words = [f"t{topic} w{place % 7} common" for place, topic in enumerate(topics)]
    return Corpus(texts=tuple(words), topics=topics)


def encode(texts):
    random = np.random.default_rng(0).normal(size=(128, 6))
    counts = [np.bincount([ord(letter) for letter in text], minlength=128)[:128] for text in texts]
    return (np.array(counts) @ random).astype(np.float32)


def test_the_target_groups_are_the_demos_and_the_source_the_other_13(corpus):
    source, target = split(corpus)
    assert {NAMES[topic] for topic in target.topics} == set(TARGETS)
    assert len(set(source.topics.tolist())) == 13
    assert len(source.texts) + len(target.texts) == 400


def test_a_draw_is_100_documents_at_random():
    first = drawn(6642, seed=0)
    assert len(set(first.tolist())) == 100
    assert first.tolist() == drawn(6642, seed=0).tolist() != drawn(6642, seed=1).tolist()
    assert 6642 - len(first) == 6542


def test_no_method_sees_a_label_of_a_document_to_test(corpus):
    source, target = split(corpus)
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    task = Target.build(taxonomy, source=source, target=target, names=TARGETS, encode=encode)
    task = task.drawn(drawn(len(target.texts), seed=0), seed=0)
    hidden = task.classes.copy()
    hidden[task.others] = (hidden[task.others] + 1) % 7
    blind = Target(**{field: getattr(task, field) for field in Target.__slots__ if field != "classes"}, classes=hidden)
    for name, predict in {**INDUCTIVE, **TRANSDUCTIVE}.items():
        if "gaussian" in name:
            continue  # the same code as the other heads, and slow
        np.testing.assert_array_equal(predict(task), predict(blind), err_msg=name)


def test_inductive_features_do_not_depend_on_documents_to_test(corpus):
    source, target = split(corpus)
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    task = Target.build(taxonomy, source=source, target=target, names=TARGETS, encode=encode)
    task = task.drawn(drawn(len(target.texts), seed=0), seed=0)
    spoilt = [text if place in task.labelled else f"other {text}" for place, text in enumerate(target.texts)]
    changed = Target.build(
        taxonomy, source=source, target=Corpus(texts=tuple(spoilt), topics=target.topics), names=TARGETS, encode=encode
    ).drawn(task.labelled, seed=0)
    one, two = (both_features(part, described=True) for part in (task, changed))
    np.testing.assert_allclose(one.few["words"], two.few["words"])
    assert len(one.classes) == 100 + 4 * 7


@pytest.mark.filterwarnings("ignore:the head has not converged")
def test_the_benchmark_runs_resumes_and_draws(corpus, tmp_path, tiny_bert, monkeypatch):
    half = Corpus(texts=corpus.texts[:200], topics=corpus.topics[:200])
    rest = Corpus(texts=corpus.texts[200:], topics=corpus.topics[200:])
    monkeypatch.setattr("hiercls.study.xfer.newsgroups_corpora", lambda taxonomy, headers, documents: (half, rest))
    few = ("from scratch: TF-IDF + ComplementNB", "encodings: laplace")
    monkeypatch.setattr("hiercls.study.xfer.INDUCTIVE", {name: INDUCTIVE[name] for name in few})
    last = "encodings: label spreading"
    monkeypatch.setattr("hiercls.study.xfer.TRANSDUCTIVE", {last: TRANSDUCTIVE[last]})
    settings = {"encoder": str(tiny_bert), "max_length": 16, "cache": False}
    config = XferConfig(headers=("kept",), draws=(0, 1), settings=settings)
    text = run_xfer(config, tmp_path, resume=False, say=lambda line: None)
    accuracy = json.loads((tmp_path / "xfer.json").read_text())["runs"]["kept"]["1"]["accuracy"]
    assert list(accuracy)[:3] == [*few, last]
    assert [name.split(":")[0] for name in list(accuracy)[3:]] == ["fine-tuning", "random freeze"]
    assert [name for name in accuracy if f"| {name} |" in text] == list(accuracy)
    assert accuracy[few[0]] > 0.9
    assert "rec.autos" in (tmp_path / "xfer.svg").read_text()
    again: list[str] = []
    assert run_xfer(config, tmp_path, resume=True, say=again.append) == text
    assert again == []
