"""Multi-label losses, value and gradient, against enumeration of all sets of topics.

The slow reference knows the plain data of a world and shares no code with the library: it reads the likelihood of a
saying off the joint distribution of independent topics, for each set of topics in turn.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from hiercls.data.rows import Row
from hiercls.losses import cascade_loss, multilabel_loss, topic_loss
from hiercls.model.cascade import CascadeOutput
from hiercls.model.multilabel_targets import MultilabelTable
from hiercls.taxonomy import Taxonomy
from hiercls.taxonomy.multilabels import resolve_multilabels

TREE = {"X": "ABC", "Y": "DEF"}
DAG = {"X": "ABCD", "Y": "CDEF", "Z": "F"}
CUSTOMERS: dict[str, Any] = {
    "one": {"ABC": ["A", "B", "C"], "D": "D", "EF": ["E", "F"]},
    "part": {"partial": True, "classes": {"AB": ["A", "B"], "D": "D"}},
    "over": {"overlapping": True, "classes": {"ABC": ["A", "B", "C"], "CDE": ["C", "D", "E"], "EF": ["E", "F"]}},
}
Labels = tuple[tuple[str, str], ...]
ROWS: list[tuple[Labels, bool]] = [
    ((("topic", "A"),), True),
    ((("topic", "A"), ("topic", "B")), True),
    ((("topic", "C"), ("topic", "F")), True),
    ((("topic", "C"), ("topic", "F")), False),
    ((("one", "ABC"), ("one", "EF")), True),
    ((("one", "ABC"),), False),
    ((("part", "AB"),), True),
    ((("over", "ABC"), ("over", "CDE")), True),
    ((("over", "EF"),), True),
    ((("area", "X"), ("one", "ABC"), ("one", "D")), False),
    ((("topic", "E"), ("one", "ABC")), False),
    ((("area", "X"), ("area", "Y")), False),
]


def world(areas: dict[str, str]) -> Taxonomy:
    shared = [t for t in "ABCDEF" if sum(t in members for members in areas.values()) > 1]
    data = {"hiercls": 1, "levels": ["area", "topic"], "topics": {a: list(ts) for a, ts in areas.items()}}
    return Taxonomy.from_dict({**data, "customers": CUSTOMERS, **({"multi_parent": shared} if shared else {})})


def members(areas: dict[str, str], view: str) -> dict[str, set[str]]:
    if view == "topic":
        return {t: {t} for t in "ABCDEF"}
    if view == "area":
        return {a: set(ts) for a, ts in areas.items()}
    classes = CUSTOMERS[view].get("classes", CUSTOMERS[view])
    return {name: set(topics) for name, topics in classes.items()}


def saying(areas: dict[str, str], labels: Labels, complete: bool) -> tuple[list[set[str]], set[str]]:
    """The listed classes as sets of topics, without the absent ones, and the absent topics."""
    absent: set[str] = set()
    for view in {view for view, _ in labels} if complete else set():
        for name, topics in members(areas, view).items():
            if (view, name) not in labels:
                absent |= topics
    return [members(areas, view)[name] - absent for view, name in labels], absent


def enumerated(sets: list[set[str]], absent: set[str], chances: dict[str, float]) -> float:
    """−log of the product of the sets' masses and the absent nodes' mass, each summed over all sets of nodes."""

    def mass(held: Any) -> float:
        total = 0.0
        for present in product([False, True], repeat=len(chances)):
            here = {node for node, is_in in zip(chances, present, strict=True) if is_in}
            if held(here):
                total += math.prod(chances[node] if node in here else 1 - chances[node] for node in chances)
        return total

    loss = -math.log(mass(lambda here: not here & absent))
    for nodes in sets:
        loss -= math.log(mass(lambda here, nodes=nodes: here & nodes))
    return loss


def at_level(areas: dict[str, str], sets: list[set[str]], absent: set[str]) -> tuple[list[set[str]], set[str]]:
    """The sets and absent nodes of the areas, each distinct set once."""
    nodes = [frozenset(a for a, topics in areas.items() if set(topics) & held) for held in sets]
    return [set(one) for one in dict.fromkeys(nodes)], {a for a, topics in areas.items() if set(topics) <= absent}


@pytest.mark.parametrize("areas", [TREE, DAG], ids=["tree", "dag"])
def test_loss_and_gradient_equal_enumeration(areas: dict[str, str]) -> None:
    taxonomy = world(areas)
    rows = [Row(text="…", labels=labels, complete=None if whole else ()) for labels, whole in ROWS]
    labels = resolve_multilabels(taxonomy, rows).labels
    table = MultilabelTable(taxonomy, labels)
    random = np.random.default_rng(0)
    order = random.permutation(len(rows))
    logits = [torch.from_numpy(random.normal(size=(len(rows), len(v.classes))) * 2).requires_grad_() for v in
              map(taxonomy.view, taxonomy.levels)]  # fmt: skip
    weights = torch.tensor([0.7, 1.3], dtype=torch.float64)

    def fast() -> torch.Tensor:
        output = CascadeOutput(tuple(logits), tuple(torch.nn.functional.logsigmoid(z) for z in logits))
        return cascade_loss(output, table.batch(order), level_weights=weights, composed=False).terms

    def slow() -> np.ndarray:
        terms = np.zeros((len(rows), 2))
        for place, row in enumerate(order):
            sets, absent = saying(areas, *ROWS[row])
            sets = [set(one) for one in dict.fromkeys(map(frozenset, sets))]
            for level, (held, gone) in enumerate([at_level(areas, sets, absent), (sets, absent)]):
                view = taxonomy.view(taxonomy.levels[level])
                p = 1 / (1 + np.exp(-logits[level][place].detach().numpy()))
                terms[place, level] = enumerated(held, gone, dict(zip(view.classes, p.tolist(), strict=True)))
        return terms

    np.testing.assert_allclose(fast().detach().numpy(), slow(), rtol=1e-10)
    fast().sum().backward()
    for z in logits:
        direction = torch.from_numpy(random.normal(size=z.shape))
        slopes = []
        for sign in (1, -1):
            with torch.no_grad():
                z += sign * 1e-5 * direction
            slopes.append(slow().sum())
            with torch.no_grad():
                z -= sign * 1e-5 * direction
        assert z.grad is not None
        assert float((z.grad * direction).sum()) == pytest.approx((slopes[0] - slopes[1]) / 2e-5, rel=1e-6)


def test_flat_complete_labels_are_binary_cross_entropy(tiny: Taxonomy) -> None:
    """An outside oracle: torch's own loss."""
    indicator = np.random.default_rng(1).random((50, 6)) < 0.3
    rows = [
        Row(text="…", labels=tuple((None, "ABCDEF"[t]) for t in np.flatnonzero(row)), complete=(None,))
        for row in indicator
    ]
    table = MultilabelTable(tiny, resolve_multilabels(tiny, rows).labels)
    z = torch.randn(50, 6, generator=torch.Generator().manual_seed(0)) * 5
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        z, torch.from_numpy(indicator).float(), reduction="none"
    ).sum(dim=-1)
    torch.testing.assert_close(multilabel_loss(z, table.batch(np.arange(50))[-1]), expected)


