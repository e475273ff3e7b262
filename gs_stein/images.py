"""Renders as pictures that people look at: bytes, PNG files, depth as colours."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from gs_stein.files import write_atomically


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


def png(picture: UInt8[np.ndarray, "H W 3"]) -> bytes:
    """A picture as PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")
    return buffer.getvalue()


def write_png(path: Path, picture: UInt8[np.ndarray, "H W 3"]) -> None:
    """Write a picture, whole or not at all."""
    write_atomically(path, png(picture))
