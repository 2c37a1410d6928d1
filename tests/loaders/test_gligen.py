"""Does a UNet with boxes of texts do what diffusers' does, from a file of the usual layout?"""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from loaders.errors import UnknownFormat
from loaders.gligen import open_gligen
from models.adapters.gligen import Box
from models.adapters.patch import Patched, applied
from models.call import Call, calling
from models.diffusion import DiffusionModel
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from schedulers.boxes import Boxes
from schedulers.conditioning import Entry
from schedulers.control import networks
from tests.oracle.diffusers_names import redraw, unet_state, worst_ratio

diffusers = pytest.importorskip("diffusers")
UNET = UNetConfig(
    channels=32,
    multipliers=(1, 2),
    input_depths=((0, 0), (1, 1)),
    output_depths=((0, 0, 0), (1, 1, 1)),
    context_width=32,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_a_unet_with_boxes_agrees_with_the_oracle(tmp_path: Path) -> None:
    oracle = redraw(
        diffusers.UNet2DConditionModel(
            in_channels=4,
            out_channels=4,
            block_out_channels=(32, 64),
            layers_per_block=2,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=8,
            attention_type="gated",
        )
    )
    state = {
        name: tensor for name, tensor in oracle.state_dict().items() if not name.startswith("position_net")
    }
    whole = unet_state(state, blocks=2)
    own = {name: tensor.contiguous() for name, tensor in oracle.state_dict().items() if name not in state}
    own |= {name: tensor.contiguous() for name, tensor in whole.items() if ".fuser." in name}
    ours = UNet(UNET).eval()
    ours.load_state_dict({name: tensor for name, tensor in whole.items() if ".fuser." not in name})
    path = tmp_path / "gligen.safetensors"
    save_file(own, path)
    model = open_gligen(path)
    texts = drawn(2, 32, seed=5)
    boxes = (Box(texts[0], 4, 3, 1, 2), Box(texts[1], 8, 2, 0, 4))
    corners = torch.zeros(1, 30, 4)
    corners[0, :2] = torch.tensor([[2 / 6, 1 / 8, 5 / 6, 5 / 8], [4 / 6, 0, 1, 1]])
    positive, masks = torch.zeros(1, 30, 32), torch.zeros(1, 30)
    positive[0, :2], masks[0, :2] = texts, 1
    told = {"boxes": corners, "positive_embeddings": positive, "masks": masks}
    x, t, context = drawn(2, 4, 8, 6, seed=2), torch.tensor([981.0, 3.0]), drawn(2, 7, 32, seed=3)
    told = {name: value.repeat(2, *[1] * (value.ndim - 1)) for name, value in told.items()}
    expected = oracle(x, t, encoder_hidden_states=context, cross_attention_kwargs={"gligen": told}).sample
    held = Boxes(model, boxes)
    plain = ours(x, t, context)
    patched = Patched(DiffusionModel(ours, "sd15")).with_patch(*held.after(None).patches(1.0))
    with applied(patched), calling(Call(1.0, ("negative", "positive"), 1, 8, 6)):
        got = ours(x, t, context)
    assert worst_ratio(got, expected) <= 5e-5
    assert worst_ratio(plain, expected) > 1e-2
    assert torch.equal(ours(x, t, context), plain)
    assert networks((Entry(context, extra={"gligen": held}),)) == (model,)


def test_what_is_no_gligen_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"position_net.linears.0.weight": torch.zeros(1)}, path)
    with pytest.raises(UnknownFormat, match="fuser"):
        open_gligen(path)
