"""An autoencoder works in tiles, in half precision and with little memory as it does without such cares."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from loaders.checkpoint import Checkpoint
from models.adapters.patch import Patched
from models.diffusion import VaeModel
from models.vae.autoencoder import Distribution
from models.vae.kl import AutoencoderKL
from models.vae.pixels import PixelSpace
from models.vae.running import DECODING_TILES, AutoencoderRun
from nodes.latent.vae import decode, decode_tiled, encode, encode_tiled
from schedulers.latent import LatentBatch


class Local(PixelSpace):
    """Looks at single cells only, so that tiles must not change anything; has one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.downscale = 8
        self.weight = torch.nn.Parameter(torch.tensor(0.5), requires_grad=False)

    def encode_raw(self, pixels: Tensor) -> Distribution:
        return Distribution.point(torch.nn.functional.avg_pool2d(pixels, 8) * self.weight)

    def decode_raw(self, latent: Tensor) -> Tensor:
        return torch.nn.functional.interpolate(latent * self.weight, scale_factor=8.0)


class Short(Local):
    """Has memory for 64 by 64 cells, and 512 by 512 pixels, and no more."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def decode_raw(self, latent: Tensor) -> Tensor:
        if latent[0, 0].numel() > 64 * 64:
            raise self.error
        return super().decode_raw(latent)

    def encode_raw(self, pixels: Tensor) -> Distribution:
        if pixels[0, 0].numel() > 512 * 512:
            raise self.error
        return super().encode_raw(pixels)


def vae_of(network: Any) -> Patched[VaeModel]:
    return Patched(VaeModel(network))


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("tile", "overlap"), [(64, 64), (64, 0), (128, 32), (512, 64)])
def test_tiled_decoding_of_a_local_network_is_decoding(ctx, tile: int, overlap: int) -> None:
    latent = LatentBatch(draw(2, 3, 40, 21))
    expected = decode(ctx, latent, vae_of(Local()))
    assert torch.allclose(decode_tiled(ctx, latent, vae_of(Local()), tile, overlap), expected, atol=1e-5)


@pytest.mark.parametrize(("tile", "overlap"), [(64, 64), (128, 32), (512, 64)])
def test_tiled_encoding_of_a_local_network_is_encoding(ctx, tile: int, overlap: int) -> None:
    pixels = draw(2, 203, 330, 3).sigmoid()
    expected = encode(ctx, pixels, vae_of(Local())).samples
    got = encode_tiled(ctx, pixels, vae_of(Local()), tile, overlap).samples
    assert torch.allclose(got, expected, atol=1e-5)


def test_a_picture_that_fits_in_a_tile_is_decoded_as_without_tiles(ctx, checkpoint: Checkpoint) -> None:
    latent = LatentBatch(draw(1, 4, 6, 5))
    tiled = decode_tiled(ctx, latent, checkpoint.vae)
    assert torch.allclose(tiled, decode(ctx, latent, checkpoint.vae), atol=1e-6)


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("CPUAllocator: can't allocate memory")],
)
def test_short_memory_is_answered_with_tiles(ctx, error: Exception, caplog) -> None:
    latent = LatentBatch(draw(1, 3, 70, 66))
    expected = decode(ctx, latent, vae_of(Local()))
    assert torch.allclose(decode(ctx, latent, vae_of(Short(error))), expected, atol=1e-5)
    assert "it is made in tiles" in caplog.text
    pixels = draw(1, 560, 520, 3).sigmoid()
    expected = encode(ctx, pixels, vae_of(Local())).samples
    assert torch.allclose(encode(ctx, pixels, vae_of(Short(error))).samples, expected, atol=1e-5)


def test_another_failure_is_not_answered_with_tiles(ctx) -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        decode(ctx, LatentBatch(draw(1, 3, 70, 66)), vae_of(Short(RuntimeError("mat1 and mat2"))))


def test_what_overflows_in_half_precision_is_made_again_in_single(checkpoint: Checkpoint) -> None:
    network = copy.deepcopy(checkpoint.vae.base.network)
    assert isinstance(network, AutoencoderKL)
    with torch.no_grad():
        # Large inside, small at the end, as in the XL autoencoder.
        network.decoder.conv_in.weight *= 5e4
        expected = network.decode_raw(draw(1, 4, 4, 4))
        half = network.half()
        assert not half.decode_raw(draw(1, 4, 4, 4).half()).isfinite().all()
        got = AutoencoderRun(half).decode(draw(1, 4, 4, 4))
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float16}
    assert got.isfinite().all()
    assert float((got - ((expected + 1) / 2).clamp(0, 1).movedim(1, -1)).abs().mean()) < 0.02


def test_half_precision_that_suffices_is_kept(checkpoint: Checkpoint) -> None:
    half = copy.deepcopy(checkpoint.vae.base.network).half()
    latent = draw(1, 4, 4, 4)
    with torch.no_grad():
        expected = half.decode(latent.half()).float()
        assert torch.allclose(AutoencoderRun(half).decode(latent), expected, atol=1e-3)


def test_the_tiles_of_short_memory_are_those_of_the_ecosystem() -> None:
    assert (DECODING_TILES.rows, DECODING_TILES.columns, DECODING_TILES.overlap) == (64, 64, 16)
    assert replace(DECODING_TILES, rows=8).layouts[0].rows == 16
