"""Answers which tokens stand for a prompt: weights and embeddings read, runs of text cut into chunks."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from torch import Tensor

from models.text.prompt import EMBEDDING, parse_prompt, split_embeddings
from models.text.rules import ChunkRules
from models.text.tokenizer import ClipTokenizer

logger = logging.getLogger(__name__)

# Finds learnt vectors (n, any width) by name, the encoder's width and its key in files made for several.
FindEmbedding = Callable[[str, int, str], Tensor | None]


class Token(NamedTuple):
    """A token id, or a learnt vector (any width) in its place, with its weight."""

    value: int | Tensor
    weight: float = 1.0


# The chunks of a prompt for one encoder.
Chunks = list[list[Token]]


def no_embeddings(name: str, width: int, key: str) -> Tensor | None:
    """Finds nothing: for prompts encoded without embedding folders."""
    return None


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


def chunk_tokens(groups: Sequence[list[Token]], rules: ChunkRules) -> Chunks:
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


def empty_chunk(rules: ChunkRules) -> list[Token]:
    """The one chunk of an empty prompt."""
    return chunk_tokens([], rules)[0]


def _close(chunk: list[Token], rules: ChunkRules) -> None:
    """End a chunk and fill it up."""
    chunk.append(Token(rules.end))
    chunk.extend([Token(rules.pad)] * (rules.length - len(chunk)))


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
