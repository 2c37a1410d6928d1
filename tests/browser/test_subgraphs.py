"""Subgraphs by mouse and keyboard, up to a picture that was made inside one; seeds of any length."""

import io
import json

import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
LONG_SEED = 2**63 + 11


def nest(canvas, *keys):
    """Select nodes and put them into a subgraph by keys; the key of the node in their place."""
    canvas.click(keys[0], "title")
    canvas.page.keyboard.down("Shift")
    for key in keys[1:]:
        canvas.click(key, "title")
    canvas.page.keyboard.up("Shift")
    canvas.page.keyboard.press("Control+Shift+E")
    return canvas.wait(
        """[...sfumato.view.selection].map(id => sfumato.store.graph.nodes.get(id))
        .find(node => sfumato.view.isSubgraph(node.type))?.key"""
    )


def test_a_picture_is_made_inside_a_subgraph_and_its_progress_stands_outside(canvas):
    key = nest(canvas, "6", "7", "3")
    canvas.ask("window.seen = 0")
    canvas.ask(
        """key => sfumato.board.listen(() => {
        const node = sfumato.store.graph.nodeByKey(key);
        if (node) window.seen = Math.max(window.seen, sfumato.view.runOf(node).value);
        })""",
        key,
    )
    ran = canvas.run()
    assert {f"{key}:3", "8", "9"} <= ran or ran == set()
    assert ran == set() or canvas.ask("window.seen") > 1
    canvas.click(key, "title", click_count=2)
    assert canvas.node_keys() == ["-10", "-20", "3", "6", "7"]
    canvas.type_value("3", "seed", "123")
    assert f"{key}:3" in canvas.run()
    canvas.click("3", "title")
    canvas.page.keyboard.press("Escape")
    canvas.page.keyboard.press("Escape")
    assert key in canvas.node_keys()
    canvas.page.keyboard.press("Control+z")
    expect(canvas.page.locator("#trail").get_by_role("button")).to_have_text(["Untitled", "Subgraph"])
    assert canvas.values("3")["seed"] == 1


def test_a_problem_inside_a_subgraph_is_shown_on_it_and_the_list_leads_inside(canvas):
    canvas.drag(canvas.place("3", "input", "latent_image"), (1200, 800))
    key = nest(canvas, "3", "8")
    canvas.run(how="refused")
    assert canvas.ask("key => sfumato.view.problemsOf(sfumato.store.graph.nodeByKey(key)).length", key) == 1
    canvas.page.locator("#problems").get_by_role("button", name="Show me").click()
    assert canvas.ask("sfumato.store.path.length") == 1
    chosen = canvas.ask("[...sfumato.view.selection].map(id => sfumato.store.graph.nodes.get(id).key)")
    assert chosen == ["3"]


def test_a_seed_of_any_length_survives_typing_running_and_dropping(canvas):
    canvas.type_value("3", "seed", str(LONG_SEED))
    canvas.run()
    made = canvas.picture("9")
    texts = Image.open(io.BytesIO(made)).text
    assert json.loads(texts["prompt"])["3"]["inputs"]["seed"] == LONG_SEED
    workflow = json.loads(texts["workflow"])
    assert next(node for node in workflow["nodes"] if node["id"] == 3)["widgets_values"][0] == LONG_SEED
    canvas.type_value("3", "seed", "5")
    canvas.drop(made, "made.png", "image/png", (400, 700))
    canvas.wait("sfumato.name === 'made'")
    assert canvas.ask("String(sfumato.store.graph.nodeByKey('3').values.seed)") == str(LONG_SEED)
    canvas.reload()
    assert canvas.ask("String(sfumato.store.graph.nodeByKey('3').values.seed)") == str(LONG_SEED)
    assert canvas.run() == set()


SHELF = """method => fetch("api/userdata/subgraphs%2FHalf%20kept.json", {
    method, body: method === "POST" ? '{"nodes": [' : undefined
})"""


def test_a_blueprint_that_cannot_be_read_is_told_by_name_with_the_reason(canvas):
    canvas.ask(SHELF, "POST")
    canvas.reload()
    canvas.wait("sfumato.actions.unreadBlueprints.length === 1")
    canvas.page.locator("#stage").focus()
    canvas.page.keyboard.press("n")
    canvas.page.get_by_label("Search the node types").fill("half")
    canvas.page.get_by_role("treeitem", name="Half kept").press("Enter")
    expect(canvas.page.get_by_role("dialog", name="This blueprint cannot be read")).to_contain_text("JSON")
    canvas.page.keyboard.press("Escape")
    canvas.ask("sfumato.bottom.open('logs')")
    expect(canvas.page.locator(".log-line", has_text="“Half kept” cannot be read")).to_have_count(1)
    canvas.ask("sfumato.bottom.close()")
    canvas.ask(SHELF, "DELETE")
