"""Furniture as single objects."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import SOLID, Material, Number, one_colour
from gs_stein.world.objects.household import mixed
from gs_stein.world.objects.kit import Kit


def _feet(
    k: Kit, width: Number, depth: Number, height: Number, radius: Number, material: Material, spread: Number = 0.0
) -> None:
    for sx in (-1, 1):
        for sy in (-1, 1):
            x, y = sx * width / 2, sy * depth / 2
            k.b.rod((x * (1 + spread), y * (1 + spread), 0.0), (x, y, height), radius, material)


def chair(k: Kit) -> None:
    """Seat, four legs, slatted or solid back, often with a cushion."""
    b = k.b
    frame, kind = k.finish(0.55, 0.08)
    with k.part("chair", frame, kind):
        b.box(0, 0, 0.44, 0.46, 0.46, 0.05, frame, 0.015)
        _feet(k, 0.38, 0.38, 0.45, 0.026, frame, 0.06)
        for s in (-1, 1):
            b.box(s * 0.2, 0.2, 0.46, 0.045, 0.04, 0.54, frame, 0.01)
        if b.chance(0.5):
            b.box(0, 0.2, 0.66, 0.38, 0.03, 0.32, frame, 0.012)
        else:
            for j in range(3):
                b.box(0, 0.2, 0.58 + 0.15 * j, 0.38, 0.028, 0.07, frame, 0.01)
    if b.chance(0.5):
        cushion = k.cloth(k.other(frame.colour))
        with k.part("cushion", cushion, "fabric"):
            b.box(0, -0.01, 0.485, 0.42, 0.41, 0.07, cushion, 0.033)


def armchair(k: Kit) -> None:
    """Upholstered, with rolled arms."""
    b = k.b
    cloth, feet = k.cloth(k.colour()), k.wood()
    with k.part("armchair", cloth, "fabric"):
        b.box(0, 0, 0.12, 0.8, 0.76, 0.22, cloth, 0.04)
        b.box(0, -0.06, 0.33, 0.52, 0.64, 0.16, cloth, 0.06)
        b.box(0, 0.29, 0.3, 0.7, 0.2, 0.62, cloth, 0.09, rotation(pitch=-8))
        for s in (-1, 1):
            b.box(s * 0.36, -0.02, 0.14, 0.16, 0.74, 0.4, cloth, 0.07)
            b.cone(s * 0.36, -0.02, 0.175, 0.1, 0.74, cloth, turn=ON_SIDE)
        _feet(k, 0.66, 0.6, 0.14, 0.035, feet)
    if b.chance(0.5):
        pillow = k.cloth(k.other(cloth.colour))
        with k.part("pillow", pillow, "fabric"):
            b.box(0.02, 0.06, 0.5, 0.36, 0.13, 0.34, pillow, 0.06, rotation(pitch=-20, roll=8))


def sofa(k: Kit) -> None:
    """Two seats."""
    b = k.b
    cloth, feet = k.cloth(k.colour()), k.wood()
    with k.part("sofa", cloth, "fabric"):
        b.box(0, 0, 0.12, 1.5, 0.76, 0.22, cloth, 0.04)
        b.box(0, 0.3, 0.14, 1.5, 0.18, 0.66, cloth, 0.07)
        for s in (-1, 1):
            b.box(s * 0.33, -0.06, 0.33, 0.64, 0.62, 0.16, cloth, 0.055)
            b.box(s * 0.33, 0.19, 0.44, 0.62, 0.18, 0.4, cloth, 0.08, rotation(pitch=-10))
            b.box(s * 0.72, -0.02, 0.14, 0.18, 0.76, 0.46, cloth, 0.07)
        _feet(k, 1.3, 0.6, 0.14, 0.035, feet)
    if b.chance(0.6):
        pillow = k.cloth(k.other(cloth.colour))
        with k.part("pillows", pillow, "fabric", True):
            for s in (-1, 1):
                b.box(
                    s * 0.45, 0.02, 0.5, 0.34, 0.12, 0.33, pillow, 0.055, rotation(yaw=-10 * s, pitch=-20, roll=8 * s)
                )


def stool(k: Kit) -> None:
    """Round seat on three legs with a ring."""
    b = k.b
    seat, kind = k.finish(0.4, 0.05)
    legs = k.wood() if kind != "wood" else seat
    with k.part("stool", seat, kind):
        b.cone(0, 0, 0.6, 0.24, 0.07, seat)
        for j in range(3):
            a = 2.0944 * j + 0.52
            b.rod(
                (0.25 * math.cos(a), 0.25 * math.sin(a), 0), (0.13 * math.cos(a), 0.13 * math.sin(a), 0.61), 0.028, legs
            )
        b.torus(0, 0, 0.24, 0.2, 0.016, k.metal() if b.chance(0.5) else legs)


def table(k: Kit) -> None:
    """Round or square top, with or without things on it."""
    b = k.b
    top, kind = k.finish(0.6, 0.04)
    with k.part("table", top, kind):
        if b.chance(0.4):
            b.cone(0, 0, 0.7, 0.55, 0.05, top)
            b.cone(0, 0, 0.04, 0.09, 0.67, top, 0.55)
            b.cone(0, 0, 0.0, 0.3, 0.05, top, 0.8)
        else:
            b.box(0, 0, 0.7, 1.1, 0.72, 0.05, top, 0.012)
            b.box(0, 0, 0.61, 0.96, 0.58, 0.09, top)
            _feet(k, 0.94, 0.56, 0.7, 0.035, top)
    if b.chance(0.5):
        vase = k.paint(k.other(top.colour))
        with k.part("vase", vase, "ceramic"):
            b.ellipsoid(0, 0, 0.84, 0.1, 0.1, 0.11, vase)
            b.cone(0, 0, 0.92, 0.045, 0.08, vase, 1.3)


def bed(k: Kit) -> None:
    """Headboard, mattress, pillows, blanket; the foot faces south."""
    b = k.b
    frame, blanket = k.wood(), k.cloth(k.colour())
    sheet = k.paint("white", 0.0)
    with k.part("bed", blanket, "fabric"):
        b.box(0, 0.98, 0, 1.4, 0.08, 0.95, frame, 0.03)
        b.box(0, -0.98, 0, 1.4, 0.07, 0.5, frame, 0.03)
        b.box(0, 0, 0.14, 1.36, 1.92, 0.18, frame, 0.01)
        b.box(0, 0, 0.3, 1.3, 1.88, 0.2, sheet, 0.06)
        b.box(0, -0.28, 0.29, 1.36, 1.34, 0.26, blanket, 0.07)
        for s in (-1, 1):
            b.box(s * 0.33, 0.68, 0.47, 0.54, 0.36, 0.16, sheet, 0.075, rotation(pitch=22))


def bookshelf(k: Kit) -> None:
    """Four rows of coloured books."""
    b = k.b
    body, kind = k.finish(0.6, 0.0)
    with k.part("bookshelf", body, kind):
        b.box(0, 0.13, 0, 0.9, 0.03, 1.6, body)
        for s in (-1, 1):
            b.box(s * 0.44, 0, 0, 0.04, 0.3, 1.6, body)
        for j in range(5):
            b.box(0, 0, 0.39 * j, 0.9, 0.3, 0.04, body)
        for j in range(4):
            x = -0.42
            while x < 0.36:
                w, h = b.uniform(0.05, 0.085), b.uniform(0.24, 0.33)
                if b.chance(0.9):
                    cover = k.paint(
                        k.colour("red", "blue", "green", "yellow", "orange", "navy", "teal", "white", "brown"), 0.0
                    )
                    b.box(x + w / 2, -0.01, 0.39 * j + 0.04, w - 0.006, 0.22, h, cover)
                x += w


def lamp(k: Kit) -> None:
    """Table lamp with a belly and a shade."""
    b = k.b
    shade_paint = k.paint(k.colour(), 0.0)
    foot, _ = k.finish(0.3, 0.3, k.other(shade_paint.colour))
    lit = one_colour(SOLID, mixed(shade_paint, 0.15), emission=0.18, colour=shade_paint.colour)
    with k.part("lamp", lit, "fabric"):
        b.cone(0, 0, 0.55, 0.34, 0.38, lit, 0.58, casts=False)
    with k.part("base", foot, "paint"):
        b.cone(0, 0, 0, 0.2, 0.04, foot)
        if b.chance(0.5):
            b.ellipsoid(0, 0, 0.25, 0.15, 0.15, 0.2, foot)
        else:
            b.ellipsoid(0, 0, 0.14, 0.13, 0.13, 0.11, foot)
            b.ellipsoid(0, 0, 0.32, 0.09, 0.09, 0.09, foot)
        b.cone(0, 0, 0, 0.025, 0.6, foot)
