"""Answers how a network comes to its weights: built without memory, then given the tensors of a file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import init
from torch.overrides import TorchFunctionMode

from loaders.errors import BrokenFile
from loaders.files import Weights
from loaders.halves import bfloat16_of
from loaders.headers_alone import headers_alone
from loaders.heap import Tidy
from loaders.keymap import Sources
from loaders.origin import FileNumbers
from loaders.room import claimed
from models.adapters.exact import remember
from models.packed.float8 import Float8
from models.packed.plain import widened_at_use
from models.packed.tensor import Format, Packed, pack, stored_bytes

N = TypeVar("N", bound=nn.Module)

_SIXTEEN_BITS = frozenset({torch.float16, torch.bfloat16})
# Networks with so many parameters, weights with so many numbers: what smaller ones take is not worth a call.
_WIDENED_NETWORK, _WIDENED_WEIGHT = 50_000_000, 1 << 16
_FLOATS8 = frozenset({torch.float8_e4m3fn, torch.float8_e5m2})


class Packing(Protocol):
    """What is packed while it is loaded."""

    def formats(self, network: nn.Module) -> Mapping[str, Format]:
        """Names of the parameters of a network (whose weights need not be there) that are packed, and how."""
        ...


@dataclass(frozen=True)
class Storage:
    """How weights are kept.

    Attributes:
        dtype: of every floating-point parameter.
        rounded: a type of less precision that they pass through first, or None. Weights that are of eight
            bits then, or in the file, are stored so; biases and the like are not.
        least_parameters: networks with fewer parameters are kept in float32 all the same.
        packing: what of the weights that a file has unpacked is packed, or None.
        multiplies: whether linear layers of eight bits multiply in eight bits where the device can.
        stays_on_cpu: whether networks are computed with on the CPU, whatever device there is.
        widens: whether large weights of sixteen bits, in the file or once rounded, are kept so and turned
            into float32 by each use: for networks that are used now and then, where that costs little.
    """

    dtype: torch.dtype = torch.float32
    rounded: torch.dtype | None = None
    least_parameters: int = 0
    packing: Packing | None = None
    multiplies: bool = False
    stays_on_cpu: bool = False
    widens: bool = False

    def of(self, network: nn.Module) -> "Storage":
        """How the weights of a network are kept, by its size."""
        size = sum(parameter.numel() for parameter in network.parameters())
        dtype = torch.float32 if size < self.least_parameters else self.dtype
        widens = self.widens and dtype is torch.float32 and size >= _WIDENED_NETWORK
        return replace(self, dtype=dtype, widens=widens and self.packing is None)

    def copies(self, dtype: torch.dtype) -> bool:
        """Whether `keep` makes a copy of tensors of a type."""
        if dtype in _FLOATS8 and self.rounded not in _FLOATS8 - {dtype}:
            return False
        if self.widens and dtype in _SIXTEEN_BITS and self.rounded in (None, dtype):
            return False
        return dtype != self.dtype or self.rounded in _FLOATS8 or self.packing is not None

    def keep(self, tensor: Tensor, packing: Format | None = None) -> Tensor:
        """A tensor (any shape) as it is kept.

        Packed ones stay packed, but for biases and the like; `packing` says how others are packed.
        """
        if isinstance(tensor, Packed):
            return tensor.unpacked(self.dtype) if tensor.ndim < 2 else tensor.computing_in(self.dtype)
        if packing is not None and tensor.dtype not in _FLOATS8:
            return pack(tensor, packing, self.dtype)
        copies = self.copies(tensor.dtype)
        if self.rounded is not None and (tensor.dtype not in _FLOATS8 or self.rounded in _FLOATS8):
            tensor = _rounded(tensor, self.rounded)
        if tensor.dtype in _FLOATS8 and tensor.ndim > 1:
            eight_bits = Float8(tensor.dtype, multiplies=self.multiplies)
            return Packed({"data": tensor}, eight_bits, tensor.shape, self.dtype)
        if self.widens and tensor.dtype in _SIXTEEN_BITS and tensor.numel() >= _WIDENED_WEIGHT:
            return widened_at_use(tensor, self.dtype)
        # Convolutions of 16 bits run a tenth faster on the CPU with channels last (benchmarks/unet.py).
        last = tensor.ndim == 4 and self.dtype is torch.bfloat16
        layout = torch.channels_last if last else torch.contiguous_format
        if tensor.dtype is torch.float16 and self.dtype is torch.bfloat16:
            return bfloat16_of(tensor, layout)
        return tensor.to(self.dtype, memory_format=layout, copy=copies and tensor.dtype == self.dtype)


# Encoders pass through half precision, as the ecosystem keeps them, and are computed with in single.
HALF = Storage(rounded=torch.float16, widens=True)
# Autoencoders are computed with in single precision, whatever their file has.
AUTOENCODER = Storage(widens=True)


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
    formats = storage.packing.formats(network) if storage.packing else {}
    missing = [name for name in wanted if name not in sources]
    if missing:
        raise BrokenFile(
            weights.path,
            f"{len(missing)} of {len(wanted)} weights of its {part} are missing: {', '.join(missing[:4])}"
            + (", ..." if len(missing) > 4 else ""),
        )
    targets = {sources[name]: name for name in wanted}
    state, dtypes, tidy = {}, {}, Tidy()
    most = storage.dtype.itemsize * sum(tensor.numel() for tensor in wanted.values())
    with claimed(part, most, lambda: _sizes(weights, targets, storage, formats)):
        for source, tensor in weights.read_many(targets, storage.copies):
            name = targets[source]
            if tensor.dtype != storage.dtype and not isinstance(tensor, Packed):
                dtypes[name] = tensor.dtype
            fitted = _fitted(weights, source, tensor, wanted[name], part)
            state[name] = storage.keep(fitted, formats.get(name))
            if name in formats:
                tidy.made(4 * fitted.numel())
    network.load_state_dict(state, strict=True, assign=True)
    if dtypes and storage.rounded is None:
        remember(network, FileNumbers(weights.path, sources, dtypes))
    if storage.stays_on_cpu:
        network.__dict__["stays_on_cpu"] = True
    return network.requires_grad_(False).eval()


def _sizes(
    weights: Weights, targets: Mapping[str, str], storage: Storage, formats: Mapping[str, Format]
) -> tuple[int, int]:
    """How many bytes weights will take, and how many of these are not as the file has them."""
    whole = copied = 0
    with headers_alone():
        for source, tensor in weights.read_many(targets, storage.copies):
            size = stored_bytes(storage.keep(tensor, formats.get(targets[source])))
            whole += size
            is_rounded = storage.rounded not in (None, tensor.dtype)
            is_copied = not isinstance(tensor, Packed) and (is_rounded or storage.copies(tensor.dtype))
            copied += size if is_copied else 0
    return whole, copied


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
        if _without_ones(tensor.shape) != _without_ones(shape) and not _is_filled_up(tensor, shape):
            raise BrokenFile(
                weights.path,
                f"{source} of its {part} has the shape {tuple(tensor.shape)} instead of {tuple(shape)}",
            )
        tensor = tensor.reshaped(shape) if isinstance(tensor, Packed) else tensor.reshape(shape)
    return tensor


def _is_filled_up(tensor: Tensor, shape: torch.Size) -> bool:
    """Whether a packed matrix is one of a shape that was filled up with zeros to whole blocks."""
    if not isinstance(tensor, Packed) or tensor.ndim != len(shape) or not hasattr(tensor.format, "is_padded"):
        return False
    return all(0 <= stored - own < 32 for stored, own in zip(tensor.shape, shape, strict=True))


def _rounded(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A tensor (any shape) in a type of less precision; for eight bits, what is too large is made to fit."""
    if tensor.dtype == dtype:
        return tensor
    return Float8(dtype).pack(tensor)["data"] if dtype in _FLOATS8 else tensor.to(dtype)


def _without_ones(shape: torch.Size) -> tuple[int, ...]:
    sizes = tuple(shape)
    while len(sizes) > 2 and sizes[-1] == 1:
        sizes = sizes[:-1]
    return sizes
