"""Numba kernels, first half: from the raw parameters to what the blending reads, and the way back.

One Gaussian is handled for all views together, so that its rotation and scales are computed once and its gradients
need no second pass. With M = R diag(s) and W the camera's linearised projection, the projected covariance is U Uᵀ
for the 2×3 matrix U = W M; its determinant is |u₀ × u₁|², which never cancels, however long the Gaussian.

The formulas are those of `reference.py`; layouts are described in `cpu_blend.py`.
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import float32, float64, njit

from gs_stein.rasterize import sh
from gs_stein.rasterize.options import ALPHA_MIN, EXTENT, FOV_MARGIN
from gs_stein.rasterize.team import sharing

CHUNK = 512
"""Gaussians handled together; fixed, so that the order of results is fixed too."""
_TILE = 16
_LN_LOWEST = np.float32(math.log(ALPHA_MIN))
_EXTENT = np.float32(EXTENT)
_MARGIN = np.float32(0.5 * FOV_MARGIN)
_HALF, _ONE, _ZERO, _TWO, _THREE, _FIVE = (np.float32(value) for value in (0.5, 1, 0, 2, 3, 5))
_C0, _C1, _C2_XY, _C2_ZZ, _C2_XX = (np.float32(value) for value in (sh.C0, sh.C1, sh.C2_XY, sh.C2_ZZ, sh.C2_XX))
_C3_33, _C3_32, _C3_31, _C3_30, _C3_22 = (
    np.float32(value) for value in (sh.C3_33, sh.C3_32, sh.C3_31, sh.C3_30, sh.C3_22)
)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
@no_type_check
def _rotation(w, x, y, z, R):
    """Write the rotation matrix of a unit quaternion."""
    R[0, 0], R[0, 1], R[0, 2] = _ONE - _TWO * (y * y + z * z), _TWO * (x * y - w * z), _TWO * (x * z + w * y)
    R[1, 0], R[1, 1], R[1, 2] = _TWO * (x * y + w * z), _ONE - _TWO * (x * x + z * z), _TWO * (y * z - w * x)
    R[2, 0], R[2, 1], R[2, 2] = _TWO * (x * z - w * y), _TWO * (y * z + w * x), _ONE - _TWO * (x * x + y * y)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
@no_type_check
def _basis(x, y, z, degree, basis):
    """Write the spherical-harmonic basis in a unit direction."""
    basis[0] = _C0
    if degree >= 1:
        basis[1], basis[2], basis[3] = -_C1 * y, _C1 * z, -_C1 * x
    if degree >= 2:
        xx, yy, zz = x * x, y * y, z * z
        basis[4], basis[5], basis[6] = _C2_XY * x * y, -_C2_XY * y * z, _C2_ZZ * (_THREE * zz - _ONE)
        basis[7], basis[8] = -_C2_XY * x * z, _C2_XX * (xx - yy)
        if degree >= 3:
            basis[9] = -_C3_33 * y * (_THREE * xx - yy)
            basis[10] = _C3_32 * x * y * z
            basis[11] = -_C3_31 * y * (_FIVE * zz - _ONE)
            basis[12] = _C3_30 * z * (_FIVE * zz - _THREE)
            basis[13] = -_C3_31 * x * (_FIVE * zz - _ONE)
            basis[14] = _C3_22 * z * (xx - yy)
            basis[15] = -_C3_33 * x * (xx - _THREE * yy)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
@no_type_check
def _basis_gradient(x, y, z, degree, v, out):
    """Write Σ v[k] ∂basis[k]/∂(x, y, z), the basis taken as the polynomials above."""
    gx, gy, gz = -_C1 * v[3], -_C1 * v[1], _C1 * v[2]
    if degree >= 2:
        gx += _C2_XY * (y * v[4] - z * v[7]) + _TWO * _C2_XX * x * v[8]
        gy += _C2_XY * (x * v[4] - z * v[5]) - _TWO * _C2_XX * y * v[8]
        gz += -_C2_XY * (y * v[5] + x * v[7]) + float32(6.0) * _C2_ZZ * z * v[6]
    if degree >= 3:
        xx, yy, zz = x * x, y * y, z * z
        ring = _FIVE * zz - _ONE
        gx += float32(-6.0) * _C3_33 * x * y * v[9] + _C3_32 * y * z * v[10] - _C3_31 * ring * v[13]
        gx += _TWO * _C3_22 * x * z * v[14] - _THREE * _C3_33 * (xx - yy) * v[15]
        gy += -_THREE * _C3_33 * (xx - yy) * v[9] + _C3_32 * x * z * v[10] - _C3_31 * ring * v[11]
        gy += -_TWO * _C3_22 * y * z * v[14] + float32(6.0) * _C3_33 * x * y * v[15]
        gz += _C3_32 * x * y * v[10] - float32(10.0) * _C3_31 * z * (y * v[11] + x * v[13])
        gz += _C3_30 * (float32(15.0) * zz - _THREE) * v[12] + _C3_22 * (xx - yy) * v[14]
    out[0], out[1], out[2] = gx, gy, gz


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
@no_type_check
def _views(viewmats, Ks, width, height):
    """Per view: lowest and highest x/z and y/z at which the projection is linearised (V, 4), and positions (V, 3)."""
    views = viewmats.shape[0]
    limits, positions = np.empty((views, 4), np.float32), np.empty((views, 3), np.float32)
    for view in range(views):
        V, K = viewmats[view], Ks[view]
        margin_x, margin_y = _MARGIN * width / K[0, 0], _MARGIN * height / K[1, 1]
        limits[view, 0], limits[view, 1] = -(K[0, 2] / K[0, 0] + margin_x), (width - K[0, 2]) / K[0, 0] + margin_x
        limits[view, 2], limits[view, 3] = -(K[1, 2] / K[1, 1] + margin_y), (height - K[1, 2]) / K[1, 1] + margin_y
        for c in range(3):
            positions[view, c] = -(V[0, c] * V[0, 3] + V[1, c] * V[1, 3] + V[2, c] * V[2, 3])
    return limits, positions


@no_type_check
def _project_forward(
    share, shares, means, log_scales, quats, logits, sh, viewmats, Ks, width, height, near, far, eps2d, antialiased,
    degree, seen_features, seen_extents, seen_ids, counts, pair_bounds, means2d, radii, items,
):  # fmt: skip
    """Project every Gaussian into every view; keep what is seen, packed at the start of each chunk's rows.

    Writes, per view: radii and means2d (0 where not seen, and there items is -1), and for each chunk of Gaussians the
    features, extents and ids of the seen ones, their number, and a bound on the tiles that they touch.
    """
    n, views = means.shape[0], viewmats.shape[0]
    chunks = (n + CHUNK - 1) // CHUNK
    R, M, U = np.empty((3, 3), np.float32), np.empty((3, 3), np.float32), np.empty((2, 3), np.float32)
    basis = np.zeros(16, np.float32)
    bases = (degree + 1) ** 2
    w, h = float32(width), float32(height)
    blur = math.sqrt(eps2d)
    limits, positions = _views(viewmats, Ks, w, h)
    # Counted apart from the results: neighbouring chunks, whose counts share a cache line, are another thread's.
    count, bound = np.empty(views, np.int64), np.empty(views, np.int64)
    for chunk in range(share, chunks, shares):
        for view in range(views):
            count[view] = 0
            bound[view] = 0
        for i in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, n)):
            mx, my, mz = means[i, 0], means[i, 1], means[i, 2]
            largest = -_ONE
            ready = False
            for view in range(views):
                radii[view, i], items[view, i] = 0, -1
                means2d[view, i, 0] = means2d[view, i, 1] = _ZERO
                V = viewmats[view]
                z = V[2, 0] * mx + V[2, 1] * my + V[2, 2] * mz + V[2, 3]
                if not (z >= near and z <= far):
                    continue
                x = V[0, 0] * mx + V[0, 1] * my + V[0, 2] * mz + V[0, 3]
                y = V[1, 0] * mx + V[1, 1] * my + V[1, 2] * mz + V[1, 3]
                fx, fy, cx, cy = Ks[view, 0, 0], Ks[view, 1, 1], Ks[view, 0, 2], Ks[view, 1, 2]
                iz = _ONE / z
                px, py = fx * x * iz + cx, fy * y * iz + cy
                tx = min(max(x * iz, limits[view, 0]), limits[view, 1])
                ty = min(max(y * iz, limits[view, 2]), limits[view, 3])
                # A cheap bound first: most of a room is outside the picture.
                if largest < 0:
                    largest = math.exp(max(log_scales[i, 0], log_scales[i, 1], log_scales[i, 2]))
                reach_x = _EXTENT * (fx * iz * largest * (_ONE + abs(tx)) + blur) + _ONE
                reach_y = _EXTENT * (fy * iz * largest * (_ONE + abs(ty)) + blur) + _ONE
                if not (px + reach_x > 0 and px - reach_x < w and py + reach_y > 0 and py - reach_y < h):
                    continue
                if not ready:
                    ready = True
                    qw, qx, qy, qz = quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3]
                    norm = _ONE / max(math.sqrt(qw * qw + qx * qx + qy * qy + qz * qz), float32(1e-12))
                    _rotation(qw * norm, qx * norm, qy * norm, qz * norm, R)
                    for c in range(3):
                        scale = math.exp(log_scales[i, c])
                        for r in range(3):
                            M[r, c] = R[r, c] * scale
                    # ln sigmoid, exact at both ends.
                    log_opacity = min(logits[i], _ZERO) - math.log1p(math.exp(-abs(logits[i])))
                for c in range(3):
                    m2 = V[2, 0] * M[0, c] + V[2, 1] * M[1, c] + V[2, 2] * M[2, c]
                    m0 = V[0, 0] * M[0, c] + V[0, 1] * M[1, c] + V[0, 2] * M[2, c]
                    m1 = V[1, 0] * M[0, c] + V[1, 1] * M[1, c] + V[1, 2] * M[2, c]
                    U[0, c] = fx * iz * (m0 - tx * m2)
                    U[1, c] = fy * iz * (m1 - ty * m2)
                a = U[0, 0] * U[0, 0] + U[0, 1] * U[0, 1] + U[0, 2] * U[0, 2]
                b = U[0, 0] * U[1, 0] + U[0, 1] * U[1, 1] + U[0, 2] * U[1, 2]
                c2 = U[1, 0] * U[1, 0] + U[1, 1] * U[1, 1] + U[1, 2] * U[1, 2]
                k0 = U[0, 1] * U[1, 2] - U[0, 2] * U[1, 1]
                k1 = U[0, 2] * U[1, 0] - U[0, 0] * U[1, 2]
                k2 = U[0, 0] * U[1, 1] - U[0, 1] * U[1, 0]
                det_sharp = k0 * k0 + k1 * k1 + k2 * k2
                det = det_sharp + eps2d * (a + c2) + eps2d * eps2d
                a += eps2d
                c2 += eps2d
                log_peak = log_opacity
                if antialiased:
                    log_peak += _HALF * math.log(det_sharp / det)
                if not (log_peak >= _LN_LOWEST and det > 0 and det < np.inf):
                    continue
                extent = min(math.sqrt(_TWO * (log_peak - _LN_LOWEST)), _EXTENT)
                hx, hy = extent * math.sqrt(a), extent * math.sqrt(c2)
                rx, ry = min(math.ceil(hx), float32(1e9)), min(math.ceil(hy), float32(1e9))
                if not (rx > 0 and ry > 0 and px + rx > 0 and px - rx < w and py + ry > 0 and py - ry < h):
                    continue
                radii[view, i] = int(max(rx, ry))
                means2d[view, i, 0], means2d[view, i, 1] = px, py

                at = chunk * CHUNK + count[view]
                count[view] += 1
                # Tiles in the bounding box; two more across and down make it a bound under any rounding.
                columns = (min(px + hx, w) - max(px - hx, _ZERO)) * float32(1 / _TILE)
                rows = (min(py + hy, h) - max(py - hy, _ZERO)) * float32(1 / _TILE)
                bound[view] += (int(columns) + 2) * (int(rows) + 2)
                seen_ids[view, at] = i
                seen_extents[view, at, 0], seen_extents[view, at, 1] = hx, hy
                out = seen_features[view, at]
                out[0], out[1] = px, py
                out[2], out[3], out[4] = c2 / det, -b / det, a / det
                out[5] = log_peak
                dx, dy, dz = mx - positions[view, 0], my - positions[view, 1], mz - positions[view, 2]
                distance = _ONE / max(math.sqrt(dx * dx + dy * dy + dz * dz), float32(1e-12))
                _basis(dx * distance, dy * distance, dz * distance, degree, basis)
                for c in range(3):
                    colour = _HALF
                    for k in range(bases):
                        colour += basis[k] * sh[i, k, c]
                    out[6 + c] = max(colour, _ZERO)
                out[9] = z
                shortest = 0
                if log_scales[i, 1] < log_scales[i, shortest]:
                    shortest = 1
                if log_scales[i, 2] < log_scales[i, shortest]:
                    shortest = 2
                away = R[0, shortest] * dx + R[1, shortest] * dy + R[2, shortest] * dz
                sign = -_ONE if away > 0 else _ONE
                for c in range(3):
                    out[10 + c] = sign * R[c, shortest]
        for view in range(views):
            counts[view, chunk] = count[view]
            pair_bounds[view, chunk] = bound[view]


_share_project_forward = sharing(_project_forward)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
@no_type_check
def project_forward(parallel, threads, *arguments):
    return _share_project_forward(parallel, threads, arguments)


@no_type_check
def _pack_seen(
    share, shares, starts, counts, seen_features, seen_extents, seen_ids, features, extents, item_views, item_ids,
    items,
):  # fmt: skip
    """Close the gaps between the chunks; starts (V, chunks) says where each one goes."""
    views, chunks = counts.shape
    for chunk in range(share, chunks, shares):
        for view in range(views):
            for k in range(counts[view, chunk]):
                item, source = starts[view, chunk] + k, chunk * CHUNK + k
                gaussian = seen_ids[view, source]
                item_views[item], item_ids[item] = view, gaussian
                items[view, gaussian] = item
                extents[item, 0], extents[item, 1] = seen_extents[view, source, 0], seen_extents[view, source, 1]
                for c in range(features.shape[1]):
                    features[item, c] = seen_features[view, source, c]


_share_pack_seen = sharing(_pack_seen)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
@no_type_check
def pack_seen(parallel, threads, *arguments):
    return _share_pack_seen(parallel, threads, arguments)


@no_type_check
def _project_backward(
    share, shares, means, log_scales, quats, logits, sh, viewmats, Ks, width, height, eps2d, antialiased, degree,
    items, features, v_means2d, v_features, v_means, v_log_scales, v_quats, v_logits, v_sh,
):  # fmt: skip
    """Gradients of the raw parameters, summed over the views in their order; 0 for what no view saw."""
    n, views = means.shape[0], viewmats.shape[0]
    chunks = (n + CHUNK - 1) // CHUNK
    R, M, U = np.empty((3, 3), np.float32), np.empty((3, 3), np.float32), np.empty((2, 3), np.float32)
    W, v_U, v_W = np.empty((2, 3), np.float32), np.empty((2, 3), np.float32), np.empty((2, 3), np.float32)
    v_M, v_R = np.empty((3, 3), np.float32), np.empty((3, 3), np.float32)
    scales = np.empty(3, np.float32)
    basis, v_basis, v_direction = np.zeros(16, np.float32), np.zeros(16, np.float32), np.zeros(3, np.float32)
    bases = (degree + 1) ** 2
    limits, positions = _views(viewmats, Ks, float32(width), float32(height))
    for chunk in range(share, chunks, shares):
        for i in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, n)):
            for k in range(sh.shape[1]):
                v_sh[i, k, 0] = v_sh[i, k, 1] = v_sh[i, k, 2] = _ZERO
            ready = False
            for view in range(views):
                item = items[view, i]
                if item < 0:
                    continue
                if not ready:
                    ready = True
                    qw, qx, qy, qz = quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3]
                    norm = _ONE / max(math.sqrt(qw * qw + qx * qx + qy * qy + qz * qz), float32(1e-12))
                    qw, qx, qy, qz = qw * norm, qx * norm, qy * norm, qz * norm
                    _rotation(qw, qx, qy, qz, R)
                    for c in range(3):
                        scales[c] = math.exp(log_scales[i, c])
                        for r in range(3):
                            M[r, c] = R[r, c] * scales[c]
                            v_M[r, c] = v_R[r, c] = _ZERO
                    v_log_opacity = _ZERO
                    v_mx, v_my, v_mz = _ZERO, _ZERO, _ZERO
                mx, my, mz = means[i, 0], means[i, 1], means[i, 2]
                V = viewmats[view]
                f, v_f = features[item], v_features[item]
                x = V[0, 0] * mx + V[0, 1] * my + V[0, 2] * mz + V[0, 3]
                y = V[1, 0] * mx + V[1, 1] * my + V[1, 2] * mz + V[1, 3]
                z = V[2, 0] * mx + V[2, 1] * my + V[2, 2] * mz + V[2, 3]
                fx, fy = Ks[view, 0, 0], Ks[view, 1, 1]
                iz = _ONE / z
                tx, ty = x * iz, y * iz
                free_x = tx >= limits[view, 0] and tx <= limits[view, 1]
                free_y = ty >= limits[view, 2] and ty <= limits[view, 3]
                tx = min(max(tx, limits[view, 0]), limits[view, 1])
                ty = min(max(ty, limits[view, 2]), limits[view, 3])
                for c in range(3):
                    W[0, c] = fx * iz * (V[0, c] - tx * V[2, c])
                    W[1, c] = fy * iz * (V[1, c] - ty * V[2, c])
                for c in range(3):
                    for r in range(2):
                        U[r, c] = W[r, 0] * M[0, c] + W[r, 1] * M[1, c] + W[r, 2] * M[2, c]

                # Covariance [[p, q], [q, r]] from its inverse: v_P = -Q V Q. In float64, because for a long Gaussian
                # all but one part in (length / thickness)⁴ cancels.
                A, B, C = float64(f[2]), float64(f[3]), float64(f[4])
                v_A, v_B, v_C = float64(v_f[2]), 0.5 * float64(v_f[3]), float64(v_f[4])
                t0, t1 = A * v_A + B * v_B, A * v_B + B * v_C
                t2, t3 = B * v_A + C * v_B, B * v_B + C * v_C
                v_p, v_q, v_r = -(t0 * A + t1 * B), -2.0 * (t0 * B + t1 * C), -(t2 * B + t3 * C)
                v_log_opacity += v_f[5]
                if antialiased:
                    # ln ρ = ½ (ln det sharp - ln det); adj(P)/det is the conic, adj of the sharp one follows.
                    k0 = U[0, 1] * U[1, 2] - U[0, 2] * U[1, 1]
                    k1 = U[0, 2] * U[1, 0] - U[0, 0] * U[1, 2]
                    k2 = U[0, 0] * U[1, 1] - U[0, 1] * U[1, 0]
                    a = U[0, 0] * U[0, 0] + U[0, 1] * U[0, 1] + U[0, 2] * U[0, 2]
                    b = U[0, 0] * U[1, 0] + U[0, 1] * U[1, 1] + U[0, 2] * U[1, 2]
                    c2 = U[1, 0] * U[1, 0] + U[1, 1] * U[1, 1] + U[1, 2] * U[1, 2]
                    sharp = _ONE / (k0 * k0 + k1 * k1 + k2 * k2)
                    v_p += 0.5 * v_f[5] * (c2 * sharp - A)
                    v_q += v_f[5] * (-b * sharp - B)
                    v_r += 0.5 * v_f[5] * (a * sharp - C)
                for c in range(3):
                    v_U[0, c] = 2.0 * v_p * U[0, c] + v_q * U[1, c]
                    v_U[1, c] = 2.0 * v_r * U[1, c] + v_q * U[0, c]
                for r in range(2):
                    for c in range(3):
                        v_W[r, c] = v_U[r, 0] * M[c, 0] + v_U[r, 1] * M[c, 1] + v_U[r, 2] * M[c, 2]
                for r in range(3):
                    for c in range(3):
                        v_M[r, c] += W[0, r] * v_U[0, c] + W[1, r] * v_U[1, c]

                # W = J · rotation with J = [[fx/z, 0, -fx·tx/z], [0, fy/z, -fy·ty/z]].
                v_j00 = v_W[0, 0] * V[0, 0] + v_W[0, 1] * V[0, 1] + v_W[0, 2] * V[0, 2]
                v_j11 = v_W[1, 0] * V[1, 0] + v_W[1, 1] * V[1, 1] + v_W[1, 2] * V[1, 2]
                v_j02 = v_W[0, 0] * V[2, 0] + v_W[0, 1] * V[2, 1] + v_W[0, 2] * V[2, 2]
                v_j12 = v_W[1, 0] * V[2, 0] + v_W[1, 1] * V[2, 1] + v_W[1, 2] * V[2, 2]
                v_z = v_f[9] - iz * iz * (fx * (v_j00 - tx * v_j02) + fy * (v_j11 - ty * v_j12))
                v_x, v_y = _ZERO, _ZERO
                if free_x:
                    v_x -= fx * iz * iz * v_j02
                    v_z += fx * iz * iz * tx * v_j02
                if free_y:
                    v_y -= fy * iz * iz * v_j12
                    v_z += fy * iz * iz * ty * v_j12
                v_px, v_py = v_means2d[view, i, 0], v_means2d[view, i, 1]
                v_x += fx * iz * v_px
                v_y += fy * iz * v_py
                v_z -= iz * iz * (fx * x * v_px + fy * y * v_py)
                v_mx += V[0, 0] * v_x + V[1, 0] * v_y + V[2, 0] * v_z
                v_my += V[0, 1] * v_x + V[1, 1] * v_y + V[2, 1] * v_z
                v_mz += V[0, 2] * v_x + V[1, 2] * v_y + V[2, 2] * v_z

                # Colour; where it was cut off at 0 nothing flows.
                dx, dy, dz = mx - positions[view, 0], my - positions[view, 1], mz - positions[view, 2]
                inverse = _ONE / max(math.sqrt(dx * dx + dy * dy + dz * dz), float32(1e-12))
                ux, uy, uz = dx * inverse, dy * inverse, dz * inverse
                v_red = v_f[6] if f[6] > 0 else _ZERO
                v_green = v_f[7] if f[7] > 0 else _ZERO
                v_blue = v_f[8] if f[8] > 0 else _ZERO
                _basis(ux, uy, uz, degree, basis)
                for k in range(bases):
                    v_sh[i, k, 0] += basis[k] * v_red
                    v_sh[i, k, 1] += basis[k] * v_green
                    v_sh[i, k, 2] += basis[k] * v_blue
                if degree > 0:
                    for k in range(bases):
                        v_basis[k] = sh[i, k, 0] * v_red + sh[i, k, 1] * v_green + sh[i, k, 2] * v_blue
                    _basis_gradient(ux, uy, uz, degree, v_basis, v_direction)
                    along = ux * v_direction[0] + uy * v_direction[1] + uz * v_direction[2]
                    v_mx += inverse * (v_direction[0] - along * ux)
                    v_my += inverse * (v_direction[1] - along * uy)
                    v_mz += inverse * (v_direction[2] - along * uz)

                shortest = 0
                if log_scales[i, 1] < log_scales[i, shortest]:
                    shortest = 1
                if log_scales[i, 2] < log_scales[i, shortest]:
                    shortest = 2
                away = R[0, shortest] * dx + R[1, shortest] * dy + R[2, shortest] * dz
                sign = -_ONE if away > 0 else _ONE
                for c in range(3):
                    v_R[c, shortest] += sign * v_f[10 + c]
            if not ready:
                for c in range(3):
                    v_means[i, c] = v_log_scales[i, c] = v_quats[i, c] = _ZERO
                v_quats[i, 3] = v_logits[i] = _ZERO
                continue
            v_means[i, 0], v_means[i, 1], v_means[i, 2] = v_mx, v_my, v_mz
            for c in range(3):
                along = _ZERO
                for r in range(3):
                    along += v_M[r, c] * M[r, c]
                    v_R[r, c] += v_M[r, c] * scales[c]
                v_log_scales[i, c] = along
            # d ln sigmoid(x) / dx = sigmoid(-x)
            v_logits[i] = v_log_opacity / (_ONE + math.exp(logits[i]))
            v_qw = _TWO * (qx * (v_R[2, 1] - v_R[1, 2]) + qy * (v_R[0, 2] - v_R[2, 0]) + qz * (v_R[1, 0] - v_R[0, 1]))
            v_qx = _TWO * (
                qy * (v_R[0, 1] + v_R[1, 0]) + qz * (v_R[0, 2] + v_R[2, 0]) + qw * (v_R[2, 1] - v_R[1, 2])
            ) - float32(4.0) * qx * (v_R[1, 1] + v_R[2, 2])
            v_qy = _TWO * (
                qx * (v_R[0, 1] + v_R[1, 0]) + qz * (v_R[1, 2] + v_R[2, 1]) + qw * (v_R[0, 2] - v_R[2, 0])
            ) - float32(4.0) * qy * (v_R[0, 0] + v_R[2, 2])
            v_qz = _TWO * (
                qx * (v_R[0, 2] + v_R[2, 0]) + qy * (v_R[1, 2] + v_R[2, 1]) + qw * (v_R[1, 0] - v_R[0, 1])
            ) - float32(4.0) * qz * (v_R[0, 0] + v_R[1, 1])
            along = qw * v_qw + qx * v_qx + qy * v_qy + qz * v_qz
            v_quats[i, 0], v_quats[i, 1] = norm * (v_qw - along * qw), norm * (v_qx - along * qx)
            v_quats[i, 2], v_quats[i, 3] = norm * (v_qy - along * qy), norm * (v_qz - along * qz)


_share_project_backward = sharing(_project_backward)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
@no_type_check
def project_backward(parallel, threads, *arguments):
    return _share_project_backward(parallel, threads, arguments)
