"""Answers how attention is computed: one entry point for every network, and the named module that adapters
replace.

Shapes: B batch, H heads, N query tokens, M key tokens, D width of one head, C = H * D.
"""

from torch import Tensor, nn

from models.attention_backends.choice import Attender, current


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    mask: Tensor | None = None,
    causal: bool = False,
    way: Attender | None = None,
) -> Tensor:
    """Softmax attention, scaled by 1/sqrt(D) (Vaswani et al. 2017, equation 1).

    Args:
        query: (B, H, N, D).
        key: (B, H, M, D).
        value: (B, H, M, D).
        mask: broadcastable to (B, H, N, M); boolean (True attends) or additive.
        causal: each query sees keys at its own position and before.
        way: what computes it; None for that of this process.

    Returns:
        (B, H, N, D).
    """
    return (way or current()).attend(query, key, value, mask, causal)


class AttentionCore(nn.Module):
    """Multi-head attention on projected tokens; a child of its own so that a patch can substitute it.

    Attributes:
        way: what computes it, where a patch says so.
    """

    def __init__(self, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.way: Attender | None = None

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend.

        Args:
            query: (B, N, C).
            key: (B, M, C).
            value: (B, M, C).

        Returns:
            (B, N, C).
        """
        split = [t.view(*t.shape[:2], self.heads, -1).transpose(1, 2) for t in (query, key, value)]
        return attention(*split, causal=self.causal, way=self.way).transpose(1, 2).flatten(-2)

    def extra_repr(self) -> str:
        """Describe the module in its printed form."""
        return f"heads={self.heads}, causal={self.causal}"
