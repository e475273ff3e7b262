"""From radiance to bytes: tone mapping, and pixels between the samples."""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

from gs_stein.world.materials import MIRROR, SOLID
from gs_stein.world.render.primary import _primary_packet
from gs_stein.world.render.shading import _frame, _mirrored, _scattered, _sky
from gs_stein.world.render.trace import DX, DY, DZ, HIT, LANES, T, local_point
from gs_stein.world.render.visibility import OPTIONS, TILE, irradiance


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
