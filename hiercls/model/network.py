"""The whole network: what turns inputs into encodings, and a head on top.

Knows how the parts are joined; knows no label, no loss and no file.
"""

from __future__ import annotations

from torch import Tensor, nn

from hiercls.model.cascade import CascadeOutput, Forcing
from hiercls.model.head import Head
from hiercls.model.tokens import States, Tokens


class HierarchicalNetwork(nn.Module):
    """An encoder, or none where encodings come ready, under a head.

    Args:
        head: What stands on top, such as the cascade.
        body: Turns a batch's inputs into encodings of shape (batch, width); ``nn.Identity()`` for frozen encodings.

    Example:
        >>> import torch
        >>> from hiercls.model.heads import CascadeHead, HeadConfig
        >>> from hiercls.model.levels import Hierarchy
        >>> head = CascadeHead(4, Hierarchy(sizes=(3,), links=()), HeadConfig(hidden=0, dropout=0.0))
        >>> HierarchicalNetwork(head, body=nn.Identity())(torch.zeros(2, 4)).topics.shape
        torch.Size([2, 3])
    """

    def __init__(self, head: Head, *, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.head = head

    def forward(self, inputs: Tensor | Tokens | States, forcing: Forcing | None = None) -> CascadeOutput:
        """Run the network.

        Args:
            inputs: Encodings of shape (batch, width), tokens, or hidden states.
            forcing: Teacher forcing for this batch; None in evaluation.

        Returns:
            Logits and log-probabilities of every level.
        """
        output: CascadeOutput = self.head(self.body(inputs), forcing=forcing)
        return output
