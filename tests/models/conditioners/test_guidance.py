"""Is a network that was distilled for many guidance scales told the one that a prompt asks for?"""

from typing import Any

import torch

from models.conditioner import Surroundings
from models.conditioners.guidance import GuidanceConditioner
from models.embed import guidance_embedding
from nodes.conditioning.guidance import disable_guidance, set_guidance
from schedulers.conditioning import Entry

EMPTY = torch.zeros(1, 4, 8, 8)
WHERE = Surroundings(EMPTY, EMPTY, None, 0, EMPTY.device)


def told(fields: dict[str, Any]) -> Any:
    return GuidanceConditioner(16).inputs(None, fields, WHERE).get("guidance")


def test_what_a_node_sets_is_told_and_the_usual_scale_otherwise() -> None:
    entry = Entry(torch.zeros(1, 2, 3), extra={"width": 8})
    (set_to,) = set_guidance((entry,), 4.0)
    assert set_to.extra["width"] == 8
    assert torch.equal(told(dict(set_to.extra)), guidance_embedding(4.0, 16))
    (nothing,) = disable_guidance((set_to,))
    assert told(dict(nothing.extra)) is None
    assert torch.equal(told({}), guidance_embedding(8.5, 16))


def test_a_scale_of_one_is_no_guidance() -> None:
    features = guidance_embedding(1.0, 17)
    assert features.shape == (1, 17)
    assert torch.equal(features[0], torch.tensor([0.0] * 8 + [1.0] * 8 + [0.0]))
