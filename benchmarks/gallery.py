"""Draws the pictures of docs/gallery.md with the bundled model: each is a workflow that was really run.

Run: python -m benchmarks.gallery [--out docs/gallery]
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.bundled_guides import Workflow, drawn_by, followed_edges, followed_picture, node, plain
from executor.session import Session
from nodes.builtin import load_builtin
from schedulers.samplers.table import SAMPLERS
from schedulers.sigmas import SCHEDULES
from training.edges import edges_of
from training.shapes import BACKGROUNDS, COLOURS, SIDE, Bytes, Figure, draw

PROMPT = "a large red star in the centre on a blue background"
SEED = 7
STEPS = (3, 5, 10, 20)
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
SCALES = (1.0, 2.0, 5.0, 8.0, 15.0)
RULES = (
    "RescaleCFG",
    "CFGZeroStar",
    "CFGNorm",
    "TCFG",
    "APG",
    "Mahiro",
    "FreSca",
    "IntervalGuidance",
    "MagnitudeAwareGuidance",
    "DynamicThresholding",
)
ADAPTER = "sfumato-pastel.safetensors"
LABEL, GAP, TEXT = 190, 4, 13

Row = tuple[str, list[Bytes]]


def with_sampling(workflow: Workflow, **changes: Any) -> Workflow:
    """A workflow whose sampler has other settings."""
    inputs = workflow["drawn"]["inputs"] | changes
    return workflow | {"drawn": node(workflow["drawn"]["class_type"], **inputs)}


def samplers(session: Session) -> list[Row]:
    """Every sampler, by number of steps."""
    base = with_sampling(plain(PROMPT, SEED), scheduler="karras")
    return [
        (name, [drawn_by(session, with_sampling(base, sampler_name=name, steps=steps)) for steps in STEPS])
        for name in SAMPLERS
    ]


def schedules(session: Session) -> list[Row]:
    """Every schedule, by number of steps."""
    base = with_sampling(plain(PROMPT, SEED), sampler_name="euler")
    return [
        (name, [drawn_by(session, with_sampling(base, scheduler=name, steps=steps)) for steps in STEPS])
        for name in SCHEDULES
    ]


def guidance(session: Session) -> list[Row]:
    """Guidance and rules that change it, by scale."""
    rows = [("plain", [drawn_by(session, with_sampling(plain(PROMPT, SEED), cfg=scale)) for scale in SCALES])]
    known = load_builtin()
    for rule in RULES:
        defaults = {one.name: one.default for one in known[rule].spec.inputs if one.widget is not None}
        base = plain(PROMPT, SEED) | {"ruled": node(rule, **defaults, model=["model", 0])}
        pictures = [drawn_by(session, with_sampling(base, model=["ruled", 0], cfg=scale)) for scale in SCALES]
        rows.append((rule, pictures))
    return rows


def adapters(session: Session) -> list[Row]:
    """The bundled LoRA, by strength on the model; below nought it is turned round."""
    pictures = []
    for strength in (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5):
        styled = node("LoraLoaderModelOnly", model=["model", 0], lora_name=ADAPTER, strength_model=strength)
        base = plain(PROMPT, SEED) | {"styled": styled}
        pictures.append(drawn_by(session, with_sampling(base, model=["styled", 0])))
    return [("sfumato-pastel", pictures)]


def control(session: Session, folder: Path) -> list[Row]:
    """Edges and the colours of a picture, by strength."""
    figure = Figure("star", 44.0, 80.0, 30.0, COLOURS["red"])
    edges = (edges_of(draw([figure], BACKGROUNDS["white"])) * 255).astype(np.uint8)
    hint = np.repeat(edges[..., None], 3, axis=-1)
    example = draw([Figure("circle", 64.0, 64.0, 40.0, COLOURS["yellow"])], BACKGROUNDS["purple"])
    Image.fromarray(hint).save(folder / "hint.png")
    Image.fromarray(example).save(folder / "example.png")
    steered, coloured = [hint], [example]
    for strength in STRENGTHS:
        by_edges = followed_edges("hint.png", "a red star on a white background", SEED)
        by_edges["steered"]["inputs"]["strength"] = strength
        steered.append(drawn_by(session, by_edges))
        by_picture = followed_picture("example.png", "a star", SEED)
        by_picture["looking"]["inputs"]["weight"] = strength
        coloured.append(drawn_by(session, by_picture))
    return [("sfumato-edges", steered), ("sfumato-colours", coloured)]


def sheet(rows: Sequence[Row], heads: Sequence[str], columns: int = 1) -> Image.Image:
    """Rows of pictures behind their names, under heads, in one or more columns of rows."""
    font = ImageFont.load_default(TEXT)
    longest = -(-len(rows) // columns)
    step, width = SIDE // 2 + GAP, LABEL + len(heads) * (SIDE // 2 + GAP)
    page = Image.new("RGB", (columns * width, longest * step + 24), "white")
    pen = ImageDraw.Draw(page)
    for column in range(columns):
        for place, head in enumerate(heads):
            pen.text((column * width + LABEL + place * step, 4), head, "black", font)
        for index, (name, pictures) in enumerate(rows[column * longest : (column + 1) * longest]):
            top = 24 + index * step
            pen.text((column * width + 4, top + step // 2 - TEXT), name, "black", font)
            for place, picture in enumerate(pictures):
                small = Image.fromarray(picture).resize((SIDE // 2, SIDE // 2), Image.Resampling.BOX)
                page.paste(small, (column * width + LABEL + place * step, top))
    return page


def main() -> None:
    """Draw everything and write a sheet of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/gallery"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    steps = [f"{count} steps" for count in STEPS]
    with tempfile.TemporaryDirectory() as base, Session(Path(base)) as session:
        folder = Path(base) / "input"
        folder.mkdir(exist_ok=True)
        sheets = {
            "samplers": sheet(samplers(session), steps, columns=2),
            "schedules": sheet(schedules(session), steps),
            "guidance": sheet(guidance(session), [f"cfg {scale:g}" for scale in SCALES]),
            "lora": sheet(adapters(session), ["-1", "-0.5", "0", "0.5", "1", "1.5"]),
            "control": sheet(control(session, folder), ["given", *(f"{value:g}" for value in STRENGTHS)]),
        }
    for name, page in sheets.items():
        page.quantize(256).save(out / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
