"""Numba kernel: gradients of the raw parameters from what blending sends back (see `cpu_project.py`).

A chunk at a time, one lane a Gaussian: what each view sends back is turned into gradients of centre, scaled axes and
so on, and summed over the views in their order; what the sums mean for the raw parameters is worked out once, at the
end.
"""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import float32, float64

from gs_stein.rasterize.cpu_layouts import CHUNK, aligned, jitted, jitted_inline
from gs_stein.rasterize.cpu_project import (
    LOG2E,
    ROW,
    axes_of,
    centre_in,
    describe,
    unit_quaternion,
)
from gs_stein.rasterize.cpu_sh import C0, basis_gradient, write_basis
from gs_stein.rasterize.simd import WIDTH, both, but_not, load, store, where
from gs_stein.rasterize.simd_math import exp2
from gs_stein.rasterize.team import sharing

_ONE, _ZERO, _TWO, _FOUR = (np.float32(value) for value in (1, 0, 2, 4))


@jitted_inline
@no_type_check
def _load3(planes, at, width):
    """Three planes."""
    return load(planes, at), load(planes, at + width), load(planes, at + 2 * width)


@jitted_inline
@no_type_check
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@jitted_inline
@no_type_check
def _gather(known, k, lane, features, v_projected, source, L):
    """Put what is known of a Gaussian, and what blending sends back, into a lane: planes 0 … 14 as `describe` has them,
    then conic, its gradient, that of ln opacity, depth, centre and normal."""
    item, view, i = source
    f, v_f = features[item], v_projected.features[item]
    for plane in range(15):
        L[plane * WIDTH + lane] = known[plane * ROW + k]
    for c in range(3):
        L[(15 + c) * WIDTH + lane] = f[2 + c]
        L[(18 + c) * WIDTH + lane] = v_f[2 + c]
        L[(25 + c) * WIDTH + lane] = v_f[10 + c]
    L[21 * WIDTH + lane], L[22 * WIDTH + lane] = v_f[5], v_f[9]
    L[23 * WIDTH + lane] = v_projected.means2d[view, i, 0]
    L[24 * WIDTH + lane] = v_projected.means2d[view, i, 1]


@jitted_inline
@no_type_check
def _turn_axes_gradients(antialiased, L, U):
    """Replace the projected axes u, v (planes 0 … 5) by their gradients, which come from that of the conic and,
    antialiased, of the opacity.

    Covariance [[p, q], [q, r]] from its inverse: v_P = -Q V Q. In float64, because for a long Gaussian all but one part
    in (length / thickness)⁴ cancels.
    """
    for lane in range(WIDTH):
        A, B, C = float64(L[15 * WIDTH + lane]), float64(L[16 * WIDTH + lane]), float64(L[17 * WIDTH + lane])
        v_A, v_C = float64(L[18 * WIDTH + lane]), float64(L[20 * WIDTH + lane])
        v_B = 0.5 * float64(L[19 * WIDTH + lane])
        t0, t1 = A * v_A + B * v_B, A * v_B + B * v_C
        t2, t3 = B * v_A + C * v_B, B * v_B + C * v_C
        v_p, v_q, v_r = -(t0 * A + t1 * B), -2.0 * (t0 * B + t1 * C), -(t2 * B + t3 * C)
        u0, u1, u2 = U[lane], U[WIDTH + lane], U[2 * WIDTH + lane]
        v0, v1, v2 = U[3 * WIDTH + lane], U[4 * WIDTH + lane], U[5 * WIDTH + lane]
        if antialiased:
            # ln ρ = ½ (ln det sharp - ln det); adj(P)/det is the conic, adj of the sharp one follows.
            k0, k1, k2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
            sharp, v_peak = _ONE / (k0 * k0 + k1 * k1 + k2 * k2), L[21 * WIDTH + lane]
            v_p += 0.5 * v_peak * ((v0 * v0 + v1 * v1 + v2 * v2) * sharp - A)
            v_q += v_peak * (-(u0 * v0 + u1 * v1 + u2 * v2) * sharp - B)
            v_r += 0.5 * v_peak * ((u0 * u0 + u1 * u1 + u2 * u2) * sharp - C)
        U[lane], U[3 * WIDTH + lane] = 2.0 * v_p * u0 + v_q * v0, 2.0 * v_r * v0 + v_q * u0
        U[WIDTH + lane], U[4 * WIDTH + lane] = 2.0 * v_p * u1 + v_q * v1, 2.0 * v_r * v1 + v_q * u1
        U[2 * WIDTH + lane], U[5 * WIDTH + lane] = 2.0 * v_p * u2 + v_q * v2, 2.0 * v_r * v2 + v_q * u2


