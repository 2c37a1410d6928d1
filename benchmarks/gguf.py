"""What do GGUF's packed weights cost on the processor: to unpack, to multiply with, in a whole step, to load?

python -m benchmarks.gguf formats                 each type, beside gguf-py
python -m benchmarks.gguf layers                  linear layers, beside dense ones, turn and turn about
python -m benchmarks.gguf step [sd15 | sdxl]      a step of a UNet of random weights, beside the dense one
python -m benchmarks.gguf load                    a UNet of SD 1.5 in Q4_K, each time in a fresh process
python -m benchmarks.gguf header                  headers: one with a vocabulary, and some that lie
"""

import argparse
import json
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

TRIED = ("Q8_0", "Q4_K")
SHAPES = (
    (77, 320, 768),
    (4096, 320, 320),
    (1024, 5120, 640),
    (256, 1280, 1280),
    (64, 10240, 1280),
    (1, 5120, 1280),
)


def best(works: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """The shortest time of each, in seconds, after one turn that does not count."""
    found = [float("inf")] * len(works)
    for turn in range(rounds + 1):
        for index, work in enumerate(works):
            begin = time.perf_counter()
            work()
            if turn:
                found[index] = min(found[index], time.perf_counter() - begin)
    return found


def formats(rounds: int) -> None:
    import gguf
    import numpy
    import torch

    from models.packed.gguf import BLOCK_TYPES, Gguf

    count = 1 << 23
    drawn = numpy.random.default_rng(1)
    print("type     bits   million numbers a second: unpacked to float32, to bfloat16, by gguf-py, packed")
    for name, block in BLOCK_TYPES.items():
        raw = drawn.integers(0, 120, (count // block.numbers, block.size_bytes), dtype=numpy.uint8)
        parts, form = {"blocks": torch.from_numpy(raw)}, Gguf(name)
        works: list[Callable[[], object]] = [
            partial(form.unpack, parts, torch.Size((count,)), torch.float32),
            partial(form.unpack, parts, torch.Size((count,)), torch.bfloat16),
        ]
        works.append(partial(gguf.quants.dequantize, raw, gguf.GGMLQuantizationType[name]))
        times = [f"{count / seconds / 1e6:8.0f}" for seconds in best(works, rounds)]
        if block.pack is not None:
            dense = torch.randn(count // 8)
            (seconds,) = best([partial(form.pack, dense)], 1)
            times.append(f"{len(dense) / seconds / 1e6:8.1f}")
        print(f"{name:8} {8 * block.size_bytes / block.numbers:.2f} {' '.join(times)}", flush=True)


def layers(rounds: int) -> None:
    import torch
    from torch.nn.functional import linear

    from models.packed.gguf import Gguf
    from models.packed.tensor import pack

    print("milliseconds: dense, and each type with how much longer it takes")
    for dtype in (torch.float32, torch.bfloat16):
        for rows, out, width in SHAPES:
            weight = (torch.randn(out, width) / width**0.5).to(dtype)
            given = torch.randn(rows, width).to(dtype)
            packed = [pack(weight, Gguf(name)) for name in TRIED]
            works = [partial(linear, given, one) for one in (weight, *packed)]
            with torch.no_grad():
                dense, *others = best(works, rounds)
            shown = "  ".join(
                f"{n} {t * 1e3:7.2f} ({t / dense:5.2f})" for n, t in zip(TRIED, others, strict=True)
            )
            print(
                f"{str(dtype)[6:]:8} {rows:5} x {out:5} x {width:5}: {dense * 1e3:7.2f}  {shown}", flush=True
            )


def step(which: str, size: int, rounds: int) -> None:
    import torch

    from benchmarks.networks import CONFIGS
    from models.packed.tensor import stored_bytes

    config = CONFIGS[which]
    dtype = torch.bfloat16
    latents = torch.randn(2, config.in_channels, size // 8, size // 8, dtype=dtype)
    context = torch.randn(2, 77, config.context_width, dtype=dtype)
    vector = None if config.vector_width is None else torch.randn(2, config.vector_width, dtype=dtype)
    networks = [filled(config, dtype, name) for name in (None, *TRIED)]
    for name, network in zip(("bfloat16", *TRIED), networks, strict=True):
        print(f"{name}: {sum(stored_bytes(p) for p in network.parameters()) / 1e6:.0f} MB", flush=True)
    time_step = torch.tensor([500.0, 500.0])
    works = [partial(network, latents, time_step, context, vector=vector) for network in networks]
    with torch.no_grad():
        dense, *others = best(works, rounds)
    print(f"{which}, {size} px, batch of 2: bfloat16 {dense * 1e3:.0f} ms")
    for name, seconds in zip(TRIED, others, strict=True):
        print(f"  {name} {seconds * 1e3:.0f} ms, {seconds / dense:.2f}")


def filled(config: Any, dtype: Any, name: str | None) -> Any:
    """A UNet whose weights mean nothing, the large ones packed where a type is named."""
    import torch
    from torch import nn

    from loaders.assemble import build_empty
    from models.packed.gguf import Gguf
    from models.packed.tensor import Packed
    from models.unet.unet import UNet

    network = build_empty(lambda: UNet(config))
    state = {}
    form = None if name is None else Gguf(name)
    pattern = None if form is None else form.pack(torch.randn(1 << 18) * 0.02)["blocks"]
    layers = {f"{at}.weight" for at, one in network.named_modules() if isinstance(one, nn.Linear | nn.Conv2d)}
    for at, value in network.state_dict().items():
        if form is None or pattern is None or at not in layers or value.numel() % 256:
            state[at] = torch.randn(value.shape, dtype=dtype) * 0.02
            continue
        count = value.numel() // form.block.numbers
        blocks = pattern.repeat(-(-count // len(pattern)), 1)[:count].clone()
        state[at] = Packed({"blocks": blocks}, form, value.shape, dtype)
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(False).eval()


def load(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "unet.gguf"
        write_unet(path)
        path.read_bytes()
        print(f"a file of {path.stat().st_size / 1e6:.0f} MB, warm")
        for _ in range(rounds):
            command = [sys.executable, "-m", "benchmarks.gguf", "load-one", str(path)]
            print("  " + subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def write_unet(path: Path) -> None:
    """A UNet of SD 1.5 in Q4_K, its numbers without meaning."""
    import torch

    from loaders.assemble import build_empty
    from loaders.gguf_writer import Stored, storable, write_gguf
    from models.unet.config import UNetConfig
    from models.unet.unet import UNet

    tensors = {}
    for name, value in build_empty(lambda: UNet(UNetConfig())).state_dict().items():
        shape = tuple(value.shape)
        kind = "Q4_K" if len(shape) > 1 and storable(shape, "Q4_K") else "F32"
        tensors[name] = Stored(shape, kind, partial(torch.full, shape, 0.01))
    with path.open("wb") as file:
        write_gguf(file, tensors, "sd1", "Q4_K", {})


def load_one(path: Path) -> None:
    import torch

    from benchmarks.loading import high_water
    from loaders.assemble import Storage
    from loaders.checkpoint import open_diffusion

    before, begin = high_water(), time.perf_counter()
    network = open_diffusion(path, Storage(torch.bfloat16)).base.network
    opened = time.perf_counter() - begin
    mapped = high_water() - before
    total = sum(int(part.sum()) for p in network.parameters() for part in getattr(p, "parts", {}).values())
    print(
        json.dumps(
            {
                "seconds": round(opened, 3),
                "seconds with every byte touched": round(time.perf_counter() - begin, 3),
                "more MB": round(mapped),
                "more MB with every byte touched": round(high_water() - before),
                "sum": total,
            }
        )
    )


def read_once(path: Path, told: set[str]) -> None:
    from loaders.errors import BrokenFile
    from loaders.identify import gguf_header

    gguf_header._read.cache_clear()
    try:
        gguf_header.read_gguf(path)
    except BrokenFile as broken:
        told.add(broken.problem[:80])


def header(rounds: int) -> None:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    words = b"".join(text(f"word{number}") for number in range(256_000))
    vocabulary = text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 256_000) + words
    one = text("a") + struct.pack("<IQIQ", 1, 16, 0, 0)
    files = {
        "a vocabulary of 256,000 words": struct.pack("<IQQ", 3, 0, 1) + vocabulary,
        "2^63 tensors": struct.pack("<IQQ", 3, 2**63, 0) + bytes(99),
        "a list of 2^63": struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 0, 2**63),
        "a tensor beyond the file": struct.pack("<IQQ", 3, 1, 0)
        + text("a")
        + struct.pack("<IQIQ", 1, 16, 0, 2**63),
        "100,000 tensors of one name": struct.pack("<IQQ", 3, 100_000, 0) + one * 100_000,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.gguf"
        for what, content in files.items():
            path.write_bytes(b"GGUF" + content + bytes(64))

            told: set[str] = set()
            (seconds,) = best([partial(read_once, path, told)], rounds)
            print(f"{what}: {seconds * 1e3:.2f} ms {'; '.join(told)}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("formats", "layers", "step", "load", "load-one", "header"))
    parser.add_argument("which", nargs="?", default="sd15")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    if given.threads:
        import torch

        torch.set_num_threads(given.threads)
    {
        "formats": lambda: formats(given.rounds),
        "layers": lambda: layers(given.rounds),
        "step": lambda: step(given.which, given.size, given.rounds),
        "load": lambda: load(given.rounds),
        "load-one": lambda: load_one(Path(given.which)),
        "header": lambda: header(given.rounds),
    }[given.what]()


if __name__ == "__main__":
    main()
