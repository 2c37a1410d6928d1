"""Judges how well what the bundled model draws follows a map of edges, and the colours of a picture.

Run: python -m benchmarks.bundled_guides [--count 100] [--sheet FILE]
"""

import argparse
import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from executor.session import Session
from training.edges import caption_of, edges_of
from training.free_scenes import free_figure, free_scene
from training.image_prompt import plain_caption_of
from training.measure import CONTRAST, background_of, find, nearest_colour
from training.shapes import BACKGROUNDS, KINDS, SIDE, Bytes, Figure, coverage, draw
from training.sheet import contact_sheet

MODEL, CONTROL = "sfumato-shapes.safetensors", "sfumato-edges.safetensors"
ADAPTER, VISION = "sfumato-colours.safetensors", "sfumato-vision.safetensors"
# Other scenes than those of training.
SEED = 977
AIM = 0.8

Mask = NDArray[np.bool_]
Workflow = dict[str, dict[str, Any]]


def followed_edges(hint: str, prompt: str, seed: int) -> Workflow:
    """Text and edges to a picture, as a person would wire them."""
    return plain(prompt, seed) | {
        "control": node("ControlNetLoader", control_net_name=CONTROL),
        "hint": node("LoadImage", image=hint),
        "steered": node(
            "ControlNetApplyAdvanced",
            positive=["positive", 0],
            negative=["negative", 0],
            control_net=["control", 0],
            image=["hint", 0],
            strength=1.0,
            start_percent=0.0,
            end_percent=1.0,
        ),
        "drawn": _sampler(["model", 0], "steered", "steered", seed),
    }


def followed_picture(example: str, prompt: str, seed: int) -> Workflow:
    """Text and a picture in the wanted colours to a picture."""
    return plain(prompt, seed) | {
        "adapter": node("LoadIPAdapter", ip_adapter_name=ADAPTER),
        "vision": node("CLIPVisionLoader", clip_name=VISION),
        "example": node("LoadImage", image=example),
        "looking": node(
            "ApplyIPAdapter",
            model=["model", 0],
            ip_adapter=["adapter", 0],
            clip_vision=["vision", 0],
            image=["example", 0],
            weight=1.0,
            weight_type="linear",
            combine="concat",
            start_percent=0.0,
            end_percent=1.0,
        ),
        "drawn": _sampler(["looking", 0], "positive", "negative", seed),
    }


def plain(prompt: str, seed: int) -> Workflow:
    """Text to a picture."""
    return {
        "model": node("CheckpointLoaderSimple", ckpt_name=MODEL),
        "positive": node("CLIPTextEncode", text=prompt, clip=["model", 1]),
        "negative": node("CLIPTextEncode", text="", clip=["model", 1]),
        "empty": node("EmptyLatentImage", width=SIDE, height=SIDE, batch_size=1),
        "drawn": _sampler(["model", 0], "positive", "negative", seed),
        "decoded": node("VAEDecode", samples=["drawn", 0], vae=["model", 2]),
        "out": node("PreviewImage", images=["decoded", 0]),
    }


def _sampler(model: list[Any], positive: str, negative: str, seed: int) -> dict[str, Any]:
    return node(
        "KSampler",
        model=model,
        positive=[positive, 0],
        negative=[negative, int(negative == positive)],
        latent_image=["empty", 0],
        seed=seed,
        steps=20,
        cfg=5.0,
        sampler_name="dpmpp_2m",
        scheduler="karras",
        denoise=1.0,
    )


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    """One node of a workflow."""
    return {"class_type": kind, "inputs": inputs}


def mask_of(figure: Figure) -> Mask:
    """The pixels (H, W) that a figure covers by more than half."""
    rows, columns, cover = coverage(figure)
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[rows, columns] = cover > 0.5
    return mask


