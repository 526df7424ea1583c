"""From log-probabilities of the topics to any view, against sums by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from hiercls import scoring
from hiercls.calibration import Calibration, Scaling
from hiercls.encoding.engine import EncodingEngine
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.model.heads import CascadeHead, HeadConfig
from hiercls.model.levels import Hierarchy
from hiercls.model.lexical import LexicalBranch
from hiercls.model.terms import LexicalConfig, Terms
from hiercls.scoring import Scorer, TopicMix
from hiercls.taxonomy import Taxonomy

PART = {"customer": "part", "partial": True, "classes": {"AB": ["A", "B"], "D": "D"}}
OVER = {"customer": "over", "overlapping": True, "classes": {"ABC": ["A", "B", "C"], "CDEF": ["C", "D", "E", "F"]}}
POOLED = np.array([0.1, 0.1, 0.2, 0.2, 0.3, 0.1])
OWN = {"two": np.array([0.3, 0.1, 0.1, 0.1, 0.2, 0.2]), "part": np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])}
TOPICS = np.array([[0.1, 0.2, 0.05, 0.25, 0.3, 0.1], [0.9, 0.02, 0.02, 0.02, 0.02, 0.02]])


@pytest.fixture(scope="module")
def taxonomy(tiny: Taxonomy) -> Taxonomy:
    return tiny.with_customer(PART).with_customer(OVER)


@pytest.fixture(scope="module")
def scorer(taxonomy: Taxonomy, tiny_bert: Path) -> Scorer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = CascadeHead(16, Hierarchy.of(taxonomy), HeadConfig(hidden=4)).eval()
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16))
    engine = EncodingEngine(encoder, device=torch.device("cpu"))
    return Scorer(head=head, engine=engine, mix=TopicMix(pooled=POOLED, customers=OWN))


def by_hand(row: np.ndarray, taxonomy: Taxonomy, name: str) -> tuple[dict[str, float], dict[str, float]]:
    """A view's class probabilities, and its undivided node masses."""
    view = taxonomy.view(name)
    members = {k: {taxonomy.topics.index(topic) for topic in view.topics_of(k)} for k in view.classes}
    named = set().union(*members.values())
    odds = OWN[name] / POOLED if name in OWN else np.ones(6)
    chances = {t: row[t] * odds[t] if t in named else 0.0 for t in range(6)}
    total = sum(chances.values())
    times = {t: sum(t in topics for topics in members.values()) for t in named}
    classes = {k: sum(chances[t] / total / times[t] for t in topics) for k, topics in members.items()}
    return classes, {k: sum(chances[t] / total for t in topics) for k, topics in members.items()}


@pytest.mark.parametrize("name", ["area", "topic", "one", "two", "three", "part", "over"])
def test_every_view_sums_the_topics_after_its_prior_and_scope(name: str, scorer: Scorer, taxonomy: Taxonomy) -> None:
    topics = torch.from_numpy(np.log(TOPICS)).float()
    view = taxonomy.view(name)
    classes, nodes = scorer.classes(topics, view).exp(), scorer.nodes(topics, view).exp()
    for number, row in enumerate(TOPICS):
        expected_classes, expected_nodes = by_hand(row, taxonomy, name)
        np.testing.assert_allclose(classes[number].numpy(), list(expected_classes.values()), atol=1e-6)
        np.testing.assert_allclose(nodes[number].numpy(), list(expected_nodes.values()), atol=1e-6)
    np.testing.assert_allclose(classes.sum(-1).numpy(), 1.0, atol=1e-6)


def test_the_scope_is_the_pooled_mass_on_what_a_view_names(scorer: Scorer, taxonomy: Taxonomy) -> None:
    topics = torch.from_numpy(np.log(TOPICS)).float()
    part = scorer.scope(topics, taxonomy.view("part")).exp().numpy()
    np.testing.assert_allclose(part, [0.1 + 0.2 + 0.25, 0.9 + 0.02 + 0.02], atol=1e-6)
    np.testing.assert_allclose(scorer.scope(topics, taxonomy.view("over")).exp().numpy(), 1.0, atol=1e-6)


def test_where_nothing_is_known_the_topics_are_left_as_they_are(scorer: Scorer, taxonomy: Taxonomy) -> None:
    topics = torch.from_numpy(np.log(TOPICS)).float()
    assert scorer.conditioned(topics, taxonomy.view("one")) is topics
    assert not scorer.conditioned(topics, taxonomy.view("two")).allclose(topics)


