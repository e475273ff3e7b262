"""Numba kernels: from the raw parameters to what the blending reads.

A chunk of Gaussians is handled for all views together: first each view lists those that may show in it, then what no
view changes (rotation, scales, opacity) is computed once for all that are listed, then each view projects its own; in
every step one lane is one Gaussian. With M = R diag(s) and W the camera's linearised projection, the
projected covariance is U Uᵀ for the 2×3 matrix U = W M; its determinant is |u₀ × u₁|², which never cancels, however
long the Gaussian.

The formulas are those of `reference.py`; what the arrays hold is described in `cpu_layouts.py`.
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import float32

from gs_stein.rasterize.cpu_layouts import CHUNK, TILE, aligned, jitted, jitted_inline
from gs_stein.rasterize.cpu_sh import C0, write_basis
from gs_stein.rasterize.options import ALPHA_MIN, EXTENT
from gs_stein.rasterize.simd import (
    WIDTH,
    bits_of,
    both,
    load,
    load3,
    lowest_bit,
    maximum,
    minimum,
    spread,
    store,
    where,
)
from gs_stein.rasterize.simd_math import exp2, log1p, square_root
from gs_stein.rasterize.team import sharing

_LN_LOWEST = np.float32(math.log(ALPHA_MIN))
_EXTENT = np.float32(EXTENT)
LOG2E = np.float32(1.0 / math.log(2.0))
ROW = CHUNK + 16
"""Distance between planes of a chunk: the extra line keeps them off the same cache sets."""
_HALF, _ONE, _ZERO, _TWO = (np.float32(value) for value in (0.5, 1, 0, 2))


@jitted_inline
@no_type_check
def depth_of(V, mean):
    """z of a point, or of WIDTH of them, in the camera's axes."""
    return V[2, 0] * mean[0] + V[2, 1] * mean[1] + V[2, 2] * mean[2] + V[2, 3]


@jitted_inline
@no_type_check
def _enter_chunk(scene, first, count, near):
    """Write the planes by which a chunk's Gaussians are culled: x, y, z and the largest scale."""
    for at in range(0, count, WIDTH):
        if at + WIDTH <= count:
            x, y, z = load3(scene.means, 3 * (first + at))
            s0, s1, s2 = load3(scene.log_scales, 3 * (first + at))
        else:  # the last few of all
            for i in range(count - at):
                for c in range(3):
                    near[4 * ROW + 3 * i + c] = scene.means[first + at + i, c]
                    near[5 * ROW + 3 * i + c] = scene.log_scales[first + at + i, c]
            x, y, z = load3(near, 4 * ROW)
            s0, s1, s2 = load3(near, 5 * ROW)
        store(near, at, x)
        store(near, ROW + at, y)
        store(near, 2 * ROW + at, z)
        store(near, 3 * ROW + at, exp2(maximum(maximum(s0, s1), s2) * LOG2E))


@jitted_inline
@no_type_check
def centre_in(V, limits, x, y, z):
    """Where a camera sees points: x, y and 1/z in its axes, and the slopes x/z and y/z where projection is linearised,
    no farther out than the margin."""
    cx = V[0, 0] * x + V[0, 1] * y + V[0, 2] * z + V[0, 3]
    cy = V[1, 0] * x + V[1, 1] * y + V[1, 2] * z + V[1, 3]
    inverse = spread(_ONE) / depth_of(V, (x, y, z))
    slope_x = minimum(maximum(cx * inverse, limits[0]), limits[1])
    slope_y = minimum(maximum(cy * inverse, limits[2]), limits[3])
    return cx, cy, inverse, slope_x, slope_y


@jitted_inline
@no_type_check
def _find_near(views, view, limits, near, count, found):
    """List which of a chunk's Gaussians may show in a view, by a cheap bound; returns how many.

    Most of a room is outside the picture.
    """
    V, K, listed = views.viewmats[view], views.Ks[view], 0
    w, h, blur = float32(views.width), float32(views.height), math.sqrt(views.eps2d)
    fx, fy = K[0, 0], K[1, 1]
    for at in range(0, count, WIDTH):
        x, y, z = load(near, at), load(near, ROW + at), load(near, 2 * ROW + at)
        largest = load(near, 3 * ROW + at)
        depth = depth_of(V, (x, y, z))
        cx, cy, iz, slope_x, slope_y = centre_in(V, limits, x, y, z)
        px, py = fx * cx * iz + K[0, 2], fy * cy * iz + K[1, 2]
        reach_x = (fx * iz * largest * (maximum(slope_x, _ZERO - slope_x) + _ONE) + blur) * _EXTENT + _ONE
        reach_y = (fy * iz * largest * (maximum(slope_y, _ZERO - slope_y) + _ONE) + blur) * _EXTENT + _ONE
        ahead = both(depth >= views.near, depth <= views.far)
        across = both(px + reach_x > _ZERO, px - reach_x < w)
        bits = bits_of(both(both(ahead, across), both(py + reach_y > _ZERO, py - reach_y < h)))
        if at + WIDTH > count:
            bits &= (1 << (count - at)) - 1
        while bits != 0:
            found[listed] = at + lowest_bit(bits)
            listed += 1
            bits &= bits - 1
    return listed


