"""States to vectors: each way of pooling beside the sum written out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.model.pooling import KINDS, Kind, Pooling, unite

STATES = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]])


def by_hand(kind: Kind, states: np.ndarray, query: np.ndarray) -> np.ndarray:
    """One window without padding."""
    if kind == "cls":
        return states[0]
    weights = np.exp(states @ query) if kind == "attention" else np.ones(len(states))
    return len(states) * (weights[:, None] * states).sum(axis=0) / weights.sum()


@pytest.mark.parametrize("kind", KINDS)
def test_padding_counts_for_nothing(kind: Kind) -> None:
    pooling = Pooling(kind, width=5)
    query = torch.linspace(-1, 1, 5)
    if pooling.query is not None:
        pooling.query.data.copy_(query)
    with torch.no_grad():
        found = pooling(STATES, MASK).numpy()
    for row, states, length in zip(found, STATES.numpy(), (4, 2, 1), strict=True):
        np.testing.assert_allclose(row, by_hand(kind, states[:length], query.numpy()), atol=1e-5)


def test_attention_begins_as_the_mean() -> None:
    torch.testing.assert_close(Pooling("attention", width=5)(STATES, MASK), Pooling("mean", width=5)(STATES, MASK))


def test_windows_are_summed_and_brought_to_length_root_width() -> None:
    windows = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    found = unite(windows, torch.tensor([0, 1, 1, 1, 2]))
    sums = torch.stack([windows[0], windows[1:4].sum(dim=0), windows[4]])
    torch.testing.assert_close(found, 2 * sums / sums.norm(dim=1, keepdim=True))
    assert unite(torch.empty(0, 4), torch.empty(0, dtype=torch.int64)).shape == (0, 4)


def test_a_learnt_query_is_saved_beside_the_encoder_and_found_again(tiny_bert: Path, tmp_path: Path) -> None:
    config = EncoderConfig(name=str(tiny_bert), pooling="attention", max_length=16)
    encoder = load_encoder(config)
    assert encoder.pooling.query is not None
    assert not encoder.pooling.query.any()
    encoder.pooling.query.data.fill_(0.5)
    encoder.save(tmp_path / "saved")
    again = load_encoder(EncoderConfig(name=str(tmp_path / "saved"), pooling="attention", max_length=16))
    assert again.pooling.query is not None
    assert again.pooling.query.tolist() == [0.5] * 16
    assert load_encoder(EncoderConfig(name=str(tmp_path / "saved"), max_length=16)).pooling.query is None
