"""Is every file named for what it is, with evidence, from its header alone?"""

import json
import os
import struct
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from loaders.identify.kinds import Kind
from loaders.identify.networks import NETWORKS, OPENED
from loaders.identify.parts import AUTOENCODERS, ENCODERS, OTHERS
from loaders.identify.verdict import find_parts, identify_path
from loaders.registry import FAMILIES
from tests.fixtures.checkpoints import tiny_state
from tests.fixtures.gguf_files import entry, field, header, write_gguf

NETWORK = "model.diffusion_model."
BUNDLED = Path(__file__).resolve().parents[3] / "assets" / "models"


def shapes_of(kind: Kind) -> dict[str, tuple[int, ...]]:
    """The smallest set of tensors that is of a kind."""
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(kind.marks, (8, 8))
    for name, axis, size in kind.sizes:
        shape = list(shapes.get(name, (8, 8)))
        shape[axis] = size
        shapes[name] = tuple(shape)
    shapes |= dict.fromkeys(kind.beside, (8, 8))
    for ending, rank in kind.ranks:
        shapes[
            f"input_blocks.1{ending}" if ending[1].isdigit() else f"down_blocks.0.attentions.0{ending}"
        ] = (8,) * rank
    return shapes


@pytest.mark.parametrize(
    "kind", [*NETWORKS, *AUTOENCODERS, *ENCODERS, *OTHERS], ids=lambda kind: f"{kind.id}: {kind.title}"
)
def test_each_kind_is_found_by_its_own_marks_and_by_no_earlier_kind(kind: Kind) -> None:
    found = find_parts(shapes_of(kind))
    assert found
    assert (found[0].role, found[0].kind) == (kind.role, kind.id)


def test_the_bundled_checkpoint_is_one_with_all_its_parts() -> None:
    verdict = identify_path(BUNDLED / "checkpoints" / "sfumato-shapes.safetensors")
    assert [one.kind for one in verdict.findings] == ["sd15", "clip", "kl"]
    assert verdict.sockets == ("MODEL", "CLIP", "VAE")
    assert verdict.title.startswith("checkpoint of Stable Diffusion 1.x")
    assert not verdict.problem


def test_what_is_said_to_be_opened_is_what_the_registry_opens() -> None:
    assert {family.id for family in FAMILIES} == OPENED
    assert {kind.id for kind in NETWORKS} > OPENED


def test_a_family_that_is_known_by_name_only_says_so(tmp_path: Path) -> None:
    save_file({"genre_embedder.weight": torch.zeros(1)}, tmp_path / "sound.safetensors")
    verdict = identify_path(tmp_path / "sound.safetensors")
    assert verdict.title == "ACE-Step (diffusion network)"
    assert verdict.sockets == ()
    assert any("cannot be opened yet" in line for line in verdict.lines())


def test_the_bundled_lora_is_no_network() -> None:
    verdict = identify_path(BUNDLED / "loras" / "sfumato-pastel.safetensors")
    assert [one.kind for one in verdict.findings] == ["lora"]
    assert "lora_down" in verdict.findings[0].evidence


def test_a_header_whose_length_begins_like_a_pickle_is_none(tmp_path: Path) -> None:
    header = b'{"emb_params":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'.ljust(0x180)
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + b"x")
    verdict = identify_path(tmp_path / "x.safetensors")
    assert verdict.contents is not None
    assert verdict.contents.container == "safetensors"


def test_a_header_of_ten_gigabytes_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    half = 5_000_000_000
    header = json.dumps(
        {
            "double_blocks.0.img_attn.norm.key_norm.scale": {
                "dtype": "U8",
                "shape": [half],
                "data_offsets": [0, half],
            },
            "img_in.weight": {"dtype": "U8", "shape": [half], "data_offsets": [half, 2 * half]},
        }
    ).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 2 * half)
    verdict = identify_path(path)
    assert verdict.findings[0].kind == "flux"
    assert verdict.contents is not None
    assert verdict.contents.size_bytes > 10_000_000_000


def test_a_file_of_no_kind_names_the_nearest_and_what_it_lacks(tmp_path: Path) -> None:
    save_file(
        {"input_blocks.0.0.weight": torch.zeros(8, 4, 3, 3), "other": torch.zeros(1)},
        tmp_path / "odd.safetensors",
    )
    verdict = identify_path(tmp_path / "odd.safetensors")
    assert not verdict.findings
    assert "Stable Diffusion 1.x" in [title.removesuffix(" of another size") for title, _ in verdict.nearest]
    assert any("time_embed.0.weight is missing" in lack for _, lack in verdict.nearest)
    assert any("it holds input_blocks.0.0.weight, other" in line for line in verdict.lines())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "PNG picture"),
        (b"GGUF" + struct.pack("<IQQ", 3, 10**12, 0), "claims"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0), "more than the file can hold"),
        (b"PK\x03\x04" + bytes(100), "cannot be read"),
    ],
)
@pytest.mark.parametrize("ending", [".safetensors", ".ckpt", ".bin"])
def test_what_holds_no_tensors_is_told_in_a_sentence(
    tmp_path: Path, content: bytes, words: str, ending: str
) -> None:
    path = tmp_path / f"thing{ending}"
    path.write_bytes(content)
    verdict = identify_path(path)
    assert verdict.contents is None
    assert verdict.problem
    assert words in verdict.problem


