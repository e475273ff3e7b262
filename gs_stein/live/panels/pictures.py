"""The last training view as pictures: what was rendered, and what the prior made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from gs_stein.live.poses import depth_picture, plain
from gs_stein.live.snapshot import Guess, Views

if TYPE_CHECKING:
    import viser

SIDE = 256
"""Pixels of one picture in the panel."""


class Pictures:
    """Two pairs of pictures. Only one thread may draw."""

    def __init__(self, server: viser.ViserServer) -> None:
        gui = server.gui
        self._which = gui.add_slider("View of the group", 1, 2, 1, 1, visible=False)
        black = np.zeros((SIDE // 2, SIDE, 3), np.uint8)
        self._rendered = gui.add_image(black, label="Rendered: colour, depth", format="jpeg", visible=False)
        self._guess = gui.add_image(black, label="The prior's clean guess x̂₀", format="jpeg", visible=False)

    @property
    def wanted(self) -> int:
        """Which view of the group to copy."""
        try:
            return int(self._which.value) - 1
        except (TypeError, ValueError, OverflowError):  # a client may send anything
            return 0

    def show(self, views: Views) -> None:
        """Draw the pictures of a step."""
        if views.count > 1:
            self._which.max = max(int(self._which.max), views.count)  # some steps render fewer
            self._which.visible = True
        self._rendered.image = beside(plain(views.rgb), depth_picture(views.depth, views.alpha))
        self._rendered.visible = True

    def show_guess(self, guess: Guess) -> None:
        """Draw what the prior made of it."""
        label = f"The prior's clean guess x̂₀ at t/T = {guess.t:.2f}"
        first = plain(guess.rgb)
        if guess.depth is None:
            second = np.zeros_like(first)
        else:
            second, label = depth_picture(guess.depth), f"{label}, and the depth seen in the noisy image"
        self._guess.image = beside(first, second)
        self._guess.label, self._guess.visible = label, True


def beside(*images: UInt8[np.ndarray, "_h _w 3"]) -> UInt8[np.ndarray, "H W 3"]:
    """Pictures next to each other, each `SIDE` pixels high and as wide as its shape asks."""
    from PIL import Image

    parts = []
    for image in images:
        width = max(1, round(SIDE * image.shape[1] / image.shape[0]))
        parts.append(np.asarray(Image.fromarray(image).resize((width, SIDE), Image.Resampling.BILINEAR)))
    return np.concatenate(parts, axis=1)
