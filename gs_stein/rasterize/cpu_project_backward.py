"""Numba kernel: gradients of the raw parameters from what blending sends back (see `cpu_project.py`)."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import math
from typing import NamedTuple, no_type_check

import numpy as np
from numba import float32, float64

from gs_stein.rasterize.cpu_layouts import CHUNK, jitted, jitted_inline
from gs_stein.rasterize.cpu_project import depth_of, limits_and_positions
from gs_stein.rasterize.cpu_sh import basis_gradient, write_basis
from gs_stein.rasterize.team import sharing

_ONE, _ZERO, _TWO, _FOUR = (np.float32(value) for value in (1, 0, 2, 4))


class _Centre(NamedTuple):
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


@jitted_inline
@no_type_check
def _write_axes(scene, i, R, M, scales):
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


@jitted_inline
@no_type_check
def _centre_in(V, limits, mean, z):
    """The `_Centre` of a Gaussian at `mean`, seen at depth z."""
    x = V[0, 0] * mean[0] + V[0, 1] * mean[1] + V[0, 2] * mean[2] + V[0, 3]
    y = V[1, 0] * mean[0] + V[1, 1] * mean[1] + V[1, 2] * mean[2] + V[1, 3]
    iz = _ONE / z
    tx, ty = x * iz, y * iz
    free_x = tx >= limits[0] and tx <= limits[1]
    free_y = ty >= limits[2] and ty <= limits[3]
    tx = min(max(tx, limits[0]), limits[1])
    ty = min(max(ty, limits[2]), limits[3])
    return _Centre(x, y, iz, tx, ty, free_x, free_y)


@jitted_inline
@no_type_check
def _facing_axis(log_scales, R, offset):
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
def _sharp_covariance(U):
    """xx, xy and yy of U Uᵀ."""
    a = U[0, 0] * U[0, 0] + U[0, 1] * U[0, 1] + U[0, 2] * U[0, 2]
    b = U[0, 0] * U[1, 0] + U[0, 1] * U[1, 1] + U[0, 2] * U[1, 2]
    c = U[1, 0] * U[1, 0] + U[1, 1] * U[1, 1] + U[1, 2] * U[1, 2]
    return a, b, c


@jitted_inline
@no_type_check
def _sharp_determinant(U):
    """|u₀ × u₁|², the determinant of U Uᵀ."""
    k0 = U[0, 1] * U[1, 2] - U[0, 2] * U[1, 1]
    k1 = U[0, 2] * U[1, 0] - U[0, 0] * U[1, 2]
    k2 = U[0, 0] * U[1, 1] - U[0, 1] * U[1, 0]
    return k0 * k0 + k1 * k1 + k2 * k2


@jitted_inline
@no_type_check
def _write_projection(V, K, centre, M, W, U):
    """Write W, the projection linearised at a centre, and U = W M."""
    fx, fy, iz = K[0, 0], K[1, 1], centre.inverse_z
    for c in range(3):
        W[0, c] = fx * iz * (V[0, c] - centre.slope_x * V[2, c])
        W[1, c] = fy * iz * (V[1, c] - centre.slope_y * V[2, c])
    for c in range(2, -1, -1):
        for r in range(2):
            U[r, c] = W[r, 0] * M[0, c] + W[r, 1] * M[1, c] + W[r, 2] * M[2, c]


@jitted_inline
@no_type_check
def __write_axes_gradient(f, v_f, antialiased, U, v_U):
    """Write the gradient of U from that of the conic and, antialiased, of the opacity.

    Covariance [[p, q], [q, r]] from its inverse: v_P = -Q V Q. In float64, because for a long Gaussian all but one part
    in (length / thickness)⁴ cancels.
    """
    A, B, C = float64(f[2]), float64(f[3]), float64(f[4])
    v_A, v_B, v_C = float64(v_f[2]), 0.5 * float64(v_f[3]), float64(v_f[4])
    t0, t1 = A * v_A + B * v_B, A * v_B + B * v_C
    t2, t3 = B * v_A + C * v_B, B * v_B + C * v_C
    v_p, v_q, v_r = -(t0 * A + t1 * B), -2.0 * (t0 * B + t1 * C), -(t2 * B + t3 * C)
    if antialiased:
        # ln ρ = ½ (ln det sharp - ln det); adj(P)/det is the conic, adj of the sharp one follows.
        sharp = _ONE / _sharp_determinant(U)
        a, b, c = _sharp_covariance(U)
        v_p += 0.5 * v_f[5] * (c * sharp - A)
        v_q += v_f[5] * (-b * sharp - B)
        v_r += 0.5 * v_f[5] * (a * sharp - C)
    for k in range(3):
        v_U[0, k] = 2.0 * v_p * U[0, k] + v_q * U[1, k]
        v_U[1, k] = 2.0 * v_r * U[1, k] + v_q * U[0, k]


@jitted_inline
@no_type_check
def _add_mean_gradient(V, K, centre, v_W, v_centre2d, v_depth, v_mean):
    """Add what reaches a mean by way of W, of its place in the picture and of its depth.

    W = J · rotation with J = [[fx/z, 0, -fx·tx/z], [0, fy/z, -fy·ty/z]].
    """
    fx, fy, iz, tx, ty = K[0, 0], K[1, 1], centre.inverse_z, centre.slope_x, centre.slope_y
    v_j00 = v_W[0, 0] * V[0, 0] + v_W[0, 1] * V[0, 1] + v_W[0, 2] * V[0, 2]
    v_j11 = v_W[1, 0] * V[1, 0] + v_W[1, 1] * V[1, 1] + v_W[1, 2] * V[1, 2]
    v_j02 = v_W[0, 0] * V[2, 0] + v_W[0, 1] * V[2, 1] + v_W[0, 2] * V[2, 2]
    v_j12 = v_W[1, 0] * V[2, 0] + v_W[1, 1] * V[2, 1] + v_W[1, 2] * V[2, 2]
    v_z = v_depth - iz * iz * (fx * (v_j00 - tx * v_j02) + fy * (v_j11 - ty * v_j12))
    v_x, v_y = _ZERO, _ZERO
    if centre.free_x:
        v_x -= fx * iz * iz * v_j02
        v_z += fx * iz * iz * tx * v_j02
    if centre.free_y:
        v_y -= fy * iz * iz * v_j12
        v_z += fy * iz * iz * ty * v_j12
    v_px, v_py = v_centre2d[0], v_centre2d[1]
    v_x += fx * iz * v_px
    v_y += fy * iz * v_py
    v_z -= iz * iz * (fx * centre.x * v_px + fy * centre.y * v_py)
    for c in range(3):
        v_mean[c] += V[0, c] * v_x + V[1, c] * v_y + V[2, c] * v_z


@jitted_inline
@no_type_check
def _add_colour_gradient(f, v_f, offset, sh, v_sh, v_mean, work):
    """Add what reaches harmonics and mean by way of the colour; where that was cut off at 0 nothing flows."""
    degree, basis, v_basis = work
    dx, dy, dz = offset
    inverse = _ONE / max(math.sqrt(dx * dx + dy * dy + dz * dz), float32(1e-12))
    ux, uy, uz = dx * inverse, dy * inverse, dz * inverse
    v_red = v_f[6] if f[6] > 0 else _ZERO
    v_green = v_f[7] if f[7] > 0 else _ZERO
    v_blue = v_f[8] if f[8] > 0 else _ZERO
    write_basis(ux, uy, uz, degree, basis)
    bases = (degree + 1) ** 2
    for k in range(bases):
        v_sh[k, 0] += basis[k] * v_red
        v_sh[k, 1] += basis[k] * v_green
        v_sh[k, 2] += basis[k] * v_blue
    if degree > 0:
        for k in range(bases):
            v_basis[k] = sh[k, 0] * v_red + sh[k, 1] * v_green + sh[k, 2] * v_blue
        gx, gy, gz = basis_gradient(ux, uy, uz, degree, v_basis)
        along = ux * gx + uy * gy + uz * gz
        v_mean[0] += inverse * (gx - along * ux)
        v_mean[1] += inverse * (gy - along * uy)
        v_mean[2] += inverse * (gz - along * uz)


@jitted_inline
@no_type_check
def _write_quaternion_gradient(quaternion, v_R, out):
    """Write the gradient of a quaternion of any length from that of its rotation matrix."""
    w, x, y, z, norm = quaternion
    v_w = _TWO * (x * (v_R[2, 1] - v_R[1, 2]) + y * (v_R[0, 2] - v_R[2, 0]) + z * (v_R[1, 0] - v_R[0, 1]))
    v_x = _TWO * (
        y * (v_R[0, 1] + v_R[1, 0]) + z * (v_R[0, 2] + v_R[2, 0]) + w * (v_R[2, 1] - v_R[1, 2])
    ) - _FOUR * x * (v_R[1, 1] + v_R[2, 2])
    v_y = _TWO * (
        x * (v_R[0, 1] + v_R[1, 0]) + z * (v_R[1, 2] + v_R[2, 1]) + w * (v_R[0, 2] - v_R[2, 0])
    ) - _FOUR * y * (v_R[0, 0] + v_R[2, 2])
    v_z = _TWO * (
        x * (v_R[0, 2] + v_R[2, 0]) + y * (v_R[1, 2] + v_R[2, 1]) + w * (v_R[1, 0] - v_R[0, 1])
    ) - _FOUR * z * (v_R[0, 0] + v_R[1, 1])
    along = w * v_w + x * v_x + y * v_y + z * v_z
    out[0], out[1] = norm * (v_w - along * w), norm * (v_x - along * x)
    out[2], out[3] = norm * (v_y - along * y), norm * (v_z - along * z)


@no_type_check
def _project_backward(share, shares, scene, views, items, features, v_projected, v_scene):
    """Gradients of the raw parameters, summed over the views in their order; 0 for what no view saw."""
    n, count = scene.means.shape[0], views.viewmats.shape[0]
    R, M, U = np.empty((3, 3), np.float32), np.empty((3, 3), np.float32), np.empty((2, 3), np.float32)
    W, v_U, v_W = np.empty((2, 3), np.float32), np.empty((2, 3), np.float32), np.empty((2, 3), np.float32)
    v_M, v_R = np.empty((3, 3), np.float32), np.empty((3, 3), np.float32)
    scales, v_mean = np.empty(3, np.float32), np.empty(3, np.float32)
    work = views.degree, np.zeros(16, np.float32), np.zeros(16, np.float32)
    limits, positions = limits_and_positions(views)
    for chunk in range(share, (n + CHUNK - 1) // CHUNK, shares):
        for i in range(chunk * CHUNK, min(chunk * CHUNK + CHUNK, n)):
            v_sh = v_scene.sh[i]
            for k in range(v_sh.shape[0]):
                v_sh[k, 0] = v_sh[k, 1] = v_sh[k, 2] = _ZERO
            ready = False
            for view in range(count):
                item = items[view, i]
                if item < 0:
                    continue
                if not ready:
                    ready = True
                    quaternion = _write_axes(scene, i, R, M, scales)
                    for c in range(3):
                        v_mean[c] = _ZERO
                        for r in range(3):
                            v_M[r, c] = v_R[r, c] = _ZERO
                    v_log_opacity = _ZERO
                mean = scene.means[i, 0], scene.means[i, 1], scene.means[i, 2]
                V, K = views.viewmats[view], views.Ks[view]
                f, v_f = features[item], v_projected.features[item]
                centre = _centre_in(V, limits[view], mean, depth_of(V, mean))
                v_log_opacity += v_f[5]
                _write_projection(V, K, centre, M, W, U)
                __write_axes_gradient(f, v_f, views.antialiased, U, v_U)
                for r in range(2):
                    for c in range(3):
                        v_W[r, c] = v_U[r, 0] * M[c, 0] + v_U[r, 1] * M[c, 1] + v_U[r, 2] * M[c, 2]
                for r in range(3):
                    for c in range(3):
                        v_M[r, c] += W[0, r] * v_U[0, c] + W[1, r] * v_U[1, c]
                _add_mean_gradient(V, K, centre, v_W, v_projected.means2d[view, i], v_f[9], v_mean)
                offset = mean[0] - positions[view, 0], mean[1] - positions[view, 1], mean[2] - positions[view, 2]
                _add_colour_gradient(f, v_f, offset, scene.sh[i], v_sh, v_mean, work)
                shortest, sign = _facing_axis(scene.log_scales[i], R, offset)
                for c in range(3):
                    v_R[c, shortest] += sign * v_f[10 + c]
            if not ready:
                for c in range(3):
                    v_scene.means[i, c] = v_scene.log_scales[i, c] = v_scene.quats[i, c] = _ZERO
                v_scene.quats[i, 3] = v_scene.logits[i] = _ZERO
                continue
            for c in range(3):
                v_scene.means[i, c] = v_mean[c]
                along = _ZERO
                for r in range(3):
                    along += v_M[r, c] * M[r, c]
                    v_R[r, c] += v_M[r, c] * scales[c]
                v_scene.log_scales[i, c] = along
            # d ln sigmoid(x) / dx = sigmoid(-x)
            v_scene.logits[i] = v_log_opacity / (_ONE + math.exp(scene.logits[i]))
            _write_quaternion_gradient(quaternion, v_R, v_scene.quats[i])


_share_project_backward = sharing(_project_backward)


@jitted
@no_type_check
def project_backward(parallel, threads, *arguments):
    return _share_project_backward(parallel, threads, arguments)
