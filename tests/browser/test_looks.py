"""How the canvas looks is a choice: alone, in any colour, with larger letters; how fast its edges pull."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_the_canvas_stands_alone_until_everything_is_asked_for_again(canvas):
    page = canvas.page
    canvas.ask("sfumato.sidebar.open('nodes')")
    canvas.wait("sfumato.commands.all.has('canvas-alone')")
    canvas.click("3", "title")
    page.keyboard.press("Alt+Shift+f")
    expect(page.locator("#toasts")).to_contain_text("Only the canvas is shown.")
    for part in ("#run", "#rail", "#side", ".tools"):
        expect(page.locator(part)).to_be_hidden()
    stage = page.locator("#stage").bounding_box()
    assert (stage["x"], stage["y"], stage["width"], stage["height"]) == (0, 0, 1600, 900)
    canvas.wait("sfumato.view.width === 1600 && sfumato.view.height === 900")
    canvas.type_value("3", "steps", "4")
    assert canvas.values("3")["steps"] == 4
    page.get_by_role("button", name="Show everything again (Alt+Shift+F)").click()
    for part in ("#run", "#rail", "#side", ".tools"):
        expect(page.locator(part)).to_be_visible()
    expect(page.locator(".quiet-back")).to_have_count(0)
    canvas.ask("sfumato.sidebar.close()")


def test_groups_and_nodes_take_any_colour_by_keys(canvas):
    page = canvas.page
    canvas.click("3", "title")
    page.keyboard.press("Control+g")
    page.keyboard.press("Enter")
    colour = "[...sfumato.store.graph.groups.values()][0].color"
    for select, found in (
        ("sfumato.view.clearSelection(), sfumato.view.selectedGroup = null", None),
        ("sfumato.view.selectedGroup = [...sfumato.store.graph.groups.keys()][0]", colour),
        (
            "sfumato.view.select([sfumato.store.graph.nodeByKey('3').id])",
            "sfumato.store.graph.nodeByKey('3').color",
        ),
    ):
        canvas.ask(f"() => {{ {select}; }}")
        if found is None:
            assert not canvas.ask("sfumato.commands.all.get('colour').isEnabled()")
            continue
        canvas.ask("sfumato.commands.run('colour')")
        page.keyboard.press("End")
        page.get_by_role("option", name="another…").click()
        page.get_by_label("Colour as #rrggbb").fill("#12AB9f")
        page.keyboard.press("Enter")
        canvas.wait(f"{found} === '#12ab9f'")
    page.keyboard.press("Control+z")
    assert canvas.ask(colour) == "#12ab9f"
    assert canvas.ask("sfumato.store.graph.nodeByKey('3').color") is None


def test_texts_on_nodes_grow_and_edges_pull_as_chosen(canvas):
    canvas.ask("sfumato.settings.set('canvas.text', 20)")
    x, y = canvas.place("6", "widget", "text")
    canvas.page.mouse.move(x, y)
    text = canvas.page.locator(".text-widget")
    expect(text).to_have_css("font-size", "20px")
    expect(text).to_have_css("line-height", "26px")
    canvas.ask("sfumato.settings.set('canvas.text', 13)")
    expect(text).to_have_css("font-size", "13px")
    canvas.ask("sfumato.settings.set('canvas.edges', 0)")
    canvas.page.mouse.move(*canvas.place("3", "title"))
    before = canvas.ask("sfumato.view.camera.x")
    canvas.page.mouse.down()
    canvas.page.mouse.move(1200, 500, steps=3)
    canvas.page.mouse.move(1598, 500, steps=3)
    for _ in range(5):
        canvas.ask("() => new Promise(requestAnimationFrame)")
    assert canvas.ask("sfumato.view.camera.x") == before
    canvas.ask("sfumato.settings.set('canvas.edges', 2)")
    canvas.page.mouse.move(1597, 500)
    canvas.wait(f"sfumato.view.camera.x !== {before}")
    canvas.page.keyboard.press("Escape")
    canvas.page.mouse.up()
    canvas.ask("sfumato.settings.set('canvas.edges', 1)")


def test_the_middle_button_on_a_socket_makes_a_reroute_and_so_does_a_command(canvas):
    size = "sfumato.store.graph.reroutes.size"
    canvas.page.mouse.click(*canvas.place("3", "output", "LATENT"), button="middle")
    assert canvas.ask(size) == 1
    canvas.page.mouse.click(*canvas.place("3", "input", "model"), button="middle")
    assert canvas.ask(size) == 2
    canvas.wait("sfumato.commands.all.has('add-reroutes')")
    canvas.ask("() => sfumato.view.select([sfumato.store.graph.nodeByKey('4').id])")
    canvas.ask("sfumato.commands.run('add-reroutes')")
    expect(canvas.page.locator("#toasts")).to_contain_text("Reroutes added: 3")
    assert canvas.ask(size) == 5
    canvas.page.keyboard.press("Control+z")
    assert canvas.ask(size) == 2
