"""Pictures of scenes: RGB, depth, normals and labels of every view, ray traced.

Light is gathered once per pixel and surface: lamps, windows, the sun and ambient occlusion by rays (see
`visibility.py`), bounced light from a radiosity of the empty room (see `light.py`). Textures and edges get 2×2 samples
a pixel; only pixels on edges trace all four.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int, UInt8
from numba import njit

from gs_stein.types import Cameras
from gs_stein.world.light import bounce, bounced
from gs_stein.world.materials import FOLDS, MIRROR, SOLID, albedo
from gs_stein.world.primitives import Scene
from gs_stein.world.trace import (
    DX,
    DY,
    DZ,
    HIT,
    INFINITY,
    LANES,
    OX,
    OY,
    OZ,
    PACKET,
    T,
    bounds,
    cull_frustum,
    local_normal,
    local_point,
    meet,
    room_exit,
    room_walls,
)
from gs_stein.world.visibility import (
    BAYER,
    OPTIONS,
    REACH,
    SAMPLES,
    TILE,
    blur,
    gather_visibility,
    irradiance,
)


@dataclass(frozen=True)
class Views:
    """V rendered views."""

    rgb: UInt8[np.ndarray, "V H W 3"]
    """Tone-mapped sRGB."""
    depth: Float[np.ndarray, "V H W"]
    """Camera z in metres; 0 where nothing was hit."""
    normals: Float[np.ndarray, "V H W 3"]
    """World-space unit normals, facing the camera; 0 where nothing was hit."""
    labels: Int[np.ndarray, "V H W"]
    """Thing ids; 0 for none."""
    alpha: Float[np.ndarray, "V H W"]
    """Share of the pixel that something covers."""


def _tone_table(size: int = 4096) -> np.ndarray:
    """sRGB in [0, 255] of exposed radiance x at index (size − 1)·x / (x + 0.5): a filmic curve (after Narkowicz)."""
    s = np.arange(size) / size
    x = 0.5 * s / (1 - s)
    y = np.minimum(x * (1.9 * x + 0.12) / (x * (1.82 * x + 0.82) + 0.16), 1.0)
    y = np.where(y <= 0.0031308, 12.92 * y, 1.055 * np.maximum(y, 1e-9) ** (1 / 2.4) - 0.055)
    return (255 * y + 0.5).astype(np.uint8)


_TONES = _tone_table()


@njit(**OPTIONS)
@no_type_check
def _frame(scene_shapes, geometry, room, hit, x, y, z, dx, dy, dz):
    """Normal (facing the ray), local point, half extents and face of a hit."""
    n = len(scene_shapes)
    if hit >= n:
        face = hit - n
        axis = face // 2
        sign = 1.0 if face == 0 or face == 2 or face == 4 else -1.0
        nx = sign if axis == 0 else 0.0
        ny = sign if axis == 1 else 0.0
        nz = sign if axis == 2 else 0.0
        return nx, ny, nz, x, y, z - 0.5 * room[2], room[0], room[1], 0.5 * room[2], axis, sign
    lx, ly, lz = local_point(geometry, hit, x, y, z)
    a, b, c = local_normal(scene_shapes[hit], geometry, hit, lx, ly, lz)
    axis, sign = 2, c
    if abs(a) > abs(b) and abs(a) >= abs(c):
        axis, sign = 0, a
    elif abs(b) > abs(c):
        axis, sign = 1, b
    nx = geometry[hit, 3] * a + geometry[hit, 4] * b + geometry[hit, 5] * c
    ny = geometry[hit, 6] * a + geometry[hit, 7] * b + geometry[hit, 8] * c
    nz = geometry[hit, 9] * a + geometry[hit, 10] * b + geometry[hit, 11] * c
    if nx * dx + ny * dy + nz * dz > 0.0:
        nx, ny, nz = -nx, -ny, -nz
    return nx, ny, nz, lx, ly, lz, geometry[hit, 12], geometry[hit, 13], geometry[hit, 14], axis, sign


@njit(**OPTIONS)
@no_type_check
def _sky(background, dz):
    """Background in a direction of height dz."""
    w = math.sqrt(min(max(dz, 0.0), 1.0))
    return (
        background[1, 0] + w * (background[0, 0] - background[1, 0]),
        background[1, 1] + w * (background[0, 1] - background[1, 1]),
        background[1, 2] + w * (background[0, 2] - background[1, 2]),
    )


@njit(**OPTIONS)
@no_type_check
def _tone(c, exposure, tones):
    """Look a radiance up in `_TONES`."""
    x = max(c * exposure, 0.0)
    return tones[int(len(tones) * x / (x + 0.5))] if x < 1e3 else tones[len(tones) - 1]


@njit(**OPTIONS)
@no_type_check
def _write(rgb, alpha, v, u, red, green, blue, covered, exposure, tones):
    rgb[v, u, 0] = _tone(red, exposure[0], tones)
    rgb[v, u, 1] = _tone(green, exposure[1], tones)
    rgb[v, u, 2] = _tone(blue, exposure[2], tones)
    alpha[v, u] = covered


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


@njit(**OPTIONS)
@no_type_check
def _reflection(shapes, materials, material_ids, lights, room, background, probes, exposure, x, y, z, dx, dy, dz):
    """What a shiny surface mirrors: the bare room with its windows, or the sky."""
    if room[0] <= 0.0:  # a studio: bright above, darker below, with a soft horizon
        q = min(max(0.5 + 1.6 * dz, 0.0), 1.0)
        q = q * q * (3 - 2 * q)
        low, high = 0.45 * probes[0, 0, 0, 4], 1.35 * probes[0, 0, 0, 5]
        return low[0] + q * (high[0] - low[0]), low[1] + q * (high[1] - low[1]), low[2] + q * (high[2] - low[2])
    t, face = room_exit(room, x, y, z, dx, dy, dz)
    px, py, pz = x + t * dx, y + t * dy, z + t * dz
    if face == 0:
        for k in range(len(lights)):
            if lights[k, 0] == 1 and abs(py - lights[k, 2]) < lights[k, 8] and abs(pz - lights[k, 3]) < lights[k, 9]:
                # as bright as the pane is shown, not as the light behind it
                top = max(max(lights[k, 4], lights[k, 5]), lights[k, 6])
                f = min(1.1, 2.2 * top * exposure[1]) / top
                return f * lights[k, 4] / exposure[0], f * lights[k, 5] / exposure[1], f * lights[k, 6] / exposure[2]
    m = materials[material_ids[len(shapes) + face]]
    nx = 1.0 if face == 0 else (-1.0 if face == 1 else 0.0)
    ny = 1.0 if face == 2 else (-1.0 if face == 3 else 0.0)
    nz = 1.0 if face == 4 else (-1.0 if face == 5 else 0.0)
    er, eg, eb = bounced(probes, room, px - 0.02 * dx, py - 0.02 * dy, pz - 0.02 * dz, nx, ny, nz)
    return 1.3 * m[1] * er, 1.3 * m[2] * eg, 1.3 * m[3] * eb


@njit(**OPTIONS)
@no_type_check
def _mirrored(
    shapes, material_ids, materials, lights, room, background, probes, exposure, hit, x, y, z, dx, dy, dz, nx, ny, nz
):
    """What a shiny surface adds: strength of the reflection and what is reflected; zeros where it is dull."""
    m = material_ids[hit]
    gloss = materials[m, 14]
    if gloss <= 0.0:
        return 0.0, 0.0, 0.0, 0.0
    cosine = -(dx * nx + dy * ny + dz * nz)
    q = 1 - min(max(cosine, 0.0), 1.0)
    f = gloss + (1 - gloss) * 0.35 * q * q * q * q * q if materials[m, 0] != MIRROR else gloss
    r, g, b = _reflection(
        shapes, materials, material_ids, lights, room, background, probes, exposure, x, y, z, dx + 2 * cosine * nx,
        dy + 2 * cosine * ny, dz + 2 * cosine * nz
    )  # fmt: skip
    if gloss >= 0.25 and materials[m, 0] != MIRROR:  # metals tint what they reflect
        q = q * q * q
        f = 0.55 + 0.3 * q
        r = r * (materials[m, 1] + q * (1 - materials[m, 1])) * 1.15
        g = g * (materials[m, 2] + q * (1 - materials[m, 2])) * 1.15
        b = b * (materials[m, 3] + q * (1 - materials[m, 3])) * 1.15
    return f, r, g, b


@njit(**OPTIONS)
@no_type_check
def _scattered(materials, m, lx, ly, lz, hx, hy, hz, axis, sign, er, eg, eb, exposure):
    """Radiance that a surface scatters and emits at a local point, given the light that arrives."""
    r, g, b, _ = albedo(materials[m], lx, ly, lz, hx, hy, hz, axis, sign)
    glow = materials[m, 15]  # emission is meant as seen after exposure
    return r * (er + glow / exposure[0]), g * (eg + glow / exposure[1]), b * (eb + glow / exposure[2])


@njit(**OPTIONS)
@no_type_check
def _gather_light(
    shapes, geometry, material_ids, materials, lights, room, probes, hits, points, normals, direct, seen, light
):
    """Irradiance of every pixel, from the share it sees of each light and what that would give unshadowed."""
    n, height, width, count = len(shapes), hits.shape[0], hits.shape[1], len(lights)
    for v in range(height):
        for u in range(width):
            hit = hits[v, u]
            if hit < 0:
                continue
            x, y, z = float(points[v, u, 0]), float(points[v, u, 1]), float(points[v, u, 2])
            nx, ny, nz = float(normals[v, u, 0]), float(normals[v, u, 1]), float(normals[v, u, 2])
            if hit < n and materials[material_ids[hit], 0] == FOLDS:  # cloth is lit by its folds
                hx, hy, hz = geometry[hit, 12], geometry[hit, 13], geometry[hit, 14]
                lx, ly, lz = local_point(geometry, hit, x, y, z)
                _, _, _, slope = albedo(materials[material_ids[hit]], lx, ly, lz, hx, hy, hz, 1, 1.0)
                nx, ny, nz = nx + slope * geometry[hit, 3], ny + slope * geometry[hit, 6], nz + slope * geometry[hit, 9]
                h = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
                nx, ny, nz = nx * h, ny * h, nz * h
                r, g, b = irradiance(lights, room, probes, seen, v, u, x, y, z, nx, ny, nz)
            else:
                r, g, b = bounced(probes, room, x, y, z, nx, ny, nz)
                free = 0.15 + 0.85 * seen[v, u, count]
                r, g, b = free * r, free * g, free * b
                for k in range(count):
                    f = seen[v, u, k] * direct[v, u, k]
                    r, g, b = r + f * lights[k, 4], g + f * lights[k, 5], b + f * lights[k, 6]
            light[v, u, 0], light[v, u, 1], light[v, u, 2] = r, g, b


@njit(**OPTIONS)
@no_type_check
def _on_edge(hits, normals, v, u):
    """Whether another surface, or another side of it, begins at one of a pixel's four neighbours."""
    height, width, hit = hits.shape[0], hits.shape[1], hits[v, u]
    nx, ny, nz = float(normals[v, u, 0]), float(normals[v, u, 1]), float(normals[v, u, 2])
    for side in range(4):
        j = v + (1 if side == 0 else (-1 if side == 1 else 0))
        i = u + (1 if side == 2 else (-1 if side == 3 else 0))
        if j < 0 or i < 0 or j >= height or i >= width:
            continue
        cosine = nx * normals[j, i, 0] + ny * normals[j, i, 1] + nz * normals[j, i, 2]
        if hits[j, i] != hit or (cosine < 0.8 and hit >= 0):
            return True
    return False


