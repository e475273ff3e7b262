"""Things of studies, halls and lofts."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import BANDS, PICTURE, STRIPES, Material, Number, named, shade, srgb
from gs_stein.world.rooms.parts import shade_of
from gs_stein.world.styles import Look
from gs_stein.world.things.finishes import BRASS, CHROME, DARK, IVORY, a_colour, cloth, finish, paint, skin, timber
from gs_stein.world.things.movable import Movable

_LANDS = ((78, 126, 66), (52, 96, 120), (150, 100, 66))
"""sRGB of the ground in painted views."""


def _tripod(look: Look, z: Number, spread: Number, material: Material, radius: Number = 0.022) -> None:
    """Three legs that meet at height z over the origin, one of them to the back."""
    for k in range(3):
        a = 2.0944 * k + 1.5708
        c, s = math.cos(a), math.sin(a)
        look.b.rod((spread * c, spread * s, 0.012), (0.04 * c, 0.04 * s, z), radius, material)


def globe(look: Look) -> None:
    """On a floor stand: blue or antique, with lands and a brass meridian."""
    b = look.b
    frame = timber(look)
    old = b.chance(0.35)
    sea = skin(206, 178, 122, "beige", 0.08) if old else skin(52, 110, 176, "blue", 0.1)
    lands = (skin(150, 104, 60),) if old else (skin(96, 150, 70), skin(190, 160, 84))
    z = b.uniform(0.78, 0.86)
    with b.thing("globe", sea, "globe"), b.at(0, -0.34):
        _tripod(look, 0.46, 0.27, frame, 0.026)
        b.cone(0, 0, 0.44, 0.05, z - 0.28 - 0.44, frame)
        b.torus(0, 0, z, 0.29, 0.022, frame)
        b.torus(0, 0, z, 0.285, 0.014, BRASS, rotation(pitch=90, yaw=25))
        for k in range(4):
            a = 1.5708 * k + 0.6
            c, s = math.cos(a), math.sin(a)
            b.rod((0.06 * c, 0.06 * s, 0.48), (0.29 * c, 0.29 * s, z), 0.016, frame)
        b.ellipsoid(0, 0, z, 0.26, 0.26, 0.26, sea)
        spin = b.uniform(0, 6.28)
        for k in range(9):
            up = 0.8 - 0.2 * k
            a, r = 2.4 * k + spin, math.sqrt(1 - up * up)
            b.ellipsoid(
                0.175 * r * math.cos(a), 0.175 * r * math.sin(a), z + 0.175 * up, 0.1, 0.1, 0.095, lands[k % len(lands)]
            )


def telescope(look: Look) -> None:
    """Long tube on a wooden tripod, pointing up to the side."""
    b = look.b
    tube = BRASS if b.chance(0.3) else paint(look, gloss=0.1)
    side = 1 if b.chance(0.5) else -1
    wood = timber(look)
    with b.thing("telescope", tube, "brass" if tube is BRASS else "metal"), b.at(0, -0.46):
        _tripod(look, 1.02, 0.42, wood, 0.026)
        b.cone(0, 0, 0.98, 0.06, 0.1, DARK)
        b.torus(0, 0, 0.5, 0.2, 0.012, wood)
        with b.at(0, 0, 1.14, yaw=b.uniform(-20, 20), roll=side * 62):
            b.cone(0, 0, -0.3, 0.062, 0.72, tube)
            b.cone(0, 0, 0.4, 0.078, 0.2, tube)
            b.cone(0, 0, 0.6, 0.07, 0.004, skin(70, 90, 120, gloss=0.25))
            b.cone(0, 0, -0.44, 0.042, 0.15, DARK)
            b.cone(0, 0, -0.52, 0.03, 0.1, CHROME)
            for z in (-0.29, 0.02, 0.38):
                b.cone(0, 0, z, 0.07, 0.03, DARK if tube is BRASS else BRASS)
            b.rod((-side * 0.1, 0, -0.2), (-side * 0.1, 0, 0.1), 0.02, DARK)


def easel(look: Look) -> None:
    """Wooden easel with a painted canvas."""
    b = look.b
    wood = timber(look)
    variant = b.pick((0, 2, 3, 4, 4))
    sky, haze, land = srgb(110, 168, 214), srgb(236, 214, 170), srgb(*b.pick(_LANDS))
    if variant == 4:
        sky, haze, land = (named(b.rng, a_colour(look)) for _ in range(3))
    canvas = Material(PICTURE, sky, haze, land, (float(variant), b.uniform(0, 3), 0.0, 0.0))
    w, h = b.uniform(0.62, 0.8), b.uniform(0.62, 0.8)
    with b.thing("easel", wood, "wood"), b.at(0, -0.5):
        for s in (-1, 1):
            b.rod((s * 0.4, -0.2, 0.012), (s * 0.06, 0.06, 1.78), 0.022, wood)
        b.rod((0, 0.46, 0.012), (0, 0.08, 1.6), 0.022, wood)
        b.box(0, -0.1, 0.66, 0.84, 0.09, 0.04, wood, 0.008)
        b.rod((-0.28, -0.12, 0.48), (0.28, -0.12, 0.48), 0.018, wood)
        with b.at(0, -0.12, 0.7, pitch=-8):
            b.box(0, 0, 0, w, 0.03, h, IVORY)
            b.box(0, -0.012, 0.012, w - 0.024, 0.012, h - 0.024, canvas)
        b.box(0, 0.01, 0.7 + h, 0.1, 0.1, 0.06, wood, 0.01)


def ladder(look: Look) -> None:
    """Stepladder, or one that leans at the wall."""
    b = look.b
    rail, kind = finish(look, 0.5)
    with b.thing("ladder", rail, kind):
        if b.chance(0.6):
            top = b.uniform(1.45, 1.7)
            with b.at(0, -0.5):
                for s in (-1, 1):
                    b.rod((s * 0.28, -0.44, 0.015), (s * 0.19, -0.06, top), 0.026, rail)
                    b.rod((s * 0.28, 0.42, 0.015), (s * 0.19, 0.04, top), 0.022, rail)
                for k in range(5):
                    t = (k + 0.8) / 5.6
                    b.box(0, -0.44 + 0.38 * t, top * t, 0.54 - 0.16 * t, 0.11, 0.03, rail, 0.006)
                b.box(0, -0.02, top, 0.46, 0.2, 0.04, rail, 0.01)
                b.rod((-0.25, 0.3, 0.5), (0.25, 0.3, 0.5), 0.014, rail)
        else:
            top = b.uniform(1.9, 2.15)
            for s in (-1, 1):
                b.rod((s * 0.24, -0.62, 0.015), (s * 0.2, -0.03, top), 0.028, rail)
            for k in range(7):
                t = (k + 0.7) / 7.4
                b.rod((-0.24, -0.62 + 0.59 * t, top * t), (0.24, -0.62 + 0.59 * t, top * t), 0.02, rail)


def coat_rack(look: Look) -> None:
    """Pole with hooks, a coat, a scarf or hat on it."""
    b = look.b
    pole, kind = finish(look, 0.6)
    coat = cloth(look, pole.colour)
    with b.thing("coat rack", pole, kind), b.at(-0.05, -0.34):
        b.cone(0, 0, 0.02, 0.028, 1.74, pole)
        b.ellipsoid(0, 0, 1.78, 0.045, 0.045, 0.045, pole)
        for k in range(4):
            a = 1.5708 * k + 0.7854
            c, s = math.cos(a), math.sin(a)
            b.rod((0, 0, 0.2), (0.26 * c, 0.26 * s, 0.02), 0.024, pole)
            b.rod((0, 0, 1.56), (0.18 * c, 0.18 * s, 1.68), 0.016, pole)
            b.ellipsoid(0.19 * c, 0.19 * s, 1.7, 0.026, 0.026, 0.026, pole)
    with b.thing("coat", coat, "fabric"), b.at(0.09, -0.46):
        b.cone(0, 0, 0.66, 0.19, 0.72, coat, 0.62, 0.1)
        b.ellipsoid(0, 0, 1.38, 0.15, 0.085, 0.22, coat)
        for s in (-1, 1):
            b.rod((s * 0.11, -0.02, 1.44), (s * 0.2, -0.02, 0.9), 0.058, coat)
        b.box(0, -0.095, 0.72, 0.012, 0.03, 0.66, shade_of(coat, 0.6))
    if b.chance(0.6):
        hat = cloth(look, coat.colour)
        with b.thing("hat", hat, "fabric"), b.at(-0.18, -0.47, 1.7, pitch=10):
            b.cone(0, 0, 0, 0.17, 0.02, hat)
            b.ellipsoid(0, 0, 0.02, 0.1, 0.11, 0.13, hat, cut=0.0)


def umbrella_stand(look: Look) -> None:
    """Pot with furled umbrellas of several colours."""
    b = look.b
    pot, kind = finish(look, 0.2)
    with b.thing("umbrella stand", pot, "ceramic" if kind == "paint" else kind), b.at(0, -0.24):
        b.cone(0, 0, 0, 0.15, 0.5, pot, 1.15)
        b.torus(0, 0, 0.5, 0.165, 0.018, shade_of(pot, 0.8))
        b.cone(0, 0, 0.48, 0.155, 0.02, DARK)
        for k, lean in enumerate((-9, 8, 1)):
            roof = paint(look, pot.colour, gloss=0.0)
            with b.at(0.05 * (k - 1), 0.05 * (k % 2) - 0.03, 0.3, roll=lean, pitch=6 - 5 * k):
                b.cone(0, 0, 0, 0.028, 0.5, roof, 2.0)
                b.cone(0, 0, 0.5, 0.055, 0.05, roof, 0.4)
                b.rod((0, 0, 0.54), (0, 0, 0.68), 0.011, DARK)
                hook = timber(look)
                b.rod((0, 0, 0.64), (0, 0, 0.74), 0.015, hook)
                b.rod((0, 0, 0.74), (0.07, 0, 0.76), 0.015, hook)
                b.rod((0.07, 0, 0.76), (0.085, 0, 0.7), 0.015, hook)


def laundry_basket(look: Look) -> None:
    """Woven, full of coloured washing."""
    b = look.b
    rgb = srgb(186, 146, 98) if b.chance(0.5) else None
    name = "brown" if rgb else a_colour(look)
    c = rgb or named(b.rng, name)
    woven = Material(BANDS, shade(c, 0.82), shade(c, 1.1), c, (9.0, 0, 0, 0), colour=name)
    with b.thing("laundry basket", woven, "wicker"), b.at(0, -0.3):
        b.cone(0, 0, 0, 0.22, 0.48, woven, 1.16)
        b.torus(0, 0, 0.48, 0.25, 0.02, woven)
        for s in (-1, 1):
            b.torus(s * 0.255, 0, 0.46, 0.05, 0.012, woven, ON_SIDE)
        for k in range(7):
            a = 2.4 * k
            r, turn = (0.13 if k else 0.0), rotation(yaw=50 * k, roll=b.uniform(-24, 24), pitch=b.uniform(-24, 24))
            b.box(r * math.cos(a), r * math.sin(a), 0.46 + 0.01 * k, 0.2, 0.15, 0.07, cloth(look, name), 0.03, turn)
        b.box(0.12, -0.22, 0.32, 0.13, 0.05, 0.2, cloth(look, name), 0.022, rotation(pitch=7))


def flag(look: Look) -> None:
    """On the wall from a rod: a cross, or stripes with a disc."""
    b = look.b
    names: list[str] = []
    for _ in range(3):
        names.append(a_colour(look, *names))
    c, d = named(b.rng, names[0]), named(b.rng, names[1])
    w, h = b.uniform(0.8, 1.0), b.uniform(0.55, 0.62)
    level = b.chance(0.5)
    sheet = Material(STRIPES, c, d, c, (h / 1.5 if level else w / 1.5, float(level), 0, 0), colour=names[0])
    plain = paint(look, *names[1:], gloss=0.0)
    with b.thing("flag", plain if not level else sheet, "fabric"):
        if level:
            b.box(0, -0.012, 0, w, 0.012, h, sheet)
            sign = paint(look, names[0], names[1], gloss=0.0)
            b.rod((0, -0.01, h / 2), (0, -0.022, h / 2), 0.17 * w, sign)
        else:
            b.box(0, -0.012, 0, w, 0.012, h, plain)
            cross = paint(look, plain.colour, gloss=0.0)
            b.box(-0.15 * w, -0.019, 0, 0.14 * w, 0.008, h, cross)
            b.box(0, -0.019, h / 2 - 0.07 * w, w, 0.008, 0.14 * w, cross)
        b.rod((-w / 2 - 0.03, -0.02, h), (w / 2 + 0.03, -0.02, h), 0.014, BRASS)


STUDY = (
    Movable("globe", globe, (0.64, 0.66, 1.17), ("corner", "floor", "wall")),
    Movable("telescope", telescope, (1.18, 0.74, 1.52), ("corner", "floor", "wall")),
    Movable("easel", easel, (0.86, 0.76, 1.8), ("corner", "floor", "wall")),
    Movable("ladder", ladder, (0.62, 0.97, 2.17), ("wall", "corner", "floor")),
    Movable("coat rack", coat_rack, (0.71, 0.66, 1.87), ("corner", "wall")),
    Movable("umbrella stand", umbrella_stand, (0.4, 0.43, 1.08), ("corner", "wall")),
    Movable("laundry basket", laundry_basket, (0.63, 0.58, 0.64), ("corner", "wall", "floor")),
    Movable("flag", flag, (1.07, 0.04, 0.64), ("hanging",)),
)
"""Everything of studies, halls and lofts."""
