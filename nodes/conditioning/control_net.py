"""Lets pictures steer what is drawn, through ControlNets and adapters."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

import torch

from models.adapters.patch import Patched
from models.control.model import ControlModel, is_union
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Conditioning, ControlNet, Image, Mask, Vae
from nodes.api.widgets import Choice, Range
from nodes.image.resize import resize_mask
from schedulers.conditioning import ConditioningValue
from schedulers.hints import HintControl

CATEGORY = "conditioning/controlnet"
MASKED_HINT = -1.0
TYPES: Mapping[str, tuple[int, ...]] = {
    "auto": (),
    "openpose": (0,),
    "depth": (1,),
    "hed/pidi/scribble/ted": (2,),
    "canny/lineart/anime_lineart/mlsd": (3,),
    "normal": (4,),
    "segment": (5,),
    "tile": (6,),
    "repaint": (7,),
}

Strength = Annotated[float, Range(0.0, 10.0, step=0.01)]
Percent = Annotated[float, Range(0.0, 1.0, step=0.001)]


class Pair(NamedTuple):
    """Prompts to be followed, and prompts to be kept away from."""

    positive: Conditioning
    negative: Conditioning


def control_by(
    model: Any, image: Image, strength: float, start: float = 0.0, end: float = 1.0
) -> HintControl:
    """Return what steers by an image (B, H, W, C).

    Raises:
        NodeError: the control network is none.
    """
    if not isinstance(model, Patched) or not isinstance(model.base, ControlModel):
        raise NodeError(f"control_net must come from Load ControlNet Model, but what came is {model!r:.80}")
    return HintControl(model, image.movedim(-1, 1), strength, start, end)


def steered(conditioning: ConditioningValue, control: HintControl, *, shared: bool) -> ConditioningValue:
    """Return prompts with one more control; `shared` lets the negative take it where it has none."""
    return tuple(
        replace(
            entry,
            extra={
                **entry.extra,
                "control": (*entry.extra.get("control", ()), control),
                "control_apply_to_uncond": shared,
            },
        )
        for entry in conditioning
    )


@node(id="ControlNetApply", display_name="Apply ControlNet (OLD)", category=CATEGORY, deprecated=True)
def apply_control_net(
    *, conditioning: Conditioning, control_net: ControlNet, image: Image, strength: Strength = 1.0
) -> Conditioning:
    """Let a picture steer prompts from the first step to the last; the negative is steered too.

    Args:
        conditioning: prompts.
        control_net: how the picture is read: as edges, a pose, depth, ...
        image: the picture, in the form that the ControlNet was trained on.
        strength: how much it counts; 0 changes nothing.
    """
    if strength == 0:
        return conditioning
    return steered(conditioning, control_by(control_net, image, strength), shared=True)


@node(id="ControlNetApplyAdvanced", display_name="Apply ControlNet", category=CATEGORY)
def apply_to_both(
    *,
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNet,
    image: Image,
    strength: Strength = 1.0,
    start_percent: Percent = 0.0,
    end_percent: Percent = 1.0,
    vae: Vae | None = None,
) -> Pair:
    """Let a picture steer prompts during a part of sampling; several in a row add up.

    Args:
        positive: what to draw.
        negative: what to keep away from; it is steered as well.
        control_net: how the picture is read: as edges, a pose, depth, ...
        image: the picture, in the form that the ControlNet was trained on; the centre is cut out of one of
            another shape.
        strength: how much it counts; 0 changes nothing.
        start_percent: part of sampling after which it begins to count.
        end_percent: part of sampling after which it counts no more.
        vae: for ControlNets that read latents; the others need none.
    """
    del vae
    if strength == 0:
        return Pair(positive, negative)
    control = control_by(control_net, image, strength, start_percent, end_percent)
    return Pair(steered(positive, control, shared=False), steered(negative, control, shared=False))


@node(id="ControlNetApplySD3", display_name="Apply Controlnet with VAE", category=CATEGORY, deprecated=True)
def apply_with_vae(
    *,
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNet,
    vae: Vae,
    image: Image,
    strength: Strength = 1.0,
    start_percent: Percent = 0.0,
    end_percent: Percent = 1.0,
) -> Pair:
    """Let a picture steer prompts during a part of sampling; the same as Apply ControlNet with a VAE.

    Args:
        positive: what to draw.
        negative: what to keep away from; it is steered as well.
        control_net: how the picture is read.
        vae: for ControlNets that read latents; the others need none.
        image: the picture, in the form that the ControlNet was trained on.
        strength: how much it counts; 0 changes nothing.
        start_percent: part of sampling after which it begins to count.
        end_percent: part of sampling after which it counts no more.
    """
    return apply_to_both(
        positive=positive,
        negative=negative,
        control_net=control_net,
        image=image,
        strength=strength,
        start_percent=start_percent,
        end_percent=end_percent,
        vae=vae,
    )


@node(id="ControlNetInpaintingAliMamaApply", display_name="Apply Inpainting ControlNet", category=CATEGORY)
def apply_inpainting(
    *,
    positive: Conditioning,
    negative: Conditioning,
    control_net: ControlNet,
    vae: Vae,
    image: Image,
    mask: Mask,
    strength: Strength = 1.0,
    start_percent: Percent = 0.0,
    end_percent: Percent = 1.0,
) -> Pair:
    """Let an inpainting ControlNet fill the masked part of a picture.

    The ControlNets of Stable Diffusion 1, 2 and XL take no mask beside their hint: they see the picture as it
    comes (Inpaint Hint marks the masked part in it).

    Args:
        positive: what to draw.
        negative: what to keep away from; it is steered as well.
        control_net: an inpainting ControlNet.
        vae: for ControlNets that read latents.
        image: the picture.
        mask: 1 where it is to be filled, for ControlNets that take a mask.
        strength: how much it counts; 0 changes nothing.
        start_percent: part of sampling after which it begins to count.
        end_percent: part of sampling after which it counts no more.
    """
    del mask
    return apply_to_both(
        positive=positive,
        negative=negative,
        control_net=control_net,
        image=image,
        strength=strength,
        start_percent=start_percent,
        end_percent=end_percent,
        vae=vae,
    )


@node(id="InpaintHint", display_name="Inpaint Hint", category=CATEGORY)
def mark_masked(image: Image, mask: Mask) -> Image:
    """Mark the masked part of a picture for an inpainting ControlNet: its pixels become -1.

    Args:
        image: (B, H, W, 3), the picture.
        mask: 1 where it is to be filled; above one half counts.
    """
    planes = resize_mask(mask, image.shape[2], image.shape[1])
    is_masked = planes[torch.arange(len(image)) % len(planes), :, :, None] > 0.5
    return torch.where(is_masked, torch.full_like(image, MASKED_HINT), image)


@node(id="SetUnionControlNetType", display_name="Set Union ControlNet Type", category=CATEGORY)
def set_type(control_net: ControlNet, type: Annotated[str, Choice(TYPES)]) -> ControlNet:  # noqa: A002 - the name that saved workflows know
    """Tell a ControlNet that reads many kinds of pictures which kind comes.

    Args:
        control_net: a union of ControlNets.
        type: the kind of picture; auto tells it none.
    """
    model = control_net
    if TYPES[type] and not is_union(model.base.network):
        raise NodeError(f"{model.base.name} reads one kind of pictures, so it cannot be told {type!r}")
    return model.with_base(replace(model.base, types=TYPES[type]))
