"""Says what a packed weight is: a tensor of few bits for each number, unpacked where it is used."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, embedding, linear

from models.packed.stand_in import StandIn

_aten = torch.ops.aten


class Format(Protocol):
    """How numbers are packed: a frozen value, equal to another that packs alike."""

    @property
    def name(self) -> str:
        """What the field calls it, such as `Q4_K` or `float8_e4m3fn`."""
        ...

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The numbers of packed parts, contiguous, of a shape and a floating-point type, on their device."""
        ...

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """The parts that hold numbers (any shape, floating point), on their device.

        Raises:
            ValueError: for shapes that the format cannot hold.
        """
        ...


class Packed(StandIn):
    """A floating-point tensor that is stored as packed parts.

    It has the shape and the type of what it unpacks to, and stands in a network like any parameter. Copies to
    another device, detached ones and clones stay packed; whatever else is done with it, works on its numbers:
    they are unpacked for that one operation and forgotten. `to` another type gives plain numbers.

    Attributes:
        format: how it is packed.
    """

    format: Format
    _names: tuple[str, ...]

    @staticmethod
    def __new__(
        cls: type["Packed"],
        parts: Mapping[str, Tensor],
        packing: Format,
        shape: Sequence[int],
        dtype: torch.dtype,
    ) -> "Packed":
        """Parts by name (all on one device), how they are packed, and shape and type of the numbers."""
        first = next(iter(parts.values()))
        made: Packed = Tensor._make_wrapper_subclass(
            cls, torch.Size(shape), dtype=dtype, device=first.device, requires_grad=False
        )
        made.format = packing
        made._names = tuple(parts)
        for name, part in parts.items():
            setattr(made, f"part_{name}", part)
        return made

    @property
    def parts(self) -> Mapping[str, Tensor]:
        """What is stored, by name."""
        return {name: getattr(self, f"part_{name}") for name in self._names}

    def unpacked(self, dtype: torch.dtype | None = None) -> Tensor:
        """Its numbers as a plain tensor, in its own or another floating-point type."""
        return self.format.unpack(self.parts, self.shape, dtype or self.dtype)

    def with_parts(self, change: Callable[[Tensor], Tensor]) -> "Packed":
        """The same numbers with each stored part changed, say copied to another device."""
        parts = {name: change(part) for name, part in self.parts.items()}
        return Packed(parts, self.format, self.shape, self.dtype)

    def computing_in(self, dtype: torch.dtype) -> "Packed":
        """The same parts, to be unpacked to another floating-point type."""
        return Packed(self.parts, self.format, self.shape, dtype)

    def reshaped(self, shape: Sequence[int]) -> "Packed":
        """The same parts for another shape of as many rows, or of fewer numbers than blocks are stored."""
        return Packed(self.parts, self.format, shape, self.dtype)

    def rows(self, begin: int, end: int) -> "Packed | None":
        """Its rows from one up to another, sharing memory; None where the format cannot cut there."""
        cut = getattr(self.format, "rows", None)
        parts = None if cut is None else cut(self.parts, self.shape, begin, end)
        return (
            None if parts is None else Packed(parts, self.format, (end - begin, *self.shape[1:]), self.dtype)
        )

    @property
    def described(self) -> str:
        """Its shape and format."""
        return (
            f"Packed({self.format.name}, shape={tuple(self.shape)}, dtype={self.dtype}, device={self.device})"
        )

    def __tensor_flatten__(self) -> tuple[list[str], Any]:
        """The stored parts, for `torch.compile`."""
        return [f"part_{name}" for name in self._names], (self.format, self.dtype)

    @staticmethod
    def __tensor_unflatten__(inner: Mapping[str, Tensor], context: Any, size: Any, stride: Any) -> "Packed":
        """The tensor of stored parts, for `torch.compile`."""
        del stride
        parts = {name.removeprefix("part_"): part for name, part in inner.items()}
        return Packed(parts, context[0], size, context[1])

    def _stable_hash_for_caching(self) -> str:
        """What a compiled function depends on, for `torch.compile` to find it again in another process."""
        parts = [(name, part.shape, part.stride(), part.dtype) for name, part in self.parts.items()]
        return f"{self.format!r} {parts} {tuple(self.shape)} {self.dtype} {self.device}"

    def numbers(self) -> Tensor:
        """Its numbers, unpacked."""
        return self.unpacked()

    def kept(self, func: Any, settings: dict[str, Any]) -> Tensor | None:
        """Detached ones, clones and copies elsewhere of the same type are packed too."""
        if func in (_aten.detach.default, _aten.alias.default):
            return self.with_parts(lambda part: part)
        if func is _aten.clone.default:
            return self.with_parts(torch.clone)
        if func is _aten._to_copy.default and settings.get("dtype") in (None, self.dtype):
            place = settings.get("device") or self.device
            quick = bool(settings.get("non_blocking"))
            return self.with_parts(lambda part: part.to(place, non_blocking=quick, copy=True))
        return None

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of torch; formats with `linear` or `conv2d` may do that without unpacking all."""
        way = _WAYS.get(func) if args else None
        if way is not None and (made := way(*args, **(kwargs or {}))) is not None:
            return made
        return super().__torch_function__(func, types, args, kwargs)


def pack(numbers: Tensor, packing: Format, dtype: torch.dtype | None = None) -> Packed:
    """A tensor (any shape) in a format, to be unpacked to its own type or another floating-point type.

    Raises:
        ValueError: for shapes that the format cannot hold.
    """
    return Packed(packing.pack(numbers), packing, numbers.shape, dtype or numbers.dtype)


def dense(tensor: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """A tensor (any shape), packed or not, as plain numbers in its own or another floating-point type."""
    if isinstance(tensor, Packed):
        return tensor.unpacked(dtype)
    return tensor if dtype is None else tensor.to(dtype)


def stored(tensor: Tensor) -> tuple[Tensor, ...]:
    """The plain tensors in which the numbers of a tensor (any shape), packed or not, are stored."""
    if isinstance(tensor, Packed):
        return tuple(tensor.parts.values())
    return (tensor.data if isinstance(tensor, nn.Parameter) else tensor,)


def stored_bytes(tensor: Tensor) -> int:
    """How many bytes the numbers of a tensor (any shape), packed or not, take."""
    return sum(part.numel() * part.element_size() for part in stored(tensor))


def _by_format(
    name: str, given: Tensor, weight: Tensor, bias: Tensor | None = None, *settings: Any, **named: Any
) -> Tensor | None:
    """A layer on given numbers by the weight's own format; None where it has no way of its own."""
    if not isinstance(weight, Packed) or (own := getattr(weight.format, name, None)) is None:
        return None
    made: Tensor | None = own(weight.parts, weight.shape, given, bias, *settings, **named)
    return made


def _looked_up(
    ids: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    *_: Any,
    **__: Any,
) -> Tensor | None:
    """Rows (..., width) of a table by their numbers (...), unpacked alone; None where that cannot be."""
    if not isinstance(weight, Packed) or max_norm is not None or not hasattr(weight.format, "pick"):
        return None
    parts = weight.format.pick(weight.parts, weight.shape, ids.flatten())
    if parts is None:
        return None
    rows = Packed(parts, weight.format, (ids.numel(), weight.shape[1]), weight.dtype)
    return rows.unpacked().view(*ids.shape, weight.shape[1])


# Functions for which formats may have methods of their own.
_WAYS: Mapping[Any, Callable[..., Tensor | None]] = {
    linear: partial(_by_format, "linear"),
    conv2d: partial(_by_format, "conv2d"),
    embedding: _looked_up,
}
