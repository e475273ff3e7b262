"""Objects from outdoors: vehicles, buildings, nature and animals. Each stands on z = 0, its front faces −y.

Vehicles drive toward the east (+x), so that from the front one sees their side.
"""

from __future__ import annotations

import math

from gs_stein.world.materials import BANDS, BRICK, SOLID, Material, Number, named, one_colour, shade, srgb
from gs_stein.world.objects import Kit, Maker
from gs_stein.world.objects_home import ON_SIDE
from gs_stein.world.primitives import rotation

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


def house(k: Kit) -> None:
    """Walls, gable roof, door, windows and a chimney."""
    b = k.b
    brick = b.chance(0.25)
    c = srgb(168, 84, 62)
    wall = (
        Material(BRICK, shade(c, 0.85), shade(c, 1.12), srgb(200, 186, 168), (0.1, 0.26, 0.008, 0), colour="red")
        if brick
        else k.paint(k.colour("white", "beige", "yellow", "pink", "blue", "green", "teal", "orange"), 0.0)
    )
    roof = k.paint(
        k.colour("red", "brown", "grey", "navy", "orange", "green", "teal", "purple")
        if not brick
        else k.colour("grey", "brown", "black", "navy"),
        0.0,
    )
    door = k.paint(k.other(wall.colour, roof.colour, "white"), 0.03)
    white = k.paint("white", 0.02)
    with k.part("house", wall, "brick" if brick else "paint"):
        b.box(0, 0, 0, 1.2, 0.9, 0.7, wall)
        b.frustum(0, 0, 0.7, 1.2, 0.9, 0.5, wall, 1.0, 0.0)
        for x in (-0.4, 0.4):
            b.box(x, -0.455, 0.26, 0.3, 0.03, 0.3, white)
            b.box(x, -0.465, 0.285, 0.25, 0.03, 0.25, k.glass())
            b.box(x, -0.475, 0.285, 0.03, 0.03, 0.25, white)
            b.box(x, 0.455, 0.26, 0.3, 0.03, 0.3, white)
            b.box(x, 0.465, 0.285, 0.25, 0.03, 0.25, k.glass())
        for s in (-1, 1):
            b.box(s * 0.605, 0, 0.26, 0.03, 0.36, 0.3, white)
            b.box(s * 0.615, 0, 0.285, 0.03, 0.31, 0.25, k.glass())
    with k.part("roof", roof):
        for s in (-1, 1):  # two boards on the gable's slopes
            b.box(0, s * 0.275, 0.885, 1.36, 0.8, 0.06, roof, turn=rotation(pitch=-s * 48.0))
    with k.part("door", door):
        b.box(0, -0.455, 0.0, 0.28, 0.03, 0.5, white)
        b.box(0, -0.465, 0.0, 0.23, 0.03, 0.47, door)
        b.ellipsoid(0.075, -0.485, 0.23, 0.02, 0.02, 0.02, k.metal("yellow"))
    chimney = k.paint("red" if roof.colour != "red" else "grey", 0.0)
    b.box(0.36, 0.2, 0.8, 0.16, 0.16, 0.5, chimney)
    b.box(0.36, 0.2, 1.28, 0.2, 0.2, 0.05, k.dark(0.0))


