"""Point clouds to start from: NumPy arrays, .ply without scales, text (COLMAP, CloudCompare, Geomagic), and whatever
else Open3D reads."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.gaussians.formats.common import first_line, naming, read_bytes
from gs_stein.gaussians.formats.pcd import check_pcd
from gs_stein.gaussians.formats.ply import said
from gs_stein.gaussians.formats.ply_file import read_ply_file
from gs_stein.gaussians.formats.sniff import refuse_others
from gs_stein.gaussians.orientation import to_axes

_TEXT = (".txt", ".xyz", ".xyzn", ".xyzrgb", ".asc", ".pts", ".csv", ".tsv")
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
"""First bytes of a text that is not UTF-8; those of UTF-32 begin like those of UTF-16."""
_POINTS = (
    "points", "coords", "xyz", "means", "positions", "vertices", "pos", "pts", "point_cloud", "pointcloud", "cloud",
)  # fmt: skip
_COLOURS = ("colors", "rgb", "colours", "color", "colour")
_TRIPLES = (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
_MILLIMETRES = 1000.0
"""An extent from which a scene's numbers cannot be metres."""
_TOO_LARGE = 100_000.0
"""An extent that is not a scene's in millimetres either."""
_FAR = 100.0
"""Metres from the origin beyond which a cloud is in map coordinates, if it is small against that."""


_NOWHERE = 1e15
"""Of a coordinate, in any unit: as good as infinite. Squares of larger ones do not fit into float32."""


@dataclass(frozen=True)
class PointCloud:
    """Points of our world, and how they came there."""

    points: Float[Tensor, "N 3"]
    """Metres, float32."""
    rgb: Float[Tensor, "N 3"]
    """In [0, 1]; grey where the file has no colours."""
    scale: float = 1.0
    """What the file's coordinates were multiplied with, before `shift`."""
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """What was subtracted then, metres."""
    notes: tuple[str, ...] = ()
    """What was changed or left aside, one line each, without the file's name."""


def read_point_cloud(path: Path) -> PointCloud:
    """Read a point cloud: .npy or .npz, .ply, text, or whatever open3d reads.

    Clouds in map coordinates are moved to the origin and those in millimetres made metres, in double precision.

    Raises:
        ValueError: one line with the file and its fault.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    # np.load takes either, whatever the name.
    refuse_others(path, *{".npy": ("npy", "npz"), ".npz": ("npz", "npy"), ".ply": ("ply",)}.get(suffix, ()))
    reader = {".npy": _from_numpy, ".npz": _from_numpy, ".ply": _from_ply}.get(suffix)
    with naming(path):
        (xyz, colours), notes = (reader or (_from_text if suffix in _TEXT else _from_open3d))(path)
    if len(xyz) == 0:
        raise ValueError(f"{path}: holds no points")
    with np.errstate(invalid="ignore"):
        keep = (np.abs(xyz) < _NOWHERE).all(axis=1)
    if not keep.any():
        raise ValueError(f"{path}: every one of {len(xyz)} points has a value that is not finite; nothing is left")
    if not keep.all():
        notes.append(f"{int((~keep).sum())} of {len(xyz)} points have a NaN or infinite coordinate and are left out")
    xyz, scale, shift = _placed(path, xyz[keep], notes)
    rgb = np.full_like(xyz, 0.5) if colours is None else _fractions(path, colours[keep], notes)
    return PointCloud(torch.from_numpy(xyz).float(), torch.from_numpy(rgb).float(), scale, shift, tuple(notes))


def is_point_cloud(path: Path) -> bool:
    """Whether a .ply holds points: vertices with a position, but neither scales nor rotations.

    Raises:
        ValueError: it is no PLY.
    """
    refuse_others(Path(path), "ply")
    elements = read_ply_file(Path(path)).elements
    names = set(elements["vertex"].dtype.names or ()) if "vertex" in elements else set()
    return {"x", "y", "z"} <= names and not names & {"scale_0", "scale_1", "rot_0", "rot_1"}


_Columns = tuple[np.ndarray, np.ndarray | None]
"""Positions (N, 3) in float64, and colours (N, 3) in the file's own type."""


