"""Nodes whose inputs depend on what is chosen and linked, in the hands of a person."""

import json

import pytest

pytestmark = pytest.mark.browser

PROMPT = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 32, "batch_size": 1, "color": 255}},
    "2": {
        "class_type": "ResizeImageMaskNode",
        "inputs": {
            "input": ["1", 0],
            "resize_type": "scale width",
            "resize_type.width": 16,
            "scale_method": "area",
        },
    },
    "3": {"class_type": "BatchImagesNode", "inputs": {"images.image0": ["2", 0]}},
    "4": {"class_type": "PreviewImage", "inputs": {"images": ["3", 0]}},
}


def test_a_word_is_chosen_and_what_it_brings_is_sent(canvas):
    canvas.drop(json.dumps(PROMPT).encode(), "prompt.json", "application/json", (600, 500))
    canvas.wait("sfumato.store.graph.nodes.size === 4")
    assert canvas.values("2")["resize_type.width"] == 16
    canvas.click("2", "widget", "resize_type")
    canvas.page.get_by_role("option", name="scale longer dimension").click()
    assert canvas.values("2")["resize_type.longer_size"] == 512
    assert canvas.place("2", "widget", "resize_type.longer_size")
    canvas.page.keyboard.press("Control+z")
    assert canvas.values("2")["resize_type"] == "scale width"
    canvas.drag(canvas.place("2", "output", "resized"), canvas.place("3", "input", "images.image1"))
    assert "2.0 > 3.images.image1" in canvas.links()
    assert canvas.place("3", "input", "images.image2")
    assert canvas.run() == {"1", "2", "3", "4"}
    assert canvas.ask("sfumato.board.outputs.get('4').pictures.length") == 2


def test_a_number_on_the_node_brings_rows(canvas):
    row = {"loras.0.lora_name": "a.safetensors", "loras.0.strength": 0.5, "loras.0.enabled": False}
    stack = {"1": {"class_type": "LoadLoraModel", "inputs": row}}
    canvas.drop(json.dumps(stack).encode(), "prompt.json", "application/json", (600, 300))
    canvas.wait("sfumato.store.graph.nodes.size === 1")
    assert canvas.values("1")["loras"] == 1
    canvas.type_value("1", "loras", "3")
    assert canvas.values("1")["loras.2.strength"] == 1
    canvas.type_value("1", "loras.2.strength", "0.25")
    assert canvas.values("1")["loras.2.strength"] == 0.25
    canvas.type_value("1", "loras", "99")
    assert canvas.values("1")["loras"] == 20
    for _ in range(3):
        canvas.page.keyboard.press("Control+z")
    assert canvas.values("1")["loras"] == 1
    assert canvas.values("1")["loras.0.strength"] == 0.5
