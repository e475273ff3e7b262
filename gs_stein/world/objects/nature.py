"""Trees, cacti, mushrooms and snowmen."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.objects.kit import Kit


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
