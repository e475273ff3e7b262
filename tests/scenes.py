"""Scenes that more than one test file rasterizes."""

from __future__ import annotations

import torch

from gs_stein.cameras.options import OrbitCameras
from gs_stein.cameras.sampling import intrinsics, look_at, sample_cameras
from gs_stein.gaussians.model import Gaussians
from gs_stein.types import Cameras


def random_scene(count: int, degree: int = 1, seed: int = 0, size: float = -2.3) -> Gaussians:
    """A cloud of about a metre around the origin, float64."""
    g = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    return Gaussians(
        means=0.5 * normal(count, 3),
        log_scales=0.7 * normal(count, 3) + size,
        quats=normal(count, 4),
        opacity_logits=2.0 * normal(count),
        sh=0.3 * normal(count, (degree + 1) ** 2, 3),
    )


def orbit_views(views: int, resolution: int, seed: int = 1) -> Cameras:
    """Cameras around the origin, float64."""
    g = torch.Generator().manual_seed(seed)
    return sample_cameras(OrbitCameras(resolution=resolution), views, g).to(torch.float64)


def front_view(width: int, height: int, distance: float = 2.5, fov: float = 50.0) -> Cameras:
    """One camera south of the origin looking north, float64, any image size."""
    position = torch.tensor([[0.0, -distance, 0.0]], dtype=torch.float64)
    viewmats = look_at(position, torch.tensor([[0.0, 1.0, 0.0]], dtype=torch.float64))
    return Cameras(viewmats, intrinsics(torch.tensor([fov], dtype=torch.float64), width, height), width, height)
