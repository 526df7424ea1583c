"""The hidden states of an encoder's lower layers: computed once, kept in a file, read by every epoch.

Knows tokens and a lower half of an encoder; knows no label and no training. Memory is the system's to give and take.
"""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from hiercls.encoding.engine import EncodingConfig
from hiercls.encoding.kernels import CpuKernels
from hiercls.model.tokens import Tokens
from hiercls.model.windows import Windows, length_batches


@torch.inference_mode()
def hidden_states(
    lower: Any,
    windows: Windows,
    *,
    pad_id: int,
    device: torch.device,
    config: EncodingConfig | None = None,
    progress: bool = False,
) -> Windows:
    """The states that a lower half makes of windows, in float16 and without padding.

    They lie in an unnamed temporary file (in ``$TMPDIR``) that is mapped into memory, 2 × width bytes a token, and
    is gone with them: what does not fit into memory is read from the disk.

    Args:
        lower: The lower half of a transformer, as ``model.layers.halves`` cuts it, in evaluation mode, on the device.
        windows: Token ids.
        pad_id: The id to pad with.
        device: Where to compute.
        config: Sizes of batches.
        progress: Whether to show a bar on standard error.

    Returns:
        The same windows as hidden states, each of shape (length_w, width).
    """
    budget = (EncodingConfig() if config is None else config).batch_tokens_on(device)
    lengths = np.array([len(sequence) for sequence in windows.sequences], dtype=np.int64)
    ends = lengths.cumsum()
    kept = _room(int(lengths.sum()), width=int(lower.config.hidden_size))
    quicker = CpuKernels(lower) if device.type == "cpu" else nullcontext()
    sequences = [kept[end - length : end] for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]
    with tqdm(total=len(sequences), desc="lower layers", unit="window", disable=not progress) as bar:
        for batch in length_batches(lengths.tolist(), batch_tokens=budget):
            tokens = Tokens.pad([windows.sequences[place] for place in batch], pad_id=pad_id).to(device)
            with quicker:
                states = lower(input_ids=tokens.ids, attention_mask=tokens.mask).last_hidden_state
            found = states.half().cpu().numpy()
            for row, place in enumerate(batch):
                sequences[place][:] = found[row, : lengths[place]]
            bar.update(len(batch))
    return Windows(sequences, windows.owners)


def _room(n_tokens: int, *, width: int) -> np.ndarray:
    """An array on the disk, shape (n_tokens, width), float16."""
    with tempfile.TemporaryFile() as file:
        return np.asarray(np.memmap(file, dtype=np.float16, mode="w+", shape=(n_tokens, width)))
