"""From radiance to bytes: tone mapping, and pixels between the samples."""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

from gs_stein.world.materials import C1, EMISSION, GLOSS, MIRROR, SOLID
from gs_stein.world.render.arrays import TILE, Face
from gs_stein.world.render.kernels import OPTIONS, triple
from gs_stein.world.render.lights import irradiance
from gs_stein.world.render.packet import DX, DY, DZ, HIT, LANES, T
from gs_stein.world.render.primary import primary_packet
from gs_stein.world.render.shading import face_of, glossed, reflected, scattered, sky, surroundings
from gs_stein.world.render.solids import local_point


def tone_table(size: int = 4096) -> np.ndarray:
    """sRGB in [0, 255] of exposed radiance x at index (size − 1)·x / (x + 0.5): a filmic curve (after Narkowicz)."""
    s = np.arange(size) / size
    x = 0.5 * s / (1 - s)
    y = np.minimum(x * (1.9 * x + 0.12) / (x * (1.82 * x + 0.82) + 0.16), 1.0)
    y = np.where(y <= 0.0031308, 12.92 * y, 1.055 * np.maximum(y, 1e-9) ** (1 / 2.4) - 0.055)
    return (255 * y + 0.5).astype(np.uint8)


@njit(**OPTIONS)
@no_type_check
def _tone(c, exposure, tones):
    """Look a radiance up in `tone_table`."""
    x = max(c * exposure, 0.0)
    return tones[int(len(tones) * x / (x + 0.5))] if x < 1e3 else tones[len(tones) - 1]


@njit(**OPTIONS)
@no_type_check
def _write(rgb, v, u, colour, exposure, tones):
    """Write radiance to pixel (v, u)."""
    rgb[v, u, 0] = _tone(colour[0], exposure[0], tones)
    rgb[v, u, 1] = _tone(colour[1], exposure[1], tones)
    rgb[v, u, 2] = _tone(colour[2], exposure[2], tones)


