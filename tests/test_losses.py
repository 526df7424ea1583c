"""Every loss, value and gradient, against enumeration.

The slow reference below is written from the design's equations with names, dictionaries and float64: it knows the
plain data of a world and shares no code with the library. Gradients are compared with central differences.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from hiercls.data.rows import Row
from hiercls.losses import cascade_loss, set_loss, symmetric_divergence
from hiercls.model.cascade import Forcing
from hiercls.model.heads import CascadeHead, HeadConfig
from hiercls.model.levels import Hierarchy
from hiercls.model.priors import Priors
from hiercls.model.targets import TargetTable
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.labels import resolve

WIDTH = 3
Labels = tuple[tuple[str, str], ...]


# --------------------------------------------------------------------------------------------------- the worlds


@dataclass(frozen=True)
class World:
    """A taxonomy as plain data, and labels to learn from it."""

    levels: list[str]
    topics: Any
    labels: list[Labels]
    customers: dict[str, Any] = field(default_factory=dict)
    multi_parent: list[str] = field(default_factory=list)

    @property
    def data(self) -> dict[str, Any]:
        data = {"hiercls": 1, "levels": self.levels, "topics": self.topics, "customers": self.customers}
        return data | ({"multi_parent": self.multi_parent} if self.multi_parent else {})


CUSTOMERS = {
    "one": {"ABC": ["A", "B", "C"], "D": "D", "EF": ["E", "F"]},
    "two": {"A": "A", "BC": ["B", "C"], "DE": ["D", "E"], "F": "F"},
    "part": {"partial": True, "classes": {"AB": ["A", "B"], "D": "D"}},
    "narrow": {"partial": True, "classes": {"A": "A", "C": "C"}},
    "over": {"overlapping": True, "classes": {"ABC": ["A", "B", "C"], "CDE": ["C", "D", "E"], "EF": ["E", "F"]}},
    "both": {"partial": True, "overlapping": True, "classes": {"P": ["A", "B"], "Q": ["B", "D"]}},
}
LABELS: list[Labels] = [
    (("one", "ABC"),),
    (("two", "BC"),),
    (("two", "DE"),),
    (("part", "AB"),),
    (("part", "D"),),
    (("narrow", "C"),),
    (("over", "CDE"),),
    (("over", "EF"),),
    (("both", "P"),),
    (("both", "Q"),),
    (("topic", "E"),),
    (("area", "X"),),
    (("one", "ABC"), ("two", "BC")),
    (("part", "AB"), ("over", "ABC")),
    (("part", "D"), ("both", "Q")),
    (("area", "Y"), ("over", "CDE"), ("two", "DE")),
]
WORLDS = {
    "tree": World(["area", "topic"], {"X": ["A", "B", "C"], "Y": ["D", "E", "F"]}, LABELS, CUSTOMERS),
    "dag": World(["area", "topic"], {"X": ["A", "B", "C", "D"], "Y": ["D", "E", "F", "C"], "Z": ["F"]}, LABELS,
                 CUSTOMERS, ["C", "D", "F"]),
    "deep dag": World(
        ["root", "area", "topic"],
        {"R": {"X": ["A", "B"], "M": ["C", "D"]}, "S": ["M", {"Y": ["D", "E", "F"]}], "T": {"Z": ["F"]}},
        [*LABELS, (("root", "S"),), (("root", "R"), ("area", "M")), (("area", "Z"),)],
        {**CUSTOMERS, "inner": {"RB": ["X"], "Other": "rest"}},
        ["M", "D", "F"],
    ),
    "ragged": World(
        ["area", "group", "topic"],
        {"X": {"X1": ["A", "B"], "X2": ["C"]}, "D": None, "Y": ["E", {"Y1": ["F"]}]},
        [*(labels for labels in LABELS if ("area", "Y") not in labels), (("group", "E"),), (("group", "X1"),),
         (("area", "D"),), (("area", "Y"), ("over", "CDE"))],
        CUSTOMERS,
    ),
    "flat": World(["topic"], ["A", "B", "C"], [(("topic", "B"),), (("c", "AB"),), (("d", "A"),)],
                  {"c": {"AB": ["A", "B"], "C": "C"}, "d": {"partial": True, "classes": {"A": "A", "B": "B"}}}),
}  # fmt: skip


# --------------------------------------------------------------------------------------------- the slow reference


class Slow:
    """The design's equations over names."""

    def __init__(self, world: World) -> None:
        self.children: dict[str, list[str]] = {}
        self.level_names = world.levels
        self.roots = self._read(world.topics)
        self.paths = [self._paths(depth) for depth in range(len(world.levels))]
        self.nodes = [list(dict.fromkeys(path[-1] for path in paths)) for paths in self.paths]
        self.topics = self.nodes[-1]
        below: list[dict[str, set[str]]] = [{node: set() for node in nodes} for nodes in self.nodes]
        for path in self.paths[-1]:
            for depth, node in enumerate(path):
                below[depth][node].add(path[-1])
        self.classes: dict[str, dict[str, set[str]]] = dict(zip(world.levels, below, strict=True))
        for name, grouping in world.customers.items():
            classes = grouping.get("classes", grouping)
            listed = {k: [members] if isinstance(members, str) else members for k, members in classes.items()}
            read = {k: set().union(*(self._expand(member) for member in members)) for k, members in listed.items()}
            named = set().union(*read.values())
            self.classes[name] = {k: v if classes[k] != "rest" else set(self.topics) - named for k, v in read.items()}

    def _read(self, below: Any) -> list[str]:
        names: list[str] = []
        for item in [below] if isinstance(below, dict) else below:
            for name, deeper in item.items() if isinstance(item, dict) else [(item, None)]:
                names.append(name)
                if deeper is not None:
                    self.children[name] = self._read(deeper)
        return names

    def _paths(self, depth: int) -> list[tuple[str, ...]]:
        """All ways from the top to the nodes of a level; a shallow leaf stands below itself."""
        if depth == 0:
            return [(root,) for root in self.roots]
        return [(*path, child) for path in self._paths(depth - 1) for child in self.children.get(path[-1], [path[-1]])]

    def _expand(self, name: str) -> set[str]:
        if name == "rest":
            return set()
        return {name} if name in self.topics else set().union(*(self._expand(child) for child in self.children[name]))

    def weight(self, view: str, topic: str, name: str) -> float:
        """A[t, k]: membership divided by its row sum."""
        members = self.classes[view]
        return (topic in members[name]) / max(1, sum(topic in topics for topics in members.values()))

    def label(self, labels: Labels) -> dict[str, float]:
        """The product of the labels' columns, on its support."""
        column = {t: math.prod(self.weight(view, t, name) for view, name in labels) for t in self.topics}
        return {t: value for t, value in column.items() if value > 0}

    def scope(self, labels: Labels) -> set[str]:
        """The topics that all labelled views name."""
        return set.intersection(*(set().union(*self.classes[view].values()) for view, _ in labels))

    def set_at(self, depth: int, topics: set[str]) -> set[str]:
        """The nodes of a level with one of the topics."""
        return {node for node, members in self.classes[self.level_names[depth]].items() if members & topics}

    def over_nodes(self, depth: int, mix: Mapping[str, float]) -> dict[str, float]:
        """A mix of topics summed over the nodes of a level, rows divided."""
        level = self.level_names[depth]
        return {n: sum(self.weight(level, t, n) * mix[t] for t in self.topics) for n in self.nodes[depth]}

    def probabilities(self, depth: int, logits: Sequence[Mapping[str, float]], composition: str) -> dict[str, float]:
        """A level's softmax, or the sum over all paths of the product of softmaxes among siblings."""
        if composition == "topic":
            return softmax(logits[depth])
        found = dict.fromkeys(self.nodes[depth], 0.0)
        for path in self.paths[depth]:
            factor = softmax({root: logits[0][root] for root in self.roots})[path[0]]
            for above, (parent, child) in enumerate(pairwise(path), start=1):
                siblings = self.children.get(parent, [parent])
                factor *= softmax({node: logits[above][node] for node in siblings})[child]
            found[path[-1]] += factor
        return found


