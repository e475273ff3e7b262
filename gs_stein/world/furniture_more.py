"""Furniture for dining rooms, bathrooms, libraries and nurseries; the conventions are those of `furniture.py`."""

from __future__ import annotations

import math

from gs_stein.world.furniture import BLACK, STEEL, bookshelf, cabinet, legs, shade_material, shade_of, surface_kind
from gs_stein.world.looks import Look
from gs_stein.world.materials import (
    BANDS,
    BRICK,
    MIRROR,
    SOLID,
    STRIPES,
    Material,
    Number,
    fabric,
    mix,
    named,
    one_colour,
    plain,
    shade,
    srgb,
)
from gs_stein.world.primitives import rotation

PORCELAIN = one_colour(SOLID, srgb(240, 239, 235), gloss=0.07, colour="white")
ON_SIDE = rotation(pitch=90)


def china_cabinet(look: Look, width: Number = 1.2) -> None:
    """Doors below, open shelves with plates and glasses above."""
    b = look.b
    body = look.timber()
    with b.thing("cupboard", body, surface_kind(body)):
        cabinet(b, width, 0.42, 0.85, body, 2, 1, look.metal, 0.06)
        b.box(0, -0.22, 0.85, width + 0.04, 0.46, 0.035, body, 0.008)
        b.box(0, -0.02, 0.88, width - 0.04, 0.03, 1.1, shade_of(body, 0.75))
        for s in (-1, 1):
            b.box(s * (width / 2 - 0.04), -0.15, 0.88, 0.04, 0.28, 1.1, body)
        for j in range(3):
            b.box(0, -0.15, 1.2 + 0.37 * j, width - 0.04, 0.28, 0.035, body)
        glaze = look.paint()
        for j in range(3):
            z = 0.885 + (0.35 if j else 0.0) + 0.37 * max(j - 1, 0)
            for i in range(4):
                x = (i - 1.5) * (width - 0.2) / 4
                if (i + j) % 2:
                    b.cone(x, -0.07, z + 0.1, 0.105, 0.02, glaze if j % 2 else PORCELAIN, turn=ON_SIDE)
                else:
                    b.cone(x, -0.17, z, 0.05, 0.13, PORCELAIN if j % 2 else glaze, 1.15)


def candles(look: Look, x: Number, y: Number, z: Number) -> None:
    """Two candles in holders."""
    b = look.b
    wax = plain(b.rng, b.pick(("white", "white", "red", "beige", "green")))
    with b.thing("candles", wax, "wax", True):
        for s in (-1, 1):
            b.cone(x + s * 0.09, y, z, 0.05, 0.03, look.metal)
            b.cone(x + s * 0.09, y, z + 0.03, 0.02, 0.16 + 0.05 * s, wax)
            if look.lamps_on:
                b.ellipsoid(
                    x + s * 0.09,
                    y,
                    z + 0.225 + 0.05 * s,
                    0.014,
                    0.014,
                    0.032,
                    one_colour(SOLID, srgb(255, 200, 90), emission=1.1),
                    casts=False,
                )


def place_settings(look: Look, width: Number, depth: Number, z: Number) -> None:
    """Plates around a table centred on the origin, with a runner."""
    b = look.b
    if b.chance(0.6):
        cloth = look.accent()
        with b.thing("table runner", cloth, "fabric"):
            b.box(0, 0, z, width + 0.02, 0.34, 0.006, cloth)
    for s in (-1, 1):
        for x in (-width / 3.2, 0.0, width / 3.2):
            b.cone(x, s * (depth / 2 - 0.2), z, 0.12, 0.014, PORCELAIN, 1.1)
            b.cone(x, s * (depth / 2 - 0.2), z + 0.014, 0.075, 0.004, shade_of(PORCELAIN, 0.86))


