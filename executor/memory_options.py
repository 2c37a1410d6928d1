"""What can be said on the command line about memory, under the ecosystem's names?"""

import argparse
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from executor.memory.limits import Limits, Streaming

GIB = 2**30
# The ecosystem's words for how much stays on a graphics card, and what they mean here.
WAYS: dict[str, tuple["Streaming", str]] = {
    "--gpu-only": ("never", "networks are never streamed: what does not fit is refused"),
    "--highvram": ("never", "the same"),
    "--normalvram": ("needed", "networks are streamed as far as they do not fit (the default)"),
    "--lowvram": ("early", "at most half of a network's weights stay on the device"),
    "--novram": ("always", "all large weights are streamed"),
}


def add_memory_options(group: argparse._ArgumentGroup) -> None:
    """Add the flags."""
    group.add_argument(
        "--vram-limit", type=_gigabytes, metavar="GB", help="take no more of the GPU's memory, ever"
    )
    group.add_argument(
        "--ram-limit", type=_gigabytes, metavar="GB", help="take no more memory, all workers together"
    )
    group.add_argument(
        "--reserve-vram", type=_gigabytes, metavar="GB", help="leave so much of the GPU's memory to others"
    )
    ways = group.add_mutually_exclusive_group()
    for flag, (_, text) in WAYS.items():
        ways.add_argument(flag, dest="vram_way", action="store_const", const=flag, help=text)


def memory_arguments(options: argparse.Namespace, workers: int = 1) -> list[str]:
    """The flags that say the same to each of some workers."""
    given = [] if options.vram_way is None else [options.vram_way]
    for name, share in (("vram_limit", 1), ("ram_limit", workers), ("reserve_vram", 1)):
        if (value := getattr(options, name)) is not None:
            given += [f"--{name.replace('_', '-')}", f"{value / share:g}"]
    return given


def memory_contradiction(options: argparse.Namespace) -> str:
    """Which flags cannot go together, in a sentence; empty if all can."""
    said = [flag for flag in (options.vram_way,) if flag is not None]
    said += ["--vram-limit"] * (options.vram_limit is not None)
    said += ["--reserve-vram"] * (options.reserve_vram is not None)
    if options.cpu and said:
        return f"{said[0]} is about the memory of a GPU, and --cpu says that none is used"
    return ""


def memory_limits(options: argparse.Namespace) -> "Limits":
    """What the flags mean."""
    from executor.memory.limits import DEFAULT_RESERVE_BYTES, Limits

    streaming, _ = WAYS[options.vram_way or "--normalvram"]
    reserve = options.reserve_vram
    return Limits(
        vram_bytes=_bytes(options.vram_limit),
        ram_bytes=_bytes(options.ram_limit),
        reserve_bytes=DEFAULT_RESERVE_BYTES if reserve is None else int(reserve * GIB),
        streaming=streaming,
    )


def _bytes(gigabytes: float | None) -> int | None:
    return None if gigabytes is None else int(gigabytes * GIB)


def _gigabytes(text: str) -> float:
    if not 0 <= (number := float(text)) < math.inf:
        raise argparse.ArgumentTypeError(f"must be 0 or more gigabytes, not {text}")
    return number