def _placed(path: Path, xyz: np.ndarray, notes: list[str]) -> tuple[np.ndarray, float, tuple[float, float, float]]:
    """Coordinates in metres near the origin; by what they were multiplied and what was subtracted."""
    low, high = np.quantile(xyz, [0.01, 0.99], axis=0)
    extent, scale = float((high - low).max()), 1.0
    if extent > _TOO_LARGE:
        raise ValueError(f"{path}: its points spread over {extent:.3g}, too far for metres or millimetres; scale it")
    if extent > _MILLIMETRES:
        scale = 0.001
        notes.append(f"the points spread over {extent:.4g}: taken for millimetres")
    middle = (low + high) / 2 * scale
    if float(np.linalg.norm(middle)) <= max(_FAR, 10 * extent * scale):
        return xyz * scale, scale, (0.0, 0.0, 0.0)
    shift = middle.round(3)
    notes.append("map coordinates: the middle ({:.3f}, {:.3f}, {:.3f}) m is moved to the origin".format(*shift))
    return xyz * scale - shift, scale, (float(shift[0]), float(shift[1]), float(shift[2]))


def _fractions(path: Path, colours: np.ndarray, notes: list[str]) -> np.ndarray:
    """Colours in [0, 1], whether they are bytes, 16-bit numbers or fractions."""
    whole = colours.dtype.kind in "ui"
    wide = colours.dtype.itemsize == 2
    colours = colours.astype(np.float64)
    if not np.isfinite(colours).all():
        notes.append("colours that are not finite become grey")
        colours[~np.isfinite(colours).all(axis=1)] = 0.5
    highest = float(colours.max(initial=0.0))
    if below := int((colours < 0).any(axis=1).sum()):
        notes.append(f"{below} of {len(colours)} points have a colour below 0, which is held at 0")
    if highest > 65535:
        raise ValueError(f"{path}: a colour of {highest:.4g} is neither a fraction nor a byte; give 0 to 1 or 0 to 255")
    white = 65535.0 if highest > 255 or (whole and wide) else 255.0 if whole or highest > 1 else 1.0
    if white > 1 and not whole:
        notes.append(f"colours of 0 to {white:.0f} are scaled to 0 to 1")
    return (colours / white).clip(0, 1)


