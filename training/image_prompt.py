"""Trains a small picture tower and an IP-Adapter for the frozen bundled model: colours come from a picture.

Reference: Ye et al. 2023 (arXiv:2308.06721), section 3.2; captions are left empty at times and pictures too.
"""

import random
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from loaders.checkpoint import Checkpoint
from models.adapters.image_prompt import ImagePromptConfig, ImagePromptNetwork
from models.adapters.ip_adapter import IpAdapter
from models.adapters.patch import install
from models.adapters.places import attentions
from models.call import Call, calling
from models.unet.unet import UNet
from models.vision.clip import ClipVision, ClipVisionConfig
from models.vision.encode import normalised, prepared
from training.denoiser import signal_levels
from training.free_scenes import PICTURES, FreeSet, free_figure, free_scene, noised
from training.loop import Settings, Training
from training.shapes import BACKGROUNDS, KINDS, Bytes, draw

SETTINGS = Settings(
    steps=1600,
    learning_rate=1.0e-3,
    batch=32,
    warmup=100,
    hold=0.5,
    average=0.995,
    seed=43,
)
TOWER = ClipVisionConfig(
    width=128, layers=3, heads=2, feed_forward=256, patch=8, size=64, projection=64, activation="quick_gelu"
)
TOKENS = 4
DROPPED_CAPTIONS, DROPPED_PICTURES = 0.3, 0.1


def plain_caption_of(kind: str) -> str:
    """A prompt that says what, but no colour."""
    return f"a {kind}"


def example_of(index: int, turn: int) -> Bytes:
    """Another picture (H, W, 3) in the colours of a scene: another figure, elsewhere, of another size."""
    _, kind, colour, background = free_scene(index)
    rng = random.Random(f"example {index}:{turn}")
    other = rng.choice([name for name in KINDS if name != kind])
    return draw([free_figure(rng, other, colour)], BACKGROUNDS[background])


class Looking(nn.Module):
    """A tower and an adapter, trained together."""

    def __init__(self, unet: UNet, text_width: int) -> None:
        super().__init__()
        paths = attentions(unet, "attn2")
        parts = ("input_blocks.", "output_blocks.", "middle_block.")
        places = [path for part in parts for path in paths if path.startswith(part)]
        widths = tuple(unet.get_parameter(f"{path}.to_k.weight").shape[0] for path in places)
        self.tower = ClipVision(TOWER)
        nn.init.normal_(self.tower.vision_model.embeddings.class_embedding, std=0.02)
        self.adapter = ImagePromptNetwork(
            ImagePromptConfig("base", TOWER.projection or TOWER.width, text_width, TOKENS, widths)
        )

    def forward(self, pictures: Tensor, kept: Tensor) -> IpAdapter:
        """The patch for pictures (B, H, W, 3) in [0, 1]; where `kept` (B,) is 0 there is none."""
        seen = self.tower(normalised(prepared(pictures, TOWER.size))).image_embeds * kept[:, None]
        prompt = self.adapter.prompt(self.adapter(seen))
        return IpAdapter(prompt, prompt, 1.0)


def colour_loss(
    looking: Looking, unet: UNet, data: FreeSet, settings: Settings, levels: Tensor, step: int, part: int
) -> Tensor:
    """Weighted squared error of the noise that the UNet predicts while it looks at a picture."""
    batch = noised(data, settings, levels, step, part)
    rng = random.Random(f"{settings.seed}:{step}:{part}")
    texts = [
        "" if rng.random() < DROPPED_CAPTIONS else plain_caption_of(free_scene(index)[1])
        for index in batch.chosen
    ]
    kept = torch.tensor([float(rng.random() >= DROPPED_PICTURES) for _ in batch.chosen])
    examples = np.stack([example_of(index, step) for index in batch.chosen])
    context = torch.cat([data.contexts[text] for text in texts])
    height, width = batch.noisy.shape[-2:]
    call = Call(1.0, ("positive",), len(batch.chosen), height, width)
    # The fused attention kernel is several times slower backwards on CPUs than plain products.
    with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH), ExitStack() as undo:
        patch = looking(torch.from_numpy(examples).float() / 255.0, kept)
        install(unet, (patch,), undo)
        undo.enter_context(calling(call))
        return batch.loss(unet(batch.noisy, batch.times, context))


def train_image_prompt(
    runs: Path, checkpoint: Checkpoint, settings: Settings = SETTINGS, count: int = PICTURES
) -> Looking:
    """The trained tower and adapter, averaged weights in place; `count` pictures are drawn for them."""
    unet = checkpoint.model.base.network
    assert isinstance(unet, UNet)
    torch.manual_seed(settings.seed)
    data = FreeSet(checkpoint, runs / "latents-free.pt", {"", *map(plain_caption_of, KINDS)}, count)
    looking = Looking(unet, next(iter(data.contexts.values())).shape[-1])
    training = Training(looking, settings, runs / "image-prompt.pt")
    training.run(partial(colour_loss, looking, unet, data, settings, signal_levels()))
    training.average.install(looking)
    return looking.requires_grad_(False).eval()
