"""Scenes in files: which suffix is which format."""

from __future__ import annotations

from pathlib import Path

from gs_stein.gaussians.formats.common import _read_bytes
from gs_stein.gaussians.formats.compressed_ply import _from_compressed
from gs_stein.gaussians.formats.ply import _from_standard, _parse_ply
from gs_stein.gaussians.formats.splat import _from_splat
from gs_stein.gaussians.model import Gaussians


def read_gaussians(path: Path) -> Gaussians:
    """Read a scene of Gaussians from a .ply (standard or compressed) or a .splat.

    Returns:
        float32 Gaussians on the CPU, of the SH degree that the file has.

    Raises:
        ValueError: one line with the file and its fault: missing, no such format, truncated, without a needed
            property, values that are not finite, counts that do not fit, or no Gaussians at all.
    """
    path = Path(path)
    data = _read_bytes(path)
    if path.suffix.lower() == ".splat":
        gaussians = _from_splat(path, data)
    else:
        ply = _parse_ply(path, data)
        gaussians = _from_compressed(path, ply) if "chunk" in ply else _from_standard(path, ply)
    bad = (~gaussians.finite()).nonzero()
    if len(bad):
        raise ValueError(
            f"{path}: Gaussian {int(bad[0])} has a value that is not finite ({len(bad)} of {len(gaussians)} do)"
        )
    return gaussians
