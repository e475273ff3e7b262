"""Numba kernels: gradients of the tiles, back to front, and their sums (see `cpu_blend.py`)."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import float32

from gs_stein.rasterize.cpu_blend import AHEAD, HIGHEST, PLANE, alphas_of_four, lanes_of, tile_at
from gs_stein.rasterize.cpu_layouts import CHUNK, FEATURES, PAIR_GRADIENTS, TILE, aligned, jitted, jitted_inline
from gs_stein.rasterize.simd import WIDTH, load, load3, maximum, prefetch, ramp, spread, store, store_totals, where
from gs_stein.rasterize.team import sharing

_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)


@jitted_inline
@no_type_check
def _incoming(views, v_images, depth, view, v, u, columns, rim):
    """Gradients of WIDTH pixels' red, green, blue, depth, alpha and normals, and their depth.

    Where the image has only the first few columns of them, the others are 0; they are laid out in rim.
    """
    if columns >= WIDTH:
        pixel = (view * views.height + v) * views.width + u
        v_r, v_g, v_b = load3(v_images.rgb, 3 * pixel)
        v_depth, v_alpha, d = load(v_images.depth, pixel), load(v_images.alpha, pixel), load(depth, pixel)
        v_x, v_y, v_z = v_r, v_g, v_b
        if views.normals:
            v_x, v_y, v_z = load3(v_images.normals, 3 * pixel)
        return (v_r, v_g, v_b, v_depth), (v_x, v_y, v_z), v_alpha, d
    for at in range(0, 9 * WIDTH, WIDTH):
        store(rim, at, _ZERO)
    for i in range(columns):
        rim[3 * WIDTH + i], rim[4 * WIDTH + i] = v_images.depth[view, v, u + i], v_images.alpha[view, v, u + i]
        rim[5 * WIDTH + i] = depth[view, v, u + i]
        for c in range(3):
            rim[3 * i + c] = v_images.rgb[view, v, u + i, c]
            if views.normals:
                rim[6 * WIDTH + 3 * i + c] = v_images.normals[view, v, u + i, c]
    v_r, v_g, v_b = load3(rim, 0)
    v_depth, v_alpha, d = load(rim, 3 * WIDTH), load(rim, 4 * WIDTH), load(rim, 5 * WIDTH)
    return (v_r, v_g, v_b, v_depth), load3(rim, 6 * WIDTH), v_alpha, d


@jitted_inline
@no_type_check
def _enter_tile(S, views, which, kept, v_images, v_background, rim):
    """Fill the planes of a tile: transmittance, b, one more than the last Gaussian that counted, then gradients of the
    channels.

    Writes the gradient of the background; returns how many Gaussians counted anywhere.
    """
    view, tile, x0, y0 = tile_at(views, which)
    final = kept.planes[which]
    furthest = spread(_ZERO)
    sum_r, sum_g, sum_b = spread(_ZERO), spread(_ZERO), spread(_ZERO)
    for p in range(0, TILE * TILE, WIDTH):
        row, left = p // TILE, p % TILE
        columns = views.width - x0 - left if y0 + row < views.height else 0
        colours, normals, v_covered, depth = _incoming(
            views, v_images, kept.depth, view, y0 + row, x0 + left, columns, rim
        )
        v_r, v_g, v_b, v_z = colours
        T = load(final, p)
        v_z = v_z / maximum(_ONE - T, float32(1e-10))
        v_covered = v_covered - where(T < _ONE, v_z * depth, _ZERO)
        r, g, b = kept.background[view, 0], kept.background[view, 1], kept.background[view, 2]
        sum_r, sum_g, sum_b = sum_r + T * v_r, sum_g + T * v_g, sum_b + T * v_b
        number = load(final, 256 + p)
        furthest = maximum(furthest, number)
        store(S, p, T)
        store(S, PLANE + p, v_r * r + v_g * g + v_b * b - v_covered)
        store(S, 2 * PLANE + p, number)
        store(S, 3 * PLANE + p, v_r)
        store(S, 4 * PLANE + p, v_g)
        store(S, 5 * PLANE + p, v_b)
        store(S, 6 * PLANE + p, v_z)
        if views.normals:
            store(S, 7 * PLANE + p, normals[0])
            store(S, 8 * PLANE + p, normals[1])
            store(S, 9 * PLANE + p, normals[2])
    store_totals(rim, 0, (sum_r, sum_g, sum_b))
    for c in range(3):
        v_background[view, tile, c] = rim[c]
    store(rim, 0, furthest)
    last = _ZERO
    for i in range(WIDTH):
        last = max(last, rim[i])
    return last


@no_type_check
def _blend_backward(share, shares, views, features, pairs, kept, v_images, found):
    """Gradients of the tiles pairs.order[share::shares], back to front, one row of found.pairs a pair.

    With v the incoming gradient of the sums, dᵢ = featuresᵢ·v and bᵢ the same of all that lies behind i, as if it
    were looked at without i: ∂loss/∂αᵢ = Tᵢ (dᵢ - bᵢ), and bᵢ₋₁ = bᵢ + αᵢ (dᵢ - bᵢ).
    """
    S, A = aligned((10 if views.normals else 7) * PLANE), aligned((TILE + 3) * TILE)
    for k in range(share, pairs.order.shape[0], shares):
        view, tile, x0, y0 = tile_at(views, pairs.order[k])
        first, last = pairs.tile_ranges[view, tile, 0], pairs.tile_ranges[view, tile, 1]
        furthest = _enter_tile(S, views, pairs.order[k], kept, v_images, found.background, A)
        end = min(first + int(furthest), last)
        for pair in range(end, last):
            for c in range(PAIR_GRADIENTS):
                found.pairs[pairs.slots[pair], c] = _ZERO
        for pair in range(end - 1, first - 1, -1):
            item = pairs.items[pair]
            if pair >= first + AHEAD:
                prefetch(features, pairs.items[pair - AHEAD])
                prefetch(found.pairs, pairs.slots[pair - AHEAD])
            r, g, b, z = features[item, 6], features[item, 7], features[item, 8], features[item, 9]
            nx, ny, nz = features[item, 10], features[item, 11], features[item, 12]
            top, bottom = pairs.rows[pair] // 16, pairs.rows[pair] % 16
            p0, px, py = spread(_ZERO), spread(_ZERO), spread(_ZERO)
            pxx, pxy, pyy = spread(_ZERO), spread(_ZERO), spread(_ZERO)
            sum_r, sum_g, sum_b, sum_z = spread(_ZERO), spread(_ZERO), spread(_ZERO), spread(_ZERO)
            sum_nx, sum_ny, sum_nz = spread(_ZERO), spread(_ZERO), spread(_ZERO)
            for left in range(pairs.columns[pair] // 16 // WIDTH * WIDTH, pairs.columns[pair] % 16 + 1, WIDTH):
                lanes, dy = lanes_of(features, item, x0, y0, left, top)
                for row in range(0, bottom + 1 - top, 4):
                    (a0, a1, a2, a3), dy = alphas_of_four(lanes, dy)
                    store(A, row * WIDTH, a0)
                    store(A, row * WIDTH + WIDTH, a1)
                    store(A, row * WIDTH + 2 * WIDTH, a2)
                    store(A, row * WIDTH + 3 * WIDTH, a3)
                dx = (ramp() + float32(left)) - (features[item, 0] - float32(x0))
                q0, qy, qyy = spread(_ZERO), spread(_ZERO), spread(_ZERO)
                dy = spread(float32(top) - _HALF - (features[item, 1] - float32(y0)))
                for row in range(top, bottom + 1):
                    at = row * TILE + left
                    dy = dy + _ONE
                    a = load(A, (row - top) * WIDTH)
                    a = where(load(S, 2 * PLANE + at) > float32(pair - first), a, _ZERO)
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
                    # ∂loss/∂ln α = α ∂loss/∂α, and nothing where alpha was cut off.
                    pull = where(a < HIGHEST, w * difference, _ZERO)
                    q0 = q0 + pull
                    pull = pull * dy
                    qy = qy + pull
                    qyy = qyy + pull * dy
                qx = q0 * dx
                p0, px, py = p0 + q0, px + qx, py + qy
                pxx, pxy, pyy = pxx + qx * dx, pxy + qy * dx, pyy + qyy
            sums = (p0, px, py, pxx, pxy, pyy, sum_r, sum_g, sum_b, sum_z, sum_nx, sum_ny, sum_nz)
            store_totals(found.pairs, pairs.slots[pair] * PAIR_GRADIENTS, sums)


_share_blend_backward = sharing(_blend_backward)


@jitted
@no_type_check
def blend_backward(parallel, threads, *arguments):
    return _share_blend_backward(parallel, threads, arguments)


@no_type_check
def _gather_gradients(share, shares, views, features, seen, slots, pair_gradients, found):
    """Sum the pairs of each seen Gaussian, in the order in which its tiles were listed; others have moved nothing."""
    columns = 13 if views.normals else 10
    sums = np.zeros(PAIR_GRADIENTS, np.float32)
    chunks = (seen.chunk_starts.shape[0] - 1) // views.viewmats.shape[0]
    for chunk in range(share, seen.chunk_starts.shape[0] - 1, shares):
        view, first = chunk // chunks, chunk % chunks * CHUNK
        for gaussian in range(first, min(first + CHUNK, found.means2d.shape[1])):
            found.means2d[view, gaussian, 0] = found.means2d[view, gaussian, 1] = _ZERO
        for item in range(seen.chunk_starts[chunk], seen.chunk_starts[chunk + 1]):
            for c in range(columns):
                sums[c] = _ZERO
            for k in range(slots[item, 0], slots[item, 1]):
                for c in range(columns):
                    sums[c] += pair_gradients[k, c]
            xx, xy, yy = features[item, 2], features[item, 3], features[item, 4]
            gaussian = seen.ids[item]
            found.means2d[view, gaussian, 0] = xx * sums[1] + xy * sums[2]
            found.means2d[view, gaussian, 1] = xy * sums[1] + yy * sums[2]
            found.features[item, 0] = found.features[item, 1] = _ZERO
            found.features[item, 2] = -_HALF * sums[3]
            found.features[item, 3] = -sums[4]
            found.features[item, 4] = -_HALF * sums[5]
            found.features[item, 5] = sums[0]
            for c in range(6, FEATURES):
                found.features[item, c] = sums[c]


_share_gather_gradients = sharing(_gather_gradients)


@jitted
@no_type_check
def gather_gradients(parallel, threads, *arguments):
    return _share_gather_gradients(parallel, threads, arguments)
