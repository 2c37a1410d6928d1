"""Packs weights as four bits that stand for one of sixteen levels: NF4 and FP4, as bitsandbytes has them.

Reference: QLoRA, Dettmers et al. 2023 (arXiv:2305.14314): sections 3 (NormalFloat, double quantization) and
appendix E (the levels).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding, pad

from models.packed.nibbles import joined_nibbles, looked_up
from models.packed.pieces import packed_rows, unpacked_rows

NF4 = (
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
    *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
    *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
    *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
)
_FP4_SIZES = (0.0, 1 / 192, 2 / 3, 1.0, 1 / 3, 1 / 2, 1 / 6, 1 / 4)
FP4 = (*_FP4_SIZES, *(-size for size in _FP4_SIZES))
TABLES = {"nf4": NF4, "fp4": FP4}


@dataclass(frozen=True)
class Levels:
    """Levels times a size for each block of numbers, one after another across all rows.

    Parts: `data` (uint8, two numbers in a byte, the first in its upper half), `levels` (float32) and `sizes`
    of blocks (float32). With `nested`, sizes are bytes (uint8) that stand for one of 256 `size_levels`, times
    `size_sizes` of their own blocks, plus `size_offset` (float32 all). Blocks are stored whole.

    Attributes:
        kind: "nf4" or "fp4".
        block: numbers in a block.
        nested: how many sizes make a block of their own, or 0 where they are stored as they are.
    """

    kind: str = "nf4"
    block: int = 64
    nested: int = 0

    @property
    def name(self) -> str:
        """What the field calls it."""
        return self.kind + ("_double" if self.nested else "")

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The numbers; they pass through float32."""
        sizes, levels = self._sizes(parts), parts["levels"].float()
        data = parts["data"].view(-1, self.block // 2)

        def make(first: int, last: int) -> Tensor:
            return looked_up(data[first:last], levels, first_high=True).mul_(sizes[first:last, None])

        stored = unpacked_rows(torch.Size((len(data), self.block)), dtype, data.device, make)
        return stored.flatten()[: shape.numel()].view(shape)

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """Round each number to the nearest level; sizes are not packed in their turn."""
        flat = dense.detach().reshape(-1)
        blocks = pad(flat, (0, -len(flat) % self.block)).view(-1, self.block)
        levels = torch.tensor(TABLES[self.kind], device=dense.device)
        ordered, places = levels.sort(stable=True)
        borders = (ordered[1:] + ordered[:-1]) / 2

        def rounded(rows: Tensor, first: int, last: int) -> tuple[Tensor, Tensor]:
            sizes = rows.abs().amax(dim=1)
            fitted = torch.where(sizes[:, None] == 0, 0.0, rows / sizes[:, None])
            nearest = places[torch.bucketize(fitted, borders)].to(torch.uint8)
            return joined_nibbles(nearest, first_high=True), sizes

        data, sizes = packed_rows(blocks, rounded)
        return {"data": data, "levels": levels, "sizes": sizes}

    def _sizes(self, parts: Mapping[str, Tensor]) -> Tensor:
        if not self.nested:
            return parts["sizes"].float()
        numbers = embedding(parts["sizes"].int(), parts["size_levels"].float()[:, None]).squeeze(-1)
        around = parts["size_sizes"].float().repeat_interleave(self.nested)[: len(numbers)]
        return numbers.mul_(around).add_(parts["size_offset"].float())