def bathtub(look: Look, width: Number = 1.7) -> None:
    """Tub along the wall with water, tap, and tiles behind."""
    b = look.b
    tile = named(b.rng, b.pick(("white", "white", "beige", "teal", "blue", "green", "grey")))
    splash = Material(BRICK, shade(tile, 0.95), shade(tile, 1.04), shade(tile, 0.7), (0.13, 0.26, 0.004, 0), 0.06)
    b.box(0, -0.008, 0.0, width + 0.5, 0.016, 1.5, splash)
    free = b.chance(0.5)
    skin = PORCELAIN if b.chance(0.7) else plain(b.rng, look.accent_colour(), 0.06)
    with b.thing("bathtub", skin, "ceramic"):
        if free:
            b.box(0, -0.42, 0.1, width, 0.76, 0.46, skin, 0.2)
            legs(b, width - 0.5, 0.4, -0.42, 0.16, 0.04, look.metal)
        else:
            b.box(0, -0.4, 0.0, width, 0.76, 0.54, skin, 0.03)
        b.box(0, -0.41, 0.53, width - 0.02, 0.75, 0.04, PORCELAIN, 0.018)
        b.box(0, -0.41, 0.562, width - 0.2, 0.54, 0.012, one_colour(SOLID, srgb(150, 196, 206), gloss=0.12), 0.006)
    with b.thing("tap", look.metal, "metal"):
        b.cone(width / 2 - 0.25, -0.06, 0.57, 0.02, 0.2, look.metal)
        b.rod((width / 2 - 0.25, -0.06, 0.75), (width / 2 - 0.25, -0.22, 0.73), 0.018, look.metal)
    rail = look.metal
    towel = look.fabric()
    with b.thing("towels", towel, "fabric", True):
        b.rod((-0.55, -0.06, 1.35), (0.25, -0.06, 1.35), 0.015, rail)
        b.box(-0.32, -0.075, 0.86, 0.36, 0.05, 0.5, towel, 0.02)
        b.box(0.06, -0.075, 0.98, 0.26, 0.05, 0.38, towel, 0.02)


def vanity(look: Look, width: Number = 1.2) -> None:
    """Cabinet with a basin, tap, soap and a mirror with lamps above."""
    b = look.b
    body = look.timber() if b.chance(0.6) else plain(b.rng, look.fabric_colour(), 0.04)
    with b.thing("bathroom cabinet", body, surface_kind(body)):
        cabinet(b, width, 0.5, 0.82, body, 2, 1, look.metal, 0.12)
    with b.thing("sink", PORCELAIN, "ceramic"):
        b.box(0, -0.26, 0.82, width + 0.02, 0.53, 0.04, PORCELAIN, 0.01)
        b.cone(0, -0.28, 0.85, 0.17, 0.11, PORCELAIN, 1.3)
        b.cone(0, -0.28, 0.956, 0.19, 0.006, one_colour(SOLID, srgb(186, 204, 208), gloss=0.1))
        b.cone(0, -0.07, 0.86, 0.018, 0.24, look.metal)
        b.rod((0, -0.07, 1.09), (0, -0.2, 1.07), 0.016, look.metal)
    soap = look.paint()
    b.cone(0.4 * width, -0.2, 0.86, 0.04, 0.13, soap)
    b.cone(0.4 * width, -0.2, 0.99, 0.012, 0.05, look.metal)
    glass = one_colour(MIRROR, srgb(190, 198, 202), gloss=0.82)
    frame = b.pick((look.metal, look.wood))
    with b.thing("mirror", glass, "mirror"):
        if b.chance(0.5):
            b.cone(0, -0.015, 1.57, 0.38, 0.03, frame, turn=ON_SIDE)
            b.cone(0, -0.025, 1.57, 0.35, 0.03, glass, turn=ON_SIDE)
        else:
            b.box(0, -0.015, 1.22, 0.9, 0.03, 0.74, frame)
            b.box(0, -0.025, 1.25, 0.84, 0.022, 0.68, glass)
    for s in (-1, 1):
        b.cone(s * 0.55, -0.09, 1.56, 0.06, 0.16, shade_material(look), 0.85, casts=False)
        b.box(s * 0.55, -0.04, 1.6, 0.04, 0.08, 0.04, look.metal, casts=False)
    if look.lamps_on:
        b.lamp(0, -0.25, 1.75, look.glow, 0.8 if look.time == "night" else 0.3, 0.15)


def toilet(look: Look) -> None:
    """Bowl, seat and cistern."""
    b = look.b
    with b.thing("toilet", PORCELAIN, "ceramic"):
        b.box(0, -0.1, 0.38, 0.42, 0.18, 0.42, PORCELAIN, 0.03)
        b.box(0, -0.1, 0.8, 0.45, 0.21, 0.04, PORCELAIN, 0.015)
        b.cone(0, -0.42, 0.0, 0.14, 0.36, PORCELAIN, 1.35, 0.2)
        b.ellipsoid(0, -0.42, 0.38, 0.21, 0.28, 0.06, PORCELAIN)
        b.ellipsoid(0, -0.42, 0.41, 0.2, 0.27, 0.035, shade_of(PORCELAIN, 0.92))


