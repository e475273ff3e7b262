"""Snowy mountains."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.landscapes.nature import fir, ground, ring
from gs_stein.world.landscapes.place import Place
from gs_stein.world.materials import SOLID, Material, mix, one_colour, srgb
from gs_stein.world.objects import buildings, nature


def mountains(p: Place) -> None:
    """Snow, firs, a cabin north, a snowman east, a frozen lake west, peaks all around."""
    b = p.b
    ground(p, "snow", (228, 233, 240), "white")
    haze = mix(srgb(*p.sky.horizon), srgb(*p.sky.zenith), 0.3)
    rock = mix(srgb(112, 118, 132), haze, 0.2)
    stone, snow = (
        Material(SOLID, rock, rock, rock, colour="grey"),
        one_colour(SOLID, mix(srgb(238, 241, 246), haze, 0.08)),
    )
    with b.thing("mountains", stone, "stone", True):
        for k in range(9):
            a = 2 * math.pi * (k + b.uniform(-0.25, 0.25)) / 9
            r, h = b.uniform(30, 44), b.uniform(12, 21)
            w = h * b.uniform(0.75, 0.95)
            x, y = r * math.cos(a), r * math.sin(a)
            b.cone(x, y, 0, w, h, stone, 0.02, casts=False)
            t = b.uniform(0.42, 0.6)
            b.cone(x, y, t * h, w * (1 - 0.98 * t) * 1.03, h * (1 - t) * 1.02, snow, 0.03, casts=False)
    house = b.chance(0.75)
    if house:
        with b.at(b.uniform(-0.4, 0.4), 4.6, 0, b.uniform(-12, 12), 2.0):
            buildings.house(p.kit)
            with b.thing("snowy roof", None, "snow"):
                for s in (-1, 1):
                    b.box(0, s * 0.275, 0.94, 1.38, 0.78, 0.06, snow, 0.02, rotation(pitch=-s * 48.0))
    if b.chance(0.65):
        with b.at(2.9, b.uniform(-0.4, 0.4), 0, -90 + b.uniform(-10, 10), 0.85):
            nature.snowman(p.kit)
    if b.chance(0.6):
        ice = one_colour(SOLID, srgb(168, 204, 222), gloss=0.2, colour="blue")
        with b.thing("frozen lake", ice, "ice"):
            b.cone(-4.4, 0.0, -0.01, 1.9, 0.03, ice, 1.0, 2.5, casts=False)
    green = one_colour(SOLID, srgb(56, 96, 66), colour="green")
    with b.thing("fir trees", green, "plant", True):
        for x, y in ring(
            p, 15, 4.6, 8.0, lambda x, y: not (abs(x) < 2.3 and y > 0) and not (-6.4 < x < -2 and abs(y) < 2.6)
        ):
            fir(p, x, y, b.uniform(2.6, 4.4), True)
    for x, y in ring(p, 8, 2.4, 4.5, lambda x, y: abs(x) > 1.0 and x > -2.2 and y < 2):
        b.ellipsoid(x, y, 0.0, b.uniform(0.3, 0.6), b.uniform(0.25, 0.5), b.uniform(0.12, 0.26), snow)
