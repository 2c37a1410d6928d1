"""What the pack with every feature lacks: loops by expansion, coroutines that meet or fail, and the like."""

import asyncio
import time

from comfy_execution.graph_utils import GraphBuilder


class While:
    """Doubles a number by expansion until it reaches a limit; each round is a graph of its own."""

    @classmethod
    def INPUT_TYPES(cls):
        value, limit = ("INT", {"forceInput": True}), ("INT", {"default": 10})
        return {"required": {"value": value, "limit": limit}, "hidden": {"me": "UNIQUE_ID"}}

    RETURN_TYPES = ("INT", "STRING")
    RETURN_NAMES = ("result", "last node")
    FUNCTION = "work"

    def work(self, value, limit, me):
        if value >= limit:
            return (value, me)
        graph = GraphBuilder()
        doubled = graph.node("V1Sum", numbers=value, plus=value)
        again = graph.node("EcoWhile", value=doubled.out(0), limit=limit)
        return {"result": (again.out(0), again.out(1)), "expand": graph.finalize()}


class Fails:
    """Fails while others wait."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("INT",)}}

    RETURN_TYPES = ("INT",)
    FUNCTION = "work"

    async def work(self, value):
        await asyncio.sleep(0.01)
        raise ValueError(f"{value} is not to my taste")


class Long:
    """Takes so long that its result is worth a place on disk."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("INT",)}}

    RETURN_TYPES = ("INT",)
    FUNCTION = "work"

    def work(self, value):
        time.sleep(0.15)
        return (value,)


class Meet:
    """Returns once as many of its kind as it is told run at the same time."""

    waiting = None

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"salt": ("INT",), "number": ("INT",), "of": ("INT",)}}

    RETURN_TYPES = ("INT",)
    FUNCTION = "work"

    async def work(self, salt, number, of):
        if Meet.waiting is None or Meet.waiting[0] != salt:
            Meet.waiting = (salt, [], asyncio.Event())
        _, here, all_here = Meet.waiting
        here.append(number)
        if len(here) == of:
            all_here.set()
        await asyncio.wait_for(all_here.wait(), 30)
        return (number,)


class Expanding:
    """An output node that is a graph: what its inner node shows is shown on it."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING",)}}

    RETURN_TYPES = ()
    FUNCTION = "work"
    OUTPUT_NODE = True

    def work(self, text):
        graph = GraphBuilder()
        graph.node("V1Shows", "inner", value=text)
        return {"expand": graph.finalize(), "ui": {"text": [f"outer {text}"]}}


class Joins:
    """Takes either of two types by a comma list, and anything at all."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"number": ("INT,FLOAT", {"forceInput": True}), "thing": ("*",)}}

    RETURN_TYPES = ("STRING",)
    FUNCTION = "work"

    def work(self, number, thing):
        return (f"{number} {thing}",)


NODE_CLASS_MAPPINGS = {
    "EcoWhile": While,
    "EcoFails": Fails,
    "EcoLong": Long,
    "EcoMeet": Meet,
    "EcoExpanding": Expanding,
    "EcoJoins": Joins,
}
