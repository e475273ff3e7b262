"""Numba kernels: gradients of the tiles, back to front, and their sums (see `cpu_blend.py`)."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import float32

from gs_stein.rasterize.cpu_blend import AHEAD, LOG2E, LOWEST, PLANE, scratch, tile_at
from gs_stein.rasterize.cpu_layouts import FEATURES, PAIR_GRADIENTS, TILE, jitted, jitted_inline
from gs_stein.rasterize.options import ALPHA_MAX
from gs_stein.rasterize.simd import (
    WIDTH,
    both,
    exp2_nonpositive,
    load,
    minimum,
    prefetch,
    ramp,
    spread,
    store,
    total,
    where,
)
from gs_stein.rasterize.team import sharing

_HIGHEST = np.float32(math.log2(ALPHA_MAX))
_ALPHA_MAX = np.float32(ALPHA_MAX)
_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)


@jitted_inline
@no_type_check
def _enter_tile(S, views, which, kept, v_images, v_background):
    """Fill the planes of a tile: transmittance, b, the Gaussian that ended the pixel, then gradients of the channels.

    Writes the gradient of the background; returns the largest number of a Gaussian that ended a pixel.
    """
    channels = 7 if views.normals else 4
    view, tile, x0, y0 = tile_at(views, which)
    final = kept.planes[which]
    for p in range(256):
        S[p], S[2 * PLANE + p], S[PLANE + p] = final[p], -_ONE, _ZERO
        for c in range(channels):
            S[(3 + c) * PLANE + p] = _ZERO
    furthest = -_ONE
    for c in range(3):
        v_background[view, tile, c] = _ZERO
    for row in range(min(views.height - y0, TILE)):
        for column in range(min(views.width - x0, TILE)):
            p = row * TILE + column
            v, u = y0 + row, x0 + column
            T = S[p]
            covered = max(_ONE - T, float32(1e-10))
            v_covered = v_images.alpha[view, v, u]
            if T < _ONE:
                v_covered -= v_images.depth[view, v, u] * kept.depth[view, v, u] / covered
            behind = -v_covered
            for c in range(3):
                incoming = v_images.rgb[view, v, u, c]
                S[(3 + c) * PLANE + p] = incoming
                behind += incoming * kept.background[view, c]
                v_background[view, tile, c] += T * incoming
            S[PLANE + p] = behind
            S[6 * PLANE + p] = v_images.depth[view, v, u] / covered
            if views.normals:
                for c in range(3):
                    S[(7 + c) * PLANE + p] = v_images.normals[view, v, u, c]
            S[2 * PLANE + p] = final[256 + p]
            furthest = max(furthest, final[256 + p])
    return furthest


@jitted_inline
@no_type_check
def _add(S, at, value):
    """Add to what is stored."""
    store(S, at, load(S, at) + value)


@jitted_inline
@no_type_check
def _add_moments(S, at, dx, p0, py, pyy):
    """Add Σg, Σg·dx, Σg·dy, Σg·dx², Σg·dx·dy and Σg·dy² of columns at dx."""
    px = p0 * dx
    _add(S, at, p0)
    _add(S, at + WIDTH, px)
    _add(S, at + 2 * WIDTH, py)
    _add(S, at + 3 * WIDTH, px * dx)
    _add(S, at + 4 * WIDTH, py * dx)
    _add(S, at + 5 * WIDTH, pyy)


@no_type_check
def _blend_backward(share, shares, views, features, pairs, kept, v_images, found):
    """Gradients of the tiles pairs.order[share::shares], back to front, one row of found.pairs a pair.

    With v the incoming gradient of the sums, dᵢ = featuresᵢ·v and bᵢ the same of all that lies behind i, as if it
    were looked at without i: ∂loss/∂αᵢ = Tᵢ (dᵢ - bᵢ), and bᵢ₋₁ = bᵢ + αᵢ (dᵢ - bᵢ).
    """
    channels = 7 if views.normals else 4
    sums = (3 + channels) * PLANE  # where the sums of a pair's halves meet
    S = scratch(4 + channels)
    for k in range(share, pairs.order.shape[0], shares):
        view, tile, x0, y0 = tile_at(views, pairs.order[k])
        first, last = pairs.tile_ranges[view, tile, 0], pairs.tile_ranges[view, tile, 1]
        furthest = _enter_tile(S, views, pairs.order[k], kept, v_images, found.background)
        end = min(first + int(furthest), last)
        for pair in range(end, last):
            for c in range(PAIR_GRADIENTS):
                found.pairs[pairs.slots[pair], c] = _ZERO
        for pair in range(end - 1, first - 1, -1):
            item = pairs.items[pair]
            if pair >= first + AHEAD:
                prefetch(features, pairs.items[pair - AHEAD])
                prefetch(found.pairs, pairs.slots[pair - AHEAD])
            y = features[item, 1] - float32(y0)
            xx = features[item, 2] * (_HALF * LOG2E)
            xy = features[item, 3] * LOG2E
            yy = features[item, 4] * (_HALF * LOG2E)
            peak = features[item, 5] * LOG2E
            r, g, b, z = features[item, 6], features[item, 7], features[item, 8], features[item, 9]
            nx, ny, nz = features[item, 10], features[item, 11], features[item, 12]
            top, bottom = pairs.rows[pair] // 16, pairs.rows[pair] % 16
            for c in range(6 + channels):
                store(S, sums + c * WIDTH, _ZERO)
            for left in range(pairs.columns[pair] // 16 // WIDTH * WIDTH, pairs.columns[pair] % 16 + 1, WIDTH):
                dx = (ramp() + float32(left)) - (features[item, 0] - float32(x0))
                xxdx = xx * dx
                p0, py, pyy = spread(_ZERO), spread(_ZERO), spread(_ZERO)
                sum_r, sum_g, sum_b, sum_z = spread(_ZERO), spread(_ZERO), spread(_ZERO), spread(_ZERO)
                sum_nx, sum_ny, sum_nz = spread(_ZERO), spread(_ZERO), spread(_ZERO)
                dy = spread(float32(top) - _HALF - y)
                for row in range(top, bottom + 1):
                    at = row * TILE + left
                    dy = dy + _ONE
                    log2_alpha = (peak - yy * dy * dy) - (xxdx + xy * dy) * dx
                    drawn = both(log2_alpha >= LOWEST, log2_alpha <= peak)
                    drawn = both(drawn, load(S, 2 * PLANE + at) > float32(pair - first))
                    a = where(drawn, minimum(exp2_nonpositive(log2_alpha), _ALPHA_MAX), _ZERO)
                    T = load(S, at) / (_ONE - a)
                    store(S, at, T)
                    w = a * T
                    v_r, v_g = load(S, 3 * PLANE + at), load(S, 4 * PLANE + at)
                    v_b, v_z = load(S, 5 * PLANE + at), load(S, 6 * PLANE + at)
                    difference = v_r * r + v_g * g + v_b * b + v_z * z
                    sum_r, sum_g, sum_b, sum_z = sum_r + w * v_r, sum_g + w * v_g, sum_b + w * v_b, sum_z + w * v_z
                    if views.normals:
                        v_x, v_y, v_w = load(S, 7 * PLANE + at), load(S, 8 * PLANE + at), load(S, 9 * PLANE + at)
                        difference = difference + (v_x * nx + v_y * ny + v_w * nz)
                        sum_nx, sum_ny, sum_nz = sum_nx + w * v_x, sum_ny + w * v_y, sum_nz + w * v_w
                    behind = load(S, PLANE + at)
                    difference = difference - behind
                    store(S, PLANE + at, behind + a * difference)
                    # -∂loss/∂σ = α ∂loss/∂α, and nothing where alpha was cut off.
                    pull = where(log2_alpha <= _HIGHEST, w * difference, _ZERO)
                    p0 = p0 + pull
                    pull = pull * dy
                    py = py + pull
                    pyy = pyy + pull * dy
                _add_moments(S, sums, dx, p0, py, pyy)
                _add(S, sums + 6 * WIDTH, sum_r)
                _add(S, sums + 7 * WIDTH, sum_g)
                _add(S, sums + 8 * WIDTH, sum_b)
                _add(S, sums + 9 * WIDTH, sum_z)
                if views.normals:
                    _add(S, sums + 10 * WIDTH, sum_nx)
                    _add(S, sums + 11 * WIDTH, sum_ny)
                    _add(S, sums + 12 * WIDTH, sum_nz)
            out = found.pairs[pairs.slots[pair]]
            for c in range(6):
                out[c] = -total(load(S, sums + c * WIDTH))
            for c in range(6, 6 + channels):
                out[c] = total(load(S, sums + c * WIDTH))


_share_blend_backward = sharing(_blend_backward)


@jitted
@no_type_check
def blend_backward(parallel, threads, *arguments):
    return _share_blend_backward(parallel, threads, arguments)


@no_type_check
def _gather_gradients(share, shares, views, features, seen, pairs, pair_gradients, found):
    """Sum the pairs of each seen Gaussian, in the order in which its tiles were listed."""
    count = features.shape[0]
    columns = 13 if views.normals else 10
    sums = np.zeros(PAIR_GRADIENTS, np.float32)
    for item in range(count * share // shares, count * (share + 1) // shares):
        for c in range(columns):
            sums[c] = _ZERO
        for k in range(pairs.item_ranges[item, 0], pairs.item_ranges[item, 1]):
            for c in range(columns):
                sums[c] += pair_gradients[k, c]
        xx, xy, yy = features[item, 2], features[item, 3], features[item, 4]
        view, gaussian = seen.views[item], seen.ids[item]
        found.means2d[view, gaussian, 0] = -(xx * sums[1] + xy * sums[2])
        found.means2d[view, gaussian, 1] = -(xy * sums[1] + yy * sums[2])
        found.features[item, 0] = found.features[item, 1] = _ZERO
        found.features[item, 2] = _HALF * sums[3]
        found.features[item, 3] = sums[4]
        found.features[item, 4] = _HALF * sums[5]
        found.features[item, 5] = -sums[0]
        for c in range(6, FEATURES):
            found.features[item, c] = sums[c]


_share_gather_gradients = sharing(_gather_gradients)


@jitted
@no_type_check
def gather_gradients(parallel, threads, *arguments):
    return _share_gather_gradients(parallel, threads, arguments)
