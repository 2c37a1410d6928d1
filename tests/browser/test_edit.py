"""Editing by mouse and keyboard."""

import io
import json

import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_link_dropped_on_nothing_offers_what_fits_and_links_it(canvas):
    canvas.drag(canvas.place("8", "output", "IMAGE"), (1250, 780))
    palette = canvas.page.get_by_role("dialog", name="Add a node for IMAGE")
    palette.locator(".row").first.wait_for()
    names = palette.locator(".row").all_inner_texts()
    assert not any("KSampler" in name for name in names)
    canvas.page.keyboard.type("preview image")
    canvas.page.keyboard.press("Enter")
    assert "8.0 > 10.images" in canvas.links()
    canvas.page.keyboard.press("Control+z")
    assert canvas.node_keys() == ["3", "4", "5", "6", "7", "8", "9"]


def test_a_double_click_finds_and_adds_a_node(canvas):
    canvas.page.mouse.dblclick(200, 700)
    canvas.choose_type("invert im")
    assert canvas.ask("sfumato.store.graph.nodeByKey('10').type") == "ImageInvert"


def test_a_link_to_a_wrong_socket_is_refused_with_the_reason(canvas):
    canvas.drag(canvas.place("5", "output", "LATENT"), canvas.place("8", "input", "vae"))
    expect(canvas.page.locator("#toasts")).to_contain_text('"vae" takes VAE, not LATENT.')
    assert "4.2 > 8.vae" in canvas.links()


def test_a_link_is_made_moved_and_taken_away_with_the_mouse(canvas):
    canvas.drag(canvas.place("7", "output", "CONDITIONING"), canvas.place("3", "input", "positive"))
    assert "7.0 > 3.positive" in canvas.links()
    assert "6.0 > 3.positive" not in canvas.links()
    canvas.page.keyboard.press("Control+z")
    assert "6.0 > 3.positive" in canvas.links()
    canvas.drag(canvas.place("3", "input", "positive"), (1150, 800))
    assert not any("3.positive" in link for link in canvas.links())


def test_nodes_are_selected_moved_copied_and_deleted(canvas):
    start = canvas.place("5", "title")
    before = canvas.ask("sfumato.store.graph.nodeByKey('5').position")
    canvas.drag(start, (start[0] + 60, start[1] + 40))
    after = canvas.ask("sfumato.store.graph.nodeByKey('5').position")
    scale = canvas.ask("sfumato.view.camera.scale")
    assert after == pytest.approx([before[0] + 60 / scale, before[1] + 40 / scale], abs=1)
    canvas.page.keyboard.press("Control+z")
    assert canvas.ask("sfumato.store.graph.nodeByKey('5').position") == before
    canvas.click("5", "title")
    canvas.page.keyboard.press("Control+c")
    canvas.page.mouse.move(300, 750)
    canvas.page.keyboard.press("Control+v")
    assert len(canvas.node_keys()) == 8
    canvas.page.keyboard.press("Delete")
    assert canvas.node_keys() == ["3", "4", "5", "6", "7", "8", "9"]
    canvas.drag(canvas.place("5", "title"), (300, 800), modifier="Alt")
    assert len(canvas.node_keys()) == 8


def test_a_box_selects_what_it_touches(canvas):
    left, top, right, bottom = canvas.ask(
        """() => {
            const { view, store } = sfumato;
            const ids = ["5", "6", "7"].map(key => store.graph.nodeByKey(key).id);
            const [x, y, width, height] = view.scene.bounds(ids);
            const box = view.stage.getBoundingClientRect();
            const corner = (x, y) =>
                view.camera.toScreen(x, y).map((at, side) => at + (side ? box.top : box.left));
            return [...corner(x - 6, y - 6), ...corner(x + width + 6, y + height - 20)];
        }"""
    )
    canvas.drag((left, top), (right, bottom), modifier="Control")
    chosen = canvas.ask("[...sfumato.view.selection].map(id => sfumato.store.graph.nodes.get(id).key).sort()")
    assert {"5", "6", "7"} <= set(chosen)
    assert "9" not in chosen


def test_text_is_typed_into_a_real_text_area_and_undone_in_one_step(canvas):
    x, y = canvas.place("7", "widget", "text")
    canvas.page.mouse.move(x, y)
    area = canvas.page.locator("textarea")
    area.click()
    canvas.page.keyboard.type("blurry, w r n z")
    assert canvas.values("7")["text"] == "blurry, w r n z"
    canvas.page.mouse.click(200, 800)
    expect(area).to_have_count(0)
    canvas.page.keyboard.press("Control+z")
    assert canvas.values("7")["text"] == ""


def test_numbers_are_dragged_stepped_and_typed(canvas):
    x, y = canvas.place("3", "widget", "cfg")
    canvas.drag((x, y), (x + 50, y))
    assert canvas.values("3")["cfg"] == pytest.approx(8.0)
    canvas.type_value("3", "cfg", "4.5")
    assert canvas.values("3")["cfg"] == 4.5
    canvas.type_value("5", "width", "64*3")
    assert canvas.values("5")["width"] == 192
    canvas.type_value("5", "width", "999999")
    assert canvas.values("5")["width"] == 16384


