"""Changes latents by operations that can also be applied to guidance."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from torch import Tensor

from nodes.api.declare import node
from nodes.api.sockets import Latent, LatentOperation, Model
from nodes.api.widgets import Range
from nodes.sampling.guidance import ruled
from schedulers.guiders.operations import Blended, Operated, Sharpened, ToneMapped

CATEGORY = "latent/advanced/operations"


@node(id="LatentApplyOperation", display_name="LatentApplyOperation", category=CATEGORY, experimental=True)
def apply(*, samples: Latent, operation: LatentOperation) -> Latent:
    """Change a latent by an operation.

    Args:
        samples: (B, C, H, W).
        operation: what is done to it.
    """
    change: Callable[[Tensor], Tensor] = operation
    return replace(samples, samples=change(samples.samples))


@node(
    id="LatentApplyOperationCFG",
    display_name="LatentApplyOperationCFG",
    category=CATEGORY,
    experimental=True,
)
def apply_to_guidance(*, model: Model, operation: LatentOperation) -> Model:
    """Change the difference between the prompts by an operation, at every step.

    Args:
        model: what is sampled.
        operation: what is done to the difference.
    """
    return ruled(model, Operated(operation))


@node(
    id="LatentOperationTonemapReinhard",
    display_name="LatentOperationTonemapReinhard",
    category=CATEGORY,
    experimental=True,
)
def tone_map(*, multiplier: Annotated[float, Range(0.0, 100.0, step=0.01)] = 1.0) -> LatentOperation:
    """Compress strong values of a latent, so that high guidance does not burn the picture.

    Args:
        multiplier: of the length towards which values are compressed; higher compresses less.
    """
    return ToneMapped(multiplier)


@node(
    id="LatentOperationSharpen", display_name="LatentOperationSharpen", category=CATEGORY, experimental=True
)
def sharpen(
    *,
    sharpen_radius: Annotated[int, Range(1, 31, step=1)] = 9,
    sigma: Annotated[float, Range(0.1, 10.0, step=0.1)] = 1.0,
    alpha: Annotated[float, Range(0.0, 5.0, step=0.01)] = 0.1,
) -> LatentOperation:
    """Sharpen a latent.

    Args:
        sharpen_radius: cells to each side that count.
        sigma: spread of the blur that is taken away.
        alpha: strength; 0 changes nothing.
    """
    return Sharpened(sharpen_radius, sigma, alpha)


@node(
    id="LatentOperationBlend",
    display_name="Latent Operation Blend",
    category=CATEGORY,
    experimental=True,
    outputs=("operation",),
)
def blend(
    *, reference: Latent, strength: Annotated[float, Range(0.0, 1.0, step=0.0001)] = 1.0
) -> LatentOperation:
    """Move a latent towards another one.

    Args:
        reference: (B, C, h, w), stretched to the latent by taking the nearest cells.
        strength: how far; 1 is all the way.
    """
    return Blended(reference.samples, strength)
