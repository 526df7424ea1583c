"""What goes on where it stopped: random generators and optimisers, as tensors and plain data.

Knows their states; knows no file, no document and no loss.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hiercls.training.distributed import share_like, whole


@contextmanager
def random_kept(device: torch.device) -> Iterator[None]:
    """Leave the random states of torch, numpy and Python as they were.

    Args:
        device: Whose generator is kept beside the CPU's.
    """
    kept = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        np.random.set_state(kept[0])
        random.setstate(kept[1])


def random_states(device: torch.device) -> dict[str, Tensor]:
    """The states of all random generators of this process.

    Args:
        device: Whose generator is read beside the CPU's.

    Returns:
        Tensors by name, of the same shapes in every process.

    Example:
        >>> before = random_states(torch.device("cpu"))
        >>> drawn = [torch.rand(1).item(), np.random.rand(), random.random()]
        >>> set_random_states(before, torch.device("cpu"))
        >>> drawn == [torch.rand(1).item(), np.random.rand(), random.random()]
        True
    """
    _, keys, position, has_gauss, gauss = np.random.get_state()
    version, words, next_gauss = random.getstate()
    states: dict[str, Tensor] = {
        "torch": torch.get_rng_state(),
        "numpy": torch.tensor([*map(int, keys), position, has_gauss]),
        "numpy_gauss": torch.tensor([gauss], dtype=torch.float64),
        "python": torch.tensor([version, *words]),
        "python_gauss": torch.tensor([math.nan if next_gauss is None else next_gauss], dtype=torch.float64),
    }
    return states | ({"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})


def set_random_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Put the states of all random generators of this process back.

    Args:
        states: As :func:`random_states` gave them.
        device: Whose generator is set beside the CPU's.
    """
    torch.set_rng_state(states["torch"].clone())  # torch reads from where a tensor's memory begins, not from the view
    *keys, position, has_gauss = states["numpy"].tolist()
    np.random.set_state(("MT19937", np.array(keys, dtype=np.uint32), position, has_gauss, states["numpy_gauss"].item()))
    version, *words = states["python"].tolist()
    gauss = states["python_gauss"].item()
    random.setstate((version, tuple(words), None if math.isnan(gauss) else gauss))
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"].clone(), device)


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """An optimiser's state.

    Args:
        optimizer: The optimiser.

    Returns:
        Its tensors by number of the parameter and name, as ``"3.exp_avg"``, whole, and its groups' settings.
    """
    state = optimizer.state_dict()
    tensors = {
        f"{number}.{name}": whole(value.detach()).cpu()
        for number, own in state["state"].items()
        for name, value in own.items()
    }
    return tensors, state["param_groups"]


def set_optimizer_state(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], groups: list[dict[str, Any]]
) -> None:
    """Put an optimiser's state back.

    Args:
        optimizer: An optimiser of the same parameters.
        tensors: As :func:`optimizer_state` gave them.
        groups: The same.
    """
    state: dict[int, dict[str, Tensor]] = {}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = share_like(value, parameters[int(number)])
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def parts(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors of one part of a whole, without its name: ``network.bias`` of ``network`` is ``bias``."""
    return {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}


def named(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The same tensors as a part of a whole, which :func:`parts` undoes."""
    return {f"{name}.{key}": value for key, value in tensors.items()}
