"""Writing scenes for other tools; every file is written whole or not at all.

The standard .ply keeps every bit and opens in every viewer. `.splat` and the compressed .ply are smaller and lossy.
Layouts are described in `gs_stein.files`, which reads all three back.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gs_stein.files import write_atomically
from gs_stein.gaussians import Gaussians
from gs_stein.rasterize.options import ALPHA_MIN


def write_ply(path: Path, gaussians: Gaussians, pad_sh: bool = False) -> None:
    """Write the standard binary little-endian .ply.

    Args:
        path: the file; an old one is replaced in one step.
        gaussians: what to write, on any device.
        pad_sh: fill the spherical harmonics up to degree 3 with zeros, for viewers that insist on 62 properties.

    Raises:
        ValueError: there are no Gaussians, a value is not finite, or the file cannot be written.
    """
    from plyfile import PlyData, PlyElement

    scene = _checked(path, gaussians)
    if pad_sh:
        scene = scene.with_sh_degree(3)
    n, rest = len(scene), 3 * (scene.sh.shape[1] - 1)
    columns = {
        **dict(zip("xyz", scene.means.T, strict=True)),
        **{name: torch.zeros(n) for name in ("nx", "ny", "nz")},
        **{f"f_dc_{i}": scene.sh[:, 0, i] for i in range(3)},
        **{f"f_rest_{i}": column for i, column in enumerate(scene.sh[:, 1:].permute(2, 1, 0).reshape(rest, n))},
        "opacity": scene.opacity_logits,
        **{f"scale_{i}": scene.log_scales[:, i] for i in range(3)},
        **{f"rot_{i}": scene.quats[:, i] for i in range(4)},
    }
    table = np.empty(n, [(name, "<f4") for name in columns])
    for name, column in columns.items():
        table[name] = column.numpy()
    buffer = io.BytesIO()
    PlyData([PlyElement.describe(table, "vertex")], byte_order="<").write(buffer)
    write_atomically(path, buffer.getvalue())


def write_splat(path: Path, gaussians: Gaussians) -> None:
    """Write a .splat (32 bytes a Gaussian, no view dependence) through gsplat's exporter.

    Raises:
        ValueError: there are no Gaussians, a value is not finite, or the file cannot be written.
    """
    write_atomically(path, _by_gsplat(_checked(path, gaussians), "splat"))


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


def _by_gsplat(scene: Gaussians, layout: Literal["splat", "ply_compressed"]) -> bytes:
    from gsplat.exporter import export_splats

    quats = torch.nn.functional.normalize(scene.quats, dim=-1)
    # A quaternion of length zero means no rotation.
    quats = torch.where(quats.abs().amax(dim=-1, keepdim=True) > 0, quats, quats.new_tensor([1.0, 0.0, 0.0, 0.0]))
    sh0, rest = scene.sh[:, :1], scene.sh[:, 1:]
    return export_splats(scene.means, scene.log_scales, quats, scene.opacity_logits, sh0, rest, format=layout)


def _checked(path: Path, gaussians: Gaussians) -> Gaussians:
    """Detached float32 copies on the CPU, if they are worth a file."""
    scene = Gaussians(*(_plain(tensor) for tensor in gaussians.tensors()))
    if len(scene) == 0:
        raise ValueError(f"{path}: there are no Gaussians to write")
    bad = (~scene.finite()).nonzero()
    if len(bad):
        raise ValueError(
            f"{path}: not written: Gaussian {int(bad[0])} has a value that is not finite ({len(bad)} of "
            f"{len(scene)} do)"
        )
    return scene


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().to(device="cpu", dtype=torch.float32)
