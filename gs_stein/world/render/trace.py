"""Packets of 64 rays against analytic primitives, compiled by Numba.

Rays travel in packets of `LANES`, stored field by field in one flat float32 buffer: LLVM then sees a single base
pointer with constant offsets and vectorises the loops over lanes without alias checks. Which primitives a packet
can meet is decided beforehand from bounding boxes (`cull_frustum`, `cull_shaft`, `cull_box`), also vectorised.
All kernels are single-threaded and release the interpreter lock; several processes share a machine.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "arcp", "reassoc"}}
INFINITY = 1e9
LANES = 64

# Fields of a packet; each takes LANES numbers.
OX, OY, OZ, DX, DY, DZ, T, HIT = (LANES * k for k in range(8))
_AX, _AY, _AZ, _BX, _BY, _BZ, _T0, _T1, _D = (LANES * k for k in range(8, 17))
PACKET = 17 * LANES
"""Size of the buffer: origins, unit directions, nearest distance so far, what was hit there, and scratch."""
_F0, _F1, _HALF, _TINY = np.float32(0), np.float32(1), np.float32(0.5), np.float32(1e-9)


@njit(**_OPTIONS)
@no_type_check
def bounds(shapes, geometry):
    """Axis-aligned boxes around primitives: centre and half extents, flat field by field, (6·N,) float32."""
    n = len(shapes)
    out = np.empty(6 * n, np.float32)
    for i in range(n):
        for axis in range(3):
            a = geometry[i, 3 + 3 * axis] * geometry[i, 12]
            b = geometry[i, 4 + 3 * axis] * geometry[i, 13]
            c = geometry[i, 5 + 3 * axis] * geometry[i, 14]
            if shapes[i] == 1:
                extent = math.sqrt(a * a + b * b + c * c)
            elif shapes[i] == 2:
                extent = math.sqrt(a * a + b * b) + abs(c)
            else:
                extent = abs(a) + abs(b) + abs(c)
            out[axis * n + i] = geometry[i, axis]
            out[(3 + axis) * n + i] = extent + 1e-4
    return out


@njit(**_OPTIONS)
@no_type_check
def _collect(n, mask, wanted, chosen):
    count = 0
    for i in range(n):
        if mask[i] <= _F0 and wanted[i]:
            chosen[count] = i
            count += 1
    return count


@njit(**_OPTIONS)
@no_type_check
def cull_frustum(boxes, n, wanted, eye, planes, mask, chosen):
    """Primitives that may be seen between four planes through the eye (outward normals, (4, 3)); their number."""
    for i in range(n):
        mask[i] = -_F1
    ex, ey, ez = np.float32(eye[0]), np.float32(eye[1]), np.float32(eye[2])
    for k in range(4):
        a, b, c = np.float32(planes[k, 0]), np.float32(planes[k, 1]), np.float32(planes[k, 2])
        p, q, r = abs(a), abs(b), abs(c)
        for i in range(n):
            d = a * (boxes[i] - ex) + b * (boxes[n + i] - ey) + c * (boxes[2 * n + i] - ez)
            d -= p * boxes[3 * n + i] + q * boxes[4 * n + i] + r * boxes[5 * n + i]
            mask[i] = max(mask[i], d)
    return _collect(n, mask, wanted, chosen)


@njit(**_OPTIONS)
@no_type_check
def cull_box(boxes, n, wanted, low, high, mask, chosen):
    """Primitives whose boxes meet a box; their number."""
    for i in range(n):
        mask[i] = -_F1
    for axis in range(3):
        middle, half = np.float32(0.5 * (low[axis] + high[axis])), np.float32(0.5 * (high[axis] - low[axis]))
        for i in range(n):
            mask[i] = max(mask[i], abs(boxes[axis * n + i] - middle) - half - boxes[(3 + axis) * n + i])
    return _collect(n, mask, wanted, chosen)


@njit(**_OPTIONS)
@no_type_check
def cull_shaft(boxes, n, wanted, low, high, low2, high2, mask, chosen):
    """Primitives that may lie between two boxes; their number.

    Haines and Wallace, "Shaft culling for efficient ray-traced radiosity", 1991: in each coordinate plane two lines
    join the rectangles.
    """
    for i in range(n):
        mask[i] = -_F1
    for axis in range(3):
        lo, hi = min(low[axis], low2[axis]), max(high[axis], high2[axis])
        middle, half = np.float32(0.5 * (lo + hi)), np.float32(0.5 * (hi - lo))
        for i in range(n):
            mask[i] = max(mask[i], abs(boxes[axis * n + i] - middle) - half - boxes[(3 + axis) * n + i])
    for a in range(3):
        b = (a + 1) % 3
        dx, dy = low2[a] + high2[a] - low[a] - high[a], low2[b] + high2[b] - low[b] - high[b]
        for side in range(2):
            left, upper = (dx > 0) == (side == 1), (dy > 0) == (side == 0)
            ux = (high2[a] if left else low2[a]) - (high[a] if left else low[a])
            uy = (high2[b] if upper else low2[b]) - (high[b] if upper else low[b])
            nx, ny = (-uy, ux) if (side == 0) == (dx > 0) else (uy, -ux)
            # outward is away from the line between the centres
            px = 0.5 * (
                (high[a] if left else low[a])
                + (high2[a] if left else low2[a])
                - 0.5 * (low[a] + high[a] + low2[a] + high2[a])
            )
            py = 0.5 * (
                (high[b] if upper else low[b])
                + (high2[b] if upper else low2[b])
                - 0.5 * (low[b] + high[b] + low2[b] + high2[b])
            )
            if nx * px + ny * py < 0:
                nx, ny = -nx, -ny
            off = max(
                max(nx * low[a], nx * high[a]) + max(ny * low[b], ny * high[b]),
                max(nx * low2[a], nx * high2[a]) + max(ny * low2[b], ny * high2[b]),
            )
            p, q, o = np.float32(nx), np.float32(ny), np.float32(off + 1e-5)
            r, s = abs(p), abs(q)
            for i in range(n):
                d = (
                    p * boxes[a * n + i]
                    + q * boxes[b * n + i]
                    - r * boxes[(3 + a) * n + i]
                    - s * boxes[(3 + b) * n + i]
                )
                mask[i] = max(mask[i], d - o)
    return _collect(n, mask, wanted, chosen)


@njit(**_OPTIONS)
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
    o = 17 * i
    cx, cy, cz = g[o], g[o + 1], g[o + 2]
    r0, r1, r2, r3, r4 = g[o + 3], g[o + 4], g[o + 5], g[o + 6], g[o + 7]
    r5, r6, r7, r8 = g[o + 8], g[o + 9], g[o + 10], g[o + 11]
    hx, hy, hz, p0, p1 = g[o + 12], g[o + 13], g[o + 14], g[o + 15], g[o + 16]
    index = np.float32(i)
    sx, sy, sz = _F1, _F1, _F1
    if shape == 1 or shape == 2 or shape == 3:  # these live in unit coordinates; distances stay metric
        sx, sy, sz = _F1 / hx, _F1 / hy, _F1 / hz
    for l in range(LANES):
        px, py, pz = w[OX + l] - cx, w[OY + l] - cy, w[OZ + l] - cz
        w[_AX + l] = (r0 * px + r3 * py + r6 * pz) * sx
        w[_AY + l] = (r1 * px + r4 * py + r7 * pz) * sy
        w[_AZ + l] = (r2 * px + r5 * py + r8 * pz) * sz
        dx, dy, dz = w[DX + l], w[DY + l], w[DZ + l]
        bx = (r0 * dx + r3 * dy + r6 * dz) * sx
        by = (r1 * dx + r4 * dy + r7 * dz) * sy
        bz = (r2 * dx + r5 * dy + r8 * dz) * sz
        w[_BX + l] = bx if abs(bx) > _TINY else _TINY
        w[_BY + l] = by if abs(by) > _TINY else _TINY
        w[_BZ + l] = bz if abs(bz) > _TINY else _TINY
    if shape == 0 or shape == 4:
        touched = _F0
        for l in range(LANES):
            ix, iy, iz = _F1 / w[_BX + l], _F1 / w[_BY + l], _F1 / w[_BZ + l]
            tx0, tx1 = (-hx - w[_AX + l]) * ix, (hx - w[_AX + l]) * ix
            ty0, ty1 = (-hy - w[_AY + l]) * iy, (hy - w[_AY + l]) * iy
            tz0, tz1 = (-hz - w[_AZ + l]) * iz, (hz - w[_AZ + l]) * iz
            t0 = max(max(min(tx0, tx1), min(ty0, ty1)), min(tz0, tz1))
            t1 = min(min(max(tx0, tx1), max(ty0, ty1)), max(tz0, tz1))
            ok = (t0 <= t1) & (t1 > _F0) & (t0 < w[T + l])
            w[_T0 + l] = t0 if ok else np.float32(INFINITY)
            w[_T1 + l] = t1
            touched += _F1 if ok else _F0
        if touched == _F0:
            return
        if shape == 0 and p0 <= _F0:
            for l in range(LANES):
                t = w[_T0 + l]
                ok = (t > _F0) & (t < w[T + l])
                w[T + l] = t if ok else w[T + l]
                w[HIT + l] = index if ok else w[HIT + l]
            return
        # rounded boxes and rings by sphere tracing from where their boxes are entered
        for l in range(LANES):
            w[_T0 + l] = max(w[_T0 + l], _F0)
        if shape == 0:
            kx, ky, kz = hx - p0, hy - p0, hz - p0
            for _ in range(9):
                for l in range(LANES):
                    t = w[_T0 + l]
                    qx = abs(w[_AX + l] + t * w[_BX + l]) - kx
                    qy = abs(w[_AY + l] + t * w[_BY + l]) - ky
                    qz = abs(w[_AZ + l] + t * w[_BZ + l]) - kz
                    ox, oy, oz = max(qx, _F0), max(qy, _F0), max(qz, _F0)
                    d = np.float32(math.sqrt(ox * ox + oy * oy + oz * oz)) + min(max(qx, max(qy, qz)), _F0) - p0
                    w[_D + l] = d
                    w[_T0 + l] = t + d
        else:
            ring = hx - hz
            for _ in range(28):
                for l in range(LANES):
                    t = w[_T0 + l]
                    x, y, z = w[_AX + l] + t * w[_BX + l], w[_AY + l] + t * w[_BY + l], w[_AZ + l] + t * w[_BZ + l]
                    q = np.float32(math.sqrt(x * x + y * y)) - ring
                    d = np.float32(math.sqrt(q * q + z * z)) - hz
                    w[_D + l] = d
                    w[_T0 + l] = t + d
        near = np.float32(4e-3) if shape == 0 else np.float32(2e-3)
        for l in range(LANES):
            t = w[_T0 + l]
            ok = (t > np.float32(1e-3)) & (t < w[T + l]) & (t < w[_T1 + l]) & (w[_D + l] < near)
            w[T + l] = t if ok else w[T + l]
            w[HIT + l] = index if ok else w[HIT + l]
    elif shape == 1:
        clipped = p0 > -_F1
        for l in range(LANES):
            ax, ay, az = w[_AX + l], w[_AY + l], w[_AZ + l]
            bx, by, bz = w[_BX + l], w[_BY + l], w[_BZ + l]
            a = bx * bx + by * by + bz * bz
            b = ax * bx + ay * by + az * bz
            c = ax * ax + ay * ay + az * az - _F1
            root = b * b - a * c
            s = np.float32(math.sqrt(max(root, _F0)))
            t0, t1 = (-b - s) / a, (-b + s) / a
            if clipped:
                t = (p0 - az) / bz
                t0, t1 = (max(t0, t) if bz > _F0 else t0), (t1 if bz > _F0 else min(t1, t))
            ok = (root > _F0) & (t0 > _F0) & (t0 <= t1) & (t0 < w[T + l])
            w[T + l] = t0 if ok else w[T + l]
            w[HIT + l] = index if ok else w[HIT + l]
    elif shape == 2:
        m, k = _HALF * (_F1 + p0), _HALF * (p0 - _F1)
        for l in range(LANES):
            ax, ay, az = w[_AX + l], w[_AY + l], w[_AZ + l]
            bx, by, bz = w[_BX + l], w[_BY + l], w[_BZ + l]
            tz0, tz1 = (-_F1 - az) / bz, (_F1 - az) / bz
            t0, t1 = min(tz0, tz1), max(tz0, tz1)
            e, f = m + k * az, k * bz
            a = bx * bx + by * by - f * f
            b = ax * bx + ay * by - e * f
            c = ax * ax + ay * ay - e * e
            a = a if abs(a) > np.float32(1e-10) else np.float32(1e-10)
            root = b * b - a * c
            s = np.float32(math.sqrt(max(root, _F0)))
            u, v = (-b - s) / a, (-b + s) / a
            s0, s1 = min(u, v), max(u, v)
            # flatter than the cone: inside between the roots; steeper: inside but between them
            wide = a > _F0
            inside = ((a * t0 + b + b) * t0 + c) <= _F0
            start = max(t0, s0) if wide else (t0 if inside else s1)
            end = min(t1, s1) if wide else t1
            ok = ((root > _F0) | ((not wide) & inside)) & (start > _F0) & (start <= end) & (start < w[T + l])
            w[T + l] = start if ok else w[T + l]
            w[HIT + l] = index if ok else w[HIT + l]
    else:
        mx, kx = _HALF * (_F1 + p0), _HALF * (p0 - _F1)
        my, ky = _HALF * (_F1 + p1), _HALF * (p1 - _F1)
        for l in range(LANES):
            ax, ay, az = w[_AX + l], w[_AY + l], w[_AZ + l]
            bx, by, bz = w[_BX + l], w[_BY + l], w[_BZ + l]
            tz0, tz1 = (-_F1 - az) / bz, (_F1 - az) / bz
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
                f = f if abs(f) > _TINY else _TINY
                t = -e / f
                t0 = max(t0, t) if f < _F0 else t0
                t1 = min(t1, t) if f > _F0 else t1
            ok = (t0 > _F0) & (t0 <= t1) & (t0 < w[T + l])
            w[T + l] = t0 if ok else w[T + l]
            w[HIT + l] = index if ok else w[HIT + l]


@njit(**_OPTIONS)
@no_type_check
def room_walls(w, room, n):
    """Let a packet from inside meet the room's six faces, numbered n + (w, e, s, n, floor, ceiling)."""
    X, Y, Z = np.float32(room[0]), np.float32(room[1]), np.float32(room[2])
    base = np.float32(n)
    for l in range(LANES):
        dx, dy, dz = w[DX + l], w[DY + l], w[DZ + l]
        dx = dx if abs(dx) > _TINY else _TINY
        dy = dy if abs(dy) > _TINY else _TINY
        dz = dz if abs(dz) > _TINY else _TINY
        tx = ((X if dx > _F0 else -X) - w[OX + l]) / dx
        ty = ((Y if dy > _F0 else -Y) - w[OY + l]) / dy
        tz = ((Z if dz > _F0 else _F0) - w[OZ + l]) / dz
        t, face = tx, (_F1 if dx > _F0 else _F0)
        face = (np.float32(3) if dy > _F0 else np.float32(2)) if ty < t else face
        t = min(t, ty)
        face = (np.float32(5) if dz > _F0 else np.float32(4)) if tz < t else face
        t = min(t, tz)
        w[T + l] = t
        w[HIT + l] = base + face


