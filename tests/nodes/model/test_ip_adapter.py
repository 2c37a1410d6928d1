"""Does a picture that an IP-Adapter looks at change what is drawn, where and when it should?"""

from typing import Any

import pytest
import torch
from torch import Tensor

from loaders.checkpoint import Checkpoint
from models.adapters.image_prompt import ImagePromptConfig, ImagePromptModel, ImagePromptNetwork
from models.adapters.ip_adapter import factors
from models.adapters.patch import Patched
from models.vision.clip import ClipVision, ClipVisionConfig
from models.vision.encode import VisionModel
from nodes.api.errors import NodeError
from nodes.model.ip_adapter import apply_ip_adapter
from tests.fixtures.checkpoints import TINY_UNET, redrawn
from tests.nodes.conftest import Recorded
from tests.nodes.model.test_patches import drawn

TOWER = ClipVisionConfig(
    width=64, layers=2, heads=2, feed_forward=64, patch=8, size=32, activation="gelu", projection=24
)
# The attentions to the prompt of the tiny network: two down, four up, one in the middle.
WIDTHS = (32, 64, 64, 64, 32, 32, 64)


@pytest.fixture(scope="module")
def tower() -> Patched[VisionModel]:
    return Patched(VisionModel(redrawn(ClipVision(TOWER), 1)))


@pytest.fixture(scope="module", params=["base", "plus"])
def adapter(request: pytest.FixtureRequest) -> Patched[ImagePromptModel]:
    seen = 24 if request.param == "base" else 64
    sizes = ImagePromptConfig(request.param, seen, TINY_UNET.context_width, 4, WIDTHS, 64, 1)
    return Patched(ImagePromptModel(redrawn(ImagePromptNetwork(sizes), 2)))


def pictures(count: int = 1) -> Tensor:
    return torch.rand(count, 40, 32, 3, generator=torch.Generator().manual_seed(3))


def test_a_picture_changes_what_is_drawn_and_the_plain_model_stays(
    ctx: Recorded, checkpoint: Checkpoint, tower: Any, adapter: Any
) -> None:
    given = {"model": checkpoint.model, "ip_adapter": adapter, "clip_vision": tower, "image": pictures(2)}
    plain = drawn(ctx, checkpoint, checkpoint.model)
    changes: list[dict[str, Any]] = [
        {"combine": "concat"},
        {"combine": "average"},
        {"weight_type": "weak output"},
        {"negative_image": pictures()},
    ]
    results = [drawn(ctx, checkpoint, apply_ip_adapter(ctx, **given, **change)) for change in changes]
    for index, one in enumerate(results):
        assert all(not torch.allclose(one, other, rtol=1e-4) for other in [plain, *results[:index]])
    assert torch.equal(drawn(ctx, checkpoint, checkpoint.model), plain)


def test_weight_windows_and_masks_can_leave_it_out(
    ctx: Recorded, checkpoint: Checkpoint, tower: Any, adapter: Any
) -> None:
    given = {"model": checkpoint.model, "ip_adapter": adapter, "clip_vision": tower, "image": pictures()}
    plain = drawn(ctx, checkpoint, checkpoint.model)
    assert apply_ip_adapter(ctx, **given, weight=0.0) is checkpoint.model
    late = apply_ip_adapter(ctx, **given, start_percent=0.99, end_percent=0.995)
    assert torch.equal(drawn(ctx, checkpoint, late), plain)
    nowhere = apply_ip_adapter(ctx, **given, mask=torch.zeros(1, 20, 20))
    assert torch.allclose(drawn(ctx, checkpoint, nowhere), plain, atol=1e-5)
    everywhere = apply_ip_adapter(ctx, **given, mask=torch.ones(1, 20, 20))
    whole = drawn(ctx, checkpoint, apply_ip_adapter(ctx, **given))
    assert torch.allclose(drawn(ctx, checkpoint, everywhere), whole, atol=1e-4)


def test_what_is_no_adapter_is_refused(ctx: Recorded, checkpoint: Checkpoint, tower: Any) -> None:
    with pytest.raises(NodeError, match="must come from Load IP-Adapter"):
        apply_ip_adapter(ctx, model=checkpoint.model, ip_adapter=tower, clip_vision=tower, image=pictures())


def test_weights_ease_from_the_first_attention_that_runs_to_the_last() -> None:
    paths = ["input_blocks.1.1.a", "output_blocks.0.1.a", "output_blocks.1.1.a", "middle_block.1.a"]
    eased = factors(paths, "ease in")
    assert [eased[path] for path in paths] == pytest.approx([0, 2 / 3, 1, 1 / 3])
    assert factors(paths, "weak middle")["middle_block.1.a"] == 0.2
    with pytest.raises(ValueError, match="for networks of SDXL"):
        factors(paths, "style")
    with pytest.raises(ValueError, match="unknown weight type 'loud'"):
        factors(paths, "loud")
