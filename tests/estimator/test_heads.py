"""Other heads than the default cascade at the estimator: what they learn, and what logit adjustment means there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hiercls.data.rows import Row
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.estimator.fitting import training_priors
from hiercls.losses import set_loss
from hiercls.model.heads import HeadConfig
from hiercls.model.hiagm import HiagmConfig
from hiercls.model.targets import TargetTable
from hiercls.scoring import TopicMix
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve
from hiercls.training.config import TrainingConfig

Documents = tuple[list[str], list[str]]


def make(taxonomy: Taxonomy, encoder: Path, head: Any, *, epochs: int = 10) -> HierarchicalTextClassifier:
    """An estimator on the tiny BERT that trains in a blink."""
    training = TrainingConfig(epochs=epochs, batch_size=16, learning_rate=0.03, weight_decay=0.01)
    return HierarchicalTextClassifier(
        taxonomy, encoder=encoder, max_length=16, precision="float32", lexical=False, training=training, head=head
    )


@pytest.mark.parametrize(
    "head",
    [
        HeadConfig(hidden=32, dropout=0.1, composition="flat"),
        HeadConfig(hidden=32, dropout=0.1, feed="none"),
        HeadConfig(hidden=32, dropout=0.1, feed="probabilities"),
        HiagmConfig(node_width=16),
        HiagmConfig(form="label_attention", structure="tree_lstm", node_width=16),
    ],
)
def test_every_head_learns_fine_topics_from_coarse_labels(
    head: Any, tiny: Taxonomy, tiny_bert: Path, tiny_documents: Documents
) -> None:
    texts, topics = tiny_documents
    views = np.random.default_rng(0).permutation([tiny.customers[number % 3] for number in range(len(texts))]).tolist()
    labels = [
        next(name for name in tiny.view(view).classes if topic in tiny.view(view).topics_of(name))
        for view, topic in zip(views, topics, strict=True)
    ]
    model = make(tiny, tiny_bert, head).fit(texts, labels, views=views)
    assert model.score(texts, topics) > 0.8
    area = model.predict_proba(texts) @ tiny.view("area").weights.toarray()
    np.testing.assert_allclose(model.predict_proba(texts, at="area"), area, atol=1e-5)


def test_adjusted_logits_are_held_against_labels_under_the_training_mix() -> None:
    taxonomy = Taxonomy.from_dict({"hiercls": 1, "levels": ["topic"], "topics": ["A", "B", "C"]})
    rows = [Row(text="…", labels=((None, name),)) for name in "AB"]
    pooled, tau = np.array([0.7, 0.2, 0.1]), 0.6
    mix = TopicMix(pooled=pooled, adjustment=tau)
    priors = training_priors(mix, np.array(["topic"] * 2))
    targets = TargetTable(taxonomy, resolve(taxonomy, rows).labels, composition="topic", priors=priors)
    logits = torch.tensor([[0.3, -1.0, 2.0]] * 2, dtype=torch.float64)
    found = set_loss(logits, targets.batch(np.arange(2))[-1])
    raised = torch.exp(logits[0] + tau * torch.from_numpy(pooled).log())
    torch.testing.assert_close(found, -torch.log(raised / raised.sum())[:2], atol=1e-6, rtol=0)


def test_a_known_mix_is_met_from_whatever_mix_is_answered_for() -> None:
    pooled, own = np.array([0.7, 0.2, 0.1]), np.array([0.2, 0.2, 0.6])
    evidence, answers = torch.tensor([0.5, 1.5, -0.2]), []  # log p(x|t)
    for adjustment in (0.0, 1.0):
        mix = TopicMix(pooled=pooled, customers={"one": own}, adjustment=adjustment)
        topics = (evidence + torch.from_numpy(np.log(mix.answered)).float()).log_softmax(-1)
        answers.append((topics + mix.shift("one")).softmax(-1))
    torch.testing.assert_close(answers[0], answers[1])
    np.testing.assert_allclose(mix.answered, [1 / 3] * 3)


@pytest.mark.parametrize("composition", ["topic", "flat", "path"])
def test_rare_topics_are_answered_more_often_with_adjusted_logits(
    composition: Any, tiny: Taxonomy, tiny_bert: Path, tiny_documents: Documents
) -> None:
    texts, topics = tiny_documents
    kept = [place for place, topic in enumerate(topics) if topic not in "BE" or place % 4 == 0]
    shares = []
    for tau in (0.0, 1.0):
        head = HeadConfig(hidden=32, dropout=0.1, composition=composition, logit_adjustment=tau)
        model = make(tiny, tiny_bert, head, epochs=2)
        model.fit([texts[place] for place in kept], [topics[place] for place in kept])
        shares.append(model.predict_proba(["the of and"])[0][[1, 4]].sum())
    assert shares[1] > 1.3 * shares[0]
