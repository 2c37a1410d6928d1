"""Scripts that use the surface of the ecosystem, in a real browser."""

import json
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.canvas_page import CanvasPage
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

PACK = Path(__file__).resolve().parents[1] / "packs" / "js_ecosystem"
WORDS = {"mode": "upper", "text": "hello", "seed": 5, "colour": "#00ff00"}
GRAPH = {
    "1": {"class_type": "EcoWords", "inputs": WORDS},
    "2": {"class_type": "EcoShowText", "inputs": {"text": ["1", 0]}},
}
OPEN = """async (prompt) => {
    const { openJson } = await import(new URL("js/model/io/open.js", document.baseURI).href);
    sfumato.open(openJson(prompt, sfumato.store.definitions).document, "Words");
}"""


PAINTED = """([[x, y], colour]) => {
    const canvas = document.querySelector("#stage canvas");
    const box = canvas.getBoundingClientRect();
    const ratio = canvas.width / box.width;
    const at = [x - box.left, y - box.top].map((one) => Math.round(one * ratio));
    return [...canvas.getContext("2d").getImageData(...at, 1, 1).data].slice(0, 3).join() === colour.join();
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    base = tmp_path_factory.mktemp("ecosystem")
    shutil.copytree(PACK, base / "custom_nodes" / PACK.name)
    server = Server(base)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def opened(served, chromium):
    """One page for all tests here: scripts are loaded once."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    page = CanvasPage(context.new_page(), served)
    page.open()
    page.wait("sfumato.extensions?.isDone")
    yield page
    context.close()


@pytest.fixture
def eco(opened):
    opened.faults.clear()
    opened.ask(OPEN, GRAPH)
    opened.ask(
        "() => Object.assign(wordsSeen, { connections: [], callbacks: [], presses: [], executed: [] })"
    )
    yield opened
    assert opened.faults == []
    assert opened.ask("() => sfumato.extensions.reports.packs.get('js_ecosystem').errors") == []


def values(page, key):
    """The values of the widgets of a node, as packs see them."""
    told = page.ask(
        "key => JSON.stringify(app.graph.getNodeById(key).widgets.map(({ name, value }) => [name, value]))",
        key,
    )
    return dict(json.loads(told))


def inputs(page, key):
    return page.ask(
        "key => app.graph.getNodeById(key).inputs.filter((one) => !one.widget).map((one) => one.name)", key
    )


def test_hooks_are_called_in_their_order_and_once_for_each_load(eco):
    called = eco.ask("() => hooksCalled")
    start = [
        "init",
        "addCustomNodeDefs",
        "getCustomWidgets",
        "beforeRegisterVueAppNodeDefs",
        "beforeRegisterNodeDef",
    ]
    assert called[:9] == [
        *start,
        "registerCustomNodes",
        "beforeConfigureGraph",
        "afterConfigureGraph",
        "setup",
    ]
    assert called[-4:] == ["beforeConfigureGraph", "nodeCreated", "loadedGraphNode 1", "afterConfigureGraph"]
    assert eco.ask("() => [sawDefinitions, sawClass]") == [
        True,
        ["EcoWords", "Words (example)", True, "function"],
    ]


def test_what_a_pack_lacks_is_named_and_nothing_else(eco):
    lacks = eco.ask("() => [...sfumato.extensions.reports.packs.get('js_ecosystem').lacks].sort()")
    named = ["LGraphCanvas.prototype.drawNodeShape", "another widget for STRING", "app.thingThatNobodyHas"]
    assert lacks == named
    eco.ask("() => sfumato.commands.run('extensions')")
    expect(eco.page.locator("section[data-pack=js_ecosystem]")).to_contain_text("app.thingThatNobodyHas")
    eco.page.keyboard.press("Escape")


def test_a_widget_that_a_pack_draws_is_painted_at_the_scale_of_the_canvas_and_takes_presses(eco):
    eco.wait("wordsSeen.draws > 0")
    assert (
        eco.ask("() => Math.abs(wordsSeen.scale - sfumato.view.camera.scale * (devicePixelRatio || 1))")
        < 1e-6
    )
    eco.wait(PAINTED, [eco.place("1", "widget", "switch"), [0, 200, 0]])
    eco.click("1", "widget", "switch")
    eco.wait("sfumato.store.graph.nodeByKey('1').values.switch.on === false")
    assert eco.ask("() => wordsSeen.presses.map(([type]) => type)") == ["pointerdown", "pointerup"]
    eco.ask("() => sfumato.store.undo()")
    assert values(eco, 1)["switch"] == {"on": True}


def test_nodes_paint_before_and_after_the_page_does(eco):
    def at(dx, dy):
        return eco.ask(
            """([dx, dy]) => {
                const node = app.graph.getNodeById(1);
                return app.canvasPosToClientPos([node.pos[0] + dx(node), node.pos[1] + node.size[1] + dy]);
            }""".replace("dx(node)", dx),
            [0, dy],
        )

    eco.wait(PAINTED, [at("node.size[0] - 16", -16), [0, 0, 255]])
    eco.wait(PAINTED, [at("6", -16), [250, 240, 0]])


