"""Gardens."""

from __future__ import annotations

import math
from itertools import pairwise

from gs_stein.world.landscapes.nature import ground, hills, leafy_tree, ring
from gs_stein.world.landscapes.place import Place
from gs_stein.world.landscapes.village import bench, fence, flower_bed, placed, strip
from gs_stein.world.materials import MOTTLED, SOLID, Material, Number, one_colour, shade, srgb
from gs_stein.world.objects import buildings, tools


def garden(p: Place) -> None:
    """Lawn within a fence: a path, a bench north, an apple tree east, flower beds west and south, perhaps a house."""
    b, k = p.b, p.kit
    ground(p, "lawn", (104, 150, 72), "green")
    hills(p, (84, 120, 80), 5)
    c = srgb(206, 190, 158)
    gravel = Material(MOTTLED, shade(c, 0.86), shade(c, 1.1), c, (0.2, 0, 0, 0), colour="beige")
    with b.thing("path", gravel, "gravel"):
        strip(p, 0, -0.8, 1.1, 7.6, gravel)
        strip(p, 0, 2.55, 3.4, 1.1, gravel, 0.025)
    seat = (
        k.wood(b.pick(("oak", "light"))) if b.chance(0.4) else k.paint(k.colour("white", "green", "red", "blue"), 0.05)
    )
    with b.at(b.uniform(-0.3, 0.3), 3.1):
        bench(p, seat)
    _apple_tree(p, 3.3, b.uniform(-0.2, 0.9), b.uniform(2.9, 3.4))
    _beds(p)
    _fence(p)
    if b.chance(0.5):
        placed(p, buildings.house, b.uniform(-3.2, -2.4), 6.6, 12, 2.4)
    if b.chance(0.7):
        placed(p, tools.watering_can, -1.75, b.uniform(-0.6, 1.0), b.uniform(0, 360), 0.42)
    if b.chance(0.55):
        _bird_bath(p, 2.0, -2.6)
    leaf = one_colour(SOLID, srgb(78, 122, 58), colour="green")
    with b.thing("trees", leaf, "plant", True):
        for x, y in ring(p, 14, 7.2, 10, lambda x, y: not (y > 4 and -5 < x < 0.5)):
            leafy_tree(p, x, y, b.uniform(3.2, 4.6))


def _apple_tree(p: Place, x: Number, y: Number, height: Number) -> None:
    b = p.b
    fruit = p.kit.paint(p.kit.colour("red", "red", "yellow"), 0.05)
    leaf = one_colour(SOLID, srgb(86, 132, 62), colour="green")
    with b.thing("apple tree", leaf, "plant"):
        leafy_tree(p, x, y, height)
    with b.thing("apples", fruit, "fruit", True):
        for j in range(26):
            a, z = 2.399963 * j, 0.52 + 0.4 * ((j * 0.7549) % 1)
            r = (0.345 - 0.9 * (z - 0.66) ** 2 / 0.2) * height
            b.ellipsoid(x + r * math.cos(a), y + r * math.sin(a), z * height, 0.085, 0.085, 0.085, fruit)
        for dx, dy in ((0.7, 0.2), (-0.5, -0.6), (0.2, -0.8)):
            b.ellipsoid(x + dx, y + dy, 0.07, 0.07, 0.07, 0.07, fruit)


def _beds(p: Place) -> None:
    """West a long bed, south one on each side of the path: two colours."""
    b, k = p.b, p.kit
    petals = k.paint(k.colour("red", "yellow", "white", "orange", "pink"), 0.0)
    with b.thing("roses", petals, "flowers", True):
        flower_bed(p, -2.9, 0.1, 1.2, 3.4, petals, 27)
    second = k.paint(k.other(petals.colour, "green", "black", "brown", "grey", "navy", "beige"), 0.0)
    with b.thing("tulips", second, "flowers", True):
        for s in (-1, 1):
            flower_bed(p, s * 1.7, -3.6, 1.8, 0.9, second, 10)


def _fence(p: Place) -> None:
    """Pickets around the lawn with a gap for the path south."""
    b, k = p.b, p.kit
    white = k.paint(k.colour("white", "white", "white", "green", "blue"), 0.02) if b.chance(0.7) else k.wood("oak")
    corners = ((-0.7, -4.6), (-4.4, -4.6), (-4.4, 4.4), (4.6, 4.4), (4.6, -4.6), (0.7, -4.6))
    with b.thing("fence", white, "wood" if white.texture else "paint"):
        for start, end in pairwise(corners):
            fence(p, start, end, white)
        for s in (-1, 1):
            b.box(s * 0.75, -4.6, 0, 0.14, 0.14, 1.0, white)
            b.ellipsoid(s * 0.75, -4.6, 1.04, 0.08, 0.08, 0.08, white)


def _bird_bath(p: Place, x: Number, y: Number) -> None:
    b = p.b
    stone = one_colour(SOLID, srgb(176, 172, 164), colour="grey")
    with b.thing("bird bath", stone, "stone"):
        b.cone(x, y, 0, 0.26, 0.1, stone, 0.8)
        b.cone(x, y, 0.08, 0.12, 0.6, stone, 0.7)
        b.cone(x, y, 0.64, 0.14, 0.2, stone, 2.8)
        b.cone(x, y, 0.835, 0.35, 0.012, one_colour(SOLID, srgb(96, 150, 176), gloss=0.2))
