"""How the lexical branch learns: counts of words in expected topics, in closed form, and two scales on held-out labels.

Knows features, labels' targets and what an encoder says; knows no text and no taxonomy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from hiercls.aggregation import condition, segment_log_softmax
from hiercls.losses import set_loss
from hiercls.model.lexical import join, log_odds, word_scores
from hiercls.model.targets import LevelTargets, TargetTable

SCALES = (0.6, 0.6)
"""(a, b) where nothing is held out, and where few held-out labels leave them nearly alone."""
ROUNDS = 5
"""Rounds of counting; on 20 Newsgroups little moves after the third, with an encoder or without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalTeacher:
    """Teaches word odds to the topics from labels of any view.

    The encoder says which of a label's topics a document is likely about, the label says that it is one of them:
    ``q_i(t) = A[t,y_i] p_c(t|x_i) / Σ_s A[s,y_i] p_c(s|x_i)``. Words are counted by topic with these shares, then have
    their say in the shares too, and are counted again: a few rounds of EM. Without an encoder the first shares
    are equal.

    Args:
        features: TF-IDF features of all documents, shape (n_documents, n_terms).
        targets: What their labels say.
        weights: Weight of each document, shape (n_documents,).
        smoothing: Weight added to every term in every topic.
    """

    features: csr_array
    targets: TargetTable
    weights: np.ndarray
    smoothing: float

    def odds(self, documents: np.ndarray, encoder: Tensor | None) -> np.ndarray:
        """Count words by topic.

        Args:
            documents: Positions of the documents to count, shape (n_counted,).
            encoder: What the encoder says of them, log p(t|x) of shape (n_counted, n_topics); None: there is none.

        Returns:
            r, shape (n_terms, n_topics).
        """
        features, target = self.features[documents], self.targets.batch(documents)[-1]
        n_topics = self.targets.n_topics
        believed = torch.zeros(len(documents), n_topics) if encoder is None else encoder
        for _ in range(ROUNDS):
            shares = expected_topics(believed, target, weights=self.weights[documents])
            odds = log_odds(features, shares, smoothing=self.smoothing)
            believed = join(encoder, word_scores(features, odds), SCALES)
        return odds

    def scales(self, heldout: np.ndarray, odds: np.ndarray, encoder: Tensor | None) -> tuple[float, float]:
        """How much the encoder and the words count: the likeliest scales on held-out labels, drawn towards the usual.

        ``argmin_(a,b) Σ_i w_i · −log p(y_i|x_i) + ½ log²(a/a_0) + ½ log²(b/b_0)``

        Args:
            heldout: Positions of documents that neither the odds nor the encoder have seen, shape (n_heldout,).
            odds: r, shape (n_terms, n_topics).
            encoder: What the encoder says of them, shape (n_heldout, n_topics); None: there is none.

        Returns:
            (a, b), positive.
        """
        usual = torch.tensor(SCALES)
        words, target = word_scores(self.features[heldout], odds), self.targets.batch(heldout)[-1]
        weights = torch.from_numpy(self.weights[heldout])
        logs = torch.zeros(2, requires_grad=True)
        optimizer = torch.optim.LBFGS([logs], max_iter=50, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimizer.zero_grad()
            scores = join(encoder, words, usual * logs.exp())
            loss = weights @ set_loss(scores, target) + logs.square().sum() / 2
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(closure)  # type: ignore[no-untyped-call]
        first, second = (usual * logs.detach().exp()).tolist()
        return first, second

    def loss(self, documents: np.ndarray, topics: Tensor) -> float:
        """Mean negative log-likelihood of labels.

        Args:
            documents: Positions of the documents, shape (n_documents,).
            topics: log p(t|x), shape (n_documents, n_topics).

        Returns:
            The mean, in nats.
        """
        losses = set_loss(topics, self.targets.batch(documents)[-1]).double().numpy()
        return float(np.average(losses, weights=self.weights[documents]))


def teach(
    teacher: LexicalTeacher,
    *,
    split: tuple[np.ndarray, np.ndarray],
    before: Tensor | None,
    after: Tensor | None,
    always: bool,
) -> tuple[np.ndarray, tuple[float, float]] | None:
    """Learn the words' odds and scales, if held-out labels are likelier with them than by the encoder alone.

    Args:
        teacher: Features and labels of all documents.
        split: Positions to learn from and to hold out.
        before: What the encoder says of all documents that has learnt from the first part of the split alone, shape
            (n_documents, n_topics); None: there is none.
        after: What the encoder says of them that is kept; None: there is none.
        always: Whether to learn them without that condition; without held-out documents nothing can prove it.

    Returns:
        The odds, counted on all documents, and the scales; None where they do not help.
    """
    training, heldout = split
    scales = SCALES
    if len(heldout):
        odds = teacher.odds(training, None if before is None else before[training])
        alone = None if before is None else before[heldout]
        scales = teacher.scales(heldout, odds, alone)
        joined = join(alone, word_scores(teacher.features[heldout], odds), scales)
        always = always or alone is None or teacher.loss(heldout, joined) < teacher.loss(heldout, alone)
    if not always:
        return None
    return teacher.odds(np.arange(len(teacher.weights)), after), scales


def expected_topics(scores: Tensor, target: LevelTargets, *, weights: np.ndarray) -> csr_array:
    """The expected topics of labelled documents, within what their labels allow.

    ``w_i · A[t,y_i] p_c(t|x_i) / Σ_s A[s,y_i] p_c(s|x_i)``

    Args:
        scores: Logits or log p(t|x), shape (n_documents, n_topics).
        target: What the labels say at the level of the topics.
        weights: w, shape (n_documents,).

    Returns:
        Shape (n_documents, n_topics); rows sum to w.

    Example:
        >>> from hiercls.aggregation import Entries
        >>> label = Entries.of_matrix(csr_array([[1.0, 1.0, 0.0]]))
        >>> target = LevelTargets(sets=label, informative=torch.tensor([True]))
        >>> believed = torch.tensor([[0.1, 0.3, 0.6]]).log()
        >>> expected_topics(believed, target, weights=np.ones(1)).toarray().round(4)
        array([[0.25, 0.75, 0.  ]])
    """
    sets = target.sets
    believed = condition(scores, prior_shift=target.prior_shift, scope=target.scope)
    chosen = believed[sets.owners, sets.topics] + sets.log_weights
    shares = segment_log_softmax(chosen, sets.owners, sets.n_owners).exp().numpy()
    owners = sets.owners.numpy()
    places = (owners, sets.topics.numpy())
    return csr_array((shares * weights[owners], places), shape=(sets.n_owners, scores.shape[1]))
