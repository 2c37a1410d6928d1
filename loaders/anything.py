"""Opens whatever a file or folder holds, each part for the wire by which it goes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from loaders.assemble import HALF, Storage
from loaders.checkpoint import open_checkpoint, open_vae
from loaders.clip_files import open_text_encoders, open_vision
from loaders.control.open import open_control
from loaders.gligen import open_gligen
from loaders.identify.verdict import Verdict
from loaders.ip_adapter import open_ip_adapter
from loaders.lora import open_lora
from loaders.photo_maker import open_photo_maker
from loaders.style_files import open_style_model
from loaders.upscale import open_upscale_model
from models.adapters.patch import Patched
from models.diffusion import DiffusionModel, TextModel

# What opens a part that stands without a diffusion network.
OPENERS: Mapping[str, Callable[[Path], Patched[Any]]] = {
    "CLIP_VISION": open_vision,
    "STYLE_MODEL": open_style_model,
    "UPSCALE_MODEL": open_upscale_model,
    "IP_ADAPTER": open_ip_adapter,
    "GLIGEN": open_gligen,
    "PHOTOMAKER": open_photo_maker,
}


@dataclass(frozen=True, eq=False)
class Change:
    """What a file that changes weights is applied to; all may be missing.

    Attributes:
        model: the diffusion network.
        clip: the text encoder.
        strength: how strongly they are changed.
        base: the diffusion network with its patches, for control networks stored as the difference to it.
        storage: how networks that draw, or steer them, are kept; None is float32.
        text: how text encoders are kept.
        vae: how autoencoders are; None is float32.
    """

    model: Patched[DiffusionModel] | None = None
    clip: Patched[TextModel] | None = None
    strength: float = 1.0
    base: nn.Module | None = None
    storage: Storage | None = None
    text: Storage = HALF
    vae: Storage | None = None


@dataclass(frozen=True, eq=False)
class Opened:
    """What came of a file.

    Attributes:
        verdict: what it is.
        values: type of a wire -> what goes out by it.
        report: the verdict and what became of the tensors, in lines.
        hint: what to do to have more of it; empty where there is nothing.
    """

    verdict: Verdict
    values: Mapping[str, Patched[Any]]
    report: str
    hint: str = ""

    def lack(self, socket: str) -> str:
        """Why a type of wire cannot be had."""
        name, problem = self.verdict.path.name, self.verdict.problem
        if problem or self.hint:
            return f"{name} gives no {socket}: {problem or self.hint}"
        had = ", ".join(self.values) or "nothing that goes by a wire"
        return f"{name} gives no {socket}: it is {self.verdict.title}, from which can be had: {had}"


def open_anything(verdict: Verdict, change: Change) -> Opened:
    """Open a file or folder by the verdict on it; what is unknown or unreadable gives nothing but a report.

    Raises:
        BrokenFile: if it is of a known kind, but incomplete.
        UnknownFormat: if it changes weights, but none of those it is applied to.
    """
    if verdict.contents is None or not verdict.findings:
        return Opened(verdict, {}, "\n".join(verdict.lines()))
    values, told, hint = _open(verdict, change)
    return Opened(verdict, values, "\n".join([*verdict.lines(), *(f"  {line}" for line in told)]), hint)


def _open(verdict: Verdict, change: Change) -> tuple[dict[str, Patched[Any]], list[str], str]:
    """What can be had, what is said of it, and how to have more."""
    path, main = verdict.path, verdict.findings[0].kind
    if main == "lora":
        return _changed(path, change)
    if main == "embedding":
        return {}, [], f"it is a textual inversion: write embedding:{path.stem} in a prompt"
    if main == "taesd_half":
        return (
            {},
            [],
            "it is one half of a tiny autoencoder: with both in vae_approx, Load VAE lists it",
        )
    if verdict.sockets == ("CONTROL_NET",):
        return {"CONTROL_NET": open_control(path, change.base, change.storage)}, [], ""
    if main == "photomaker":
        return _with_encoder(path, change)
    if "MODEL" not in verdict.sockets:
        return {socket: _alone(socket, path, change) for socket in verdict.sockets}, [], ""
    with_vision = "CLIP_VISION" in verdict.sockets
    opened = open_checkpoint(path, change.storage, text=change.text, vae=change.vae, with_vision=with_vision)
    parts = {"MODEL": opened.model, "CLIP": opened.clip, "VAE": opened.vae, "CLIP_VISION": opened.vision}
    return {socket: part for socket, part in parts.items() if part}, [opened.report.summary()], ""


def _alone(socket: str, path: Path, change: Change) -> Patched[Any]:
    if socket == "VAE":
        return open_vae(path, change.vae)
    if socket == "CLIP":
        return open_text_encoders([path], storage=change.text)
    return OPENERS[socket](path)


def _with_encoder(path: Path, change: Change) -> tuple[dict[str, Patched[Any]], list[str], str]:
    """PhotoMaker's encoder, and the model with the LoRA beside it where there is one."""
    encoder: dict[str, Patched[Any]] = {"PHOTOMAKER": open_photo_maker(path)}
    if change.model is None:
        return encoder, [], "it is PhotoMaker, with a LoRA: link the model that this shall change"
    values, told, hint = _changed(path, replace(change, clip=None))
    return encoder | values, told, hint


def _changed(path: Path, change: Change) -> tuple[dict[str, Patched[Any]], list[str], str]:
    if change.model is None and change.clip is None:
        return {}, [], "it changes weights: link the model and the clip that it shall change"
    lora = open_lora(path, change.model, change.clip)
    values: dict[str, Patched[Any]] = {}
    if change.model is not None:
        values["MODEL"] = lora.patch_model(change.model, change.strength)
    if change.clip is not None:
        values["CLIP"] = lora.patch_clip(change.clip, change.strength)
    return values, lora.report.lines(), ""
