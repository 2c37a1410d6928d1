"""Says a scene in words, in several ways; what a prompt leaves out has its default in the picture."""

import random

from training.scenes import Look, Scene, default_background
from training.shapes import BACKGROUNDS, KINDS

NUMBERS = {2: "two", 3: "three", 4: "four"}
PLURALS = {"cross": "crosses"}
SIZE_WORDS = {
    "small": ("small", "small", "little"),
    "medium": ("medium",),
    "large": ("large", "large", "big"),
}
COLOUR_WORDS = {"gray": ("gray", "grey")}
PLACE_WORDS = {
    "centre": ("in the centre", "in the center", "in the middle"),
    "left": ("on the left", "on the left", "at the left"),
    "right": ("on the right", "on the right", "at the right"),
    "top": ("at the top", "at the top", "on top"),
    "bottom": ("at the bottom",),
    "top left": ("in the top left", "in the top left corner", "at the top left"),
    "top right": ("in the top right", "in the top right corner", "at the top right"),
    "bottom left": ("in the bottom left", "in the bottom left corner", "at the bottom left"),
    "bottom right": ("in the bottom right", "in the bottom right corner", "at the bottom right"),
}
RELATION_WORDS = {
    "left of": ("left of", "left of", "to the left of"),
    "right of": ("right of", "right of", "to the right of"),
    "above": ("above", "above", "over"),
    "below": ("below", "below", "under"),
}
OPENINGS = ("a picture of ", "a drawing of ", "an image of ")
OMIT = 0.5


def caption(scene: Scene, rng: random.Random) -> str:
    """One of the ways to say a scene."""
    opening = rng.choice(OPENINGS) if rng.random() < 0.08 else ""
    text = opening + _subject(scene, rng)
    default = default_background(tuple(look.colour for look in scene.looks()))
    if scene.background == default and rng.random() < OMIT:
        return text
    colour = rng.choice(COLOUR_WORDS.get(scene.background, (scene.background,)))
    if rng.random() < 0.15:
        return f"{text}, {colour} background"
    return f"{text} on {_article(colour)} {colour} background"


def plain_caption(scene: Scene) -> str:
    """The fullest and most ordinary way to say a scene."""
    first = scene.first
    background = f"on {_article(scene.background)} {scene.background} background"
    if scene.layout == "group":
        return f"{NUMBERS[scene.count]} {first.size} {first.colour} {_plural(first.kind)} {background}"
    subject = f"a {first.size} {first.colour} {first.kind}"
    if scene.second is None:
        return f"{subject} {PLACE_WORDS[scene.place][0]} {background}"
    second = scene.second
    return f"{subject} {scene.relation} a {second.size} {second.colour} {second.kind} {background}"


def words() -> list[str]:
    """Every word a caption can hold."""
    parts = [*OPENINGS, *NUMBERS.values(), "a an and on in at the background ,"]
    parts += [word for choices in SIZE_WORDS.values() for word in choices]
    parts += [phrase for choices in (*PLACE_WORDS.values(), *RELATION_WORDS.values()) for phrase in choices]
    parts += [*BACKGROUNDS, "grey", *KINDS, *(_plural(kind) for kind in KINDS)]
    return sorted({word for part in parts for word in part.split()})


def _subject(scene: Scene, rng: random.Random) -> str:
    if scene.layout == "group":
        return f"{NUMBERS[scene.count]} {_noun(scene.first, rng, plural=True)}"
    subject = _with_article(_noun(scene.first, rng))
    if scene.second is not None:
        other = _with_article(_noun(scene.second, rng))
        if scene.relation == "left of" and rng.random() < 0.2:
            return f"{subject} and {other}"
        return f"{subject} {rng.choice(RELATION_WORDS[scene.relation])} {other}"
    if scene.place == "centre" and rng.random() < OMIT:
        return subject
    return f"{subject} {rng.choice(PLACE_WORDS[scene.place])}"


def _noun(look: Look, rng: random.Random, *, plural: bool = False) -> str:
    kind = _plural(look.kind) if plural else look.kind
    if look.size == "medium" and rng.random() < OMIT:
        return f"{look.colour} {kind}"
    return f"{rng.choice(SIZE_WORDS[look.size])} {look.colour} {kind}"


def _plural(kind: str) -> str:
    return PLURALS.get(kind, f"{kind}s")


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _with_article(noun: str) -> str:
    return f"{_article(noun)} {noun}"
