"""Has one network compute its attention in a way of its own, whatever other networks of the process do."""

from collections.abc import Hashable
from contextlib import ExitStack
from dataclasses import dataclass

from torch import nn

from models.attention import AttentionCore
from models.attention_backends.choice import current


@dataclass(frozen=True)
class AttentionWay:
    """Attention by a backend, wherever that can; of several patches the last one holds.

    Attributes:
        name: one of `models.attention_backends.choice.known_backends`.
    """

    name: str

    @property
    def key(self) -> Hashable:
        """The backend."""
        return ("attention way", self.name)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Say so to every attention of the network.

        Raises:
            ValueError: this machine does not have the backend, or the network has no attention.
        """
        way = current().by(self.name)
        cores = [module for module in root.modules() if isinstance(module, AttentionCore)]
        if not cores:
            raise ValueError(f"{type(root).__name__} has no attention that could be computed in another way")
        for core in cores:
            undo.callback(setattr, core, "way", core.way)
            core.way = way
