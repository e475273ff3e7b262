"""Colours with names, and the procedural textures that materials are made of.

Colours are written in sRGB and stored in linear RGB. Textures keep to low frequencies, so that they survive at 128²
without aliasing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from numba import njit

Number = float | int
RGB = tuple[Number, Number, Number]
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (176, 54, 48),
    "orange": (214, 120, 50),
    "yellow": (224, 184, 76),
    "green": (94, 138, 84),
    "teal": (44, 126, 126),
    "blue": (66, 112, 176),
    "navy": (36, 52, 94),
    "purple": (118, 78, 146),
    "pink": (218, 150, 164),
    "brown": (118, 80, 54),
    "beige": (212, 192, 160),
    "white": (238, 235, 229),
    "grey": (142, 144, 147),
    "black": (46, 45, 47),
}
"""Natural, slightly desaturated sRGB of every colour that captions name."""
WOODS: dict[str, tuple[str, tuple[int, int, int]]] = {
    "light": ("beige", (206, 172, 130)),
    "oak": ("brown", (164, 117, 76)),
    "walnut": ("brown", (112, 75, 52)),
    "dark": ("brown", (80, 54, 40)),
}
"""Colour name and sRGB of the wood tones."""
(
    SOLID,
    GRAIN,
    PLANKS,
    BRICK,
    TILES,
    STRIPES,
    RUG,
    PICTURE,
    VIEW,
    BOOKS,
    MOTTLED,
    FOLDS,
    SCREEN,
    GRID,
    SHADE,
    CLOCK,
    WAINSCOT,
    PLAID,
    MIRROR,
    BANDS,
) = range(20)
SECOND_COLOUR = {TILES: 0.5, STRIPES: 0.5, RUG: 0.4, PLANKS: 0.5, BRICK: 0.5, GRAIN: 0.5, MOTTLED: 0.5}
"""Share of the second colour in a texture's mean; none in the others."""


@dataclass(frozen=True)
class Material:
    """How a surface looks: a texture of three colours with four parameters, gloss and emission."""

    texture: int = SOLID
    c1: RGB = (0.5, 0.5, 0.5)
    """Linear RGB, as are the others."""
    c2: RGB = (0.5, 0.5, 0.5)
    c3: RGB = (0.5, 0.5, 0.5)
    p: tuple[Number, Number, Number, Number] = (0.0, 0.0, 0.0, 0.0)
    """Meaning depends on the texture."""
    gloss: Number = 0.0
    """Strength of the room's reflection at normal incidence."""
    emission: Number = 0.0
    """Radiance in units of the texture's colour, times π."""
    colour: str = ""
    """Name of the main colour."""

    def row(self) -> list[Number]:
        """The numbers the renderer reads."""
        return [self.texture, *self.c1, *self.c2, *self.c3, *self.p, self.gloss, self.emission]

    @property
    def rgb(self) -> RGB:
        """Mean sRGB in [0, 1]."""
        return tuple(round(to_srgb(c), 4) for c in self.mean)  # type: ignore[return-value]

    @property
    def mean(self) -> RGB:
        """Mean linear RGB, for bounced light."""
        weight = SECOND_COLOUR.get(self.texture, 0.0)
        return tuple(a + weight * (b - a) for a, b in zip(self.c1, self.c2, strict=True))  # type: ignore[return-value]


def one_colour(
    texture: int,
    rgb: RGB,
    p: tuple[Number, Number, Number, Number] = (0.0, 0.0, 0.0, 0.0),
    gloss: Number = 0.0,
    emission: Number = 0.0,
    colour: str = "",
) -> Material:
    """A material whose three colours are the same linear RGB."""
    return Material(texture, rgb, rgb, rgb, p, gloss, emission, colour)


def to_srgb(c: Number) -> float:
    """Linear to sRGB, one channel in [0, 1]."""
    return 12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055


def to_linear(c: Number) -> float:
    """sRGB to linear, one channel in [0, 1]."""
    return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4


