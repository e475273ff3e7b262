"""Deserts."""

from __future__ import annotations

from gs_stein.world.landscapes.camp import campfire, tent
from gs_stein.world.landscapes.nature import ground, hills, ring, rock
from gs_stein.world.landscapes.place import Place
from gs_stein.world.materials import MOTTLED, SOLID, Material, Number, one_colour, srgb
from gs_stein.world.objects import nature


def _saguaro(p: Place, x: Number, y: Number, height: Number, yaw: Number) -> None:
    b = p.b
    green = one_colour(SOLID, srgb(84, 124, 76), colour="green")
    with b.at(x, y, 0, yaw, height):
        b.cone(0, 0, 0, 0.1, 0.9, green)
        b.ellipsoid(0, 0, 0.9, 0.1, 0.1, 0.1, green)
        for s, z, h in ((-1, 0.4, 0.26), (1, 0.5, 0.24)):
            b.rod((0, 0, z), (s * 0.24, 0, z), 0.06, green)
            b.ellipsoid(s * 0.24, 0, z, 0.066, 0.066, 0.066, green)
            b.cone(s * 0.24, 0, z, 0.066, h, green)
            b.ellipsoid(s * 0.24, 0, z + h, 0.066, 0.066, 0.066, green)


def desert(p: Place) -> None:
    """Dunes, cacti and rocks; a tent north, pyramids far away east, an oasis west."""
    b = p.b
    ground(p, "sand", (218, 180, 122), "beige")
    hills(p, (214, 168, 108), 4.5, 11)
    sand = Material(
        MOTTLED, srgb(204, 164, 108), srgb(226, 190, 134), srgb(216, 178, 120), (1.2, 0, 0, 0), colour="beige"
    )
    for x, y in ring(p, 9, 8, 15, lambda x, y: True):
        b.ellipsoid(x, y, -0.25, b.uniform(3, 5), b.uniform(2, 3.5), b.uniform(0.7, 1.5), sand)
    green = one_colour(SOLID, srgb(84, 124, 76), colour="green")
    with b.thing("cacti", green, "plant", True):
        for x, y in ring(p, 9, 3.0, 6.5, lambda x, y: not (abs(x) < 1.8 and y > 0) and x > -3.4):
            _saguaro(p, x, y, b.uniform(1.5, 2.8), b.uniform(0, 180))
    if b.chance(0.6):
        tent(p, b.uniform(-0.3, 0.3), 4.4, b.uniform(-12, 12))
    if b.chance(0.5):
        campfire(p, b.uniform(-0.2, 0.2), 2.3)
    stone = Material(
        MOTTLED, srgb(192, 150, 96), srgb(216, 174, 116), srgb(200, 160, 104), (2.0, 0, 0, 0), colour="beige"
    )
    if b.chance(0.6):
        with b.thing("pyramids", stone, "stone", True):
            b.frustum(24, 3, 0, 15, 15, 10, stone, 0.0, 0.0)
            b.frustum(27, -10, 0, 10, 10, 7, stone, 0.0, 0.0)
    if b.chance(0.65):
        water = one_colour(SOLID, srgb(64, 140, 160), gloss=0.2, colour="teal")
        with b.thing("oasis", water, "water"):
            b.cone(-4.0, 0.0, -0.01, 1.5, 0.03, water, 1.0, 1.8, casts=False)
        for x, y in ((-5.6, 1.6), (-5.9, -0.6), (-5.2, -2.0)):
            with b.at(x, y, 0, b.uniform(-60, 60), b.uniform(1.7, 2.2)):
                nature.palm(p.kit)
    for x, y in ring(p, 8, 2.4, 5.5, lambda x, y: abs(x) > 1.0 and x > -2.8):
        rock(p, x, y, b.uniform(0.14, 0.4), (176, 136, 96))
