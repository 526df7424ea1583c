"""The checkpoints of one fit: which training they are of, said by what it is made from.

Knows everything that decides a fit, as hashes; knows no step and no tensor of a run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from hiercls.data.rows import Row
from hiercls.encoding.engine import EncodingEngine
from hiercls.model.head import Head
from hiercls.taxonomy import Taxonomy
from hiercls.training.checkpoint_folder import CheckpointFolder, opened
from hiercls.training.config import CheckpointConfig
from hiercls.training.distributed import Processes


@contextmanager
def checkpoints_of(
    config: CheckpointConfig | None,
    processes: Processes,
    *,
    taxonomy: Taxonomy,
    rows: Sequence[Row],
    weights: np.ndarray,
    engine: EncodingEngine | None,
    start: Head | None,
    settings: str,
) -> Iterator[CheckpointFolder | None]:
    """Have a fit's folder of checkpoints while it goes on.

    Args:
        config: The folder, and whether to go on from what is there; None: nothing is kept.
        processes: Those that train together; the first has the folder, the others read it.
        taxonomy: The map.
        rows: The rows that are trained on.
        weights: Their weights in the loss, shape (n_rows,).
        engine: Encodes texts; None: nothing is trained that could be kept.
        start: The head whose weights training starts from; None: new ones.
        settings: All settings that decide the training, as text.

    Yields:
        The folder; None where nothing is kept.

    Raises:
        CheckpointError: If it cannot be written, another process has it, or it holds what is not to be gone on from.
    """
    if config is None or engine is None:
        yield None
    elif processes.rank:
        yield CheckpointFolder(config)
    else:
        encoder = engine.encoder
        given = ((row.text, row.labels, row.customer, row.complete, row.thread) for row in rows)
        first = () if start is None else ((name, value.numpy()) for name, value in start.state_dict().items())
        made_from = {
            "taxonomy": _hash([taxonomy.to_yaml()]),
            "documents": _hash([*given, weights]),
            "settings": _hash([settings]),
            "encoder": _hash([encoder.fingerprint, encoder.config]),
            "first weights": _hash([part for pair in first for part in pair]),
        }
        made_on = {
            "torch": torch.__version__,
            "device": engine.device.type,
            "threads": str(torch.get_num_threads()),
            "processes": str(processes.number),
            "precision": str(encoder.trained_in).removeprefix("torch."),
        }
        with opened(config, made_from=made_from, made_on=made_on) as folder:
            yield folder


def _hash(parts: Sequence[Any]) -> str:
    """SHA-256 of plain data and arrays."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
