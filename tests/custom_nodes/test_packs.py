"""Packs are found, imported in isolation and reported."""

import subprocess
import sys
from pathlib import Path

import pytest

from custom_nodes.packs import find_packs
from custom_nodes.report import PackReport
from nodes.api.catalogue import object_info

PACKS = Path(__file__).resolve().parent.parent / "packs"
SCRIPTED = "js_"  # packs for the tests of the page


@pytest.fixture(scope="session")
def reports(packs):
    return {report.name: report for report in packs.reports}


def test_every_pack_is_reported_in_order_and_disabled_ones_are_not_touched(reports):
    names = [name for name in reports if not name.startswith(SCRIPTED)]
    assert names == [
        "bad_prestartup",
        "broken",
        "functions",
        "no_init",
        "path_editor",
        "path_rival",
        "single.py",
        "v1_features",
        "v3_features",
        "with-hyphen.v2",
    ]


def test_a_pack_that_cannot_be_imported_is_named_with_its_traceback_and_the_rest_load(reports, packs):
    report = reports["broken"]
    assert report.error == "ModuleNotFoundError: No module named 'a_module_that_nobody_has'"
    assert "import a_module_that_nobody_has" in report.traceback
    assert report.traceback.count("File ") == 1
    assert report.node_ids == ()
    assert "V1Everything" in packs.nodes
    assert not any("broken" in name for name in sys.modules if name.startswith("custom_nodes"))


def test_a_folder_without_init_is_reported(reports):
    assert reports["no_init"].error == "ImportError: the folder no_init has no __init__.py"


def test_a_failing_prestartup_script_is_reported_and_the_pack_loads(reports):
    report = reports["bad_prestartup"]
    assert report.error is None
    assert report.problems == ("prestartup_script.py failed: ValueError: too early",)


def test_a_node_that_cannot_be_read_and_a_name_of_the_app_are_left_out_with_a_reason(reports, packs):
    report = reports["v1_features"]
    assert report.error is None
    assert set(report.problems) == {
        "ImageInvert comes with the app, so the pack's own is left out",
        "V1Unreadable cannot be read: RuntimeError: no inputs today",
    }
    assert "ImageInvert" not in packs.nodes
    assert "V1Unreadable" not in packs.nodes


def test_a_report_survives_the_way_to_the_server(reports):
    for report in reports.values():
        assert PackReport.from_json(report.to_json()) == report


def test_folders_of_scripts_for_the_page_are_known(packs):
    known = {name: folder for name, folder in packs.web_directories.items() if not name.startswith(SCRIPTED)}
    assert known == {"v1_features": PACKS / "v1_features" / "web"}
    assert packs.web_directories["js_native"] == PACKS / "js_native" / "web"


def test_a_name_with_hyphen_and_dot_is_no_obstacle(packs, bench):
    assert packs.nodes["HyphenNode"].spec.module == "custom_nodes.with-hyphen.v2"
    outputs = bench.run({"1": {"class_type": "HyphenNode", "inputs": {}}}, "1")
    assert outputs["1"] == ("custom_nodes.with-hyphen_x_v2.part",)


def test_local_names_of_packs_are_their_own_now_and_later(packs, bench):
    import models

    graph = {
        "1": {"class_type": "PathEditor", "inputs": {}},
        "2": {"class_type": "PathRival", "inputs": {}},
    }
    outputs = bench.run(graph, "1", "2")
    assert outputs["1"] == ("editor deep in editor no 1 late other",)
    assert outputs["2"] == ("rival rival",)
    assert Path(models.__path__[0]).parent == PACKS.parent.parent
    assert "utils" not in sys.modules
    assert not any(str(PACKS) in place for place in sys.path)


def test_a_function_with_node_in_a_pack_is_a_node(packs, bench):
    spec = packs.nodes["pack_double"].spec
    assert (spec.module, spec.category) == ("custom_nodes.functions", "functions")
    outputs = bench.run({"1": {"class_type": "pack_double", "inputs": {"value": 4}}}, "1")
    assert outputs["1"] == (8,)


def test_file_lists_are_read_again_when_the_catalogue_is(packs, folders, bench):
    def offered():
        spec = packs.nodes["SingleFile"].spec
        return object_info(spec, folders.names)["input"]["required"]["file"]

    assert offered() == [["first.safetensors"]]
    path = folders.models / "checkpoints" / "second.safetensors"
    path.write_bytes(b"")
    try:
        assert set(packs.refresh()) == {"SingleFile"}
        assert offered() == [["first.safetensors", "second.safetensors"]]
        assert packs.refresh() == {}
        graph = {"1": {"class_type": "SingleFile", "inputs": {"file": "second.safetensors"}}}
        assert bench.run(graph, "1")["1"] == (str(path),)
    finally:
        path.unlink()
        packs.refresh()


def test_only_packs_on_the_white_list_load_where_packs_are_disabled(tmp_path):
    places = find_packs([PACKS])
    assert [path.name for path in places if path.name.startswith("path")] == ["path_editor", "path_rival"]
    code = (
        "import sys; from pathlib import Path; from loaders.folders import Folders\n"
        "from custom_nodes.shelf import Shelf\n"
        f"place, base = Path({str(tmp_path / 'packs')!r}), Path({str(tmp_path)!r})\n"
        "shelf = Shelf([place], Folders(base), {}, disabled=True, whitelist=['two.py'])\n"
        "nodes, reports = shelf.look()\n"
        "assert (list(nodes), [report['name'] for report in reports]) == (['Two'], ['two.py']), nodes\n"
        "first = nodes['Two'].function.__self__.cls\n"
        "assert shelf.look()[0]['Two'].function.__self__.cls is first\n"
        "text = (place / 'two.py').read_text()\n"
        "(place / 'two.py').write_text(text.replace('Two', 'Changed'))\n"
        "assert list(shelf.look()[0]) == ['Changed']\n"
    )
    (tmp_path / "packs").mkdir()
    for name in ("one", "two"):
        source = (PACKS / "path_rival" / "__init__.py").read_text().partition("class ")
        body = "class " + source[2].replace("PathRival", name.title()).replace("from utils import NAME", "")
        (tmp_path / "packs" / f"{name}.py").write_text(body)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKS.parent.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
