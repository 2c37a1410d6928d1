"""Answers which autoencoders have names instead of files: the tiny ones in two halves, and that of pixels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

# The folder that the halves of tiny autoencoders are in.
FOLDER = "vae_approx"
PIXELS = "pixel_space"


@dataclass(frozen=True)
class Scaling:
    """How the latents of a tiny autoencoder relate to the big one's: tiny = (big - shift) * scale."""

    scale: float
    shift: float = 0.0


TINY: Mapping[str, Scaling] = MappingProxyType(
    {
        "taesd": Scaling(0.18215),
        "taesdxl": Scaling(0.13025),
        "taesd3": Scaling(1.5305, 0.0609),
        "taef1": Scaling(0.3611, 0.1159),
    }
)


def half(files: Iterable[str], name: str, part: str) -> str | None:
    """The file of the FOLDER that is the `encoder` or `decoder` of a tiny autoencoder, or None."""
    return next((file for file in sorted(files) if file.startswith(f"{name}_{part}.")), None)


def halves(files: Iterable[str], name: str) -> tuple[str, str] | None:
    """Encoder and decoder of a tiny autoencoder among the files of the FOLDER, or None if one is missing."""
    listed = list(files)
    encoder, decoder = half(listed, name, "encoder"), half(listed, name, "decoder")
    return (encoder, decoder) if encoder is not None and decoder is not None else None


def named_vaes(files: Iterable[str]) -> list[str]:
    """The names that stand beside the files of the vae folder, given the files of the FOLDER."""
    listed = list(files)
    return [*(name for name in TINY if halves(listed, name)), PIXELS]
