"""How the lexical branch learns: two judges from expected topics, and how much each counts on held-out labels.

Knows features, labels' targets and what an encoder says; knows no text and no taxonomy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn import functional

from hiercls.aggregation import condition, segment_log_softmax, set_noisy_or
from hiercls.losses import Targets, label_loss
from hiercls.model.multilabel_targets import MultilabelTable, MultilabelTargets
from hiercls.model.targets import LevelTargets, TargetTable
from hiercls.model.task import ONE_TOPIC, OneTopic, Task
from hiercls.training.words import Features, log_odds, ridge

SCALES = (0.5, 0.4, 4.0)
"""(a, b, c) where nothing is held out, and where few held-out labels leave them nearly alone."""
SEVERAL_SCALES = (0.8, 0.3, 6.0)
"""The same where a document may have several topics, whose log-odds are added up."""
STRENGTH = 30.0
"""λ, how strongly the scales are drawn to these. Documents held out at random flatter words, as others of their threads
are trained on: on 20 Newsgroups, scales left free were worse for later documents."""
LOSS_TOLERANCE = 1e-6
"""Relative change of the loss at which the scales stand: float32 does not tell much less."""
COUNTING = (0.6, 0.6)
"""Weights of the encoder and of naive Bayes in the rounds of counting."""
JUDGING = (1.0, 0.2)
"""The same in what ridge regression learns: more of the encoder, so that the two judges err differently."""
ROUNDS = 5
"""Rounds of counting; on 20 Newsgroups little moves after the third, with an encoder or without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalTeacher:
    """Teaches two judges of words the topics, from labels of any view.

    The encoder says which of a label's topics a document is likely about, the label says that it is one of them:
    ``q_i(t) = A[t,y_i] p_c(t|x_i) / Σ_s A[s,y_i] p_c(s|x_i)``. Words are counted by topic with these shares, then have
    their say in the shares too, and are counted again: a few rounds of EM. Ridge regression learns such shares at last.

    Args:
        features: Words and encodings of all documents.
        targets: What their labels say.
        weights: Weight of each document, shape (n_documents,).
        smoothing: Weight that naive Bayes adds to every term in every topic.
        task: Whether documents have one topic, or several, which are then learnt one by one.
    """

    features: Features
    targets: TargetTable | MultilabelTable
    weights: np.ndarray
    smoothing: float
    task: Task = ONE_TOPIC

    @property
    def usual(self) -> tuple[float, float, float]:
        """The scales where nothing says otherwise."""
        return SCALES if isinstance(self.task, OneTopic) else SEVERAL_SCALES

    def judges(self, documents: np.ndarray, opinion: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Learn both.

        Args:
            documents: Positions of the documents to learn from, shape (n_chosen,).
            opinion: What the encoder says of them, log p(t|x) of shape (n_chosen, n_topics); where there is no encoder,
                the mix of topics.

        Returns:
            Weights of naive Bayes, shape (n_terms, n_topics), and of ridge regression, (n_terms + width, n_topics).
        """
        features, target = self.features.take(documents), self.targets.batch(documents)[-1]
        weights, said, before = self.weights[documents], self.task.scores(opinion), None
        believed = said
        for _ in range(ROUNDS):
            shares = _expected(believed, target, weights=weights)
            if before is not None and np.array_equal(shares.data, before):
                break  # as where every label is of one topic: there is nothing to be shared out
            before = shares.data
            odds = log_odds(features.words, shares, weights, smoothing=self.smoothing)
            believed = _sum(COUNTING, said, features.scores(odds))
        believed = _sum(JUDGING, said, features.scores(odds))
        return odds, ridge(features, _expected(believed, target, weights=weights), weights)

    def scales(
        self, heldout: np.ndarray, judges: tuple[np.ndarray, np.ndarray], opinion: Tensor
    ) -> tuple[float, float, float]:
        """How much each opinion counts: the likeliest scales on held-out labels, drawn towards the usual.

        ``argmin_(a,b,c) Σ_i w_i · −log p(y_i|x_i) + λ/2 · (log²(a/a_0) + log²(b/b_0) + log²(c/c_0))``

        Args:
            heldout: Positions of documents that neither the judges nor the encoder have seen, shape (n_heldout,).
            judges: Weights of naive Bayes and of ridge regression.
            opinion: What the encoder says of them, shape (n_heldout, n_topics).

        Returns:
            (a, b, c): of the encoder, naive Bayes and ridge regression, positive.
        """
        usual = torch.tensor(self.usual, dtype=torch.float64)
        opinions = self.opinions(heldout, judges, opinion)
        target, weights = self.targets.batch(heldout)[-1], torch.from_numpy(self.weights[heldout])

        def drawn(logs: np.ndarray) -> tuple[float, np.ndarray]:
            free = torch.tensor(logs, requires_grad=True)
            scales = (usual * free.exp()).to(opinions[0].dtype)
            loss = weights @ label_loss(_sum(scales, *opinions), target) + STRENGTH * free.square().sum() / 2
            return loss.item(), torch.autograd.grad(loss, free)[0].numpy()

        found = minimize(drawn, np.zeros(len(usual)), jac=True, method="L-BFGS-B", tol=LOSS_TOLERANCE)
        logs = torch.from_numpy(found.x)
        first, second, third = (usual * logs.exp()).tolist()
        return first, second, third

    def opinions(
        self, documents: np.ndarray, judges: tuple[np.ndarray, np.ndarray], opinion: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What encoder, naive Bayes and ridge regression say of some documents, each (n_documents, n_topics)."""
        features = self.features.take(documents)
        return self.task.scores(opinion), features.scores(judges[0]), features.scores(judges[1])

    def joined(self, scales: Sequence[float], opinions: Sequence[Tensor]) -> Tensor:
        """Opinions on the topics as one log p(t|x), shape (n_documents, n_topics)."""
        return self.task.log_probabilities(_sum(scales, *opinions))

    def loss(self, documents: np.ndarray, topics: Tensor) -> float:
        """Mean negative log-likelihood of labels.

        Args:
            documents: Positions of the documents, shape (n_documents,).
            topics: log p(t|x), shape (n_documents, n_topics).

        Returns:
            The mean, in nats.
        """
        losses = label_loss(self.task.scores(topics), self.targets.batch(documents)[-1]).double().numpy()
        return float(np.average(losses, weights=self.weights[documents]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """What words say.

    Args:
        weights: The joint weights of both judges, learnt on all documents, shape (n_terms + width, n_topics).
        bias: What is added to each topic's sum, shape (n_topics,).
        scale: The weight of the encoder.
        heldout: log p(t|x) of the held-out documents by all three, words not having learnt from them, shape
            (n_heldout, n_topics).
    """

    weights: np.ndarray
    bias: np.ndarray
    scale: float
    heldout: Tensor


def teach(
    teacher: LexicalTeacher, *, split: tuple[np.ndarray, np.ndarray], before: Tensor, after: Tensor, always: bool
) -> Taught | None:
    """Learn what words say, if held-out labels are likelier with them than by the encoder alone.

    Args:
        teacher: Features and labels of all documents.
        split: Positions to learn from and to hold out.
        before: What the encoder says of all documents that has learnt from the first part of the split alone, shape
            (n_documents, n_topics).
        after: What the encoder says of them that is kept.
        always: Whether to learn them without that condition; without held-out documents nothing can prove it.

    Returns:
        What words say; None where they do not help.
    """
    training, heldout = split
    scales, joined = teacher.usual, before[heldout]
    if len(heldout):
        judges = teacher.judges(training, before[training])
        scales = teacher.scales(heldout, judges, before[heldout])
        joined = teacher.joined(scales, teacher.opinions(heldout, judges, before[heldout]))
        always = always or teacher.loss(heldout, joined) < teacher.loss(heldout, before[heldout])
    if not always:
        return None
    odds, weights = teacher.judges(np.arange(len(teacher.weights)), after)
    weights = scales[2] * weights
    weights[: len(odds)] += scales[1] * odds
    return Taught(weights=weights, bias=teacher.features.offset(weights), scale=scales[0], heldout=joined)


def _sum(scales: Sequence[float] | Tensor, *opinions: Tensor) -> Tensor:
    """Opinions on the topics as one, ``Σ_j s_j · o_j``, shape (n_documents, n_topics)."""
    return torch.stack([scale * opinion for scale, opinion in zip(scales, opinions, strict=True)]).sum(0)


def _expected(scores: Tensor, target: Targets, *, weights: np.ndarray) -> csr_array:
    """The expected topics of labelled documents, by what kind of labels they are; shape (n_documents, n_topics)."""
    if isinstance(target, MultilabelTargets):
        return expected_presence(scores, target, weights=weights)
    return expected_topics(scores, target, weights=weights)


def expected_presence(scores: Tensor, target: MultilabelTargets, *, weights: np.ndarray) -> csr_array:
    """How likely each topic holds where a document may have several, within what its labels allow.

    ``w_i · p(t|x_i) / P(s|x_i)`` for a topic of the set s, of which some topic holds; of several sets the one that
    makes it likeliest. 0 for topics that do not hold, ``w_i · p(t|x_i)`` for those that the labels leave open.

    Args:
        scores: Log-odds of the topics, shape (n_documents, n_topics).
        target: What the labels say at the level of the topics.
        weights: w, shape (n_documents,).

    Returns:
        Shape (n_documents, n_topics).

    Example:
        >>> from hiercls.aggregation import Entries
        >>> sets, absent = Entries.of_matrix(csr_array([[1.0, 1.0, 0.0]])), torch.tensor([[False, False, True]])
        >>> target = MultilabelTargets(sets=sets, documents=torch.tensor([0]), absent=absent)
        >>> expected_presence(torch.zeros(1, 3), target, weights=np.ones(1)).toarray().round(4)
        array([[0.6667, 0.6667, 0.    ]])
    """
    believed, sets = functional.logsigmoid(scores), target.sets
    held = set_noisy_or(scores, sets, target.documents)
    owners = target.documents[sets.owners]
    shares = (believed[owners, sets.topics] - held[sets.owners]).exp()
    expected = believed.exp().masked_fill(target.absent, 0.0).flatten()
    expected.scatter_reduce_(0, owners * scores.shape[1] + sets.topics, shares, reduce="amax")
    return csr_array(expected.reshape(scores.shape).double().numpy() * weights[:, None])


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
