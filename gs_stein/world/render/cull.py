"""Which primitives a packet of rays can meet, decided beforehand from bounding boxes, vectorised over the boxes."""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

from gs_stein.world.builder import CONE, ELLIPSOID
from gs_stein.world.render.kernels import PACKET_OPTIONS
from gs_stein.world.render.packet import F0, F1


@njit(**PACKET_OPTIONS)
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
            if shapes[i] == ELLIPSOID:
                extent = math.sqrt(a * a + b * b + c * c)
            elif shapes[i] == CONE:
                extent = math.sqrt(a * a + b * b) + abs(c)
            else:
                extent = abs(a) + abs(b) + abs(c)
            out[axis * n + i] = geometry[i, axis]
            out[(3 + axis) * n + i] = extent + 1e-4
    return out


@njit(**PACKET_OPTIONS)
@no_type_check
def _collect(mask, wanted, chosen):
    """List what was not ruled out; its number."""
    count = 0
    for i in range(len(wanted)):
        if mask[i] <= F0 and wanted[i]:
            chosen[count] = i
            count += 1
    return count


@njit(**PACKET_OPTIONS)
@no_type_check
def cull_frustum(boxes, wanted, eye, planes, mask, chosen):
    """List the primitives that may be seen between four planes through a point.

    Args:
        boxes: around the N primitives, from `bounds`.
        wanted: (N,) bool, which of them matter.
        eye: (3,), the point.
        planes: (4, 3), outward normals.
        mask: (N,) float32 to work in.
        chosen: (N,) int32, takes the list.

    Returns:
        How many there are.
    """
    n = len(wanted)
    for i in range(n):
        mask[i] = -F1
    ex, ey, ez = np.float32(eye[0]), np.float32(eye[1]), np.float32(eye[2])
    for k in range(4):
        a, b, c = np.float32(planes[k, 0]), np.float32(planes[k, 1]), np.float32(planes[k, 2])
        p, q, r = abs(a), abs(b), abs(c)
        for i in range(n):
            d = a * (boxes[i] - ex) + b * (boxes[n + i] - ey) + c * (boxes[2 * n + i] - ez)
            d -= p * boxes[3 * n + i] + q * boxes[4 * n + i] + r * boxes[5 * n + i]
            mask[i] = max(mask[i], d)
    return _collect(mask, wanted, chosen)


@njit(**PACKET_OPTIONS)
@no_type_check
def cull_box(boxes, wanted, box, mask, chosen):
    """List the primitives whose boxes meet a box; arguments and result as of `cull_frustum`."""
    n, low, high = len(wanted), box.low, box.high
    for i in range(n):
        mask[i] = -F1
    for axis in range(3):
        middle, half = np.float32(0.5 * (low[axis] + high[axis])), np.float32(0.5 * (high[axis] - low[axis]))
        for i in range(n):
            mask[i] = max(mask[i], abs(boxes[axis * n + i] - middle) - half - boxes[(3 + axis) * n + i])
    return _collect(mask, wanted, chosen)


@njit(**PACKET_OPTIONS)
@no_type_check
def cull_shaft(boxes, wanted, here, there, mask, chosen):
    """List the primitives that may lie between two boxes; arguments and result as of `cull_frustum`.

    Source: Haines and Wallace, "Shaft culling for efficient ray-traced radiosity", 1991: in each coordinate plane two
    lines join the rectangles.
    """
    n, low, high, low2, high2 = len(wanted), here.low, here.high, there.low, there.high
    for i in range(n):
        mask[i] = -F1
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
    return _collect(mask, wanted, chosen)
