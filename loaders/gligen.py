"""Opens GLIGEN adapters: boxes of texts for a UNet."""

from pathlib import Path

from loaders.assemble import Storage, assemble
from loaders.consistent import consistent
from loaders.identify.kinds import ADAPTER
from loaders.opening import open_weights
from loaders.unfit import unfit
from models.adapters.gligen import Gligen, GligenModel
from models.adapters.patch import Patched

_FUSER = ".fuser.linear.weight"
_PARTS = ("input_blocks.", "middle_block.", "output_blocks.")
_FIRST = "position_net.null_positive_feature"


def open_gligen(path: Path) -> Patched[GligenModel]:
    """Open a GLIGEN adapter for boxes of texts, alone or inside a whole network.

    Raises:
        UnknownFormat: if the file holds none.
        BrokenFile: if it is damaged or incomplete.
    """
    weights = open_weights(path)
    places = [name.removesuffix(_FUSER) for name in weights if name.endswith(_FUSER)]
    places = [place for part in _PARTS for place in places if place.startswith(part)]
    if _FIRST not in weights or not places:
        tried = [f"Looked for {_FIRST} and for names that end in {_FUSER}."]
        raise unfit(weights, ADAPTER, "a GLIGEN adapter", tried)
    sources = {name: name for name in weights if name.startswith("position_net.")}
    for index, place in enumerate(places):
        start = f"{place}.fuser."
        sources |= {f"fusers.{index}.{n[len(start) :]}": n for n in weights if n.startswith(start)}
    with consistent(path):
        fusers = {place: weights[f"{place}{_FUSER}"][0] for place in places}
        text_width = weights[_FIRST][0]
        network = assemble(lambda: Gligen(text_width, fusers), weights, sources, Storage(), "GLIGEN")
    return Patched(GligenModel(network, path.name))
