"""Holds the text encoders of a model side by side, each under its name: "clip_l", "clip_g", "clip_h"."""

import torch
from torch import nn

from models.text.clip import ClipText


class TextEncoders(nn.ModuleDict):
    """The network of every text model: its encoders by name, in the order their outputs are joined in.

    Attributes:
        stays_on_cpu: whether they are computed with on the CPU, whatever device there is.
        rounded_to: what weights are rounded to, those that patches change too: as the ecosystem keeps them.
    """

    stays_on_cpu = False
    rounded_to = torch.float16

    def clip(self, name: str) -> ClipText:
        """One of the CLIP encoders.

        Raises:
            ValueError: if there is none of that name, or it is of another kind.
        """
        if name not in self:
            raise ValueError(f"there is no text encoder {name!r} here, only {', '.join(self) or 'none'}")
        encoder = self[name]
        if not isinstance(encoder, ClipText):
            raise ValueError(f"the text encoder {name!r} is a {type(encoder).__name__}, not one of CLIP")
        return encoder
