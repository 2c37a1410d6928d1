"""A mask is painted over a picture, kept as the ecosystem does, and used to paint a part of it anew."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

INPAINT = """() => {
    const { store, actions } = sfumato;
    const add = (type, at) => actions.add(store.definitions.get(type), at);
    add("LoadImage", [-400, 500]);
    add("SetLatentNoiseMask", [0, 500]);
    add("VAEEncode", [-100, 700]);
}"""


def picture():
    buffer = io.BytesIO()
    image = Image.new("RGB", (128, 128), (200, 60, 40))
    image.paste((20, 60, 200), (0, 0, 64, 128))
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_painted_mask_is_saved_and_used_to_paint_a_part_anew(canvas):
    page = canvas.page
    canvas.ask(INPAINT)
    canvas.ask("""async () => {
        const { connect } = await import("/js/model/commands.js");
        const { store } = sfumato;
        const id = key => store.graph.nodeByKey(key).id;
        const link = (from, slot, to, input) =>
            store.run("link", c => connect(c, store.definitions, id(from), slot, id(to), input));
        link("10", 0, "12", "pixels"); link("4", 2, "12", "vae"); link("12", 0, "11", "samples");
        link("10", 1, "11", "mask"); link("11", 0, "3", "latent_image");
    }""")
    page.keyboard.press(".")
    canvas.drop(picture(), "two.png", "image/png", canvas.place("10", "media"))
    canvas.wait("sfumato.store.graph.nodeByKey('10').values.image === 'two.png'")
    canvas.ask("sfumato.view.select([sfumato.store.graph.nodeByKey('10').id])")
    page.locator(".toolbox [data-tool='mask']").click()
    board = page.locator(".mask-board")
    board.wait_for()
    box = board.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    canvas.drag(middle, (middle[0] + 60, middle[1]))
    page.locator(".mask-tools").get_by_text("Invert").click()
    page.keyboard.press("Control+z")
    page.locator(".mask-tools").get_by_text("Undo").click()
    page.locator(".mask-tools").get_by_text("Redo").click()
    board.focus()
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.get_by_role("button", name="Save the mask").click()
    page.locator("dialog").wait_for(state="detached")
    value = canvas.values("10")["image"]
    assert value.startswith("clipspace/clipspace-mask-")
    assert value.endswith(".png [input]")
    saved = Image.open(canvas.server.base / "input" / value.removesuffix(" [input]"))
    assert saved.mode == "RGBA"
    assert saved.getpixel((4, 4)) == (20, 60, 200, 255)
    assert saved.getpixel((66, 64)) == (200, 60, 40, 0)
    assert saved.getpixel((64, 64 + 40))[3] == 0
    assert {"10", "11", "3", "9"} <= canvas.run()
    assert canvas.picture_url("9")
    page.locator(".toolbox [data-tool='mask']").click()
    board.wait_for()
    again = canvas.ask("""() => {
        const sheet = document.querySelector(".mask-paint");
        return sheet.getContext("2d").getImageData(66, 64, 1, 1).data[3];
    }""")
    assert again > 100


def test_areas_and_colours_are_filled_with_pointer_and_keys(canvas):
    page = canvas.page
    canvas.ask(INPAINT)
    page.keyboard.press(".")
    canvas.drop(picture(), "fill.png", "image/png", canvas.place("10", "media"))
    canvas.wait("sfumato.store.graph.nodeByKey('10').values.image === 'fill.png'")
    canvas.ask("sfumato.view.select([sfumato.store.graph.nodeByKey('10').id])")
    canvas.ask("() => void sfumato.commands.run('edit-mask')")
    board = page.locator(".mask-board")
    board.wait_for()
    page.keyboard.press("g")
    expect(page.locator("[data-tool=fill]")).to_have_attribute("aria-pressed", "true")
    box = board.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2 - 20, box["y"] + box["height"] / 2)
    part = """() => {
        const { data } = document.querySelector(".mask-paint").getContext("2d").getImageData(0, 0, 128, 128);
        return [data[3] > 0, data[4 * 127 + 3] > 0];
    }"""
    assert canvas.ask(part) == [True, False]
    page.mouse.click(box["x"] + box["width"] / 2 - 20, box["y"] + box["height"] / 2, button="right")
    assert canvas.ask(part) == [False, False]
    page.keyboard.press("c")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.locator(".mask [role=status]")).to_have_text("The area is filled.")
    assert canvas.ask(part) == [False, True]
    page.keyboard.press("Delete")
    page.keyboard.press("g")
    for _ in range(12):
        page.keyboard.press(".")
    # Half a turn: what was at the left is at the right.
    page.mouse.click(box["x"] + box["width"] / 2 + 20, box["y"] + box["height"] / 2)
    assert canvas.ask(part) == [True, False]
    page.keyboard.press("0")
    assert "rotate(0rad)" in page.locator(".mask-sheet").get_attribute("style")
    page.get_by_role("button", name="Cancel").last.click()
