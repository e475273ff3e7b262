"""What windows show and pictures on walls: skies, hills, a town, the sea, mountains, or an abstract painting."""

from __future__ import annotations

import math
from typing import no_type_check

from numba import njit

from gs_stein.world.materials import C1, C2, C3, P0, P1, P2, P3
from gs_stein.world.render.kernels import TEXTURE_OPTIONS
from gs_stein.world.render.noise import blend, hash3, rgb, smooth, value_noise

HILLS, TOWN, SEA, MOUNTAINS, ABSTRACT = range(5)
"""Values of p0."""


@njit(**TEXTURE_OPTIONS)
@no_type_check
def vista(m, u, v):
    """Linear RGB of a `VIEW` or `PICTURE` at u, v in [-1, 1].

    Args:
        m: row of the material table: colours of the zenith, the horizon and the land; p0 what is shown, p1 a phase
            that varies it, p2 > 0 at night, p3 the strength of a low sun.
        u, v: place from left to right and from bottom to top.
    """
    shown, phase = int(m[P0]), m[P1]
    if shown == ABSTRACT:
        return _abstract(m, u, v)
    sun = 0.45 * math.sin(phase * 3.1)
    colour = _sky(m, u, v, sun)
    if shown == HILLS or shown == MOUNTAINS:
        return _hills(m, u, v, colour)
    if shown == TOWN:
        return _town(m, u, v, colour)
    w = 1 - smooth(-0.12, -0.08, v)
    glint = 0.25 * value_noise(u * 4, v * 22, 3) * smooth(0.5, 0.0, abs(u - sun))
    land = rgb(m, C3)
    return blend(colour, (land[0] + glint, land[1] + glint, land[2] + 0.8 * glint), w)


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _sky(m, u, v, sun):
    """Sky with the moon, a low sun, or clouds; `sun` is where across."""
    phase = m[P1]
    colour = blend(rgb(m, C2), rgb(m, C1), min(max(0.5 + 0.5 * v, 0.0), 1.0))
    disc = math.sqrt((u - sun) ** 2 + (v - 0.42) ** 2)
    if m[P2] > 0:
        return blend(colour, (0.9, 0.9, 0.8), 1 - smooth(0.09, 0.14, disc))
    if m[P3] > 0:
        return blend(colour, (1.0, 0.8, 0.45), m[P3] * (1 - smooth(0.12, 0.2, disc)))
    cloud = value_noise(u * 1.6 + phase * 9, v * 3.2, 7) * smooth(-0.2, 0.5, v)
    return blend(colour, (0.95, 0.95, 0.97), 0.75 * smooth(0.42, 0.75, cloud))


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _hills(m, u, v, colour):
    """Near hills before far ones, or before peaks with snow."""
    phase, peaks = m[P1], int(m[P0]) == MOUNTAINS
    if peaks:
        far = 0.15 - 0.42 * abs(math.sin(u * 2.2 + phase * 6)) + 0.1 * math.sin(u * 7 + phase)
    else:
        far = -0.05 + 0.16 * math.sin(u * 2.3 + phase * 6) + 0.5 * 0.16 * math.sin(u * 5.1 + phase * 11)
    land = blend(rgb(m, C3), rgb(m, C2), 0.45)
    if peaks:
        land = blend(land, (0.8, 0.82, 0.86), (1 - m[P2]) * smooth(far - 0.3, far, v))
    colour = blend(colour, land, 1 - smooth(far - 0.03, far + 0.03, v))
    near = -0.42 + 0.14 * math.sin(u * 1.7 + phase * 4 + 2)
    return blend(colour, rgb(m, C3), 1 - smooth(near - 0.03, near + 0.03, v))


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _town(m, u, v, colour):
    """A row of houses with windows, some of them lit at night."""
    column = int(math.floor((u + 1) * 4.5 + m[P1] * 50))
    top = -0.35 + 0.8 * hash3(column, 3, 1)
    tint = 0.75 + 0.5 * hash3(column, 5, 2)
    r, g, b = m[C3] * tint, m[C3 + 1] * tint, m[C3 + 2] * tint
    cu, cv = (u + 1) * 13.5, v * 9.0
    fu, fv = cu - math.floor(cu), cv - math.floor(cv)
    lit = hash3(int(math.floor(cu)) + 77, int(math.floor(cv)), 9)
    inside = 1.0 if 0.2 < fu < 0.8 and 0.2 < fv < 0.8 else 0.0
    if m[P2] > 0:
        house = blend((r, g, b), (1.0, 0.7, 0.3), inside * (1.0 if lit > 0.55 else 0.0))
    else:
        house = blend((r, g, b), (0.5 * r, 0.5 * g, 0.6 * b), 0.6 * inside)
    return blend(colour, house, 1 - smooth(top - 0.02, top + 0.02, v))


@njit(**TEXTURE_OPTIONS)
@no_type_check
def _abstract(m, u, v):
    """Two fields with a wavy border and a disc."""
    phase = m[P1]
    w = 1 - smooth(-0.03, 0.03, v - 0.45 * math.sin(u * 1.6 + phase * 7))
    colour = blend(rgb(m, C1), rgb(m, C3), w)
    disc = math.sqrt((u - 0.4 * math.sin(phase * 20)) ** 2 + (v - 0.15) ** 2)
    return blend(colour, rgb(m, C2), 1 - smooth(0.38, 0.44, disc))
