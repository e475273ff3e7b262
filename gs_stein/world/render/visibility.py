"""What light reaches a surface: shadow rays to lamps, windows and sun, short rays for ambient occlusion.

Sample points are interleaved over 4×4 pixels (Keller and Heidrich, "Interleaved Sampling", 2001), and what they find is
averaged over the neighbourhood on the same plane, so that few rays give shadows without grain.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

from gs_stein.world.render.radiosity import bounced
from gs_stein.world.render.trace import (
    DX,
    DY,
    DZ,
    INFINITY,
    LANES,
    OX,
    OY,
    OZ,
    PACKET,
    T,
    cull_box,
    cull_shaft,
    meet,
    room_exit,
)

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}}
TILE = 8
"""Side of a packet of pixels."""
_FAR = PACKET
"""Field of a packet, besides those of `trace.py`: how far each shadow ray goes."""
_SHADOW_RAYS = 2
"""Rays from a pixel to a window, of 16 times as many in a neighbourhood; smaller lights take one."""
_OCCLUSION_RAYS = 2
REACH = 0.7
"""Metres within which things occlude bounced light."""


def _low_discrepancy(count: int, dimensions: int) -> np.ndarray:
    """R-sequence points (Roberts 2018), shuffled so that neighbouring pixels take distant ones."""
    root = 2.0
    for _ in range(30):
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = (1 / root) ** np.arange(1, dimensions + 1)
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1


BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]).reshape(-1)


def _sample_table(count: int) -> np.ndarray:
    """For each sample: points of the square (2), a reach (1), of the sphere (3), of the hemisphere (3), offsets (3)."""
    p = _low_discrepancy(count, 3)
    angle, height = 2 * np.pi * p[:, 0], 2 * p[:, 1] - 1
    ring = np.sqrt(1 - height**2)
    up = np.sqrt(1 - 0.98 * p[:, 1])
    side, disc = np.sqrt(1 - up**2), np.sqrt(p[:, 1])
    return np.stack(
        [
            *p.T,
            ring * np.cos(angle),
            ring * np.sin(angle),
            height,
            side * np.cos(angle),
            side * np.sin(angle),
            up,
            disc * np.cos(angle),
            disc * np.sin(angle),
            disc * np.cos(angle + 2.1),
        ],
        axis=1,
    )


SAMPLES = _sample_table(16 * max(_SHADOW_RAYS, _OCCLUSION_RAYS))


@njit(**OPTIONS)
@no_type_check
def unshadowed(lights, k, x, y, z, nx, ny, nz):
    """Irradiance factor of one light at a point, were nothing in between (scalar; the light's colour multiplies)."""
    kind = int(lights[k, 0])
    if kind == 0:
        dx, dy, dz = lights[k, 1] - x, lights[k, 2] - y, lights[k, 3] - z
        d2 = dx * dx + dy * dy + dz * dz
        cosine = (dx * nx + dy * ny + dz * nz) / math.sqrt(d2)
        r2 = lights[k, 7] * lights[k, 7]
        # a sphere of light still reaches surfaces just below their horizon
        return max(0.85 * cosine + 0.15, 0.0) / (d2 + r2 + 0.05) if cosine > -0.17 else 0.0
    if kind == 2:
        cosine = lights[k, 1] * nx + lights[k, 2] * ny + lights[k, 3] * nz
        return max(cosine, 0.0)
    total = 0.0
    hw, hh = lights[k, 8], lights[k, 9]
    for i in range(4):
        dx = lights[k, 1] - x
        dy = lights[k, 2] + (0.5 * hw if i & 1 else -0.5 * hw) - y
        dz = lights[k, 3] + (0.5 * hh if i & 2 else -0.5 * hh) - z
        d2 = dx * dx + dy * dy + dz * dz
        cosine = dx * nx + dy * ny + dz * nz
        if cosine > 0.0 and dx < 0.0:
            total += cosine * -dx / (d2 * d2 + 0.02)
    return total * hw * hh / math.pi


@njit(**OPTIONS)
@no_type_check
def _aim(w, l, lights, k, room, x, y, z, samples, s):
    """Point lane l of a packet from (x, y, z) to sample s of light k.

    Its T becomes the distance to that point, or 0 where the sun cannot come in by a window.
    """
    kind = int(lights[k, 0])
    far = 50.0
    if kind == 2:
        dx = lights[k, 1] + lights[k, 7] * samples[s, 9]
        dy = lights[k, 2] + lights[k, 7] * samples[s, 10]
        dz = lights[k, 3] + lights[k, 7] * samples[s, 11]
    elif kind == 0:
        dx = lights[k, 1] + lights[k, 7] * samples[s, 3] - x
        dy = lights[k, 2] + lights[k, 7] * samples[s, 4] - y
        dz = lights[k, 3] + lights[k, 7] * samples[s, 5] - z
    else:
        dx = lights[k, 1] - x
        dy = lights[k, 2] + (2 * samples[s, 0] - 1) * lights[k, 8] - y
        dz = lights[k, 3] + (2 * samples[s, 1] - 1) * lights[k, 9] - z
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx / length, dy / length, dz / length
    if kind != 2:
        far = length - 1e-3
    elif room[0] > 0.0:  # through a window only, and not through its bars
        far = 0.0
        if dx < 0.0:
            t = (-room[0] - x) / dx
            hy, hz = y + t * dy, z + t * dz
            for q in range(len(lights)):
                if lights[q, 0] == 1:
                    u, v = abs(hy - lights[q, 2]), abs(hz - lights[q, 3])
                    bar = lights[k, 10]
                    if u < lights[q, 8] and v < lights[q, 9] and not (bar > 0.0 and (u < bar or v < bar)):
                        far = t
    w[OX + l], w[OY + l], w[OZ + l] = x, y, z
    w[DX + l], w[DY + l], w[DZ + l] = dx, dy, dz
    w[T + l] = far


@njit(**OPTIONS)
@no_type_check
def _light_box(lights, k, room, low, high, low2, high2):
    """Box around where light k shines from, for the points in another box."""
    kind = int(lights[k, 0])
    if kind == 2:
        if room[0] > 0.0:
            for q in range(len(lights)):
                if lights[q, 0] == 1:
                    low2[0], high2[0] = -room[0] - 0.01, -room[0] + 0.01
                    for axis in range(2):
                        low2[1 + axis] = lights[q, 2 + axis] - lights[q, 8 + axis]
                        high2[1 + axis] = lights[q, 2 + axis] + lights[q, 8 + axis]
        else:
            for axis in range(3):
                low2[axis] = low[axis] + 6 * lights[k, 1 + axis] - 6 * lights[k, 7]
                high2[axis] = high[axis] + 6 * lights[k, 1 + axis] + 6 * lights[k, 7]
        return
    for axis in range(3):
        reach = lights[k, 7]
        if kind == 1:
            reach = lights[k, 7 + axis] if axis > 0 else 0.01
        low2[axis], high2[axis] = lights[k, 1 + axis] - reach, lights[k, 1 + axis] + reach


@njit(**OPTIONS)
@no_type_check
def gather_visibility(
    shapes, g, boxes, casts, room, lights, samples, bayer, reach, w, hits, points, normals, direct, seen
):
    """Share of each light, and last of the hemisphere, that every pixel's surface sees."""
    n, height, width, count = len(shapes), hits.shape[0], hits.shape[1], len(lights)
    mask, chosen = np.empty(n, np.float32), np.empty(n, np.int32)
    low, high, low2, high2 = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    active = np.empty(LANES, np.bool_)
    for v0 in range(0, height, TILE):
        for u0 in range(0, width, TILE):
            for axis in range(3):
                low[axis], high[axis] = INFINITY, -INFINITY
            for l in range(LANES):
                u, v = u0 + (l & 7), v0 + (l >> 3)
                if u < width and v < height and hits[v, u] >= 0:
                    for axis in range(3):
                        p = points[v, u, axis]
                        low[axis], high[axis] = min(low[axis], p), max(high[axis], p)
            if high[0] < low[0]:
                continue
            for axis in range(3):
                low[axis], high[axis] = low[axis] - 3e-3, high[axis] + 3e-3
            for k in range(count + 1):
                rays = _OCCLUSION_RAYS if k == count else (_SHADOW_RAYS if lights[k, 0] == 1 else 1)
                some = False
                for l in range(LANES):
                    u, v = u0 + (l & 7), v0 + (l >> 3)
                    active[l] = u < width and v < height and hits[v, u] >= 0
                    if active[l] and k < count:
                        f = unshadowed(
                            lights,
                            k,
                            float(points[v, u, 0]),
                            float(points[v, u, 1]),
                            float(points[v, u, 2]),
                            float(normals[v, u, 0]),
                            float(normals[v, u, 1]),
                            float(normals[v, u, 2]),
                        )
                        direct[v, u, k] = f
                        active[l] = f > 1e-5
                    some = some or active[l]
                if not some:
                    continue
                if k < count:
                    _light_box(lights, k, room, low, high, low2, high2)
                    candidates = cull_shaft(boxes, n, casts, low, high, low2, high2, mask, chosen)
                else:
                    for axis in range(3):
                        low2[axis], high2[axis] = low[axis] - reach, high[axis] + reach
                    candidates = cull_box(boxes, n, casts, low2, high2, mask, chosen)
                if candidates == 0 and k < count and lights[k, 0] != 2:  # nothing in between
                    for l in range(LANES):
                        if active[l]:
                            seen[v0 + (l >> 3), u0 + (l & 7), k] = 1.0
                    continue
                for j in range(rays):
                    for l in range(LANES):
                        if not active[l]:
                            w[T + l] = 0.0
                            w[_FAR + l] = 1.0
                            continue
                        u, v = u0 + (l & 7), v0 + (l >> 3)
                        nx, ny, nz = float(normals[v, u, 0]), float(normals[v, u, 1]), float(normals[v, u, 2])
                        x = points[v, u, 0] + 2e-3 * nx
                        y = points[v, u, 1] + 2e-3 * ny
                        z = points[v, u, 2] + 2e-3 * nz
                        s = bayer[4 * (v & 3) + (u & 3)] + 16 * j
                        if k < count:
                            _aim(w, l, lights, k, room, x, y, z, samples, s)
                            w[_FAR + l] = w[T + l] if w[T + l] > 0 else 1.0
                        else:
                            _aim_around(w, l, x, y, z, nx, ny, nz, samples[s, 6], samples[s, 7], samples[s, 8])
                            far = reach * (0.15 + 0.85 * samples[s, 2])
                            w[T + l] = far
                            w[_FAR + l] = far
                    for c in range(candidates):
                        meet(w, shapes, g, chosen[c])
                    for l in range(LANES):
                        if not active[l]:
                            continue
                        u, v = u0 + (l & 7), v0 + (l >> 3)
                        free = 1.0 if w[T + l] >= w[_FAR + l] else 0.0
                        if k == count and room[0] > 0.0 and free > 0.0:
                            t, _ = room_exit(room, w[OX + l], w[OY + l], w[OZ + l], w[DX + l], w[DY + l], w[DZ + l])
                            if t < 0.6 * w[_FAR + l]:  # corners of the room darken less than things do
                                free = 0.45
                        seen[v, u, k] += free / rays


@njit(**OPTIONS)
@no_type_check
def _aim_around(w, l, x, y, z, nx, ny, nz, a, b, c):
    """Point lane l in a direction (a, b, c) of the hemisphere around a normal (c along it)."""
    if abs(nz) < 0.9:
        h = 1.0 / math.sqrt(nx * nx + ny * ny)
        tx, ty, tz = -ny * h, nx * h, 0.0
    else:
        h = 1.0 / math.sqrt(ny * ny + nz * nz)
        tx, ty, tz = 0.0, nz * h, -ny * h
    bx, by, bz = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx
    w[OX + l], w[OY + l], w[OZ + l] = x, y, z
    w[DX + l], w[DY + l], w[DZ + l] = a * tx + b * bx + c * nx, a * ty + b * by + c * ny, a * tz + b * bz + c * nz


@njit(**OPTIONS)
@no_type_check
def blur(source, target, hits, points, normals, along_u):
    """Average over five neighbours in a row (or column) on the same plane; a period-4 tent undoes interleaving."""
    height, width, count = source.shape
    for v in range(height):
        for u in range(width):
            if hits[v, u] < 0:
                continue
            nx, ny, nz = normals[v, u, 0], normals[v, u, 1], normals[v, u, 2]
            x, y, z = points[v, u, 0], points[v, u, 1], points[v, u, 2]
            weight = np.float32(1.0)
            for k in range(count):
                target[v, u, k] = source[v, u, k]
            for s in range(-2, 3):
                i, j = (u + s, v) if along_u else (u, v + s)
                if s == 0 or i < 0 or j < 0 or i >= width or j >= height or hits[j, i] < 0:
                    continue
                cosine = nx * normals[j, i, 0] + ny * normals[j, i, 1] + nz * normals[j, i, 2]
                if cosine < 0.8:
                    continue
                off = abs(nx * (points[j, i, 0] - x) + ny * (points[j, i, 1] - y) + nz * (points[j, i, 2] - z))
                if off > 0.03 + 0.6 * (1 - cosine):
                    continue
                q = np.float32(0.5 if abs(s) == 2 else 1.0)
                weight += q
                for k in range(count):
                    target[v, u, k] += q * source[j, i, k]
            q = np.float32(1.0) / weight
            for k in range(count):
                target[v, u, k] *= q


@njit(**OPTIONS)
@no_type_check
def irradiance(lights, room, probes, seen, v, u, x, y, z, nx, ny, nz):
    """Light that arrives at a point, with the visibilities of pixel (v, u)."""
    count = len(lights)
    r, g, b = bounced(probes, room, x, y, z, nx, ny, nz)
    free = 0.15 + 0.85 * seen[v, u, count]
    r, g, b = free * r, free * g, free * b
    for k in range(count):
        if seen[v, u, k] > 0.0:
            f = seen[v, u, k] * unshadowed(lights, k, x, y, z, nx, ny, nz)
            r, g, b = r + f * lights[k, 4], g + f * lights[k, 5], b + f * lights[k, 6]
    return r, g, b
