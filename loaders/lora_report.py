"""Says in words how much of a LoRA file found a place, and why where nothing did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loaders.files import Weights
from loaders.identify.loras import lora_dialect, lora_family
from loaders.lora_dialects.layout import Part
from models.adapters.patch import Patched
from models.diffusion import DiffusionModel, TextModel

_TEXT_PREFIXES = ("lora_te", "text_encoder", "lora_prior_te")
_SHOWN = 3
_PARTS: Mapping[Part, str] = {"model": "network", "clip": "text encoder"}


@dataclass(frozen=True)
class LoraReport:
    """How much of a file found a place.

    Attributes:
        name: the file.
        dialects: ids of the dialects its names are in.
        matched: how many tensors found a place in each part.
        changed: how many weights they change in each part.
        unmatched: names of the tensors that changed nothing, by the part they seem to be for.
        absent: parts that were not there to be changed.
    """

    name: str
    dialects: tuple[str, ...]
    matched: Mapping[Part, int]
    changed: Mapping[Part, int]
    unmatched: Mapping[Part, tuple[str, ...]]
    absent: tuple[Part, ...] = ()

    @property
    def is_partial(self) -> bool:
        """Whether tensors for a part that is there changed nothing."""
        return any(names for part, names in self.unmatched.items() if part not in self.absent)

    def lines(self) -> list[str]:
        """The report, a line for each part, and a warning first where it is partial."""
        total = sum(self.matched.values()) + sum(len(names) for names in self.unmatched.values())
        lost = sum(len(names) for part, names in self.unmatched.items() if part not in self.absent)
        lines = [f"Warning: {lost} of {total} tensors changed nothing."] if self.is_partial else []
        lines.append(f"{self.name} ({', '.join(self.dialects)})")
        for part, title in _PARTS.items():
            names = self.unmatched[part]
            if self.matched[part] or (names and part not in self.absent):
                text = f"{title}: {self.matched[part]} tensors matched, {self.changed[part]} weights changed"
                lines.append(text + (f"; unmatched {len(names)}: {_some(names)}" if names else ""))
            elif names:
                lines.append(f"{title}: left out, {len(names)} tensors are for it")
        return lines


def part_of(name: str) -> Part:
    """The part that a tensor of a LoRA file seems to be for."""
    return "clip" if name.startswith(_TEXT_PREFIXES) or "text_model." in name else "model"


def looks_like(weights: Weights) -> str:
    """What a file looks like, in a sentence."""
    dialect = lora_dialect(weights)
    if dialect is None:
        return "No tensor of it is named as in a LoRA of any kind."
    family, evidence = lora_family(weights)
    made = f" for {family}, because of {evidence}" if family else ""
    return f"It looks like a {dialect[0]}{made}."


def described(model: Patched[DiffusionModel] | None, clip: Patched[TextModel] | None) -> str:
    """What a file was opened for, in a sentence."""
    parts = []
    if model is not None:
        parts.append(f"the model is {model.base.name or 'unnamed'} of family {model.base.family}")
    if clip is not None:
        parts.append(f"the text encoder is {' and '.join(clip.base.network)}")
    return f"But {' and '.join(parts)}."


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