@jitted_inline
@no_type_check
def unit_quaternion(w, x, y, z):
    """Quaternions at length 1, and what made them so."""
    norm = spread(_ONE) / maximum(square_root(w * w + x * x + y * y + z * z), float32(1e-12))
    return w * norm, x * norm, y * norm, z * norm, norm


@jitted_inline
@no_type_check
def axes_of(quaternion):
    """Columns of the rotation matrix."""
    w, x, y, z, _ = quaternion
    first = _ONE - (y * y + z * z) * _TWO, (x * y + w * z) * _TWO, (x * z - w * y) * _TWO
    second = (x * y - w * z) * _TWO, _ONE - (x * x + z * z) * _TWO, (y * z + w * x) * _TWO
    third = (x * z + w * y) * _TWO, (y * z - w * x) * _TWO, _ONE - (x * x + y * y) * _TWO
    return first, second, third


@jitted_inline
@no_type_check
def describe(scene, first, members, count, known):
    """Write the planes of Gaussians that some view may show: centre, M, facing axis, logarithm of the opacity."""
    for k in range(count):
        i = first + members[k]
        for c in range(3):
            known[c * ROW + k] = scene.means[i, c]
            known[(7 + c) * ROW + k] = scene.log_scales[i, c]
        for c in range(4):
            known[(3 + c) * ROW + k] = scene.quats[i, c]
        known[15 * ROW + k] = scene.logits[i]
    for k in range(0, count, WIDTH):
        w, x = load(known, 3 * ROW + k), load(known, 4 * ROW + k)
        y, z = load(known, 5 * ROW + k), load(known, 6 * ROW + k)
        (r00, r10, r20), (r01, r11, r21), (r02, r12, r22) = axes_of(unit_quaternion(w, x, y, z))
        l0, l1, l2 = load(known, 7 * ROW + k), load(known, 8 * ROW + k), load(known, 9 * ROW + k)
        _store3(known, 3 * ROW + k, r00, r10, r20, exp2(l0 * LOG2E))
        _store3(known, 6 * ROW + k, r01, r11, r21, exp2(l1 * LOG2E))
        _store3(known, 9 * ROW + k, r02, r12, r22, exp2(l2 * LOG2E))
        second = l1 < l0
        third = l2 < where(second, l1, l0)
        store(known, 12 * ROW + k, where(third, r02, where(second, r01, r00)))
        store(known, 13 * ROW + k, where(third, r12, where(second, r11, r10)))
        store(known, 14 * ROW + k, where(third, r22, where(second, r21, r20)))
        # ln sigmoid, exact at both ends.
        logit = load(known, 15 * ROW + k)
        low = minimum(_ZERO, logit)  # in this order what is not a number stays so
        store(known, 15 * ROW + k, low - log1p(exp2((low - maximum(logit, _ZERO)) * LOG2E)))


@jitted_inline
@no_type_check
def _store3(planes, at, x, y, z, scale):
    """Write a scaled axis in three planes."""
    store(planes, at, x * scale)
    store(planes, at + ROW, y * scale)
    store(planes, at + 2 * ROW, z * scale)


