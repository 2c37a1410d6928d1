import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from loaders.assemble import Storage, build_empty
from loaders.checkpoint import open_checkpoint, open_vae
from loaders.errors import BrokenFile, UnknownFormat
from loaders.families.clip_text import clip_config
from loaders.families.kl import kl_config
from loaders.families.ldm_unet import diffusers_prefixes, levels_of, translate, unet_config
from models.adapters.patch import applied
from models.text.clip import ClipText, ClipTextConfig
from models.text.encode import encode_prompt
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from models.vae.kl import AutoencoderKL, KLConfig
from tests.fixtures.checkpoints import TINY_CLIP, TINY_UNET, TINY_VAE, tiny_checkpoint, tiny_state

UNET_PREFIX = "model.diffusion_model."
TEXT_PREFIX = "cond_stage_model.transformer."


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return tiny_state()


def written(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata=metadata)
    return path


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def test_a_checkpoint_gives_its_three_networks_with_their_weights(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    loaded = open_checkpoint(written(tmp_path / "x.safetensors", state))
    assert loaded.clip is not None
    assert loaded.vae is not None
    assert loaded.model.base.network.config == TINY_UNET
    assert loaded.vae.base.network.config == TINY_VAE
    assert loaded.clip.base.network.clip("clip_l").config == TINY_CLIP
    parts = {UNET_PREFIX: loaded.model.base.network, "first_stage_model.": loaded.vae.base.network}
    for prefix, network in parts.items():
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, state[prefix + name])
    assert loaded.report.unexpected == ()
    assert sum(loaded.report.loaded.values()) == len(state)
    assert not any(p.requires_grad for p in loaded.model.base.network.parameters())
    assert not loaded.model.base.network.training


