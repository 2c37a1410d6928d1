"""Opens autoencoders that have names instead of files, and the decoders that previews are made with."""

from loaders.assemble import Storage, assemble
from loaders.errors import BrokenFile
from loaders.families.tiny_vae import read_tiny_halves
from loaders.keymap import strip
from loaders.opening import open_weights
from loaders.vae_names import FOLDER, PIXELS, TINY, half, halves
from models.adapters.patch import Patched
from models.diffusion import LatentFormat, VaeModel
from models.vae.pixels import PixelSpace
from models.vae.tiny import TinyConfig, TinyDecoder
from nodes.api.context import Files


def open_named_vae(name: str, files: Files, storage: Storage | None = None) -> Patched[VaeModel] | None:
    """The autoencoder of a name, kept in float32 or as `storage` says; None where it is the name of a file.

    Raises:
        BrokenFile: if its files are damaged or incomplete.
    """
    if name == PIXELS:
        latent = LatentFormat(channels=3, scale=1.0, downscale=1)
        return Patched(VaeModel(PixelSpace(), latent, PIXELS))
    if name not in TINY or (pair := halves(files.names(FOLDER), name)) is None:
        return None
    encoder, decoder = (files.find(FOLDER, file) for file in pair)
    latent = LatentFormat(scale=TINY[name].scale, shift=TINY[name].shift)
    return Patched(read_tiny_halves(encoder, decoder, storage or Storage(), latent))


def open_preview_decoder(name: str, files: Files) -> TinyDecoder | None:
    """What turns latents of a network into pictures quickly, by its name; None where its file is missing.

    Raises:
        BrokenFile: if the file is damaged or incomplete.
    """
    file = half(files.names(FOLDER), name, "decoder")
    if file is None:
        return None
    weights = open_weights(files.find(FOLDER, file))
    if "1.weight" not in weights:
        raise BrokenFile(weights.path, "it is no decoder of a tiny autoencoder: it has no 1.weight")
    config = TinyConfig(latent_channels=weights["1.weight"][1])
    return assemble(lambda: TinyDecoder(config), weights, strip(weights, ""), Storage(), "tiny decoder")
