"""Beaches."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.landscapes.nature import ground, ring, rock
from gs_stein.world.landscapes.place import Place
from gs_stein.world.materials import MOTTLED, SOLID, Material, fabric, mix, one_colour, shade, srgb
from gs_stein.world.objects import buildings, nature, vehicles


def beach(p: Place) -> None:
    """The sea and a boat west, umbrella and chair north, palms east, a hut or a lighthouse south."""
    b = p.b
    ground(p, "sand", (226, 200, 150), "beige")
    _sea(p)
    _far_hills(p)
    if b.chance(0.75):
        with b.at(-13, b.uniform(-4, 4), 0.0, b.uniform(-60, 60), 3.0):
            vehicles.sailboat(p.kit)
    _umbrella(p)
    _chair_and_towel(p)
    for x, y in ((4.0, 1.4), (4.6, -1.0), (5.4, 0.4), (3.6, 4.6), (3.8, -4.4)):
        if b.chance(0.85):
            with b.at(x + b.uniform(-0.3, 0.3), y, 0, b.uniform(120, 240), b.uniform(2.1, 2.8)):
                nature.palm(p.kit)
    draw = b.uniform(0, 1)
    if draw < 0.4:
        with b.at(b.uniform(-0.2, 0.6), -5.2, 0, 180, 2.0):
            buildings.house(p.kit)
    elif draw < 0.75:
        with b.at(0.2, -5.0, 0, 180, 2.2):
            buildings.lighthouse(p.kit)
    if b.chance(0.6):
        ball = p.kit.paint(p.kit.other("beige"), 0.03)
        with b.thing("ball", ball, "toy"):
            b.ellipsoid(1.7, -1.9, 0.2, 0.2, 0.2, 0.2, ball)
    for x, y in ring(p, 7, 2.6, 5.0, lambda x, y: x < 1 and x > -3.6 and y < 0):
        rock(p, x, y, b.uniform(0.12, 0.3), (160, 148, 134))


def _sea(p: Place) -> None:
    """Water up to the horizon, with two lines of surf."""
    b = p.b
    deep = srgb(*{"night": (22, 44, 84), "sunset": (92, 96, 140)}.get(p.time, (46, 130, 168)))
    sea = Material(MOTTLED, deep, shade(deep, 1.25), deep, (2.2, 0, 0, 0), gloss=0.16, colour="blue")
    with b.thing("sea", sea, "water"):
        b.box(-44.2, 0, -0.02, 80, 160, 0.04, sea, casts=False)
        surf = one_colour(SOLID, mix(srgb(236, 240, 240), deep, 0.15))
        b.box(-3.95, 0, -0.02, 0.55, 160, 0.03, surf, casts=False)
        surf = one_colour(SOLID, mix(srgb(230, 238, 240), deep, 0.4))
        b.box(-5.6, 0, -0.02, 0.25, 160, 0.045, surf, casts=False)


def _far_hills(p: Place) -> None:
    """Green hills inland, bluish with distance."""
    b = p.b
    haze = mix(srgb(*p.sky.horizon), srgb(*p.sky.zenith), 0.3)
    green = one_colour(SOLID, mix(srgb(112, 148, 92), haze, 0.3))
    for k in range(5):
        a = -1.2 + 0.6 * k + b.uniform(-0.2, 0.2)
        r = b.uniform(30, 42)
        b.ellipsoid(r * math.cos(a), r * math.sin(a), -1, 13, 13, b.uniform(4, 7), green, casts=False)


def _umbrella(p: Place) -> None:
    """Sunshade with a white lining on a pole."""
    b = p.b
    name = p.kit.colour("red", "yellow", "blue", "orange", "green", "pink", "teal", "purple")
    cloth = p.kit.paint(name, 0.0)
    with b.thing("umbrella", cloth, "fabric"), b.at(b.uniform(-0.3, 0.3), 3.0):
        b.rod((0, 0, 0), (0.1, 0.1, 2.1), 0.03, p.kit.wood("light"))
        b.cone(0.1, 0.1, 1.75, 1.2, 0.45, cloth, 0.04)
        b.cone(0.1, 0.1, 1.742, 1.21, 0.03, p.kit.paint("white", 0.0))


def _chair_and_towel(p: Place) -> None:
    """Deck chair, and often a striped towel beside it."""
    b = p.b
    seat = fabric(b.rng, p.kit.other("beige", "brown"))
    with b.thing("beach chair", seat, "fabric"), b.at(0.75, 2.75, 0, b.uniform(-15, 15)):
        b.box(0, 0, 0.26, 0.55, 1.0, 0.06, seat, 0.02)
        b.box(0, 0.62, 0.46, 0.55, 0.7, 0.06, seat, 0.02, rotation(pitch=48))
        for sx in (-1, 1):
            for y in (-0.42, 0.3):
                b.box(sx * 0.25, y, 0, 0.05, 0.05, 0.28, p.kit.wood("light"))
    towel = fabric(b.rng, p.kit.other("beige", "brown"), 0.16, "white")
    if b.chance(0.7):
        with b.thing("towel", towel, "fabric"):
            b.box(-0.75, 2.7, 0.0, 0.7, 1.4, 0.03, towel)
