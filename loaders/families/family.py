"""Says what a family of checkpoints is: how its files are known, and who reads each part."""

from collections.abc import Callable
from dataclasses import dataclass

from loaders.assemble import Storage
from loaders.conditions import All, Condition, Shapes
from loaders.files import Weights
from loaders.keymap import Sources
from models.diffusion import DiffusionModel, TextModel, VaeModel

ANYTHING = All(())


@dataclass(frozen=True)
class Family:
    """A family of checkpoints.

    Attributes:
        id: as models carry it.
        title: as people call it.
        detect: what the diffusion network's tensors must be, under their names in the network.
        read_model: builds the diffusion network from where its parameters are.
        read_text: builds the text encoder of a whole checkpoint, where there is one.
        read_vae: builds the autoencoder of a whole checkpoint, where there is one.
        beside: what else must be in the file, under the names there.
    """

    id: str
    title: str
    detect: Condition
    read_model: Callable[[Weights, Sources, Storage], DiffusionModel]
    read_text: Callable[[Weights, Storage], TextModel | None]
    read_vae: Callable[[Weights, Storage], VaeModel | None]
    beside: Condition = ANYTHING

    def failures(self, network: Shapes, file: Shapes) -> list[str]:
        """Why a file is not of this family; `network` names tensors as in the diffusion network."""
        return [*self.detect.failures(network), *self.beside.failures(file)]
