"""Bicycles, motorcycles, tractors and ships; they head east."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import Number
from gs_stein.world.objects.kit import Kit


def _wheel(k: Kit, x: Number, radius: Number, tube: Number, spokes: int) -> None:
    """Tyre with spokes in the plane y = 0, standing on the ground."""
    z = radius + tube
    k.b.torus(x, 0, z, radius, tube, k.dark(0.03), ON_SIDE)
    k.b.cone(x, 0, z - 0.06, 0.05, 0.12, k.metal(), turn=ON_SIDE)
    for j in range(spokes):
        a = math.pi * j / spokes
        dx, dz = radius * math.cos(a), radius * math.sin(a)
        k.b.rod((x - dx, 0, z - dz), (x + dx, 0, z + dz), 0.012, k.metal())


def bicycle(k: Kit) -> None:
    """Two spoked wheels, a frame of tubes, sometimes a basket."""
    b = k.b
    paint = k.paint(k.colour(), 0.09)
    saddle = k.paint(b.pick(("black", "black", "brown")), 0.05)
    crank, seat, head = (-0.08, 0, 0.4), (-0.26, 0, 0.98), (0.48, 0, 1.0)
    with k.part("bicycle", paint, "paint"):
        for x in (-0.68, 0.72):
            _wheel(k, x, 0.4, 0.045, 6)
        low = (0.52, 0, 0.84)
        for start, end in ((crank, seat), (crank, low), ((-0.24, 0, 0.9), head), (low, head)):
            b.rod(start, end, 0.042, paint)
        for s in (-1, 1):
            for start in (crank, (-0.24, 0, 0.88)):
                b.rod((start[0], s * 0.05, start[2]), (-0.68, s * 0.06, 0.445), 0.026, paint)
            b.rod((0.53, s * 0.06, 0.82), (0.72, s * 0.06, 0.445), 0.032, paint)
            b.rod((0.46, 0, 1.16), (0.4, s * 0.3, 1.2), 0.028, k.metal())
            b.rod((0.4, s * 0.29, 1.2), (0.24, s * 0.31, 1.18), 0.038, k.dark())
            b.rod((-0.08, s * 0.08, 0.4), (-0.08 + s * 0.14, s * 0.1, 0.4 - s * 0.1), 0.02, k.metal())
            b.box(-0.08 + s * 0.14, s * 0.16, 0.38 - s * 0.1, 0.12, 0.1, 0.04, k.dark(), 0.01)
        b.rod(head, (0.46, 0, 1.17), 0.034, k.metal())
        b.rod(seat, (-0.29, 0, 1.07), 0.028, k.metal())
        b.cone(-0.08, -0.05, 0.39, 0.12, 0.02, k.metal(), turn=ON_SIDE)
    with k.part("saddle", saddle, "leather"):
        b.ellipsoid(-0.34, 0, 1.1, 0.15, 0.12, 0.06, saddle)
        b.ellipsoid(-0.2, 0, 1.11, 0.14, 0.05, 0.045, saddle)
    if b.chance(0.5):
        basket = k.wood("light") if b.chance(0.6) else k.paint(k.other(paint.colour, "black"), 0.02)
        with k.part("basket", basket, "wood" if basket.texture else "paint"):
            b.frustum(0.74, 0, 0.98, 0.34, 0.42, 0.26, basket, 0.8, 0.8, rotation(roll=180))
            b.box(0.74, 0, 1.21, 0.37, 0.45, 0.045, basket, 0.02)


def motorcycle(k: Kit) -> None:
    """Tank, seat, engine, exhaust and a headlight."""
    b = k.b
    paint = k.paint(k.colour(), 0.12)
    steel = k.metal()
    with k.part("motorcycle", paint, "paint"):
        for x in (-0.7, 0.78):
            b.torus(x, 0, 0.38, 0.27, 0.11, k.dark(0.03), ON_SIDE)
            b.cone(x, 0, 0.33, 0.2, 0.1, steel, turn=ON_SIDE)
            b.ellipsoid(x - 0.04, 0, 0.66, 0.3, 0.1, 0.13, paint, rotation(roll=-8), cut=0.0)
        b.ellipsoid(0.2, 0, 0.86, 0.34, 0.17, 0.17, paint, rotation(roll=-8))
        b.box(-0.72, 0, 0.74, 0.42, 0.22, 0.12, paint, 0.05, rotation(roll=14))
        b.box(0.06, 0, 0.32, 0.42, 0.3, 0.32, k.metal("black"), 0.05)
        for s in (-1, 1):
            b.cone(0.08, s * 0.16, 0.43, 0.11, 0.06, steel, turn=ON_SIDE)
            b.rod((0.1 - 0.08 * s, 0, 0.58), (0.14 - 0.14 * s, 0, 0.8), 0.1, steel)
            b.rod((0.5, s * 0.13, 0.98), (0.78, s * 0.14, 0.38), 0.04, steel)
            b.rod((0.44, 0, 1.0), (0.34, s * 0.36, 1.12), 0.026, steel)
            b.rod((0.36, s * 0.32, 1.1), (0.22, s * 0.4, 1.09), 0.042, k.dark())
            b.rod((0.2, s * 0.2, 0.3), (-0.4, s * 0.22, 0.3), 0.05, steel)
            b.rod((-0.36, s * 0.22, 0.3), (-0.98, s * 0.22, 0.42), 0.065, steel, 1.2)
            b.rod((-0.68, s * 0.14, 0.38), (-0.4, s * 0.14, 0.7), 0.035, steel)
        b.rod((0.1, 0, 0.72), (-0.6, 0, 0.66), 0.06, k.metal("black"))
        b.ellipsoid(0.58, 0, 0.94, 0.13, 0.13, 0.13, steel)
        b.ellipsoid(0.66, 0, 0.93, 0.08, 0.11, 0.11, k.paint("white", 0.2))
        b.ellipsoid(-0.96, 0, 0.78, 0.03, 0.08, 0.05, k.paint("red", 0.1))
    seat = k.paint(b.pick(("black", "black", "brown")), 0.05)
    if seat.colour != paint.colour:
        with k.part("seat", seat, "leather"):
            b.box(-0.32, 0, 0.78, 0.66, 0.28, 0.13, seat, 0.06, rotation(roll=5))
            b.ellipsoid(-0.62, 0, 0.9, 0.16, 0.14, 0.09, seat)
    else:
        b.box(-0.32, 0, 0.78, 0.66, 0.28, 0.13, seat, 0.06, rotation(roll=5))


def tractor(k: Kit) -> None:
    """Large wheels behind, small ones before, a bonnet and a cab or a seat under a roof."""
    b = k.b
    paint = k.paint(k.colour("green", "green", "red", "red", "blue", "orange", "yellow"), 0.08)
    rim = k.paint("yellow" if paint.colour not in ("yellow", "orange") else "red", 0.05)
    with k.part("tractor", paint, "paint"):
        b.box(0.46, 0, 0.48, 0.9, 0.4, 0.4, paint, 0.06)
        b.box(0.9, 0, 0.52, 0.03, 0.32, 0.3, k.dark())
        b.box(0.1, 0, 0.36, 1.5, 0.24, 0.16, k.dark())
        b.box(-0.36, 0, 0.46, 0.7, 0.5, 0.28, paint, 0.04)
        for sx in (-0.66, 0.02):
            for s in (-1, 1):
                b.box(sx, s * 0.24, 0.7, 0.05, 0.05, 0.72, paint)
        b.box(-0.32, 0, 0.88, 0.62, 0.44, 0.48, k.glass(), 0.01)
        b.box(-0.32, 0, 1.38, 0.84, 0.64, 0.09, paint, 0.03)
        b.cone(0.6, 0.1, 0.84, 0.04, 0.42, k.dark())
        b.cone(0.6, 0.1, 1.2, 0.055, 0.08, k.metal())
        for s in (-1, 1):
            b.ellipsoid(0.9, s * 0.15, 0.78, 0.04, 0.055, 0.055, k.paint("white", 0.15))
            b.box(-0.45, s * 0.42, 0.93, 0.72, 0.24, 0.05, paint, 0.02)
            b.torus(-0.45, s * 0.44, 0.48, 0.35, 0.12, k.dark(0.02), ON_SIDE)
            for j in range(12):
                with b.at(-0.45, s * 0.44, 0.48, roll=30 * j):
                    b.box(0, 0, 0.44, 0.07, 0.24, 0.06, k.dark(0.02))
            b.torus(0.66, s * 0.34, 0.25, 0.17, 0.08, k.dark(0.02), ON_SIDE)
    with k.part("wheels", rim, "paint", True):
        for s in (-1, 1):
            b.cone(-0.45, s * 0.44, 0.41, 0.27, 0.14, rim, turn=ON_SIDE)
            b.cone(-0.45, s * 0.52, 0.46, 0.09, 0.04, k.metal(), turn=ON_SIDE)
            b.cone(0.66, s * 0.34, 0.2, 0.13, 0.1, rim, turn=ON_SIDE)


def ship(k: Kit) -> None:
    """Steamer: hull, white decks with portholes, funnels, a mast."""
    b = k.b
    hull = k.paint(k.colour("red", "navy", "black", "blue", "green", "teal", "grey", "brown"), 0.06)
    white = k.paint("white", 0.04)
    count = b.pick((1, 2, 3))
    with k.part("ship", hull, "paint"):
        with b.at(0, 0, 0.4, roll=180):
            b.frustum(0, 0, 0, 1.7, 0.52, 0.4, hull, 0.82, 0.55)
        for x, side in ((0.85, 1), (-0.85, -1)):
            b.cone(x, 0, 0, 0.17 if side > 0 else 0.14, 0.42, hull, 1.5, 0.15)
        b.rod((0.9, 0, 0.3), (1.22, 0, 0.46), 0.15, hull, 0.3)
        b.box(0, 0, 0.4, 1.74, 0.5, 0.03, k.wood("light"))
        b.box(-0.1, 0, 0.42, 1.2, 0.42, 0.16, white, 0.02)
        b.box(-0.14, 0, 0.58, 0.9, 0.36, 0.15, white, 0.02)
        b.box(0.24, 0, 0.72, 0.24, 0.34, 0.16, white, 0.02)
        b.box(0.365, 0, 0.78, 0.02, 0.28, 0.07, k.glass())
        for j in range(7):
            for s in (-1, 1):
                b.ellipsoid(-0.6 + 0.17 * j, s * 0.21, 0.5, 0.035, 0.015, 0.035, k.glass())
                b.ellipsoid(-0.6 + 0.2 * j, s * 0.235, 0.27, 0.032, 0.02, 0.032, white)
        b.rod((0.66, 0, 0.4), (0.62, 0, 1.2), 0.02, k.wood("oak"))
        b.rod((-0.72, 0, 0.4), (-0.72, 0, 1.0), 0.018, k.wood("oak"))
        b.box(-0.82, 0, 0.88, 0.2, 0.015, 0.12, k.paint("red", 0.0))
    funnel = k.paint(k.other(hull.colour, "white", "black"), 0.05)
    with k.part("funnels" if count > 1 else "funnel", funnel, "paint", count > 1):
        for j in range(count):
            x = -0.06 - 0.24 * j if count > 1 else -0.2
            b.cone(x, 0, 0.7, 0.1, 0.44, funnel, 0.95)
            b.cone(x, 0, 1.04, 0.1, 0.1, k.dark(), 0.98)
            b.cone(x, 0, 0.9, 0.103, 0.06, white, 0.97)
