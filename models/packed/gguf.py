"""Packs weights as GGUF files have them: blocks of bytes, in the order of the numbers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import gcd, prod
from threading import local
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, linear

from models.packed import gguf_k, gguf_k_pack, gguf_legacy, gguf_table_pack, gguf_tables
from models.packed.pieces import rows_at_once, unpacked_rows

# So many numbers are packed at a time: those that are tried beside them shall lie in a cache, too.
_PACKED_AT_A_TIME = 1 << 18
# So many numbers of a weight are multiplied with at a time: for few rows they shall stay in a cache, for many
# it shall be worth while to put the products together.
_FEW_ROWS, _FEW, _MANY = 256, 1 << 20, 1 << 23

_memory = local()


@dataclass(frozen=True)
class BlockType:
    """How numbers stand in blocks.

    Attributes:
        numbers: how many a block holds.
        size_bytes: how many bytes it takes.
        unpack: numbers (n, numbers) float32 of blocks (n, size_bytes) uint8.
        pack: the reverse; None where numbers cannot be packed so here.
    """

    numbers: int
    size_bytes: int
    unpack: Callable[[Tensor], Tensor]
    pack: Callable[[Tensor], Tensor] | None = None


BLOCK_TYPES: Mapping[str, BlockType] = {
    "Q4_0": BlockType(32, 18, gguf_legacy.unpack_q4_0, gguf_legacy.pack_q4_0),
    "Q4_1": BlockType(32, 20, gguf_legacy.unpack_q4_1, gguf_legacy.pack_q4_1),
    "Q5_0": BlockType(32, 22, gguf_legacy.unpack_q5_0, gguf_legacy.pack_q5_0),
    "Q5_1": BlockType(32, 24, gguf_legacy.unpack_q5_1, gguf_legacy.pack_q5_1),
    "Q8_0": BlockType(32, 34, gguf_legacy.unpack_q8_0, gguf_legacy.pack_q8_0),
    "Q2_K": BlockType(256, 84, gguf_k.unpack_q2_k, gguf_k_pack.pack_q2_k),
    "Q3_K": BlockType(256, 110, gguf_k.unpack_q3_k, gguf_k_pack.pack_q3_k),
    "Q4_K": BlockType(256, 144, gguf_k.unpack_q4_k, gguf_k_pack.pack_q4_k),
    "Q5_K": BlockType(256, 176, gguf_k.unpack_q5_k, gguf_k_pack.pack_q5_k),
    "Q6_K": BlockType(256, 210, gguf_k.unpack_q6_k, gguf_k_pack.pack_q6_k),
    "IQ4_NL": BlockType(32, 18, gguf_tables.unpack_iq4_nl, gguf_table_pack.pack_iq4_nl),
    "IQ4_XS": BlockType(256, 136, gguf_tables.unpack_iq4_xs, gguf_table_pack.pack_iq4_xs),
    "MXFP4": BlockType(32, 17, gguf_tables.unpack_mxfp4),
    "NVFP4": BlockType(64, 36, gguf_tables.unpack_nvfp4),
    "TQ1_0": BlockType(256, 54, gguf_tables.unpack_tq1_0),
    "TQ2_0": BlockType(256, 66, gguf_tables.unpack_tq2_0),
}


@dataclass(frozen=True)
class Gguf:
    """Blocks of one of GGUF's types: part `blocks`, (n, bytes of a block) uint8.

    Attributes:
        name: the type, one of `BLOCK_TYPES`.
    """

    name: str

    @property
    def block(self) -> BlockType:
        """How its blocks are made."""
        return BLOCK_TYPES[self.name]

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The numbers in a floating-point type, worked out in float32 and rounded once."""
        block, blocks = self.block, parts["blocks"]
        stored = torch.Size((len(blocks), block.numbers))
        made = unpacked_rows(
            stored, dtype, blocks.device, lambda first, last: block.unpack(blocks[first:last])
        )
        return made.view(shape)

    def linear(
        self, parts: Mapping[str, Tensor], shape: torch.Size, given: Tensor, bias: Tensor | None
    ) -> Tensor | None:
        """A linear layer on numbers (..., in), for which a few rows of the weight are unpacked at a time.

        The memory that they are unpacked to is used again for the next ones. None where that is no help.
        """
        if not _reuses(parts, given):
            return None
        most = _FEW if given.numel() <= _FEW_ROWS * shape[1] else _MANY
        pieces = [
            linear(given, weight, None if bias is None else bias[first:last])
            for first, last, weight in self._pieces(parts, shape, given.dtype, most)
        ]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, -1)

    def pick(
        self, parts: Mapping[str, Tensor], shape: torch.Size, numbers: Tensor
    ) -> Mapping[str, Tensor] | None:
        """The parts of the rows with some numbers (n,); None where blocks reach over their borders."""
        if shape[1] % self.block.numbers:
            return None
        rows = parts["blocks"].view(shape[0], -1)[numbers]
        return {"blocks": rows.view(-1, self.block.size_bytes)}

    def conv2d(
        self,
        parts: Mapping[str, Tensor],
        shape: torch.Size,
        given: Tensor,
        bias: Tensor | None,
        *settings: Any,
        groups: int = 1,
        **named: Any,
    ) -> Tensor | None:
        """A convolution of numbers (n, in, h, w), some channels at a time; None where that is no help."""
        if not _reuses(parts, given) or groups != 1 or (len(settings) > 3 and settings[3] != 1):
            return None
        pieces = [
            conv2d(given, weight, None if bias is None else bias[first:last], *settings, **named)
            for first, last, weight in self._pieces(parts, shape, given.dtype, _MANY)
        ]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, 1)

    def _pieces(
        self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype, most: int
    ) -> Iterator[tuple[int, int, Tensor]]:
        """Some rows of a weight after others, from one up to another, valid until the next are asked for."""
        size, numbers = prod(shape[1:]), self.block.numbers
        least = numbers // gcd(numbers, size)
        rows = max(least, most // size // least * least)
        for first in range(0, shape[0], rows):
            last = min(first + rows, shape[0])
            blocks = parts["blocks"][first * size // numbers : last * size // numbers]
            yield first, last, self._unpack_again(blocks, dtype).view(last - first, *shape[1:])

    def _unpack_again(self, blocks: Tensor, dtype: torch.dtype) -> Tensor:
        """Numbers (n, numbers of a block) in memory that the next call of a thread overwrites."""
        made = _again(len(blocks) * self.block.numbers, dtype).view(len(blocks), self.block.numbers)
        rows = rows_at_once(made.shape, made.device)
        for first in range(0, len(blocks), rows):
            made[first : first + rows].copy_(self.block.unpack(blocks[first : first + rows]))
        return made

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """The blocks of numbers (any shape).

        Raises:
            ValueError: if they do not fill whole blocks or are not finite, or the type is only unpacked here.
        """
        block = self.block
        if block.pack is None:
            raise ValueError(f"numbers cannot be packed as {self.name}, only unpacked")
        if dense.numel() % block.numbers:
            raise ValueError(
                f"{prod(dense.shape)} numbers do not fill blocks of {block.numbers} ({self.name})"
            )
        numbers = dense.detach().reshape(-1, block.numbers)
        rows = _PACKED_AT_A_TIME // block.numbers
        made = torch.empty(len(numbers), block.size_bytes, dtype=torch.uint8, device=dense.device)
        for first in range(0, len(numbers), rows):
            piece = numbers[first : first + rows]
            if not torch.isfinite(piece).all():
                raise ValueError(f"numbers that are not finite cannot be packed as {self.name}")
            made[first : first + rows] = block.pack(piece.float())
        return {"blocks": made}

    def rows(
        self, parts: Mapping[str, Tensor], shape: torch.Size, begin: int, end: int
    ) -> Mapping[str, Tensor] | None:
        """The parts of some rows of a tensor, sharing memory; None where blocks reach over their borders."""
        block, size = self.block, prod(shape[1:])
        if begin * size % block.numbers or end * size % block.numbers:
            return None
        return {"blocks": parts["blocks"][begin * size // block.numbers : end * size // block.numbers]}


def _reuses(parts: Mapping[str, Tensor], given: Tensor) -> bool:
    """Whether to unpack to memory that is used again: on the processor, where fresh memory costs time.

    Not where gradients go through the weight, or functions are recorded to be compiled.
    """
    blocks = parts["blocks"]
    is_real = type(blocks) is Tensor and not torch.compiler.is_compiling()
    return is_real and blocks.device.type == "cpu" and not given.requires_grad


def _again(count: int, dtype: torch.dtype) -> Tensor:
    """So many numbers (count,) that the next call of this thread gives out again."""
    kept: Tensor | None = getattr(_memory, str(dtype), None)
    if kept is None or len(kept) < count:
        with torch.inference_mode(False):
            kept = torch.empty(count, dtype=dtype)
        setattr(_memory, str(dtype), kept)
    return kept[:count]
