"""What ``hiercls predict`` can be asked beside the likeliest classes: sets, coarser nodes, the cheapest class.

Knows options and the names of answers; the rules are the library's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiercls.cli.app import warn
from hiercls.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from hiercls.estimator import HierarchicalTextClassifier
    from hiercls.taxonomy import View

More = Mapping[str, "Callable[[Tensor], list[Any]]"]
"""For each key of an answer that was asked for, its values from the topics' log-probabilities, one a document."""

Coverage = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Add set: the classes among which the true one is for this share of documents, such as 0.9.",
    ),
]
CalibratedAt = Annotated[
    str | None,
    typer.Option(
        metavar="VIEW",
        help="Where --coverage is exact, mostly the view of --at: the smallest sets. "
        "By default the topics; sets of all views then agree, and cover at least as much.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Add node: the most specific node of the hierarchy that is at least so probable; null for none. "
        "Of a model for several topics, add nodes: all such.",
    ),
]
Accuracy = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Add node with the lowest threshold under which such a share of the nodes that are not null are right.",
    ),
]
FalseAlarms = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="Say what is of no known topic; this part of known ones may be called so. Needs calibrate.",
    ),
]
LeastCost = Annotated[
    bool, typer.Option("--least-cost", help="Add least_cost: the class that costs least by the costs of --at.")
]


def asked_for(
    classifier: HierarchicalTextClassifier,
    view: View,
    *,
    sets: tuple[float | None, str | None],
    nodes: tuple[float | None, float | None],
    least_cost: bool,
) -> More:
    """The answers that options ask for beside the likeliest classes.

    Args:
        classifier: A trained model.
        view: The view of ``--at``.
        sets: Their coverage, None for no sets, and where it is exact, None for the topics.
        nodes: How probable they must be, or what part of them shall be right; None and None for no nodes.
        least_cost: Whether the cheapest class is asked for.

    Returns:
        What makes them, by their keys.

    Raises:
        ConfigError: If options contradict each other, or the model cannot promise this.
    """
    (coverage, calibrated_at), (threshold, accuracy) = sets, nodes
    if threshold is not None and accuracy is not None:
        raise ConfigError("--threshold says how probable a node must be, --accuracy finds that out: give one of them")
    if calibrated_at is not None and coverage is None:
        raise ConfigError("--calibrated-at says where --coverage is exact: give both")
    more: dict[str, Callable[[Tensor], list[Any]]] = {}
    if coverage is not None:
        more["set"] = _sets(classifier, view, coverage, calibrated_at)
    if accuracy is not None:
        threshold = classifier.promises_.climbing(accuracy=accuracy).threshold
        if threshold > 1:
            warn(f"no threshold is sure to make {accuracy:.4g} of the nodes right: all of them are null")
    elif threshold is not None and not 0 <= threshold <= 1:
        raise ConfigError(f"expected a threshold from 0 to 1, got {threshold}")
    if threshold is not None:
        more |= _nodes(classifier, threshold)
    if least_cost:
        more["least_cost"] = _least_cost(classifier, view)
    return more


def _sets(
    classifier: HierarchicalTextClassifier, view: View, coverage: float, calibrated_at: str | None
) -> Callable[[Tensor], list[Any]]:
    """The classes in sets."""
    taxonomy, scorer = classifier.taxonomy_, classifier.scorer_
    exact = taxonomy.view(taxonomy.levels[-1] if calibrated_at is None else calibrated_at)
    rule = classifier.promises_.sets(at=view, calibrated_at=exact, coverage=coverage, score="lac")

    def sets(topics: Tensor) -> list[Any]:
        inside = rule.sets(scorer.conditioned(topics, view).numpy(), at=view)
        return [[view.classes[place] for place in row.nonzero()[0]] for row in inside]

    return sets


def _nodes(classifier: HierarchicalTextClassifier, threshold: float) -> More:
    """The nodes that are probable enough: one or none, or where there may be several topics a list."""
    from hiercls.estimator.tasks import coarser
    from hiercls.model.multilabel import SeveralTopics

    taxonomy, task = classifier.taxonomy_, classifier.scorer_.task
    names = taxonomy.hierarchy.nodes

    def nodes(topics: Tensor) -> list[list[str]]:
        chosen = coarser(task, topics, taxonomy=taxonomy, threshold=threshold)
        return [[names[place] for place in row.nonzero()[0]] for row in chosen]

    if isinstance(task, SeveralTopics):
        return {"nodes": nodes}
    return {"node": lambda topics: [found[0] if found else None for found in nodes(topics)]}


def _least_cost(classifier: HierarchicalTextClassifier, view: View) -> Callable[[Tensor], list[Any]]:
    """The classes that cost least."""
    from hiercls.estimator.tasks import cheapest

    costs, scorer = classifier.taxonomy_.costs(view.name), classifier.scorer_
    return lambda topics: cheapest(scorer.task, scorer.classes(topics, view), view, costs=costs).tolist()