def srgb(r: Number, g: Number, b: Number) -> RGB:
    """Linear RGB of sRGB values 0 to 255."""
    return (to_linear(r / 255), to_linear(g / 255), to_linear(b / 255))


def shade(colour: RGB, factor: Number) -> RGB:
    """Linear colour scaled and clipped to [0, 0.95]."""
    return tuple(min(max(c * factor, 0.0), 0.95) for c in colour)  # type: ignore[return-value]


def mix(a: RGB, b: RGB, weight: Number) -> RGB:
    """Between two linear colours."""
    return tuple(x + weight * (y - x) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def named(rng: np.random.Generator, name: str) -> RGB:
    """Linear RGB of a named colour with a little jitter in brightness and hue."""
    value = 1 + 0.09 * (2 * rng.random() - 1)
    r, g, b = (min(max(c * value + 5 * (2 * rng.random() - 1), 0), 250) for c in COLOURS[name])
    return srgb(r, g, b)


def plain(rng: np.random.Generator, name: str, gloss: Number = 0.0) -> Material:
    """A smooth surface of a named colour."""
    c = named(rng, name)
    return Material(SOLID, c, c, c, gloss=gloss, colour=name)


def fabric(rng: np.random.Generator, name: str, stripes: Number = 0.0, second: str = "white") -> Material:
    """Cloth of a named colour: a faint mottle, or stripes of that width (metres) in a second colour."""
    c = named(rng, name)
    if stripes:
        return Material(STRIPES, c, named(rng, second), c, (stripes, 0.0, 0.0, 0.0), colour=name)
    return Material(MOTTLED, shade(c, 0.92), shade(c, 1.08), c, (0.18, 0.0, 0.0, 0.0), colour=name)


def wood(rng: np.random.Generator, tone: str, gloss: Number = 0.03) -> Material:
    """Grained wood of a tone from `WOODS`."""
    colour, rgb = WOODS[tone]
    value = 1 + 0.08 * (2 * rng.random() - 1)
    c = srgb(*(min(x * value, 250) for x in rgb))
    return Material(GRAIN, shade(c, 0.84), shade(c, 1.14), c, (0.05, 0.6, 0.0, 0.0), gloss=gloss, colour=colour)


GREENS = ((66, 112, 58), (84, 132, 70), (56, 96, 60), (104, 142, 76))
BLACK = one_colour(SOLID, srgb(30, 30, 32), gloss=0.05, colour="black")
STEEL = one_colour(SOLID, srgb(176, 178, 180), gloss=0.15, colour="grey")
PAPER = one_colour(SOLID, srgb(235, 230, 218), colour="white")
PORCELAIN = one_colour(SOLID, srgb(240, 239, 235), gloss=0.07, colour="white")


@njit(cache=True, nogil=True, inline="always")
@no_type_check
def _hash(i, j, k):
    """Uniform in [0, 1) from three integers."""
    h = (
        (np.uint32(i) * np.uint32(374761393))
        ^ (np.uint32(j) * np.uint32(668265263))
        ^ (np.uint32(k) * np.uint32(2246822519))
    )
    h = np.uint32((h ^ (h >> np.uint32(15))) * np.uint32(2246822519))
    h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(3266489917))
    return float(np.uint32(h ^ (h >> np.uint32(16)))) / 4294967296.0


@njit(cache=True, nogil=True)
@no_type_check
def _noise(x, y, k):
    """Smooth value noise in [0, 1] over the plane."""
    i, j = int(math.floor(x)), int(math.floor(y))
    u, v = x - i, y - j
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    a, b = _hash(i, j, k), _hash(i + 1, j, k)
    c, d = _hash(i, j + 1, k), _hash(i + 1, j + 1, k)
    return (a * (1 - u) + b * u) * (1 - v) + (c * (1 - u) + d * u) * v


