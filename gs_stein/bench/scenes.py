"""Scenes that benchmarks share."""

from __future__ import annotations

import torch

from gs_stein.cameras.sampling import heading, intrinsics, look_at
from gs_stein.gaussians.initialise import initialise
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.options import RoomStart
from gs_stein.types import Cameras


def room_scene(count: int, sh_degree: int = 0, seed: int = 0) -> Gaussians:
    """Gaussians on the inside of a 6×6×3 m box, as the product starts: flat, just touching, of opacity ½ on average.

    Opacities and colours are spread out (logits of standard deviation 1.5), as they are after some training.
    """
    generator = torch.Generator().manual_seed(seed)
    start = RoomStart(count=count, size=(6.0, 6.0, 3.0), colour_noise=0.2)
    scene = initialise(start, generator, sh_degree)
    logits = 1.5 * torch.randn(count, generator=generator)
    sh = scene.sh + 0.05 * torch.randn(scene.sh.shape, generator=generator)
    return Gaussians(scene.means, scene.log_scales, scene.quats, logits, sh)


def room_views(views: int, resolution: int, fov: float = 70.0) -> Cameras:
    """Cameras at the middle of that box, looking level, the first one north."""
    yaw = 360.0 * torch.arange(views) / views
    forward = heading(yaw, torch.zeros(views))
    viewmats = look_at(torch.tensor([[0.0, 0.0, 1.5]]).expand(views, 3), forward)
    return Cameras(viewmats, intrinsics(torch.full((views,), fov), resolution, resolution), resolution, resolution)