@njit(**OPTIONS)
@no_type_check
def _fill_insides(
    shapes, geometry, material_ids, materials, lights, room, background, probes, exposure, tones, eye, R, fx, fy, cx,
    cy, hits, ranges, points, normals, depth, light, rgb, alpha, edges, counts,
):  # fmt: skip
    """Write the pixels that one surface fills: four samples on its tangent plane, one where nothing varies.

    Lists the others, tile by tile.
    """
    n, height, width = len(shapes), hits.shape[0], hits.shape[1]
    ex, ey, ez = eye[0], eye[1], eye[2]
    columns = (width + TILE - 1) // TILE
    counts[:] = 0
    for v in range(height):
        for u in range(width):
            if _on_edge(hits, normals, v, u):
                tile = (v // TILE) * columns + u // TILE
                edges[tile, counts[tile]] = v * width + u
                counts[tile] += 1
                continue
            hit = hits[v, u]
            if hit < 0:
                a, b = (u + 0.5 - cx) / fx, (v + 0.5 - cy) / fy
                up = (R[0, 2] * a + R[1, 2] * b + R[2, 2]) / math.sqrt(a * a + b * b + 1.0)
                red, green, blue = _sky(background, up)
                _write(rgb, alpha, v, u, red, green, blue, 0.0, exposure, tones)
                continue
            m, t = material_ids[hit], ranges[v, u]
            x, y, z = float(points[v, u, 0]), float(points[v, u, 1]), float(points[v, u, 2])
            nx, ny, nz = float(normals[v, u, 0]), float(normals[v, u, 1]), float(normals[v, u, 2])
            er, eg, eb = float(light[v, u, 0]), float(light[v, u, 1]), float(light[v, u, 2])
            dx, dy, dz = (x - ex) / t, (y - ey) / t, (z - ez) / t
            if materials[m, 0] == SOLID or materials[m, 0] == MIRROR:
                glow = materials[m, 15]
                red = materials[m, 1] * (er + glow / exposure[0])
                green = materials[m, 2] * (eg + glow / exposure[1])
                blue = materials[m, 3] * (eb + glow / exposure[2])
            else:
                red, green, blue = 0.0, 0.0, 0.0
                offset, far = (x - ex) * nx + (y - ey) * ny + (z - ez) * nz, depth[v, u]
                _, _, _, lx, ly, lz, hx, hy, hz, axis, sign = _frame(shapes, geometry, room, hit, x, y, z, dx, dy, dz)
                for sample in range(4):
                    a = (u + (0.25 if sample & 1 else 0.75) - cx) / fx
                    b = (v + (0.25 if sample & 2 else 0.75) - cy) / fy
                    qx = R[0, 0] * a + R[1, 0] * b + R[2, 0]
                    qy = R[0, 1] * a + R[1, 1] * b + R[2, 1]
                    qz = R[0, 2] * a + R[1, 2] * b + R[2, 2]
                    t = offset / (qx * nx + qy * ny + qz * nz)
                    if not (t < 1.3 * far and t > 0.7 * far):
                        t = far
                    px, py, pz = ex + t * qx, ey + t * qy, ez + t * qz
                    if hit >= n:
                        lx, ly, lz = px, py, pz - hz
                    else:
                        lx, ly, lz = local_point(geometry, hit, px, py, pz)
                    r, g, b = _scattered(materials, m, lx, ly, lz, hx, hy, hz, axis, sign, er, eg, eb, exposure)
                    red, green, blue = red + 0.25 * r, green + 0.25 * g, blue + 0.25 * b
            f, r, g, b = _mirrored(
                shapes, material_ids, materials, lights, room, background, probes, exposure, hit, x, y, z, dx, dy, dz,
                nx, ny, nz
            )  # fmt: skip
            red, green, blue = red + f * (r - red), green + f * (g - green), blue + f * (b - blue)
            _write(rgb, alpha, v, u, red, green, blue, 1.0, exposure, tones)


@njit(**OPTIONS)
@no_type_check
def _nearest_alike(hits, normals, v, u, hit, nx, ny, nz):
    """The nearest pixel that saw the same side of a surface; (-1, -1) if none of nine did."""
    height, width = hits.shape
    best, vv, uu = 0.9, -1, -1
    for k in range(9):
        j, i = v + (4 + k) % 9 // 3 - 1, u + (4 + k) % 3 - 1
        if j >= 0 and i >= 0 and j < height and i < width and hits[j, i] == hit:
            c = nx * normals[j, i, 0] + ny * normals[j, i, 1] + nz * normals[j, i, 2]
            c -= 0.02 * (abs(i - u) + abs(j - v)) - 0.05
            if c > best:
                best, vv, uu = c, j, i
            if best > 1.0:
                break
    return vv, uu


@njit(**OPTIONS)
@no_type_check
def _fill_edges(
    shapes, geometry, g, material_ids, materials, lights, room, background, probes, exposure, tones, eye, R, fx, fy,
    cx, cy, w, lists, counts, hits, normals, light, seen, rgb, alpha, edges, edge_counts,
):  # fmt: skip
    """Write the pixels where surfaces meet: all four samples are traced, of sixteen pixels at a time."""
    n, width = len(shapes), hits.shape[1]
    for tile in range(len(lists)):
        for start in range(0, edge_counts[tile], 16):
            for l in range(LANES):
                p = edges[tile, min(start + (l >> 2), edge_counts[tile] - 1)]
                w[DX + l] = p % width + (0.25 if l & 1 else 0.75)
                w[DY + l] = p // width + (0.25 if l & 2 else 0.75)
            _primary_packet(w, eye, R, fx, fy, cx, cy, shapes, g, room, n, lists[tile], 0, counts[tile])
            for q in range(min(16, edge_counts[tile] - start)):
                v, u = edges[tile, start + q] // width, edges[tile, start + q] % width
                red, green, blue, covered = 0.0, 0.0, 0.0, 0.0
                for l in range(4 * q, 4 * q + 4):
                    hit, t = int(w[HIT + l]), float(w[T + l])
                    dx, dy, dz = float(w[DX + l]), float(w[DY + l]), float(w[DZ + l])
                    if hit < 0:
                        r, gr, b = _sky(background, dz)
                    else:
                        covered += 0.25
                        x, y, z = eye[0] + t * dx, eye[1] + t * dy, eye[2] + t * dz
                        nx, ny, nz, lx, ly, lz, hx, hy, hz, axis, sign = _frame(
                            shapes, geometry, room, hit, x, y, z, dx, dy, dz
                        )
                        vv, uu = _nearest_alike(hits, normals, v, u, hit, nx, ny, nz)
                        if vv >= 0:
                            er, eg, eb = float(light[vv, uu, 0]), float(light[vv, uu, 1]), float(light[vv, uu, 2])
                        else:  # its own light with this pixel's shadows
                            er, eg, eb = irradiance(lights, room, probes, seen, v, u, x, y, z, nx, ny, nz)
                        r, gr, b = _scattered(
                            materials, material_ids[hit], lx, ly, lz, hx, hy, hz, axis, sign, er, eg, eb, exposure
                        )
                        f, mr, mg, mb = _mirrored(
                            shapes, material_ids, materials, lights, room, background, probes, exposure, hit, x, y, z,
                            dx, dy, dz, nx, ny, nz
                        )  # fmt: skip
                        r, gr, b = r + f * (mr - r), gr + f * (mg - gr), b + f * (mb - b)
                    red, green, blue = red + 0.25 * r, green + 0.25 * gr, blue + 0.25 * b
                _write(rgb, alpha, v, u, red, green, blue, covered, exposure, tones)


@njit(**OPTIONS)
@no_type_check
def _render_view(
    shapes, geometry, g, boxes, casts, material_ids, thing_ids, materials, lights, room, background, probes, exposure,
    samples, bayer, tones, reach, eye, R, fx, fy, cx, cy, rgb, depth, normals, labels, alpha
):  # fmt: skip
    n, height, width, count = len(shapes), depth.shape[0], depth.shape[1], len(lights)
    tiles = ((height + TILE - 1) // TILE) * ((width + TILE - 1) // TILE)
    w = np.zeros(PACKET + LANES, np.float32)
    lists, counts = np.empty((tiles, n), np.int32), np.empty(tiles, np.int32)
    hits, ranges = np.empty((height, width), np.int32), np.empty((height, width), np.float32)
    points = np.zeros((height, width, 3), np.float32)
    _see(
        shapes, geometry, g, boxes, material_ids, thing_ids, materials, room, eye, R, fx, fy, cx, cy, w, lists,
        counts, hits, ranges, points, normals, depth, labels
    )  # fmt: skip
    seen, other = np.zeros((2, height, width, count + 1), np.float32)
    direct = np.zeros((height, width, count), np.float32)
    gather_visibility(
        shapes, g, boxes, casts, room, lights, samples, bayer, reach, w, hits, points, normals, direct, seen
    )
    blur(seen, other, hits, points, normals, True)
    blur(other, seen, hits, points, normals, False)
    light = np.zeros((height, width, 3), np.float32)
    _gather_light(
        shapes, geometry, material_ids, materials, lights, room, probes, hits, points, normals, direct, seen, light
    )
    edges, edge_counts = np.empty((tiles, TILE * TILE), np.int32), np.empty(tiles, np.int32)
    _fill_insides(
        shapes, geometry, material_ids, materials, lights, room, background, probes, exposure, tones, eye, R, fx, fy,
        cx, cy, hits, ranges, points, normals, depth, light, rgb, alpha, edges, edge_counts,
    )  # fmt: skip
    _fill_edges(
        shapes, geometry, g, material_ids, materials, lights, room, background, probes, exposure, tones, eye, R, fx, fy,
        cx, cy, w, lists, counts, hits, normals, light, seen, rgb, alpha, edges, edge_counts,
    )  # fmt: skip


def render(scene: Scene, cameras: Cameras) -> Views:
    """Ray trace V views of a scene.

    Args:
        scene: what to look at.
        cameras: V views of one size.

    Returns:
        Colour, depth, normals, labels and coverage of every view.
    """
    light = bounce(scene)
    boxes, flat = bounds(scene.shapes, scene.geometry), scene.geometry.astype(np.float32).ravel()
    V, H, W = len(cameras), cameras.height, cameras.width
    rgb = np.zeros((V, H, W, 3), np.uint8)
    depth, alpha = np.zeros((V, H, W), np.float32), np.zeros((V, H, W), np.float32)
    normals, labels = np.zeros((V, H, W, 3), np.float32), np.zeros((V, H, W), np.int16)
    viewmats, Ks = cameras.viewmats.double().numpy(), cameras.Ks.double().numpy()
    for v in range(V):
        R, translation, K = np.ascontiguousarray(viewmats[v, :3, :3]), viewmats[v, :3, 3], Ks[v]
        _render_view(
            scene.shapes, scene.geometry, flat, boxes, scene.casts, scene.material_ids, scene.thing_ids,
            scene.materials, scene.lights, scene.room, scene.background, light.probes, light.exposure, SAMPLES, BAYER,
            _TONES, REACH if scene.room[0] > 0 else 0.5, -R.T @ translation, R, K[0, 0], K[1, 1], K[0, 2], K[1, 2],
            rgb[v], depth[v], normals[v], labels[v], alpha[v]
        )  # fmt: skip
    return Views(rgb, depth, normals, labels, alpha)
