"""The standard .ply of Gaussians, which keeps every number and opens in every viewer.

A vertex has x y z nx ny nz f_dc_0..2 f_rest_0..44 opacity scale_0..2 rot_0..3: raw parameters (logarithms of scales,
logits of opacities, quaternions wxyz), and the higher spherical harmonics colour by colour. Files of lower degree leave
the tail of f_rest out.
"""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path
from typing import Literal

import numpy as np

from gs_stein.files import atomic_file
from gs_stein.gaussians.formats.blocks import Block
from gs_stein.gaussians.formats.common import Content, worth_writing
from gs_stein.gaussians.formats.ply_file import PlyFile, read_ply_file
from gs_stein.gaussians.model import MAX_SH_DEGREE, SH_C0, Gaussians

_BLOCK = 8192
"""Rows copied together: few enough for the processor's cache."""
_VERTICAL = {"y-down": "y", "z-up": "z"}
"""What `Vertical axis` says of a convention; Brush writes y for the usual one, nerfstudio z."""


def write_ply(
    path: Path,
    gaussians: Gaussians,
    axes: str = "y-down",
    pad_sh: bool = False,
    render_mode: Literal["default", "mip"] = "default",
) -> None:
    """Write the standard binary little-endian .ply.

    Args:
        path: the file; an old one is replaced in one step.
        gaussians: a scene of our world, on any device.
        axes: the convention to write in; the header says it, except for "y-up", for which there is no word.
        pad_sh: fill the spherical harmonics up to degree 3 with zeros, for viewers that insist on 62 properties.
        render_mode: how viewers should draw it: "mip" for a scene trained with antialiasing.

    Raises:
        ValueError: there are no Gaussians, a value is not finite, or the file cannot be written.
    """
    scene = worth_writing(path, gaussians, axes)
    if pad_sh:
        scene = scene.with_sh_degree(MAX_SH_DEGREE)
    n, rest = len(scene), 3 * (scene.sh.shape[1] - 1)
    names = [*"xyz", "nx", "ny", "nz", *_numbered("f_dc", 3), *_numbered("f_rest", rest), "opacity"]
    names += [*_numbered("scale", 3), *_numbered("rot", 4)]
    header = [
        "ply", "format binary_little_endian 1.0", *header_comments(axes, render_mode),
        f"element vertex {n}", *(f"property float {name}" for name in names), "end_header", "",
    ]  # fmt: skip
    means, log_scales, quats, logits, sh = (tensor.numpy() for tensor in scene.tensors())
    with atomic_file(path) as file:
        file.write("\n".join(header).encode())
        rows = np.zeros((min(n, _BLOCK), len(names)), "<f4")
        for i in range(0, n, _BLOCK):
            block = rows[: n - i]
            part = slice(i, i + len(block))
            block[:, :3] = means[part]
            block[:, 6:9] = sh[part, 0]
            block[:, 9 : 9 + rest] = sh[part, 1:].transpose(0, 2, 1).reshape(len(block), rest)
            block[:, -8] = logits[part]
            block[:, -7:-4] = log_scales[part]
            block[:, -4:] = quats[part]
            file.write(block.data)


def read_ply(path: Path) -> Content:
    """Read a standard .ply, or a compressed one that has this suffix.

    Raises:
        ValueError: one line with the file and its fault.
    """
    ply = read_ply_file(path)
    if "chunk" in ply.elements:
        from gs_stein.gaussians.formats.compressed_ply import from_compressed

        return from_compressed(path, ply)
    return from_standard(path, ply)


def from_standard(path: Path, ply: PlyFile) -> Content:
    """Gaussians of the usual properties, of whatever types and in whatever order; 2DGS's without a third scale, and
    colours as red, green, blue instead of f_dc.

    Raises:
        ValueError: a property is missing or a list.
    """
    table = vertices(path, ply)
    have = table.dtype.names or ()
    axes, render_mode, notes = said(ply)
    rest = rest_names(path, table)
    coefficients = len(rest) // 3
    k = min(1 + coefficients, (MAX_SH_DEGREE + 1) ** 2)
    if 1 + coefficients > k:
        notes.append(f"spherical harmonics above degree {MAX_SH_DEGREE} are left out")
    scales = ["scale_0", "scale_1"] if "scale_2" not in have and "scale_1" in have else _numbered("scale", 3)
    colours = _numbered("f_dc", 3)
    if "f_dc_0" not in have and {"red", "green", "blue"} <= set(have):
        colours = ["red", "green", "blue"]
    groups = [list("xyz"), scales, _numbered("rot", 4), ["opacity"], colours, rest]
    check_columns(path, table, [name for names in groups for name in names])
    if len(scales) == 2:
        render_mode = "2dgs"
        notes.append("there is no scale_2: flat Gaussians of 2DGS")
    if colours[0] == "red":
        notes.append("colours are red, green and blue instead of f_dc_0..2")
    return Content(_Rows(table, [tuple(names) for names in groups], k), axes, render_mode, tuple(notes))


