"""Computes attention by what torch has for it: its own choice, or one of its kernels."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from models.attention_backends.backend import Case

# What torch's own choice answers for attention in the open.
_MATH = 0
_HALVES = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Fused:
    """One kernel of `scaled_dot_product_attention`, or the one that torch takes.

    Attributes:
        name: what people call it.
        kernel: the kernel, or None for torch's own choice.
    """

    name: str = "torch"
    kernel: SDPBackend | None = None
    is_exact: bool = True

    def missing(self) -> str:
        """The kernels by name are for CUDA devices, except the plain one."""
        if self.kernel in (None, SDPBackend.MATH) or torch.cuda.is_available():
            return ""
        return "it needs a CUDA device"

    def refusal(self, case: Case) -> str:
        """What kernels want, as far as it can be said beforehand; measuring finds the rest."""
        if self.kernel in (None, SDPBackend.MATH):
            return ""
        if case.device.type != "cuda":
            return "it needs a CUDA device"
        if self.kernel is SDPBackend.EFFICIENT_ATTENTION:
            return ""
        if case.dtype not in _HALVES:
            return "it takes numbers of 16 bits only"
        if self.kernel is SDPBackend.FLASH_ATTENTION and case.mask:
            return "it takes no mask"
        return "" if case.width <= 256 else "it takes heads of up to 256 numbers"

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """Attend; RuntimeError where the kernel cannot."""
        if self.kernel is None:
            return scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)
        with sdpa_kernel(self.kernel):
            return scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)


TORCH = Fused()
PLAIN = Fused("torch math", SDPBackend.MATH)
KERNELS = (
    Fused("torch flash", SDPBackend.FLASH_ATTENTION),
    Fused("torch efficient", SDPBackend.EFFICIENT_ATTENTION),
    Fused("torch cudnn", SDPBackend.CUDNN_ATTENTION),
)


def is_in_the_open(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool) -> bool:
    """Whether torch's own choice writes all scores of (B, H, N, D) and (B, H, M, D) to memory at once."""
    return bool(torch._fused_sdp_choice(query, key, value, mask, 0.0, causal) == _MATH)
