"""Answers what the file (YAML) that a network was trained with says of it, as far as that matters."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from loaders.errors import BrokenFile


@dataclass(frozen=True)
class TrainingConfig:
    """What is taken from the file.

    Attributes:
        predicts_velocity: whether it names velocity as what the network predicts.
        last_layer: the layer of the text encoder that it names, counted from the end, or None.
    """

    predicts_velocity: bool = False
    last_layer: int | None = None


_PLAIN, _SKIPS, _VELOCITY = TrainingConfig(), TrainingConfig(last_layer=-2), TrainingConfig(True)
# Those that workflows name and every installation of the ecosystem has.
NAMED: Mapping[str, TrainingConfig] = MappingProxyType(
    {
        "anything_v3.yaml": _SKIPS,
        "v1-inference.yaml": _PLAIN,
        "v1-inference_clip_skip_2.yaml": _SKIPS,
        "v1-inference_clip_skip_2_fp16.yaml": _SKIPS,
        "v1-inference_fp16.yaml": _PLAIN,
        "v1-inpainting-inference.yaml": _PLAIN,
        "v2-inference-v.yaml": _VELOCITY,
        "v2-inference-v_fp32.yaml": _VELOCITY,
        "v2-inference.yaml": _PLAIN,
        "v2-inference_fp32.yaml": _PLAIN,
        "v2-inpainting-inference.yaml": _PLAIN,
    }
)


def read_config(path: Path) -> TrainingConfig:
    """Read a training configuration.

    Raises:
        BrokenFile: if it is no YAML, or not one of a latent-diffusion network.
    """
    import yaml  # type: ignore[import-untyped]  # has no types; only those with such a file wait for it

    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        parameters = content["model"]["params"]
        text = parameters["cond_stage_config"]
        layer = (text.get("params") or {}).get("layer_idx")
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise BrokenFile(path, f"it is not YAML: {str(problem)[:200]}") from problem
    except (KeyError, TypeError, AttributeError) as problem:
        raise BrokenFile(path, "it has no model.params.cond_stage_config") from problem
    if layer is not None and not isinstance(layer, int):
        raise BrokenFile(path, f"its layer_idx is {layer!r:.40}, not a whole number")
    return TrainingConfig(parameters.get("parameterization") == "v", layer)
