"""Do inpainting, drawing over, and regional prompts do on the bundled model what they promise?"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from PIL import Image

from executor.session import Session
from training.measure import find
from training.shapes import BACKGROUNDS, COLOURS, Figure, draw

SIDE = 128
MODEL = "sfumato-shapes.safetensors"
Graph = dict[str, dict[str, Any]]


CIRCLE = draw([Figure("circle", 40.0, 64.0, 20.0, COLOURS["red"])], BACKGROUNDS["white"])
BEFORE = torch.from_numpy(CIRCLE).float() / 255


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    base = tmp_path_factory.mktemp("uses")
    with Session(base) as opened:
        (base / "input").mkdir(exist_ok=True)
        Image.fromarray(CIRCLE).save(base / "input" / "circle.png")
        yield opened


def text(prompt: str) -> dict[str, Any]:
    return {"class_type": "CLIPTextEncode", "inputs": {"text": prompt, "clip": ["model", 1]}}


def base_graph() -> Graph:
    return {
        "model": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": MODEL}},
        "negative": text(""),
        "picture": {"class_type": "LoadImage", "inputs": {"image": "circle.png"}},
        "encoded": {"class_type": "VAEEncode", "inputs": {"pixels": ["picture", 0], "vae": ["model", 2]}},
        "empty": {
            "class_type": "EmptyLatentImage",
            "inputs": {"width": SIDE, "height": SIDE, "batch_size": 1},
        },
    }


def sampler(latent: str, positive: str, *, seed: int = 1, denoise: float = 1.0) -> dict[str, Any]:
    return {
        "class_type": "KSampler",
        "inputs": {
            "model": ["model", 0],
            "positive": [positive, 0],
            "negative": ["negative", 0],
            "latent_image": [latent, 0],
            "seed": seed,
            "steps": 14,
            "cfg": 5.0,
            "sampler_name": "dpmpp_2m",
            "scheduler": "karras",
            "denoise": denoise,
        },
    }


def solid(value: float, width: int) -> dict[str, Any]:
    return {"class_type": "SolidMask", "inputs": {"value": value, "width": width, "height": SIDE}}


def added(destination: str, source: str, x: int) -> dict[str, Any]:
    inputs = {"destination": [destination, 0], "source": [source, 0], "x": x, "y": 0, "operation": "add"}
    return {"class_type": "MaskComposite", "inputs": inputs}


def shown(graph: Graph, *, image: str = "decoded") -> Graph:
    graph.setdefault(
        "decoded", {"class_type": "VAEDecode", "inputs": {"samples": ["drawn", 0], "vae": ["model", 2]}}
    )
    graph["out"] = {"class_type": "SaveImage", "inputs": {"images": [image, 0], "filename_prefix": "use"}}
    return graph


def test_inpainting_leaves_the_rest_of_the_picture_bit_equal(session: Session) -> None:
    graph = base_graph()
    graph["positive"] = text("a large blue square on the right on a white background")
    graph["mask"] = solid(0.0, SIDE)
    graph["inside"] = solid(1.0, 56)
    graph["joined"] = added("mask", "inside", 72)
    graph["masked"] = {
        "class_type": "SetLatentNoiseMask",
        "inputs": {"samples": ["encoded", 0], "mask": ["joined", 0]},
    }
    graph["drawn"] = sampler("masked", "positive")
    graph["pasted"] = {
        "class_type": "ImageCompositeMasked",
        "inputs": {
            "destination": ["picture", 0],
            "source": ["decoded", 0],
            "mask": ["joined", 0],
            "x": 0,
            "y": 0,
            "resize_source": False,
        },
    }
    result = session.run(shown(graph, image="pasted"))
    picture = result.tensors[0][0]
    assert torch.equal(picture[:, :72], BEFORE[:, :72])
    inside = picture[:, 80:]
    blue = (inside[..., 2] > 0.6) & (inside[..., 0] < 0.4)
    assert float(blue.float().mean()) > 0.1


def test_the_stronger_the_denoising_the_less_is_left_of_the_picture(session: Session) -> None:
    changes = []
    for denoise in (0.2, 0.4, 0.6, 0.8, 1.0):
        graph = base_graph()
        graph["positive"] = text("a large green star in the bottom right on a black background")
        graph["drawn"] = sampler("encoded", "positive", denoise=denoise)
        picture = session.run(shown(graph)).tensors[0][0]
        changes.append(float((picture - BEFORE).abs().mean()))
    assert changes == sorted(changes)
    assert changes[-1] > 4 * changes[0]


@pytest.mark.parametrize("seed", [1, 2])
def test_prompts_for_regions_land_in_their_regions(session: Session, seed: int) -> None:
    graph = base_graph()
    for name, prompt, x in (
        ("left", "a medium red circle on the left on a white background", 0),
        ("right", "a medium blue square on the right on a white background", 64),
    ):
        graph[f"{name} text"] = text(prompt)
        graph[f"{name} none"] = solid(0.0, SIDE)
        graph[f"{name} half"] = solid(1.0, 64)
        graph[f"{name} mask"] = added(f"{name} none", f"{name} half", x)
        graph[name] = {
            "class_type": "ConditioningSetMask",
            "inputs": {
                "conditioning": [f"{name} text", 0],
                "mask": [f"{name} mask", 0],
                "strength": 1.0,
                "set_cond_area": "default",
            },
        }
    graph["positive"] = {
        "class_type": "ConditioningCombine",
        "inputs": {"conditioning_1": ["left", 0], "conditioning_2": ["right", 0]},
    }
    graph["drawn"] = sampler("empty", "positive", seed=seed)
    picture = (session.run(shown(graph)).tensors[0][0] * 255).round().to(torch.uint8).numpy()
    found = {(one.colour, one.kind): one.x for one in find(picture)}
    assert set(found) == {("red", "circle"), ("blue", "square")}
    assert found["red", "circle"] < 56
    assert found["blue", "square"] > 72