@njit(cache=True, nogil=True, inline="always")
@no_type_check
def _blend(a0, a1, a2, b0, b1, b2, w):
    return a0 + w * (b0 - a0), a1 + w * (b1 - a1), a2 + w * (b2 - a2)


@njit(cache=True, nogil=True, inline="always")
@no_type_check
def _smooth(low, high, x):
    s = min(max((x - low) / (high - low), 0.0), 1.0)
    return s * s * (3 - 2 * s)


@njit(cache=True, nogil=True)
@no_type_check
def _hue(h, s, v):
    """Linear RGB from hue in [0, 1), saturation, value."""
    r = abs(h * 6 - 3) - 1
    g = 2 - abs(h * 6 - 2)
    b = 2 - abs(h * 6 - 4)
    r, g, b = min(max(r, 0.0), 1.0), min(max(g, 0.0), 1.0), min(max(b, 0.0), 1.0)
    return v * (1 - s + s * r), v * (1 - s + s * g), v * (1 - s + s * b)


@njit(cache=True, nogil=True)
@no_type_check
def _view(u, v, m):
    """What is seen through a window or in a framed picture: u, v in [-1, 1], colours sky, horizon and land.

    p0 is the variant: 0 hills, 1 city, 2 sea, 3 mountains, 4 abstract; p1 a phase; p2 > 0 lights (night).
    """
    variant, phase, night = int(m[10]), m[11], m[12]
    w = min(max(0.5 + 0.5 * v, 0.0), 1.0)
    r, g, b = _blend(m[4], m[5], m[6], m[1], m[2], m[3], w)
    # sun or moon
    sx, sy = 0.45 * math.sin(phase * 3.1), 0.42
    disc = math.sqrt((u - sx) ** 2 + (v - sy) ** 2)
    if night > 0:
        r, g, b = _blend(r, g, b, 0.9, 0.9, 0.8, 1 - _smooth(0.09, 0.14, disc))
    elif variant != 4 and m[13] > 0:
        r, g, b = _blend(r, g, b, 1.0, 0.8, 0.45, m[13] * (1 - _smooth(0.12, 0.2, disc)))
    else:
        cloud = _noise(u * 1.6 + phase * 9, v * 3.2, 7) * _smooth(-0.2, 0.5, v)
        r, g, b = _blend(r, g, b, 0.95, 0.95, 0.97, 0.75 * _smooth(0.42, 0.75, cloud))
    if variant == 0 or variant == 3:
        sharp = 0.34 if variant == 3 else 0.16
        far = -0.05 + sharp * math.sin(u * 2.3 + phase * 6) + 0.5 * sharp * math.sin(u * 5.1 + phase * 11)
        if variant == 3:
            far = 0.15 - 0.42 * abs(math.sin(u * 2.2 + phase * 6)) + 0.1 * math.sin(u * 7 + phase)
        w = 1 - _smooth(far - 0.03, far + 0.03, v)
        fr, fg, fb = _blend(m[7], m[8], m[9], m[4], m[5], m[6], 0.45)
        if variant == 3:
            fr, fg, fb = _blend(fr, fg, fb, 0.8, 0.82, 0.86, (1 - night) * _smooth(far - 0.3, far, v))
        r, g, b = _blend(r, g, b, fr, fg, fb, w)
        near = -0.42 + 0.14 * math.sin(u * 1.7 + phase * 4 + 2)
        w = 1 - _smooth(near - 0.03, near + 0.03, v)
        r, g, b = _blend(r, g, b, m[7], m[8], m[9], w)
    elif variant == 1:
        column = int(math.floor((u + 1) * 4.5 + phase * 50))
        top = -0.35 + 0.8 * _hash(column, 3, 1)
        w = 1 - _smooth(top - 0.02, top + 0.02, v)
        tint = 0.75 + 0.5 * _hash(column, 5, 2)
        br, bg, bb = m[7] * tint, m[8] * tint, m[9] * tint
        cu, cv = (u + 1) * 13.5, v * 9.0
        fu, fv = cu - math.floor(cu), cv - math.floor(cv)
        lit = _hash(int(math.floor(cu)) + 77, int(math.floor(cv)), 9)
        inside = 1.0 if 0.2 < fu < 0.8 and 0.2 < fv < 0.8 else 0.0
        if night > 0:
            br, bg, bb = _blend(br, bg, bb, 1.0, 0.7, 0.3, inside * (1.0 if lit > 0.55 else 0.0))
        else:
            br, bg, bb = _blend(br, bg, bb, 0.5 * br, 0.5 * bg, 0.6 * bb, 0.6 * inside)
        r, g, b = _blend(r, g, b, br, bg, bb, w)
    elif variant == 2:
        w = 1 - _smooth(-0.12, -0.08, v)
        glint = 0.25 * _noise(u * 4, v * 22, 3) * _smooth(0.5, 0.0, abs(u - sx))
        r, g, b = _blend(r, g, b, m[7] + glint, m[8] + glint, m[9] + 0.8 * glint, w)
    else:
        w = 1 - _smooth(-0.03, 0.03, v - 0.45 * math.sin(u * 1.6 + phase * 7))
        r, g, b = _blend(m[1], m[2], m[3], m[7], m[8], m[9], w)
        disc = math.sqrt((u - 0.4 * math.sin(phase * 20)) ** 2 + (v - 0.15) ** 2)
        r, g, b = _blend(r, g, b, m[4], m[5], m[6], 1 - _smooth(0.38, 0.44, disc))
    return r, g, b


