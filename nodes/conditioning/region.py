"""Says where, when and how strongly prompts hold."""

from dataclasses import replace
from typing import Annotated

from nodes.api.declare import node
from nodes.api.sockets import Conditioning, Mask
from nodes.api.widgets import Choice, Range
from nodes.image.resize import planes
from schedulers.conditioning import CellArea, FractionArea

MASK_AREAS = ("default", "mask bounds")


@node(id="ConditioningSetArea", display_name="Conditioning (Set Area)", category="conditioning")
def set_area(
    conditioning: Conditioning,
    width: Annotated[int, Range(64, 16384, step=8)] = 64,
    height: Annotated[int, Range(64, 16384, step=8)] = 64,
    x: Annotated[int, Range(0, 16384, step=8)] = 0,
    y: Annotated[int, Range(0, 16384, step=8)] = 0,
    strength: Annotated[float, Range(0.0, 10.0, step=0.01)] = 1.0,
) -> Conditioning:
    """Limit prompts to a rectangle of the picture.

    Args:
        conditioning: prompts.
        width: width in pixels, 8 to a latent cell.
        height: height in pixels.
        x: left edge in pixels.
        y: top edge in pixels.
        strength: weight against other prompts that hold there.
    """
    area = CellArea(height // 8, width // 8, y // 8, x // 8)
    return tuple(replace(entry, area=area, strength=strength, mask_bounds=False) for entry in conditioning)


@node(
    id="ConditioningSetAreaPercentage",
    display_name="Conditioning (Set Area with Percentage)",
    category="conditioning",
)
def set_fraction_area(
    conditioning: Conditioning,
    width: Annotated[float, Range(0, 1.0, step=0.01)] = 1.0,
    height: Annotated[float, Range(0, 1.0, step=0.01)] = 1.0,
    x: Annotated[float, Range(0, 1.0, step=0.01)] = 0,
    y: Annotated[float, Range(0, 1.0, step=0.01)] = 0,
    strength: Annotated[float, Range(0.0, 10.0, step=0.01)] = 1.0,
) -> Conditioning:
    """Limit prompts to a rectangle given in fractions of the picture.

    Args:
        conditioning: prompts.
        width: part of the picture's width, 1 = all of it.
        height: part of the picture's height.
        x: left edge as a part of the width.
        y: top edge as a part of the height.
        strength: weight against other prompts that hold there.
    """
    area = FractionArea(height, width, y, x)
    return tuple(replace(entry, area=area, strength=strength, mask_bounds=False) for entry in conditioning)


@node(id="ConditioningSetAreaStrength", display_name="ConditioningSetAreaStrength", category="conditioning")
def set_area_strength(
    conditioning: Conditioning, strength: Annotated[float, Range(0.0, 10.0, step=0.01)] = 1.0
) -> Conditioning:
    """Weigh prompts against others that hold at the same place.

    Args:
        conditioning: prompts.
        strength: the weight.
    """
    return tuple(replace(entry, strength=strength) for entry in conditioning)


@node(id="ConditioningSetMask", display_name="Conditioning (Set Mask)", category="conditioning")
def set_mask(
    *,
    conditioning: Conditioning,
    mask: Mask,
    strength: Annotated[float, Range(0.0, 10.0, step=0.01)] = 1.0,
    set_cond_area: Annotated[str, Choice(MASK_AREAS)],
) -> Conditioning:
    """Limit prompts to where a mask is bright.

    Args:
        conditioning: prompts.
        mask: (B, H, W) of any size, stretched to the picture; values weigh the prompts.
        strength: factor for the mask.
        set_cond_area: with mask bounds the network looks only at the box around the mask.
    """
    bounds = set_cond_area != MASK_AREAS[0]
    return tuple(
        replace(entry, mask=planes(mask), mask_strength=strength, mask_bounds=bounds)
        for entry in conditioning
    )


@node(
    id="ConditioningSetTimestepRange",
    display_name="ConditioningSetTimestepRange",
    category="advanced/conditioning",
)
def set_time(
    conditioning: Conditioning,
    start: Annotated[float, Range(0.0, 1.0, step=0.001)] = 0.0,
    end: Annotated[float, Range(0.0, 1.0, step=0.001)] = 1.0,
) -> Conditioning:
    """Let prompts hold during a part of sampling only.

    Args:
        conditioning: prompts.
        start: when they begin, 0 = with the first noise level of the model.
        end: when they end, 1 = with the last one.
    """
    return tuple(replace(entry, start=start, end=end) for entry in conditioning)
