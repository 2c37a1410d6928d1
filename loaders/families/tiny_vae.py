"""Answers how a tiny autoencoder (TAESD) is read: from one file in either layout, or from its two halves."""

from pathlib import Path

from loaders.assemble import Storage, assemble
from loaders.families.latents import latent_format
from loaders.families.stated import number_in
from loaders.files import Weights
from loaders.joined import JoinedWeights
from loaders.keymap import Sources, rename, strip
from loaders.opening import open_weights
from models.diffusion import LatentFormat, VaeModel
from models.vae.tiny import TinyAutoencoder, TinyConfig

_KEY = "taesd_decoder.1.weight"
# diffusers bends values before its first layer, so its numbers are one lower in the decoder.
_DIFFUSERS_KEY = "decoder.layers.2.conv.0.weight"


def read_tiny(weights: Weights, storage: Storage, latent: LatentFormat) -> VaeModel | None:
    """The tiny autoencoder of a file that holds both halves, or None where it holds none."""
    sources = tiny_sources(weights)
    if _KEY not in sources:
        return None
    scale = number_in(weights, "vae_scale") if "vae_scale" in weights else 1.0
    shift = number_in(weights, "vae_shift") if "vae_shift" in weights else 0.0
    return _read(weights, sources, storage, latent, (scale, shift))


def read_tiny_halves(encoder: Path, decoder: Path, storage: Storage, latent: LatentFormat) -> VaeModel:
    """The tiny autoencoder whose halves are files of their own, scaled as `latent` says.

    Raises:
        BrokenFile: if weights are missing or have other shapes.
    """
    halves = [("taesd_encoder.", open_weights(encoder)), ("taesd_decoder.", open_weights(decoder))]
    weights = JoinedWeights(encoder, halves)
    return _read(weights, strip(weights, ""), storage, latent, (latent.scale, latent.shift))


def tiny_sources(weights: Weights) -> Sources:
    """Where each parameter is, whichever layout the file has."""
    sources = strip(weights, "")
    if _DIFFUSERS_KEY not in sources:
        return sources
    numbers = {int(name.split(".")[2]) for name in sources if name.startswith("decoder.layers.")}
    moved = [(rf"decoder\.layers\.{number}\.", f"taesd_decoder.{number + 1}.") for number in numbers]
    return rename(sources, [*moved, (r"encoder\.layers\.", "taesd_encoder.")])


def _read(
    weights: Weights, sources: Sources, storage: Storage, latent: LatentFormat, scaling: tuple[float, float]
) -> VaeModel:
    channels = weights[sources[_KEY]][1]
    config = TinyConfig(latent_channels=channels, scale=scaling[0], shift=scaling[1])
    network = assemble(lambda: TinyAutoencoder(config), weights, sources, storage, "tiny autoencoder")
    return VaeModel(network, latent_format(weights, latent, channels), weights.path.name)