def test_a_choice_is_picked_from_a_list_with_the_keyboard(canvas):
    canvas.click("3", "widget", "sampler_name")
    canvas.page.keyboard.type("dpmpp_2m")
    canvas.page.keyboard.press("Enter")
    assert canvas.values("3")["sampler_name"] == "dpmpp_2m"


def test_nodes_are_muted_bypassed_collapsed_and_renamed_by_keys(canvas):
    canvas.click("6", "title")
    for keys, expression in [
        ("Control+b", "mode === 'bypass'"),
        ("Control+b", "mode === 'normal'"),
        ("Control+m", "mode === 'mute'"),
        ("Alt+c", "collapsed"),
    ]:
        canvas.page.keyboard.press(keys)
        assert canvas.ask(f"sfumato.store.graph.nodeByKey('6').{expression}")
    canvas.page.mouse.dblclick(*canvas.place("6", "title"))
    canvas.page.keyboard.type("My prompt")
    canvas.page.keyboard.press("Enter")
    assert canvas.ask("sfumato.store.graph.nodeByKey('6').title") == "My prompt"


def test_a_draft_survives_a_reload(canvas):
    canvas.type_value("3", "steps", "9")
    canvas.reload()
    assert canvas.values("3")["steps"] == 9
    assert canvas.ask("sfumato.isDirty")
    expect(canvas.page.get_by_role("tab", name="not saved")).to_have_count(1)


def test_a_workflow_is_saved_on_the_server_and_opened_again(canvas):
    canvas.type_value("3", "steps", "13")
    canvas.page.keyboard.press("Control+s")
    canvas.page.keyboard.type("thirteen")
    canvas.page.keyboard.press("Enter")
    canvas.wait("!sfumato.isDirty")
    assert list(canvas.server.base.rglob("thirteen.json"))
    canvas.type_value("3", "steps", "14")
    canvas.page.keyboard.press("Alt+w")
    canvas.page.keyboard.press("w")
    canvas.page.locator(".file", has_text="thirteen").click()
    canvas.wait("sfumato.name === 'thirteen' && sfumato.store.graph.nodeByKey('3').values.steps === 13")


def test_a_picture_dropped_on_a_loader_is_uploaded_and_shown(canvas):
    canvas.page.mouse.dblclick(200, 700)
    canvas.choose_type("load image")
    buffer = io.BytesIO()
    Image.effect_noise((40, 40), 90).convert("RGB").save(buffer, "PNG")
    canvas.page.keyboard.press(".")
    canvas.drop(buffer.getvalue(), "red.png", "image/png", canvas.place("10", "media"))
    canvas.wait("sfumato.store.graph.nodeByKey('10').values.image === 'red.png'")
    assert (canvas.server.base / "input" / "red.png").is_file()
    canvas.wait_for_colours("10")


def test_an_unknown_node_keeps_its_data_and_is_marked(canvas):
    unknown = {
        "id": 5,
        "type": "Nobody",
        "pos": [100, 100],
        "size": [200, 80],
        "mode": 0,
        "properties": {"a": 1},
        "inputs": [],
        "outputs": [{"name": "X", "type": "X", "links": None}],
        "widgets_values": [1, "two"],
    }
    workflow = json.dumps({"nodes": [unknown], "links": [], "version": 0.4}).encode()
    canvas.drop(workflow, "odd.json", "application/json", (400, 700))
    canvas.wait("sfumato.name === 'odd'")
    node = canvas.ask("sfumato.workflow().nodes[0]")
    assert node["widgets_values"] == [1, "two"]
    assert node["properties"] == {"a": 1}
    assert canvas.ask("sfumato.view.scene.shape(sfumato.store.graph.nodeByKey('5')).isKnown") is False


def test_hostile_names_and_texts_stay_text(canvas):
    evil = "<img src=x onerror=window.hacked=1>"
    workflow = canvas.ask("sfumato.workflow()")
    workflow["nodes"][0]["title"] = evil
    workflow["groups"] = [{"id": 1, "title": evil, "bounding": [0, 0, 300, 200]}]
    workflow["nodes"][0]["widgets_values_named"] = None
    canvas.ask(
        """async ([workflow, evil]) => {
            const { openJson } = await import("/js/model/io/open.js");
            sfumato.open(openJson(workflow, sfumato.store.definitions).document, evil);
            sfumato.board.setProblems([{ key: "4", input: null, title: evil, text: evil, details: evil }]);
        }""",
        [workflow, evil],
    )
    canvas.page.wait_for_timeout(200)
    assert canvas.page.locator("img").count() == 0
    assert canvas.ask("window.hacked") is None
    expect(canvas.page.locator("#tabs [aria-selected='true']")).to_contain_text(evil)
