"""Around the canvas and on its nodes: properties, blueprints, curves, weights, bookmarks, what is missing."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.canvas_page import CanvasPage

pytestmark = pytest.mark.browser


@pytest.fixture
def more(canvas):
    """The page when all of it has come."""
    canvas.wait(
        "sfumato.settings.definitions.has('nodes.source') && sfumato.commands.all.has('keep-blueprint')"
    )
    return canvas


def node(canvas, kind, x=0, y=1200):
    """Adds a node; its key."""
    return canvas.ask(
        """([kind, x, y]) => {
            const { actions, store, view } = sfumato;
            actions.add(store.definitions.get(kind), [x, y]);
            const [id] = view.selection;
            view.fit([id], 1);
            return store.graph.nodes.get(id).key;
        }""",
        [kind, x, y],
    )


def test_the_properties_follow_the_selection_and_the_graph_follows_them(more):
    more.click("3", "title")
    more.page.get_by_role("button", name="Properties of the selection").click()
    panel = more.page.locator(".inspector")
    panel.get_by_role("textbox", name="Steps").fill("7")
    panel.get_by_role("textbox", name="Steps").press("Enter")
    assert more.values("3")["steps"] == 7
    panel.get_by_role("button", name="Muted").click()
    assert more.ask("sfumato.store.graph.nodeByKey('3').mode") == "mute"
    more.ask("sfumato.commands.run('undo')")
    more.ask("sfumato.commands.run('undo')")
    assert more.values("3")["steps"] == 20
    expect(panel.get_by_role("textbox", name="Steps")).to_have_value("20")
    panel.get_by_text("Inputs and outputs").click()
    panel.get_by_role("button", name="Load Checkpoint").click()
    more.wait("document.querySelector('.inspector-title')?.value === 'Load Checkpoint'")
    more.page.keyboard.press("Escape")
    more.page.locator("#stage").focus()
    more.page.keyboard.press("Escape")
    more.page.get_by_text("Select a node to see its properties.").wait_for()


def test_words_get_weight_from_the_keyboard_and_lose_it_with_undo(more):
    x, y = more.place("6", "widget", "text")
    more.page.mouse.click(x, y)
    area = more.page.locator("textarea.text-widget")
    area.fill("a red ball")
    more.ask("() => document.querySelector('textarea.text-widget').setSelectionRange(3, 3)")
    more.page.keyboard.press("Control+ArrowUp")
    more.page.keyboard.press("Control+ArrowUp")
    assert more.values("6")["text"] == "a (red:1.1) ball"
    more.page.keyboard.press("Control+ArrowDown")
    more.page.keyboard.press("Control+ArrowDown")
    assert more.values("6")["text"] == "a red ball"


def test_a_curve_and_boxes_are_drawn_on_their_nodes(more):
    key = node(more, "CurveEditor")
    x, y = more.place(key, "widget", "curve")
    more.drag((x, y), (x - 30, y - 40))
    points = more.values(key)["curve"]["points"]
    assert len(points) == 3
    assert points[1][0] < 0.5 < points[1][1]
    more.page.mouse.dblclick(x - 30, y - 40)
    assert len(more.values(key)["curve"]["points"]) == 2
    key = node(more, "CreateBoundingBoxes", y=1700)
    x, y = more.place(key, "widget", "editor_state")
    more.drag((x - 30, y - 30), (x + 10, y + 20))
    [box] = more.values(key)["editor_state"]
    assert box["width"] * 5 == pytest.approx(box["height"] * 4, rel=0.1)
    more.drag((x - 10, y - 10), (x + 10, y - 10))
    [moved] = more.values(key)["editor_state"]
    assert moved["x"] > box["x"]
    assert moved["width"] == box["width"]
    more.page.keyboard.press("Control+z")
    more.page.keyboard.press("Control+z")
    assert more.values(key)["editor_state"] == []


def test_a_subgraph_is_kept_found_and_added_again(more):
    more.ask("() => sfumato.view.select([sfumato.store.graph.nodeByKey('3').id])")
    more.ask("sfumato.commands.run('make-subgraph')")
    more.wait("sfumato.store.document.subgraphs.size === 1")
    more.ask("sfumato.commands.run('keep-blueprint')")
    more.page.get_by_label("Name of the blueprint").fill("mine/Only sampling")
    more.page.get_by_label("What it does").fill("Draws with one sampler.")
    more.page.get_by_label("Other words to find it by").fill("zeichner, dessin ")
    more.page.keyboard.press("Enter")
    more.wait("sfumato.actions.blueprints.length === 1")
    known = "(({ description, aliases }) => [description, ...aliases])(sfumato.actions.blueprints[0])"
    assert more.ask(known) == ["Draws with one sampler.", "zeichner", "dessin"]
    more.page.keyboard.press("Control+Space")
    more.choose_type("zeichner")
    kinds = more.ask(
        "[...sfumato.store.graph.nodes.values()].filter(one => sfumato.view.isSubgraph(one.type)).length"
    )
    assert kinds == 2
    more.page.locator("#stage").focus()
    more.page.keyboard.press("n")
    more.page.get_by_role("treeitem", name="Blueprints").click()
    more.page.get_by_role("treeitem", name="mine").click()
    expect(more.page.get_by_role("treeitem", name="Only sampling")).to_have_count(1)


def test_a_new_node_hangs_on_the_pointer_until_a_press(more):
    more.ask("sfumato.settings.set('canvas.hang', true)")
    count = more.ask("sfumato.store.graph.nodes.size")
    for end in ("press", "escape"):
        more.page.mouse.move(300, 800)
        more.page.keyboard.press("Control+Space")
        more.page.locator(".node-search .search").fill("invert im")
        more.page.keyboard.press("Enter")
        more.page.mouse.move(600, 780, steps=3)
        assert more.ask("sfumato.chart.name") == "placing"
        if end == "press":
            more.page.mouse.down()
            more.page.mouse.up()
        else:
            more.page.keyboard.press("Escape")
        assert more.ask("sfumato.chart.name") == "idle"
        assert more.ask("sfumato.store.graph.nodes.size") == count + 1


def test_saved_workflows_show_what_they_look_like_and_take_bookmarks(more):
    more.ask(
        """() => fetch("api/workflows/Marked", {
            method: "PUT", headers: { "Content-Type": "application/json" },
            body: JSON.stringify(sfumato.workflow()),
        })"""
    )
    more.page.locator("#stage").focus()
    more.page.keyboard.press("w")
    more.page.get_by_role("button", name="Bookmark Marked").click()
    more.page.get_by_role("heading", name="Bookmarks").wait_for()
    more.wait("document.querySelector('.thumbnail[data-drawn=\"7\"]') !== null")


def test_a_missing_model_is_offered_from_the_host_that_the_file_names(more):
    workflow = more.ask("sfumato.workflow()")
    [loader] = [one for one in workflow["nodes"] if one["type"] == "CheckpointLoaderSimple"]
    loader["widgets_values"] = ["elsewhere.safetensors"]
    loader["properties"]["models"] = [
        {
            "name": "elsewhere.safetensors",
            "directory": "checkpoints",
            "url": "https://models.invalid/elsewhere.safetensors",
        }
    ]
    more.drop(json.dumps(workflow).encode(), "far.json", "application/json", (700, 500))
    more.page.get_by_role("button", name="Show them").click()
    more.page.get_by_role("button", name="Download…").click()
    dialog = more.page.get_by_role("dialog")
    expect(dialog).to_contain_text("models.invalid")
    expect(dialog).to_contain_text("checkpoints")
    dialog.get_by_role("button", name="Download", exact=True).click()
    expect(more.page.locator(".missing-failed")).to_contain_text("models.invalid")


def test_the_memory_plan_tells_what_each_node_takes(more):
    more.page.route(
        "**/api/plan",
        lambda route: route.fulfill(
            json={
                "device": "cuda:0",
                "cap_bytes": 8 * 2**30,
                "ram_free_bytes": 16 * 2**30,
                "fits": True,
                "rows": [
                    {
                        "node_id": "3",
                        "node_type": "KSampler",
                        "seats": [
                            {
                                "name": "a.safetensors",
                                "kind": "UNet",
                                "weight_bytes": 9 * 2**30,
                                "held_bytes": 6 * 2**30,
                                "resident": 90,
                                "streamed": 30,
                                "reason": "30 of 120 leaves are streamed",
                            }
                        ],
                        "activation_bytes": 2**30,
                        "peak_bytes": 7 * 2**30,
                        "ram_bytes": 9 * 2**30,
                        "tile": 0,
                        "lack": "",
                        "is_refused": False,
                    }
                ],
            }
        ),
    )
    more.ask("sfumato.bottom.open('plan')")
    panel = more.page.locator(".plan")
    panel.get_by_text("It fits. 7.0 GiB of 8.0 GiB at most on cuda:0.").wait_for()
    assert "a.safetensors: 9.0 GiB, 30 of 120 layers streamed" in panel.inner_text()
    assert panel.get_by_title("30 of 120 leaves are streamed").count() == 1
    panel.get_by_role("button", name="KSampler (3)").click()
    assert more.ask("[...sfumato.view.selection].map((id) => sfumato.store.graph.nodes.get(id).key)") == ["3"]


def test_a_draft_that_is_opened_in_two_browsers_loses_nothing_of_either(more, chromium):
    more.page.locator("#stage").focus()
    more.type_value("3", "steps", "11")
    more.wait("sfumato.drafts.sent.size > 0 && sfumato.drafts.unsent.size === 0")
    context = chromium.new_context(viewport={"width": 1600, "height": 900})
    other = CanvasPage(context.new_page(), more.server)
    other.open()
    other.page.locator("#stage").focus()
    other.page.keyboard.press("w")
    other.page.get_by_role("heading", name="Drafts that were not saved").wait_for()
    drafts = other.ask(
        "fetch('api/drafts').then(one => one.json()).then(({ drafts }) => drafts.map(({ id }) => id))"
    )
    names = other.page.locator(".file:not(.is-drawn)")
    names.first.click()
    other.wait("sfumato.store.graph.nodeByKey('3')?.values.steps === 11")
    other.ask("sfumato.view.fit()")
    other.type_value("3", "steps", "12")
    more.type_value("3", "steps", "13")
    kept = other.wait(
        """(async () => {
            const read = address => fetch(address).then(answer => answer.json());
            const { drafts } = await read("api/drafts");
            const all = await Promise.all(drafts.map(({ id }) => read(`api/drafts/${id}`)));
            const sampler = ({ workflow }) => workflow.nodes.find(({ type }) => type === "KSampler");
            const steps = all.map(draft => sampler(draft)?.widgets_values[2]);
            return [12, 13].every(one => steps.includes(one)) && steps;
        })()"""
    )
    assert len(kept) > len(drafts)
    other.close()


def test_rows_of_the_search_come_when_they_are_wanted(canvas):
    page = canvas.page
    page.keyboard.press("Control+Space")
    options = page.locator(".node-search [role=option]")
    expect(options.first).to_have_attribute("aria-setsize", "80")
    assert options.count() < 40
    for _ in range(30):
        page.keyboard.press("ArrowDown")
    active = canvas.ask("document.querySelector('.node-search .is-active')?.getAttribute('aria-posinset')")
    assert active == "31"
    expect(page.locator(".node-search [aria-selected=true]")).to_have_count(1)
    chosen = canvas.ask("document.querySelector('.node-search input').getAttribute('aria-activedescendant')")
    expect(page.locator(f"[id='{chosen}']")).to_be_in_viewport()
    page.keyboard.type("ksampler")
    expect(options.first).to_contain_text("KSampler")
    expect(options.first).to_be_in_viewport()
    page.locator(".node-search input").fill("")
    page.locator(".node-search .rows").evaluate("rows => { rows.scrollTop = 300; }")
    expect(options).to_have_count(80)
    page.keyboard.press("Escape")


DROP = """list => {
    const dataTransfer = new DataTransfer();
    dataTransfer.setData("text/uri-list", list);
    const options = { dataTransfer, clientX: 900, clientY: 700, bubbles: true, cancelable: true };
    document.querySelector("#stage").dispatchEvent(new DragEvent("drop", options));
}"""


def test_addresses_of_this_server_are_opened_and_no_other_is_asked(canvas):
    asked = []
    canvas.page.on("request", lambda request: asked.append(request.url))
    canvas.ask(DROP, "http://pictures.invalid/a.png")
    expect(canvas.page.locator("#toasts")).to_contain_text("pictures.invalid is elsewhere")
    canvas.run()
    url = canvas.picture_url("9")
    canvas.ask(DROP, f"{canvas.server.url}/{url}")
    canvas.wait("sfumato.name.startsWith('Sfumato_')")
    assert not any("pictures.invalid" in url for url in asked)
