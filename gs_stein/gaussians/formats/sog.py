"""SOG, PlayCanvas' format for the web, version 2: a zip of meta.json and lossless WebP pictures; lossy, 15 to 20 times
smaller than a .ply.

A texel is a Gaussian. Positions have 16 bits a coordinate of sign · ln(1 + |x|); scales and base colours are entries of
codebooks of 256; higher spherical harmonics one of at most 65 536 rows of a palette, itself written with a codebook.

Source: https://developer.playcanvas.com (the SOG format) and https://github.com/playcanvas/splat-transform, the layout
only; codebooks by Lloyd's algorithm on histograms, the palette by halving the most scattered cells, are our own choice.
"""

from __future__ import annotations

import io
import json
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gs_stein.files import atomic_file
from gs_stein.gaussians.formats.blocks import Block, fresh, multiply, on_blocks, on_threads, taken
from gs_stein.gaussians.formats.common import (
    Content,
    first_line,
    largest_filled_in,
    morton_codes,
    smallest_three,
    unit_quats,
    within_reach,
    worth_writing,
)
from gs_stein.gaussians.formats.splat import byte_logits, to_bytes
from gs_stein.gaussians.model import Gaussians

_COEFFICIENTS = (0, 3, 8, 15)
"""Spherical harmonics above the constant one, by degree."""
_PALETTE_MAX = 1 << 16
_PALETTE_COLUMNS = 64
"""Rows of the palette side by side in its picture."""
_POSITION_STEPS = 65535
_LOG_SCALE_MAX, _COLOUR_MAX, _HARMONIC_MAX = 20.0, 16.0, 4.0
"""Where values are held, so that one wild Gaussian does not take the steps of the others."""
_BINS = 1 << 14
_SAMPLE = 1 << 20
"""Numbers that a codebook is made from, at most."""


def write_sog(
    path: Path, gaussians: Gaussians, axes: str = "y-down", render_mode: Literal["default", "mip"] = "default"
) -> None:
    """Write a .sog.

    Args:
        path: the file; an old one is replaced in one step.
        gaussians: a scene of our world, on any device; what lies beyond ±1e7 m is left out, logarithms of standard
            deviations are held within ±20, coefficients of colours within ±16, of higher harmonics within ±4.
        axes: the convention to write in; the file cannot say it.
        render_mode: "mip" for a scene trained with antialiasing.

    Raises:
        ValueError: there are no Gaussians within ±1e7 m, a value is not finite, or the file cannot be written.
    """
    scene = worth_writing(path, gaussians, axes)
    near = np.flatnonzero(within_reach(path, scene.means.numpy()))
    scene = taken(scene, near[np.argsort(morton_codes(scene.means.numpy()[near]), kind="stable")])
    n = len(scene)
    width = math.ceil(math.sqrt(n) / 4) * 4
    size = (width, math.ceil(n / width / 4) * 4)
    means = _folded(scene.means.numpy().astype(np.float64))
    low, high = means.min(axis=0), means.max(axis=0)
    steps = np.rint((means - low) / np.where(high > low, high - low, 1) * _POSITION_STEPS).astype(np.uint16)
    largest, others = smallest_three(unit_quats(scene.quats).numpy())
    quats = np.rint((others * np.sqrt(0.5) + 0.5) * 255).clip(0, 255)
    scales, scale_codes = _codebook(scene.log_scales.numpy().clip(-_LOG_SCALE_MAX, _LOG_SCALE_MAX))
    colours, colour_codes = _codebook(scene.sh[:, 0].numpy().clip(-_COLOUR_MAX, _COLOUR_MAX))
    meta: dict[str, Any] = {
        "version": 2,
        "asset": {"generator": "gs_stein"},
        "count": n,
        "means": {"mins": low.tolist(), "maxs": high.tolist(), "files": ["means_l.webp", "means_u.webp"]},
        "scales": {"codebook": scales, "files": ["scales.webp"]},
        "quats": {"files": ["quats.webp"]},
        "sh0": {"codebook": colours, "files": ["sh0.webp"]},
    }
    if render_mode != "default":
        meta["model"] = render_mode
    pictures = {
        "means_l.webp": _picture(size, steps & 255),
        "means_u.webp": _picture(size, steps >> 8),
        "quats.webp": _picture(size, quats, 252 + largest),
        "scales.webp": _picture(size, scale_codes),
        "sh0.webp": _picture(size, colour_codes, to_bytes((scene.opacities * 255).numpy())),
    }
    if scene.sh_degree:
        meta["shN"], more = _palette(scene, size)
        pictures |= more
    encoded = on_threads(_webp, pictures.values())
    with atomic_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        # Without the time of day: the same scene makes the same file.
        archive.writestr(zipfile.ZipInfo("meta.json"), json.dumps(meta))
        for name, data in zip(pictures, encoded, strict=True):
            archive.writestr(zipfile.ZipInfo(name), data)