def softmax(scores: Mapping[str, float]) -> dict[str, float]:
    peak = max(scores.values())
    total = sum(math.exp(score - peak) for score in scores.values())
    return {name: math.exp(score - peak) / total for name, score in scores.items()}


@dataclass
class Setting:
    """What a loss depends on beside the parameters."""

    slow: Slow
    config: HeadConfig
    order: list[list[str]]
    level_weights: list[float]
    labels: list[Labels]
    shifts: list[tuple[Mapping[str, float], Mapping[str, float]] | None]
    forced: list[bool]

    def run(self, theta: np.ndarray, held: list[list[np.ndarray | None]] | None = None) -> tuple[np.ndarray, Any]:
        """The terms of all documents, shape (n_documents, n_levels), and what teacher forcing fed.

        ``held`` holds the fed values of an earlier run, for derivatives: they are detached.
        """
        encodings, heads = unpack(theta, self)
        terms, fed = [], []
        for number, encoding in enumerate(encodings):
            logits, given = self.cascade(encoding, heads, number, None if held is None else held[number])
            terms.append(self.terms(number, logits))
            fed.append(given)
        return np.array(terms), fed

    def cascade(self, encoding: np.ndarray, heads: Any, number: int, held: Any) -> tuple[list[dict[str, float]], Any]:
        logits: list[dict[str, float]] = []
        feeds: list[np.ndarray | None] = []
        inputs = encoding
        for depth, head in enumerate(heads):
            logits.append(dict(zip(self.order[depth], apply_head(head, inputs), strict=True)))
            if depth + 1 == len(heads):
                break
            chances = self.slow.probabilities(depth, logits, self.config.composition)
            if self.forced[number]:
                allowed = self.slow.set_at(depth, set(self.slow.label(self.labels[number])))
                total = sum(chances[node] for node in allowed)
                chances = {node: chances[node] / total if node in allowed else 0.0 for node in chances}
            if self.config.feed == "none":
                fed = np.array([])
            elif self.config.feed == "probabilities":
                fed = np.array([chances[node] for node in self.order[depth]])
            elif self.config.feed == "logits" and not self.forced[number]:
                fed = np.array([logits[depth][node] for node in self.order[depth]])
            else:
                fed = np.array([max(math.log(max(chances[node], 1e-300)), -10.0) for node in self.order[depth]])
            if self.forced[number] and held is not None:
                fed = held[depth]
            feeds.append(fed if self.forced[number] else None)
            inputs = np.concatenate([encoding, fed])
        return logits, feeds

    def terms(self, number: int, logits: list[dict[str, float]]) -> list[float]:
        slow, labels = self.slow, self.labels[number]
        label, scope = slow.label(labels), slow.scope(labels)
        last, composed = len(logits) - 1, self.config.composition == "path"
        topics = self.conditioned(slow.probabilities(last, logits, self.config.composition), last, number, scope)
        terms = []
        for depth in range(last):
            wanted = slow.set_at(depth, set(label))
            if wanted == set(slow.nodes[depth]):
                terms.append(0.0)
                continue
            if composed:
                chances = slow.over_nodes(depth, topics)
            else:
                chances = self.conditioned(softmax(logits[depth]), depth, number, slow.set_at(depth, scope))
            terms.append(-math.log(sum(chances[node] for node in wanted)))
        terms.append(-math.log(sum(weight * topics[topic] for topic, weight in label.items())))
        return terms

    def conditioned(self, chances: Mapping[str, float], depth: int, number: int, scope: set[str]) -> dict[str, float]:
        """p_c: the customer's own mix, and only what it names."""
        shift = self.shifts[number]
        if shift is not None:
            own, pooled = (self.slow.over_nodes(depth, mix) for mix in shift)
            chances = {node: chance * own[node] / pooled[node] for node, chance in chances.items()}
        total = sum(chances[node] for node in scope)
        return {node: chances[node] / total if node in scope else 0.0 for node in chances}


