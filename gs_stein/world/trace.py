"""Rays against analytic primitives: intersection, normals and a bounding-volume hierarchy, compiled by Numba.

All kernels are single-threaded and release the interpreter lock; several processes share a machine.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int
from numba import njit

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}}
INFINITY = 1e9
_LEAF = 2


@njit(**_OPTIONS)
def bounds(shapes, geometry):
    """Axis-aligned boxes around primitives: lower and upper corners, both (N, 3)."""
    n = len(shapes)
    low, high = np.empty((n, 3)), np.empty((n, 3))
    for i in range(n):
        g = geometry[i]
        for axis in range(3):
            a, b, c = g[3 + 3 * axis] * g[12], g[4 + 3 * axis] * g[13], g[5 + 3 * axis] * g[14]
            if shapes[i] == 1:
                extent = math.sqrt(a * a + b * b + c * c)
            elif shapes[i] == 2:
                extent = math.sqrt(a * a + b * b) + abs(c)
            else:
                extent = abs(a) + abs(b) + abs(c)
            low[i, axis], high[i, axis] = g[axis] - extent - 1e-4, g[axis] + extent + 1e-4
    return low, high


@njit(**_OPTIONS)
def build_tree(low, high):
    """Median-split hierarchy in depth-first order.

    Args:
        low, high: primitive bounds (N, 3).

    Returns:
        Node boxes (K, 6); node links (K, 3): node to go to when the box is missed, first entry in the order, and
        number of entries (0 for inner nodes); order (N,) of the primitives.
    """
    n = len(low)
    order = np.arange(n)
    boxes, links = np.empty((2 * n + 1, 6)), np.zeros((2 * n + 1, 3), np.int32)
    parents, sizes = np.full(2 * n + 1, -1), np.ones(2 * n + 1, np.int64)
    stack = np.empty((64, 3), np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, n, -1
    top, count = 1, 0
    while top > 0 and n > 0:
        top -= 1
        start, end, parent = stack[top, 0], stack[top, 1], stack[top, 2]
        node = count
        count += 1
        parents[node] = parent
        for axis in range(3):
            lo, hi = INFINITY, -INFINITY
            for k in range(start, end):
                lo, hi = min(lo, low[order[k], axis]), max(hi, high[order[k], axis])
            boxes[node, axis], boxes[node, 3 + axis] = lo, hi
        if end - start <= _LEAF:
            links[node, 1], links[node, 2] = start, end - start
            continue
        best, widest = 0, -1.0
        for axis in range(3):
            lo, hi = INFINITY, -INFINITY
            for k in range(start, end):
                middle = low[order[k], axis] + high[order[k], axis]
                lo, hi = min(lo, middle), max(hi, middle)
            if hi - lo > widest:
                best, widest = axis, hi - lo
        part = order[start:end].copy()
        keys = np.empty(len(part))
        for k in range(len(part)):
            keys[k] = low[part[k], best] + high[part[k], best]
        order[start:end] = part[np.argsort(keys)]
        middle = (start + end) // 2
        stack[top, 0], stack[top, 1], stack[top, 2] = middle, end, node
        stack[top + 1, 0], stack[top + 1, 1], stack[top + 1, 2] = start, middle, node
        top += 2
    for node in range(count - 1, 0, -1):
        sizes[parents[node]] += sizes[node]
    for node in range(count):
        links[node, 0] = node + sizes[node]
    return boxes[:count].copy(), links[:count].copy(), order


@njit(**_OPTIONS)
def _round_box(x, y, z, hx, hy, hz, r):
    """Signed distance to a box with edges of radius r."""
    qx, qy, qz = abs(x) - hx + r, abs(y) - hy + r, abs(z) - hz + r
    ox, oy, oz = max(qx, 0.0), max(qy, 0.0), max(qz, 0.0)
    return math.sqrt(ox * ox + oy * oy + oz * oz) + min(max(qx, max(qy, qz)), 0.0) - r


@njit(**_OPTIONS)
def intersect(shape, g, ox, oy, oz, dx, dy, dz, far):
    """Distance along a unit ray to one primitive, or INFINITY where it is missed or beyond `far`."""
    px, py, pz = ox - g[0], oy - g[1], oz - g[2]
    ax = g[3] * px + g[6] * py + g[9] * pz
    ay = g[4] * px + g[7] * py + g[10] * pz
    az = g[5] * px + g[8] * py + g[11] * pz
    bx = g[3] * dx + g[6] * dy + g[9] * dz
    by = g[4] * dx + g[7] * dy + g[10] * dz
    bz = g[5] * dx + g[8] * dy + g[11] * dz
    hx, hy, hz = g[12], g[13], g[14]
    if shape == 0 or shape == 4:
        ix, iy, iz = 1.0 / bx, 1.0 / by, 1.0 / bz
        tx0, tx1 = (-hx - ax) * ix, (hx - ax) * ix
        ty0, ty1 = (-hy - ay) * iy, (hy - ay) * iy
        tz0, tz1 = (-hz - az) * iz, (hz - az) * iz
        t0 = max(max(min(tx0, tx1), min(ty0, ty1)), min(tz0, tz1))
        t1 = min(min(max(tx0, tx1), max(ty0, ty1)), max(tz0, tz1))
        if not (t0 <= t1) or t1 <= 0.0 or t0 >= far:
            return INFINITY
        r = g[15]
        if shape == 0 and r <= 0.0:
            return t0 if t0 > 0.0 else INFINITY
        t = max(t0, 0.0)
        for _ in range(14 if shape == 0 else 40):
            x, y, z = ax + t * bx, ay + t * by, az + t * bz
            if shape == 0:
                d = _round_box(x, y, z, hx, hy, hz, r)
            else:
                q = math.sqrt(x * x + y * y) - (hx - hz)
                d = math.sqrt(q * q + z * z) - hz
            if d < 4e-4:
                return t
            t += d
            if t > t1 or t >= far:
                return INFINITY
        return t if d < 4e-3 else INFINITY
    # the others live in unit coordinates; distances along the ray stay metric
    ax, ay, az = ax / hx, ay / hy, az / hz
    bx, by, bz = bx / hx, by / hy, bz / hz
    if shape == 1:
        a = bx * bx + by * by + bz * bz
        b = ax * bx + ay * by + az * bz
        c = ax * ax + ay * ay + az * az - 1.0
        root = b * b - a * c
        if root <= 0.0:
            return INFINITY
        root = math.sqrt(root)
        t0, t1 = (-b - root) / a, (-b + root) / a
        cut = g[15]
        if cut > -1.0:
            t = (cut - az) / bz
            if bz > 0.0:
                t0 = max(t0, t)
            else:
                t1 = min(t1, t)
        if t0 <= 0.0 or t0 > t1 or t0 >= far:
            return INFINITY
        return t0
    if shape == 2:
        tz0, tz1 = (-1.0 - az) / bz, (1.0 - az) / bz
        t0, t1 = min(tz0, tz1), max(tz0, tz1)
        if t1 <= 0.0 or t0 >= far:
            return INFINITY
        m, k = 0.5 * (1.0 + g[15]), 0.5 * (g[15] - 1.0)
        e, f = m + k * az, k * bz
        a = bx * bx + by * by - f * f
        b = ax * bx + ay * by - e * f
        c = ax * ax + ay * ay - e * e
        if abs(a) < 1e-12:
            a = 1e-12
        root = b * b - a * c
        if root <= 0.0:
            return INFINITY
        root = math.sqrt(root)
        s0, s1 = (-b - root) / a, (-b + root) / a
        if a > 0.0:
            t0, t1 = max(t0, s0), min(t1, s1)
        else:  # steeper than the cone: inside it before the smaller root or after the larger one
            s0, s1 = s1, s0
            inside0 = e + f * (t0 + 1e-9) >= 0 and a * t0 * t0 + 2 * b * t0 + c <= 0.0
            if not inside0:
                t0 = s1 if s1 > t0 else INFINITY
        if t0 <= 0.0 or t0 > t1 or t0 >= far:
            return INFINITY
        return t0
    # frustum: six half-spaces
    t0, t1 = 0.0, far
    mx, kx = 0.5 * (1.0 + g[15]), 0.5 * (g[15] - 1.0)
    my, ky = 0.5 * (1.0 + g[16]), 0.5 * (g[16] - 1.0)
    for plane in range(6):
        if plane == 0:
            e, f = ax - kx * az - mx, bx - kx * bz
        elif plane == 1:
            e, f = -ax - kx * az - mx, -bx - kx * bz
        elif plane == 2:
            e, f = ay - ky * az - my, by - ky * bz
        elif plane == 3:
            e, f = -ay - ky * az - my, -by - ky * bz
        elif plane == 4:
            e, f = az - 1.0, bz
        else:
            e, f = -az - 1.0, -bz
        if f == 0.0:
            if e > 0.0:
                return INFINITY
            continue
        t = -e / f
        if f < 0.0:
            t0 = max(t0, t)
        else:
            t1 = min(t1, t)
        if t0 > t1:
            return INFINITY
    return t0 if t0 > 0.0 else INFINITY


@njit(**_OPTIONS)
def local_point(g, x, y, z):
    """A world point in a primitive's frame, in metres."""
    px, py, pz = x - g[0], y - g[1], z - g[2]
    return (
        g[3] * px + g[6] * py + g[9] * pz, g[4] * px + g[7] * py + g[10] * pz, g[5] * px + g[8] * py + g[11] * pz
    )


