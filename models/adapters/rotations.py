"""Turns the rows of a weight: orthogonal fine-tuning with blocks (OFT) and with butterflies (BOFT).

References: OFT, Qiu et al. 2023 (arXiv:2306.07280), equation 2 and section 4; BOFT, Liu et al. 2024
(arXiv:2311.06243), section 4. Files keep Q before it is made skew; the Cayley transform makes rotations.
The ecosystem multiplies by the strength twice: within the rotation and for what it changes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.adapters.products import moved


@dataclass(frozen=True, eq=False)
class Rotated:
    """OFT: W turned by rotations on the diagonal, each of so many rows.

    Attributes:
        blocks: (n, b, b), where n * b = out.
        limit: how large the Frobenius norm of all skew blocks may be; 0 sets no limit.
    """

    blocks: Tensor
    limit: float = 0.0

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """Turn the rows of a weight (out, ...)."""
        (blocks,) = moved(weight.device, self.blocks)
        turned = cayley(blocks, self.limit) - torch.eye(blocks.shape[-1], device=weight.device)
        rows = weight.reshape(*blocks.shape[:2], -1)
        moved_by = torch.einsum("k n m, k n d -> k m d", strength * turned, rows).reshape(weight.shape)
        return weight + strength * moved_by


@dataclass(frozen=True, eq=False)
class Butterfly:
    """BOFT: W turned by several stages of rotations, each between rows further apart.

    Attributes:
        blocks: (m, n, b, b) for m stages, where n * b = out.
        limit: how large the Frobenius norm of all skew blocks may be; 0 sets no limit.
        scale: what each row is multiplied by at the end, (out, 1, ...), or None.
    """

    blocks: Tensor
    limit: float = 0.0
    scale: Tensor | None = None

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """Turn the rows of a weight (out, ...)."""
        (blocks,) = moved(weight.device, self.blocks)
        size = blocks.shape[-1]
        one = torch.eye(size, device=weight.device)
        turned = weight.flatten(1)
        for stage, rotation in enumerate(cayley(blocks, self.limit)):
            mixed = rotation * strength + (1 - strength) * one
            far = 2**stage * (size // 2)
            # Rows that stand `far` apart become neighbours, are turned, and go back.
            near = (
                turned.reshape(-1, 2, far, turned.shape[1]).transpose(1, 2).reshape(-1, size, turned.shape[1])
            )
            back = (mixed @ near).reshape(-1, far, 2, turned.shape[1]).transpose(1, 2)
            turned = back.reshape(turned.shape)
        if self.scale is not None:
            turned = turned * moved(weight.device, self.scale)[0].reshape(-1, 1)
        return weight + strength * (turned.reshape(weight.shape) - weight)


def cayley(blocks: Tensor, limit: float) -> Tensor:
    """Rotations (..., b, b) made of any matrices (..., b, b); together not larger than a limit above 0."""
    skew = blocks - blocks.transpose(-1, -2)
    if limit > 0:
        skew = skew * (limit / (torch.linalg.vector_norm(skew) + 1e-8)).clamp(max=1.0)
    one = torch.eye(blocks.shape[-1], device=blocks.device)
    return (one + skew) @ torch.linalg.inv(one - skew)
