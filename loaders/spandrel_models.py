"""Opens networks that enlarge pictures and are not built here, through the optional library spandrel."""

import importlib
from typing import Any

from torch import Tensor, nn

from loaders.errors import BrokenFile
from loaders.files import Weights
from models.adapters.patch import Patched
from models.upscale.model import UpscaleModel

INSTALL = (
    "SwinIR, HAT, DAT, SPAN and many more are opened by the optional library spandrel, which is not "
    "installed: `pip install -r requirements-upscale.txt`."
)


class Described(nn.Module):
    """A network of spandrel: pictures (B, C, H, W) in [0, 1] to larger ones, padded as it needs them."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model = descriptor.model
        self._descriptor = descriptor

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge pictures."""
        larger: Tensor = self._descriptor(x)
        return larger


def open_by_spandrel(weights: Weights) -> tuple[Patched[UpscaleModel] | None, str]:
    """The network of a file, or None and a sentence on why it cannot be had this way.

    Raises:
        BrokenFile: if it is known, but no network that enlarges pictures.
    """
    try:
        spandrel = importlib.import_module("spandrel")
    except ImportError:
        return None, INSTALL
    except RuntimeError as problem:
        # What a torchvision says that was not made for the torch in use.
        return None, f"spandrel is installed but does not start: {str(problem)[:200]}."
    tensors = dict(weights.read_many(weights))
    try:
        found = spandrel.ModelLoader().load_from_state_dict(tensors)
    except spandrel.UnsupportedModelError:
        return None, "spandrel, which opens many more kinds, does not know it either."
    name = found.architecture.name
    if not isinstance(found, spandrel.ImageModelDescriptor) or found.input_channels != found.output_channels:
        raise BrokenFile(weights.path, f"it is {name}, which does not make one picture of another")
    network = Described(found).float().requires_grad_(False).eval()
    return Patched(UpscaleModel(network, found.scale, found.input_channels, weights.path.name)), ""
