"""How much light leaves a point that was hit, towards the camera."""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

from gs_stein.world.builder import WINDOW_LIGHT
from gs_stein.world.materials import C1, EMISSION, FOLDS, GLOSS, MIRROR
from gs_stein.world.render.arrays import Face
from gs_stein.world.render.kernels import OPTIONS, triple
from gs_stein.world.render.lights import irradiance
from gs_stein.world.render.radiosity import bounced
from gs_stein.world.render.solids import local_normal, local_point, room_exit
from gs_stein.world.render.textures import albedo


@njit(**OPTIONS)
@no_type_check
def face_of(shapes, geometry, room, hit, point, ray):
    """Normal (facing the ray) and `Face` of a hit."""
    n = len(shapes)
    if hit >= n:
        face = hit - n
        axis = face // 2
        sign = 1.0 if face == 0 or face == 2 or face == 4 else -1.0
        nx = sign if axis == 0 else 0.0
        ny = sign if axis == 1 else 0.0
        nz = sign if axis == 2 else 0.0
        half = (room[0], room[1], 0.5 * room[2])
        local = (np.float64(point[0]), np.float64(point[1]), point[2] - 0.5 * room[2])
        return (nx, ny, nz), Face(local, half, axis, sign)
    local = local_point(geometry, hit, point)
    a, b, c = local_normal(shapes[hit], geometry, hit, local)
    axis, sign = 2, c
    if abs(a) > abs(b) and abs(a) >= abs(c):
        axis, sign = 0, a
    elif abs(b) > abs(c):
        axis, sign = 1, b
    nx = geometry[hit, 3] * a + geometry[hit, 4] * b + geometry[hit, 5] * c
    ny = geometry[hit, 6] * a + geometry[hit, 7] * b + geometry[hit, 8] * c
    nz = geometry[hit, 9] * a + geometry[hit, 10] * b + geometry[hit, 11] * c
    if nx * ray[0] + ny * ray[1] + nz * ray[2] > 0.0:
        nx, ny, nz = -nx, -ny, -nz
    half = (geometry[hit, 12], geometry[hit, 13], geometry[hit, 14])
    return (nx, ny, nz), Face(local, half, axis, sign)


@njit(**OPTIONS)
@no_type_check
def sky(background, dz):
    """Background in a direction of height dz."""
    w = math.sqrt(min(max(dz, 0.0), 1.0))
    return (
        background[1, 0] + w * (background[0, 0] - background[1, 0]),
        background[1, 1] + w * (background[0, 1] - background[1, 1]),
        background[1, 2] + w * (background[0, 2] - background[1, 2]),
    )


@njit(**OPTIONS)
@no_type_check
def reflected(ray, normal):
    """Direction in which a mirror sends a ray, and the cosine at which it arrives."""
    (dx, dy, dz), (nx, ny, nz) = ray, normal
    cosine = -(dx * nx + dy * ny + dz * nz)
    return (dx + 2 * cosine * nx, dy + 2 * cosine * ny, dz + 2 * cosine * nz), cosine


@njit(**OPTIONS)
@no_type_check
def surroundings(walls, lights, room, probes, exposure, point, ray):
    """What a shiny surface mirrors in a direction: the bare room with its windows, or the studio."""
    (x, y, z), (dx, dy, dz) = point, ray
    if room[0] <= 0.0:  # bright above, darker below, with a soft horizon
        q = min(max(0.5 + 1.6 * dz, 0.0), 1.0)
        q = q * q * (3 - 2 * q)
        low, high = 0.45 * probes[0, 0, 0, 4], 1.35 * probes[0, 0, 0, 5]
        return low[0] + q * (high[0] - low[0]), low[1] + q * (high[1] - low[1]), low[2] + q * (high[2] - low[2])
    t, face = room_exit(room, point, ray)
    px, py, pz = x + t * dx, y + t * dy, z + t * dz
    if face == 0:
        for k in range(len(lights)):
            inside = abs(py - lights[k, 2]) < lights[k, 8] and abs(pz - lights[k, 3]) < lights[k, 9]
            if lights[k, 0] == WINDOW_LIGHT and inside:
                # as bright as the pane is shown, not as the light behind it
                top = max(max(lights[k, 4], lights[k, 5]), lights[k, 6])
                f = min(1.1, 2.2 * top * exposure[1]) / top
                return f * lights[k, 4] / exposure[0], f * lights[k, 5] / exposure[1], f * lights[k, 6] / exposure[2]
    nx = 1.0 if face == 0 else (-1.0 if face == 1 else 0.0)
    ny = 1.0 if face == 2 else (-1.0 if face == 3 else 0.0)
    nz = 1.0 if face == 4 else (-1.0 if face == 5 else 0.0)
    er, eg, eb = bounced(probes, room, (px - 0.02 * dx, py - 0.02 * dy, pz - 0.02 * dz), (nx, ny, nz))
    return 1.3 * walls[face, C1] * er, 1.3 * walls[face, C1 + 1] * eg, 1.3 * walls[face, C1 + 2] * eb


