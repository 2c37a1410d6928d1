"""Which samplers are offered, by the names saved workflows know, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schedulers.samplers.dpmpp import dpmpp_2m
from schedulers.samplers.dpmpp_sde import dpmpp_2m_sde
from schedulers.samplers.euler import euler, euler_ancestral
from schedulers.samplers.heun import heun
from schedulers.samplers.lcm import lcm
from schedulers.samplers.unipc import uni_pc, uni_pc_bh2
from schedulers.step import Method

SAMPLERS: Mapping[str, Method] = MappingProxyType(
    {
        "euler": Method(ode=euler),
        "euler_ancestral": Method(sde=euler_ancestral),
        "heun": Method(ode=heun),
        "dpmpp_2m": Method(ode=dpmpp_2m),
        "dpmpp_2m_sde": Method(sde=dpmpp_2m_sde, noise="brownian"),
        "lcm": Method(sde=lcm),
        "ddim": Method(ode=euler, own_mask_noise=True),
        "uni_pc": Method(ode=uni_pc, drops_penultimate=True),
        "uni_pc_bh2": Method(ode=uni_pc_bh2, drops_penultimate=True),
    }
)


def method(name: str) -> Method:
    """The sampler of a name; raises ValueError that names it and the known ones."""
    if name not in SAMPLERS:
        raise ValueError(f"unknown sampler {name!r}; known are {', '.join(SAMPLERS)}")
    return SAMPLERS[name]
