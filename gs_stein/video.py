"""Pictures and films of a scene, by our own rasterizer."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from gs_stein.camera_options import CameraOptions
from gs_stein.cameras import video_path
from gs_stein.files import write_atomically
from gs_stein.gaussians import Gaussians
from gs_stein.rasterize import RasterizeOptions, rasterize
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
    behind = gaussians.means.new_full((3,), background)
    for first in range(0, len(cameras), AT_ONCE):
        render = rasterize(gaussians, cameras[first : first + AT_ONCE], options, behind)
        render.rgb.clamp_(0.0, 1.0)
        yield render


def depth_range(depth: Float[Tensor, "V H W"], alpha: Float[Tensor, "V H W"]) -> tuple[float, float]:
    """Nearest and farthest depth worth a colour: the 2nd and 98th percentile of what is covered (metres)."""
    hit = depth[alpha > 0.5].float().cpu().numpy()
    if hit.size == 0:
        return 1.0, 2.0
    near, far = (max(1e-3, float(v)) for v in np.quantile(hit, [0.02, 0.98]))
    return near, max(far, near + 1e-3)


def depth_colours(
    depth: Float[Tensor, "V H W"], alpha: Float[Tensor, "V H W"], near: float, far: float
) -> UInt8[np.ndarray, "V H W 3"]:
    """The logarithm of depth as colours, warm is near (turbo); black where nothing is."""
    from matplotlib import colormaps

    farness = (depth.clamp_min(near) / near).log() / math.log(far / near)
    nearness = (1.0 - farness).clamp(0.0, 1.0).cpu().numpy()
    colours = colormaps["turbo"](nearness)[..., :3] * (alpha > 0.5).cpu().numpy()[..., None]
    return np.round(255 * colours).astype(np.uint8)


def to_bytes(rgb: Float[Tensor, "*V H W 3"]) -> UInt8[np.ndarray, "*V H W 3"]:
    """Colours in [0, 1] as bytes."""
    return (rgb.detach().clamp(0.0, 1.0) * 255.0).round().byte().cpu().numpy()


def contact_sheet(
    gaussians: Gaussians, cameras: CameraOptions, options: RasterizeOptions, side: int = 256, background: float = 0.5
) -> UInt8[np.ndarray, "H W 3"]:
    """Eight views around, colour above depth, four a row.

    Args:
        gaussians: the scene.
        cameras: what it was made for; decides the eight views.
        options: of the rasterizer.
        side: pixels of one picture.
        background: grey level behind the scene.
    """
    views = video_path(cameras, 8).resized(side, side)
    renders = list(render_views(gaussians, views, options, background))
    rgb = torch.cat([render.rgb for render in renders])
    depth, alpha = torch.cat([r.depth for r in renders]), torch.cat([r.alpha for r in renders])
    pictures, depths = to_bytes(rgb), depth_colours(depth, alpha, *depth_range(depth, alpha))
    rows = [np.concatenate(list(part[i : i + 4]), axis=1) for i in (0, 4) for part in (pictures, depths)]
    return np.concatenate(rows, axis=0)


def png(picture: UInt8[np.ndarray, "H W 3"]) -> bytes:
    """A picture as PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def write_png(path: Path, picture: UInt8[np.ndarray, "H W 3"]) -> None:
    """Write a picture, whole or not at all."""
    write_atomically(path, png(picture))


def write_video(path: Path, frames: Iterator[UInt8[np.ndarray, "H W 3"]], fps: int = 24) -> None:
    """Write an .mp4 (H.264, plays everywhere), whole or not at all.

    Raises:
        ValueError: it cannot be written, or there is no ffmpeg to write it.
    """
    import imageio_ffmpeg

    try:
        imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:  # an installation without the binary that comes with its wheels
        raise ValueError(
            f"{path}: no ffmpeg to write it with; install one or set IMAGEIO_FFMPEG_EXE (--video-frames 0: no video)"
        ) from error
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp.mp4")
    try:
        writer = None
        for frame in frames:
            if writer is None:
                writer = imageio_ffmpeg.write_frames(
                    str(temporary), (frame.shape[1], frame.shape[0]), fps=fps, codec="libx264", quality=8,
                    macro_block_size=2, ffmpeg_log_level="error", pix_fmt_out="yuv420p",
                )  # fmt: skip
                writer.send(None)
            writer.send(np.ascontiguousarray(frame))
        if writer is None:
            raise ValueError(f"{path}: a video needs at least one frame")
        writer.close()
        os.replace(temporary, path)
    except OSError as error:  # a full disk breaks the pipe to ffmpeg
        raise ValueError(f"{path}: the video cannot be written ({error.strerror or error})") from error
    finally:
        temporary.unlink(missing_ok=True)


def film(
    gaussians: Gaussians, cameras: CameraOptions, options: RasterizeOptions, frames: int, side: int,
    background: float = 0.5,
) -> Iterator[UInt8[np.ndarray, "side width 3"]]:
    """Frames of a look around (in a room) or an orbit (of an object): colour left, depth right."""
    near_far: tuple[float, float] | None = None
    for render in render_views(gaussians, video_path(cameras, frames).resized(side, side), options, background):
        near_far = near_far or depth_range(render.depth, render.alpha)
        depth = depth_colours(render.depth, render.alpha, *near_far)
        yield from np.concatenate([to_bytes(render.rgb), depth], axis=2)
