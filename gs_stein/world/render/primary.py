"""What the rays of a tile's pixels hit first."""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

from gs_stein.world.render.arrays import TILE
from gs_stein.world.render.cull import cull_frustum
from gs_stein.world.render.kernels import INFINITY, OPTIONS
from gs_stein.world.render.packet import DX, DY, DZ, HIT, LANES, OX, OY, OZ, T
from gs_stein.world.render.shading import face_of
from gs_stein.world.render.trace import meet, room_walls


@njit(**OPTIONS)
@no_type_check
def primary_packet(w, camera, room, shapes, flat, chosen, count):
    """Trace a packet from the eye past the first `count` primitives of `chosen`, and to the room's walls.

    `w[DX]`, `w[DY]` hold pixel coordinates on entry, directions on return.
    """
    eye, R, fx, fy, cx, cy = camera
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
        room_walls(w, room, len(shapes))
    for k in range(count):
        meet(w, shapes, flat, chosen[k])


@njit(**OPTIONS)
@no_type_check
def see(scene, camera, w, candidates, surfaces, picture):
    """What the middle of every pixel sees, tile by tile.

    Args:
        scene, camera: what to look at, and from where.
        w: a packet's buffer.
        candidates: takes the primitives that may be seen in every tile.
        surfaces: takes the result; points and normals are zeros on entry.
        picture: its depth and labels take theirs; zeros on entry.
    """
    shapes, geometry, flat, boxes, room = scene.shapes, scene.geometry, scene.flat, scene.boxes, scene.room
    eye, R, thing_ids, lists = camera.eye, camera.R, scene.thing_ids, candidates.items
    hits, ranges, points, normals = surfaces
    depth, labels = picture.depth, picture.labels
    n, height, width = len(shapes), hits.shape[0], hits.shape[1]
    planes = np.empty((4, 3))
    mask, everything = np.empty(n, np.float32), np.ones(n, np.bool_)
    for v0 in range(0, height, TILE):
        for u0 in range(0, width, TILE):
            tile = (v0 // TILE) * ((width + TILE - 1) // TILE) + u0 // TILE
            _tile_planes(planes, camera, u0, v0)
            count = cull_frustum(boxes, everything, eye, planes, mask, lists[tile])
            candidates.counts[tile] = count
            for l in range(LANES):
                w[DX + l], w[DY + l] = u0 + (l & 7) + 0.5, v0 + (l >> 3) + 0.5
            primary_packet(w, camera, room, shapes, flat, lists[tile], count)
            for l in range(LANES):
                u, v = u0 + (l & 7), v0 + (l >> 3)
                if u >= width or v >= height:
                    continue
                hit, t, ray = int(w[HIT + l]), w[T + l], (w[DX + l], w[DY + l], w[DZ + l])
                hits[v, u], ranges[v, u] = hit, t
                if hit < 0:
                    continue
                point = (eye[0] + t * ray[0], eye[1] + t * ray[1], eye[2] + t * ray[2])
                normal, _ = face_of(shapes, geometry, room, hit, point, ray)
                points[v, u, 0], points[v, u, 1], points[v, u, 2] = point
                normals[v, u, 0], normals[v, u, 1], normals[v, u, 2] = normal
                depth[v, u] = t * (R[2, 0] * ray[0] + R[2, 1] * ray[1] + R[2, 2] * ray[2])
                labels[v, u] = thing_ids[hit]


@njit(**OPTIONS)
@no_type_check
def _tile_planes(planes, camera, u0, v0):
    """Planes through the eye and a tile's sides, normals outward, in the world."""
    _, R, fx, fy, cx, cy = camera
    x0, x1 = (u0 - cx) / fx, (u0 + TILE - cx) / fx
    y0, y1 = (v0 - cy) / fy, (v0 + TILE - cy) / fy
    for k in range(4):
        a = -1.0 if k == 0 else (1.0 if k == 1 else 0.0)
        b = -1.0 if k == 2 else (1.0 if k == 3 else 0.0)
        c = x0 if k == 0 else (-x1 if k == 1 else (y0 if k == 2 else -y1))
        for axis in range(3):
            planes[k, axis] = R[0, axis] * a + R[1, axis] * b + R[2, axis] * c
