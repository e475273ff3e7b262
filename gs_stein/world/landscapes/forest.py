"""Forest clearings."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.landscapes.camp import campfire, tent
from gs_stein.world.landscapes.nature import fir, ground, hills, leafy_tree, ring, rock
from gs_stein.world.landscapes.place import Place
from gs_stein.world.materials import SOLID, one_colour, srgb
from gs_stein.world.objects import buildings, nature


def forest(p: Place) -> None:
    """Clearing with a tent and a campfire north, a log east, a pond west."""
    b = p.b
    ground(p, "grass", (96, 132, 66), "green")
    hills(p, (72, 106, 70), 7)
    campfire(p, b.uniform(-0.2, 0.3), 2.3)
    if b.chance(0.7):
        tent(p, b.uniform(0.6, 1.2), 4.3, b.uniform(-20, -5))
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
            rock(p, -3.6 + 1.55 * math.cos(a), 0.1 + 1.95 * math.sin(a), b.uniform(0.12, 0.24))
    leafy = b.chance(0.5)
    first = one_colour(SOLID, srgb(78, 122, 58), colour="green")
    with b.thing("trees", first, "plant", True):
        for x, y in ring(
            p,
            17,
            5.0,
            8.5,
            lambda x, y: not (abs(x) < 2.6 and 2.0 < y < 7) and not (x < -2 and abs(y) < 2.5 and x > -6),
        ):
            (leafy_tree if leafy or b.chance(0.25) else fir)(p, x, y, b.uniform(3.2, 5.0))
    for x, y in ((1.6, -2.4), (-1.4, -2.8)):
        if b.chance(0.6):
            with b.at(x, y, 0, 180, 0.35):
                nature.mushroom(p.kit)
    for x, y in ring(p, 16, 1.9, 4.5, lambda x, y: y < 1.6):
        tuft = one_colour(SOLID, srgb(112, 150, 70))
        for k in range(3):
            b.ellipsoid(x + 0.06 * k, y, 0.09, 0.025, 0.025, 0.14, tuft, rotation(roll=-25 + 25 * k), casts=False)
    petals = p.kit.paint(p.kit.colour("red", "yellow", "white", "purple", "pink"), 0.0)
    if b.chance(0.6):
        with b.thing("flowers", petals, "flowers", True):
            for x, y in ring(p, 14, 1.8, 4.0, lambda x, y: y < 1.4):
                b.cone(x, y, 0, 0.01, 0.2, first, casts=False)
                b.ellipsoid(x, y, 0.22, 0.055, 0.055, 0.035, petals, casts=False)
