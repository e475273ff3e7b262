"""What light reaches a surface: shadow rays to lamps, windows and sun, short rays for ambient occlusion.

Sample points are interleaved over 4×4 pixels (Keller and Heidrich, "Interleaved Sampling", 2001), and what they find is
averaged over the neighbourhood on the same plane, so that few rays give shadows without grain.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit

from gs_stein.world.builder import SUN_LIGHT, WINDOW_LIGHT
from gs_stein.world.render.arrays import TILE, Box, TileRays
from gs_stein.world.render.cull import cull_box, cull_shaft
from gs_stein.world.render.kernels import INFINITY, OPTIONS, triple
from gs_stein.world.render.lights import aim_around, aim_at_light, light_box, unshadowed
from gs_stein.world.render.packet import DX, DY, DZ, FAR, LANES, OX, OY, OZ, T
from gs_stein.world.render.solids import room_exit
from gs_stein.world.render.trace import meet

_SHADOW_RAYS = 2
"""Rays from a pixel to a window, of 16 times as many in a neighbourhood; smaller lights take one."""
_OCCLUSION_RAYS = 2


def _low_discrepancy(count: int, dimensions: int) -> np.ndarray:
    """R-sequence points (Roberts 2018), shuffled so that neighbouring pixels take distant ones."""
    root = 2.0
    for _ in range(30):
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = (1 / root) ** np.arange(1, dimensions + 1)
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1


BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]).reshape(-1)
"""Which sample the pixels of a 4×4 neighbourhood take, so that near ones take distant ones."""


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
"""Rows of places on lights and of directions, for all rays of a 4×4 neighbourhood."""


@njit(**OPTIONS)
@no_type_check
def gather_visibility(scene, sampling, w, surfaces, light):
    """Share of each light, and last of the hemisphere, that every pixel's surface sees.

    Args:
        scene, sampling: what rays meet, and where they go.
        w: a packet's buffer.
        surfaces: what every pixel sees.
        light: its `direct` and `seen` take the result; zeros on entry.
    """
    shapes, flat, boxes, casts = scene.shapes, scene.flat, scene.boxes, scene.casts
    room, lights = scene.room, scene.lights
    seen, direct, reach = light.seen, light.direct, sampling.reach
    height, width, count, n = seen.shape[0], seen.shape[1], len(lights), len(shapes)
    mask, chosen = np.empty(n, np.float32), np.empty(n, np.int32)
    here, there = Box(np.empty(3), np.empty(3)), Box(np.empty(3), np.empty(3))
    active = np.empty(LANES, np.bool_)
    for v0 in range(0, height, TILE):
        for u0 in range(0, width, TILE):
            tile = TileRays(u0, v0, active)
            if not _surround(here, tile, surfaces):
                continue
            for k in range(count + 1):
                if not _find_lit(tile, lights, k, surfaces, direct):
                    continue
                if k < count:
                    light_box(lights, k, room, here, there)
                    candidates = cull_shaft(boxes, casts, here, there, mask, chosen)
                else:
                    for axis in range(3):
                        there.low[axis], there.high[axis] = here.low[axis] - reach, here.high[axis] + reach
                    candidates = cull_box(boxes, casts, there, mask, chosen)
                if candidates == 0 and k < count and lights[k, 0] != SUN_LIGHT:  # nothing in between
                    for l in range(LANES):
                        if active[l]:
                            seen[v0 + (l >> 3), u0 + (l & 7), k] = 1.0
                    continue
                rays = _OCCLUSION_RAYS if k == count else (_SHADOW_RAYS if lights[k, 0] == WINDOW_LIGHT else 1)
                for j in range(rays):
                    if k < count:
                        _aim_at_light(w, tile, lights, k, room, sampling, surfaces, j)
                    else:
                        _aim_around(w, tile, sampling, surfaces, j)
                    for c in range(candidates):
                        meet(w, shapes, flat, chosen[c])
                    _tally(w, tile, room, k, seen, rays)


@njit(**OPTIONS)
@no_type_check
def _surround(box, tile, surfaces):
    """Let a box surround what the pixels of a tile see; whether they see anything."""
    hits, points, low, high = surfaces.hits, surfaces.points, box.low, box.high
    height, width = hits.shape
    for axis in range(3):
        low[axis], high[axis] = INFINITY, -INFINITY
    for l in range(LANES):
        u, v = tile.u0 + (l & 7), tile.v0 + (l >> 3)
        if u < width and v < height and hits[v, u] >= 0:
            for axis in range(3):
                p = points[v, u, axis]
                low[axis], high[axis] = min(low[axis], p), max(high[axis], p)
    if high[0] < low[0]:
        return False
    for axis in range(3):
        low[axis], high[axis] = low[axis] - 3e-3, high[axis] + 3e-3
    return True


@njit(**OPTIONS)
@no_type_check
def _find_lit(tile, lights, k, surfaces, direct):
    """Find the lanes that light k, or bounced light where it is the last, may reach; whether there are any."""
    hits, points, normals, active = surfaces.hits, surfaces.points, surfaces.normals, tile.active
    height, width = hits.shape
    some = False
    for l in range(LANES):
        u, v = tile.u0 + (l & 7), tile.v0 + (l >> 3)
        active[l] = u < width and v < height and hits[v, u] >= 0
        if active[l] and k < len(lights):
            f = unshadowed(lights, k, triple(points, v, u), triple(normals, v, u))
            direct[v, u, k] = f
            active[l] = f > 1e-5
        some = some or active[l]
    return some


@njit(**OPTIONS)
@no_type_check
def _aim_at_light(w, tile, lights, k, room, sampling, surfaces, j):
    """Send the j-th rays of a tile's active lanes to light k; `FAR` becomes how far they go."""
    points, normals, active = surfaces.points, surfaces.normals, tile.active
    samples, order = sampling.samples, sampling.order
    for l in range(LANES):
        if not active[l]:
            w[T + l], w[FAR + l] = 0.0, 1.0
            continue
        u, v = tile.u0 + (l & 7), tile.v0 + (l >> 3)
        s = order[4 * (v & 3) + (u & 3)] + 16 * j
        aim_at_light(w, l, lights, k, room, _above(points, normals, v, u), samples, s)
        w[FAR + l] = w[T + l] if w[T + l] > 0 else 1.0


