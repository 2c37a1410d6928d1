"""Answers how the weights of a file are quantised, and their shapes, from its header and its markers."""

import json
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

from loaders.safetensors_header import TensorEntry

Shape = tuple[int, ...]

MARKER, HEADER = ".comfy_quant", "_quantization_metadata"
TORCHAO = "tensor_names"
# Formats that have two numbers in a byte.
HALVED = ("nvfp4", "convrot_w4a4", "asym_w4a8_int8")
STATE = re.compile(r"(.+)\.quant_state\.bitsandbytes__(\w+)")
# Endings of names that only files of a kind have which cannot be opened, and what they are called.
REFUSED = (
    (".wscales", "SVDQuant (Nunchaku)"),
    (".qzeros", "GPTQ or AWQ"),
    (".W_q", "HQQ"),
    (".weight_packed", "compressed-tensors"),
    (".weight_scale_inv", "floats of eight bits with a scale for each square of 128"),
    (".svd_up", "SDNQ with a low-rank part"),
)
SCALES = (".weight_scale", ".scale_weight")
_EIGHT = {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "I8": "int8"}
_BESIDE = (
    *(*SCALES, ".weight_scale_2", ".weight_s_rel", ".weight_s_channel", ".weight_codebook"),
    *(MARKER, ".scale_input", ".input_scale", ".absmax", ".quant_map", ".nested_absmax", ".SCB"),
    *("_qdata", "_zero_point", "._weight_scale", "per_tensor_scale"),
    *(".nested_quant_map", "._data", "._scale", "._shift", ".output_scale", ".weight_format", "scaled_fp8"),
)
MOST_MARKER_BYTES = 100_000
# Where in checkpoints the layers may stand that a header lists.
_PREFIXES = ("", "model.diffusion_model.", "diffusion_model.", "model.")


def refused(names: Iterable[str]) -> str:
    """What the quantisation of a file is called that cannot be opened, and a name that shows it; or ""."""
    for name in names:
        for ending, title in REFUSED:
            if name.endswith(ending):
                return f"it is quantised as {title}, which cannot be opened ({name})"
    return ""


def seen(
    path: Path, entries: Mapping[str, TensorEntry], metadata: Mapping[str, str]
) -> tuple[dict[str, Shape], tuple[str, ...]]:
    """The shapes of weights as they are once they are unpacked, and how they are quantised, in words.

    A file that is refused comes as it is.

    Args:
        path: a safetensors file, of which a few bytes of markers are read beside its header.
        entries: what its header lists.
        metadata: the texts in it.
    """
    shapes = {name: entry.shape for name, entry in entries.items()}
    if refused(shapes):
        return shapes, ()
    kinds: Counter[str] = Counter()
    changed: dict[str, Shape] = {}
    for name, entry in entries.items():
        kind, weight, shape = _kind(path, name, entry, entries)
        if kind:
            kinds[kind] += 1
        if shape:
            changed[weight] = shape
    for name, table in _torchao(metadata).items():
        kinds[f"{table.get('_type')} (torchao)"] += 1
        module, _, parameter = name.rpartition(".")
        if stored := shapes.get(f"{module}._{parameter}_qdata"):
            changed[name] = _doubled(stored) if table["_type"] == "NVFP4Tensor" else stored
    for layer, table in _listed(metadata.get(HEADER, "")).items():
        if weight := listed_weight(layer, shapes):
            kinds[_title(table)] += 1
            changed[weight] = whole(shapes[weight], table)
    if not kinds:
        return shapes, ()
    plain = {
        name: shape
        for name, shape in shapes.items()
        if not name.endswith(_BESIDE) and not STATE.fullmatch(name)
    }
    words = ", ".join(f"{count} as {kind}" for kind, count in kinds.most_common())
    return plain | changed, (f"quantised weights: {words}",)


