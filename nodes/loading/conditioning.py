"""Opens what prompts came to."""

from typing import Annotated

from loaders.opening import open_weights
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Conditioning
from nodes.api.widgets import File
from schedulers.kept_conditioning import restored


@node(id="ConditioningLoader", display_name="Load Conditioning", category="conditioning")
def load(ctx: Context, conditioning_name: Annotated[str, File("embeddings")]) -> Conditioning:
    """Open what prompts came to when it was saved; no text encoder is needed.

    Args:
        conditioning_name: a file of the embeddings folder that Save Conditioning wrote.
    """
    path = ctx.files.find("embeddings", conditioning_name)
    weights = open_weights(path)
    try:
        return restored({name: weights.read(name) for name in weights}, weights.metadata)
    except ValueError as error:
        raise NodeError(f"{path.name} cannot be read as a conditioning: {error}") from error
