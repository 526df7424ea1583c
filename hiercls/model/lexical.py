"""The lexical branch: what a text's words say, added to what the encoder says.

An encoder reads what a text means, and drops what it has not met: names, hosts, codes, part numbers. Words keep them.
Two judges weigh them: naive Bayes, each word for itself, and ridge regression, all words and the encoding together.
They err differently; as both are linear, they are one matrix once it is known how much each counts.
Knows terms and weights; knows no label and no training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hiercls.model.task import ONE_TOPIC, Task
from hiercls.model.terms import Terms


@dataclass(frozen=True, kw_only=True)
class LexicalBranch:
    """What words say about topics, added to what the encoder says.

    ``log p(t|x) = log_softmax_t( a · log p_encoder(t|x) + Σ_w x_w · v_wt + Σ_d h_d · u_dt + b_t )``; where a document
    may have several topics, the encoder's log-odds stand in the place of its log p, and ``log σ`` in the softmax's.

    Args:
        terms: The terms, and how they become features x.
        term_weights: v, shape (n_terms, n_topics), float32.
        encoding_weights: u, shape (width, n_topics), float32; of no width where encodings are not read.
        scale: a, the weight of the encoder.
        bias: b, shape (n_topics,), float32; 0 where a document has one topic.
    """

    terms: Terms
    term_weights: np.ndarray
    encoding_weights: np.ndarray
    scale: float
    bias: np.ndarray

    def topics(
        self, texts: Sequence[str], opinion: Tensor, encodings: np.ndarray | None = None, *, task: Task = ONE_TOPIC
    ) -> Tensor:
        """Log p(t|x).

        Args:
            texts: The texts.
            opinion: What the encoder's heads say of them, log p(t|x) of shape (n_texts, n_topics); where there is no
                encoder, the mix of topics.
            encodings: h, shape (n_texts, width); None where they are not read.
            task: Whether a document has one topic.

        Returns:
            Shape (n_texts, n_topics), float32.
        """
        words = torch.from_numpy(self.terms.scores(texts, self.term_weights))
        return self.joined(words, opinion, None if encodings is None else torch.from_numpy(encodings), task=task)

    def joined(self, words: Tensor, opinion: Tensor, encodings: Tensor | None, *, task: Task = ONE_TOPIC) -> Tensor:
        """Log p(t|x), once the words are counted.

        Args:
            words: ``Σ_w x_w · v_wt``, shape (n_texts, n_topics).
            opinion: What the encoder's heads say, log p(t|x) of the same shape.
            encodings: h, shape (n_texts, width); None where they are not read.
            task: Whether a document has one topic.

        Returns:
            Shape (n_texts, n_topics), float32.
        """
        scores = words + torch.from_numpy(self.bias)
        if len(self.encoding_weights) and encodings is not None:
            scores = scores + encodings @ torch.from_numpy(self.encoding_weights)
        return task.log_probabilities(self.scale * task.scores(opinion) + scores)

    def evidence(self, texts: Sequence[str]) -> np.ndarray:
        """What words alone say for each topic, ``Σ_w x_w · v_wt`` less its mean over topics; (n_texts, n_topics)."""
        scores = np.asarray(self.terms.features(texts) @ self.term_weights, dtype=np.float64)
        evidence: np.ndarray = scores - scores.mean(axis=1, keepdims=True)
        return evidence
