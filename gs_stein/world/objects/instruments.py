"""Musical instruments."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.objects.kit import Kit


def piano(k: Kit) -> None:
    """Grand piano with a raised lid, keys to the south, and a stool."""
    b = k.b
    body = k.paint(k.colour("black", "black", "white", "red", "brown", "navy"), 0.12)
    white = k.paint("white", 0.06)
    with k.part("piano", body, "paint"):
        b.box(0, 0.05, 0.6, 1.4, 0.7, 0.24, body, 0.01)
        b.cone(-0.26, 0.5, 0.6, 0.44, 0.24, body, 1.0, 0.62)
        b.box(0, -0.4, 0.6, 1.4, 0.3, 0.1, body, 0.01)
        b.box(0, -0.42, 0.69, 1.24, 0.22, 0.03, white)
        for j in range(15):
            if j % 7 not in (2, 6):
                b.box(-0.54 + 0.077 * j, -0.38, 0.71, 0.035, 0.14, 0.03, k.dark())
        for s in (-1, 1):
            b.box(s * 0.66, -0.4, 0.6, 0.08, 0.3, 0.18, body, 0.01)
        b.box(0, 0.1, 0.842, 1.28, 0.5, 0.01, k.metal("yellow"))
        b.cone(-0.26, 0.5, 0.842, 0.38, 0.01, k.metal("yellow"), 1.0, 0.54)
        with b.at(-0.7, 0, 0.86, roll=-38):
            b.box(0.7, 0.1, 0, 1.4, 0.58, 0.03, body)
            b.cone(0.44, 0.5, 0, 0.44, 0.03, body, 1.0, 0.62)
        b.rod((0.58, 0.2, 0.84), (0.4, 0.2, 1.7), 0.018, k.metal("yellow"))
        b.box(0, -0.16, 0.82, 0.6, 0.03, 0.26, body, 0.01, rotation(pitch=-14))
        b.box(0, -0.19, 0.86, 0.36, 0.01, 0.2, white, 0, rotation(pitch=-14))
        for x, y in ((-0.58, -0.34), (0.58, -0.34), (-0.26, 0.86)):
            b.cone(x, y, 0.05, 0.06, 0.56, body, 1.3)
            b.ellipsoid(x, y, 0.04, 0.05, 0.05, 0.04, k.metal("yellow"))
    seat = k.paint(k.colour("red", "black", "brown", "green", "blue"), 0.04)
    with k.part("stool", seat, "leather"):
        b.box(0, -0.92, 0.36, 0.62, 0.32, 0.1, seat, 0.03)
        for s in (-1, 1):
            for t in (-1, 1):
                b.rod((s * 0.26, -0.92 + t * 0.12, 0.38), (s * 0.28, -0.92 + t * 0.13, 0), 0.03, body)


def drum(k: Kit) -> None:
    """Upright drum with cords and two sticks."""
    b = k.b
    side = k.paint(k.colour(), 0.07)
    rim = k.metal(b.pick(("yellow", "grey"))) if b.chance(0.6) else k.paint(k.other(side.colour, "white"), 0.06)
    cord = k.paint("white" if side.colour != "white" else "brown", 0.0)
    r, h = 0.62, b.uniform(0.6, 0.95)
    with k.part("drum", side, "paint"):
        b.cone(0, 0, 0, r, h, side)
        b.cone(0, 0, h - 0.01, r * 0.97, 0.03, k.paint("white" if side.colour != "white" else "beige", 0.02))
        for z in (0.05, h - 0.04):
            b.torus(0, 0, z, r, 0.055, rim)
        for j in range(12):
            a, c = math.pi * j / 6, math.pi * (j + 1) / 6
            low, high = (0.08, h - 0.07) if j % 2 else (h - 0.07, 0.08)
            q = r + 0.025
            b.rod((q * math.cos(a), q * math.sin(a), low), (q * math.cos(c), q * math.sin(c), high), 0.022, cord)
    stick = k.wood(b.pick(("light", "oak")))
    with k.part("drumsticks", stick, "wood", True):
        for s in (-1, 1):
            b.rod((s * 0.55, -0.6, h + 0.1), (-s * 0.22, 0.3, h + 0.1 + 0.07 * s), 0.035, stick, 0.7)
            b.ellipsoid(-s * 0.22, 0.3, h + 0.1 + 0.07 * s, 0.06, 0.06, 0.06, stick)


def violin(k: Kit) -> None:
    """Standing, its strings to the south, with a bow leaning at its side."""
    b = k.b
    body = (
        k.wood(b.pick(("oak", "walnut"))) if b.chance(0.75) else k.paint(k.colour("red", "blue", "white", "teal"), 0.1)
    )
    black = k.dark(0.08)
    with k.part("violin", body, "wood" if body.texture else "paint"):
        for z, r in ((0.33, 0.33), (0.84, 0.27)):
            b.cone(0, 0, z - 0.08, r, 0.16, body, turn=ON_SIDE)
        b.box(0, 0, 0.36, 0.38, 0.15, 0.46, body, 0.02)
        for s in (-1, 1):
            b.ellipsoid(s * 0.3, 0, 0.44, 0.06, 0.08, 0.06, body)
            b.ellipsoid(s * 0.25, 0, 0.72, 0.05, 0.08, 0.05, body)
            b.box(s * 0.13, -0.08, 0.46, 0.022, 0.012, 0.2, black, 0.005, rotation(roll=s * 10))
            b.ellipsoid(s * 0.11, -0.08, 0.66, 0.026, 0.012, 0.026, black)
            b.ellipsoid(s * 0.15, -0.08, 0.46, 0.026, 0.012, 0.026, black)
        b.box(0, -0.11, 0.7, 0.085, 0.05, 0.98, black, 0.01)
        b.frustum(0, -0.1, 0.12, 0.1, 0.04, 0.34, black, 0.6, 1.0, rotation(roll=180))
        b.box(0, -0.11, 0.53, 0.18, 0.05, 0.05, k.wood("light"))
        b.ellipsoid(-0.13, -0.09, 0.1, 0.14, 0.05, 0.08, black)
        b.box(0, -0.05, 1.05, 0.075, 0.06, 0.62, body, 0.02)
        b.box(0, -0.06, 1.66, 0.09, 0.09, 0.2, body, 0.02)
        b.cone(0, -0.06, 1.82, 0.085, 0.12, body, turn=rotation(roll=90))
        for s in (-1, 1):
            for z in (1.7, 1.79):
                b.rod((s * 0.04, -0.06, z), (s * 0.15, -0.06, z), 0.02, black, 1.5)
            b.box(s * 0.02, -0.145, 0.3, 0.007, 0.006, 1.4, k.metal())
    wood = k.wood("dark")
    with k.part("bow", wood, "wood"), b.at(0.5, -0.02, 0.02, roll=-7):
        b.rod((0, 0, 0), (0, 0, 1.6), 0.022, wood, 0.8)
        b.box(-0.05, 0, 0.06, 0.012, 0.03, 1.5, k.paint("white", 0.0))
        b.box(-0.03, 0, 0.05, 0.06, 0.04, 0.13, black)
        b.box(-0.03, 0, 1.53, 0.07, 0.03, 0.07, wood)


def trumpet(k: Kit) -> None:
    """Bell to the east, three valves, mouthpiece to the west."""
    b = k.b
    name = b.pick(("yellow", "yellow", "yellow", "grey", "orange"))
    metal = k.metal(name)
    with k.part("trumpet", metal, {"grey": "metal", "yellow": "gold", "orange": "copper"}[name]):
        b.rod((-1.0, 0, 0.55), (0.5, 0, 0.55), 0.045, metal)
        b.rod((0.44, 0, 0.55), (0.72, 0, 0.55), 0.05, metal, 1.6)
        b.rod((0.72, 0, 0.55), (0.9, 0, 0.55), 0.08, metal, 1.8)
        b.rod((0.9, 0, 0.55), (1.0, 0, 0.55), 0.144, metal, 2.1)
        b.torus(1.0, 0, 0.55, 0.29, 0.022, metal, rotation(roll=90))
        b.cone(0.985, 0, 0.535, 0.24, 0.03, k.dark(), turn=rotation(roll=90))
        b.rod((-1.0, 0, 0.55), (-1.12, 0, 0.55), 0.04, metal, 2.2)
        b.torus(-1.12, 0, 0.55, 0.075, 0.02, metal, rotation(roll=90))
        for y in (-0.09, 0.09):
            b.rod((-0.5, y, 0.2), (0.5, y, 0.2), 0.042, metal)
        b.torus(0.5, 0, 0.375, 0.175, 0.045, metal, rotation(pitch=90))
        b.torus(-0.5, 0, 0.375, 0.175, 0.045, metal, rotation(pitch=90))
        b.torus(0.2, -0.17, 0.55, 0.06, 0.016, metal, ON_SIDE)
    pearl = k.paint("white", 0.1) if b.chance(0.5) else k.paint(k.colour("red", "blue", "green"), 0.1)
    with k.part("valves", pearl, "paint", True):
        for x in (-0.2, 0.0, 0.2):
            b.cone(x, 0, 0.08, 0.085, 0.6, metal)
            b.cone(x, 0, 0.06, 0.095, 0.06, metal)
            b.cone(x, 0, 0.66, 0.095, 0.05, metal)
            b.cone(x, 0, 0.7, 0.03, 0.12, metal)
            b.cone(x, 0, 0.8, 0.07, 0.05, pearl)