def _folded(x: np.ndarray) -> np.ndarray:
    return np.sign(x) * np.log1p(np.abs(x))


def _picture(size: tuple[int, int], rgb: np.ndarray, alpha: np.ndarray | int = 255) -> np.ndarray:
    """Rows of a table (N, 3) as the first texels of an RGBA picture (height, width, 4)."""
    texels = np.zeros((size[0] * size[1], 4), np.uint8)
    texels[: len(rgb), :3] = rgb
    texels[: len(rgb), 3] = alpha
    return texels.reshape(size[1], size[0], 4)


def _webp(picture: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    # "exact" keeps the colours where alpha is 0.
    Image.fromarray(picture).save(buffer, "WEBP", lossless=True, exact=True, quality=20, method=1)
    return buffer.getvalue()


def _codebook(values: np.ndarray) -> tuple[list[float], np.ndarray]:
    """256 numbers that stand for all values with little squared error, and which of them each value is."""
    flat = values.reshape(-1)
    sample = flat[:: max(1, len(flat) // _SAMPLE)].astype(np.float64)
    low, high = float(flat.min()), float(flat.max())
    counts, edges = np.histogram(sample, _BINS, (low, max(high, low + 1e-6)))
    bins = (edges[1:] + edges[:-1]) / 2
    # Panter and Dite: levels are best as dense as the cube root of the values' density; some are left for the tails.
    roots = np.cbrt(counts)
    dense = np.cumsum(roots / roots.sum() + 0.2 / _BINS)
    levels = np.interp((np.arange(256) + 0.5) / 256 * dense[-1], dense, bins)
    for _ in range(20):
        cell = np.searchsorted((levels[1:] + levels[:-1]) / 2, bins)
        weight = np.bincount(cell, counts, 256)
        centre = np.bincount(cell, counts * bins, 256)
        levels = np.where(weight > 0, centre / np.maximum(weight, 1), levels)
    levels[0], levels[-1] = low, max(high, low)
    levels = np.sort(levels.astype(np.float32))
    borders = (levels[1:] + levels[:-1]) / 2
    parts = on_blocks(lambda part: np.searchsorted(borders, flat[part]).astype(np.uint8), len(flat))
    return levels.tolist(), np.concatenate(parts).reshape(values.shape)


def _palette(scene: Gaussians, size: tuple[int, int]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The higher spherical harmonics: their part of meta.json, and pictures of palette and labels."""
    k = scene.sh.shape[1] - 1
    rest = scene.sh.numpy()[:, 1:].clip(-_HARMONIC_MAX, _HARMONIC_MAX).reshape(len(scene), 3 * k)
    labels, count = np.arange(len(rest)), len(rest)
    if count > _PALETTE_MAX:
        labels, count = _cells(rest, _PALETTE_MAX), _PALETTE_MAX
        rest = _averages(rest, labels, count)
    codebook, codes = _codebook(rest)
    rows = math.ceil(count / _PALETTE_COLUMNS)
    names = ["shN_centroids.webp", "shN_labels.webp"]
    pictures = {
        names[0]: _picture((_PALETTE_COLUMNS * k, rows), codes.reshape(-1, 3)),
        names[1]: _picture(size, np.stack([labels & 255, labels >> 8, np.zeros_like(labels)], axis=1)),
    }
    return {"count": count, "bands": scene.sh_degree, "codebook": codebook, "files": names}, pictures


def _averages(rows: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """The average (count, D) of the rows with each label; zeros where there are none."""
    order, sizes = np.argsort(labels, kind="stable"), np.bincount(labels, minlength=count)
    starts = np.cumsum(sizes) - sizes
    sums = np.zeros((count, rows.shape[1]), np.float32)

    def work(part: slice) -> None:
        for i in range(sizes[part].max()):
            more = np.flatnonzero(sizes[part] > i)
            sums[part][more] += rows.take(order[starts[part][more] + i], axis=0)

    on_blocks(work, count)
    return sums / np.maximum(sizes, 1)[:, None].astype(np.float32)


def _cells(rows: np.ndarray, count: int) -> np.ndarray:
    """Labels (N,) of `count` (a power of two, at most 65 536) equally large groups of similar rows: each group is
    halved across the direction in which it is most scattered, of the eight in which all rows are."""
    rng = np.random.default_rng(0)
    sample = rows[rng.choice(len(rows), min(len(rows), _SAMPLE // 16), replace=False)]
    centre = sample.mean(axis=0)
    _, vectors = np.linalg.eigh((sample - centre).T @ (sample - centre))
    order = np.concatenate([np.arange(len(rows)), rng.choice(len(rows), -len(rows) % count)])
    axes, data = np.ascontiguousarray(vectors[:, -8:]), fresh(len(order), 8)
    on_blocks(lambda part: multiply(rows.take(order[part], axis=0) - centre, axes, data[part]), len(order))
    few = min(8, count)
    groups = _halved(data, few)
    halved = on_threads(lambda group: group[_halved(data[group], count // few)], groups)
    labels = np.empty(len(rows), np.uint16)
    labels[order[np.concatenate(halved)]] = np.arange(count)[:, None]
    return labels


def _halved(rows: np.ndarray, count: int) -> np.ndarray:
    """Indices (count, N / count) of the groups that `_cells` makes of rows (N, D), N a multiple of `count`."""
    order = np.arange(len(rows))[None]
    while len(order) < count:
        groups = rows.reshape(len(order), -1, rows.shape[1])
        # The axis of each group, from at most 1024 of its rows.
        axis = groups[:, :: max(1, groups.shape[1] // 1024)].var(axis=1).argmax(axis=1)
        values = np.take_along_axis(groups, axis[:, None, None], axis=2)[:, :, 0]
        half = np.argpartition(values, values.shape[1] // 2 - 1, axis=1)
        rows = rows.take(half + np.arange(0, len(rows), values.shape[1])[:, None], axis=0).reshape(rows.shape)
        order = np.take_along_axis(order, half, axis=1).reshape(2 * len(order), -1)
    return order


_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, RuntimeError, KeyError, TypeError, AttributeError,
    IndexError, struct.error,
)  # fmt: skip
"""What reading an archive and its pictures raises where bytes are not what they should be; a RuntimeError where one is
encrypted or packed in an unknown way."""


def read_sog(path: Path) -> Content:
    """Read a .sog of version 2.

    Raises:
        ValueError: one line with the file: no SOG, another version, or a picture that is missing, damaged or too small.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            name = next((name for name in archive.namelist() if name.rpartition("/")[2] == "meta.json"), None)
            if name is None:
                raise ValueError(f"{path}: is no SOG file (there is no meta.json in it)")
            folder = name[: -len("meta.json")]
            meta = json.loads(archive.read(name))
            if meta.get("version") != 2:
                raise ValueError(f"{path}: is SOG of version {meta.get('version', 1)}; version 2 can be read")
            rows = _Rows(path, meta, lambda name: archive.read(folder + name))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror or first_line(error)})") from error
    except _DAMAGED as error:
        raise ValueError(f"{path}: truncated or damaged ({type(error).__name__}: {first_line(error)})") from error
    except ValueError as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise ValueError(f"{path}: truncated or damaged ({first_line(error)})") from error
    mode = meta.get("model", "default")
    return Content(rows, None, mode if mode in ("mip", "2dgs") else "default")


class _Rows:
    """Gaussians in the texels of pictures."""

    def __init__(self, path: Path, meta: dict[str, Any], load: Any) -> None:
        self._count = int(meta["count"])

        def texels(part: str, i: int = 0, least: int = self._count) -> np.ndarray:
            name = meta[part]["files"][i]
            picture = _decoded(path, name, load(name)).reshape(-1, 4)
            if len(picture) < least:
                raise ValueError(f"{path}: truncated or damaged: {name} has {len(picture)} of {least} texels")
            return picture

        def numbers(values: list[float], length: int) -> np.ndarray:
            found = np.array(values, np.float64)
            if found.shape != (length,):
                raise ValueError(f"{path}: damaged: a list of {found.size} numbers instead of {length}")
            return found

        self._low, self._high = (numbers(meta["means"][key], 3) for key in ("mins", "maxs"))
        self._lower, self._upper = texels("means"), texels("means", 1)
        self._quats, self._scales, self._sh0 = texels("quats"), texels("scales"), texels("sh0")
        self._scale_book, self._sh0_book = (
            numbers(meta[part]["codebook"], 256).astype(np.float32) for part in ("scales", "sh0")
        )
        self.sh_degree = 0
        if meta.get("shN") and meta["shN"]["bands"]:
            self.sh_degree = int(meta["shN"]["bands"])
            k, count = _COEFFICIENTS[self.sh_degree], int(meta["shN"]["count"])
            # Writers may promise more rows than there are pixels; labels of missing rows mean zeros.
            codes = texels("shN", least=0)[:, :3]
            codes = codes[: len(codes) // k * k].reshape(-1, k, 3)[:count]
            palette = numbers(meta["shN"]["codebook"], 256).astype(np.float32)[codes]
            self._palette = np.concatenate([palette, np.zeros((1, k, 3), np.float32)]).reshape(-1, 3 * k)
            self._labels = texels("shN", 1)

    def __len__(self) -> int:
        return self._count

    def block(self, index: slice) -> Block:
        """Some rows."""
        index = slice(*index.indices(self._count))
        steps = self._lower[index, :3] + (self._upper[index, :3].astype(np.uint16) << 8)
        folded = self._low + (self._high - self._low) * (steps / _POSITION_STEPS)
        with np.errstate(over="ignore", invalid="ignore"):
            means = (np.sign(folded) * np.expm1(np.abs(folded))).astype(np.float32)
        packed = self._quats[index]
        others = (packed[:, :3] / np.float32(255) - np.float32(0.5)) * np.float32(math.sqrt(2))
        quats = largest_filled_in(np.maximum(packed[:, 3].astype(np.int64) - 252, 0), others)
        quats[packed[:, 3] < 252] = (1, 0, 0, 0)
        rest = np.empty((len(means), 0), np.float32)
        if self.sh_degree:
            labels = self._labels[index, 0] + (self._labels[index, 1].astype(np.int64) << 8)
            rest = self._palette[np.minimum(labels, len(self._palette) - 1)]
        log_scales, colours = self._scale_book[self._scales[index, :3]], self._sh0_book[self._sh0[index, :3]]
        return Block(means, log_scales, quats, byte_logits(self._sh0[index, 3]), colours, rest)


def _decoded(path: Path, name: str, data: bytes) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
            return np.array(image.convert("RGBA"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: truncated or damaged: {name}: {first_line(error)}") from error
