"""Is every kind of file opened by one node, whatever its name and folder are, and what it is not told?"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from loaders import hub
from loaders.identify import networks, parts
from loaders.identify.verdict import identify_path
from models.adapters.gligen import Gligen
from models.adapters.image_prompt import ImagePromptConfig, ImagePromptNetwork
from models.adapters.patch import applied
from models.control.controlnet import ControlNet, ControlNetConfig
from models.control.t2i_adapter import AdapterConfig, T2IAdapter
from models.upscale.compact import Compact, CompactConfig
from models.upscale.esrgan import Esrgan, EsrganConfig
from models.vae.tiny import TinyAutoencoder, TinyConfig
from models.vision.clip import ClipVision, ClipVisionConfig
from models.vision.identity import IdentityConfig, IdentityEncoder
from nodes.api.errors import NodeError
from nodes.api.results import Blocked
from nodes.loading.anything import OUTPUTS, load_anything
from tests.fixtures.checkpoints import TINY_UNET, redrawn, tiny_checkpoint, tiny_state
from tests.fixtures.text_encoders import encoder_state
from tests.fixtures.views import views_state
from tests.oracle.open_clip import Block

State = Mapping[str, Tensor]
NETWORK, VAE = "model.diffusion_model.", "first_stage_model."
QUERY = "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"
LORA = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q"


def below(prefix: str) -> State:
    return {n.removeprefix(prefix): tensor for n, tensor in tiny_state().items() if n.startswith(prefix)}


def of(build: Callable[[], nn.Module]) -> State:
    return redrawn(build(), 1).state_dict()


def vision() -> State:
    return of(lambda: ClipVision(ClipVisionConfig(64, 2, 1, 64, 14, 28, projection=16)))


def gligen() -> State:
    state = of(lambda: Gligen(32, {"input_blocks.1.1.transformer_blocks.0": 32}))
    place = "input_blocks.1.1.transformer_blocks.0.fuser."
    return {name.replace("fusers.0.", place): tensor for name, tensor in state.items()}


def style() -> State:
    state = {f"transformer_layes.0.{n}": t for n, t in of(lambda: Block(64, 8, 256)).items()}
    norms = {f"ln_{end}.{n}": torch.ones(64) for end in ("pre", "post") for n in ("weight", "bias")}
    return state | norms | {"style_embedding": torch.ones(1, 3, 64), "proj": torch.ones(64, 24)}


def person() -> State:
    tower = ClipVisionConfig(64, 2, 1, 64, 14, 28, projection=16)
    state = of(lambda: IdentityEncoder(IdentityConfig(tower, second=16)))
    return {f"id_encoder.{n}": t for n, t in state.items()} | {
        "lora_weights.x_lora.down.weight": torch.ones(1)
    }


def adapter() -> State:
    return of(lambda: T2IAdapter(AdapterConfig("full", channels=(32, 64), blocks=1)))


def image_prompt() -> State:
    return of(lambda: ImagePromptNetwork(ImagePromptConfig("base", 48, 32, 4, (32, 64))))


# A kind of those that are opened -> a file of it, and what goes out by wires.
FILES: Mapping[str, tuple[Callable[[], State], tuple[str, ...]]] = {
    "sd15": (lambda: below(NETWORK), ("MODEL",)),
    "zero123": (views_state, ("MODEL", "VAE", "CLIP_VISION")),
    "kl": (lambda: below(VAE), ("VAE",)),
    "taesd": (lambda: of(lambda: TinyAutoencoder(TinyConfig())), ("VAE",)),
    "taesd_half": (lambda: of(lambda: TinyAutoencoder(TinyConfig()).taesd_decoder), ()),
    "clip": (lambda: encoder_state("clip_l"), ("CLIP",)),
    "clip_vision": (vision, ("CLIP_VISION",)),
    "controlnet": (lambda: of(lambda: ControlNet(ControlNetConfig(TINY_UNET))), ("CONTROL_NET",)),
    "t2i_adapter": (adapter, ("CONTROL_NET",)),
    "ip_adapter": (image_prompt, ("IP_ADAPTER",)),
    "gligen": (gligen, ("GLIGEN",)),
    "style_model": (style, ("STYLE_MODEL",)),
    "photomaker": (person, ("PHOTOMAKER",)),
    "esrgan": (lambda: of(lambda: Esrgan(EsrganConfig(features=4, growth=2, blocks=2))), ("UPSCALE_MODEL",)),
    "compact": (lambda: of(lambda: Compact(CompactConfig(3, 4, 2, 2))), ("UPSCALE_MODEL",)),
    "embedding": (lambda: {"emb_params": torch.ones(2, 64)}, ()),
}


def had(results: tuple[Any, ...]) -> tuple[str, ...]:
    values = zip(OUTPUTS, results, strict=True)
    return tuple(name for name, value in values if name != "report" and not isinstance(value, Blocked))


def put(place: Path, state: State, name: str = "x.safetensors") -> str:
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, place / "models" / "loras" / name)
    return f"loras/{name}"


@pytest.mark.parametrize("kind", FILES)
def test_each_kind_goes_out_by_its_wire_and_the_others_say_what_it_is(ctx, tmp_path, kind: str) -> None:
    build, sockets = FILES[kind]
    name = put(tmp_path, build())
    assert identify_path(tmp_path / "models" / name).findings[0].kind == kind
    results = load_anything(ctx, file=name)
    assert had(results) == sockets
    report = results[OUTPUTS.index("report")]
    assert report.startswith("x.safetensors: ")
    assert ctx.shown["text"] == [report]
    for output, value in zip(OUTPUTS, results, strict=True):
        if isinstance(value, Blocked):
            assert f"x.safetensors gives no {output}: it is" in value.message


def test_kinds_without_a_file_above_are_variants_of_those_with_one() -> None:
    rest = (networks.OPENED | parts.OPENED) - FILES.keys()
    variants = {
        *(kind for kind in rest if kind.startswith(("sd", "lotus"))),
        *("clip_l", "clip_h", "clip_g", "kl_16", "controlnet_union", "control_lora", "lora"),
    }
    assert rest == variants


def test_a_checkpoint_gives_all_its_parts(ctx, tmp_path) -> None:
    tiny_checkpoint(tmp_path / "models" / "vae" / "odd name.safetensors")
    results = load_anything(ctx, file="vae/odd name.safetensors")
    assert had(results) == ("MODEL", "CLIP", "VAE")
    assert "sd15: model" in ctx.shown["text"][0]


def test_a_lora_changes_what_is_linked(ctx, tmp_path, checkpoint) -> None:
    up, down = torch.randn(32, 2), torch.randn(2, 32)
    name = put(tmp_path, {f"{LORA}.lora_up.weight": up, f"{LORA}.lora_down.weight": down})
    results = load_anything(ctx, file=name)
    assert had(results) == ()
    assert "link the model and the clip" in results[0].message
    results = load_anything(ctx, file=name, model=checkpoint.model, strength=0.5)
    assert had(results) == ("MODEL",)
    expected = checkpoint.model.base.network.get_parameter(QUERY) + 0.5 * up @ down
    with applied(results[0]) as base:
        assert torch.allclose(base.network.get_parameter(QUERY), expected, atol=1e-5)
    assert "x.safetensors (" in ctx.shown["text"][-1]


def test_a_difference_is_added_to_the_model_that_is_linked(ctx, tmp_path, checkpoint) -> None:
    state = FILES["controlnet"][0]()
    name = put(tmp_path, {**state, "difference": torch.ones(1)})
    control = load_anything(ctx, file=name, model=checkpoint.model)[OUTPUTS.index("CONTROL_NET")]
    first = "input_blocks.0.0.weight"
    base = checkpoint.model.base.network.get_parameter(first)
    assert torch.equal(control.base.network.get_parameter(first), state[first] + base)


def test_a_family_that_cannot_be_opened_still_gives_its_autoencoder(ctx, tmp_path) -> None:
    foreign = {f"{NETWORK}joint_blocks.0.context_block.attn.qkv.weight": torch.ones(1)}
    vae = {f"{VAE}{name}": tensor for name, tensor in below(VAE).items()}
    clip = {f"text_encoders.clip_l.transformer.{name}": t for name, t in encoder_state("clip_l").items()}
    results = load_anything(ctx, file=put(tmp_path, foreign | vae | clip))
    assert had(results) == ("VAE",)
    assert "checkpoint of Stable Diffusion 3" in results[0].message


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x80\x04}."])
def test_what_cannot_be_read_gives_nothing_but_a_report(ctx, tmp_path, content: bytes) -> None:
    (tmp_path / "models" / "checkpoints" / "bad.ckpt").write_bytes(content)
    results = load_anything(ctx, file="checkpoints/bad.ckpt")
    assert had(results) == ()
    assert results[0].message.startswith("bad.ckpt gives no MODEL: it ")


def test_a_folder_of_components_is_opened_from_the_list(ctx, tmp_path) -> None:
    place = tmp_path / "models" / "diffusers" / "mine"
    (place / "vae").mkdir(parents=True)
    (place / "model_index.json").write_text(json.dumps({"vae": ["diffusers", "AutoencoderKL"]}))
    save_file(dict(below(VAE)), place / "vae" / "diffusion_pytorch_model.safetensors")
    assert "diffusers/mine" in ctx.files.names("models:all")
    assert had(load_anything(ctx, file="diffusers/mine")) == ("VAE",)


def test_a_place_on_the_hub_is_fetched_instead(ctx, tmp_path, monkeypatch) -> None:
    (tmp_path / "models" / "vae").mkdir(exist_ok=True)
    save_file(dict(below(VAE)), tmp_path / "fetched.safetensors")
    asked: list[str] = []

    def fetch(text: str, tell: Callable[[str], None]) -> Path:
        asked.append(text)
        return tmp_path / "fetched.safetensors"

    monkeypatch.setattr("nodes.loading.anything.fetch", fetch)
    assert had(load_anything(ctx, file="vae/gone.safetensors", repository=" artist/vae@main ")) == ("VAE",)
    assert asked == ["artist/vae@main"]


def test_what_is_no_place_on_the_hub_is_refused(ctx) -> None:
    assert hub.parse_reference("artist/vae").repository == "artist/vae"
    with pytest.raises(NodeError, match="no place on the Hub: write owner/name"):
        load_anything(ctx, file="", repository="../../etc/passwd")
    with pytest.raises(NodeError, match=r"models|folder"):
        load_anything(ctx, file="nowhere/x.safetensors")