def test_text_encoder_weights_are_rounded_through_half_precision(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    loaded = open_checkpoint(written(tmp_path / "x.safetensors", state))
    assert loaded.clip is not None
    name = "text_model.encoder.layers.0.mlp.fc1.weight"
    parameter = loaded.clip.base.network.get_parameter(f"clip_l.{name}")
    assert parameter.dtype == torch.float32
    assert torch.equal(parameter, state[TEXT_PREFIX + name].half().float())
    assert not torch.equal(parameter, state[TEXT_PREFIX + name])


def test_a_half_precision_network_is_kept_so_when_asked(tmp_path: Path) -> None:
    loaded = open_checkpoint(tiny_checkpoint(tmp_path / "x.safetensors"), Storage(torch.float16))
    assert {p.dtype for p in loaded.model.base.network.parameters()} == {torch.float16}


def test_convolutions_of_16_bits_have_their_channels_last(tmp_path: Path) -> None:
    path = tiny_checkpoint(tmp_path / "x.safetensors")
    name = "input_blocks.1.0.in_layers.2.weight"
    half = open_checkpoint(path, Storage(torch.bfloat16)).model.base.network.get_parameter(name)
    whole = open_checkpoint(path).model.base.network.get_parameter(name)
    assert half.is_contiguous(memory_format=torch.channels_last)
    assert whole.is_contiguous()
    assert torch.equal(half, whole.bfloat16())


def test_everything_in_a_loaded_checkpoint_runs(tmp_path: Path) -> None:
    loaded = open_checkpoint(tiny_checkpoint(tmp_path / "x.safetensors"))
    assert loaded.clip is not None
    assert loaded.vae is not None
    with applied(loaded.clip) as clip:
        context, _ = encode_prompt(clip, "a (red:1.2) cat")
    with applied(loaded.model) as model, torch.no_grad():
        predicted = model.network(torch.randn(1, 4, 8, 8), torch.tensor([500.0]), context)
    with applied(loaded.vae) as vae, torch.no_grad():
        picture = vae.network.decode(predicted)
    assert picture.shape == (1, 64, 64, 3)
    assert picture.isfinite().all()


UNETS = [
    TINY_UNET,
    UNetConfig(),
    UNetConfig(channels=64, multipliers=(1, 2, 3), input_depths=((0, 0), (1, 1), (1, 1)),
               output_depths=((0,) * 3, (1,) * 3, (1,) * 3), context_width=96),
    UNetConfig(channels=32, multipliers=(1, 2), input_depths=((1,), (0,)), output_depths=((1, 1), (0, 0)),
               middle_depth=0, context_width=64),
    UNetConfig(in_channels=9),
    UNetConfig(context_width=1024, heads=None, head_width=64, linear_projections=True),
    UNetConfig(multipliers=(1, 2, 4), input_depths=((0, 0), (2, 2), (10, 10)),
               output_depths=((0,) * 3, (2,) * 3, (10,) * 3), middle_depth=10, context_width=2048,
               heads=None, head_width=64, linear_projections=True, vector_width=2816),
]  # fmt: skip


@pytest.mark.parametrize("config", UNETS)
def test_the_sizes_of_a_unet_are_read_from_its_shapes(config: UNetConfig) -> None:
    network = build_empty(lambda: UNet(config))
    assert unet_config(shapes_of(network)) == config


@pytest.mark.parametrize("config", [TINY_UNET, UNETS[2]])
def test_diffusers_names_and_original_ones_are_one_to_one(config: UNetConfig) -> None:
    names = list(build_empty(lambda: UNet(config)).state_dict())
    prefixes = diffusers_prefixes(levels_of(config))
    there = [translate(name, prefixes) for name in names]
    assert None not in there
    assert len(set(there)) == len(names)
    back = {other: name for name, other in prefixes.items()}
    assert [translate(name, back) for name in there if name] == names


@pytest.mark.parametrize(
    "config",
    [
        TINY_VAE,
        KLConfig(),
        KLConfig(channels=64, multipliers=(1, 3), latent_channels=16, quant_convolutions=False),
    ],
)
def test_the_sizes_of_an_autoencoder_are_read_from_its_shapes(config: KLConfig) -> None:
    network = build_empty(lambda: AutoencoderKL(config))
    assert kl_config(shapes_of(network)) == config


@pytest.mark.parametrize(
    "config", [TINY_CLIP, ClipTextConfig(), ClipTextConfig(projection=512, positions=248)]
)
def test_the_sizes_of_a_text_encoder_are_read_from_its_shapes(config: ClipTextConfig) -> None:
    network = build_empty(lambda: ClipText(config))
    assert clip_config(shapes_of(network)) == config


def test_names_of_older_text_encoders_and_what_training_left_are_understood(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    old = {name.replace("transformer.text_model.", "transformer."): t for name, t in state.items()}
    old[TEXT_PREFIX + "embeddings.position_ids"] = torch.arange(77)[None]
    old["model_ema.decay"] = torch.tensor(0.9)
    old["alphas_cumprod"] = torch.ones(1000)
    old["surprise.weight"] = torch.zeros(2)
    loaded = open_checkpoint(written(tmp_path / "x.safetensors", old))
    assert loaded.clip is not None
    assert loaded.report.unexpected == ("surprise.weight",)
    assert "1 unused: surprise.weight" in loaded.report.summary()


def test_a_restricted_pickle_loads_like_safetensors(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save({"state_dict": state, "epoch": 1}, tmp_path / "x.ckpt")
    loaded = open_checkpoint(tmp_path / "x.ckpt")
    parameter = loaded.model.base.network.get_parameter("out.2.weight")
    assert torch.equal(parameter, state[UNET_PREFIX + "out.2.weight"])


@pytest.mark.parametrize(
    ("key", "metadata", "expected"),
    [
        (None, None, ("eps", False)),
        ("v_pred", None, ("v", False)),
        ("v_pred ztsnr", None, ("v", True)),
        (None, {"modelspec.predict_key": "v"}, ("v", False)),
        (None, {"modelspec.predict_key": "epsilon"}, ("eps", False)),
    ],
)
def test_the_prediction_is_noise_unless_the_file_says_otherwise(
    tmp_path: Path,
    state: dict[str, Tensor],
    key: str | None,
    metadata: dict[str, str] | None,
    expected: tuple[str, bool],
) -> None:
    marked = state | {name: torch.zeros(0) for name in (key or "").split()}
    model = open_checkpoint(written(tmp_path / "x.safetensors", marked, metadata)).model.base
    assert (model.prediction, model.noise.zero_terminal_snr) == expected


def test_a_file_may_bring_its_own_preview_colours(tmp_path: Path, state: dict[str, Tensor]) -> None:
    rows = [[0.1, 0.2, 0.3]] * 4
    metadata = {"sfumato.rgb_factors": json.dumps([*rows, [1, 2, 3]])}
    latent = open_checkpoint(written(tmp_path / "x.safetensors", state, metadata)).model.base.latent
    assert latent.rgb_factors == tuple(map(tuple, rows))
    assert latent.rgb_bias == (1.0, 2.0, 3.0)
    with pytest.raises(BrokenFile, match="rows of three numbers"):
        open_checkpoint(written(tmp_path / "y.safetensors", state, {"sfumato.rgb_factors": "[1]"}))


def test_a_network_alone_gives_no_text_encoder_and_no_autoencoder(
    tmp_path: Path, state: dict[str, Tensor]
) -> None:
    bare = {n.removeprefix(UNET_PREFIX): t for n, t in state.items() if n.startswith(UNET_PREFIX)}
    loaded = open_checkpoint(written(tmp_path / "x.safetensors", bare))
    assert (loaded.clip, loaded.vae) == (None, None)
    prefixes = diffusers_prefixes(levels_of(TINY_UNET))
    renamed = {translate(name, prefixes) or name: tensor for name, tensor in bare.items()}
    again = open_checkpoint(written(tmp_path / "y.safetensors", renamed))
    for name, tensor in again.model.base.network.state_dict().items():
        assert torch.equal(tensor, bare[name])


def test_missing_weights_are_counted_and_named(tmp_path: Path, state: dict[str, Tensor]) -> None:
    name = UNET_PREFIX + "output_blocks.1.0.in_layers.2.weight"
    less = {n: t for n, t in state.items() if n != name}
    with pytest.raises(
        BrokenFile, match=r"1 of \d+ weights of its UNet are missing: output_blocks.1.0.in_layers"
    ):
        open_checkpoint(written(tmp_path / "x.safetensors", less))


def test_a_weight_of_another_shape_is_refused(tmp_path: Path, state: dict[str, Tensor]) -> None:
    name = UNET_PREFIX + "time_embed.2.weight"
    with pytest.raises(
        BrokenFile, match=r"time_embed.2.weight of its UNet has the shape \(128, 127\) instead of"
    ):
        open_checkpoint(written(tmp_path / "x.safetensors", state | {name: state[name][:, 1:]}))


def test_an_unknown_file_is_refused_with_what_it_lacks_and_holds(tmp_path: Path) -> None:
    path = written(
        tmp_path / "x.safetensors", {"double_blocks.0.img_attn.norm.key_norm.scale": torch.zeros(1)}
    )
    with pytest.raises(UnknownFormat) as caught:
        open_checkpoint(path)
    text = str(caught.value)
    assert "x.safetensors is not a checkpoint of a known family" in text
    assert "It is not Stable Diffusion" in text
    assert "It holds double_blocks.0.img_attn" in text


@pytest.mark.parametrize("config", [UNETS[6], replace(UNETS[4], in_channels=6)])
def test_networks_of_no_known_family_are_not_claimed(tmp_path: Path, config: UNetConfig) -> None:
    small = replace(
        config, channels=32, context_width=64, vector_width=config.vector_width and 32, head_width=32
    )
    tensors = {UNET_PREFIX + name: t.detach() for name, t in UNet(small).state_dict().items()}
    with pytest.raises(UnknownFormat, match=r"known family\. It is not .*It holds model\."):
        open_checkpoint(written(tmp_path / "x.safetensors", tensors))


@pytest.mark.parametrize("prefix", ["first_stage_model.", "vae.", ""])
def test_an_autoencoder_opens_under_each_of_its_prefixes(
    tmp_path: Path, state: dict[str, Tensor], prefix: str
) -> None:
    start = "first_stage_model."
    alone = {prefix + n.removeprefix(start): t for n, t in state.items() if n.startswith(start)}
    vae = open_vae(written(tmp_path / "x.safetensors", alone)).base
    for name, tensor in vae.network.state_dict().items():
        assert torch.equal(tensor, state[start + name])


def test_an_autoencoder_opens_from_a_whole_checkpoint(tmp_path: Path, state: dict[str, Tensor]) -> None:
    assert open_vae(written(tmp_path / "x.safetensors", state)).base.network.config == TINY_VAE


@pytest.mark.parametrize(
    "attention", [("to_q", "to_k", "to_v", "to_out.0"), ("query", "key", "value", "proj_attn")]
)
def test_an_autoencoder_in_the_layout_of_diffusers_decodes_alike(
    tmp_path: Path, attention: tuple[str, str, str, str]
) -> None:
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    theirs = diffusers.AutoencoderKL(
        block_out_channels=(32, 32, 64),
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
    ).eval()
    tensors = theirs.state_dict()
    for new, old in zip(("to_q", "to_k", "to_v", "to_out.0"), attention, strict=True):
        tensors = {
            name.replace(f"attentions.0.{new}.", f"attentions.0.{old}."): t for name, t in tensors.items()
        }
    ours = open_vae(written(tmp_path / "x.safetensors", tensors)).base.network
    latent = torch.randn(1, 4, 4, 4)
    with torch.no_grad():
        expected = theirs.decode(latent).sample
        torch.testing.assert_close(ours.decode_raw(latent), expected, rtol=0, atol=5e-5)
        pixels = torch.randn(1, 3, 16, 16)
        expected = theirs.encode(pixels).latent_dist.mean
        torch.testing.assert_close(ours.encode_raw(pixels).mean, expected, rtol=0, atol=5e-5)


def test_a_file_without_an_autoencoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match="not an autoencoder of a known kind"):
        open_vae(written(tmp_path / "x.safetensors", {"a": torch.zeros(1)}))


def test_an_autoencoder_without_its_encoder_is_refused(tmp_path: Path, state: dict[str, Tensor]) -> None:
    start = "first_stage_model.decoder."
    with pytest.raises(BrokenFile, match="no encoder"):
        open_vae(written(tmp_path / "x.safetensors", {n: t for n, t in state.items() if n.startswith(start)}))


def test_a_unet_in_the_layout_of_diffusers_predicts_alike(tmp_path: Path) -> None:
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    theirs = diffusers.UNet2DConditionModel(
        block_out_channels=(32, 64, 64),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=8,
        sample_size=8,
    ).eval()
    ours = open_checkpoint(written(tmp_path / "x.safetensors", theirs.state_dict())).model.base.network
    x, context = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 32)
    with torch.no_grad():
        expected = theirs(x, 300, context).sample
        torch.testing.assert_close(ours(x, torch.tensor([300.0]), context), expected, rtol=0, atol=5e-5)
