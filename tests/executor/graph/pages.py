"""Graphs as pages save them, for tests of reading."""

import json

from executor.graph.parse import parse
from tests.executor.graph.kit import SPECS


class Page:
    """Writes graphs as pages save them."""

    def __init__(self):
        self.nodes = []
        self.links = []

    def add(self, node_id, kind, values=None, inputs=(), outputs=(), **more):
        slots = [
            {"name": name, "type": slot_type, "link": None, **({"widget": {"name": name}} if widget else {})}
            for name, slot_type, widget in ((*entry, False)[:3] for entry in inputs)
        ]
        node = {"id": node_id, "type": kind, "inputs": slots, "mode": 0}
        node["outputs"] = [{"name": name, "type": name, "links": []} for name in outputs]
        if values is not None:
            node["widgets_values"] = values
        self.nodes.append(node | more)
        return self

    def link(self, origin, slot, target, target_slot, kind="*"):
        link_id = len(self.links) + 1
        self.links.append([link_id, origin, slot, target, target_slot, kind])
        for saved in self.nodes:
            if saved["id"] == target and target_slot < len(saved["inputs"]):
                saved["inputs"][target_slot]["link"] = link_id
        return self

    def data(self, **more):
        return {"nodes": self.nodes, "links": self.links, "version": 0.4, **more}

    def definition(self, node_id, inputs=(), outputs=()):
        names = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
        links = [dict(zip(names, link, strict=True)) for link in self.links]

        def boundary(entries, side, boundary_id):
            return [
                {
                    "name": name,
                    "type": kind,
                    "linkIds": [
                        link["id"]
                        for link in links
                        if link[f"{side}_id"] == boundary_id and link[f"{side}_slot"] == index
                    ],
                }
                for index, (name, kind) in enumerate(entries)
            ]

        return {
            "id": node_id,
            "version": 1,
            "name": node_id,
            "nodes": self.nodes,
            "links": links,
            "inputs": boundary(inputs, "origin", -10),
            "outputs": boundary(outputs, "target", -20),
        }


IMAGE_IN = [("images", "IMAGE")]


def api(page):
    data = page.data() if isinstance(page, Page) else page
    return parse(json.loads(json.dumps(data)), SPECS).to_api()


def inputs(page, node_id):
    return api(page)[node_id]["inputs"]


def saved_text_to_image():
    page = Page()
    page.add(1, "Load", ["small.safetensors"], outputs=["MODEL", "CLIP", "VAE"])
    page.add(2, "Encode", ["a cat"], [("clip", "CLIP")], ["CONDITIONING"])
    page.add(3, "Encode", [""], [("clip", "CLIP")], ["CONDITIONING"])
    page.add(4, "Empty", [64, 64], [], ["LATENT"])
    sockets = ["model", "positive", "negative", "latent_image"]
    types = ["MODEL", "CONDITIONING", "CONDITIONING", "LATENT"]
    values = [7, "randomize", 4, 7.0, "euler", 1.0]
    page.add(5, "Sample", values, list(zip(sockets, types, strict=True)), ["LATENT"], title="Draw")
    page.add(6, "Decode", None, [("samples", "LATENT"), ("vae", "VAE")], ["IMAGE"])
    page.add(7, "Save", ["x"], IMAGE_IN)
    page.add(8, "MarkdownNote", ["hello"])
    for link in [
        (1, 1, 2, 0),
        (1, 1, 3, 0),
        (1, 0, 5, 0),
        (2, 0, 5, 1),
        (3, 0, 5, 2),
        (4, 0, 5, 3),
        (5, 0, 6, 0),
        (1, 2, 6, 1),
        (6, 0, 7, 0),
    ]:
        page.link(*link)
    return page


def invert_twice():
    """A subgraph: two inverted pictures in a row, and the name of a file that is passed through a widget."""
    inner = Page()
    inner.add(1, "Invert", [], [("image", "IMAGE")], ["IMAGE"])
    inner.add(2, "Invert", [], [("image", "IMAGE")], ["IMAGE"])
    inner.link(-10, 0, 1, 0).link(1, 0, 2, 0).link(2, 0, -20, 0)
    return inner.definition("twice", [("picture", "IMAGE")], [("result", "IMAGE")])


def with_subgraph(definition, instance_inputs, **instance):
    page = Page()
    page.add(10, "LoadImage", ["a.png"], [], ["IMAGE", "MASK"])
    page.add(11, definition["id"], instance.pop("values", None), instance_inputs, ["IMAGE"], **instance)
    page.add(12, "Save", ["x"], IMAGE_IN)
    return page


def named_save(second=False):
    """A subgraph with a promoted file name (stored as "inside") and promoted seed (stored as 5)."""
    inner = Page()
    inner.add(1, "Save", ["inside"], [("images", "IMAGE"), ("filename_prefix", "STRING", True)])
    inner.add(2, "Note on links", [False, 5, "fixed"], [("source", "*"), ("seed", "INT", True)])
    inner.link(-10, 0, 1, 0).link(-10, 1, 1, 1).link(-10, 2, 2, 1).link(-10, 1, 2, 0)
    return inner.definition("save", [("images", "IMAGE"), ("name", "STRING"), ("seed", "INT")])
