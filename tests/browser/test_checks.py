"""Texts, files and packs of strangers: nothing in them runs, wherever it is shown."""

import json
import urllib.request
from contextlib import suppress
from urllib.parse import quote

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Error

from tests.browser.canvas_page import CanvasPage
from tests.browser.conftest import Server
from tests.browser.views import every_view, settled

pytestmark = pytest.mark.browser

NAME = "<img src=x onerror=hacked=1>"
TEXT = (
    f"\"'>{NAME}<svg onload=hacked=1><script>hacked=1</script><math><mtext><table><mglyph><style>"
    f'<img title="--></style>{NAME}"> [a](javascript:hacked=1) url(//evil.invalid/a)'
)
COLOUR = "red;background:url(//evil.invalid/colour)"
PACK = f'''
TEXT = {TEXT!r}


class Evil:
    """Every word that a pack can say."""

    DESCRIPTION = TEXT

    @classmethod
    def INPUT_TYPES(cls):
        told = {{"tooltip": TEXT, "label": TEXT}}
        return {{
            "required": {{
                TEXT: ("INT", {{"default": 1, **told}}),
                "choice": ([TEXT, "b"], told),
                "words": ("STRING", {{"default": TEXT, "multiline": True, "placeholder": TEXT, **told}}),
                "flag": ("BOOLEAN", {{"label_on": TEXT, "label_off": TEXT, **told}}),
            }}
        }}

    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = (TEXT,)
    FUNCTION = "fail"
    CATEGORY = TEXT.replace("/", "-")
    OUTPUT_NODE = True

    def fail(self, **values):
        raise ValueError(TEXT)


NODE_CLASS_MAPPINGS = {{"Evil": Evil}}
NODE_DISPLAY_NAME_MAPPINGS = {{"Evil": TEXT}}
'''
FOUND = """() => {
    const bad = [];
    for (const one of document.querySelectorAll("*")) {
        const names = [...one.attributes].map(({ name }) => name);
        const address = one.getAttribute("href") ?? one.getAttribute("src") ?? "";
        const isOurs = one.tagName !== "SCRIPT" || /\\/js\\/main\\.js$/.test(one.src);
        const isActive = names.some(name => name.startsWith("on") || name === "srcdoc");
        const isStrange = address === "x" || /^\\s*(javascript|data:text|vbscript):/i.test(address);
        const isForeign = /^(STYLE|IFRAME|OBJECT|EMBED|MATH|MGLYPH|BASE)$/i.test(one.tagName);
        if (isActive || isStrange || isForeign || !isOurs) bad.push(one.outerHTML.slice(0, 200));
    }
    return [bad, window.hacked ?? null, Object.keys(Object.prototype)];
}"""
CLEAN = [[], None, []]


def put(server, path, body, method="PUT"):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}{path}", json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return answer.status


