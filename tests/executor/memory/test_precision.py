"""Is the number type of networks chosen by device, size and flag, and do whole graphs run in each?"""

from collections import defaultdict
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from benchmarks.bundled_guides import Workflow, drawn_by, followed_edges, followed_picture, node
from executor.memory import precision
from executor.memory.devices import Devices
from executor.memory.precision import choose_precision
from executor.options import make_parser
from executor.precision_options import number_types
from executor.session import Session
from executor.worker.workbench import open_memory
from loaders.assemble import Storage
from nodes.api.precision import Precision
from training.shapes import BACKGROUNDS, COLOURS, Figure, draw

SEED = 5


def test_large_networks_run_in_bfloat16_where_the_processor_multiplies_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)
    assert choose_precision(Devices()) == Precision("bfloat16", precision.LEAST_PARAMETERS)
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: False)
    assert choose_precision(Devices()) == Precision("float32")
    assert choose_precision(Devices(torch.device("cuda", 0))).diffusion == "float16"


def test_what_is_asked_for_holds_for_networks_of_any_size() -> None:
    assert choose_precision(Devices(), "float16") == Precision("float16", 0)


def test_small_networks_stay_in_float32() -> None:
    storage = Storage(torch.bfloat16, least_parameters=7)
    assert storage.of(nn.Linear(2, 2)).dtype == torch.float32
    assert storage.of(nn.Linear(3, 2)).dtype == torch.bfloat16


def guided() -> Workflow:
    """Edges, a picture and a LoRA at once."""
    steps = followed_picture("example.png", "a star", SEED)
    edges = followed_edges("hint.png", "a star", SEED)
    steps |= {name: edges[name] for name in ("control", "hint", "steered")}
    steps["styled"] = node(
        "LoraLoaderModelOnly",
        model=["model", 0],
        lora_name="sfumato-pastel.safetensors",
        strength_model=0.5,
    )
    steps["looking"]["inputs"]["model"] = ["styled", 0]
    steps["drawn"]["inputs"] |= {"positive": ["steered", 0], "negative": ["steered", 1], "steps": 4}
    return steps


@pytest.mark.parametrize("number_type", ["bfloat16", "float16"])
def test_a_graph_draws_the_same_in_half_the_bits(tmp_path: Path, number_type: str) -> None:
    pictures = []
    for name in ("float32", number_type):
        base = tmp_path / name
        (base / "input").mkdir(parents=True)
        Image.fromarray(draw([Figure("ring", 64, 64, 30, COLOURS["red"])], BACKGROUNDS["white"])).save(
            base / "input/example.png"
        )
        Image.fromarray(draw([Figure("star", 50, 70, 30, (255, 255, 255))], (0, 0, 0))).save(
            base / "input/hint.png"
        )
        with Session(base, memory=open_memory(cpu=True, number_type=name)) as session:
            pictures.append(drawn_by(session, guided()).astype(float))
    difference = abs(pictures[0] - pictures[1]).mean()
    assert 0 < difference < 6


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        ((), Precision()),
        (("--fp8_e4m3fn-unet",), Precision(diffusion_stored="float8_e4m3fn")),
        (("--bf16-unet", "--fp16-text-enc"), Precision("bfloat16", text="float16")),
        (("--fp8_e5m2-text-enc", "--fp32-vae"), Precision(text="float8_e5m2", vae="float32")),
        (("--bf16-vae", "--cpu-vae"), Precision(vae="bfloat16", vae_on_cpu=True)),
    ],
)
def test_parts_are_kept_as_the_flags_ask(flags: tuple[str, ...], kept: Precision, monkeypatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: False)
    options = make_parser(defaultdict(lambda: int), Path(), "1").parse_args(["nodes", *flags])
    assert choose_precision(Devices(), number_types(options)) == kept
