"""What the compiled kernels are handed: arrays under names, and what lies where in them.

Arrays are contiguous and float32 unless said otherwise. N Gaussians, V views, T tiles a view; M seen (view, Gaussian)
combinations, view after view; P pairs (tile, seen combination), in S slots.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, no_type_check

import numpy as np
from numba import njit
from numba.core import config

from gs_stein.files import spare_cache

_SETTINGS: Any = config  # its attributes are made when it is imported
CHUNK = 512
"""Gaussians projected together; fixed, so that the order of results is fixed too."""
TILE = 16
"""Side of a tile in pixels; one row of it is one `Lanes` value, or two."""
FEATURES = 13
"""Per seen Gaussian: x, y, conic xx, xy, yy, ln opacity, r, g, b, depth, normal x, y, z."""
PAIR_GRADIENTS = 16
"""Per pair: Σg, Σg·dx, Σg·dy, Σg·dx², Σg·dx·dy, Σg·dy² with g = ∂loss/∂ln α, then the features from r on (one cache
line, so that two threads never write to the same one)."""
_COMPILED: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
_INLINED: dict[str, Any] = {
    **_COMPILED,
    "forceinline": True,
    "_nrt": False,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


def stamp_of(folder: Path) -> str:
    """A digest of the Python files in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


_STAMP = stamp_of(Path(__file__).parent)


def jitted(function: Callable[..., Any]) -> Any:
    """Compile a launcher, or what allocates: the interpreter lock is free, products and sums may contract."""
    return _cached(function, _COMPILED)


def jitted_inline(function: Callable[..., Any]) -> Any:
    """Compile a part of a kernel as if it were written where it is called, without counting references to arrays, which
    it only borrows: counted, gradients of the projection take a third longer."""
    return _cached(function, _INLINED)


