"""Do FreeU, HyperTile and token merging compute what their papers say, by second implementations?"""

from contextlib import ExitStack

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from models.adapters.freeu import FreeU, weakened
from models.adapters.hypertile import HyperTile
from models.adapters.token_merging import match
from models.attention import AttentionCore
from models.call import Call, calling
from models.unet.blocks import SkipJoin


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (2, 3)])
def test_freeu_agrees_with_the_oracle(size: tuple[int, int]) -> None:
    oracle = pytest.importorskip("diffusers.utils.torch_utils")
    x, skip = drawn(2, 8, *size), drawn(2, 4, *size, seed=1)
    for stage, scales in ((0, (0.9, 1.1)), (1, (0.2, 1.2))):
        theirs = oracle.apply_freeu(stage, x.clone(), skip.clone(), s1=0.9, s2=0.2, b1=1.1, b2=1.2)
        ours = torch.cat([x[:, :4] * scales[1], x[:, 4:]], dim=1), weakened(skip, scales[0])
        assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(ours, theirs, strict=True))


def test_the_second_freeu_follows_the_stretched_mean() -> None:
    root = nn.Module()
    root.input_blocks = nn.ModuleList([nn.ModuleList([nn.Conv2d(4, 2, 1)])])
    root.joins = nn.ModuleList([SkipJoin()])
    x, skip = drawn(1, 8, 3, 3), drawn(1, 2, 3, 3, seed=1)
    with ExitStack() as undo:
        FreeU(1.5, 1.0, 1.0, 1.0, follows_mean=True).install(root, undo)
        joined = root.joins[0](x, skip)
    mean = x.mean(1, keepdim=True)
    factor = 0.5 * (mean - mean.min()) / (mean.max() - mean.min()) + 1
    assert torch.allclose(joined[:, :4], x[:, :4] * factor, atol=1e-6)
    assert torch.allclose(joined[:, 4:], torch.cat([x[:, 4:], skip], dim=1), atol=1e-5)


def test_a_tile_of_queries_sees_the_strip_of_keys_of_its_number() -> None:
    root = nn.ModuleDict({"a": nn.ModuleDict({"attn1": nn.ModuleDict({"core": AttentionCore(2)})})})
    query, key, value = (drawn(1, 64, 4, seed=seed) for seed in range(3))
    with ExitStack() as undo, calling(Call(1.0, ("positive",), 1, 8, 8)):
        HyperTile(tile_size=32).install(root, undo)
        got = root.get_submodule("a.attn1.core")(query, key, value)
    for tile in range(4):
        top, left = 4 * (tile // 2), 4 * (tile % 2)
        cells = [8 * row + column for row in range(top, top + 4) for column in range(left, left + 4)]
        strip = slice(16 * tile, 16 * tile + 16)
        heads = [
            t.reshape(1, -1, 2, 2).transpose(1, 2) for t in (query[:, cells], key[:, strip], value[:, strip])
        ]
        expected = scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        assert torch.allclose(got[:, cells], expected, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(4, 6), (5, 7)])
def test_tokens_go_into_the_targets_they_resemble_most(height: int, width: int) -> None:
    tokens = drawn(2, height * width, 6)
    generator = torch.Generator().manual_seed(1)
    matching = match(tokens, height, width, 0.3, generator)
    targets = set(matching.targets.tolist())
    assert len(targets) == (height // 2) * (width // 2)
    count = int(height * width * 0.3)
    merged, spread = matching.merge(tokens), matching.spread(matching.merge(tokens))
    assert merged.shape[1] == height * width - count
    for row in range(2):
        unit = torch.nn.functional.normalize(tokens[row], dim=-1)
        order = sorted(targets)
        best = {
            cell: max((float(unit[cell] @ unit[other]), other) for other in order)
            for cell in range(height * width)
            if cell not in targets
        }
        chosen = sorted(best, key=lambda cell: -best[cell][0])[:count]
        for other in order:
            members = [other, *(cell for cell in chosen if best[cell][1] == other)]
            for cell in members:
                assert torch.allclose(spread[row, cell], tokens[row, members].mean(0), atol=1e-5)
        for cell in set(best) - set(chosen):
            assert torch.equal(spread[row, cell], tokens[row, cell])
