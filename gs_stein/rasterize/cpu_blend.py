"""Numba kernel: blending the tiles, front to back. One tile row is one `Lanes` value, or two.

Each kernel handles one of several shares of independent pieces (views, tiles, Gaussians); `team` spreads the shares
over the threads. No piece depends on another, and every sum runs in one fixed order: the bits do not depend on the
number of shares.
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import float32

from gs_stein.rasterize.cpu_layouts import TILE, jitted, jitted_inline
from gs_stein.rasterize.options import ALPHA_MAX, ALPHA_MIN, T_MIN
from gs_stein.rasterize.simd import (
    WIDTH,
    any_lane,
    both,
    but_not,
    exp2_nonpositive,
    load,
    minimum,
    prefetch,
    ramp,
    spread,
    store,
    where,
)
from gs_stein.rasterize.team import sharing

PLANE = 272
"""Distance between scratch planes of 256 floats: the extra line keeps their rows off the same cache sets."""
LOG2E = np.float32(1.0 / math.log(2.0))
"""Exponents of e times this are exponents of 2."""
LOWEST = np.float32(math.log2(ALPHA_MIN))
"""log₂ α below which nothing is drawn."""
_ALPHA_MAX = np.float32(ALPHA_MAX)
_T_MIN = np.float32(T_MIN)
_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)
_NEVER = np.float32(2.0**30)
"""Number of the Gaussian that ended a pixel which none did."""
_CHECK_EVERY = 8
AHEAD = 4
"""Pairs that the memory is asked for beforehand: Gaussians of a tile lie far apart."""
"""Gaussians between two looks at whether a tile is finished."""


@jitted
@no_type_check
def scratch(planes):
    """Scratch memory that starts on a cache line, so that no row of a plane straddles two."""
    memory = np.empty(planes * PLANE + 16, np.float32)
    skip = (64 - memory.ctypes.data % 64) % 64 // 4
    return memory[skip : skip + planes * PLANE]


@jitted_inline
@no_type_check
def tile_at(views, which):
    """View, number, and left and top pixel of a tile of all views."""
    tiles = views.tiles_x * views.tiles_y
    view, tile = which // tiles, which % tiles
    return view, tile, (tile % views.tiles_x) * TILE, (tile // views.tiles_x) * TILE


@no_type_check
def _blend_forward(share, shares, views, features, pairs, background, images):
    """Composite the tiles pairs.order[share::shares] front to back and write their pixels."""
    channels = 7 if views.normals else 4
    # Planes: transmittance (negative once finished), the Gaussian that ended the pixel, then the channels.
    S = scratch(2 + channels)
    for k in range(share, pairs.order.shape[0], shares):
        view, tile, x0, y0 = tile_at(views, pairs.order[k])
        columns, rows = min(views.width - x0, TILE), min(views.height - y0, TILE)
        for at in range(0, TILE * TILE, WIDTH):
            # Pixels outside the image start finished.
            left = float32(columns - at % TILE if at // TILE < rows else 0)
            store(S, at, where(ramp() < left, _ONE, -_ONE))
            store(S, PLANE + at, _NEVER)
            for c in range(channels):
                store(S, (2 + c) * PLANE + at, _ZERO)
        first, last = pairs.tile_ranges[view, tile, 0], pairs.tile_ranges[view, tile, 1]
        for pair in range(first, last):
            if (pair - first) % _CHECK_EVERY == 0 and pair > first:
                alive = load(S, 0)
                for at in range(WIDTH, TILE * TILE, WIDTH):
                    other = load(S, at)
                    alive = where(other > alive, other, alive)
                if not any_lane(alive > _ZERO):
                    break
            item = pairs.items[pair]
            if pair + AHEAD < last:
                prefetch(features, pairs.items[pair + AHEAD])
            number = spread(float32(pair - first))
            y = features[item, 1] - float32(y0)
            xx = features[item, 2] * (_HALF * LOG2E)
            xy = features[item, 3] * LOG2E
            yy = features[item, 4] * (_HALF * LOG2E)
            peak = features[item, 5] * LOG2E
            r, g, b, z = features[item, 6], features[item, 7], features[item, 8], features[item, 9]
            top, bottom = pairs.rows[pair] // 16, pairs.rows[pair] % 16
            for left in range(pairs.columns[pair] // 16 // WIDTH * WIDTH, pairs.columns[pair] % 16 + 1, WIDTH):
                dx = (ramp() + float32(left)) - (features[item, 0] - float32(x0))
                xxdx = xx * dx
                dy = spread(float32(top) - _HALF - y)
                for row in range(top, bottom + 1):
                    at = row * TILE + left
                    dy = dy + _ONE
                    log2_alpha = (peak - yy * dy * dy) - (xxdx + xy * dy) * dx
                    a = minimum(exp2_nonpositive(log2_alpha), _ALPHA_MAX)
                    drawn = both(log2_alpha >= LOWEST, log2_alpha <= peak)
                    T = load(S, at)
                    w = a * T
                    live = both(drawn, T - w > _T_MIN)
                    w = where(live, w, _ZERO)
                    store(S, at, T - w)
                    ended = but_not(both(drawn, T > _ZERO), live)
                    if any_lane(ended):
                        store(S, at, where(ended, _ZERO - T, T - w))
                        store(S, PLANE + at, where(ended, number, load(S, PLANE + at)))
                    store(S, 2 * PLANE + at, load(S, 2 * PLANE + at) + w * r)
                    store(S, 3 * PLANE + at, load(S, 3 * PLANE + at) + w * g)
                    store(S, 4 * PLANE + at, load(S, 4 * PLANE + at) + w * b)
                    store(S, 5 * PLANE + at, load(S, 5 * PLANE + at) + w * z)
                    if views.normals:
                        store(S, 6 * PLANE + at, load(S, 6 * PLANE + at) + w * features[item, 10])
                        store(S, 7 * PLANE + at, load(S, 7 * PLANE + at) + w * features[item, 11])
                        store(S, 8 * PLANE + at, load(S, 8 * PLANE + at) + w * features[item, 12])
        for row in range(rows):
            for column in range(columns):
                p = row * TILE + column
                T = abs(S[p])
                v, u = y0 + row, x0 + column
                for c in range(3):
                    images.rgb[view, v, u, c] = S[(2 + c) * PLANE + p] + T * background[view, c]
                images.alpha[view, v, u] = _ONE - T
                images.depth[view, v, u] = S[5 * PLANE + p] / max(_ONE - T, float32(1e-10))
                if views.normals:
                    for c in range(3):
                        images.normals[view, v, u, c] = S[(6 + c) * PLANE + p]
        plane = images.planes[pairs.order[k]]
        for at in range(0, TILE * TILE, WIDTH):
            T = load(S, at)
            store(plane, at, where(T > _ZERO, T, _ZERO - T))
            store(plane, 256 + at, load(S, PLANE + at))


_share_blend_forward = sharing(_blend_forward)


@jitted
@no_type_check
def blend_forward(parallel, threads, *arguments):
    return _share_blend_forward(parallel, threads, arguments)
