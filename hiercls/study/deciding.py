"""What to answer, given the probabilities: caution on the hierarchy against abstention, and all decodings compared.

Knows stored probabilities and the map; how the figures are told, ``study/trust_report`` knows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from hiercls.calibration import DEFAULT_METHOD
from hiercls.decoding import ROOT, class_argmax, f1_gains, most_gain, specificities, stop, top_down, topic_argmax
from hiercls.metrics import ancestor_matrix, hierarchical_scores, node_set_scores, tree_induced_errors
from hiercls.study.answers import Answers
from hiercls.study.evaluation import caution
from hiercls.study.halves import N_SPLITS, calibration_on, dealt, halves, read
from hiercls.study.posteriors import Posteriors
from hiercls.taxonomy import Taxonomy

THRESHOLDS = (0.5, 0.8, 0.95)
"""Where the stopping rule is read."""

CLASS_ARGMAX = "likeliest class of each level, on its own"

Indices = NDArray[np.int64]
Decoder = Callable[[NDArray[np.float64]], Indices]


def calibrated_half(
    posteriors: Posteriors, taxonomy: Taxonomy, *, seed: int, split: int = 0
) -> tuple[Answers, Answers]:
    """One half of the test documents: as trained, and calibrated on the coarse labels of the other half.

    Args:
        posteriors: What a model says.
        taxonomy: The map.
        seed: Seed of the halves.
        split: Which of the halvings.

    Returns:
        The answers before and after.
    """
    said, topics = posteriors.test, posteriors.test_topics
    first, second = list(halves(len(said), n_splits=split + 1, seed=seed))[-1]
    owners = dealt(len(first), posteriors.customers, seed=N_SPLITS * seed + split)
    calibration = calibration_on(said[first], topics[first], owners, taxonomy=taxonomy, method=DEFAULT_METHOD)
    before, after = (
        read(said[second], topics[second], taxonomy=taxonomy, calibration=one) for one in (None, calibration)
    )
    return before, after


def areas(posteriors: Posteriors, taxonomy: Taxonomy, *, seed: int) -> dict[str, float]:
    """The areas under the risk–coverage curves, means over several halvings.

    Args:
        posteriors: What a model says.
        taxonomy: The map.
        seed: Seed of the halves.

    Returns:
        ``hierarchical`` and ``flat``, calibrated; the same with ``, as trained``.
    """
    found: dict[str, list[float]] = {}
    for split in range(N_SPLITS):
        before, after = calibrated_half(posteriors, taxonomy, seed=seed, split=split)
        for answers, suffix in ((after, ""), (before, ", as trained")):
            both = caution(answers)
            found.setdefault(f"hierarchical{suffix}", []).append(both.hierarchical.area)
            found.setdefault(f"flat{suffix}", []).append(both.flat.area)
    return {name: float(np.mean(values)) for name, values in found.items()}


def decodings(posteriors: Posteriors, taxonomy: Taxonomy, *, seed: int) -> dict[str, dict[str, float]]:
    """All decodings of one model's calibrated probabilities.

    Args:
        posteriors: What a model says.
        taxonomy: The map.
        seed: Seed of the halves.

    Returns:
        By the decoding: ``topics`` and ``levels``, the part of the documents whose topic, and whose node on the levels
        above (their mean), is answered right; ``customers``, the same of the customers' classes; ``right``, the part of
        the answers that the truth is or lies below; ``f1``, micro; ``cost``, edges of the hierarchy between answer and
        truth; ``specificity``; ``contradictions``, the part of the documents whose levels say different things;
        ``microseconds`` a document.
    """
    _, answers = calibrated_half(posteriors, taxonomy, seed=seed)
    found = {}
    for name, decode in _decoders(taxonomy).items():
        start = time.perf_counter()
        nodes = decode(answers.topics)
        seconds = time.perf_counter() - start
        scores = score_nodes(nodes, answers.topic_truth, taxonomy=taxonomy)
        found[name] = {**scores, "microseconds": 1e6 * seconds / len(nodes)}
        if (nodes != ROOT).all() and scores["specificity"] > 1 - 1e-9:
            found[name]["customers"] = _customers(answers, nodes)
    return {**found, CLASS_ARGMAX: _class_argmax(answers)}


def score_nodes(nodes: Indices, truth: Indices, *, taxonomy: Taxonomy) -> dict[str, float]:
    """How good answers are that may be any node, or none.

    Args:
        nodes: Positions in ``taxonomy.hierarchy.nodes``, or ``ROOT``, shape (n_documents,).
        truth: Topic indices, shape (n_documents,).
        taxonomy: The map.

    Returns:
        What :func:`decodings` says of each, but for customers and time.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny = Taxonomy.from_yaml(shipped("tiny"))  # X, A–C, Y, D–F
        >>> score_nodes(np.array([1, 0, ROOT]), np.array([0, 1, 2]), taxonomy=tiny)["right"]
        1.0
    """
    names = taxonomy.hierarchy.nodes
    above = ancestor_matrix(taxonomy, nodes=names)
    sets = csr_array(vstack([above, csr_array((1, len(names)), dtype=above.dtype)]))
    rows, topics = np.where(nodes == ROOT, len(names), nodes), _topic_nodes(taxonomy)[truth]
    said, true = sets.toarray()[rows] > 0, above.toarray()[topics] > 0
    hit = (~said | true).all(axis=1)
    depths = np.array([1 + taxonomy.hierarchy.depth[name] for name in names])
    distances = np.vstack([tree_induced_errors(taxonomy, nodes=names), depths])
    levels = [_level_right(said, true, level, taxonomy=taxonomy) for level in taxonomy.levels]
    return {
        "topics": levels[-1],
        "levels": float(np.mean(levels[:-1])),
        "right": float(hit.mean()),
        "f1": hierarchical_scores(rows, topics, ancestors=sets).f1,
        "cost": float(distances[rows, topics].mean()),
        "specificity": float(np.append(specificities(taxonomy), 0.0)[rows].mean()),
        "contradictions": 0.0,
    }


def _decoders(taxonomy: Taxonomy) -> dict[str, Decoder]:
    """Everything that answers a node, by its name in tables; matrices are made once."""
    gains = f1_gains(taxonomy)
    names = taxonomy.hierarchy.nodes
    costs = tree_induced_errors(taxonomy, nodes=names)[:, _topic_nodes(taxonomy)]

    def stopping(threshold: float) -> Decoder:
        return lambda topics: stop(topics, taxonomy=taxonomy, threshold=threshold)

    return {
        "likeliest topic, summed up": lambda topics: topic_argmax(topics, taxonomy=taxonomy),
        "top down, likeliest child": lambda topics: top_down(topics, taxonomy=taxonomy),
        "most expected hierarchical F1": lambda topics: most_gain(topics, gains=gains),
        "least expected cost (edges)": lambda topics: most_gain(topics, gains=-costs.T),
        **{f"finest node at least {100 * one:.3g} % sure": stopping(one) for one in THRESHOLDS},
    }


def _class_argmax(answers: Answers) -> dict[str, float]:
    """The likeliest class of every view: no single node, so that some figures are not defined."""
    taxonomy = answers.taxonomy
    start = time.perf_counter()
    chosen = {name: class_argmax(answers.topics, view=taxonomy.view(name)) for name in taxonomy.views}
    seconds = time.perf_counter() - start
    right = {name: float((chosen[name] == answers.truths[name]).mean()) for name in taxonomy.views}
    said, true = (_node_sets(by_view, taxonomy) for by_view in (chosen, answers.truths))
    implied = _node_sets({name: _summed(answers, chosen, name) for name in taxonomy.levels}, taxonomy)
    return {
        "topics": right[taxonomy.levels[-1]],
        "levels": float(np.mean([right[name] for name in taxonomy.levels[:-1]])),
        "customers": float(np.mean([right[name] for name in taxonomy.customers])),
        "f1": node_set_scores(said, true).f1,
        "contradictions": float((abs(said - implied).sum(axis=1) > 0).mean()),
        "microseconds": 1e6 * seconds / answers.n_documents,
    }


def _summed(answers: Answers, chosen: Mapping[str, Indices], name: str) -> Indices:
    """What the chosen topic says at a view, which is a partition."""
    classes: Indices = answers.taxonomy.view(name).membership.indices[chosen[answers.taxonomy.levels[-1]]]
    return classes


def _customers(answers: Answers, nodes: Indices) -> float:
    """The mean accuracy at the customers of answers that are topics."""
    taxonomy = answers.taxonomy
    place = {node: index for index, node in enumerate(_topic_nodes(taxonomy).tolist())}
    chosen = {taxonomy.levels[-1]: np.array([place[node] for node in nodes.tolist()])}
    right = [(_summed(answers, chosen, name) == answers.truths[name]).mean() for name in taxonomy.customers]
    return float(np.mean(right))


def _topic_nodes(taxonomy: Taxonomy) -> Indices:
    """The position of each topic among all nodes, shape (n_topics,)."""
    place = {name: index for index, name in enumerate(taxonomy.hierarchy.nodes)}
    return np.array([place[topic] for topic in taxonomy.topics])


def _level_right(said: NDArray[np.bool_], true: NDArray[np.bool_], level: str, *, taxonomy: Taxonomy) -> float:
    """The part of the documents whose node on a level is answered, and is right."""
    place = {name: index for index, name in enumerate(taxonomy.hierarchy.nodes)}
    columns = [place[name] for name in taxonomy.view(level).classes]
    return float((said[:, columns] & true[:, columns]).any(axis=1).mean())


def _node_sets(chosen: Mapping[str, Indices], taxonomy: Taxonomy) -> csr_array:
    """The nodes chosen at all levels, 0/1, shape (n_documents, n_nodes)."""
    place = {name: index for index, name in enumerate(taxonomy.hierarchy.nodes)}
    n_documents = len(next(iter(chosen.values())))
    sets = np.zeros((n_documents, len(place)), dtype=np.int64)
    for level in taxonomy.levels:
        columns = np.array([place[name] for name in taxonomy.view(level).classes])
        sets[np.arange(n_documents), columns[chosen[level]]] = 1
    return csr_array(sets)
