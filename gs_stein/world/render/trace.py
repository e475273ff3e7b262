"""Packets of rays against analytic primitives and the room's walls: what every ray enters first.

A kernel for each kind of primitive; `meet` chooses. Inlined, because a packet meets hundreds of primitives.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

from gs_stein.world.builder import BOX, CONE, ELLIPSOID, FRUSTUM, TORUS
from gs_stein.world.render.kernels import INFINITY, PACKET_OPTIONS
from gs_stein.world.render.packet import DX, DY, DZ, F0, F1, HIT, LANES, OX, OY, OZ, SCRATCH, TINY, T

_AX, _AY, _AZ, _BX, _BY, _BZ, _T0, _T1, _D = (SCRATCH + LANES * k for k in range(9))
"""Origins and directions in the primitive's frame, where rays enter and leave, and how far its surface is."""
_HALF = np.float32(0.5)


@njit(**PACKET_OPTIONS)
@no_type_check
def meet(w, shapes, g, i):
    """Let a packet meet primitive i: `T` and `HIT` take it where it is entered nearer than what they hold.

    Args:
        w: the packet's buffer.
        shapes: kinds of primitives.
        g: their geometry, flat, 17 float32 each.
        i: which one.
    """
    shape = shapes[i]
    index = np.float32(i)
    o = 17 * i
    _enter_frame(w, g, o, shape == ELLIPSOID or shape == CONE or shape == FRUSTUM)
    if shape == BOX or shape == TORUS:
        if not _enter_box(w, g, o):
            return
        if shape == TORUS:
            _meet_torus(w, g, o, index)
        elif g[o + 15] > F0:
            _meet_rounded_box(w, g, o, index)
        else:
            _meet_box(w, index)
    elif shape == ELLIPSOID:
        _meet_ellipsoid(w, g, o, index)
    elif shape == CONE:
        _meet_cone(w, g, o, index)
    else:
        _meet_frustum(w, g, o, index)


@njit(inline="always", **PACKET_OPTIONS)
@no_type_check
def _enter_frame(w, g, o, unit):
    """Rays in the frame of the primitive whose geometry begins at o, in units of its half extents where asked.

    Distances along the rays stay metric.
    """
    cx, cy, cz = g[o], g[o + 1], g[o + 2]
    r0, r1, r2, r3, r4 = g[o + 3], g[o + 4], g[o + 5], g[o + 6], g[o + 7]
    r5, r6, r7, r8 = g[o + 8], g[o + 9], g[o + 10], g[o + 11]
    sx, sy, sz = F1, F1, F1
    if unit:
        sx, sy, sz = F1 / g[o + 12], F1 / g[o + 13], F1 / g[o + 14]
    for l in range(LANES):
        px, py, pz = w[OX + l] - cx, w[OY + l] - cy, w[OZ + l] - cz
        w[_AX + l] = (r0 * px + r3 * py + r6 * pz) * sx
        w[_AY + l] = (r1 * px + r4 * py + r7 * pz) * sy
        w[_AZ + l] = (r2 * px + r5 * py + r8 * pz) * sz
        dx, dy, dz = w[DX + l], w[DY + l], w[DZ + l]
        bx = (r0 * dx + r3 * dy + r6 * dz) * sx
        by = (r1 * dx + r4 * dy + r7 * dz) * sy
        bz = (r2 * dx + r5 * dy + r8 * dz) * sz
        w[_BX + l] = bx if abs(bx) > TINY else TINY
        w[_BY + l] = by if abs(by) > TINY else TINY
        w[_BZ + l] = bz if abs(bz) > TINY else TINY


@njit(inline="always", **PACKET_OPTIONS)
@no_type_check
def _enter_box(w, g, o):
    """Where rays enter and leave a box; whether any of them enters it before what it holds."""
    hx, hy, hz = g[o + 12], g[o + 13], g[o + 14]
    touched = F0
    for l in range(LANES):
        ix, iy, iz = F1 / w[_BX + l], F1 / w[_BY + l], F1 / w[_BZ + l]
        tx0, tx1 = (-hx - w[_AX + l]) * ix, (hx - w[_AX + l]) * ix
        ty0, ty1 = (-hy - w[_AY + l]) * iy, (hy - w[_AY + l]) * iy
        tz0, tz1 = (-hz - w[_AZ + l]) * iz, (hz - w[_AZ + l]) * iz
        t0 = max(max(min(tx0, tx1), min(ty0, ty1)), min(tz0, tz1))
        t1 = min(min(max(tx0, tx1), max(ty0, ty1)), max(tz0, tz1))
        ok = (t0 <= t1) & (t1 > F0) & (t0 < w[T + l])
        w[_T0 + l] = t0 if ok else np.float32(INFINITY)
        w[_T1 + l] = t1
        touched += F1 if ok else F0
    return touched > F0


