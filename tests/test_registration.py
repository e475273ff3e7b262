"""Pictures moved to where others have what they show."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from gs_stein.refine.registration import blurred, estimate_flow, warp

SIDE = 64


def texture(seed: int, count: int = 1, side: int = SIDE, grain: float = 2.0) -> torch.Tensor:
    """Coloured clouds in [0, 1], of details as large as `grain` pixels."""
    noise = blurred(torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed)), grain)
    return (0.5 + 0.2 * noise / noise.std()).clamp(0, 1)


def bend(seed: int, count: int, pixels: float) -> torch.Tensor:
    """Smooth displacements of so many pixels (root mean square)."""
    noise = blurred(torch.randn(count, 2, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)), 9.0)
    return noise / noise.square().sum(1).mean().sqrt() * pixels / (SIDE / 2)


def inner(x: torch.Tensor) -> torch.Tensor:
    """Without the border, where nobody knows what lies beyond."""
    return x[..., 8:-8, 8:-8]


def error(a: torch.Tensor, b: torch.Tensor) -> float:
    return inner(a - b).square().mean().item()


def test_a_displacement_says_where_to_look() -> None:
    """To the right in x, down in y, in halves of the picture."""
    picture = torch.zeros(1, 1, 8, 16)
    picture[..., 2, 11] = 1.0
    flow = torch.zeros(1, 2, 8, 16)
    flow[:, 0], flow[:, 1] = 3 / 8, -2 / 4
    assert warp(picture, flow)[0, 0].argmax() == 4 * 16 + 8
    assert torch.allclose(warp(picture, torch.zeros(1, 2, 1, 1)), picture, atol=1e-5)


@pytest.mark.parametrize("by", [(2.5, -1.5), (-6.0, 4.0)])
def test_a_shift_is_found(by: tuple[float, float]) -> None:
    wanted = texture(0, grain=3.0)
    flow = torch.tensor(by).view(1, 2, 1, 1) / (SIDE / 2)
    found = estimate_flow(warp(wanted, -flow, "bicubic"), wanted) * (SIDE / 2)
    assert (inner(found).mean((0, 2, 3)) - torch.tensor(by)).abs().max() < 0.1
    assert (inner(found) - torch.tensor(by).view(1, 2, 1, 1)).abs().mean() < 0.25


def test_bent_pictures_are_straightened_whatever_their_size() -> None:
    wanted = texture(1, 4, grain=3.0)
    bent = warp(wanted, bend(2, 4, 2.0), "bicubic")
    before, after = error(bent, wanted), error(warp(bent, estimate_flow(bent, wanted), "bicubic"), wanted)
    assert after < 0.05 * before
    large = F.interpolate(bent, scale_factor=4, mode="bicubic").clamp(0, 1)
    straight = F.interpolate(warp(large, estimate_flow(large, wanted)), (SIDE, SIDE), mode="area")
    assert error(straight, wanted) < 0.1 * before


def test_what_is_alike_or_shows_nothing_stays() -> None:
    same = texture(3, 2)
    assert estimate_flow(same, same).abs().max() < 1e-6
    flat = torch.full((1, 3, SIDE, SIDE), 0.3)
    assert estimate_flow(flat, flat + 0.4).abs().max() < 1e-6
    tiny = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert estimate_flow(tiny, tiny.flip(-1)).isfinite().all()


def test_the_mean_of_moved_views_is_sharper_than_that_of_views() -> None:
    """Twelve views of one picture, bent at random; each is registered to the mean of all, three times."""
    truth = texture(4, grain=1.5)
    views = warp(truth.expand(12, -1, -1, -1), bend(5, 12, 3.0), "bicubic")

    def detail(picture: torch.Tensor) -> float:
        return inner(picture - blurred(picture, 1.0)).square().mean().sqrt().item()

    mean = views.mean(0, keepdim=True)
    registered = mean
    for _ in range(3):
        registered = warp(views, estimate_flow(views, registered.expand_as(views)), "bicubic").mean(0, keepdim=True)
    assert detail(mean) < 0.7 * detail(truth)
    assert detail(registered) > 0.85 * detail(truth)
