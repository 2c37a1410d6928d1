"""Says what each way of blending makes of a colour and of the colour below it.

References: W3C, Compositing and Blending Level 1 (2015), section "Blending", for all from normal to exclusion
and from hue to luminosity; the others are those that programs for painting have beside them. Colours are not
multiplied by opacity.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Blend = Callable[[Tensor, Tensor], Tensor]
"""(colour below, colour above) -> blended colour, (..., 3) each."""

LIGHTNESS = (0.3, 0.59, 0.11)


def _hard_light(below: Tensor, above: Tensor) -> Tensor:
    return torch.where(above <= 0.5, 2 * below * above, 1 - 2 * (1 - below) * (1 - above))


def _soft_light(below: Tensor, above: Tensor) -> Tensor:
    curve = torch.where(below <= 0.25, ((16 * below - 12) * below + 4) * below, below.clamp(min=0).sqrt())
    dark = below - (1 - 2 * above) * below * (1 - below)
    light = below + (2 * above - 1) * (curve - below)
    return torch.where(above <= 0.5, dark, light)


def _divided(one: Tensor, other: Tensor) -> Tensor:
    """One by the other, at most 1; 0 by 0 is 0."""
    most = torch.where(one <= 0, torch.zeros_like(one), torch.ones_like(one))
    return torch.where(other <= 0, most, (one / other.clamp(min=1e-12)).clamp(max=1))


def _colour_dodge(below: Tensor, above: Tensor) -> Tensor:
    return _divided(below, 1 - above)


def _colour_burn(below: Tensor, above: Tensor) -> Tensor:
    return 1 - _divided(1 - below, above)


def _vivid_light(below: Tensor, above: Tensor) -> Tensor:
    return torch.where(above <= 0.5, _colour_burn(below, 2 * above), _colour_dodge(below, 2 * above - 1))


def _pin_light(below: Tensor, above: Tensor) -> Tensor:
    dark, light = torch.minimum(below, 2 * above), torch.maximum(below, 2 * above - 1)
    return torch.where(above <= 0.5, dark, light)


def _lightness(colour: Tensor) -> Tensor:
    return (colour * colour.new_tensor(LIGHTNESS)).sum(-1, keepdim=True)


def _with_lightness(colour: Tensor, lightness: Tensor) -> Tensor:
    """A colour (..., 3) moved to a lightness (..., 1), towards grey where it would leave [0, 1]."""
    moved = colour + lightness - _lightness(colour)
    least, most = moved.amin(-1, keepdim=True), moved.amax(-1, keepdim=True)
    offset = moved - lightness
    moved = torch.where(
        least < 0, lightness + offset * lightness / (lightness - least).clamp(min=1e-12), moved
    )
    room = (1 - lightness) / (most - lightness).clamp(min=1e-12)
    return torch.where(most > 1, lightness + (moved - lightness) * room, moved)


def _saturation(colour: Tensor) -> Tensor:
    return colour.amax(-1, keepdim=True) - colour.amin(-1, keepdim=True)


def _with_saturation(colour: Tensor, saturation: Tensor) -> Tensor:
    """A colour (..., 3) with its least part at 0 and its largest at a saturation (..., 1); grey is black."""
    least, spread = colour.amin(-1, keepdim=True), _saturation(colour)
    stretched = (colour - least) * saturation / spread.clamp(min=1e-12)
    return torch.where(spread > 0, stretched, torch.zeros_like(colour))


def _hue(below: Tensor, above: Tensor) -> Tensor:
    return _with_lightness(_with_saturation(above, _saturation(below)), _lightness(below))


def _saturate(below: Tensor, above: Tensor) -> Tensor:
    return _with_lightness(_with_saturation(below, _saturation(above)), _lightness(below))


MODES: Mapping[str, Blend] = {
    "normal": lambda below, above: above,
    "multiply": lambda below, above: below * above,
    "screen": lambda below, above: 1 - (1 - below) * (1 - above),
    "overlay": lambda below, above: _hard_light(above, below),
    "darken": torch.minimum,
    "lighten": torch.maximum,
    "color_dodge": _colour_dodge,
    "color_burn": _colour_burn,
    "hard_light": _hard_light,
    "soft_light": _soft_light,
    "difference": lambda below, above: (below - above).abs(),
    "exclusion": lambda below, above: below + above - 2 * below * above,
    "linear_dodge": lambda below, above: below + above,
    "linear_burn": lambda below, above: below + above - 1,
    "vivid_light": _vivid_light,
    "pin_light": _pin_light,
    "linear_light": lambda below, above: below + 2 * above - 1,
    "hard_mix": lambda below, above: (below + above >= 1).to(below.dtype),
    "subtract": lambda below, above: below - above,
    "divide": _divided,
    "grain_extract": lambda below, above: below - above + 0.5,
    "grain_merge": lambda below, above: below + above - 0.5,
    "hue": _hue,
    "saturation": _saturate,
    "color": lambda below, above: _with_lightness(above, _lightness(below)),
    "luminosity": lambda below, above: _with_lightness(below, _lightness(above)),
}


def blended(mode: str, below: Tensor, above: Tensor) -> Tensor:
    """Return what a mode makes of colours (..., 3) in [0, 1] over others (..., 3), in [0, 1]."""
    return MODES[mode](below, above).clamp(0, 1)
