"""Packs weights as floating-point numbers of eight bits, with or without a scale."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Float8:
    """Numbers of eight bits (Micikevicius et al. 2022, arXiv:2209.05433): parts `data` and perhaps `scale`.

    Attributes:
        dtype: `torch.float8_e4m3fn` or `torch.float8_e5m2`.
        is_scaled: whether there is a `scale` (float32, broadcastable to the shape) that the numbers are
            multiplied by; when packing, it makes the largest of them the largest that eight bits can say.
    """

    dtype: torch.dtype = torch.float8_e4m3fn
    is_scaled: bool = False

    @property
    def name(self) -> str:
        """The name of the type."""
        return str(self.dtype).removeprefix("torch.") + ("_scaled" if self.is_scaled else "")

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The numbers in another floating-point type; scaled ones pass through float32."""
        if not self.is_scaled:
            return parts["data"].to(dtype).view(shape)
        return (parts["data"].float().view(shape) * parts["scale"]).to(dtype)

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """Round to eight bits; without a scale, what is larger than they can say becomes their largest."""
        largest = torch.finfo(self.dtype).max
        wide = dense.detach().float()
        if not self.is_scaled:
            return {"data": wide.clamp(-largest, largest).to(self.dtype)}
        scale = (wide.abs().amax() / largest).clamp_min(torch.finfo(torch.float32).tiny)
        return {"data": (wide / scale).clamp(-largest, largest).to(self.dtype), "scale": scale}
