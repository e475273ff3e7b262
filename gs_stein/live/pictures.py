"""The last training view as pictures: what was rendered, and what the prior made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import UInt8

from gs_stein.live.record import Views
from gs_stein.live.views import depth_picture, plain
from gs_stein.types import Denoiser, DepthEstimator

if TYPE_CHECKING:
    import viser

SIDE = 256
"""Pixels of one picture in the panel."""


class Pictures:
    """Two pairs of pictures. Only one thread may draw."""

    def __init__(
        self,
        server: viser.ViserServer,
        denoiser: Denoiser | None,
        depth_estimator: DepthEstimator | None,
        device: torch.device,
    ) -> None:
        self._denoiser, self._depth, self._device = denoiser, depth_estimator, device
        gui = server.gui
        self._which = gui.add_slider("View of the group", 1, 2, 1, 1, visible=False)
        black = np.zeros((SIDE // 2, SIDE, 3), np.uint8)
        self._rendered = gui.add_image(black, label="Rendered: colour, depth", format="jpeg", visible=False)
        self._guess = gui.add_image(black, label="The prior's clean guess x̂₀", format="jpeg", visible=False)
        self._last: Views | None = None

    @property
    def wanted(self) -> int:
        """Which view of the group to copy."""
        return int(self._which.value) - 1

    def show(self, views: Views) -> None:
        """Draw the pictures of a step; the prior's half costs a decoding."""
        if views is self._last:
            return
        self._last = views
        if views.count > 1:
            self._which.max = views.count
            self._which.visible = True
        self._rendered.image = beside(plain(views.rgb), depth_picture(views.depth, views.alpha))
        self._rendered.visible = True
        if self._denoiser is None or views.x0_hat is None or views.eps_hat is None or views.t is None:
            return
        with torch.no_grad():
            decoded = self._denoiser.decode(views.x0_hat.to(self._device))[0].permute(1, 2, 0)
        fraction = views.t / self._denoiser.schedule.num_timesteps
        parts, label = [plain(decoded)], f"The prior's clean guess x̂₀ at t/T = {fraction:.2f}"
        estimate = self._estimated(views)
        if estimate is not None:
            parts.append(estimate)
            label += ", and the depth estimator's view of the noisy image"
        self._guess.image = beside(*parts) if len(parts) > 1 else beside(parts[0], np.zeros_like(parts[0]))
        self._guess.label, self._guess.visible = label, True

    def _estimated(self, views: Views) -> UInt8[np.ndarray, "a b 3"] | None:
        if self._depth is None or self._denoiser is None or views.x0_hat is None or views.eps_hat is None:
            return None
        where = self._device
        t = torch.tensor([views.t], dtype=views.x0_hat.dtype)
        cameras = views.cameras[views.index : views.index + 1]
        with torch.no_grad():
            x_t = self._denoiser.schedule.add_noise(views.x0_hat[None], views.eps_hat[None], t)
            depth = self._depth(x_t.to(where), t.to(where), cameras.to(where))
        return depth_picture(depth[0, 0])


def beside(*images: UInt8[np.ndarray, "_h _w 3"]) -> UInt8[np.ndarray, "H W 3"]:
    """Pictures next to each other, each `SIDE` pixels high and as wide as its shape asks."""
    from PIL import Image

    parts = []
    for image in images:
        width = max(1, round(SIDE * image.shape[1] / image.shape[0]))
        parts.append(np.asarray(Image.fromarray(image).resize((width, SIDE), Image.Resampling.BILINEAR)))
    return np.concatenate(parts, axis=1)
