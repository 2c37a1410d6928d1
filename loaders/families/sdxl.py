"""Describes Stable Diffusion XL of any size, and its kin: the refiner, inpainting, editing."""

from dataclasses import replace

from loaders.families.latents import PLAYGROUND, SDXL
from loaders.families.ldm import Trained, ldm_family, shaped
from loaders.families.stated import number_in, stated_prediction
from loaders.files import Weights
from loaders.keymap import Sources
from models.conditioners.joined import JoinedConditioner
from models.conditioners.pictures import EditConditioner, InpaintConditioner
from models.conditioners.sizes import ScoreConditioner, SizeConditioner
from models.noise import ContinuousLog, NoiseTable

TEXT = {
    "clip_l": ("conditioner.embedders.0.transformer.",),
    "clip_g": ("conditioner.embedders.1.model.",),
}
REFINER_TEXT = {"clip_g": ("conditioner.embedders.0.model.",)}
_HIGHEST, _LOWEST = "edm_vpred.sigma_max", "edm_vpred.sigma_min"


def training(weights: Weights, sources: Sources) -> Trained:
    """What keys without weights say: preconditioned as Karras et al. 2022 do, velocity, or noise."""
    del sources
    if "edm_mean" in weights and "edm_std" in weights:
        return Trained("edm", ContinuousLog(0.002, 80.0), sigma_data=0.5, latent=PLAYGROUND)
    if _HIGHEST in weights:
        lowest = number_in(weights, _LOWEST) if _LOWEST in weights else ContinuousLog.sigma_min
        return Trained("v", ContinuousLog(lowest, number_in(weights, _HIGHEST)))
    if "v_pred" in weights:
        return Trained("v", NoiseTable(zero_terminal_snr="ztsnr" in weights))
    return Trained(stated_prediction(weights) or "eps")


def editing(weights: Weights, sources: Sources) -> Trained:
    """As the others; a network preconditioned by Karras et al. sees the picture scaled like its latents."""
    trained = training(weights, sources)
    if _HIGHEST not in weights:
        return trained
    sees = JoinedConditioner((SizeConditioner(), EditConditioner(SDXL.scale)))
    return replace(trained, conditioner=sees)


BASE = ldm_family(
    ("sdxl", "Stable Diffusion XL"),
    shaped(4, linear=True, vector=2816),
    training=training,
    text=TEXT,
    rules="sdxl",
    latent=SDXL,
    conditioner=SizeConditioner(),
)
REFINER = ldm_family(
    ("sdxl_refiner", "Stable Diffusion XL refiner"),
    shaped(4, linear=True, vector=2560),
    training=training,
    text=REFINER_TEXT,
    rules="sdxl_refiner",
    latent=SDXL,
    conditioner=ScoreConditioner(),
)
INPAINT = ldm_family(
    ("sdxl_inpaint", "Stable Diffusion XL for inpainting"),
    shaped(9, linear=True, vector=2816),
    training=training,
    text=TEXT,
    rules="sdxl",
    latent=SDXL,
    conditioner=JoinedConditioner((SizeConditioner(), InpaintConditioner(SDXL))),
)
EDIT = ldm_family(
    ("sdxl_edit", "Stable Diffusion XL instruct-pix2pix"),
    shaped(8, linear=True, vector=2816),
    training=editing,
    text=TEXT,
    rules="sdxl",
    latent=SDXL,
    conditioner=JoinedConditioner((SizeConditioner(), EditConditioner())),
)
