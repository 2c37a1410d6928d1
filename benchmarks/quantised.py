"""What do packed weights of a Stable Diffusion 1.5 network take: memory, time to pack, to open, to unpack?

Run it with `python -m benchmarks.quantised [FORMAT ...]`. A file of that size is made of random numbers of 16
bits; in processes of their own each format is packed while the file is read, saved, and opened again. Peaks
are of memory that is no copy of a file, over what was there before; they are set beside what is kept. What
torch imports with the first packed tensor of a process, 41 MB of modules, is there before.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path


def make(path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    from loaders.assemble import build_empty
    from models.unet.config import UNetConfig
    from models.unet.unet import UNet

    shapes = build_empty(lambda: UNet(UNetConfig())).state_dict()
    save_file({name: torch.randn(t.shape, dtype=torch.float16) * 0.02 for name, t in shapes.items()}, path)


def own_bytes() -> int:
    """Memory of this process that belongs to no file."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


@contextlib.contextmanager
def watched(found: dict[str, float], name: str) -> Iterator[None]:
    """Time a block, and watch how much memory it takes at most."""
    before, most, over = own_bytes(), [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.002):
            most[0] = max(most[0], own_bytes() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    yield
    found[f"{name}_seconds"] = time.perf_counter() - start
    over.set()
    watcher.join()
    found[f"{name}_peak"] = max(most[0], own_bytes() - before)


def measure(kind: str, path: Path) -> None:
    """Print what one format takes as JSON; runs in a process of its own."""
    import torch

    from loaders.assemble import Storage
    from loaders.checkpoint import open_diffusion
    from loaders.checkpoint_layout import model_tensors
    from loaders.packing import FORMATS, Chosen, kept
    from loaders.safetensors_writer import write_tensors
    from models.packed.tensor import Packed, pack

    torch.set_num_threads(2)
    pack(torch.zeros(1, 2), FORMATS["int8"]).detach()
    half, found = torch.bfloat16, dict[str, float]()
    if path.suffix == ".packed":
        with watched(found, "open"):
            model = open_diffusion(path, Storage(half))
    else:
        with watched(found, "pack"):
            model = open_diffusion(path, Storage(half, packing=Chosen(FORMATS[kind])))
        with Path(f"{path}.{kind}.packed").open("wb") as file:
            write_tensors(file, model_tensors(model), {})
    network = model.base.network
    taken = kept(network)
    packed = [p for p in network.parameters() if isinstance(p, Packed)]
    found["layer"] = max(p.numel() for p in packed) * 4
    start = time.perf_counter()
    for parameter in packed:
        parameter.unpacked(half)
    found["unpack_seconds"] = time.perf_counter() - start
    print(json.dumps({**found, "kept": taken.stored_bytes, "dense": taken.dense_bytes}))


def run(kind: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.quantised", "--one", kind, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(kinds: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "unet.safetensors"
        make(path)
        print(f"file of 16 bits: {path.stat().st_size / 1e6:.0f} MB")
        for kind in kinds:
            packed = run(kind, path)
            file = Path(f"{path}.{kind}.packed")
            opened = run(kind, file)
            size = file.stat().st_size
            file.unlink()
            kept, layer = packed["kept"], packed["layer"] / packed["kept"]
            print(
                f"{kind}: kept {kept / 1e6:.0f} MB; packed in {packed['pack_seconds']:.1f} s, peak "
                f"{packed['pack_peak'] / kept:.3f} x kept (the largest layer in 32 bits is {layer:.3f} x); "
                f"saved {size / 1e6:.0f} MB, opened in {opened['open_seconds']:.2f} s, peak "
                f"{opened['open_peak'] / opened['kept']:.3f} x kept; "
                f"all unpacked in {packed['unpack_seconds']:.2f} s"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measure(sys.argv[2], Path(sys.argv[3]))
    else:
        from loaders.packing import FORMATS

        main(sys.argv[1:] or list(FORMATS))