@jitted_inline
@no_type_check
def _write_gradients(views, view, limits, position, L, out):
    """Write what reaches WIDTH Gaussians from one view: gradients of centre, M, facing axis and ln opacity."""
    V, K = views.viewmats[view], views.Ks[view]
    x, y, z = _load3(L, 0, WIDTH)
    cx, cy, iz, tx, ty = centre_in(V, limits, x, y, z)
    fx, fy = iz * K[0, 0], iz * K[1, 1]
    m0, m1, m2 = _load3(L, 3 * WIDTH, WIDTH), _load3(L, 6 * WIDTH, WIDTH), _load3(L, 9 * WIDTH, WIDTH)
    # W, the projection linearised at the centre, and U = W M.
    w = fx * (V[0, 0] - tx * V[2, 0]), fx * (V[0, 1] - tx * V[2, 1]), fx * (V[0, 2] - tx * V[2, 2])
    h = fy * (V[1, 0] - ty * V[2, 0]), fy * (V[1, 1] - ty * V[2, 1]), fy * (V[1, 2] - ty * V[2, 2])
    store(out, 0, _dot(w, m0))
    store(out, WIDTH, _dot(w, m1))
    store(out, 2 * WIDTH, _dot(w, m2))
    store(out, 3 * WIDTH, _dot(h, m0))
    store(out, 4 * WIDTH, _dot(h, m1))
    store(out, 5 * WIDTH, _dot(h, m2))
    _turn_axes_gradients(views.antialiased, L, out)
    u, v = _load3(out, 0, WIDTH), _load3(out, 3 * WIDTH, WIDTH)
    for k in range(3):
        v_u, v_v = load(out, k * WIDTH), load(out, (3 + k) * WIDTH)
        store(out, (6 + 3 * k) * WIDTH, w[0] * v_u + h[0] * v_v)
        store(out, (7 + 3 * k) * WIDTH, w[1] * v_u + h[1] * v_v)
        store(out, (8 + 3 * k) * WIDTH, w[2] * v_u + h[2] * v_v)
    v_w = _row_of(u, m0, m1, m2)
    v_h = _row_of(v, m0, m1, m2)
    # W = J · rotation with J = [[fx/z, 0, -fx·tx/z], [0, fy/z, -fy·ty/z]].
    j00, j02 = _dot(v_w, V[0]), _dot(v_w, V[2])
    j11, j12 = _dot(v_h, V[1]), _dot(v_h, V[2])
    v_px, v_py = load(L, 23 * WIDTH), load(L, 24 * WIDTH)
    free_x = both(cx * iz >= limits[0], cx * iz <= limits[1])
    free_y = both(cy * iz >= limits[2], cy * iz <= limits[3])
    tilt_x, tilt_y = where(free_x, fx * iz * j02, _ZERO), where(free_y, fy * iz * j12, _ZERO)
    v_z = load(L, 22 * WIDTH) - iz * (fx * (j00 - tx * j02) + fy * (j11 - ty * j12))
    v_z = v_z + tx * tilt_x + ty * tilt_y - iz * (fx * cx * v_px + fy * cy * v_py)
    v_x, v_y = fx * v_px - tilt_x, fy * v_py - tilt_y
    store(out, 0, V[0, 0] * v_x + V[1, 0] * v_y + V[2, 0] * v_z)
    store(out, WIDTH, V[0, 1] * v_x + V[1, 1] * v_y + V[2, 1] * v_z)
    store(out, 2 * WIDTH, V[0, 2] * v_x + V[1, 2] * v_y + V[2, 2] * v_z)
    for plane in range(9):
        store(out, (3 + plane) * WIDTH, load(out, (6 + plane) * WIDTH))
    axis = _load3(L, 12 * WIDTH, WIDTH)
    away = _dot(axis, (x - position[0], y - position[1], z - position[2])) > _ZERO
    for c in range(3):
        v_normal = load(L, (25 + c) * WIDTH)
        store(out, (12 + c) * WIDTH, where(away, _ZERO - v_normal, v_normal))
    store(out, 15 * WIDTH, load(L, 21 * WIDTH))


@jitted_inline
@no_type_check
def _row_of(v, m0, m1, m2):
    """A row of the gradient of W from one of U's: v Mᵀ."""
    x = v[0] * m0[0] + v[1] * m1[0] + v[2] * m2[0]
    y = v[0] * m0[1] + v[1] * m1[1] + v[2] * m2[1]
    z = v[0] * m0[2] + v[1] * m1[2] + v[2] * m2[2]
    return x, y, z


