"""How long does it take to find all that is wrong with hostile graphs? python -m benchmarks.hostile

Seconds of the processor for reading a graph of 50,000 nodes, and for finding its problems.
"""

import time
from typing import Any

from executor.graph.parse import parse
from executor.graph.validate import validate
from executor.worker.heap import settle
from nodes.builtin import load_builtin

COUNT = 50_000
FILES = [f"{index}.safetensors" for index in range(1000)]
Prompt = dict[str, dict[str, Any]]


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def shown(prompt: Prompt, source: str) -> Prompt:
    return prompt | {"out": node("PreviewAny", source=[source, 0])}


def each_shown(bad: dict[str, Any]) -> Prompt:
    """Pairs of a bad node and an output that needs it."""
    prompt: Prompt = {}
    for index in range(COUNT // 2):
        prompt[f"b{index}"] = bad
        prompt[f"o{index}"] = node("PreviewAny", source=[f"b{index}", 0])
    return prompt


def chain(first: dict[str, Any], kind: str = "StringTrim") -> Prompt:
    prompt = {"0": first}
    for index in range(1, COUNT - 1):
        prompt[str(index)] = node(kind, string=[str(index - 1), 0], mode="Both")
    return shown(prompt, str(COUNT - 2))


SAMPLER = {"steps": "many", "cfg": None, "sampler_name": "fast", "scheduler": 7, "denoise": 9, "seed": -1}
GRAPHS: dict[str, Any] = {
    "a good chain": lambda: chain(node("PrimitiveString", value="x")),
    "a chain that begins badly": lambda: chain(node("PrimitiveInt", value="x")),
    "a chain of wrong types": lambda: chain(node("PrimitiveString", value="x"), "StringLength"),
    "one ring": lambda: chain(node("StringTrim", string=[str(COUNT - 2), 0], mode="Both")),
    "rings of two": lambda: {
        f"{index}{side}": node("StringTrim", string=[f"{index}{other}", 0], mode="Both")
        | ({"class_type": "PreviewAny", "inputs": {"source": [f"{index}{other}", 0]}} if side == "a" else {})
        for index in range(COUNT // 2)
        for side, other in ("ab", "ba")
    },
    "links to nothing": lambda: each_shown(node("StringTrim", string=["nothing", 0], mode="Both")),
    "links to outputs that are not there": lambda: each_shown(
        node("StringTrim", string=["o1", 7], mode="Both")
    ),
    "links that are none": lambda: each_shown(node("StringTrim", string=["o1"], mode=[])),
    "nodes that nobody knows": lambda: each_shown(node("Nobody")),
    "samplers with nothing right": lambda: each_shown(node("KSampler", model="x", **SAMPLER)),
    "files that are not there": lambda: each_shown(node("CheckpointLoaderSimple", ckpt_name="gone")),
    "one node with 50,000 links": lambda: shown(
        {"0": node("StringTrim", mode="Both", **{f"i{index}": ["0", 0] for index in range(COUNT)})}, "0"
    ),
    "links given twice": lambda: each_shown(
        node("StringConcatenate", string_a=["o1", 0], string_b=["o1", 0], delimiter=["o1", 0])
    ),
}


def seconds(call: Any) -> tuple[float, Any]:
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def main() -> None:
    specs = {name: entry.spec for name, entry in load_builtin().items()}
    settle()  # as servers do
    print(f"{'graph':38}{'read':>10}{'judged':>10}{'problems':>12}")
    for name, build in GRAPHS.items():
        prompt = build()
        reading, graph = seconds(lambda prompt=prompt: parse(prompt, specs))
        judging, validation = seconds(lambda graph=graph: validate(graph, specs, lambda folder: FILES))
        print(f"{name:38}{reading:8.2f} s{judging:8.2f} s{len(validation.problems):12,}", flush=True)


if __name__ == "__main__":
    main()
