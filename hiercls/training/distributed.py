"""The processes that train one model together, on one machine or many; one, where nobody launched more.

The only file that names accelerate and torch.distributed. Knows positions, arrays and gradients; knows no label, no
text and no file.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeGuard

import numpy as np
import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
from accelerate.utils.memory import should_reduce_batch_size
from torch import Tensor, nn

from hiercls.errors import ConfigError

if TYPE_CHECKING:  # a second to import, which only shared weights need
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor

PATIENCE = timedelta(days=1)
"""How long processes wait for each other; the first of a machine may have many documents to encode."""


def does_not_fit(error: Exception) -> bool:
    """Whether an error says that memory is at an end."""
    return isinstance(error, MemoryError) or bool(should_reduce_batch_size(error))


def whole(tensor: Tensor) -> Tensor:
    """A tensor, gathered from all processes where it was shared out; all of them ask for it together."""
    return tensor.full_tensor() if _is_part(tensor) else tensor


def share_like(tensor: Tensor, other: Tensor) -> Tensor:
    """This process's share of a whole tensor, as another of its shape was shared out; itself where that one was not."""
    if not _is_part(other) or tensor.shape != other.shape:
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)


def let_go(network: nn.Module) -> None:
    """Free the weights that were gathered for a forward pass which no backward one followed."""
    if _is_shared(network):
        network.reshard()


def _is_part(tensor: Tensor) -> TypeGuard[DTensor]:
    """Whether a tensor is shared out."""
    return hasattr(tensor, "full_tensor")


def _is_shared(network: nn.Module) -> TypeGuard[FSDPModule]:
    """Whether a network's weights are."""
    return hasattr(network, "reshard")


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those that train together, each on its share of every batch.

    Args:
        accelerator: What joins them.
    """

    accelerator: Accelerator

    @classmethod
    def joined(cls, device: torch.device) -> Processes:
        """Join the others that were launched, if any, by ``accelerate launch``, ``torchrun`` or the like.

        Args:
            device: Where this process computes; CPUs talk over gloo, GPUs over NCCL.

        Returns:
            This process among them.

        Raises:
            ConfigError: If their launcher was told to share out the weights too (FSDP, DeepSpeed).

        Example:
            >>> Processes.joined(torch.device("cpu")).number
            1
        """
        for name in ("FSDP", "DEEPSPEED"):
            if os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() == "true":
                raise ConfigError(
                    f"expected a launch without {name}; TrainingConfig(shard_weights=True) shares out the weights, "
                    "hiercls train --shard-weights"
                )
        several = int(os.environ.get("WORLD_SIZE", "1")) > 1
        handlers = [DistributedDataParallelKwargs(broadcast_buffers=False), InitProcessGroupKwargs(timeout=PATIENCE)]
        # The device is ours to choose at every run; accelerate keeps its first one for the whole process.
        cpu = several and device.type == "cpu"
        if several and int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")):
            _meet_anew("gloo" if cpu else "nccl")
        return cls(Accelerator(device_placement=False, cpu=cpu, kwargs_handlers=handlers))

    @property
    def number(self) -> int:
        """How many there are."""
        return int(self.accelerator.num_processes)

    @property
    def rank(self) -> int:
        """Which of them this is, from 0."""
        return int(self.accelerator.process_index)

    def shard(self, network: nn.Module, layers: Sequence[nn.Module], device: torch.device) -> None:
        """Share out a network's weights (FSDP2): each process holds a part, and gathers a layer's while it is computed.

        What stands in no layer stays gathered from the forward pass to the end of the backward one.

        Args:
            network: The network, the same in all processes; changed in place.
            layers: Its largest parts, one after the other.
            device: Where the parts go.

        Raises:
            ConfigError: If the launcher was told to compute in another precision, which would be left undone.
        """
        if self.accelerator.mixed_precision != "no":
            told = self.accelerator.mixed_precision
            raise ConfigError(
                f"expected a launch with --mixed_precision no, got {told}; weights that are shared out are float32"
            )
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(device.type, (self.number,))
        for layer in layers:
            fully_shard(layer, mesh=mesh)
        fully_shard(network, mesh=mesh, reshard_after_forward=False)

    def prepare(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[nn.Module, torch.optim.Optimizer]:
        """Make gradients of all processes their mean, and weights the first's; shared out, the former is so already."""
        given = network, optimizer
        if _is_shared(network):
            return given
        with warnings.catch_warnings():  # later versions of torch have another name for broadcast_buffers
            warnings.filterwarnings("ignore", message=".*broadcast_buffers.*", category=FutureWarning)
            prepared: tuple[nn.Module, torch.optim.Optimizer] = self.accelerator.prepare(network, optimizer)
        return prepared

    def backward(self, loss: Tensor) -> None:
        """Add a loss's gradient, the mean of all processes'."""
        self.accelerator.backward(loss)

    def clip(self, network: nn.Module, norm: float) -> Tensor:
        """Clip the gradients to a norm; the norm that they had."""
        return whole(self.accelerator.clip_grad_norm_(network.parameters(), norm))

    def share(self, positions: np.ndarray) -> np.ndarray:
        """This process's part of what all of them have in the same order; together each position comes once.

        Args:
            positions: Shape (n,).

        Returns:
            Every ``number``-th position from ``rank`` on; may be empty.
        """
        return positions[self.rank :: self.number]

    def total(self, values: np.ndarray) -> np.ndarray:
        """The sum of all processes' arrays, entry by entry, the same for all of them.

        Args:
            values: Numbers, of the same shape in every process.

        Returns:
            The sum, of that shape.
        """
        if self.number == 1:
            return values
        summed: Tensor = self.accelerator.reduce(torch.from_numpy(values).to(self.accelerator.device), "sum")
        return summed.cpu().numpy()

    def gathered(self, values: Tensor) -> Tensor:
        """All processes' tensors.

        Args:
            values: Of the same shape in every process.

        Returns:
            Shape (number, …), in the order of their ranks, on the CPU.
        """
        if self.number == 1:
            return values[None]
        found: Tensor = self.accelerator.gather(values[None].to(self.accelerator.device))
        return found.cpu()

    def agreed(self, wish: bool) -> bool:
        """The first process's wish, for all of them."""
        return bool(self.total(np.array([float(wish and self.rank == 0)]))[0])

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """Let the first process of each machine do something, such as fill a cache, before the others."""
        with self.accelerator.local_main_process_first():
            yield


def _meet_anew(backend: str) -> None:
    """Join the others after torchrun has restarted them, where its store does not hold the addresses of the dead.

    torch's own processes meet where they met before, and may call those that were killed (its issue 135712). Where the
    first of them opens a store of its own (TORCH_DISABLE_SHARE_RDZV_TCP_STORE), it is a new one.
    """
    if dist.is_initialized() or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return
    rank, number = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    store = dist.TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), number, is_master=False)  # type: ignore[attr-defined]
    own = dist.PrefixStore(f"restart-{os.environ['TORCHELASTIC_RESTART_COUNT']}", store)  # type: ignore[attr-defined]
    dist.init_process_group(backend, store=own, rank=rank, world_size=number, timeout=PATIENCE)
