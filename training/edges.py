"""Trains a ControlNet for the frozen bundled model: shapes go where the edges of a hint are.

Reference: Zhang et al. 2023 (arXiv:2302.05543), section 3.3, where captions are left empty too, so that the
hint says what it can say.
"""

import random
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from loaders.checkpoint import Checkpoint
from models.control.controlnet import ControlNet, ControlNetConfig
from models.unet.unet import UNet
from training.denoiser import signal_levels
from training.free_scenes import PICTURES, FreeSet, free_scene, noised, picture_of
from training.loop import Settings, Training
from training.shapes import Bytes

SETTINGS = Settings(
    steps=1600,
    learning_rate=1.0e-3,
    batch=32,
    warmup=100,
    hold=0.6,
    average=0.995,
    seed=41,
    parts=2,
)
HINT_WIDTHS = (8, 16, 32, 64)
DROPPED_CAPTIONS = 0.4
# Colours of neighbours that differ by more than this, of 255, have an edge between them.
EDGE = 24


def edges_of(picture: Bytes) -> NDArray[np.float32]:
    """Where neighbours in a picture (H, W, 3) differ: (H, W), 0 or 1."""
    values = picture.astype(np.int16)
    edges = np.zeros(picture.shape[:2], dtype=np.float32)
    edges[:, 1:] = np.abs(np.diff(values, axis=1)).max(axis=2) > EDGE
    below = np.abs(np.diff(values, axis=0)).max(axis=2) > EDGE
    edges[1:] = np.maximum(edges[1:], below)
    return edges


def caption_of(kind: str, colour: str, background: str) -> str:
    """A prompt that says what, but not where or how large."""
    return f"a {colour} {kind} on a {background} background"


def hints_of(chosen: list[int]) -> Tensor:
    """The hints (B, 3, H, W) of pictures."""
    maps = np.stack([edges_of(picture_of(index)) for index in chosen])
    return torch.from_numpy(maps)[:, None].expand(-1, 3, -1, -1).contiguous()


def copied(unet: UNet) -> ControlNet:
    """An untrained ControlNet: the way down of a UNet, and convolutions that start at zero."""
    control = ControlNet(ControlNetConfig(unet.config, hint_widths=HINT_WIDTHS))
    weights = {name: value.clone() for name, value in unet.state_dict().items()}
    missing, _ = control.load_state_dict(weights, strict=False)
    assert all(name.startswith(("input_hint_block", "zero_convs", "middle_block_out")) for name in missing)
    zeros: list[nn.Module] = [*control.zero_convs.modules(), control.input_hint_block[-1]]
    if hasattr(control, "middle_block_out"):
        zeros += control.middle_block_out.modules()
    for module in zeros:
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.get_parameter("bias"))
    return control.requires_grad_(True).train()


def edge_loss(
    control: ControlNet, unet: UNet, data: FreeSet, settings: Settings, levels: Tensor, step: int, part: int
) -> Tensor:
    """Weighted squared error of the noise that the steered UNet predicts, of one part of a batch."""
    batch = noised(data, settings, levels, step, part)
    rng = random.Random(f"{settings.seed}:{step}:{part}")
    texts = ["" if rng.random() < DROPPED_CAPTIONS else caption_of(*free_scene(i)[1:]) for i in batch.chosen]
    context = torch.cat([data.contexts[text] for text in texts])
    # The fused attention kernel is several times slower backwards on CPUs than plain products.
    with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
        hint = control.encode_hint(hints_of(batch.chosen))
        residuals = control(batch.noisy, batch.times, context, None, hint)
        return batch.loss(unet(batch.noisy, batch.times, context, control=residuals))


def train_edges(
    runs: Path, checkpoint: Checkpoint, settings: Settings = SETTINGS, count: int = PICTURES
) -> ControlNet:
    """The trained ControlNet, averaged weights in place; `count` pictures are drawn for it."""
    unet = checkpoint.model.base.network
    assert isinstance(unet, UNet)
    torch.manual_seed(settings.seed)
    texts = {caption_of(*free_scene(index)[1:]) for index in range(count)}
    data = FreeSet(checkpoint, runs / "latents-free.pt", {"", *texts}, count)
    control = copied(unet)
    training = Training(control, settings, runs / "edges.pt")
    training.run(partial(edge_loss, control, unet, data, settings, signal_levels()))
    training.average.install(control)
    return control.requires_grad_(False).eval()
