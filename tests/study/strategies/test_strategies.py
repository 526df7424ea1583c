"""Strategies for a customer with few documents: each learns, answers with probabilities, and does what its name says."""

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
from hiercls.study.strategies.changes import swap
from hiercls.study.strategies.network import Examples, NetworkConfig, Trunk
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
    return Pool({name: filed(240, grouping, seed=place) for place, (name, grouping) in enumerate(GROUPINGS.items())})


STRATEGIES = {
    **{teaching: Pooled(teaching=teaching, config=CONFIG) for teaching in TEACHINGS},
    "marker": Pooled(teaching="mask", marked=True, config=CONFIG),
    "tuned": Tuned(config=CONFIG),
    "towards the start": Tuned(anchors=(0.01, 0.1), learning_rates=(1e-3,), config=CONFIG),
    "frozen trunk": FrozenTrunk(config=CONFIG),
    "pseudo-labels": PseudoLabels(),
    "l1": Regularised(by="l1"),
    "l2": Regularised(by="l2"),
    "dropout": Regularised(by="dropout"),
    "augmented": Augmented(change=swap, encode=lambda texts: documents(np.array([int(t.split()[-1]) if t.split()[-1].isdigit() and int(t.split()[-1]) < 6 else 0 for t in texts]), seed=5).encodings[:, :]),
}


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "augmented"])
def test_each_learns_from_few_documents_and_answers_with_probabilities(name, pool):
    own, test = filed(30, OWN, seed=3), filed(300, OWN, seed=4)
    unlabelled = filed(200, OWN, seed=5).documents
    answer = STRATEGIES[name].fit(pool, own, unlabelled)
    said = answer(test.documents)
    assert said.shape == (300, 4)
    np.testing.assert_allclose(said.sum(axis=1), 1.0, atol=1e-6)
    assert np.mean(said.argmax(axis=1) == test.classes) > 0.8
    np.testing.assert_array_equal(said, STRATEGIES[name].fit(pool, own, unlabelled)(test.documents))
