"""Answers what a prompt means before it is tokenised: pieces of text with weights, and embeddings.

The syntax is that of the ecosystem: `(text)` multiplies the weight by 1.1, `(text:1.3)` sets it,
a parenthesis after a backslash is plain text, `embedding:name` stands for learnt vectors.
"""

import re
from dataclasses import dataclass

GROUP_FACTOR = 1.1
EMBEDDING = "embedding:"

# What escaped parentheses are while the others are read; neither occurs in a prompt.
_CLOSING = "\0\1"
_OPENING = "\0\2"
_PARENTHESES = re.compile(r"[()]")


@dataclass(frozen=True)
class Piece:
    """A run of text with one weight."""

    text: str
    weight: float


def parse_prompt(text: str) -> list[Piece]:
    """The pieces of a prompt in order, parentheses resolved and escapes undone."""
    escaped = text.replace("\\)", _CLOSING).replace("\\(", _OPENING)
    # What is left to read, leftmost on top: a group is replaced by its parts.
    waiting = [Piece(part, 1.0) for part in reversed(split_groups(escaped))]
    done: list[Piece] = []
    while waiting:
        piece = waiting.pop()
        inner = _open_group(piece)
        if inner is None:
            done.append(Piece(_unescape(piece.text), piece.weight))
        else:
            waiting.extend(Piece(part, inner.weight) for part in reversed(split_groups(inner.text)))
    return done


def split_groups(text: str) -> list[str]:
    """Cut text at its outermost parentheses, which stay on their groups; what is unbalanced stays plain text.

    A closing parenthesis too many shifts the count for the rest of the text, as it does in the ecosystem.
    """
    parts: list[str] = []
    start = depth = 0
    for match in _PARENTHESES.finditer(text):
        opens = match[0] == "("
        cut = match.start() if opens else match.end()
        # Just before a group, or just behind one.
        if depth == (0 if opens else 1) and cut > start:
            parts.append(text[start:cut])
            start = cut
        depth += 1 if opens else -1
    if start < len(text):
        parts.append(text[start:])
    return parts


def split_embeddings(text: str) -> list[str]:
    """Cut a piece before every `embedding:` that follows a space or a newline; empty parts are left out."""
    marked = text.replace("\n" + EMBEDDING, " " + EMBEDDING)
    first, *others = marked.split(" " + EMBEDDING)
    parts = [first, *(EMBEDDING + part for part in others)]
    return [part for part in parts if part]


def _open_group(piece: Piece) -> Piece | None:
    """What is inside a group, with its weight; None for plain text."""
    text = piece.text
    if len(text) < 2 or text[0] != "(" or text[-1] != ")":
        return None
    inner = text[1:-1]
    weight = piece.weight * GROUP_FACTOR
    colon = inner.rfind(":")
    if colon > 0:
        try:
            return Piece(inner[:colon], float(inner[colon + 1 :]))
        except ValueError:
            pass
    return Piece(inner, weight)


def _unescape(text: str) -> str:
    return text.replace(_CLOSING, ")").replace(_OPENING, "(")
