"""Tools, watering cans and lanterns."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import SOLID, one_colour, srgb
from gs_stein.world.objects.kit import Kit


def hammer(k: Kit) -> None:
    """Claw hammer, its head up."""
    b = k.b
    steel = k.metal(b.pick(("grey", "grey", "black")))
    grip, kind = (k.wood(), "wood") if b.chance(0.5) else (k.paint(k.colour(), 0.06), "rubber")
    with k.part("hammer", steel, "metal"):
        b.box(0, 0, 1.14, 0.24, 0.2, 0.24, steel, 0.03)
        b.rod((0.08, 0, 1.26), (0.34, 0, 1.26), 0.1, steel, 0.9)
        b.rod((0.32, 0, 1.26), (0.48, 0, 1.26), 0.14, steel)
        for s in (-1, 1):
            points = ((-0.08, s * 0.05, 1.28), (-0.28, s * 0.07, 1.27), (-0.44, s * 0.09, 1.18), (-0.52, s * 0.1, 1.04))
            k.limb(points, 0.075, 0.03, steel)
        b.cone(0, 0, 0.5, 0.06, 0.7, k.wood("light") if kind == "wood" else steel)
    with k.part("handle", grip, kind):
        b.cone(0, 0, 0.0, 0.1, 0.7, grip, 0.85)
        b.ellipsoid(0, 0, 0.02, 0.105, 0.105, 0.06, grip)
        b.cone(0, 0, 0.7, 0.085, 0.3, grip, 0.75)


def saw(k: Kit) -> None:
    """Hand saw, its teeth down."""
    b = k.b
    blade = k.metal("grey")
    grip, kind = (k.wood(), "wood") if b.chance(0.5) else (k.paint(k.colour(), 0.06), "paint")
    with k.part("saw", blade, "metal"):
        b.frustum(0.25, 0, -0.18, 0.48, 0.045, 1.5, blade, 0.45, 1.0, rotation(roll=90))
        for j in range(17):
            x = -0.42 + 0.083 * j
            bottom = 0.57 - 0.24 * (1 - 0.55 * (x + 0.5) / 1.5)
            b.frustum(x, 0, bottom - 0.055, 0.08, 0.04, 0.09, blade, 0.05, 1.0, rotation(roll=180))
    with k.part("handle", grip, kind):
        b.torus(-0.68, 0, 0.55, 0.21, 0.075, grip, ON_SIDE)
        b.box(-0.47, 0, 0.3, 0.16, 0.13, 0.5, grip, 0.05)
        b.ellipsoid(-0.74, 0, 0.8, 0.15, 0.07, 0.07, grip, rotation(roll=-30))
        b.ellipsoid(-0.78, 0, 0.32, 0.13, 0.07, 0.07, grip, rotation(roll=30))
        for z in (0.44, 0.66):
            b.cone(-0.47, 0, z - 0.07, 0.035, 0.14, k.metal("yellow"), turn=ON_SIDE)


def wrench(k: Kit) -> None:
    """Spanner with an open jaw and a ring."""
    b = k.b
    steel, kind = (k.metal("grey"), "metal") if b.chance(0.6) else k.finish(0.0, 0.2)
    with k.part("wrench", steel, kind):
        b.box(0, 0, 0.3, 0.2, 0.1, 0.95, steel, 0.03)
        b.torus(0, 0, 0.17, 0.18, 0.09, steel, ON_SIDE)
        with b.at(0, 0, 1.34, roll=14):
            b.cone(0, 0, -0.24, 0.29, 0.16, steel, 1.0, 0.2, ON_SIDE)
            for s in (-1, 1):
                b.box(s * 0.205, 0, -0.18, 0.17, 0.16, 0.43, steel, 0.05)
    grip = k.paint(k.colour("red", "blue", "yellow", "green", "orange", "black"), 0.05)
    if grip.colour != steel.colour:
        with k.part("grip", grip, "rubber"):
            b.box(0, 0, 0.48, 0.25, 0.15, 0.5, grip, 0.06)


def watering_can(k: Kit) -> None:
    """Body, spout with a rose to the east, two handles."""
    b = k.b
    paint, kind = k.finish(0.0, 0.3)
    rose = k.metal(b.pick(("grey", "yellow", "orange"))) if kind == "paint" else k.paint(k.other(paint.colour), 0.06)
    with k.part("watering can", paint, kind):
        b.cone(0, 0, 0, 0.44, 0.66, paint, 0.9, 0.38)
        b.torus(0, 0, 0.03, 0.37, 0.03, paint)
        b.ellipsoid(0.06, 0, 0.64, 0.36, 0.33, 0.14, paint, cut=0.0)
        b.cone(-0.14, 0, 0.655, 0.2, 0.03, k.dark())
        b.rod((0.3, 0, 0.16), (1.02, 0, 0.86), 0.11, paint, 0.45)
        b.rod((0.34, 0, 0.62), (0.74, 0, 0.62), 0.022, paint)
        k.limb(
            ((-0.38, 0, 0.14), (-0.68, 0, 0.28), (-0.74, 0, 0.5), (-0.6, 0, 0.7), (-0.36, 0, 0.6)), 0.04, 0.04, paint
        )
        k.limb(((-0.3, 0, 0.66), (-0.24, 0, 0.92), (0.0, 0, 1.0), (0.26, 0, 0.9), (0.34, 0, 0.66)), 0.04, 0.04, paint)
    with k.part("rose", rose, "metal" if kind == "paint" else "paint"):
        b.rod((0.99, 0, 0.83), (1.13, 0, 0.97), 0.06, rose, 2.9)
        b.rod((1.13, 0, 0.97), (1.14, 0, 0.98), 0.15, k.dark(), 1.0)


def lantern(k: Kit) -> None:
    """Candle or flame behind glass under a roof with a ring."""
    b = k.b
    frame = k.paint(k.colour("black", "red", "green", "blue", "white", "navy"), 0.06) if b.chance(0.6) else None
    gold = b.pick(("yellow", "orange", "black"))
    metal = frame or k.metal(gold)
    kind = "paint" if frame else {"yellow": "gold", "orange": "copper", "black": "metal"}[gold]
    glow = one_colour(SOLID, srgb(255, 206, 110), emission=0.8, colour="yellow")
    with k.part("lantern", metal, kind):
        b.box(0, 0, 0, 0.76, 0.76, 0.1, metal, 0.02)
        b.box(0, 0, 0.08, 0.64, 0.64, 0.07, metal, 0.01)
        for sx in (-1, 1):
            for sy in (-1, 1):
                b.box(sx * 0.28, sy * 0.28, 0.14, 0.07, 0.07, 0.72, metal, 0.01)
        for s in (-1, 1):
            b.box(0, s * 0.285, 0.48, 0.56, 0.025, 0.03, metal)
            b.box(s * 0.285, 0, 0.48, 0.025, 0.56, 0.03, metal)
        b.box(0, 0, 0.85, 0.7, 0.7, 0.06, metal, 0.01)
        b.frustum(0, 0, 0.9, 0.78, 0.78, 0.3, metal, 0.3, 0.3)
        b.box(0, 0, 1.19, 0.22, 0.22, 0.08, metal, 0.02)
        b.torus(0, 0, 1.4, 0.14, 0.028, metal, ON_SIDE)
    wax = k.paint(k.colour("white", "white", "red", "beige"), 0.03)
    with k.part("candle", wax, "wax"):
        b.cone(0, 0, 0.14, 0.14, 0.36, wax)
        b.cone(0, 0, 0.49, 0.015, 0.06, k.dark())
        b.ellipsoid(0, 0, 0.64, 0.06, 0.06, 0.12, glow)
        for j in range(5):
            a = 2 * math.pi * j / 5
            b.ellipsoid(0.13 * math.cos(a), 0.13 * math.sin(a), 0.42, 0.03, 0.03, 0.07, wax)