def castle(k: Kit) -> None:
    """Four towers with pointed roofs, battlements and a gate."""
    b = k.b
    stone = k.paint(k.colour("grey", "grey", "beige", "white", "pink"), 0.0)
    roof = k.paint(k.other(stone.colour, "white", "beige"), 0.03)
    with k.part("castle", stone, "stone"):
        b.box(0, 0, 0, 1.1, 1.1, 0.5, stone)
        for s in (-1, 1):
            for j in range(5):
                t = -0.4 + 0.2 * j
                b.box(t, s * 0.52, 0.5, 0.11, 0.07, 0.1, stone)
                b.box(s * 0.52, t, 0.5, 0.07, 0.11, 0.1, stone)
        for sx in (-1, 1):
            for sy in (-1, 1):
                b.cone(sx * 0.55, sy * 0.55, 0, 0.2, 0.85, stone, 0.95)
                b.cone(sx * 0.55, sy * 0.55, 0.82, 0.22, 0.08, stone)
                b.box(sx * 0.55, sy * 0.55 + sy * 0.19, 0.55, 0.07, 0.03, 0.14, k.dark(0.0))
        b.cone(0, 0, 0.4, 0.28, 0.75, stone, 0.95)
        b.cone(0, 0, 1.12, 0.3, 0.08, stone)
        b.box(0, -0.56, 0, 0.3, 0.03, 0.24, k.wood("walnut"))
        b.cone(0, -0.56, 0.225, 0.15, 0.03, k.wood("walnut"), turn=ON_SIDE)
    with k.part("roofs", roof, "paint", True):
        for sx in (-1, 1):
            for sy in (-1, 1):
                b.cone(sx * 0.55, sy * 0.55, 0.89, 0.24, 0.42, roof, 0.02)
        b.cone(0, 0, 1.19, 0.33, 0.5, roof, 0.02)
    b.cone(0, 0, 1.65, 0.012, 0.22, k.dark(0.0))
    b.box(0.09, 0, 1.76, 0.17, 0.015, 0.1, k.paint("red", 0.0))


def lighthouse(k: Kit) -> None:
    """Banded tower with a lantern room."""
    b = k.b
    name = k.colour("red", "red", "blue", "black", "orange", "green")
    tower = Material(BANDS, named(b.rng, name), named(b.rng, "white"), (0, 0, 0), (5.0, 0, 0, 0), 0.03, colour=name)
    with k.part("lighthouse", tower, "striped white"):
        b.cone(0, 0, 0.15, 0.34, 1.2, tower, 0.62)
        b.cone(0, 0, 1.35, 0.3, 0.05, k.dark())
        b.torus(0, 0, 1.47, 0.27, 0.012, k.dark())
        b.cone(0, 0, 1.4, 0.15, 0.22, one_colour(SOLID, srgb(255, 226, 140), emission=0.5, colour="yellow"))
        b.cone(0, 0, 1.62, 0.2, 0.22, k.paint(name, 0.05), 0.05)
        b.box(0, -0.33, 0.15, 0.16, 0.06, 0.26, k.wood("walnut"))
    b.ellipsoid(0, 0, 0.0, 0.6, 0.6, 0.2, one_colour(SOLID, srgb(128, 124, 118)), cut=0.0)


def windmill(k: Kit) -> None:
    """Tapered tower with four sails to the front."""
    b = k.b
    tower = k.paint(k.colour("white", "beige", "grey", "red", "blue", "green"), 0.0)
    cap = k.paint(k.other(tower.colour, "white"), 0.02)
    with k.part("windmill", tower, "paint"):
        b.cone(0, 0, 0, 0.42, 1.0, tower, 0.6)
        b.box(0, -0.38, 0, 0.2, 0.1, 0.32, k.wood("walnut"))
        b.box(0, -0.31, 0.55, 0.12, 0.06, 0.14, k.glass())
    with k.part("roof", cap):
        b.ellipsoid(0, 0, 1.0, 0.29, 0.29, 0.28, cap, cut=0.0)
    sail = k.wood("light")
    with b.at(0, -0.36, 1.06):
        b.cone(0, 0, -0.06, 0.06, 0.12, k.dark(), turn=ON_SIDE)
        for j in range(4):
            with b.at(0, 0, 0, roll=25 + 90 * j):
                b.box(0, 0, 0.0, 0.035, 0.03, 0.74, k.wood("dark"))
                b.box(0.075, 0, 0.16, 0.15, 0.02, 0.56, sail)


def tree(k: Kit) -> None:
    """Leafy or fir tree; green, or autumn colours."""
    b = k.b
    fir = b.chance(0.4)
    name = "green" if b.chance(0.65) else k.colour("orange", "yellow", "red", "pink")
    bark = k.wood(b.pick(("walnut", "dark")))
    if fir:
        leaf = k.paint("green" if b.chance(0.8) else "white", 0.0)
        with k.part("fir tree", leaf, "plant"):
            b.cone(0, 0, 0, 0.1, 0.3, bark)
            for j in range(4):
                b.cone(0, 0, 0.25 + 0.33 * j, 0.52 - 0.105 * j, 0.5, leaf, 0.08)
        return
    tones = [k.paint(name, 0.0) for _ in range(3)]
    with k.part("tree", tones[0], "plant"):
        b.cone(0, 0, 0, 0.13, 0.75, bark, 0.65)
        b.rod((0, 0, 0.5), (0.28, 0, 0.85), 0.05, bark, 0.6)
        b.rod((0, 0, 0.45), (-0.25, 0.1, 0.8), 0.05, bark, 0.6)
        for j in range(13):
            z = 1 - 2 * (j + 0.5) / 13
            a, r = 2.399963 * j, math.sqrt(1 - z * z)
            s = b.uniform(0.22, 0.29)
            b.ellipsoid(0.34 * r * math.cos(a), 0.34 * r * math.sin(a), 1.08 + 0.3 * z, s, s, 0.9 * s, tones[j % 3])


