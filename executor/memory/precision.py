"""Answers in which number type networks should run on a device, where nobody says."""

from dataclasses import replace

import torch

from executor.memory.devices import Devices
from models.packed.float8_linear import can_multiply
from nodes.api.precision import Precision, Wanted

# Below it, what is gained is less than what turning numbers into others costs (benchmarks/unet.py).
LEAST_PARAMETERS = 100_000_000


def choose_precision(devices: Devices, wanted: str | Wanted | None = None) -> Precision:
    """The number types for a device.

    Processors that multiply bfloat16 themselves run large networks in it, others in float32; CUDA devices
    run them in float16.

    Args:
        devices: where networks run.
        wanted: what is asked for, or the name of a torch type for networks of any size that draw, in place of
            the best of the device. Stored weights of eight bits are computed with in the best one.
    """
    asked = wanted if isinstance(wanted, Wanted) else Wanted(wanted or "")
    stored = asked.diffusion if asked.diffusion.startswith("float8") else ""
    own = _best(devices) if stored or not asked.diffusion else Precision(asked.diffusion)
    return replace(
        own,
        diffusion_stored=stored,
        text=asked.text,
        vae=asked.vae,
        vae_on_cpu=asked.vae_on_cpu,
        multiplies_eight_bits=can_multiply(devices.compute),
    )


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
