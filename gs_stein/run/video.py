"""Films of a scene, by our own rasterizer."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from gs_stein.cameras.options import CameraOptions
from gs_stein.cameras.paths import video_path
from gs_stein.files import write_atomically
from gs_stein.gaussians.model import Gaussians
from gs_stein.images import to_bytes
from gs_stein.rasterize.many_views import render_views
from gs_stein.rasterize.options import RasterizeOptions

_QUALITY = 60
"""Of an animation's pictures, of 100."""


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
                    output_params=["-preset", "veryfast"],  # half the time, and no larger
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


def write_animation(path: Path, frames: Iterator[UInt8[np.ndarray, "H W 3"]], fps: int = 24) -> None:
    """Write an animated .webp, which pages and READMEs play without a player, whole or not at all.

    Raises:
        ValueError: it cannot be written.
    """
    from PIL import Image

    pictures = [Image.fromarray(np.ascontiguousarray(frame)) for frame in frames]
    if not pictures:
        raise ValueError(f"{path}: an animation needs at least one frame")
    ends = [round(1000 * i / fps) for i in range(len(pictures) + 1)]  # whole milliseconds, together the right time
    lasting = [max(1, end - start) for start, end in pairwise(ends)]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, "WEBP", save_all=True, append_images=pictures[1:], duration=lasting, loop=0, quality=_QUALITY, method=4
    )  # fmt: skip
    write_atomically(path, buffer.getvalue())


def film(
    gaussians: Gaussians,
    cameras: CameraOptions,
    options: RasterizeOptions,
    frames: int,
    side: int,
    background: float = 0.5,
) -> Iterator[UInt8[np.ndarray, "side side 3"]]:
    """Frames of a look around (in a room) or an orbit (of an object)."""
    for render in render_views(gaussians, video_path(cameras, frames).resized(side, side), options, background):
        yield from to_bytes(render.rgb)
