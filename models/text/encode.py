"""Answers what the conditioning of a prompt is: read, cut into chunks, encoded, weighted.

Shapes: T tokens of one chunk, n chunks, D width of the encoder.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from models.diffusion import TextModel
from models.text.clip import ClipText
from models.text.prompt import EMBEDDING, parse_prompt, split_embeddings
from models.text.tokenizer import END, START, ClipTokenizer

logger = logging.getLogger(__name__)

# Finds learnt vectors (n, any width) by name, the encoder's width and its key in files made for several.
FindEmbedding = Callable[[str, int, str], Tensor | None]


class Token(NamedTuple):
    """A token id, or a learnt vector (any width) in its place, with its weight."""

    value: int | Tensor
    weight: float = 1.0


@dataclass(frozen=True)
class ChunkRules:
    """How an encoder's tokens are cut into chunks.

    Attributes:
        length: tokens of a chunk, start and end included.
        start: the id every chunk starts with.
        end: the id after the last token.
        pad: the id that fills a chunk.
        word_limit: a run of text with at least so many tokens is cut where the chunk ends; a shorter one
            moves to the next chunk as a whole.
        key: the encoder's name in embedding files that hold vectors for several.
    """

    length: int = 77
    start: int = START
    end: int = END
    pad: int = END
    word_limit: int = 8
    key: str = "clip_l"


def no_embeddings(name: str, width: int, key: str) -> Tensor | None:
    """Finds nothing: for prompts encoded without embedding folders."""
    return None


def encode_prompt(
    text_model: TextModel, text: str, find_embedding: FindEmbedding = no_embeddings
) -> tuple[Tensor, Tensor]:
    """Encode a prompt by the rules of Stable Diffusion 1.x.

    Args:
        text_model: the encoder, resident where it shall run.
        text: a prompt with weights and embeddings.
        find_embedding: gives the vectors of `embedding:name`.

    Returns:
        The conditioning (1, 77n, D) and the pooled vector (1, D) of the first chunk, float32 on the CPU.
    """
    network = text_model.network
    if not isinstance(network, ClipText):
        raise ValueError(f"prompts are encoded by a CLIP text encoder, not by {type(network).__name__}")
    rules = ChunkRules(length=network.config.positions)
    groups = list(token_groups(text_model.tokenizer, text, network.config.width, rules, find_embedding))
    return encode_chunks(network, chunk_tokens(groups, rules), rules, text_model.last_layer)


def token_groups(
    tokenizer: ClipTokenizer, text: str, width: int, rules: ChunkRules, find_embedding: FindEmbedding
) -> Iterator[list[Token]]:
    """The tokens of a prompt in groups that stay together: runs of text with one weight, and embeddings."""
    for piece in parse_prompt(text):
        for part in split_embeddings(piece.text):
            rest = part
            if part.startswith(EMBEDDING) and part[len(EMBEDDING) :].split():
                vectors, rest = _read_embedding(part, width, rules.key, find_embedding)
                if vectors is not None:
                    yield [Token(vector, piece.weight) for vector in vectors.reshape(-1, vectors.shape[-1])]
                if not rest:
                    continue
            yield [Token(token, piece.weight) for token in tokenizer.encode(rest)]


def chunk_tokens(groups: Sequence[list[Token]], rules: ChunkRules) -> list[list[Token]]:
    """Lay groups of tokens into chunks of the rules' length; there is always one chunk."""
    chunks = [[Token(rules.start)]]
    for group in groups:
        is_long = len(group) >= rules.word_limit
        waiting = group
        while waiting:
            chunk = chunks[-1]
            room = rules.length - len(chunk) - 1
            if len(waiting) <= room:
                chunk.extend(waiting)
                break
            if is_long:
                chunk.extend(waiting[:room])
                waiting = waiting[room:]
            _close(chunk, rules)
            chunks.append([Token(rules.start)])
    _close(chunks[-1], rules)
    return chunks


def encode_chunks(
    network: ClipText, chunks: list[list[Token]], rules: ChunkRules, last_layer: int | None = None
) -> tuple[Tensor, Tensor]:
    """Run an encoder on chunks and weight its output.

    A weight w moves a token's output away from that of the empty prompt at the same position:
    z = (z - z_empty) * w + z_empty.

    Returns:
        (1, n*T, D) and the pooled vector (1, D) of the first chunk, float32 on the CPU.
    """
    empty = [Token(rules.start)]
    _close(empty, rules)
    is_weighted = any(token.weight != 1.0 for chunk in chunks for token in chunk)
    batch = [*chunks, empty] if is_weighted else chunks
    with torch.no_grad():
        rows, ends = zip(*(_embed(network, chunk, rules) for chunk in batch), strict=True)
        layer = last_layer if last_layer is not None and -last_layer <= network.config.layers else None
        output = network(torch.stack(rows), layer, end_positions=torch.tensor(ends))
        hidden = output.hidden.float().cpu()
        if is_weighted:
            weights = torch.tensor([[token.weight for token in chunk] for chunk in chunks])[:, :, None]
            nothing = hidden[-1:]
            # Where the weight is 1 the output stays as it is, to the last bit.
            moved = (hidden[:-1] - nothing) * weights + nothing
            hidden = torch.where(weights == 1.0, hidden[:-1], moved)
        return hidden.reshape(1, -1, hidden.shape[-1]), output.pooled[:1].float().cpu()


def _close(chunk: list[Token], rules: ChunkRules) -> None:
    """End a chunk and fill it up."""
    chunk.append(Token(rules.end))
    chunk.extend([Token(rules.pad)] * (rules.length - len(chunk)))


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


def _read_embedding(
    part: str, width: int, key: str, find_embedding: FindEmbedding
) -> tuple[Tensor | None, str]:
    """The vectors that a part starting with `embedding:` names, and the text left over behind the name."""
    name, *others = part[len(EMBEDDING) :].split()
    rest = " ".join(others)
    vectors = find_embedding(name, width, key)
    bare = name.strip(",")
    if vectors is None and len(bare) < len(name):
        vectors = find_embedding(bare, width, key)
        rest = f"{name[len(bare) :]} {rest}"
    if vectors is None:
        logger.warning("embedding %r was not found: ignored", name)
    return vectors, rest
