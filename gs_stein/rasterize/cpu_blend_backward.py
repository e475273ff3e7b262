"""Numba kernels: gradients of the tiles, back to front, and their sums (see `cpu_blend.py`)."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import float32

from gs_stein.rasterize.cpu_blend import LOG2E, LOWEST, PLANE, scratch, tile_at
from gs_stein.rasterize.cpu_layouts import FEATURES, PAIR_GRADIENTS, TILE, jitted, jitted_inline
from gs_stein.rasterize.options import ALPHA_MAX
from gs_stein.rasterize.simd import both, exp2_nonpositive, load, minimum, ramp, spread, store, total, where
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


@no_type_check
def _blend_backward(share, shares, views, features, pairs, kept, v_images, found):
    """Gradients of the tiles pairs.order[share::shares], back to front, one row of found.pairs a pair.

    With v the incoming gradient of the sums, dᵢ = featuresᵢ·v and bᵢ the same of all that lies behind i, as if it
    were looked at without i: ∂loss/∂αᵢ = Tᵢ (dᵢ - bᵢ), and bᵢ₋₁ = bᵢ + αᵢ (dᵢ - bᵢ).
    """
    S = scratch(10 if views.normals else 7)
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
            number = float32(pair - first)
            dx = ramp() - (features[item, 0] - float32(x0))
            y = features[item, 1] - float32(y0)
            xx = features[item, 2] * (_HALF * LOG2E)
            xy = features[item, 3] * LOG2E
            yy = features[item, 4] * (_HALF * LOG2E)
            peak = features[item, 5] * LOG2E
            r, g, b, z = features[item, 6], features[item, 7], features[item, 8], features[item, 9]
            nx, ny, nz = features[item, 10], features[item, 11], features[item, 12]
            xxdx = xx * dx
            p0, py, pyy = spread(_ZERO), spread(_ZERO), spread(_ZERO)
            sum_r, sum_g, sum_b, sum_z = spread(_ZERO), spread(_ZERO), spread(_ZERO), spread(_ZERO)
            sum_nx, sum_ny, sum_nz = spread(_ZERO), spread(_ZERO), spread(_ZERO)
            dy = spread(float32(pairs.rows[pair] // 16) - _HALF - y)
            for row in range(pairs.rows[pair] // 16, pairs.rows[pair] % 16 + 1):
                at = row * TILE
                dy = dy + _ONE
                log2_alpha = (peak - yy * dy * dy) - (xxdx + xy * dy) * dx
                drawn = both(log2_alpha >= LOWEST, log2_alpha <= peak)
                drawn = both(drawn, load(S, 2 * PLANE + at) > number)
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
            out = found.pairs[pairs.slots[pair]]
            px = p0 * dx
            out[0], out[1], out[2] = -total(p0), -total(px), -total(py)
            out[3], out[4], out[5] = -total(px * dx), -total(py * dx), -total(pyy)
            out[6], out[7], out[8], out[9] = total(sum_r), total(sum_g), total(sum_b), total(sum_z)
            if views.normals:
                out[10], out[11], out[12] = total(sum_nx), total(sum_ny), total(sum_nz)


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