def washing_machine(look: Look) -> None:
    """White front loader."""
    b = look.b
    white = plain(b.rng, "white", 0.05)
    with b.thing("washing machine", white, "metal"):
        b.box(0, -0.3, 0.0, 0.6, 0.58, 0.85, white, 0.015)
        b.cone(0, -0.6, 0.39, 0.2, 0.03, STEEL, turn=ON_SIDE)
        b.cone(0, -0.61, 0.39, 0.15, 0.03, one_colour(SOLID, srgb(40, 48, 58), gloss=0.12), turn=ON_SIDE)
        b.box(0, -0.595, 0.72, 0.56, 0.01, 0.1, shade_of(white, 0.8))
        b.cone(0.18, -0.6, 0.765, 0.035, 0.03, STEEL, turn=ON_SIDE)


def towel_shelf(look: Look) -> None:
    """Open shelves with folded towels and bottles."""
    b = look.b
    board = look.timber()
    first, second = look.accent(), look.accent()
    with b.thing("shelves", board, surface_kind(board), True):
        for s in (-1, 1):
            b.box(s * 0.4, -0.17, 0, 0.04, 0.32, 1.7, board)
        for j in range(4):
            b.box(0, -0.17, 0.15 + 0.5 * j, 0.8, 0.32, 0.035, board)
        for j in range(3):
            for i in range(2):
                cloth = (first, second)[(i + j) % 2]
                z = 0.185 + 0.5 * j
                if (i + j) % 3 == 2:
                    for q in range(3):
                        b.cone(-0.28 + 0.12 * q + 0.3 * i, -0.17, z, 0.04, 0.16 + 0.04 * q, look.paint())
                else:
                    for q in range(3):
                        b.box(-0.19 + 0.38 * i, -0.17, z + 0.08 * q, 0.3, 0.24, 0.075, cloth, 0.035)


def basket(look: Look, x: Number, y: Number) -> None:
    """Laundry basket."""
    b = look.b
    c = srgb(186, 146, 98)
    wicker = Material(BANDS, shade(c, 0.85), shade(c, 1.1), c, (9.0, 0, 0, 0), colour="brown")
    with b.thing("laundry basket", wicker, "wicker"):
        b.cone(x, y, 0, 0.2, 0.5, wicker, 1.15)
        b.ellipsoid(x, y, 0.49, 0.2, 0.2, 0.07, plain(b.rng, "white"))


def fireplace(look: Look) -> None:
    """Mantelpiece with a fire, a picture's width from the wall."""
    b = look.b
    c = srgb(156, 80, 60)
    brick = Material(BRICK, shade(c, 0.8), shade(c, 1.15), srgb(186, 172, 156), (0.1, 0.24, 0.007, 0), colour="red")
    stone = b.pick((plain(b.rng, "white", 0.02), brick, plain(b.rng, "grey", 0.02)))
    dark = one_colour(SOLID, srgb(30, 27, 26), colour="black")
    with b.thing("fireplace", stone, "brick" if stone is brick else "stone"):
        for s in (-1, 1):
            b.box(s * 0.56, -0.2, 0, 0.3, 0.4, 1.08, stone)
        b.box(0, -0.2, 0.76, 0.9, 0.4, 0.32, stone)
        b.box(0, -0.24, 1.08, 1.6, 0.5, 0.07, look.wood, 0.012)
        b.box(0, -0.07, 0, 0.84, 0.12, 0.78, dark)
        b.box(0, -0.26, 0.0, 0.84, 0.42, 0.03, dark)
        for k in range(3):
            b.rod(
                (-0.22 + 0.1 * k, -0.16, 0.08 + 0.03 * (k % 2)),
                (0.2, -0.22 - 0.03 * k, 0.08 + 0.06 * (k % 2)),
                0.045,
                one_colour(SOLID, srgb(86, 58, 42)),
            )
        if look.lamps_on or b.chance(0.5):
            for k in range(5):
                x = -0.2 + 0.1 * k
                h = (0.22, 0.32, 0.4, 0.3, 0.2)[k]
                hot = one_colour(SOLID, srgb(255, 150 + 22 * (k % 3), 50), emission=1.0, colour="orange")
                b.ellipsoid(x, -0.2, 0.1 + 0.5 * h, 0.06, 0.04, 0.5 * h, hot, casts=False)
            b.lamp(0, -0.5, 0.35, (1.0, 0.5, 0.18), 0.55 if look.time == "night" else 0.2, 0.15)
    if b.chance(0.6):
        candles(look, -0.5, -0.24, 1.15)


