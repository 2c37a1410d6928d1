"""In which number types networks are kept and computed, as the app was told or as the device does it best."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Precision:
    """The number type of networks that draw, and of those that steer them.

    Attributes:
        diffusion: the name of a torch type: "float32", "bfloat16" or "float16".
        least_parameters: networks with fewer parameters stay in float32, which costs them nothing.
    """

    diffusion: str = "float32"
    least_parameters: int = 0
