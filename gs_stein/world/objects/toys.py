"""Toys, presents and instruments."""

from __future__ import annotations

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import SOLID, one_colour, shade, srgb
from gs_stein.world.objects.household import mixed
from gs_stein.world.objects.kit import Kit


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
