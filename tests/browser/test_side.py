"""What stands beside the canvas: the library, the gallery, settings, keys, languages, templates."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def types(canvas):
    return canvas.ask("[...sfumato.store.graph.nodes.values()].map(node => node.type)")


def drag_out(canvas, row, place):
    box = row.bounding_box()
    canvas.drag((box["x"] + 60, box["y"] + box["height"] / 2), place)


def test_a_type_is_found_in_the_library_and_dragged_onto_the_canvas(canvas):
    canvas.page.locator("#stage").focus()
    canvas.page.keyboard.press("n")
    canvas.page.get_by_label("Search the node types").fill("invert im")
    row = canvas.page.get_by_role("treeitem", name="Invert Image")
    row.hover()
    expect(canvas.page.locator(".look")).to_contain_text("ImageInvert")
    drag_out(canvas, row, (900, 820))
    assert types(canvas).count("ImageInvert") == 1
    canvas.page.get_by_label("Search the node types").fill("")
    canvas.page.get_by_role("treeitem", name="Used often").click()
    expect(canvas.page.get_by_role("treeitem", name="Invert Image")).to_have_count(1)


def test_a_template_runs_and_its_picture_tells_how_it_was_made(canvas):
    canvas.page.click("#menu")
    canvas.page.get_by_role("menuitem", name="Begin with a template").click()
    canvas.page.get_by_role("button", name="Picture to picture").click()
    canvas.wait("sfumato.name === 'Picture to picture'")
    canvas.ask("sfumato.view.fit()")
    canvas.type_value("5", "steps", "2")
    canvas.run()
    canvas.page.locator("#stage").focus()
    canvas.page.keyboard.press("a")
    canvas.page.get_by_label("Order", exact=True).select_option("Longest run first")
    expect(canvas.page.locator(".asset[title^=redrawn] .asset-span").first).to_contain_text(" s")
    canvas.page.locator(".asset[title^=redrawn]").first.click()
    canvas.page.get_by_role("button", name="Open the workflow that made this").click()
    canvas.wait("sfumato.name.startsWith('redrawn')")
    assert canvas.values("5")["steps"] == 2
    canvas.ask("sfumato.view.fit()")
    drag_out(canvas, canvas.page.locator(".asset[title^=redrawn]").first, canvas.place("4", "title"))
    assert canvas.values("4")["image"].endswith("[output]")


def test_a_setting_is_found_and_kept_and_keys_are_taken_from_others(canvas):
    canvas.page.keyboard.press("Control+Comma")
    canvas.page.get_by_label("Search the settings").first.fill("high contrast")
    canvas.page.get_by_label("Theme", exact=True).select_option("High contrast")
    canvas.wait("document.documentElement.dataset.theme === 'contrast'")
    assert canvas.ask("sfumato.view.theme.paper") == "#000000"
    canvas.page.get_by_role("button", name="Keys", exact=True).click()
    row = canvas.page.locator(".key-row", has_text="Zoom in").first
    row.get_by_role("button", name="Add keys").click()
    canvas.page.keyboard.press("r")
    expect(row).to_contain_text("Refresh node definitions")
    canvas.page.keyboard.press("Enter")
    canvas.page.keyboard.press("Escape")
    before = canvas.ask("sfumato.view.camera.scale")
    canvas.page.locator("#stage").focus()
    canvas.page.keyboard.press("r")
    assert canvas.ask("sfumato.view.camera.scale") > before
    canvas.ask("sfumato.settings.set('keys.chosen', {})")
    canvas.ask("sfumato.settings.set('appearance.theme', 'system')")


def test_the_page_speaks_the_language_that_was_chosen(canvas):
    canvas.ask("sfumato.settings.set('appearance.language', 'de')")
    canvas.reload()
    expect(canvas.page.locator("#run-label")).to_have_text("Start")
    assert canvas.ask("document.documentElement.lang") == "de"
    expect(canvas.page.get_by_role("button", name="Rückgängig")).to_have_count(1)
    canvas.ask("sfumato.settings.set('appearance.language', 'system')")
    canvas.wait("Object.keys(sfumato.settings.unsent).length === 0")
