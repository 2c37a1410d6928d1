"""What the page says of packs."""

import pytest
from playwright.sync_api import expect

from tests.browser.canvas_page import CanvasPage
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser


def test_packs_that_could_not_be_loaded_are_named_with_their_errors(chromium, tmp_path):
    (tmp_path / "custom_nodes").mkdir()
    (tmp_path / "custom_nodes" / "halfdone.py").write_text("import a_module_that_nobody_has")
    server = Server(tmp_path)
    context = chromium.new_context()
    try:
        page = CanvasPage(context.new_page(), server)
        page.open()
        slip = page.page.locator("#toasts [data-name=packs]")
        expect(slip).to_contain_text("The pack halfdone.py could not be loaded: ModuleNotFoundError")
        slip.get_by_role("button", name="Details").click()
        dialog = page.page.get_by_role("dialog")
        expect(dialog).to_contain_text('File "custom_nodes/halfdone.py", line 1')
        assert str(tmp_path) not in dialog.inner_text()
        assert page.faults == []
    finally:
        context.close()
        server.stop()
