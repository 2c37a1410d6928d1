"""Pictures for bright screens: what such a screen shows of them, worked out the other way round."""

import math

import pytest
import torch
from torch import Tensor

from nodes.api.errors import NodeError
from nodes.image.expand_range import LUMINANCE_2020, MIDDLE, Lottes, expand
from nodes.saving.advanced import hlg_to_light


def grey(*light: float) -> Tensor:
    """Greys of amounts of light, as sRGB values."""
    values = torch.tensor(light, dtype=torch.float64)
    encoded = torch.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)
    return encoded.float()[None, None, :, None].expand(-1, -1, -1, 3).clone()


def nits(signal: Tensor, peak: float = 1000.0) -> Tensor:
    """What a screen shows (BT.2100, table 5): scene light by a power of its luminance, times the peak."""
    scene = hlg_to_light(signal.double())
    luminance = (scene * torch.tensor(LUMINANCE_2020, dtype=torch.float64)).sum(-1, keepdim=True)
    gamma = 1.2 + 0.42 * math.log10(peak / 1000)
    return peak * luminance ** (gamma - 1) * scene


def tone_mapped(x: Tensor, peak: float, contrast: float = 1.0, shoulder: float = 1.0) -> Tensor:
    """Lottes' operator, as his talk has it, with a middle grey that stays."""
    high, low = peak ** (contrast * shoulder), MIDDLE ** (contrast * shoulder)
    b = (-(MIDDLE**contrast) + peak**contrast * MIDDLE) / ((high - low) * MIDDLE)
    c = (high * MIDDLE**contrast - peak**contrast * low * MIDDLE) / ((high - low) * MIDDLE)
    return x**contrast / (x ** (contrast * shoulder) * b + c)


@pytest.mark.parametrize(("asked", "white"), [(650.0, 650), (1000.0, 1000), (0.0, 1000), (300.0, 300)])
def test_a_screen_shows_what_tone_mapping_would_give_the_picture_of(asked: float, white: float) -> None:
    light = (0.0, 0.001, 0.02, MIDDLE, 0.5, 0.9, 1.0)
    shown = nits(expand(grey(*light), Lottes(asked)))[0, 0]
    assert float(shown[-1, 0]) == pytest.approx(white, rel=1e-3)
    assert float(shown[3, 0]) == pytest.approx(MIDDLE * 203, rel=1e-3)
    assert torch.allclose(shown, shown.mean(-1, keepdim=True).expand(-1, 3), rtol=2e-3)
    again = tone_mapped(shown[:, 1] / 203, white / 203)
    torch.testing.assert_close(again, torch.tensor(light, dtype=torch.float64), rtol=2e-3, atol=1e-6)


def test_brighter_screens_than_the_reference_and_whites_below_paper() -> None:
    bright = expand(grey(0.0, 0.4, 1.0), Lottes(4000.0))
    assert float(bright.max()) <= 1.0
    assert float(nits(bright, 4000.0)[0, 0, 2, 0]) == pytest.approx(4000, rel=1e-3)
    dim = nits(expand(grey(0.1, 1.0), Lottes(100.0)))[0, 0, :, 0]
    assert dim.tolist() == pytest.approx([10, 100], rel=1e-3)


def test_brightness_keeps_its_order_and_colours_their_hue() -> None:
    ramp = torch.linspace(0, 1, 256)[None, None, :, None].expand(-1, -1, -1, 3)
    assert bool((expand(ramp, Lottes())[0, 0, :, 0].diff() > 0).all())
    picture = torch.rand(1, 9, 9, 3, generator=torch.Generator().manual_seed(1))
    darker = nits(expand(picture, Lottes(203.0)))
    brighter = nits(expand(picture, Lottes(600.0)))
    ratio = brighter / darker.clamp(min=1e-9)
    assert torch.allclose(ratio, ratio.mean(-1, keepdim=True).expand_as(ratio), rtol=5e-3)


def test_the_signal_holds_every_colour() -> None:
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)[None, None]
    for asked in (0.0, 650.0, 10_000.0):
        signal = expand(corners, Lottes(asked))
        assert float(signal.min()) >= 0.0
        assert float(signal.max()) <= 1.0


def test_channels_stay_or_become_three() -> None:
    see_through = torch.rand(2, 3, 3, 4, generator=torch.Generator().manual_seed(2))
    assert torch.equal(expand(see_through, Lottes())[..., 3], see_through[..., 3])
    assert expand(see_through[..., :1], Lottes()).shape == (2, 3, 3, 3)
    with pytest.raises(NodeError, match="not 2"):
        expand(see_through[..., :2], Lottes())
