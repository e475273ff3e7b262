"""Pictures of a finished scene: its best view with eight around it, and its depth with a legend."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gs_stein.cameras.paths import video_path
from gs_stein.config.schema import BACKGROUNDS, Config
from gs_stein.gaussians.model import Gaussians
from gs_stein.images import depth_colours, depth_range, to_bytes
from gs_stein.rasterize.many_views import render_views
from gs_stein.types import Cameras

_CANDIDATES = 24
"""Views around, of which the best is shown large."""
_GLANCE = 64
"""Pixels of one while they are compared."""
_AROUND = 8
_LEGEND = 48
"""Pixels of the legend's height."""


def contact_sheet(gaussians: Gaussians, config: Config, side: int = 768) -> UInt8[np.ndarray, "side width 3"]:
    """The view in which most is to be seen, and beside it eight around, two a row.

    Args:
        gaussians: the scene.
        config: what it was made with; decides the views.
        side: pixels of the large picture; the small ones have a quarter.
    """
    turn = video_path(config.cameras, _CANDIDATES)
    glances = _colours(gaussians, turn.resized(_GLANCE, _GLANCE), config)
    # Edges of a small picture: a bare wall has few, and dust is too fine for it.
    edges = glances.diff(dim=2).abs().mean((1, 2, 3)) + glances.diff(dim=3).abs().mean((1, 2, 3))
    best = int(edges.argmax())
    hero = _colours(gaussians, turn[best : best + 1].resized(side, side), config)[0]
    small = turn[:: _CANDIDATES // _AROUND].resized(side // 4, side // 4)
    around = to_bytes(_colours(gaussians, small, config).permute(0, 2, 3, 1))
    columns = [np.concatenate(list(around[i::2]), axis=0) for i in (0, 1)]
    return np.concatenate([to_bytes(hero.permute(1, 2, 0)), *columns], axis=1)


def depth_sheet(gaussians: Gaussians, config: Config, side: int = 256) -> UInt8[np.ndarray, "H W 3"]:
    """Depth of the eight views around, four a row, and below them which colour is how far.

    Args:
        gaussians: the scene.
        config: what it was made with.
        side: pixels of one picture.
    """
    views = video_path(config.cameras, _AROUND).resized(side, side)
    renders = list(render_views(gaussians, views, config.rasterize, BACKGROUNDS[config.background]))
    depth, alpha = torch.cat([r.depth for r in renders]), torch.cat([r.alpha for r in renders])
    near, far = depth_range(depth, alpha)
    pictures = depth_colours(depth, alpha, near, far)
    rows = [np.concatenate(list(pictures[i : i + 4]), axis=1) for i in (0, 4)]
    return np.concatenate([*rows, _legend(near, far, 4 * side)], axis=0)


def _legend(near: float, far: float, width: int) -> UInt8[np.ndarray, "H width 3"]:
    """The colours from near to far, with metres written below."""
    from PIL import Image, ImageDraw, ImageFont

    along = torch.linspace(0, 1, width).expand(1, _LEGEND // 2, width)
    bar = depth_colours(near * (far / near) ** along, torch.ones_like(along), near, far)[0]
    page = Image.new("RGB", (width, _LEGEND), "white")
    page.paste(Image.fromarray(bar), (0, 0))
    pen, font, ticks = ImageDraw.Draw(page), ImageFont.load_default(14), 5
    digits = max(0, 1 - math.floor(math.log10(far - near)))
    for i in range(ticks):
        metres = near * (far / near) ** (i / (ticks - 1))
        anchor = "la" if i == 0 else "ra" if i == ticks - 1 else "ma"
        at = (min(max(i * width / (ticks - 1), 6), width - 6), _LEGEND // 2 + 4)
        pen.text(at, f"{metres:.{digits}f} m", fill="black", font=font, anchor=anchor)
    return np.asarray(page)


def _colours(gaussians: Gaussians, views: Cameras, config: Config) -> Float[Tensor, "V 3 H W"]:
    """The scene from some views."""
    renders = render_views(gaussians, views, config.rasterize, BACKGROUNDS[config.background])
    return torch.cat([render.rgb for render in renders]).permute(0, 3, 1, 2)
