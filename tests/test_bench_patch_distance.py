"""The distance of patches: blur counts, colours do not."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from gs_stein.bench.patch_distance import enlarged, pyramid, swd


def pictures(seed: int, n: int = 12) -> torch.Tensor:
    """Rectangles of random colours on random colours."""
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.rand(n, 3, 1, 1, generator=generator).repeat(1, 1, 64, 64)
    for image in rgb:
        for _ in range(6):
            a, b = torch.randint(0, 48, (2,), generator=generator).tolist()
            h, w = torch.randint(8, 32, (2,), generator=generator).tolist()
            image[:, a : a + h, b : b + w] = torch.rand(3, 1, 1, generator=generator)
    return rgb


def test_a_pyramid_adds_up() -> None:
    rgb = pictures(0)
    fine, middle, coarse = pyramid(rgb)
    assert [level.shape[-1] for level in (fine, middle, coarse)] == [64, 32, 16]
    torch.testing.assert_close(fine + enlarged(middle + enlarged(coarse)), rgb)
    assert fine.mean().abs() < 0.01 * rgb.mean()  # detail alone


def test_blur_is_far_and_other_colours_near() -> None:
    real, others = pictures(0), pictures(1)
    near = swd(others, real)
    blurred = F.avg_pool2d(F.pad(others, (3, 3, 3, 3), mode="reflect"), 7, stride=1)
    assert swd(real, real) < 0.5 * near
    assert swd(0.5 + 0.4 * (others - 0.5), real) < 1.2 * near  # contrast is not finish
    assert swd(blurred, real) > 1.25 * near