def test_a_pickle_is_told_by_its_shapes_and_nothing_in_it_runs(tmp_path: Path) -> None:
    torch.save(
        {
            "state_dict": {
                "zero_convs.0.0.weight": torch.zeros(2, 2),
                "input_hint_block.0.weight": torch.zeros(1),
            }
        },
        tmp_path / "a.pth",
    )
    assert identify_path(tmp_path / "a.pth").findings[0].kind == "controlnet"

    class Runs:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            import os

            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"emb_params": torch.zeros(1, 8), "evil": Runs()}, tmp_path / "b.pt")
    verdict = identify_path(tmp_path / "b.pt")
    assert verdict.findings[0].kind == "embedding"
    assert any("system" in line and "refused" in line for line in verdict.lines())
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["Q4_K", "IQ2_XXS"])
def test_gguf_is_read_with_its_types_and_texts(tmp_path: Path, kind: str) -> None:
    fields = [field("general.architecture", "flux"), field("sizes", [1, 2])]
    scale = entry("double_blocks.0.img_attn.norm.key_norm.scale", (128,), "F32", 0)
    content = header([scale, entry("img_in.weight", (4, 256), kind, 512)], fields)
    (tmp_path / "m.gguf").write_bytes(content + bytes(2048))
    verdict = identify_path(tmp_path / "m.gguf")
    assert verdict.findings[0].kind == "flux"
    assert verdict.contents is not None
    assert verdict.contents.shapes["img_in.weight"] == (4, 256)
    assert list(verdict.contents.types) == [kind, "F32"]
    assert verdict.contents.metadata == {"general.architecture": "flux"}
    assert ("of the type IQ2_XXS, which cannot be opened" in verdict.problem) == (kind == "IQ2_XXS")


def test_what_a_gguf_file_gives_and_where_it_belongs_is_told(tmp_path: Path) -> None:
    state = {
        name.removeprefix(NETWORK): tensor
        for name, tensor in tiny_state().items()
        if name.startswith(NETWORK)
    }
    verdict = identify_path(write_gguf(tmp_path / "m.gguf", state, "Q8_0"))
    assert verdict.sockets == ("MODEL",)
    assert verdict.place is not None
    assert verdict.place.folder == "diffusion_models"


def folder(tmp_path: Path) -> Path:
    (tmp_path / "unet").mkdir()
    (tmp_path / "vae").mkdir()
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "safety_checker": [None, None],
    }
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    unet = {
        "conv_in.weight": torch.zeros(8, 4, 3, 3),
        "time_embedding.linear_1.weight": torch.zeros(1),
        "down_blocks.0.resnets.0.norm1.weight": torch.zeros(1),
        "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight": torch.zeros(8, 768),
    }
    shard = {name: tensor for name, tensor in unet.items() if name.startswith("down")}
    save_file({name: unet[name] for name in unet if name not in shard}, tmp_path / "unet" / "one.safetensors")
    save_file(shard, tmp_path / "unet" / "two.safetensors")
    table = {name: "two.safetensors" if name in shard else "one.safetensors" for name in unet}
    (tmp_path / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(
        json.dumps({"weight_map": table})
    )
    vae = {"decoder.conv_in.weight": torch.zeros(8, 4, 3, 3), "encoder.conv_in.weight": torch.zeros(1)}
    save_file(vae, tmp_path / "vae" / "diffusion_pytorch_model.fp16.safetensors")
    return tmp_path


def test_a_folder_of_diffusers_is_told_by_its_components_shards_and_variants_too(tmp_path: Path) -> None:
    verdict = identify_path(folder(tmp_path))
    assert [one.kind for one in verdict.findings] == ["sd15", "kl"]
    assert any("text_encoder: its folder is not there" in line for line in verdict.lines())
    assert "unet/diffusion_pytorch_model.safetensors.index.json" in verdict.findings[0].evidence
    json.dumps(verdict.to_json())


def test_a_folder_of_nothing_says_what_is_missing(tmp_path: Path) -> None:
    assert "model_index.json" in identify_path(tmp_path).problem


def test_a_broken_component_is_told_and_the_others_are_had(tmp_path: Path) -> None:
    place = folder(tmp_path)
    (place / "vae" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"")
    verdict = identify_path(place)
    assert [one.kind for one in verdict.findings] == ["sd15"]
    assert any("vae: it is empty" in line for line in verdict.lines())


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    loop, pipe = tmp_path / "loop.safetensors", tmp_path / "pipe.safetensors"
    loop.symlink_to(loop)
    os.mkfifo(pipe)
    assert "cannot be opened" in identify_path(loop).problem
    assert "neither a file nor a folder" in identify_path(pipe).problem
    assert "cannot be opened" in identify_path(tmp_path / "gone.ckpt").problem


@pytest.mark.parametrize("wrapper", ["params_ema.", "params.", ""])
def test_upscalers_are_known_in_the_tables_of_training_programs(tmp_path: Path, wrapper: str) -> None:
    names = ("conv_first.weight", "body.0.rdb1.conv1.weight")
    save_file({wrapper + name: torch.zeros(1) for name in names}, tmp_path / "x.safetensors")
    verdict = identify_path(tmp_path / "x.safetensors")
    assert verdict.findings[0].kind == "esrgan"
    assert verdict.sockets == ("UPSCALE_MODEL",)
    assert verdict.place is not None
    assert verdict.place.folder == "upscale_models"


def test_a_shard_that_is_missing_or_outside_is_told(tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    for name in ("gone.safetensors", "../outside.safetensors"):
        index.write_text(json.dumps({"weight_map": {"a": name}}))
        assert name in identify_path(index).problem


def test_no_torch_is_needed() -> None:
    import subprocess

    code = "import sys, loaders.identify.verdict; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=BUNDLED.parents[1], check=False).returncode == 0
