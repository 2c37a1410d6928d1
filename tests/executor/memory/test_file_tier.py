"""Weights that stay in their file are streamed from it, and are neither pinned nor copied."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from loaders.assemble import Storage, assemble
from loaders.files import open_file
from loaders.room import asking
from models.adapters.patch import Patched
from models.packed.mapped import is_mapped
from models.unet.unet import UNet
from tests.fixtures.streaming import Holder, bounded, have_tiny_leaves_streamed, run_unet, unet, weight_bytes


def test_a_network_is_streamed_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    have_tiny_leaves_streamed(monkeypatch)
    plain = unet()
    file = tmp_path / "unet.safetensors"
    save_file(plain.state_dict(), file)
    names = {name: name for name in plain.state_dict()}
    with asking(lambda *_: False):
        network = assemble(lambda: UNet(plain.config), open_file(file), names, Storage(), "UNet")
    assert all(is_mapped(tensor) for tensor in network.parameters())
    assert not any(is_mapped(tensor) for tensor in plain.parameters())
    residency, tier = bounded(0.4 * weight_bytes(network))
    with torch.no_grad(), residency.borrow(Patched(Holder(network))):
        for _ in range(3):
            assert torch.equal(run_unet(network), run_unet(plain))
        assert tier.pins.pinned_bytes == 0
        (report,) = residency.report()
        assert (report.waiting_bytes, report.pinned_bytes) == (0, 0)
        assert report.file_bytes == report.weight_bytes > 0
    residency.free()
    assert all(is_mapped(tensor) for tensor in network.parameters())