def globe(look: Look) -> None:
    """Globe on a wooden stand."""
    b = look.b
    sea = one_colour(SOLID, srgb(70, 122, 160), gloss=0.05, colour="blue")
    land = one_colour(SOLID, srgb(122, 142, 84))
    with b.thing("globe", sea, "globe"):
        for k in range(3):
            a = 2.0944 * k
            b.rod(
                (0.2 * math.cos(a), -0.3 + 0.2 * math.sin(a), 0),
                (0.05 * math.cos(a), -0.3 + 0.05 * math.sin(a), 0.5),
                0.022,
                look.wood,
            )
        b.torus(0, -0.3, 0.72, 0.27, 0.018, look.wood, rotation(pitch=90, yaw=20))
        b.ellipsoid(0, -0.3, 0.72, 0.24, 0.24, 0.24, sea)
        for k in range(6):
            z = 0.7 - 0.28 * k
            a, r = 2.4 * k, math.sqrt(max(1 - z * z, 0.05))
            b.ellipsoid(0.155 * r * math.cos(a), -0.3 + 0.155 * r * math.sin(a), 0.72 + 0.155 * z, 0.1, 0.1, 0.1, land)


def bookcase_wall(look: Look, width: Number, height: Number = 2.25) -> None:
    """Bookshelves side by side."""
    parts = max(1, round(width / 1.15))
    for k in range(parts):
        with look.b.at((k - (parts - 1) / 2) * width / parts, 0.0):
            bookshelf(look, width / parts, height)


def ladder(look: Look) -> None:
    """Library ladder leaning on the shelves."""
    b = look.b
    rail = look.wood
    with b.thing("ladder", rail, "wood"):
        for s in (-1, 1):
            b.rod((s * 0.2, -0.75, 0.0), (s * 0.18, -0.36, 2.15), 0.025, rail)
        for k in range(7):
            t = (k + 0.7) / 7.4
            b.rod((-0.2, -0.75 + 0.39 * t, 2.15 * t), (0.2, -0.75 + 0.39 * t, 2.15 * t), 0.018, rail)


def crib(look: Look) -> None:
    """Cot with bars, mattress, blanket and a mobile above."""
    b = look.b
    frame = look.timber()
    blanket = fabric(b.rng, look.fabric_colour())
    with b.thing("crib", frame, surface_kind(frame)):
        for s in (-1, 1):
            b.box(s * 0.64, -0.42, 0.0, 0.05, 0.74, 0.92, frame, 0.02)
        for y in (-0.07, -0.77):
            b.box(0, y, 0.86, 1.28, 0.045, 0.05, frame, 0.015)
            b.box(0, y, 0.24, 1.28, 0.04, 0.06, frame)
            for k in range(9):
                b.cone(-0.52 + 0.13 * k, y, 0.28, 0.016, 0.6, frame)
        b.box(0, -0.42, 0.3, 1.2, 0.66, 0.14, plain(b.rng, "white"), 0.04)
    with b.thing("blanket", blanket, "fabric"):
        b.box(0.16, -0.42, 0.42, 0.86, 0.64, 0.06, blanket, 0.028)
        b.box(-0.42, -0.42, 0.44, 0.26, 0.44, 0.08, plain(b.rng, "white"), 0.035)


def mobile(look: Look) -> None:
    """Stars and balls that hang from the ceiling over the crib."""
    b = look.b
    with b.thing("mobile", None, "toy"):
        b.cone(0, -0.45, 2.05, 0.005, 0.55, BLACK, casts=False)
        for k in range(4):
            a = 1.5708 * k + 0.4
            x, y = 0.2 * math.cos(a), -0.45 + 0.2 * math.sin(a)
            b.rod((0, -0.45, 2.06), (x, y, 2.06), 0.007, look.wood, casts=False)
            b.cone(x, y, 1.88, 0.003, 0.18, BLACK, casts=False)
            b.ellipsoid(x, y, 1.84, 0.055, 0.055, 0.055, look.paint(), casts=False)


def toy_bear(look: Look, x: Number, y: Number, z: Number, size: Number = 1.0) -> None:
    """Teddy bear sitting at a place, facing −y."""
    b = look.b
    fur = fabric(b.rng, b.pick(("brown", "brown", "beige", "white", "pink")))
    pale = one_colour(SOLID, mix(fur.c3, (0.9, 0.85, 0.8), 0.5))
    with b.thing("teddy bear", fur, "plush"), b.at(x, y, z, 0.0, size):
        b.ellipsoid(0, 0, 0.15, 0.13, 0.12, 0.15, fur)
        b.ellipsoid(0, -0.01, 0.36, 0.12, 0.11, 0.11, fur)
        b.ellipsoid(0, -0.1, 0.335, 0.055, 0.045, 0.045, pale)
        b.ellipsoid(0, -0.145, 0.35, 0.018, 0.012, 0.014, BLACK)
        for s in (-1, 1):
            b.ellipsoid(s * 0.09, 0, 0.455, 0.045, 0.03, 0.045, fur)
            b.ellipsoid(s * 0.045, -0.105, 0.39, 0.014, 0.01, 0.014, BLACK)
            b.ellipsoid(s * 0.14, -0.04, 0.2, 0.045, 0.05, 0.1, fur, rotation(roll=s * 30))
            b.ellipsoid(s * 0.09, -0.15, 0.055, 0.055, 0.11, 0.055, fur)


