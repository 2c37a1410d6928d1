"""Says what a packed weight of a file is: its shape, the tensors it is stored in, how they go together."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from loaders.errors import BrokenFile
from loaders.files import Shape, Weights
from loaders.headers_alone import headers_alone
from loaders.identify.quantised import MOST_MARKER_BYTES
from models.packed.tensor import Format, Packed


@dataclass(frozen=True, eq=False)
class Entry:
    """A weight of a file that is stored as several tensors.

    Attributes:
        shape: of its numbers; what is stored may be larger.
        sources: name of a part -> name of the tensor in the file.
        make: puts the tensors, by name of their parts, together; mostly to a `Packed` one.
        converts: whether it makes other numbers of the part `data`, which then need not stay in memory.
    """

    shape: Shape
    sources: Mapping[str, str]
    make: Callable[[Mapping[str, Tensor]], Tensor]
    converts: bool = False


@dataclass(frozen=True, eq=False)
class Found:
    """What a dialect of quantised files finds in one.

    Attributes:
        entries: name of a weight -> what it is stored in.
        beside: names of tensors that say how, and belong to no weight.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    beside: frozenset[str] = frozenset()


def packed(packing: Format, shape: Shape, parts: Mapping[str, Tensor]) -> Packed:
    """A packed weight of a shape, whose numbers are float32 until somebody says otherwise."""
    return Packed(parts, packing, shape, torch.float32)


def one_or_rows(scale: Tensor, shape: Shape) -> Tensor:
    """The scale () of a whole weight, or one for each of its rows, (rows, 1); in float32.

    Raises:
        ValueError: if there are neither one nor as many as rows.
    """
    if scale.numel() == 1:
        return scale.float().reshape(())
    if scale.numel() != shape[0]:
        raise ValueError(f"{scale.numel()} scales are neither one nor one for each of {shape[0]} rows")
    return scale.float().reshape(-1, 1)


def require(weights: Weights, name: str, sources: Mapping[str, str]) -> None:
    """Check that a file has all tensors in which a weight of a name is stored.

    Raises:
        BrokenFile: if not.
    """
    if missing := [source for source in sources.values() if source not in weights]:
        raise BrokenFile(weights.path, f"{missing[0]} is missing, which {name} needs")


def read_markers(weights: Weights, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Small tables that a file holds as the bytes of JSON texts, by name.

    Raises:
        BrokenFile: if one of them is something else.
    """
    tables = {}
    wanted = list(names)
    for name in wanted:
        if len(weights[name]) != 1 or weights[name][0] > MOST_MARKER_BYTES:
            raise BrokenFile(weights.path, f"{name} has the shape {weights[name]}, which no marker has")
    with headers_alone(False):
        for name, tensor in weights.read_many(wanted, lambda dtype: True):
            tables[name] = parsed(weights, name, bytes(tensor.to(torch.uint8).tolist()))
    return tables


def parsed(weights: Weights, name: str, text: bytes | str) -> dict[str, Any]:
    """A table in JSON that stands in a file under a name.

    Raises:
        BrokenFile: if it is none.
    """
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenFile(weights.path, f"{name} is not valid JSON ({error})"[:200]) from error
    if not isinstance(table, dict):
        raise BrokenFile(weights.path, f"{name} is no table")
    return table


def unswizzled(scale: Tensor, rows: int, blocks: int) -> Tensor:
    """Scales (rows, blocks) out of the order in which tensor cores read them: tiles of 128 rows and 4 blocks.

    Reference: NVIDIA, cuBLAS documentation, "1D Block Scaling Factors Layout".

    Raises:
        ValueError: if there are not as many as tiles of that size hold.
    """
    tall, wide = -(-rows // 128), -(-blocks // 4)
    if scale.numel() != tall * wide * 512:
        raise ValueError(f"{scale.numel()} scales are not those of {rows} rows of {blocks} blocks")
    tiles = scale.reshape(tall, wide, 32, 4, 4).permute(0, 3, 2, 1, 4)
    return tiles.reshape(tall * 128, wide * 4)[:rows, :blocks].contiguous()


def swizzled(scale: Tensor) -> Tensor:
    """The other way: scales (rows, blocks) in the order of tensor cores, filled up with zeros."""
    rows, blocks = scale.shape
    tall, wide = -(-rows // 128), -(-blocks // 4)
    whole = scale.new_zeros((tall * 128, wide * 4))
    whole[:rows, :blocks] = scale
    tiles = whole.reshape(tall, 4, 32, wide, 4).permute(0, 3, 2, 1, 4)
    return tiles.reshape(tall * 128, wide * 4).contiguous()
