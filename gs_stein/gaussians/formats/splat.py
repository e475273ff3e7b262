""".splat: 32 bytes a Gaussian, no view dependence (antimatter15's viewer); lossy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from gs_stein.files import write_atomically
from gs_stein.gaussians.formats.common import _by_gsplat, _checked
from gs_stein.gaussians.model import Gaussians, rgb_to_sh

_SPLAT = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("quat", "u1", 4)])


def write_splat(path: Path, gaussians: Gaussians) -> None:
    """Write a .splat (32 bytes a Gaussian, no view dependence) through gsplat's exporter.

    Raises:
        ValueError: there are no Gaussians, a value is not finite, or the file cannot be written.
    """
    write_atomically(path, _by_gsplat(_checked(path, gaussians), "splat"))


def _from_splat(path: Path, data: bytes) -> Gaussians:
    if len(data) == 0:
        raise ValueError(f"{path}: holds no Gaussians")
    if len(data) % _SPLAT.itemsize:
        raise ValueError(f"{path}: truncated or no .splat: {len(data)} bytes are no multiple of {_SPLAT.itemsize}")
    table = np.frombuffer(data, _SPLAT)
    opacity = torch.from_numpy(table["rgba"][:, 3] / np.float32(255)).clamp(0.5 / 255, 1 - 0.5 / 255)
    rgb = torch.from_numpy(table["rgba"][:, :3] / np.float32(255))
    quats = torch.from_numpy((table["quat"].astype(np.float32) - 128) / 128)
    scales = torch.from_numpy(table["scale"].astype(np.float32))
    means = torch.from_numpy(table["mean"].astype(np.float32))
    return Gaussians(means, scales.log(), quats, torch.logit(opacity), rgb_to_sh(rgb)[:, None])
