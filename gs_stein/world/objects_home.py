"""Objects from indoors: furniture, kitchenware, food and toys. Each stands on z = 0, its front faces −y."""

from __future__ import annotations

import math

from gs_stein.world.materials import BANDS, SOLID, Material, Number, named, one_colour, shade, srgb
from gs_stein.world.objects import Kit, Maker
from gs_stein.world.primitives import rotation

ON_SIDE = rotation(pitch=90)
"""Turns an upright cylinder's axis toward y."""


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


def mixed(material: Material, white: Number) -> tuple[Number, Number, Number]:
    """Main colour, lightened."""
    return tuple(c + white * (0.9 - c) for c in material.c1)  # type: ignore[return-value]


def potted_plant(k: Kit) -> None:
    """Bush of leaves in a pot."""
    b = k.b
    pot = k.paint(k.colour())
    leaves = [k.paint("green", 0.02) for _ in range(3)]
    earth = one_colour(SOLID, srgb(62, 46, 36))
    blades = b.chance(0.4)
    with k.part("potted plant", leaves[0], "plant"):
        for j in range(11 if blades else 20):
            a, lift = 2.399963 * j, (j + 0.5) / (11 if blades else 20)
            if blades:
                tilt, length = 5 + 30 * lift, 0.85 - 0.3 * lift
                t = math.radians(tilt)
                b.ellipsoid(
                    0.5 * length * math.sin(t) * math.cos(a),
                    0.5 * length * math.sin(t) * math.sin(a),
                    0.36 + 0.5 * length * math.cos(t),
                    0.025,
                    0.065,
                    0.5 * length,
                    leaves[j % 3],
                    rotation(yaw=math.degrees(a), roll=tilt),
                )
            else:
                r = 0.34 * math.sqrt(1 - 0.75 * lift) * (0.6 + 0.4 * (j % 2))
                b.ellipsoid(
                    0.85 * r * math.cos(a),
                    0.85 * r * math.sin(a),
                    0.44 + 0.5 * lift,
                    0.19,
                    0.09,
                    0.035,
                    leaves[j % 3],
                    rotation(yaw=math.degrees(a), roll=-40 + 25 * lift),
                )
    with k.part("pot", pot, "ceramic"):
        b.cone(0, 0, 0, 0.17, 0.34, pot, 1.4)
        b.cone(0, 0, 0.3, 0.255, 0.06, pot)
        b.cone(0, 0, 0.345, 0.22, 0.02, earth)


def mug(k: Kit) -> None:
    """Cylinder with a handle and coffee."""
    b = k.b
    name = k.colour()
    striped = b.chance(0.25)
    second = k.other(name)
    glaze = (
        Material(BANDS, named(b.rng, name), named(b.rng, second), (0, 0, 0), (6.0, 0, 0, 0), 0.07, colour=name)
        if striped
        else k.paint(name, 0.08)
    )
    plain = k.paint(name, 0.08)
    with k.part("mug", glaze, f"striped {second}" if striped else "ceramic"):
        b.cone(0, 0, 0, 0.38, 0.86, glaze, 1.06)
        b.torus(0.42, 0, 0.42, 0.23, 0.058, plain, rotation(pitch=90))
        b.torus(0, 0, 0.86, 0.375, 0.032, plain)
        b.cone(0, 0, 0.855, 0.35, 0.012, one_colour(SOLID, srgb(74, 46, 30), gloss=0.08))


def teapot(k: Kit) -> None:
    """Belly, spout to the east, handle to the west, lid with a knob."""
    b = k.b
    glaze, kind = k.finish(0.0, 0.2)
    lid = glaze if b.chance(0.5) else k.paint(k.other(glaze.colour))
    with k.part("teapot", glaze, kind):
        b.ellipsoid(0, 0, 0.4, 0.5, 0.5, 0.4, glaze)
        b.cone(0, 0, 0.0, 0.3, 0.1, glaze, 0.9)
        b.rod((0.38, 0, 0.3), (0.78, 0, 0.66), 0.13, glaze, 0.5)
        b.torus(-0.5, 0, 0.44, 0.22, 0.05, glaze, rotation(pitch=90))
    with k.part("lid", lid):
        b.ellipsoid(0, 0, 0.68, 0.3, 0.3, 0.16, lid, cut=0.0)
        b.cone(0, 0, 0.67, 0.31, 0.03, lid)
        b.ellipsoid(0, 0, 0.88, 0.075, 0.075, 0.07, lid)


