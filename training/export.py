"""Writes trained networks as files the ecosystem knows: a checkpoint in SD-1.x layout, a LoRA."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from models.vae.kl import AutoencoderKL
from training.denoiser import Denoiser

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


def save_checkpoint(file: Path, denoiser: Denoiser, autoencoder: AutoencoderKL, made: str) -> None:
    """Write the bundled checkpoint; `made` says how, for whoever reads the header."""
    write(file, checkpoint_tensors(denoiser, autoencoder), "Sfumato shapes", made)


def write(file: Path, tensors: dict[str, Tensor], title: str, made: str) -> None:
    """Write tensors with our licence in the header, replacing the file in a single move."""
    file.parent.mkdir(parents=True, exist_ok=True)
    metadata = {
        "format": "pt",
        "modelspec.title": title,
        "modelspec.author": "the Sfumato authors",
        "modelspec.license": LICENCE,
        "modelspec.description": made,
    }
    unfinished = file.with_suffix(".part")
    save_file({name: tensor.to(torch.float16) for name, tensor in tensors.items()}, unfinished, metadata)
    unfinished.replace(file)