def test_buttons_callbacks_and_elements_of_widgets_work(eco):
    eco.click("1", "widget", "Reset")
    eco.wait("sfumato.store.graph.nodeByKey('1').values.text === 'reset'")
    eco.click("1", "widget", "mode")
    eco.page.get_by_role("option", name="lower").click()
    assert ["mode", "lower"] in eco.ask("() => wordsSeen.callbacks")
    assert values(eco, 1)["mode"] == "lower"
    expect(eco.page.locator(".mount .words-area")).to_have_text("an element of a pack")
    colour = eco.page.locator(".mount input[type=color]")
    colour.fill("#0000ff")
    eco.wait("sfumato.store.graph.nodeByKey('1').values.colour === '#0000ff'")


def test_sockets_come_and_go_with_links_and_undo_restores_both(eco):
    eco.ask(
        """() => {
            const node = LiteGraph.createNode("EcoWords");
            node.pos = [0, 500];
            app.graph.add(node);
            globalThis.added = node;
        }"""
    )
    assert eco.node_keys() == ["1", "2", "3"]
    assert inputs(eco, 1) == ["in_1"]
    eco.ask("() => added.connect(0, app.graph.getNodeById(1), 'in_1')")
    assert inputs(eco, 1) == ["in_1", "in_2"]
    assert "3.0 > 1.in_1" in eco.links()
    told = eco.ask("() => wordsSeen.connections")
    assert [1, "in_1", True] in told
    assert [2, "STRING", True] in told
    eco.ask("() => sfumato.store.undo()")
    assert inputs(eco, 1) == ["in_1"]
    assert eco.links() == ["1.0 > 2.text"]
    eco.ask("() => sfumato.store.redo()")
    assert inputs(eco, 1) == ["in_1", "in_2"]
    eco.ask("() => app.graph.remove(added)")
    assert eco.node_keys() == ["1", "2"]
    assert inputs(eco, 1) == ["in_1"]


def test_a_run_sends_what_packs_make_of_the_prompt_and_shows_its_output(eco):
    prompt = eco.ask("async () => (await app.graphToPrompt()).output['1'].inputs")
    assert prompt == {**WORDS, "switch": "on", "patched": "yes"}
    assert eco.run() == {"1", "2"}
    eco.wait("app.graph.getNodeById(2).widgets?.[0]?.value")
    assert values(eco, 2) == {"text_0": "HELLO COLOUR=#00FF00"}
    sent = eco.ask(
        "async () => Object.values(await (await fetch('api/history')).json()).at(-1).prompt[2]['1']"
    )
    assert sent["inputs"]["patched"] == "yes"
    expect(eco.page.locator(".mount textarea[readonly]")).to_have_value(re.compile("^HELLO"))
    assert eco.ask("() => wordsSeen.executed") == ["2"]
    assert eco.ask("() => sfumato.store.history.past.length") == 0


def test_nodes_keep_their_scripts_in_subgraphs_and_copies(eco):
    eco.ask(OPEN, {**GRAPH, "1": {"class_type": "EcoWords", "inputs": {**WORDS, "text": "nested"}}})
    eco.ask(
        "() => { sfumato.view.select(sfumato.store.graph.nodes.keys()); sfumato.commands.run('duplicate'); }"
    )
    assert eco.links() == ["1.0 > 2.text", "3.0 > 4.text"]
    assert values(eco, 3)["switch"] == {"on": True}
    eco.ask("() => { app.graph.getNodeById(3).widgets[1].setValue('inner'); app.graph.change(); }")
    eco.ask("() => sfumato.commands.run('make-subgraph')")
    eco.wait("sfumato.store.document.subgraphs.size === 1")
    inner = "[...app.graph.subgraphs.values()][0]._nodes"
    assert sorted(eco.ask(f"() => {inner}.map((node) => node.comfyClass)")) == ["EcoShowText", "EcoWords"]
    assert eco.run() == {"1", "2", "5:3", "5:4"}
    eco.wait(f"{inner}.find((node) => node.type === 'EcoShowText').widgets?.length === 1")
    eco.ask("() => sfumato.store.undo()")
    assert eco.ask("() => app.graph._nodes.map((node) => node.id).sort()") == [1, 2, 3, 4]
    eco.ask("() => sfumato.store.undo()")
    assert eco.ask("() => app.graph._nodes.map((node) => node.id).sort()") == [1, 2]


def test_values_of_widgets_that_scripts_add_survive_files_with_and_without_names(eco):
    eco.ask("() => { app.graph.getNodeById(1).widgets.find((one) => one.name === 'count').value = 7; }")
    written = eco.ask("() => sfumato.workflow()")
    node = next(node for node in written["nodes"] if node["id"] == 1)
    assert node["widgets_values"] == ["upper", "hello", 5, "fixed", "#00ff00", {"on": True}, None, 7, ""]
    assert node["words"] == "kept"
    for one in written["nodes"]:
        one.pop("widgets_values_named", None)
    eco.ask("(json) => app.loadGraphData(json)", written)
    assert values(eco, 1)["count"] == 7
    assert values(eco, 1)["text"] == "hello"