def vase(k: Kit) -> None:
    """Vase with a bunch of flowers."""
    b = k.b
    glaze, kind = k.finish(0.0, 0.12)
    petals = k.paint(k.colour("red", "yellow", "pink", "white", "purple", "orange"), 0.0)
    with k.part("vase", glaze, kind):
        b.cone(0, 0, 0, 0.15, 0.08, glaze, 1.1)
        b.ellipsoid(0, 0, 0.3, 0.25, 0.25, 0.27, glaze)
        b.cone(0, 0, 0.48, 0.12, 0.18, glaze, 1.3)
    stem = k.paint("green", 0.0)
    with k.part("flowers", petals, "flowers", True):
        for j in range(8):
            a = 2.399963 * j
            r, h = 0.11 * math.sqrt(j) + 0.02, 1.18 - 0.045 * j
            x, y = r * math.cos(a), r * math.sin(a)
            b.rod((0, 0, 0.62), (x, y, h), 0.014, stem)
            b.ellipsoid(x, y, h, 0.105, 0.105, 0.075, petals)
            b.ellipsoid(
                x, y, h + 0.05, 0.042, 0.042, 0.04, k.paint("yellow" if petals.colour != "yellow" else "brown", 0.0)
            )


def cake(k: Kit) -> None:
    """Two tiers with icing, cherries and candles."""
    b = k.b
    icing = k.paint(k.colour("pink", "white", "yellow", "brown", "blue", "green", "purple", "red"), 0.03)
    drip = k.paint(k.other(icing.colour), 0.05)
    with k.part("cake", icing, "icing"):
        b.cone(0, 0, 0.05, 0.6, 0.34, icing)
        b.cone(0, 0, 0.39, 0.4, 0.28, icing)
        b.cone(0, 0, 0.0, 0.74, 0.045, k.paint("white", 0.08))
    with k.part("icing", drip):
        b.torus(0, 0, 0.39, 0.57, 0.05, drip)
        b.torus(0, 0, 0.66, 0.37, 0.045, drip)
        for j in range(10):
            a = 0.6283 * j
            b.ellipsoid(0.6 * math.cos(a), 0.6 * math.sin(a), 0.3, 0.05, 0.05, 0.09, drip)
    top = b.pick(("candles", "cherries"))
    bright = k.paint("red" if top == "cherries" else k.colour("red", "blue", "yellow", "green"), 0.06)
    with k.part(top, bright, "paint", True):
        for j in range(5):
            a = 1.2566 * j + 0.3
            x, y = 0.24 * math.cos(a), 0.24 * math.sin(a)
            if top == "cherries":
                b.ellipsoid(x, y, 0.73, 0.07, 0.07, 0.07, bright)
            else:
                b.cone(x, y, 0.67, 0.03, 0.22, bright)
                b.ellipsoid(
                    x,
                    y,
                    0.93,
                    0.03,
                    0.03,
                    0.06,
                    one_colour(SOLID, srgb(255, 196, 80), emission=0.5, colour="yellow"),
                )


