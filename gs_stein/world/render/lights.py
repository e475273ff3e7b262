"""Lamps, windows and suns: what they give to a surface, and where rays towards them go."""

from __future__ import annotations

import math
from typing import no_type_check

from numba import njit

from gs_stein.world.builder import SPHERE_LIGHT, SUN_LIGHT, WINDOW_LIGHT
from gs_stein.world.render.kernels import OPTIONS
from gs_stein.world.render.packet import DX, DY, DZ, OX, OY, OZ, T
from gs_stein.world.render.radiosity import bounced


@njit(**OPTIONS)
@no_type_check
def unshadowed(lights, k, point, normal):
    """Irradiance factor of one light at a point, were nothing in between (scalar; the light's colour multiplies)."""
    (x, y, z), (nx, ny, nz) = point, normal
    kind = int(lights[k, 0])
    if kind == SPHERE_LIGHT:
        dx, dy, dz = lights[k, 1] - x, lights[k, 2] - y, lights[k, 3] - z
        d2 = dx * dx + dy * dy + dz * dz
        cosine = (dx * nx + dy * ny + dz * nz) / math.sqrt(d2)
        r2 = lights[k, 7] * lights[k, 7]
        # a sphere of light still reaches surfaces just below their horizon
        return max(0.85 * cosine + 0.15, 0.0) / (d2 + r2 + 0.05) if cosine > -0.17 else 0.0
    if kind == SUN_LIGHT:
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
def irradiance(lights, room, probes, seen, v, u, point, normal):
    """Light that arrives at a point, with the shares of lights and hemisphere that pixel (v, u) has in `seen`."""
    count = len(lights)
    r, g, b = bounced(probes, room, point, normal)
    free = 0.15 + 0.85 * seen[v, u, count]
    r, g, b = free * r, free * g, free * b
    for k in range(count):
        if seen[v, u, k] > 0.0:
            f = seen[v, u, k] * unshadowed(lights, k, point, normal)
            r, g, b = r + f * lights[k, 4], g + f * lights[k, 5], b + f * lights[k, 6]
    return r, g, b


@njit(**OPTIONS)
@no_type_check
def light_box(lights, k, room, here, there):
    """Let box `there` surround where light k shines from, for the points in box `here`."""
    low, high = there.low, there.high
    kind = int(lights[k, 0])
    if kind == SUN_LIGHT:
        if room[0] > 0.0:
            for q in range(len(lights)):
                if lights[q, 0] == WINDOW_LIGHT:
                    low[0], high[0] = -room[0] - 0.01, -room[0] + 0.01
                    for axis in range(2):
                        low[1 + axis] = lights[q, 2 + axis] - lights[q, 8 + axis]
                        high[1 + axis] = lights[q, 2 + axis] + lights[q, 8 + axis]
        else:
            for axis in range(3):
                low[axis] = here.low[axis] + 6 * lights[k, 1 + axis] - 6 * lights[k, 7]
                high[axis] = here.high[axis] + 6 * lights[k, 1 + axis] + 6 * lights[k, 7]
        return
    for axis in range(3):
        reach = lights[k, 7]
        if kind == WINDOW_LIGHT:
            reach = lights[k, 7 + axis] if axis > 0 else 0.01
        low[axis], high[axis] = lights[k, 1 + axis] - reach, lights[k, 1 + axis] + reach


@njit(**OPTIONS)
@no_type_check
def aim_at_light(w, l, lights, k, room, point, samples, s):
    """Point lane l of a packet from a point towards light k.

    Its T becomes the distance to the place on the light, or 0 where the sun cannot come in by a window.

    Args:
        w: the packet's buffer.
        l: the lane.
        lights, k: the table of lights, and which one.
        room: its size.
        point: where the ray begins.
        samples, s: the table of places on lights (`visibility.SAMPLES`), and which one.
    """
    x, y, z = point
    kind = int(lights[k, 0])
    far = 50.0
    if kind == SUN_LIGHT:
        dx = lights[k, 1] + lights[k, 7] * samples[s, 9]
        dy = lights[k, 2] + lights[k, 7] * samples[s, 10]
        dz = lights[k, 3] + lights[k, 7] * samples[s, 11]
    elif kind == SPHERE_LIGHT:
        dx = lights[k, 1] + lights[k, 7] * samples[s, 3] - x
        dy = lights[k, 2] + lights[k, 7] * samples[s, 4] - y
        dz = lights[k, 3] + lights[k, 7] * samples[s, 5] - z
    else:
        dx = lights[k, 1] - x
        dy = lights[k, 2] + (2 * samples[s, 0] - 1) * lights[k, 8] - y
        dz = lights[k, 3] + (2 * samples[s, 1] - 1) * lights[k, 9] - z
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx / length, dy / length, dz / length
    if kind != SUN_LIGHT:
        far = length - 1e-3
    elif room[0] > 0.0:  # through a window only, and not through its bars
        far = 0.0
        if dx < 0.0:
            t = (-room[0] - x) / dx
            hy, hz = y + t * dy, z + t * dz
            for q in range(len(lights)):
                if lights[q, 0] == WINDOW_LIGHT:
                    u, v = abs(hy - lights[q, 2]), abs(hz - lights[q, 3])
                    bar = lights[k, 10]
                    if u < lights[q, 8] and v < lights[q, 9] and not (bar > 0.0 and (u < bar or v < bar)):
                        far = t
    w[OX + l], w[OY + l], w[OZ + l] = x, y, z
    w[DX + l], w[DY + l], w[DZ + l] = dx, dy, dz
    w[T + l] = far


@njit(**OPTIONS)
@no_type_check
def aim_around(w, l, point, normal, direction):
    """Point lane l of a packet in a direction of the hemisphere around a normal (its third component along it)."""
    (nx, ny, nz), (a, b, c) = normal, direction
    if abs(nz) < 0.9:
        h = 1.0 / math.sqrt(nx * nx + ny * ny)
        tx, ty, tz = -ny * h, nx * h, 0.0
    else:
        h = 1.0 / math.sqrt(ny * ny + nz * nz)
        tx, ty, tz = 0.0, nz * h, -ny * h
    bx, by, bz = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx
    w[OX + l], w[OY + l], w[OZ + l] = point
    w[DX + l], w[DY + l], w[DZ + l] = a * tx + b * bx + c * nx, a * ty + b * by + c * ny, a * tz + b * bz + c * nz
