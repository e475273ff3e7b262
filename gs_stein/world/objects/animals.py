"""Animals."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.objects.kit import Kit


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
