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
    exp2_of_four,
    load,
    maximum,
    minimum,
    prefetch,
    ramp,
    spread,
    store,
    store3,
    where,
)
from gs_stein.rasterize.team import sharing

PLANE = 272
"""Distance between scratch planes of 256 floats: the extra line keeps their rows off the same cache sets."""
LOG2E = np.float32(1.0 / math.log(2.0))
"""Exponents of e times this are exponents of 2."""
_LOWEST = np.float32(math.log2(ALPHA_MIN))
HIGHEST = np.float32(ALPHA_MAX)
"""What α is cut off at."""
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


@jitted_inline
@no_type_check
def write_alphas(features, item, x0, y0, left, top, bottom, A):
    """Write a Gaussian's alpha at WIDTH pixels of a tile's rows top … bottom, from column left on; 0 where it draws
    nothing.

    A loop of its own, because what follows waits for the Gaussians in front: a processor looks ahead over no more than
    two or three rows of both together.
    """
    y = features[item, 1] - float32(y0)
    xx = features[item, 2] * (_HALF * LOG2E)
    xy = features[item, 3] * LOG2E
    yy = features[item, 4] * (_HALF * LOG2E)
    peak = features[item, 5] * LOG2E
    dx = (ramp() + float32(left)) - (features[item, 0] - float32(x0))
    xxdx = xx * dx
    dy = spread(float32(top) - _HALF - y)
    for row in range(0, bottom + 1 - top, 4):
        dy0 = dy + _ONE
        dy1 = dy0 + _ONE
        dy2 = dy1 + _ONE
        dy = dy2 + _ONE
        l0 = (peak - yy * dy0 * dy0) - (xxdx + xy * dy0) * dx
        l1 = (peak - yy * dy1 * dy1) - (xxdx + xy * dy1) * dx
        l2 = (peak - yy * dy2 * dy2) - (xxdx + xy * dy2) * dx
        l3 = (peak - yy * dy * dy) - (xxdx + xy * dy) * dx
        a0, a1, a2, a3 = exp2_of_four(l0, l1, l2, l3)
        store(A, row * WIDTH, where(both(l0 >= _LOWEST, l0 <= peak), minimum(a0, HIGHEST), _ZERO))
        store(A, row * WIDTH + WIDTH, where(both(l1 >= _LOWEST, l1 <= peak), minimum(a1, HIGHEST), _ZERO))
        store(A, row * WIDTH + 2 * WIDTH, where(both(l2 >= _LOWEST, l2 <= peak), minimum(a2, HIGHEST), _ZERO))
        store(A, row * WIDTH + 3 * WIDTH, where(both(l3 >= _LOWEST, l3 <= peak), minimum(a3, HIGHEST), _ZERO))


@jitted_inline
@no_type_check
def _write_pixels(S, views, which, background, images, rim):
    """Write what a tile's planes have gathered; rim: room for WIDTH pixels of which the image has only some."""
    view, _, x0, y0 = tile_at(views, which)
    for row in range(min(views.height - y0, TILE)):
        for left in range(0, min(views.width - x0, TILE), WIDTH):
            p, pixel = row * TILE + left, (view * views.height + y0 + row) * views.width + x0 + left
            T = load(S, p)
            T = where(T > _ZERO, T, _ZERO - T)
            r = load(S, 2 * PLANE + p) + T * background[view, 0]
            g = load(S, 3 * PLANE + p) + T * background[view, 1]
            b = load(S, 4 * PLANE + p) + T * background[view, 2]
            alpha = _ONE - T
            depth = load(S, 5 * PLANE + p) / maximum(alpha, float32(1e-10))
            nx, ny, nz = spread(_ZERO), spread(_ZERO), spread(_ZERO)
            if views.normals:
                nx, ny, nz = load(S, 6 * PLANE + p), load(S, 7 * PLANE + p), load(S, 8 * PLANE + p)
            if x0 + left + WIDTH <= views.width:
                store3(images.rgb, 3 * pixel, r, g, b)
                store(images.alpha, pixel, alpha)
                store(images.depth, pixel, depth)
                if views.normals:
                    store3(images.normals, 3 * pixel, nx, ny, nz)
                continue
            store3(rim, 0, r, g, b)
            store(rim, 3 * WIDTH, alpha)
            store(rim, 4 * WIDTH, depth)
            store3(rim, 5 * WIDTH, nx, ny, nz)
            for i in range(views.width - x0 - left):
                v, u = y0 + row, x0 + left + i
                images.alpha[view, v, u], images.depth[view, v, u] = rim[3 * WIDTH + i], rim[4 * WIDTH + i]
                for c in range(3):
                    images.rgb[view, v, u, c] = rim[3 * i + c]
                    if views.normals:
                        images.normals[view, v, u, c] = rim[5 * WIDTH + 3 * i + c]


@no_type_check
def _blend_forward(share, shares, views, features, pairs, background, images):
    """Composite the tiles pairs.order[share::shares] front to back and write their pixels."""
    channels = 7 if views.normals else 4
    # Planes: transmittance (negative once finished), the Gaussian that ended the pixel, then the channels.
    S, A = scratch(2 + channels), scratch(1)  # A: alphas of the Gaussian that is being drawn
    for k in range(share, pairs.order.shape[0], shares):
        view, tile, x0, y0 = tile_at(views, pairs.order[k])
        columns, rows = min(views.width - x0, TILE), min(views.height - y0, TILE)
        for at in range(0, TILE * TILE, WIDTH):
            # Pixels outside the image start finished.
            left = float32(columns - at % TILE if at // TILE < rows else 0)
            inside = ramp() < left
            store(S, at, where(inside, _ONE, -_ONE))
            store(S, PLANE + at, where(inside, _NEVER, -_ONE))
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
            r, g, b, z = features[item, 6], features[item, 7], features[item, 8], features[item, 9]
            top, bottom = pairs.rows[pair] // 16, pairs.rows[pair] % 16
            for left in range(pairs.columns[pair] // 16 // WIDTH * WIDTH, pairs.columns[pair] % 16 + 1, WIDTH):
                write_alphas(features, item, x0, y0, left, top, bottom, A)
                for row in range(top, bottom + 1):
                    at = row * TILE + left
                    T = load(S, at)
                    w = load(A, (row - top) * WIDTH) * T
                    rest = T - w
                    live = rest > _T_MIN
                    w = where(live, w, _ZERO)
                    ended = but_not(T > _ZERO, live)
                    store(S, at, T - w)
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
        _write_pixels(S, views, pairs.order[k], background, images, A)
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
