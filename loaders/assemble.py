"""Answers how a network comes to its weights: built without memory, then given the tensors of a file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import init
from torch.overrides import TorchFunctionMode

from loaders.errors import BrokenFile
from loaders.files import Weights
from loaders.halves import bfloat16_of
from loaders.keymap import Sources

N = TypeVar("N", bound=nn.Module)

# How the scale of a weight of eight bits is named behind the name of its layer.
SCALES = ("scale_weight", "weight_scale")


@dataclass(frozen=True)
class Storage:
    """How weights are kept.

    Attributes:
        dtype: of every floating-point parameter.
        rounded: a type of less precision that they pass through first, or None.
        least_parameters: networks with fewer parameters are kept in float32 all the same.
    """

    dtype: torch.dtype = torch.float32
    rounded: torch.dtype | None = None
    least_parameters: int = 0

    def of(self, network: nn.Module) -> "Storage":
        """How the weights of a network are kept, by its size."""
        size = sum(parameter.numel() for parameter in network.parameters())
        return replace(self, dtype=torch.float32) if size < self.least_parameters else self

    def copies(self, dtype: torch.dtype) -> bool:
        """Whether `keep` makes a copy of tensors of a type."""
        return dtype != self.dtype

    def keep(self, tensor: Tensor) -> Tensor:
        """A tensor (any shape) as it is kept."""
        if self.rounded is not None and tensor.dtype != self.rounded:
            tensor = tensor.to(self.rounded)
        # Convolutions of 16 bits run a tenth faster on the CPU with channels last (benchmarks/unet.py).
        last = tensor.ndim == 4 and self.dtype is torch.bfloat16
        layout = torch.channels_last if last else torch.contiguous_format
        if tensor.dtype is torch.float16 and self.dtype is torch.bfloat16:
            return bfloat16_of(tensor, layout)
        return tensor.to(self.dtype, memory_format=layout)


def assemble(build: Callable[[], N], weights: Weights, sources: Sources, storage: Storage, part: str) -> N:
    """Build a network and give it its weights; each is read once and never held twice.

    Args:
        build: makes the network.
        weights: the file.
        sources: parameter name -> name in the file; more than the network has are left unread.
        storage: how the weights are kept.
        part: what the network is, for messages.

    Raises:
        BrokenFile: if weights are missing or have other shapes.
    """
    network = build_empty(build)
    storage = storage.of(network)
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in sources]
    if missing:
        raise BrokenFile(
            weights.path,
            f"{len(missing)} of {len(wanted)} weights of its {part} are missing: {', '.join(missing[:4])}"
            + (", ..." if len(missing) > 4 else ""),
        )
    targets = {sources[name]: name for name in wanted}
    state = {}
    for source, tensor in weights.read_many(targets, storage.copies):
        name = targets[source]
        fitted = _fitted(weights, source, tensor, wanted[name], part)
        scale = _scale(weights, source)
        state[name] = storage.keep(fitted if scale is None else fitted.float() * scale)
    network.load_state_dict(state, strict=True, assign=True)
    return network.requires_grad_(False).eval()


def build_empty(build: Callable[[], N]) -> N:
    """A network on the meta device: its shapes without memory and without values."""
    with torch.device("meta"), _Unfilled():
        return build()


class _Unfilled(TorchFunctionMode):
    """Leaves new parameters unfilled: on the meta device that does nothing, but first takes a second."""

    fills = (init.normal_, init.uniform_, init.kaiming_uniform_, Tensor.normal_, Tensor.uniform_)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in self.fills:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def _scale(weights: Weights, source: str) -> Tensor | None:
    """What a weight of eight bits is to be multiplied by, in files that say so."""
    stem = source.removesuffix("weight")
    name = next((stem + ending for ending in SCALES if stem + ending in weights), None)
    if name is None or name == source:
        return None
    scale = weights.read(name).float()
    if scale.numel() != 1:
        raise BrokenFile(weights.path, f"{name} scales blocks of numbers, which cannot be opened yet")
    return scale.reshape(())


def _fitted(weights: Weights, source: str, tensor: Tensor, parameter: Tensor, part: str) -> Tensor:
    """A tensor in the shape its parameter has; 1x1 convolutions and linear layers stand for each other."""
    shape = parameter.shape
    if parameter.is_floating_point() and not tensor.is_floating_point():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise BrokenFile(
            weights.path,
            f"{source} of its {part} is stored as {kind}: weights quantised so cannot be opened yet",
        )
    if tensor.shape != shape:
        if _without_ones(tensor.shape) != _without_ones(shape):
            raise BrokenFile(
                weights.path,
                f"{source} of its {part} has the shape {tuple(tensor.shape)} instead of {tuple(shape)}",
            )
        tensor = tensor.reshape(shape)
    return tensor


def _without_ones(shape: torch.Size) -> tuple[int, ...]:
    sizes = tuple(shape)
    while len(sizes) > 2 and sizes[-1] == 1:
        sizes = sizes[:-1]
    return sizes
