"""Where the known topics' encodings lie, learnt from labels of any view.

Knows encodings and expected topics; knows no text and no taxonomy.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_array

from hiercls.model.batch import LabelledDocuments
from hiercls.model.network import HierarchicalNetwork
from hiercls.model.novelty import TopicDensity
from hiercls.model.targets import LevelTargets
from hiercls.training.lexical import expected_topics
from hiercls.training.selection import encode

SHRINKAGE = 0.5
"""Share of the spherical covariance in each of the two; on held-out areas .2 to .8 are within .004 of AUROC."""
_FLOOR = 1e-6
"""Share of the overall variance that is left within topics, where every topic has a single encoding."""


def known_topics(
    network: HierarchicalNetwork, documents: LabelledDocuments, *, device: torch.device
) -> TopicDensity | None:
    """Where a trained network's encodings of the known topics lie.

    Coarse labels will do: a document counts for each topic of its label with the share that the network expects.

    Args:
        network: The trained network, on the CPU; it is left there.
        documents: The labelled documents.
        device: Where to compute.

    Returns:
        The densities; None where all encodings are alike, or documents may have several topics.
    """
    target = documents.targets.batch(np.arange(len(documents)))[-1]
    if not isinstance(target, LevelTargets):
        return None
    encodings, topics = encode(network, documents, device=device)
    return fit_density(encodings.double().numpy(), expected_topics(topics, target, weights=documents.weights))


def fit_density(encodings: NDArray[np.float64], topics: csr_array) -> TopicDensity | None:
    """Gaussians around the topics' means, and around the mean of all.

    ``m_t = (Σ_i q_i(t) h_i + μ) / (Σ_i q_i(t) + 1)``: a topic of which little is known is near the mean of all. The
    covariances Σ_within and Σ_all are shrunk half of the way to spheres, then diagonalised together.

    Args:
        encodings: h, shape (n_documents, width).
        topics: q, the documents' weights times their expected topics, shape (n_documents, n_topics).

    Returns:
        The densities; None where all encodings are alike.

    Source:
        Mahalanobis distance: Lee et al., NeurIPS 2018; less that to the mean of all: Ren et al., "A simple fix to
        Mahalanobis distance for improving near-OOD detection", 2021. Here the means come from labels' expected topics.
    """
    weights = np.asarray(topics.sum(axis=1)).ravel() / topics.sum()
    centre = weights @ encodings
    away = encodings - centre
    mass = np.asarray(topics.sum(axis=0)).ravel()
    means = np.asarray(topics.T @ away) / (mass + 1)[:, None]
    overall = _shrunk((away * weights[:, None]).T @ away)
    if not np.trace(overall) > 0:
        return None
    within = np.zeros_like(overall)
    for column, mean in enumerate(means):
        shares = topics[:, [column]].toarray().ravel() / topics.sum()
        inside = np.flatnonzero(shares)
        apart = away[inside] - mean
        within += (apart * shares[inside, None]).T @ apart
    within = _shrunk(within + _FLOOR * np.trace(overall) / len(overall) * np.eye(len(overall)))
    spread, directions = eigh(within, overall)
    parts = {"centre": centre, "projection": directions.T, "means": means @ directions, "spread": spread}
    return TopicDensity(**{name: part.astype(np.float32) for name, part in parts.items()})


def _shrunk(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """A covariance drawn towards the sphere of the same trace."""
    width = len(covariance)
    sphere = np.trace(covariance) / width * np.eye(width)
    shrunk: NDArray[np.float64] = (1 - SHRINKAGE) * covariance + SHRINKAGE * sphere
    return shrunk
