"""The form view: made by itself, arranged, kept with the workflow, run; alone and on a phone."""

import pytest
from playwright.sync_api import expect

from tests.browser.canvas_page import CanvasPage

pytestmark = pytest.mark.browser

SHOWN = "document.querySelectorAll('#form .form-field').length > 0"


def test_a_form_is_filled_in_run_and_arranged_and_kept_in_the_workflow(canvas):
    page = canvas.page
    page.keyboard.press("Alt+m")
    canvas.wait(SHOWN)
    page.get_by_label("Prompt", exact=True).fill("a red circle")
    page.get_by_label("Width", exact=True).fill("64*2")
    page.keyboard.press("Enter")
    assert canvas.values("6")["text"] == "a red circle"
    assert canvas.values("5")["width"] == 128
    canvas.run()
    page.locator("#form .form-result").first.wait_for()
    page.locator("#form .form-past button").first.wait_for()
    page.get_by_label("Prompt", exact=True).fill("something else")
    page.get_by_role("button", name="Use the values of this result").click()
    canvas.wait("sfumato.store.graph.nodeByKey('6').values.text === 'a red circle'")

    page.get_by_role("button", name="Edit the form").click()
    page.get_by_role("button", name="Steps KSampler").click()
    handle = page.get_by_role("button", name="Move, with the arrow keys too: KSampler: seed")
    handle.focus()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").endswith("KSampler: seed")
    page.get_by_role("button", name="Put beside what is above: KSampler: steps").click()
    page.get_by_label("Title of the form").fill("Shapes")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    kept = canvas.ask("sfumato.workflow().extra.sfumato.form")
    assert kept["title"] == "Shapes"
    names = [[one["name"] for one in item.get("items", [item]) if "name" in one] for item in kept["items"]]
    assert names == [["text"], ["text"], ["seed"], ["width", "height", "steps"], []]
    canvas.ask("() => { while (sfumato.store.undo()); }")
    assert "sfumato" not in canvas.ask("sfumato.workflow().extra ?? {}")


def test_values_and_nodes_are_put_into_the_form_from_the_menu_of_a_node(canvas):
    canvas.click("3", "widget", "cfg", button="right")
    canvas.page.get_by_role("menuitem", name="Add “cfg” to the form").click()
    canvas.wait("sfumato.workflow().extra?.sfumato?.form?.items.some(item => item.name === 'cfg')")
    expect(canvas.page.get_by_text("Added to the form.")).to_be_visible()


@pytest.fixture
def phone(server, chromium):
    context = chromium.new_context(viewport={"width": 360, "height": 780}, has_touch=True, is_mobile=True)
    page = CanvasPage(context.new_page(), server)
    page.open()
    yield page
    page.close()


def test_a_phone_gets_the_form_which_fits_it_and_can_be_touched(phone):
    phone.wait(SHOWN)
    assert phone.ask("document.querySelector('.form-page').scrollWidth") <= 360
    assert phone.ask("document.documentElement.scrollWidth") <= 360
    small = phone.ask(
        """[...document.querySelectorAll('#form :is(button, input, select, textarea)')]
            .filter(one => one.offsetParent && one.type !== 'checkbox')
            .map(one => [one.id || one.textContent, one.getBoundingClientRect().height])
            .filter(([, height]) => height < 44)"""
    )
    assert small == []
    phone.page.get_by_role("button", name="Edit the form").tap()
    assert phone.ask("document.querySelector('.form-page').scrollWidth") <= 360
    assert phone.ask("document.querySelector('#stage').inert")


def test_the_address_opens_a_form_alone(server, chromium):
    context = chromium.new_context(viewport={"width": 1200, "height": 800})
    page = CanvasPage(context.new_page(), server)
    page.page.goto(f"{server.url}?form=1")
    page.wait("window.sfumato?.view.isCatalogueComplete")
    page.wait(SHOWN)
    assert not page.page.is_visible(".bar")
    page.page.get_by_role("button", name="Run", exact=True).click()
    page.page.locator("#form .form-result:not(.is-live)").first.wait_for()
    page.close()