def toy_shelf(look: Look, width: Number = 1.5) -> None:
    """Low shelf with coloured boxes and toys on it."""
    b = look.b
    body = look.timber()
    with b.thing("toy shelf", body, surface_kind(body)):
        b.box(0, -0.02, 0, width, 0.03, 0.8, shade_of(body, 0.8))
        for k in range(4):
            b.box((k - 1.5) * (width - 0.04) / 3, -0.19, 0, 0.04, 0.36, 0.8, body)
        for j in range(3):
            b.box(0, -0.19, 0.38 * j, width, 0.36, 0.04, body)
        for k in range(3):
            for j in range(2):
                if b.chance(0.8):
                    box = look.paint()
                    b.box((k - 1) * (width - 0.04) / 3, -0.2, 0.04 + 0.38 * j, width / 3 - 0.1, 0.32, 0.26, box, 0.02)
                    b.box((k - 1) * (width - 0.04) / 3, -0.365, 0.2 + 0.38 * j, 0.1, 0.012, 0.03, shade_of(box, 0.5))
    toy_bear(look, -0.45, -0.2, 0.8)
    rings = b.pick(
        (
            ("red", "orange", "yellow", "green"),
            ("blue", "teal", "green", "yellow"),
            ("purple", "pink", "orange", "yellow"),
        )
    )
    for k, name in enumerate(rings):
        b.torus(0.05, -0.2, 0.835 + 0.065 * k, 0.08 - 0.013 * k, 0.034, plain(b.rng, name, 0.04))
    for k in range(3):
        b.box(0.36 + 0.13 * (k % 2), -0.2, 0.8 + 0.12 * (k // 2), 0.12, 0.12, 0.12, look.paint(), 0.01)


def toys(look: Look, x: Number, y: Number) -> None:
    """Ball and blocks on the floor."""
    b = look.b
    ball = look.paint()
    with b.thing("ball", ball, "toy"):
        b.ellipsoid(
            x,
            y,
            0.14,
            0.14,
            0.14,
            0.14,
            Material(BANDS, ball.c1, named(b.rng, "white"), ball.c1, (5.0, 0, 0, 0), 0.04, colour=ball.colour),
            rotation(roll=30, yaw=40),
        )
    for k in range(4):
        b.box(
            x + 0.4 + 0.16 * (k % 3),
            y + 0.1 * (k % 2),
            0.14 * (k // 3),
            0.13,
            0.13,
            0.13,
            look.paint(),
            0.01,
            rotation(yaw=25 * k),
        )


def tent(look: Look) -> None:
    """Play tent with a dark opening."""
    b = look.b
    name = look.fabric_colour()
    c = named(b.rng, name)
    cloth = (
        Material(STRIPES, c, named(b.rng, "white"), c, (0.24, 0, 0, 0), colour=name)
        if b.chance(0.5)
        else fabric(b.rng, name)
    )
    with b.thing("play tent", cloth, "fabric"):
        b.frustum(0, -0.5, 0, 1.0, 0.9, 1.3, cloth, 0.06, 0.06)
        b.frustum(0, -0.765, 0, 0.46, 0.4, 0.72, shade_of(fabric(b.rng, name), 0.25), 0.1, 0.5)
        for s in (-1, 1):
            b.rod((s * 0.03, -0.5, 1.26), (-s * 0.06, -0.5, 1.42), 0.015, look.wood)


def bunting(look: Look, width: Number) -> None:
    """Pennants along a wall."""
    b = look.b
    with b.thing("pennants", None, "fabric", True):
        count = 9
        for k in range(count):
            t = (k + 0.5) / count
            x, z = (t - 0.5) * width, 2.15 - 0.22 * (1 - (2 * t - 1) ** 2)
            flag = plain(b.rng, b.pick(("red", "yellow", "teal", "pink", "blue", "orange", "green", "white")))
            b.frustum(x, -0.02, z - 0.2, 0.19, 0.012, 0.2, flag, 0.05, 1.0, rotation(roll=180), casts=False)
