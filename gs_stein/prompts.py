"""View-dependent prompts: words for the direction, for priors that do not know the camera."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from gs_stein.config import ViewPrompts
from gs_stein.types import Cameras


def view_prompts(prompt: str, options: ViewPrompts) -> list[str]:
    """The prompt for the front, a side, the back, and from overhead, in this order."""
    return [prompt + words for words in (options.front, options.side, options.back, options.overhead)]


def directions(cameras: Cameras, options: ViewPrompts) -> Int[Tensor, " V"]:
    """Which of the four prompts each camera needs, from where it stands around the origin.

    Source: DreamFusion (arXiv 2209.14988), section 3.2; fronts face south here, and a quarter turn each belongs to
    the front and the back.
    """
    x, y, z = cameras.positions.unbind(-1)
    flat = torch.hypot(x, y)
    azimuth = torch.rad2deg(torch.atan2(x, -y)).abs()  # 0 in front (south), 180 behind
    index = torch.where(azimuth <= 45.0, 0, torch.where(azimuth < 135.0, 1, 2))
    elevation = torch.rad2deg(torch.atan2(z, flat))
    return torch.where(elevation > options.overhead_elevation, 3, index)
