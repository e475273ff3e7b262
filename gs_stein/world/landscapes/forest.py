"""Forest clearings."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.landscapes.nature import Place, _fir, _ground, _hills, _leafy, _ring, _rock
from gs_stein.world.materials import SOLID, Material, Number, fabric, one_colour, shade, srgb, wood
from gs_stein.world.objects import buildings, nature


def _campfire(p: Place, x: Number, y: Number) -> None:
    b = p.b
    log = wood(b.rng, "walnut")
    with b.thing("campfire", Material(colour="orange", c1=srgb(240, 150, 50)), "fire"), b.at(x, y):
        for k in range(8):
            a = 0.7854 * k
            _rock(p, 0.42 * math.cos(a), 0.42 * math.sin(a), 0.1)
        for k in range(4):
            a = 0.7854 * k
            b.rod(
                (-0.28 * math.cos(a), -0.28 * math.sin(a), 0.06), (0.1 * math.cos(a), 0.1 * math.sin(a), 0.2), 0.05, log
            )
        for k in range(5):
            a, h = 1.2566 * k, 0.5 if k == 0 else 0.32
            r = 0.0 if k == 0 else 0.1
            hot = one_colour(SOLID, srgb(255, 150 + 20 * (k % 3), 46), emission=1.0, colour="orange")
            b.ellipsoid(r * math.cos(a), r * math.sin(a), 0.14 + 0.5 * h, 0.08, 0.08, 0.5 * h, hot, casts=False)
        b.lamp(0, 0, 0.5, (1.0, 0.55, 0.22), 1.3 if p.dark else 0.2, 0.2)


def _tent(p: Place, x: Number, y: Number, yaw: Number) -> None:
    b = p.b
    cloth = fabric(b.rng, p.kit.colour("red", "orange", "yellow", "green", "blue", "teal", "beige", "purple", "navy"))
    inside = one_colour(SOLID, shade(cloth.c1, 0.2))
    with b.thing("tent", cloth, "fabric"), b.at(x, y, 0, yaw):
        b.frustum(0, 0, 0, 2.0, 2.2, 1.5, cloth, 0.0, 0.94)
        b.frustum(0, -1.06, 0, 0.9, 0.12, 1.1, inside, 0.0, 0.6)
        for s in (-1, 1):
            b.rod((0, s * 1.08, 1.46), (0, s * 1.12, 1.62), 0.03, p.kit.wood("oak"))


def forest(p: Place) -> None:
    """Clearing with a tent and a campfire north, a log east, a pond west."""
    b = p.b
    _ground(p, "grass", (96, 132, 66), "green")
    _hills(p, (72, 106, 70), 7)
    _campfire(p, b.uniform(-0.2, 0.3), 2.3)
    if b.chance(0.7):
        _tent(p, b.uniform(0.6, 1.2), 4.3, b.uniform(-20, -5))
    else:
        with b.at(0.4, 5.2, 0, 0, 2.1):
            buildings.house(p.kit)
    bark = p.kit.wood("walnut")
    with b.thing("log", bark, "wood"):
        b.rod((2.6, -0.9, 0.2), (2.9, 0.9, 0.2), 0.2, bark)
        cut = one_colour(SOLID, srgb(206, 172, 126))
        b.rod((2.597, -0.915, 0.2), (2.6, -0.9, 0.2), 0.19, cut)
    water = one_colour(SOLID, srgb(70, 118, 146), gloss=0.2, colour="blue")
    if b.chance(0.7):
        with b.thing("pond", water, "water"):
            b.cone(-3.6, 0.1, -0.01, 1.5, 0.03, water, 1.0, 1.9, casts=False)
        for k in range(6):
            a = 1.9 + 0.75 * k
            _rock(p, -3.6 + 1.55 * math.cos(a), 0.1 + 1.95 * math.sin(a), b.uniform(0.12, 0.24))
    leafy = b.chance(0.5)
    first = one_colour(SOLID, srgb(78, 122, 58), colour="green")
    with b.thing("trees", first, "plant", True):
        for x, y in _ring(
            p,
            17,
            5.0,
            8.5,
            lambda x, y: not (abs(x) < 2.6 and 2.0 < y < 7) and not (x < -2 and abs(y) < 2.5 and x > -6),
        ):
            (_leafy if leafy or b.chance(0.25) else _fir)(p, x, y, b.uniform(3.2, 5.0))
    for x, y in ((1.6, -2.4), (-1.4, -2.8)):
        if b.chance(0.6):
            with b.at(x, y, 0, 180, 0.35):
                nature.mushroom(p.kit)
    for x, y in _ring(p, 16, 1.9, 4.5, lambda x, y: y < 1.6):
        tuft = one_colour(SOLID, srgb(112, 150, 70))
        for k in range(3):
            b.ellipsoid(x + 0.06 * k, y, 0.09, 0.025, 0.025, 0.14, tuft, rotation(roll=-25 + 25 * k), casts=False)
    petals = p.kit.paint(p.kit.colour("red", "yellow", "white", "purple", "pink"), 0.0)
    if b.chance(0.6):
        with b.thing("flowers", petals, "flowers", True):
            for x, y in _ring(p, 14, 1.8, 4.0, lambda x, y: y < 1.4):
                b.cone(x, y, 0, 0.01, 0.2, first, casts=False)
                b.ellipsoid(x, y, 0.22, 0.055, 0.055, 0.035, petals, casts=False)
