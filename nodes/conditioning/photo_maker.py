"""Writes a person of photographs into prompts."""

from dataclasses import replace
from typing import Annotated

from torch import Tensor

from loaders.embeddings import embedding_finder
from models.text.encode import encode_tokens
from models.text.trigger import read_triggered
from models.vision.identity import person_words
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Clip, Conditioning, Image, PhotoMaker
from nodes.api.widgets import Text
from nodes.conditioning.encoding import encoded, needs_clip

TRIGGER = "photomaker"


@node(id="PhotoMakerEncode", category="_for_testing/photomaker", experimental=True)
def encode_person(
    ctx: Context,
    photomaker: PhotoMaker,
    image: Image,
    clip: Clip,
    text: Annotated[str, Text(embeddings=True)] = "photograph of photomaker",
) -> Conditioning:
    """Turn a prompt into conditioning in which one word means the person of photographs.

    The word is the one before photomaker, which is itself left out: "a man photomaker at the sea".

    Args:
        photomaker: what looks at the photographs.
        image: (B, H, W, 3), values in [0, 1]; photographs of one person, the face in the middle. The word
            is there once for each.
        clip: the text encoder of an SDXL model.
        text: the prompt, with photomaker behind the word for what the person is.
    """
    needs_clip(clip)
    try:
        prompt = read_triggered(clip.base, text, TRIGGER, image.shape[0], embedding_finder(ctx.files))
        entries = encoded(ctx, clip, lambda base: encode_tokens(base, prompt.tokens))
        if not prompt.places:
            ctx.show("text", [f"The prompt has no word {TRIGGER}, so the photographs are left out."])
            return entries
        return tuple(
            replace(entry, embedding=_with_person(ctx, photomaker, entry.embedding, prompt.places, image))
            for entry in entries
        )
    except ValueError as error:
        raise NodeError(str(error)) from error


def _with_person(
    ctx: Context, photomaker: PhotoMaker, embedding: Tensor, places: tuple[int, ...], photographs: Tensor
) -> Tensor:
    """An embedding (1, T, W) with the words at some places made to mean the person of (B, H, W, 3)."""
    written, chosen = embedding.clone(), list(places)
    with ctx.resident(photomaker) as base:
        written[0, chosen] = person_words(base, embedding[0, chosen], photographs)
    return written
