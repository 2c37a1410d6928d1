"""Do samplers that no other library has agree with their formulas written out term by term in lambda?

Here every coefficient is a float32 tensor, as where the formulas come from; our samplers simplify them.
"""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from models.noise import NoiseTable
from schedulers.noise import GaussianNoise
from schedulers.samplers.table import SAMPLERS
from schedulers.sigmas import schedule
from schedulers.tables import sigma_table
from tests.schedulers.toys import PATH, Tangled, paired

DENOISE = Tangled()
TABLE = sigma_table(NoiseTable())
Form = Callable[[Tensor, Tensor, Callable[[], Tensor]], Tensor]


def evaluate(x: Tensor, sigma: Tensor) -> Tensor:
    return DENOISE(x, float(sigma))


def split(s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    up = torch.minimum(t, (t**2 * (s**2 - t**2) / s**2).sqrt())
    return (t**2 - up**2).sqrt(), up


def intervals(sigmas: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    for i in range(len(sigmas) - 1):
        yield i, sigmas[i], sigmas[i + 1]


def dpmpp_2s_ancestral(x: Tensor, sigmas: Tensor, noise: Callable[[], Tensor]) -> Tensor:
    for _, s, t in intervals(sigmas):
        d = evaluate(x, s)
        down, up = split(s, t)
        if down == 0:
            x = x + (x - d) / s * (down - s)
        else:
            h = s.log() - down.log()
            mid = (s.log() - 0.5 * h).exp()
            half = mid / s * x - torch.expm1(-0.5 * h) * d
            x = down / s * x - torch.expm1(-h) * evaluate(half, mid)
        if t > 0:
            x = x + noise() * up
    return x


def dpmpp_sde(x: Tensor, sigmas: Tensor, noise: Callable[[], Tensor]) -> Tensor:
    r = 0.5
    for _, s, t in intervals(sigmas):
        d = evaluate(x, s)
        if t == 0:
            return d
        lam_s, lam_t = -s.log(), -t.log()
        lam_1 = lam_s + r * (lam_t - lam_s)
        mid = (-lam_1).exp()
        down, up = split((-lam_s).exp(), mid)
        h = -down.log() - lam_s
        half = (-h).exp() * x - torch.expm1(-h) * d + noise() * up
        d2 = evaluate(half, mid)
        down, up = split((-lam_s).exp(), (-lam_t).exp())
        h = -down.log() - lam_s
        mixed = (1 - 1 / (2 * r)) * d + 1 / (2 * r) * d2
        x = (-h).exp() * x - torch.expm1(-h) * mixed + noise() * up
    return x


def multistep_sde(heun: bool, stages: int) -> Form:
    def form(x: Tensor, sigmas: Tensor, noise: Callable[[], Tensor]) -> Tensor:
        past: list[tuple[Tensor, Tensor]] = []
        for _, s, t in intervals(sigmas):
            d = evaluate(x, s)
            if t == 0:
                return d
            h = s.log() - t.log()
            he = 2 * h
            x = t / s * (-h).exp() * x + (1 - (-he).exp()) * d
            if stages == 3 and len(past) > 1:
                (d1, h1), (d2, h2) = past[-1], past[-2]
                r0, r1 = h1 / h, h2 / h
                d10, d11 = (d - d1) / r0, (d1 - d2) / r1
                p2 = torch.expm1(-he) / he + 1
                p3 = p2 / he - 0.5
                x = x + p2 * (d10 + (d10 - d11) * r0 / (r0 + r1)) - p3 * (d10 - d11) / (r0 + r1)
            elif past:
                d1, h1 = past[-1]
                if stages == 3:
                    factor = torch.expm1(-he) / he + 1
                else:
                    factor = (1 - (-he).exp()) / (-he) + 1 if heun else 0.5 * (1 - (-he).exp())
                x = x + factor * (h / h1) * (d - d1)
            x = x + noise() * t * (1 - (-2 * h).exp()).sqrt()
            past.append((d, h))
        return x

    return form


def ddpm(x: Tensor, sigmas: Tensor, noise: Callable[[], Tensor]) -> Tensor:
    for _, s, t in intervals(sigmas):
        e = (x - evaluate(x, s)) / s
        kept, kept_next = 1 / (s**2 + 1), 1 / (t**2 + 1)
        ratio = kept / kept_next
        mean = (1 / ratio).sqrt() * (x / (1 + s**2).sqrt() - (1 - ratio) * e / (1 - kept).sqrt())
        if t > 0:
            mean = mean + ((1 - ratio) * (1 - kept_next) / (1 - kept)).sqrt() * noise()
            mean = mean * (1 + t**2).sqrt()
        x = mean
    return x


def res_multistep_ancestral(x: Tensor, sigmas: Tensor, noise: Callable[[], Tensor]) -> Tensor:
    old: Tensor | None = None
    old_down = sigmas[0]
    for i, s, t in intervals(sigmas):
        d = evaluate(x, s)
        down, up = split(s, t)
        if down == 0 or old is None:
            x = x + (x - d) / s * (down - s)
        else:
            now, then, before, old_t = -s.log(), -down.log(), -sigmas[i - 1].log(), -old_down.log()
            h = then - now
            c2 = (before - old_t) / h
            f1 = torch.expm1(-h) / (-h)
            f2 = (f1 - 1) / (-h)
            x = (-h).exp() * x + h * ((f1 - f2 / c2) * d + f2 / c2 * old)
        if t > 0:
            x = x + noise() * up
        old, old_down = d, down
    return x


def er_sde(x: Tensor, sigmas: Tensor, noise: Callable[[], Tensor]) -> Tensor:
    def phi(v: Tensor) -> Tensor:
        return v * ((v**0.3).exp() + 10)

    ds: list[Tensor] = []
    slopes: list[Tensor] = []
    for i, s, t in intervals(sigmas):
        d = evaluate(x, s)
        if t == 0:
            return d
        r = phi(t) / phi(s)
        x = r * x + (1 - r) * d
        dt = t - s
        points = t + torch.arange(200) * (-dt / 200)
        if i >= 1:
            slopes.append((d - ds[-1]) / (s - sigmas[i - 1]))
            x = x + (dt + (1 / phi(points)).sum() * (-dt / 200) * phi(t)) * slopes[-1]
        if i >= 2:
            bend = (slopes[-1] - slopes[-2]) / ((s - sigmas[i - 2]) / 2)
            x = x + (dt**2 / 2 + ((points - s) / phi(points)).sum() * (-dt / 200) * phi(t)) * bend
        x = x + noise() * (t**2 - s**2 * r**2).sqrt()
        ds.append(d)
    return x


def seeds(*places: float, phi_2: bool, eta: float) -> Form:
    def phi(z: Tensor) -> Tensor:
        return (torch.expm1(z) - z) / z

    def form(x: Tensor, sigmas: Tensor, noise: Callable[[], Tensor]) -> Tensor:
        for _, s, t in intervals(sigmas):
            d = evaluate(x, s)
            if t == 0:
                return d
            h = s.log() - t.log()
            he = h * (1 + eta)
            first = places[0]
            s1 = (s.log() - first * h).exp()
            path = (1 - (-2 * first * h * eta).exp()).sqrt() * noise()
            x2 = s1 / s * (-first * h * eta).exp() * x - torch.expm1(-first * he) * d + path * s1
            d2 = evaluate(x2, s1)
            last = first
            if len(places) == 2:
                last = places[1]
                s2 = (s.log() - last * h).exp()
                a2 = last / first * phi(-last * he)
                gap = (first - last) * h * eta
                path = path * gap.exp() + (1 - (2 * gap).exp()).sqrt() * noise()
                x3 = s2 / s * (-last * h * eta).exp() * x - ((torch.expm1(-last * he) - a2) * d + a2 * d2)
                d2 = evaluate(x3 + path * s2, s2)
            if phi_2:
                b2 = phi(-he) / last
                change = (torch.expm1(-he) - b2) * d + b2 * d2
            else:
                change = torch.expm1(-he) * torch.lerp(d, d2, 1 / (2 * last))
            gap = (last - 1) * h * eta
            path = path * gap.exp() + (1 - (2 * gap).exp()).sqrt() * noise()
            x = t / s * (-h * eta).exp() * x - change + path * t
        return x

    return form


FORMS: dict[str, Form] = {
    "dpmpp_2s_ancestral": dpmpp_2s_ancestral,
    "dpmpp_sde": dpmpp_sde,
    "dpmpp_2m_sde": multistep_sde(heun=False, stages=2),
    "dpmpp_2m_sde_heun": multistep_sde(heun=True, stages=2),
    "dpmpp_3m_sde": multistep_sde(heun=False, stages=3),
    "ddpm": ddpm,
    "res_multistep_ancestral": res_multistep_ancestral,
    "er_sde": er_sde,
    "seeds_2": seeds(0.5, phi_2=False, eta=1.0),
    "seeds_3": seeds(1 / 3, 2 / 3, phi_2=True, eta=1.0),
    "exp_heun_2_x0": seeds(1.0, phi_2=True, eta=0.0),
    "exp_heun_2_x0_sde": seeds(1.0, phi_2=True, eta=1.0),
}


@pytest.mark.parametrize("steps", [1, 2, 3, 8, 20])
@pytest.mark.parametrize("name", FORMS)
def test_a_sampler_agrees_with_its_formula_written_out(name: str, steps: int) -> None:
    sigmas = schedule("karras", steps, TABLE)
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3)) * sigmas[0]
    draws = GaussianNoise(x, 5)
    theirs = FORMS[name](x, sigmas, lambda: draws(0.0, 0.0))
    steps_taken = SAMPLERS[name].on(PATH).steps(paired(DENOISE), x, sigmas.tolist(), GaussianNoise(x, 5))
    ours = list(steps_taken)[-1].x
    assert float((ours - theirs).abs().max()) < 1e-4 * float(theirs.abs().max())
