"""Answers in which tensors a packed weight is saved, so that other programs and this one read it again."""

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from loaders.quantised.entry import swizzled
from models.packed.blocks import MxFp8, NvFp4
from models.packed.codebook import Codebook
from models.packed.float8 import Float8
from models.packed.integers import Integers
from models.packed.levels import Levels
from models.packed.tensor import Packed

# Tensor cores take rows and columns by so many.
_TILES = {MxFp8: 32, NvFp4: 16}


def written(name: str, weight: Packed) -> dict[str, Tensor] | None:
    """The tensors of a packed weight of a name; None where its format has no form in files of tensors."""
    packing, parts = weight.format, weight.parts
    layer = name.removesuffix(".weight")
    if isinstance(packing, Float8) and not packing.is_scaled:
        return {name: parts["data"].view(weight.shape)}
    if isinstance(packing, Levels):
        return _levels(name, packing, weight)
    if layer == name:
        return None
    marker: dict[str, Any]
    if isinstance(packing, Float8 | Integers):
        found = _scaled(packing, weight)
        if found is None:
            return None
        marker, more = found
    elif isinstance(packing, MxFp8 | NvFp4) and weight.ndim == 2:
        marker, more = {"format": packing.name}, _blocks(packing, weight)
    elif isinstance(packing, Codebook):
        marker = {
            "format": "asym_w4a8_int8",
            "group_size": packing.block,
            "convrot_groupsize": packing.rotation,
        }
        more = {"weight": parts["data"].view(torch.int8), "weight_s_rel": parts["block_scale"]}
        more |= {"weight_s_channel": parts["row_scale"], "weight_codebook": parts["levels"]}
        more |= {"weight_correction": parts["correction"]} if "correction" in parts else {}
    else:
        return None
    made = {f"{layer}.{ending}": tensor for ending, tensor in more.items()}
    return made | {f"{layer}.comfy_quant": _bytes(marker)}


def _scaled(packing: Float8 | Integers, weight: Packed) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    data, scale = weight.parts["data"], weight.parts["scale"]
    rows = {"weight": data, "weight_scale": scale}
    if isinstance(packing, Float8):
        return {"format": str(packing.dtype).removeprefix("torch.")}, rows
    turned = {"convrot": True, "convrot_groupsize": packing.rotation} if packing.rotation else {}
    if packing.bits == 8:
        return {"format": "int8_tensorwise", **turned}, rows
    if not turned:
        return None
    marker = {"format": "convrot_w4a4", "convrot_groupsize": packing.rotation}
    return marker, {"weight": data, "weight_scale": scale.reshape(-1)}


def _blocks(packing: MxFp8 | NvFp4, weight: Packed) -> dict[str, Tensor]:
    """Filled up with zeros to whole tiles, the scales in the order of tensor cores."""
    parts, tile = weight.parts, _TILES[type(packing)]
    a_byte = 2 if isinstance(packing, NvFp4) else 1
    data, scale = parts["data"].view(torch.uint8), parts["scale"]
    more = -len(data) % tile
    wider = -data.shape[1] % (tile // a_byte)
    data = pad(data, (0, wider, 0, more)) if wider or more else data
    blocks = data.shape[1] * a_byte // packing.block
    scale = pad(scale.view(torch.uint8), (0, blocks - scale.shape[1], 0, more)).view(scale.dtype)
    made = {"weight": data.view(parts["data"].dtype), "weight_scale": swizzled(scale)}
    return made | ({"weight_scale_2": parts["whole"]} if "whole" in parts else {})


def _levels(name: str, packing: Levels, weight: Packed) -> dict[str, Tensor]:
    """As bitsandbytes has it."""
    parts = weight.parts
    about: dict[str, Any] = {
        "quant_type": packing.kind,
        "blocksize": packing.block,
        "dtype": "bfloat16",
        "shape": list(weight.shape),
    }
    made = {"": parts["data"].reshape(-1)[: (weight.numel() + 1) // 2].reshape(-1, 1)}
    made |= {".absmax": parts["sizes"].reshape(-1), ".quant_map": parts["levels"]}
    if packing.nested:
        about |= {"nested_blocksize": packing.nested, "nested_dtype": "float32"}
        about["nested_offset"] = float(parts["size_offset"])
        made |= {".nested_absmax": parts["size_sizes"], ".nested_quant_map": parts["size_levels"]}
    made[f".quant_state.bitsandbytes__{packing.kind}"] = _bytes(about)
    return {name + ending: tensor for ending, tensor in made.items()}


def _bytes(table: Mapping[str, Any]) -> Tensor:
    return torch.tensor(list(json.dumps(table).encode()), dtype=torch.uint8)
