"""Says what a packed weight is: a tensor of few bits for each number, unpacked where it is used."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, embedding, linear
from torch.utils._pytree import tree_map

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


class Packed(Tensor):
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

    def __repr__(self) -> str:  # type: ignore[override]
        """Shape and format, and no numbers."""
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

    # What stays packed, and how; everything else is done to the numbers.
    _kept: ClassVar[dict[Any, Callable[..., Any]]] = {
        _aten.detach.default: lambda packed: packed.with_parts(lambda part: part),
        _aten.alias.default: lambda packed: packed.with_parts(lambda part: part),
        _aten.clone.default: lambda packed, **_: packed.with_parts(torch.clone),
    }

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of torch; formats with `linear` or `conv2d` may do that without unpacking all."""
        del types
        if func in _LAYERS and (made := _by_format(_LAYERS[func], *args, **(kwargs or {}))) is not None:
            return made
        if func is embedding and (made := _looked_up(*args, **(kwargs or {}))) is not None:
            return made
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run one operation of torch."""
        del types
        kwargs = kwargs or {}
        if func in cls._kept:
            return cls._kept[func](*args, **kwargs)
        if func is _aten._to_copy.default and kwargs.get("dtype") in (None, args[0].dtype):
            place = kwargs.get("device") or args[0].device
            quick = bool(kwargs.get("non_blocking"))
            return args[0].with_parts(lambda part: part.to(place, non_blocking=quick, copy=True))
        return func(*tree_map(_unpacked, args), **tree_map(_unpacked, kwargs))


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
    inner = tensor.data if isinstance(tensor, nn.Parameter) and not isinstance(tensor, Packed) else tensor
    return tuple(inner.parts.values()) if isinstance(inner, Packed) else (inner,)


def stored_bytes(tensor: Tensor) -> int:
    """How many bytes the numbers of a tensor (any shape), packed or not, take."""
    return sum(part.numel() * part.element_size() for part in stored(tensor))


# Functions for which formats may have methods of their own, by name.
_LAYERS: Mapping[Any, str] = {linear: "linear", conv2d: "conv2d"}


def _by_format(
    name: str, given: Tensor, weight: Tensor, bias: Tensor | None = None, *settings: Any, **named: Any
) -> Tensor | None:
    """A layer on given numbers by the weight's own format; None where it has no way of its own."""
    own = getattr(weight.format, name, None) if isinstance(weight, Packed) else None
    if own is None or not isinstance(weight, Packed):
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
    pick = getattr(weight.format, "pick", None) if isinstance(weight, Packed) else None
    if pick is None or not isinstance(weight, Packed) or max_norm is not None:
        return None
    parts = pick(weight.parts, weight.shape, ids.flatten())
    if parts is None:
        return None
    rows = Packed(parts, weight.format, (ids.numel(), weight.shape[1]), weight.dtype)
    return rows.unpacked().view(*ids.shape, weight.shape[1])


def _unpacked(value: Any) -> Any:
    return value.unpacked() if isinstance(value, Packed) else value
