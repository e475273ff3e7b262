"""The compressed .ply of PlayCanvas' SuperSplat: 16 bytes a Gaussian and a byte a coefficient; lossy.

The 256 Gaussians of a chunk share ranges of values.

Source: https://github.com/playcanvas/splat-transform, the layout only.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np

from gs_stein.files import atomic_file
from gs_stein.gaussians.formats.blocks import Block, on_blocks, taken
from gs_stein.gaussians.formats.common import (
    Content,
    largest_filled_in,
    morton_codes,
    smallest_three,
    unit_quats,
    within_reach,
    worth_writing,
)
from gs_stein.gaussians.formats.ply import (
    check_columns,
    columns,
    from_standard,
    header_comments,
    rest_names,
    said,
    vertices,
)
from gs_stein.gaussians.formats.ply_file import PlyFile, read_ply_file
from gs_stein.gaussians.formats.splat import byte_logits
from gs_stein.gaussians.model import MAX_SH_DEGREE, SH_C0, Gaussians
from gs_stein.gaussians.options import ALPHA_MIN

_CHUNK = 256
"""Gaussians that share one range of values."""
_RANGES = [f"{end}_{name}" for group in ("xyz", ("scale_x", "scale_y", "scale_z"), "rgb")
           for end in ("min", "max") for name in group]  # fmt: skip
_PACKED = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
_POSITION = _SCALE = (11, 10, 11)
_ROTATION = (2, 10, 10, 10)
_COLOUR = (8, 8, 8, 8)
_LOG_SCALE_LIMIT = 20.0
"""Readers hold logarithms of scales within ±20."""
_COLOUR_LIMIT = 16.0
"""Where coefficients of base colours are held, so that a wild one does not take the steps of its chunk."""


def write_compressed_ply(
    path: Path, gaussians: Gaussians, axes: str = "y-down", render_mode: Literal["default", "mip"] = "default"
) -> None:
    """Write SuperSplat's compressed .ply, neighbours in one chunk; Gaussians too faint to see or farther than 1e7 m are
    left out.

    Args:
        path: the file; an old one is replaced in one step.
        gaussians: a scene of our world, on any device.
        axes: the convention to write in; the header says it, as in a standard .ply.
        render_mode: how viewers should draw it, as in a standard .ply.

    Raises:
        ValueError: there are no Gaussians that can be seen within ±1e7 m, a value is not finite, or the file cannot be
            written.
    """
    scene = worth_writing(path, gaussians, axes)
    near = within_reach(path, scene.means.numpy())
    order = np.flatnonzero(near & (scene.opacities >= ALPHA_MIN).numpy())
    if len(order) == 0:
        raise ValueError(f"{path}: every one of {near.sum()} Gaussians is too faint to be seen; nothing to write")
    order = order[np.argsort(morton_codes(scene.means.numpy()[order]), kind="stable")]
    n = len(order)
    # The last chunk is filled with copies of the last Gaussian, which are not written.
    order = np.concatenate([order, np.full(-n % _CHUNK, order[-1])])
    scene = taken(scene, order)
    chunks, packed = _packed(scene)
    rest = 3 * (scene.sh.shape[1] - 1)
    elements = [(f"chunk {len(chunks)}", "float", _RANGES), (f"vertex {n}", "uint", _PACKED)]
    if rest:
        elements.append((f"sh {n}", "uchar", [f"f_rest_{i}" for i in range(rest)]))
    header = ["ply", "format binary_little_endian 1.0", *header_comments(axes, render_mode)]
    for element, kind, names in elements:
        header += [f"element {element}", *(f"property {kind} {name}" for name in names)]
    with atomic_file(path) as file:
        file.write("\n".join([*header, "end_header", ""]).encode())
        file.write(chunks.tobytes())
        file.write(packed[:n].tobytes())
        if rest:
            file.write(_codes(scene.sh[:n, 1:].numpy()).data)


def _packed(scene: Gaussians) -> tuple[np.ndarray, np.ndarray]:
    """Ranges of the chunks (C, 18) and the four words of each Gaussian (N, 4), N a multiple of the chunk's size."""
    means, log_scales, _, _, sh = (tensor.numpy() for tensor in scene.tensors())
    quats, opacities = unit_quats(scene.quats).numpy(), scene.opacities.numpy()
    ranges, words = np.empty((len(scene) // _CHUNK, 18), "<f4"), np.empty((len(scene), 4), "<u4")

    def pack(part: slice) -> None:
        rgb = np.float32(0.5) + np.float32(SH_C0) * sh[part, 0].clip(-_COLOUR_LIMIT, _COLOUR_LIMIT)
        groups = (means[part], log_scales[part].clip(-_LOG_SCALE_LIMIT, _LOG_SCALE_LIMIT), rgb)
        chunks = slice(part.start // _CHUNK, part.stop // _CHUNK)
        fractions = []
        for i, group in enumerate(groups):
            rows = group.reshape(-1, _CHUNK, 3)
            low, high = rows.min(axis=1), rows.max(axis=1)
            width = high.astype(np.float64) - low
            ranges[chunks, 6 * i : 6 * i + 6] = np.concatenate([low, high], axis=1)
            inside = (rows - low[:, None].astype(np.float64)) / np.where(width > 0, width, 1)[:, None]
            fractions.append(inside.reshape(-1, 3))
        largest, others = smallest_three(quats[part])
        rotation = np.concatenate([largest[:, None] / 3, others * np.sqrt(0.5) + 0.5], axis=1)
        colour = np.concatenate([fractions[2], opacities[part, None]], axis=1)
        words[part, 0], words[part, 1] = _join(fractions[0], _POSITION), _join(rotation, _ROTATION)
        words[part, 2], words[part, 3] = _join(fractions[1], _SCALE), _join(colour, _COLOUR)

    on_blocks(pack, len(scene))
    return ranges, words


def _codes(harmonics: np.ndarray) -> np.ndarray:
    """Bytes (N, 3 (K − 1)) of the higher spherical harmonics (N, K − 1, 3), colour by colour."""
    codes = np.empty((len(harmonics), harmonics[0].size), np.uint8)

    def pack(part: slice) -> None:
        values = harmonics[part].transpose(0, 2, 1).reshape(-1, codes.shape[1])
        with np.errstate(over="ignore"):
            codes[part] = np.floor(values * 32 + 128).clip(0, 255)

    on_blocks(pack, len(codes))
    return codes


def _join(fractions: np.ndarray, bits: tuple[int, ...]) -> np.ndarray:
    """Fractions in [0, 1] as fields of the given widths, highest first."""
    packed = np.zeros(len(fractions), np.uint32)
    for column, width in zip(fractions.T, bits, strict=True):
        limit = (1 << width) - 1
        packed = (packed << np.uint32(width)) | np.rint(column * limit).clip(0, limit).astype(np.uint32)
    return packed


def _split(packed: np.ndarray, bits: tuple[int, ...]) -> list[np.ndarray]:
    """The fields of the given widths, highest first, as fractions in [0, 1]."""
    fields, shift = [], 32
    for width in bits:
        shift -= width
        limit = (1 << width) - 1
        fields.append(((packed >> np.uint32(shift)) & np.uint32(limit)).astype(np.float32) / np.float32(limit))
    return fields


def read_compressed_ply(path: Path) -> Content:
    """Read a compressed .ply, or a standard one that has this suffix.

    Raises:
        ValueError: one line with the file and its fault.
    """
    ply = read_ply_file(path)
    return from_compressed(path, ply) if "chunk" in ply.elements else from_standard(path, ply)


def from_compressed(path: Path, ply: PlyFile) -> Content:
    """Gaussians of fractions between the lowest and highest values of a chunk.

    Raises:
        ValueError: counts do not fit, or a property is missing.
    """
    table, chunk = vertices(path, ply), ply.elements["chunk"]
    n = len(table)
    if len(chunk) != -(-n // _CHUNK):
        raise ValueError(f"{path}: the header's counts do not fit: {len(chunk)} chunks for {n} Gaussians")
    # Older files hold colours as plain fractions.
    ranged = "min_r" in (chunk.dtype.names or ())
    check_columns(path, chunk, _RANGES if ranged else _RANGES[:12])
    check_columns(path, table, list(_PACKED))
    sh = ply.elements.get("sh", np.empty(0))
    if len(sh) not in (0, n):
        raise ValueError(f"{path}: the header's counts do not fit: {len(sh)} entries 'sh' for {n} Gaussians")
    rest = rest_names(path, sh) if len(sh) else []
    check_columns(path, sh, rest)
    axes, render_mode, notes = said(ply)
    ranges = np.stack([chunk[name].astype(np.float32) for name in (_RANGES if ranged else _RANGES[:12])], axis=1)
    return Content(_Rows(table, ranges, sh, rest), axes, render_mode, tuple(notes))


class _Rows:
    """Gaussians in the rows of a table of packed words."""

    packed = True

    def __init__(self, table: np.ndarray, ranges: np.ndarray, sh: np.ndarray, rest: list[str]) -> None:
        self._table, self._ranges, self._sh, self._rest = table, ranges, sh, tuple(rest)
        self.sh_degree = min(math.isqrt(1 + len(rest) // 3) - 1, MAX_SH_DEGREE)

    def __len__(self) -> int:
        return len(self._table)

    def block(self, index: slice) -> Block:
        """Some rows."""
        index = slice(*index.indices(len(self)))
        table, first = self._table[index], index.start // _CHUNK
        chunks = self._ranges[first : -(-index.stop // _CHUNK)].T
        inside = slice(index.start - first * _CHUNK, index.stop - first * _CHUNK)

        def spread(ranges: np.ndarray, fractions: list[np.ndarray]) -> np.ndarray:
            values = np.empty((len(table), 3), np.float32)
            with np.errstate(over="ignore", invalid="ignore"):
                for i, part in enumerate(fractions):
                    low, width = (np.repeat(row, _CHUNK)[inside] for row in (ranges[i], ranges[3 + i] - ranges[i]))
                    values[:, i] = low + width * part
            return values

        position, rotation, scale, colour = (table[name].astype(np.uint32) for name in _PACKED)
        *rgb, _ = _split(colour, _COLOUR)
        shown = spread(chunks[12:], rgb) if len(chunks) > 12 else np.stack(rgb, axis=1)
        others = np.stack([part - np.float32(0.5) for part in _split(rotation, _ROTATION)[1:]]) * np.float32(np.sqrt(2))
        return Block(
            spread(chunks[:6], _split(position, _POSITION)),
            spread(chunks[6:12], _split(scale, _SCALE)),
            largest_filled_in(rotation >> np.uint32(30), others.T),
            byte_logits(colour & np.uint32(255)),
            (shown - np.float32(0.5)) / np.float32(SH_C0),
            self._harmonics(index),
            by_colour=True,
        )

    def _harmonics(self, index: slice) -> np.ndarray:
        """The higher ones, colour by colour as in the file, in float32."""
        wanted = (self.sh_degree + 1) ** 2 - 1
        if not wanted:
            return np.empty((index.stop - index.start, 0), np.float32)
        codes = columns(self._sh[index], self._rest, "u1")
        if codes.shape[1] > 3 * wanted:
            codes = codes.reshape(len(codes), 3, -1)[:, :, :wanted].reshape(len(codes), -1)
        # The outermost bytes stand for the ends, the others for the middle of their step.
        values = codes.astype(np.float32)
        values += np.float32(0.5)
        values[codes == 0], values[codes == 255] = 0, 256
        values *= np.float32(1 / 32)
        values -= np.float32(4)
        return values
