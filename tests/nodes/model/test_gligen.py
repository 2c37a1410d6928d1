"""Do boxes of texts add up on prompts, and change what is drawn?"""

from typing import Any

import pytest
import torch
from torch import nn

from loaders.checkpoint import Checkpoint
from models.adapters.gligen import Gligen, GligenModel
from models.adapters.patch import Patched
from models.adapters.places import attentions
from nodes.api.errors import NodeError
from nodes.conditioning.gligen import add_text_box
from nodes.conditioning.text import encode
from nodes.sampling.ksampler import ksampler
from schedulers.latent import LatentBatch
from tests.fixtures.checkpoints import redrawn
from tests.nodes.conftest import Recorded


def gligen(network: nn.Module, width: int = 64) -> Patched[GligenModel]:
    places = [path.removesuffix(".attn1") for path in attentions(network, "attn1")]
    widths = {
        path: network.get_submodule(f"{path}.norm1").get_parameter("weight").shape[0] for path in places
    }
    return Patched(GligenModel(redrawn(Gligen(width, widths), 3)))


def test_boxes_add_up_and_change_what_is_drawn(ctx: Recorded, checkpoint: Checkpoint) -> None:
    model = gligen(checkpoint.model.base.network)
    plain = encode(ctx, text="a cat", clip=checkpoint.clip)
    given: dict[str, Any] = {"clip": checkpoint.clip, "gligen_textbox_model": model, "text": "cat"}
    one = add_text_box(ctx, conditioning_to=plain, **given)
    two = add_text_box(ctx, conditioning_to=one, **given, x=64, y=32)
    assert [len(entry.extra["gligen"].boxes) for entry in (*one, *two)] == [1, 2]

    def draw(positive: Any) -> torch.Tensor:
        return ksampler(
            ctx,
            model=checkpoint.model,
            seed=1,
            steps=2,
            cfg=3.0,
            sampler_name="euler",
            scheduler="normal",
            positive=positive,
            negative=encode(ctx, text="", clip=checkpoint.clip),
            latent_image=LatentBatch(torch.zeros(1, 4, 16, 16)),
        ).samples

    before, first, second = draw(plain), draw(one), draw(two)
    assert not torch.allclose(first, before, rtol=1e-3)
    assert not torch.allclose(second, first, rtol=1e-3)
    assert torch.equal(draw(plain), before)


def test_a_gligen_for_other_texts_is_refused(ctx: Recorded, checkpoint: Checkpoint) -> None:
    model = gligen(checkpoint.model.base.network, width=32)
    prompt = encode(ctx, text="a cat", clip=checkpoint.clip)
    with pytest.raises(NodeError, match="for texts of 32 numbers, but this text encoder gives 64"):
        add_text_box(
            ctx, conditioning_to=prompt, clip=checkpoint.clip, gligen_textbox_model=model, text="cat"
        )
