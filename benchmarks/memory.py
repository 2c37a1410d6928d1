"""How much memory does a worker have after many runs? python -m benchmarks.memory

A real server; the resident memory of its worker after the third run and after each later one, in MB; of runs
that are mixed, the mean over each round of them. A graph with another seed each time runs in full. Results of
earlier jobs are kept up to a bound, so those run with a cache that keeps the results of the last job only.
After each round there is a pause, in which a worker gives memory back.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Callable
from functools import partial

import aiohttp
import psutil

from benchmarks.graphs import LARGEST_MESSAGE, PORT, Client, Prompt, node, ready, server

SETTLED = 3
PAUSE_SECONDS = 1.0


def model(number: int) -> Prompt:
    """A picture of the bundled model, 128 pixels, four steps."""
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name="sfumato-shapes.safetensors"),
        "2": node("CLIPTextEncode", text="a red circle", clip=["1", 1]),
        "3": node("CLIPTextEncode", text="", clip=["1", 1]),
        "4": node("EmptyLatentImage", width=128, height=128, batch_size=1),
        "5": node(
            "KSampler",
            model=["1", 0],
            positive=["2", 0],
            negative=["3", 0],
            latent_image=["4", 0],
            seed=number,
            steps=4,
            cfg=5.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
        ),
        "6": node("VAEDecode", samples=["5", 0], vae=["1", 2]),
        "7": node("PreviewImage", images=["6", 0]),
    }


def large(number: int) -> Prompt:
    """Three results of 200 MB each, of which next to nothing is told."""
    return {
        "1": node("EmptyImage", width=2048, height=2048, batch_size=4, color=number),
        "2": node("ImageInvert", image=["1", 0]),
        "3": node("ImageInvert", image=["2", 0]),
        "4": node("GetImageSize", image=["3", 0]),
        "5": node("PreviewAny", source=["4", 0]),
    }


def many(number: int, count: int = 3000) -> Prompt:
    """So many nodes in a row."""
    prompt: Prompt = {"0": node("PrimitiveInt", value=number)}
    for index in range(1, count):
        prompt[str(index)] = node("PreviewAny", source=[str(index - 1), 0])
    return prompt


def wide(number: int) -> Prompt:
    """A larger picture of the bundled model under a LoRA, two at once."""
    prompt = model(number)
    prompt["8"] = node(
        "LoraLoader",
        model=["1", 0],
        clip=["1", 1],
        lora_name="sfumato-pastel.safetensors",
        strength_model=0.8,
        strength_clip=0.8,
    )
    prompt["2"]["inputs"]["clip"] = prompt["3"]["inputs"]["clip"] = ["8", 1]
    prompt["4"]["inputs"] |= {"width": 256, "height": 192, "batch_size": 2}
    prompt["5"]["inputs"]["model"] = ["8", 0]
    return prompt


def tiled(number: int) -> Prompt:
    """A picture that is decoded in tiles and encoded again."""
    prompt = model(number)
    prompt["6"] = node(
        "VAEDecodeTiled",
        samples=["5", 0],
        vae=["1", 2],
        tile_size=64,
        overlap=16,
        temporal_size=64,
        temporal_overlap=8,
    )
    prompt["8"] = node("VAEEncode", pixels=["6", 0], vae=["1", 2])
    prompt["7"] = node("SaveLatent", samples=["8", 0], filename_prefix="bench")
    return prompt


ROUND = (model, wide, large, tiled, partial(many, count=500))


def mixed(number: int) -> Prompt:
    """Five graphs in turn: small and large pictures, a LoRA, tiles, results without a network, many nodes."""
    return ROUND[number % len(ROUND)](number)


CASES: dict[str, tuple[Callable[[int], Prompt], bool, tuple[str, ...]]] = {
    "mixed runs": (mixed, True, ("--cache-classic",)),
    "bundled model, another seed each time": (model, True, ("--cache-classic",)),
    "bundled model, nothing changed": (model, False, ()),
    "large results, another each time": (large, True, ("--cache-classic",)),
    "3,000 nodes, another each time": (many, True, ("--cache-classic",)),
}


def worker() -> psutil.Process:
    """The worker of the server that this process started."""
    for process in psutil.Process(os.getpid()).children(recursive=True):
        if "worker" in process.cmdline():
            return process
    raise RuntimeError("there is no worker")


async def sizes(build: Callable[[int], Prompt], changes: bool, runs: int) -> list[float]:
    """The worker's resident megabytes after each run, or the mean over each round of mixed ones."""
    found: list[float] = []
    rounds: list[float] = []
    several = len(ROUND) if build is mixed else 1
    async with aiohttp.ClientSession(f"http://127.0.0.1:{PORT}") as http:
        await ready(http)
        async with http.ws_connect("/ws?clientId=bench", max_msg_size=LARGEST_MESSAGE) as socket:
            client = Client(http, socket)
            for number in range(runs):
                await client.run(build(number if changes else 0))
                found.append(worker().memory_info().rss / 1e6)
                if len(found) == several:
                    rounds.append(sum(found) / several)
                    found.clear()
                    await asyncio.sleep(PAUSE_SECONDS if several > 1 else 0)
    return rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--only", default="", help="only cases with this in their name")
    options = parser.parse_args()
    for name, (build, changes, arguments) in CASES.items():
        if options.only not in name:
            continue
        start = time.perf_counter()
        with server(*arguments):
            found = asyncio.run(sizes(build, changes, options.runs))
        settled, later = found[SETTLED - 1], found[SETTLED:]
        print(
            f"{name}: {settled:.0f} MB after round {SETTLED}, then {min(later):.0f} to {max(later):.0f} MB, "
            f"{later[-1]:.0f} MB ({100 * (later[-1] / settled - 1):+.1f} %) after round {len(found)}, "
            f"run {options.runs}; "
            f"{time.perf_counter() - start:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
