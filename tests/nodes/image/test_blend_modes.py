"""Blend modes, each against the words of the specification written down a second time, number by number."""

import math

import pytest
import torch

from nodes.image.blend_modes import LIGHTNESS, MODES, blended

Colour = tuple[float, float, float]
STEPS = (0.0, 0.1, 0.25, 0.3, 0.5, 0.7, 0.9, 1.0)


def dodge(b: float, s: float) -> float:
    if b == 0:
        return 0.0
    return 1.0 if s == 1 else min(1.0, b / (1 - s))


def burn(b: float, s: float) -> float:
    if b == 1:
        return 1.0
    return 0.0 if s == 0 else 1 - min(1.0, (1 - b) / s)


def hard(b: float, s: float) -> float:
    return b * 2 * s if s <= 0.5 else b + (2 * s - 1) - b * (2 * s - 1)


def soft(b: float, s: float) -> float:
    if s <= 0.5:
        return b - (1 - 2 * s) * b * (1 - b)
    curve = ((16 * b - 12) * b + 4) * b if b <= 0.25 else math.sqrt(b)
    return b + (2 * s - 1) * (curve - b)


# What a channel becomes of b below and s above, before it is kept in [0, 1].
SEPARABLE = {
    "normal": lambda b, s: s,
    "multiply": lambda b, s: b * s,
    "screen": lambda b, s: b + s - b * s,
    "overlay": lambda b, s: hard(s, b),
    "darken": min,
    "lighten": max,
    "color_dodge": dodge,
    "color_burn": burn,
    "hard_light": hard,
    "soft_light": soft,
    "difference": lambda b, s: abs(b - s),
    "exclusion": lambda b, s: b + s - 2 * b * s,
    "linear_dodge": lambda b, s: b + s,
    "linear_burn": lambda b, s: b + s - 1,
    "vivid_light": lambda b, s: burn(b, 2 * s) if s <= 0.5 else dodge(b, 2 * s - 1),
    "pin_light": lambda b, s: min(b, 2 * s) if s <= 0.5 else max(b, 2 * s - 1),
    "linear_light": lambda b, s: b + 2 * s - 1,
    "hard_mix": lambda b, s: float(b + s >= 1),
    "subtract": lambda b, s: b - s,
    "divide": lambda b, s: 0.0 if b == 0 else (1.0 if s == 0 else b / s),
    "grain_extract": lambda b, s: b - s + 0.5,
    "grain_merge": lambda b, s: b + s - 0.5,
}


def light(c: Colour) -> float:
    return sum(part * share for part, share in zip(c, LIGHTNESS, strict=True))


def clipped(c: Colour) -> Colour:
    grey, least, most = light(c), min(c), max(c)
    if least < 0:
        c = tuple(grey + (part - grey) * grey / (grey - least) for part in c)
    if most > 1:
        c = tuple(grey + (part - grey) * (1 - grey) / (most - grey) for part in c)
    return c


def with_light(c: Colour, wanted: float) -> Colour:
    return clipped(tuple(part + wanted - light(c) for part in c))


def spread(c: Colour) -> float:
    return max(c) - min(c)


def with_spread(c: Colour, wanted: float) -> Colour:
    order = sorted(range(3), key=lambda index: c[index])
    made = [0.0, 0.0, 0.0]
    if spread(c) > 0:
        made[order[1]] = (c[order[1]] - c[order[0]]) * wanted / spread(c)
        made[order[2]] = wanted
    return tuple(made)


WHOLE = {
    "hue": lambda b, s: with_light(with_spread(s, spread(b)), light(b)),
    "saturation": lambda b, s: with_light(with_spread(b, spread(s)), light(b)),
    "color": lambda b, s: with_light(s, light(b)),
    "luminosity": lambda b, s: with_light(b, light(s)),
}


def test_every_mode_is_checked() -> None:
    assert SEPARABLE.keys() | WHOLE.keys() == MODES.keys()


@pytest.mark.parametrize("mode", SEPARABLE)
def test_a_mode_of_channels_is_as_specified(mode: str) -> None:
    pairs = torch.tensor([(b, s) for b in STEPS for s in STEPS], dtype=torch.float64)
    got = blended(mode, *(column[:, None].expand(-1, 3) for column in pairs.unbind(1)))
    expected = [min(1.0, max(0.0, SEPARABLE[mode](*pair))) for pair in pairs.tolist()]
    torch.testing.assert_close(got[:, 1], torch.tensor(expected, dtype=torch.float64))
    assert torch.equal(got[:, 0], got[:, 2])


@pytest.mark.parametrize("mode", WHOLE)
def test_a_mode_of_whole_colours_is_as_specified(mode: str) -> None:
    generator = torch.Generator().manual_seed(3)
    below, above = (torch.rand(200, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    ends = torch.tensor([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0.5, 0.5, 0.5]], dtype=torch.float64)
    below, above = torch.cat([below, ends, ends]), torch.cat([above, ends.flip(0), ends])
    expected = [WHOLE[mode](tuple(b), tuple(s)) for b, s in zip(below.tolist(), above.tolist(), strict=True)]
    torch.testing.assert_close(blended(mode, below, above), torch.tensor(expected, dtype=torch.float64))
