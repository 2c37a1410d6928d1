"""Describes Stable Diffusion 2.x and its kin: inpainting, depth, unCLIP, upscaling, Lotus."""

import math

from loaders.conditions import All, HasAll, HasRank, HasSize
from loaders.families.latents import SD, UPSCALER
from loaders.families.ldm import UNET, Trained, ldm_family, shaped
from loaders.families.stated import stated_prediction
from loaders.files import Weights
from loaders.keymap import Sources
from models.conditioners.constant import ConstantVector
from models.conditioners.pictures import DepthConditioner, InpaintConditioner, UpscaleConditioner
from models.conditioners.unclip import UnclipConditioner
from models.noise import NoiseTable

TEXT = {"clip_h": ("cond_stage_model.model.", "conditioner.embedders.0.model.")}
# The 768 networks, which predict velocity, have this bias spread wider than the 512 ones.
_TELLTALE = "output_blocks.11.1.transformer_blocks.0.norm1.bias"
_WIDEST_OF_NOISE = 0.09


def guessed(weights: Weights, sources: Sources) -> Trained:
    """Shapes cannot tell: what the file says, else what the spread of one bias gives away."""
    prediction = stated_prediction(weights)
    if prediction is None and _TELLTALE in sources:
        spread = float(weights.read(sources[_TELLTALE]).float().std())
        prediction = "v" if spread > _WIDEST_OF_NOISE else "eps"
    return Trained(prediction or "eps", NoiseTable(zero_terminal_snr="ztsnr" in weights))


def noise(weights: Weights, sources: Sources) -> Trained:
    """Noise, unless the file says otherwise."""
    del sources
    return Trained(stated_prediction(weights) or "eps")


def upscaling(weights: Weights, sources: Sources) -> Trained:
    """Velocity, at noise levels of its own."""
    del weights, sources
    return Trained("v", NoiseTable(start=0.0001, end=0.02))


def picture(weights: Weights, sources: Sources) -> Trained:
    """The picture itself, at once."""
    del weights, sources
    return Trained("img_to_img")


# Two angles, sines then cosines: 1 says to describe the scene, where 0 would say to copy it; 0 says nothing.
_TASK = (math.sin(1.0), math.sin(0.0), math.cos(1.0), math.cos(0.0))

SD2 = ldm_family(
    ("sd2", "Stable Diffusion 2.x"), shaped(4, linear=True), training=guessed, text=TEXT, rules="sd2"
)
INPAINT = ldm_family(
    ("sd2_inpaint", "Stable Diffusion 2.x for inpainting"),
    shaped(9, linear=True),
    training=noise,
    text=TEXT,
    rules="sd2",
    conditioner=InpaintConditioner(SD),
)
DEPTH = ldm_family(
    ("sd2_depth", "Stable Diffusion 2 depth"),
    shaped(5, linear=True),
    training=noise,
    text=TEXT,
    rules="sd2",
    conditioner=DepthConditioner(),
)
UNCLIP_L = ldm_family(
    ("sd21_unclip_l", "Stable Diffusion 2.1 unCLIP after CLIP-L"),
    shaped(4, linear=True, vector=1536),
    training=guessed,
    text=TEXT,
    rules="sd2",
    conditioner=UnclipConditioner(768),
)
UNCLIP_H = ldm_family(
    ("sd21_unclip_h", "Stable Diffusion 2.1 unCLIP after OpenCLIP-H"),
    shaped(4, linear=True, vector=2048),
    training=guessed,
    text=TEXT,
    rules="sd2",
    conditioner=UnclipConditioner(1024),
)
UPSCALE = ldm_family(
    ("sd_x4", "Stable Diffusion x4 upscaler"),
    All(
        (
            UNET,
            HasAll(("label_emb.weight",)),
            HasSize("input_blocks.0.0.weight", 1, 7),
            HasRank("1.proj_in.weight", 2),
        )
    ),
    training=upscaling,
    text=TEXT,
    rules="sd2",
    latent=UPSCALER,
    conditioner=UpscaleConditioner(),
)
LOTUS = ldm_family(
    ("lotus", "Lotus"),
    shaped(4, linear=True, vector=4),
    training=picture,
    text=TEXT,
    rules="sd2",
    conditioner=ConstantVector(_TASK),
)
