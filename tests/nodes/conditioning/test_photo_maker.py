"""PhotoMaker against a second implementation in float64, from its file to the prompt and to the model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from loaders.checkpoint import open_diffusion
from loaders.clip_files import open_text_encoders
from loaders.errors import BrokenFile, UnknownFormat
from loaders.identify.verdict import identify_path
from models.adapters.patch import Patched, applied
from models.adapters.weight_change import PatchedWeights
from models.diffusion import TextModel
from models.text.encode import encode_prompt
from models.text.trigger import read_triggered
from models.vision.encode import CLIP_DEVIATION, CLIP_MEAN
from nodes.api.errors import NodeError
from nodes.api.results import Blocked
from nodes.conditioning.photo_maker import encode_person
from nodes.loading.anything import OUTPUTS, load_anything
from nodes.loading.lora import load_lora_for_model
from nodes.loading.photo_maker import load_photo_maker
from tests.fixtures.checkpoints import tiny_checkpoint
from tests.fixtures.text_encoders import encoder_state
from tests.nodes.conftest import Recorded
from tests.oracle.diffusers_names import redraw, worst_ratio

SIDE, TOWER, WIDTH = 28, 64, 128
QUERY = "down_blocks.0.attentions.0.transformer_blocks.0.attn1"
ORIGINAL = "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"


def tower() -> Any:
    transformers = pytest.importorskip("transformers")
    options = transformers.CLIPVisionConfig(
        hidden_size=TOWER, intermediate_size=96, projection_dim=64, num_hidden_layers=2,
        num_attention_heads=1, image_size=SIDE, patch_size=14,
    )  # fmt: skip
    return redraw(transformers.CLIPVisionModelWithProjection(options))


@pytest.fixture(scope="module")
def encoder() -> dict[str, Tensor]:
    """The tensors of the encoder by the names in its file, of numbers that 16 bits can hold."""
    generator = torch.Generator().manual_seed(4)
    shapes = {"visual_projection_2.weight": (64, TOWER)}
    for mlp, inputs in (("mlp1", 2 * WIDTH), ("mlp2", WIDTH)):
        shapes |= {f"fuse_module.{mlp}.layernorm.{end}": (inputs,) for end in ("weight", "bias")}
        shapes |= {
            f"fuse_module.{mlp}.fc1.weight": (WIDTH, inputs),
            f"fuse_module.{mlp}.fc1.bias": (WIDTH,),
            f"fuse_module.{mlp}.fc2.weight": (WIDTH, WIDTH),
            f"fuse_module.{mlp}.fc2.bias": (WIDTH,),
        }
    shapes |= {f"fuse_module.layer_norm.{end}": (WIDTH,) for end in ("weight", "bias")}
    drawn = {
        name: torch.randn(shape, generator=generator) / shape[-1] ** 0.5 for name, shape in shapes.items()
    }
    state = tower().state_dict() | drawn
    return {name: tensor.contiguous().half() for name, tensor in state.items()}


@pytest.fixture(scope="module")
def lora() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(5)
    return {
        f"unet.{QUERY}.processor.to_q_lora.{way}.weight": torch.randn(shape, generator=generator)
        for way, shape in (("down", (4, 32)), ("up", (32, 4)))
    }


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Patched[TextModel]:
    folder = tmp_path_factory.mktemp("text")
    for name in ("clip_l", "clip_g"):
        save_file({n: t.contiguous() for n, t in encoder_state(name).items()}, folder / f"{name}.safetensors")
    return open_text_encoders([folder / "clip_l.safetensors", folder / "clip_g.safetensors"])


def write(path: Path, encoder: Mapping[str, Tensor], lora: Mapping[str, Tensor]) -> Path:
    """The file as it is published, or as it is where it was made a safetensors file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = {"id_encoder": dict(encoder), "lora_weights": dict(lora)}
    if path.suffix == ".bin":
        torch.save(parts, path)
    else:
        save_file({f"{part}.{n}": t for part, table in parts.items() for n, t in table.items()}, path)
    return path


def photographs(count: int) -> Tensor:
    drawn = torch.rand(count, SIDE, SIDE, 3, generator=torch.Generator().manual_seed(6))
    return (drawn * 255).round() / 255


