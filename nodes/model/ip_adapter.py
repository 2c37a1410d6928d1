"""Lets models follow pictures as they follow prompts."""

from typing import Annotated, Any

import torch
from torch import Tensor

from models.adapters.image_prompt import ImagePromptModel
from models.adapters.ip_adapter import WEIGHT_TYPES, IpAdapter
from models.adapters.patch import Patched
from models.vision.clip import VisionOutput
from models.vision.encode import encode_pictures
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import ClipVision, Image, IpAdapterSocket, Mask, Model
from nodes.api.widgets import Choice, Range
from nodes.image.resize import planes
from schedulers.tables import sigma_table

COMBINE = ("concat", "average", "batch")
Percent = Annotated[float, Range(0.0, 1.0, step=0.001)]


@node(id="ApplyIPAdapter", display_name="Apply IP-Adapter", category="model_patches/unet")
def apply_ip_adapter(
    ctx: Context,
    *,
    model: Model,
    ip_adapter: IpAdapterSocket,
    clip_vision: ClipVision,
    image: Image,
    weight: Annotated[float, Range(-1.0, 3.0, step=0.05)] = 1.0,
    weight_type: Annotated[str, Choice(WEIGHT_TYPES)] = "linear",
    combine: Annotated[str, Choice(COMBINE)] = "concat",
    start_percent: Percent = 0.0,
    end_percent: Percent = 1.0,
    negative_image: Image | None = None,
    mask: Mask | None = None,
) -> Model:
    """Let a model follow a picture beside the prompt.

    Args:
        model: a model with a UNet.
        ip_adapter: an IP-Adapter for models of its kind.
        clip_vision: the CLIP vision model that the adapter was trained with.
        image: one picture, or several.
        weight: how much the picture counts beside the prompt; 0 changes nothing.
        weight_type: where in the network it counts more or less; style and layout are for SDXL.
        combine: several pictures are followed all at once (concat), in their mean (average), or one by each
            latent of a batch in turn (batch).
        start_percent: part of sampling after which it begins to count.
        end_percent: part of sampling after which it counts no more.
        negative_image: a picture to keep away from; without one it is an empty picture.
        mask: 1 where the picture counts; several go round the latents of a batch.
    """
    if weight == 0:
        return model
    if not isinstance(ip_adapter, Patched) or not isinstance(ip_adapter.base, ImagePromptModel):
        raise NodeError(f"ip_adapter must come from Load IP-Adapter, but what came is {ip_adapter!r:.80}")
    with ctx.resident(clip_vision) as tower:
        looked = encode_pictures(tower, image)
        other = None if negative_image is None else encode_pictures(tower, negative_image)
        empty = other or _empty(tower.network, looked)
    with ctx.resident(ip_adapter) as adapter, torch.no_grad():
        network = adapter.network
        like = next(network.parameters())
        prompts = [
            network.prompt(_combined(network(network.seen(output).to(like)), how))
            for output, how in ((looked, combine), (empty, "concat" if combine != "batch" else "average"))
        ]
    window = sigma_table(model.base.noise).window(start_percent, end_percent)
    return model.with_patch(
        IpAdapter(
            prompts[0],
            prompts[1],
            weight,
            weight_type,
            *window,
            None if mask is None else planes(mask).float(),
        )
    )


def _empty(tower: Any, looked: VisionOutput) -> VisionOutput:
    """What stands for no picture: an embedding of zeros, and the patches of a picture of zeros."""
    weight = next(tower.parameters())
    size = tower.config.size
    with torch.no_grad():
        seen = tower(torch.zeros(1, 3, size, size, device=weight.device, dtype=weight.dtype))
    patches = seen.penultimate_hidden_states.float().cpu()
    return VisionOutput(patches, torch.zeros_like(looked.image_embeds[:1]), patches)


def _combined(tokens: Tensor, how: str) -> Tensor:
    """Tokens (B, T, D) of pictures as (1, B T, D) all, (1, T, D) their mean, or (B, T, D) each."""
    if how == "batch":
        return tokens
    return tokens.mean(dim=0, keepdim=True) if how == "average" else tokens.flatten(0, 1)[None]
