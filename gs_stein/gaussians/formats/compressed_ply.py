"""The compressed .ply of PlayCanvas' SuperSplat: chunks of 256 Gaussians, 16 bytes each; lossy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from gs_stein.files import write_atomically
from gs_stein.gaussians.formats.common import _by_gsplat, _checked
from gs_stein.gaussians.formats.ply import _columns, _rest_names, _vertices
from gs_stein.gaussians.model import Gaussians, rgb_to_sh
from gs_stein.gaussians.options import ALPHA_MIN

_CHUNK = 256
"""Gaussians that share one range of values in a compressed PLY."""


def write_compressed_ply(path: Path, gaussians: Gaussians) -> None:
    """Write SuperSplat's compressed .ply through gsplat's exporter; Gaussians too faint to see are left out.

    Raises:
        ValueError: there are no Gaussians that can be seen, a value is not finite, or the file cannot be written.
    """
    scene = _checked(path, gaussians)
    seen = scene.opacities > ALPHA_MIN
    if not bool(seen.any()):
        raise ValueError(f"{path}: every one of {len(scene)} Gaussians is too faint to be seen; nothing to write")
    data = _by_gsplat(scene[seen], "ply_compressed")
    if scene.sh_degree == 0:
        # The exporter declares an element without properties, which not every reader accepts.
        data = data.replace(b"element sh %d\n" % int(seen.sum()), b"", 1)
    write_atomically(path, data)


def _unpack(packed: np.ndarray, bits: tuple[int, ...]) -> np.ndarray:
    """Fields of the given widths, highest first, as fractions in [0, 1]."""
    fields, shift = [], 32
    for width in bits:
        shift -= width
        limit = (1 << width) - 1
        fields.append(((packed >> np.uint32(shift)) & np.uint32(limit)).astype(np.float32) / np.float32(limit))
    return np.stack(fields, axis=1)


def _from_compressed(path: Path, ply: dict[str, np.ndarray]) -> Gaussians:
    """SuperSplat's compressed PLY: fractions between the lowest and highest values of a chunk of 256."""
    table = _vertices(path, ply)
    n = len(table)
    if len(ply["chunk"]) != -(-n // _CHUNK):
        raise ValueError(f"{path}: the header's counts do not fit: {len(ply['chunk'])} chunks for {n} Gaussians")
    which = np.arange(n) // _CHUNK

    def spread(prefix: str, names: str, fractions: np.ndarray) -> np.ndarray:
        low = _columns(path, ply["chunk"], [f"min_{prefix}{name}" for name in names])[which]
        high = _columns(path, ply["chunk"], [f"max_{prefix}{name}" for name in names])[which]
        return low + (high - low) * fractions

    packed = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
    position, rotation, scale, colour = _columns(path, table, list(packed), np.uint32).T
    means = spread("", "xyz", _unpack(position, (11, 10, 11)))
    log_scales = spread("scale_", "xyz", _unpack(scale, (11, 10, 11)))
    rgba = _unpack(colour, (8, 8, 8, 8))
    # Older files hold colours as plain fractions.
    ranged = "min_r" in (ply["chunk"].dtype.names or ())
    rgb = spread("", "rgb", rgba[:, :3]) if ranged else rgba[:, :3]
    # The largest component of the quaternion is left out: it follows from the others.
    largest = (rotation >> np.uint32(30)).astype(np.int64)
    others = (_unpack(rotation, (2, 10, 10, 10))[:, 1:] - np.float32(0.5)) * np.float32(np.sqrt(2))
    quats = np.empty((n, 4), np.float32)
    for left_out in range(4):
        rows = largest == left_out
        kept = [i for i in range(4) if i != left_out]
        quats[np.ix_(rows, kept)] = others[rows]
        quats[rows, left_out] = np.sqrt(np.clip(1 - (others[rows] ** 2).sum(axis=1), 0, None))
    sh = rgb_to_sh(torch.from_numpy(rgb.astype(np.float32)))[:, None]
    if "sh" in ply and len(ply["sh"]):
        if len(ply["sh"]) != n:
            raise ValueError(f"{path}: the header's counts do not fit: {len(ply['sh'])} entries 'sh' for {n} Gaussians")
        rest = _rest_names(path, ply["sh"])
        if rest:
            higher = (_columns(path, ply["sh"], rest) + np.float32(0.5)) / np.float32(256)
            higher = ((higher - np.float32(0.5)) * 8).reshape(n, 3, -1).transpose(0, 2, 1)
            sh = torch.cat([sh, torch.from_numpy(np.ascontiguousarray(higher))], dim=1)
    opacity = torch.from_numpy(rgba[:, 3].copy()).clamp(0.5 / 255, 1 - 0.5 / 255)
    return Gaussians(
        torch.from_numpy(means), torch.from_numpy(log_scales), torch.from_numpy(quats), torch.logit(opacity), sh
    )
