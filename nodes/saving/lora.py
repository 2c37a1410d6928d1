"""Saves what two models differ in as a LoRA."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import torch

from loaders.safetensors_writer import Planned, planned, write_tensors
from models.adapters.extraction import nearest_product
from models.adapters.patch import Patched
from models.adapters.weight_change import PatchedWeights
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Clip, Model
from nodes.api.widgets import Choice, Range, Text
from nodes.saving.files import write_whole

STANDARD, FULL = "standard", "full_diff"
KEPT = torch.float16


@node(
    id="LoraSave",
    display_name="Extract and Save Lora",
    category="_for_testing",
    output_node=True,
    experimental=True,
    hidden=("prompt", "extra_pnginfo"),
)
def save_lora(
    ctx: Context,
    filename_prefix: Annotated[
        str, Text(multiline=False, dynamic_prompts=False)
    ] = "loras/ComfyUI_extracted_lora",
    *,
    rank: Annotated[int, Range(1, 4096, step=1)] = 8,
    lora_type: Annotated[str, Choice((STANDARD, FULL))],
    bias_diff: bool = True,
    model_diff: Model | None = None,
    text_encoder_diff: Clip | None = None,
) -> None:
    """Save differences of weights, as ModelMergeSubtract and CLIPMergeSubtract make them, as a LoRA.

    Args:
        filename_prefix: how the name begins.
        rank: the rank of each weight's part; more keeps more of the difference and takes more space.
        lora_type: the nearest product of this rank, or the whole difference.
        bias_diff: whether the differences of biases and norms are saved too.
        model_diff: the difference of two models.
        text_encoder_diff: the difference of two text encoders.
    """
    tensors: dict[str, Planned] = {}
    for number, (value, name_of) in enumerate(((model_diff, _model_name), (text_encoder_diff, _text_name))):
        if value is not None:
            part = ctx.sub(number / 2, 0.5)
            for name, plan in _tensors(part, value, rank if lora_type == STANDARD else None, bias_diff):
                tensors[name_of(name)] = plan
    if not tensors:
        raise NodeError("there is no difference to save: link model_diff, text_encoder_diff or both")
    saved = ctx.files.reserve(filename_prefix, "safetensors")
    write_whole(saved, lambda file: write_tensors(file, tensors, {}))
    ctx.show("text", [f"{saved.subfolder}/{saved.filename}".lstrip("/"), f"{len(tensors)} tensors"])


def _tensors(
    ctx: Context, value: Patched[Any], rank: int | None, with_small: bool
) -> Iterator[tuple[str, Planned]]:
    """The tensors of a LoRA for a difference, as (parameter and ending, tensor); whole where rank is None."""
    weights = PatchedWeights(value, is_exact=True)
    for count, (name, shape) in enumerate(weights.shapes.items(), start=1):
        ctx.progress(count, len(weights.shapes))
        module, _, parameter = name.rpartition(".")
        is_matrix = parameter == "weight" and len(shape) >= 2
        if is_matrix and rank is not None:
            factors = nearest_product(weights.precise(name), rank)
            for ending, factor in zip(("lora_up.weight", "lora_down.weight"), factors or (), strict=False):
                yield f"{module}.{ending}", planned(factor.to(KEPT))
        elif is_matrix or (with_small and parameter in ("weight", "bias")):
            ending = "diff_b" if parameter == "bias" else "diff"
            yield f"{module}.{ending}", Planned(KEPT, tuple(shape), partial(weights.precise, name))


def _model_name(name: str) -> str:
    return f"diffusion_model.{name}"


def _text_name(name: str) -> str:
    encoder, _, inside = name.partition(".")
    return f"text_encoders.{encoder}.transformer.{inside}"