@njit(**OPTIONS)
@no_type_check
def _aim_around(w, tile, sampling, surfaces, j):
    """Send the j-th rays of a tile's active lanes into the hemisphere; `FAR` becomes how far they go."""
    points, normals, active = surfaces.points, surfaces.normals, tile.active
    samples, order = sampling.samples, sampling.order
    for l in range(LANES):
        if not active[l]:
            w[T + l], w[FAR + l] = 0.0, 1.0
            continue
        u, v = tile.u0 + (l & 7), tile.v0 + (l >> 3)
        s = order[4 * (v & 3) + (u & 3)] + 16 * j
        direction = (samples[s, 6], samples[s, 7], samples[s, 8])
        aim_around(w, l, _above(points, normals, v, u), triple(normals, v, u), direction)
        far = sampling.reach * (0.15 + 0.85 * samples[s, 2])
        w[T + l], w[FAR + l] = far, far


@njit(**OPTIONS)
@no_type_check
def _above(points, normals, v, u):
    """A little above what a pixel sees, so that rays leave it."""
    nx, ny, nz = triple(normals, v, u)
    return points[v, u, 0] + 2e-3 * nx, points[v, u, 1] + 2e-3 * ny, points[v, u, 2] + 2e-3 * nz


@njit(**OPTIONS)
@no_type_check
def _tally(w, tile, room, k, seen, rays):
    """Add what a tile's rays found to the shares of light k, or of the hemisphere where it is the last."""
    active, around = tile.active, k == seen.shape[2] - 1
    for l in range(LANES):
        if not active[l]:
            continue
        free = 1.0 if w[T + l] >= w[FAR + l] else 0.0
        if around and room[0] > 0.0 and free > 0.0:
            t, _ = room_exit(room, (w[OX + l], w[OY + l], w[OZ + l]), (w[DX + l], w[DY + l], w[DZ + l]))
            if t < 0.6 * w[FAR + l]:  # corners of the room darken less than things do
                free = 0.45
        seen[tile.v0 + (l >> 3), tile.u0 + (l & 7), k] += free / rays


@njit(**OPTIONS)
@no_type_check
def blur(source, target, surfaces, along_u):
    """Average over five neighbours in a row (or column) on the same plane; a period-4 tent undoes interleaving."""
    hits, points, normals = surfaces.hits, surfaces.points, surfaces.normals
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