@njit(**OPTIONS)
@no_type_check
def _on_edge(hits, normals, v, u):
    """Whether another surface, or another side of it, begins at one of a pixel's four neighbours."""
    height, width, hit = hits.shape[0], hits.shape[1], hits[v, u]
    nx, ny, nz = triple(normals, v, u)
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
def fill_insides(scene, camera, surfaces, light, picture, edges):
    """Write the pixels that one surface fills: four samples on its tangent plane, one where nothing varies.

    Args:
        scene, camera: what to look at, and from where.
        surfaces, light: what every pixel sees, and the light there.
        picture: takes the result.
        edges: takes the other pixels, as v·W + u, tile by tile.
    """
    shapes, geometry, room = scene.shapes, scene.geometry, scene.room
    materials, walls, exposure = scene.materials, scene.walls, scene.exposure
    lights, probes, material_ids = scene.lights, scene.probes, scene.material_ids
    eye, R, fx, fy, cx, cy = camera
    hits, ranges, points, normals = surfaces
    rgb, depth, _, alpha, tones = picture
    lists, counts, arriving, background = edges.items, edges.counts, light.arriving, scene.background
    lens, height, width = (fx, fy, cx, cy), hits.shape[0], hits.shape[1]
    columns = (width + TILE - 1) // TILE
    counts[:] = 0
    for v in range(height):
        for u in range(width):
            if _on_edge(hits, normals, v, u):
                tile = (v // TILE) * columns + u // TILE
                lists[tile, counts[tile]] = v * width + u
                counts[tile] += 1
                continue
            hit = hits[v, u]
            if hit < 0:
                a, b = (u + 0.5 - cx) / fx, (v + 0.5 - cy) / fy
                up = (R[0, 2] * a + R[1, 2] * b + R[2, 2]) / math.sqrt(a * a + b * b + 1.0)
                _write(rgb, v, u, sky(background, up), exposure, tones)
                alpha[v, u] = 0.0
                continue
            m, t = material_ids[hit], ranges[v, u]
            point, normal, light_here = triple(points, v, u), triple(normals, v, u), triple(arriving, v, u)
            ray = ((point[0] - eye[0]) / t, (point[1] - eye[1]) / t, (point[2] - eye[2]) / t)
            if materials[m, 0] == SOLID or materials[m, 0] == MIRROR:
                glow = materials[m, EMISSION]
                red = materials[m, C1] * (light_here[0] + glow / exposure[0])
                green = materials[m, C1 + 1] * (light_here[1] + glow / exposure[1])
                blue = materials[m, C1 + 2] * (light_here[2] + glow / exposure[2])
            else:
                red, green, blue = 0.0, 0.0, 0.0
                _, face = face_of(shapes, geometry, room, hit, point, ray)
                for sample in range(4):
                    a, b = u + (0.25 if sample & 1 else 0.75), v + (0.25 if sample & 2 else 0.75)
                    beside = _beside(eye, R, lens, a, b, point, normal, depth[v, u])
                    if hit >= len(shapes):
                        local = (beside[0], beside[1], beside[2] - face.half[2])
                    else:
                        local = local_point(geometry, hit, beside)
                    there = Face(local, face.half, face.axis, face.sign)
                    r, g, b = scattered(materials, m, there, light_here, exposure)
                    red, green, blue = red + 0.25 * r, green + 0.25 * g, blue + 0.25 * b
            colour = (red, green, blue)
            if materials[m, GLOSS] > 0.0:
                away, cosine = reflected(ray, normal)
                image = surroundings(walls, lights, room, probes, exposure, point, away)
                colour = glossed(materials, m, cosine, image, colour)
            _write(rgb, v, u, colour, exposure, tones)
            alpha[v, u] = 1.0


@njit(**OPTIONS)
@no_type_check
def _beside(eye, R, lens, a, b, point, normal, far):
    """Where the ray of image position (a, b) meets the plane through a point, or its depth if that is far off."""
    (fx, fy, cx, cy), (x, y, z), (nx, ny, nz) = lens, point, normal
    ex, ey, ez = eye[0], eye[1], eye[2]
    offset = (x - ex) * nx + (y - ey) * ny + (z - ez) * nz
    a, b = (a - cx) / fx, (b - cy) / fy
    qx = R[0, 0] * a + R[1, 0] * b + R[2, 0]
    qy = R[0, 1] * a + R[1, 1] * b + R[2, 1]
    qz = R[0, 2] * a + R[1, 2] * b + R[2, 2]
    t = offset / (qx * nx + qy * ny + qz * nz)
    if not (t < 1.3 * far and t > 0.7 * far):
        t = np.float64(far)
    return ex + t * qx, ey + t * qy, ez + t * qz


@njit(**OPTIONS)
@no_type_check
def _nearest_alike(hits, normals, v, u, hit, normal):
    """The nearest pixel that saw the same side of a surface; (-1, -1) if none of nine did."""
    (height, width), (nx, ny, nz) = hits.shape, normal
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
def fill_edges(scene, camera, w, candidates, surfaces, light, picture, edges):
    """Write the pixels where surfaces meet: all four samples are traced, of sixteen pixels at a time.

    Args:
        scene, camera: what to look at, and from where.
        w: a packet's buffer.
        candidates: the primitives that may be seen in every tile.
        surfaces, light: what the middle of every pixel sees, and the light there.
        picture: takes the result.
        edges: which pixels.
    """
    shapes, geometry, flat, room = scene.shapes, scene.geometry, scene.flat, scene.room
    materials, walls, exposure = scene.materials, scene.walls, scene.exposure
    lights, probes, material_ids = scene.lights, scene.probes, scene.material_ids
    hits, normals, seen, arriving = surfaces.hits, surfaces.normals, light.seen, light.arriving
    rgb, alpha, tones, eye, background = picture.rgb, picture.alpha, picture.tones, camera.eye, scene.background
    pixels, counts, chosen, width = edges.items, edges.counts, candidates.items, hits.shape[1]
    for tile in range(len(counts)):
        for start in range(0, counts[tile], 16):
            for l in range(LANES):
                p = pixels[tile, min(start + (l >> 2), counts[tile] - 1)]
                w[DX + l] = p % width + (0.25 if l & 1 else 0.75)
                w[DY + l] = p // width + (0.25 if l & 2 else 0.75)
            primary_packet(w, camera, room, shapes, flat, chosen[tile], candidates.counts[tile])
            for q in range(min(16, counts[tile] - start)):
                v, u = pixels[tile, start + q] // width, pixels[tile, start + q] % width
                red, green, blue, covered = 0.0, 0.0, 0.0, 0.0
                for l in range(4 * q, 4 * q + 4):
                    hit, t, ray = int(w[HIT + l]), w[T + l], (w[DX + l], w[DY + l], w[DZ + l])
                    if hit < 0:
                        colour = sky(background, ray[2])
                    else:
                        covered += 0.25
                        m = material_ids[hit]
                        point = (eye[0] + t * ray[0], eye[1] + t * ray[1], eye[2] + t * ray[2])
                        normal, face = face_of(shapes, geometry, room, hit, point, ray)
                        vv, uu = _nearest_alike(hits, normals, v, u, hit, normal)
                        if vv >= 0:
                            light_here = triple(arriving, vv, uu)
                        else:  # its own light with this pixel's shadows
                            light_here = irradiance(lights, room, probes, seen, v, u, point, normal)
                        colour = scattered(materials, m, face, light_here, exposure)
                        if materials[m, GLOSS] > 0.0:
                            away, cosine = reflected(ray, normal)
                            image = surroundings(walls, lights, room, probes, exposure, point, away)
                            colour = glossed(materials, m, cosine, image, colour)
                    r, g, b = colour
                    red, green, blue = red + 0.25 * r, green + 0.25 * g, blue + 0.25 * b
                _write(rgb, v, u, (red, green, blue), exposure, tones)
                alpha[v, u] = covered
