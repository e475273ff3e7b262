"""View-dependent prompts: tell a prior that ignores cameras which side it is looking at (DreamFusion, section 3.2).

Against the Janus problem in object mode: "…, front view", "side view", "back view" by azimuth, "overhead view" above
an elevation (arXiv 2209.14988; thresholds as in threestudio: front and back are 90° wide, overhead above 60°).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.types import Cameras, TextEmbedding

Embed = Callable[[list[str]], TextEmbedding]
"""Encodes P prompts, as `Denoiser.embed` does."""


class Direction(Enum):
    """Where a camera stands, seen from an object whose front faces south."""

    FRONT = 0
    SIDE = 1
    BACK = 2
    OVERHEAD = 3


@runtime_checkable
class ViewWords(Protocol):
    """The words, and where "overhead" begins."""

    @property
    def front(self) -> str: ...
    @property
    def side(self) -> str: ...
    @property
    def back(self) -> str: ...
    @property
    def overhead(self) -> str: ...
    @property
    def overhead_elevation(self) -> float: ...


def azimuth_elevation(cameras: Cameras) -> tuple[Float[Tensor, " V"], Float[Tensor, " V"]]:
    """Where cameras stand around the origin: azimuth (0 south, 90 east, in (-180, 180]) and elevation, in degrees."""
    x, y, z = cameras.positions.unbind(-1)
    azimuth = torch.rad2deg(torch.atan2(x, -y))
    elevation = torch.rad2deg(torch.atan2(z, torch.hypot(x, y)))
    return azimuth, elevation


def directions(cameras: Cameras, overhead_elevation: float = 60.0, half_width: float = 45.0) -> list[Direction]:
    """The direction of each camera; overhead wins over the others.

    Args:
        cameras: V cameras around an object at the origin.
        overhead_elevation: degrees above which a view is from overhead.
        half_width: degrees to either side of south (north) that count as front (back).
    """
    azimuth, elevation = azimuth_elevation(cameras)
    result = []
    for a, e in zip(azimuth.abs().tolist(), elevation.tolist(), strict=True):
        if e > overhead_elevation:
            result.append(Direction.OVERHEAD)
        elif a <= half_width:
            result.append(Direction.FRONT)
        elif a >= 180.0 - half_width:
            result.append(Direction.BACK)
        else:
            result.append(Direction.SIDE)
    return result


def view_prompts(prompt: str, words: ViewWords) -> list[str]:
    """The prompt from each `Direction`, in that order."""
    return [prompt + words.front, prompt + words.side, prompt + words.back, prompt + words.overhead]


def view_negatives(negative: str, words: ViewWords) -> list[str]:
    """The negative prompt from each `Direction`: the views that must not appear there (stable-dreamfusion, Perp-Neg).

    A front view must not look like the back or the side, and so on; overhead views get the plain negative prompt.
    """
    others = ([words.side, words.back], [words.front, words.back], [words.front, words.side], [])
    return [(negative + "".join(parts)).lstrip(", ") for parts in others]


class ViewText:
    """The embeddings of one prompt from every direction, encoded once, picked per camera.

    Args:
        embed: encodes P prompts.
        prompt, negative: in words.
        words: of the directions.
        negative_views: also let the negative prompt depend on the view.
    """

    def __init__(
        self, embed: Embed, prompt: str, negative: str, words: ViewWords, negative_views: bool = False
    ) -> None:
        self._overhead = words.overhead_elevation
        negatives = view_negatives(negative, words) if negative_views else [negative] * 4
        both = embed([*view_prompts(prompt, words), *negatives])
        self._text, self._negative = both[:4], both[4:]

    def at(self, cameras: Cameras) -> tuple[TextEmbedding, TextEmbedding]:
        """Prompt and negative prompt of each of V cameras."""
        index = [d.value for d in directions(cameras, self._overhead)]
        return self._text[index], self._negative[index]
