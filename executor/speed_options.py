"""What can be said on the command line about how networks are computed fast?"""

import argparse
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.attention_backends.choice import AttentionSettings

WAYS = {
    "--use-split-cross-attention": ("split", "attention for some queries at a time"),
    "--use-quad-cross-attention": ("sub-quadratic", "attention in parts that fit into memory"),
    "--use-pytorch-cross-attention": ("torch", "attention as torch chooses; nothing is measured"),
    "--use-sage-attention": ("sage", "attention of the package sageattention, which rounds a little"),
    "--use-flash-attention": ("flash-attn", "attention of the package flash-attn"),
}
# What must be installed for some of them.
_PACKAGES = {"sage": "sageattention", "flash-attn": "flash_attn"}
# The keys of models.adapters.graphed.WAYS, which needs torch.
COMPILERS = ("inductor", "cudagraphs")


def add_speed_options(group: argparse._ArgumentGroup) -> None:
    """Add the flags; without any, the fastest exact attention is measured for each shape on CUDA devices."""
    group.add_argument(
        "--torch-compile",
        nargs="?",
        const="inductor",
        choices=COMPILERS,
        help="diffusion networks run compiled, as by the node TorchCompileModel",
    )
    ways = group.add_mutually_exclusive_group()
    for flag, (name, text) in WAYS.items():
        ways.add_argument(flag, dest="attention", action="store_const", const=name, help=text)
    group.add_argument("--disable-xformers", action="store_true", help="no attention of the package xformers")
    upcast = group.add_mutually_exclusive_group()
    upcast.add_argument(
        "--force-upcast-attention",
        dest="upcast_attention",
        action="store_const",
        const=True,
        help="attention in float32, whatever networks draw in",
    )
    upcast.add_argument(
        "--dont-upcast-attention",
        dest="upcast_attention",
        action="store_const",
        const=False,
        help="no float32 inside attention of 16 bits",
    )


def speed_arguments(options: argparse.Namespace) -> list[str]:
    """The flags that say the same again."""
    given = [flag for flag, (name, _) in WAYS.items() if name == options.attention]
    if options.disable_xformers:
        given.append("--disable-xformers")
    if options.torch_compile is not None:
        given += ["--torch-compile", options.torch_compile]
    if options.upcast_attention is not None:
        given.append(f"--{'force' if options.upcast_attention else 'dont'}-upcast-attention")
    return given


def attention_lack(options: argparse.Namespace) -> str:
    """What is not installed that a flag needs, in a sentence; empty if nothing."""
    package = _PACKAGES.get(options.attention)
    if package is None or find_spec(package) is not None:
        return ""
    flag = next(flag for flag, (name, _) in WAYS.items() if name == options.attention)
    return f"{flag} needs the package {package}, which is not installed"


def attention_settings(options: argparse.Namespace) -> "AttentionSettings":
    """What the flags mean; where equal bits are wanted, nothing is measured."""
    from models.attention_backends.choice import AttentionSettings

    return AttentionSettings(
        wanted=options.attention,
        without=frozenset({"xformers"} if options.disable_xformers else ()),
        upcast=options.upcast_attention,
        measures=not options.deterministic,
    )
