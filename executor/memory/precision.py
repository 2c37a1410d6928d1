"""Answers in which number type networks should run on a device, where nobody says."""

from dataclasses import replace

import torch

from executor.memory.devices import Devices
from models.packed.float8_linear import can_multiply
from nodes.api.precision import Precision

# Below it, what is gained is less than what turning numbers into others costs (benchmarks/unet.py).
LEAST_PARAMETERS = 100_000_000


def choose_precision(devices: Devices, wanted: str | None = None) -> Precision:
    """The number types for a device.

    Processors that multiply bfloat16 themselves run large networks in it, others in float32; CUDA devices
    run them in float16.

    Args:
        devices: where networks run.
        wanted: the name of a torch type for networks of any size, or None for the best of the device. One of
            eight bits is that of the stored weights, which are computed with in the best of the device.
    """
    eight = can_multiply(devices.compute)
    if wanted is not None and not wanted.startswith("float8"):
        return Precision(wanted, multiplies_eight_bits=eight)
    return replace(_best(devices), diffusion_stored=wanted or "", multiplies_eight_bits=eight)


def _best(devices: Devices) -> Precision:
    if devices.compute.type == "cuda":
        return Precision("float16", LEAST_PARAMETERS)
    if multiplies_bfloat16():
        return Precision("bfloat16", LEAST_PARAMETERS)
    return Precision()


def multiplies_bfloat16() -> bool:
    """Whether this computer's processor has units for bfloat16."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
