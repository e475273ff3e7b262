"""Single points on primitives and on the room's walls: their place in the primitive's frame, and their normals."""

from __future__ import annotations

import math
from typing import no_type_check

from numba import njit

from gs_stein.world.builder import BOX, CONE, ELLIPSOID, FRUSTUM
from gs_stein.world.render.kernels import INFINITY, PACKET_OPTIONS


@njit(**PACKET_OPTIONS)
@no_type_check
def local_point(g, i, point):
    """A world point in a primitive's frame, in metres."""
    px, py, pz = point[0] - g[i, 0], point[1] - g[i, 1], point[2] - g[i, 2]
    return (
        g[i, 3] * px + g[i, 6] * py + g[i, 9] * pz,
        g[i, 4] * px + g[i, 7] * py + g[i, 10] * pz,
        g[i, 5] * px + g[i, 8] * py + g[i, 11] * pz,
    )


@njit(**PACKET_OPTIONS)
@no_type_check
def local_normal(shape, g, i, point):
    """Outward unit normal at a surface point, both in the primitive's frame."""
    x, y, z = point
    hx, hy, hz = g[i, 12], g[i, 13], g[i, 14]
    if shape == BOX:
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
    if shape == ELLIPSOID:
        if z < hz * g[i, 15] + 1e-4:
            return 0.0, 0.0, -1.0
        nx, ny, nz = x / (hx * hx), y / (hy * hy), z / (hz * hz)
    elif shape == CONE:
        w = z / hz
        if abs(w) > 1.0 - 1e-6 * (1 + 1 / hz):
            return 0.0, 0.0, math.copysign(1.0, z)
        m, k = 0.5 * (1.0 + g[i, 15]), 0.5 * (g[i, 15] - 1.0)
        nx, ny, nz = x / (hx * hx), y / (hy * hy), -(m + k * w) * k / hz
    elif shape == FRUSTUM:
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


@njit(**PACKET_OPTIONS)
@no_type_check
def room_exit(room, origin, ray):
    """Distance to, and number of, the room's face that a ray from inside leaves by (w, e, s, n, floor, ceiling)."""
    (ox, oy, oz), (dx, dy, dz) = origin, ray
    tx = ((room[0] if dx > 0 else -room[0]) - ox) / dx if dx != 0.0 else INFINITY
    ty = ((room[1] if dy > 0 else -room[1]) - oy) / dy if dy != 0.0 else INFINITY
    tz = ((room[2] if dz > 0 else 0.0) - oz) / dz if dz != 0.0 else INFINITY
    if tx <= ty and tx <= tz:
        return tx, 1 if dx > 0 else 0
    if ty <= tz:
        return ty, 3 if dy > 0 else 2
    return tz, 5 if dz > 0 else 4