@jitted_inline
@no_type_check
def _add_colour_gradient(f, v_f, mean, position, sh, v_sh, work):
    """Add what reaches the harmonics by way of the colour, and write what reaches the mean, if there are several.

    Where the colour was cut off at 0 nothing flows. work: degree, room for the basis, its gradient and the mean's.
    """
    degree, basis, v_basis, v_mean = work
    v_red = v_f[6] if f[6] > 0 else _ZERO
    v_green = v_f[7] if f[7] > 0 else _ZERO
    v_blue = v_f[8] if f[8] > 0 else _ZERO
    bases = (degree + 1) ** 2
    dx, dy, dz = mean[0] - position[0], mean[1] - position[1], mean[2] - position[2]
    basis[0] = C0
    if degree > 0:
        inverse = _ONE / max(math.sqrt(dx * dx + dy * dy + dz * dz), float32(1e-12))
        ux, uy, uz = dx * inverse, dy * inverse, dz * inverse
        write_basis(ux, uy, uz, degree, basis)
        for k in range(bases):
            v_basis[k] = sh[k, 0] * v_red + sh[k, 1] * v_green + sh[k, 2] * v_blue
        gx, gy, gz = basis_gradient(ux, uy, uz, degree, v_basis)
        along = ux * gx + uy * gy + uz * gz
        v_mean[0] = inverse * (gx - along * ux)
        v_mean[1] = inverse * (gy - along * uy)
        v_mean[2] = inverse * (gz - along * uz)
    for k in range(bases):
        v_sh[k, 0] += basis[k] * v_red
        v_sh[k, 1] += basis[k] * v_green
        v_sh[k, 2] += basis[k] * v_blue


@jitted_inline
@no_type_check
def _quaternion_gradient(quaternion, c0, c1, c2):
    """Gradient of a quaternion of any length from those of its rotation matrix's columns."""
    w, x, y, z, norm = quaternion
    v_w = (x * (c1[2] - c2[1]) + y * (c2[0] - c0[2]) + z * (c0[1] - c1[0])) * _TWO
    v_x = (y * (c1[0] + c0[1]) + z * (c2[0] + c0[2]) + w * (c1[2] - c2[1])) * _TWO - x * (c1[1] + c2[2]) * _FOUR
    v_y = (x * (c1[0] + c0[1]) + z * (c2[1] + c1[2]) + w * (c2[0] - c0[2])) * _TWO - y * (c0[0] + c2[2]) * _FOUR
    v_z = (x * (c2[0] + c0[2]) + y * (c2[1] + c1[2]) + w * (c0[1] - c1[0])) * _TWO - z * (c0[0] + c1[1]) * _FOUR
    along = w * v_w + x * v_x + y * v_y + z * v_z
    return norm * (v_w - along * w), norm * (v_x - along * x), norm * (v_y - along * y), norm * (v_z - along * z)


@jitted_inline
@no_type_check
def _scaled(v_column, scale, v_axis, facing):
    """Gradient of an axis from that of the scaled one, and of the facing one if it is that."""
    x, y, z = v_column[0] * scale, v_column[1] * scale, v_column[2] * scale
    x, y, z = (
        x + where(facing, v_axis[0], _ZERO),
        y + where(facing, v_axis[1], _ZERO),
        z + where(facing, v_axis[2], _ZERO),
    )
    return x, y, z