def test_labels_that_are_not_complete_leave_all_else_alone(tiny: Taxonomy) -> None:
    row = Row(text="…", labels=(("one", "D"),), complete=())
    (area, topic) = MultilabelTable(tiny, resolve_multilabels(tiny, [row]).labels).batch(np.array([0]))
    z = torch.zeros(1, 6, requires_grad=True)
    multilabel_loss(z, topic).sum().backward()
    assert z.grad is not None
    assert z.grad[0].nonzero().flatten().tolist() == [3]
    assert not area.absent.any()


def test_teacher_forcing_knows_absent_nodes_and_sets_of_one_node(tiny: Taxonomy) -> None:
    told = [(("area", "X"),), (("topic", "A"), ("topic", "E")), (("two", "DE"), ("two", "BC"))]
    rows = [Row(text="…", labels=told[0]), Row(text="…", labels=told[1]), Row(text="…", labels=told[2])]
    rows += [Row(text="…", labels=told[0], complete=()), Row(text="…", complete=("area",))]
    (area,) = MultilabelTable(tiny, resolve_multilabels(tiny, rows).labels).allowed(np.arange(5))
    nan = math.nan
    expected = [[1.0, 0.0], [1.0, 1.0], [1.0, 1.0], [1.0, nan], [0.0, 0.0]]
    torch.testing.assert_close(area, torch.tensor(expected), equal_nan=True)
    spread = Taxonomy.from_dict({"hiercls": 1, "levels": ["area", "topic"], "topics": {"X": ["A"], "Y": ["B"]},
                                 "customers": {"c": {"AB": ["A", "B"]}}})  # fmt: skip
    (area,) = MultilabelTable(
        spread, resolve_multilabels(spread, [Row(text="", labels=(("c", "AB"),))]).labels
    ).allowed(np.arange(1))
    assert area.isnan().all()


def test_a_table_cut_in_pieces_says_the_same(tiny: Taxonomy) -> None:
    taxonomy = world(DAG)
    rows = [Row(text="…", labels=labels, complete=None if whole else ()) for labels, whole in ROWS]
    labels = resolve_multilabels(taxonomy, rows).labels
    z = torch.randn(len(rows), 6, generator=torch.Generator().manual_seed(0))
    whole = multilabel_loss(z, MultilabelTable(taxonomy, labels).batch(np.arange(len(rows)))[-1])
    order = np.random.default_rng(1).permutation(len(rows))
    for table in (MultilabelTable(taxonomy, labels).take(order), MultilabelTable(taxonomy, labels.take(order))):
        torch.testing.assert_close(multilabel_loss(z[order], table.batch(np.arange(len(rows)))[-1]), whole[order])


def test_the_topics_loss_is_read_from_the_logits(tiny: Taxonomy) -> None:
    table = MultilabelTable(tiny, resolve_multilabels(tiny, [Row(text="…", labels=((None, "A"),))]).labels)
    z = torch.full((1, 6), 200.0, requires_grad=True)
    output = CascadeOutput((torch.zeros(1, 2), z), (torch.zeros(1, 2), torch.nn.functional.logsigmoid(z)))
    topic_loss(output, table.batch(np.array([0]))[-1]).sum().backward()
    assert z.grad is not None
    assert z.grad[0].tolist() == [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
