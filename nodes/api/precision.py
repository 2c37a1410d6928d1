"""Says in which number types a machine runs networks, and in which it stores them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Precision:
    """The number types of networks: of those that draw or steer them, of text encoders, of autoencoders.

    Attributes:
        diffusion: the name of a torch type in which networks draw: "float32", "bfloat16" or "float16".
        least_parameters: networks that draw with fewer parameters stay in float32, which costs them nothing.
        diffusion_stored: the name of a type of eight bits in which their weights are stored, or "".
        text: the name of a torch type for text encoders, of eight bits to store them only; "" for float32
            with weights that 16 bits can say.
        vae: the name of a torch type for autoencoders; "" for float32.
        vae_on_cpu: whether autoencoders are computed with on the CPU.
        multiplies_eight_bits: whether the device multiplies floats of eight bits.
    """

    diffusion: str = "float32"
    least_parameters: int = 0
    diffusion_stored: str = ""
    text: str = ""
    vae: str = ""
    vae_on_cpu: bool = False
    multiplies_eight_bits: bool = False


@dataclass(frozen=True)
class Wanted:
    """The number types that somebody asks for, each the name of a torch type, "" for what is best.

    Attributes:
        diffusion: of networks that draw or steer them; one of eight bits is that of stored weights.
        text: of text encoders; one of eight bits likewise.
        vae: of autoencoders.
        vae_on_cpu: whether these are computed with on the CPU.
    """

    diffusion: str = ""
    text: str = ""
    vae: str = ""
    vae_on_cpu: bool = False
