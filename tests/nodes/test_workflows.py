"""Whole graphs through the real engine, on a tiny checkpoint: text to image, image to image, inpainting."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from executor.graph.parse import parse
from executor.graph.validate import validate
from executor.run.cache import ResultCache
from executor.run.context import context_maker
from executor.run.engine import Engine, RunRequest
from executor.run.events import Event, JobFinished, NodeFailed, NodeFinished
from executor.worker.workbench import open_memory
from loaders.folders import Folders
from nodes.builtin import load_builtin
from tests.fixtures.checkpoints import tiny_checkpoint

NODES = load_builtin()
WORKFLOW = {"nodes": [], "links": []}


@dataclass
class Bench:
    """An engine over a folder, and what it said of the last job."""

    folders: Folders
    engine: Engine
    events: list[Event] = field(default_factory=list)
    values: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def run(self, prompt: dict[str, Any], *looked_at: str) -> JobFinished:
        specs = {name: node.spec for name, node in NODES.items()}
        checked = validate(
            parse(prompt, specs), specs, self.folders.names, has_file=lambda folder, name: False, nodes=NODES
        )
        assert checked.problems == ()
        targets = (*checked.outputs, *looked_at)
        job = RunRequest("job", checked.graph, targets, {"workflow": WORKFLOW}, prompt)
        self.events.clear()
        finished = self.engine.complete(job, self.events.append, self.values.__setitem__)
        failures = [event for event in self.events if isinstance(event, NodeFailed)]
        assert failures == []
        return finished

    def pictures(self, finished: JobFinished, node_id: str = "save") -> list[Path]:
        place = self.folders.place("output")
        return [
            place / record["subfolder"] / record["filename"] for record in finished.outputs[node_id]["images"]
        ]


@pytest.fixture
def bench(folders: Folders, tmp_path: Path) -> Iterator[Bench]:
    tiny_checkpoint(tmp_path / "models" / "checkpoints" / "tiny.safetensors")
    maker = context_maker(folders, open_memory(cpu=True).borrow)
    with Engine(NODES, ResultCache(), maker, stat=folders.stamp) as engine:
        yield Bench(folders, engine)


def node(type_name: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": type_name, "inputs": inputs}


def text_to_image(seed: int = 1, **sampler: Any) -> dict[str, Any]:
    settings = {"steps": 2, "cfg": 4.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    return {
        "load": node("CheckpointLoaderSimple", ckpt_name="tiny.safetensors"),
        "positive": node("CLIPTextEncode", text="a red circle", clip=["load", 1]),
        "negative": node("CLIPTextEncode", text="", clip=["load", 1]),
        "empty": node("EmptyLatentImage", width=64, height=48, batch_size=1),
        "sample": node(
            "KSampler",
            model=["load", 0],
            seed=seed,
            positive=["positive", 0],
            negative=["negative", 0],
            latent_image=["empty", 0],
            **settings | sampler,
        ),
        "decode": node("VAEDecode", samples=["sample", 0], vae=["load", 2]),
        "save": node("SaveImage", images=["decode", 0], filename_prefix="test/picture"),
    }


def test_a_prompt_becomes_a_picture_that_carries_its_graph(bench: Bench) -> None:
    prompt = text_to_image(2**64 - 1)
    finished = bench.run(prompt)
    assert finished.status == "succeeded"
    (path,) = bench.pictures(finished)
    with Image.open(path) as picture:
        assert picture.size == (64, 48)
        assert json.loads(picture.text["prompt"]) == prompt
        assert json.loads(picture.text["workflow"]) == WORKFLOW


def test_running_again_runs_nothing_and_a_new_seed_only_what_follows(bench: Bench) -> None:
    first = bench.run(text_to_image(1))
    again = bench.run(text_to_image(1))
    assert again.executed == ()
    assert again.outputs == first.outputs
    other = bench.run(text_to_image(2))
    assert set(other.executed) == {"sample", "decode", "save"}


def test_the_same_graph_gives_the_same_bytes_in_a_new_engine(bench: Bench, folders: Folders) -> None:
    (first,) = bench.pictures(bench.run(text_to_image(1)))
    maker = context_maker(folders, open_memory(cpu=True).borrow)
    with Engine(NODES, ResultCache(), maker, stat=folders.stamp) as engine:
        (second,) = bench.pictures(Bench(folders, engine).run(text_to_image(1)))
    assert first != second
    assert first.read_bytes() == second.read_bytes()


def put_picture(bench: Bench, name: str, alpha: bool = False) -> numpy.ndarray:
    levels = numpy.random.default_rng(0).integers(0, 256, (48, 64, 4 if alpha else 3), dtype=numpy.uint8)
    if alpha:
        levels[..., 3] = 255
        levels[:, 32:, 3] = 0
    Image.fromarray(levels).save(bench.folders.place("input") / name)
    return levels


def test_a_picture_is_drawn_over(bench: Bench) -> None:
    put_picture(bench, "start.png")
    prompt = text_to_image(denoise=0.5)
    del prompt["empty"]
    prompt["image"] = node("LoadImage", image="start.png")
    prompt["encode"] = node("VAEEncode", pixels=["image", 0], vae=["load", 2])
    prompt["sample"]["inputs"]["latent_image"] = ["encode", 0]
    (path,) = bench.pictures(bench.run(prompt))
    with Image.open(path) as picture:
        assert picture.size == (64, 48)
    put_picture(bench, "start.png", alpha=True)
    again = bench.run(prompt)
    assert {"image", "encode", "sample"} <= set(again.executed)
    assert "positive" not in again.executed


@pytest.mark.parametrize("encoder", ["VAEEncodeForInpaint", "SetLatentNoiseMask"])
def test_only_the_masked_part_is_drawn(bench: Bench, encoder: str) -> None:
    put_picture(bench, "start.png", alpha=True)
    prompt = text_to_image()
    del prompt["empty"]
    prompt["image"] = node("LoadImage", image="start.png")
    if encoder == "VAEEncodeForInpaint":
        prompt["latent"] = node(
            encoder, pixels=["image", 0], vae=["load", 2], mask=["image", 1], grow_mask_by=0
        )
    else:
        prompt["encode"] = node("VAEEncode", pixels=["image", 0], vae=["load", 2])
        prompt["latent"] = node(encoder, samples=["encode", 0], mask=["image", 1])
    prompt["sample"]["inputs"]["latent_image"] = ["latent", 0]
    bench.run(prompt, "sample", "latent")
    (before,), (after,) = bench.values["latent"], bench.values["sample"]
    assert before.noise_mask.shape == (1, 1, 48, 64)
    # The alpha channel hides the right half: columns 4 to 7 of the latent.
    assert torch.allclose(after.samples[..., :4], before.samples[..., :4], atol=1e-4)
    assert (after.samples[..., 4:] - before.samples[..., 4:]).abs().max() > 0.1


def test_values_texts_and_switches_feed_a_sampler(bench: Bench) -> None:
    prompt = text_to_image()
    prompt["subject"] = node("PrimitiveString", value="circle")
    prompt["joined"] = node("StringConcatenate", string_a="a red", string_b=["subject", 0], delimiter=" ")
    prompt["positive"]["inputs"]["text"] = ["joined", 0]
    prompt["steps"] = node("PrimitiveInt", value=2)
    prompt["sample"]["inputs"]["steps"] = ["steps", 0]
    prompt["preview"] = node("PreviewAny", source=["joined", 0])
    finished = bench.run(prompt)
    assert finished.outputs["preview"] == {"text": ("a red circle",)}
    (path,) = bench.pictures(finished)
    (plain,) = bench.pictures(bench.run(text_to_image()))
    with Image.open(path) as picture, Image.open(plain) as other:
        assert picture.tobytes() == other.tobytes()


def test_a_batch_is_saved_picture_by_picture(bench: Bench) -> None:
    prompt = text_to_image()
    prompt["batch"] = node("RepeatLatentBatch", samples=["empty", 0], amount=3)
    prompt["sample"]["inputs"]["latent_image"] = ["batch", 0]
    paths = bench.pictures(bench.run(prompt))
    assert [path.name for path in paths] == [f"picture_{number:05}_.png" for number in (1, 2, 3)]
    assert len({path.read_bytes() for path in paths}) == 3


def test_a_second_pass_at_a_higher_resolution(bench: Bench) -> None:
    prompt = text_to_image()
    prompt["larger"] = node("LatentUpscaleBy", samples=["sample", 0], upscale_method="bislerp", scale_by=1.5)
    prompt["second"] = node("KSampler", **prompt["sample"]["inputs"] | {"latent_image": ["larger", 0]})
    prompt["second"]["inputs"]["denoise"] = 0.5
    prompt["decode"]["inputs"]["samples"] = ["second", 0]
    (path,) = bench.pictures(bench.run(prompt))
    with Image.open(path) as picture:
        assert picture.size == (96, 72)


def test_every_shown_result_names_an_existing_file(bench: Bench) -> None:
    prompt = text_to_image()
    prompt["look"] = node("PreviewImage", images=["decode", 0])
    finished = bench.run(prompt)
    (record,) = finished.outputs["look"]["images"]
    assert (bench.folders.place("temp") / record["filename"]).is_file()
    shown = [event for event in bench.events if isinstance(event, NodeFinished) and event.ui]
    assert {event.node_id for event in shown} == {"save", "look"}


def test_a_lora_changes_the_picture_and_strength_zero_does_not(bench: Bench) -> None:
    stem = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q"
    generator = torch.Generator().manual_seed(0)
    tensors = {
        f"{stem}.lora_up.weight": torch.randn(32, 2, generator=generator),
        f"{stem}.lora_down.weight": torch.randn(2, 32, generator=generator),
    }
    save_file(tensors, bench.folders.models / "loras" / "style.safetensors")
    prompt = text_to_image()
    (plain,) = bench.pictures(bench.run(prompt))
    prompt["lora"] = node(
        "LoraLoader",
        model=["load", 0],
        clip=["load", 1],
        lora_name="style.safetensors",
        strength_model=1.0,
        strength_clip=1.0,
    )
    prompt["sample"]["inputs"]["model"] = ["lora", 0]
    prompt["positive"]["inputs"]["clip"] = ["lora", 1]
    finished = bench.run(prompt)
    (styled,) = bench.pictures(finished)
    assert "network: 2 tensors matched, 1 weights changed" in "\n".join(finished.outputs["lora"]["text"])
    prompt["lora"]["inputs"] |= {"strength_model": 0.0, "strength_clip": 0.0}
    (unstyled,) = bench.pictures(bench.run(prompt))
    with Image.open(plain) as first, Image.open(styled) as second, Image.open(unstyled) as third:
        assert first.tobytes() != second.tobytes()
        assert first.tobytes() == third.tobytes()


def test_a_growing_input_takes_as_many_pictures_as_are_linked(bench: Bench) -> None:
    prompt = {
        "red": node("EmptyImage", width=8, height=4, batch_size=1, color=0xFF0000),
        "blue": node("EmptyImage", width=4, height=8, batch_size=2, color=0x0000FF),
        "batch": node("BatchImagesNode", **{"images.image0": ["red", 0], "images.image1": ["blue", 0]}),
        "save": node("SaveImage", images=["batch", 0], filename_prefix="x"),
    }
    finished = bench.run(prompt)
    colours = []
    for path in bench.pictures(finished):
        with Image.open(path) as picture:
            assert picture.size == (8, 4)
            colours.append(picture.getpixel((0, 0)))
    assert colours == [(255, 0, 0), (0, 0, 255), (0, 0, 255)]


@pytest.mark.parametrize("chosen", [True, False])
def test_a_switch_computes_one_side_only(bench: Bench, chosen: bool) -> None:
    prompt = {
        "on": node("EmptyImage", width=8, height=8, batch_size=1, color=1),
        "off": node("EmptyImage", width=8, height=8, batch_size=1, color=2),
        "switch": node("ComfySwitchNode", switch=chosen, on_true=["on", 0], on_false=["off", 0]),
        "save": node("SaveImage", images=["switch", 0], filename_prefix="x"),
    }
    finished = bench.run(prompt)
    assert set(finished.executed) == {"on" if chosen else "off", "switch", "save"}
