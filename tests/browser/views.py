"""Every view of the page, shown one after the other, for tests that look at all of them."""

import io
from collections.abc import Iterator

from PIL import Image

NOTE = """() => {
    const { store, actions } = sfumato;
    actions.add(store.definitions.get("MarkdownNote"), [-400, 0]);
    sfumato.view.fit();
}"""
FAIL = """sfumato.board.setProblems([
    { key: "3", input: "seed", title: "x", text: "It failed.", details: "Traceback" }
])"""
LOADER = """() => {
    const { store, actions } = sfumato;
    actions.add(store.definitions.get("LoadImage"), [-400, 500]);
    sfumato.view.fit();
    return [...store.graph.nodes.values()].at(-1).key;
}"""
LOST = """async () => {
    const { openJson } = await import("/js/model/io/open.js");
    const prompt = { "1": { class_type: "NobodyHasThis", inputs: { x: 1 } } };
    sfumato.open(openJson(prompt, sfumato.store.definitions).document, "Lost");
}"""
DIALOGS = {
    "palette": "Control+k",
    "search for nodes": "Control+Space",
    "keys": "?",
    "settings": "Control+,",
}
COMMANDS = ("colour", "templates", "rename-workflow")


def settled(page) -> None:
    """Wait until nothing moves and what is fetched on demand is there."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(120)


def every_view(canvas) -> Iterator[str]:
    """Show each view of the page and give its name while it stands."""
    page = canvas.page
    settled(page)
    yield "start"
    yield from dialogs(canvas)
    yield from docks(canvas)
    canvas.ask(NOTE)
    canvas.ask(FAIL)
    page.locator("#stage").focus()
    page.keyboard.press("o")
    page.keyboard.press("Alt+Shift+M")
    settled(page)
    yield "note, problems, list of nodes, map"
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+m")
    page.locator("#form .form-field").first.wait_for()
    settled(page)
    yield "form"
    page.get_by_role("button", name="Edit the form").click()
    settled(page)
    yield "form that is edited"
    page.keyboard.press("Alt+m")
    yield from pictures(canvas)
    canvas.ask(LOST)
    canvas.ask("sfumato.sidebar.open('missing')")
    page.locator(".missing").get_by_text("NobodyHasThis").first.wait_for()
    settled(page)
    yield "what is missing"


def dialogs(canvas) -> Iterator[str]:
    """What opens above the page."""
    page = canvas.page
    page.click("#menu")
    settled(page)
    yield "menu"
    page.keyboard.press("Escape")
    for name, keys in DIALOGS.items():
        page.locator("#stage").focus()
        page.keyboard.press(keys)
        page.locator("dialog[open], .panel").first.wait_for()
        settled(page)
        yield name
        page.keyboard.press("Escape")
    canvas.ask("() => sfumato.view.select([sfumato.store.graph.nodeByKey('3').id])")
    settled(page)
    yield "tools above a selection"
    for command in COMMANDS:
        canvas.ask("id => void sfumato.commands.run(id)", command)
        page.locator("dialog[open], .panel").first.wait_for()
        settled(page)
        yield command
        page.keyboard.press("Escape")
        page.wait_for_timeout(60)


def docks(canvas) -> Iterator[str]:
    """Each panel at the left and at the bottom."""
    page = canvas.page
    for dock in ("sidebar", "bottom"):
        for panel in canvas.ask("dock => [...sfumato[dock].panels.keys()]", dock):
            canvas.ask("([dock, panel]) => sfumato[dock].open(panel)", [dock, panel])
            settled(page)
            yield f"{dock}: {panel}"
        canvas.ask("dock => sfumato[dock].close()", dock)


def pictures(canvas) -> Iterator[str]:
    """A picture on a node, the editor of masks, and the picture large."""
    page = canvas.page
    key = canvas.ask(LOADER)
    content = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 120, 200)).save(content, "PNG")
    canvas.drop(content.getvalue(), "view.png", "image/png", canvas.place(key, "media"))
    canvas.wait(f"sfumato.store.graph.nodeByKey('{key}').values.image === 'view.png'")
    canvas.ask("key => sfumato.view.select([sfumato.store.graph.nodeByKey(key).id])", key)
    canvas.ask("() => void sfumato.commands.run('edit-mask')")
    page.locator(".mask-board").wait_for()
    settled(page)
    yield "mask"
    page.keyboard.press("Escape")
    page.locator("dialog[open]").wait_for(state="detached")
    canvas.click(key, "media", click_count=2)
    page.locator(".lightbox").wait_for()
    settled(page)
    yield "picture"
    page.keyboard.press("Escape")
