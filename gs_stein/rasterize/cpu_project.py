"""Numba kernels: from the raw parameters to what the blending reads.

One Gaussian is handled for all views together, so that its rotation and scales are computed once and its gradients
(`cpu_project_backward.py`) need no second pass. With M = R diag(s) and W the camera's linearised projection, the
projected covariance is U Uᵀ for the 2×3 matrix U = W M; its determinant is |u₀ × u₁|², which never cancels, however
long the Gaussian.

The formulas are those of `reference.py`; what the arrays hold is described in `cpu_layouts.py`.
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import math
from typing import NamedTuple, no_type_check

import numpy as np
from numba import float32

from gs_stein.rasterize.cpu_layouts import CHUNK, TILE, jitted, jitted_inline
from gs_stein.rasterize.cpu_sh import write_basis
from gs_stein.rasterize.options import ALPHA_MIN, EXTENT, FOV_MARGIN
from gs_stein.rasterize.team import sharing

_LN_LOWEST = np.float32(math.log(ALPHA_MIN))
_EXTENT = np.float32(EXTENT)
_MARGIN = np.float32(0.5 * FOV_MARGIN)
_HALF, _ONE, _ZERO, _TWO = (np.float32(value) for value in (0.5, 1, 0, 2))


class Centre(NamedTuple):
    """Where a camera sees the centre of a Gaussian."""

    x: float
    y: float
    inverse_z: float
    """All in the camera's axes, metres."""
    slope_x: float
    slope_y: float
    """x/z and y/z where projection is linearised: no farther out than the margin."""
    free_x: bool
    free_y: bool
    """Whether they are the centre's own."""


class Outline(NamedTuple):
    """A Gaussian in a picture."""

    px: float
    py: float
    """Its centre, pixels."""
    half_x: float
    half_y: float
    """Half extents, pixels."""
    xx: float
    xy: float
    yy: float
    """Its conic."""
    log_peak: float
    """Logarithm of its opacity there."""


@jitted_inline
@no_type_check
def write_axes(scene, i, R, M, scales):
    """Write rotation, scaled axes and scales of a Gaussian; return its quaternion at length 1, and what made it so."""
    w, x, y, z = scene.quats[i, 0], scene.quats[i, 1], scene.quats[i, 2], scene.quats[i, 3]
    norm = _ONE / max(math.sqrt(w * w + x * x + y * y + z * z), float32(1e-12))
    w, x, y, z = w * norm, x * norm, y * norm, z * norm
    R[0, 0], R[0, 1], R[0, 2] = _ONE - _TWO * (y * y + z * z), _TWO * (x * y - w * z), _TWO * (x * z + w * y)
    R[1, 0], R[1, 1], R[1, 2] = _TWO * (x * y + w * z), _ONE - _TWO * (x * x + z * z), _TWO * (y * z - w * x)
    R[2, 0], R[2, 1], R[2, 2] = _TWO * (x * z - w * y), _TWO * (y * z + w * x), _ONE - _TWO * (x * x + y * y)
    for c in range(3):
        scales[c] = math.exp(scene.log_scales[i, c])
        for r in range(3):
            M[r, c] = R[r, c] * scales[c]
    return w, x, y, z, norm


@jitted
@no_type_check
def limits_and_positions(views):
    """Per view: lowest and highest x/z and y/z at which the projection is linearised (V, 4), and positions (V, 3)."""
    count, w, h = views.viewmats.shape[0], float32(views.width), float32(views.height)
    limits, positions = np.empty((count, 4), np.float32), np.empty((count, 3), np.float32)
    for view in range(count):
        V, K = views.viewmats[view], views.Ks[view]
        margin_x, margin_y = _MARGIN * w / K[0, 0], _MARGIN * h / K[1, 1]
        limits[view, 0], limits[view, 1] = -(K[0, 2] / K[0, 0] + margin_x), (w - K[0, 2]) / K[0, 0] + margin_x
        limits[view, 2], limits[view, 3] = -(K[1, 2] / K[1, 1] + margin_y), (h - K[1, 2]) / K[1, 1] + margin_y
        for c in range(3):
            positions[view, c] = -(V[0, c] * V[0, 3] + V[1, c] * V[1, 3] + V[2, c] * V[2, 3])
    return limits, positions


@jitted_inline
@no_type_check
def depth_of(V, mean):
    """z of a point in the camera's axes."""
    return V[2, 0] * mean[0] + V[2, 1] * mean[1] + V[2, 2] * mean[2] + V[2, 3]


