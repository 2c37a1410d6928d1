"""Says how strongly networks guide themselves that were distilled for many guidance scales."""

from dataclasses import replace
from functools import partial
from typing import Annotated

from nodes.api.declare import node
from nodes.api.sockets import Conditioning
from nodes.api.widgets import Range

guidance = partial(node, category="advanced/conditioning/flux")


def told(conditioning: Conditioning, scale: float | None) -> Conditioning:
    """Return prompts with a guidance scale, or None for none."""
    return tuple(replace(entry, extra={**entry.extra, "guidance": scale}) for entry in conditioning)


@guidance(id="FluxGuidance", display_name="FluxGuidance")
def set_guidance(
    conditioning: Conditioning, guidance: Annotated[float, Range(0.0, 100.0, step=0.1)] = 3.5
) -> Conditioning:
    """Tell a network that guides itself how strongly to do so: LCM ones, and of other families the distilled.

    Args:
        conditioning: prompts.
        guidance: the scale; about 8 for LCM.
    """
    return told(conditioning, guidance)


@guidance(id="FluxDisableGuidance", display_name="FluxDisableGuidance")
def disable_guidance(conditioning: Conditioning) -> Conditioning:
    """Tell a network that guides itself nothing about how strongly to do so.

    Args:
        conditioning: prompts.
    """
    return told(conditioning, None)
