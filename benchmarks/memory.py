"""How much memory does a worker have after many runs of one graph? python -m benchmarks.memory

A real server; the resident memory of its worker after the third run and after each later one, in MB. A graph
with another seed each time runs in full. Results of earlier jobs are kept up to a bound, so those run with a
cache that keeps the results of the last job only.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Callable

import aiohttp
import psutil

from benchmarks.graphs import LARGEST_MESSAGE, PORT, Client, Prompt, node, ready, server

SETTLED = 3


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


def many(number: int) -> Prompt:
    """3,000 nodes in a row."""
    prompt: Prompt = {"0": node("PrimitiveInt", value=number)}
    for index in range(1, 3000):
        prompt[str(index)] = node("PreviewAny", source=[str(index - 1), 0])
    return prompt


CASES: dict[str, tuple[Callable[[int], Prompt], bool, tuple[str, ...]]] = {
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
    """The worker's resident megabytes after each run."""
    found = []
    async with aiohttp.ClientSession(f"http://127.0.0.1:{PORT}") as http:
        await ready(http)
        async with http.ws_connect("/ws?clientId=bench", max_msg_size=LARGEST_MESSAGE) as socket:
            client = Client(http, socket)
            for number in range(runs):
                await client.run(build(number if changes else 0))
                found.append(worker().memory_info().rss / 1e6)
    return found


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
            f"{name}: {settled:.0f} MB after run {SETTLED}, then {min(later):.0f} to {max(later):.0f} MB, "
            f"{later[-1]:.0f} MB ({100 * (later[-1] / settled - 1):+.1f} %) after run {options.runs}; "
            f"{time.perf_counter() - start:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
