"""A model's card: what it is, how good it is at each view, and where it ends.

Knows a trained estimator and labelled rows; knows no hub.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from hiercls.data.rows import Row
from hiercls.estimator.tasks import all_right, name_of, resolve_all
from hiercls.scoring import Scorer
from hiercls.taxonomy import Taxonomy


def model_card(classifier: Any, rows: Sequence[Row], *, name: str, data: str | None, customers: bool) -> str:
    """The card in Markdown, with the settings that the hub reads at its head.

    Args:
        classifier: A trained estimator.
        rows: Labelled rows that were not trained on; none: no metrics.
        name: The title.
        data: What it was trained on.
        customers: Whether customers are named.

    Returns:
        The card.
    """
    scorer: Scorer = classifier.scorer_
    taxonomy: Taxonomy = classifier.taxonomy_
    shown = shown_names(taxonomy, customers=customers)
    parts = [
        _head(scorer),
        f"# {name}",
        "One model for the levels of a hierarchy and for customers who group its topics in ways of their own, by "
        "[hiercls](https://pypi.org/project/hiercls/): every class's probability is a sum of its topics'"
        + (", or a noisy-or where a document has several topics." if name_of(scorer.task) == "multilabel" else "."),
        "## Use",
        "```python\nfrom hiercls import HierarchicalTextClassifier\n\n"
        f"model = HierarchicalTextClassifier.from_pretrained({json.dumps(name)}, revision=...)  # a commit\n"
        'model.predict(["a document"])\n```',
        "## Data",
        data or "The training data is not described.",
        "\n".join(_views(taxonomy, shown)),
        "## Metrics",
        "\n".join(_metrics(classifier, rows, shown)),
        "## Limits",
        "\n".join(f"- {limit}" for limit in _limits(classifier)),
    ]
    return "\n\n".join(parts) + "\n"


def shown_names(taxonomy: Taxonomy, *, customers: bool) -> dict[str, str]:
    """What every view is called on the card: customers by number, unless their names are wanted.

    Args:
        taxonomy: The map.
        customers: Whether customers are named.

    Returns:
        By the view's name.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> shown_names(Taxonomy.from_yaml(shipped("tiny")), customers=False)["two"]
        'customer 2'
    """
    numbered = {name: f"customer {place}" for place, name in enumerate(taxonomy.customers, start=1)}
    return {name: name if customers else numbered.get(name, name) for name in taxonomy.views}


def _head(scorer: Scorer) -> str:
    """The settings at the head, which are YAML; JSON's strings are."""
    lines = ["library_name: hiercls", "pipeline_tag: text-classification"]
    if scorer.engine is not None and not scorer.engine.encoder.config.name.startswith(("/", ".")):
        lines.append(f"base_model: {json.dumps(scorer.engine.encoder.config.name)}")
    return "\n".join(["---", *lines, "tags:", "- hierarchical-classification", "- hiercls", "---"])


def _views(taxonomy: Taxonomy, shown: dict[str, str]) -> list[str]:
    """How many classes every view has."""
    rows = [f"| {_cell(shown[name])} | {len(taxonomy.view(name).classes)} |" for name in taxonomy.views]
    return ["| view | classes |", "|---|---|", *rows]


def _metrics(classifier: Any, rows: Sequence[Row], shown: dict[str, str]) -> list[str]:
    """The accuracy at every view that rows are labelled at, with its standard error."""
    if not rows:
        return ["Not measured: no labelled documents were given."]
    taxonomy, scorer = classifier.taxonomy_, classifier.scorer_
    right = all_right(taxonomy, scorer, rows, progress=False)
    labelled = resolve_all(taxonomy, rows, scorer.task).views
    lines = ["| view | documents | accuracy ± standard error |", "|---|---|---|"]
    for name in taxonomy.views:
        found = right[np.array([name in views for views in labelled])]
        if len(found):
            error = float(np.sqrt(found.mean() * (1 - found.mean()) / len(found)))
            lines.append(f"| {_cell(shown[name])} | {len(found):,} | {found.mean():.3f} ± {error:.3f} |")
    return [*lines, "", "On labelled documents that the one who made this card gave; all labels of each must be right."]


def _limits(classifier: Any) -> list[str]:
    """Where the model ends."""
    scorer: Scorer = classifier.scorer_
    limits = ["It was trained on its own topics alone: a document of none of them is filed under one of them."]
    if scorer.engine is None:
        limits.append("It reads words alone: one that no training document had says nothing.")
    else:
        reads = scorer.engine.encoder.config
        limits.append(f"It reads {reads.max_length * reads.windows:,} tokens of a document at most.")
    if scorer.calibration is None:
        limits.append("Its probabilities were not calibrated on held-out documents.")
    else:
        n_documents = scorer.calibration.pooled.n_documents
        limits.append(
            f"Its probabilities were calibrated on {n_documents:,} held-out documents, and hold for the like."
        )
    if scorer.lexical is not None:
        limits.append(f"It holds {len(scorer.lexical.terms):,} words of its training documents, in readable form.")
    return limits


def _cell(text: str) -> str:
    """A name in a cell of a table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
