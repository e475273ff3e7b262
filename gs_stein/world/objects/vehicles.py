"""Whatever drives, flies or floats."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import SOLID, Number, one_colour, srgb
from gs_stein.world.objects.kit import Kit

LEFT = rotation(roll=90)
"""Turns an upright cylinder's axis toward x."""


def _wheels(k: Kit, xs: tuple[float, ...], y: Number, radius: Number, width: Number = 0.14) -> None:
    for x in xs:
        for s in (-1, 1):
            k.b.cone(x, s * y, radius - width / 2, radius, width, k.dark(0.03), turn=ON_SIDE)
            k.b.cone(x, s * (y + width / 2), radius - 0.01, 0.55 * radius, 0.02, k.metal(), turn=ON_SIDE)


def car(k: Kit) -> None:
    """Rounded car with windows, lights and wheels."""
    b = k.b
    paint = k.paint(k.colour(), 0.09)
    with k.part("car", paint, "paint"):
        b.box(0, 0, 0.2, 1.7, 0.74, 0.36, paint, 0.12)
        b.frustum(-0.08, 0, 0.54, 1.06, 0.68, 0.3, k.glass(), 0.66, 0.86)
        b.box(-0.08, 0, 0.81, 0.74, 0.6, 0.06, paint, 0.025)
        b.frustum(-0.1, 0, 0.54, 0.1, 0.7, 0.29, paint, 1.0, 0.87)
        for s in (-1, 1):
            b.ellipsoid(0.8, s * 0.25, 0.43, 0.06, 0.1, 0.07, k.paint("white", 0.15))
            b.ellipsoid(-0.82, s * 0.26, 0.43, 0.04, 0.09, 0.06, k.paint("red", 0.1))
        b.box(0.84, 0, 0.24, 0.06, 0.66, 0.08, k.metal(), 0.03)
        b.box(-0.84, 0, 0.24, 0.06, 0.66, 0.08, k.metal(), 0.03)
        _wheels(k, (-0.5, 0.52), 0.33, 0.19)


def truck(k: Kit) -> None:
    """Cab and a box or a loading bed."""
    b = k.b
    paint = k.paint(k.colour(), 0.08)
    load = k.paint(k.other(paint.colour), 0.04)
    with k.part("truck", paint, "paint"):
        b.box(0.62, 0, 0.24, 0.5, 0.72, 0.66, paint, 0.06)
        b.box(0.7, 0, 0.58, 0.36, 0.74, 0.24, k.glass(), 0.02)
        b.box(-0.1, 0, 0.2, 1.9, 0.5, 0.1, k.dark())
        for s in (-1, 1):
            b.ellipsoid(0.87, s * 0.24, 0.36, 0.03, 0.07, 0.06, k.paint("white", 0.1))
        _wheels(k, (-0.7, -0.3, 0.6), 0.3, 0.2)
    with k.part("cargo box", load):
        b.box(-0.36, 0, 0.32, 1.3, 0.78, 0.82, load, 0.02)


def bus(k: Kit) -> None:
    """Long body with a row of windows."""
    b = k.b
    paint = k.paint(k.colour("red", "yellow", "blue", "green", "orange", "white", "teal"), 0.07)
    with k.part("bus", paint, "paint"):
        b.box(0, 0, 0.2, 2.0, 0.66, 0.86, paint, 0.08)
        for j in range(5):
            for s in (-1, 1):
                b.box(-0.74 + 0.33 * j, s * 0.325, 0.62, 0.26, 0.03, 0.28, k.glass(), 0.01)
        b.box(0.99, 0, 0.56, 0.04, 0.54, 0.38, k.glass(), 0.01)
        b.box(0.83, -0.33, 0.26, 0.18, 0.02, 0.64, k.glass(), 0.008)
        b.box(0, 0, 0.46, 2.01, 0.675, 0.06, k.paint("white", 0.03))
        _wheels(k, (-0.62, 0.6), 0.28, 0.19)


