"""The standard .ply of Gaussians, which keeps every bit and opens in every viewer.

A vertex has x y z nx ny nz f_dc_0..2 f_rest_0..44 opacity scale_0..2 rot_0..3: raw parameters (logarithms of scales,
logits of opacities, quaternions wxyz), and the higher spherical harmonics colour by colour. Files of lower degree leave
the tail of f_rest out.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import torch

from gs_stein.files import write_atomically
from gs_stein.gaussians.formats.common import _checked, _first_line
from gs_stein.gaussians.model import Gaussians


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


def _parse_ply(path: Path, data: bytes) -> dict[str, np.ndarray]:
    """The elements of a PLY as structured arrays."""
    from plyfile import PlyData, PlyElementParseError, PlyHeaderParseError

    if not data.startswith(b"ply"):
        raise ValueError(f"{path}: is no PLY file (it does not start with 'ply')")
    # A count that the file cannot hold would otherwise ask for the memory first.
    for count in re.findall(rb"^element\s+\w+\s+(\d+)\s*$", data[: data.find(b"end_header") + 1], re.MULTILINE):
        if int(count) > len(data):
            raise ValueError(f"{path}: truncated: the header promises {int(count)} entries in {len(data)} bytes")
    stream = io.BytesIO(data)
    try:
        ply = PlyData.read(stream)
    except PlyElementParseError as error:
        raise ValueError(f"{path}: truncated or damaged ({_first_line(error)})") from error
    except (PlyHeaderParseError, ValueError, KeyError, UnicodeDecodeError, MemoryError) as error:
        raise ValueError(f"{path}: has a header that is no PLY header ({_first_line(error)})") from error
    if ply.text:
        lines = sum(1 for line in data.partition(b"end_header")[2].splitlines() if line.strip())
        surplus = max(0, lines - sum(len(element.data) for element in ply.elements))
    else:
        surplus = len(stream.read().strip())
    if surplus:
        unit = "lines" if ply.text else "bytes"
        raise ValueError(f"{path}: the header's counts do not fit: {surplus} {unit} are left over at the end")
    return {element.name: element.data for element in ply.elements}


def _columns(path: Path, table: np.ndarray, names: list[str], dtype: type = np.float32) -> np.ndarray:
    have = table.dtype.names or ()
    missing = [name for name in names if name not in have]
    if missing:
        raise ValueError(f"{path}: is no file of Gaussians: it lacks the property {', '.join(map(repr, missing))}")
    lists = [name for name in names if table.dtype[name].hasobject]
    if lists:
        raise ValueError(f"{path}: is no file of Gaussians: its property {lists[0]!r} is a list, not a number")
    with np.errstate(over="ignore"):
        return np.stack([table[name].astype(dtype) for name in names], axis=1)


def _vertices(path: Path, ply: dict[str, np.ndarray]) -> np.ndarray:
    if "vertex" not in ply:
        raise ValueError(f"{path}: is no file of Gaussians: it lacks the element 'vertex'")
    if len(ply["vertex"]) == 0:
        raise ValueError(f"{path}: holds no Gaussians")
    return ply["vertex"]


def _rest_names(path: Path, table: np.ndarray) -> list[str]:
    rest = [name for name in table.dtype.names or () if re.fullmatch(r"f_rest_\d+", name)]
    if len(rest) not in (0, 9, 24, 45):
        raise ValueError(f"{path}: has {len(rest)} properties f_rest_*; only 0, 9, 24 or 45 (SH degree 0 to 3) fit")
    return [f"f_rest_{i}" for i in range(len(rest))]


def _from_standard(path: Path, ply: dict[str, np.ndarray]) -> Gaussians:
    table = _vertices(path, ply)
    n = len(table)
    columns = {
        "means": _columns(path, table, ["x", "y", "z"]),
        "log_scales": _columns(path, table, [f"scale_{i}" for i in range(3)]),
        "quats": _columns(path, table, [f"rot_{i}" for i in range(4)]),
        "opacity_logits": _columns(path, table, ["opacity"])[:, 0],
    }
    sh = _columns(path, table, [f"f_dc_{i}" for i in range(3)])[:, None, :]
    rest = _rest_names(path, table)
    if rest:
        # Colour by colour in the file, coefficient by coefficient here.
        higher = _columns(path, table, rest).reshape(n, 3, -1).transpose(0, 2, 1)
        sh = np.concatenate([sh, higher], axis=1)
    tensors = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in columns.items()}
    return Gaussians(**tensors, sh=torch.from_numpy(np.ascontiguousarray(sh)))