@jitted_inline
@no_type_check
def _outline(views, view, limits, L, out):
    """Write the outlines of WIDTH Gaussians whose planes are in L: centre, half extents, conic, ln opacity, depth.

    Half extents are negative if nothing of a Gaussian can be seen.
    """
    V, K = views.viewmats[view], views.Ks[view]
    x, y, z = load(L, 0), load(L, WIDTH), load(L, 2 * WIDTH)
    cx, cy, iz, slope_x, slope_y = centre_in(V, limits, x, y, z)
    fx, fy = iz * K[0, 0], iz * K[1, 1]
    store(out, 0, fx * cx + K[0, 2])
    store(out, WIDTH, fy * cy + K[1, 2])
    store(out, 8 * WIDTH, depth_of(V, (x, y, z)))
    u0, v0 = _axis(V, fx, fy, slope_x, slope_y, L, 3 * WIDTH)
    u1, v1 = _axis(V, fx, fy, slope_x, slope_y, L, 6 * WIDTH)
    u2, v2 = _axis(V, fx, fy, slope_x, slope_y, L, 9 * WIDTH)
    a, b, c = u0 * u0 + u1 * u1 + u2 * u2, u0 * v0 + u1 * v1 + u2 * v2, v0 * v0 + v1 * v1 + v2 * v2
    k0, k1, k2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
    sharp = k0 * k0 + k1 * k1 + k2 * k2
    det = sharp + (a + c) * views.eps2d + views.eps2d * views.eps2d
    a, c = a + views.eps2d, c + views.eps2d
    inverse = spread(_ONE) / det
    store(out, 4 * WIDTH, c * inverse)
    store(out, 5 * WIDTH, _ZERO - b * inverse)
    store(out, 6 * WIDTH, a * inverse)
    store(out, 7 * WIDTH, load(L, 15 * WIDTH))
    if views.antialiased:
        store(out, 2 * WIDTH, sharp * inverse)
        for lane in range(WIDTH):
            out[7 * WIDTH + lane] += _HALF * math.log(out[2 * WIDTH + lane])
    peak = load(out, 7 * WIDTH)
    extent = minimum(square_root((peak - _LN_LOWEST) * _TWO), _EXTENT)
    shown = both(peak >= _LN_LOWEST, both(det > _ZERO, det < float32(np.inf)))
    store(out, 2 * WIDTH, where(shown, extent * square_root(a), -_ONE))
    store(out, 3 * WIDTH, where(shown, extent * square_root(c), -_ONE))


@jitted_inline
@no_type_check
def _axis(V, fx, fy, slope_x, slope_y, L, at):
    """A column of U = W M, from one of M."""
    x, y, z = load(L, at), load(L, at + WIDTH), load(L, at + 2 * WIDTH)
    depth = V[2, 0] * x + V[2, 1] * y + V[2, 2] * z
    across = V[0, 0] * x + V[0, 1] * y + V[0, 2] * z
    down = V[1, 0] * x + V[1, 1] * y + V[1, 2] * z
    return fx * (across - slope_x * depth), fy * (down - slope_y * depth)


@jitted_inline
@no_type_check
def _write_colour(out, sh, offset, work):
    """Write red, green and blue as a camera sees them at `offset`; work: degree of the harmonics, room for them."""
    degree, basis = work
    basis[0] = C0
    if degree > 0:
        dx, dy, dz = offset
        inverse = _ONE / max(math.sqrt(dx * dx + dy * dy + dz * dz), float32(1e-12))
        write_basis(dx * inverse, dy * inverse, dz * inverse, degree, basis)
    for c in range(3):
        colour = _HALF
        for k in range((degree + 1) ** 2):
            colour += basis[k] * sh[k, c]
        out[6 + c] = max(colour, _ZERO)


@jitted_inline
@no_type_check
def _tiles(views, out, lane):
    """How many tiles a Gaussian touches at most; 0 if the picture does not show it."""
    w, h = float32(views.width), float32(views.height)
    px, py, hx, hy = out[lane], out[WIDTH + lane], out[2 * WIDTH + lane], out[3 * WIDTH + lane]
    rx, ry = min(math.ceil(hx), float32(1e9)), min(math.ceil(hy), float32(1e9))
    if not (rx > 0 and ry > 0 and px + rx > 0 and px - rx < w and py + ry > 0 and py - ry < h):
        return 0
    # Tiles that a box somewhat larger than the ellipse touches: a bound under any rounding.
    hx, hy = hx * float32(1.002) + _ONE, hy * float32(1.002) + _ONE
    columns = _cell(px + hx, views.tiles_x) - _cell(px - hx, views.tiles_x)
    rows = _cell(py + hy, views.tiles_y) - _cell(py - hy, views.tiles_y)
    return (columns + 1) * (rows + 1)


@jitted_inline
@no_type_check
def _cell(pixel, tiles):
    """Row or column of the tile where a pixel lies, or of the nearest one."""
    return int(min(max(pixel * float32(1 / TILE), _ZERO), float32(tiles - 1)))


