"""Pictures of our own rasterizer at the browser's camera: true colours, depth, normals, alpha.

The browser's splats show neither view dependence nor depth. Where one of these is chosen, the splats are hidden and
each browser gets a picture as its background, small while it moves and larger when it rests.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from gs_stein.gaussians.model import Gaussians
from gs_stein.live.layers import set_background
from gs_stein.live.poses import LAYERS, Layer, browser_camera, picture
from gs_stein.types import Cameras

if TYPE_CHECKING:
    import viser

log = logging.getLogger(__name__)
SPLATS = "Splats (in the browser)"
_MOVING, _RESTING = 200, 480
"""Heights of the pictures in pixels."""
_QUIET = 0.35
"""Seconds without a move after which a view rests."""
_RATE = 12.0
"""Pictures a second at most, for all browsers."""


class LayerView:
    """The choice between splats and pictures, and the thread that draws the pictures.

    Args:
        server: the page; a dropdown is added where its panel stands.
        scene: the Gaussians to draw; None: nothing yet. Called on the drawing thread; nobody may change them.
        draw: draws one camera's picture; by default, of the whole window from the scene above.
        choices: what can be shown; the first is shown at first.
        background: grey level behind the scene; None: the page's own.
    """

    def __init__(
        self,
        server: viser.ViserServer,
        scene: Callable[[], Gaussians | None],
        draw: Callable[[Cameras, Layer], UInt8[np.ndarray, "H W 3"] | None] | None = None,
        choices: tuple[str, ...] = (SPLATS, *LAYERS),
        background: float | None = None,
    ) -> None:
        self._server, self._scene = server, scene
        self._draw = self._draw_scene if draw is None else draw
        self._choice = server.gui.add_dropdown("Show", choices, initial_value=choices[0])
        self._choice.on_update(lambda _: self._chosen())
        self._background = background
        set_background(server, background)
        self._told: Callable[[bool], None] = lambda _: None
        self._closed, self._news = threading.Event(), threading.Event()
        self._version = 0
        self._done: dict[int, tuple[int, float, int, str]] = {}
        self._covered: set[int] = set()
        server.on_client_connect(self._connected)
        self._thread = threading.Thread(target=self._serve, name="layers", daemon=True)
        self._thread.start()

    def on_change(self, tell: Callable[[bool], None]) -> None:
        """Have `tell(whether splats are shown)` called when the choice changes."""
        self._told = tell

    @property
    def layer(self) -> Layer | None:
        """What is drawn by our rasterizer; None: the browser draws."""
        value = self._choice.value
        return next((layer for layer in LAYERS if layer == value), None)

    def choose(self, value: str) -> None:
        """Set the choice, as if somebody had."""
        if self._choice.value != value:
            self._choice.value = value  # calls `_chosen`

    def set_background(self, level: float | None) -> None:
        """Put another grey level behind the scene."""
        if level != self._background:
            self._background = level
            set_background(self._server, level)
            self.changed()

    def changed(self) -> None:
        """The scene is another: draw again."""
        self._version += 1
        if self.layer is not None:
            self._news.set()

    def close(self, patience: float = 5.0) -> bool:
        """Stop drawing; says whether the picture that was under way was finished within some seconds."""
        self._closed.set()
        self._news.set()
        self._thread.join(timeout=patience)
        return not self._thread.is_alive()

    def _chosen(self) -> None:
        self._told(self.layer is None)
        self._version += 1
        self._news.set()

    def _connected(self, client: viser.ClientHandle) -> None:
        client.camera.on_update(lambda _: self._news.set() if self.layer is not None else None)
        self._news.set()

    def _serve(self) -> None:
        while not self._closed.is_set():
            self._news.wait()
            self._news.clear()
            started = time.monotonic()
            try:
                again = self._round()
            except Exception:
                log.warning("viewer: a picture failed", exc_info=True)
                again = False
            spent = time.monotonic() - started
            self._closed.wait(max(1.0 / _RATE - spent, 0.01))
            if again:
                self._news.set()

    def _round(self) -> bool:
        """Draw for every browser that lacks a picture; says whether one still moves."""
        layer, again = self.layer, False
        clients = self._server.get_clients()
        self._covered &= set(clients)
        self._done = {key: value for key, value in self._done.items() if key in clients}
        for key, client in clients.items():
            try:
                if layer is None:
                    if key in self._covered:
                        set_background(client, self._background)
                        self._covered.discard(key)
                        self._done.pop(key, None)
                    continue
                moved = float(client.camera.update_timestamp)
                height = _RESTING if time.time() - moved > _QUIET else _MOVING
                again |= height == _MOVING
                state = (self._version, moved, height, layer)
                if self._done.get(key) == state:
                    continue
                image = self._draw(browser_camera(client.camera, height), layer)
                if image is None:
                    continue
                client.scene.set_background_image(image, format="jpeg", jpeg_quality=82)
                self._covered.add(key)
                self._done[key] = state
            except (RuntimeError, AssertionError, ZeroDivisionError):
                continue  # gone, or without a camera yet
        return again

    def _draw_scene(self, cameras: Cameras, layer: Layer) -> UInt8[np.ndarray, "H W 3"] | None:
        gaussians = self._scene()
        return (
            None if gaussians is None or len(gaussians) == 0 else picture(gaussians, cameras, layer, self._background)
        )
