"""Turns prompts into conditioning for SDXL and its refiner, with the sizes these were trained to know."""

from typing import Annotated

from torch import Tensor

from loaders.embeddings import embedding_finder
from models.diffusion import TextModel
from models.text.encode import encode_prompt, encode_tokens, read_tokens
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Clip, Conditioning
from nodes.api.widgets import Range, Text
from nodes.conditioning.encoding import encoded, needs_clip

Size = Annotated[int, Range(0, 16384)]
Prompt = Annotated[str, Text(embeddings=True)]


@node(id="CLIPTextEncodeSDXL", display_name="CLIPTextEncodeSDXL", category="advanced/conditioning")
def encode_for_sdxl(
    ctx: Context,
    *,
    clip: Clip,
    width: Size = 1024,
    height: Size = 1024,
    crop_w: Size = 0,
    crop_h: Size = 0,
    target_width: Size = 1024,
    target_height: Size = 1024,
    text_g: Prompt,
    text_l: Prompt,
) -> Conditioning:
    """Turn a prompt for each of SDXL's text encoders into conditioning.

    Args:
        clip: the text encoders of an SDXL model.
        width: how wide the picture is said to have been before it was scaled, in pixels.
        height: how high it is said to have been.
        crop_w: how much is said to have been cut off at the left.
        crop_h: how much is said to have been cut off at the top.
        target_width: how wide it is said to be now.
        target_height: how high it is said to be now.
        text_g: the prompt for the larger encoder.
        text_l: the prompt for the smaller one.
    """
    needs_clip(clip)
    if set(clip.base.network) != {"clip_l", "clip_g"}:
        raise NodeError(
            f"the text encoders of SDXL, clip_l and clip_g, are needed, not {', '.join(clip.base.network)}"
        )
    find = embedding_finder(ctx.files)

    def encode(base: TextModel) -> tuple[Tensor, Tensor]:
        tokens = {
            name: read_tokens(base, name, text, find)
            for name, text in (("clip_l", text_l), ("clip_g", text_g))
        }
        longest = max(map(len, tokens.values()))
        for name, chunks in tokens.items():
            chunks.extend(read_tokens(base, name, "") * (longest - len(chunks)))
        return encode_tokens(base, tokens)

    extra = {
        "width": width,
        "height": height,
        "crop_w": crop_w,
        "crop_h": crop_h,
        "target_width": target_width,
        "target_height": target_height,
    }
    return encoded(ctx, clip, encode, extra)


@node(
    id="CLIPTextEncodeSDXLRefiner",
    display_name="CLIPTextEncodeSDXLRefiner",
    category="advanced/conditioning",
)
def encode_for_refiner(
    ctx: Context,
    *,
    ascore: Annotated[float, Range(0.0, 1000.0, step=0.01)] = 6.0,
    width: Size = 1024,
    height: Size = 1024,
    text: Prompt,
    clip: Clip,
) -> Conditioning:
    """Turn a prompt into conditioning for the SDXL refiner.

    Args:
        ascore: how beautiful the picture is said to be; about 6 for prompts and 2.5 for negative ones.
        width: how wide it is said to have been before it was scaled, in pixels.
        height: how high it is said to have been.
        text: the prompt.
        clip: the text encoder of the refiner.
    """
    find = embedding_finder(ctx.files)
    extra = {"aesthetic_score": ascore, "width": width, "height": height}
    return encoded(ctx, clip, lambda base: encode_prompt(base, text, find), extra)