@njit(inline="always", **PACKET_OPTIONS)
@no_type_check
def _meet_box(w, index):
    """A box with sharp edges, after `_enter_box`."""
    for l in range(LANES):
        t = w[_T0 + l]
        ok = (t > F0) & (t < w[T + l])
        w[T + l] = t if ok else w[T + l]
        w[HIT + l] = index if ok else w[HIT + l]


@njit(inline="always", **PACKET_OPTIONS)
@no_type_check
def _meet_rounded_box(w, g, o, index):
    """A box with round edges: sphere tracing from where the box is entered."""
    hx, hy, hz, radius = g[o + 12], g[o + 13], g[o + 14], g[o + 15]
    kx, ky, kz = hx - radius, hy - radius, hz - radius
    for l in range(LANES):
        w[_T0 + l] = max(w[_T0 + l], F0)
    for _ in range(9):
        for l in range(LANES):
            t = w[_T0 + l]
            qx = abs(w[_AX + l] + t * w[_BX + l]) - kx
            qy = abs(w[_AY + l] + t * w[_BY + l]) - ky
            qz = abs(w[_AZ + l] + t * w[_BZ + l]) - kz
            ox, oy, oz = max(qx, F0), max(qy, F0), max(qz, F0)
            d = np.float32(math.sqrt(ox * ox + oy * oy + oz * oz)) + min(max(qx, max(qy, qz)), F0) - radius
            w[_D + l] = d
            w[_T0 + l] = t + d
    _take_marched(w, index, np.float32(4e-3))


@njit(inline="always", **PACKET_OPTIONS)
@no_type_check
def _meet_torus(w, g, o, index):
    """A ring: sphere tracing from where its box is entered."""
    tube = g[o + 14]
    ring = g[o + 12] - tube
    for l in range(LANES):
        w[_T0 + l] = max(w[_T0 + l], F0)
    for _ in range(28):
        for l in range(LANES):
            t = w[_T0 + l]
            x, y, z = w[_AX + l] + t * w[_BX + l], w[_AY + l] + t * w[_BY + l], w[_AZ + l] + t * w[_BZ + l]
            q = np.float32(math.sqrt(x * x + y * y)) - ring
            d = np.float32(math.sqrt(q * q + z * z)) - tube
            w[_D + l] = d
            w[_T0 + l] = t + d
    _take_marched(w, index, np.float32(2e-3))


@njit(inline="always", **PACKET_OPTIONS)
@no_type_check
def _take_marched(w, index, near):
    """Take a primitive where sphere tracing ended within `near` metres of its surface, inside its box."""
    for l in range(LANES):
        t = w[_T0 + l]
        ok = (t > np.float32(1e-3)) & (t < w[T + l]) & (t < w[_T1 + l]) & (w[_D + l] < near)
        w[T + l] = t if ok else w[T + l]
        w[HIT + l] = index if ok else w[HIT + l]


@njit(inline="always", **PACKET_OPTIONS)
@no_type_check
def _meet_ellipsoid(w, g, o, index):
    """A unit sphere above the height p0."""
    p0 = g[o + 15]
    clipped = p0 > -F1
    for l in range(LANES):
        ax, ay, az = w[_AX + l], w[_AY + l], w[_AZ + l]
        bx, by, bz = w[_BX + l], w[_BY + l], w[_BZ + l]
        a = bx * bx + by * by + bz * bz
        b = ax * bx + ay * by + az * bz
        c = ax * ax + ay * ay + az * az - F1
        root = b * b - a * c
        s = np.float32(math.sqrt(max(root, F0)))
        t0, t1 = (-b - s) / a, (-b + s) / a
        if clipped:
            t = (p0 - az) / bz
            t0, t1 = (max(t0, t) if bz > F0 else t0), (t1 if bz > F0 else min(t1, t))
        ok = (root > F0) & (t0 > F0) & (t0 <= t1) & (t0 < w[T + l])
        w[T + l] = t0 if ok else w[T + l]
        w[HIT + l] = index if ok else w[HIT + l]