def hamburger(k: Kit) -> None:
    """Buns, lettuce, patty, cheese and tomato."""
    b = k.b
    bun = one_colour(SOLID, srgb(206, 142, 74), gloss=0.03, colour="orange")
    meat = one_colour(SOLID, srgb(96, 58, 38), colour="brown")
    green, cheese, tomato = k.paint("green", 0.02), k.paint("yellow", 0.02), k.paint("red", 0.04)
    with k.part("hamburger", bun, "food"):
        b.ellipsoid(0, 0, 0.16, 0.6, 0.6, 0.16, bun)
        b.cone(0, 0, 0.1, 0.59, 0.12, bun)
        for j in range(14):
            a = 0.4488 * j
            b.ellipsoid(0.53 * math.cos(a), 0.53 * math.sin(a), 0.25, 0.17, 0.17, 0.045, green)
        b.cone(0, 0, 0.27, 0.6, 0.13, meat)
        b.box(0, 0, 0.4, 0.92, 0.92, 0.035, cheese, 0.012, rotation(yaw=45 + b.uniform(-8, 8)))
        b.cone(0, 0, 0.435, 0.54, 0.06, tomato)
        b.ellipsoid(0, 0, 0.5, 0.63, 0.63, 0.4, bun, cut=0.0)
        seed = k.paint("beige", 0.0)
        for j in range(16):
            a, r = 2.399963 * j, 0.1 * math.sqrt(j + 0.5)
            z = 0.5 + 0.4 * math.sqrt(max(1 - (r / 0.63) ** 2, 0))
            b.ellipsoid(r * math.cos(a), r * math.sin(a), z, 0.035, 0.024, 0.014, seed, rotation(yaw=70 * j))


def apple(k: Kit) -> None:
    """Red, green or yellow, with a stalk and a leaf."""
    b = k.b
    skin = k.paint(k.colour("red", "red", "green", "yellow"), 0.06)
    with k.part("apple", skin, "fruit"):
        for j in range(6):
            a = 1.0472 * j
            b.ellipsoid(0.1 * math.cos(a), 0.1 * math.sin(a), 0.56, 0.5, 0.5, 0.48, skin)
        b.ellipsoid(0, 0, 0.38, 0.45, 0.45, 0.4, skin)
        b.rod((0, 0, 0.95), (0.07, 0, 1.26), 0.035, k.wood("dark"))
        leaf = k.paint("green", 0.03)
        b.ellipsoid(0.22, 0, 1.13, 0.19, 0.09, 0.025, leaf, rotation(roll=-22))


def pear(k: Kit) -> None:
    """Green or yellow."""
    b = k.b
    skin = k.paint(k.colour("green", "yellow"), 0.05)
    with k.part("pear", skin, "fruit"):
        b.ellipsoid(0, 0, 0.45, 0.46, 0.46, 0.45, skin)
        b.cone(0, 0, 0.63, 0.423, 0.4, skin, 0.57)
        b.ellipsoid(0, 0, 0.96, 0.25, 0.25, 0.27, skin)
        b.rod((0, 0, 1.2), (0.07, 0, 1.46), 0.03, k.wood("dark"))
        b.ellipsoid(0.2, 0, 1.34, 0.16, 0.08, 0.022, k.paint("green", 0.03), rotation(roll=-20))


def pineapple(k: Kit) -> None:
    """Golden body with a crown of leaves."""
    b = k.b
    skin = one_colour(SOLID, srgb(216, 158, 58), colour="yellow")
    knob = one_colour(SOLID, srgb(176, 116, 44))
    leaf = k.paint("green", 0.02)
    with k.part("pineapple", skin, "fruit"):
        b.ellipsoid(0, 0, 0.5, 0.36, 0.36, 0.5, skin)
        for j in range(48):
            z = -0.86 + 1.72 * (j + 0.5) / 48
            a, r = 2.399963 * j, math.sqrt(1 - z * z)
            b.ellipsoid(0.355 * r * math.cos(a), 0.355 * r * math.sin(a), 0.5 + 0.5 * z, 0.045, 0.045, 0.055, knob)
        for j in range(14):
            a, lift = 2.399963 * j, j / 14
            tilt = 55 - 50 * lift
            t = math.radians(tilt)
            b.ellipsoid(
                0.24 * math.sin(t) * math.cos(a),
                0.24 * math.sin(t) * math.sin(a),
                0.98 + 0.25 * math.cos(t) + 0.12 * lift,
                0.02,
                0.06,
                0.26,
                leaf,
                rotation(yaw=math.degrees(a), roll=tilt),
            )


