"""The queue panel and the sheet of what is missing, in the hands of a person."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_jobs_are_moved_cancelled_and_opened_again_from_the_panel(canvas):
    canvas.page.keyboard.press("q")
    canvas.page.get_by_role("button", name="Pause").click()
    canvas.page.get_by_role("button", name="Go on").wait_for()
    canvas.type_value("5", "width", "64")
    canvas.type_value("5", "height", "64")
    for seed in (901, 902, 903):
        canvas.type_value("3", "seed", str(seed))
        canvas.page.keyboard.press("Control+Enter")
        canvas.wait(f"[...sfumato.runner.jobs.values()].at(-1)?.seeds[0].value === {seed}")
    canvas.wait("sfumato.runner.jobs.size === 3 && document.querySelectorAll('.queue-row').length >= 3")
    waiting = "[...sfumato.runner.jobs.keys()].map(id => document.querySelector(`[data-job='${id}']`))"
    canvas.wait(f"{waiting}.every(Boolean)")
    second, last = canvas.ask("[...sfumato.runner.jobs.keys()].slice(1)")
    order = "[...document.querySelectorAll('.queue-row[data-job]')].map(row => row.dataset.job)"
    canvas.page.locator(f"[data-job='{last}']").focus()
    canvas.page.keyboard.press("Alt+ArrowUp")
    canvas.wait(f"{order}[1] === '{last}'")
    canvas.page.keyboard.press("Delete")
    canvas.wait(f"sfumato.runner.jobs.size === 2 && !sfumato.runner.jobs.has('{last}')")
    canvas.page.get_by_role("button", name="Go on").click()
    canvas.wait("sfumato.runner.jobs.size === 0")
    canvas.wait("document.querySelectorAll('.queue-row.is-succeeded').length >= 2")
    canvas.type_value("3", "seed", "1")
    done = canvas.page.locator(f".queue-row.is-succeeded[data-job='{second}']")
    done.click(button="right")
    canvas.page.get_by_role("menuitem", name="What ran and why").click()
    why = canvas.page.get_by_role("dialog", name="What ran and why")
    expect(why).to_contain_text("input seed changed: 901 is 902 now")
    canvas.page.keyboard.press("Escape")
    done.click(button="right")
    canvas.page.get_by_role("menuitem", name="Use this seed").click()
    canvas.wait("sfumato.store.graph.nodeByKey('3').values.seed === 902")
    done.dblclick()
    canvas.wait("sfumato.workspace.tabs.length === 2 && sfumato.board.outputOf('9').pictures.length === 1")
    canvas.page.keyboard.press("q")


def test_what_is_missing_is_told_and_replaced_with_one_click(canvas):
    workflow = canvas.ask("sfumato.workflow()")
    for node in workflow["nodes"]:
        if node["id"] == 3:
            node["type"] = "KSamplerOfSomePack"
            node["properties"] = {"cnr_id": "some-pack", "ver": "1.2"}
    canvas.drop(json.dumps(workflow).encode(), "shared.json", "application/json", (900, 700))
    canvas.page.get_by_role("button", name="Show them").click()
    panel = canvas.page.locator(".missing")
    panel.get_by_text("some-pack 1.2").wait_for()
    panel.get_by_role("button", name="KSampler", exact=True).click()
    canvas.wait("sfumato.store.graph.nodeByKey('3').type === 'KSampler'")
    assert len(canvas.links()) == 9
    panel.get_by_text("Everything that this workflow needs is here.").wait_for()
    canvas.page.keyboard.press("Escape")