def palm(k: Kit) -> None:
    """Bent trunk, fronds and coconuts."""
    b = k.b
    bark, leaf = k.wood("oak"), k.paint("green", 0.02)
    with k.part("palm tree", leaf, "plant"):
        x = 0.0
        for j in range(8):
            nx = x + 0.012 * (j + 1)
            b.rod((x, 0, 0.15 * j), (nx, 0, 0.15 * (j + 1) + 0.02), 0.1 - 0.005 * j, bark, 0.85)
            x = nx
        for j in range(9):
            a = 0.698 * j
            with b.at(x, 0, 1.22, math.degrees(a)):
                b.ellipsoid(0.26, 0, 0.04, 0.3, 0.085, 0.03, leaf, rotation(roll=-12))
                b.ellipsoid(0.6, 0, -0.06, 0.24, 0.07, 0.025, leaf, rotation(roll=40))
        for j in range(3):
            b.ellipsoid(x + 0.1 * math.cos(2.1 * j), 0.1 * math.sin(2.1 * j), 1.12, 0.08, 0.08, 0.08, k.wood("walnut"))


def cactus(k: Kit) -> None:
    """Saguaro in a pot, with a flower."""
    b = k.b
    green = k.paint("green", 0.02)
    pot = k.paint(k.colour(), 0.05)
    with k.part("cactus", green, "plant"):
        b.cone(0, 0, 0.3, 0.19, 0.75, green)
        b.ellipsoid(0, 0, 1.05, 0.19, 0.19, 0.19, green)
        for s, z, h in ((-1, 0.6, 0.3), (1, 0.72, 0.24)):
            b.rod((0, 0, z), (s * 0.36, 0, z), 0.09, green)
            b.ellipsoid(s * 0.36, 0, z, 0.1, 0.1, 0.1, green)
            b.cone(s * 0.36, 0, z, 0.1, h, green)
            b.ellipsoid(s * 0.36, 0, z + h, 0.1, 0.1, 0.1, green)
        b.ellipsoid(0, 0, 1.25, 0.09, 0.09, 0.06, k.paint(k.colour("pink", "red", "yellow", "white"), 0.0))
    with k.part("pot", pot, "ceramic"):
        b.cone(0, 0, 0, 0.22, 0.32, pot, 1.35)
        b.cone(0, 0, 0.3, 0.32, 0.06, pot)


def mushroom(k: Kit) -> None:
    """Cap with spots on a stem."""
    b = k.b
    cap = k.paint(k.colour("red", "red", "brown", "orange", "purple", "blue", "pink"), 0.06)
    pale = k.paint("beige", 0.0)
    spot = k.paint("white", 0.0)
    with k.part("mushroom", cap, "plant"):
        b.cone(0, 0, 0, 0.24, 0.62, pale, 0.75)
        b.ellipsoid(0, 0, 0.58, 0.62, 0.62, 0.46, cap, cut=0.0)
        b.cone(0, 0, 0.54, 0.5, 0.045, pale, 1.2)
        for j in range(13):
            z = 0.25 + 0.7 * (12.5 - j) / 13
            a, r = 2.399963 * j, math.sqrt(1 - z * z)
            s = 0.085 if j % 2 else 0.065
            b.ellipsoid(0.615 * r * math.cos(a), 0.615 * r * math.sin(a), 0.58 + 0.455 * z, s, s, 0.6 * s, spot)