@jitted_inline
@no_type_check
def _write_features(row, scene, i, position, lanes, work):
    """Write a row of features from the lane of an outline."""
    L, out, lane = lanes
    row[0], row[1] = out[lane], out[WIDTH + lane]
    row[2], row[3], row[4] = out[4 * WIDTH + lane], out[5 * WIDTH + lane], out[6 * WIDTH + lane]
    row[5], row[9] = out[7 * WIDTH + lane], out[8 * WIDTH + lane]
    dx, dy, dz = L[lane] - position[0], L[WIDTH + lane] - position[1], L[2 * WIDTH + lane] - position[2]
    _write_colour(row, scene.sh[i], (dx, dy, dz), work)
    nx, ny, nz = L[12 * WIDTH + lane], L[13 * WIDTH + lane], L[14 * WIDTH + lane]
    sign = -_ONE if nx * dx + ny * dy + nz * dz > 0 else _ONE
    row[10], row[11], row[12] = sign * nx, sign * ny, sign * nz


@no_type_check
def _project_forward(share, shares, scene, views, chunks, means2d, radii):
    """Project every Gaussian into every view; keep what is seen, packed at the start of each chunk's rows.

    Writes radii and means2d (0 where not seen), and the chunks.
    """
    n, count = scene.means.shape[0], views.viewmats.shape[0]
    work = views.degree, np.zeros(16, np.float32)
    near, known = aligned(6 * ROW), aligned(16 * ROW)
    L, out = aligned(16 * WIDTH), aligned(9 * WIDTH)
    found, listed = np.empty((count, CHUNK), np.int64), np.empty(count, np.int64)
    members, places = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    for chunk in range(share, chunks.counts.shape[1], shares):
        first = chunk * CHUNK
        length = min(CHUNK, n - first)
        _enter_chunk(scene, first, length, near)
        for k in range(CHUNK):
            places[k] = -1
        known_count = 0
        for view in range(count):
            radii[view, first : first + length] = 0
            means2d[view, first : first + length] = _ZERO
            listed[view] = _find_near(views, view, views.limits[view], near, length, found[view])
            for k in range(listed[view]):
                if places[found[view, k]] < 0:
                    places[found[view, k]] = known_count
                    members[known_count] = found[view, k]
                    known_count += 1
        describe(scene, first, members, known_count, known)
        for view in range(count):
            filled, bound = 0, 0
            for start in range(0, listed[view], WIDTH):
                group = found[view, start : min(start + WIDTH, listed[view])]
                for lane in range(len(group)):
                    for plane in range(16):
                        L[plane * WIDTH + lane] = known[plane * ROW + places[group[lane]]]
                _outline(views, view, views.limits[view], L, out)
                for lane in range(len(group)):
                    i = first + group[lane]
                    tiles = _tiles(views, out, lane)
                    if tiles == 0:
                        continue
                    row = first + filled
                    filled += 1
                    bound += tiles
                    px, py, hx, hy = out[lane], out[WIDTH + lane], out[2 * WIDTH + lane], out[3 * WIDTH + lane]
                    radii[view, i] = int(max(min(math.ceil(hx), float32(1e9)), min(math.ceil(hy), float32(1e9))))
                    means2d[view, i, 0], means2d[view, i, 1] = px, py
                    chunks.ids[view, row] = i
                    chunks.extents[view, row, 0], chunks.extents[view, row, 1] = hx, hy
                    _write_features(chunks.features[view, row], scene, i, views.positions[view], (L, out, lane), work)
            chunks.counts[view, chunk] = filled
            chunks.pair_bounds[view, chunk] = bound


_share_project_forward = sharing(_project_forward)


@jitted
@no_type_check
def project_forward(parallel, threads, *arguments):
    return _share_project_forward(parallel, threads, arguments)


@no_type_check
def _pack_seen(share, shares, starts, chunks, features, seen):
    """Close the gaps between the chunks; starts (V, chunks) says where each one goes."""
    for chunk in range(share, starts.shape[1], shares):
        for view in range(starts.shape[0]):
            for k in range(chunks.counts[view, chunk]):
                item, source = starts[view, chunk] + k, chunk * CHUNK + k
                seen.ids[item] = chunks.ids[view, source]
                for c in range(2):
                    seen.extents[item, c] = chunks.extents[view, source, c]
                for c in range(features.shape[1]):
                    features[item, c] = chunks.features[view, source, c]


_share_pack_seen = sharing(_pack_seen)


@jitted
@no_type_check
def pack_seen(parallel, threads, *arguments):
    return _share_pack_seen(parallel, threads, arguments)