def seen_in(picture: Bytes) -> Mask:
    """The pixels (H, W) of a picture that are not its background."""
    away = np.linalg.norm(picture.astype(np.float64) - background_of(picture), axis=-1) / 255.0
    strong = away[away > CONTRAST]
    # The edge of a smooth outline is where the two colours mix half and half.
    seen: Mask = away > (float(np.median(strong)) / 2 if strong.size else 1.0)
    return seen


def overlap(one: Mask, other: Mask) -> float:
    """Intersection over union, from 0 to 1."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0


def drawn_by(session: Session, workflow: Workflow) -> Bytes:
    """The picture (H, W, 3) that a workflow ends in."""
    picture: Bytes = (session.run(workflow).tensors[0][0] * 255.0).round().to(torch.uint8).numpy()
    return picture


def follow_edges(session: Session, folder: Path, case: int) -> tuple[float, Bytes, Bytes]:
    """The overlap (IoU) of what was drawn with the figure whose edges were given; the edges; the drawn."""
    figure, kind, colour, background = free_scene(case, SEED)
    edges = edges_of(draw([figure], BACKGROUNDS[background]))
    hint = np.repeat((edges * 255).astype(np.uint8)[..., None], 3, axis=-1)
    name = f"edges-{case}.png"
    Image.fromarray(hint).save(folder / name)
    drawn = drawn_by(session, followed_edges(name, caption_of(kind, colour, background), case))
    return overlap(mask_of(figure), seen_in(drawn)), hint, drawn


def follow_picture(session: Session, folder: Path, case: int) -> tuple[float, Bytes, Bytes]:
    """Whether kind (as asked) and colours (as in the example) are right: 1 or 0; the example; the drawn."""
    rng = random.Random(f"colours {SEED}:{case}")
    _, _, colour, background = free_scene(case, SEED)
    kind, other = rng.sample(list(KINDS), 2)
    example = draw([free_figure(rng, other, colour)], BACKGROUNDS[background])
    name = f"example-{case}.png"
    Image.fromarray(example).save(folder / name)
    drawn = drawn_by(session, followed_picture(name, plain_caption_of(kind), case))
    return float(shows(drawn, kind, colour, background)), example, drawn


def shows(picture: Bytes, kind: str, colour: str, background: str) -> bool:
    """Whether the largest object of a picture is of a kind and colour, before a background."""
    found = find(picture)
    behind = nearest_colour(background_of(picture), BACKGROUNDS)
    return bool(found) and (found[0].kind, found[0].colour, behind) == (kind, colour, background)


def without_example(session: Session, case: int) -> float:
    """How often the colours of a case come about by themselves: 1 or 0."""
    rng = random.Random(f"colours {SEED}:{case}")
    _, _, colour, background = free_scene(case, SEED)
    kind, _ = rng.sample(list(KINDS), 2)
    return float(shows(drawn_by(session, plain(plain_caption_of(kind), case)), kind, colour, background))


def main() -> None:
    """Draw, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--sheet", type=Path, help="file for the first cases of both")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as base, Session(Path(base)) as session:
        folder = Path(base) / "input"
        folder.mkdir(exist_ok=True)
        edges = [follow_edges(session, folder, case) for case in range(options.count)]
        colours = [follow_picture(session, folder, case) for case in range(options.count)]
        alone = sum(without_example(session, case) for case in range(options.count))
    overlaps = sorted(case[0] for case in edges)
    mean, median = sum(overlaps) / len(overlaps), overlaps[len(overlaps) // 2]
    reached = sum(value >= AIM for value in overlaps)
    right = sum(case[0] for case in colours)
    print(
        f"edges, {options.count} cases: mean IoU {mean:.3f}, median {median:.3f}, least {overlaps[0]:.3f}, "
    )
    print(f"  {reached} reach {AIM}")
    print(f"colours, {options.count} cases: {right:.0f} right with an example, {alone:.0f} without")
    if options.sheet:
        shown = [part for case in edges[:16] + colours[:16] for part in case[1:]]
        Image.fromarray(contact_sheet(shown, 8)).save(options.sheet)


if __name__ == "__main__":
    main()
