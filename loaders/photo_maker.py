"""Opens PhotoMaker files: an encoder of photographs under `id_encoder.`, a LoRA under `lora_weights.`."""

from pathlib import Path

from loaders.assemble import HALF, assemble
from loaders.below import WeightsBelow
from loaders.consistent import consistent
from loaders.families.clip_vision import vision_config, vision_sources
from loaders.families.kl import sources_shapes
from loaders.files import Weights
from loaders.identify.kinds import ADAPTER
from loaders.opening import open_weights
from loaders.unfit import unfit
from models.adapters.patch import Patched
from models.vision.identity import IdentityConfig, IdentityEncoder, PhotoMakerModel

ENCODER, LORA = "id_encoder.", "lora_weights."
_FUSE = f"{ENCODER}fuse_module.mlp1.fc1.weight"
_SECOND = "visual_projection_2.weight"
_LATER = f"{ENCODER}qformer_perceiver."


def open_photo_maker(path: Path) -> Patched[PhotoMakerModel]:
    """Open PhotoMaker's encoder of photographs.

    Raises:
        UnknownFormat: if the file holds none, or one of the second version, which looks at faces with
            another network.
        BrokenFile: if it is damaged or incomplete.
    """
    weights = open_weights(path)
    if _FUSE not in weights or any(name.startswith(_LATER) for name in weights):
        tried = [f"Looked for {_FUSE}, and for no {_LATER}... of the second version."]
        raise unfit(weights, ADAPTER, "a PhotoMaker of the first version", tried)
    with consistent(path):
        sources = vision_sources(weights, ENCODER)
        shapes = sources_shapes(weights, sources)
        config = IdentityConfig(vision_config(shapes), shapes[_SECOND][0])
        network = assemble(lambda: IdentityEncoder(config), weights, sources, HALF, "PhotoMaker")
    return Patched(PhotoMakerModel(network, path.name))


def lora_of(weights: Weights) -> Weights:
    """The LoRA in a file: the part of a PhotoMaker file that is one, or else the whole file."""
    is_part = any(name.startswith(LORA) for name in weights)
    return WeightsBelow(weights, LORA) if is_part else weights
