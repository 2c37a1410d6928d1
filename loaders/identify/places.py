"""Says in which model folder files of each kind belong, and which node opens them there."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from loaders.identify.kinds import CHANGE, CONTROL, EMBEDDING, NETWORK, TEXT, UPSCALER, VAE, VISION


class Place(NamedTuple):
    """A key of the model folders, and how a file in it is used."""

    folder: str
    use: str


CHECKPOINT = Place("checkpoints", "Load Checkpoint")
IMAGE_ONLY = Place("checkpoints", "Image Only Checkpoint Loader (img2vid model)")
_OF_ROLE: Mapping[str, Place] = {
    NETWORK: Place("diffusion_models", "Load Diffusion Model"),
    VAE: Place("vae", "Load VAE"),
    TEXT: Place("text_encoders", "Load CLIP"),
    VISION: Place("clip_vision", "Load CLIP Vision"),
    CONTROL: Place("controlnet", "Load ControlNet Model"),
    CHANGE: Place("loras", "Load LoRA"),
    UPSCALER: Place("upscale_models", "Load Upscale Model"),
    EMBEDDING: Place("embeddings", "embedding:NAME in a prompt"),
}
_OF_KIND: Mapping[str, Place] = {
    "taesd_half": Place("vae_approx", "Load VAE, by name"),
    "ip_adapter": Place("ipadapter", "Load IP-Adapter"),
    "gligen": Place("gligen", "GLIGENLoader"),
    "style_model": Place("style_models", "Load Style Model"),
    "photomaker": Place("photomaker", "PhotoMakerLoader"),
}


def place_of(role: str, kind: str, others: Collection[str]) -> Place | None:
    """Where a file belongs; None where no node opens the kind.

    Args:
        role: of its main part.
        kind: of its main part.
        others: roles of the parts beside it.
    """
    if role == NETWORK and VISION in others and TEXT not in others:
        return IMAGE_ONLY
    if role == NETWORK and {VAE, TEXT} & set(others):
        return CHECKPOINT
    return _OF_KIND.get(kind) or _OF_ROLE.get(role)
