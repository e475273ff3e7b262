"""Noise and blending that procedural textures are made of."""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np
from numba import njit

from gs_stein.world.render.kernels import TEXTURE_OPTIONS


@njit(inline="always", **TEXTURE_OPTIONS)
@no_type_check
def hash3(i, j, k):
    """Uniform in [0, 1) from three integers."""
    h = (
        (np.uint32(i) * np.uint32(374761393))
        ^ (np.uint32(j) * np.uint32(668265263))
        ^ (np.uint32(k) * np.uint32(2246822519))
    )
    h = np.uint32((h ^ (h >> np.uint32(15))) * np.uint32(2246822519))
    h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(3266489917))
    return float(np.uint32(h ^ (h >> np.uint32(16)))) / 4294967296.0


@njit(**TEXTURE_OPTIONS)
@no_type_check
def value_noise(x, y, k):
    """Smooth value noise in [0, 1] over the plane, the k-th of many."""
    i, j = int(math.floor(x)), int(math.floor(y))
    u, v = x - i, y - j
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    a, b = hash3(i, j, k), hash3(i + 1, j, k)
    c, d = hash3(i, j + 1, k), hash3(i + 1, j + 1, k)
    return (a * (1 - u) + b * u) * (1 - v) + (c * (1 - u) + d * u) * v


@njit(inline="always", **TEXTURE_OPTIONS)
@no_type_check
def blend(a, b, weight):
    """From colour a to colour b."""
    return a[0] + weight * (b[0] - a[0]), a[1] + weight * (b[1] - a[1]), a[2] + weight * (b[2] - a[2])


@njit(inline="always", **TEXTURE_OPTIONS)
@no_type_check
def scaled(factor, colour):
    """A colour times a factor."""
    return factor * colour[0], factor * colour[1], factor * colour[2]


@njit(inline="always", **TEXTURE_OPTIONS)
@no_type_check
def smooth(low, high, x):
    """0 below low, 1 above high, a cubic in between (GLSL's smoothstep)."""
    s = min(max((x - low) / (high - low), 0.0), 1.0)
    return s * s * (3 - 2 * s)


@njit(inline="always", **TEXTURE_OPTIONS)
@no_type_check
def fraction(x):
    """What is left of x above the integer below."""
    return x - math.floor(x)


@njit(**TEXTURE_OPTIONS)
@no_type_check
def from_hue(h, s, v):
    """Linear RGB from hue in [0, 1), saturation, value."""
    r = abs(h * 6 - 3) - 1
    g = 2 - abs(h * 6 - 2)
    b = 2 - abs(h * 6 - 4)
    r, g, b = min(max(r, 0.0), 1.0), min(max(g, 0.0), 1.0), min(max(b, 0.0), 1.0)
    return v * (1 - s + s * r), v * (1 - s + s * g), v * (1 - s + s * b)


@njit(inline="always", **TEXTURE_OPTIONS)
@no_type_check
def rgb(row, column):
    """The colour that begins at a column of a row."""
    return row[column], row[column + 1], row[column + 2]
