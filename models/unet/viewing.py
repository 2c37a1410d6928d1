"""Holds the UNet of Zero123, which is told of a picture and from where it shall be seen.

Reference: Liu et al. 2023 (arXiv:2303.11328), section 3.2 and the published checkpoints, where the projection
stands beside the UNet.
Shapes: B batch, T tokens, D context width.
"""

from torch import Tensor, nn

from models.unet.config import UNetConfig
from models.unet.unet import UNet

VIEW_NUMBERS = 4


class ViewUNet(UNet):
    """A UNet with the layer that makes a context of what is seen in a picture and of a point of view."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__(config)
        self.cc_projection = nn.Linear(config.context_width + VIEW_NUMBERS, config.context_width)

    def projected(self, context: Tensor) -> Tensor:
        """The context (B, T, D) of embeddings with a point of view (B, T, D + 4); (B, T, D) stays as it is.

        Raises:
            ValueError: for another width.
        """
        width = self.config.context_width
        if context.shape[-1] == width:
            return context
        if context.shape[-1] != width + VIEW_NUMBERS:
            raise ValueError(
                f"this model reads a picture and a point of view, {width + VIEW_NUMBERS} wide, not "
                f"{context.shape[-1]}: take them from StableZero123_Conditioning with the CLIP vision of the "
                "same checkpoint"
            )
        projected: Tensor = self.cc_projection(context)
        return projected