class _Rows:
    """Gaussians in the rows of a table."""

    def __init__(self, table: np.ndarray, groups: list[tuple[str, ...]], coefficients: int) -> None:
        self._table, self._groups, self._coefficients = table, groups, coefficients
        self._whites = [_white(table[name]) for name in groups[4]] if groups[4][0] == "red" else []

    @property
    def sh_degree(self) -> int:
        return math.isqrt(self._coefficients) - 1

    def __len__(self) -> int:
        return len(self._table)

    def block(self, index: slice) -> Block:
        """Some rows."""
        # The map is read once, in order and as bytes: NumPy copies rows of fields field by field.
        table, k = self._table[index], self._coefficients
        table = np.ascontiguousarray(table).view(np.uint8).copy().view(table.dtype)
        means, scales, quats, opacity, colours, rest = (columns(table, names) for names in self._groups)
        log_scales = np.full((len(table), 3), -np.inf, np.float32)
        log_scales[:, : scales.shape[1]] = scales
        if self._whites:
            colours = (colours / np.float32(max(self._whites)) - 0.5) / SH_C0
        if rest.shape[1] > 3 * (k - 1):
            rest = rest.reshape(len(table), 3, -1)[:, :, : k - 1].reshape(len(table), -1)
        return Block(means, log_scales, quats, opacity[:, 0], colours, rest, by_colour=True)


def columns(block: np.ndarray, names: tuple[str, ...], kind: str = "<f4") -> np.ndarray:
    """Columns (N, names) of a structured array in one type: a view if they lie side by side in it."""
    start = _side_by_side(block.dtype, names, kind)
    if start is not None:
        return np.ndarray(
            (len(block), len(names)), kind, block.data, start, (block.strides[0], np.dtype(kind).itemsize)
        )
    table = np.empty((len(block), len(names)), kind)
    with np.errstate(over="ignore", invalid="ignore"):
        for i, name in enumerate(names):
            table[:, i] = block[name]
    return table


@functools.lru_cache(maxsize=64)
def _side_by_side(row: np.dtype, names: tuple[str, ...], kind: str) -> int | None:
    """Where in a row these columns begin, if they have this type and follow each other."""
    fields, dtype = row.fields or {}, np.dtype(kind)
    start = fields[names[0]][1] if names else 0
    return start if all(fields[name] == (dtype, start + dtype.itemsize * i) for i, name in enumerate(names)) else None


def _white(colours: np.ndarray) -> float:
    """What stands for full colour: the largest number of its type, or 255 or 1 by what fractions reach."""
    if colours.dtype.kind in "ui":
        return 65535.0 if colours.dtype.itemsize == 2 else 255.0
    return 255.0 if colours.max(initial=0, where=np.isfinite(colours)) > 1.5 else 1.0


def header_comments(axes: str, render_mode: str) -> list[str]:
    """The header's lines that say the axes, where there is a word for them, and the render mode."""
    vertical = [f"comment Vertical axis: {_VERTICAL[axes]}"] if axes in _VERTICAL else []
    return [*vertical, f"comment SplatRenderMode: {render_mode}"]


def said(ply: PlyFile) -> tuple[str | None, str, list[str]]:
    """What the comments of a header say: axes (None if nothing), render mode, and notes on what was not understood."""
    axes, render_mode, notes = None, "default", []
    for comment in ply.comments:
        if match := re.match(r"vertical axis\s*:\s*(\S+)", comment, re.IGNORECASE):
            axes = next((name for name, word in _VERTICAL.items() if word == match[1].lower()), None)
            if axes is None:
                notes.append(f"the header's vertical axis {match[1]!r} is not understood; the usual one is taken")
        if match := re.match(r"SplatRenderMode\s*:\s*(\S+)", comment, re.IGNORECASE):
            render_mode = match[1].lower()
            if render_mode not in ("default", "mip", "2dgs"):
                notes.append(f"the header's render mode {match[1]!r} is not understood; the default one is taken")
                render_mode = "default"
    return axes, render_mode, notes


def check_columns(path: Path, table: np.ndarray, names: list[str]) -> None:
    """Raise ValueError unless a table has all these columns, each of numbers."""
    have = table.dtype.names or ()
    missing = [name for name in names if name not in have]
    if missing:
        cloud = {"x", "y", "z"} <= set(have) and not {"scale_0", "rot_0"} & set(have)
        remedy = "; a point cloud can be a start (--init)" if cloud else ""
        properties = f"propert{'y' if len(missing) == 1 else 'ies'} {', '.join(map(repr, missing))}"
        raise ValueError(f"{path}: is no file of Gaussians: it lacks the {properties}{remedy}")
    lists = [name for name in names if table.dtype[name].hasobject]
    if lists:
        raise ValueError(f"{path}: is no file of Gaussians: its property {lists[0]!r} is a list, not a number")


def vertices(path: Path, ply: PlyFile) -> np.ndarray:
    """The element 'vertex'.

    Raises:
        ValueError: there is none, or it is empty.
    """
    if "vertex" not in ply.elements:
        raise ValueError(f"{path}: is no file of Gaussians: it lacks the element 'vertex'")
    if len(ply.elements["vertex"]) == 0:
        raise ValueError(f"{path}: holds no Gaussians")
    return ply.elements["vertex"]


def rest_names(path: Path, table: np.ndarray) -> list[str]:
    """The names f_rest_0.. of the higher spherical harmonics.

    Raises:
        ValueError: their number fits no degree.
    """
    count = sum(1 for name in table.dtype.names or () if re.fullmatch(r"f_rest_\d+", name))
    if count not in (0, 9, 24, 45, 72):
        properties = "1 property" if count == 1 else f"{count} properties"
        raise ValueError(f"{path}: has {properties} f_rest_*; only 0, 9, 24, 45 or 72 (SH degree 0 to 4) fit")
    return _numbered("f_rest", count)


def _numbered(prefix: str, count: int) -> list[str]:
    return [f"{prefix}_{i}" for i in range(count)]
