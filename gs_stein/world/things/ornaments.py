"""Ornaments of stone, metal and glass."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.rooms.parts import shade_of
from gs_stein.world.styles import Look
from gs_stein.world.things.finishes import BRASS, CHROME, DARK, IVORY, paint, shiny, skin, timber
from gs_stein.world.things.movable import Movable


def bust(look: Look) -> None:
    """Head and shoulders of stone or bronze on a column."""
    b = look.b
    stone, kind = b.pick(
        (
            (skin(228, 224, 216, "white", 0.05), "marble"),
            (skin(132, 92, 56, "brown", 0.16), "bronze"),
            (skin(150, 150, 152, "grey"), "stone"),
        )
    )
    column = paint(look, stone.colour) if b.chance(0.6) else skin(214, 208, 196)
    with b.thing("bust", stone, kind), b.at(0, -0.24):
        b.box(0, 0, 0, 0.42, 0.42, 0.07, column)
        b.cone(0, 0, 0.07, 0.15, 0.78, column, 0.94)
        b.torus(0, 0, 0.1, 0.155, 0.025, column)
        b.box(0, 0, 0.84, 0.38, 0.38, 0.07, column)
        b.cone(0, 0, 0.91, 0.09, 0.08, stone, 0.7)
        b.ellipsoid(0, 0, 1.09, 0.22, 0.13, 0.13, stone)
        b.cone(0, 0, 1.16, 0.068, 0.14, stone, 0.9)
        b.ellipsoid(0, -0.01, 1.4, 0.105, 0.125, 0.15, stone)
        b.ellipsoid(0, 0.02, 1.46, 0.117, 0.125, 0.105, shade_of(stone, 0.86))
        b.frustum(0, -0.135, 1.36, 0.042, 0.05, 0.08, stone, 0.5, 0.3)
        b.ellipsoid(0, -0.11, 1.33, 0.042, 0.022, 0.012, shade_of(stone, 0.75))
        for s in (-1, 1):
            b.ellipsoid(s * 0.044, -0.122, 1.415, 0.024, 0.014, 0.012, shade_of(stone, 0.6))
            b.ellipsoid(s * 0.106, 0, 1.39, 0.018, 0.03, 0.04, stone)
            b.box(s * 0.044, -0.125, 1.436, 0.06, 0.024, 0.014, stone, 0.006)


def armour(look: Look) -> None:
    """Knight's suit with a plume, a shield and a lance."""
    b = look.b
    plate = skin(168, 172, 178, "grey", 0.22) if b.chance(0.7) else shiny(b.pick(("yellow", "black")))
    dark, plume = shade_of(plate, 0.5), paint(look, "grey", gloss=0.0)
    with b.thing("suit of armour", plate, "metal"), b.at(0.05, -0.3):
        b.box(0, 0, 0, 0.6, 0.5, 0.06, DARK, 0.01)
        for s in (-1, 1):
            b.ellipsoid(s * 0.12, -0.06, 0.11, 0.07, 0.15, 0.055, plate)
            b.cone(s * 0.12, 0, 0.1, 0.065, 0.42, plate, 1.2)
            b.ellipsoid(s * 0.12, -0.03, 0.53, 0.085, 0.085, 0.075, dark)
            b.cone(s * 0.11, 0, 0.55, 0.085, 0.34, plate, 1.2)
            b.ellipsoid(s * 0.28, 0, 1.38, 0.12, 0.12, 0.1, plate)
            b.rod((s * 0.3, 0, 1.36), (s * 0.35, 0, 1.06), 0.065, plate)
            b.ellipsoid(s * 0.35, 0, 1.06, 0.07, 0.07, 0.06, dark)
            b.rod((s * 0.35, 0, 1.05), (s * 0.36, -0.12, 0.84), 0.06, plate)
            b.ellipsoid(s * 0.36, -0.14, 0.8, 0.06, 0.06, 0.065, dark)
        b.cone(0, 0, 0.84, 0.22, 0.2, dark, 0.8, 0.16)
        b.ellipsoid(0, 0, 1.22, 0.22, 0.17, 0.26, plate)
        b.cone(0, 0, 1.02, 0.19, 0.05, BRASS, ry=0.14)
        b.cone(0, 0, 1.46, 0.11, 0.06, dark, 0.85)
        b.cone(0, 0, 1.5, 0.115, 0.17, plate)
        b.ellipsoid(0, 0, 1.67, 0.115, 0.115, 0.1, plate)
        b.box(0, -0.112, 1.6, 0.15, 0.02, 0.028, DARK)
        b.box(0, -0.115, 1.5, 0.022, 0.025, 0.16, plate)
        b.ellipsoid(0, 0.05, 1.84, 0.045, 0.12, 0.1, plume)
        b.ellipsoid(0, 0.14, 1.76, 0.04, 0.08, 0.12, plume)
        b.rod((0.4, -0.17, 0.03), (0.4, -0.14, 1.85), 0.016, timber(look))
        b.rod((0.4, -0.14, 1.85), (0.4, -0.135, 2.02), 0.03, CHROME, 0.05)
        coat = paint(look, "grey")
        b.box(-0.38, -0.22, 0.72, 0.34, 0.03, 0.3, coat, 0.012)
        b.frustum(-0.38, -0.22, 0.5, 0.34, 0.03, 0.23, coat, 0.0, 1.0, rotation(roll=180))
        b.box(-0.38, -0.238, 0.6, 0.05, 0.012, 0.4, IVORY)
        b.box(-0.38, -0.238, 0.84, 0.33, 0.012, 0.05, IVORY)


