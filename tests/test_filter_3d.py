"""Pictures larger than those that were trained on show the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.filter_3d import as_trained, sampling_density
from gs_stein.rasterize.options import RasterizeOptions


def sprinkled(count: int, extent: float, size: float, seed: int = 0) -> Gaussians:
    """Small flat Gaussians of all colours, thinner than the pixels of the cameras below."""
    generator = torch.Generator().manual_seed(seed)
    means = extent * (torch.rand(count, 3, generator=generator) - 0.5)
    log_scales = torch.tensor([size, size, 0.2 * size]).log().expand(count, -1)
    quats = torch.randn(count, 4, generator=generator)
    sh = torch.randn(count, 1, 3, generator=generator)
    return Gaussians(means, log_scales, quats, torch.full((count,), 1.5), sh)


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return -10 * torch.log10((a - b).square().mean()).item()


@pytest.mark.parametrize("cameras", [OrbitCameras(resolution=48), RoomCameras(resolution=48)])
@pytest.mark.parametrize("larger", [2, 4])
def test_larger_pictures_show_what_was_trained(cameras, larger: int) -> None:
    orbits = isinstance(cameras, OrbitCameras)
    scene = sprinkled(1500, 1.2 if orbits else 4.5, 0.008 if orbits else 0.02)
    if not orbits:
        scene = replace(scene, means=scene.means + torch.tensor([0.0, 0.0, 1.3]))
    views = sample_cameras(cameras, 6, torch.Generator().manual_seed(7))
    grey = torch.full((3,), 0.5)

    def shown(gaussians: Gaussians, side: int) -> torch.Tensor:
        rgb = rasterize(gaussians, views.resized(side, side), RasterizeOptions(), grey).rgb.permute(0, 3, 1, 2)
        return F.interpolate(rgb, (48, 48), mode="area")

    trained, smoothed = shown(scene, 48), as_trained(scene, cameras)
    assert psnr(shown(smoothed, 48 * larger), trained) > psnr(shown(scene, 48 * larger), trained) + 2
    assert psnr(shown(smoothed, 48), trained) > 25


def test_density_is_pixels_per_square_metre() -> None:
    """Seen by one camera at 2 m with a focal length of 24 pixels: 144; out of its sight: none."""
    orbit = OrbitCameras(azimuth=(0.0, 0.0), elevation=(0.0, 0.0), radius=(2.0, 2.0), fov=(90.0, 90.0), resolution=48)
    cameras = sample_cameras(orbit, 1, torch.Generator().manual_seed(0))
    scene = sprinkled(2, 0.0, 0.1)
    scene = replace(scene, means=torch.stack([torch.zeros(3), 5 * cameras.positions[0]]))
    assert sampling_density(scene, cameras).tolist() == pytest.approx([144.0, 0.0])
    widened = as_trained(scene, orbit)
    added = torch.exp(2 * widened.log_scales) - torch.exp(2 * scene.log_scales)
    assert added[0].tolist() == pytest.approx([(0.3 - 1 / 12) / 144] * 3, rel=1e-3)
    assert added[1].abs().max() < 1e-8


def test_nothing_is_added_where_nothing_was_widened() -> None:
    scene, cameras = sprinkled(5, 1.0, 0.1), OrbitCameras(resolution=16)
    assert as_trained(scene, cameras, RasterizeOptions(antialiased=True)) is scene
    assert as_trained(scene, cameras, RasterizeOptions(eps2d=0.05)) is scene
    empty = sprinkled(0, 1.0, 0.1)
    assert len(as_trained(empty, cameras)) == 0
    before = scene.log_scales.clone()
    as_trained(scene, cameras)
    assert torch.equal(scene.log_scales, before)
