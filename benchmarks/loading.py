"""How long does a Stable Diffusion 1.5 checkpoint of 2 GB take to open, and how much memory?

Run it with `python -m benchmarks.loading [ROUNDS]`. A file of that size is made of random numbers; each
round opens it in fresh processes, warm (the file is in the page cache), in alternation: kept in 16 bits, kept
as the default has it, and through safetensors' own loader, as it comes and with every page read.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MEASURES = ("sixteen bits", "bfloat16", "default", "load_file", "load_file, every page")


def make(path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    from loaders.assemble import build_empty
    from models.text.clip import ClipText, ClipTextConfig
    from models.unet.config import UNetConfig
    from models.unet.unet import UNet
    from models.vae.kl import AutoencoderKL, KLConfig

    parts = (
        ("model.diffusion_model.", build_empty(lambda: UNet(UNetConfig()))),
        ("first_stage_model.", build_empty(lambda: AutoencoderKL(KLConfig()))),
        ("cond_stage_model.transformer.", build_empty(lambda: ClipText(ClipTextConfig()))),
    )
    tensors = {
        prefix + name: torch.randn(value.shape, dtype=torch.float16) * 0.02
        for prefix, network in parts
        for name, value in network.state_dict().items()
    }
    save_file(tensors, path)


def measure(what: str, path: Path) -> None:
    """Print seconds, seconds of processors and peak megabytes as JSON; runs in a process of its own."""
    import torch

    from executor.worker.heap import settle
    from loaders.assemble import Storage
    from loaders.checkpoint import open_checkpoint

    settle()  # as workers do before their first job
    before = high_water()
    start, busy = time.perf_counter(), time.process_time()
    if what.startswith("load_file"):
        from safetensors.torch import load_file

        held: object = [tensor.clone() if "every" in what else tensor for tensor in load_file(path).values()]
    else:
        kept = {"sixteen bits": torch.float16, "bfloat16": torch.bfloat16}.get(what, torch.float32)
        held = open_checkpoint(path, Storage(kept))
    seconds = time.perf_counter() - start
    found = {"seconds": seconds, "busy": time.process_time() - busy, "more": high_water() - before}
    print(json.dumps({**found, "held": bool(held)}))


def high_water() -> float:
    """The most memory this process had resident so far, in MiB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "sd15.safetensors"
        make(path)
        size = path.stat().st_size / 2**20
        results: dict[str, list[dict[str, float]]] = {what: [] for what in MEASURES}
        for _ in range(rounds):
            for what in MEASURES:
                command = [sys.executable, "-m", "benchmarks.loading", what, str(path)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                results[what].append(json.loads(done.stdout))
    print(f"file: {size:.0f} MiB")
    plain = min(one["seconds"] for one in results[MEASURES[-1]])
    for what, found in results.items():
        seconds = statistics.median(one["seconds"] for one in found)
        best = min(one["seconds"] for one in found)
        busy = min(one["busy"] for one in found)
        more = max(one["more"] for one in found) - size
        print(
            f"{what}: {seconds:.2f} s (best {best:.2f}, {best / plain:.2f} x {MEASURES[-1]}; "
            f"processors {busy:.2f} s), peak = file {more:+.0f} MiB"
        )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
