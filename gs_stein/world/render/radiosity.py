"""Bounced light: a radiosity of the empty room, read back from a grid of ambient cubes.

Six times 5×5 wall patches exchange diffuse light (Goral et al., "Modeling the interaction of light between diffuse
surfaces", 1984); what arrives at a coarse grid of points from the six axis directions is stored (Valve's "ambient
cube", McTaggart 2004) and interpolated at shading. It is smooth, tints neighbours with the walls' colours and costs
a millisecond a scene.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float
from numba import njit

from gs_stein.world.builder import SPHERE_LIGHT, SUN_LIGHT, WINDOW_LIGHT, Scene
from gs_stein.world.render.kernels import OPTIONS

_SIDE = 5
_GRID = (5, 5, 4)
_BOUNCES = 4
_LOSS = 0.88
"""Share of bounced light that furniture lets pass."""


@dataclass(frozen=True)
class Bounce:
    """Indirect light of a scene."""

    probes: Float[np.ndarray, "X Y Z 6 3"]
    """Irradiance on a surface that faces −x, +x, −y, +y, −z, +z, over the room."""
    exposure: Float[np.ndarray, " 3"]
    """Factors of the tone mapping: brightness and part of the white balance."""


@njit(**OPTIONS)
@no_type_check
def _patches(room):
    """Centres, inward normals and areas of the patches of six faces."""
    n = _SIDE * _SIDE
    centres, normals, areas = np.empty((6 * n, 3)), np.zeros((6 * n, 3)), np.empty(6 * n)
    low, high = (-room[0], -room[1], 0.0), (room[0], room[1], room[2])
    for face in range(6):
        axis = face // 2
        a, b = (axis + 1) % 3, (axis + 2) % 3
        for i in range(_SIDE):
            for j in range(_SIDE):
                k = face * n + i * _SIDE + j
                centres[k, axis] = low[axis] if face % 2 == 0 else high[axis]
                normals[k, axis] = 1.0 if face % 2 == 0 else -1.0
                centres[k, a] = low[a] + (high[a] - low[a]) * (i + 0.5) / _SIDE
                centres[k, b] = low[b] + (high[b] - low[b]) * (j + 0.5) / _SIDE
                areas[k] = (high[a] - low[a]) * (high[b] - low[b]) / n
    return centres, normals, areas


@njit(**OPTIONS)
@no_type_check
def _gather(room, lights, reflectances, grid):
    """Radiosity of the patches, then what reaches the probes."""
    centres, normals, areas = _patches(room)
    count = len(areas)
    first = np.zeros((count, 3))
    for k in range(count):
        for j in range(len(lights)):
            f = _light(lights[j], lights, room, centres[k], normals[k])
            for c in range(3):
                first[k, c] += f * lights[j, 4 + c]
    factors = np.zeros((count, count))
    for k in range(count):
        total = 0.0
        for j in range(count):
            if k // (_SIDE * _SIDE) != j // (_SIDE * _SIDE):
                factors[k, j] = _form(centres[k], normals[k], centres[j], normals[j], areas[j])
                total += factors[k, j]
        for j in range(count):
            factors[k, j] /= total  # a closed room: nothing is lost
    out = np.empty((count, 3))
    arrived = np.zeros((count, 3))
    for _ in range(_BOUNCES):
        for k in range(count):
            for c in range(3):
                out[k, c] = reflectances[k, c] * (first[k, c] + arrived[k, c])
        for k in range(count):
            for c in range(3):
                arrived[k, c] = 0.0
            for j in range(count):
                f = _LOSS * factors[k, j]
                for c in range(3):
                    arrived[k, c] += f * out[j, c]
    probes = np.zeros((grid[0], grid[1], grid[2], 6, 3))
    weights = np.zeros(6)
    for i in range(grid[0]):
        for j in range(grid[1]):
            for l in range(grid[2]):
                x = room[0] * 0.86 * (2 * i / (grid[0] - 1) - 1)
                y = room[1] * 0.86 * (2 * j / (grid[1] - 1) - 1)
                z = room[2] * (0.07 + 0.86 * l / (grid[2] - 1))
                for q in range(6):
                    weights[q] = 0.0
                for k in range(count):
                    d0, d1, d2 = centres[k, 0] - x, centres[k, 1] - y, centres[k, 2] - z
                    s = d0 * d0 + d1 * d1 + d2 * d2
                    t = math.sqrt(s)
                    cosine = -(d0 * normals[k, 0] + d1 * normals[k, 1] + d2 * normals[k, 2]) / t
                    solid = areas[k] * cosine / (s + 0.4 * areas[k])
                    for axis in range(3):
                        d = (d0 if axis == 0 else (d1 if axis == 1 else d2)) / t
                        q = 2 * axis + (1 if d > 0 else 0)
                        w = solid * abs(d)
                        weights[q] += w
                        for c in range(3):
                            probes[i, j, l, q, c] += w * out[k, c]
                for q in range(6):
                    for c in range(3):
                        probes[i, j, l, q, c] *= _LOSS / weights[q]
    return probes, arrived, first


@njit(**OPTIONS)
@no_type_check
def _form(p, n, q, m, area):
    """Form factor between a patch at p with normal n and one at q with normal m and this area."""
    d0, d1, d2 = q[0] - p[0], q[1] - p[1], q[2] - p[2]
    s = d0 * d0 + d1 * d1 + d2 * d2
    a = d0 * n[0] + d1 * n[1] + d2 * n[2]
    b = -(d0 * m[0] + d1 * m[1] + d2 * m[2])
    return area * max(a, 0.0) * max(b, 0.0) / (math.pi * s * s + area * s)


@njit(**OPTIONS)
@no_type_check
def _light(light, lights, room, p, n):
    """Irradiance factor of a light at a patch, without shadows."""
    kind = int(light[0])
    if kind == SUN_LIGHT:
        cosine = light[1] * n[0] + light[2] * n[1] + light[3] * n[2]
        if cosine <= 0.0 or light[1] >= 0.0:
            return 0.0
        t = (-room[0] - p[0]) / light[1]
        y, z = p[1] + t * light[2], p[2] + t * light[3]
        # share of the patch that the sun reaches through a window, softened to the patch's size
        for k in range(len(lights)):
            if lights[k, 0] == WINDOW_LIGHT:
                u = (abs(y - lights[k, 2]) - lights[k, 8]) / 0.45
                v = (abs(z - lights[k, 3]) - lights[k, 9]) / 0.45
                return cosine * min(max(0.5 - u, 0.0), 1.0) * min(max(0.5 - v, 0.0), 1.0)
        return 0.0
    d0, d1, d2 = light[1] - p[0], light[2] - p[1], light[3] - p[2]
    s = d0 * d0 + d1 * d1 + d2 * d2
    cosine = (d0 * n[0] + d1 * n[1] + d2 * n[2]) / math.sqrt(s + 1e-9)
    if kind == SPHERE_LIGHT:
        return max(cosine, 0.0) / (s + 0.15)
    if d0 >= 0.0:
        return 0.0
    area = 4 * light[8] * light[9]
    return max(cosine, 0.0) * -d0 / math.sqrt(s) * area / (math.pi * s + area)


@njit(**OPTIONS)
@no_type_check
def bounced(probes, room, point, normal):
    """Indirect irradiance at a point with a normal (red, green, blue)."""
    (x, y, z), (nx, ny, nz) = point, normal
    r, g, b = 0.0, 0.0, 0.0
    if room[0] <= 0.0:
        w = 0.5 + 0.5 * nz
        for c in range(3):
            e = probes[0, 0, 0, 4, c] * (1 - w) + probes[0, 0, 0, 5, c] * w
            if c == 0:
                r = e
            elif c == 1:
                g = e
            else:
                b = e
        return r, g, b
    gx, gy, gz = probes.shape[0], probes.shape[1], probes.shape[2]
    fx = min(max((x / (0.86 * room[0]) + 1) * 0.5, 0.0), 1.0) * (gx - 1)
    fy = min(max((y / (0.86 * room[1]) + 1) * 0.5, 0.0), 1.0) * (gy - 1)
    fz = min(max((z / room[2] - 0.07) / 0.86, 0.0), 1.0) * (gz - 1)
    i, j, k = min(int(fx), gx - 2), min(int(fy), gy - 2), min(int(fz), gz - 2)
    fx, fy, fz = fx - i, fy - j, fz - k
    qx, qy, qz = 1 if nx > 0 else 0, 3 if ny > 0 else 2, 5 if nz > 0 else 4
    wx, wy, wz = nx * nx, ny * ny, nz * nz
    for corner in range(8):
        a, d, e = corner & 1, (corner >> 1) & 1, corner >> 2
        w = (fx if a else 1 - fx) * (fy if d else 1 - fy) * (fz if e else 1 - fz)
        p, q, s = i + a, j + d, k + e
        ux, uy, uz = w * wx, w * wy, w * wz
        r += ux * probes[p, q, s, qx, 0] + uy * probes[p, q, s, qy, 0] + uz * probes[p, q, s, qz, 0]
        g += ux * probes[p, q, s, qx, 1] + uy * probes[p, q, s, qy, 1] + uz * probes[p, q, s, qz, 1]
        b += ux * probes[p, q, s, qx, 2] + uy * probes[p, q, s, qy, 2] + uz * probes[p, q, s, qz, 2]
    return r, g, b


def bounce(scene: Scene) -> Bounce:
    """Indirect light and exposure of a scene."""
    if scene.room[0] <= 0.0:
        probes = np.zeros((1, 1, 1, 6, 3))
        probes[0, 0, 0, 4], probes[0, 0, 0, 5] = scene.ambient[1], scene.ambient[0]
        return Bounce(probes, np.full(3, scene.exposure))
    shell = scene.materials[scene.material_ids[-6:]]
    mean = 0.5 * (shell[:, 1:4] + np.where(shell[:, :1] == 0, shell[:, 1:4], shell[:, 4:7]))
    reflectances = np.repeat(mean, _SIDE * _SIDE, axis=0)
    probes, arrived, first = _gather(scene.room, scene.lights, reflectances, _GRID)
    light = arrived + np.minimum(first, 3 * arrived.mean())
    weights = np.array([0.25, 0.6, 0.15])
    received, albedo = float((light @ weights).mean()), float((reflectances @ weights).mean())
    # eyes adapt to the light, hardly to the surfaces' own brightness, and partly to the light's colour
    exposure = scene.exposure * 0.5 / max(received, 1e-3) * (0.5 / max(albedo, 0.05)) ** 0.25
    tint = light.mean(axis=0) / max(received, 1e-6)
    return Bounce(probes, exposure * np.maximum(tint, 1e-3) ** -0.5)
