"""Finds weights as optimum-quanto stores them: `weight._data` with `_scale`, and `_shift` for small numbers.

Reference: the state dicts of optimum-quanto (`WeightQBytesTensor`, `WeightQBitsTensor`, `PackedTensor`).
"""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from loaders.errors import BrokenFile
from loaders.files import Shape, Weights
from loaders.quantised.entry import Entry, Found, one_or_rows, packed, require
from models.packed.affine import Affine, joined
from models.packed.float8 import Float8
from models.packed.integers import Integers

_DATA, _SCALE, _SHIFT = "._data", "._scale", "._shift"


def find(weights: Weights) -> Found:
    """The weights of a file that quanto packed.

    Raises:
        BrokenFile: if parts are missing, or the file does not say what shape a weight has.
    """
    entries, beside = {}, set()
    for name in weights:
        if name.endswith(_DATA + _DATA):
            weight = name.removesuffix(_DATA + _DATA)
            entries[weight] = _bits(weights, weight, name)
        elif name.endswith(_DATA) and name.removesuffix(_DATA) + _SCALE in weights:
            weight = name.removesuffix(_DATA)
            shape = weights[name]
            entries[weight] = Entry(shape, {"data": name, "scale": weight + _SCALE}, partial(_bytes, shape))
        else:
            continue
        layer = weight.rpartition(".")[0]
        beside |= {f"{layer}.input_scale", f"{layer}.output_scale"}
    return Found(entries, frozenset(beside))


def _bytes(shape: Shape, parts: Mapping[str, Tensor]) -> Tensor:
    data, scale = parts["data"], one_or_rows(parts["scale"], shape)
    if data.dtype is torch.int8:
        return packed(Integers(8, by_row=scale.ndim > 0), shape, {"data": data, "scale": scale})
    return packed(Float8(data.dtype, is_scaled=True), shape, {"data": data, "scale": scale})


def _bits(weights: Weights, weight: str, data: str) -> Entry:
    bias = f"{weight.rpartition('.')[0]}.bias"
    if bias not in weights:
        raise BrokenFile(
            weights.path,
            f"{weight} is packed by quanto in blocks, and without a bias the file does not say its shape; "
            "eight bits can be opened",
        )
    sources = {"data": data, "scale": weight + _SCALE, "offset": weight + _SHIFT}
    require(weights, weight, sources)
    (rows, block), blocks = weights[data], weights[weight + _SCALE][0]
    bits = next((bits for bits in (2, 4) if -(-blocks * bits // 8) == rows), None)
    out = weights[bias][0]
    if bits is None or blocks % out:
        raise BrokenFile(weights.path, f"{weight} is packed by quanto in a way that is not known")
    shape = (out, blocks // out * block)
    return Entry(shape, sources, partial(_affine, Affine(bits, block), shape), converts=True)


def _affine(packing: Affine, shape: Shape, parts: Mapping[str, Tensor]) -> Tensor:
    """Blocks one below the other, of which each byte holds one of each half or quarter of all."""
    data, scale = parts["data"], parts["scale"].float()
    mask, blocks = 2**packing.bits - 1, len(scale)
    numbers = torch.cat([(data >> shift) & mask for shift in range(0, 8, packing.bits)])[:blocks]
    offset = parts["offset"]
    offset = -offset.float() if offset.is_floating_point() else -offset.float() * scale
    made = {
        "data": joined(numbers.reshape(shape), packing.bits),
        "scale": scale.reshape(shape[0], -1),
        "offset": offset.reshape(shape[0], -1),
    }
    return packed(packing, shape, made)