@jitted_inline
@no_type_check
def centre_in(V, limits, mean, z):
    """The `Centre` of a Gaussian at `mean`, seen at depth z."""
    x = V[0, 0] * mean[0] + V[0, 1] * mean[1] + V[0, 2] * mean[2] + V[0, 3]
    y = V[1, 0] * mean[0] + V[1, 1] * mean[1] + V[1, 2] * mean[2] + V[1, 3]
    iz = _ONE / z
    tx, ty = x * iz, y * iz
    free_x = tx >= limits[0] and tx <= limits[1]
    free_y = ty >= limits[2] and ty <= limits[3]
    tx = min(max(tx, limits[0]), limits[1])
    ty = min(max(ty, limits[2]), limits[3])
    return Centre(x, y, iz, tx, ty, free_x, free_y)


@jitted_inline
@no_type_check
def facing_axis(log_scales, R, offset):
    """The shortest axis of a Gaussian, and the sign that turns it towards the camera that sees it at `offset`."""
    shortest = 0
    if log_scales[1] < log_scales[shortest]:
        shortest = 1
    if log_scales[2] < log_scales[shortest]:
        shortest = 2
    away = R[0, shortest] * offset[0] + R[1, shortest] * offset[1] + R[2, shortest] * offset[2]
    return shortest, -_ONE if away > 0 else _ONE


@jitted_inline
@no_type_check
def _write_projected_axes(V, K, centre, M, U):
    """Write U = W M."""
    fx, fy, iz = K[0, 0], K[1, 1], centre.inverse_z
    for c in range(3):
        m2 = V[2, 0] * M[0, c] + V[2, 1] * M[1, c] + V[2, 2] * M[2, c]
        m0 = V[0, 0] * M[0, c] + V[0, 1] * M[1, c] + V[0, 2] * M[2, c]
        m1 = V[1, 0] * M[0, c] + V[1, 1] * M[1, c] + V[1, 2] * M[2, c]
        U[0, c] = fx * iz * (m0 - centre.slope_x * m2)
        U[1, c] = fy * iz * (m1 - centre.slope_y * m2)


@jitted_inline
@no_type_check
def sharp_covariance(U):
    """xx, xy and yy of U Uᵀ."""
    a = U[0, 0] * U[0, 0] + U[0, 1] * U[0, 1] + U[0, 2] * U[0, 2]
    b = U[0, 0] * U[1, 0] + U[0, 1] * U[1, 1] + U[0, 2] * U[1, 2]
    c = U[1, 0] * U[1, 0] + U[1, 1] * U[1, 1] + U[1, 2] * U[1, 2]
    return a, b, c


@jitted_inline
@no_type_check
def sharp_determinant(U):
    """|u₀ × u₁|², the determinant of U Uᵀ."""
    k0 = U[0, 1] * U[1, 2] - U[0, 2] * U[1, 1]
    k1 = U[0, 2] * U[1, 0] - U[0, 0] * U[1, 2]
    k2 = U[0, 0] * U[1, 1] - U[0, 1] * U[1, 0]
    return k0 * k0 + k1 * k1 + k2 * k2


@jitted_inline
@no_type_check
def _outline(views, px, py, log_opacity, U):
    """The `Outline` of what U projects; its half_x is negative if nothing of it can be seen."""
    a, b, c = sharp_covariance(U)
    det_sharp = sharp_determinant(U)
    det = det_sharp + views.eps2d * (a + c) + views.eps2d * views.eps2d
    a += views.eps2d
    c += views.eps2d
    log_peak = log_opacity
    if views.antialiased:
        log_peak += _HALF * math.log(det_sharp / det)
    hx, hy = -_ONE, -_ONE
    if log_peak >= _LN_LOWEST and det > 0 and det < np.inf:
        extent = min(math.sqrt(_TWO * (log_peak - _LN_LOWEST)), _EXTENT)
        hx, hy = extent * math.sqrt(a), extent * math.sqrt(c)
    return Outline(px, py, hx, hy, c / det, -b / det, a / det, log_peak)


@jitted_inline
@no_type_check
def _write_features(out, outline, z, scene, i, offset, R, work):
    """Write a row of features; work holds the degree of the harmonics and room for them."""
    out[0], out[1] = outline.px, outline.py
    out[2], out[3], out[4] = outline.xx, outline.xy, outline.yy
    out[5] = outline.log_peak
    dx, dy, dz = offset
    inverse = _ONE / max(math.sqrt(dx * dx + dy * dy + dz * dz), float32(1e-12))
    degree, basis = work
    write_basis(dx * inverse, dy * inverse, dz * inverse, degree, basis)
    for c in range(3):
        colour = _HALF
        for k in range((degree + 1) ** 2):
            colour += basis[k] * scene.sh[i, k, c]
        out[6 + c] = max(colour, _ZERO)
    out[9] = z
    shortest, sign = facing_axis(scene.log_scales[i], R, offset)
    for c in range(3):
        out[10 + c] = sign * R[c, shortest]