@njit(**_OPTIONS)
def local_normal(shape, g, x, y, z):
    """Outward unit normal at a surface point, both in the primitive's frame."""
    hx, hy, hz = g[12], g[13], g[14]
    if shape == 0:
        r = g[15]
        sx, sy, sz = abs(x) - hx + r, abs(y) - hy + r, abs(z) - hz + r
        if r > 0.0:
            nx, ny, nz = max(sx, 0.0), max(sy, 0.0), max(sz, 0.0)
            length = math.sqrt(nx * nx + ny * ny + nz * nz)
            if length > 1e-6:
                return (
                    math.copysign(nx / length, x), math.copysign(ny / length, y), math.copysign(nz / length, z)
                )
        if sx >= sy and sx >= sz:
            return math.copysign(1.0, x), 0.0, 0.0
        if sy >= sz:
            return 0.0, math.copysign(1.0, y), 0.0
        return 0.0, 0.0, math.copysign(1.0, z)
    nx, ny, nz = 0.0, 0.0, 1.0
    if shape == 1:
        if z < hz * g[15] + 1e-4:
            return 0.0, 0.0, -1.0
        nx, ny, nz = x / (hx * hx), y / (hy * hy), z / (hz * hz)
    elif shape == 2:
        w = z / hz
        if abs(w) > 1.0 - 1e-6 * (1 + 1 / hz):
            return 0.0, 0.0, math.copysign(1.0, z)
        m, k = 0.5 * (1.0 + g[15]), 0.5 * (g[15] - 1.0)
        nx, ny, nz = x / (hx * hx), y / (hy * hy), -(m + k * w) * k / hz
    elif shape == 3:
        u, v, w = x / hx, y / hy, z / hz
        mx, kx = 0.5 * (1.0 + g[15]), 0.5 * (g[15] - 1.0)
        my, ky = 0.5 * (1.0 + g[16]), 0.5 * (g[16] - 1.0)
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