def train(k: Kit) -> None:
    """Steam locomotive."""
    b = k.b
    paint = k.paint(k.colour("red", "blue", "green", "black", "navy", "yellow", "purple"), 0.07)
    trim = k.metal("yellow")
    with k.part("train", paint, "paint"):
        b.cone(0.28, 0, -0.02, 0.29, 1.12, paint, turn=LEFT)
        b.box(0.1, 0, 0.2, 1.7, 0.5, 0.12, k.dark())
        b.box(-0.5, 0, 0.28, 0.5, 0.62, 0.76, paint, 0.03)
        b.box(-0.5, 0, 1.03, 0.62, 0.74, 0.07, k.dark(), 0.02)
        for s in (-1, 1):
            b.box(-0.5, s * 0.31, 0.7, 0.28, 0.02, 0.22, k.glass())
        b.cone(0.6, 0, 0.7, 0.09, 0.3, k.dark(), 1.5)
        b.ellipsoid(0.2, 0, 0.8, 0.12, 0.12, 0.12, trim)
        b.cone(0.855, 0, 0.525, 0.09, 0.03, trim, turn=LEFT)
        for x in (0.0, 0.5):
            b.cone(x, 0, -0.025, 0.297, 0.04, trim, turn=LEFT)
        b.frustum(0.95, 0, 0.05, 0.3, 0.56, 0.2, k.paint("red", 0.05), 0.2, 1.0)
        _wheels(k, (-0.5, 0.0, 0.45), 0.26, 0.2, 0.08)


def airplane(k: Kit) -> None:
    """Fuselage, wings, tail, engines or a propeller."""
    b = k.b
    body = k.paint(k.colour("white", "white", "red", "blue", "yellow", "grey", "green"), 0.08)
    wing = k.paint(k.other(body.colour), 0.06)
    with k.part("airplane", body, "paint"):
        b.ellipsoid(0, 0, 0.4, 1.0, 0.19, 0.2, body)
        b.ellipsoid(0.62, 0, 0.5, 0.2, 0.13, 0.12, k.glass())
        for j in range(5):
            for s in (-1, 1):
                b.ellipsoid(0.3 - 0.17 * j, s * 0.18, 0.44, 0.045, 0.03, 0.05, k.glass())
    with k.part("wings", wing, "paint", True):
        for s in (-1, 1):
            b.box(0.02 - 0.1, s * 0.5, 0.36, 0.36, 0.9, 0.045, wing, 0.02, rotation(yaw=s * 14))
            b.box(-0.85, s * 0.2, 0.46, 0.22, 0.4, 0.035, wing, 0.015, rotation(yaw=s * 18))
            b.cone(0.06, s * 0.42, 0.12, 0.09, 0.32, body, turn=LEFT)
        b.frustum(-0.86, 0, 0.48, 0.34, 0.05, 0.42, wing, 0.5, 0.6)


def helicopter(k: Kit) -> None:
    """Cabin, tail boom, rotors and skids."""
    b = k.b
    paint = k.paint(k.colour(), 0.08)
    with k.part("helicopter", paint, "paint"):
        b.ellipsoid(0.25, 0, 0.5, 0.5, 0.32, 0.34, paint)
        b.ellipsoid(0.48, 0, 0.54, 0.32, 0.27, 0.26, k.glass())
        b.rod((0.0, 0, 0.58), (-1.0, 0, 0.68), 0.12, paint, 0.4)
        b.frustum(-0.98, 0, 0.64, 0.2, 0.04, 0.32, paint, 0.6, 1.0)
        b.cone(0.2, 0, 0.82, 0.04, 0.14, k.dark())
        for yaw in (35, 125):
            b.box(0.2, 0, 0.94, 1.9, 0.1, 0.025, k.dark(), 0.01, rotation(yaw=yaw))
        b.cone(-1.0, -0.05, 0.83, 0.17, 0.012, k.metal(), turn=ON_SIDE)
        for s in (-1, 1):
            b.rod((-0.2, s * 0.26, 0.06), (0.68, s * 0.26, 0.06), 0.025, k.metal())
            for x in (0.02, 0.45):
                b.rod((x, s * 0.18, 0.26), (x, s * 0.26, 0.06), 0.02, k.metal())


def rocket(k: Kit) -> None:
    """Body with stripes or plain, nose cone, fins, porthole and flame."""
    b = k.b
    name = k.colour("white", "white", "grey", "red", "blue", "yellow", "green", "orange")
    second = k.other(name)
    body = k.paint(name, 0.08)
    fin = k.paint(second, 0.07)
    with k.part("rocket", body, "paint"):
        b.cone(0, 0, 0.3, 0.26, 0.9, body, 0.92)
        b.cone(0, 0, 0.22, 0.2, 0.09, k.metal())
        b.torus(0, -0.245, 0.95, 0.1, 0.03, k.metal(), ON_SIDE)
        b.ellipsoid(0, -0.235, 0.95, 0.1, 0.03, 0.1, k.glass())
    with k.part("fins", fin, "paint", True):
        b.cone(0, 0, 1.2, 0.24, 0.46, fin, 0.12)
        b.ellipsoid(0, 0, 1.66, 0.03, 0.03, 0.03, fin)
        b.cone(0, 0, 0.56, 0.262, 0.09, fin, 0.98)
        for j in range(3):
            with b.at(0, 0, 0, 90 + 120 * j):
                b.frustum(0.33, 0, 0.1, 0.3, 0.05, 0.55, fin, 0.2, 0.8)
    if b.chance(0.5):
        flame = one_colour(SOLID, srgb(255, 160, 50), emission=0.6, colour="orange")
        with k.part("flame", flame, "fire"):
            b.cone(0, 0, -0.18, 0.03, 0.4, flame, 5.0)


