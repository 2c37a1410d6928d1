"""Opens networks that enlarge pictures: ESRGAN in all its names, and Real-ESRGAN's compact one."""

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from loaders.assemble import Storage, assemble
from loaders.conditions import count
from loaders.consistent import consistent
from loaders.errors import BrokenFile
from loaders.files import Weights
from loaders.identify.kinds import UPSCALER
from loaders.keymap import Sources
from loaders.opening import open_weights
from loaders.spandrel_models import open_by_spandrel
from loaders.unfit import unfit
from models.adapters.patch import Patched
from models.upscale.compact import Compact, CompactConfig
from models.upscale.esrgan import Esrgan, EsrganConfig
from models.upscale.model import UpscaleModel

# Where training programs put the weights; averaged ones first.
WRAPPERS = ("params_ema.", "params.", "model_g.", "")
PARALLEL = "module."
TRIED = [
    "Looked for the blocks of ESRGAN (conv_first and body.0.rdb1, RRDB_trunk.0.RDB1, or model.1.sub.0.RDB1) "
    "and for the body of Real-ESRGAN's compact networks (body.0, body.1, ...).",
]

# The names of BasicSR before Real-ESRGAN.
OLDER = (
    (re.compile(r"^RRDB_trunk\.(\d+)\.RDB(\d)\."), r"body.\1.rdb\2."),
    (re.compile(r"^trunk_conv\."), "conv_body."),
    (re.compile(r"^upconv(\d)\."), r"conv_up\1."),
    (re.compile(r"^HRconv\."), "conv_hr."),
)
# The names of the first ESRGAN: layers by number.
BLOCK = re.compile(r"^model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.(weight|bias)$")
TRUNK = re.compile(r"^model\.1\.sub\.(\d+)\.(weight|bias)$")
LAYER = re.compile(r"^model\.(\d+)\.(weight|bias)$")


def open_upscale_model(path: Path) -> Patched[UpscaleModel]:
    """Open a network that enlarges pictures.

    Raises:
        UnknownFormat: if the file holds none of a known kind.
        BrokenFile: if it is damaged or incomplete, or holds weights that the network has no place for.
    """
    weights = open_weights(path)
    with consistent(path):
        return _open(path, weights)


def _open(path: Path, weights: Weights) -> Patched[UpscaleModel]:
    sources = _unwrapped(weights)
    if "model.1.sub.0.RDB1.conv1.0.weight" in sources:
        sources = _numbered(sources)
    else:
        sources = {_renamed(name): source for name, source in sources.items()}
    shapes = {name: weights[source] for name, source in sources.items()}
    network: Esrgan | Compact
    if "body.0.rdb1.conv1.weight" in shapes and "conv_first.weight" in shapes:
        config = _esrgan(shapes)
        network = assemble(lambda: Esrgan(config), weights, sources, Storage(), "ESRGAN upscaler")
    elif _is_compact(shapes):
        small = _compact(path, shapes)
        network = assemble(lambda: Compact(small), weights, sources, Storage(), "compact upscaler")
    else:
        opened, why_not = open_by_spandrel(weights)
        if opened is None:
            raise unfit(weights, UPSCALER, "an upscale model of a known kind", [*TRIED, why_not])
        return opened
    strange = sorted(sources.keys() - network.state_dict().keys())
    if strange:
        raise BrokenFile(path, f"it has weights that no known kind has: {', '.join(strange[:3])}")
    return Patched(UpscaleModel(network.eval(), network.config.scale, network.config.channels, path.name))


def _unwrapped(names: Iterable[str]) -> Sources:
    listed = list(names)
    wrapper = next(wrapper for wrapper in WRAPPERS if any(name.startswith(wrapper) for name in listed))
    inner = {name.removeprefix(wrapper): name for name in listed if name.startswith(wrapper)}
    return {name.removeprefix(PARALLEL): source for name, source in inner.items()}


def _renamed(name: str) -> str:
    for pattern, new in OLDER:
        name = pattern.sub(new, name)
    return name


def _numbered(sources: Sources) -> Sources:
    """Sources under Real-ESRGAN's names: the last two layers end the picture, those between enlarge it."""
    layers = sorted({int(match[1]) for name in sources if (match := LAYER.match(name))})
    if len(layers) < 3:
        return sources
    _, *ups, final, last = layers
    places = {0: "conv_first", final: "conv_hr", last: "conv_last"}
    places |= {layer: f"conv_up{index + 1}" for index, layer in enumerate(ups)}
    found = {}
    for name, source in sources.items():
        if match := BLOCK.match(name):
            found[f"body.{match[1]}.rdb{match[2]}.conv{match[3]}.{match[4]}"] = source
        elif match := TRUNK.match(name):
            found[f"conv_body.{match[2]}"] = source
        elif match := LAYER.match(name):
            found[f"{places[int(match[1])]}.{match[2]}"] = source
        else:
            found[name] = source
    return found


def _esrgan(shapes: Mapping[str, tuple[int, ...]]) -> EsrganConfig:
    features, inputs = shapes["conv_first.weight"][:2]
    channels = shapes["conv_last.weight"][0] if "conv_last.weight" in shapes else inputs
    return EsrganConfig(
        channels=channels,
        features=features,
        growth=shapes["body.0.rdb1.conv1.weight"][0],
        blocks=count(shapes, "body."),
        doublings=sum(f"conv_up{index}.weight" in shapes for index in range(1, 5)),
        folding=math.isqrt(inputs // channels),
    )


def _is_compact(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    first, slope = shapes.get("body.0.weight", ()), shapes.get("body.1.weight", ())
    return len(first) == 4 and slope == first[:1]


def _compact(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> CompactConfig:
    features, channels = shapes["body.0.weight"][:2]
    modules = count(shapes, "body.")
    last = shapes.get(f"body.{modules - 1}.weight", (0,))[0]
    scale = math.isqrt(last // channels)
    if scale < 1 or scale * scale * channels != last:
        raise BrokenFile(path, f"{last} channels at the end are no square for each of {channels}")
    return CompactConfig(channels, features, (modules - 3) // 2, scale)