@njit(**_OPTIONS)
def closest(shapes, geometry, boxes, links, order, room, ox, oy, oz, dx, dy, dz):
    """First surface along a ray: distance and surface number (a primitive, N + face of the room, or -1)."""
    best, hit = INFINITY, -1
    if room[0] > 0.0:
        best, face = room_exit(room, ox, oy, oz, dx, dy, dz)
        hit = len(shapes) + face
    ix, iy, iz = 1.0 / dx, 1.0 / dy, 1.0 / dz
    node, count = 0, len(links)
    while node < count:
        b = boxes[node]
        tx0, tx1 = (b[0] - ox) * ix, (b[3] - ox) * ix
        ty0, ty1 = (b[1] - oy) * iy, (b[4] - oy) * iy
        tz0, tz1 = (b[2] - oz) * iz, (b[5] - oz) * iz
        near = max(max(min(tx0, tx1), min(ty0, ty1)), max(min(tz0, tz1), 0.0))
        far = min(min(max(tx0, tx1), max(ty0, ty1)), min(max(tz0, tz1), best))
        if near > far:
            node = links[node, 0]
            continue
        for k in range(links[node, 1], links[node, 1] + links[node, 2]):
            i = order[k]
            t = intersect(shapes[i], geometry[i], ox, oy, oz, dx, dy, dz, best)
            if t < best:
                best, hit = t, i
        node += 1
    return best, hit


@njit(**_OPTIONS)
def occluded(shapes, geometry, casts, boxes, links, order, ox, oy, oz, dx, dy, dz, far):
    """Whether anything that casts shadows lies within `far` metres along a unit ray."""
    ix, iy, iz = 1.0 / dx, 1.0 / dy, 1.0 / dz
    node, count = 0, len(links)
    while node < count:
        b = boxes[node]
        tx0, tx1 = (b[0] - ox) * ix, (b[3] - ox) * ix
        ty0, ty1 = (b[1] - oy) * iy, (b[4] - oy) * iy
        tz0, tz1 = (b[2] - oz) * iz, (b[5] - oz) * iz
        near = max(max(min(tx0, tx1), min(ty0, ty1)), max(min(tz0, tz1), 0.0))
        end = min(min(max(tx0, tx1), max(ty0, ty1)), min(max(tz0, tz1), far))
        if near > end:
            node = links[node, 0]
            continue
        for k in range(links[node, 1], links[node, 1] + links[node, 2]):
            i = order[k]
            if casts[i] and intersect(shapes[i], geometry[i], ox, oy, oz, dx, dy, dz, far) < far:
                return True
        node += 1
    return False


def hierarchy(
    shapes: Int[np.ndarray, " N"], geometry: Float[np.ndarray, "N 17"]
) -> tuple[Float[np.ndarray, "K 6"], Int[np.ndarray, "K 3"], Int[np.ndarray, " N"]]:
    """Bounding-volume hierarchy of primitives: node boxes, links and order (see `build_tree`)."""
    return build_tree(*bounds(shapes, geometry))
