"""The modules that packs import do what they are called for."""

import sys

import pytest
import torch

from custom_nodes.host.graph_builder import GraphBuilder, add_graph_prefix, is_link
from custom_nodes.host.node_types import IO
from models import host_memory
from models.host_memory import Room
from nodes.api.context import current
from nodes.api.errors import Cancelled, NodeError
from tests.fixtures.checkpoints import tiny_checkpoint


@pytest.fixture(autouse=True)
def loaded(packs):
    """The modules can be imported once packs have been loaded."""


def test_ids_of_graphs_start_with_node_call_and_graph():
    GraphBuilder.set_default_prefix("7", 1)
    first, second = GraphBuilder(), GraphBuilder()
    assert first.node("A").id == "7.1.0.1"
    assert first.node("B", "name", x=1).id == "7.1.0.name"
    assert second.node("A").id == "7.1.1.1"
    assert GraphBuilder("test_").node("A").id == "test_1"


def test_graphs_can_be_changed_until_they_are_finished():
    graph = GraphBuilder("p.")
    first = graph.node("A", "a", value=1)
    second = graph.node("B", "b", left=first.out(0), right=first.out(1))
    assert graph.node("A", "a") is first
    assert graph.lookup_node("b") is second
    graph.replace_node_output("a", 0, 5)
    graph.replace_node_output("a", 1, None)
    second.set_override_display_id("9")
    graph.remove_node("a")
    assert graph.finalize() == {"p.b": {"class_type": "B", "inputs": {"left": 5}, "override_display_id": "9"}}


def test_a_prefix_moves_a_graph_with_its_links():
    graph = {
        "1": {"class_type": "A", "inputs": {}},
        "2": {"class_type": "B", "inputs": {"x": ["1", 0], "y": ["out", 0]}},
    }
    moved, outputs = add_graph_prefix(graph, (["2", 0], 5), "q.")
    assert moved["q.2"]["inputs"] == {"x": ["q.1", 0], "y": ["out", 0]}
    assert outputs == (["q.2", 0], 5)
    assert not is_link(("1", 0))
    assert not is_link(["1", True])


@pytest.mark.parametrize(
    ("left", "right", "differ"),
    [
        (IO.INT, "INT", False),
        (IO.INT, "FLOAT", True),
        (IO.NUMBER, "INT", False),
        (IO.NUMBER, IO.PRIMITIVE, False),
        (IO.ANY, "X", False),
        (IO.IMAGE, "*", False),
        (IO.INT, 3, True),
    ],
)
def test_types_differ_as_packs_expect(left, right, differ):
    assert (left != right) is differ


def test_paths_of_models_and_files_are_those_of_the_app(folders, tmp_path):
    import folder_paths

    assert folder_paths.models_dir == str(folders.models)
    assert (
        folder_paths.get_output_directory() == folder_paths.output_directory == str(folders.place("output"))
    )
    assert folder_paths.get_filename_list("checkpoints") == ["first.safetensors"]
    assert folder_paths.get_full_path("checkpoints", "../first.safetensors").endswith("first.safetensors")
    assert folder_paths.get_full_path("checkpoints", "none") is None
    with pytest.raises(FileNotFoundError):
        folder_paths.get_full_path_or_raise("checkpoints", "none")
    assert folder_paths.get_folder_paths("unet") == folder_paths.get_folder_paths("diffusion_models")
    (tmp_path / "one.bin").write_bytes(b"")
    folder_paths.add_model_folder_path("my_models", str(tmp_path))
    assert folder_paths.get_filename_list("my_models") == ["one.bin"]


def test_annotated_names_stay_in_their_folder(folders):
    import folder_paths

    (folders.place("temp") / "a.png").write_bytes(b"")
    assert folder_paths.get_annotated_filepath("a.png [temp]") == str(folders.place("temp") / "a.png")
    assert folder_paths.exists_annotated_filepath("a.png [temp]")
    assert not folder_paths.exists_annotated_filepath("a.png")
    assert not folder_paths.exists_annotated_filepath("../temp/a.png")
    with pytest.raises(NodeError):
        folder_paths.get_annotated_filepath("../temp/a.png")


def test_the_next_file_name_is_free(tmp_path):
    import folder_paths

    folder, name, counter, subfolder, prefix = folder_paths.get_save_image_path("sub/pic", str(tmp_path))
    assert (name, counter, subfolder, prefix) == ("pic", 1, "sub", "sub/pic")
    (tmp_path / "sub" / "pic_00004_.png").write_bytes(b"")
    assert folder_paths.get_save_image_path("sub/pic", str(tmp_path))[2] == 5
    assert folder == str(tmp_path / "sub")
    with pytest.raises(NodeError):
        folder_paths.get_save_image_path("../pic", str(tmp_path))