def test_a_stream_says_the_same_in_order_window_by_window(
    scorer: Scorer, tiny_documents: tuple[list[str], list[str]]
) -> None:
    texts = tiny_documents[0][:30]
    done: list[int] = []
    sizes = [7, 0, 12, 1, 10]
    ends = np.cumsum(sizes)
    windows = [texts[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    parts = list(scorer.stream(iter(windows), advance=done.append))
    assert [len(part) for part in parts] == sizes
    torch.testing.assert_close(torch.cat(parts), scorer.topics(texts), atol=1e-5, rtol=0)
    assert sum(done) == 30


def test_a_stream_of_a_model_without_encoder(words: Scorer) -> None:
    windows = [["red fox", "blue hen"], [], ["hen"]]
    parts = list(words.stream(windows))
    assert torch.equal(torch.cat(parts), words.topics([text for window in windows for text in window]))


@pytest.fixture
def words() -> Scorer:
    terms = Terms.fit(["red fox", "blue hen", "red hen"], customers=["one"] * 3, config=LexicalConfig())
    odds = np.random.default_rng(0).normal(size=(len(terms), 6)).astype(np.float32)
    nothing, bias = np.empty((0, 6), dtype=np.float32), np.zeros(6, dtype=np.float32)
    branch = LexicalBranch(terms=terms, term_weights=odds, encoding_weights=nothing, scale=1.0, bias=bias)
    return Scorer(mix=TopicMix(pooled=POOLED), lexical=branch)


def test_texts_go_through_engine_and_head_in_parts(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch, tiny_documents: tuple[list[str], list[str]]
) -> None:
    texts = tiny_documents[0][:20]
    whole = scorer.topics(texts)
    monkeypatch.setattr(scoring, "HEAD_BATCH", 7)
    parts = scorer.topics(texts)
    assert (whole.shape, whole.dtype) == ((20, 6), torch.float32)
    torch.testing.assert_close(parts, whole, atol=1e-6, rtol=1e-6)
    direct = scorer.head(torch.from_numpy(scorer.engine.encode(texts))).topics
    torch.testing.assert_close(whole, direct, atol=1e-6, rtol=1e-6)
    assert not whole.requires_grad


def test_no_text_has_no_row(scorer: Scorer, taxonomy: Taxonomy) -> None:
    topics = scorer.topics([])
    assert topics.shape == (0, 6)
    assert scorer.classes(topics, taxonomy.view("part")).shape == (0, 2)
    assert scorer.nodes(topics, taxonomy.view("over")).shape == (0, 2)
    assert scorer.scope(topics, taxonomy.view("part")).shape == (0,)


def test_a_certain_topic_outside_a_scope_still_gives_finite_answers(scorer: Scorer, taxonomy: Taxonomy) -> None:
    scores = torch.tensor([[-200.0, -201.0, -500.0, -200.0, 0.0, -500.0]])
    classes = scorer.classes(scores.log_softmax(-1), taxonomy.view("part"))
    assert classes.isfinite().all()
    np.testing.assert_allclose(classes.exp().sum().item(), 1.0, atol=1e-6)


@pytest.mark.parametrize("calibrated", [False, True])
def test_many_views_at_once_are_each_alone(scorer: Scorer, taxonomy: Taxonomy, calibrated: bool) -> None:
    scaling = dataclasses.replace(Scaling.identity(6), slopes=np.full(6, 0.5))
    if calibrated:
        scorer = dataclasses.replace(scorer, calibration=Calibration(pooled=scaling, customers={"two": scaling}))
    views = [taxonomy.view(name) for name in ("part", "area", "two", "over", "one", "topic", "three")]
    tiny_in_scope = torch.log_softmax(torch.tensor([[-90.0, -91.0, 50.0, -95.0, 3.0, 0.0]]), dim=-1)
    topics = torch.cat([torch.from_numpy(np.log(TOPICS)).float(), tiny_in_scope])
    for view, found in zip(views, scorer.classes_many(topics, views), strict=True):
        torch.testing.assert_close(found, scorer.classes(topics, view), atol=1e-5, rtol=1e-6)
    assert scorer.classes_many(topics, []) == ()


def test_many_views_at_once_know_the_mix_that_adjusted_logits_answer_for(scorer: Scorer, taxonomy: Taxonomy) -> None:
    mix = dataclasses.replace(scorer.mix, adjustment=0.7)
    adjusted = dataclasses.replace(scorer, mix=mix)
    views = [taxonomy.view(name) for name in taxonomy.views]
    topics = torch.from_numpy(np.log(TOPICS)).float()
    shifted = [view.name for view in views if view.name in mix.customers]
    assert shifted
    for view, found in zip(views, adjusted.classes_many(topics, views), strict=True):
        torch.testing.assert_close(found, adjusted.classes(topics, view), atol=1e-5, rtol=1e-6)
        assert torch.allclose(found, scorer.classes(topics, view), atol=1e-5) == (view.name not in shifted)
