"""Weighs the backbone of a UNet against its skips."""

from typing import Annotated

from models.adapters.freeu import FreeU
from nodes.api.declare import node
from nodes.api.sockets import Model
from nodes.api.widgets import Range

CATEGORY = "model_patches/unet"
Factor = Annotated[float, Range(0.0, 10.0, step=0.01)]


@node(id="FreeU", display_name="FreeU", category=CATEGORY)
def free_u(model: Model, b1: Factor = 1.1, b2: Factor = 1.2, s1: Factor = 0.9, s2: Factor = 0.2) -> Model:
    """Strengthen what a UNet has understood against the details it carries over, by constant factors.

    Args:
        model: a model with a UNet.
        b1: factor of half of the features at the coarsest levels.
        b2: the same at the level above.
        s1: factor of the low frequencies of what is carried over at the coarsest levels.
        s2: the same at the level above.
    """
    return model.with_patch(FreeU(b1, b2, s1, s2))


@node(id="FreeU_V2", display_name="FreeU V2", category=CATEGORY)
def free_u_v2(model: Model, b1: Factor = 1.3, b2: Factor = 1.4, s1: Factor = 0.9, s2: Factor = 0.2) -> Model:
    """Strengthen what a UNet has understood where there is most of it, against the details it carries over.

    Args:
        model: a model with a UNet.
        b1: factor of half of the features at the coarsest levels, where they are strongest.
        b2: the same at the level above.
        s1: factor of the low frequencies of what is carried over at the coarsest levels.
        s2: the same at the level above.
    """
    return model.with_patch(FreeU(b1, b2, s1, s2, follows_mean=True))