def donut(k: Kit) -> None:
    """Standing upright toward the viewer, with icing and sprinkles."""
    b = k.b
    icing = k.paint(k.colour("pink", "brown", "white", "blue", "yellow", "green", "purple", "red"), 0.06)
    dough = one_colour(SOLID, srgb(206, 152, 90), colour="orange")
    with b.at(0, 0, 0.7, pitch=62), k.part("donut", icing, "icing"):
        b.torus(0, 0, 0, 0.46, 0.24, dough)
        b.torus(0, 0, 0.05, 0.46, 0.225, icing)
        for j in range(34):
            a = 2.399963 * j
            e = math.radians(28 + 124 * ((j * 0.618) % 1))
            r = 0.46 + 0.225 * math.cos(e)
            c = k.paint(k.colour("red", "yellow", "blue", "white", "green", "orange"), 0.0)
            b.ellipsoid(
                r * math.cos(a),
                r * math.sin(a),
                0.05 + 0.225 * math.sin(e),
                0.045,
                0.018,
                0.018,
                c,
                rotation(yaw=57 * j),
            )


def ice_cream(k: Kit) -> None:
    """Cone with two or three scoops and a cherry."""
    b = k.b
    first = k.colour("pink", "white", "brown", "green", "yellow", "blue", "orange")
    scoop = k.paint(first, 0.03)
    waffle = one_colour(SOLID, srgb(204, 148, 86), colour="orange")
    count = 2 if b.chance(0.5) else 3
    with k.part("ice cream", scoop, "ice cream"):
        b.cone(0, 0, 0, 0.04, 0.85, waffle, 7.0)
        b.torus(0, 0, 0.84, 0.26, 0.04, waffle)
        for j in range(count):
            c = (
                scoop
                if j == 0 or b.chance(0.5)
                else k.paint(k.colour("pink", "white", "brown", "green", "yellow"), 0.03)
            )
            r = 0.31 - 0.035 * j
            b.ellipsoid(0, 0, 1.02 + 0.33 * j, r, r, 0.92 * r, c)
            b.torus(0, 0, 0.9 + 0.33 * j, r - 0.045, 0.06, c)
        b.ellipsoid(0, 0, 1.02 + 0.33 * count - 0.03, 0.085, 0.085, 0.085, k.paint("red", 0.08))


def teddy_bear(k: Kit) -> None:
    """Sitting, with a muzzle, ears and a bow or a shirt."""
    b = k.b
    fur = k.cloth(k.colour("brown", "brown", "beige", "white", "pink", "grey", "blue"))
    pale = one_colour(SOLID, shade(mixed(fur, 0.4), 1.0))
    with k.part("teddy bear", fur, "plush"):
        b.ellipsoid(0, 0, 0.42, 0.36, 0.32, 0.42, fur)
        b.ellipsoid(0, -0.22, 0.4, 0.22, 0.14, 0.26, pale)
        b.ellipsoid(0, -0.02, 1.0, 0.31, 0.28, 0.29, fur)
        b.ellipsoid(0, -0.27, 0.93, 0.14, 0.1, 0.11, pale)
        b.ellipsoid(0, -0.37, 0.97, 0.05, 0.03, 0.04, k.dark())
        for s in (-1, 1):
            b.ellipsoid(s * 0.23, 0, 1.25, 0.12, 0.07, 0.12, fur)
            b.ellipsoid(s * 0.23, -0.045, 1.25, 0.07, 0.04, 0.07, pale)
            b.ellipsoid(s * 0.11, -0.27, 1.07, 0.035, 0.025, 0.04, k.dark(0.1))
            b.ellipsoid(s * 0.38, -0.12, 0.58, 0.12, 0.13, 0.25, fur, rotation(roll=s * 32, pitch=20))
            b.ellipsoid(s * 0.25, -0.38, 0.13, 0.14, 0.26, 0.14, fur, rotation(yaw=s * 14))
            b.ellipsoid(s * 0.31, -0.6, 0.15, 0.11, 0.05, 0.13, pale)
    if b.chance(0.6):
        bow = k.paint(k.other(fur.colour), 0.03)
        with k.part("bow", bow, "fabric"):
            for s in (-1, 1):
                b.ellipsoid(s * 0.13, -0.3, 0.74, 0.13, 0.05, 0.085, bow, rotation(roll=-s * 15))
            b.ellipsoid(0, -0.32, 0.74, 0.05, 0.05, 0.05, bow)