def _cached(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """Compiled when it is first called, by a later process loaded from a file."""
    try:
        dispatcher: Any = njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's can be written
        before, _SETTINGS.CACHE_DIR = _SETTINGS.CACHE_DIR, str(spare_cache() or "")
        try:
            dispatcher = njit(cache=True, **options)(function)
        except RuntimeError:  # nowhere at all: compiled by every process
            _SETTINGS.CACHE_DIR = before
            return njit(**options)(function)
    # A kernel is made of functions from several files, and Numba compares the date of its own one alone.
    file = dispatcher._cache._cache_file
    file._source_stamp = (*file._source_stamp, _STAMP)
    _make_robust(dispatcher._cache)
    return dispatcher


def _make_robust(cache: Any) -> None:
    """Of one of Numba's caches: what is damaged counts as not there, and what cannot be kept is left.

    By themselves, half a file (the machine went down) ends every later process, and a full disk this one.
    """
    load, save = cache.load_overload, cache.save_overload

    def load_whole(signature: Any, target: Any) -> Any:
        try:
            return load(signature, target)
        except Exception:  # whatever half a pickle, or broken machine code, makes of itself
            with suppress(OSError):
                cache._cache_file.flush()
            return None

    def save_if_possible(signature: Any, data: Any) -> None:
        with suppress(OSError):
            save(signature, data)

    cache.load_overload, cache.save_overload = load_whole, save_if_possible


def kept_in() -> Path | None:
    """Where compiled kernels are kept for later processes; None if each process compiles its own."""
    cache = getattr(_cached(kept_in, _COMPILED), "_cache", None)
    return None if cache is None or cache.cache_path is None else Path(cache.cache_path)


@jitted
@no_type_check
def aligned(count):
    """Scratch memory that starts on a cache line, so that no `Lanes` value in it straddles two."""
    memory = np.empty(count + 16, np.float32)
    skip = (64 - memory.ctypes.data % 64) % 64 // 4
    return memory[skip : skip + count]


class Scene(NamedTuple):
    """Raw parameters of the Gaussians, or their gradients."""

    means: np.ndarray
    """(N, 3)."""
    log_scales: np.ndarray
    """(N, 3)."""
    quats: np.ndarray
    """(N, 4), of any length."""
    logits: np.ndarray
    """(N,)."""
    sh: np.ndarray
    """(N, K, 3)."""


class Views(NamedTuple):
    """Cameras, and the options of the rasterizer."""

    viewmats: np.ndarray
    """(V, 4, 4)."""
    Ks: np.ndarray
    """(V, 3, 3)."""
    width: int
    height: int
    tiles_x: int
    tiles_y: int
    limits: np.ndarray
    """(V, 4): lowest and highest x/z and y/z at which the projection is linearised."""
    positions: np.ndarray
    """(V, 3): of the cameras, in the world."""
    near: np.float32
    far: np.float32
    eps2d: np.float32
    antialiased: bool
    normals: bool
    """Whether they are composited too."""
    degree: int
    """Of the spherical harmonics that are used."""


class Chunks(NamedTuple):
    """What projection finds, per view and chunk of Gaussians; rows are packed at the start of each chunk's."""

    features: np.ndarray
    """(V, N, FEATURES)."""
    extents: np.ndarray
    """(V, N, 2), see `Seen`."""
    ids: np.ndarray
    """(V, N) int32: which Gaussian a row is."""
    counts: np.ndarray
    """(V, chunks) int64: rows that are filled."""
    pair_bounds: np.ndarray
    """(V, chunks) int64: upper bound of the tiles that they touch."""


class Seen(NamedTuple):
    """The same without gaps between the chunks; features (M, FEATURES) go beside it."""

    extents: np.ndarray
    """(M, 2): half width and half height of the ellipse outside which alpha < 1/255, pixels."""
    ids: np.ndarray
    """(M,) int32."""
    view_starts: np.ndarray
    """(V + 1,) int64: first row of each view."""
    chunk_starts: np.ndarray
    """(V · chunks + 1,) int64: first row of each chunk of each view."""
    slot_starts: np.ndarray
    """(V · chunks + 1,) int64: first slot of its pairs; there are enough of them, and some stay empty."""


class Listed(NamedTuple):
    """Pairs by slot, Gaussian after Gaussian as they are seen; S slots."""

    item_ranges: np.ndarray
    """(M, 2) int64: first slot, one past the last."""
    tiles: np.ndarray
    """(S,) int32: tile of the view."""
    rows: np.ndarray
    """(S,) uint8, see `Pairs`."""
    columns: np.ndarray
    """(S,) uint8."""
    depths: np.ndarray
    """(M,)."""


class Slices(NamedTuple):
    """The seen Gaussians of each view in L slices, nearer ones first, so that several threads can sort one view."""

    bounds: np.ndarray
    """(V, L + 1) int64: the first key of each slice, one past the last; keys are the bits of a depth."""
    ranges: np.ndarray
    """(V, L, 2) int64: of a slice in `items`."""
    items: np.ndarray
    """(M,) int32: rows of the features, in each view by depth."""
    counts: np.ndarray
    """(V, L, T) int64: pairs."""
    places: np.ndarray
    """(V, L, T) int64: where the next one goes."""


class Pairs(NamedTuple):
    """Which seen Gaussian touches which tile: in each view grouped by tile, in a tile by depth."""

    items: np.ndarray
    """(P,) int32: row of the features."""
    rows: np.ndarray
    """(P,) uint8: first row · 16 + last row of the tile that the Gaussian's ellipse can reach."""
    columns: np.ndarray
    """(P,) uint8: the same of columns."""
    slots: np.ndarray
    """(P,) int32: slot of the pair, where its gradients go too."""
    tile_ranges: np.ndarray
    """(V, T, 2) int64: first pair, one past the last."""
    order: np.ndarray
    """(V · T,) int64: tiles in the order in which they are dealt out, those with most pairs first."""


class Images(NamedTuple):
    """What blending writes."""

    rgb: np.ndarray
    """(V, H, W, 3)."""
    depth: np.ndarray
    """(V, H, W)."""
    alpha: np.ndarray
    """(V, H, W)."""
    normals: np.ndarray
    """(V, H, W, 3), or empty."""
    planes: np.ndarray
    """(V · T, 512): final transmittance of a tile's 256 pixels, then for each of them one more than the number (in the
    tile) of the last Gaussian that counted."""


class Kept(NamedTuple):
    """What blending backward must know of the images."""

    background: np.ndarray
    """(V, 3)."""
    depth: np.ndarray
    planes: np.ndarray


class ImageGradients(NamedTuple):
    """∂loss by what the images show."""

    rgb: np.ndarray
    depth: np.ndarray
    alpha: np.ndarray
    normals: np.ndarray


class BlendGradients(NamedTuple):
    """What blending backward writes."""

    pairs: np.ndarray
    """(S, PAIR_GRADIENTS)."""
    background: np.ndarray
    """(V, T, 3)."""


class ProjectedGradients(NamedTuple):
    """∂loss by what projection hands to blending."""

    means2d: np.ndarray
    """(V, N, 2)."""
    features: np.ndarray
    """(M, FEATURES)."""
