"""Says how the families' latents are scaled, and how they look: a linear map to colours for previews."""

import json
from dataclasses import replace

from loaders.errors import BrokenFile
from loaders.files import Weights
from models.diffusion import LatentFormat

RGB_METADATA = "sfumato.rgb_factors"
# The maps to colours were fitted by users of the families; a file may bring its own.
SD = LatentFormat(
    scale=0.18215,
    rgb_factors=(
        (0.3512, 0.2297, 0.3227),
        (0.3250, 0.4974, 0.2350),
        (-0.2829, 0.1762, 0.2721),
        (-0.2120, -0.2616, -0.7177),
    ),
    preview="taesd",
)
SDXL = LatentFormat(
    scale=0.13025,
    rgb_factors=(
        (0.3651, 0.4232, 0.4341),
        (-0.2533, -0.0042, 0.1068),
        (0.1076, 0.1111, -0.0362),
        (-0.3165, -0.2492, -0.2188),
    ),
    rgb_bias=(0.1084, -0.0175, -0.0011),
    preview="taesdxl",
)
# Playground 2.5 standardises each channel (Li et al. 2024, arXiv:2402.17245) and takes half of that.
PLAYGROUND = replace(
    SDXL,
    scale=0.5,
    mean=(-1.6574, 1.886, -1.383, 2.5155),
    deviation=(8.4927, 5.9022, 6.5498, 5.2299),
    rgb_factors=(
        (0.3920, 0.4054, 0.4549),
        (-0.2634, -0.0196, 0.0653),
        (0.0568, 0.1687, -0.0755),
        (-0.3112, -0.2359, -0.2076),
    ),
    rgb_bias=(0.0, 0.0, 0.0),
)
UPSCALER = LatentFormat(
    scale=0.08333,
    downscale=4,
    rgb_factors=(
        (-0.2340, -0.3863, -0.3257),
        (0.0994, 0.0885, -0.0908),
        (-0.2833, -0.2349, -0.3741),
        (0.2523, -0.0055, -0.1651),
    ),
)


def latent_format(weights: Weights, usual: LatentFormat, channels: int) -> LatentFormat:
    """A family's format for a file: its number of channels, and its own colours where it brings some."""
    own = weights.metadata.get(RGB_METADATA)
    if own is None:
        shown = usual.rgb_factors if channels == usual.channels else None
        return replace(usual, channels=channels, rgb_factors=shown)
    factors = _read_factors(weights, own)
    rows, bias = factors[:channels], factors[channels] if len(factors) == channels + 1 else (0.0, 0.0, 0.0)
    return replace(
        usual, channels=channels, rgb_factors=rows if len(rows) == channels else None, rgb_bias=bias
    )


def _read_factors(weights: Weights, text: str) -> tuple[tuple[float, float, float], ...]:
    """Rows of three numbers, one a channel and perhaps one more to be added, from JSON."""
    try:
        return tuple((float(r), float(g), float(b)) for r, g, b in json.loads(text))
    except (ValueError, TypeError) as error:
        raise BrokenFile(weights.path, f"its metadata {RGB_METADATA} is not rows of three numbers") from error