def robot(k: Kit) -> None:
    """Boxy, with antenna, eyes, arms and a panel."""
    b = k.b
    body, kind = k.finish(0.0, 0.3)
    second = (
        k.paint(k.other(body.colour), 0.06)
        if kind == "paint" and b.chance(0.6)
        else k.metal("grey" if kind != "metal" else "black")
    )
    eye = one_colour(SOLID, srgb(110, 226, 236), emission=0.5, colour="teal")
    with k.part("robot", body, kind):
        b.box(0, 0, 0.42, 0.56, 0.4, 0.56, body, 0.05)
        b.box(0, 0, 1.06, 0.44, 0.36, 0.36, body, 0.05)
        b.cone(0, 0, 0.97, 0.09, 0.1, second)
        b.cone(0, 0, 1.4, 0.018, 0.16, second)
        b.ellipsoid(0, 0, 1.6, 0.055, 0.055, 0.055, k.paint("red", 0.08))
        b.box(0, -0.185, 1.11, 0.36, 0.02, 0.2, k.dark(), 0.008)
        b.box(0, -0.2, 0.56, 0.34, 0.02, 0.26, second, 0.008)
        for j, c in enumerate(("red", "yellow", "green")):
            b.ellipsoid(-0.1 + 0.1 * j, -0.215, 0.74, 0.03, 0.015, 0.03, k.paint(c, 0.06))
        for s in (-1, 1):
            b.ellipsoid(s * 0.1, -0.2, 1.21, 0.055, 0.02, 0.055, eye)
            b.cone(s * 0.25, 0, 1.19, 0.06, 0.08, second, turn=rotation(roll=90))
            b.ellipsoid(s * 0.33, 0, 0.86, 0.1, 0.1, 0.1, second)
            b.rod((s * 0.36, 0, 0.84), (s * 0.44, -0.04, 0.52), 0.06, second)
            b.ellipsoid(s * 0.45, -0.05, 0.46, 0.09, 0.09, 0.09, body)
            b.cone(s * 0.16, 0, 0.1, 0.075, 0.34, second)
            b.box(s * 0.16, -0.05, 0.0, 0.2, 0.32, 0.12, body, 0.04)


def gift_box(k: Kit) -> None:
    """Box with a ribbon and a bow."""
    b = k.b
    name = k.colour()
    paper = k.striped(name, k.other(name), 0.16) if b.chance(0.25) else k.paint(name, 0.03)
    ribbon = k.paint(k.other(name), 0.06)
    with k.part("gift box", paper, "paper"):
        b.box(0, 0, 0, 0.9, 0.9, 0.62, paper, 0.01)
        b.box(0, 0, 0.6, 0.96, 0.96, 0.2, paper, 0.012)
    with k.part("ribbon", ribbon, "ribbon"):
        b.box(0, 0, 0.0, 0.15, 0.98, 0.815, ribbon)
        b.box(0, 0, 0.0, 0.98, 0.15, 0.815, ribbon)
        for s in (-1, 1):
            b.torus(s * 0.17, 0, 0.93, 0.12, 0.05, ribbon, rotation(pitch=90, yaw=0))
            b.torus(0, s * 0.17, 0.93, 0.12, 0.05, ribbon, rotation(roll=90))
        b.ellipsoid(0, 0, 0.87, 0.08, 0.08, 0.07, ribbon)


def treasure_chest(k: Kit) -> None:
    """Wooden chest with iron bands and a lock."""
    b = k.b
    body = k.wood(b.pick(("oak", "walnut", "light"))) if b.chance(0.7) else k.paint(k.colour())
    band = k.metal(b.pick(("grey", "yellow", "black")))
    with k.part("treasure chest", body, "wood" if body.texture else "paint"):
        b.box(0, 0, 0, 1.1, 0.7, 0.46, body, 0.01)
        b.cone(0, 0, -0.09, 0.35, 1.1, body, turn=rotation(roll=90))
        b.box(0, 0, 0.44, 1.12, 0.72, 0.04, band)
    with k.part("bands", band, "metal", True):
        for x in (-0.42, 0.42):
            b.box(x, 0, 0.0, 0.1, 0.72, 0.48, band)
            b.cone(x, 0, 0.41, 0.365, 0.1, band, turn=rotation(roll=90))
        b.box(0, -0.36, 0.34, 0.16, 0.06, 0.2, band, 0.015)
        b.box(0, -0.4, 0.39, 0.035, 0.02, 0.08, k.dark())


