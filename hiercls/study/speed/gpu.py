"""What a GPU does: encoding and fine-tuning encoders of two shapes, in seconds, tokens and shares of its peak.

Knows devices and shapes; knows no peer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from hiercls.encoding.engine import EncodingEngine
from hiercls.encoding.precision import resolve_precision
from hiercls.model.encoder import EncoderConfig, TextEncoder, load_encoder
from hiercls.study.corpus import newsgroups_corpora
from hiercls.study.speed.encoding import documents
from hiercls.study.speed.learning import fine_tuning
from hiercls.study.speed.machine import flops_of, matrix_peak
from hiercls.study.speed.rounds import Row, SpeedConfig
from hiercls.study.speed.trainer import BATCH
from hiercls.taxonomy import Taxonomy, shipped

SIDE = 8192
"""Rows and columns of the product that shows a GPU's peak."""

BACK = 3
"""Products of a training step beside those of a pass: one forward, two on the way back."""


def gpu_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """Encode documents, and train all layers on them, on the GPU that torch sees.

    Args:
        config: Rounds, documents, steps.
        say: Is told where there is no GPU.

    Returns:
        The rows.
    """
    if not torch.cuda.is_available():
        say("left out, gpu: torch sees none")
        return []
    return device_rows(config, torch.device("cuda"), SHAPES, side=SIDE)


def bert_base() -> TextEncoder:
    """An encoder of BERT-base's shape, which nobody has trained: it takes as long."""
    from transformers import BertConfig, BertModel

    with torch.random.fork_rng(devices=[]):
        transformer = BertModel(BertConfig())
    return TextEncoder(transformer, load_encoder(EncoderConfig()).tokenizer, config=EncoderConfig(), fingerprint="")


SHAPES: Mapping[str, Callable[[], TextEncoder]] = {
    "all-MiniLM-L6-v2": lambda: load_encoder(EncoderConfig()),
    "BERT-base's shape": bert_base,
}


def device_rows(
    config: SpeedConfig, device: torch.device, shapes: Mapping[str, Callable[[], TextEncoder]], *, side: int
) -> list[Row]:
    """Seconds, tokens a second and share of the peak of encoding and of training, for each shape.

    Args:
        config: Rounds, documents, steps.
        device: Where it runs.
        shapes: What makes an encoder, by its name.
        side: Rows and columns of the product that shows the peak.

    Returns:
        The rows.
    """
    config, used, texts = replace(config, clock="wall"), resolve_precision("auto", device), documents(config.documents)
    taxonomy, number = Taxonomy.from_yaml(shipped("newsgroups")), config.steps * BATCH
    taught, _ = newsgroups_corpora(taxonomy, headers="removed", documents=number)
    peak, number_format = matrix_peak(config, used, device=device, side=side), str(used).removeprefix("torch.")
    rows = [Row(work="matrix peak", against=f"{device.type}, {number_format}", values=[peak / 1e9], unit=" GFLOP/s")]
    for shape, make in shapes.items():
        encoder = make()
        engine = EncodingEngine(encoder, device=device, precision=used)
        train = fine_tuning(make(), taught, device=device)
        for work, run, read, passes in (
            (f"encode {len(texts):,} documents, from strings", lambda engine=engine: engine.encode(texts), texts, 1),
            (f"fine-tune all layers on {len(taught.texts):,} documents, weights copied", train, taught.texts, BACK),
        ):
            seconds = config.time({work: run})[work]
            lengths = encoder.tokenize(read).lengths.tolist()
            flops = passes * flops_of(encoder, lengths)
            told = {
                " s": seconds,
                " tokens/s": [sum(lengths) / one for one in seconds],
                " % of the peak": [100 * flops / one / max(peak, 1.0) for one in seconds],
            }
            what = f"{work}, {shape}"
            rows += [Row(work=what, against=device.type, values=one, unit=unit) for unit, one in told.items()]
    return rows