def second_implementation(state: Mapping[str, Tensor], words: Tensor, pictures: Tensor) -> Tensor:
    """Section 3.2 of the paper in float64: words (N, W) with pictures (N, S, S, 3)."""
    weights = {name: tensor.double() for name, tensor in state.items()}
    oracle = tower().double()
    oracle.load_state_dict({name: weights[name] for name in oracle.state_dict()})
    mean, deviation = torch.tensor(CLIP_MEAN).double(), torch.tensor(CLIP_DEVIATION).double()
    pixels = ((pictures.double() - mean) / deviation).movedim(-1, 1)
    with torch.no_grad():
        pooled = oracle.vision_model(pixels).pooler_output
    projections = ("visual_projection.weight", "visual_projection_2.weight")
    seen = torch.cat([pooled @ weights[name].T for name in projections], dim=-1)

    def norm(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return scaled * weights[f"fuse_module.{name}.weight"] + weights[f"fuse_module.{name}.bias"]

    def layers(x: Tensor, name: str) -> Tensor:
        x = norm(x, f"{name}.layernorm")
        for layer in ("fc1", "fc2"):
            stem = f"fuse_module.{name}.{layer}"
            x = x @ weights[f"{stem}.weight"].T + weights[f"{stem}.bias"]
            x = functional.gelu(x) if layer == "fc1" else x
        return x

    words = words.double()
    mixed = layers(torch.cat([words, seen], dim=-1), "mlp1") + words
    return norm(layers(mixed, "mlp2") + mixed, "layer_norm")


@pytest.mark.parametrize("file", ["person.bin", "person.safetensors"])
def test_the_word_before_the_trigger_means_the_person(
    ctx: Recorded, tmp_path: Path, encoder: Any, lora: Any, clip: Any, file: str
) -> None:
    write(tmp_path / "models/photomaker" / file, encoder, lora)
    maker = load_photo_maker(ctx, file)
    pictures = photographs(1)
    (entry,) = encode_person(ctx, maker, pictures, clip, "portrait of a woman photomaker in the rain")
    with applied(clip) as base:
        plain, pooled = encode_prompt(base, "portrait of a woman in the rain")
    place = 4  # after the token of the start: portrait, of, a, woman
    expected = plain.clone()
    expected[0, place] = second_implementation(encoder, plain[0, [place]], pictures)[0].float()
    assert worst_ratio(entry.embedding, expected) <= 5e-5
    assert torch.equal(entry.pooled, pooled)
    others = [index for index in range(77) if index != place]
    assert torch.equal(entry.embedding[0, others], plain[0, others])
    assert not torch.allclose(entry.embedding[0, place], plain[0, place], atol=0.1)


def test_with_several_photographs_the_word_is_there_for_each(
    ctx: Recorded, tmp_path: Path, encoder: Any, lora: Any, clip: Any
) -> None:
    write(tmp_path / "models/photomaker/person.bin", encoder, lora)
    pictures = photographs(3)
    maker = load_photo_maker(ctx, "person.bin")
    (entry,) = encode_person(ctx, maker, pictures, clip, "a man photomaker smiles")
    with applied(clip) as base:
        plain, _ = encode_prompt(base, "a man man man smiles")
    expected = plain.clone()
    expected[0, 2:5] = second_implementation(encoder, plain[0, 2:5], pictures).float()
    assert worst_ratio(entry.embedding, expected) <= 5e-5


def test_without_the_trigger_the_prompt_is_plain_and_the_node_says_so(
    ctx: Recorded, tmp_path: Path, encoder: Any, lora: Any, clip: Any
) -> None:
    write(tmp_path / "models/photomaker/person.bin", encoder, lora)
    maker = load_photo_maker(ctx, "person.bin")
    (entry,) = encode_person(ctx, maker, photographs(1), clip, "a man")
    with applied(clip) as base:
        assert torch.equal(entry.embedding, encode_prompt(base, "a man")[0])
    assert "no word photomaker" in ctx.shown["text"][0]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a photographer photomaker", (2,)),
        ("a (woman:1.3) photomaker", (2,)),
        ("a (woman photomaker:1.3), smiling", (2,)),
        ("a man photomaker, smiling", (2,)),
        ("word " * 80 + "man photomaker", (83,)),
        ("a man photomakers", ()),
    ],
)
def test_the_word_is_found_by_its_tokens(clip: Any, text: str, places: tuple[int, ...]) -> None:
    read = read_triggered(clip.base, text, "photomaker", 1)
    assert read.places == places
    weights = {token.weight for chunk in read.tokens["clip_l"] for token in chunk}
    assert weights == ({1.0, 1.3} if "1.3" in text else {1.0})