def picture(path, workflow=None):
    """A picture on disk, with a workflow in it as this program and others write it."""
    about = PngInfo()
    if workflow is not None:
        about.add_text("workflow", workflow)
    Image.new("RGB", (48, 48), (90, 120, 200)).save(path, pnginfo=about)
    return path.read_bytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A server whose packs, files and models have names that mean harm."""
    base = tmp_path_factory.mktemp("evil")
    for name, code in (("evil", PACK), (NAME, f"raise ValueError({TEXT!r})")):
        (base / "custom_nodes" / name).mkdir(parents=True)
        (base / "custom_nodes" / name / "__init__.py").write_text(code)
    for folder in ("input", "output", "models/loras"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("input", "output"):
        picture(base / folder / f"{NAME}.png")
    (base / "models" / "loras" / f"{NAME}.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    server = Server(base)
    yield server
    server.stop()


@pytest.fixture
def stranger(place, chromium):
    context = chromium.new_context(viewport={"width": 1600, "height": 900}, accept_downloads=True)
    page = CanvasPage(context.new_page(), place)
    page.asked = []
    page.page.on("request", lambda request: page.asked.append(request.url))
    page.open()
    page.wait("sfumato.store.catalogue.has('Evil')")
    yield page
    own = (place.url, "blob:", "ws:", "data:image/png")
    assert [url for url in page.asked if not url.startswith(own)] == []
    assert page.faults == []
    context.close()


def hostile_workflow(workflow):
    """A workflow in which every word and number of a stranger is one that means harm."""
    node = {"mode": 0, "inputs": [], "outputs": [], "flags": {}, "title": TEXT, "color": COLOUR}
    workflow["nodes"] += [
        {
            **node,
            "id": 50,
            "type": "MarkdownNote",
            "pos": [0, -400],
            "size": [420, 320],
            "widgets_values": [TEXT],
        },
        {**node, "id": 51, "type": TEXT, "pos": [500, -400], "size": [200, 80], "bgcolor": COLOUR},
        {**node, "id": 52, "type": "Evil", "pos": [900, -400], "size": [300, 300], "shape": TEXT},
        {**node, "id": 53, "type": "Note", "pos": [1300, -400], "size": [300, 90], "widgets_values": [TEXT]},
    ]
    workflow["nodes"][0] |= {
        "title": TEXT,
        "properties": {"cnr_id": TEXT, "ver": TEXT, "url": "javascript:hacked=1"},
    }
    workflow["groups"] = [
        {"id": 1, "title": TEXT, "bounding": [0, 0, 300, 200], "color": COLOUR, "font_size": TEXT}
    ]
    items = [{"kind": "heading", "text": TEXT}, {"kind": "input", "node": 3, "name": "steps", "label": TEXT}]
    workflow["extra"] = {"sfumato": {"form": {"title": TEXT, "items": items}}, "workspace_info": {"id": TEXT}}
    workflow["models"] = [{"name": TEXT, "url": "javascript:hacked=1", "directory": TEXT, "hash": TEXT}]
    return workflow


def test_check_24_words_of_strangers_stay_words_in_every_view(stranger):
    canvas, page = stranger, stranger.page
    workflow = hostile_workflow(canvas.ask("sfumato.workflow()"))
    assert put(canvas.server, f"/api/workflows/{quote(NAME, safe='')}", workflow) == 200
    canvas.drop(json.dumps(workflow).encode(), f"{NAME}.json", "application/json", (900, 700))
    canvas.wait("sfumato.store.graph.nodeByKey('52')")
    page.get_by_role("button", name="Details").first.click()
    settled(page)
    assert canvas.ask(FOUND) == CLEAN, "packs that failed"
    page.keyboard.press("Escape")
    canvas.ask("async () => { await sfumato.runner.run({ targets: ['52'] }); }")
    canvas.wait("sfumato.runner.jobs.size === 0 && sfumato.board.problems.length > 0")
    settled(page)
    assert canvas.ask("sfumato.board.problems.some(one => JSON.stringify(one).includes('onload=hacked'))")
    assert canvas.ask(FOUND) == CLEAN, "an error"
    for key, part in (("52", "title"), ("51", "title"), ("50", "title")):
        canvas.ask("key => sfumato.view.fit([sfumato.store.graph.nodeByKey(key).id], 1)", key)
        canvas.click(key, part)
        canvas.click(key, part, button="right")
        page.locator(".menu").wait_for()
        assert canvas.ask(FOUND) == CLEAN, f"menu of {key}"
        page.keyboard.press("Escape")
        page.keyboard.press("F2")
        page.keyboard.press("Escape")
    page.keyboard.press("Control+Space")
    page.keyboard.type("onload")
    page.wait_for_timeout(300)
    assert canvas.ask(FOUND) == CLEAN, "search"
    page.keyboard.press("Escape")
    canvas.ask("() => sfumato.sidebar.open('assets')")
    page.locator(".asset").first.wait_for()
    page.locator(".asset").first.click()
    page.wait_for_timeout(300)
    assert canvas.ask(FOUND) == CLEAN, "a large picture"
    page.keyboard.press("Escape")
    canvas.ask("() => void sfumato.openSaved(arguments[0])".replace("arguments[0]", json.dumps(NAME)))
    canvas.wait(f"sfumato.savedAs === {json.dumps(NAME)}")
    for view in every_view(canvas):
        assert canvas.ask(FOUND) == CLEAN, view
    canvas.faults[:] = [fault for fault in canvas.faults if "400" not in fault]


def test_check_17_and_25_hostile_workflows_in_pictures_and_files_are_opened_or_refused(stranger, tmp_path):
    canvas, page = stranger, stranger.page
    workflow = hostile_workflow(canvas.ask("sfumato.workflow()"))
    text = json.dumps(workflow)[:-1] + (
        ', "__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "links": ['
        '[1e300, 4, 0, 3, 0, "MODEL"], [-1, "__proto__", 0, 3, 1, "X"], [2, 4, 99999999999, 3, 0, "MODEL"],'
        '[null], "x",'
        '[9007199254740993, 4, 0, 3, 0, "MODEL"]], "last_node_id": 1e308, "last_link_id": NaN}'
    )
    text = text.replace('"pos": [500, -400]', '"pos": [NaN, Infinity]').replace(
        '"properties": {', '"properties": {"__proto__": {"polluted": 1}, ', 1
    )
    content = picture(tmp_path / "evil.png", text)
    canvas.drop(content, "evil.png", "image/png", (1200, 800))
    canvas.wait("sfumato.store.graph.nodeByKey('52')")
    settled(page)
    assert canvas.ask(FOUND) == CLEAN
    assert canvas.ask("[({}).polluted ?? null, sfumato.store.graph.nodes.size > 5]") == [None, True]
    assert canvas.ask(
        "[...sfumato.store.graph.nodes.values()].every(node => node.position.every(Number.isFinite))"
    )
    refused = (
        (
            '{"nodes": [' + ",".join(['{"id":1,"type":"a"}'] * 100_001) + '], "links": []}',
            "the most that can be opened",
        ),
        ('{"nodes": ' + "[" * 100_000 + "]" * 100_000 + ', "links": []}', ""),
        ("{", "not valid JSON"),
    )
    tabs = canvas.ask("sfumato.workspace.tabs.length")
    for content, sentence in refused:
        canvas.drop(content.encode(), "bad.json", "application/json", (1200, 800))
        page.locator("#toasts").get_by_text(sentence).first.wait_for()
    canvas.ask("() => sfumato.commands.run('undo')")
    page.keyboard.press("Control+k")
    page.locator(".palette").wait_for()
    assert canvas.ask("sfumato.workspace.tabs.length") <= tabs + 1


SCRIPT = "window.hacked = 1; globalThis.hacked = 1; postMessage('ran');"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{SCRIPT}"><script>{SCRIPT}</script></svg>'
PAGE = f"<script>{SCRIPT}</script>"
FILES = {
    **dict.fromkeys(("a.html", "a.HTM", "a.xhtml", "a.xml", "a", "a.png.html"), PAGE),
    **dict.fromkeys(("a.js", "a.mjs"), SCRIPT),
    "a.svg": SVG,
    "a.css": "body { --hacked: 1 }",
}
TRY = """async address => {
    const late = resolve => setTimeout(() => resolve(""), 500);
    const tried = [await import(address).then(() => "import", () => "")];
    for (const [tag, name] of [["script", "src"], ["img", "src"], ["link", "href"], ["iframe", "src"]]) {
        const one = document.createElement(tag);
        one.rel = "stylesheet";
        const over = new Promise(resolve => { one.onload = one.onerror = resolve; late(resolve); });
        one[name] = address;
        document.body.append(one);
        await over;
        one.remove();
    }
    const worker = new Worker(address);
    tried.push(await new Promise(resolve => {
        worker.onmessage = () => resolve("worker");
        worker.onerror = () => resolve("");
        late(resolve);
    }));
    tried.push(window.hacked ?? "", getComputedStyle(document.body).getPropertyValue("--hacked"));
    return tried.filter(Boolean);
}"""


def test_check_26_files_of_users_never_run_in_the_page(stranger):
    canvas = stranger
    other = canvas.page.context.new_page()
    other.on("download", lambda download: download.cancel())
    for name, content in FILES.items():
        (canvas.server.base / "output" / name).write_text(content)
        put(canvas.server, f"/userdata/{quote(name)}", content, "POST")
        for address in (f"/view?filename={quote(name)}", f"/userdata/{quote(name)}"):
            assert canvas.ask(TRY, address) == [], address
        with suppress(Error):  # A download ends the navigation, which Playwright tells as an error.
            other.goto(f"{canvas.server.url}/view?filename={quote(name)}")
        assert other.evaluate("window.hacked ?? null") is None, name
    canvas.faults.clear()


def test_check_27_scripts_come_from_packs_that_are_on_and_their_marks_are_shown(chromium, tmp_path):
    for name in ("on", "off.disabled", ".hidden"):
        (tmp_path / "custom_nodes" / name / "js").mkdir(parents=True)
        (tmp_path / "custom_nodes" / name / "__init__.py").write_text(
            "WEB_DIRECTORY = './js'\nNODE_CLASS_MAPPINGS = {}\n"
        )
        body = f"window.ran = [...(window.ran ?? []), {json.dumps(name)}];"
        script = f"export const api = 1; export default function () {{ {body} }}"
        (tmp_path / "custom_nodes" / name / "js" / "a.js").write_text(script)
    server = Server(tmp_path)
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    canvas = CanvasPage(context.new_page(), server)
    canvas.open()
    canvas.wait("sfumato.extensions?.isDone")
    assert canvas.ask("window.ran") == ["on"]
    canvas.ask("() => sfumato.commands.run('extensions')")
    mark = canvas.page.locator("section[data-pack=on] .fingerprint")
    mark.get_by_text("SHA-256").wait_for()
    assert canvas.faults == []
    context.close()
    server.stop()
