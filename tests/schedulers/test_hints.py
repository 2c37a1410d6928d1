"""Do hints steer a network when, where and as strongly as they should?"""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from models.adapters.patch import Patched
from models.call import Call, calling
from models.conditioner import Surroundings
from models.control.control_lora import ControlLora
from models.control.controlnet import ControlNet, ControlNetConfig
from models.control.model import ControlModel
from models.control.residuals import ControlResiduals
from models.control.t2i_adapter import AdapterConfig, T2IAdapter
from models.control.union import UnionControlNet
from models.unet.unet import UNet
from schedulers.hints import HintControl
from tests.fixtures.checkpoints import TINY_UNET, redrawn

SIZES = ControlNetConfig(TINY_UNET, hint_widths=(4, 8, 8, 8))


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def network() -> ControlNet:
    return redrawn(ControlNet(SIZES), 3)


def control(network: Any, hint: Tensor | None = None, **fields: Any) -> HintControl:
    hint = drawn(1, 3, 64, 64) if hint is None else hint
    options = {name: fields.pop(name) for name in ("pools", "types") if name in fields}
    return HintControl(Patched(ControlModel(network, **options)), hint, **fields)


def said(
    control: HintControl,
    x: Tensor | None = None,
    sigma: float = 1.0,
    rows: tuple[str, ...] = ("positive",),
    base: UNet | None = None,
) -> ControlResiduals | None:
    x = drawn(len(rows), 4, 8, 8, seed=1) if x is None else x
    where = Surroundings(x, x, None, 0, x.device, network=base)
    bound = control.bind(where, lambda percent: 10.0 * (1 - percent))
    context = drawn(1, 7, 64, seed=2).expand(len(x), -1, -1)
    with torch.no_grad(), calling(Call(sigma, rows, len(x) // len(rows), x.shape[2], x.shape[3])):
        given = bound.residuals(x, sigma, torch.full((len(x),), 300.0), context, {})
        return None if given is None else given.now()


def parts(residuals: ControlResiduals | None) -> list[Tensor]:
    assert residuals is not None
    everything = [*residuals.input, residuals.middle, *residuals.output]
    return [part for part in everything if part is not None]


def same(one: ControlResiduals | None, other: ControlResiduals | None) -> bool:
    """Whether residuals agree to a few roundings of their largest value."""
    pairs = zip(parts(one), parts(other), strict=True)
    return all(float((a - b).abs().max()) <= 5e-6 * max(1.0, float(b.abs().max())) for a, b in pairs)


def test_a_control_holds_from_its_start_to_its_end_both_included(network: ControlNet) -> None:
    windowed = control(network, start=0.2, end=0.5)
    assert [said(windowed, sigma=sigma) is None for sigma in (8.1, 8.0, 6.0, 5.0, 4.9)] == [
        True,
        False,
        False,
        False,
        True,
    ]


def test_strength_scales_all_that_is_said(network: ControlNet) -> None:
    doubled = said(control(network, strength=2.0))
    whole = said(control(network))
    assert whole is not None
    assert same(doubled, whole.each(lambda part: 2 * part))


def test_a_network_that_pools_says_one_thing_for_all_cells(network: ControlNet) -> None:
    pooled, plain = said(control(network, pools=True)), said(control(network))
    for flat, part in zip(parts(pooled), parts(plain), strict=True):
        assert flat.shape == part.shape
        assert torch.allclose(flat[..., :1, :1].expand_as(flat), flat)
        assert torch.allclose(flat.mean(dim=(2, 3)), part.mean(dim=(2, 3)), atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_hints_go_round_the_rows_of_each_list(network: ControlNet, count: int) -> None:
    hints, x = drawn(count, 3, 64, 64), drawn(6, 4, 8, 8, seed=1)
    together = said(control(network, hints), x, rows=("positive", "negative"))
    assert together is not None
    for row in range(6):
        index = 0 if count == 1 else row % 3 % min(count, 3)
        alone = said(control(network, hints[index : index + 1]), x[row : row + 1])
        assert same(together.each(lambda part, row=row: part[row : row + 1]), alone)


def test_a_hint_of_another_shape_is_cut_at_the_centre_and_never_blended(network: ControlNet) -> None:
    hint = drawn(1, 3, 64, 64)
    wide = torch.cat([torch.zeros(1, 3, 64, 10), hint, torch.ones(1, 3, 64, 10)], dim=3)
    assert same(said(control(network, wide)), said(control(network, hint)))
    large = hint.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert same(said(control(network, large)), said(control(network, hint)))


def test_the_hint_of_an_area_is_the_whole_picture_at_the_areas_size(network: ControlNet) -> None:
    x, hint = drawn(1, 4, 4, 8, seed=1), drawn(1, 3, 64, 64)
    assert same(said(control(network, hint), x), said(control(network, hint[:, :, 16:48]), x))


def test_the_rows_of_a_union_are_told_their_kind() -> None:
    union = redrawn(UnionControlNet(replace(SIZES, types=6, type_width=8)), 4)
    plain, told, other = (said(control(union, types=types)) for types in ((), (2,), (3,)))
    assert not same(plain, told)
    assert not same(told, other)
    with pytest.raises(ValueError, match=r"knows 6 types from 0 on; asked for \[6\]"):
        said(control(union, types=(6,)))


def test_a_control_for_other_prompts_or_hints_is_refused(network: ControlNet) -> None:
    with pytest.raises(ValueError, match="the hint has 4 channels, not 3"):
        said(control(network, drawn(1, 4, 64, 64)))
    wide = redrawn(ControlNet(replace(SIZES, unet=replace(TINY_UNET, context_width=32))), 3)
    with pytest.raises(ValueError, match="32 numbers a token, but here they have 64"):
        said(control(wide))
    with pytest.raises(ValueError, match="takes no type"):
        said(control(network, types=(1,)))


def test_an_adapter_adds_at_the_end_of_each_level_on_the_way_down() -> None:
    adapter = redrawn(T2IAdapter(AdapterConfig(hint_channels=1, channels=(8, 8, 16, 16))), 5)
    residuals = said(control(adapter))
    assert residuals is not None
    assert [index for index, part in enumerate(residuals.input) if part is not None] == [2, 5, 8, 11]
    assert [part.shape[-1] for part in residuals.input if part is not None] == [8, 4, 2, 1]
    assert (residuals.middle, residuals.output) == (None, ())
    grey = drawn(1, 3, 64, 64).mean(dim=1, keepdim=True)
    assert same(residuals, said(control(adapter, grey)))


def test_an_adapter_for_sdxl_gives_its_last_map_to_the_middle() -> None:
    adapter = redrawn(T2IAdapter(AdapterConfig(kind="xl", channels=(8, 8, 16, 16))), 5)
    residuals = said(control(adapter), drawn(1, 4, 9, 8))
    assert residuals is not None
    assert [index for index, part in enumerate(residuals.input) if part is not None] == [3, 5, 8]
    assert [tuple(part.shape[-2:]) for part in parts(residuals)] == [(5, 4), (5, 4), (3, 2), (3, 2)]


def lora_and_whole(base: UNet) -> tuple[ControlLora, ControlNet]:
    """A Control-LoRA, and the ControlNet that it comes to over a network."""
    generator = torch.Generator().manual_seed(6)
    whole = redrawn(ControlNet(SIZES), 7)
    own = {name: tensor for name, tensor in whole.state_dict().items() if name not in base.state_dict()}
    state = {**whole.state_dict(), **{k: v for k, v in base.state_dict().items() if k not in own}}
    for name in ("input_blocks.1.0.in_layers.2", "middle_block.1.transformer_blocks.0.attn1.to_q"):
        weight = base.state_dict()[f"{name}.weight"]
        up = torch.randn(weight.shape[0], 3, *[1] * (weight.ndim - 2), generator=generator)
        down = torch.randn(3, *weight.shape[1:], generator=generator)
        own |= {f"{name}.up": up, f"{name}.down": down}
        state[f"{name}.weight"] = weight + (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
    own["time_embed.0.bias"] = state["time_embed.0.bias"] = torch.ones_like(state["time_embed.0.bias"])
    whole.load_state_dict({name: state[name] for name in whole.state_dict()})
    return ControlLora(own, 3, (4, 8, 8, 8)), whole


def test_a_control_lora_over_a_unet_is_the_controlnet_it_stands_for() -> None:
    base = redrawn(UNet(TINY_UNET), 8)
    lora, whole = lora_and_whole(base)
    before = {name: parameter.data_ptr() for name, parameter in base.named_parameters()}
    assert same(said(control(lora), base=base), said(control(whole)))
    built = {parameter.data_ptr() for parameter in lora.over(base).parameters()}
    assert len(built & set(before.values())) > 50
    assert before == {name: parameter.data_ptr() for name, parameter in base.named_parameters()}


def test_a_control_lora_for_another_network_is_refused() -> None:
    lora, _ = lora_and_whole(redrawn(UNet(TINY_UNET), 8))
    with pytest.raises(ValueError, match="needs the network"):
        said(control(lora))
    with pytest.raises(ValueError, match="for another network"):
        said(control(lora), base=UNet(replace(TINY_UNET, channels=64)))
    with pytest.raises(ValueError, match="not over Linear"):
        lora.over(torch.nn.Linear(1, 1))
