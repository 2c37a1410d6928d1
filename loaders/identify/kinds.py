"""Says what each kind of file is known by: names and sizes of tensors."""

from collections.abc import Mapping
from dataclasses import dataclass

Shapes = Mapping[str, tuple[int, ...]]

NETWORK, VAE, TEXT, VISION = "diffusion network", "autoencoder", "text encoder", "image encoder"
CONTROL, ADAPTER, UPSCALER, EMBEDDING = "control network", "adapter", "upscaler", "embedding"
CHANGE = "change of weights"

# What the names of each part start with where it stands in a larger file; the empty one comes last.
PREFIXES: Mapping[str, tuple[str, ...]] = {
    NETWORK: ("model.diffusion_model.", "model.model.", "net.", "diffusion_model.", "unet.", "model.", ""),
    VAE: ("first_stage_model.", "vae.", "pretransform.model.", ""),
    TEXT: (
        "cond_stage_model.transformer.",
        "cond_stage_model.model.",
        "conditioner.embedders.0.transformer.",
        "conditioner.embedders.0.model.",
        "conditioner.embedders.1.model.",
        "text_encoders.clip_l.transformer.",
        "text_encoders.clip_g.transformer.",
        "text_encoders.t5xxl.transformer.",
        "text_encoder.",
        "",
    ),
    VISION: (
        "embedder.model.",
        "conditioner.embedders.0.open_clip.model.",
        "cond_stage_model.model.",
        "clip_l_vision.",
        "clip.",
        "vision_tower.",
        "image_encoder.",
        "",
    ),
    UPSCALER: ("params_ema.", "params.", "model_g.", ""),
}


@dataclass(frozen=True)
class Kind:
    """A kind of part that a file may hold.

    Attributes:
        id: the family's name where it is a diffusion network, else a name of its own.
        title: as people call it.
        role: what it is good for.
        marks: names that must all be there.
        sizes: (name, axis, size) that must hold.
        ranks: (ending of a name, number of dimensions) that the first tensor named so must have.
        never: starts of names that must not be there.
        beside: names that must be there too, whatever the others start with.
    """

    id: str
    title: str
    role: str
    marks: tuple[str, ...]
    sizes: tuple[tuple[str, int, int], ...] = ()
    ranks: tuple[tuple[str, int], ...] = ()
    never: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def misses(self, shapes: Shapes, prefix: str) -> list[str]:
        """What a file lacks to be of this kind under a prefix, in words; empty where it is."""
        wrong = [f"{name} is missing" for name in self.marks if prefix + name not in shapes]
        wrong += [f"{name} is missing" for name in self.beside if name not in shapes]
        for name, axis, size in self.sizes:
            shape = shapes.get(prefix + name)
            if shape is None or len(shape) <= axis or shape[axis] != size:
                found = "is missing" if shape is None else f"is {'x'.join(map(str, shape))}"
                wrong.append(f"{name} {found}, not {size} on axis {axis}")
        for ending, rank in self.ranks:
            shape = next(
                (at for name, at in shapes.items() if name.startswith(prefix) and name.endswith(ending)), None
            )
            if shape is None or len(shape) != rank:
                wrong.append(f"no ...{ending} of {rank} dimensions is there")
        wrong += [
            f"{start}... is there"
            for start in self.never
            if any(name.startswith(prefix + start) for name in shapes)
        ]
        return wrong

    def tests(self) -> int:
        """How many things are asked of a file."""
        return len(self.marks) + len(self.sizes) + len(self.ranks) + len(self.never) + len(self.beside)
