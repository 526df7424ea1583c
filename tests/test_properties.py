"""What holds for every taxonomy, every head and every batch, on whatever hypothesis thinks up."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiercls.encoding.engine import EncodingConfig, EncodingEngine
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.model.heads import CascadeHead, HeadConfig
from hiercls.model.levels import Hierarchy
from hiercls.scoring import Scorer, TopicMix
from hiercls.taxonomy import Taxonomy
from hiercls.training.config import TrainingConfig

WIDTH = 16
QUICK = settings(
    derandomize=True,
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


# ---------------------------------------------------------------------------------------------------- the worlds


@st.composite
def customers(draw: st.DrawFn, topics: list[str]) -> dict[str, Any]:
    """A partition, a partial customer and an overlapping one, of classes K0 to K2."""
    found: dict[str, Any] = {}
    for name, low, high in (("parts", 1, 1), ("partial", 0, 1), ("overlapping", 0, 3)):
        classes: dict[str, list[str]] = {}
        for topic in topics:
            for number in draw(st.sets(st.integers(0, 2), min_size=low, max_size=high)):
                classes.setdefault(f"K{number}", []).append(topic)
        if classes:
            found[name] = {"partial": low == 0, "overlapping": high > 1, "classes": classes}
    return found


@st.composite
def worlds(draw: st.DrawFn, *, tree: bool) -> Taxonomy:
    """Two or three levels, ragged at times; on a DAG nodes may have several parents."""
    topics = [f"t{number}" for number in range(draw(st.integers(2, 6)))]
    above = st.sets(st.integers(0, 2), min_size=1, max_size=1 if tree else 3)
    areas: dict[str, list[str]] = {}
    for topic in topics:
        for number in sorted(draw(above)):
            areas.setdefault(f"a{number}", []).append(topic)
    shared = [topic for topic in topics if sum(topic in below for below in areas.values()) > 1]
    data: dict[str, Any] = {"hiercls": 1, "levels": ["area", "topic"], "topics": areas}
    if draw(st.booleans()):
        roots: dict[str, list[Any]] = {}
        for area in areas:
            for place, number in enumerate(sorted(draw(above))):
                roots.setdefault(f"r{number}", []).append(area if place else {area: areas[area]})
        shared += [area for area in areas if sum(_holds(below, area) for below in roots.values()) > 1]
        data |= {"levels": ["root", "area", "topic"], "topics": roots}
    if draw(st.booleans()):
        data["topics"] = {**data["topics"], "alone": None}
        topics = [*topics, "alone"]
    data |= {"multi_parent": shared} if shared else {}
    return Taxonomy.from_dict(data | {"customers": draw(customers(topics))})


def _holds(below: list[Any], name: str) -> bool:
    return any(item == name or (isinstance(item, dict) and name in item) for item in below)


@st.composite
def heads(draw: st.DrawFn, taxonomy: Taxonomy) -> CascadeHead:
    """A head of random weights, mild or extreme."""
    config = HeadConfig(
        hidden=draw(st.sampled_from([0, 5])),
        composition=draw(st.sampled_from(["topic", "path"])),
        feed=draw(st.sampled_from(["log_softmax", "logits"])),
    )
    scale = draw(st.sampled_from([0.3, 1.0, 4.0]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1000)))
    head = CascadeHead(WIDTH, Hierarchy.of(taxonomy), config).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
    return head


@st.composite
def scorers(draw: st.DrawFn, *, tree: bool) -> tuple[Scorer, Taxonomy]:
    """A scorer without engine, some of whose customers have a mix of their own."""
    taxonomy = draw(worlds(tree=tree))
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    known = [name for name in taxonomy.customers if draw(st.booleans())]
    pooled, *own = (random.dirichlet(np.ones(len(taxonomy.topics))) * 0.99 + 0.01 / len(taxonomy.topics)
                    for _ in range(1 + len(known)))  # fmt: skip
    mix = TopicMix(pooled=pooled, customers=dict(zip(known, own, strict=True)))
    return Scorer(head=draw(heads(taxonomy)), engine=None, mix=mix), taxonomy  # type: ignore[arg-type]


def topics_of(scorer: Scorer, seed: int = 0) -> torch.Tensor:
    encodings = np.random.default_rng(seed).normal(size=(4, WIDTH)).astype(np.float32)
    return scorer.topics_of_encodings(encodings)


# ------------------------------------------------------------------------------------------------------ the laws


@QUICK
@given(drawn=scorers(tree=False))
def test_probabilities_sum_to_one_at_every_view(drawn: tuple[Scorer, Taxonomy]) -> None:
    scorer, taxonomy = drawn
    topics = topics_of(scorer)
    for name in taxonomy.views:
        found = scorer.classes(topics, taxonomy.view(name)).exp().double()
        torch.testing.assert_close(found.sum(dim=-1), torch.ones(4, dtype=torch.float64), atol=2e-5, rtol=0)
        assert (found >= 0).all()


@QUICK
@given(drawn=scorers(tree=False))
def test_classes_are_the_weighted_sums_of_the_topics_after_prior_and_scope(drawn: tuple[Scorer, Taxonomy]) -> None:
    scorer, taxonomy = drawn
    log_topics = topics_of(scorer)
    topics = np.exp(log_topics.double().numpy())
    for name in taxonomy.views:
        view = taxonomy.view(name)
        odds = topics * (scorer.mix.customers[name] / scorer.mix.pooled if name in scorer.mix.customers else 1.0)
        odds = odds * view.scope
        inside = odds.sum(axis=1, keepdims=True)
        clear = inside[:, 0] > 1e-25
        own = odds[clear] / inside[clear]
        classes = scorer.classes(log_topics, view).exp().numpy()[clear]
        np.testing.assert_allclose(classes, own @ view.weights.toarray(), atol=3e-5)
        nodes = scorer.nodes(log_topics, view).exp().numpy()[clear]
        np.testing.assert_allclose(nodes, own @ view.membership.toarray(), atol=3e-5)
        mass = scorer.scope(log_topics, view).exp().numpy()
        np.testing.assert_allclose(mass, topics @ view.scope, atol=3e-5)


@QUICK
@given(drawn=scorers(tree=True))
def test_on_trees_parents_are_the_sums_of_their_children(drawn: tuple[Scorer, Taxonomy]) -> None:
    scorer, taxonomy = drawn
    topics = topics_of(scorer)
    for above, here in zip(taxonomy.levels, taxonomy.levels[1:], strict=False):
        parents, children = (scorer.classes(topics, taxonomy.view(level)).exp().numpy() for level in (above, here))
        np.testing.assert_allclose(parents, children @ taxonomy.level_links(here).toarray().T, atol=3e-5)
        nodes = scorer.nodes(topics, taxonomy.view(above)).exp().numpy()
        np.testing.assert_allclose(nodes, parents, atol=3e-5)


@QUICK
@given(drawn=scorers(tree=False))
def test_on_dags_a_node_has_at_least_the_mass_of_each_child(drawn: tuple[Scorer, Taxonomy]) -> None:
    scorer, taxonomy = drawn
    topics = topics_of(scorer)
    for above, here in zip(taxonomy.levels, taxonomy.levels[1:], strict=False):
        parents, children = (scorer.nodes(topics, taxonomy.view(level)).exp().numpy() for level in (above, here))
        for parent, child in zip(*taxonomy.level_links(here).nonzero(), strict=True):
            assert (parents[:, parent] >= children[:, child] - 1e-5).all()


@QUICK
@given(drawn=scorers(tree=True))
def test_on_trees_path_composition_agrees_with_its_own_levels(drawn: tuple[Scorer, Taxonomy]) -> None:
    """The composed probabilities of a level, which the head feeds on, are the sums of its topics'."""
    scorer, taxonomy = drawn
    encodings = torch.randn(4, WIDTH, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        output = scorer.head(encodings)
    if scorer.head.config.composition == "path":
        for level, composed in zip(taxonomy.levels, output.log_probabilities, strict=True):
            sums = scorer.classes(output.topics, taxonomy.view(level)).exp()
            torch.testing.assert_close(composed.exp(), sums, atol=3e-5, rtol=0)


# ------------------------------------------------------------------------------------------------------- batches


@pytest.fixture(scope="module")
def trained(
    tiny: Taxonomy, tiny_bert: Path, tiny_documents: tuple[list[str], list[str]]
) -> dict[str, HierarchicalTextClassifier]:
    """An estimator of each precision: of width 16 only, where bfloat16 rounds more than in any real encoder."""
    training = TrainingConfig(epochs=6, batch_size=16, learning_rate=0.01, weight_decay=0.01)
    return {
        precision: HierarchicalTextClassifier(
            tiny, encoder=str(tiny_bert), max_length=24, precision=precision, training=training, cache=False
        ).fit(*tiny_documents)
        for precision in ("float32", "bfloat16")
    }


TEXTS = st.lists(
    st.lists(st.sampled_from(["a0", "a5", "b1", "c3", "f2", "the", "of", "zzz", "é"]), max_size=30).map(" ".join),
    min_size=1,
    max_size=12,
)


def with_batches(model: HierarchicalTextClassifier, batch_tokens: int, window: int) -> Scorer:
    """The same scorer, with other batches."""
    old = model.scorer_
    config = EncodingConfig(batch_tokens=batch_tokens, window=window)
    dtype = next(old.engine.encoder.parameters()).dtype
    engine = EncodingEngine(old.engine.encoder, device=old.engine.device, precision=dtype, config=config)
    return dataclasses.replace(old, engine=engine)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 2e-2)])