def apply_head(head: list[np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """Linear, or linear, GELU (by the error function), linear."""
    out = head[0] @ inputs + head[1]
    if len(head) == 4:
        out = head[2] @ np.array([0.5 * x * (1 + math.erf(x / math.sqrt(2))) for x in out]) + head[3]
    return out


def shapes(setting: Setting) -> Iterator[list[tuple[int, ...]]]:
    """The shapes of each head's parameters."""
    above = 0
    for nodes in setting.order:
        n_inputs, hidden = WIDTH + above, setting.config.hidden
        if hidden:
            yield [(hidden, n_inputs), (hidden,), (len(nodes), hidden), (len(nodes),)]
        else:
            yield [(len(nodes), n_inputs), (len(nodes),)]
        above = 0 if setting.config.feed == "none" else len(nodes)


def unpack(theta: np.ndarray, setting: Setting) -> tuple[np.ndarray, list[list[np.ndarray]]]:
    """Encodings and heads out of one long vector."""
    rest = iter(theta.tolist())

    def take(shape: tuple[int, ...]) -> np.ndarray:
        return np.array([next(rest) for _ in range(math.prod(shape))]).reshape(shape)

    encodings = take((len(setting.labels), WIDTH))
    return encodings, [[take(shape) for shape in head] for head in shapes(setting)]


# -------------------------------------------------------------------------------------------------- the comparison


def build(world: World, config: HeadConfig, *, priors: bool, forcing: bool) -> tuple[Setting, Taxonomy, Priors | None]:
    """A setting, the library's map, and the library's priors."""
    taxonomy, slow = Taxonomy.from_dict(world.data), Slow(world)
    random = np.random.default_rng(5)
    mixes = random.dirichlet(np.ones(len(taxonomy.topics)) * 2, size=3) * 0.9 + 0.1 / len(taxonomy.topics)
    index = np.array([number % 3 - 1 for number in range(len(world.labels))])
    named = [dict(zip(taxonomy.topics, mix.tolist(), strict=True)) for mix in mixes]
    setting = Setting(
        slow=slow,
        config=config,
        order=[list(taxonomy.view(level).classes) for level in taxonomy.levels],
        level_weights=[0.7, 0.4, 1.3][-len(world.levels) :],
        labels=world.labels,
        shifts=[None if not priors or row < 0 else (named[row], named[2]) for row in index],
        forced=[forcing and number % 4 != 3 for number in range(len(world.labels))],
    )
    return setting, taxonomy, Priors(pooled=mixes[2], customers=mixes[:2], index=index) if priors else None


def fast(setting: Setting, taxonomy: Taxonomy, priors: Priors | None, theta: np.ndarray) -> tuple[Any, np.ndarray]:
    """The library's loss, and its gradient as one long vector."""
    rows = [Row(text="…", labels=labels) for labels in setting.labels]
    table = TargetTable(taxonomy, resolve(taxonomy, rows).labels, composition=setting.config.composition, priors=priors)
    head = CascadeHead(WIDTH, Hierarchy.of(taxonomy), setting.config).double().eval()
    values, weights = unpack(theta, setting)
    with torch.no_grad():
        for parameter, value in zip(head.parameters(), (w for one in weights for w in one), strict=True):
            parameter.copy_(torch.from_numpy(value))
    encodings = torch.from_numpy(values).requires_grad_()
    documents = np.arange(len(rows))
    forcing = Forcing(allowed=table.allowed(documents), documents=torch.tensor(setting.forced))
    output = head(encodings, forcing=forcing if any(setting.forced) else None)
    level_weights = torch.tensor(setting.level_weights, dtype=torch.float64)
    composed = setting.config.composition == "path"
    loss = cascade_loss(output, table.batch(documents), level_weights=level_weights, composed=composed)
    loss.per_document.sum().backward()
    parts = [encodings, *head.parameters()]
    return loss, np.concatenate([part.grad.numpy().ravel() for part in parts])


def compare(world: World, config: HeadConfig, *, priors: bool, forcing: bool, scale: float = 1.0) -> Setting:
    """Values equal enumeration, and the gradient central differences in random directions."""
    setting, taxonomy, known = build(world, config, priors=priors, forcing=forcing)
    random = np.random.default_rng(11)
    size = len(setting.labels) * WIDTH + sum(math.prod(shape) for head in shapes(setting) for shape in head)
    theta = random.normal(size=size) * scale
    loss, gradient = fast(setting, taxonomy, known, theta)
    terms, held = setting.run(theta)
    np.testing.assert_allclose(loss.terms.detach().numpy(), terms, atol=3e-6)
    np.testing.assert_allclose(loss.per_document.detach().numpy(), terms @ setting.level_weights, atol=3e-6)
    for _ in range(4):
        direction = random.normal(size=size)
        step = 1e-5 * direction
        ahead, behind = (setting.run(theta + sign * step, held)[0].sum(axis=0) for sign in (1, -1))
        slope = float((ahead - behind) @ setting.level_weights) / 2e-5
        assert gradient @ direction == pytest.approx(slope, rel=2e-5, abs=2e-5 * np.abs(gradient).max())
    return setting


@pytest.mark.parametrize("forcing", [False, True], ids=["free", "forced"])
@pytest.mark.parametrize("priors", [False, True], ids=["pooled", "priors"])
@pytest.mark.parametrize("composition", ["topic", "path"])
@pytest.mark.parametrize("world", WORLDS)
def test_loss_and_gradient_equal_enumeration(world: str, composition: Any, priors: bool, forcing: bool) -> None:
    compare(WORLDS[world], HeadConfig(hidden=4, composition=composition), priors=priors, forcing=forcing)


@pytest.mark.parametrize("composition", ["topic", "path"])
@pytest.mark.parametrize(
    "config",
    [{"hidden": 0}, {"feed": "logits"}, {"hidden": 0, "feed": "logits"}, {"feed": "probabilities"}, {"feed": "none"}],
    ids=str,
)
def test_linear_heads_and_other_feeds_equal_enumeration(composition: Any, config: dict[str, Any]) -> None:
    heads = HeadConfig(**{"hidden": 3, "composition": composition, **config})
    compare(WORLDS["deep dag"], heads, priors=True, forcing=heads.can_be_forced)


@pytest.mark.parametrize("world", WORLDS)
def test_a_flat_head_is_taught_by_sums_of_its_topics(world: str) -> None:
    taxonomy, labels = Taxonomy.from_dict(WORLDS[world].data), WORLDS[world].labels
    resolved = resolve(taxonomy, [Row(text="…", labels=one) for one in labels]).labels
    table = TargetTable(taxonomy, resolved, composition="flat")
    head = HeadConfig(hidden=3, composition="flat").build(WIDTH, taxonomy).double().eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        output = head(torch.randn(len(labels), WIDTH, dtype=torch.float64))
    n_levels = len(taxonomy.levels)
    weights = torch.ones(n_levels, dtype=torch.float64)
    loss = cascade_loss(output, table.batch(np.arange(len(labels))), level_weights=weights, composed=True)
    setting = build(WORLDS[world], HeadConfig(composition="path"), priors=False, forcing=False)[0]
    for number, row in enumerate(output.logits[0].tolist()):
        topics = softmax(dict(zip(taxonomy.topics, row, strict=True)))
        slow, label = setting.slow, setting.slow.label(labels[number])
        topics = setting.conditioned(topics, n_levels - 1, number, slow.scope(labels[number]))
        for depth in range(n_levels - 1):
            wanted, chances = slow.set_at(depth, set(label)), slow.over_nodes(depth, topics)
            skipped = wanted == set(slow.nodes[depth])
            expected = 0.0 if skipped else -math.log(sum(chances[node] for node in wanted))
            assert loss.terms[number, depth].item() == pytest.approx(expected)
        expected = -math.log(sum(weight * topics[topic] for topic, weight in label.items()))
        assert loss.terms[number, -1].item() == pytest.approx(expected)


@pytest.mark.parametrize("composition", ["topic", "path"])
@pytest.mark.parametrize("world", ["tree", "deep dag", "ragged"])
def test_the_floor_is_at_minus_ten_and_passes_no_gradient(world: str, composition: Any) -> None:
    config = HeadConfig(hidden=4, composition=composition)
    setting = compare(WORLDS[world], config, priors=False, forcing=True, scale=2.5)
    free = compare(WORLDS[world], config, priors=False, forcing=False, scale=2.5)
    random = np.random.default_rng(11)
    size = len(setting.labels) * WIDTH + sum(math.prod(shape) for head in shapes(setting) for shape in head)
    theta = random.normal(size=size) * 2.5
    floored = [(fed == -10.0).any() for given in setting.run(theta)[1] for fed in given if fed is not None]
    encodings, heads = unpack(theta, free)
    lowest = [min(softmax(free.cascade(h, heads, n, None)[0][0]).values()) for n, h in enumerate(encodings)]
    assert any(floored)
    assert min(lowest) < math.exp(-10.0)


# ------------------------------------------------------------------------------------- single facts, by hand


def loss_of(world: World, labels: Labels, logits: Sequence[Sequence[float]], *, composed: bool = False) -> list[float]:
    """The terms of one document, given the levels' logits."""
    taxonomy = Taxonomy.from_dict(world.data)
    resolved = resolve(taxonomy, [Row(text="…", labels=labels)]).labels
    table = TargetTable(taxonomy, resolved, composition="path" if composed else "topic")
    targets = table.batch(np.arange(1))
    scores = [torch.tensor([row], dtype=torch.float64) for row in logits]
    return [float(set_loss(score, target)) for score, target in zip(scores, targets, strict=True)]


def test_a_class_of_a_partition_costs_logsumexp_of_all_minus_logsumexp_of_its_topics() -> None:
    z = np.array([0.3, -1.0, 2.0, 0.5, 0.0, 1.0])
    upper, last = loss_of(WORLDS["tree"], (("one", "ABC"),), [[1.0, 2.0], z.tolist()])
    assert last == pytest.approx(math.log(np.exp(z).sum()) - math.log(np.exp(z[:3]).sum()))
    assert upper == pytest.approx(math.log(math.exp(1) + math.exp(2)) - 1)


def test_the_gradient_of_a_partition_is_p_minus_p_within_the_class() -> None:
    taxonomy = Taxonomy.from_dict(WORLDS["tree"].data)
    labels = resolve(taxonomy, [Row(text="…", labels=(("two", "BC"),))]).labels
    target = TargetTable(taxonomy, labels, composition="topic").batch(np.arange(1))[-1]
    z = torch.tensor([[0.3, -1.0, 2.0, 0.5, 0.0, 1.0]], requires_grad=True)
    set_loss(z, target).sum().backward()
    p = z.detach().softmax(-1)[0]
    within = torch.tensor([0.0, 1.0, 1.0, 0.0, 0.0, 0.0]) * p
    torch.testing.assert_close(z.grad[0], p - within / within.sum())


def test_a_level_is_skipped_where_the_label_allows_all_of_it() -> None:
    taxonomy = Taxonomy.from_dict(WORLDS["tree"].data)
    rows = [Row(text="…", labels=(label,)) for label in (("over", "CDE"), ("over", "ABC"), ("part", "D"))]
    targets = TargetTable(taxonomy, resolve(taxonomy, rows).labels, composition="topic").batch(np.arange(3))
    assert targets[0].informative.tolist() == [False, True, True]
    z = torch.tensor([[5.0, -5.0]] * 3, requires_grad=True)
    losses = set_loss(z, targets[0])
    losses[0].backward()
    assert losses[0] == 0
    assert not z.grad.any()


def test_a_skipped_level_is_skipped_under_a_prior_and_with_path_too() -> None:
    """Σ over all nodes is 1 only up to rounding: skipped means exactly 0."""
    taxonomy = Taxonomy.from_dict(WORLDS["deep dag"].data)
    rows = [Row(text="…", labels=(("inner", name),)) for name in ("Other", "RB")]
    mixes = np.random.default_rng(0).dirichlet(np.ones(6), size=2)
    priors = Priors(pooled=mixes[1], customers=mixes[:1], index=np.zeros(2, dtype=int))
    for composition, size in (("topic", 3), ("path", 6)):
        labels = resolve(taxonomy, rows).labels
        target = TargetTable(taxonomy, labels, composition=composition, priors=priors).batch(np.arange(2))[0]
        losses = set_loss(torch.randn(2, size, generator=torch.Generator().manual_seed(0)), target)
        assert losses[0] == 0.0
        assert losses[1] > 0.01


def test_a_shared_topic_gives_half_of_itself_to_each_overlapping_class() -> None:
    z = [0.0] * 6
    terms = loss_of(WORLDS["tree"], (("over", "ABC"),), [[0.0, 0.0], z])
    assert terms[-1] == pytest.approx(-math.log(2.5 / 6))


def test_out_of_scope_topics_get_no_gradient() -> None:
    taxonomy = Taxonomy.from_dict(WORLDS["tree"].data)
    labels = resolve(taxonomy, [Row(text="…", labels=(("part", "AB"),))]).labels
    for composition, n_columns in (("topic", (2, 6)), ("path", (6, 6))):
        targets = TargetTable(taxonomy, labels, composition=composition).batch(np.arange(1))
        for target, size in zip(targets, n_columns, strict=True):
            z = torch.zeros(1, size, requires_grad=True)
            set_loss(z, target).sum().backward()
            assert torch.isfinite(z.grad).all()
            if size == 6:
                assert z.grad[0, [2, 4, 5]].tolist() == [0.0, 0.0, 0.0]


def test_a_loss_is_finite_where_the_class_has_next_to_no_probability() -> None:
    terms = loss_of(WORLDS["tree"], (("one", "ABC"),), [[-1e4, 1e4], [-1e4, -1e4, -1e4, 1e4, 0.0, 0.0]])
    assert terms == pytest.approx([2e4, 2e4 - math.log(3)])


def test_a_table_cut_in_pieces_says_the_same() -> None:
    taxonomy = Taxonomy.from_dict(WORLDS["deep dag"].data)
    rows = [Row(text="…", labels=labels) for labels in WORLDS["deep dag"].labels]
    mixes = np.random.default_rng(0).dirichlet(np.ones(6), size=3)
    priors = Priors(pooled=mixes[2], customers=mixes[:2], index=np.arange(len(rows)) % 3 - 1)
    table = TargetTable(taxonomy, resolve(taxonomy, rows).labels, composition="topic", priors=priors)
    order = np.random.default_rng(1).permutation(len(rows))
    z = torch.randn(len(rows), 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole = set_loss(z, table.batch(np.arange(len(rows)))[-1])
    again = set_loss(z[order], table.take(order).batch(np.arange(len(rows)))[-1])
    single = [set_loss(z[[row]], table.take(np.array([row])).batch(np.zeros(1, dtype=int))[-1]) for row in order]
    torch.testing.assert_close(again, whole[order])
    torch.testing.assert_close(torch.cat(single), whole[order])
    allowed = table.allowed(order)
    for part, full in zip(table.take(order).allowed(np.arange(len(rows))), allowed, strict=True):
        assert part.equal(full)


@pytest.mark.parametrize("composition", ["topic", "path"])
@pytest.mark.parametrize("world", WORLDS)
def test_label_smoothing_is_the_mean_over_what_the_customer_names(world: str, composition: Any) -> None:
    """Term by term from the plain loss of each single topic (or node) in scope."""
    data = WORLDS[world]
    taxonomy = Taxonomy.from_dict(data.data)
    labels = resolve(taxonomy, [Row(text="…", labels=label) for label in data.labels]).labels
    targets = TargetTable(taxonomy, labels, composition=composition).batch(np.arange(len(data.labels)))
    random = torch.Generator().manual_seed(0)
    for target in targets:
        n_columns = int(target.scope.shape[1]) if target.scope is not None else int(target.sets.topics.max()) + 1
        scores = torch.randn(len(data.labels), n_columns, generator=random, dtype=torch.float64)
        plain, smoothed = set_loss(scores, target), set_loss(scores, target, smoothing=0.3)
        for row in range(len(data.labels)):
            named = range(n_columns) if target.scope is None else target.scope[row].nonzero().flatten().tolist()
            total = math.log(sum(math.exp(scores[row, column]) for column in named))
            spread = sum(total - float(scores[row, column]) for column in named) / len(named)
            expected = 0.7 * float(plain[row]) + 0.3 * spread if target.informative[row] else 0.0
            assert float(smoothed[row]) == pytest.approx(expected, rel=1e-6)


def test_the_symmetric_divergence_is_both_ways_written_out() -> None:
    p, q = (torch.rand(3, 4, generator=torch.Generator().manual_seed(seed)).softmax(-1) for seed in (0, 1))
    found = symmetric_divergence(p.log(), q.log())
    for row in range(3):
        both = sum(
            a * math.log(a / b) + b * math.log(b / a) for a, b in zip(p[row].tolist(), q[row].tolist(), strict=True)
        )
        assert float(found[row]) == pytest.approx(both, rel=1e-5)