@njit(cache=True, nogil=True)
@no_type_check
def albedo(m, x, y, z, hx, hy, hz, axis, sign):
    """Colour and brightness factor of a material at a point.

    Args:
        m: one row of the material table.
        x, y, z: the point in the primitive's frame, in metres.
        hx, hy, hz: its half extents.
        axis, sign: face of a box (0 x, 1 y, 2 z); curved surfaces give their largest normal component.

    Returns:
        Linear red, green, blue, and a slope that tilts the normal sideways (folds).
    """
    tex = int(m[0])
    r, g, b = m[1], m[2], m[3]
    if tex == SOLID or tex == MIRROR:
        return r, g, b, 0.0
    # metric coordinates of the face
    if axis == 0:
        u, v, hu, hv = y, z, hy, hz
    elif axis == 1:
        u, v, hu, hv = x, z, hx, hz
    else:
        u, v, hu, hv = x, y, hx, hy
    if tex == GRAIN:
        if hu >= hv:
            along, across = u, v
        else:
            along, across = v, u
        n = 0.65 * _noise(along * 2.2, across / m[10], axis) + 0.35 * _noise(along * 5, across / (0.45 * m[10]), 5)
        r, g, b = _blend(r, g, b, m[4], m[5], m[6], n)
    elif tex == PLANKS:
        width = m[10]
        if m[11] > 0:
            u, v = v, u
        row = math.floor(v / width)
        shifted = u / m[12] + _hash(int(row), 11, 4)
        column = math.floor(shifted)
        fv, fu = v / width - row, (shifted - column) * m[12]
        tone = _hash(int(row), int(column), 21)
        n = _noise(u * 2.0 + 40 * tone, v * 22.0, 3)
        r, g, b = _blend(r, g, b, m[4], m[5], m[6], 0.7 * tone + 0.3 * n)
        gap = min(min(fv, 1 - fv) * width, min(fu, m[12] - fu))
        r, g, b = _blend(r, g, b, m[7], m[8], m[9], 0.75 * (1 - _smooth(0.003, 0.012, gap)))
    elif tex == BRICK:
        height, width = m[10], m[11]
        row = math.floor(v / height)
        shifted = u / width + (0.5 if int(row) & 1 else 0.0)
        column = math.floor(shifted)
        fv, fu = (v / height - row) * height, (shifted - column) * width
        tone = _hash(int(row), int(column), 31)
        r, g, b = _blend(r, g, b, m[4], m[5], m[6], tone)
        gap = min(min(fv, height - fv), min(fu, width - fu))
        r, g, b = _blend(r, g, b, m[7], m[8], m[9], 1 - _smooth(m[12], m[12] + 0.01, gap))
    elif tex == TILES:
        size = m[10]
        if m[11] > 0:
            u, v = 0.7071 * (u + v), 0.7071 * (u - v)
        cu, cv = math.floor(u / size), math.floor(v / size)
        fu, fv = (u / size - cu) * size, (v / size - cv) * size
        if (int(cu) + int(cv)) & 1:
            r, g, b = m[4], m[5], m[6]
        tone = 0.96 + 0.08 * _hash(int(cu), int(cv), 8)
        gap = min(min(fu, size - fu), min(fv, size - fv))
        r, g, b = _blend(tone * r, tone * g, tone * b, m[7], m[8], m[9], 0.8 * (1 - _smooth(0.004, 0.014, gap)))
    elif tex == STRIPES:
        s = (v if m[11] > 0 else u) / m[10]
        s = s - math.floor(s)
        r, g, b = _blend(r, g, b, m[4], m[5], m[6], _smooth(0.45, 0.5, s) - _smooth(0.95, 1.0, s))
    elif tex == BANDS:  # around z, p0 bands over the height
        s = (0.5 + 0.5 * z / hz) * m[10] + m[11]
        if int(math.floor(s)) & 1:
            r, g, b = m[4], m[5], m[6]
    elif tex == PLAID:
        s, t = u / m[10], v / m[10]
        s, t = s - math.floor(s), t - math.floor(t)
        w = 0.5 * (1.0 if s < 0.4 else 0.0) + 0.5 * (1.0 if t < 0.4 else 0.0)
        r, g, b = _blend(r, g, b, m[4], m[5], m[6], w)
    elif tex == RUG:
        edge = min(hu - abs(u), hv - abs(v))
        pattern, size = int(m[10]), m[11]
        if m[12] > 0:  # round
            edge = hu - math.sqrt(u * u + v * v)
        if edge < 0.06:
            pass
        elif edge < 0.16:
            r, g, b = m[4], m[5], m[6]
        elif pattern == 1:
            s = u / size
            if s - math.floor(s) < 0.45:
                r, g, b = m[7], m[8], m[9]
        elif pattern == 2:
            s, t = (u / size + v / size) * 0.5, (u / size - v / size) * 0.5
            s, t = abs(s - math.floor(s) - 0.5), abs(t - math.floor(t) - 0.5)
            if max(s, t) < 0.26:
                r, g, b = m[7], m[8], m[9]
        elif pattern == 3:
            e = edge / size
            if int(math.floor(e)) % 3 == 1:
                r, g, b = m[7], m[8], m[9]
            elif int(math.floor(e)) % 3 == 2:
                r, g, b = m[4], m[5], m[6]
    elif tex == PICTURE or tex == VIEW:
        if axis == 1 and sign < 0:
            return _picture(u / hu, v / hv, m)
        r, g, b = m[7], m[8], m[9]
    elif tex == BOOKS:
        if axis != 1 or sign > 0:
            return 0.5 * r, 0.5 * g, 0.5 * b, 0.0
        width = m[10]
        column = math.floor(u / width)
        h1, h2, h3 = (
            _hash(int(column), int(m[11]), 1),
            _hash(int(column), int(m[11]), 2),
            _hash(int(column), int(m[11]), 3),
        )
        fu = u / width - column
        top = 0.55 + 0.42 * h1
        if 0.5 + 0.5 * v / hv > top or h3 > 0.93:
            return 0.35 * r, 0.35 * g, 0.35 * b, 0.0
        hue = h2
        sat, val = 0.35 + 0.45 * h3, 0.1 + 0.35 * _hash(int(column), int(m[11]), 4)
        if m[12] > 0:  # muted, toward paper and grey
            sat, val = 0.25 * sat, 0.15 + 0.5 * h1
        if h3 > 0.7:
            hue, sat, val = 0.1, 0.2, 0.55
        r, g, b = _hue(hue, sat, val)
        vv = 0.5 + 0.5 * v / hv
        if 0.7 * top < vv < 0.8 * top:
            r, g, b = _blend(r, g, b, 0.7, 0.6, 0.35, 0.5)
        d = 0.6 + 0.4 * _smooth(0.0, 0.25, min(fu, 1 - fu))
        r, g, b = d * r, d * g, d * b
    elif tex == MOTTLED:
        n = 0.6 * _noise(u / m[10], v / m[10], axis) + 0.4 * _noise(u * 2.3 / m[10], v * 2.3 / m[10], axis + 4)
        r, g, b = _blend(r, g, b, m[4], m[5], m[6], n)
    elif tex == FOLDS:
        s = u * 6.2832 / m[10] + 0.8 * math.sin(u * 9.0)
        r, g, b = _blend(r, g, b, m[4], m[5], m[6], 0.5 - 0.5 * math.cos(s))
        return r, g, b, 0.75 * math.sin(s)
    elif tex == SCREEN:
        if axis != 1 or sign > 0:
            return r, g, b, 0.0
        uu, vv = u / hu, v / hv
        if max(abs(uu), abs(vv)) > 0.96 and m[11] == 0:
            return r, g, b, 0.0
        r, g, b = _blend(m[4], m[5], m[6], m[7], m[8], m[9], 0.5 + 0.25 * (uu + vv))
        if m[10] > 0:  # a desktop with two windows
            if -0.75 < uu < 0.1 and -0.5 < vv < 0.7:
                r, g, b = 0.75, 0.78, 0.8
                if vv > 0.5:
                    r, g, b = 0.25, 0.35, 0.5
            elif 0.25 < uu < 0.8 and -0.6 < vv < 0.3:
                r, g, b = 0.06, 0.07, 0.09
    elif tex == GRID:
        s, t = u / m[10], v / m[10]
        s, t = s - math.floor(s), t - math.floor(t)
        if s < 0.24 or t < 0.24:
            r, g, b = m[4], m[5], m[6]
    elif tex == SHADE:
        glow = 1.0 - 0.35 * abs(z / hz)
        r, g, b = glow * r, glow * g, glow * b
    elif tex == CLOCK:
        if axis == 1 and sign < 0:
            rad = math.sqrt(u * u + v * v) / hu
            if rad > 0.84:
                r, g, b = m[4], m[5], m[6]
            else:
                a, c = m[10], m[11]
                for hand in range(2):
                    t = a if hand == 0 else c
                    length = 0.5 if hand == 0 else 0.72
                    du, dv = math.sin(t), math.cos(t)
                    along, off = (u * du + v * dv) / hu, abs(u * dv - v * du) / hu
                    if -0.05 < along < length and off < 0.07:
                        r, g, b = m[7], m[8], m[9]
                angle = math.atan2(v, u) * 6 / math.pi
                if 0.68 < rad < 0.8 and abs(angle - math.floor(angle + 0.5)) < 0.14:
                    r, g, b = m[7], m[8], m[9]
        else:
            r, g, b = m[4], m[5], m[6]
    elif tex == WAINSCOT:  # z from the floor
        level = z + hz
        if level < m[10]:
            r, g, b = m[4], m[5], m[6]
            s = u / m[11]
            s = s - math.floor(s)
            d = 0.8 + 0.2 * _smooth(0.0, 0.06, min(s, 1 - s))
            r, g, b = d * r, d * g, d * b
        elif level < m[10] + 0.06:
            r, g, b = m[7], m[8], m[9]
    return r, g, b, 0.0


@njit(cache=True, nogil=True)
@no_type_check
def _picture(u, v, m):
    r, g, b = _view(u, v, m)
    return r, g, b, 0.0
