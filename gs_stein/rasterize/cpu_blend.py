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
from numba import float32, int64

from gs_stein.rasterize.cpu_layouts import TILE, aligned, jitted, jitted_inline
from gs_stein.rasterize.options import ALPHA_MAX, ALPHA_MIN, T_MIN
from gs_stein.rasterize.simd import (
    WIDTH,
    any_lane,
    both,
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
from gs_stein.rasterize.simd_math import exp2_of_four
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
_PARTS = TILE // WIDTH
"""Values in a row of a tile."""
BATCH = 32
"""Gaussians of a tile that are composited together."""
AHEAD = 4
"""Pairs that the memory is asked for beforehand: Gaussians of a tile lie far apart."""


@jitted_inline
@no_type_check
def tile_at(views, which):
    """View, number, and left and top pixel of a tile of all views."""
    tiles = views.tiles_x * views.tiles_y
    view, tile = which // tiles, which % tiles
    return view, tile, (tile % views.tiles_x) * TILE, (tile // views.tiles_x) * TILE


@jitted_inline
@no_type_check
def lanes_of(features, item, x0, y0, left, top):
    """What a Gaussian's log₂ α is made of at WIDTH columns from `left` on, and dy of the row above `top`.

    With dy from the centre down it is (yy · dy + slope) · dy + level, and nowhere more than peak.
    """
    dx = (ramp() + float32(left)) - (features[item, 0] - float32(x0))
    xx = features[item, 2] * (-_HALF * LOG2E)
    xy = features[item, 3] * -LOG2E
    yy = features[item, 4] * (-_HALF * LOG2E)
    peak = features[item, 5] * LOG2E
    above = float32(top) - _HALF - (features[item, 1] - float32(y0))
    slope, level = xy * dx, xx * dx * dx + peak
    return (spread(yy), slope, level, spread(peak)), spread(above)


@jitted_inline
@no_type_check
def alphas_of_four(lanes, dy):
    """Alphas in the four rows below dy, 0 where nothing is drawn, and dy of the last one.

    Apart from what composites them, which waits for the Gaussians in front; and four at a time, whose steps alternate:
    a processor looks ahead over no more than two or three rows, and one after the other each waits for itself.
    """
    yy, slope, level, peak = lanes
    dy0 = dy + _ONE
    dy1 = dy0 + _ONE
    dy2 = dy1 + _ONE
    dy3 = dy2 + _ONE
    l0 = (yy * dy0 + slope) * dy0 + level
    l1 = (yy * dy1 + slope) * dy1 + level
    l2 = (yy * dy2 + slope) * dy2 + level
    l3 = (yy * dy3 + slope) * dy3 + level
    a0, a1, a2, a3 = exp2_of_four(l0, l1, l2, l3)
    a0 = where(both(l0 >= _LOWEST, l0 <= peak), minimum(a0, HIGHEST), _ZERO)
    a1 = where(both(l1 >= _LOWEST, l1 <= peak), minimum(a1, HIGHEST), _ZERO)
    a2 = where(both(l2 >= _LOWEST, l2 <= peak), minimum(a2, HIGHEST), _ZERO)
    a3 = where(both(l3 >= _LOWEST, l3 <= peak), minimum(a3, HIGHEST), _ZERO)
    return (a0, a1, a2, a3), dy3


@jitted_inline
@no_type_check
def _append(lists, unit, slot, alpha, counted):
    """Append to a unit's list; what does not count is written over by what comes next."""
    A, slots, counts = lists
    place = unit * BATCH + counts[unit]
    store(A, place * WIDTH, alpha)
    slots[place] = slot
    counts[unit] += 1 if counted else 0


@jitted_inline
@no_type_check
def _list_alphas(features, pairs, pair, slot, x0, y0, lists):
    """Append a pair's alphas to the lists of the rows, or halves of rows, that it touches."""
    item = pairs.items[pair]
    top, bottom = int64(pairs.rows[pair]) // 16, int64(pairs.rows[pair]) % 16
    for left in range(int64(pairs.columns[pair]) // 16 // WIDTH * WIDTH, int64(pairs.columns[pair]) % 16 + 1, WIDTH):
        lanes, dy = lanes_of(features, item, x0, y0, left, top)
        for row in range(top, bottom + 1, 4):
            (a0, a1, a2, a3), dy = alphas_of_four(lanes, dy)
            unit = row * _PARTS + left // WIDTH
            _append(lists, unit, slot, a0, row <= bottom)
            _append(lists, unit + _PARTS, slot, a1, row + 1 <= bottom)
            _append(lists, unit + 2 * _PARTS, slot, a2, row + 2 <= bottom)
            _append(lists, unit + 3 * _PARTS, slot, a3, row + 3 <= bottom)


@jitted_inline
@no_type_check
def _blend_unit(S, at, count, place, lists, colours, normals):
    """Composite a batch's Gaussians that touch WIDTH pixels; returns their transmittance.

    What a pixel has is in registers all the while; where T has come to the limit nothing counts any more.
    """
    A, slots, _ = lists
    T, kept, number = load(S, at), load(S, PLANE + at), load(S, 2 * PLANE + at)
    r, g, b, z = load(S, 3 * PLANE + at), load(S, 4 * PLANE + at), load(S, 5 * PLANE + at), load(S, 6 * PLANE + at)
    for k in range(place, place + count):
        c = colours[slots[k]]
        w = load(A, k * WIDTH) * T
        T = T - w
        live = T > _T_MIN
        w = where(live, w, _ZERO)
        kept = where(live, T, kept)
        number = where(live, c[0], number)
        r, g, b, z = r + w * c[1], g + w * c[2], b + w * c[3], z + w * c[4]
        if normals:
            store(S, 7 * PLANE + at, load(S, 7 * PLANE + at) + w * c[5])
            store(S, 8 * PLANE + at, load(S, 8 * PLANE + at) + w * c[6])
            store(S, 9 * PLANE + at, load(S, 9 * PLANE + at) + w * c[7])
    store(S, at, T)
    store(S, PLANE + at, kept)
    store(S, 2 * PLANE + at, number)
    store(S, 3 * PLANE + at, r)
    store(S, 4 * PLANE + at, g)
    store(S, 5 * PLANE + at, b)
    store(S, 6 * PLANE + at, z)
    return T


@jitted_inline
@no_type_check
def _write_pixels(S, views, which, background, images, rim):
    """Write what a tile's planes have gathered; rim: room for WIDTH pixels of which the image has only some."""
    view, _, x0, y0 = tile_at(views, which)
    for row in range(min(views.height - y0, TILE)):
        for left in range(0, min(views.width - x0, TILE), WIDTH):
            p, pixel = row * TILE + left, (view * views.height + y0 + row) * views.width + x0 + left
            T = load(S, PLANE + p)
            r = load(S, 3 * PLANE + p) + T * background[view, 0]
            g = load(S, 4 * PLANE + p) + T * background[view, 1]
            b = load(S, 5 * PLANE + p) + T * background[view, 2]
            alpha = _ONE - T
            depth = load(S, 6 * PLANE + p) / maximum(alpha, float32(1e-10))
            nx, ny, nz = spread(_ZERO), spread(_ZERO), spread(_ZERO)
            if views.normals:
                nx, ny, nz = load(S, 7 * PLANE + p), load(S, 8 * PLANE + p), load(S, 9 * PLANE + p)
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
    """Composite the tiles pairs.order[share::shares] front to back and write their pixels.

    A batch of Gaussians at a time: first all their alphas, listed row by row, then row after row is composited.
    """
    # Planes: transmittance; what it was when the pixel was finished; one more than the number of the last Gaussian that
    # counted; then the channels.
    S = aligned((10 if views.normals else 7) * PLANE)
    A = aligned((TILE + 3) * TILE * BATCH)
    slots, counts = np.empty((TILE + 3) * _PARTS * BATCH, np.int64), np.empty((TILE + 3) * _PARTS, np.int64)
    colours, lists = np.empty((BATCH, 8), np.float32), (A, slots, counts)
    for k in range(share, pairs.order.shape[0], shares):
        view, tile, x0, y0 = tile_at(views, pairs.order[k])
        columns, rows = min(views.width - x0, TILE), min(views.height - y0, TILE)
        for at in range(0, TILE * TILE, WIDTH):
            # Pixels outside the image start finished.
            left = float32(columns - at % TILE if at // TILE < rows else 0)
            store(S, at, where(ramp() < left, _ONE, _ZERO))
            store(S, PLANE + at, _ONE)
            for c in range(2, 10 if views.normals else 7):
                store(S, c * PLANE + at, _ZERO)
        first, last = pairs.tile_ranges[view, tile, 0], pairs.tile_ranges[view, tile, 1]
        for start in range(first, last, BATCH):
            for unit in range((TILE + 3) * _PARTS):
                counts[unit] = 0
            for slot in range(min(last - start, BATCH)):
                pair = start + slot
                if pair + AHEAD < last:
                    prefetch(features, pairs.items[pair + AHEAD])
                item = pairs.items[pair]
                colours[slot, 0] = float32(pair - first + 1)
                for c in range(7):
                    colours[slot, 1 + c] = features[item, 6 + c]
                _list_alphas(features, pairs, pair, slot, x0, y0, lists)
            alive = spread(_ZERO)
            for unit in range(TILE * _PARTS):
                T = load(S, unit * WIDTH)
                if counts[unit] and any_lane(T > _T_MIN):
                    T = _blend_unit(S, unit * WIDTH, counts[unit], unit * BATCH, lists, colours, views.normals)
                alive = maximum(alive, T)
            if not any_lane(alive > _T_MIN):
                break
        _write_pixels(S, views, pairs.order[k], background, images, A)
        plane = images.planes[pairs.order[k]]
        for at in range(0, TILE * TILE, WIDTH):
            store(plane, at, load(S, PLANE + at))
            store(plane, 256 + at, load(S, 2 * PLANE + at))


_share_blend_forward = sharing(_blend_forward)


@jitted
@no_type_check
def blend_forward(parallel, threads, *arguments):
    return _share_blend_forward(parallel, threads, arguments)