def snowman(k: Kit) -> None:
    """Three balls, carrot, hat and scarf."""
    b = k.b
    snow = k.paint("white", 0.0)
    scarf, hat = (
        k.paint(k.colour("red", "blue", "green", "orange", "purple", "teal", "yellow"), 0.0),
        k.paint(k.colour("black", "black", "brown", "navy", "red"), 0.02),
    )
    with k.part("snowman", snow, "snow"):
        b.ellipsoid(0, 0, 0.4, 0.46, 0.46, 0.42, snow)
        b.ellipsoid(0, 0, 0.98, 0.33, 0.33, 0.32, snow)
        b.ellipsoid(0, 0, 1.42, 0.24, 0.24, 0.24, snow)
        carrot = k.paint("orange", 0.0)
        b.rod((0, -0.22, 1.42), (0, -0.5, 1.4), 0.05, carrot, 0.1)
        for s in (-1, 1):
            b.ellipsoid(s * 0.09, -0.21, 1.5, 0.033, 0.025, 0.033, k.dark())
            b.rod((s * 0.28, 0, 1.05), (s * 0.72, -0.05, 1.3), 0.025, k.wood("dark"))
        for j in range(3):
            b.ellipsoid(0, -0.325 + 0.01 * j, 1.1 - 0.14 * j, 0.036, 0.03, 0.036, k.dark())
    with k.part("scarf", scarf, "fabric"):
        b.torus(0, 0, 1.22, 0.2, 0.065, scarf)
        b.box(0.14, -0.3, 0.86, 0.13, 0.05, 0.36, scarf, 0.02, rotation(pitch=-8))
    with k.part("hat", hat, "fabric"):
        b.cone(0, 0, 1.6, 0.3, 0.035, hat)
        b.cone(0, 0, 1.62, 0.19, 0.28, hat)


def duck(k: Kit) -> None:
    """Rubber duck that swims east."""
    b = k.b
    skin = k.paint(k.colour("yellow", "yellow", "yellow", "pink", "blue", "white", "green", "purple"), 0.08)
    beak = k.paint("orange" if skin.colour != "orange" else "red", 0.06)
    with k.part("rubber duck", skin, "rubber"):
        b.ellipsoid(0, 0, 0.35, 0.58, 0.42, 0.35, skin)
        b.ellipsoid(-0.5, 0, 0.52, 0.2, 0.16, 0.15, skin, rotation(roll=35))
        b.ellipsoid(0.3, 0, 0.82, 0.31, 0.3, 0.3, skin)
        for s in (-1, 1):
            b.ellipsoid(-0.08, s * 0.39, 0.42, 0.28, 0.09, 0.17, skin, rotation(roll=14))
            b.ellipsoid(0.5, s * 0.19, 0.9, 0.045, 0.035, 0.06, k.dark(0.1))
    with k.part("beak", beak):
        b.ellipsoid(0.62, 0, 0.77, 0.16, 0.13, 0.05, beak)


def penguin(k: Kit) -> None:
    """Dark coat, white belly, orange beak and feet."""
    b = k.b
    coat = k.paint(k.colour("black", "black", "navy", "grey", "blue"), 0.04)
    white, orange = k.paint("white", 0.02), k.paint("orange", 0.03)
    with k.part("penguin", coat, "animal"):
        b.ellipsoid(0, 0, 0.52, 0.38, 0.34, 0.5, coat)
        b.ellipsoid(0, -0.1, 0.48, 0.29, 0.28, 0.42, white)
        b.ellipsoid(0, 0, 1.08, 0.27, 0.26, 0.26, coat)
        b.rod((0, -0.22, 1.06), (0, -0.42, 1.02), 0.065, orange, 0.15)
        for s in (-1, 1):
            b.ellipsoid(s * 0.1, -0.17, 1.08, 0.1, 0.1, 0.12, white)
            b.ellipsoid(s * 0.1, -0.265, 1.12, 0.032, 0.02, 0.038, k.dark(0.1))
            b.ellipsoid(s * 0.4, 0, 0.56, 0.07, 0.16, 0.32, coat, rotation(roll=-s * 22))
            b.ellipsoid(s * 0.17, -0.18, 0.04, 0.13, 0.2, 0.045, orange)
    if b.chance(0.5):
        scarf = k.paint(k.other(coat.colour, "black", "navy"), 0.0)
        with k.part("scarf", scarf, "fabric"):
            b.torus(0, 0, 0.88, 0.24, 0.065, scarf)
            b.box(0.16, -0.32, 0.56, 0.12, 0.045, 0.34, scarf, 0.02)