@QUICK
@given(texts=TEXTS, batch_tokens=st.integers(1, 200), window=st.integers(1, 8))
def test_probabilities_do_not_depend_on_the_batch(
    precision: str, tolerance: float, texts: list[str], batch_tokens: int, window: int,
    trained: dict[str, HierarchicalTextClassifier],
) -> None:  # fmt: skip
    model = trained[precision]
    together = model.predict_proba(texts)
    alone = np.concatenate([model.predict_proba([text]) for text in texts])
    other = with_batches(model, batch_tokens, window).topics(texts).exp().numpy()
    np.testing.assert_allclose(together, alone, atol=tolerance)
    np.testing.assert_allclose(together, other, atol=tolerance)


@QUICK
@given(texts=TEXTS, seed=st.integers(0, 100))
def test_the_order_of_texts_changes_nothing(
    texts: list[str], seed: int, trained: dict[str, HierarchicalTextClassifier]
) -> None:
    order = np.random.default_rng(seed).permutation(len(texts))
    model = trained["float32"]
    for view in ("topic", "two"):
        moved = model.predict_proba([texts[place] for place in order], at=view)
        np.testing.assert_allclose(moved, model.predict_proba(texts, at=view)[order], atol=1e-5)


def test_an_encoder_in_bfloat16_is_not_the_one_in_float32(tiny_bert: Path) -> None:
    """The tolerances above are for different computations, not for the same one twice."""
    exact, near = (
        EncodingEngine(load_encoder(EncoderConfig(name=str(tiny_bert), max_length=24)), device=torch.device("cpu"),
                       precision=dtype).encode(["a0 b1 the"])
        for dtype in (torch.float32, torch.bfloat16)
    )  # fmt: skip
    assert np.abs(exact - near).max() > 1e-4
