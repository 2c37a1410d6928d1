"""Chooses where models compute."""

from typing import Annotated

import torch

from nodes.api.declare import node
from nodes.api.sockets import Clip, Model, Vae
from nodes.api.widgets import Choice

GPUS = tuple(f"gpu:{number}" for number in range(torch.cuda.device_count()))
Device = Annotated[str, Choice(("default", "cpu", *GPUS))]
CATEGORY = "advanced/devices"


@node(id="SelectModelDevice", display_name="Select Model Device", category=CATEGORY, outputs=("model",))
def select_model_device(*, model: Model, device: Device = "default") -> Model:
    """Compute with a model on another device, and with what steers it there too.

    Args:
        model: what is sampled.
        device: default is where it was loaded for; cpu takes no memory of a GPU, and is slow for large
            models.
    """
    return model.on_device(device)


@node(id="SelectCLIPDevice", display_name="Select CLIP Device", category=CATEGORY, outputs=("clip",))
def select_clip_device(*, clip: Clip, device: Device = "default") -> Clip:
    """Compute with a text encoder on another device.

    Args:
        clip: the text encoder.
        device: default is where it was loaded for; cpu takes no memory of a GPU.
    """
    return clip.on_device(device)


@node(id="SelectVAEDevice", display_name="Select VAE Device", category=CATEGORY, outputs=("vae",))
def select_vae_device(*, vae: Vae, device: Device = "default") -> Vae:
    """Encode and decode pictures on another device.

    Args:
        vae: the autoencoder.
        device: default is where it was loaded for; cpu takes no memory of a GPU, and is slow for large
            pictures.
    """
    return vae.on_device(device)
