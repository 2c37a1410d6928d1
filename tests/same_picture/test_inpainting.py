"""Checks whole SDXL graphs that draw parts of a picture anew against an oracle, its autoencoder included."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from executor.session import Session
from tests.oracle.diffusers_names import worst_ratio
from tests.oracle.tiny_xl import TinyXl, build
from tests.oracle.xl_graphs import (
    CFG,
    HEIGHT,
    SCALE,
    WIDTH,
    Denoise,
    euler,
    guided,
    link,
    noise,
    normal,
    prompts,
    run,
    sampler,
)

# Not a multiple of 8 on either side: 3 and 5 pixels too many, of which 1 and 2 are cut at the top and left.
TALL, WIDE = HEIGHT + 3, WIDTH + 5
COLOUR = torch.tensor([0x20, 0xA0, 0xF0]) / 255
HOLE = {"x": 21, "y": 13, "width": 40, "height": 30}


def pictured() -> dict[str, dict[str, Any]]:
    """The nodes of a picture of one colour, and of a mask with a hole."""
    return {
        "image": link("EmptyImage", width=WIDE, height=TALL, batch_size=1, color=0x20A0F0),
        "white": link("SolidMask", value=0.8, width=HOLE["width"], height=HOLE["height"]),
        "black": link("SolidMask", value=0.0, width=WIDE, height=TALL),
        "mask": link(
            "MaskComposite",
            destination=["black", 0],
            source=["white", 0],
            x=HOLE["x"],
            y=HOLE["y"],
            operation="add",
        ),
    }


def cut_mask() -> Tensor:
    mask = torch.zeros(1, 1, TALL, WIDE)
    mask[..., HOLE["y"] : HOLE["y"] + HOLE["height"], HOLE["x"] : HOLE["x"] + HOLE["width"]] = 0.8
    return mask[..., 1 : 1 + HEIGHT, 2 : 2 + WIDTH]


@torch.no_grad()
def encoded(oracle: TinyXl, pixels: Tensor) -> Tensor:
    """The most likely latent of pixels (1, 3, H, W) in [0, 1], as the network knows it."""
    latent: Tensor = oracle.vae.encode(pixels * 2 - 1).latent_dist.mode()
    return latent * SCALE


def greyed() -> Tensor:
    pixels = COLOUR[None, :, None, None].expand(1, 3, HEIGHT, WIDTH)
    return (pixels - 0.5) * (1 - cut_mask().round()) + 0.5


def inside(denoise: Denoise, mask: Tensor, latent: Tensor, drawn: Tensor) -> Denoise:
    def masked(x: Tensor, sigma: float) -> Tensor:
        seen = x * mask + (latent + sigma * drawn) * (1 - mask)
        return denoise(seen, sigma) * mask + latent * (1 - mask)

    return masked


def test_an_encoded_picture_is_grey_in_the_hole_and_drawn_in_a_larger_one(
    oracle: TinyXl, session: Session
) -> None:
    got = run(
        session,
        **pictured(),
        masked=link(
            "VAEEncodeForInpaint", pixels=["image", 0], vae=["load", 2], mask=["mask", 0], grow_mask_by=5
        ),
        sample=sampler(latent_image=["masked", 0], denoise=0.7),
    )
    latent, drawn = encoded(oracle, greyed()), noise()[:1]
    grown = conv2d(cut_mask().round(), torch.ones(1, 1, 5, 5), padding=2).clamp(0, 1)
    mask = interpolate(grown, latent.shape[-2:], mode="bilinear").expand(1, 4, -1, -1)
    sigmas = normal(int(4 / 0.7))[-5:]
    denoise = inside(guided(oracle, prompts(oracle)), mask, latent, drawn)
    expected = euler(denoise, latent + drawn * sigmas[0], sigmas) / SCALE
    assert worst_ratio(got, expected) <= 1e-3


@pytest.mark.parametrize("keeps", [True, False])
def test_a_network_for_inpainting_sees_the_hole_and_the_rest(
    session: Session, base: Path, keeps: bool
) -> None:
    oracle = build(channels=9)
    oracle.save(base / "models" / "checkpoints" / "nine.safetensors")
    got = run(
        session,
        **pictured(),
        load=link("CheckpointLoaderSimple", ckpt_name="nine.safetensors"),
        shown=link(
            "InpaintModelConditioning",
            positive=["positive", 0],
            negative=["negative", 0],
            vae=["load", 2],
            pixels=["image", 0],
            mask=["mask", 0],
            noise_mask=keeps,
        ),
        sample=sampler(positive=["shown", 0], negative=["shown", 1], latent_image=["shown", 2]),
    )
    whole = COLOUR[None, :, None, None].expand(1, 3, HEIGHT, WIDTH)
    latent, drawn, told = encoded(oracle, whole), noise()[:1], prompts(oracle)
    size = latent.shape[-2:]
    beside = interpolate(cut_mask(), size, mode="bilinear").round(), encoded(oracle, greyed())

    def denoise(x: Tensor, sigma: float) -> Tensor:
        good, bad = (x - sigma * oracle.noise(x, sigma, one, beside=beside) for one in told)
        return bad + CFG * (good - bad)

    sigmas = normal(4)
    if keeps:
        mask = interpolate(cut_mask(), size, mode="bilinear").expand(1, 4, -1, -1)
        denoise = inside(denoise, mask, latent, drawn)
    expected = euler(denoise, latent + drawn * (1 + sigmas[0] ** 2) ** 0.5, sigmas) / SCALE
    assert worst_ratio(got, expected) <= 1e-3
