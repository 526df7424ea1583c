"""Topics that nobody had: learnt from few documents of each, the old ones kept.

Knows the union benchmark's world and the estimator; where results go, the benchmark knows.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from hiercls.data.rows import Row
from hiercls.estimator import HierarchicalTextClassifier
from hiercls.estimator.extending import extended_scorer
from hiercls.extension import extended
from hiercls.scoring import Scorer
from hiercls.study.labelled import undetermined_topics
from hiercls.study.newcomers import Values
from hiercls.study.posteriors import Posteriors
from hiercls.study.union import LABELS_ALONE, Protocol, coarse_rows
from hiercls.taxonomy import Taxonomy

N_NEW, DOCUMENTS, N_DRAWS = 2, (5, 20, 50), 10
"""Topics that are new at a time; documents of each of them; draws of these."""


def without_topics(taxonomy: Taxonomy, names: Collection[str]) -> Taxonomy:
    """The map as it was before there were some topics.

    Args:
        taxonomy: The map.
        names: The topics.

    Returns:
        The map without them, and without nodes and classes that had no others.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> tiny = Taxonomy.from_yaml(shipped("tiny"))
        >>> without_topics(tiny, ["D"]).view("one").classes
        ('ABC', 'EF')
    """

    def pruned(tree: Any) -> Any:
        if isinstance(tree, Mapping):
            kept = {name: pruned(below) for name, below in tree.items() if name not in names}
            return {name: below for name, below in kept.items() if below or not tree[name]}
        if isinstance(tree, list):
            return [one for one in tree if one not in names]
        return None if tree in names else tree

    data: dict[str, Any] = copy.deepcopy(taxonomy.to_dict())
    data["topics"] = pruned(data["topics"])
    for customer in data.get("customers", {}).values():
        inner = customer.get("classes", customer)
        for name, members in list(inner.items()):
            if not (left := pruned(members)):
                del inner[name]
            else:
                inner[name] = left
    known = Taxonomy.from_dict({**data, "about": {}}).graph.nodes
    return Taxonomy.from_dict({**data, "about": {name: line for name, line in taxonomy.about.items() if name in known}})


def extensions(protocol: Protocol, whole: Posteriors, *, settings: Mapping[str, Any]) -> Values:
    """Train without two topics, then add them from few documents.

    Args:
        protocol: The world; its seed draws the topics.
        whole: What a model says that was trained with all topics.
        settings: Settings of ``HierarchicalTextClassifier``.

    Returns:
        Accuracy on test documents of old topics, before and after, and of new ones.
    """
    taxonomy, training, test = protocol.taxonomy, protocol.training, protocol.test
    random = np.random.default_rng(protocol.seed)
    new = random.choice(len(taxonomy.topics), N_NEW, replace=False)
    before = without_topics(taxonomy, [taxonomy.topics[topic] for topic in new])
    known = np.flatnonzero(~np.isin(training.topics, new))
    hands = {name: np.intersect1d(protocol.deal()[name], known) for name in protocol.customers}
    rows = coarse_rows(protocol, hands)
    with undetermined_topics():
        model = HierarchicalTextClassifier(before, random_state=protocol.seed, **{**LABELS_ALONE, **settings})
        scorer = model.fit_rows(rows).scorer_
    said, encodings = scorer.topics(test.texts), _encoded(scorer, test.texts)
    is_new, places = np.isin(test.topics, new), np.array([taxonomy.topics.index(one) for one in before.topics])
    right = places[said.argmax(dim=-1).numpy()] == test.topics
    values: Values = {"old topics, before": [float(right[~is_new].mean())]}
    from_start = whole.test.argmax(axis=1) == test.topics
    values["old topics, all trained together"] = [float(from_start[~is_new].mean())]
    values["new topics, all trained together"] = [float(from_start[is_new].mean())]
    for n_documents in DOCUMENTS:
        for _ in range(N_DRAWS):
            few = [random.choice(np.flatnonzero(training.topics == topic), n_documents, replace=False) for topic in new]
            shown = [
                Row(text=training.texts[place], labels=((None, taxonomy.topics[training.topics[place]]),))
                for place in np.concatenate(few)
            ]
            after = extended_scorer(before, taxonomy, scorer, shown, sources={})
            logs = extended(said, encodings, scorer.novelty.density, after.extensions)
            right = logs.argmax(dim=-1).numpy() == test.topics
            values.setdefault(f"old topics, {n_documents} documents of each new one", []).append(
                float(right[~is_new].mean())
            )
            values.setdefault(f"new topics, {n_documents} documents of each", []).append(float(right[is_new].mean()))
    return values


def _encoded(scorer: Scorer, texts: Sequence[str]) -> np.ndarray | None:
    """The encodings that a scorer reads."""
    return None if scorer.engine is None else scorer.engine.encode(texts)
