"""Answers which alpha a LoRA file states beside its tensors: in its metadata, or in a file of PEFT's.

Files that have it among their tensors are not asked; where none is stated the scale is 1.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from loaders.errors import BrokenFile
from loaders.files import Weights

METADATA = "lora_adapter_metadata"
_CONFIG = "adapter_config.json"
_WRAPPED = "base_model.model."


def stated_alphas(weights: Weights) -> Callable[[str], float | None]:
    """What gives the alpha of a stem, or None where the file states none.

    Raises:
        BrokenFile: if what is stated cannot be read.
    """
    if METADATA in weights.metadata:
        stated = _table(weights.path, weights.metadata[METADATA], METADATA)
        return lambda stem: _by_component(stated, stem)
    beside = weights.path.with_name(_CONFIG)
    if weights.path.stem == "adapter_model" and beside.is_file():
        config = _table(weights.path, beside.read_text(encoding="utf-8"), _CONFIG)
        return lambda stem: _alpha(config, stem.removeprefix(_WRAPPED))
    return lambda stem: None


def _table(path: Path, text: str, name: str) -> dict[str, Any]:
    try:
        table = json.loads(text)
    except ValueError as error:
        raise BrokenFile(path, f"its {name} is not JSON ({error})") from error
    if not isinstance(table, dict):
        raise BrokenFile(path, f"its {name} is not a table")
    return table


def _by_component(stated: Mapping[str, Any], stem: str) -> float | None:
    """The alpha of a stem that begins with the name of a component, by what is stated for that one.

    A network saved by itself has no component, neither in its names nor in what is stated.
    """
    if "lora_alpha" in stated:
        return _alpha(stated, stem)
    component, _, module = stem.partition(".")
    start = f"{component}."
    fields = {name.removeprefix(start): value for name, value in stated.items() if name.startswith(start)}
    return _alpha(fields, module)


def _alpha(config: Mapping[str, Any], module: str) -> float | None:
    alpha = _special(config.get("alpha_pattern"), module, config.get("lora_alpha"))
    rank = _special(config.get("rank_pattern"), module, config.get("r"))
    if not isinstance(alpha, int | float):
        return None
    # rsLoRA (Kalajdzievski 2023, arXiv:2312.03732) divides by the root of the rank.
    stabilised = config.get("use_rslora") and isinstance(rank, int | float)
    return alpha * math.sqrt(rank) if stabilised else float(alpha)


def _special(pattern: Any, module: str, usual: Any) -> Any:
    """What a pattern says for a module: the entry whose name its own name ends with."""
    if isinstance(pattern, Mapping):
        for name, value in pattern.items():
            if f".{module}".endswith(f".{str(name).lstrip('^')}"):
                return value
    return usual
