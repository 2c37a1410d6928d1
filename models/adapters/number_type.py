"""Has a network compute in another number type."""

from collections.abc import Hashable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from models.packed.away import kept_like


@dataclass(frozen=True)
class NumberType:
    """The parameters and buffers of a network in another floating-point type.

    Attributes:
        dtype: the type.
    """

    dtype: torch.dtype

    @property
    def key(self) -> Hashable:
        """The type."""
        return ("number type", self.dtype)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Put copies in the place of all that is not in the type yet."""
        for module in root.modules():
            places: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)
            for tensors in places:
                for name, tensor in tensors.items():
                    if tensor is None or not tensor.is_floating_point() or tensor.dtype == self.dtype:
                        continue
                    cast = kept_like(tensor, tensor.detach().to(self.dtype))
                    undo.callback(tensors.__setitem__, name, tensor)
                    is_parameter = isinstance(tensor, nn.Parameter)
                    tensors[name] = nn.Parameter(cast, requires_grad=False) if is_parameter else cast
