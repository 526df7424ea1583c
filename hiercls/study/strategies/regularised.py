"""Strategies that read the customer's own documents alone, held back by L1, L2 or dropout.

Knows encodings and classes; knows no other customer.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn

from hiercls.customers.repurpose import Repurposer
from hiercls.study.baselines import Documents
from hiercls.study.strategies.setting import Answer, Array, Filed, Pool, chosen

N_STEPS, LEARNING_RATE = 100, 0.05
STRENGTHS = {"l1": (0.1, 0.03, 0.01, 0.003), "l2": (0.1, 0.03, 0.01, 0.003), "dropout": (0.9, 0.7, 0.5, 0.2)}
"""What is tried, the strongest first: weights of the penalty; parts of the encoding that are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regularised:
    """A softmax on the encodings of the own documents, by full steps of Adam.

    Args:
        by: What holds it back; the strength is chosen on held-out own documents.
        seed: Seed of dropout and folds.
    """

    by: Literal["l1", "l2", "dropout"]
    seed: int = 0

    def fit(self, pool: Pool, own: Filed, unlabelled: Documents) -> Answer:
        """Learn from the own documents; see ``Strategy``."""
        candidates = [functools.partial(self._learn, strength=strength) for strength in STRENGTHS[self.by]]
        return chosen(candidates, own, seed=self.seed)(own)

    def _learn(self, own: Filed, *, strength: float) -> Answer:
        """``min  mean loss + λ |W|`` or ``+ λ |W|²``, or under dropout of the encoding, which has length 1."""
        x = torch.nn.functional.normalize(torch.from_numpy(own.documents.encodings), dim=1)
        y = torch.from_numpy(own.classes)
        scale = x.shape[1] ** 0.5
        head = nn.Linear(x.shape[1], own.n_classes)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        optimizer = torch.optim.Adam(head.parameters(), lr=LEARNING_RATE)
        random = torch.Generator().manual_seed(self.seed)
        for _ in range(N_STEPS):
            kept = x
            if self.by == "dropout":
                kept = x * (torch.rand(x.shape, generator=random) >= strength) / (1 - strength)
            loss = nn.functional.cross_entropy(head(scale * kept), y)
            if self.by != "dropout":
                power = 1 if self.by == "l1" else 2
                loss = loss + strength * (scale * head.weight).abs().pow(power).sum() / scale
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        def said(documents: Documents) -> Array:
            rows = torch.nn.functional.normalize(torch.from_numpy(documents.encodings), dim=1)
            with torch.inference_mode():
                found: Array = head(scale * rows).double().softmax(dim=-1).numpy()
            return found

        return said


def chosen_strength(own: Filed) -> float | None:
    """The inverse strength of L2 under which held-out own documents are likeliest; None where there is one class."""
    if len(np.unique(own.classes)) < 2:
        return None
    found: float | None = Repurposer().fit(own.documents.encodings, own.classes).strength_
    return found


def fitted_head(own: Filed, *, strength: float | None = None) -> Answer:
    """Logistic regression on what stands for encodings, its L2 chosen by cross-validation.

    Args:
        own: The own documents.
        strength: The inverse strength of its L2; None: it is chosen.

    Returns:
        Answers documents; classes that no own document has are given nothing.
    """
    seen = np.unique(own.classes)
    if len(seen) < 2:
        return lambda documents: np.tile(np.eye(own.n_classes)[own.classes[0]], (len(documents.texts), 1))
    head = Repurposer(strength=strength).fit(own.documents.encodings, own.classes)

    def said(documents: Documents) -> Array:
        found = np.zeros((len(documents.texts), own.n_classes))
        found[:, head.classes_] = head.predict_proba(documents.encodings)
        return found

    return said
