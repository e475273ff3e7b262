""".splat: 32 bytes a Gaussian, no view dependence (antimatter15's viewer); lossy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from gs_stein.files import write_atomically
from gs_stein.gaussians.formats.common import Content, by_importance, read_bytes, unit_quats, worth_writing
from gs_stein.gaussians.model import Gaussians, rgb_to_sh, sh_to_rgb

_SPLAT = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("quat", "u1", 4)])


def write_splat(path: Path, gaussians: Gaussians, axes: str = "y-down") -> None:
    """Write a .splat, most important Gaussians first, so that viewers show the scene before all of it has arrived.

    Args:
        path: the file; an old one is replaced in one step.
        gaussians: a scene of our world, on any device; view dependence is left out.
        axes: the convention to write in; the file cannot say it.

    Raises:
        ValueError: there are no Gaussians, a value is not finite or a scale not below 3.4e38 m, or the file cannot be
            written.
    """
    scene = worth_writing(path, Gaussians(*gaussians.tensors()[:4], gaussians.sh[:, :1]), axes)
    table = np.empty(len(scene), _SPLAT)
    table["mean"], table["scale"] = scene.means.numpy(), scene.scales.numpy()
    if not np.isfinite(table["scale"]).all():
        raise ValueError(f"{path}: not written: a scale of e^{scene.log_scales.max():.0f} m is too large for a .splat")
    table["rgba"][:, :3] = to_bytes((sh_to_rgb(scene.sh[:, 0]) * 255).numpy())
    table["rgba"][:, 3] = to_bytes((scene.opacities * 255).numpy())
    table["quat"] = to_bytes((unit_quats(scene.quats) * 128 + 128).numpy())
    write_atomically(path, table[by_importance(scene).numpy()].tobytes())


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Rounded to the nearest of 0 to 255."""
    return np.rint(values).clip(0, 255).astype(np.uint8)


def read_splat(path: Path) -> Content:
    """Read a .splat.

    Raises:
        ValueError: it is empty, or no multiple of 32 bytes.
    """
    data = read_bytes(path)
    if len(data) % _SPLAT.itemsize:
        raise ValueError(f"{path}: truncated or no .splat: {len(data)} bytes are no multiple of {_SPLAT.itemsize}")
    table = np.frombuffer(data, _SPLAT)
    means, scales = (torch.from_numpy(table[name].astype(np.float32)) for name in ("mean", "scale"))
    rgb = torch.from_numpy(table["rgba"][:, :3].astype(np.float32) / 255)
    quats = torch.from_numpy((table["quat"].astype(np.float32) - 128) / 128)
    logits = torch.from_numpy(byte_logits(table["rgba"][:, 3]))
    return Content(Gaussians(means, scales.log(), quats, logits, rgb_to_sh(rgb)[:, None]))


def byte_logits(codes: np.ndarray) -> np.ndarray:
    """Logits (float32) of opacities that were rounded to bytes: 0 and 255 stand for half a step inside."""
    return _LOGITS[codes]


_LOGITS = (np.arange(256) / 255).clip(0.5 / 255, 1 - 0.5 / 255)
_LOGITS = (np.log(_LOGITS) - np.log1p(-_LOGITS)).astype(np.float32)
