"""HiAGM as a head: one global classifier over all nodes, whose features pass along the hierarchy.

The original is multi-label, with a sigmoid a node. Where a document has one topic, hence one node on each level, a
softmax a level takes the sigmoids' place. Every level's nodes stay under a loss of their own, as they were, and the
probabilities that leave the model follow from the topics' alone, as those of all heads do.
Knows no text, no label and no file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from hiercls.errors import ConfigError
from hiercls.model.cascade import CascadeOutput, Forcing
from hiercls.model.head import Composition, Head
from hiercls.model.label_graph import LabelGraph
from hiercls.model.structure import HierarchyGcn, HierarchyTreeLstm
from hiercls.model.task import ONE_TOPIC, Task
from hiercls.taxonomy import Taxonomy

N_PIECES = 8
"""Text features that label attention chooses among: a pooled encoding comes as one, and is mapped to several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HiagmConfig:
    """How HiAGM is built.

    Args:
        form: ``text_propagation`` (TP): the text's features pass along the hierarchy. ``label_attention`` (LA):
            features of the labels do, and attend to the text's.
        structure: The structure encoder: a gated graph convolution, or a TreeLSTM both ways.
        node_width: Width of a node's features; even.
        dropout: Probability of dropping a node's feature in training, before and after the structure encoder.
        recursive_regularization: λ of ``½ λ Σ ‖w_parent − w_child‖²`` over the edges, w a node's weights as classifier.

    Raises:
        ConfigError: If a value is out of range.

    Source:
        Zhou et al., "Hierarchy-Aware Global Model for Hierarchical Text Classification", ACL 2020. Recursive
        regularisation: Gopal and Yang, KDD 2013.
    """

    form: Literal["text_propagation", "label_attention"] = "text_propagation"
    structure: Literal["gcn", "tree_lstm"] = "gcn"
    node_width: int = 64
    dropout: float = 0.5
    recursive_regularization: float = 1e-6

    def __post_init__(self) -> None:
        if self.form not in ("text_propagation", "label_attention"):
            raise ConfigError(f"expected form 'text_propagation' or 'label_attention', got {self.form!r}")
        if self.structure not in ("gcn", "tree_lstm"):
            raise ConfigError(f"expected structure 'gcn' or 'tree_lstm', got {self.structure!r}")
        if self.node_width < 2 or self.node_width % 2:
            raise ConfigError(f"expected an even node_width >= 2, got {self.node_width}")
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"expected 0 <= dropout < 1, got {self.dropout}")
        if not 0.0 <= self.recursive_regularization < float("inf"):
            raise ConfigError(f"expected a finite recursive_regularization >= 0, got {self.recursive_regularization}")

    @property
    def composition(self) -> Composition:
        """The topics' own logits give p(topic), and each level's loss is read from its own logits."""
        return "topic"

    @property
    def mix_adjustment(self) -> float | None:
        """0: logits are not adjusted."""
        return 0.0

    @property
    def can_be_forced(self) -> bool:
        """No level feeds another."""
        return False

    def build(
        self, width: int, taxonomy: Taxonomy, *, mix: np.ndarray | None = None, task: Task = ONE_TOPIC
    ) -> HiagmHead:
        """A head with new weights.

        Args:
            width: Width of the encodings.
            taxonomy: The map.
            mix: The pooled mix of topics, shape (n_topics,), from which the edges' weights start; None: an even one.
            task: How logits become probabilities.

        Returns:
            The head.
        """
        return HiagmHead(width, LabelGraph.of(taxonomy), self, mix=mix, task=task)


class HiagmHead(Head):
    """One logit for each node of the hierarchy, read from the features of all nodes.

    ``z = W flatten(structure(V)) + b``; TP: ``V = W_V h + b_V``, n_nodes rows of it. LA: V are embeddings of the
    labels, and the rows of ``softmax(structure(V) Mᵀ) M`` are read, M the pieces of the text.

    Args:
        width: Width of the encoding h.
        graph: The nodes, edges and levels.
        config: Form, structure encoder and regularisation.
        mix: The pooled mix of topics, shape (n_topics,); None: an even one.
        task: How logits become probabilities; one topic a document by default.

    Example:
        >>> from hiercls.taxonomy import shipped
        >>> graph = LabelGraph.of(Taxonomy.from_yaml(shipped("tiny")))
        >>> head = HiagmHead(4, graph, HiagmConfig(node_width=6)).eval()
        >>> head(torch.zeros(5, 4)).topics.shape
        torch.Size([5, 6])

    Source:
        Zhou et al., ACL 2020, sections 4.2 and 4.3.
    """

    def __init__(
        self,
        width: int,
        graph: LabelGraph,
        config: HiagmConfig,
        *,
        mix: np.ndarray | None = None,
        task: Task = ONE_TOPIC,
    ) -> None:
        super().__init__()
        self.config: HiagmConfig = config
        self.task = task
        self.n_levels, self.n_nodes = len(graph.levels), graph.n_nodes
        n_topics = len(graph.levels[-1])
        shares = graph.shares(np.full(n_topics, 1.0 / n_topics) if mix is None else mix)
        encoder = HierarchyGcn if config.structure == "gcn" else HierarchyTreeLstm
        self.structure = encoder(graph, config.node_width, shares=shares)
        n_rows = N_PIECES
        if config.form == "text_propagation":
            n_rows = graph.n_nodes
        else:
            embeddings = torch.empty(graph.n_nodes, config.node_width)
            self.embeddings = nn.Parameter(nn.init.kaiming_uniform_(embeddings))
        self.spread = nn.Linear(width, n_rows * config.node_width)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(graph.n_nodes * config.node_width, graph.n_nodes)
        for name, value in (("upper", graph.parents), ("lower", graph.children)):
            self.register_buffer(name, torch.from_numpy(value), persistent=False)
        for level, nodes in enumerate(graph.levels):
            self.register_buffer(f"level_{level}", torch.from_numpy(nodes), persistent=False)

    def forward(self, encodings: Tensor, *, forcing: Forcing | None = None) -> CascadeOutput:
        """Run the head.

        Args:
            encodings: Pooled encodings h, shape (batch, width).
            forcing: Nothing is forced: no level feeds another.

        Returns:
            Logits and log-probabilities of every level.
        """
        features = self._features(encodings)
        nodes = self.classifier(self.dropout(features).flatten(start_dim=-2))
        logits = tuple(nodes[:, self.get_buffer(f"level_{level}")] for level in range(self.n_levels))
        return CascadeOutput(logits, tuple(self.task.log_probabilities(level) for level in logits))

    def _features(self, encodings: Tensor) -> Tensor:
        """What the text says at each node, shape (batch, n_nodes, node_width)."""
        text = self.dropout(self.spread(encodings)).unflatten(-1, (-1, self.config.node_width))
        if self.config.form == "text_propagation":
            propagated: Tensor = self.structure(text)
            return propagated
        attention = torch.einsum("nw,bpw->bnp", self.structure(self.embeddings), text).softmax(dim=-1)
        attended: Tensor = attention @ text
        return attended

    def penalty(self) -> Tensor:
        """``½ λ Σ_(parent,child) ‖w_parent − w_child‖²`` of the classifier's rows; shape ()."""
        weights = self.classifier.weight
        differences = weights[self.get_buffer("upper")] - weights[self.get_buffer("lower")]
        return self.config.recursive_regularization / 2 * differences.square().sum()
