"""How fast texts become encodings: beside peers, against the machine's peak, from the cache, in two processes.

Knows engines and peers; knows no label.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch

from hiercls.data.newsgroups import load_newsgroups
from hiercls.encoding.cache import EncodingCache
from hiercls.encoding.engine import EncodingConfig, EncodingEngine
from hiercls.encoding.precision import resolve_precision
from hiercls.model.encoder import EncoderConfig, load_encoder
from hiercls.study.speed.machine import bandwidth, flops_of, matrix_peak
from hiercls.study.speed.peers import Encode, encoding_peers
from hiercls.study.speed.rounds import Row, SpeedConfig, present, ratios

CPU = torch.device("cpu")
DEFAULTS = "sentence-transformers, defaults"
PIPELINE = "transformers pipeline, batch 32"
OURS, INT8, FLOAT32 = "hiercls", "hiercls, int8", "hiercls, float32"
COMPILED = f"hiercls, compiled as it is from {EncodingConfig().compile_from:,} documents on"
N_PIPELINE = 64
"""Documents that the slowest peer gets; its rate is counted in tokens."""


def documents(number: int) -> list[str]:
    """The first training documents of 20 Newsgroups, without headers, footers and quotes."""
    return list(load_newsgroups("train", headers="removed").texts[:number])


def engine(precision: str = "auto") -> EncodingEngine:
    """The default encoder in an engine without a cache, on the CPU."""
    return EncodingEngine(load_encoder(EncoderConfig()), device=CPU, precision=resolve_precision(precision, CPU))


def int8_engine() -> EncodingEngine:
    """The same in int8, ready to encode; what it needs may not be installed."""
    ready = engine("int8")
    ready.encode(["ready"])
    return ready


def compiled_engine() -> EncodingEngine:
    """The same as it is past the number of documents from which it is compiled; nothing may be faster here."""
    ready = engine()
    ready.runtime.compile()
    if ready.runtime.compiled_by is None:
        raise RuntimeError("nothing that compiles it makes it faster here")
    return ready


def encode_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """Whole calls, from strings to vectors, beside every peer that runs here.

    Args:
        config: Rounds, threads, documents.
        say: Is told of absent peers.

    Returns:
        The rows.
    """
    texts, ours = documents(config.documents), engine()
    sequences = ours.encoder.tokenize(texts).sequences
    n_tokens = {"all": sum(map(len, sequences)), "few": sum(map(len, sequences[:N_PIPELINE]))}
    encoders: dict[str, Encode] = {OURS: ours.encode}
    builders: dict[str, Callable[[], Encode]] = {COMPILED: lambda: compiled_engine().encode}
    builders[INT8] = lambda: int8_engine().encode
    builders |= encoding_peers(EncoderConfig(), threads=config.threads)
    if resolve_precision("auto", CPU) is not torch.float32:
        encoders[FLOAT32] = engine("float32").encode
    with config.limited():
        encoders.update(present(builders, say))
        for encode in encoders.values():
            encode(texts[:16])
    parts = {name: texts[:N_PIPELINE] if name == PIPELINE else texts for name in encoders}
    works = {name: partial(encode, parts[name]) for name, encode in encoders.items()}
    seconds = config.time(works, warm=False)
    rate = {name: [n_tokens["few" if name == PIPELINE else "all"] / one for one in seconds[name]] for name in seconds}
    exact = ours.encode(texts[:N_PIPELINE])
    near = {name: nearness(encode(texts[:N_PIPELINE]), exact) for name, encode in encoders.items() if name != PIPELINE}
    return [
        *_against(rate, near),
        *_shares(config, flops_of(ours.encoder, [len(one) for one in sequences]), seconds[OURS]),
        *(_stated(name, rates, near.get(name)) for name, rates in rate.items()),
    ]


def _against(rate: dict[str, list[float]], near: dict[str, float]) -> list[Row]:
    """Hiercls against sentence-transformers, and against the fastest peer that says the same."""
    rows, what = [], "encode documents, from strings"
    for name, way in ((COMPILED, "compiled"), (INT8, "in int8")):
        if name in rate:
            rows.append(Row(work=f"{what}, {way}", against=OURS, values=ratios(rate[name], rate[OURS])))
    if DEFAULTS in rate:
        faster = ratios(rate[OURS], rate[DEFAULTS])
        rows.append(Row(work=what, against=DEFAULTS, values=faster, bar=5.5, stretch=8.0))
    peers = [name for name in rate if not name.startswith(OURS)]
    right = [name for name in peers if near.get(name, 0.0) >= 0.999]
    others = [name for name in peers if name not in right and name in near]
    for names, note, bar in ((right, "", 1.25), (others, "its cosine to float32 falls below .999", None)):
        if names:
            fastest = max(names, key=lambda name: float(np.median(rate[name])))
            faster = ratios(rate[OURS], rate[fastest])
            rows.append(
                Row(work=what, against=f"the fastest peer: {fastest}", values=faster, bar=bar, stretch=1.5, note=note)
            )
    return rows


def _shares(config: SpeedConfig, flops: float, seconds: Sequence[float]) -> list[Row]:
    """The machine's peaks, and the share of them that encoding reaches."""
    peaks = {name: matrix_peak(config, getattr(torch, name)) for name in ("float32", "bfloat16")}
    rows = [Row(work="matrix peak", against=name, values=[peak / 1e9], unit=" GFLOP/s") for name, peak in peaks.items()]
    rows.append(Row(work="memory bandwidth", against="copying", values=[bandwidth(config) / 1e9], unit=" GB/s"))
    used = str(resolve_precision("auto", CPU)).removeprefix("torch.")
    for name, peak in peaks.items():
        note = "" if name == used else f"this processor computes {used} faster, which is what is used"
        share = [100 * flops / one / max(peak, 1.0) for one in seconds]
        is_bar = name == "bfloat16" and used == name
        rows.append(
            Row(
                work="encode documents, from strings",
                against=f"measured {name} matrix peak",
                values=share,
                unit=" %",
                bar=26.0 if is_bar else None,
                stretch=40.0 if is_bar else None,
                note=note,
            )
        )
    return rows


