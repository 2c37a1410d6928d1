"""Estimates: what a run without memory counts is what a real run has in use, to the byte."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from executor.memory import plan
from executor.memory.devices import choose_devices
from executor.memory.estimate import MARGIN, Estimates, at_most, count, rough, usual_shape
from executor.memory.live import LiveBytes
from executor.memory.residency import Residency
from executor.memory.trial import compute_type, twin
from models.adapters.patch import Patched
from models.control.controlnet import ControlNet, ControlNetConfig
from models.diffusion import DiffusionModel
from models.packed.float8 import Float8
from models.packed.tensor import Packed, pack, stored
from models.text.clip import ClipText
from models.text.encoders import TextEncoders
from models.unet.unet import UNet
from models.vae.kl import AutoencoderKL
from tests.fixtures.checkpoints import TINY_CLIP, TINY_UNET, TINY_VAE

UNET = UNet(TINY_UNET).eval()
VAE = AutoencoderKL(TINY_VAE).eval()
TEXT = TextEncoders({"clip_l": ClipText(TINY_CLIP).eval()})


def real_peak(network: nn.Module, run: Callable[[], Any]) -> int:
    """What a run on the CPU has in use at most, beside the weights."""
    weights = [part for each in network.state_dict(keep_vars=True).values() for part in stored(each)]
    with torch.no_grad(), LiveBytes(weights) as counted:
        run()
    peak: int = counted.peak
    return peak


def evaluation(network: nn.Module, batch: int, side: int) -> Callable[[], Tensor]:
    x, context = torch.randn(batch, 4, side, side), torch.randn(batch, 77, 64)
    return lambda: network(x, torch.full((batch,), 5.0), context)


@pytest.mark.parametrize(("batch", "side"), [(1, 16), (3, 8)])
def test_a_unet_needs_what_was_counted(batch: int, side: int) -> None:
    found = real_peak(UNET, evaluation(UNET, batch, side))
    assert count(UNET, (batch, 4, side, side)) == pytest.approx(found, rel=0.02)


def test_a_control_network_needs_what_was_counted_with_a_hint() -> None:
    control = ControlNet(ControlNetConfig(TINY_UNET, hint_widths=(4, 8, 8, 8))).eval()
    x, context, hint = torch.randn(2, 4, 16, 16), torch.randn(2, 77, 64), torch.randn(1, 3, 128, 128)
    times = torch.full((2,), 5.0)
    found = real_peak(control, lambda: control(x, times, context, None, control.encode_hint(hint)))
    assert count(control, x.shape) == pytest.approx(found, rel=0.02)


@pytest.mark.parametrize("batch", [1, 2])
def test_an_autoencoder_needs_what_was_counted_both_ways(batch: int) -> None:
    latent, pixels = torch.randn(batch, 4, 16, 16), torch.randn(batch, 3, 96, 128)
    decoding, encoding = (
        real_peak(VAE, lambda: VAE.decode_raw(latent)),
        real_peak(VAE, lambda: VAE.encode_raw(pixels)),
    )
    assert count(VAE, latent.shape) == pytest.approx(decoding, rel=0.02)
    assert count(VAE, pixels.shape) == pytest.approx(encoding, rel=0.02)


def test_text_encoders_need_what_was_counted() -> None:
    ids = torch.zeros(2, 77, dtype=torch.long)
    found = real_peak(TEXT, lambda: TEXT.clip("clip_l")(ids))
    assert count(TEXT, (2, 77)) == pytest.approx(found, rel=0.02)


@pytest.mark.parametrize(
    ("network", "shape"),
    [(UNET, (2, 4, 32, 32)), (VAE, (1, 4, 16, 16)), (VAE, (1, 3, 96, 128)), (TEXT, (2, 77))],
)
def test_the_quick_bound_is_one(network: nn.Module, shape: tuple[int, ...]) -> None:
    assert at_most(network, shape) >= MARGIN * count(network, shape)


def test_packed_weights_are_counted_where_they_are_unpacked() -> None:
    first = nn.Linear(512, 2048)
    layer = nn.Sequential(first, nn.Linear(2048, 8)).requires_grad_(False)
    plain = count(layer, (1, 512))
    large = first.weight
    # Of the other kind, e4m3, processors need more than graphics cards, and the trial does not know which.
    first.weight = nn.Parameter(pack(large.detach(), Float8(torch.float8_e5m2)), requires_grad=False)
    found = real_peak(layer, lambda: layer(torch.randn(1, 512)))
    counted = count(layer, (1, 512))
    assert counted >= large.numel() * 4 > plain
    assert counted == pytest.approx(found, rel=0.02)


def test_the_twin_takes_no_memory_and_leaves_the_network_alone() -> None:
    before = [weight.data_ptr() for weight in UNET.parameters()]
    shadow = twin(UNET)
    assert all(weight.is_meta for weight in shadow.parameters())
    assert [weight.data_ptr() for weight in UNET.parameters()] == before
    assert not any(isinstance(weight, Packed) for weight in shadow.parameters())


class Copied(TorchDispatchMode):
    """Notes how many bytes with numbers in them are made."""

    size = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.size += sum(
            one.nbytes for one in tree_leaves(made) if isinstance(one, Tensor) and not one.is_meta
        )
        return made


def test_a_network_that_is_streamed_is_tried_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "SMALLEST_STREAMED_BYTES", 2**11)
    network = UNet(TINY_UNET).eval().requires_grad_(False)
    weights = sum(weight.nbytes for weight in network.parameters())
    expected = count(network, (1, 4, 16, 16))
    residency = Residency(choose_devices(f"bounded:{weights // 2}"))
    with residency.borrow(Patched(DiffusionModel(network, "sd15"))):
        assert residency.report()[0].streamed
        with Copied() as copied:
            assert count(network, (1, 4, 16, 16)) == expected
    assert copied.size < weights / 100


def test_twice_the_cells_need_about_twice_the_memory() -> None:
    one, two = (count(UNET, (1, 4, 32, side)) for side in (32, 64))
    assert 1.7 < two / one < 2.3


def test_half_the_precision_needs_half_the_memory() -> None:
    whole, half = (count(each, (1, 4, 16, 16)) for each in (VAE, AutoencoderKL(TINY_VAE).half()))
    assert half == pytest.approx(whole / 2, rel=0.05)


def test_what_was_measured_is_believed() -> None:
    estimates = Estimates()
    shape = (1, 4, 16, 16)
    assert estimates.activation_bytes(UNET, shape) == int(count(UNET, shape) * MARGIN)
    estimates.measured(UNET, 123_456_789, shape)
    assert estimates.activation_bytes(UNET, shape) == 123_456_789


def test_what_was_measured_corrects_other_shapes_and_equal_networks() -> None:
    estimates = Estimates()
    small, large = (1, 4, 16, 16), (1, 4, 32, 32)
    before = estimates.activation_bytes(UNET, large)
    estimates.measured(UNET, estimates.activation_bytes(UNET, small) * 2, small)
    other = UNet(TINY_UNET)
    assert estimates.activation_bytes(other, large) == pytest.approx(before * 2, rel=0.01)
    assert estimates.activation_bytes(VAE, small) == int(count(VAE, small) * MARGIN)


def test_a_shortage_is_remembered_until_a_run_was_measured() -> None:
    estimates = Estimates()
    shape = (1, 4, 16, 16)
    estimates.ran_short(UNET, 10**12, shape)
    assert estimates.activation_bytes(UNET, shape) == 10**12
    estimates.measured(UNET, 10**6, shape)
    assert estimates.activation_bytes(UNET, shape) == 10**6


def test_without_a_shape_the_usual_one_is_meant() -> None:
    estimates = Estimates()
    assert usual_shape(UNET) == (2, 4, 64, 64)
    assert estimates.activation_bytes(TEXT) == estimates.activation_bytes(TEXT, (2, 77))
    assert estimates.activation_bytes(nn.Linear(4, 4)) == 0


class Picky(nn.Module):
    """Looks at the numbers it is given, which a run without memory has none of."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(3, 16, 1)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.inner(x) if bool((x > 0).any()) else x
        return made


def test_what_cannot_be_tried_is_guessed_and_not_below_its_features() -> None:
    network, shape = Picky(), (1, 3, 64, 64)
    guessed = count(network, shape)
    assert guessed == rough(network, shape)
    assert guessed >= 16 * 64 * 64 * 4


def test_the_number_type_is_that_of_the_weights() -> None:
    assert compute_type(nn.Linear(2, 2).bfloat16()) is torch.bfloat16
    assert compute_type(nn.Identity()) is torch.float32
