"""The library of node types: its orders, and bookmarks in folders, with pointer and keys."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def row_of(page, name):
    return page.locator(f"[role=treeitem][title='{name}']")


def test_bookmarks_lie_in_folders_and_the_tree_has_other_orders(canvas):
    page = canvas.page
    canvas.ask("sfumato.sidebar.open('nodes')")
    search = page.get_by_label("Search the node types")
    search.fill("invert im")
    row = row_of(page, "Invert Image")
    row.click(button="right")
    page.get_by_role("menuitem", name="Bookmark it in a folder…").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("mine/ colours /")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("“mine/colours” of the bookmarks")
    search.fill("")
    row_of(page, "Bookmarks").click()
    row_of(page, "mine").click()
    row_of(page, "colours").focus()
    page.keyboard.press("ArrowRight")
    expect(row).to_have_attribute("aria-level", "4")
    row_of(page, "mine").press("Shift+F10")
    page.get_by_role("menuitem", name="Rename the folder…").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("yours")
    page.keyboard.press("Enter")
    expect(row_of(page, "yours")).to_have_count(1)
    assert canvas.ask("sfumato.settings.get('library.folders')") == {"ImageInvert": "yours/colours"}
    row_of(page, "yours").click(button="right")
    page.get_by_role("menuitem", name="Take the folder apart").click()
    expect(row_of(page, "colours")).to_have_attribute("aria-level", "2")
    page.get_by_label("Order", exact=True).select_option("By pack")
    expect(row_of(page, "Sfumato")).to_have_attribute("aria-level", "1")
    row_of(page, "Sfumato").click()
    expect(row_of(page, "image")).to_have_attribute("aria-level", "2")
    page.get_by_label("Order", exact=True).select_option("By name")
    expect(page.locator(".tree-row:not(.is-folder)").first).to_be_visible()
    expect(row_of(page, "image")).to_have_count(0)
    canvas.ask("sfumato.sidebar.close()")
    canvas.ask("sfumato.sidebar.open('nodes')")
    expect(page.get_by_label("Order", exact=True)).to_have_value("name")
