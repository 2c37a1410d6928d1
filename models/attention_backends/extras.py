"""Computes attention by packages that may be installed: flash-attn, SageAttention and xFormers.

References: Dao 2023 (arXiv:2307.08691); Zhang et al. 2024 (arXiv:2410.02367); xFormers, Lefaudeux et al.
2022.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from models.attention_backends.backend import Case

_HALVES = (torch.float16, torch.bfloat16)
Call = Callable[[Any, Tensor, Tensor, Tensor, bool], Tensor]


@dataclass(frozen=True)
class Package:
    """Attention of a package for CUDA devices; imported when it is first used.

    Attributes:
        name: what people call it.
        module: what holds the function.
        function: its name.
        call: calls it with (B, H, N, D) and twice (B, H, M, D).
        dtypes: number types it takes.
        widths: most numbers of a head.
        is_exact: whether it errs no more than its number type does.
    """

    name: str
    module: str
    function: str
    call: Call
    dtypes: tuple[torch.dtype, ...] = _HALVES
    widths: int = 256
    is_exact: bool = True

    def missing(self) -> str:
        """Whether it is installed, and there is a device for it."""
        if not is_installed(self.module):
            return f"the package {self.module.partition('.')[0]} is not installed"
        return "" if torch.cuda.is_available() else "it needs a CUDA device"

    def refusal(self, case: Case) -> str:
        """What the package does not do."""
        if case.device.type != "cuda":
            return "it needs a CUDA device"
        if case.dtype not in self.dtypes:
            return f"it does not take {case.dtype}"
        if case.mask:
            return "it takes no mask"
        if case.causal and not case.is_square:
            return "it counts positions from the end"
        if case.width > self.widths or case.width % 8:
            return f"it takes heads of up to {self.widths} numbers, by eights"
        return ""

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """Attend; there must be no mask."""
        assert mask is None
        return self.call(_function(self.module, self.function), query, key, value, causal)


def is_installed(module: str) -> bool:
    """Whether a module can be found, without importing it."""
    try:
        return find_spec(module.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


@cache
def _function(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


def _heads_last(function: Any, query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    """flash-attn: (B, N, H, D); version 3 gives the normaliser too."""
    made = function(*(tensor.transpose(1, 2) for tensor in (query, key, value)), causal=causal)
    return (made[0] if isinstance(made, tuple) else made).transpose(1, 2)


def _sage(function: Any, query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    made: Tensor = function(query, key, value, tensor_layout="HND", is_causal=causal)
    return made


def _xformers(function: Any, query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    bias = import_module("xformers.ops").LowerTriangularMask() if causal else None
    made: Tensor = function(*(tensor.transpose(1, 2) for tensor in (query, key, value)), attn_bias=bias)
    return made.transpose(1, 2)


FLASH = Package("flash-attn", "flash_attn", "flash_attn_func", _heads_last)
FLASH_3 = Package("flash-attn 3", "flash_attn_interface", "flash_attn_func", _heads_last)
SAGE = Package("sage", "sageattention", "sageattn", _sage, widths=128, is_exact=False)
XFORMERS = Package(
    "xformers", "xformers.ops", "memory_efficient_attention", _xformers, (*_HALVES, torch.float32)
)
