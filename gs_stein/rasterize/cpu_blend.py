"""Numba kernels, second half: which Gaussian touches which tile, and blending the tiles forward and backward.

The image is cut into tiles of 16×16 pixels; one tile row is one `Lanes` value. Every view keeps one list of pairs
(tile, Gaussian), grouped by tile and in depth order inside it, each with the range of rows that the Gaussian's
ellipse can reach in that tile, so that little is computed that would be thrown away.

Each kernel handles one of several shares of independent pieces (views, tiles, Gaussians); `team` spreads the shares
over the threads. No piece depends on another, and every sum runs in one fixed order: the bits do not depend on the
number of shares.

Shared layouts (float32 unless said otherwise), M seen (view, Gaussian) combinations, P pairs:

* features (M, 13): x, y, conic xx, xy, yy, ln opacity, r, g, b, depth, normal x, y, z
* extents (M, 2): half width and half height of the ellipse outside which alpha < 1/255, pixels
* pair_items (P,) int32: row of features;  pair_rows (P,) uint8: first row · 16 + last row
* tile_ranges (V, tiles, 2) int64: first pair, one past the last
* planes (V · tiles, 512): final transmittance of the 256 pixels, then the number (in the tile) of the Gaussian
  that would have taken each to the limit, and so ended it; _NEVER if none did
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import float32, njit

from gs_stein.rasterize.options import ALPHA_MAX, ALPHA_MIN, T_MIN
from gs_stein.rasterize.simd import (
    any_lane,
    both,
    but_not,
    exp2_nonpositive,
    load,
    minimum,
    ramp,
    spread,
    store,
    total,
    where,
)
from gs_stein.rasterize.team import sharing

TILE = 16
FEATURES = 13
PAIR_GRADIENTS = 16
"""Per pair: Σg, Σg·dx, Σg·dy, Σg·dx², Σg·dx·dy, Σg·dy² with g = ∂loss/∂σ, then the features from r on (one cache
line, so that two threads never write to the same one)."""
_PLANE = 272
"""Distance between scratch planes of 256 floats: the extra line keeps their rows off the same cache sets."""
_LOG2E = np.float32(1.0 / math.log(2.0))
_LN_LOWEST = np.float32(math.log(ALPHA_MIN))
_LOWEST = np.float32(math.log2(ALPHA_MIN))
_HIGHEST = np.float32(math.log2(ALPHA_MAX))
_ALPHA_MAX = np.float32(ALPHA_MAX)
_T_MIN = np.float32(T_MIN)
_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)
_NEVER = np.float32(2.0**30)
_CHECK_EVERY = 8
"""Gaussians between two looks at whether a tile is finished."""


@no_type_check
def _sort_and_bin(
    share, shares, view_starts, features, extents, tiles_x, tiles_y, pair_starts, tile_ranges, pair_items, pair_rows,
    item_ranges, pair_slots,
):  # fmt: skip
    """Per view: sort the seen Gaussians by depth, list the tiles that each touches, and group the pairs by tile.

    item_ranges (M, 2) and pair_slots (P,) lead the way back: gradients of pair p belong into row pair_slots[p], and
    the rows of item m are item_ranges[m, 0] : item_ranges[m, 1].
    """
    views = view_starts.shape[0] - 1
    for view in range(share, views, shares):
        start = view_starts[view]
        count = view_starts[view + 1] - start
        base = pair_starts[view]
        order = _by_depth(features, start, count)
        capacity = pair_starts[view + 1] - base
        tile_of = np.empty(capacity, np.int32)
        item_of = np.empty(capacity, np.int32)
        rows_of = np.empty(capacity, np.uint8)
        histogram = np.zeros(tiles_x * tiles_y + 1, np.int64)
        pairs = 0
        for rank in range(count):
            item = start + order[rank]
            item_ranges[item, 0] = base + pairs
            x, y = features[item, 0], features[item, 1]
            hx, hy = extents[item, 0], extents[item, 1]
            slope = -features[item, 3] / features[item, 4]
            peak = -features[item, 3] / features[item, 2] * hy
            # The ellipse's half height above its own centre line, which shrinks towards its left and right ends.
            middle = math.sqrt(float32(2.0) * max(features[item, 5] - _LN_LOWEST, _ZERO) / features[item, 4])
            first = max(math.floor((x - hx) / TILE), 0)
            last = min(math.floor((x + hx) / TILE), tiles_x - 1)
            for column in range(first, last + 1):
                left = max(column * TILE + _HALF - x, -hx)
                right = min(column * TILE + TILE - _HALF - x, hx)
                if left > right:
                    continue
                at = min(max(peak, left), right)
                inside = max(_ONE - (at / hx) * (at / hx), _ZERO)
                high = hy if at == peak else slope * at + middle * math.sqrt(inside)
                at = min(max(-peak, left), right)
                inside = max(_ONE - (at / hx) * (at / hx), _ZERO)
                low = -hy if at == -peak else slope * at - middle * math.sqrt(inside)
                # First and last pixel rows whose centres lie between, with a little room for rounding.
                slack = float32(0.02) + float32(1e-3) * hy
                top = max(math.ceil(y + low - _HALF - slack), 0)
                bottom = min(math.floor(y + high - _HALF + slack), tiles_y * TILE - 1)
                if top > bottom:
                    continue
                for row in range(top // TILE, bottom // TILE + 1):
                    tile = row * tiles_x + column
                    r0 = max(top - row * TILE, 0)
                    r1 = min(bottom - row * TILE, TILE - 1)
                    tile_of[pairs] = tile
                    item_of[pairs] = item
                    rows_of[pairs] = r0 * 16 + r1
                    histogram[tile + 1] += 1
                    pairs += 1
            item_ranges[item, 1] = base + pairs
        for tile in range(tiles_x * tiles_y):
            histogram[tile + 1] += histogram[tile]
            tile_ranges[view, tile, 0] = base + histogram[tile]
            tile_ranges[view, tile, 1] = base + histogram[tile + 1]
        for pair in range(pairs):
            place = base + histogram[tile_of[pair]]
            histogram[tile_of[pair]] += 1
            pair_items[place] = item_of[pair]
            pair_rows[place] = rows_of[pair]
            pair_slots[place] = base + pair


_share_sort_and_bin = sharing(_sort_and_bin)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
@no_type_check
def sort_and_bin(parallel, threads, *arguments):
    return _share_sort_and_bin(parallel, threads, arguments)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
@no_type_check
def _by_depth(features, start, count):
    """Stable order of rows start … start + count by column 9, which is positive: its bits sort like integers."""
    depths = np.empty(count, np.float32)
    for i in range(count):
        depths[i] = features[start + i, 9]
    keys = depths.view(np.uint32)
    order = np.arange(count).astype(np.int32)
    other_keys, other_order = np.empty_like(keys), np.empty_like(order)
    for shift in (0, 11, 22):
        places = np.zeros(2049, np.int64)
        for i in range(count):
            places[((keys[i] >> np.uint32(shift)) & np.uint32(2047)) + 1] += 1
        for digit in range(2048):
            places[digit + 1] += places[digit]
        for i in range(count):
            digit = (keys[i] >> np.uint32(shift)) & np.uint32(2047)
            other_keys[places[digit]] = keys[i]
            other_order[places[digit]] = order[i]
            places[digit] += 1
        keys, other_keys = other_keys, keys
        order, other_order = other_order, order
    return order


@njit(nogil=True, cache=True)
@no_type_check
def _scratch(planes):
    """Scratch memory that starts on a cache line, so that no row of a plane straddles two."""
    memory = np.empty(planes * _PLANE + 16, np.float32)
    skip = (64 - memory.ctypes.data % 64) % 64 // 4
    return memory[skip : skip + planes * _PLANE]


@no_type_check
def _blend_forward(
    share, shares, order, tiles_x, tiles_y, width, height, with_normals, features, tile_ranges, pair_items,
    pair_rows, background, rgb, depth, alpha, normals, planes,
):  # fmt: skip
    """Composite the tiles order[share::shares] front to back and write their pixels."""
    tiles = tiles_x * tiles_y
    channels = 7 if with_normals else 4
    # Planes: transmittance (negative once finished), the Gaussian that ended the pixel, then the channels.
    S = _scratch(2 + channels)
    for k in range(share, order.shape[0], shares):
        view, tile = order[k] // tiles, order[k] % tiles
        x0, y0 = (tile % tiles_x) * TILE, (tile // tiles_x) * TILE
        columns, rows = min(width - x0, TILE), min(height - y0, TILE)
        for row in range(TILE):
            # Pixels outside the image start finished.
            here = where(ramp() < float32(columns if row < rows else 0), _ONE, -_ONE)
            store(S, row * TILE, here)
            store(S, _PLANE + row * TILE, _NEVER)
            for c in range(channels):
                store(S, (2 + c) * _PLANE + row * TILE, _ZERO)
        first, last = tile_ranges[view, tile, 0], tile_ranges[view, tile, 1]
        for pair in range(first, last):
            if (pair - first) % _CHECK_EVERY == 0 and pair > first:
                alive = load(S, 0)
                for row in range(1, TILE):
                    other = load(S, row * TILE)
                    alive = where(other > alive, other, alive)
                if not any_lane(alive > _ZERO):
                    break
            item = pair_items[pair]
            number = spread(float32(pair - first))
            dx = ramp() - (features[item, 0] - float32(x0))
            y = features[item, 1] - float32(y0)
            xx = features[item, 2] * (_HALF * _LOG2E)
            xy = features[item, 3] * _LOG2E
            yy = features[item, 4] * (_HALF * _LOG2E)
            peak = features[item, 5] * _LOG2E
            r, g, b, z = features[item, 6], features[item, 7], features[item, 8], features[item, 9]
            xxdx = xx * dx
            dy = spread(float32(pair_rows[pair] // 16) - _HALF - y)
            for row in range(pair_rows[pair] // 16, pair_rows[pair] % 16 + 1):
                at = row * TILE
                dy = dy + _ONE
                log2_alpha = (peak - yy * dy * dy) - (xxdx + xy * dy) * dx
                a = minimum(exp2_nonpositive(log2_alpha), _ALPHA_MAX)
                drawn = both(log2_alpha >= _LOWEST, log2_alpha <= peak)
                T = load(S, at)
                w = a * T
                live = both(drawn, T - w > _T_MIN)
                w = where(live, w, _ZERO)
                store(S, at, T - w)
                ended = but_not(both(drawn, T > _ZERO), live)
                if any_lane(ended):
                    store(S, at, where(ended, _ZERO - T, T - w))
                    store(S, _PLANE + at, where(ended, number, load(S, _PLANE + at)))
                store(S, 2 * _PLANE + at, load(S, 2 * _PLANE + at) + w * r)
                store(S, 3 * _PLANE + at, load(S, 3 * _PLANE + at) + w * g)
                store(S, 4 * _PLANE + at, load(S, 4 * _PLANE + at) + w * b)
                store(S, 5 * _PLANE + at, load(S, 5 * _PLANE + at) + w * z)
                if with_normals:
                    store(S, 6 * _PLANE + at, load(S, 6 * _PLANE + at) + w * features[item, 10])
                    store(S, 7 * _PLANE + at, load(S, 7 * _PLANE + at) + w * features[item, 11])
                    store(S, 8 * _PLANE + at, load(S, 8 * _PLANE + at) + w * features[item, 12])
        for row in range(rows):
            for column in range(columns):
                p = row * TILE + column
                T = abs(S[p])
                v, u = y0 + row, x0 + column
                for c in range(3):
                    rgb[view, v, u, c] = S[(2 + c) * _PLANE + p] + T * background[view, c]
                alpha[view, v, u] = _ONE - T
                depth[view, v, u] = S[5 * _PLANE + p] / max(_ONE - T, float32(1e-10))
                if with_normals:
                    for c in range(3):
                        normals[view, v, u, c] = S[(6 + c) * _PLANE + p]
        for row in range(TILE):
            T = load(S, row * TILE)
            store(planes[order[k]], row * TILE, where(T > _ZERO, T, _ZERO - T))
            store(planes[order[k]], 256 + row * TILE, load(S, _PLANE + row * TILE))


_share_blend_forward = sharing(_blend_forward)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
@no_type_check
def blend_forward(parallel, threads, *arguments):
    return _share_blend_forward(parallel, threads, arguments)


@no_type_check
def _blend_backward(
    share, shares, order, tiles_x, tiles_y, width, height, with_normals, features, tile_ranges, pair_items,
    pair_rows, pair_slots, background, depth, planes, v_rgb, v_depth, v_alpha, v_normals, pair_gradients, v_background,
):  # fmt: skip
    """Gradients of the tiles order[share::shares], back to front, one row of pair_gradients a pair.

    With v the incoming gradient of the sums, dᵢ = featuresᵢ·v and bᵢ the same of all that lies behind i, as if it
    were looked at without i: ∂loss/∂αᵢ = Tᵢ (dᵢ - bᵢ), and bᵢ₋₁ = bᵢ + αᵢ (dᵢ - bᵢ).
    """
    tiles = tiles_x * tiles_y
    channels = 7 if with_normals else 4
    # Planes: transmittance, b, the Gaussian that ended the pixel, then the incoming gradients of the channels.
    S = _scratch(3 + channels)
    for k in range(share, order.shape[0], shares):
        view, tile = order[k] // tiles, order[k] % tiles
        x0, y0 = (tile % tiles_x) * TILE, (tile // tiles_x) * TILE
        columns, rows = min(width - x0, TILE), min(height - y0, TILE)
        first, last = tile_ranges[view, tile, 0], tile_ranges[view, tile, 1]
        final = planes[order[k]]
        for p in range(256):
            S[p], S[2 * _PLANE + p], S[_PLANE + p] = final[p], -_ONE, _ZERO
            for c in range(channels):
                S[(3 + c) * _PLANE + p] = _ZERO
        furthest = -_ONE
        for c in range(3):
            v_background[view, tile, c] = _ZERO
        for row in range(rows):
            for column in range(columns):
                p = row * TILE + column
                v, u = y0 + row, x0 + column
                T = S[p]
                covered = max(_ONE - T, float32(1e-10))
                v_covered = v_alpha[view, v, u]
                if T < _ONE:
                    v_covered -= v_depth[view, v, u] * depth[view, v, u] / covered
                behind = -v_covered
                for c in range(3):
                    incoming = v_rgb[view, v, u, c]
                    S[(3 + c) * _PLANE + p] = incoming
                    behind += incoming * background[view, c]
                    v_background[view, tile, c] += T * incoming
                S[_PLANE + p] = behind
                S[6 * _PLANE + p] = v_depth[view, v, u] / covered
                if with_normals:
                    for c in range(3):
                        S[(7 + c) * _PLANE + p] = v_normals[view, v, u, c]
                S[2 * _PLANE + p] = final[256 + p]
                furthest = max(furthest, final[256 + p])
        end = min(first + int(furthest), last)
        for pair in range(end, last):
            for c in range(PAIR_GRADIENTS):
                pair_gradients[pair_slots[pair], c] = _ZERO
        for pair in range(end - 1, first - 1, -1):
            item = pair_items[pair]
            number = float32(pair - first)
            dx = ramp() - (features[item, 0] - float32(x0))
            y = features[item, 1] - float32(y0)
            xx = features[item, 2] * (_HALF * _LOG2E)
            xy = features[item, 3] * _LOG2E
            yy = features[item, 4] * (_HALF * _LOG2E)
            peak = features[item, 5] * _LOG2E
            r, g, b, z = features[item, 6], features[item, 7], features[item, 8], features[item, 9]
            nx, ny, nz = features[item, 10], features[item, 11], features[item, 12]
            xxdx = xx * dx
            p0, py, pyy = spread(_ZERO), spread(_ZERO), spread(_ZERO)
            sum_r, sum_g, sum_b, sum_z = spread(_ZERO), spread(_ZERO), spread(_ZERO), spread(_ZERO)
            sum_nx, sum_ny, sum_nz = spread(_ZERO), spread(_ZERO), spread(_ZERO)
            dy = spread(float32(pair_rows[pair] // 16) - _HALF - y)
            for row in range(pair_rows[pair] // 16, pair_rows[pair] % 16 + 1):
                at = row * TILE
                dy = dy + _ONE
                log2_alpha = (peak - yy * dy * dy) - (xxdx + xy * dy) * dx
                drawn = both(log2_alpha >= _LOWEST, log2_alpha <= peak)
                drawn = both(drawn, load(S, 2 * _PLANE + at) > number)
                a = where(drawn, minimum(exp2_nonpositive(log2_alpha), _ALPHA_MAX), _ZERO)
                T = load(S, at) / (_ONE - a)
                store(S, at, T)
                w = a * T
                v_r, v_g = load(S, 3 * _PLANE + at), load(S, 4 * _PLANE + at)
                v_b, v_z = load(S, 5 * _PLANE + at), load(S, 6 * _PLANE + at)
                difference = v_r * r + v_g * g + v_b * b + v_z * z
                sum_r, sum_g, sum_b, sum_z = sum_r + w * v_r, sum_g + w * v_g, sum_b + w * v_b, sum_z + w * v_z
                if with_normals:
                    v_x, v_y, v_w = load(S, 7 * _PLANE + at), load(S, 8 * _PLANE + at), load(S, 9 * _PLANE + at)
                    difference = difference + (v_x * nx + v_y * ny + v_w * nz)
                    sum_nx, sum_ny, sum_nz = sum_nx + w * v_x, sum_ny + w * v_y, sum_nz + w * v_w
                behind = load(S, _PLANE + at)
                difference = difference - behind
                store(S, _PLANE + at, behind + a * difference)
                # -∂loss/∂σ = α ∂loss/∂α, and nothing where alpha was cut off.
                pull = where(log2_alpha <= _HIGHEST, w * difference, _ZERO)
                p0 = p0 + pull
                pull = pull * dy
                py = py + pull
                pyy = pyy + pull * dy
            out = pair_gradients[pair_slots[pair]]
            px = p0 * dx
            out[0], out[1], out[2] = -total(p0), -total(px), -total(py)
            out[3], out[4], out[5] = -total(px * dx), -total(py * dx), -total(pyy)
            out[6], out[7], out[8], out[9] = total(sum_r), total(sum_g), total(sum_b), total(sum_z)
            if with_normals:
                out[10], out[11], out[12] = total(sum_nx), total(sum_ny), total(sum_nz)


_share_blend_backward = sharing(_blend_backward)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
@no_type_check
def blend_backward(parallel, threads, *arguments):
    return _share_blend_backward(parallel, threads, arguments)


@no_type_check
def _gather_gradients(
    share, shares, with_normals, features, item_ranges, pair_gradients, item_views, item_ids, v_features, v_means2d,
):  # fmt: skip
    """Sum the pairs of each seen Gaussian, in the order in which its tiles were listed."""
    count = features.shape[0]
    columns = 13 if with_normals else 10
    sums = np.zeros(PAIR_GRADIENTS, np.float32)
    for item in range(count * share // shares, count * (share + 1) // shares):
        for c in range(columns):
            sums[c] = _ZERO
        for k in range(item_ranges[item, 0], item_ranges[item, 1]):
            for c in range(columns):
                sums[c] += pair_gradients[k, c]
        xx, xy, yy = features[item, 2], features[item, 3], features[item, 4]
        view, gaussian = item_views[item], item_ids[item]
        v_means2d[view, gaussian, 0] = -(xx * sums[1] + xy * sums[2])
        v_means2d[view, gaussian, 1] = -(xy * sums[1] + yy * sums[2])
        v_features[item, 0] = v_features[item, 1] = _ZERO
        v_features[item, 2] = _HALF * sums[3]
        v_features[item, 3] = sums[4]
        v_features[item, 4] = _HALF * sums[5]
        v_features[item, 5] = -sums[0]
        for c in range(6, FEATURES):
            v_features[item, c] = sums[c]


_share_gather_gradients = sharing(_gather_gradients)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
@no_type_check
def gather_gradients(parallel, threads, *arguments):
    return _share_gather_gradients(parallel, threads, arguments)
