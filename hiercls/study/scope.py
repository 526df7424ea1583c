"""Are documents of no known topic told from others? Each first-level area is held out in turn.

The training documents of an area are taken away and its topics with them; one model learns from the other areas' coarse
labels, dealt to customers as in the union benchmark, and meets all areas' test documents.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sklearn.metrics import roc_auc_score

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.files import write_text
from hiercls.study.corpus import Corpus, newsgroups_corpora
from hiercls.study.newsgroups import NEWCOMER, versions_and_machine
from hiercls.study.report import interval, mean_and_deviation, runs_before, write_json
from hiercls.study.union import LABELS_ALONE, Protocol, coarse_rows
from hiercls.taxonomy import Taxonomy, shipped

NOVELTY, SOFTMAX = "novelty score", "maximum softmax probability"
"""What is compared: the score of ``novelty_score``, and one less the probability of the likeliest topic."""
FALSE_ALARMS = 0.05
"""The rate at which the threshold is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeResult:
    """How one model did without one area.

    Args:
        area: The area that was held out.
        seed: Seed of the deal and of training.
        auroc: By score, how often a document of the area gets the higher one of the two, beside one of the others.
        false_alarms: Share of other areas' documents that were rejected; half of them set the threshold, the other
            half is counted.
        found: Share of the area's documents that were rejected at this threshold.
    """

    area: str
    seed: int
    auroc: Mapping[str, float]
    false_alarms: float
    found: float


def run_scope(
    *,
    headers: Literal["kept", "removed"],
    seeds: Sequence[int],
    documents: int | None,
    settings: Mapping[str, Any],
    folder: Path,
    resume: bool,
    say: Callable[[str], None],
) -> str:
    """Run the protocol on 20 Newsgroups; its JSON is written anew after every model, its table at the end.

    Args:
        headers: ``kept`` or ``removed``.
        seeds: Seeds of the deal and of training.
        documents: How many training and test documents to take; None: all.
        settings: Settings of ``HierarchicalTextClassifier`` beside taxonomy and seed.
        folder: Where ``scope.json`` and ``scope.md`` go.
        resume: Whether results that stand in the JSON already, run under the same conditions, are kept.
        say: Is told of every result as it comes.

    Returns:
        The table, in Markdown.
    """
    taxonomy = Taxonomy.from_yaml(shipped("newsgroups"))
    training, test = newsgroups_corpora(taxonomy, headers=headers, documents=documents)
    taken = "all (bydate)" if documents is None else documents
    circumstances = {"documents": taken, "headers": headers, **versions_and_machine(settings)}
    results: dict[str, Any] = {"conditions": circumstances, "runs": {}}
    if resume:
        results["runs"] = runs_before(folder / "scope.json", circumstances)
    for seed in seeds:
        world = Protocol(
            taxonomy=taxonomy, newcomer=NEWCOMER, newcomer_documents=0, training=training, test=test, seed=seed
        )
        run = results["runs"].setdefault(str(seed), {})
        for area in taxonomy.view(taxonomy.levels[0]).classes:
            if area not in run:
                found = hold_out(world, area, settings=settings)
                run[area] = dataclasses.asdict(found)
                shown = ", ".join(f"{name} {value:.3f}" for name, value in found.auroc.items())
                say(f"seed {seed}, without {area}: {shown}")
                write_json(folder / "scope.json", results)
    text = report([ScopeResult(**one) for seed in seeds for one in results["runs"][str(seed)].values()], circumstances)
    write_text(folder / "scope.md", text)
    return text


def report(results: Sequence[ScopeResult], circumstances: Mapping[str, Any]) -> str:
    """The table of a finished benchmark.

    Args:
        results: The results of all areas and seeds.
        circumstances: What it was run under.

    Returns:
        Markdown.
    """
    columns = {
        NOVELTY: [result.auroc[NOVELTY] for result in results],
        SOFTMAX: [result.auroc[SOFTMAX] for result in results],
        f"false alarms at {FALSE_ALARMS:.0%}": [result.false_alarms for result in results],
        "found": [result.found for result in results],
    }
    areas = np.array([result.area for result in results])
    rows = {area: areas == area for area in dict.fromkeys(areas.tolist())} | {"mean": np.ones(len(areas), dtype=bool)}
    lines = [
        f"| {name} | "
        + " | ".join(mean_and_deviation(np.array(one)[chosen].tolist()) for one in columns.values())
        + " |"
        for name, chosen in rows.items()
    ]
    parts = [
        "# Documents of no known topic, on 20 Newsgroups",
        "Each first-level area is held out in turn: one model learns from the others' coarse labels and meets all test "
        "documents. AUROC: how often a document of the area has the higher score of the two, beside one of the others. "
        "The threshold comes from half of the others; the other half counts as false alarms. Mean ± standard deviation "
        "over seeds, in the last line over areas and seeds.",
        "\n".join([f"| without | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|", *lines]),
        "\n".join(f"- {name}: {value}" for name, value in circumstances.items()),
    ]
    if len({result.seed for result in results}) > 1:
        mean, low, high = advantage(results)
        parts.insert(3, f"AUROC above that of the softmax: {mean:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}.")
    return "\n\n".join(parts) + "\n"


