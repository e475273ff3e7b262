"""Procedural textures: the colour of a material at a point of a face.

They keep to low frequencies, so that they survive at 128² without aliasing. A kernel for each texture; `albedo`
chooses. All read a row of the material table, and u, v: metric coordinates of the face from its middle, v upward on
walls.
"""

from __future__ import annotations

import math
from typing import no_type_check

from numba import njit

from gs_stein.world.materials import (
    BANDS,
    BOOKS,
    BRICK,
    C1,
    C2,
    C3,
    CLOCK,
    FOLDS,
    GRAIN,
    GRID,
    MIRROR,
    MOTTLED,
    P0,
    P1,
    P2,
    PICTURE,
    PLAID,
    PLANKS,
    RUG,
    SCREEN,
    SHADE,
    SOLID,
    STRIPES,
    TILES,
    VIEW,
    WAINSCOT,
)
from gs_stein.world.render.kernels import TEXTURE_OPTIONS
from gs_stein.world.render.noise import blend, fraction, from_hue, hash3, rgb, scaled, smooth, value_noise
from gs_stein.world.render.vistas import vista


@njit(**TEXTURE_OPTIONS)
@no_type_check
def albedo(m, face):
    """Colour of a material at a point, and how its normal is tilted there.

    Args:
        m: one row of the material table.
        face: the point in the primitive's frame (`arrays.Face`).

    Returns:
        Linear red, green, blue; and a slope that tilts the normal sideways (folds).
    """
    texture = int(m[0])
    if texture == SOLID or texture == MIRROR:
        return rgb(m, C1), 0.0
    u, v, hu, hv = _plane(face)
    z, hz = face.point[2], face.half[2]
    front = face.axis == 1 and face.sign < 0
    if texture == GRAIN:
        return _grain(m, u, v, hu >= hv, face.axis), 0.0
    if texture == PLANKS:
        return _planks(m, u, v), 0.0
    if texture == BRICK:
        return _bricks(m, u, v), 0.0
    if texture == TILES:
        return _tiles(m, u, v), 0.0
    if texture == FOLDS:
        return _folds(m, u)
    if texture == STRIPES:
        return _stripes(m, u, v), 0.0
    if texture == BANDS:
        return _bands(m, z, hz), 0.0
    if texture == PLAID:
        return _plaid(m, u, v), 0.0
    if texture == RUG:
        return _rug(m, u, v, hu, hv), 0.0
    if texture == PICTURE or texture == VIEW:
        return (vista(m, u / hu, v / hv) if front else rgb(m, C3)), 0.0
    if texture == BOOKS:
        return (_books(m, u, v, hv) if front else scaled(0.5, rgb(m, C1))), 0.0
    if texture == MOTTLED:
        return _mottled(m, u, v, face.axis), 0.0
    if texture == SCREEN:
        return (_screen(m, u / hu, v / hv) if front else rgb(m, C1)), 0.0
    if texture == GRID:
        return _grid(m, u, v), 0.0
    if texture == SHADE:
        return scaled(1.0 - 0.35 * abs(z / hz), rgb(m, C1)), 0.0
    if texture == CLOCK:
        return (_clock(m, u, v, hu) if front else rgb(m, C2)), 0.0
    if texture == WAINSCOT:
        return _wainscot(m, u, z + hz), 0.0
    return rgb(m, C1), 0.0


