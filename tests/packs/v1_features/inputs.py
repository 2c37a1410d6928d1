"""Inputs, outputs, checks and fingerprints."""

import asyncio

from comfy.comfy_types import IO, ComfyNodeABC, InputTypeDict
from comfy.utils import ProgressBar


class AnyType(str):
    """Says that it is unequal to nothing."""

    __slots__ = ()

    def __ne__(self, other):
        return False


ANY = AnyType("whatever")
WORDS = ["red", "green"]


class Everything(ComfyNodeABC):
    @classmethod
    def INPUT_TYPES(cls) -> InputTypeDict:
        return {
            "required": {
                "count": ("INT", {"default": 1, "min": 0, "max": 9, "step": 2, "tooltip": "how many"}),
                "colour": (WORDS, {"default": "red"}),
                "word": (IO.STRING, {"multiline": False, "own_key": {"deep": [1, 2]}}),
            },
            "optional": {"flag": ("BOOLEAN",), "image": ("IMAGE,MASK", {"forceInput": True})},
            "hidden": {"prompt": "PROMPT", "info": "EXTRA_PNGINFO", "me": "UNIQUE_ID", "free": ("*",)},
        }

    RETURN_TYPES = ("STRING", WORDS, "INT")
    RETURN_NAMES = ("text", "colour", "count")
    OUTPUT_IS_LIST = (False, False, True)
    OUTPUT_TOOLTIPS = ("all of it", None, None)
    FUNCTION = "work"
    CATEGORY = "tests/v1"
    DESCRIPTION = "Gives back what it gets."
    DEPRECATED = True
    EXPERIMENTAL = True
    SEARCH_ALIASES = ("all",)

    def work(self, count, colour, word, prompt, info, me, flag=True, image=None, free=None):
        text = f"{count} {colour} {word} {flag} {me} {free} {sorted(prompt)} {info}"
        return (text, colour, list(range(count)), "one too many")


class Unreadable:
    RETURN_TYPES = ("INT",)
    FUNCTION = "work"

    @classmethod
    def INPUT_TYPES(cls):
        raise RuntimeError("no inputs today")


class Checked:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("INT", {"max": 5}), "other": ("INT", {"max": 5}), "pick": (WORDS,)}}

    RETURN_TYPES = ("INT",)
    FUNCTION = "work"

    @classmethod
    def VALIDATE_INPUTS(cls, value, pick):
        return True if value < 100 else "value is far too large"

    def work(self, value, other, pick):
        return (value + other,)


class CheckedTypes:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"thing": ("INT,FLOAT",)}}

    RETURN_TYPES = ("STRING",)
    FUNCTION = "work"

    @classmethod
    async def VALIDATE_INPUTS(cls, input_types):
        await asyncio.sleep(0)
        return True if input_types.get("thing") in ("STRING", None) else f"no {input_types['thing']}"

    def work(self, thing):
        return (str(thing),)


class CheckedAll:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("FLOAT", {"max": 1.0})}}

    RETURN_TYPES = ("FLOAT",)
    FUNCTION = "work"

    @classmethod
    def VALIDATE_INPUTS(cls, **values):
        return values["value"] is None or values["value"] < 7

    def work(self, value):
        return (value,)


class Changing:
    runs = 0

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"always": ("BOOLEAN",)}, "optional": {"link": ("INT", {"forceInput": True})}}

    RETURN_TYPES = ("INT",)
    FUNCTION = "work"

    @classmethod
    def IS_CHANGED(cls, always, link=0):
        return float("nan") if always else "same"

    def work(self, always, link=0):
        Changing.runs += 1
        return (Changing.runs,)


class Remembers:
    """Keeps a number between runs; two of them are two."""

    NOT_IDEMPOTENT = True

    def __init__(self):
        self.calls = 0

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"salt": ("INT",)}}

    RETURN_TYPES = ("INT",)
    FUNCTION = "work"

    def work(self, salt):
        self.calls += 1
        return (self.calls,)


class KnowsItself:
    """Works on lists; says that it changed when its id does."""

    asked = []  # noqa: RUF012

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("INT",)}, "hidden": {"me": "UNIQUE_ID", "graph": "PROMPT"}}

    RETURN_TYPES = ("STRING",)
    INPUT_IS_LIST = True
    FUNCTION = "work"

    @classmethod
    def IS_CHANGED(cls, value, me, graph):
        cls.asked.append((value, me, graph))
        return me[0]

    def work(self, value, me, graph):
        return (f"{value} {me} {len(graph)} {sorted(graph[0])}",)


class TakesAnything:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"thing": (ANY,)}}

    RETURN_TYPES = (ANY,)
    FUNCTION = "work"

    def work(self, thing, **more):
        return ({"thing": thing, **more},)


class Added:
    """Has an optional input for which the function has no default, one with another, and one without any."""

    @classmethod
    def INPUT_TYPES(cls):
        optional = {"scale": ("FLOAT", {"default": 0.5}), "own": ("INT", {"default": 5}), "mask": ("MASK",)}
        return {"required": {"value": ("FLOAT",)}, "optional": optional}

    RETURN_TYPES = ("STRING",)
    FUNCTION = "work"

    def work(self, value, scale, own=2, mask=None):
        return (f"{value} {scale} {own} {mask}",)


class AddedToLists(Added):
    INPUT_IS_LIST = True


class Flexible(dict):
    def __contains__(self, key):
        return True

    def __getitem__(self, key):
        return ("*",)


class TakesMore:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}, "optional": Flexible()}

    RETURN_TYPES = ("STRING",)
    FUNCTION = "work"

    def work(self, **more):
        return (" ".join(f"{key}={more[key]}" for key in sorted(more)),)


class Shows:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("*", {"forceInput": True})}}

    RETURN_TYPES = ()
    FUNCTION = "work"
    OUTPUT_NODE = True

    def work(self, value):
        bar = ProgressBar(2)
        bar.update(1)
        bar.update_absolute(2, 2)
        return {"ui": {"text": [str(value)]}}


CLASSES = {
    "V1Everything": Everything,
    "V1Checked": Checked,
    "V1CheckedTypes": CheckedTypes,
    "V1CheckedAll": CheckedAll,
    "V1Changing": Changing,
    "V1Remembers": Remembers,
    "V1KnowsItself": KnowsItself,
    "V1TakesAnything": TakesAnything,
    "V1Added": Added,
    "V1AddedToLists": AddedToLists,
    "V1TakesMore": TakesMore,
    "V1Shows": Shows,
}