def _kind(
    path: Path, name: str, entry: TensorEntry, entries: Mapping[str, TensorEntry]
) -> tuple[str, str, Shape]:
    """What a tensor says of a weight: how it is quantised, its name, and its shape if not as stored."""
    if name.endswith(MARKER):
        table, weight = _read(path, entry), f"{name.removesuffix(MARKER)}.weight"
        stored = entries[weight].shape if weight in entries else ()
        return _title(table), weight, whole(stored, table)
    if match := STATE.fullmatch(name):
        table = _read(path, entry)
        shape = table.get("shape")
        double = " with double quantization" if "nested_offset" in table else ""
        sizes = shape if isinstance(shape, list) and all(isinstance(size, int) for size in shape) else ()
        return f"{match[2]} (bitsandbytes){double}", match[1], tuple(sizes)
    if name.endswith(".SCB"):
        return "int8 (bitsandbytes)", "", ()
    if name.endswith("._data"):
        return _quanto(name, entry, entries)
    for ending in SCALES:
        layer = name.removesuffix(ending)
        scaled = entries.get(f"{layer}.weight")
        if name.endswith(ending) and scaled is not None and layer + MARKER not in entries:
            return f"{_EIGHT.get(scaled.dtype, scaled.dtype)} with a scale", "", ()
    layer = name.removesuffix(".weight")
    is_scaled = any(layer + ending in entries for ending in (*SCALES, MARKER, ".SCB"))
    if entry.dtype in _EIGHT and name.endswith("weight") and len(entry.shape) > 1 and not is_scaled:
        return _EIGHT.get(entry.dtype, entry.dtype), "", ()
    return "", "", ()


def _quanto(name: str, entry: TensorEntry, entries: Mapping[str, TensorEntry]) -> tuple[str, str, Shape]:
    if not name.endswith("._data._data"):
        return f"{_EIGHT.get(entry.dtype, entry.dtype)} (quanto)", name.removesuffix("._data"), entry.shape
    weight = name.removesuffix("._data._data")
    scale, bias = entries.get(f"{weight}._scale"), entries.get(f"{weight.rpartition('.')[0]}.bias")
    if scale is None or not scale.shape or len(entry.shape) != 2 or not entry.shape[0]:
        return "few bits (quanto)", weight, ()
    bits = round(entry.shape[0] * 8 / max(1, scale.shape[0]))
    numbers = scale.shape[0] * entry.shape[1]
    shape = (bias.shape[0], numbers // bias.shape[0]) if bias and bias.shape and bias.shape[0] else ()
    return f"int{bits} (quanto)", weight, shape


def _title(table: Mapping[str, Any]) -> str:
    return f"{table.get('format')}" + (" with convrot" if table.get("convrot") else "")


def whole(stored: Shape, table: Mapping[str, Any]) -> Shape:
    """The shape of a weight that is stored in a shape and marked with a table."""
    return _doubled(stored) if table.get("format") in HALVED else stored


def _doubled(stored: Shape) -> Shape:
    return (stored[0], stored[1] * 2, *stored[2:]) if len(stored) > 1 else stored


def listed_weight(layer: str, names: Container[str]) -> str:
    """The name in a file of the weight of a layer that its header lists; empty if there is none."""
    return next((name for prefix in _PREFIXES if (name := f"{prefix}{layer}.weight") in names), "")


def _listed(text: str) -> dict[str, Any]:
    layers = _parsed(text).get("layers") if text else None
    tables = layers.items() if isinstance(layers, dict) else ()
    return {name: table for name, table in tables if isinstance(table, dict)}


def _torchao(metadata: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    try:
        names = json.loads(metadata.get(TORCHAO, "[]"))
    except ValueError:
        return {}
    if not isinstance(names, list):
        return {}
    tables = {str(name): _parsed(metadata.get(str(name), "")) for name in names}
    return {name: table for name, table in tables.items() if table.get("_type") not in (None, "Tensor")}


def _read(path: Path, entry: TensorEntry) -> dict[str, Any]:
    """The table in JSON that the bytes of a tensor are; empty if they are none."""
    if not 0 < entry.end - entry.begin <= MOST_MARKER_BYTES:
        return {}
    with path.open("rb") as file:
        file.seek(entry.begin)
        return _parsed(file.read(entry.end - entry.begin))


def _parsed(text: str | bytes) -> dict[str, Any]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}
