"""HiAGM against slow loops over nodes and names, on the tiny world, a DAG and a ragged hierarchy."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from hiercls.errors import ConfigError
from hiercls.model.hiagm import HiagmConfig, HiagmHead
from hiercls.model.label_graph import LabelGraph
from hiercls.taxonomy import Taxonomy

DAG = {
    "hiercls": 1,
    "levels": ["root", "area", "topic"],
    "topics": {"R": {"X": ["A", "B"], "M": ["C", "D"]}, "S": ["M", {"Y": ["D", "E"]}]},
    "multi_parent": ["M", "D"],
}
RAGGED = {"hiercls": 1, "levels": ["area", "group", "topic"], "topics": {"X": {"X1": ["A", "B"]}, "W": None}}
TINY = {"hiercls": 1, "levels": ["area", "topic"], "topics": {"X": ["A", "B", "C"], "Y": ["D", "E", "F"]}}
FLAT = {"hiercls": 1, "levels": ["topic"], "topics": ["A", "B", "C"]}
WORLDS = {"tiny": TINY, "dag": DAG, "ragged": RAGGED, "flat": FLAT}
EDGES = {
    "tiny": {"X": "ABC", "Y": "DEF"},
    "dag": {"R": "XM", "S": "MY", "X": "AB", "M": "CD", "Y": "DE"},
    "ragged": {"X": ("X1",), "X1": "AB"},
    "flat": {},
}
FORMS = list(itertools.product(["text_propagation", "label_attention"], ["gcn", "tree_lstm"]))
WIDTH = 5


@pytest.fixture(autouse=True)
def _same_seed() -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        yield


def make_head(taxonomy: Taxonomy, form: str, structure: str, **settings: Any) -> HiagmHead:
    """A head in double precision whose weights are all random."""
    config = HiagmConfig(**{"form": form, "structure": structure, "node_width": 4, **settings})
    head = config.build(WIDTH, taxonomy).double().eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.7)
    return head


def names_of(taxonomy: Taxonomy) -> list[str]:
    """The nodes by number: those of each level take their numbers from the levels."""
    graph = LabelGraph.of(taxonomy)
    names = [""] * graph.n_nodes
    for level, nodes in zip(taxonomy.levels, graph.levels, strict=True):
        for name, node in zip(taxonomy.view(level).classes, nodes.tolist(), strict=True):
            names[node] = name
    return names


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


class Slow:
    """One document at a time, one node at a time, from the head's weights by name."""

    def __init__(self, head: HiagmHead, world: str) -> None:
        taxonomy = Taxonomy.from_dict(WORLDS[world])
        self.names, self.children = names_of(taxonomy), EDGES[world]
        self.order = [(parent, child) for parent, child in taxonomy.graph.edges]
        self.weights = {name: value.detach().numpy() for name, value in head.state_dict().items()}
        self.config = head.config

    def number(self, name: str) -> int:
        return self.names.index(name)

    def parents(self, name: str) -> list[str]:
        return [parent for parent, children in self.children.items() if name in children]

    def edge(self, kind: str, parent: str, child: str) -> float:
        return float(self.weights[kind][self.order.index((parent, child))])

    def gcn(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        bias, gate = self.weights["structure.biases"], self.weights["structure.gate_weights"]
        gate_bias, out = self.weights["structure.gate_biases"], {}
        for name, own in features.items():
            place = self.number(name)
            up, down = bias[0][place].copy(), bias[1][place].copy()
            for child in self.children.get(name, ()):
                up += self.edge("structure.up", name, child) * features[child]
            for parent in self.parents(name):
                down += self.edge("structure.down", parent, name) * features[parent]
            message = up * sigmoid(own @ gate[0] + gate_bias[0][place])
            message += down * sigmoid(own @ gate[1] + gate_bias[1][place])
            out[name] = np.maximum(0, message + own * sigmoid(own @ gate[2]))
        return out

    def tree_lstm(self, features: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        memory: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}

        def state(way: str, name: str) -> tuple[np.ndarray, np.ndarray]:
            if (way, name) not in memory:
                memory[way, name] = node(way, name)
            return memory[way, name]

        def node(way: str, name: str) -> tuple[np.ndarray, np.ndarray]:
            part = {key: self.weights[f"structure.{way}.{key}"] for key in KEYS}
            given = part["from_node.weight"] @ features[name] + part["from_node.bias"]
            half = len(given) // 4
            edges = (
                [(name, child, child) for child in self.children.get(name, ())]
                if way == "up"
                else [(parent, name, parent) for parent in self.parents(name)]
            )
            total, carried = np.zeros(half), np.zeros(half)
            for parent, child, other in edges:
                weight = self.edge(f"structure.{way}.weights", parent, child)
                cell, hidden = (weight * one for one in state(way, other))
                forget = sigmoid(given[3 * half :] + part["from_one.weight"] @ hidden + part["from_one.bias"])
                total, carried = total + hidden, carried + forget * cell
            gates = given[: 3 * half] + part["from_sum.weight"] @ total + part["from_sum.bias"]
            cell = sigmoid(gates[:half]) * np.tanh(gates[2 * half :]) + carried
            return cell, sigmoid(gates[half : 2 * half]) * np.tanh(cell)

        return {name: np.concatenate([state("up", name)[1], state("down", name)[1]]) for name in features}

    def logits(self, encoding: np.ndarray) -> dict[str, float]:
        encode = self.gcn if self.config.structure == "gcn" else self.tree_lstm
        width = self.config.node_width
        spread = self.weights["spread.weight"] @ encoding + self.weights["spread.bias"]
        rows = [spread[start : start + width] for start in range(0, len(spread), width)]
        if self.config.form == "text_propagation":
            features = encode(dict(zip(self.names, rows, strict=True)))
        else:
            labels = encode(dict(zip(self.names, self.weights["embeddings"], strict=True)))
            features = {}
            for name, label in labels.items():
                scores = [math.exp(float(label @ row)) for row in rows]
                features[name] = sum(score / sum(scores) * row for score, row in zip(scores, rows, strict=True))
        flat = np.concatenate([features[name] for name in self.names])
        found = self.weights["classifier.weight"] @ flat + self.weights["classifier.bias"]
        return dict(zip(self.names, found.tolist(), strict=True))


KEYS = [f"{part}.{kind}" for part in ("from_node", "from_sum", "from_one") for kind in ("weight", "bias")]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("form", "structure"), FORMS)
def test_all_forms_equal_loops_over_nodes(world: str, form: str, structure: str) -> None:
    taxonomy = Taxonomy.from_dict(WORLDS[world])
    head = make_head(taxonomy, form, structure)
    slow, encodings = Slow(head, world), torch.randn(3, WIDTH, dtype=torch.float64)
    output = head(encodings)
    for row, encoding in enumerate(encodings.numpy()):
        nodes = slow.logits(encoding)
        for level, logits, chances in zip(taxonomy.levels, output.logits, output.log_probabilities, strict=True):
            expected = [nodes[name] for name in taxonomy.view(level).classes]
            np.testing.assert_allclose(logits[row].detach().numpy(), expected, atol=1e-10)
            softmax = np.exp(expected) / np.exp(expected).sum()
            np.testing.assert_allclose(chances[row].exp().detach().numpy(), softmax, atol=1e-10)


