import random

import torch

from models.text.clip import ClipTextConfig
from models.unet.config import UNetConfig
from training.denoiser import Denoiser
from training.loop import Settings
from training.plan import CLASSES, OUTPUTS, plan_batch, plan_loss, plan_of
from training.prompts import UNKNOWN, WordTable
from training.scenes import PLACES, Look, Scene
from training.text import text_loss, train_text

UNET = UNetConfig(
    channels=32,
    multipliers=(1, 1),
    input_depths=((0,), (1,)),
    output_depths=((0, 0), (1, 1)),
    context_width=64,
)
TEXT = ClipTextConfig(width=64, layers=1, heads=1, feed_forward=64)


def test_a_plan_says_what_is_where():
    red, blue = Look("circle", "red", "small"), Look("square", "blue", "large")
    scene = Scene("pair", red, "white", relation="right of", second=blue)
    plan = dict(zip(PLACES, plan_of(scene), strict=True))
    assert plan["right"] == [1, 1, 1]
    assert plan["left"] == [2, 5, 3]
    assert all(classes == [0, 0, 0] for place, classes in plan.items() if place not in ("left", "right"))


def test_a_right_plan_costs_nothing_and_a_wrong_one_does():
    _, plans = plan_batch(WordTable(), 8, random.Random(0))
    right = torch.zeros(8, len(PLACES), sum(CLASSES))
    for index in range(3):
        start = sum(CLASSES[:index])
        right[..., start : start + CLASSES[index]].scatter_(-1, plans[..., index : index + 1], 30.0)
    assert right.flatten(1).shape[1] == OUTPUTS
    assert plan_loss(right.flatten(1), plans) < 1e-3
    assert plan_loss(-right.flatten(1), plans) > 1.0


def test_training_the_text_lowers_its_loss_and_leaves_the_unet_alone(tmp_path):
    torch.manual_seed(0)
    network = Denoiser(UNET, TEXT)
    settings = Settings(steps=20, learning_rate=3e-3, batch=16, warmup=2, average=0.5, parts=2)
    unet = {name: tensor.clone() for name, tensor in network.unet.state_dict().items()}
    before = text_loss(network, settings, 100).item()
    train_text(tmp_path / "text.pt", network, settings)
    assert text_loss(network, settings, 100).item() < before
    assert all(torch.equal(tensor, unet[name]) for name, tensor in network.unet.state_dict().items())
    assert all(parameter.requires_grad for parameter in network.unet.parameters())


def test_prompts_are_padded_to_77_and_strange_words_share_a_row():
    table = WordTable()
    rows = table.encode(["a red circle", "a zebra circle", ""])
    assert rows.shape == (3, 77)
    assert rows[1, 2] == UNKNOWN
    assert (rows[2, 1:] == rows[2, 1]).all()
    strayed = table.with_strays(table.encode(["a red circle"] * 200), random.Random(1))
    assert 0 < (strayed == UNKNOWN).any(dim=1).sum() < 60
