"""Trains a low-rank adapter (LoRA) that turns the frozen bundled model to another style.

Reference: Hu et al. 2021 (arXiv:2106.09685), section 4; file keys in the
manner of kohya-ss/sd-scripts for networks in LDM layout.
"""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from training.denoiser import Denoiser, noise_loss, signal_levels
from training.latents import LatentSet
from training.loop import Settings, Training

RANK = 8
SETTINGS = Settings(
    steps=320,
    learning_rate=2.0e-3,
    batch=32,
    warmup=20,
    hold=0.5,
    average=0.98,
    weight_decay=0.0,
    seed=31,
    parts=2,
)
LEFT_ALONE = ("time_embed", "emb_layers")


class LowRank(nn.Module):
    """What an adapter adds to one linear layer."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.lora_down = nn.Linear(layer.in_features, rank, bias=False)
        self.lora_up = nn.Linear(rank, layer.out_features, bias=False)
        nn.init.zeros_(self.lora_up.weight)

    def forward(self, x: Tensor) -> Tensor:
        """The addition to the layer's output on (..., C)."""
        added: Tensor = self.lora_up(self.lora_down(x))
        return added


class Adapted(nn.Module):
    """A frozen denoiser with a low-rank addition to every linear layer of its transformer blocks."""

    def __init__(self, denoiser: Denoiser, rank: int = RANK) -> None:
        super().__init__()
        self.denoiser = denoiser.requires_grad_(False)
        self.table = denoiser.table
        self.rank = rank
        self.additions = nn.ModuleDict()
        self._handles: list[RemovableHandle] = []
        for name, layer in denoiser.unet.named_modules():
            if isinstance(layer, nn.Linear) and not any(part in name for part in LEFT_ALONE):
                addition = LowRank(layer, rank)
                self.additions[name.replace(".", "_")] = addition
                self._handles.append(layer.register_forward_hook(Adding(addition)))

    def forward(self, x: Tensor, t: Tensor, rows: Tensor) -> Tensor:
        """The noise in (B, C, h, w) at times (B,), under rows (B, 77) of the word table."""
        predicted: Tensor = self.denoiser(x, t, rows)
        return predicted

    def detach(self) -> None:
        """Leave the denoiser as it was."""
        for handle in self._handles:
            handle.remove()

    def tensors(self) -> dict[str, Tensor]:
        """The adapter under the keys of a LoRA file."""
        found: dict[str, Tensor] = {}
        for name, addition in self.additions.items():
            assert isinstance(addition, LowRank)
            rank = float(addition.lora_down.out_features)
            found[f"lora_unet_{name}.lora_down.weight"] = addition.lora_down.weight.detach()
            found[f"lora_unet_{name}.lora_up.weight"] = addition.lora_up.weight.detach()
            found[f"lora_unet_{name}.alpha"] = torch.tensor(rank)
        return found


class Adding:
    """A forward hook that adds a module's output to that of the layer it hangs on."""

    def __init__(self, addition: LowRank) -> None:
        self.addition = addition

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        """The layer's output (..., C) with the addition."""
        added: Tensor = self.addition(inputs[0])
        return output + added


def train_adapter(file: Path, denoiser: Denoiser, data: LatentSet, settings: Settings = SETTINGS) -> Adapted:
    """The trained adapter around its frozen denoiser, averaged weights in place."""
    torch.manual_seed(settings.seed)
    network = Adapted(denoiser)
    levels = signal_levels()
    training = Training(network, settings, file)
    training.run(partial(noise_loss, network, data, settings, levels))
    training.average.install(network)
    return network.requires_grad_(False)