@pytest.mark.parametrize(("form", "structure"), FORMS)
def test_the_gradient_reaches_every_weight(form: str, structure: str) -> None:
    head = make_head(Taxonomy.from_dict(DAG), form, structure)
    output = head(torch.randn(4, WIDTH, dtype=torch.float64))
    sum(level[:, 0].sum() for level in output.log_probabilities).backward()
    assert {name for name, weight in head.named_parameters() if weight.grad is None or not weight.grad.any()} == set()


@pytest.mark.parametrize(("form", "structure"), FORMS)
def test_another_order_of_the_topics_changes_nothing_but_the_order(form: str, structure: str) -> None:
    first = Taxonomy.from_dict(DAG)
    second = Taxonomy.from_dict(
        {**DAG, "topics": {"S": [{"Y": ["E", "D"]}, {"M": ["D", "C"]}], "R": ["M", {"X": ["B", "A"]}]}}
    )
    head, other = make_head(first, form, structure), make_head(second, form, structure)
    before, after = names_of(first), names_of(second)
    nodes = [before.index(name) for name in after]
    old_edges, new_edges = list(first.graph.edges), list(second.graph.edges)
    edges = [old_edges.index(edge) for edge in new_edges]
    width = head.config.node_width
    flat = [node * width + place for node in nodes for place in range(width)]
    state = {}
    for name, value in head.state_dict().items():
        if name == "classifier.weight":
            state[name] = value[nodes][:, flat]
        elif name in ("classifier.bias", "embeddings"):
            state[name] = value[nodes]
        elif name.startswith("spread.") and form == "text_propagation":
            state[name] = value[flat]
        elif name in ("structure.biases", "structure.gate_biases"):
            state[name] = value[:, nodes]
        elif name in ("structure.up", "structure.down") or name.endswith(".weights"):
            state[name] = value[edges]
        else:
            state[name] = value
    other.load_state_dict(state)
    encodings = torch.randn(3, WIDTH, dtype=torch.float64)
    expected, found = head(encodings), other(encodings)
    for level, (one, two) in enumerate(zip(expected.log_probabilities, found.log_probabilities, strict=True)):
        name = first.levels[level]
        order = [first.view(name).index(node) for node in second.view(name).classes]
        torch.testing.assert_close(two, one[:, order])


