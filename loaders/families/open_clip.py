"""Translates OpenCLIP's names to those of transformers, as tensors derived from a file's own."""

from collections.abc import Iterator

from loaders.conditions import Shapes
from loaders.derived import Piece

_BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
_TEXT = {
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
}


def text_pieces(shapes: Shapes, prefix: str) -> dict[str, Piece]:
    """A text encoder's tensors under a prefix as transformers names them, of those that have other names."""
    pieces = {}
    if f"{prefix}transformer.resblocks.0.ln_1.weight" in shapes:
        pieces = {prefix + o: Piece(prefix + name) for name, o in _TEXT.items() if prefix + name in shapes}
        target = f"{prefix}text_model.encoder.layers."
        pieces.update(block_pieces(shapes, f"{prefix}transformer.resblocks.", target))
    # Kept as a matrix to be multiplied from the right.
    projection = f"{prefix}text_projection"
    if projection in shapes:
        pieces[f"{projection}.weight"] = Piece(projection, transposed=True)
    return pieces


def block_pieces(shapes: Shapes, start: str, target: str) -> dict[str, Piece]:
    """The tensors of a stack of blocks whose names start so, under names that start with the target."""
    pieces = {}
    for name in shapes:
        if name.startswith(start):
            index, _, rest = name[len(start) :].partition(".")
            for other, piece in _block_names(name, rest):
                pieces[f"{target}{index}.{other}"] = piece
    return pieces


def _block_names(source: str, rest: str) -> Iterator[tuple[str, Piece]]:
    module, _, parameter = rest.rpartition(".")
    if rest in ("attn.in_proj_weight", "attn.in_proj_bias"):
        parameter = rest.rpartition("_")[2]
        for part, letter in enumerate("qkv"):
            yield f"self_attn.{letter}_proj.{parameter}", Piece(source, part, 3)
    elif module in _BLOCK:
        yield f"{_BLOCK[module]}.{parameter}", Piece(source)
