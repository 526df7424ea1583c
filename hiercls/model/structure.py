"""Structure encoders: features of a taxonomy's nodes, passed along its edges.

Knows a graph and features by node; knows no text, no label and no loss.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hiercls.model.label_graph import LabelGraph

DROPOUT = 0.05
"""Of what passes along the edges, in training."""


class HierarchyGcn(nn.Module):
    """A graph convolution with a gate at every node for each direction.

    ``v'_k = ReLU( σ(v_k·w↑ + c↑_k)(Σ_{j below k} a↑_kj v_j + b↑_k) + σ(v_k·w↓ + c↓_k)(Σ_{j above k} a↓_kj v_j + b↓_k)
    + σ(v_k·w) v_k )``, where the trained a↑ begin as 1 and the trained a↓ as the shares ν(k|j).

    Args:
        graph: The nodes and edges.
        width: Width of a node's features.
        shares: ν(child|parent) of each edge, shape (n_edges,).

    Example:
        >>> from hiercls.taxonomy import Taxonomy, shipped
        >>> graph = LabelGraph.of(Taxonomy.from_yaml(shipped("tiny")))
        >>> HierarchyGcn(graph, 4, shares=np.ones(6) / 3)(torch.zeros(2, 8, 4)).shape
        torch.Size([2, 8, 4])

    Source:
        Hierarchy-GCN: Zhou et al., ACL 2020, section 4.1; gates and biases as in the authors' code.
    """

    def __init__(self, graph: LabelGraph, width: int, *, shares: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("upper", torch.from_numpy(graph.parents), persistent=False)
        self.register_buffer("lower", torch.from_numpy(graph.children), persistent=False)
        self.up = nn.Parameter(torch.ones(len(shares)))
        self.down = nn.Parameter(torch.from_numpy(shares).float())
        self.biases = nn.Parameter(torch.zeros(2, graph.n_nodes, width))
        self.gate_weights = nn.Parameter(nn.init.xavier_uniform_(torch.empty(3, width)))
        self.gate_biases = nn.Parameter(torch.zeros(2, graph.n_nodes))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, features: Tensor) -> Tensor:
        """Pass features one step along the edges, both ways.

        Args:
            features: v, shape (..., n_nodes, width).

        Returns:
            v', of the same shape.
        """
        gates = features @ self.gate_weights.T
        loop = features * gates[..., 2:].sigmoid()
        gates = (gates[..., :2] + self.gate_biases.T).sigmoid()
        message = self.dropout(loop)
        for way, passing in enumerate(self._passing(features.shape[-2])):
            summed = passing @ features + self.biases[way]
            message = message + self.dropout(summed * gates[..., way, None])
        activated: Tensor = message.relu()
        return activated

    def _passing(self, n_nodes: int) -> tuple[Tensor, Tensor]:
        """a↑ and a↓ as matrices, each of shape (n_nodes, n_nodes): on a CPU much quicker than edge by edge."""
        upper, lower = self.get_buffer("upper"), self.get_buffer("lower")
        none = self.up.new_zeros(n_nodes, n_nodes)
        return none.index_put((upper, lower), self.up), none.index_put((lower, upper), self.down)


class HierarchyTreeLstm(nn.Module):
    """A child-sum TreeLSTM from the topics up beside one from the roots down; a node's features are both states.

    A node with several parents takes the sum of what they hand down, as a parent takes the sum of its children.

    Args:
        graph: The nodes and edges.
        width: Width of a node's features; even.
        shares: ν(child|parent) of each edge, shape (n_edges,).

    Example:
        >>> from hiercls.taxonomy import Taxonomy, shipped
        >>> graph = LabelGraph.of(Taxonomy.from_yaml(shipped("tiny")))
        >>> HierarchyTreeLstm(graph, 4, shares=np.ones(6) / 3)(torch.zeros(2, 8, 4)).shape
        torch.Size([2, 8, 4])

    Source:
        Bidirectional TreeLSTM: Zhou et al., ACL 2020, section 4.1.
    """

    def __init__(self, graph: LabelGraph, width: int, *, shares: np.ndarray) -> None:
        super().__init__()
        up, down = (graph.children, graph.parents), (graph.parents, graph.children)
        self.up = _SumLstm(up, graph.generations[::-1], width, weights=np.ones(len(shares)))
        self.down = _SumLstm(down, graph.generations, width, weights=shares)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, features: Tensor) -> Tensor:
        """Pass features along all edges, both ways.

        Args:
            features: v, shape (..., n_nodes, width).

        Returns:
            v', of the same shape.
        """
        joined: Tensor = self.dropout(torch.cat([self.up(features), self.down(features)], dim=-1))
        return joined


class _SumLstm(nn.Module):
    """One way of the TreeLSTM: nodes in order, each after those that hand it their state.

    ``h̃_k = Σ_j a_kj h_j``, ``i, o, u = W v_k + U h̃_k``, ``f_kj = σ(W_f v_k + U_f a_kj h_j)``,
    ``c_k = σ(i) tanh(u) + Σ_j f_kj a_kj c_j``, ``h_k = σ(o) tanh(c_k)``, where the trained a begin as given.
    """

    def __init__(
        self, edges: tuple[np.ndarray, np.ndarray], order: tuple[np.ndarray, ...], width: int, *, weights: np.ndarray
    ) -> None:
        super().__init__()
        self.half_width = width // 2
        self.weights = nn.Parameter(torch.from_numpy(weights).float())
        self.from_node = nn.Linear(width, 4 * self.half_width)
        self.from_sum = nn.Linear(self.half_width, 3 * self.half_width)
        self.from_one = nn.Linear(self.half_width, self.half_width)
        self.n_steps = len(order)
        sources, targets = edges
        position = np.argsort(np.concatenate(order))
        self.register_buffer("position", torch.from_numpy(position), persistent=False)
        for step, nodes in enumerate(order):
            into = np.flatnonzero(np.isin(targets, nodes))
            for name, value in (
                ("nodes", nodes),
                ("edges", into),
                ("sources", position[sources[into]]),
                ("owners", targets[into]),
                ("sums", (targets[into] == nodes[:, None]).astype(np.float32)),
            ):
                self.register_buffer(f"{name}_{step}", torch.from_numpy(value), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """The states h of all nodes, shape (..., n_nodes, width / 2)."""
        given, forgets = self.from_node(features).split([3 * self.half_width, self.half_width], dim=-1)
        cells = hidden = features.new_zeros((*features.shape[:-2], 0, self.half_width))
        for step in range(self.n_steps):
            nodes, edges, sources, owners, sums = (
                self.get_buffer(f"{name}_{step}") for name in ("nodes", "edges", "sources", "owners", "sums")
            )
            weights = self.weights[edges][:, None]
            handed, carried = weights * hidden[..., sources, :], weights * cells[..., sources, :]
            into, out, update = (given[..., nodes, :] + self.from_sum(sums @ handed)).chunk(3, dim=-1)
            forget = (forgets[..., owners, :] + self.from_one(handed)).sigmoid()
            cell = into.sigmoid() * update.tanh() + sums @ (forget * carried)
            cells, hidden = torch.cat([cells, cell], -2), torch.cat([hidden, out.sigmoid() * cell.tanh()], -2)
        return hidden[..., self.get_buffer("position"), :]
