"""Ground, hills, trees and rocks of several landscapes, and where to put them."""

from __future__ import annotations

import math
from collections.abc import Callable

from gs_stein.world.builder import rotation
from gs_stein.world.landscapes.place import Place
from gs_stein.world.materials import MOTTLED, SOLID, Material, Number, mix, one_colour, shade, srgb


def ground(p: Place, name: str, rgb: tuple[int, int, int], colour: str) -> None:
    """Mottled sand, grass or snow up to the horizon, under its name."""
    c = srgb(*rgb)
    material = Material(MOTTLED, shade(c, 0.82), shade(c, 1.16), c, (0.9, 0, 0, 0), colour=colour)
    with p.b.thing(name, material, name):
        p.b.box(0, 0, -0.2, 160, 160, 0.2, material, casts=False)


def hills(p: Place, rgb: tuple[int, int, int], height: Number, count: int = 9) -> None:
    """A ring of far, rounded hills, bluish with distance."""
    b = p.b
    haze = mix(srgb(*p.sky.horizon), srgb(*p.sky.zenith), 0.3)
    for k in range(count):
        a = 2 * math.pi * (k + b.uniform(-0.3, 0.3)) / count
        r = b.uniform(32, 46)
        c = mix(srgb(*rgb), haze, 0.12 + 0.011 * (r - 28))
        b.ellipsoid(
            r * math.cos(a),
            r * math.sin(a),
            -1.0,
            b.uniform(11, 17),
            b.uniform(11, 17),
            height * b.uniform(0.7, 1.4),
            Material(SOLID, c, c, c),
            casts=False,
        )


def fir(p: Place, x: Number, y: Number, height: Number, snow: bool = False) -> None:
    """Conifer of three cones, with snow on them where asked."""
    b = p.b
    bark = one_colour(SOLID, srgb(88, 64, 48))
    needles = one_colour(SOLID, srgb(56 + b.uniform(-8, 12), 96 + b.uniform(-10, 14), 66), colour="green")
    white = one_colour(SOLID, srgb(232, 236, 240))
    b.cone(x, y, 0, 0.05 * height, 0.22 * height, bark)
    for k in range(3):
        z, r, h = (0.14 + 0.24 * k) * height, (0.24 - 0.055 * k) * height, 0.4 * height
        b.cone(x, y, z, r, h, needles, 0.05)
        if snow:
            b.cone(x, y, z + 0.5 * h, 0.56 * r, 0.52 * h, white, 0.05)


def leafy_tree(p: Place, x: Number, y: Number, height: Number) -> None:
    """Trunk with a crown of five balls."""
    b = p.b
    bark = one_colour(SOLID, srgb(98, 72, 52))
    g = b.uniform(-12, 14)
    b.cone(x, y, 0, 0.055 * height, 0.6 * height, bark, 0.6)
    for k in range(5):
        c = srgb(78 + g + 8 * (k % 3), 122 + g + 7 * (k % 2), 58)
        a = 1.2566 * k + g
        r = 0.15 * height if k else 0.0
        s = (0.2 if k else 0.23) * height
        b.ellipsoid(
            x + r * math.cos(a),
            y + r * math.sin(a),
            (0.66 if k else 0.82) * height,
            s,
            s,
            0.82 * s,
            Material(SOLID, c, c, c, colour="green"),
        )


def ring(
    p: Place, count: int, low: Number, high: Number, keep: Callable[[float, float], bool]
) -> list[tuple[float, float]]:
    """Places around the cameras, evenly in angle with jitter, where `keep` allows."""
    out = []
    for k in range(count):
        a = 2 * math.pi * (k + p.b.uniform(-0.35, 0.35)) / count
        r = p.b.uniform(low, high)
        x, y = r * math.cos(a), r * math.sin(a)
        if keep(x, y):
            out.append((x, y))
    return out


def rock(p: Place, x: Number, y: Number, size: Number, rgb: tuple[int, int, int] = (132, 128, 122)) -> None:
    """Two lumps of stone."""
    b = p.b
    stone = one_colour(SOLID, srgb(*rgb), colour="grey")
    b.ellipsoid(
        x,
        y,
        0.25 * size,
        size,
        0.75 * size,
        0.62 * size,
        stone,
        rotation(yaw=b.uniform(0, 180), roll=b.uniform(-12, 12)),
    )
    b.ellipsoid(x + 0.7 * size, y + 0.3 * size, 0.12 * size, 0.5 * size, 0.45 * size, 0.36 * size, stone)