def test_virtual_nodes_pass_values_on_in_the_prompt(eco):
    inputs_of_text = eco.ask(
        """async () => {
            const [set, get] = ["EcoSet", "EcoGet"].map((type) => LiteGraph.createNode(type));
            const [words, text] = [1, 2].map((id) => app.graph.getNodeById(id));
            for (const node of [set, get]) app.graph.add(node);
            text.disconnectInput(0);
            words.connect(0, set, 0);
            for (const node of [set, get]) {
                node.widgets[0].value = "here";
                node.widgets[0].callback("here");
            }
            get.connect(0, text, 0);
            const { output } = await app.graphToPrompt();
            return [Object.keys(output), output["2"].inputs.text, set.title, get.outputs[0].type];
        }"""
    )
    assert inputs_of_text == [["1", "2"], ["1", 0], "Set here", "STRING"]
    assert eco.ask(
        "() => [...sfumato.store.definitions.values()].some((one) => one.name === 'Set (example)')"
    )


def test_menus_commands_keys_settings_panels_and_dialogs_of_packs_work(eco):
    eco.click("1", "title", button="right")
    eco.page.get_by_role("menuitem", name="Note it").click()
    assert eco.ask("() => sfumato.store.graph.nodeByKey('1').kept.properties.note") == "noted"
    eco.click("1", "title", button="right")
    eco.page.get_by_role("menuitem", name="Colours").click()
    eco.page.get_by_role("menuitem", name="Red").click()
    eco.wait("sfumato.store.graph.nodeByKey('1').color === '#aa0000'")
    eco.page.mouse.click(1300, 200, button="right")
    eco.page.get_by_role("menuitem", name="Say where").click()
    assert len(eco.ask("() => wordsSeen.menu.at(-1)")) == 2

    eco.page.locator("#stage").focus()
    eco.page.keyboard.press("Alt+g")
    expect(eco.page.get_by_text("Hello: from a pack")).to_be_visible()
    assert eco.ask("() => sfumato.commands.byKeys.get('ctrl+z').id") == "undo"
    eco.ask("() => app.extensionManager.setting.set('example.words.level', 8)")
    assert eco.ask("() => [wordsSeen.settings.at(-1), sfumato.settings.get('example.words.shout')]") == [
        8,
        False,
    ]

    eco.page.click("[data-panel=example-words]")
    expect(eco.page.locator(".words-panel")).to_have_text("2 nodes")
    eco.page.click("[data-panel=example-words]")
    eco.ask("() => { aboutWords(); }")
    expect(eco.page.get_by_role("dialog").get_by_text("About words")).to_be_visible()
    eco.page.get_by_role("dialog").get_by_role("button", name="Close").click()


def test_widgets_are_hidden_watched_and_told_by_the_server_as_popular_packs_do_it(eco):
    eco.ask(
        OPEN, {"1": {"class_type": "EcoKinds", "inputs": {"level": 3, "advanced": False, "secret": "deep"}}}
    )
    shown = (
        "sfumato.view.scene.shape(sfumato.store.graph.nodeByKey('1')).widgets.map(({ slot }) => slot.name)"
    )
    eco.wait(f"{shown}.join() === 'level,advanced'")
    assert eco.ask("async () => (await app.graphToPrompt()).output['1'].inputs.secret") == "deep"
    eco.click("1", "widget", "advanced")
    eco.wait(f"{shown}.join() === 'level,advanced,secret'")
    eco.ask("() => sfumato.store.undo()")
    eco.wait(f"{shown}.join() === 'level,advanced'")

    eco.type_value("1", "level", "5")
    assert eco.ask("() => kindsLog.changes.at(-1)") == ["level", 3, 5]
    assert eco.ask("() => kindsLog.selected") == [1]
    assert eco.run() == {"1"}
    eco.wait("sfumato.store.graph.nodeByKey('1').values.level === 6")
    eco.page.get_by_role("button", name="Star").click()
    assert eco.ask("() => [kindsLog.pressed, app.graph.getNodeById(1).isGroup]") == [True, False]


def test_rows_that_a_pack_adds_come_back_from_files_and_stand_below_each_other(eco):
    eco.ask(
        OPEN, {"1": {"class_type": "EcoKinds", "inputs": {"level": 3, "advanced": False, "secret": "deep"}}}
    )
    eco.ask(
        """() => {
            const node = app.graph.getNodeById(1);
            node.addRow();
            node.addRow().value = { on: false, strength: 0.5 };
        }"""
    )
    eco.wait("sfumato.store.graph.nodeByKey('1').values.row_2?.strength === 0.5")
    made = eco.ask("async () => (await app.graphToPrompt()).output['1'].inputs.row_2")
    assert made == {"on": False, "strength": 0.5, "made": True}
    places = eco.wait("kindsLog.positions.length >= 2 && Object.fromEntries(kindsLog.positions)")
    assert 20 <= places["row_2"] - places["row_1"] <= 30
    written = eco.ask("() => sfumato.workflow()")
    eco.ask("(json) => app.loadGraphData(json)", written)
    assert values(eco, 1)["row_2"] == {"on": False, "strength": 0.5}
