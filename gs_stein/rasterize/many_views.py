"""Rendering many views without a gradient."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.types import Cameras, Render

AT_ONCE = 8
"""Views rendered together."""


@torch.no_grad()
def render_views(
    gaussians: Gaussians, cameras: Cameras, options: RasterizeOptions, background: float = 0.5
) -> Iterator[Render]:
    """Render many views, a few at a time; colours are clamped to [0, 1].

    Args:
        gaussians: the scene.
        cameras: V views, on any device.
        options: of the rasterizer.
        background: grey level behind the scene.

    Yields:
        Renders of up to AT_ONCE views.
    """
    cameras = cameras.to(gaussians.device)
    colour = gaussians.means.new_full((3,), background)
    for first in range(0, len(cameras), AT_ONCE):
        render = rasterize(gaussians, cameras[first : first + AT_ONCE], options, colour)
        render.rgb.clamp_(0.0, 1.0)
        yield render