@njit(inline="always", **TEXTURE_OPTIONS)
@no_type_check
def _plane(face):
    """Metric coordinates u, v on the face, and its half extents along them."""
    (x, y, z), (hx, hy, hz) = face.point, face.half
    if face.axis == 0:
        return y, z, hy, hz
    if face.axis == 1:
        return x, z, hx, hz
    return x, y, hx, hy


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _grain(m, u, v, lying, axis):
    """Wood grain along the longer side; p0 is its width."""
    if lying:
        along, across = u, v
    else:
        along, across = v, u
    n = 0.65 * value_noise(along * 2.2, across / m[P0], axis) + 0.35 * value_noise(
        along * 5, across / (0.45 * m[P0]), 5
    )
    return blend(rgb(m, C1), rgb(m, C2), n)


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _planks(m, u, v):
    """Boards of width p0 and length p2, upright where p1 > 0, with gaps of the third colour."""
    width = m[P0]
    if m[P1] > 0:
        u, v = v, u
    row = math.floor(v / width)
    shifted = u / m[P2] + hash3(int(row), 11, 4)
    column = math.floor(shifted)
    fv, fu = v / width - row, (shifted - column) * m[P2]
    tone = hash3(int(row), int(column), 21)
    n = value_noise(u * 2.0 + 40 * tone, v * 22.0, 3)
    colour = blend(rgb(m, C1), rgb(m, C2), 0.7 * tone + 0.3 * n)
    gap = min(min(fv, 1 - fv) * width, min(fu, m[P2] - fu))
    return blend(colour, rgb(m, C3), 0.75 * (1 - smooth(0.003, 0.012, gap)))


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _bricks(m, u, v):
    """Rows p0 high of bricks p1 wide, every other one shifted, with joints p2 wide of the third colour."""
    height, width = m[P0], m[P1]
    row = math.floor(v / height)
    shifted = u / width + (0.5 if int(row) & 1 else 0.0)
    column = math.floor(shifted)
    fv, fu = (v / height - row) * height, (shifted - column) * width
    colour = blend(rgb(m, C1), rgb(m, C2), hash3(int(row), int(column), 31))
    gap = min(min(fv, height - fv), min(fu, width - fu))
    return blend(colour, rgb(m, C3), 1 - smooth(m[P2], m[P2] + 0.01, gap))


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _tiles(m, u, v):
    """A chequerboard of tiles p0 wide, diagonal where p1 > 0, with joints of the third colour."""
    size = m[P0]
    if m[P1] > 0:
        u, v = 0.7071 * (u + v), 0.7071 * (u - v)
    cu, cv = math.floor(u / size), math.floor(v / size)
    fu, fv = (u / size - cu) * size, (v / size - cv) * size
    colour = rgb(m, C2) if (int(cu) + int(cv)) & 1 else rgb(m, C1)
    tone = 0.96 + 0.08 * hash3(int(cu), int(cv), 8)
    gap = min(min(fu, size - fu), min(fv, size - fv))
    return blend(scaled(tone, colour), rgb(m, C3), 0.8 * (1 - smooth(0.004, 0.014, gap)))


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _stripes(m, u, v):
    """Stripes of period p0, level where p1 > 0."""
    s = fraction((v if m[P1] > 0 else u) / m[P0])
    return blend(rgb(m, C1), rgb(m, C2), smooth(0.45, 0.5, s) - smooth(0.95, 1.0, s))


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _bands(m, z, hz):
    """Rings around z, p0 over the height, moved by p1."""
    s = (0.5 + 0.5 * z / hz) * m[P0] + m[P1]
    return rgb(m, C2) if int(math.floor(s)) & 1 else rgb(m, C1)


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _plaid(m, u, v):
    """Crossing stripes of period p0."""
    s, t = fraction(u / m[P0]), fraction(v / m[P0])
    w = 0.5 * (1.0 if s < 0.4 else 0.0) + 0.5 * (1.0 if t < 0.4 else 0.0)
    return blend(rgb(m, C1), rgb(m, C2), w)


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _rug(m, u, v, hu, hv):
    """A border and a pattern inside: p0 none, stripes, diamonds or frames, p1 its size; p2 > 0 is round."""
    edge = min(hu - abs(u), hv - abs(v))
    pattern, size = int(m[P0]), m[P1]
    if m[P2] > 0:
        edge = hu - math.sqrt(u * u + v * v)
    if edge < 0.06:
        return rgb(m, C1)
    if edge < 0.16:
        return rgb(m, C2)
    if pattern == 1 and fraction(u / size) < 0.45:
        return rgb(m, C3)
    if pattern == 2:
        s, t = fraction((u / size + v / size) * 0.5), fraction((u / size - v / size) * 0.5)
        if max(abs(s - 0.5), abs(t - 0.5)) < 0.26:
            return rgb(m, C3)
    if pattern == 3:
        frame = int(math.floor(edge / size)) % 3
        if frame == 1:
            return rgb(m, C3)
        if frame == 2:
            return rgb(m, C2)
    return rgb(m, C1)


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _books(m, u, v, hv):
    """Spines p0 wide of random height and colour, muted where p2 > 0; p1 is the row's seed, gaps show colour 1."""
    width, seed = m[P0], int(m[P1])
    column = math.floor(u / width)
    h1, h2, h3 = hash3(int(column), seed, 1), hash3(int(column), seed, 2), hash3(int(column), seed, 3)
    fu = u / width - column
    top = 0.55 + 0.42 * h1
    height = 0.5 + 0.5 * v / hv
    if height > top or h3 > 0.93:
        return scaled(0.35, rgb(m, C1))
    hue = h2
    saturation, value = 0.35 + 0.45 * h3, 0.1 + 0.35 * hash3(int(column), seed, 4)
    if m[P2] > 0:  # toward paper and grey
        saturation, value = 0.25 * saturation, 0.15 + 0.5 * h1
    if h3 > 0.7:
        hue, saturation, value = 0.1, 0.2, 0.55
    colour = from_hue(hue, saturation, value)
    if 0.7 * top < height < 0.8 * top:
        colour = blend(colour, (0.7, 0.6, 0.35), 0.5)
    return scaled(0.6 + 0.4 * smooth(0.0, 0.25, min(fu, 1 - fu)), colour)


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _mottled(m, u, v, axis):
    """Clouds p0 wide."""
    size = m[P0]
    n = 0.6 * value_noise(u / size, v / size, axis) + 0.4 * value_noise(u * 2.3 / size, v * 2.3 / size, axis + 4)
    return blend(rgb(m, C1), rgb(m, C2), n)


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _folds(m, u):
    """Colour and slope of hanging cloth with folds p0 apart."""
    s = u * 6.2832 / m[P0] + 0.8 * math.sin(u * 9.0)
    return blend(rgb(m, C1), rgb(m, C2), 0.5 - 0.5 * math.cos(s)), 0.75 * math.sin(s)


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _screen(m, u, v):
    """A glow at u, v in [-1, 1]; where p0 > 0 a desktop with two windows, to the edge where p1 is not 0."""
    if max(abs(u), abs(v)) > 0.96 and m[P1] == 0:
        return rgb(m, C1)
    if m[P0] > 0:
        if -0.75 < u < 0.1 and -0.5 < v < 0.7:
            return (0.25, 0.35, 0.5) if v > 0.5 else (0.75, 0.78, 0.8)
        if 0.25 < u < 0.8 and -0.6 < v < 0.3:
            return (0.06, 0.07, 0.09)
    return blend(rgb(m, C2), rgb(m, C3), 0.5 + 0.25 * (u + v))


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _grid(m, u, v):
    """Squares p0 apart on lines of the second colour."""
    return rgb(m, C2) if fraction(u / m[P0]) < 0.24 or fraction(v / m[P0]) < 0.24 else rgb(m, C1)


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _clock(m, u, v, hu):
    """Dial with a rim, two hands at angles p0 and p1 and twelve marks."""
    distance = math.sqrt(u * u + v * v) / hu
    if distance > 0.84:
        return rgb(m, C2)
    for hand in range(2):
        t, length = (m[P0], 0.5) if hand == 0 else (m[P1], 0.72)
        du, dv = math.sin(t), math.cos(t)
        along, off = (u * du + v * dv) / hu, abs(u * dv - v * du) / hu
        if -0.05 < along < length and off < 0.07:
            return rgb(m, C3)
    angle = math.atan2(v, u) * 6 / math.pi
    marked = 0.68 < distance < 0.8 and abs(angle - math.floor(angle + 0.5)) < 0.14
    return rgb(m, C3) if marked else rgb(m, C1)


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _wainscot(m, u, height):
    """Boards p1 wide of the second colour up to height p0, then a rail of the third, then paint."""
    if height < m[P0]:
        s = fraction(u / m[P1])
        return scaled(0.8 + 0.2 * smooth(0.0, 0.06, min(s, 1 - s)), rgb(m, C2))
    return rgb(m, C3) if height < m[P0] + 0.06 else rgb(m, C1)
