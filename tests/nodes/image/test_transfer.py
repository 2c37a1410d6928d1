import pytest
import torch

from nodes.api.errors import NodeError
from nodes.image.transfer import (
    METHODS,
    PerFrame,
    TargetFrame,
    Uniform,
    from_lab,
    to_lab,
    transfer,
)

GENERATOR = torch.Generator().manual_seed(0)
DARK = 0.2 + 0.2 * torch.rand(2, 12, 10, 3, generator=GENERATOR)
REFERENCE = 0.4 + 0.2 * torch.rand(1, 9, 8, 3, generator=GENERATOR) * torch.tensor([1.0, 0.5, 0.2])


def stats(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    lab = to_lab(image.double()).reshape(-1, 3)
    return lab.mean(0), torch.cov(lab.T, correction=0)


@pytest.mark.parametrize(
    ("colour", "lab"),
    [
        ((1.0, 1.0, 1.0), (100.0, 0.0, 0.0)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        # Published values of the primaries under D65.
        ((1.0, 0.0, 0.0), (53.24, 80.09, 67.20)),
        ((0.0, 1.0, 0.0), (87.73, -86.18, 83.18)),
        ((0.0, 0.0, 1.0), (32.30, 79.19, -107.86)),
    ],
)
def test_lab_values_are_the_published_ones(colour: tuple[float, ...], lab: tuple[float, ...]) -> None:
    found = to_lab(torch.tensor(colour, dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor(lab, dtype=torch.float64), atol=0.02, rtol=0)
    torch.testing.assert_close(from_lab(found), torch.tensor(colour, dtype=torch.float64), atol=1e-6, rtol=0)


def test_reinhard_takes_mean_and_spread_of_each_channel() -> None:
    moved = transfer(DARK[:1], REFERENCE, "reinhard_lab", PerFrame())
    (mean, covariance), (wanted_mean, wanted) = stats(moved), stats(REFERENCE)
    torch.testing.assert_close(mean, wanted_mean, atol=1e-3, rtol=0)
    torch.testing.assert_close(covariance.diag().sqrt(), wanted.diag().sqrt(), atol=1e-3, rtol=0)


def test_the_linear_map_takes_the_whole_covariance() -> None:
    moved = transfer(DARK[:1], REFERENCE, "mkl_lab", PerFrame())
    (mean, covariance), (wanted_mean, wanted) = stats(moved), stats(REFERENCE)
    torch.testing.assert_close(mean, wanted_mean, atol=1e-3, rtol=0)
    torch.testing.assert_close(covariance, wanted, atol=2e-3, rtol=1e-3)


def test_a_histogram_takes_the_whole_distribution() -> None:
    image = torch.rand(1, 16, 16, 3, generator=GENERATOR)
    reference = torch.rand(1, 16, 16, 3, generator=GENERATOR) ** 2
    moved = transfer(image, reference, "histogram", PerFrame())
    for channel in range(3):
        torch.testing.assert_close(
            moved[..., channel].flatten().sort().values, reference[..., channel].flatten().sort().values
        )
        assert torch.equal(moved[..., channel].flatten().argsort(), image[..., channel].flatten().argsort())


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_keeps_its_own_colours(method: str) -> None:
    torch.testing.assert_close(transfer(DARK, DARK, method, PerFrame()), DARK, atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_strength_mixes_and_alpha_stays(method: str) -> None:
    image = torch.cat((DARK, torch.rand(2, 12, 10, 1, generator=GENERATOR)), dim=-1)
    assert transfer(image, REFERENCE, method, PerFrame(), 0.0) is image
    whole, half = (transfer(image, REFERENCE, method, PerFrame(), strength) for strength in (1.0, 0.5))
    torch.testing.assert_close(half, (whole + image) / 2)
    assert torch.equal(whole[..., 3], image[..., 3])
    assert transfer(image, REFERENCE, method, PerFrame(), 9.0).max() <= 1


def test_pictures_are_measured_alone_together_or_by_one_of_them() -> None:
    frames = torch.cat((DARK[:1], DARK[1:] + 0.3))
    alone = transfer(frames, REFERENCE, "reinhard_lab", PerFrame())
    together = transfer(frames, REFERENCE, "reinhard_lab", Uniform())
    by_first = transfer(frames, REFERENCE, "reinhard_lab", TargetFrame(0))
    assert torch.equal(by_first[0], alone[0])
    assert by_first[1].mean() > alone[1].mean() + 0.01
    assert together[1].mean() > together[0].mean() + 0.01
    torch.testing.assert_close(alone[0].mean(), alone[1].mean(), atol=0.02, rtol=0)
    last = transfer(frames, REFERENCE, "reinhard_lab", TargetFrame(99))
    assert torch.equal(last[1], alone[1])


def test_each_picture_has_its_own_model_as_far_as_there_are_any() -> None:
    references = torch.cat((REFERENCE, REFERENCE[:, :, :] * 0.5))
    moved = transfer(torch.cat((DARK, DARK[:1])), references, "histogram", PerFrame())
    assert moved[0].mean() > 1.5 * moved[1].mean()
    assert torch.equal(moved[2], transfer(DARK[:1], references[1:], "histogram", PerFrame())[0])


def test_plain_pictures_do_not_break_it() -> None:
    for method in METHODS:
        moved = transfer(torch.full((1, 4, 4, 3), 0.3), REFERENCE, method, PerFrame())
        assert torch.isfinite(moved).all()


def test_grey_pictures_are_refused() -> None:
    with pytest.raises(NodeError, match="3 channels"):
        transfer(DARK[..., :1], REFERENCE, "histogram", PerFrame())
