"""Files made from a scene: .ply, a page that needs no server, a video along a camera path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.views import View, views_of
from gs_stein.images import to_bytes, write_png
from gs_stein.live.poses import DARK, Pose, picture
from gs_stein.live.splats import copied
from gs_stein.rasterize.many_views import render_views
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.run.video import write_video
from gs_stein.types import Cameras

_TIME = re.compile(r"-\d{8}-\d{6}(-\d+)?$")
"""What a run's folder has after its prompt."""
_LONGEST = 100
"""Characters of a file's name, without step and suffix."""
PAGE_LIMIT = 500_000
"""Gaussians in a page at most (32 bytes each, a third more in the file)."""


def file_name(name: str, step: int | None = None) -> str:
    """The beginning of the names of files made from a scene: what the run or file is called, in letters and digits.

    Args:
        name: of a run's folder, without regard to its time, or of a file.
        step: of a run that goes on.
    """
    stem = re.sub(r"[^A-Za-z0-9]+", "-", _TIME.sub("", name)).strip("-")[:_LONGEST] or "scene"
    return stem if step is None else f"{stem}-step-{step:06d}"


def save_ply(gaussians: Gaussians, path: Path) -> None:
    """Write the standard .ply that every splat viewer opens."""
    from gs_stein.gaussians.formats.ply import write_ply

    write_ply(path, finite(gaussians), pad_sh=True)


def save_page(
    gaussians: Gaussians,
    path: Path,
    view: Pose,
    background: float | None = None,
    tour: Cameras | None = None,
    seconds: float = 20.0,
) -> None:
    """Write one .html file that shows the splats in any browser, from the disk and without a network.

    Args:
        gaussians: the scene; of more than `PAGE_LIMIT` an even sample.
        path: of the file.
        view: where the browser starts.
        background: grey level behind the splats; None: the page's own.
        tour: the path that the page flies along when asked; None: a turn around the scene.
        seconds: how long that takes.

    Raises:
        ValueError: there are no Gaussians that can be seen, or it cannot be written.
    """
    from gs_stein.gaussians.formats.html import tour_of, write_html

    scene = finite(copied(gaussians, PAGE_LIMIT, view_dependent=False))
    way = None
    if tour is not None:
        fov = 2 * torch.atan(0.5 * tour.height / tour.Ks[:, 1, 1])
        way = tour_of(tour.viewmats.double().cpu().numpy(), fov.double().cpu().numpy())
    write_html(
        path, scene, views=[View("Start", view.position, view.look_at, view.fov), *views_of(scene.means.numpy())],
        tour=way, tour_seconds=seconds, background=DARK if background is None else background,
    )  # fmt: skip


def save_picture(gaussians: Gaussians, camera: Cameras, path: Path, background: float | None = None) -> None:
    """Draw what a camera sees by our rasterizer and write a .png.

    Args:
        gaussians: the scene.
        camera: its first view, in the size that is wanted.
        path: of the file.
        background: grey level behind the scene; None: the page's own.

    Raises:
        ValueError: it cannot be written.
    """
    write_png(path, picture(finite(gaussians), camera, "RGB", background))


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
