"""A strategy that trains the encoder itself, told whose document it reads by a marker in front of the text.

Knows encoders, texts and classes by position.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn

from hiercls.encoding.engine import EncodingEngine
from hiercls.encoding.precision import fast_precision
from hiercls.model.encoder import TextEncoder
from hiercls.model.pooling import Pooling
from hiercls.study.baselines import Documents
from hiercls.study.strategies.examples import Examples
from hiercls.study.strategies.network import NetworkConfig, Trunk
from hiercls.study.strategies.setting import Answer, Filed, Pool
from hiercls.training.parameters import set_dropout


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarkedText:
    """An encoder, fine-tuned under one table of all customers' classes; a mask leaves those of the one at hand.

    Args:
        encoder: The encoder; it stays as it is.
        marker: The customer's name in front of the text, or a token of its own for each customer.
        learning_rate: Step size of the encoder.
        config: The table's: its hidden layer, its step size, epochs, and documents in a step.

    Source:
        The token as in CTRL (Keskar et al., 2019) and multilingual translation (Johnson et al., TACL 2017).
    """

    encoder: TextEncoder
    marker: Literal["text", "token"] = "token"
    learning_rate: float = 1e-4
    config: NetworkConfig

    def fit(self, pool: Pool, own: Filed, unlabelled: Documents) -> Answer:
        """Learn from the pool and the own documents; see ``Strategy``."""
        names, filed = [*pool.customers, "own"], [*pool.customers.values(), own]
        encoder = self._marked_encoder(names)
        texts = [
            f"{self._mark(name)} {text}" for name, one in zip(names, filed, strict=True) for text in one.documents.texts
        ]
        table = Trunk([one.n_classes for one in filed], width=encoder.width, config=self.config)
        self._train(encoder, table, texts, Examples.of(filed))
        answer, prefix = table.answer(len(filed) - 1), self._mark("own")

        def said(documents: Documents) -> np.ndarray:
            marked = [f"{prefix} {text}" for text in documents.texts]
            encodings = EncodingEngine(encoder, device=torch.device("cpu")).encode(marked)
            return answer(Documents(texts=marked, encodings=encodings))

        return said

    def _mark(self, name: str) -> str:
        """What stands in front of a customer's texts."""
        return f"{name}:" if self.marker == "text" else f"[customer {name}]"

    def _marked_encoder(self, names: Sequence[str]) -> TextEncoder:
        """A copy of the encoder that knows the markers."""
        tokenizer, transformer = copy.deepcopy(self.encoder.tokenizer), copy.deepcopy(self.encoder.transformer).float()
        if self.marker == "token":
            tokenizer.add_tokens([self._mark(name) for name in names], special_tokens=True)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.config.seed)
                transformer.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        marked = TextEncoder(
            transformer, tokenizer, config=self.encoder.config, fingerprint=f"{self.encoder.fingerprint} {self.marker}"
        )
        marked.pooling = Pooling(self.encoder.config.pooling, width=marked.width)
        marked.trained_in = fast_precision(torch.device("cpu"))
        set_dropout(marked, 0.0)
        return marked.requires_grad_(True)

    def _train(self, encoder: TextEncoder, table: Trunk, texts: Sequence[str], examples: Examples) -> None:
        """Steps of AdamW on encoder and table, each computed by parts of like length."""
        config = self.config
        encoder.train()
        rates = ((encoder.transformer, self.learning_rate), (table, config.learning_rate))
        optimizer = torch.optim.AdamW([{"params": [*part.parameters()], "lr": rate} for part, rate in rates])
        n_steps = config.epochs * -(-len(texts) // config.batch)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 - step / n_steps)
        random = torch.Generator().manual_seed(config.seed)
        stream = examples.batches(torch.arange(len(texts)), size=config.batch, random=random)
        for _, rows in zip(range(n_steps), stream, strict=False):
            optimizer.zero_grad()
            for part, tokens in encoder.parts([texts[row] for row in rows.tolist()]):
                chosen = rows[part]
                logits = table(encoder(tokens), examples.customers[chosen])
                loss = nn.functional.cross_entropy(logits, examples.targets[chosen], reduction="sum") / len(rows)
                loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        encoder.eval().requires_grad_(False)