def test_what_cannot_be_read_is_refused(
    ctx: Recorded, tmp_path: Path, encoder: Any, lora: Any, clip: Any, checkpoint: Any
) -> None:
    write(tmp_path / "models/photomaker/person.bin", encoder, lora)
    maker = load_photo_maker(ctx, "person.bin")
    for text, words in (
        ("photomaker smiles", "a word is wanted"),
        ("a man photomaker photomaker", "2 times"),
    ):
        with pytest.raises(NodeError, match=words):
            encode_person(ctx, maker, photographs(1), clip, text)
    with pytest.raises(NodeError, match="made for prompts of width 128"):
        encode_person(ctx, maker, photographs(1), checkpoint.clip, "a man photomaker")


def test_its_lora_is_put_on_a_model_by_any_loader(
    ctx: Recorded, tmp_path: Path, encoder: Any, lora: Any, checkpoint: Any
) -> None:
    write(tmp_path / "models/photomaker/person.bin", encoder, lora)
    write(tmp_path / "models/loras/person.safetensors", encoder, lora)
    down, up = (lora[f"unet.{QUERY}.processor.to_q_lora.{way}.weight"] for way in ("down", "up"))
    wanted = PatchedWeights(checkpoint.model).read(ORIGINAL) + 0.5 * (up @ down)
    loaded = load_lora_for_model(
        ctx, model=checkpoint.model, lora_name="person.safetensors", strength_model=0.5
    )
    torch.testing.assert_close(PatchedWeights(loaded).read(ORIGINAL), wanted)
    outputs = load_anything(ctx, file="photomaker/person.bin", strength=0.5, model=checkpoint.model)
    opened = dict(zip(OUTPUTS, outputs, strict=True))
    torch.testing.assert_close(PatchedWeights(opened["MODEL"]).read(ORIGINAL), wanted)
    assert opened["PHOTOMAKER"].base.network.width == WIDTH
    assert isinstance(opened["CLIP"], Blocked)
    alone = dict(zip(OUTPUTS, load_anything(ctx, file="photomaker/person.bin"), strict=True))
    assert alone["PHOTOMAKER"].base.network.width == WIDTH
    assert "link the model" in str(alone["MODEL"])


def test_files_are_known_by_their_tensors(tmp_path: Path, encoder: Any, lora: Any) -> None:
    verdict = identify_path(write(tmp_path / "person.bin", encoder, lora))
    assert [one.kind for one in verdict.findings] == ["photomaker"]
    assert verdict.sockets == ("PHOTOMAKER",)
    assert verdict.place is not None
    assert verdict.place.folder == "photomaker"
    later = dict(encoder) | {"qformer_perceiver.token_proj.0.weight": torch.zeros(4, 4)}
    verdict = identify_path(write(tmp_path / "later.safetensors", later, lora))
    assert [(one.kind, one.is_opened) for one in verdict.findings] == [("photomaker_2", False)]


def test_the_second_version_and_other_files_are_refused_by_name(
    ctx: Recorded, tmp_path: Path, encoder: Any, lora: Any
) -> None:
    folder = tmp_path / "models/photomaker"
    later = dict(encoder) | {"qformer_perceiver.token_proj.0.weight": torch.zeros(4, 4)}
    write(folder / "later.bin", later, lora)
    with pytest.raises(UnknownFormat, match="PhotoMaker v2"):
        load_photo_maker(ctx, "later.bin")
    tiny_checkpoint(folder / "tiny.safetensors")
    with pytest.raises(UnknownFormat, match="put it in models/checkpoints"):
        load_photo_maker(ctx, "tiny.safetensors")
    part = {name: tensor for name, tensor in encoder.items() if "mlp2" not in name}
    write(folder / "part.safetensors", part, lora)
    with pytest.raises(BrokenFile, match="of its PhotoMaker are missing"):
        load_photo_maker(ctx, "part.safetensors")
    with pytest.raises(UnknownFormat):
        open_diffusion(folder / "part.safetensors")
