"""Measures what step caches save, and what they change.

Run: python -m benchmarks.step_caches steps [sd15|sdxl] [--size 256] [--rounds 5] [--threads 2]
     python -m benchmarks.step_caches pictures [--count 24] [--sheet FILE]

`steps` times a step that answers from memory against one that does not, on random weights (what is left out
does not hang on them). `pictures` draws with the bundled model and compares.
"""

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.bundled_guides import SEED, Workflow, node, plain, shows
from benchmarks.networks import CONFIGS, random_network
from executor.session import Session
from models.adapters.attention_broadcast import AttentionBroadcast
from models.adapters.deep_cache import DeepCache
from models.adapters.faster_cache import FasterCache
from models.adapters.first_block_cache import FirstBlockCache
from models.adapters.mag_cache import MagCache
from models.adapters.patch import Patch
from models.adapters.reuse import StepReuse
from models.adapters.taylor_seer import TaylorSeer
from models.call import Call, Run, calling
from models.unet.unet import UNet
from nodes.builtin import load_builtin
from training.edges import caption_of
from training.free_scenes import free_scene
from training.shapes import Bytes
from training.sheet import contact_sheet

OFTEN = 1000
LEVELS = tuple(10.0 * 0.8**step for step in range(40))
# Each answers from memory from its third step on, for as long as it is asked.
ALWAYS: dict[str, tuple[Patch, ...]] = {
    "plain": (),
    "EasyCache": (StepReuse(math.inf, math.inf, 0.0),),
    "First Block Cache": (FirstBlockCache(1e9),),
    "TaylorSeer, lite": (TaylorSeer(OFTEN, 1),),
    "TaylorSeer, all layers": (TaylorSeer(OFTEN, 1, is_lite=False),),
    "MagCache": (MagCache((1.0,), most_in_a_row=OFTEN, retention=0.05),),
    "Deep Cache, depth 3": (DeepCache(OFTEN, 3, math.inf, 0.0),),
    "Pyramid Attention Broadcast": (AttentionBroadcast(OFTEN, OFTEN),),
    "the same, attention to the prompt alone": (AttentionBroadcast(1, OFTEN),),
    "FasterCache": (FasterCache(OFTEN, OFTEN),),
}
# As a person would set them; the numbers of MagCache come from a calibration.
SETTINGS: dict[str, dict[str, Any]] = {
    "EasyCache 0.1": node("EasyCache", reuse_threshold=0.1),
    "EasyCache 0.2": node("EasyCache", reuse_threshold=0.2),
    "First Block Cache 0.05": node("FirstBlockCache", reuse_threshold=0.05),
    "First Block Cache 0.1": node("FirstBlockCache", reuse_threshold=0.1),
    "First Block Cache 0.2": node("FirstBlockCache", reuse_threshold=0.2),
    "TaylorSeer 2, lite": node("TaylorSeerCache", interval=2),
    "TaylorSeer 3, lite": node("TaylorSeerCache", interval=3),
    "TaylorSeer 3, lite, order 0": node("TaylorSeerCache", interval=3, order=0),
    "TaylorSeer 3, all layers, from 30 %": node("TaylorSeerCache", interval=3, lite=False, start_percent=0.3),
    "TaylorSeer 5, all layers, from 30 %": node("TaylorSeerCache", interval=5, lite=False, start_percent=0.3),
    "MagCache 0.06": node("MagnitudeCache", reuse_threshold=0.06),
    "MagCache 0.24": node("MagnitudeCache", reuse_threshold=0.24),
    "Deep Cache 3": node("DeepCache", interval=3, depth=1),
    "Pyramid Attention Broadcast 2, 6": node("PyramidAttentionBroadcast"),
    "Pyramid Attention Broadcast 3, 6": node("PyramidAttentionBroadcast", self_attention_range=3),
    "FasterCache 5, 2": node("FasterCache"),
    "FasterCache 3, 2": node("FasterCache", guidance_range=3),
    "First Block Cache 0.2 and Broadcast 2, 6": node("FirstBlockCache", reuse_threshold=0.2),
}
NODES = load_builtin()
WITH_BROADCAST = "First Block Cache 0.2 and Broadcast 2, 6"


def filled(kind: str, **inputs: Any) -> dict[str, Any]:
    """A node with what the page would fill in."""
    entries = {entry.name: entry.default for entry in NODES[kind].spec.inputs}
    return node(kind, **entries | inputs)


