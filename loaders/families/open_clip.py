"""Translates OpenCLIP's names to those of transformers, as tensors derived from a file's own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

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
_VISION = {
    "class_embedding": "vision_model.embeddings.class_embedding",
    "conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "ln_post.weight": "vision_model.post_layernorm.weight",
    "ln_post.bias": "vision_model.post_layernorm.bias",
}


def text_pieces(shapes: Shapes, prefix: str) -> dict[str, Piece]:
    """A text encoder's tensors under a prefix as transformers names them, of those that have other names."""
    pieces = {}
    if f"{prefix}transformer.resblocks.0.ln_1.weight" in shapes:
        pieces = _tower_pieces(shapes, prefix, _TEXT, "text_model")
    # Kept as a matrix to be multiplied from the right.
    projection = f"{prefix}text_projection"
    if projection in shapes:
        pieces[f"{projection}.weight"] = Piece(projection, transposed=True)
    return pieces


def vision_pieces(shapes: Shapes, prefix: str) -> dict[str, Piece]:
    """The same for a picture tower."""
    if f"{prefix}transformer.resblocks.0.ln_1.weight" not in shapes:
        return {}
    pieces = _tower_pieces(shapes, prefix, _VISION, "vision_model")
    projection = f"{prefix}proj"
    if projection in shapes:
        pieces[f"{prefix}visual_projection.weight"] = Piece(projection, transposed=True)
    return pieces


def _tower_pieces(shapes: Shapes, prefix: str, table: Mapping[str, str], tower: str) -> dict[str, Piece]:
    """The tensors around the blocks by a table, and those of the blocks."""
    pieces = {
        prefix + other: Piece(prefix + name) for name, other in table.items() if prefix + name in shapes
    }
    blocks = block_pieces(shapes, f"{prefix}transformer.resblocks.", f"{prefix}{tower}.encoder.layers.")
    return pieces | blocks


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


def text_sources(names: Iterable[str]) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Where OpenCLIP has the tensors of a text encoder that are named as in transformers.

    Returns:
        OpenCLIP's name -> the tensors it holds one below the other, and whether the axes are swapped.
    """
    return _tower_sources(list(names), _TEXT, "text_model", ("text_projection", "text_projection.weight"))


def vision_sources(names: Iterable[str]) -> dict[str, tuple[tuple[str, ...], bool]]:
    """The same for a picture tower."""
    return _tower_sources(list(names), _VISION, "vision_model", ("proj", "visual_projection.weight"))


def _tower_sources(
    there: Sequence[str], around: Mapping[str, str], tower: str, projection: tuple[str, str]
) -> dict[str, tuple[tuple[str, ...], bool]]:
    """The tensors around the blocks by a table, the projection by its two names, and those of the blocks."""
    table: dict[str, tuple[tuple[str, ...], bool]] = {
        name: ((other,), False) for name, other in around.items() if other in there
    }
    if projection[1] in there:
        table[projection[0]] = ((projection[1],), True)
    start, modules = f"{tower}.encoder.layers.", {other: name for name, other in _BLOCK.items()}
    for name in there:
        index, _, rest = name.removeprefix(start).partition(".")
        module, _, parameter = rest.rpartition(".")
        block = f"transformer.resblocks.{index}."
        if not name.startswith(start):
            continue
        if module in modules:
            table[f"{block}{modules[module]}.{parameter}"] = ((name,), False)
        elif module == "self_attn.q_proj":
            thirds = tuple(f"{start}{index}.self_attn.{letter}_proj.{parameter}" for letter in "qkv")
            table[f"{block}attn.in_proj_{parameter}"] = (thirds, False)
    return table