@no_type_check
def _project_forward(share, shares, scene, views, chunks, means2d, radii, items):
    """Project every Gaussian into every view; keep what is seen, packed at the start of each chunk's rows.

    Writes radii and means2d (0 where not seen, and there items is -1), and the chunks.
    """
    n, count = scene.means.shape[0], views.viewmats.shape[0]
    R, M, U = np.empty((3, 3), np.float32), np.empty((3, 3), np.float32), np.empty((2, 3), np.float32)
    scales, work = np.empty(3, np.float32), (views.degree, np.zeros(16, np.float32))
    w, h, blur = float32(views.width), float32(views.height), math.sqrt(views.eps2d)
    limits, positions = limits_and_positions(views)
    # Counted apart from the results: neighbouring chunks, whose counts share a cache line, are another thread's.
    filled, bound = np.empty(count, np.int64), np.empty(count, np.int64)
    for chunk in range(share, chunks.counts.shape[1], shares):
        for view in range(count):
            filled[view] = 0
            bound[view] = 0
        for i in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, n)):
            mean = scene.means[i, 0], scene.means[i, 1], scene.means[i, 2]
            largest = -_ONE
            ready = False
            for view in range(count):
                radii[view, i], items[view, i] = 0, -1
                means2d[view, i, 0] = means2d[view, i, 1] = _ZERO
                V, K = views.viewmats[view], views.Ks[view]
                z = depth_of(V, mean)
                if not (z >= views.near and z <= views.far):
                    continue
                at = centre_in(V, limits[view], mean, z)
                fx, fy, iz = K[0, 0], K[1, 1], at.inverse_z
                px, py = fx * at.x * iz + K[0, 2], fy * at.y * iz + K[1, 2]
                # A cheap bound first: most of a room is outside the picture.
                if largest < 0:
                    largest = math.exp(max(scene.log_scales[i, 0], scene.log_scales[i, 1], scene.log_scales[i, 2]))
                reach_x = _EXTENT * (fx * iz * largest * (_ONE + abs(at.slope_x)) + blur) + _ONE
                reach_y = _EXTENT * (fy * iz * largest * (_ONE + abs(at.slope_y)) + blur) + _ONE
                if not (px + reach_x > 0 and px - reach_x < w and py + reach_y > 0 and py - reach_y < h):
                    continue
                if not ready:
                    ready = True
                    write_axes(scene, i, R, M, scales)
                    # ln sigmoid, exact at both ends.
                    log_opacity = min(scene.logits[i], _ZERO) - math.log1p(math.exp(-abs(scene.logits[i])))
                _write_projected_axes(V, K, at, M, U)
                outline = _outline(views, px, py, log_opacity, U)
                hx, hy = outline.half_x, outline.half_y
                rx, ry = min(math.ceil(hx), float32(1e9)), min(math.ceil(hy), float32(1e9))
                if not (rx > 0 and ry > 0 and px + rx > 0 and px - rx < w and py + ry > 0 and py - ry < h):
                    continue
                radii[view, i] = int(max(rx, ry))
                means2d[view, i, 0], means2d[view, i, 1] = px, py
                row = chunk * CHUNK + filled[view]
                filled[view] += 1
                # Tiles in the bounding box; two more across and down make it a bound under any rounding.
                columns = (min(px + hx, w) - max(px - hx, _ZERO)) * float32(1 / TILE)
                rows = (min(py + hy, h) - max(py - hy, _ZERO)) * float32(1 / TILE)
                bound[view] += (int(columns) + 2) * (int(rows) + 2)
                chunks.ids[view, row] = i
                chunks.extents[view, row, 0], chunks.extents[view, row, 1] = hx, hy
                offset = mean[0] - positions[view, 0], mean[1] - positions[view, 1], mean[2] - positions[view, 2]
                _write_features(chunks.features[view, row], outline, z, scene, i, offset, R, work)
        for view in range(count):
            chunks.counts[view, chunk] = filled[view]
            chunks.pair_bounds[view, chunk] = bound[view]


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
                gaussian = chunks.ids[view, source]
                seen.views[item], seen.ids[item] = view, gaussian
                seen.items[view, gaussian] = item
                for c in range(2):
                    seen.extents[item, c] = chunks.extents[view, source, c]
                for c in range(features.shape[1]):
                    features[item, c] = chunks.features[view, source, c]


_share_pack_seen = sharing(_pack_seen)


@jitted
@no_type_check
def pack_seen(parallel, threads, *arguments):
    return _share_pack_seen(parallel, threads, arguments)
