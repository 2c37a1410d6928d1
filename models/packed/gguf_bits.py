"""Takes small whole numbers out of bytes, many bytes at a time."""

import torch
from torch import Tensor

from models.packed.tables import table_of

# Whole numbers of so many bytes hold that many small ones; a one in each byte.
_WIDE = (
    (8, torch.int64, 0x0101010101010101),
    (4, torch.int32, 0x01010101),
    (2, torch.int16, 0x0101),
    (1, torch.uint8, 1),
)


def halves(blocks: Tensor, begin: int, count: int = 1) -> Tensor:
    """The float16 numbers (n, count) that stand in each block (n, bytes) from a byte on, in float32."""
    return blocks[:, begin : begin + 2 * count].contiguous().view(torch.float16).float()


def put_halves(values: Tensor) -> Tensor:
    """Numbers (n, count) as the bytes (n, 2 count) of float16."""
    return values.half().view(torch.uint8)


def spread(part: Tensor, group: int, shifts: tuple[int, ...], mask: int, left: int = 0) -> Tensor:
    """Small numbers in the order in which the formats have them.

    Args:
        part: bytes (n, k), perhaps a slice of longer blocks.
        group: so many bytes in a row are read once for each shift.
        shifts: how far to the right each reading is shifted.
        mask: which bits of each byte are left then.
        left: how far these are shifted to the left at last.

    Returns:
        (n, k / group, len(shifts), group) uint8.
    """
    width, kind, ones = _WIDE[-1] if _by_bytes(part) else _widest(part, group)
    wide = part.view(kind).view(len(part), -1, group // width)
    read = torch.stack([wide >> shift if shift else wide for shift in shifts], 2)
    read.bitwise_and_(mask * ones)
    if left:
        read.bitwise_left_shift_(left)
    return read.view(torch.uint8)


def single_bits(part: Tensor, value: int) -> Tensor:
    """Each bit of bytes (n, k), the lowest first, as a byte (n, 8 k) that is 0 or the value."""
    if _by_bytes(part):
        shifts = torch.arange(8, dtype=torch.uint8, device=part.device)
        return ((part.unsqueeze(-1) >> shifts) & 1).mul_(value).view(len(part), -1)
    repeated = part.to(torch.int64).mul_(0x0101010101010101).bitwise_and_(0x8040201008040201 - 2**64)
    return repeated.view(torch.uint8).ne(0).view(torch.uint8).mul_(value)


def joined_bits(bits: Tensor) -> Tensor:
    """The reverse: numbers (n, 8 k) that are 0 or 1 as bytes (n, k)."""
    weights = torch.tensor([1, 2, 4, 8, 16, 32, 64, 128], dtype=torch.uint8, device=bits.device)
    return (bits.view(len(bits), -1, 8).to(torch.uint8) * weights).sum(-1, dtype=torch.uint8)


def gathered(numbers: Tensor, group: int, shifts: tuple[int, ...]) -> Tensor:
    """The reverse of `spread`: numbers (n, m) uint8 as bytes (n, m / len(shifts))."""
    split = numbers.view(len(numbers), -1, len(shifts), group)
    made = split[:, :, 0] << shifts[0]
    for index, shift in enumerate(shifts[1:], start=1):
        made |= split[:, :, index] << shift
    return made.reshape(len(numbers), -1)


def looked_up(indices: Tensor, values: tuple[float, ...]) -> Tensor:
    """Values (n, m) float32 by their numbers (n, ...) uint8."""
    return table_of(values, indices).index_select(0, indices.flatten().int()).view(len(indices), -1)


def rounded_away(values: Tensor) -> Tensor:
    """Values (any shape) rounded to whole numbers, halves away from zero."""
    size = values.abs()
    whole = size.floor()
    return torch.sign(values) * (whole + (2 * (size - whole)).floor())


def inverse(values: Tensor) -> Tensor:
    """One over the values (any shape), 0 for 0."""
    return torch.where(values == 0, 0.0, 1 / values)


def _widest(part: Tensor, group: int) -> tuple[int, torch.dtype, int]:
    """The widest whole numbers as which bytes (n, k) can be read, group by group."""
    return next(
        (width, kind, ones)
        for width, kind, ones in _WIDE
        if not (group % width or part.shape[1] % width or part.stride(0) % width)
        and part.storage_offset() % width == 0
    )


def _by_bytes(part: Tensor) -> bool:
    """Whether to work byte by byte: slower by itself, but a compiler makes one loop of it all."""
    return part.device.type != "cpu" or type(part) is not Tensor