def trophy(look: Look) -> None:
    """Cup with two handles on a dark foot."""
    b = look.b
    cup = BRASS if b.chance(0.7) else CHROME
    with b.thing("trophy", cup, "gold" if cup is BRASS else "silver"), b.at(0, -0.22, 0, scale=b.uniform(0.95, 1.15)):
        b.box(0, 0, 0, 0.2, 0.2, 0.1, DARK if b.chance(0.5) else timber(look), 0.006)
        b.box(0, -0.1, 0.025, 0.11, 0.008, 0.05, cup)
        b.cone(0, 0, 0.1, 0.075, 0.05, cup, 0.3)
        b.cone(0, 0, 0.13, 0.02, 0.1, cup)
        b.ellipsoid(0, 0, 0.2, 0.034, 0.034, 0.024, cup)
        b.cone(0, 0, 0.22, 0.05, 0.2, cup, 2.4)
        b.cone(0, 0, 0.416, 0.11, 0.006, shade_of(cup, 0.4))
        b.torus(0, 0, 0.42, 0.12, 0.01, cup)
        for s in (-1, 1):
            b.torus(s * 0.13, 0, 0.33, 0.065, 0.014, cup, ON_SIDE)


def lava_lamp(look: Look) -> None:
    """Glowing tapered glass with blobs, between two metal cones."""
    b = look.b
    hues = {
        "red": ((236, 80, 60), (255, 190, 90)),
        "blue": ((60, 110, 220), (150, 230, 250)),
        "green": ((60, 160, 80), (210, 250, 120)),
        "purple": ((130, 70, 190), (250, 150, 220)),
        "orange": ((240, 140, 50), (200, 40, 40)),
    }
    name = b.pick(tuple(hues))
    first, second = hues[name]
    fluid, wax = skin(*first, colour=name, emission=0.6), skin(*second, emission=0.9)
    metal = CHROME if b.chance(0.6) else paint(look, name)
    with b.thing("lava lamp", fluid, "glass"), b.at(0, -0.18, 0, scale=b.uniform(0.95, 1.15)):
        b.cone(0, 0, 0, 0.11, 0.12, metal, 0.7)
        b.cone(0, 0, 0.12, 0.077, 0.08, metal, 1.3)
        b.cone(0, 0, 0.2, 0.1, 0.32, fluid, 0.55)
        b.cone(0, 0, 0.52, 0.058, 0.08, metal, 0.7)
        for k in range(5):
            z = 0.23 + 0.06 * k
            r = 0.092 - 0.045 * (z - 0.2) / 0.32
            a = -1.57 + b.uniform(-0.9, 0.9)
            d = b.uniform(0.022, 0.034)
            b.ellipsoid((r - 0.012) * math.cos(a), (r - 0.012) * math.sin(a), z, d, d, 1.25 * d, wax)


def deer_head(look: Look) -> None:
    """Antlered head on a wooden shield."""
    b = look.b
    board = timber(look)
    fur = skin(150, 104, 66, "brown") if b.chance(0.6) else paint(look, "black", gloss=0.0)
    horn = skin(216, 196, 158)
    with b.thing("deer head", fur, "animal" if fur.colour == "brown" else "paint"), b.at(0, 0, 0.06):
        b.cone(0, -0.03, 0.17, 0.2, 0.04, board, ry=0.25, turn=ON_SIDE)
        b.rod((0, -0.09, 0.2), (0, -0.22, 0.36), 0.12, fur, 0.75)
        b.ellipsoid(0, -0.24, 0.4, 0.095, 0.12, 0.1, fur)
        b.ellipsoid(0, -0.36, 0.34, 0.062, 0.12, 0.06, shade_of(fur, 1.15), rotation(pitch=22))
        b.ellipsoid(0, -0.46, 0.3, 0.036, 0.025, 0.03, DARK)
        for s in (-1, 1):
            b.ellipsoid(s * 0.08, -0.29, 0.43, 0.017, 0.022, 0.022, DARK)
            b.ellipsoid(s * 0.17, -0.2, 0.45, 0.085, 0.022, 0.038, fur, rotation(roll=-s * 20))
            path = [(0.05, 0.48), (0.17, 0.6), (0.27, 0.74), (0.25, 0.9)]
            for k in range(3):
                (x0, z0), (x1, z1) = path[k], path[k + 1]
                b.rod((s * x0, -0.2, z0), (s * x1, -0.2, z1), 0.021 - 0.003 * k, horn, 0.85)
            b.rod((s * 0.15, -0.2, 0.58), (s * 0.11, -0.24, 0.72), 0.016, horn, 0.4)
            b.rod((s * 0.22, -0.2, 0.67), (s * 0.36, -0.22, 0.76), 0.015, horn, 0.4)
            b.rod((s * 0.27, -0.2, 0.75), (s * 0.39, -0.2, 0.88), 0.014, horn, 0.4)


ORNAMENTS = (
    Movable("bust", bust, (0.45, 0.46, 1.57), ("wall", "corner")),
    Movable("suit of armour", armour, (1.02, 0.57, 2.03), ("wall", "corner")),
    Movable("trophy", trophy, (0.49, 0.37, 0.5), ("table",)),
    Movable("lava lamp", lava_lamp, (0.26, 0.31, 0.69), ("table",)),
    Movable("deer head", deer_head, (0.8, 0.49, 0.97), ("hanging",)),
)
"""Every ornament."""
