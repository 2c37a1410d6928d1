"""Opens hypernetworks of Stable Diffusion 1.x and 2.x, as training programs pickle them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from loaders.errors import BrokenFile, UnknownFormat
from loaders.files import read_pickle
from models.adapters.hypernetwork import ACTIVATIONS, Hypernetwork


def open_hypernetwork(path: Path) -> Hypernetwork:
    """Open a hypernetwork.

    Raises:
        UnknownFormat: if the file holds none, or one with layers that are not known.
        BrokenFile: if it is damaged.
    """
    content = read_pickle(path)
    table = content if isinstance(content, dict) else {}
    widths = {int(key): value for key, value in table.items() if str(key).isdecimal()}
    if not widths or not all(map(_is_pair, widths.values())):
        tried = ["Looked for a pair of networks, for keys and for values, under the number of each width."]
        raise UnknownFormat(path, "a hypernetwork", tried, [str(key) for key in table])
    activation = table.get("activation_func") or "linear"
    if activation not in ACTIVATIONS:
        tried = [f"Its layers have the activation {activation!r}; known are {', '.join(ACTIVATIONS)}."]
        raise UnknownFormat(path, "a hypernetwork that can be used", tried, [str(key) for key in table])
    try:
        networks = {
            width: (_network(pair[0], width, table, activation), _network(pair[1], width, table, activation))
            for width, pair in widths.items()
        }
    except (KeyError, IndexError, RuntimeError, ValueError) as error:
        raise BrokenFile(path, f"its layers do not fit together ({error})") from error
    return Hypernetwork(networks, path.name)


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) >= 2
        and all(
            isinstance(part, dict) and all(isinstance(t, Tensor) for t in part.values()) for part in value[:2]
        )
    )


def _network(
    state: Mapping[str, Tensor], width: int, settings: Mapping[str, Any], activation: str
) -> nn.Module:
    """The network of a state; layers are told by their weights: 2-D ones are linear, others norms.

    The layer without an activation is the last of all, so that where a norm comes last, every linear one has
    its activation: so it is in the ecosystem, though not where these files come from.
    """
    names = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    linear = [name for name in names if state[f"{name}.weight"].ndim == 2]
    if not linear:
        raise ValueError("there is no linear layer")
    layers: list[nn.Module] = []
    for name in names:
        weight, bias = state[f"{name}.weight"].float(), state[f"{name}.bias"].float()
        layer = (
            nn.Linear(weight.shape[1], weight.shape[0]) if name in linear else nn.LayerNorm(weight.shape[0])
        )
        layer.load_state_dict({"weight": weight, "bias": bias})
        layers.append(layer.requires_grad_(False))
        if name in linear and (name != names[-1] or settings.get("activate_output", False)):
            layers.append(ACTIVATIONS[activation]())
    ends = state[f"{linear[0]}.weight"].shape[1], state[f"{linear[-1]}.weight"].shape[0]
    if ends != (width, width):
        raise ValueError(f"it turns {ends[0]} numbers into {ends[1]}, but is for {width}")
    return nn.Sequential(*layers).eval()