@njit(inline="always", **PACKET_OPTIONS)
@no_type_check
def _meet_cone(w, g, o, index):
    """A cone frustum of radius 1 at z = -1 and p0 at z = 1."""
    p0 = g[o + 15]
    m, k = _HALF * (F1 + p0), _HALF * (p0 - F1)
    for l in range(LANES):
        ax, ay, az = w[_AX + l], w[_AY + l], w[_AZ + l]
        bx, by, bz = w[_BX + l], w[_BY + l], w[_BZ + l]
        tz0, tz1 = (-F1 - az) / bz, (F1 - az) / bz
        t0, t1 = min(tz0, tz1), max(tz0, tz1)
        e, f = m + k * az, k * bz
        a = bx * bx + by * by - f * f
        b = ax * bx + ay * by - e * f
        c = ax * ax + ay * ay - e * e
        a = a if abs(a) > np.float32(1e-10) else np.float32(1e-10)
        root = b * b - a * c
        s = np.float32(math.sqrt(max(root, F0)))
        u, v = (-b - s) / a, (-b + s) / a
        s0, s1 = min(u, v), max(u, v)
        # flatter than the cone: inside between the roots; steeper: inside but between them
        wide = a > F0
        inside = ((a * t0 + b + b) * t0 + c) <= F0
        start = max(t0, s0) if wide else (t0 if inside else s1)
        end = min(t1, s1) if wide else t1
        ok = ((root > F0) | ((not wide) & inside)) & (start > F0) & (start <= end) & (start < w[T + l])
        w[T + l] = start if ok else w[T + l]
        w[HIT + l] = index if ok else w[HIT + l]


@njit(inline="always", **PACKET_OPTIONS)
@no_type_check
def _meet_frustum(w, g, o, index):
    """A box of half extents 1 at z = -1, p0 and p1 at z = 1."""
    p0, p1 = g[o + 15], g[o + 16]
    mx, kx = _HALF * (F1 + p0), _HALF * (p0 - F1)
    my, ky = _HALF * (F1 + p1), _HALF * (p1 - F1)
    for l in range(LANES):
        ax, ay, az = w[_AX + l], w[_AY + l], w[_AZ + l]
        bx, by, bz = w[_BX + l], w[_BY + l], w[_BZ + l]
        tz0, tz1 = (-F1 - az) / bz, (F1 - az) / bz
        t0, t1 = min(tz0, tz1), max(tz0, tz1)
        for side in range(4):
            if side == 0:
                e, f = ax - kx * az - mx, bx - kx * bz
            elif side == 1:
                e, f = -ax - kx * az - mx, -bx - kx * bz
            elif side == 2:
                e, f = ay - ky * az - my, by - ky * bz
            else:
                e, f = -ay - ky * az - my, -by - ky * bz
            f = f if abs(f) > TINY else TINY
            t = -e / f
            t0 = max(t0, t) if f < F0 else t0
            t1 = min(t1, t) if f > F0 else t1
        ok = (t0 > F0) & (t0 <= t1) & (t0 < w[T + l])
        w[T + l] = t0 if ok else w[T + l]
        w[HIT + l] = index if ok else w[HIT + l]


@njit(**PACKET_OPTIONS)
@no_type_check
def room_walls(w, room, n):
    """Let a packet from inside meet the room's six faces, numbered n + (w, e, s, n, floor, ceiling)."""
    X, Y, Z = np.float32(room[0]), np.float32(room[1]), np.float32(room[2])
    base = np.float32(n)
    for l in range(LANES):
        dx, dy, dz = w[DX + l], w[DY + l], w[DZ + l]
        dx = dx if abs(dx) > TINY else TINY
        dy = dy if abs(dy) > TINY else TINY
        dz = dz if abs(dz) > TINY else TINY
        tx = ((X if dx > F0 else -X) - w[OX + l]) / dx
        ty = ((Y if dy > F0 else -Y) - w[OY + l]) / dy
        tz = ((Z if dz > F0 else F0) - w[OZ + l]) / dz
        t, face = tx, (F1 if dx > F0 else F0)
        face = (np.float32(3) if dy > F0 else np.float32(2)) if ty < t else face
        t = min(t, ty)
        face = (np.float32(5) if dz > F0 else np.float32(4)) if tz < t else face
        t = min(t, tz)
        w[T + l] = t
        w[HIT + l] = base + face