def _stated(name: str, rates: Sequence[float], cosine: float | None) -> Row:
    """A contender's absolute rate."""
    note = "" if cosine is None else f"least cosine to hiercls {cosine:.4f}"
    return Row(work="tokens a second", against=name, values=rates, unit=" tokens/s", note=note)


def nearness(vectors: np.ndarray, exact: np.ndarray) -> float:
    """The least cosine between rows.

    Args:
        vectors: Shape (n, width).
        exact: The same shape.

    Returns:
        At most 1.

    Example:
        >>> nearness(np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([[1.0, 0.0], [3.0, 3.0]])).__round__(6)
        1.0
    """
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(exact, axis=1)
    return float(((vectors * exact).sum(axis=1) / lengths).min())


def cache_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """A first and a second run on the same documents, the cache empty before each round.

    Args:
        config: Rounds and threads; a quarter of the documents.
        say: Not used: there is no peer.

    Returns:
        The row.
    """
    texts, ours = documents(max(16, config.documents // 4)), engine()
    with tempfile.TemporaryDirectory() as folder:
        fresh = iter(range(10**9))

        def first() -> None:
            ours.cache = EncodingCache(Path(folder), key=str(next(fresh)))
            ours.encode(texts)

        seconds = config.time({"first": first}, warm=False)["first"]
        again = config.time({"second": lambda: ours.encode(texts)})["second"]
    faster = ratios(seconds, again)
    return [Row(work="second run on cached encodings", against="first run", values=faster, bar=50.0)]


def process_rows(config: SpeedConfig, say: Callable[[str], None]) -> list[Row]:
    """One and two scoring processes, each of one thread, against what products gain by a second process.

    Args:
        config: Rounds; an eighth of the documents.
        say: Is told where there is one core only.

    Returns:
        The row.
    """
    if (os.cpu_count() or 1) < 2:
        say("left out, two processes: there is one core")
        return []
    single = SpeedConfig(rounds=1, threads=1, documents=max(16, config.documents // 8), clock="wall")
    shares = []
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_rates, [single] * 2))  # both load and warm up
        for _ in range(config.rounds):
            alone = pool.submit(_rates, single).result()
            both = np.sum(list(pool.map(_rates, [single] * 2)), axis=0)
            shares.append(100 * float((both[0] / alone[0]) / (both[1] / alone[1])))
    note = "each process warm, on the same documents"
    against = "one, of what matrix products gain by a second"
    return [Row(work="two scoring processes", against=against, values=shares, unit=" %", bar=90.0, note=note)]


def _rates(config: SpeedConfig) -> tuple[float, float]:
    """Documents a second and products' operations a second, in this process."""
    texts, ours = documents(config.documents), engine()
    seconds = config.time({"encode": lambda: ours.encode(texts)})["encode"][0]
    return len(texts) / seconds, matrix_peak(config, torch.float32)
