"""What words and encoder say together, against the formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hiercls.model.lexical import LexicalBranch
from hiercls.model.multilabel import SeveralTopics
from hiercls.model.terms import LexicalConfig, Terms


@pytest.mark.parametrize("width", [0, 5])
def test_a_branch_adds_words_and_encodings_to_the_encoder(width: int) -> None:
    terms = Terms.fit(["red fox", "red hen"], customers=["a", "a"], config=LexicalConfig())
    random = np.random.default_rng(0)
    branch = LexicalBranch(
        terms=terms,
        term_weights=random.normal(size=(3, 4)).astype(np.float32),
        encoding_weights=random.normal(size=(width, 4)).astype(np.float32),
        scale=0.5,
        bias=np.zeros(4, dtype=np.float32),
    )
    opinion, encodings = torch.randn(2, 4).log_softmax(-1), random.normal(size=(2, width)).astype(np.float32)
    texts = ["hen hen fox", "nothing known"]
    found = branch.topics(texts, opinion, encodings if width else None)
    raw = 0.5 * opinion.numpy() + terms.features(texts).toarray() @ branch.term_weights
    raw = raw + encodings @ branch.encoding_weights
    np.testing.assert_allclose(found.exp(), np.exp(raw) / np.exp(raw).sum(1, keepdims=True), rtol=1e-4)


def test_where_a_document_may_have_several_topics_log_odds_are_added_up() -> None:
    terms = Terms.fit(["red fox", "red hen"], customers=["a", "a"], config=LexicalConfig())
    random = np.random.default_rng(0)
    weights, bias = (random.normal(size=shape).astype(np.float32) for shape in ((3, 4), 4))
    branch = LexicalBranch(
        terms=terms, term_weights=weights, encoding_weights=np.empty((0, 4), np.float32), scale=0.5, bias=bias
    )
    said, texts = random.random((2, 4)), ["hen hen fox", "nothing known"]
    found = branch.topics(texts, torch.tensor(said).log(), task=SeveralTopics()).exp()
    odds = 0.5 * np.log(said / (1 - said)) + terms.features(texts).toarray() @ weights + bias
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-odds)), rtol=1e-5)