def _from_numpy(path: Path) -> tuple[_Columns, list[str]]:
    data = read_bytes(path)
    try:
        loaded = np.load(io.BytesIO(data), allow_pickle=False)
        arrays = {"": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except Exception as error:  # a damaged header makes NumPy fail in many ways
        why = first_line(error)
        if "pickle" in why:
            # What NumPy advises here would run whatever a stranger has put into the file.
            begins = data.startswith((b"\x93NUMPY", b"PK"))
            why = "it holds Python objects, not numbers" if begins else "it does not begin like one"
        raise ValueError(f"{path}: not an array that numpy can read ({why})") from error
    if len(arrays) == 1:
        (only,) = arrays.values()
        arrays = {name: only[name] for name in only.dtype.names} if only.dtype.names else arrays
    named = {name.lower(): name for name in arrays}
    chosen = next((named[name] for name in _POINTS if name in named), None)
    if chosen is None and {"x", "y", "z"} <= set(named):
        return _by_name(path, {name: arrays[named[name]] for name in named})
    notes = []
    if chosen is None:
        others = [name for name in arrays if name.lower() not in (*_COLOURS, "normals")]
        fitting = [name for name in others if arrays[name].ndim == 2 and arrays[name].shape[1] in (3, 6)]
        chosen = next(iter([*fitting, *others]), None)
        notes = [f"the points are those of {chosen!r}"] if chosen else []
    if chosen is None:
        raise ValueError(f"{path}: holds no points")
    table = arrays[chosen]
    if table.ndim != 2 or table.shape[1] not in (3, 6) or table.dtype.kind not in "fiu":
        raise ValueError(f"{path}: an array of shape {table.shape} is no point cloud; give N×3 or N×6 numbers")
    used, left = [chosen], _ignored([f"further columns of {chosen!r}"] if table.shape[1] > 3 else [])
    found = next((named[name] for name in _COLOURS if name in named), None)
    triple = next((names for names in _TRIPLES if set(names) <= set(named)), None)
    if found is not None and arrays[found].shape in ((len(table), 3), (len(table), 4)):
        colours = arrays[found][:, :3]
        used.append(found)
        notes += [f"ignored: the opacities in {found!r}"] if arrays[found].shape[1] == 4 else []
    elif triple and all(arrays[named[name]].size == len(table) for name in triple):
        colours = np.stack([arrays[named[name]].reshape(-1) for name in triple], axis=1)
        used += [named[name] for name in triple]
    else:
        colours, left = _beside(table[:, 3:])
    notes += left + _ignored([name for name in arrays if name not in used])
    return (table[:, :3].astype(np.float64), colours), notes


def _beside(more: np.ndarray) -> tuple[np.ndarray | None, list[str]]:
    """Colours in the columns (N, k) behind x, y and z, and notes: three that are unit vectors are normals instead."""
    if more.shape[1] < 3 or len(more) == 0:
        return None, _ignored(["further columns"] if more.shape[1] else [])
    first, beyond = more[:, :3], ["further columns"] if more.shape[1] > 3 else []
    if first.min() < 0 and np.abs(np.linalg.norm(first.astype(np.float64), axis=1) - 1).max() < 0.02:
        return None, _ignored(["normals", *beyond])
    return first, _ignored(beyond)


def _by_name(path: Path, columns: Mapping[str, np.ndarray]) -> tuple[_Columns, list[str]]:
    """Columns x, y, z and colours by their names in lower case."""
    triple = next((names for names in _TRIPLES if set(names) <= set(columns)), ())
    bad = [
        name for name in ("x", "y", "z", *triple) if columns[name].ndim != 1 or columns[name].dtype.kind not in "fiu"
    ]
    if bad:
        raise ValueError(f"{path}: its {bad[0]!r} is no column of numbers")
    xyz = np.stack([columns[name].astype(np.float64) for name in "xyz"], axis=1)
    colours = np.stack([columns[name] for name in triple], axis=1) if triple else None
    return (xyz, colours), _ignored([name for name in columns if name not in ("x", "y", "z", *triple)])


def _ignored(names: list[str]) -> list[str]:
    return [f"ignored: {', '.join(names)}"] if names else []


def _from_ply(path: Path) -> tuple[_Columns, list[str]]:
    ply = read_ply_file(path)
    table = ply.elements.get("vertex")
    if table is None or not {"x", "y", "z"} <= set(table.dtype.names or ()):
        raise ValueError(f"{path}: holds no points: it lacks vertices with x, y and z")
    columns, notes = _by_name(path, {name: table[name] for name in table.dtype.names or ()})
    axes, _, more = said(ply)
    if axes not in (None, "z-up"):
        columns = (_upright(columns[0], axes), columns[1])
        notes.append(f"turned upright from {axes}, as its header says")
    return columns, notes + more


def _upright(xyz: np.ndarray, axes: str) -> np.ndarray:
    return xyz @ to_axes(axes).numpy()


def _from_text(path: Path) -> tuple[_Columns, list[str]]:
    """Rows of numbers between spaces, commas or semicolons; the words before them may name the columns."""
    text = _unquoted(_decoded(path))
    if "POINT3D_ID" in text[:1000] or path.name == "points3D.txt":
        return _from_colmap(path, text)
    names: list[str] = []
    lines = _with_points(text.splitlines())
    start = 0
    for start, line in enumerate(lines):  # noqa: B007
        words = _words(line.lstrip("#/ "))
        if line.strip() and line.lstrip()[0] not in "#/" and _is_numbers(words) and len(words) >= 3:
            break
        if {"x", "y", "z"} <= {word.lower() for word in words}:
            names = [word.lower() for word in words]
    rows = [words for line in lines[start:] if (words := _words(line)) and line.lstrip()[0] not in "#/"]
    odd = next((words for words in rows if len(words) != len(rows[0])), None)
    if odd is not None:
        raise ValueError(
            f"{path}: rows of different lengths: {len(rows[0])} numbers in the first, {len(odd)} in "
            f"'{' '.join(odd)[:60]}'; give each point as many, with decimal points"
        )
    try:
        table = np.array(rows, np.float64).reshape(len(rows), -1 if rows else 0)
    except ValueError as error:
        raise ValueError(f"{path}: has a row that is not of numbers ({first_line(error)})") from error
    if table.shape[1] < 3:
        raise ValueError(f"{path}: holds no points: rows of at least three numbers are needed")
    if len(names) == table.shape[1]:
        return _by_name(path, dict(zip(names, table.T, strict=True)))
    xyz, more = table[:, :3], table[:, 3:]
    if path.suffix.lower() == ".pts" and more.shape[1] >= 4:
        return (xyz, more[:, 1:4]), _ignored(["intensity", *(["further columns"] if more.shape[1] > 4 else [])])
    colours, notes = _beside(more)
    return (xyz, colours), notes


def _decoded(path: Path) -> str:
    """A text in UTF-8, or in what its first bytes say; odd bytes, as in comments in Latin-1, are replaced."""
    data = read_bytes(path)
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig" and b"\0" in data:
        raise ValueError(f"{path}: is no text in UTF-8: it holds bytes of zero; save it as UTF-8")
    return data.decode(encoding, errors="replace")


def _unquoted(text: str) -> str:
    """Without quotes; a comma within them separates nothing."""
    return re.sub(r'"([^"\r\n]*)"', lambda match: match[1].replace(",", "."), text)


_NUMBER = r"[-+]?(?:\d+(?:,\d+|\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_DECIMAL_COMMAS = re.compile(rf"\s*{_NUMBER}(?:[;\s]+{_NUMBER})*[;\s]*")
_TWO_DECIMALS = re.compile(r"\d,\d+\s+[-+]?\d+,\d")


def _with_points(lines: list[str]) -> list[str]:
    """Lines whose decimal commas (0,5;1,5;2,5 as many spreadsheets write) became points; some may be points already."""
    rows = [line for line in lines if re.match(r"\s*[-+]?\.?\d", line)]
    # Commas that separate rather than point do not stand beside semicolons, nor in two words side by side.
    likely = any((";" in line and "," in line) or _TWO_DECIMALS.search(line) for line in rows)
    if not likely or not all(map(_DECIMAL_COMMAS.fullmatch, rows)):
        return lines
    return [line.replace(",", ".") if _DECIMAL_COMMAS.fullmatch(line) else line for line in lines]


def _words(line: str) -> list[str]:
    return [word for word in re.split(r"[\s,;]+", line) if word]


def _is_numbers(words: list[str]) -> bool:
    try:
        return bool(words) and all(float(word) is not None for word in words)
    except ValueError:
        return False


def _from_colmap(path: Path, text: str) -> tuple[_Columns, list[str]]:
    """points3D.txt: POINT3D_ID X Y Z R G B ERROR TRACK[], in cameras' axes: y is down."""
    rows = [line.split(None, 7)[1:7] for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        table = np.array(rows, np.float64).reshape(len(rows), 6)
    except ValueError as error:
        raise ValueError(f"{path}: is no points3D.txt of COLMAP ({first_line(error)})") from error
    notes = ["COLMAP's points: turned upright from y-down; errors and tracks ignored"]
    return (_upright(table[:, :3], "y-down"), table[:, 3:].astype(np.int64)), notes


def _from_open3d(path: Path) -> tuple[_Columns, list[str]]:
    if path.suffix.lower() == ".pcd":
        check_pcd(path)
    read_bytes(path, 1)  # says what is wrong with the path; open3d only warns
    if path.name == "points3D.bin":
        raise ValueError(
            f"{path}: is COLMAP's binary; make a points3D.txt of it with `colmap model_converter --output_type TXT`"
        )
    try:
        import open3d
    except (ImportError, OSError) as error:
        raise ValueError(
            f"{path}: needs open3d, which does not load here ({first_line(error)}); on Debian "
            "`apt install libusb-1.0-0 libgl1 libgomp1`, or give the points as .npy"
        ) from error
    with open3d.utility.VerbosityContextManager(open3d.utility.VerbosityLevel.Error):
        cloud = open3d.io.read_point_cloud(path)
    points, colours = np.asarray(cloud.points), np.asarray(cloud.colors)
    if len(points) == 0:
        raise ValueError(f"{path}: open3d finds no points in it; give .ply, .pcd, .xyz, .pts or .npy")
    return (points.astype(np.float64), colours if len(colours) == len(points) else None), []
