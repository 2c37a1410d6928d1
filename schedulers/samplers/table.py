"""Which samplers are offered, by the names saved workflows know, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from schedulers.samplers import (
    adams,
    cfg_pp,
    ddpm,
    deis,
    dpm,
    dpm2,
    dpmpp,
    dpmpp_sde,
    er_sde,
    euler,
    gradient,
    heun,
    lcm,
    res,
    sa_solver,
    seeds,
    unipc,
)
from schedulers.step import Method, Sampler


def _brownian(sampler: Sampler, *, on_device: bool = False, **options: Any) -> Method:
    return Method(
        sde=sampler,
        noise="brownian",
        noise_on_device=on_device,
        follows_path=True,
        options=MappingProxyType(options),
    )


SAMPLERS: Mapping[str, Method] = MappingProxyType(
    {
        "euler": Method(ode=euler.euler),
        "euler_cfg_pp": Method(pair=cfg_pp.euler_cfg_pp, follows_path=True),
        "euler_ancestral": Method(sde=euler.euler_ancestral, follows_path=True),
        "euler_ancestral_cfg_pp": Method(pair=cfg_pp.euler_ancestral_cfg_pp, follows_path=True),
        "heun": Method(ode=heun.heun),
        "heunpp2": Method(ode=heun.heunpp2),
        "exp_heun_2_x0": Method(ode=seeds.exp_heun_2_x0, follows_path=True),
        "exp_heun_2_x0_sde": Method(sde=seeds.exp_heun_2_x0_sde, follows_path=True),
        "dpm_2": Method(ode=dpm2.dpm_2, drops_penultimate=True),
        "dpm_2_ancestral": Method(sde=dpm2.dpm_2_ancestral, follows_path=True, drops_penultimate=True),
        "lms": Method(ode=adams.lms),
        "dpm_fast": Method(ode=dpm.dpm_fast),
        "dpm_adaptive": Method(ode=dpm.dpm_adaptive),
        "dpmpp_2s_ancestral": Method(sde=dpmpp.dpmpp_2s_ancestral, follows_path=True),
        "dpmpp_2s_ancestral_cfg_pp": Method(pair=cfg_pp.dpmpp_2s_ancestral_cfg_pp),
        "dpmpp_sde": _brownian(dpmpp_sde.dpmpp_sde),
        "dpmpp_sde_gpu": _brownian(dpmpp_sde.dpmpp_sde, on_device=True),
        "dpmpp_2m": Method(ode=dpmpp.dpmpp_2m),
        "dpmpp_2m_cfg_pp": Method(pair=cfg_pp.dpmpp_2m_cfg_pp),
        "dpmpp_2m_sde": _brownian(dpmpp_sde.dpmpp_2m_sde),
        "dpmpp_2m_sde_gpu": _brownian(dpmpp_sde.dpmpp_2m_sde, on_device=True),
        "dpmpp_2m_sde_heun": _brownian(dpmpp_sde.dpmpp_2m_sde, solver_type="heun"),
        "dpmpp_2m_sde_heun_gpu": _brownian(dpmpp_sde.dpmpp_2m_sde, on_device=True, solver_type="heun"),
        "dpmpp_3m_sde": _brownian(dpmpp_sde.dpmpp_3m_sde),
        "dpmpp_3m_sde_gpu": _brownian(dpmpp_sde.dpmpp_3m_sde, on_device=True),
        "ddpm": Method(sde=ddpm.ddpm),
        "lcm": Method(sde=lcm.lcm, follows_path=True),
        "ipndm": Method(ode=adams.ipndm),
        "ipndm_v": Method(ode=adams.ipndm_v),
        "deis": Method(ode=deis.deis),
        "res_multistep": Method(ode=res.res_multistep),
        "res_multistep_cfg_pp": Method(pair=cfg_pp.res_multistep_cfg_pp),
        "res_multistep_ancestral": Method(sde=res.res_multistep_ancestral),
        "res_multistep_ancestral_cfg_pp": Method(pair=cfg_pp.res_multistep_ancestral_cfg_pp),
        "gradient_estimation": Method(ode=gradient.gradient_estimation),
        "gradient_estimation_cfg_pp": Method(pair=cfg_pp.gradient_estimation_cfg_pp),
        "er_sde": Method(sde=er_sde.er_sde, follows_path=True),
        "seeds_2": Method(sde=seeds.seeds_2, follows_path=True),
        "seeds_3": Method(sde=seeds.seeds_3, follows_path=True),
        "sa_solver": Method(sde=sa_solver.sa_solver, follows_path=True),
        "sa_solver_pece": Method(
            sde=sa_solver.sa_solver, follows_path=True, options=MappingProxyType({"use_pece": True})
        ),
        "ddim": Method(ode=euler.euler, own_mask_noise=True),
        "uni_pc": Method(ode=unipc.uni_pc, drops_penultimate=True, last_sigma=unipc.LAST_SIGMA),
        "uni_pc_bh2": Method(ode=unipc.uni_pc_bh2, drops_penultimate=True, last_sigma=unipc.LAST_SIGMA),
    }
)


def method(name: str) -> Method:
    """The sampler of a name; raises ValueError that names it and the known ones."""
    if name not in SAMPLERS:
        raise ValueError(f"unknown sampler {name!r}; known are {', '.join(SAMPLERS)}")
    return SAMPLERS[name]
