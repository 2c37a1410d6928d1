"""Describes Stable Diffusion 1.x and what was trained from it: inpainting, instruct-pix2pix, Zero123."""

from loaders.conditions import HasAll, HasNone
from loaders.families.latents import SD
from loaders.families.ldm import Trained, ldm_family, shaped
from loaders.families.stated import stated_prediction
from loaders.files import Weights
from loaders.keymap import Sources
from models.conditioners.pictures import EditConditioner, InpaintConditioner
from models.conditioners.views import ViewConditioner
from models.noise import NoiseTable
from models.unet.viewing import ViewUNet

# What Zero123 has beside its UNet, where instruct-pix2pix has nothing.
PROJECTION = ("cc_projection.weight", "cc_projection.bias")
TEXT = {"clip_l": ("cond_stage_model.transformer.",)}


def training(weights: Weights, sources: Sources) -> Trained:
    """Shapes cannot tell what a network predicts: it is noise, unless the file says otherwise."""
    del sources
    return Trained(
        prediction=stated_prediction(weights) or "eps",
        noise=NoiseTable(zero_terminal_snr="ztsnr" in weights),
    )


SD15 = ldm_family(
    ("sd15", "Stable Diffusion 1.x"), shaped(4, linear=False), training=training, text=TEXT, rules="sd15"
)
INPAINT = ldm_family(
    ("sd15_inpaint", "Stable Diffusion 1.x for inpainting"),
    shaped(9, linear=False),
    training=training,
    text=TEXT,
    rules="sd15",
    conditioner=InpaintConditioner(SD),
)
EDIT = ldm_family(
    ("sd15_edit", "instruct-pix2pix"),
    shaped(8, linear=False),
    training=training,
    text=TEXT,
    rules="sd15",
    conditioner=EditConditioner(),
    beside=HasNone(("cc_projection.",)),
)
ZERO123 = ldm_family(
    ("zero123", "Zero123 or Stable Zero123"),
    shaped(8, linear=False),
    training=training,
    text={},
    rules="sd15",
    conditioner=ViewConditioner(),
    beside=HasAll(PROJECTION),
    network=ViewUNet,
    outside=PROJECTION,
)
