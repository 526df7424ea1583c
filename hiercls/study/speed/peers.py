"""Other people's encoders of the same weights: what each makes of texts, as unit vectors.

Knows their interfaces; knows no clock and no label. All come with the extra ``bench``.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hiercls.encoding.openvino import LastStates, openvino_model
from hiercls.errors import require
from hiercls.model.encoder import EncoderConfig, TextEncoder, find_encoder, load_encoder
from hiercls.model.tokens import Tokens
from hiercls.model.windows import CPU_BATCH_TOKENS, length_batches

Encode = Callable[[Sequence[str]], np.ndarray]
"""Texts to vectors, shape (n_texts, width)."""


def encoding_peers(config: EncoderConfig, *, threads: int) -> dict[str, Callable[[], Encode]]:
    """What builds each peer.

    Args:
        config: The encoder.
        threads: Threads that each may use.

    Returns:
        Builders by name; a peer that is not installed raises ``MissingExtraError``.
    """
    peers: dict[str, Callable[[], Encode]] = {
        "sentence-transformers, defaults": partial(_sentence_transformers, config),
        "transformers pipeline, batch 32": partial(_pipeline, config),
    }
    for name in ("float32", "bfloat16"):
        peers[f"torch by itself, {name}"] = partial(_torch, config, getattr(torch, name))
    for hint in ("f32", "bf16"):
        peers[f"OpenVINO {hint}"] = partial(_openvino, config, hint, threads)
    for int8 in (False, True):
        peers[f"ONNX Runtime {'int8' if int8 else 'f32'}"] = partial(_onnxruntime, config, int8, threads)
    return peers


def _sentence_transformers(config: EncoderConfig) -> Encode:
    model = require("sentence_transformers", extra="bench").SentenceTransformer(str(find_encoder(config)), device="cpu")
    model.max_seq_length = config.max_length
    return lambda texts: np.asarray(model.encode(list(texts), show_progress_bar=False))


def _pipeline(config: EncoderConfig) -> Encode:
    from transformers import pipeline

    folder = str(find_encoder(config))
    run = pipeline("feature-extraction", model=folder, tokenizer=folder, device="cpu")
    settings = {"truncation": True, "max_length": config.max_length}

    def encode(texts: Sequence[str]) -> np.ndarray:
        parts = run(list(texts), batch_size=32, tokenize_kwargs=settings)
        # The pipeline keeps padding, so that its mean is over that too: only its time is comparable.
        return _unit(np.stack([np.asarray(part[0]).mean(axis=0) for part in parts]))

    return encode


def _torch(config: EncoderConfig, number_format: torch.dtype) -> Encode:
    """The weights as transformers loads them, without what hiercls does for a CPU's products."""
    encoder = load_encoder(config).to(dtype=number_format).eval().requires_grad_(False)

    def states(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            given = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
            found: np.ndarray = encoder.transformer(**given).last_hidden_state.float().numpy()
        return found

    return _batched(encoder, states)


def _openvino(config: EncoderConfig, hint: str, threads: int) -> Encode:
    openvino = require("openvino", extra="bench")
    encoder = load_encoder(config)
    model = openvino_model(encoder.transformer)
    settings = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    return _batched(encoder, lambda ids, mask: compiled([ids, mask])[0])


def _onnxruntime(config: EncoderConfig, int8: bool, threads: int) -> Encode:
    runtime = require("onnxruntime", extra="bench")
    require("onnxscript", extra="bench")
    encoder = load_encoder(config)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = Path(folder) / "model.onnx"
        dynamic = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
        program: Any = torch.onnx.export(
            LastStates(encoder.transformer).eval(),
            _example(),
            dynamo=True,
            dynamic_shapes=(dynamic, dynamic),
            verbose=False,
        )
        program.save(str(file))
        if int8:
            quantization = require("onnxruntime.quantization", extra="bench")
            quantization.quantize_dynamic(file, file.with_suffix(".int8.onnx"))
            file = file.with_suffix(".int8.onnx")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    return _batched(encoder, lambda ids, mask: session.run(None, dict(zip(names, (ids, mask), strict=True)))[0])


def _example() -> tuple[Tensor, Tensor]:
    """Ids and mask that an exporter may trace."""
    ids = torch.randint(1000, 2000, (2, 16), generator=torch.Generator().manual_seed(0))
    return ids, torch.ones_like(ids)


def _batched(encoder: TextEncoder, states: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Encode:
    """Texts in batches of like length, as hiercls makes them, through a runtime, and the mean over their tokens."""

    def encode(texts: Sequence[str]) -> np.ndarray:
        sequences = encoder.tokenize(texts).sequences
        out = np.empty((len(texts), encoder.width), dtype=np.float32)
        for rows in length_batches([len(one) for one in sequences], batch_tokens=CPU_BATCH_TOKENS):
            batch = Tokens.pad([sequences[row] for row in rows], pad_id=encoder.pad_id)
            mask = batch.mask.numpy()
            found = np.asarray(states(batch.ids.numpy(), mask), dtype=np.float32)
            out[rows] = (found * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return _unit(out)

    return encode


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