def time_steps(name: str, size: int, rounds: int) -> dict[str, float]:
    """Seconds of a step under each cache, the median of as many rounds, turn and turn about."""
    config = CONFIGS[name]
    network, cells = random_network(lambda: UNet(config), torch.bfloat16), size // 8
    x = torch.randn(2, 4, cells, cells).bfloat16()
    context = torch.randn(2, 77, config.context_width).bfloat16()
    vector = None if config.vector_width is None else torch.randn(2, config.vector_width).bfloat16()
    taken: dict[str, list[float]] = {name: [] for name in ALWAYS}
    for _ in range(rounds):
        for cache, patches in ALWAYS.items():
            run = Run()
            with ExitStack() as undo, torch.no_grad():
                for patch in patches:
                    patch.install(network, undo)
                for number in range(5):
                    call = Call(LEVELS[number], ("negative", "positive"), 1, cells, cells, LEVELS, run)
                    start = time.perf_counter()
                    with calling(call):
                        network(x + number * 0.01, torch.full((2,), 500.0 - number), context, vector)
                    if number > 2:
                        taken[cache].append(time.perf_counter() - start)
    return {cache: statistics.median(seconds) for cache, seconds in taken.items()}


def cached(workflow: Workflow, name: str, ratios: str) -> Workflow:
    """A workflow of the bundled model with a cache put behind the model."""
    if name == "plain":
        return workflow
    setting = SETTINGS[name]
    inputs = {**setting["inputs"], "model": ["model", 0]}
    if setting["class_type"] == "MagnitudeCache":
        inputs["ratios"] = ratios
    changed = {key: {**value, "inputs": dict(value["inputs"])} for key, value in workflow.items()}
    changed["cached"] = filled(setting["class_type"], **inputs)
    changed["drawn"]["inputs"]["model"] = ["cached", 0]
    if name == WITH_BROADCAST:
        changed["more"] = filled("PyramidAttentionBroadcast", model=["cached", 0])
        changed["drawn"]["inputs"]["model"] = ["more", 0]
    return changed


def calibrated(session: Session, folder: Path) -> str:
    """The ratios of the bundled model, as its calibration writes them."""
    workflow = plain("a red circle on a blue background", 1)
    workflow["measured"] = filled("MagnitudeCacheCalibrate", model=["model", 0])
    workflow["drawn"]["inputs"]["model"] = ["measured", 0]
    session.run(workflow)
    return next((folder / "output").rglob("ratios_*.txt")).read_text(encoding="utf-8")


def draw(session: Session, workflow: Workflow) -> tuple[Bytes, float]:
    """The picture (H, W, 3) that a workflow ends in, and the seconds that the job took."""
    start = time.perf_counter()
    tensor = session.run(workflow).tensors[0][0]
    seconds = time.perf_counter() - start
    picture: Bytes = (tensor * 255.0).round().to(torch.uint8).numpy()
    return picture, seconds


def compare(count: int, sheet: Path | None) -> None:
    """Draw `count` pictures under every setting, print what it saves and what it changes."""
    names = ["plain", *SETTINGS]
    seconds: Mapping[str, list[float]] = {name: [] for name in names}
    errors: Mapping[str, list[float]] = {name: [] for name in names}
    right = dict.fromkeys(names, 0)
    shown: Mapping[str, list[Bytes]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as base, Session(Path(base)) as session:
        ratios = calibrated(session, Path(base))
        print(f"ratios: {ratios}")
        for case in range(count):
            _, kind, colour, background = free_scene(case, SEED)
            prompt = caption_of(kind, colour, background)
            pictures = {}
            for name in names:
                pictures[name], taken = draw(session, cached(plain(prompt, case), name, ratios))
                seconds[name].append(taken)
                away = pictures[name].astype(np.float64) - pictures["plain"].astype(np.float64)
                errors[name].append(float((away**2).mean()))
                right[name] += shows(pictures[name], kind, colour, background)
                shown[name].append(pictures[name])
    usual = statistics.median(seconds["plain"])
    print("| setting | speed-up | difference (PSNR) | right |\n|---|---|---|---|")
    for name in names:
        error = statistics.mean(errors[name])
        ratio = f"{10 * math.log10(255.0**2 / error):.1f} dB" if error else "none"
        speed = usual / statistics.median(seconds[name])
        print(f"| {name} | {speed:.2f} | {ratio} | {right[name]} of {count} |")
    if sheet:
        columns = min(count, 12)
        parts = [picture for name in names for picture in shown[name][:columns]]
        contact = contact_sheet(parts, columns)
        from PIL import Image

        Image.fromarray(contact).save(sheet)


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("steps", "pictures"))
    parser.add_argument("network", nargs="?", choices=tuple(CONFIGS), default="sd15")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.what == "pictures":
        compare(options.count, options.sheet)
        return
    taken = time_steps(options.network, options.size, options.rounds)
    print("| cache | a step from memory | of a whole one |\n|---|---|---|")
    for cache, seconds in taken.items():
        print(f"| {cache} | {seconds * 1000:.0f} ms | {seconds / taken['plain']:.2f} |")


if __name__ == "__main__":
    main()
