"""Does training of what guides the bundled model leave the model alone, and write files that open?"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from loaders.checkpoint import Checkpoint, open_checkpoint
from loaders.clip_files import open_vision
from loaders.control.open import open_control
from loaders.ip_adapter import open_ip_adapter
from training import edges, image_prompt
from training.export import save_edges, save_image_prompt
from training.free_scenes import free_scene

BUNDLED = Path(__file__).parents[2] / "assets/models/checkpoints/sfumato-shapes.safetensors"
PICTURES = 4
EDGES = replace(edges.SETTINGS, steps=2, batch=2, parts=1, warmup=1)
COLOURS = replace(image_prompt.SETTINGS, steps=2, batch=2, warmup=1)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return open_checkpoint(BUNDLED)


def weights_of(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in checkpoint.model.base.network.state_dict().items()}


def is_as_before(checkpoint: Checkpoint, before: dict[str, torch.Tensor]) -> bool:
    now = checkpoint.model.base.network.state_dict()
    return all(torch.equal(now[name], tensor) for name, tensor in before.items())


def test_a_controlnet_trains_beside_the_model_and_opens_again(checkpoint: Checkpoint, tmp_path: Path) -> None:
    before = weights_of(checkpoint)
    trained = edges.train_edges(tmp_path, checkpoint, EDGES, PICTURES)
    assert is_as_before(checkpoint, before)
    assert any(bool(conv[0].weight.any()) for conv in trained.zero_convs)  # type: ignore[index]
    save_edges(tmp_path, trained)
    opened = open_control(tmp_path / "controlnet/sfumato-edges.safetensors").base.network
    for name, tensor in trained.state_dict().items():
        assert torch.equal(opened.state_dict()[name], tensor.half().float()), name


def test_a_picture_tower_and_its_adapter_train_and_open_again(checkpoint: Checkpoint, tmp_path: Path) -> None:
    before = weights_of(checkpoint)
    looking = image_prompt.train_image_prompt(tmp_path, checkpoint, COLOURS, PICTURES)
    assert is_as_before(checkpoint, before)
    save_image_prompt(tmp_path, looking)
    tower = open_vision(tmp_path / "clip_vision/sfumato-vision.safetensors").base.network
    assert tower.config == image_prompt.TOWER
    adapter = open_ip_adapter(tmp_path / "ipadapter/sfumato-colours.safetensors").base.network
    assert adapter.sizes == looking.adapter.sizes


def test_an_example_has_the_colours_of_its_scene_but_another_figure() -> None:
    first, again, other = (image_prompt.example_of(3, turn) for turn in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()
    figure, *_ = free_scene(3)
    assert (first == figure.colour).all(axis=-1).sum() > 100
