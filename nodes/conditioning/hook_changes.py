"""Answers what a hook changes in networks that are known only when it is used."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from loaders.lora import open_lora_patches
from loaders.lora_report import part_of
from loaders.opening import open_weights
from models.adapters.patch import Patched
from models.adapters.towards import Towards
from models.adapters.weights import WeightPatch
from models.diffusion import DiffusionModel, TextModel
from nodes.api.errors import NodeError


@dataclass(frozen=True, eq=False)
class LoraChanges:
    """The changes of a LoRA file; a part that the file has nothing for is left alone."""

    path: Path

    def for_model(self, model: DiffusionModel) -> tuple[WeightPatch, ...]:
        """Return what changes the network of a model; raises UnknownFormat if nothing of the file fits it."""
        if not self._is_for("model"):
            return ()
        return open_lora_patches(self.path, Patched(model), None)[0]

    def for_clip(self, clip: TextModel) -> tuple[WeightPatch, ...]:
        """Return what changes text encoders; raises UnknownFormat if nothing of the file fits them."""
        if not self._is_for("clip"):
            return ()
        return open_lora_patches(self.path, None, Patched(clip))[1]

    def _is_for(self, part: str) -> bool:
        return any(part_of(name) == part for name in open_weights(self.path))


@dataclass(frozen=True, eq=False)
class CheckpointChanges:
    """The way to the weights of another checkpoint."""

    name: str
    model: nn.Module
    clip: nn.Module | None

    def for_model(self, model: DiffusionModel) -> tuple[Towards, ...]:
        """Return what changes the network of a model; raises NodeError if they have no weights in common."""
        return self._towards(model.network, self.model, "model")

    def for_clip(self, clip: TextModel) -> tuple[Towards, ...]:
        """Return what changes text encoders; raises NodeError if they have no weights in common."""
        return () if self.clip is None else self._towards(clip.network, self.clip, "text encoder")

    def _towards(self, own: nn.Module, target: nn.Module, part: str) -> tuple[Towards, ...]:
        towards = Towards(own, target)
        if not any(towards.places(own)):
            raise NodeError(f"the {part} of {self.name} has no weight in common with the one it is to change")
        return (towards,)