@jitted_inline
@no_type_check
def _finish(k, sums, known):
    """Turn the sums of WIDTH Gaussians (planes of `sums`) into gradients of what `known` has of them: log scales 7 … 9,
    quats 3 … 6, logits 15; they take its place."""
    quaternion = unit_quaternion(
        load(known, 3 * ROW + k), load(known, 4 * ROW + k), load(known, 5 * ROW + k), load(known, 6 * ROW + k)
    )
    r0, r1, r2 = axes_of(quaternion)
    l0, l1, l2 = _load3(known, 7 * ROW + k, ROW)
    s0, s1, s2 = exp2(l0 * LOG2E), exp2(l1 * LOG2E), exp2(l2 * LOG2E)
    c0, c1, c2 = _load3(sums, 3 * ROW + k, ROW), _load3(sums, 6 * ROW + k, ROW), _load3(sums, 9 * ROW + k, ROW)
    v_axis = _load3(sums, 12 * ROW + k, ROW)
    second = l1 < l0
    third = l2 < where(second, l1, l0)
    store(known, 7 * ROW + k, _dot(c0, r0) * s0)
    store(known, 8 * ROW + k, _dot(c1, r1) * s1)
    store(known, 9 * ROW + k, _dot(c2, r2) * s2)
    c0 = _scaled(c0, s0, v_axis, but_not(but_not(l0 <= l0, second), third))
    c1 = _scaled(c1, s1, v_axis, but_not(second, third))
    c2 = _scaled(c2, s2, v_axis, third)
    v_w, v_x, v_y, v_z = _quaternion_gradient(quaternion, c0, c1, c2)
    store(known, 3 * ROW + k, v_w)
    store(known, 4 * ROW + k, v_x)
    store(known, 5 * ROW + k, v_y)
    store(known, 6 * ROW + k, v_z)
    # d ln sigmoid(x) / dx = sigmoid(-x)
    store(known, 15 * ROW + k, load(sums, 15 * ROW + k) / (exp2(load(known, 15 * ROW + k) * LOG2E) + _ONE))


@no_type_check
def _project_backward(share, shares, scene, views, seen, features, v_projected, v_scene):
    """Gradients of the raw parameters, summed over the views in their order; 0 for what no view saw."""
    n, count = scene.means.shape[0], views.viewmats.shape[0]
    chunk_count = (n + CHUNK - 1) // CHUNK
    known, sums, L, out = aligned(16 * ROW), aligned(16 * ROW), aligned(28 * WIDTH), aligned(16 * WIDTH)
    work = views.degree, np.empty(16, np.float32), np.empty(16, np.float32), np.empty(3, np.float32)
    members, places = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    for chunk in range(share, chunk_count, shares):
        first = chunk * CHUNK
        last = min(first + CHUNK, n)
        v_scene.means[first:last] = _ZERO
        v_scene.log_scales[first:last] = _ZERO
        v_scene.quats[first:last] = _ZERO
        v_scene.logits[first:last] = _ZERO
        v_scene.sh[first:last] = _ZERO
        for k in range(CHUNK):
            places[k] = -1
        known_count = 0
        for view in range(count):
            row = view * chunk_count + chunk
            for item in range(seen.chunk_starts[row], seen.chunk_starts[row + 1]):
                member = seen.ids[item] - first
                if places[member] < 0:
                    places[member] = known_count
                    members[known_count] = member
                    known_count += 1
        describe(scene, first, members, known_count, known)
        for plane in range(16):
            for k in range(known_count):
                sums[plane * ROW + k] = _ZERO
        for view in range(count):
            row = view * chunk_count + chunk
            for start in range(seen.chunk_starts[row], seen.chunk_starts[row + 1], WIDTH):
                lanes = min(seen.chunk_starts[row + 1] - start, WIDTH)
                for lane in range(lanes):
                    i = seen.ids[start + lane]
                    _gather(known, places[i - first], lane, features, v_projected, (start + lane, view, i), L)
                _write_gradients(views, view, views.limits[view], views.positions[view], L, out)
                for lane in range(lanes):
                    i = seen.ids[start + lane]
                    k = places[i - first]
                    for plane in range(16):
                        sums[plane * ROW + k] += out[plane * WIDTH + lane]
                    f, v_f = features[start + lane], v_projected.features[start + lane]
                    _add_colour_gradient(
                        f, v_f, scene.means[i], views.positions[view], scene.sh[i], v_scene.sh[i], work
                    )
                    if views.degree > 0:
                        for c in range(3):
                            sums[c * ROW + k] += work[3][c]
        for k in range(known_count):
            i = first + members[k]
            for c in range(3):
                known[(7 + c) * ROW + k] = scene.log_scales[i, c]
            for c in range(4):
                known[(3 + c) * ROW + k] = scene.quats[i, c]
            known[15 * ROW + k] = scene.logits[i]
        for k in range(0, known_count, WIDTH):
            _finish(k, sums, known)
        for k in range(known_count):
            i = first + members[k]
            for c in range(3):
                v_scene.means[i, c], v_scene.log_scales[i, c] = sums[c * ROW + k], known[(7 + c) * ROW + k]
            for c in range(4):
                v_scene.quats[i, c] = known[(3 + c) * ROW + k]
            v_scene.logits[i] = known[15 * ROW + k]


_share_project_backward = sharing(_project_backward)


@jitted
@no_type_check
def project_backward(parallel, threads, *arguments):
    return _share_project_backward(parallel, threads, arguments)