@njit(**_OPTIONS)
@no_type_check
def local_point(g, i, x, y, z):
    """A world point in a primitive's frame, in metres."""
    px, py, pz = x - g[i, 0], y - g[i, 1], z - g[i, 2]
    return (
        g[i, 3] * px + g[i, 6] * py + g[i, 9] * pz,
        g[i, 4] * px + g[i, 7] * py + g[i, 10] * pz,
        g[i, 5] * px + g[i, 8] * py + g[i, 11] * pz,
    )


@njit(**_OPTIONS)
@no_type_check
def local_normal(shape, g, i, x, y, z):
    """Outward unit normal at a surface point, both in the primitive's frame."""
    hx, hy, hz = g[i, 12], g[i, 13], g[i, 14]
    if shape == 0:
        r = g[i, 15]
        sx, sy, sz = abs(x) - hx + r, abs(y) - hy + r, abs(z) - hz + r
        if r > 0.0:
            nx, ny, nz = max(sx, 0.0), max(sy, 0.0), max(sz, 0.0)
            length = math.sqrt(nx * nx + ny * ny + nz * nz)
            if length > 1e-6:
                return (math.copysign(nx / length, x), math.copysign(ny / length, y), math.copysign(nz / length, z))
        if sx >= sy and sx >= sz:
            return math.copysign(1.0, x), 0.0, 0.0
        if sy >= sz:
            return 0.0, math.copysign(1.0, y), 0.0
        return 0.0, 0.0, math.copysign(1.0, z)
    nx, ny, nz = 0.0, 0.0, 1.0
    if shape == 1:
        if z < hz * g[i, 15] + 1e-4:
            return 0.0, 0.0, -1.0
        nx, ny, nz = x / (hx * hx), y / (hy * hy), z / (hz * hz)
    elif shape == 2:
        w = z / hz
        if abs(w) > 1.0 - 1e-6 * (1 + 1 / hz):
            return 0.0, 0.0, math.copysign(1.0, z)
        m, k = 0.5 * (1.0 + g[i, 15]), 0.5 * (g[i, 15] - 1.0)
        nx, ny, nz = x / (hx * hx), y / (hy * hy), -(m + k * w) * k / hz
    elif shape == 3:
        u, v, w = x / hx, y / hy, z / hz
        mx, kx = 0.5 * (1.0 + g[i, 15]), 0.5 * (g[i, 15] - 1.0)
        my, ky = 0.5 * (1.0 + g[i, 16]), 0.5 * (g[i, 16] - 1.0)
        ex, ey, ez = (abs(u) - kx * w - mx) * hx, (abs(v) - ky * w - my) * hy, (abs(w) - 1.0) * hz
        if ez >= ex and ez >= ey:
            return 0.0, 0.0, math.copysign(1.0, z)
        if ex >= ey:
            nx, ny, nz = math.copysign(1.0 / hx, x), 0.0, -kx / hz
        else:
            nx, ny, nz = 0.0, math.copysign(1.0 / hy, y), -ky / hz
    else:
        q = math.sqrt(x * x + y * y) + 1e-9
        s = 1.0 - (hx - hz) / q
        nx, ny, nz = x * s, y * s, z
    length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
    return nx / length, ny / length, nz / length


@njit(**_OPTIONS)
@no_type_check
def room_exit(room, ox, oy, oz, dx, dy, dz):
    """Distance to, and number of, the room's face that a ray from inside leaves by (w, e, s, n, floor, ceiling)."""
    tx = ((room[0] if dx > 0 else -room[0]) - ox) / dx if dx != 0.0 else INFINITY
    ty = ((room[1] if dy > 0 else -room[1]) - oy) / dy if dy != 0.0 else INFINITY
    tz = ((room[2] if dz > 0 else 0.0) - oz) / dz if dz != 0.0 else INFINITY
    if tx <= ty and tx <= tz:
        return tx, 1 if dx > 0 else 0
    if ty <= tz:
        return ty, 3 if dy > 0 else 2
    return tz, 5 if dz > 0 else 4
