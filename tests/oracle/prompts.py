"""A second reading of prompts, character by character and by recursion, to compare ours with."""

import re
from collections.abc import Callable

Weighted = tuple[str, float]


def groups(text: str) -> list[str]:
    """Cut a text at its outermost parentheses with a counter that may go below zero."""
    found: list[str] = []
    piece, level = "", 0
    for character in text:
        if character == "(":
            if level == 0:
                if piece:
                    found.append(piece)
                piece = ""
            piece += "("
            level += 1
        elif character == ")":
            level -= 1
            piece += ")"
            if level == 0:
                found.append(piece)
                piece = ""
        else:
            piece += character
    return found + ([piece] if piece else [])


def weighted(text: str, weight: float = 1.0) -> list[Weighted]:
    """The pieces of a text whose escapes are hidden, with their weights."""
    found: list[Weighted] = []
    for piece in groups(text):
        if len(piece) < 2 or piece[0] != "(" or piece[-1] != ")":
            found.append((piece, weight))
            continue
        piece, inside = piece[1:-1], weight * 1.1
        colon = len(piece) - 1
        while colon >= 0 and piece[colon] != ":":
            colon -= 1
        if colon > 0:
            try:
                inside = float(piece[colon + 1 :])
                piece = piece[:colon]
            except ValueError:
                pass
        found += weighted(piece, inside)
    return found


def read(text: str) -> list[Weighted]:
    """The pieces of a prompt: each is a run of text, or starts with `embedding:`."""
    hidden = text.replace("\\)", "\0\1").replace("\\(", "\0\2")
    found = []
    for piece, weight in weighted(hidden):
        shown = piece.replace("\0\1", ")").replace("\0\2", "(")
        first, *others = re.split(" embedding:|\nembedding:", shown)
        parts = [first, *("embedding:" + other for other in others)]
        found += [(part, weight) for part in parts if part]
    return found


def name_and_rest(part: str, is_known: Callable[[str], bool]) -> tuple[str | None, str]:
    """What a part that starts with `embedding:` names, where that is known, and the text behind it."""
    words = part[len("embedding:") :].strip("\n").split()
    name, rest = words[0], " ".join(words[1:])
    if is_known(name):
        return name, rest
    bare = name.strip(",")
    if len(bare) < len(name):
        return bare if is_known(bare) else None, name[len(bare) :] + " " + rest
    return None, rest


def chunks(
    token_groups: list[list[tuple[object, float]]], pad: int, length: int = 77
) -> list[list[tuple[object, float]]]:
    """Lay groups into chunks one token at a time: a short group never crosses a border, a long one may."""
    start, end, filler = (49406, 1.0), (49407, 1.0), (pad, 1.0)
    done: list[list[tuple[object, float]]] = []
    current: list[tuple[object, float]] = [start]

    def close() -> None:
        nonlocal current
        current.append(end)
        current += [filler] * (length - len(current))
        done.append(current)
        current = [start]

    for group in token_groups:
        if len(group) < 8 and len(current) + len(group) > length - 1:
            close()
        for token in group:
            if len(current) == length - 1:
                close()
            current.append(token)
    close()
    return done
