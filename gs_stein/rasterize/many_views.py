"""Rendering many views without a gradient."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.types import Cameras, Render

AT_ONCE = 8
"""Views rendered together, at most."""
_PIXELS = 2**19
"""Of these together: few large pictures, since what the kernels keep of them grows too."""


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
        Renders of up to AT_ONCE views, of fewer if they are large.
    """
    cameras = cameras.to(gaussians.device)
    colour = gaussians.means.new_full((3,), background)
    several = min(AT_ONCE, max(1, _PIXELS // (cameras.width * cameras.height)))
    for first in range(0, len(cameras), several):
        render = rasterize(gaussians, cameras[first : first + several], options, colour)
        render.rgb.clamp_(0.0, 1.0)
        yield render
