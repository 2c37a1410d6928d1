"""Opens style models: T2I-Adapter's style adapter."""

from pathlib import Path

from loaders.assemble import Storage, assemble
from loaders.conditions import count
from loaders.consistent import consistent
from loaders.derived import DerivedWeights
from loaders.families.kl import sources_shapes
from loaders.families.open_clip import block_pieces
from loaders.identify.kinds import ADAPTER
from loaders.keymap import strip
from loaders.opening import open_weights
from loaders.unfit import unfit
from models.adapters.patch import Patched
from models.vision.style import StyleAdapter, StyleConfig, StyleModel

# The makers' spelling.
_BLOCKS = "transformer_layes."


def open_style_model(path: Path) -> Patched[StyleModel]:
    """Open a style model.

    Raises:
        UnknownFormat: if the file holds none of a known kind.
        BrokenFile: if it is damaged or incomplete.
    """
    weights = open_weights(path)
    if "style_embedding" not in weights:
        tried = ["Looked for style_embedding, of T2I-Adapter's style adapter for Stable Diffusion 1.x."]
        raise unfit(weights, ADAPTER, "a style model of a known kind", tried)
    with consistent(path):
        derived = DerivedWeights(weights, block_pieces(weights, _BLOCKS, "encoder.layers."))
        sources = strip(derived, "")
        shapes = sources_shapes(derived, sources)
        _, tokens, width = shapes["style_embedding"]
        config = StyleConfig(width, shapes["proj"][1], tokens, count(shapes, "encoder.layers."))
        network = assemble(lambda: StyleAdapter(config), derived, sources, Storage(), "style adapter")
    return Patched(StyleModel(network, path.name))
