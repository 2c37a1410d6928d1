"""Answers where in a prompt pictures count: at the word before a trigger word, which is itself taken out.

Reference: Li et al. 2023 (arXiv:2312.04461), section 3.2, "a man img": the word for what the person is stands
there once for each picture.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from models.diffusion import TextModel
from models.text.encode import encoder_of
from models.text.rules import rules_of
from models.text.tokens import (
    Chunks,
    FindEmbedding,
    Token,
    chunk_tokens,
    no_embeddings,
    token_groups,
)


@dataclass(frozen=True)
class Triggered:
    """A prompt without its trigger word.

    Attributes:
        tokens: the chunks for each text encoder.
        places: of the tokens at which pictures count, in the order of the pictures; none where the prompt
            has no trigger word.
    """

    tokens: Mapping[str, Chunks]
    places: tuple[int, ...]


def read_triggered(
    text_model: TextModel, text: str, trigger: str, count: int, find_embedding: FindEmbedding = no_embeddings
) -> Triggered:
    """Read a prompt in which a trigger word may stand.

    Args:
        text_model: the encoders.
        text: a prompt with weights and embeddings.
        trigger: the word.
        count: how many pictures there are.
        find_embedding: gives the vectors of `embedding:name`.

    Raises:
        ValueError: if the word stands there twice, or nothing before it, or text encoders see its place
            differently.
    """
    tokens, places = {}, set()
    for name in rules_of(text_model.family).encoders:
        network, rules = encoder_of(text_model, name)
        cut = rules.chunks(name, network.config.positions)
        read = token_groups(text_model.tokenizer, text, network.config.width, cut, find_embedding)
        groups, marked = _marked(list(read), text_model.tokenizer.encode(trigger), trigger, count)
        chunks = chunk_tokens(groups, cut)
        tokens[name] = chunks
        flat = [token for chunk in chunks for token in chunk]
        places.add(tuple(index for index, token in enumerate(flat) if any(token is one for one in marked)))
    if len(places) > 1:
        raise ValueError(f"an embedding before {trigger!r} has not as many words for each text encoder")
    return Triggered(tokens, places.pop())


def _marked(
    groups: list[list[Token]], ids: list[int], trigger: str, count: int
) -> tuple[list[list[Token]], list[Token]]:
    """The groups without the trigger word and with count tokens for the one before it, and these tokens."""
    found = [
        (which, start)
        for which, group in enumerate(groups)
        for start in range(len(group) - len(ids) + 1)
        if all(_is(token, wanted) for token, wanted in zip(group[start:], ids, strict=False))
    ]
    if not found:
        return groups, []
    if len(found) > 1:
        raise ValueError(f"{trigger!r} stands {len(found)} times in the prompt, but it can be read once only")
    which, start = found[0]
    group = groups[which]
    rest = [*group[:start], *group[start + len(ids) :]]
    groups = [*groups[:which], rest, *groups[which + 1 :]]
    # The word may be at the end of a group before, as in "a (man:1.2) photomaker".
    while start == 0 and which > 0:
        which -= 1
        start = len(groups[which])
    if start == 0:
        raise ValueError(
            f"before {trigger!r} a word is wanted for what the pictures show, as in a man {trigger}"
        )
    word = groups[which][start - 1]
    marked = [Token(word.value, word.weight) for _ in range(count)]
    groups[which] = [*groups[which][: start - 1], *marked, *groups[which][start:]]
    return groups, marked


def _is(token: Token, wanted: int) -> bool:
    return isinstance(token.value, int) and token.value == wanted
