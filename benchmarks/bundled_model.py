"""Judges the bundled model on prompts it was never shown, by the way every checkpoint goes.

Run: python -m benchmarks.bundled_model [--count 300] [--json FILE] [--sheet FILE]
"""

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from loaders.checkpoint import Checkpoint, open_checkpoint
from loaders.lora import open_lora
from models.adapters.patch import applied
from models.text.encode import encode_prompt
from schedulers.conditioning import Entry
from schedulers.noise import initial_noise
from schedulers.sample import sample
from schedulers.sigmas import ksampler_sigmas
from training.allocator import keep_memory
from training.captions import plain_caption
from training.measure import Verdict, judge
from training.scenes import Layout, Scene, arrange, random_scene
from training.shapes import Bytes, draw
from training.sheet import contact_sheet

CHECKPOINT = Path("assets/models/checkpoints/sfumato-shapes.safetensors")
ADAPTER = Path("assets/models/loras/sfumato-pastel.safetensors")
STEPS, SCALE, SAMPLER, SCHEDULE = 20, 5.0, "dpmpp_2m", "karras"
ATTRIBUTES = ("shape", "colour", "place", "size", "background", "everything")
MIX: tuple[tuple[Layout, int], ...] = (("single", 13), ("pair", 11), ("group", 6))


def kept_back_scenes(count: int) -> list[Scene]:
    """Different scenes of the test side of the split: one object, two in a relation, groups."""
    rng = random.Random("bundled model")
    layouts = [layout for layout, share in MIX for _ in range(share)]
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = random_scene(rng, kept_back=True, layout=layouts[len(scenes) % len(layouts)])
        if scene not in scenes:
            scenes.append(scene)
    return scenes


def paint(checkpoint: Checkpoint, prompt: str, seed: int) -> Bytes:
    """The picture (H, W, 3) of a prompt, as the default workflow makes it."""
    assert checkpoint.clip is not None
    assert checkpoint.vae is not None
    model = checkpoint.model.base
    positive, negative = ((Entry(*encode_prompt(checkpoint.clip.base, text)),) for text in (prompt, ""))
    shape = (1, 4, 16, 16)
    latent = sample(
        model,
        initial_noise(shape, seed),
        torch.zeros(shape),
        positive,
        negative,
        cfg=SCALE,
        sampler=SAMPLER,
        sigmas=ksampler_sigmas(model, SAMPLER, SCHEDULE, STEPS),
        seed=seed,
    )
    with torch.no_grad():
        pixels = checkpoint.vae.base.network.decode(latent)
    picture: Bytes = (pixels[0] * 255.0).round().to(torch.uint8).numpy()
    return picture


def round_trip(checkpoint: Checkpoint, scenes: list[Scene]) -> tuple[float, float]:
    """Mean PSNR in dB of drawn pictures through the autoencoder, and the share still judged all right."""
    assert checkpoint.vae is not None
    network = checkpoint.vae.base.network
    rng = random.Random("round trip")
    decibels, right = 0.0, 0
    for scene in scenes:
        picture = torch.from_numpy(draw(*arrange(scene, rng))).float()[None] / 255.0
        with torch.no_grad():
            restored = network.decode(network.encode(picture).mode())
        decibels -= 10.0 * torch.log10((restored - picture).square().mean()).item()
        right += judge((restored[0] * 255.0).round().to(torch.uint8).numpy(), scene).everything
    return decibels / len(scenes), right / len(scenes)


def colourfulness(picture: Bytes) -> float:
    """Mean distance of the strongest from the weakest of red, green and blue, from 0 to 255."""
    return float(np.ptp(picture.astype(int), axis=-1).mean())


def adapter_effect(checkpoint: Checkpoint, file: Path, scenes: list[Scene]) -> tuple[float, float]:
    """Mean colourfulness of the pictures of scenes without a LoRA and with it."""
    prompts = [plain_caption(scene) for scene in scenes]
    plain = [colourfulness(paint(checkpoint, prompt, seed)) for seed, prompt in enumerate(prompts)]
    load = open_lora(file, checkpoint.model, checkpoint.clip)
    with applied(load.patch_model(checkpoint.model, 1.0)):
        styled = [colourfulness(paint(checkpoint, prompt, seed)) for seed, prompt in enumerate(prompts)]
    return sum(plain) / len(plain), sum(styled) / len(styled)


def table(scenes: list[Scene], verdicts: list[Verdict]) -> dict[str, dict[str, float]]:
    """The share of right pictures by kind of scene and attribute."""
    rows: dict[str, dict[str, float]] = {}
    for name in (*[layout for layout, _ in MIX], "all"):
        chosen = [v for s, v in zip(scenes, verdicts, strict=True) if name in ("all", s.layout)]
        rows[name] = {"pictures": float(len(chosen))}
        rows[name].update({a: sum(getattr(v, a) for v in chosen) / max(1, len(chosen)) for a in ATTRIBUTES})
    return rows


def main() -> None:
    """Draw, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--sheet", type=Path, help="write the first 48 pictures here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_memory()
    checkpoint = open_checkpoint(options.checkpoint)
    scenes = kept_back_scenes(options.count)
    began = time.perf_counter()
    pictures = [paint(checkpoint, plain_caption(scene), seed) for seed, scene in enumerate(scenes)]
    seconds = (time.perf_counter() - began) / len(scenes)
    rows = table(scenes, [judge(picture, scene) for picture, scene in zip(pictures, scenes, strict=True)])
    decibels, kept = round_trip(checkpoint, scenes)
    print(f"{options.checkpoint.name}: {SAMPLER} {SCHEDULE}, {STEPS} steps, cfg {SCALE:g}")
    print("scene    pictures " + "".join(f"{name:>11}" for name in ATTRIBUTES))
    for name, row in rows.items():
        print(f"{name:8} {row['pictures']:8.0f} " + "".join(f"{row[a]:11.1%}" for a in ATTRIBUTES))
    print(f"autoencoder round trip: {decibels:.2f} dB, {kept:.1%} of drawn scenes still read right")
    print(f"{seconds:.2f} s a picture")
    if ADAPTER.exists():
        plain, styled = adapter_effect(checkpoint, ADAPTER, scenes[:24])
        print(f"{ADAPTER.name}: mean colourfulness {styled:.0f} instead of {plain:.0f} of 255")
    if options.sheet:
        Image.fromarray(contact_sheet(pictures[:48], 8)).save(options.sheet)
    if options.json:
        options.json.write_text(
            json.dumps({"rows": rows, "decibels": decibels, "seconds": seconds}, indent=1)
        )


if __name__ == "__main__":
    main()
