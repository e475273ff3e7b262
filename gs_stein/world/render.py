"""Pictures of scenes: RGB, depth, normals and labels of every view, ray traced.

Light is gathered once per pixel and surface: lamps, windows and the sun with shadow rays whose sample points are
interleaved over 4×4 pixels (Keller and Heidrich, "Interleaved Sampling", 2001) and then averaged over the
neighbourhood on the same plane, so that few rays give shadows without grain; bounced light from a radiosity of the
empty room (see `light.py`); ambient occlusion from short rays. Textures and edges get 2×2 samples a pixel; only
pixels on edges trace all four.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from numba import njit

from gs_stein.types import Cameras
from gs_stein.world.light import Bounce, bounce, bounced
from gs_stein.world.materials import FOLDS, MIRROR, albedo
from gs_stein.world.primitives import Scene
from gs_stein.world.trace import (
    INFINITY,
    closest,
    hierarchy,
    intersect,
    local_normal,
    local_point,
    occluded,
    room_exit,
)

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz", "arcp"}}
_SHADOW_RAYS = 2
"""Rays a pixel and light, of 16 times as many in a neighbourhood."""
_OCCLUSION_RAYS = 2
_REACH = 0.7
"""Metres within which things occlude bounced light."""


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


def _low_discrepancy(count: int, dimensions: int) -> np.ndarray:
    """R-sequence points (Roberts 2018), shuffled so that neighbouring pixels take distant ones."""
    root = 2.0
    for _ in range(30):
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = (1 / root) ** np.arange(1, dimensions + 1)
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1


_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]).reshape(-1)
_POINTS = _low_discrepancy(16 * max(_SHADOW_RAYS, _OCCLUSION_RAYS), 3)


@njit(**_OPTIONS)
def _unshadowed(light, room, x, y, z, nx, ny, nz):
    """Irradiance factor of one light at a point, were nothing in between (scalar; the light's colour multiplies)."""
    kind = int(light[0])
    if kind == 0:
        dx, dy, dz = light[1] - x, light[2] - y, light[3] - z
        d2 = dx * dx + dy * dy + dz * dz
        cosine = (dx * nx + dy * ny + dz * nz) / math.sqrt(d2)
        r2 = light[7] * light[7]
        # a sphere of light still reaches surfaces just below their horizon
        return max(0.85 * cosine + 0.15, 0.0) / (d2 + r2 + 0.05) if cosine > -0.17 else 0.0
    if kind == 2:
        cosine = light[1] * nx + light[2] * ny + light[3] * nz
        return max(cosine, 0.0)
    total = 0.0
    hw, hh = light[8], light[9]
    for i in range(4):
        dx = light[1] - x
        dy = light[2] + (0.5 * hw if i & 1 else -0.5 * hw) - y
        dz = light[3] + (0.5 * hh if i & 2 else -0.5 * hh) - z
        d2 = dx * dx + dy * dy + dz * dz
        cosine = dx * nx + dy * ny + dz * nz
        if cosine > 0.0 and dx < 0.0:
            total += cosine * -dx / (d2 * d2 + 0.02)
    return total * hw * hh / math.pi


@njit(**_OPTIONS)
def _visibility(light, room, windows, scene, x, y, z, px, py):
    """Unoccluded (0 or 1) line from a point to a sample point of a light, given by two numbers in [0, 1)."""
    shapes, geometry, casts, boxes, links, order = scene
    kind = int(light[0])
    if kind == 2:
        angle, radius = 6.2832 * px, light[7] * math.sqrt(py)
        dx = light[1] + radius * math.cos(angle)
        dy = light[2] + radius * math.sin(angle)
        dz = light[3] + radius * math.cos(angle + 2.1)
        length = math.sqrt(dx * dx + dy * dy + dz * dz)
        dx, dy, dz = dx / length, dy / length, dz / length
        far = 50.0
        if room[0] > 0.0:  # through a window only, and not through its bars
            far, face = room_exit(room, x, y, z, dx, dy, dz)
            if face != 0:
                return 0.0
            hy, hz = y + far * dy, z + far * dz
            through = False
            for k in range(len(windows)):
                w = windows[k]
                u, v = hy - w[2], hz - w[3]
                if abs(u) < w[8] and abs(v) < w[9]:
                    through = not (light[10] > 0.0 and (abs(u) < light[10] or abs(v) < light[10]))
            if not through:
                return 0.0
    else:
        if kind == 0:
            angle, w = 6.2832 * px, 2 * py - 1
            s = math.sqrt(max(1 - w * w, 0.0)) * light[7]
            dx = light[1] + s * math.cos(angle) - x
            dy = light[2] + s * math.sin(angle) - y
            dz = light[3] + w * light[7] - z
        else:
            dx = light[1] - x
            dy = light[2] + (2 * px - 1) * light[8] - y
            dz = light[3] + (2 * py - 1) * light[9] - z
        far = math.sqrt(dx * dx + dy * dy + dz * dz)
        dx, dy, dz = dx / far, dy / far, dz / far
        far -= 1e-3
    return 0.0 if occluded(shapes, geometry, casts, boxes, links, order, x, y, z, dx, dy, dz, far) else 1.0


@njit(**_OPTIONS)
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
    g = geometry[hit]
    lx, ly, lz = local_point(g, x, y, z)
    a, b, c = local_normal(scene_shapes[hit], g, lx, ly, lz)
    axis, sign = 2, c
    if abs(a) > abs(b) and abs(a) >= abs(c):
        axis, sign = 0, a
    elif abs(b) > abs(c):
        axis, sign = 1, b
    nx = g[3] * a + g[4] * b + g[5] * c
    ny = g[6] * a + g[7] * b + g[8] * c
    nz = g[9] * a + g[10] * b + g[11] * c
    if nx * dx + ny * dy + nz * dz > 0.0:
        nx, ny, nz = -nx, -ny, -nz
    return nx, ny, nz, lx, ly, lz, g[12], g[13], g[14], axis, sign


@njit(**_OPTIONS)
def _direct(lights, room, x, y, z, nx, ny, nz, seen):
    """Irradiance from all lights, with their visibilities."""
    r, g, b = 0.0, 0.0, 0.0
    for k in range(len(lights)):
        if seen[k] > 0.0:
            f = seen[k] * _unshadowed(lights[k], room, x, y, z, nx, ny, nz)
            r, g, b = r + f * lights[k, 4], g + f * lights[k, 5], b + f * lights[k, 6]
    return r, g, b


@njit(**_OPTIONS)
def _sky(background, dx, dy, dz):
    w = math.sqrt(min(max(dz, 0.0), 1.0))
    return (
        background[1, 0] + w * (background[0, 0] - background[1, 0]),
        background[1, 1] + w * (background[0, 1] - background[1, 1]),
        background[1, 2] + w * (background[0, 2] - background[1, 2]),
    )


@njit(**_OPTIONS)
def _tone(c, exposure):
    """Filmic curve (Narkowicz's fit, softened), then the sRGB transfer; in [0, 255]."""
    x = max(c * exposure, 0.0)
    x = (x * (1.9 * x + 0.12)) / (x * (1.82 * x + 0.82) + 0.16)
    x = min(x, 1.0)
    x = 12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055
    return 255.0 * x


@njit(**_OPTIONS)
def _render_view(
    scene, material_ids, thing_ids, materials, lights, room, background, probes, exposure, points, bayer, reach,
    eye, R, fx, fy, cx, cy, rgb, depth, normals, labels, alpha,
):
    shapes, geometry, casts, boxes, links, order = scene
    n, height, width = len(shapes), depth.shape[0], depth.shape[1]
    count = len(lights)
    windows = lights[lights[:, 0] == 1]
    hits = np.empty((height, width), np.int32)
    ranges = np.empty((height, width))
    seen = np.zeros((height, width, count + 1), np.float32)
    ex, ey, ez = eye[0], eye[1], eye[2]

    # 1. What the middle of every pixel sees, and the light that reaches it.
    for v in range(height):
        for u in range(width):
            a, b = (u + 0.5 - cx) / fx, (v + 0.5 - cy) / fy
            s = 1.0 / math.sqrt(a * a + b * b + 1.0)
            a, b = a * s, b * s
            dx, dy, dz = (
                R[0, 0] * a + R[1, 0] * b + R[2, 0] * s,
                R[0, 1] * a + R[1, 1] * b + R[2, 1] * s,
                R[0, 2] * a + R[1, 2] * b + R[2, 2] * s,
            )
            t, hit = closest(shapes, geometry, boxes, links, order, room, ex, ey, ez, dx, dy, dz)
            hits[v, u], ranges[v, u] = hit, t
            if hit < 0:
                continue
            x, y, z = ex + t * dx, ey + t * dy, ez + t * dz
            nx, ny, nz, _, _, _, _, _, _, _, _ = _frame(shapes, geometry, room, hit, x, y, z, dx, dy, dz)
            depth[v, u] = t * s
            normals[v, u, 0], normals[v, u, 1], normals[v, u, 2] = nx, ny, nz
            labels[v, u] = thing_ids[hit]
            x, y, z = x + 2e-3 * nx, y + 2e-3 * ny, z + 2e-3 * nz
            cell = bayer[4 * (v & 3) + (u & 3)]
            for k in range(count):
                if _unshadowed(lights[k], room, x, y, z, nx, ny, nz) <= 1e-5:
                    continue
                total = 0.0
                for j in range(_SHADOW_RAYS):
                    p = points[cell + 16 * j]
                    total += _visibility(lights[k], room, windows, scene, x, y, z, p[0], p[1])
                seen[v, u, k] = total / _SHADOW_RAYS
            free = 0.0
            for j in range(_OCCLUSION_RAYS):
                p = points[cell + 16 * j]
                angle, w = 6.2832 * p[0], math.sqrt(1 - 0.98 * p[1])
                q = math.sqrt(1 - w * w)
                lx, ly, lz = q * math.cos(angle), q * math.sin(angle), w
                if abs(nz) < 0.9:
                    h = 1.0 / math.sqrt(nx * nx + ny * ny)
                    tx, ty, tz = -ny * h, nx * h, 0.0
                else:
                    h = 1.0 / math.sqrt(ny * ny + nz * nz)
                    tx, ty, tz = 0.0, nz * h, -ny * h
                bx, by, bz = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx
                ax, ay, az = lx * tx + ly * bx + lz * nx, lx * ty + ly * by + lz * ny, lx * tz + ly * bz + lz * nz
                far = reach * (0.15 + 0.85 * p[2])
                blocked = False
                if room[0] > 0.0:
                    wall, _ = room_exit(room, x, y, z, ax, ay, az)
                    if wall < 0.6 * far:
                        free += 0.45
                        continue
                blocked = occluded(shapes, geometry, casts, boxes, links, order, x, y, z, ax, ay, az, far)
                if not blocked:
                    free += 1.0
            seen[v, u, count] = free / _OCCLUSION_RAYS

    # 2. Average over the neighbours on the same plane; weights of a period-4 tent undo the interleaving exactly.
    smooth = np.empty((height, width, count + 1))
    for v in range(height):
        for u in range(width):
            hit = hits[v, u]
            if hit < 0:
                continue
            nx, ny, nz = normals[v, u, 0], normals[v, u, 1], normals[v, u, 2]
            here = depth[v, u]
            weight = 0.0
            for k in range(count + 1):
                smooth[v, u, k] = 0.0
            a0, b0 = (u + 0.5 - cx) / fx, (v + 0.5 - cy) / fy
            ncx = R[0, 0] * nx + R[0, 1] * ny + R[0, 2] * nz
            ncy = R[1, 0] * nx + R[1, 1] * ny + R[1, 2] * nz
            ncz = R[2, 0] * nx + R[2, 1] * ny + R[2, 2] * nz
            for j in range(max(v - 2, 0), min(v + 3, height)):
                for i in range(max(u - 2, 0), min(u + 3, width)):
                    if hits[j, i] < 0:
                        continue
                    d = depth[j, i]
                    cosine = nx * normals[j, i, 0] + ny * normals[j, i, 1] + nz * normals[j, i, 2]
                    if cosine < 0.8:
                        continue
                    px = (i + 0.5 - cx) / fx * d - a0 * here
                    py = (j + 0.5 - cy) / fy * d - b0 * here
                    off = abs(ncx * px + ncy * py + ncz * (d - here))
                    if off > 0.03 + 0.15 * (1 - cosine) * 4:
                        continue
                    w = (0.5 if abs(i - u) == 2 else 1.0) * (0.5 if abs(j - v) == 2 else 1.0)
                    weight += w
                    for k in range(count + 1):
                        smooth[v, u, k] += w * seen[j, i, k]
            for k in range(count + 1):
                smooth[v, u, k] /= weight

    # 3. Four samples a pixel: all traced on edges, elsewhere the same surface hit again for its texture.
    for v in range(height):
        for u in range(width):
            hit0 = hits[v, u]
            edge = False
            for j in range(max(v - 1, 0), min(v + 2, height)):
                for i in range(max(u - 1, 0), min(u + 2, width)):
                    edge = edge or hits[j, i] != hit0
            red, green, blue, covered = 0.0, 0.0, 0.0, 0.0
            ln_x, ln_y, ln_z, last = 0.0, 0.0, 0.0, -2
            er, eg, eb = 0.0, 0.0, 0.0
            for sample in range(4):
                du = 0.25 if sample & 1 else 0.75
                dv = 0.25 if sample & 2 else 0.75
                a, b = (u + du - cx) / fx, (v + dv - cy) / fy
                s = 1.0 / math.sqrt(a * a + b * b + 1.0)
                a, b = a * s, b * s
                dx, dy, dz = (
                    R[0, 0] * a + R[1, 0] * b + R[2, 0] * s,
                    R[0, 1] * a + R[1, 1] * b + R[2, 1] * s,
                    R[0, 2] * a + R[1, 2] * b + R[2, 2] * s,
                )
                t, hit = INFINITY, -1
                if edge:
                    t, hit = closest(shapes, geometry, boxes, links, order, room, ex, ey, ez, dx, dy, dz)
                elif hit0 >= n:
                    t, _ = room_exit(room, ex, ey, ez, dx, dy, dz)
                    hit = hit0
                elif hit0 >= 0:
                    t, hit = intersect(shapes[hit0], geometry[hit0], ex, ey, ez, dx, dy, dz, INFINITY), hit0
                    if t >= INFINITY:
                        t = ranges[v, u]
                if hit < 0:
                    sr, sg, sb = _sky(background, dx, dy, dz)
                    red, green, blue = red + sr, green + sg, blue + sb
                    continue
                covered += 1.0
                x, y, z = ex + t * dx, ey + t * dy, ez + t * dz
                nx, ny, nz, lx, ly, lz, hx, hy, hz, axis, sign = _frame(
                    shapes, geometry, room, hit, x, y, z, dx, dy, dz
                )
                m = materials[material_ids[hit]]
                r, g, bl, slope = albedo(m, lx, ly, lz, hx, hy, hz, axis, sign)
                if hit != last or slope != 0.0 or nx * ln_x + ny * ln_y + nz * ln_z < 0.9995:
                    last, ln_x, ln_y, ln_z = hit, nx, ny, nz
                    # light gathered by this pixel, or by the neighbour that saw this surface
                    vv, uu = v, u
                    if hits[v, u] != hit:
                        best = INFINITY
                        for j in range(max(v - 1, 0), min(v + 2, height)):
                            for i in range(max(u - 1, 0), min(u + 2, width)):
                                if hits[j, i] == hit:
                                    off = (i - u) ** 2 + (j - v) ** 2 + 3 * abs(ranges[j, i] - t)
                                    if off < best:
                                        best, vv, uu = off, j, i
                    if hits[vv, uu] < 0:
                        lights_seen = np.ones(count + 1)
                    else:
                        lights_seen = smooth[vv, uu]
                    sx, sy, sz = nx, ny, nz
                    if slope != 0.0:
                        side = 1.0 if hit >= n else 0.0
                        if side == 0.0:
                            gm = geometry[hit]
                            sx, sy, sz = nx + slope * gm[3], ny + slope * gm[6], nz + slope * gm[9]
                            h = 1.0 / math.sqrt(sx * sx + sy * sy + sz * sz)
                            sx, sy, sz = sx * h, sy * h, sz * h
                    er, eg, eb = _direct(lights, room, x, y, z, sx, sy, sz, lights_seen)
                    br, bg, bb = bounced(probes, room, x, y, z, sx, sy, sz)
                    free = lights_seen[count]
                    free = 0.15 + 0.85 * free
                    er, eg, eb = er + free * br, eg + free * bg, eb + free * bb
                gloss, glow = m[14], m[15]  # emission is meant as seen after exposure
                out_r = r * (er + glow / exposure[0])
                out_g = g * (eg + glow / exposure[1])
                out_b = bl * (eb + glow / exposure[2])
                if gloss > 0.0:
                    cosine = -(dx * nx + dy * ny + dz * nz)
                    f = gloss + (1 - gloss) * 0.35 * (1 - cosine) ** 5 if m[0] != MIRROR else gloss
                    qx, qy, qz = dx + 2 * cosine * nx, dy + 2 * cosine * ny, dz + 2 * cosine * nz
                    mr, mg, mb = _reflection(
                        shapes, materials, material_ids, lights, room, background, probes, exposure, x, y, z, qx, qy, qz
                    )
                    out_r, out_g, out_b = out_r + f * (mr - out_r), out_g + f * (mg - out_g), out_b + f * (mb - out_b)
                red, green, blue = red + out_r, green + out_g, blue + out_b
            rgb[v, u, 0] = np.uint8(_tone(red / 4, exposure[0]) + 0.5)
            rgb[v, u, 1] = np.uint8(_tone(green / 4, exposure[1]) + 0.5)
            rgb[v, u, 2] = np.uint8(_tone(blue / 4, exposure[2]) + 0.5)
            alpha[v, u] = covered / 4


@njit(**_OPTIONS)
def _reflection(shapes, materials, material_ids, lights, room, background, probes, exposure, x, y, z, dx, dy, dz):
    """What a shiny surface mirrors: the bare room with its windows, or the sky."""
    if room[0] <= 0.0:
        return _sky(background, dx, dy, dz)
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


def render(scene: Scene, cameras: Cameras) -> Views:
    """Ray trace V views of a scene.

    Args:
        scene: what to look at.
        cameras: V views of one size.

    Returns:
        Colour, depth, normals, labels and coverage of every view.
    """
    boxes, links, order = hierarchy(scene.shapes, scene.geometry)
    packed = (scene.shapes, scene.geometry, scene.casts, boxes, links, order)
    light: Bounce = bounce(scene)
    V, H, W = len(cameras), cameras.height, cameras.width
    rgb = np.zeros((V, H, W, 3), np.uint8)
    depth, alpha = np.zeros((V, H, W), np.float32), np.zeros((V, H, W), np.float32)
    normals, labels = np.zeros((V, H, W, 3), np.float32), np.zeros((V, H, W), np.int16)
    viewmats, Ks = cameras.viewmats.double().numpy(), cameras.Ks.double().numpy()
    for v in range(V):
        R, translation, K = np.ascontiguousarray(viewmats[v, :3, :3]), viewmats[v, :3, 3], Ks[v]
        _render_view(
            packed, scene.material_ids, scene.thing_ids, scene.materials, scene.lights, scene.room,
            scene.background, light.probes, light.exposure, _POINTS, _BAYER, _REACH if scene.room[0] > 0 else 0.5,
            -R.T @ translation, R, K[0, 0], K[1, 1], K[0, 2], K[1, 2],
            rgb[v], depth[v], normals[v], labels[v], alpha[v],
        )
    return Views(rgb, depth, normals, labels, alpha)
