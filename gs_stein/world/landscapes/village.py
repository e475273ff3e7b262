"""What people build and plant in several landscapes."""

from __future__ import annotations

import math
from collections.abc import Callable

from gs_stein.world.landscapes.place import Place
from gs_stein.world.materials import MOTTLED, SOLID, Material, Number, one_colour, shade, srgb
from gs_stein.world.objects.kit import Kit


def strip(p: Place, x: Number, y: Number, width: Number, depth: Number, material: Material, up: Number = 0.02) -> None:
    """Flat piece of ground around a point: a road, a path, a bed."""
    p.b.box(x, y, -0.05, width, depth, 0.05 + up, material, casts=False)


def fence(p: Place, start: tuple[Number, Number], end: tuple[Number, Number], material: Material) -> None:
    """Pickets on two rails between two points of the ground, under a metre."""
    b = p.b
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    count = max(2, round(length / 0.3))
    with b.at(start[0], start[1], 0, math.degrees(math.atan2(dy, dx))):
        for z in (0.25, 0.6):
            b.box(length / 2, 0.03, z, length, 0.03, 0.07, material)
        for k in range(count):
            x = length * (k + 0.5) / count
            b.box(x, 0, 0.06, 0.1, 0.03, 0.66, material)
            b.frustum(x, 0, 0.72, 0.1, 0.03, 0.09, material, 0.05, 1.0)


def bench(p: Place, material: Material) -> None:
    """Park bench that looks south."""
    b = p.b
    iron = p.kit.dark(0.1)
    with b.thing("bench", material, "wood" if material.texture else "paint"):
        for k in range(3):
            b.box(0, -0.16 + 0.15 * k, 0.42, 1.5, 0.13, 0.045, material, 0.01)
            b.box(0, 0.24 + 0.02 * k, 0.52 + 0.15 * k, 1.5, 0.04, 0.12, material, 0.01)
        for s in (-1, 1):
            b.box(s * 0.62, -0.16, 0, 0.06, 0.06, 0.44, iron)
            b.box(s * 0.62, 0.26, 0, 0.06, 0.06, 0.98, iron)
            b.box(s * 0.72, 0.02, 0.62, 0.06, 0.5, 0.05, iron)
            b.box(s * 0.72, -0.18, 0, 0.05, 0.05, 0.64, iron)


def street_lamp(p: Place, x: Number, y: Number, toward: Number = 1.0) -> None:
    """Tall iron lamp with an arm along y; it burns in the dark."""
    b = p.b
    iron = p.kit.dark(0.1)
    c = srgb(255, 226, 160) if p.dark else srgb(236, 236, 228)
    glass = Material(SOLID, c, c, c, emission=1.1 if p.dark else 0.0, colour="yellow")
    b.cone(x, y, 0, 0.1, 0.3, iron, 0.7)
    b.cone(x, y, 0.2, 0.05, 2.9, iron, 0.8)
    b.rod((x, y, 3.05), (x, y + 0.4 * toward, 3.15), 0.035, iron)
    b.frustum(x, y + 0.45 * toward, 2.78, 0.2, 0.2, 0.28, glass, 1.0, 1.0, casts=False)
    b.frustum(x, y + 0.45 * toward, 3.05, 0.34, 0.34, 0.16, iron, 0.2, 0.2)


