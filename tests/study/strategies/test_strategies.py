"""Strategies for a customer with few documents: each learns, answers with probabilities, and does what it is called."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hiercls.errors import ConfigError
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.study.baselines import Documents
from hiercls.study.strategies import (
    Augmented,
    Filed,
    FrozenTrunk,
    MarkedText,
    Pool,
    Pooled,
    PseudoLabels,
    Regularised,
    Tuned,
)
from hiercls.study.strategies.examples import Examples
from hiercls.study.strategies.network import NetworkConfig, Trunk
from hiercls.study.strategies.setting import chosen
from hiercls.study.strategies.teaching import TEACHINGS

WIDTH = 16
CENTRES = np.random.default_rng(7).normal(size=(6, WIDTH)) * 1.2
GROUPINGS = {"one": [0, 0, 0, 1, 2, 2], "two": [0, 1, 1, 2, 2, 3]}
OWN = np.array([0, 0, 1, 1, 2, 3])
CONFIG = NetworkConfig(width=32, epochs=12, batch=64, weight_decay=0.01, dropout=0.1)


def documents(topics: np.ndarray, *, seed: int) -> Documents:
    random = np.random.default_rng(seed)
    encodings = (CENTRES[topics] + random.normal(size=(len(topics), WIDTH))).astype(np.float32)
    return Documents(texts=[f"text {number} of {topic}" for number, topic in enumerate(topics)], encodings=encodings)


def filed(n_documents: int, grouping, *, seed: int) -> Filed:
    topics = np.random.default_rng(seed).permutation(np.arange(n_documents) % 6)
    classes = np.asarray(grouping)[topics]
    return Filed(documents=documents(topics, seed=seed), classes=classes, n_classes=max(grouping) + 1)


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool({name: filed(120, grouping, seed=place) for place, (name, grouping) in enumerate(GROUPINGS.items())})


STRATEGIES = {
    **{teaching: Pooled(teaching=teaching, config=CONFIG) for teaching in TEACHINGS},
    "marker": Pooled(teaching="mask", marked=True, config=CONFIG),
    "tuned": Tuned(learning_rates=(3e-3,), config=CONFIG),
    "towards the start": Tuned(anchors=(0.1,), learning_rates=(3e-3,), config=CONFIG),
    "frozen trunk": FrozenTrunk(config=CONFIG),
    "pseudo-labels": PseudoLabels(),
    **{by: Regularised(by=by) for by in ("l1", "l2", "dropout")},
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_each_learns_from_few_documents_and_answers_with_probabilities(name, pool):
    own, test = filed(30, OWN, seed=3), filed(300, OWN, seed=4)
    unlabelled = filed(100, OWN, seed=5).documents
    said = STRATEGIES[name].fit(pool, own, unlabelled)(test.documents)
    assert said.shape == (300, 4)
    np.testing.assert_allclose(said.sum(axis=1), 1.0, atol=1e-6)
    assert np.mean(said.argmax(axis=1) == test.classes) > 0.7


@pytest.mark.parametrize("name", ["heads", "lagrangian", "dropout"])
def test_what_others_draw_changes_nothing(name, pool):
    own = filed(12, OWN, seed=3)
    said = STRATEGIES[name].fit(pool, own, own.documents)(own.documents)
    torch.rand(1)
    np.testing.assert_array_equal(said, STRATEGIES[name].fit(pool, own, own.documents)(own.documents))


def network(**settings) -> tuple[Trunk, Examples]:
    parts = [filed(24, GROUPINGS["one"], seed=1), filed(12, OWN, seed=2)]
    made = Trunk([3, 4], width=WIDTH, config=CONFIG, **settings)
    with torch.no_grad():
        made.table.weight.normal_(generator=torch.Generator().manual_seed(0))
    return made.eval(), Examples.of(parts)


def test_a_mask_leaves_a_customer_its_own_classes_and_a_marker_tells_who_asks():
    made, examples = network(marked=True)
    logits = made(examples.encodings, examples.customers)
    owned = torch.zeros(36, 7, dtype=torch.bool)
    owned[:24, :3] = owned[24:, 3:] = True
    assert torch.equal(torch.isfinite(logits), owned)
    same = examples.encodings[:2]
    told = [made.features(same, torch.full((2,), customer)) for customer in (0, 1)]
    assert not torch.allclose(*told)
    plain, _ = network()
    torch.testing.assert_close(*[plain.features(same, torch.full((2,), customer)) for customer in (0, 1)])


def test_a_projected_gradient_never_raises_the_own_loss_at_first_order():
    made, examples = network()
    shared = [*made.hidden.parameters()]
    for seed in range(20):
        with torch.no_grad():
            made.table.weight.normal_(generator=torch.Generator().manual_seed(seed))
        TEACHINGS["projection"](made, examples, NetworkConfig(batch=64))()
        kept = [parameter.grad.clone() for parameter in shared]
        ours = torch.autograd.grad(examples.loss(made, examples.places[1]), shared)
        theirs = torch.autograd.grad(examples.loss(made, examples.places[0]), shared)
        product = sum(float((left * right).sum()) for left, right in zip(theirs, ours, strict=True))
        projected = sum(float((left * right).sum()) for left, right in zip(kept, ours, strict=True))
        assert projected == pytest.approx(max(product, 0.0), abs=1e-4)


def test_a_multiplier_climbs_until_the_own_loss_is_small_enough():
    made, examples = network()
    backward = TEACHINGS["lagrangian"](made, examples, NetworkConfig(batch=64))
    lengths = []
    for _ in range(3):
        made.zero_grad()
        backward()
        lengths.append(float(made.table.weight.grad[3:].norm()))
    assert lengths[0] < lengths[1] < lengths[2]


def test_each_customer_counts_alike_with_heads_and_each_document_with_a_mask():
    made, examples = network()
    losses = [examples.loss(made, places) for places in examples.places]
    expected = {"heads": torch.stack(losses).mean(), "mask": (24 * losses[0] + 12 * losses[1]) / 36}
    for teaching, loss in expected.items():
        (wanted,) = torch.autograd.grad(loss, [made.table.weight], retain_graph=True)
        made.zero_grad()
        TEACHINGS[teaching](made, examples, NetworkConfig(batch=64))()
        torch.testing.assert_close(made.table.weight.grad, wanted)


def test_the_setting_with_the_likeliest_held_out_labels_is_chosen():
    own = filed(30, OWN, seed=3)
    flat = lambda part: lambda asked: np.full((len(asked.texts), 4), 0.25)  # noqa: E731
    centred = Regularised(by="l2")
    good = lambda part: centred._learn(part, strength=0.003)  # noqa: E731
    assert chosen([flat, good, flat], own, seed=0) is good
    assert chosen([good, flat], own.take(np.arange(9)), seed=0) is flat


def test_copies_carry_their_classes_and_pseudo_labels_their_guesses(pool):
    own = filed(12, OWN, seed=3)
    seen = []

    def encode(texts):
        seen.extend(texts)
        return np.tile(own.documents.encodings, (2, 1))

    answer = Augmented(change=lambda text, _: f"{text} again", encode=encode).fit(pool, own, own.documents)
    assert seen == [f"{text} again" for text in own.documents.texts] * 2
    np.testing.assert_array_equal(answer(own.documents).argmax(axis=1), own.classes)
    without, unlabelled = filed(8, OWN, seed=3), filed(400, OWN, seed=6).documents
    test = filed(300, OWN, seed=4)
    plain = PseudoLabels(schedule=()).fit(pool, without, unlabelled)(test.documents)
    taught = PseudoLabels().fit(pool, without, unlabelled)(test.documents)
    assert np.abs(plain - taught).max() > 0.01


def test_an_unknown_teaching_is_refused():
    with pytest.raises(ConfigError, match="heads, mask, lagrangian, projection"):
        Pooled(teaching="shouting")


def test_marked_texts_learn_the_same_by_parts(tiny_bert, tiny_documents, monkeypatch):
    texts, topics = tiny_documents
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16))
    classes = np.array(["ABCDEF".index(topic) for topic in topics])

    def filed_texts(rows):
        part = Documents(texts=[texts[row] for row in rows], encodings=np.zeros((len(rows), 16), dtype=np.float32))
        return Filed(documents=part, classes=classes[rows], n_classes=6)

    pool, own = Pool({"one": filed_texts(np.arange(40))}), filed_texts(np.arange(40, 60))
    config = NetworkConfig(width=32, dropout=0.0, epochs=2, batch=16)
    monkeypatch.setattr("hiercls.study.strategies.marked.fast_precision", lambda device: torch.float32)
    said = []
    for tokens in (2048, 20):
        monkeypatch.setattr("hiercls.model.encoder.CPU_BATCH_TOKENS", tokens)
        said.append(MarkedText(encoder=encoder, config=config).fit(pool, own, own.documents)(own.documents))
    np.testing.assert_allclose(*said, atol=1e-4)


@pytest.mark.parametrize("marker", ["text", "token"])
def test_a_marker_in_front_of_the_text_reaches_the_encoder(marker, tiny_bert, tiny_documents):
    texts, topics = tiny_documents
    encoder = load_encoder(EncoderConfig(name=str(tiny_bert), max_length=16))
    before = {name: value.clone() for name, value in encoder.transformer.state_dict().items()}
    places = np.array(["ABCDEF".index(topic) for topic in topics])

    def filed_texts(rows, grouping):
        part = Documents(texts=[texts[row] for row in rows], encodings=np.zeros((len(rows), 16), dtype=np.float32))
        return Filed(documents=part, classes=np.asarray(grouping)[places[rows]], n_classes=max(grouping) + 1)

    pool = Pool({"one": filed_texts(np.arange(48), GROUPINGS["one"])})
    own, test = filed_texts(np.arange(48, 72), OWN), filed_texts(np.arange(72, 96), OWN)
    config = NetworkConfig(width=32, dropout=0.0, epochs=10, batch=16, learning_rate=3e-2)
    strategy = MarkedText(encoder=encoder, marker=marker, learning_rate=1e-3, config=config)
    said = strategy.fit(pool, own, test.documents)(test.documents)
    assert np.mean(said.argmax(axis=1) == test.classes) > 0.7
    np.testing.assert_allclose(said.sum(axis=1), 1.0, atol=1e-6)
    assert all(torch.equal(value, before[name]) for name, value in encoder.transformer.state_dict().items())
    marked = strategy._marked_encoder(["one", "own"])
    ids = marked.tokenize([f"{strategy._mark('own')} a0", f"{strategy._mark('one')} a0"]).sequences
    assert len(ids[0]) == 4 + (marker == "text")
    assert (len(marked.tokenizer) > len(encoder.tokenizer)) == (marker == "token")
