"""Reading scenes and point clouds; every fault is one line that names the file.

The standard file of Gaussians is a binary PLY with, a vertex, x y z nx ny nz f_dc_0..2 f_rest_0..44 opacity
scale_0..2 rot_0..3: raw parameters (logarithms of scales, logits of opacities, quaternions wxyz), and the higher
spherical harmonics colour by colour. Files of lower degree leave the tail of f_rest out. Also read: `.splat`
(32 bytes a Gaussian, antimatter15's viewer) and the compressed PLY of PlayCanvas' SuperSplat; both are lossy.
"""

from __future__ import annotations

import io
import os
import re
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.gaussians import Gaussians, rgb_to_sh

_SPLAT = np.dtype([("mean", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("quat", "u1", 4)])
_CHUNK = 256
"""Gaussians that share one range of values in a compressed PLY."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: an interrupted write leaves the old one as it was.

    Raises:
        ValueError: the folder does not exist or cannot be written to.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise ValueError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


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


def read_points(path: Path) -> tuple[Float[Tensor, "N 3"], Float[Tensor, "N 3"]]:
    """Read a point cloud: .npy or .npz (N×3, or N×6 with colours in [0, 1]), or whatever open3d reads.

    Returns:
        Points in metres and colours in [0, 1] (grey where the file has none).

    Raises:
        ValueError: one line with the file and its fault.
    """
    path = Path(path)
    if path.suffix.lower() in (".npy", ".npz"):
        data = _read_bytes(path)
        try:
            loaded = np.load(io.BytesIO(data), allow_pickle=False)
            table = loaded if isinstance(loaded, np.ndarray) else loaded[loaded.files[0]]
        except (ValueError, OSError, EOFError, IndexError, KeyError) as error:
            raise ValueError(f"{path}: not an array that numpy can read ({_first_line(error)})") from error
        if table.ndim != 2 or table.shape[1] not in (3, 6) or table.dtype.kind not in "fiu":
            raise ValueError(f"{path}: an array of shape {table.shape} is no point cloud; give N×3 or N×6 numbers")
    else:
        table = _points_by_open3d(path)
    if len(table) == 0:
        raise ValueError(f"{path}: holds no points")
    cloud = torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))
    if not bool(cloud.isfinite().all()):
        first = int((~cloud.isfinite().all(dim=1)).nonzero()[0])
        raise ValueError(f"{path}: point {first} has a value that is not finite")
    rgb = cloud[:, 3:].clamp(0, 1) if cloud.shape[1] == 6 else torch.full((len(cloud), 3), 0.5)
    return cloud[:, :3].contiguous(), rgb.contiguous()


def _points_by_open3d(path: Path) -> np.ndarray:
    _read_bytes(path)  # says what is wrong with the path; open3d only warns
    try:
        import open3d
    except (ImportError, OSError) as error:
        raise ValueError(
            f"{path}: needs open3d, which does not load here ({_first_line(error)}); on Debian "
            "`apt install libusb-1.0-0 libgl1 libgomp1`, or give the points as .npy"
        ) from error
    with open3d.utility.VerbosityContextManager(open3d.utility.VerbosityLevel.Error):
        cloud = open3d.io.read_point_cloud(path)
    points, colours = np.asarray(cloud.points), np.asarray(cloud.colors)
    if len(points) == 0:
        raise ValueError(f"{path}: open3d finds no points in it; give .ply, .pcd, .xyz, .pts or .npy")
    return np.concatenate([points, colours], axis=1) if len(colours) == len(points) else points


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ValueError(f"{path}: is a folder, not a file") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror or error})") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


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
