"""Fruit and carrots."""

from __future__ import annotations

import math
from itertools import pairwise

from gs_stein.world.builder import rotation
from gs_stein.world.materials import SOLID, one_colour, srgb
from gs_stein.world.objects.kit import Kit


def bananas(k: Kit) -> None:
    """Hand of two to four."""
    b = k.b
    skin = k.paint("yellow", 0.05)
    tip = k.paint("brown", 0.0)
    count = b.pick((2, 3, 4))
    with k.part("bananas", skin, "fruit", True):
        arc = [(0.6 - math.cos(t), 0, math.sin(t) - 0.8) for t in (math.radians(a) for a in range(53, -62, -19))]
        radii = (0.07, 0.12, 0.14, 0.145, 0.14, 0.11, 0.05)
        for j in range(count):
            with b.at(0, 0, 1, 48 * (j - (count - 1) / 2) + 180, roll=12 + 4 * (j % 2)):
                for i in range(6):
                    b.rod(arc[i], arc[i + 1], radii[i], skin, radii[i + 1] / radii[i])
                    b.ellipsoid(*arc[i + 1], radii[i + 1], radii[i + 1], radii[i + 1], skin)
                b.ellipsoid(*arc[-1], 0.055, 0.055, 0.065, tip)
        b.rod((0, 0, 0.95), (0, 0, 1.2), 0.1, skin, 0.7)
        b.cone(0, 0, 1.18, 0.08, 0.05, tip)


def cherries(k: Kit) -> None:
    """A pair on their stalks, with a leaf."""
    b = k.b
    skin = k.paint(k.colour("red", "red", "red", "yellow", "purple"), 0.12)
    stalk, leaf = k.paint("green", 0.0), k.paint("green", 0.03)
    with k.part("cherries", skin, "fruit", True):
        for x, z in ((-0.4, 0.36), (0.42, 0.28 + b.uniform(0, 0.14))):
            b.ellipsoid(x, 0, z, 0.36, 0.36, 0.34, skin)
            b.ellipsoid(x, 0, z + 0.33, 0.1, 0.1, 0.03, k.dark())
            k.limb(((x, 0, z + 0.32), (0.6 * x, 0.03, 0.95), (0.04, 0.05, 1.42)), 0.026, 0.035, stalk)
        b.ellipsoid(0.04, 0.05, 1.45, 0.07, 0.06, 0.05, k.wood("dark"))
    with k.part("leaf", leaf, "plant"):
        b.ellipsoid(0.4, 0.05, 1.42, 0.36, 0.18, 0.03, leaf, rotation(roll=14))
        b.ellipsoid(0.4, 0.05, 1.45, 0.34, 0.02, 0.02, k.paint("green", 0.0), rotation(roll=14))


def watermelon(k: Kit) -> None:
    """Whole and striped, with a slice before it."""
    b = k.b
    rind = one_colour(SOLID, srgb(116, 164, 84), gloss=0.06, colour="green")
    dark = one_colour(SOLID, srgb(38, 92, 50), gloss=0.06, colour="green")
    flesh = k.paint(b.pick(("red", "red", "red", "yellow", "pink")), 0.04)
    pale = one_colour(SOLID, srgb(222, 232, 196))
    with k.part("watermelon", rind, "fruit"):
        b.ellipsoid(0, 0.3, 0.5, 0.66, 0.5, 0.5, rind)
        for j in range(6):
            b.ellipsoid(0, 0.3, 0.5, 0.676, 0.519, 0.19, dark, rotation(pitch=30 * j + 10))
        b.rod((-0.64, 0.3, 0.5), (-0.8, 0.3, 0.6), 0.035, k.wood("dark"))
    with k.part("slice", flesh, "fruit"), b.at(0.08, -0.5, 0.56, 12, pitch=-8, roll=180):
        b.ellipsoid(0, 0, 0, 0.56, 0.1, 0.56, dark, cut=0.0)
        b.ellipsoid(0, 0, -0.005, 0.525, 0.115, 0.525, pale, cut=0.0)
        b.ellipsoid(0, 0, -0.01, 0.49, 0.13, 0.49, flesh, cut=0.0)
        for s in (-1, 1):
            for j in range(7):
                a = math.radians(18 + 24 * j)
                r = 0.33 if j % 2 else 0.24
                b.ellipsoid(r * math.cos(a), s * 0.1, r * math.sin(a), 0.022, 0.025, 0.035, k.dark(0.1))