def test_a_progress_bar_ends_a_node_that_was_cancelled():
    from comfy.model_management import (
        InterruptProcessingException,
        processing_interrupted,
        throw_exception_if_processing_interrupted,
    )
    from comfy.utils import ProgressBar

    class Stopping:
        def progress(self, value, total, text=""):
            raise Cancelled("stop")

        def check_cancelled(self):
            raise Cancelled("stop")

    ProgressBar(3).update(1)
    assert not processing_interrupted()
    token = current.set(Stopping())
    try:
        with pytest.raises(Cancelled):
            ProgressBar(3).update(1)
        with pytest.raises(InterruptProcessingException):
            throw_exception_if_processing_interrupted()
    finally:
        current.reset(token)


def test_weights_are_saved_and_read(tmp_path):
    from comfy.utils import load_torch_file, save_torch_file

    path = str(tmp_path / "w.safetensors")
    save_torch_file({"a": torch.arange(3)}, path, {"who": "me"})
    state_dict, metadata = load_torch_file(path, return_metadata=True)
    assert state_dict["a"].tolist() == [0, 1, 2]
    assert metadata["who"] == "me"


def test_samples_are_resized_and_repeated():
    from comfy.utils import common_upscale, repeat_to_batch_size

    assert common_upscale(torch.zeros(1, 3, 4, 8), 4, 4, "bilinear", "center").shape == (1, 3, 4, 4)
    assert common_upscale(torch.zeros(1, 3, 5, 4, 8), 4, 2, "nearest-exact", "disabled").shape == (
        1,
        3,
        5,
        2,
        4,
    )
    assert repeat_to_batch_size(torch.tensor([1, 2]), 3).tolist() == [1, 2, 1]


def test_routes_of_packs_are_collected():
    from server import PromptServer

    found = [(route.method, route.path) for route in PromptServer.instance.routes]
    assert ("GET", "/tests/v1") in found


def test_the_module_nodes_offers_built_in_classes():
    import nodes

    assert nodes.MAX_RESOLUTION == 16384
    assert nodes.NODE_CLASS_MAPPINGS["SaveImage"] is nodes.SaveImage
    assert "V1Number" in nodes.NODE_CLASS_MAPPINGS
    assert nodes.NODE_CLASS_MAPPINGS["V1Number"].__name__ == "Number"
    assert nodes.ImageScale.INPUT_TYPES()["required"]["image"][0] == "IMAGE"
    assert nodes.ImageScale.FUNCTION == "upscale"
    with pytest.raises(AttributeError, match="NoSuchNode"):
        _ = nodes.NoSuchNode


def test_a_built_in_class_saves_and_gives_what_it_shows(bench, folders):
    graph = {"1": {"class_type": "V1Saves", "inputs": {}}}
    bench.run(graph, "1")
    assert bench.finished.status == "succeeded", bench.events
    shown = bench.finished.outputs["1"]["images"]
    assert [image["filename"] for image in shown] == ["from_pack_00001_.png"]
    assert (folders.place("output") / "from_pack_00001_.png").is_file()


def test_all_versions_of_the_schema_interface_can_be_imported():
    import comfy_api.latest
    import comfy_api.v0_0_2
    from comfy_api.latest._io import ComfyNode
    from comfy_api.v0_0_1 import ComfyAPI

    assert comfy_api.v0_0_2.io.ComfyNode is comfy_api.latest.IO.ComfyNode is ComfyNode
    assert ComfyAPI.VERSION == "latest"
    assert "comfy" in sys.modules
    with pytest.raises(ModuleNotFoundError, match=r"comfy\.samplers"):
        import comfy.samplers  # noqa: F401 - the import itself fails


def test_packs_sample_as_the_sampling_node_does(bench, folders):
    path = tiny_checkpoint(folders.models / "checkpoints" / "tiny.safetensors")
    settings = {"seed": 3, "steps": 2, "cfg": 4.0, "sampler_name": "euler", "scheduler": "normal"}
    wired = {"model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0]}
    graph = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": path.name}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red circle", "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["1", 1]}},
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "5": {"class_type": "V1Samples", "inputs": {**wired, "latent": ["4", 0]}},
        "6": {
            "class_type": "KSampler",
            "inputs": {**settings, **wired, "latent_image": ["4", 0], "denoise": 0.5},
        },
    }
    try:
        outputs = bench.run(graph, "5", "6")
    finally:
        path.unlink()
    assert bench.finished.status == "succeeded", bench.events
    first, second = outputs["5"]
    assert torch.equal(first.samples, outputs["6"][0].samples)
    assert torch.equal(second.samples, outputs["6"][0].samples)


def test_packs_are_told_what_the_container_leaves(monkeypatch):
    import comfy.model_management

    monkeypatch.setattr(host_memory, "container_rooms", lambda: (Room(2**30, 5000, "this container"),))
    assert comfy.model_management.get_free_memory(torch.device("cpu")) == 5000
    assert comfy.model_management.get_total_memory(torch.device("cpu")) == 2**30
