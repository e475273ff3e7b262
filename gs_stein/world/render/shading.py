"""How much light leaves a point that was hit, towards the camera."""

from __future__ import annotations

import math
from typing import no_type_check

from numba import njit

from gs_stein.world.materials import FOLDS, MIRROR, albedo
from gs_stein.world.render.radiosity import bounced
from gs_stein.world.render.trace import local_normal, local_point, room_exit
from gs_stein.world.render.visibility import OPTIONS, irradiance


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
