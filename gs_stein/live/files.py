"""Files made from a scene: .ply, a page that needs no server, a video along a camera path."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import UInt8

from gs_stein.files import write_atomically
from gs_stein.gaussians.model import Gaussians
from gs_stein.images import to_bytes
from gs_stein.live.layers import SplatLayer, set_background, set_first_view
from gs_stein.live.poses import DARK, Pose
from gs_stein.live.server import close_server, free_port
from gs_stein.live.splats import Splats, copied, to_splats
from gs_stein.rasterize.many_views import render_views
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.run.video import write_video
from gs_stein.types import Cameras

if TYPE_CHECKING:
    import viser

PAGE_LIMIT = 500_000
"""Gaussians in a page at most (32 bytes each, a third more in the file)."""


def save_ply(gaussians: Gaussians, path: Path) -> None:
    """Write the standard .ply that every splat viewer opens."""
    from gs_stein.gaussians.formats.ply import write_ply

    write_ply(path, finite(gaussians), pad_sh=True)


def save_page(gaussians: Gaussians, path: Path, view: Pose, background: float | None = None) -> None:
    """Write one .html file that shows the splats in any browser, from the disk and without a network.

    Args:
        gaussians: the scene; of more than `PAGE_LIMIT` an even sample.
        path: of the file.
        view: where the browser starts.
        background: grey level behind the splats; None: the page's own.
    """
    write_atomically(path, page(gaussians, view, background).encode("utf-8"))


def page(gaussians: Gaussians, view: Pose, background: float | None = None) -> str:
    """The content of `save_page`'s file."""
    import viser

    # A server of its own, for a moment and on this machine only: the live one has carried many updates, which would
    # all be in the page, and cleaning it would make every browser flicker.
    with contextlib.redirect_stdout(io.StringIO()):
        server = viser.ViserServer(host="127.0.0.1", port=free_port("127.0.0.1", 0), verbose=False)
    try:
        set_first_view(server, view)
        if background is not None:
            set_background(server, background)
        splats = to_splats(copied(gaussians, PAGE_LIMIT))
        _plain_splats(server, splats)
        return server.get_scene_serializer().as_html(dark_mode=True)
    finally:
        close_server(server)


def _plain_splats(server: viser.ViserServer, splats: Splats) -> None:
    if len(splats) == 0:
        SplatLayer(server, "/splats")
        return
    server.scene.add_gaussian_splats("/splats", splats.centers, splats.covariances, splats.rgbs, splats.opacities)


def save_video(
    gaussians: Gaussians,
    cameras: Cameras,
    path: Path,
    fps: int = 24,
    background: float | None = None,
    progress: Callable[[float], bool] = lambda _: True,
) -> bool:
    """Film a scene along a path with our rasterizer and write an .mp4, whole or not at all.

    Args:
        gaussians: the scene.
        cameras: one a frame; sides are rounded down to even numbers, as the codec wants.
        path: of the file.
        fps: frames a second.
        background: grey level behind the scene; None: the page's own.
        progress: told the fraction done after every few frames; says False to give up.

    Returns:
        Whether the video was finished.

    Raises:
        ValueError: it cannot be written.
    """
    cameras = cameras.resized(cameras.width // 2 * 2, cameras.height // 2 * 2)

    grey = DARK if background is None else background

    def frames() -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        done = 0
        for render in render_views(finite(gaussians), cameras, RasterizeOptions(), grey):
            yield from to_bytes(render.rgb)
            done += len(render.rgb)
            if not progress(done / len(cameras)):
                raise _GivenUp

    try:
        write_video(path, frames(), fps)
    except _GivenUp:
        return False
    return True


class _GivenUp(Exception):  # noqa: N818 - not an error
    pass


def finite(gaussians: Gaussians) -> Gaussians:
    """Without Gaussians of which a number is not finite: files and pictures shall not carry them."""
    good = gaussians.finite()
    return gaussians if bool(good.all()) else gaussians[torch.nonzero(good)[:, 0]]
