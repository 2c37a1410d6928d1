"""Does a preview show the colours that the format's factors say?"""

import pytest
import torch

from models.diffusion import LatentFormat
from schedulers.preview import latent_to_rgb


def test_channels_become_colours() -> None:
    factors = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 0.0))
    latent = torch.zeros(2, 4, 2, 3)
    latent[0, 0] = 1.0
    latent[0, 1] = -5.0
    picture = latent_to_rgb(latent, LatentFormat(rgb_factors=factors, rgb_bias=(0.0, 0.0, 0.2)))
    assert picture.shape == (2, 3, 3)
    assert picture.dtype == torch.uint8
    assert picture[1, 2].tolist() == [255, 0, 153]


def test_a_format_without_factors_is_refused() -> None:
    with pytest.raises(ValueError, match="4 channels without rgb_factors"):
        latent_to_rgb(torch.zeros(1, 4, 2, 2), LatentFormat())