def guitar(k: Kit) -> None:
    """Standing acoustic guitar, strings to the front."""
    b = k.b
    body, kind = k.finish(0.6, 0.0)
    dark = k.wood("dark")
    with k.part("guitar", body, kind):
        for z, r in ((0.4, 0.4), (0.88, 0.3)):
            b.cone(0, 0, z - 0.09, r, 0.18, body, turn=ON_SIDE)
        b.box(0, 0, 0.45, 0.5, 0.18, 0.4, body, 0.02)
        b.cone(0, -0.09, 0.695, 0.13, 0.012, k.dark(), turn=ON_SIDE)
        b.box(0, -0.115, 1.1, 0.11, 0.06, 0.85, dark, 0.01)
        b.box(0, -0.11, 1.92, 0.18, 0.05, 0.24, dark, 0.02)
        b.box(0, -0.1, 0.28, 0.26, 0.03, 0.05, dark)
        for s in (-1, 0, 1):
            b.box(s * 0.03, -0.152, 0.3, 0.008, 0.006, 1.65, k.metal())
        for s in (-1, 1):
            for j in range(3):
                b.ellipsoid(s * 0.12, -0.11, 1.97 + 0.07 * j, 0.03, 0.02, 0.02, k.metal())


def clock(k: Kit) -> None:
    """Alarm clock with two bells."""
    from gs_stein.world.materials import CLOCK

    b = k.b
    body, kind = k.finish(0.1, 0.2)
    face = Material(
        CLOCK, srgb(244, 242, 235), srgb(244, 242, 235), srgb(34, 34, 36), (b.uniform(0, 6.2), b.uniform(0, 6.2), 0, 0)
    )
    bell = k.metal(b.pick(("grey", "yellow")))
    with k.part("alarm clock", body, kind):
        b.cone(0, 0, 0.4, 0.5, 0.3, body, turn=ON_SIDE)
        b.ellipsoid(0, -0.15, 0.55, 0.43, 0.035, 0.43, face)
        for s in (-1, 1):
            b.rod((s * 0.22, 0, 0.3), (s * 0.36, 0, 0.0), 0.05, body)
            b.ellipsoid(s * 0.3, 0, 1.03, 0.2, 0.2, 0.15, bell, rotation(roll=s * 32), cut=0.0)
        b.cone(0, 0, 1.0, 0.03, 0.22, bell)


def bottle(k: Kit) -> None:
    """Bottle with a label and a cork or cap."""
    b = k.b
    glass = k.paint(k.colour("green", "brown", "blue", "teal", "red", "purple", "black"), 0.14)
    label = k.paint(k.other(glass.colour), 0.0)
    with k.part("bottle", glass, "glass"):
        b.cone(0, 0, 0, 0.26, 0.8, glass)
        b.ellipsoid(0, 0, 0.8, 0.26, 0.26, 0.24, glass, cut=0.0)
        b.cone(0, 0, 0.9, 0.095, 0.4, glass, 0.9)
        b.cone(0, 0, 1.2, 0.105, 0.06, glass)
    with k.part("label", label, "paper"):
        b.cone(0, 0, 0.22, 0.266, 0.36, label)
    b.cone(0, 0, 1.28, 0.075, 0.1, k.wood("light"))


HOME: dict[str, Maker] = {
    "chair": chair,
    "armchair": armchair,
    "sofa": sofa,
    "stool": stool,
    "table": table,
    "bed": bed,
    "bookshelf": bookshelf,
    "lamp": lamp,
    "potted plant": potted_plant,
    "mug": mug,
    "teapot": teapot,
    "vase": vase,
    "cake": cake,
    "hamburger": hamburger,
    "apple": apple,
    "pear": pear,
    "pineapple": pineapple,
    "donut": donut,
    "ice cream": ice_cream,
    "teddy bear": teddy_bear,
    "robot": robot,
    "gift box": gift_box,
    "treasure chest": treasure_chest,
    "guitar": guitar,
    "alarm clock": clock,
    "bottle": bottle,
}
