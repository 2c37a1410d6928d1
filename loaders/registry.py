"""Answers which family a file belongs to, from names and shapes alone, and why."""

from dataclasses import dataclass

from loaders.families import sd1, sd2, sdxl
from loaders.families.family import Family
from loaders.families.kl import sources_shapes
from loaders.families.ldm_unet import diffusers_levels, original_names
from loaders.files import Weights
from loaders.identify.kinds import NETWORK
from loaders.keymap import Sources, strip
from loaders.unfit import unfit

_NEAREST = 3
FAMILIES: tuple[Family, ...] = (
    sd1.SD15,
    sd1.INPAINT,
    sd1.EDIT,
    sd1.ZERO123,
    sd2.SD2,
    sd2.INPAINT,
    sd2.DEPTH,
    sd2.UNCLIP_L,
    sd2.UNCLIP_H,
    sd2.UPSCALE,
    sd2.LOTUS,
    sdxl.BASE,
    sdxl.REFINER,
    sdxl.INPAINT,
    sdxl.EDIT,
)
# Where whole checkpoints keep the diffusion network; the one that most tensors have is meant.
PREFIXES = ("model.diffusion_model.", "model.model.", "net.", "diffusion_model.", "unet.", "model.")


@dataclass(frozen=True)
class Match:
    """A file and the family that claims it; `sources` says where its diffusion network's parameters are."""

    family: Family
    prefix: str
    sources: Sources


def identify(weights: Weights) -> Match:
    """The family of a file that holds a diffusion network, alone or in a whole checkpoint.

    Raises:
        UnknownFormat: if no family claims it, saying what each misses.
    """
    prefix = diffusion_prefix(weights)
    sources = diffusion_sources(weights, prefix)
    shapes = sources_shapes(weights, sources)
    tried = []
    for family in FAMILIES:
        failures = family.failures(shapes, weights)
        if not failures:
            return Match(family, prefix, sources)
        tried.append((len(failures), f"It is not {family.title}: {_in_short(failures)}."))
    nearest = [text for _, text in sorted(tried)[:_NEAREST]]
    raise unfit(weights, NETWORK, "a checkpoint of a known family", nearest)


def _in_short(failures: list[str]) -> str:
    more = f" and {len(failures) - 2} more" if len(failures) > 2 else ""
    return f"{'; '.join(failures[:2])}{more}"


def diffusion_prefix(weights: Weights) -> str:
    """What the names of the diffusion network start with; empty where the file is nothing else."""
    counted = [(sum(name.startswith(prefix) for name in weights), prefix) for prefix in PREFIXES[:-1]]
    most, prefix = max(counted, key=lambda pair: pair[0])
    if most > 5:
        return prefix
    return PREFIXES[-1] if any(name.startswith(PREFIXES[-1]) for name in weights) else ""


def diffusion_sources(weights: Weights, prefix: str) -> Sources:
    """Where each parameter of the diffusion network is, whichever layout the file has."""
    sources = strip(weights, prefix)
    if "conv_in.weight" not in sources or "down_blocks.0.resnets.0.norm1.weight" not in sources:
        return sources
    originals = original_names(sources, diffusers_levels(sources_shapes(weights, sources)))
    return {originals.get(name, name): source for name, source in sources.items()}
