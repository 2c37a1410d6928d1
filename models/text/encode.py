"""Answers what the conditioning of a prompt is: cut into chunks, encoded, weighted, joined.

Shapes: T tokens of one chunk, n chunks, D width of an encoder, W sum of the widths, P width of the pooled
vector.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from models.diffusion import TextModel
from models.text.clip import ClipText
from models.text.encoders import TextEncoders
from models.text.rules import ChunkRules, EncoderRules, rules_of
from models.text.tokens import (
    Chunks,
    FindEmbedding,
    Token,
    chunk_tokens,
    empty_chunk,
    no_embeddings,
    token_groups,
)

logger = logging.getLogger(__name__)


def encode_prompt(
    text_model: TextModel, text: str, find_embedding: FindEmbedding = no_embeddings
) -> tuple[Tensor, Tensor]:
    """Encode a prompt by the rules of the model's family.

    Args:
        text_model: the encoders, resident where they shall run.
        text: a prompt with weights and embeddings.
        find_embedding: gives the vectors of `embedding:name`.

    Returns:
        The conditioning (1, 77n, W) and the pooled vector (1, P) of the first chunk, float32 on the CPU.
    """
    names = rules_of(text_model.family).encoders
    return encode_tokens(
        text_model, {name: read_tokens(text_model, name, text, find_embedding) for name in names}
    )


def pooled_before_projection(
    text_model: TextModel, text: str, find_embedding: FindEmbedding = no_embeddings
) -> Tensor:
    """The pooled vector (1, D) of a prompt's first chunk, whether the family projects it or not; CPU."""
    name = rules_of(text_model.family).pooled
    network, rules = encoder_of(text_model, name)
    chunks = read_tokens(text_model, name, text, find_embedding)
    cut = rules.chunks(name, network.config.positions)
    return encode_chunks(network, chunks, replace(rules, projected=False), cut)[1]


def read_tokens(
    text_model: TextModel, name: str, text: str, find_embedding: FindEmbedding = no_embeddings
) -> Chunks:
    """The chunks of a prompt for one of a model's encoders."""
    network, rules = encoder_of(text_model, name)
    chunks = rules.chunks(name, network.config.positions)
    groups = token_groups(text_model.tokenizer, text, network.config.width, chunks, find_embedding)
    return chunk_tokens(list(groups), chunks)


def encode_tokens(text_model: TextModel, tokens: Mapping[str, Chunks]) -> tuple[Tensor, Tensor]:
    """Encode the chunks of each encoder and join what they give.

    Where encoders have different numbers of chunks, all are cut to the fewest.

    Returns:
        (1, 77n, W) and the pooled vector (1, P) of the first chunk, float32 on the CPU.
    """
    rules = rules_of(text_model.family)
    hidden, pooled = {}, {}
    for name, wanted in rules.encoders.items():
        network, _ = encoder_of(text_model, name)
        hidden[name], pooled[name] = encode_chunks(
            network,
            tokens[name],
            wanted,
            wanted.chunks(name, network.config.positions),
            text_model.last_layer,
        )
    shortest = min(states.shape[1] for states in hidden.values())
    joined = torch.cat([states[:, :shortest] for states in hidden.values()], dim=-1)
    return joined, pooled[rules.pooled]


def encode_chunks(
    network: ClipText,
    chunks: Chunks,
    rules: EncoderRules,
    chunk_rules: ChunkRules,
    last_layer: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Run an encoder on chunks and weight its output.

    A weight w moves a token's output away from that of the empty prompt at the same position:
    z = (z - z_empty) * w + z_empty.

    Args:
        network: the encoder.
        chunks: n of them.
        rules: what is taken from it.
        chunk_rules: by which the chunks were cut.
        last_layer: the block to stop at instead of the rules' own; one the encoder does not have means the
            last, with the final norm.

    Returns:
        (1, n*T, D) and the pooled vector (1, P) of the first chunk, float32 on the CPU.
    """
    is_weighted = any(token.weight != 1.0 for chunk in chunks for token in chunk)
    batch = [*chunks, empty_chunk(chunk_rules)] if is_weighted else chunks
    layer = rules.layer if last_layer is None else last_layer
    if layer is not None and -layer > network.config.trained_layers:
        layer = None
    with torch.no_grad():
        rows, ends = zip(*(_embed(network, chunk, chunk_rules) for chunk in batch), strict=True)
        output = network(
            torch.stack(rows), layer, normalise=rules.normalise, end_positions=torch.tensor(ends)
        )
        hidden = output.hidden.float().cpu()
        if is_weighted:
            weights = torch.tensor([[token.weight for token in chunk] for chunk in chunks])[:, :, None]
            nothing = hidden[-1:]
            # Where the weight is 1 the output stays as it is, to the last bit.
            moved = (hidden[:-1] - nothing) * weights + nothing
            hidden = torch.where(weights == 1.0, hidden[:-1], moved)
        # An encoder that was saved without its projection is used as if that were the identity.
        pooled = output.projected if rules.projected and output.projected is not None else output.pooled
        return hidden.reshape(1, -1, hidden.shape[-1]), pooled[:1].float().cpu()


def encoder_of(text_model: TextModel, name: str) -> tuple[ClipText, EncoderRules]:
    """An encoder of a model by its name, and what the model's family takes from it.

    Raises:
        ValueError: if the family has none of the name.
    """
    network = text_model.network
    if not isinstance(network, TextEncoders):
        raise ValueError(f"prompts are encoded by text encoders, not by a {type(network).__name__}")
    rules = rules_of(text_model.family).encoders
    if name not in rules:
        raise ValueError(f"{text_model.family} has no text encoder {name!r}, only {', '.join(rules)}")
    return network.clip(name), rules[name]


def _embed(network: ClipText, chunk: list[Token], rules: ChunkRules) -> tuple[Tensor, int]:
    """The input vectors (T, D) of a chunk and the position of its end token."""
    width = network.config.width
    kept = [token.value for token in chunk if isinstance(token.value, int) or len(token.value) == width]
    dropped = len(chunk) - len(kept)
    if dropped:
        logger.warning(
            "%d vectors of an embedding do not fit this text encoder of width %d: ignored", dropped, width
        )
        kept += [rules.pad] * dropped
    device = network.text_model.embeddings.token_embedding.weight.device
    ids = [value if isinstance(value, int) else rules.pad for value in kept]
    vectors = network.embed(torch.tensor([ids], device=device))[0].float()
    for position, value in enumerate(kept):
        if isinstance(value, Tensor):
            vectors[position] = value.to(vectors)
    end = next(i for i, value in enumerate(kept) if isinstance(value, int) and value == rules.end)
    return vectors, end
