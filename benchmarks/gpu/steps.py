"""How long is a step when weights are resident, and when half or three quarters of them are streamed?

python -m benchmarks.gpu.steps [--dry] [--rounds 7]: the same weights in the bare module, resident, capped,
and under diffusers' group offload with streams, turn and turn about.
"""

import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.gpu.measure import Bench, bench_from, gigabytes
from benchmarks.gpu.subjects import Holder, Subject, subjects, twin, weight_bytes
from models.adapters.patch import Patched

KINDS = ("leaf_level", "block_level")
CAPS = ((0.5, 1.10), (0.25, 1.5))


def moved(given: Any, bench: Bench) -> tuple[Any, ...]:
    """Inputs on the device, floating-point ones in the type of the weights, times in float32."""
    return tuple(
        value.to(bench.device) if value.ndim == 1 else value.to(bench.device, bench.dtype) for value in given
    )


def resident(bench: Bench, subject: Subject, network: nn.Module, given: tuple[Any, ...]) -> tuple[float, int]:
    """A resident step against the bare module; its seconds, and what it computes with beside weights."""
    bare = twin(network, subject.build).to(bench.device)
    before = bench.held_bytes()
    activations = max(0, bench.peak_bytes(lambda: bare(*given)) - before) + 2**20
    ours = Patched(Holder(network))
    residency = bench.residency()

    def step() -> None:
        with residency.borrow(ours, activations) as base:
            base.network(*given)

    found = bench.alternate({"bare": lambda: bare(*given), "ours": step})
    ratio = found["ours"] / found["bare"]
    bench.tell(
        f"{subject.name}, resident, step",
        f"{found['ours'] * 1e3:.1f} ms, {ratio:.3f} x bare",
        "<= 1.01 x",
        ratio <= 1.01,
    )
    residency.free()
    return found["bare"], activations


def offloaded(bench: Bench, network: nn.Module, kind: str) -> nn.Module | None:
    """The network under group offload of diffusers, or None where that is not installed."""
    try:
        from diffusers.hooks.group_offloading import apply_group_offloading
    except ImportError:
        return None
    options: dict[str, Any] = {"num_blocks_per_group": 1} if kind == "block_level" else {}
    if not bench.dry:
        options |= {"use_stream": True, "record_stream": True, "non_blocking": True}
    apply_group_offloading(
        network,
        onload_device=bench.device,
        offload_device=torch.device("cpu"),
        offload_type=kind,
        **options,
    )
    return network


def streamed(
    bench: Bench, subject: Subject, network: nn.Module, given: tuple[Any, ...], bare: float, activations: int
) -> None:
    """Steps under caps, each turn and turn about with those of diffusers, whose weights are a copy."""
    source = twin(network, subject.build)

    def copied() -> nn.Module:
        other = twin(source, subject.build)
        other.load_state_dict({name: it.clone() for name, it in source.state_dict().items()}, assign=True)
        return other.requires_grad_(False)

    for part, limit in CAPS:
        cap = int(weight_bytes(network) * part) + (0 if bench.dry else activations)
        residency, before = bench.residency(cap), bench.held_bytes()
        with residency.borrow(Patched(Holder(network)), 0 if bench.dry else activations) as base:
            ours = partial(base.network, *given)
            peak = max(0, bench.peak_bytes(ours) - before)
            name = f"{subject.name}, {part:.0%} of the weights fit"
            found = f"{gigabytes(cap)}, {gigabytes(peak)}"
            bench.tell(f"{name}: cap, peak", found, "peak <= cap", peak <= cap)
            times = {kind: against(bench, copied, kind, ours, given) for kind in KINDS}
        residency.free()
        for kind, (_, taken) in times.items():
            if taken is not None:
                what = f"{subject.name}, diffusers group offload, {kind}, streams"
                bench.tell(what, f"{taken * 1e3:.1f} ms, {taken / bare:.2f} x resident")
        taken = min(mine for mine, _ in times.values())
        bench.tell(
            f"{name}, step",
            f"{taken * 1e3:.1f} ms, {taken / bare:.2f} x resident",
            f"<= {limit:.2f} x, and faster than diffusers",
            taken <= limit * bare and all(other is None or mine < other for mine, other in times.values()),
        )


def against(
    bench: Bench,
    copied: Callable[[], nn.Module],
    kind: str,
    ours: Callable[[], object],
    given: tuple[Any, ...],
) -> tuple[float, float | None]:
    """Seconds of a step of ours and of one under a kind of group offload, None if there is none here."""
    theirs = offloaded(bench, copied(), kind)
    works: dict[str, Callable[[], object]] = {"ours": ours}
    if theirs is not None:
        works["theirs"] = partial(theirs, *given)
    found = bench.alternate(works)
    works.clear()
    gc.collect()
    return found["ours"], found.get("theirs")


def main(arguments: list[str] | None = None) -> None:
    bench = bench_from(arguments, __doc__)
    with torch.no_grad():
        for subject in subjects(bench.dry):
            network = subject.network(bench.dtype)
            given = moved(subject.inputs(subject.pixels), bench)
            name = f"{subject.name}: {gigabytes(weight_bytes(network))} of weights, {subject.pixels} px"
            bench.tell(name, str(bench.dtype).removeprefix("torch."))
            bare, activations = resident(bench, subject, twin(network, subject.build), given)
            streamed(bench, subject, network, given, bare, activations)


if __name__ == "__main__":
    main()