def flower_bed(p: Place, x: Number, y: Number, width: Number, depth: Number, petals: Material, count: int) -> None:
    """Earth with rows of blossoms."""
    b = p.b
    strip(p, x, y, width, depth, one_colour(SOLID, srgb(92, 66, 48)), 0.06)
    leaf = one_colour(SOLID, srgb(84, 132, 66))
    across = max(1, round(math.sqrt(count * width / depth)))
    along = -(-count // across)
    for k in range(count):
        u, v = (k % across + 0.5) / across - 0.5, (k // across + 0.5) / along - 0.5
        px, py = x + 0.92 * u * width + b.uniform(-0.05, 0.05), y + 0.86 * v * depth + b.uniform(-0.05, 0.05)
        h = b.uniform(0.22, 0.42)
        b.cone(px, py, 0, 0.012, h, leaf, casts=False)
        b.ellipsoid(px, py, 0.12, 0.12, 0.12, 0.12, leaf, casts=False)
        b.ellipsoid(px, py, h, 0.1, 0.1, 0.075, petals, casts=False)


def placed(p: Place, make: Callable[[Kit], None], x: Number, y: Number, yaw: Number, size: Number) -> None:
    """One of the single objects, set down in the landscape."""
    with p.b.at(x, y, 0, yaw, size):
        make(p.kit)


def cottage(p: Place) -> None:
    """Low house that looks south: plastered walls, a large hipped roof, shutters, a door and a chimney."""
    b, k = p.b, p.kit
    wall = k.paint(k.colour("white", "white", "beige", "yellow", "pink", "blue"), 0.0)
    roof = k.paint(k.colour("brown", "beige", "red", "grey", "orange"), 0.0)
    if roof.colour == wall.colour:
        roof = k.paint("brown", 0.0)
    shutters = k.paint(k.other(wall.colour, "white", "black"), 0.02)
    c = srgb(255, 214, 130) if p.dark else srgb(120, 168, 196)
    pane = Material(SOLID, c, c, c, gloss=0.1, emission=0.8 if p.dark else 0.0, colour="yellow")
    with b.thing("cottage", wall, "paint"):
        b.box(0, 0, 0, 3.6, 2.4, 1.6, wall)
        b.box(1.2, 0.5, 2.0, 0.4, 0.4, 1.5, k.paint("red", 0.0))
        b.box(1.2, 0.5, 3.46, 0.5, 0.5, 0.1, k.dark(0.0))
        for x, y, wide, deep in (
            (-1.05, -1.21, 0.62, 0.06),
            (1.05, -1.21, 0.62, 0.06),
            (-1.81, 0, 0.06, 0.62),
            (1.81, 0, 0.06, 0.62),
        ):
            b.box(x, y, 0.65, wide, deep, 0.62, pane)
            b.box(x, y, 0.6, wide + 0.1, deep + 0.06, 0.06, k.wood("light"))
            b.box(x, y, 0.65, 0.05 if wide > deep else 0.08, 0.08 if wide > deep else 0.05, 0.62, k.wood("light"))
        for x in (-0.6, 0.6):
            b.ellipsoid(x, -1.45, 0.15, 0.3, 0.22, 0.26, k.paint("green", 0.0))
    with b.thing("roof", roof, "paint"):
        b.frustum(0, 0, 1.5, 4.2, 3.1, 1.5, roof, 0.5, 0.04)
    with b.thing("shutters", shutters, "paint", True):
        b.box(0, -1.21, 0, 0.68, 0.06, 1.25, shutters, 0.01)
        for x in (-1.05, 1.05):
            for s in (-1, 1):
                b.box(x + s * 0.45, -1.22, 0.62, 0.24, 0.05, 0.68, shutters, 0.01)


def haystack(p: Place, x: Number, y: Number, size: Number) -> None:
    """Rounded stack of hay around a pole."""
    b = p.b
    c = srgb(212, 176, 96)
    hay = Material(MOTTLED, shade(c, 0.78), shade(c, 1.12), c, (0.25, 0, 0, 0), colour="yellow")
    with b.thing("haystack", hay, "hay"), b.at(x, y, 0, b.uniform(0, 180), size):
        for z, radius, height, top in ((0, 0.52, 0.4, 1.08), (0.4, 0.56, 0.4, 0.78), (0.8, 0.437, 0.3, 0.45)):
            b.cone(0, 0, z, radius, height, hay, top)
        b.ellipsoid(0, 0, 1.1, 0.2, 0.2, 0.09, hay)
        for k in range(16):
            a, z = 2.399963 * k, 0.05 + 0.7 * ((k * 0.7549) % 1)
            x0, y0 = 0.5 * math.cos(a), 0.5 * math.sin(a)
            b.rod((x0, y0, z + 0.12), (1.25 * x0, 1.25 * y0, z), 0.016, hay, 0.6)
        b.cone(0, 0, 1.0, 0.025, 0.42, p.kit.wood("walnut"))