@njit(**OPTIONS)
@no_type_check
def glossed(materials, m, cosine, image, colour):
    """Radiance `colour` of a surface that mirrors `image` at a cosine to its normal."""
    (red, green, blue), (r, g, b) = colour, image
    gloss = materials[m, GLOSS]
    q = 1 - min(max(cosine, 0.0), 1.0)
    f = gloss + (1 - gloss) * 0.35 * q * q * q * q * q if materials[m, 0] != MIRROR else gloss
    if gloss >= 0.25 and materials[m, 0] != MIRROR:  # metals tint what they reflect
        q = q * q * q
        f = 0.55 + 0.3 * q
        r = r * (materials[m, C1] + q * (1 - materials[m, C1])) * 1.15
        g = g * (materials[m, C1 + 1] + q * (1 - materials[m, C1 + 1])) * 1.15
        b = b * (materials[m, C1 + 2] + q * (1 - materials[m, C1 + 2])) * 1.15
    return red + f * (r - red), green + f * (g - green), blue + f * (b - blue)


@njit(**OPTIONS)
@no_type_check
def scattered(materials, m, face, arriving, exposure):
    """Radiance that a surface scatters and emits at a point of a face, given the light that arrives."""
    (r, g, b), _ = albedo(materials[m], face)
    er, eg, eb = arriving
    glow = materials[m, EMISSION]  # emission is meant as seen after exposure
    return r * (er + glow / exposure[0]), g * (eg + glow / exposure[1]), b * (eb + glow / exposure[2])


@njit(**OPTIONS)
@no_type_check
def gather_light(scene, surfaces, light):
    """Irradiance of every pixel, from the share it sees of each light and what that would give unshadowed."""
    geometry, material_ids, materials = scene.geometry, scene.material_ids, scene.materials
    lights, room, probes = scene.lights, scene.room, scene.probes
    hits, points, normals = surfaces.hits, surfaces.points, surfaces.normals
    direct, seen, arriving = light.direct, light.seen, light.arriving
    n, height, width, count = len(geometry), hits.shape[0], hits.shape[1], len(lights)
    for v in range(height):
        for u in range(width):
            hit = hits[v, u]
            if hit < 0:
                continue
            point, normal = triple(points, v, u), triple(normals, v, u)
            if hit < n and materials[material_ids[hit], 0] == FOLDS:  # cloth is lit by its folds
                half = (geometry[hit, 12], geometry[hit, 13], geometry[hit, 14])
                _, slope = albedo(materials[material_ids[hit]], Face(local_point(geometry, hit, point), half, 1, 1.0))
                nx, ny, nz = normal
                nx, ny, nz = nx + slope * geometry[hit, 3], ny + slope * geometry[hit, 6], nz + slope * geometry[hit, 9]
                h = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
                r, g, b = irradiance(lights, room, probes, seen, v, u, point, (nx * h, ny * h, nz * h))
            else:
                r, g, b = bounced(probes, room, point, normal)
                free = 0.15 + 0.85 * seen[v, u, count]
                r, g, b = free * r, free * g, free * b
                for k in range(count):
                    f = seen[v, u, k] * direct[v, u, k]
                    r, g, b = r + f * lights[k, 4], g + f * lights[k, 5], b + f * lights[k, 6]
            arriving[v, u, 0], arriving[v, u, 1], arriving[v, u, 2] = r, g, b