def cat(k: Kit) -> None:
    """Sitting, with pointed ears and a tail."""
    b = k.b
    fur = k.cloth(k.colour("orange", "grey", "black", "white", "brown", "beige"))
    chest = k.paint("white" if fur.colour != "white" else "grey", 0.0)
    with k.part("cat", fur, "animal"):
        b.ellipsoid(0, 0.08, 0.38, 0.3, 0.36, 0.4, fur)
        b.ellipsoid(0, -0.16, 0.46, 0.2, 0.18, 0.3, chest)
        b.ellipsoid(0, -0.14, 0.95, 0.27, 0.24, 0.23, fur)
        b.ellipsoid(0, -0.33, 0.88, 0.12, 0.07, 0.08, chest)
        b.ellipsoid(0, -0.4, 0.92, 0.03, 0.02, 0.022, k.paint("pink", 0.0))
        for s in (-1, 1):
            b.frustum(s * 0.16, -0.13, 1.08, 0.17, 0.09, 0.24, fur, 0.05, 0.3, rotation(roll=s * 12))
            b.ellipsoid(s * 0.11, -0.345, 1.0, 0.048, 0.025, 0.055, k.paint(k.colour("green"), 0.1))
            b.ellipsoid(s * 0.11, -0.367, 1.0, 0.017, 0.012, 0.045, k.dark(0.1))
            b.cone(s * 0.12, -0.26, 0.05, 0.075, 0.4, fur)
            b.ellipsoid(s * 0.12, -0.32, 0.05, 0.09, 0.13, 0.055, fur)
            b.ellipsoid(s * 0.26, 0.05, 0.17, 0.13, 0.26, 0.17, fur)
        for j in range(7):
            a = 0.28 * j
            b.ellipsoid(
                0.2 + 0.36 * math.sin(a), 0.45 - 0.32 * (1 - math.cos(a)), 0.08 + 0.012 * j, 0.085, 0.085, 0.075, fur
            )


def well(k: Kit) -> None:
    """Stone well with a roof and a bucket."""
    b = k.b
    stone = Material(
        BRICK, srgb(150, 146, 140), srgb(122, 120, 116), srgb(88, 86, 84), (0.14, 0.2, 0.008, 0), colour="grey"
    )
    roof = k.paint(k.colour("red", "brown", "blue", "green", "orange"), 0.0)
    post = k.wood("oak")
    with k.part("well", stone, "stone"):
        for j in range(12):
            a = 30 * j
            with b.at(0, 0, 0, a):
                b.box(0.45, 0, 0, 0.14, 0.26, 0.5, stone, 0.02)
        b.cone(0, 0, 0.1, 0.4, 0.25, one_colour(SOLID, srgb(60, 110, 150), gloss=0.2))
        for s in (-1, 1):
            b.box(s * 0.44, 0, 0.4, 0.07, 0.07, 0.85, post)
        b.rod((-0.44, 0, 0.95), (0.44, 0, 0.95), 0.035, post)
        b.cone(0, 0, 0.6, 0.11, 0.18, k.wood("walnut"), 1.15)
        b.cone(0, 0, 0.76, 0.01, 0.2, k.dark())
    with k.part("roof", roof):
        b.frustum(0, 0, 1.2, 1.25, 0.95, 0.42, roof, 0.95, 0.04)


WORLD: dict[str, Maker] = {
    "car": car,
    "truck": truck,
    "bus": bus,
    "train": train,
    "airplane": airplane,
    "helicopter": helicopter,
    "rocket": rocket,
    "sailboat": sailboat,
    "submarine": submarine,
    "hot air balloon": balloon,
    "house": house,
    "castle": castle,
    "lighthouse": lighthouse,
    "windmill": windmill,
    "tree": tree,
    "palm tree": palm,
    "cactus": cactus,
    "mushroom": mushroom,
    "snowman": snowman,
    "rubber duck": duck,
    "penguin": penguin,
    "cat": cat,
    "well": well,
}
