"""Answers which autoencoder a file holds, and reads it: KL-regularised, tiny, or asymmetric."""

from dataclasses import replace

from loaders.assemble import Storage, assemble
from loaders.conditions import below
from loaders.errors import BrokenFile
from loaders.families.kl import asymmetric_config, kl_config, kl_prefix, kl_sources, sources_shapes
from loaders.families.latents import latent_format
from loaders.families.tiny_vae import read_tiny
from loaders.files import Weights
from models.diffusion import LatentFormat, VaeModel
from models.vae.asymmetric import AsymmetricAutoencoder
from models.vae.kl import AutoencoderKL


def read_vae(weights: Weights, storage: Storage, latent: LatentFormat) -> VaeModel | None:
    """The autoencoder of a checkpoint or of a file of its own, or None where there is none.

    Args:
        weights: the file.
        storage: how the weights are kept.
        latent: how the latents are scaled for the network that they are made for.

    Raises:
        BrokenFile: if weights are missing or have other shapes.
    """
    return _read_kl(weights, storage, latent) or read_tiny(weights, storage, latent)


def _read_kl(weights: Weights, storage: Storage, latent: LatentFormat) -> VaeModel | None:
    prefix = kl_prefix(weights)
    if prefix is None:
        return None
    sources = kl_sources(weights, prefix)
    shapes = sources_shapes(weights, sources)
    if not below(shapes, "encoder.down."):
        raise BrokenFile(weights.path, "its autoencoder has no encoder")
    asymmetric, config = asymmetric_config(shapes), kl_config(shapes)

    def build() -> AutoencoderKL | AsymmetricAutoencoder:
        return AsymmetricAutoencoder(asymmetric) if asymmetric else AutoencoderKL(config)

    network = assemble(build, weights, sources, storage, "autoencoder")
    made = replace(latent_format(weights, latent, config.latent_channels), downscale=config.downscale)
    return VaeModel(network, made, weights.path.name)
