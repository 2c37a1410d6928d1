"""Lists, lazy inputs, blocking, expansion, coroutines, values of the app."""

import asyncio

import torch
from comfy_execution.graph import ExecutionBlocker
from comfy_execution.graph_utils import GraphBuilder, is_link
from server import PromptServer

import nodes


class Number:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("INT",)}}

    RETURN_TYPES = ("INT",)
    FUNCTION = "work"

    def work(self, value):
        return (value,)


class Numbers:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"count": ("INT",)}}

    RETURN_TYPES = ("INT",)
    OUTPUT_IS_LIST = (True,)
    FUNCTION = "work"

    def work(self, count):
        return (list(range(count)),)


class Sum:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"numbers": ("INT", {"forceInput": True}), "plus": ("INT",)}}

    RETURN_TYPES = ("INT",)
    INPUT_IS_LIST = (True,)
    FUNCTION = "work"

    def work(self, numbers, plus):
        assert isinstance(numbers, list)
        assert isinstance(plus, list)
        return (sum(numbers) + plus[0],)


class Pick:
    asked = 0

    @classmethod
    def INPUT_TYPES(cls):
        lazy = ("INT", {"lazy": True})
        return {"required": {"first": ("BOOLEAN",), "a": lazy, "b": lazy}}

    RETURN_TYPES = ("INT",)
    FUNCTION = "work"

    def check_lazy_status(self, first, a, b):
        Pick.asked += 1
        wanted = "a" if first else "b"
        return [wanted] if {"a": a, "b": b}[wanted] is None else []

    def work(self, first, a, b):
        return (a if first else b,)


class AsyncPick(Pick):
    async def check_lazy_status(self, first, a, b):
        await asyncio.sleep(0)
        return super().check_lazy_status(first, a, b)


class NeverAsked:
    """Has a lazy input and never says whether it wants it."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"a": ("INT", {"lazy": True})}}

    RETURN_TYPES = ("INT",)
    FUNCTION = "work"

    def work(self, a):
        return (a + 1,)


class AsyncNeverAsked(NeverAsked):
    async def work(self, a):
        await asyncio.sleep(0)
        return super().work(a)


class BlockSome:
    """Holds back the odd items of a list."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"count": ("INT",), "reason": ("STRING",)}}

    RETURN_TYPES = ("INT",)
    OUTPUT_IS_LIST = (True,)
    FUNCTION = "work"

    def work(self, count, reason):
        return ([ExecutionBlocker(reason) if number % 2 else number for number in range(count)],)


class Looks:
    """Says what it sees of the graph it is in."""

    @classmethod
    def INPUT_TYPES(cls):
        hidden = {"graph": "DYNPROMPT", "me": "UNIQUE_ID"}
        return {"required": {}, "optional": {"after": ("*", {"rawLink": True})}, "hidden": hidden}

    RETURN_TYPES = ("STRING",)
    FUNCTION = "work"

    def work(self, graph, me, after=None):
        shown = (graph.get_display_node_id(me), graph.get_parent_node_id(me), graph.get_real_node_id(me))
        return (f"{graph.get_node(me)['class_type']} {sorted(graph.all_node_ids())} {shown} {after}",)


class ExpandLooks:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    RETURN_TYPES = ("STRING",)
    FUNCTION = "work"

    def work(self):
        graph = GraphBuilder()
        return {"result": (graph.node("V1Looks", "looks").out(0),), "expand": graph.finalize()}


class Block:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("INT",), "blocked": ("BOOLEAN",), "reason": ("STRING",)}}

    RETURN_TYPES = ("INT",)
    FUNCTION = "work"

    def work(self, value, blocked, reason):
        return (ExecutionBlocker(reason or None) if blocked else value,)


class Expand:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("INT",), "times": ("INT",)}}

    RETURN_TYPES = ("INT", "STRING")
    FUNCTION = "work"

    def work(self, value, times):
        if times == 0:
            return (value, "done")
        graph = GraphBuilder()
        number = graph.node("V1Sum", numbers=value, plus=1)
        again = graph.node("V1Expand", value=number.out(0), times=times - 1)
        assert is_link(again.out(0))
        return {"result": (again.out(0), "expanded"), "expand": graph.finalize()}


class ExpandRaw:
    """Puts a tensor itself into the graph."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "work"

    def work(self):
        graph = GraphBuilder()
        latent = {"samples": torch.ones(1, 4, 2, 2)}
        node = graph.node("RepeatLatentBatch", samples=latent, amount=3)
        return {"result": (node.out(0),), "expand": graph.finalize()}


class Slow:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("INT",)}}

    RETURN_TYPES = ("INT",)
    FUNCTION = "work"

    async def work(self, value):
        await asyncio.sleep(0.01)
        return (value * 2,)


class MarkLatent:
    """Changes a latent in the form of packs, keys of its own included."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"latent": ("LATENT",)}}

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "work"

    def work(self, latent):
        changed = latent.copy()
        changed["samples"] = latent["samples"] + 1
        changed["mark"] = latent.get("mark", 0) + 1
        return (changed,)


class CallsBuiltin:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"width": ("INT", {"max": nodes.MAX_RESOLUTION})}}

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "work"

    def work(self, width):
        PromptServer.instance.send_sync("tests.hello", {"width": width})
        latent = nodes.EmptyLatentImage().generate(width, 64, batch_size=1)[0]
        return nodes.NODE_CLASS_MAPPINGS["RepeatLatentBatch"]().repeat(latent, 2)


class Samples:
    """Samples twice, by the function and by the class that the app offers."""

    @classmethod
    def INPUT_TYPES(cls):
        prompts = {"positive": ("CONDITIONING",), "negative": ("CONDITIONING",)}
        return {"required": {"model": ("MODEL",), "latent": ("LATENT",), **prompts}}

    RETURN_TYPES = ("LATENT", "LATENT")
    FUNCTION = "work"

    def work(self, model, latent, positive, negative):
        settings = (3, 2, 4.0, "euler", "normal", positive, negative, latent)
        first = nodes.common_ksampler(model, *settings, denoise=0.5)
        second = nodes.KSampler().sample(model, *settings, 0.5)
        return first + second


class Saves:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}, "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}}

    RETURN_TYPES = ()
    FUNCTION = "work"
    OUTPUT_NODE = True

    def work(self, prompt, extra_pnginfo):
        pictures = torch.zeros(1, 8, 8, 3)
        return nodes.SaveImage().save_images(pictures, "from_pack", prompt, extra_pnginfo)


@PromptServer.instance.routes.get("/tests/v1")
async def answer(request):
    return None


CLASSES = {
    "V1Number": Number,
    "V1Numbers": Numbers,
    "V1Sum": Sum,
    "V1Pick": Pick,
    "V1AsyncPick": AsyncPick,
    "V1NeverAsked": NeverAsked,
    "V1AsyncNeverAsked": AsyncNeverAsked,
    "V1Block": Block,
    "V1BlockSome": BlockSome,
    "V1Looks": Looks,
    "V1ExpandLooks": ExpandLooks,
    "V1Expand": Expand,
    "V1ExpandRaw": ExpandRaw,
    "V1Slow": Slow,
    "V1MarkLatent": MarkLatent,
    "V1CallsBuiltin": CallsBuiltin,
    "V1Samples": Samples,
    "V1Saves": Saves,
}
