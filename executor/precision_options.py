"""What can be said on the command line about number types, under the ecosystem's names?"""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nodes.api.precision import Wanted

NUMBER_TYPES = {
    "--force-fp32": "float32",
    "--fp32-unet": "float32",
    "--fp16-unet": "float16",
    "--bf16-unet": "bfloat16",
    "--fp8_e4m3fn-unet": "float8_e4m3fn",
    "--fp8_e5m2-unet": "float8_e5m2",
}
TEXT_TYPES = {
    "--fp8_e4m3fn-text-enc": "float8_e4m3fn",
    "--fp8_e5m2-text-enc": "float8_e5m2",
    "--fp16-text-enc": "float16",
    "--bf16-text-enc": "bfloat16",
    "--fp32-text-enc": "float32",
}
VAE_TYPES = {"--fp16-vae": "float16", "--bf16-vae": "bfloat16", "--fp32-vae": "float32"}
_PARTS = (
    ("number_type", NUMBER_TYPES, "networks that draw"),
    ("text_type", TEXT_TYPES, "text encoders"),
    ("vae_type", VAE_TYPES, "autoencoders"),
)


def add_precision_options(group: argparse._ArgumentGroup) -> None:
    """Add the flags."""
    for name, flags, what in _PARTS:
        types = group.add_mutually_exclusive_group()
        for flag, dtype in flags.items():
            does = "store their weights in" if dtype.startswith("float8") else "run in"
            types.add_argument(
                flag, dest=name, action="store_const", const=dtype, help=f"{what} {does} {dtype}"
            )
    group.add_argument("--cpu-vae", action="store_true", help="autoencoders run on the CPU")


def precision_arguments(options: argparse.Namespace) -> list[str]:
    """The flags that say the same to a worker."""
    given = []
    for name, flags, _ in _PARTS:
        chosen = getattr(options, name)
        given += [next(flag for flag, dtype in flags.items() if dtype == chosen)] if chosen else []
    return given + ["--cpu-vae"] * options.cpu_vae


def number_types(options: argparse.Namespace) -> "Wanted":
    """What the flags ask for."""
    from nodes.api.precision import Wanted

    return Wanted(options.number_type or "", options.text_type or "", options.vae_type or "", options.cpu_vae)
