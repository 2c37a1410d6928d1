"""Texts of strangers: titles, notes, names, errors. Nothing in them runs or calls another server."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
NOTE = f"""# {EVIL}

{EVIL}

[click](javascript:window.hacked=1) [data](data:text/html,<script>1</script>) [fine](https://example.invalid/page)

![spy](https://example.invalid/spy.png) ![spy](//example.invalid/spy.png) ![own](favicon.svg)

- **one** `{EVIL}`
"""


def test_nothing_in_texts_of_strangers_runs_or_calls_home(canvas):
    asked = []
    canvas.page.on("request", lambda request: asked.append(request.url))
    workflow = canvas.ask("sfumato.workflow()")
    node = {"mode": 0, "inputs": [], "outputs": [], "properties": {}}
    workflow["nodes"] += [
        {**node, "id": 50, "type": "MarkdownNote", "pos": [0, -400], "size": [420, 320], "title": EVIL},
        {**node, "id": 51, "type": EVIL, "pos": [500, -400], "size": [200, 80]},
    ]
    workflow["nodes"][-2]["widgets_values"] = [NOTE]
    workflow["nodes"][0]["title"] = EVIL
    workflow["groups"] = [{"id": 1, "title": EVIL, "bounding": [0, 0, 300, 200]}]
    items = [{"kind": "heading", "text": EVIL}, {"kind": "input", "node": 3, "name": "steps", "label": EVIL}]
    workflow["extra"] = {"sfumato": {"form": {"title": EVIL, "items": items}}}
    canvas.ask(
        """async ([workflow, evil]) => {
            const { openJson } = await import("/js/model/io/open.js");
            sfumato.open(openJson(workflow, sfumato.store.definitions).document, evil);
            sfumato.board.setProblems([{ key: "4", input: null, title: evil, text: evil, details: evil }]);
            sfumato.view.fit([sfumato.store.graph.nodeByKey("50").id], 1);
        }""",
        [workflow, EVIL],
    )
    note = canvas.page.locator(".note-overlay")
    expect(note).to_contain_text(EVIL)
    links = [link.get_attribute("href") for link in note.locator("a").all()]
    assert links == ["https://example.invalid/page"]
    assert note.locator("a").get_attribute("rel") == "noopener noreferrer"
    assert note.locator("img").count() == 1
    assert note.locator("strong").inner_text() == "one"
    canvas.page.keyboard.press("o")
    canvas.page.keyboard.press("Alt+m")
    canvas.page.locator("#form .form-heading").wait_for()
    expect(canvas.page.locator("#form h1")).to_have_text(EVIL)
    canvas.page.keyboard.press("Alt+m")
    canvas.page.wait_for_timeout(200)
    assert canvas.ask("window.hacked") is None
    assert canvas.page.locator("body script").count() == 0
    assert [url for url in asked if not url.startswith((canvas.server.url, "blob:", "ws:"))] == []
