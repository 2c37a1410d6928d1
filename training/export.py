"""Writes trained networks as files the ecosystem knows: a checkpoint in SD-1.x layout, a LoRA."""

import json
import random
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import avg_pool2d

from models.control.controlnet import ControlNet
from models.diffusion import LatentFormat
from models.vae.kl import AutoencoderKL
from training.adapter import Adapted
from training.autoencoder import encode, pixels, scene_picture
from training.denoiser import Denoiser
from training.image_prompt import Looking

LICENCE = "Apache-2.0"


def checkpoint_tensors(denoiser: Denoiser, autoencoder: AutoencoderKL) -> dict[str, Tensor]:
    """Half-precision tensors under the names of an SD-1.x checkpoint."""
    parts = (
        ("model.diffusion_model.", denoiser.unet),
        ("first_stage_model.", autoencoder),
        ("cond_stage_model.transformer.", denoiser.text),
    )
    return {
        prefix + name: tensor.half().contiguous()
        for prefix, network in parts
        for name, tensor in network.state_dict().items()
    }


def preview_colours(autoencoder: AutoencoderKL, count: int = 128) -> list[list[float]]:
    """The best linear preview of scaled latents: red, green, blue for each channel, and a row to be added."""
    rng = random.Random("preview")
    pictures = [scene_picture(rng, crop=False) for _ in range(count)]
    latents = encode(autoencoder, pictures) * LatentFormat().scale
    colours = avg_pool2d(pixels(pictures), autoencoder.config.downscale)
    inputs = latents.movedim(1, -1).flatten(0, 2)
    inputs = torch.cat([inputs, torch.ones(len(inputs), 1)], dim=1)
    rows = torch.linalg.lstsq(inputs, colours.movedim(1, -1).flatten(0, 2)).solution
    return [[round(value, 4) for value in row] for row in rows.tolist()]


def save_checkpoint(file: Path, denoiser: Denoiser, autoencoder: AutoencoderKL, made: str) -> None:
    """Write the bundled checkpoint; `made` says how, for whoever reads the header."""
    colours = json.dumps(preview_colours(autoencoder))
    tensors = checkpoint_tensors(denoiser, autoencoder)
    write(file, tensors, "Sfumato shapes", made, {"sfumato.rgb_factors": colours})


def save_adapter(file: Path, adapted: Adapted, title: str, made: str) -> None:
    """Write a trained adapter as a LoRA file."""
    write(
        file,
        adapted.tensors(),
        title,
        made,
        {"ss_network_dim": str(adapted.rank), "ss_network_alpha": str(adapted.rank)},
    )


def save_edges(models: Path, control: ControlNet) -> None:
    """Write a trained ControlNet into a models folder, under the names of its usual files."""
    tensors = {f"control_model.{name}": tensor for name, tensor in control.state_dict().items()}
    made = "Figures go where edges are, for Sfumato shapes. Trained by training/bundled.py on drawn pictures."
    write(models / "controlnet/sfumato-edges.safetensors", tensors, "Sfumato edges", made, {})


def save_image_prompt(models: Path, looking: Looking) -> None:
    """Write a trained picture tower and its IP-Adapter into a models folder, a file each."""
    made = (
        "Colours come from a picture, for Sfumato shapes. Trained by training/bundled.py on drawn pictures."
    )
    for network, name, title in (
        (looking.tower, "clip_vision/sfumato-vision", "Sfumato vision"),
        (looking.adapter, "ipadapter/sfumato-colours", "Sfumato colours"),
    ):
        write(models / f"{name}.safetensors", dict(network.state_dict()), title, made, {})


def write(file: Path, tensors: dict[str, Tensor], title: str, made: str, more: dict[str, str]) -> None:
    """Write tensors with our licence in the header, replacing the file in a single move."""
    file.parent.mkdir(parents=True, exist_ok=True)
    metadata = {
        "format": "pt",
        "modelspec.title": title,
        "modelspec.author": "the Sfumato authors",
        "modelspec.license": LICENCE,
        "modelspec.description": made,
        **more,
    }
    unfinished = file.with_suffix(".part")
    save_file({name: tensor.to(torch.float16) for name, tensor in tensors.items()}, unfinished, metadata)
    unfinished.replace(file)
