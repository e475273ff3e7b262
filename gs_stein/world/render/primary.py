"""What the rays of a tile's pixels hit first."""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

from gs_stein.world.render.shading import _frame
from gs_stein.world.render.trace import DX, DY, DZ, HIT, INFINITY, LANES, OX, OY, OZ, T, cull_frustum, meet, room_walls
from gs_stein.world.render.visibility import OPTIONS, TILE


@njit(**OPTIONS)
@no_type_check
def _primary_packet(w, eye, R, fx, fy, cx, cy, shapes, g, room, n, chosen, first, count):
    """Trace a packet from the eye; `w[DX]`, `w[DY]` hold pixel coordinates on entry, directions on return."""
    for l in range(LANES):
        a, b = (w[DX + l] - cx) / fx, (w[DY + l] - cy) / fy
        s = 1.0 / math.sqrt(a * a + b * b + 1.0)
        a, b = a * s, b * s
        w[DX + l] = R[0, 0] * a + R[1, 0] * b + R[2, 0] * s
        w[DY + l] = R[0, 1] * a + R[1, 1] * b + R[2, 1] * s
        w[DZ + l] = R[0, 2] * a + R[1, 2] * b + R[2, 2] * s
        w[OX + l], w[OY + l], w[OZ + l] = eye[0], eye[1], eye[2]
        w[T + l], w[HIT + l] = INFINITY, -1
    if room[0] > 0.0:
        room_walls(w, room, n)
    for k in range(count):
        meet(w, shapes, g, chosen[first + k])


@njit(**OPTIONS)
@no_type_check
def _see(
    shapes, geometry, g, boxes, material_ids, thing_ids, materials, room, eye, R, fx, fy, cx, cy, w, lists, counts,
    hits, ranges, points, normals, depth, labels
):  # fmt: skip
    """What the middle of every pixel sees, tile by tile; keeps each tile's candidates in `lists`."""
    n, height, width = len(shapes), hits.shape[0], hits.shape[1]
    planes = np.empty((4, 3))
    mask, everything = np.empty(n, np.float32), np.ones(n, np.bool_)
    for v0 in range(0, height, TILE):
        for u0 in range(0, width, TILE):
            tile = (v0 // TILE) * ((width + TILE - 1) // TILE) + u0 // TILE
            # planes through the eye and the tile's sides, normals outward, from camera to world
            x0, x1 = (u0 - cx) / fx, (u0 + TILE - cx) / fx
            y0, y1 = (v0 - cy) / fy, (v0 + TILE - cy) / fy
            for k in range(4):
                a = -1.0 if k == 0 else (1.0 if k == 1 else 0.0)
                b = -1.0 if k == 2 else (1.0 if k == 3 else 0.0)
                c = x0 if k == 0 else (-x1 if k == 1 else (y0 if k == 2 else -y1))
                for axis in range(3):
                    planes[k, axis] = R[0, axis] * a + R[1, axis] * b + R[2, axis] * c
            count = cull_frustum(boxes, n, everything, eye, planes, mask, lists[tile])
            counts[tile] = count
            for l in range(LANES):
                w[DX + l], w[DY + l] = u0 + (l & 7) + 0.5, v0 + (l >> 3) + 0.5
            _primary_packet(w, eye, R, fx, fy, cx, cy, shapes, g, room, n, lists[tile], 0, count)
            for l in range(LANES):
                u, v = u0 + (l & 7), v0 + (l >> 3)
                if u >= width or v >= height:
                    continue
                hit = int(w[HIT + l])
                t = w[T + l]
                hits[v, u], ranges[v, u] = hit, t
                if hit < 0:
                    continue
                dx, dy, dz = float(w[DX + l]), float(w[DY + l]), float(w[DZ + l])
                x, y, z = eye[0] + t * dx, eye[1] + t * dy, eye[2] + t * dz
                nx, ny, nz, _, _, _, _, _, _, _, _ = _frame(shapes, geometry, room, hit, x, y, z, dx, dy, dz)
                points[v, u, 0], points[v, u, 1], points[v, u, 2] = x, y, z
                normals[v, u, 0], normals[v, u, 1], normals[v, u, 2] = nx, ny, nz
                depth[v, u] = t * (R[2, 0] * dx + R[2, 1] * dy + R[2, 2] * dz)
                labels[v, u] = thing_ids[hit]
