"""Makes models faster without changing what they compute."""

from typing import Annotated

from models.adapters.graphed import WAYS
from nodes.api.declare import node
from nodes.api.sockets import Model
from nodes.api.widgets import Choice


@node(
    id="TorchCompileModel",
    display_name="TorchCompileModel",
    category="_for_testing",
    experimental=True,
)
def compile_model(model: Model, backend: Annotated[str, Choice(WAYS)]) -> Model:
    """Compile the blocks of which a model has many, once for all that are alike; LoRAs come and go freely.

    Args:
        model: what is sampled.
        backend: inductor compiles blocks, which takes a while the first time and needs a compiler; cudagraphs
            records whole runs of small models, on CUDA devices only.
    """
    return model.with_patch(WAYS[backend]())