def test_edges_begin_with_the_shares_of_the_training_mix(tiny: Taxonomy) -> None:
    mix = np.array([0.1, 0.2, 0.3, 0.2, 0.1, 0.1])
    graph = LabelGraph.of(tiny)
    for structure, up, down in (("gcn", "up", "down"), ("tree_lstm", "up.weights", "down.weights")):
        head = HiagmConfig(structure=structure, node_width=4).build(WIDTH, tiny, mix=mix)
        found = dict(head.structure.named_parameters())
        assert (found[up] == 1).all()
        expected = [share / 0.6 for share in mix[:3]] + [share / 0.4 for share in mix[3:]]
        np.testing.assert_allclose(found[down].detach().numpy(), expected, rtol=1e-6)
    assert graph.parents.tolist() == [0, 0, 0, 1, 1, 1]


def test_shares_are_counted_along_every_edge_of_a_dag() -> None:
    taxonomy = Taxonomy.from_dict(DAG)
    mix = dict(zip(taxonomy.topics, [0.1, 0.2, 0.3, 0.25, 0.15], strict=True))
    below = {"X": "AB", "M": "CD", "Y": "DE", "R": "ABCD", "S": "CDE", **{topic: topic for topic in mix}}
    mass = {node: sum(mix[topic] for topic in topics) for node, topics in below.items()}
    found = LabelGraph.of(taxonomy).shares(np.array(list(mix.values())))
    for (parent, child), share in zip(taxonomy.graph.edges, found.tolist(), strict=True):
        assert share == pytest.approx(mass[child] / sum(mass[other] for other in EDGES["dag"][parent]))


def test_a_topic_that_ends_early_has_one_logit() -> None:
    taxonomy = Taxonomy.from_dict(RAGGED)
    output = make_head(taxonomy, "text_propagation", "gcn")(torch.randn(2, WIDTH, dtype=torch.float64))
    first, *deeper = (z[:, taxonomy.view(n).index("W")] for n, z in zip(taxonomy.levels, output.logits, strict=True))
    assert all(logit.equal(first) for logit in deeper)


@pytest.mark.parametrize("world", WORLDS)
def test_the_penalty_draws_children_to_their_parents(world: str) -> None:
    taxonomy = Taxonomy.from_dict(WORLDS[world])
    head = make_head(taxonomy, "text_propagation", "gcn", recursive_regularization=0.3)
    names, weights = names_of(taxonomy), head.classifier.weight.detach().numpy()
    expected = 0.0
    for parent, children in EDGES[world].items():
        for child in children:
            difference = weights[names.index(parent)] - weights[names.index(child)]
            expected += 0.3 / 2 * float(difference @ difference)
    penalty = head.penalty()
    assert penalty.item() == pytest.approx(expected)
    penalty.backward()
    assert bool(head.classifier.weight.grad.any()) == bool(EDGES[world])


def test_dropout_is_for_training_alone(tiny: Taxonomy) -> None:
    head = make_head(tiny, "text_propagation", "gcn")
    encodings = torch.ones(1, WIDTH, dtype=torch.float64)
    assert head(encodings).topics.equal(head(encodings).topics)
    head.train()
    assert len({tuple(head(encodings).topics[0].tolist()) for _ in range(8)}) > 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"form": "both"}, "got 'both'"),
        ({"structure": "gat"}, "got 'gat'"),
        ({"node_width": 3}, "even node_width >= 2, got 3"),
        ({"dropout": 1.0}, "0 <= dropout < 1, got 1.0"),
        ({"recursive_regularization": -1.0}, "recursive_regularization >= 0, got -1.0"),
    ],
)
def test_settings_are_checked_at_birth(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        HiagmConfig(**settings)
