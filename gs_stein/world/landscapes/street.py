"""Streets of a small town."""

from __future__ import annotations

from gs_stein.world.builder import rotation
from gs_stein.world.landscapes.nature import ground, hills, leafy_tree
from gs_stein.world.landscapes.place import Place
from gs_stein.world.landscapes.village import placed, street_lamp, strip
from gs_stein.world.materials import BRICK, SOLID, Material, Number, one_colour, shade, srgb
from gs_stein.world.objects import buildings, more_vehicles, vehicles


def street(p: Place) -> None:
    """Road from west to east with parked cars, pavements with lamps and trees, houses on both sides."""
    b = p.b
    ground(p, "grass", (98, 132, 72), "green")
    hills(p, (86, 116, 84), 5)
    tar, stone = one_colour(SOLID, srgb(84, 86, 90), colour="grey"), one_colour(SOLID, srgb(172, 168, 160))
    with b.thing("road", tar, "tar"):
        strip(p, 0, 0, 120, 6.0, tar)
        for k in range(-9, 10):
            b.box(2.4 * k, 0, 0.0, 1.1, 0.13, 0.025, one_colour(SOLID, srgb(226, 226, 220)), casts=False)
    for s in (-1, 1):
        strip(p, 0, s * 3.9, 120, 1.8, stone, 0.1)
    _houses(p)
    _cars(p)
    iron = p.kit.dark(0.1)
    with b.thing("street lamps", iron, "metal", True):
        for x, s in ((-3.6, 1), (2.4, -1), (5.6, 1), (-8.4, -1)):
            street_lamp(p, x, s * 3.3, -s)
            if p.dark and abs(x) < 5:
                b.lamp(x, s * 2.8, 2.6, (1.0, 0.78, 0.46), 1.6, 0.15)
    leaf = one_colour(SOLID, srgb(78, 122, 58), colour="green")
    with b.thing("trees", leaf, "plant", True):
        for x, s in ((-5.6, -1), (0.2, 1), (4.9, -1), (8.6, 1), (-8.8, 1)):
            if b.chance(0.8):
                leafy_tree(p, x + b.uniform(-0.3, 0.3), s * 4.3, b.uniform(2.8, 3.6))


def _houses(p: Place) -> None:
    """Two detailed houses on each side next to the cameras, plainer ones farther along."""
    b = p.b
    for side in (-1, 1):
        for x in (-2.3, 2.3):
            placed(
                p, buildings.house, x + b.uniform(-0.2, 0.2), side * 6.6, 0 if side > 0 else 180, b.uniform(2.5, 2.9)
            )
        for x in (-7.2, 7.2, -12.6, 12.6, -18.5, 18.5):
            _row_house(p, x + b.uniform(-0.3, 0.3), side * 7.0, side)


def _row_house(p: Place, x: Number, y: Number, side: int) -> None:
    """Tall house with two rows of windows; it looks across the street."""
    b, k = p.b, p.kit
    brick = b.chance(0.4)
    c = srgb(164, 84, 64)
    wall = (
        Material(BRICK, shade(c, 0.85), shade(c, 1.12), srgb(196, 184, 168), (0.1, 0.26, 0.008, 0), colour="red")
        if brick
        else k.paint(k.colour("white", "beige", "yellow", "pink", "blue", "green", "orange"), 0.0)
    )
    glow = p.dark and b.chance(0.6)
    pane_rgb = srgb(255, 212, 128) if glow else srgb(104, 136, 160)
    pane = one_colour(SOLID, pane_rgb, gloss=0.1, emission=0.8 if glow else 0.0)
    roof = one_colour(SOLID, srgb(*b.pick(((92, 62, 52), (84, 86, 92), (148, 74, 58)))))
    h = b.uniform(2.8, 3.6)
    with b.thing("town house", wall, "brick" if brick else "paint"), b.at(x, y, 0, 0 if side > 0 else 180):
        b.box(0, 0, 0, 4.2, 2.8, h, wall)
        b.frustum(0, 0, h, 4.5, 3.2, 1.4, roof, 1.0, 0.0)
        for z in (0.9, 0.9 + 0.48 * h):
            for dx in (-1.4, 0.0, 1.4):
                if dx or z > 1:
                    b.box(dx, -1.41, z, 0.72, 0.04, 0.86, pane)
        b.box(0, -1.42, 0, 0.8, 0.06, 1.5, k.paint(k.colour("red", "green", "blue", "brown", "navy"), 0.03))
        b.box(1.2, 0.3, h + 0.4, 0.4, 0.4, 1.2, one_colour(SOLID, srgb(140, 78, 62)), turn=rotation())


def _cars(p: Place) -> None:
    """Parked on both sides; sometimes a bus or a truck, sometimes a bicycle by a lamp."""
    b = p.b
    for x, y, likely in ((-3.3, 2.25, 0.8), (3.2, 2.25, 0.8), (2.9, -2.25, 0.7), (-5.6, -2.25, 0.7)):
        if b.chance(likely):
            make = vehicles.car if b.chance(0.8) else vehicles.truck
            placed(p, make, x + b.uniform(-0.3, 0.3), y, 0 if y < 0 else 180, b.uniform(1.7, 1.9))
    if b.chance(0.45):
        placed(p, vehicles.bus, -13, -1.3, 0, 3.2)
    if b.chance(0.45):
        placed(p, more_vehicles.bicycle, 0.6, -3.3, b.uniform(-8, 8), 0.95)
