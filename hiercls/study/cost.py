"""What a trained model has cost: tokens that its encoder read, epochs, and numbers that were learnt or given.

Knows trained estimators; knows no benchmark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from hiercls.estimator import HierarchicalTextClassifier
from hiercls.estimator.engines import n_tuned_layers
from hiercls.model.encoder import TextEncoder
from hiercls.model.layers import layers_of
from hiercls.model.lexical import LexicalBranch
from hiercls.study.report import seeds_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one model has cost beside time; all is 0 where there is no encoder but the words.

    Args:
        max_length: Tokens in a window of a document, at most.
        tokens: Tokens that the encoder reads of the training documents in one pass.
        epochs: Passes over the training documents that the kept weights have had.
        encoder: Parameters of the encoder.
        tuned: Those of them that were trained.
        heads: Parameters of the heads, all trained.
        words: Weights of words, and of encodings beside them, all learnt in closed form.
    """

    max_length: int
    tokens: int
    epochs: int
    encoder: int
    tuned: int
    heads: int
    words: int


def cost_of(classifier: HierarchicalTextClassifier, texts: Sequence[str]) -> Cost:
    """What a trained estimator has cost.

    Args:
        classifier: The estimator.
        texts: The documents that it was trained on.

    Returns:
        Its cost.
    """
    scorer = classifier.scorer_
    encoder = None if scorer.engine is None else scorer.engine.encoder
    return Cost(
        max_length=0 if encoder is None else encoder.config.max_length,
        tokens=0 if encoder is None else int(encoder.tokenize(texts).lengths.sum()),
        epochs=classifier.trials_[0].run.best_epoch if classifier.trials_ else 0,
        encoder=0 if encoder is None else _size(encoder.parameters()),
        tuned=0 if encoder is None else _tuned(encoder, classifier.tune),
        heads=0 if scorer.head is None else _size(scorer.head.parameters()),
        words=0 if scorer.lexical is None else _weights(scorer.lexical),
    )


def _tuned(encoder: TextEncoder, tune: str) -> int:
    """How many of an encoder's parameters are trained."""
    n_layers = n_tuned_layers(tune)
    if n_layers is None:
        return _size(encoder.parameters())
    layers = list(layers_of(encoder.transformer))
    trained = layers[len(layers) - n_layers :]
    return sum(_size(part.parameters()) for part in (*trained, *([encoder.pooling] if trained else [])))


def _weights(branch: LexicalBranch) -> int:
    """How many weights a lexical branch has."""
    return int(branch.term_weights.size + branch.encoding_weights.size)


def _size(parameters: Iterable[nn.Parameter]) -> int:
    """Numbers in some parameters."""
    return sum(parameter.numel() for parameter in parameters)


def costs_table(runs: Sequence[Mapping[str, Mapping[str, Any]]], seconds: Sequence[Mapping[str, float]]) -> str:
    """A table of what models have cost, on average over seeds.

    Args:
        runs: For each seed, a model's ``Cost`` as plain data, by method.
        seconds: For each seed, what training and prediction took, by method.

    Returns:
        Markdown.

    Example:
        >>> cost = Cost(max_length=256, tokens=15_000, epochs=8, encoder=22_000_000, tuned=0, heads=300_000, words=0)
        >>> import dataclasses
        >>> print(costs_table([{"a": dataclasses.asdict(cost)}], [{"a": 90.0}]).splitlines()[-1])
        | a | 256 | 15,000 | 8 | 1.5 | 22.00 M | 0 | 0.30 M | 0 |
    """
    columns = ("window", "tokens", "epochs", "minutes", "encoder, frozen", "encoder, trained", "heads", "words")
    lines = [f"| cost | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for method in dict.fromkeys(method for run in runs for method in run):
        found = [run[method] for run in runs if method in run]
        mean = {name: float(np.mean([cost[name] for cost in found])) for name in found[0]}
        minutes = float(np.mean([one[method] for one in seconds if method in one])) / 60
        frozen = mean["encoder"] - mean["tuned"]
        cells = [f"{mean['max_length']:.0f}", f"{mean['tokens']:,.0f}", f"{mean['epochs']:.0f}", f"{minutes:.1f}"]
        cells += [_millions(number) for number in (frozen, mean["tuned"], mean["heads"], mean["words"])]
        lines.append(f"| {method}{seeds_of(found, runs)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _millions(number: float) -> str:
    """A number of parameters."""
    return f"{number / 1e6:.2f} M" if number else "0"
