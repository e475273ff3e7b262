"""Things to eat."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.materials import SOLID, one_colour, srgb
from gs_stein.world.objects.kit import Kit


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