def hold_out(protocol: Protocol, area: str, *, settings: Mapping[str, Any]) -> ScopeResult:
    """Train without an area, and score all test documents.

    Args:
        protocol: The world with all areas.
        area: The class of the first level that is held out.
        settings: Settings of ``HierarchicalTextClassifier`` beside taxonomy and seed.

    Returns:
        How the area's documents are told from the others.
    """
    taxonomy = protocol.taxonomy
    gone = set(taxonomy.view(taxonomy.levels[0]).topics_of(area))
    left = without_topics(taxonomy, gone)
    known = dataclasses.replace(protocol, taxonomy=left, training=_within(protocol.training, taxonomy, left))
    classifier = HierarchicalTextClassifier(left, random_state=protocol.seed, **{**LABELS_ALONE, **settings})
    classifier.fit_rows(coarse_rows(known, known.deal()))
    topics, novelty = classifier.scorer_.topics_and_novelty(protocol.test.texts)
    names = np.array(taxonomy.topics)[protocol.test.topics]
    is_new = np.isin(names, sorted(gone))
    scores = {NOVELTY: novelty, SOFTMAX: 1 - topics.exp().max(dim=-1).values.numpy()}
    order = np.random.default_rng(protocol.seed).permutation(np.flatnonzero(~is_new))
    setting, counted = order[: len(order) // 2], order[len(order) // 2 :]
    rule = dataclasses.replace(classifier.scorer_.novelty, heldout=np.sort(novelty[setting]))
    return ScopeResult(
        area=area,
        seed=protocol.seed,
        auroc={name: float(roc_auc_score(is_new, score)) for name, score in scores.items()},
        false_alarms=float(rule.is_novel(novelty[counted], false_alarms=FALSE_ALARMS).mean()),
        found=float(rule.is_novel(novelty[is_new], false_alarms=FALSE_ALARMS).mean()),
    )


def advantage(results: Sequence[ScopeResult]) -> tuple[float, float, float]:
    """By how much the novelty score's AUROC is above that of the maximum softmax probability, mean over areas.

    Args:
        results: The results of all areas for two seeds at least.

    Returns:
        Mean over seeds, and the ends of Student's 95 % interval around it.

    Example:
        >>> scores = [{NOVELTY: 0.9, SOFTMAX: 0.8}, {NOVELTY: 0.9, SOFTMAX: 0.78}]
        >>> results = [
        ...     ScopeResult(area="X", seed=seed, auroc=auroc, false_alarms=0.05, found=0.5)
        ...     for seed, auroc in enumerate(scores)
        ... ]
        >>> [round(value, 3) for value in advantage(results)]
        [0.11, -0.017, 0.237]
    """
    seeds = sorted({result.seed for result in results})
    gains = [
        float(np.mean([one.auroc[NOVELTY] - one.auroc[SOFTMAX] for one in results if one.seed == seed]))
        for seed in seeds
    ]
    return float(np.mean(gains)), *interval(gains)


def without_topics(taxonomy: Taxonomy, gone: set[str]) -> Taxonomy:
    """The same map without some topics, and without the nodes, classes and customers that have none left; without a
    level where only shallower topics are left.

    Args:
        taxonomy: The map.
        gone: Topics that are taken away.

    Returns:
        The map of the others.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> without_topics(Taxonomy.from_yaml(shipped("tiny")), {"D", "E", "F"}).view("two").classes
        ('A', 'BC')
    """
    children = taxonomy.hierarchy.children

    def stays(node: str) -> bool:
        return any(map(stays, children[node])) if node in children else node not in gone

    def below(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {node: below(lower) for node, lower in part.items() if stays(node)}
        return None if part is None else [node for node in part if stays(node)]

    plain = taxonomy.to_dict()
    customers = {}
    for name in taxonomy.customers:
        view = taxonomy.view(name)
        named = {label: [topic for topic in view.topics_of(label) if topic not in gone] for label in view.classes}
        classes = {label: topics for label, topics in named.items() if topics}
        if classes:
            customers[name] = {"classes": classes, **{flag: True for flag, on in taxonomy.flags(name).items() if on}}
    left = below(plain["topics"])
    levels = [*taxonomy.levels[: _depth(left) - 1], taxonomy.levels[-1]]
    kept = {"hiercls": plain["hiercls"], "name": plain["name"], "levels": levels}
    shared = [node for node in taxonomy.hierarchy.multi_parent if stays(node)]
    return Taxonomy.from_dict({**kept, "topics": left, "multi_parent": shared, "customers": customers})


def _depth(part: Any) -> int:
    """How many nodes the longest path down has."""
    if isinstance(part, Mapping):
        return 1 + max(map(_depth, part.values()))
    return 1 if part else 0


def _within(corpus: Corpus, taxonomy: Taxonomy, left: Taxonomy) -> Corpus:
    """The documents whose topics are left, their positions those in the smaller map."""
    place = {topic: position for position, topic in enumerate(left.topics)}
    moved = np.array([place.get(topic, -1) for topic in taxonomy.topics])
    kept = corpus.take(np.flatnonzero(moved[corpus.topics] >= 0))
    return Corpus(texts=kept.texts, topics=moved[kept.topics])
