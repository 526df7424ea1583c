"""The cascade: one head a level, each fed the encoding and what the level above it said.

Knows levels as sizes and links, no taxonomy file; knows encodings, no encoder; knows no loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from hiercls.aggregation import Entries, segment_log_softmax, segment_logsumexp
from hiercls.errors import ConfigError
from hiercls.model.cascade import CascadeOutput, Forcing
from hiercls.model.levels import Hierarchy
from hiercls.model.task import ONE_TOPIC, Task

FLOOR = -10.0
"""Log-probabilities fed from one level to the next are floored here, so that a certain parent feeds no infinities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadConfig:
    """How the cascaded heads are built.

    Args:
        hidden: Width of each head's hidden GELU layer; 0 for a linear head.
        dropout: Probability of dropping a hidden unit in training; an entry of the encoding where ``hidden=0``.
        feed: What a level hands to the next: its floored log-softmax, or its raw logits.
        composition: ``topic``: the last level's softmax is p(topic). ``path``: p(topic) is the product of conditional
            softmaxes down the path.

    Raises:
        ConfigError: If a value is out of range.
    """

    hidden: int = 512
    dropout: float = 0.7
    feed: Literal["log_softmax", "logits"] = "log_softmax"
    composition: Literal["topic", "path"] = "topic"

    def __post_init__(self) -> None:
        if self.hidden < 0:
            raise ConfigError(f"expected hidden >= 0, got {self.hidden}")
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"expected 0 <= dropout < 1, got {self.dropout}")
        if self.feed not in ("log_softmax", "logits"):
            raise ConfigError(f"expected feed 'log_softmax' or 'logits', got {self.feed!r}")
        if self.composition not in ("topic", "path"):
            raise ConfigError(f"expected composition 'topic' or 'path', got {self.composition!r}")


class CascadeHead(nn.Module):
    """One head a level, fed the encoding concatenated with the parent level's output.

    ``z_l = head_l([h ; u_(l−1)])``, ``u = max(log_softmax(z), −10)``, u_0 empty.

    Args:
        width: Width of the encoding h.
        hierarchy: Sizes and links of the levels.
        config: Hidden width, dropout, feed and composition.
        task: How logits become probabilities; one topic a document by default.

    Example:
        >>> from hiercls.model.levels import Hierarchy
        >>> hierarchy = Hierarchy(sizes=(2,), links=())
        >>> head = CascadeHead(4, hierarchy, HeadConfig(hidden=3)).eval()
        >>> head(torch.zeros(5, 4)).topics.shape
        torch.Size([5, 2])

    Source:
        Cascades with the parent's output concatenated to CLS; conditional softmax down the path as in Valmadre,
        "Hierarchical classification at multiple operating points", NeurIPS 2022, section 3.
    """

    def __init__(self, width: int, hierarchy: Hierarchy, config: HeadConfig, *, task: Task = ONE_TOPIC) -> None:
        super().__init__()
        self.config = config
        self.task = task
        self.encoding_dropout = nn.Dropout(config.dropout if config.hidden == 0 else 0.0)
        fed = (0, *hierarchy.sizes[:-1])
        self.heads = nn.ModuleList(
            _head(width + extra, n_nodes, config) for extra, n_nodes in zip(fed, hierarchy.sizes, strict=True)
        )
        for level, links in enumerate(hierarchy.links, start=1):
            edges = Entries.of_matrix(links)
            self.register_buffer(f"parents_{level}", edges.owners, persistent=False)
            self.register_buffer(f"children_{level}", edges.topics, persistent=False)

    def forward(self, encodings: Tensor, *, forcing: Forcing | None = None) -> CascadeOutput:
        """Run the cascade.

        Args:
            encodings: Pooled encodings h, shape (batch, width).
            forcing: Teacher forcing for this batch; None in evaluation.

        Returns:
            Logits and log-probabilities of every level.
        """
        logits: list[Tensor] = []
        log_probabilities: list[Tensor] = []
        inputs = encodings = self.encoding_dropout(encodings)
        for level, head in enumerate(self.heads):
            logits.append(head(inputs))
            log_probabilities.append(self._level(level, logits[-1], log_probabilities))
            if level + 1 < len(self.heads):
                fed = self._feed(logits[-1], log_probabilities[-1])
                fed = fed if forcing is None else self._force(fed, log_probabilities[-1], forcing, level)
                inputs = torch.cat([encodings, fed], dim=-1)
        return CascadeOutput(tuple(logits), tuple(log_probabilities))

    def _level(self, level: int, logits: Tensor, above: Sequence[Tensor]) -> Tensor:
        """Log p of a level's nodes, shape (batch, n_nodes)."""
        if level == 0 or self.config.composition == "topic":
            return self.task.log_probabilities(logits)
        parents: Tensor = self.get_buffer(f"parents_{level}")
        children: Tensor = self.get_buffer(f"children_{level}")
        conditional = segment_log_softmax(logits[:, children], parents, above[-1].shape[-1])
        return segment_logsumexp(above[-1][:, parents] + conditional, children, logits.shape[-1])

    def _feed(self, logits: Tensor, log_probabilities: Tensor) -> Tensor:
        """u_l, shape (batch, n_nodes)."""
        return logits if self.config.feed == "logits" else log_probabilities.clamp_min(FLOOR)

    def _force(self, fed: Tensor, log_probabilities: Tensor, forcing: Forcing, level: int) -> Tensor:
        """u_l with what the labels tell in its place, detached, in the forced documents' rows."""
        taught = self.task.taught(log_probabilities.detach(), forcing.allowed[level])
        return torch.where(forcing.documents[:, None] & ~taught.isnan(), taught.clamp_min(FLOOR), fed)


def _head(n_inputs: int, n_nodes: int, config: HeadConfig) -> nn.Module:
    """One level's head."""
    if config.hidden == 0:
        return nn.Linear(n_inputs, n_nodes)
    return nn.Sequential(
        nn.Linear(n_inputs, config.hidden),
        nn.GELU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.hidden, n_nodes),
    )
