"""Lets pictures condition a sampler: seen by a CLIP vision model, told to networks made for that."""

from dataclasses import replace
from typing import Annotated

from models.vision.encode import CROPS, encode_pictures
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import ClipVision, ClipVisionOutput, Conditioning, Image
from nodes.api.widgets import Choice, Range


@node(id="CLIPVisionEncode", display_name="CLIP Vision Encode", category="conditioning")
def encode_with_vision(
    ctx: Context, clip_vision: ClipVision, image: Image, crop: Annotated[str, Choice(CROPS)]
) -> ClipVisionOutput:
    """Have a CLIP vision model look at pictures.

    Args:
        clip_vision: the network that looks.
        image: the pictures.
        crop: center cuts them to squares, none squeezes them.
    """
    with ctx.resident(clip_vision) as base:
        return encode_pictures(base, image, crop)


@node(id="unCLIPConditioning", display_name="unCLIPConditioning", category="conditioning")
def add_pictures(
    conditioning: Conditioning,
    clip_vision_output: ClipVisionOutput,
    strength: Annotated[float, Range(-10.0, 10.0, step=0.01)] = 1.0,
    noise_augmentation: Annotated[float, Range(0.0, 1.0, step=0.01)] = 0.0,
) -> Conditioning:
    """Have a network that was trained to draw after pictures (unCLIP) draw after these, too.

    Args:
        conditioning: prompts.
        clip_vision_output: what a CLIP vision model saw in pictures.
        strength: how strongly they count; 0 leaves them out.
        noise_augmentation: how freely they are followed, from closely at 0 to hardly at 1.
    """
    if strength == 0:
        return conditioning
    item = {
        "clip_vision_output": clip_vision_output,
        "strength": strength,
        "noise_augmentation": noise_augmentation,
    }
    return tuple(
        replace(
            entry,
            extra={**entry.extra, "unclip_conditioning": [*entry.extra.get("unclip_conditioning", ()), item]},
        )
        for entry in conditioning
    )
