"""Nodes as packs bring them: adapted classes, written here as specs with functions."""

from executor.run.cache import ResultCache
from executor.run.context import context_maker
from executor.run.engine import Engine
from nodes.api.context import current
from nodes.api.declare import Node
from nodes.api.results import Blocked, Expansion, Shown
from nodes.api.spec import InputSpec, NodeSpec, OutputSpec
from tests.executor.run.kit import NODES, NoFiles, borrow

log: list[str] = []


def declare(name, function, inputs="", outputs="X", *, lazy=(), lists=(), options=None, node=None, **spec):
    """A node with inputs and outputs named by words; an input with a question mark is optional."""
    entries = tuple(
        InputSpec(
            word.strip("?"),
            "*",
            "optional" if word.endswith("?") else "required",
            lazy=word.strip("?") in lazy,
            options=(options or {}).get(word, {}),
        )
        for word in inputs.split()
    )
    results = tuple(OutputSpec(word, "*", is_list=word in lists) for word in outputs.split())
    extra = {"wants_context": True, "returns_tuple": True, **(node or {})}
    return Node(NodeSpec(name, name, inputs=entries, outputs=results, **spec), function, **extra)


def block(ctx, value, message=None):
    log.append(f"block {value}")
    return (Blocked(message) if value is None or value == 1 else value,)


def mix(ctx, image1=None, image2=None, mask=0):
    log.append(f"mix {image1} {image2} {mask}")
    return (image1 if mask == 0 else image2 if mask == 1 else (image1, image2),)


def mix_wants(ctx, inputs):
    log.append(f"ask {inputs['mask']}")
    wanted = {0: ["image1"], 1: ["image2"]}.get(inputs["mask"], ["image1", "image2"])
    return [name for name in wanted if inputs[name] is None]


async def mix_wants_later(ctx, inputs):
    return mix_wants(ctx, inputs)


def greedy_wants(ctx, inputs):
    return ["nothing like it"]


def gather_all(ctx, **inputs):
    return (tuple(sorted(inputs.items())),)


def whole(ctx, values, factor):
    log.append(f"whole {values} {factor}")
    return (sum(values) * factor[0],)


def counted(ctx, start=0):
    class Counter:
        total = 0

    counter = ctx.instance("counter", Counter)
    counter.total += 1
    return (start + counter.total,)


def where(ctx):
    return ((current.get() is ctx, ctx.node_id, ctx.call_index),)


def shown(ctx, value):
    return Shown((value,), {"text": [str(value)], "note": "one"})


def shown_nothing(ctx):
    return Shown((), {"text": ["x"]})


def silent(ctx, value):
    return Blocked(None)


def loop(ctx, count, value):
    """Count down by adding a loop that has one round less."""
    if count <= 0:
        return (value,)
    inner = f"{ctx.node_id}.0.0."
    graph = {
        inner + "1": {"class_type": "add", "inputs": {"left": value, "right": 1}},
        inner + "2": {"class_type": "Loop", "inputs": {"count": count - 1, "value": [inner + "1", 0]}},
    }
    return Expansion(graph, ([inner + "2", 0],))


def mixed(ctx, value):
    """A value, a value to show, a graph."""
    if value % 3 == 0:
        return (value,)
    if value % 3 == 1:
        return Shown((value * 10,), {"text": [value]})
    name = f"{ctx.node_id}.{ctx.call_index}.0.1"
    return Expansion({name: {"class_type": "add", "inputs": {"left": value, "right": 100}}}, ([name, 0],))


def adder(ctx, graph, result):
    """Add a given graph."""
    return Expansion(graph, (result,), {"text": ["expanded"]})


def raw(ctx, source):
    log.append(f"raw {source}")
    return Expansion(
        {f"{ctx.node_id}.1": {"class_type": "add", "inputs": {"left": source, "right": 1}}},
        ([f"{ctx.node_id}.1", 0],),
    )


def peeks(ctx, source=None):
    """Tell what is written on the node behind an input, whatever it gives."""
    behind = ctx.dynamic_graph.get_node(ctx.node_id)["inputs"]["source"][0]
    return (str(ctx.dynamic_graph.get_node(behind)["inputs"]),)


def family(ctx):
    graph = ctx.dynamic_graph
    real, display = graph.get_real_node_id(ctx.node_id), graph.get_display_node_id(ctx.node_id)
    return ((graph.get_parent_node_id(ctx.node_id), real, display, sorted(graph.all_node_ids())),)


async def add_soon(ctx, value):
    name = f"{ctx.node_id}.0.0.1"
    return Expansion({name: {"class_type": "wait", "inputs": {"seconds": 0.2, "value": value}}}, ([name, 0],))


ADAPTED = [
    declare("Block", block, "value message?"),
    declare("Mix", mix, "image1 image2 mask", lazy=("image1", "image2"), node={"lazy_status": mix_wants}),
    declare(
        "MixLater",
        mix,
        "image1 image2 mask",
        lazy=("image1", "image2"),
        node={"lazy_status": mix_wants_later},
    ),
    declare("Greedy", mix, "image1 mask", lazy=("image1",), node={"lazy_status": greedy_wants}),
    declare("Peeks", peeks, "source", lazy=("source",)),
    declare("PeeksRaw", peeks, "source", options={"source": {"rawLink": True}}),
    declare("Unasked", mix, "image1 mask", lazy=("image1",)),
    declare("GatherAll", gather_all, "first?", undeclared_links=True, hidden={"secret": "*"}),
    declare("Whole", whole, "values factor", wants_list=True),
    declare("Counted", counted, "start?"),
    declare("CountedTwice", counted, "start?", node={"idempotent": False}),
    declare("Where", where),
    declare("Shown", shown, "value", output_node=True),
    declare("ShownNothing", shown_nothing, "", "X Y"),
    declare("Silent", silent, "value", "X Y"),
    declare("Several", lambda ctx, count: ([*range(count)],), "count", lists=("X",)),
    declare("Holes", lambda ctx: ([0, Blocked("no"), 2],), "", lists=("X",)),
    declare("Loop", loop, "count value"),
    declare("Mixed", mixed, "value"),
    declare("Adder", adder, "graph result", node={"idempotent": False}),
    declare(
        "AdderOfLists", lambda ctx, graph, result: Expansion(graph, (result,)), "graph result", lists=("X",)
    ),
    declare("Raw", raw, "source", options={"source": {"rawLink": True}}),
    declare("Family", family),
    declare("AddSoon", add_soon, "value", node={"is_async": True}),
    declare(
        "Never",
        lambda ctx, value: (value,),
        "value",
        node={"fingerprint": lambda **known: float("nan")},
        pure=False,
    ),
]
ALL = {**NODES, **{entry.spec.id: entry for entry in ADAPTED}}


def make_pack_engine(cache=None, **options):
    return Engine(ALL, ResultCache() if cache is None else cache, context_maker(NoFiles(), borrow), **options)