def strawberry(k: Kit) -> None:
    """Red, with seeds and a crown of leaves."""
    b = k.b
    skin = k.paint(k.colour("red", "red", "red", "pink", "white"), 0.1)
    seed = k.paint("yellow" if skin.colour != "white" else "red", 0.05)
    leaf = k.paint("green", 0.03)
    profile = [(0.1, 0.1), (0.3, 0.27), (0.52, 0.42), (0.7, 0.49)]
    with k.part("strawberry", skin, "fruit"):
        b.ellipsoid(0, 0, 0.1, 0.11, 0.11, 0.1, skin)
        for (z, r), (up, after) in pairwise(profile):
            b.cone(0, 0, z, r, up - z, skin, after / r)
        b.ellipsoid(0, 0, 0.74, 0.5, 0.5, 0.36, skin)
        for row, (z, r) in enumerate(((0.24, 0.225), (0.42, 0.36), (0.6, 0.455), (0.78, 0.5), (0.93, 0.425))):
            count = 4 + 2 * row
            for j in range(count):
                a = 2 * math.pi * (j + 0.5 * (row % 2)) / count
                b.ellipsoid(
                    r * math.cos(a), r * math.sin(a), z, 0.016, 0.024, 0.036, seed, rotation(yaw=math.degrees(a))
                )
    with k.part("leaves", leaf, "plant", True):
        for j in range(7):
            with b.at(0, 0, 1.09, 360 * j / 7):
                b.ellipsoid(0.24, 0, -0.01, 0.26, 0.1, 0.025, leaf, rotation(roll=14 if j % 2 else -8))
        b.rod((0, 0, 1.06), (0.06, 0, 1.34), 0.04, leaf, 0.8)


def carrot(k: Kit) -> None:
    """Upright, its tip down, with leaves."""
    b = k.b
    skin = k.paint(k.colour("orange", "orange", "orange", "orange", "purple", "yellow"), 0.04)
    ring = k.paint("brown", 0.0)
    leaf = [k.paint("green", 0.02) for _ in range(3)]
    wide = b.uniform(0.24, 0.34)
    with k.part("carrot", skin, "vegetable"):
        b.cone(0, 0, 0.05, 0.025, 1.0, skin, wide / 0.025)
        b.ellipsoid(0, 0, 1.05, wide, wide, 0.13, skin)
        for j in range(7):
            z, a = 0.3 + 0.11 * j, 2.4 * j
            r = 0.025 + (wide - 0.025) * (z - 0.05)
            b.ellipsoid(
                0.9 * r * math.cos(a), 0.9 * r * math.sin(a), z, 0.14 * r, 0.5 * r, 0.012, ring,
                rotation(yaw=math.degrees(a)),
            )  # fmt: skip
    with k.part("leaves", leaf[0], "plant", True):
        for j in range(9):
            a, tilt = 2.399963 * j, 6 + 3.6 * j
            t = math.radians(tilt)
            end = (0.62 * math.sin(t) * math.cos(a), 0.62 * math.sin(t) * math.sin(a), 1.1 + 0.62 * math.cos(t))
            b.rod((0, 0, 1.1), end, 0.022, leaf[j % 3])
            for share in (0.5, 0.75, 1.0):
                s = 0.1 * (1.25 - 0.4 * share)
                b.ellipsoid(share * end[0], share * end[1], 1.1 + share * (end[2] - 1.1), s, s, 1.3 * s, leaf[j % 3])
