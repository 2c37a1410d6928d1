"""Answers how checkpoints with a latent-diffusion UNet are read; each family says what differs in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from loaders.assemble import Storage, assemble
from loaders.conditions import All, Condition, HasAll, HasNone, HasRank, HasSize
from loaders.families.autoencoders import read_vae
from loaders.families.clip_text import read_text_model
from loaders.families.family import ANYTHING, Family
from loaders.families.kl import sources_shapes
from loaders.families.latents import SD, latent_format
from loaders.families.ldm_unet import unet_config
from loaders.files import Weights
from loaders.keymap import Sources
from models.conditioner import Conditioner, PlainConditioner
from models.conditioners.guidance import GuidanceConditioner
from models.conditioners.joined import JoinedConditioner
from models.diffusion import DiffusionModel, LatentFormat, TextModel, VaeModel
from models.noise import NoiseLevels, NoiseTable
from models.unet.config import UNetConfig
from models.unet.unet import UNet

# What every UNet of the kind has, whatever its size; some small ones have no middle.
UNET = HasAll(
    (
        "input_blocks.0.0.weight",
        "time_embed.0.weight",
        "output_blocks.0.0.in_layers.0.weight",
        "out.2.weight",
    )
)
_VECTOR = "label_emb.0.0.weight"
_NO_VIDEO = HasNone(("time_stack.", "input_blocks.1.0.time_stack."))


@dataclass(frozen=True)
class Trained:
    """How a network was trained, as far as sampling must know.

    Attributes:
        prediction: what its output means.
        noise: the noise levels it saw.
        sigma_data: the standard deviation of latents it assumes.
        latent: how its latents are scaled, where that is not as in its family.
        conditioner: makes what it takes beside the text, where that is not as in its family.
    """

    prediction: str = "eps"
    noise: NoiseLevels = field(default_factory=NoiseTable)
    sigma_data: float = 1.0
    latent: LatentFormat | None = None
    conditioner: Conditioner | None = None


# Reads how a network was trained from the file and from where its parameters are in it.
Training = Callable[[Weights, Sources], Trained]
# Name of a text encoder -> the prefixes it may have in whole checkpoints.
TextPrefixes = Mapping[str, tuple[str, ...]]


def shaped(channels: int, *, linear: bool, vector: int | None = None) -> Condition:
    """A UNet with so many input channels, transformers that project linearly or not, and a vector or none."""
    extra: Condition = HasNone(("label_emb.",)) if vector is None else HasSize(_VECTOR, 1, vector)
    needs = HasAll(() if vector is None else (_VECTOR,))
    size = HasSize("input_blocks.0.0.weight", 1, channels)
    return All((UNET, size, HasRank("1.proj_in.weight", 2 if linear else 4), needs, extra, _NO_VIDEO))


def ldm_family(
    identity: tuple[str, str],
    detect: Condition,
    *,
    training: Training,
    text: TextPrefixes,
    rules: str,
    latent: LatentFormat = SD,
    conditioner: Conditioner | None = None,
    beside: Condition | None = None,
    network: Callable[[UNetConfig], UNet] = UNet,
    outside: tuple[str, ...] = (),
) -> Family:
    """A family of checkpoints with a UNet, an autoencoder and CLIP text encoders.

    Args:
        identity: id and title.
        detect: what its UNet's tensors must be.
        training: how its networks were trained.
        text: where its text encoders are.
        rules: by which rules its prompts are read.
        latent: how its latents are scaled.
        conditioner: makes what its networks take beside the text; None where that is nothing.
        beside: what else must be in the file.
        network: makes the network of its sizes.
        outside: names of parameters of the network that stand beside it in files, under no prefix.
    """
    name, title = identity

    def read_model(weights: Weights, sources: Sources, storage: Storage) -> DiffusionModel:
        config = unet_config(sources_shapes(weights, sources))
        trained = training(weights, sources)
        scaled = latent_format(weights, trained.latent or latent, config.out_channels)
        sources = {**sources, **{parameter: parameter for parameter in outside}}
        return DiffusionModel(
            network=assemble(lambda: network(config), weights, sources, storage, "UNet"),
            family=name,
            prediction=trained.prediction,
            noise=trained.noise,
            sigma_data=trained.sigma_data,
            latent=scaled,
            conditioner=_with_guidance(trained.conditioner or conditioner or PlainConditioner(), config),
            name=weights.path.name,
        )

    def read_text(weights: Weights, storage: Storage) -> TextModel | None:
        return read_text_model(weights, text, rules, storage)

    def read_autoencoder(weights: Weights, storage: Storage) -> VaeModel | None:
        return read_vae(weights, storage, latent)

    return Family(name, title, detect, read_model, read_text, read_autoencoder, beside or ANYTHING)


def _with_guidance(conditioner: Conditioner, config: UNetConfig) -> Conditioner:
    """A conditioner for a network that was distilled for many guidance scales, if it was."""
    if config.guidance_width is None:
        return conditioner
    return JoinedConditioner((conditioner, GuidanceConditioner(config.guidance_width)))
