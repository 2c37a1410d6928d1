"""Changes a weight at every use and leaves what is stored of it as it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from models.adapters.deltas import Step
from models.packed.away import Away, waiting
from models.packed.plain import Plain
from models.packed.tensor import Format, Packed


@dataclass(frozen=True)
class Changed:
    """Another format, whose numbers are changed whenever they are unpacked.

    The tensors that the changes need are parts like those of the format, so that they move with them.

    Attributes:
        inner: the other format.
        steps: the changes with names of parts in the place of tensors.
    """

    inner: Format
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """That of the other format, marked."""
        return f"{self.inner.name} changed"

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The changed numbers."""
        with torch.no_grad():
            weight = self.inner.unpack(parts, shape, torch.float32)
            for step in self.steps:
                weight = _with_tensors(step.delta, parts).change(weight, step.strength)
            return weight.to(dtype).contiguous()

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """Nothing is packed so (any shape).

        Raises:
            ValueError: always.
        """
        raise ValueError(f"a tensor of shape {tuple(dense.shape)} cannot be packed as {self.name}")


def changed_at_use(weight: Tensor, steps: Sequence[Step]) -> Tensor:
    """A weight (any shape) that is changed whenever it is used; it waits where the weight waits."""
    home = waiting(weight)
    packed = home if isinstance(home, Packed) else Packed({"data": home}, Plain(), home.shape, home.dtype)
    parts: dict[str, Tensor] = dict(packed.parts)
    named = tuple(replace(step, delta=_without_tensors(step.delta, parts, home.device)) for step in steps)
    changed = Packed(parts, Changed(packed.format, named), home.shape, home.dtype)
    return Away(changed, weight.carrier) if isinstance(weight, Away) else changed


@dataclass(frozen=True)
class _Part:
    """Stands where a tensor was that has become a part."""

    name: str


def _without_tensors(value: Any, parts: dict[str, Tensor], device: torch.device) -> Any:
    """A value with its tensors taken out and put among parts, on a device."""
    if isinstance(value, Tensor):
        name = f"change_{len(parts)}"
        parts[name] = value.to(device)
        return _Part(name)
    return _copied(value, lambda inner: _without_tensors(inner, parts, device))


def _with_tensors(value: Any, parts: Mapping[str, Tensor]) -> Any:
    """A value with its tensors put back."""
    if isinstance(value, _Part):
        return parts[value.name]
    return _copied(value, lambda inner: _with_tensors(inner, parts))


def _copied(value: Any, change: Callable[[Any], Any]) -> Any:
    """A value with everything in it changed: what stands in lists, tuples and dataclasses."""
    if isinstance(value, tuple | list):
        return type(value)(change(inner) for inner in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: change(getattr(value, field.name)) for field in fields(value)})
    return value