def sailboat(k: Kit) -> None:
    """Hull, mast and two sails."""
    b = k.b
    hull, kind = k.finish(0.4, 0.0)
    sail = k.paint(
        k.colour("white", "white", "red", "yellow", "blue", "orange") if hull.colour != "white" else k.other("white"),
        0.0,
    )
    with k.part("sailboat", hull, kind):
        with b.at(0, 0, 0.3, roll=180):
            b.frustum(0, 0, -0.02, 1.5, 0.56, 0.34, hull, 0.62, 0.5)
        b.box(0, 0, 0.3, 1.46, 0.52, 0.03, k.wood("light"))
        b.box(-0.25, 0, 0.32, 0.4, 0.34, 0.12, k.paint("white", 0.03), 0.03)
        b.cone(0, 0, 0.3, 0.025, 1.4, k.wood("oak"))
        b.rod((0.0, 0, 0.48), (-0.66, 0, 0.48), 0.02, k.wood("oak"))
    with k.part("sails", sail, "cloth", True):
        for t in range(9):  # a triangle of strips, each a little shorter
            z = 0.52 + 0.125 * t
            w = 0.62 * (1 - t / 9.4)
            b.box(-0.03 - w / 2, 0, z, w, 0.03, 0.127, sail)
            w = 0.52 * (1 - t / 9.4)
            b.box(0.03 + w / 2, 0, z - 0.08, w, 0.03, 0.127, sail)
    b.frustum(-0.07, 0, 1.64, 0.16, 0.02, 0.09, k.paint("red", 0.0), 0.6, 1.0)


def submarine(k: Kit) -> None:
    """Rounded hull, tower, portholes, propeller."""
    b = k.b
    paint = k.paint(k.colour("yellow", "yellow", "red", "orange", "grey", "blue", "green", "navy"), 0.08)
    with k.part("submarine", paint, "paint"):
        b.ellipsoid(0, 0, 0.42, 0.95, 0.36, 0.36, paint)
        b.box(0.0, 0, 0.72, 0.46, 0.26, 0.26, paint, 0.1)
        b.cone(0.08, 0, 0.95, 0.035, 0.25, k.metal())
        b.rod((0.08, 0, 1.18), (0.22, 0, 1.18), 0.035, k.metal())
        for j in range(3):
            for s in (-1, 1):
                b.torus(0.4 - 0.36 * j, s * 0.33, 0.46, 0.09, 0.028, k.metal(), ON_SIDE)
                b.ellipsoid(0.4 - 0.36 * j, s * 0.325, 0.46, 0.09, 0.03, 0.09, k.glass())
        b.rod((-0.9, 0, 0.42), (-1.06, 0, 0.42), 0.04, k.metal())
        for yaw in (0, 90):
            b.box(-1.05, 0, 0.39, 0.03, 0.44, 0.06, k.metal("yellow"), 0.01, rotation(roll=0, pitch=yaw + 20))
        b.box(-0.78, 0, 0.4, 0.2, 0.8, 0.04, paint, 0.015)


def balloon(k: Kit) -> None:
    """Hot air balloon: striped envelope and a basket."""
    b = k.b
    name = k.colour("red", "yellow", "blue", "orange", "purple", "green", "pink", "teal")
    second = k.other(name)
    main, other = k.paint(name, 0.03), k.paint(second, 0.03)
    with k.part("hot air balloon", main, f"striped {second}"):
        b.ellipsoid(0, 0, 1.2, 0.62, 0.62, 0.64, main)
        b.cone(0, 0, 0.5, 0.13, 0.42, main, 3.9)
        for j in range(6):
            a = 1.0472 * j
            b.ellipsoid(0.1 * math.cos(a), 0.1 * math.sin(a), 1.2, 0.54, 0.19, 0.625, other, rotation(yaw=60 * j))
    basket = k.wood("oak")
    with k.part("basket", basket, "wood"):
        b.box(0, 0, 0, 0.26, 0.26, 0.22, basket, 0.02)
        b.box(0, 0, 0.2, 0.29, 0.29, 0.04, k.wood("dark"))
        for sx in (-1, 1):
            for sy in (-1, 1):
                b.rod((sx * 0.12, sy * 0.12, 0.22), (sx * 0.1, sy * 0.1, 0.55), 0.011, k.dark())
