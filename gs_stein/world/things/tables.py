"""Tables, and furniture that keeps things."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import BANDS, CLOCK, MIRROR, Material, Number, one_colour, shade, srgb
from gs_stein.world.rooms.parts import cabinet, shade_of
from gs_stein.world.rooms.storage import books_lying
from gs_stein.world.rooms.tables import fruit_bowl
from gs_stein.world.styles import Look
from gs_stein.world.things.finishes import BRASS, CHROME, DARK, IVORY, cloth, finish, paint, skin, timber
from gs_stein.world.things.movable import Movable


def _laid(look: Look, z: Number, y: Number) -> None:
    """Something on a table: fruit, cups, or nothing."""
    b = look.b
    draw = b.uniform(0, 1)
    if draw < 0.35:
        fruit_bowl(look, 0, y, z)
    elif draw < 0.7:
        cup = paint(look)
        for s in (-1, 1):
            b.cone(s * 0.2, y, z, 0.07, 0.012, IVORY)
            b.cone(s * 0.2, y, z + 0.01, 0.035, 0.065, cup, 1.2)


def round_table(look: Look) -> None:
    """On a pedestal with a foot, on three legs, or under a cloth to the floor."""
    b = look.b
    top, kind = finish(look, 0.45)
    r, h = b.uniform(0.45, 0.58), b.uniform(0.7, 0.76)
    y, form = -0.6, b.uniform(0, 1)
    with b.thing("round table", top, kind):
        b.cone(0, y, h - 0.045, r, 0.045, top)
        if form < 0.55:
            b.cone(0, y, 0.0, 0.3, 0.04, top, 0.9)
            b.cone(0, y, 0.04, 0.11, 0.12, top, 0.45)
            b.cone(0, y, 0.1, 0.045, h - 0.12, top)
            b.cone(0, y, h - 0.16, 0.05, 0.12, top, 2.2)
        else:
            for k in range(4):
                a = 1.5708 * k + 0.7854
                c, s = math.cos(a), math.sin(a)
                b.rod((0.82 * r * c, y + 0.82 * r * s, 0.0), (0.62 * r * c, y + 0.62 * r * s, h - 0.03), 0.026, top)
            b.cone(0, y, h - 0.11, 0.75 * r, 0.07, shade_of(top, 0.85))
    _laid(look, h, y)


def square_table(look: Look) -> None:
    """Four legs at the corners, an apron and sometimes a runner."""
    b = look.b
    top, kind = finish(look, 0.45)
    w, h, y = b.uniform(0.8, 1.0), b.uniform(0.7, 0.76), -0.54
    thick = b.uniform(0.05, 0.08)
    with b.thing("square table", top, kind):
        b.box(0, y, h - 0.045, w, w, 0.045, top, 0.008)
        b.box(0, y, h - 0.13, w - 0.12, w - 0.12, 0.09, shade_of(top, 0.88))
        for sx in (-1, 1):
            for sy in (-1, 1):
                b.box(sx * (w / 2 - 0.06), y + sy * (w / 2 - 0.06), 0, thick, thick, h - 0.04, top, 0.006)
    if b.chance(0.3):
        runner = cloth(look, top.colour)
        with b.thing("table runner", runner, "fabric"):
            b.box(0, y, h - 0.15, 0.3, w + 0.012, 0.155, runner, 0.004)
    _laid(look, h + 0.006, y)


def tea_trolley(look: Look) -> None:
    """Two trays on wheels with a pot, cups and bottles."""
    b = look.b
    frame = BRASS if b.chance(0.4) else CHROME if b.chance(0.4) else paint(look)
    tray, kind = finish(look, 0.5)
    pot = paint(look, tray.colour, gloss=0.1)
    with b.thing("tea trolley", tray, kind), b.at(0, -0.26):
        for sx in (-1, 1):
            for sy in (-1, 1):
                b.rod((sx * 0.36, sy * 0.2, 0.07), (sx * 0.36, sy * 0.2, 0.84), 0.014, frame)
                b.torus(sx * 0.36, sy * 0.2, 0.045, 0.03, 0.015, DARK, ON_SIDE)
            b.rod((sx * 0.36, -0.2, 0.84), (sx * 0.36, 0.2, 0.84), 0.014, frame)
        for z in (0.24, 0.7):
            b.box(0, 0, z, 0.76, 0.44, 0.03, tray, 0.008)
            b.rod((-0.36, -0.21, z + 0.08), (0.36, -0.21, z + 0.08), 0.009, frame)
        for x in (-0.2, -0.08):
            b.cone(x, 0.04, 0.27, 0.045, 0.2, skin(60, 96, 70, gloss=0.12))
            b.cone(x, 0.04, 0.47, 0.018, 0.1, skin(60, 96, 70, gloss=0.12))
        b.ellipsoid(-0.14, 0, 0.82, 0.1, 0.1, 0.09, pot)
        b.ellipsoid(-0.14, 0, 0.925, 0.022, 0.022, 0.022, pot)
        b.rod((-0.06, 0, 0.81), (0.03, 0, 0.88), 0.024, pot, 0.6)
        b.torus(-0.25, 0, 0.82, 0.05, 0.013, pot, ON_SIDE)
        for x, y in ((0.13, -0.08), (0.26, 0.05)):
            b.cone(x, y, 0.73, 0.06, 0.012, IVORY)
            b.cone(x, y, 0.74, 0.035, 0.06, pot, 1.25)


def sideboard(look: Look) -> None:
    """Low cabinet with three doors in one colour and often the body in another, with things on it."""
    b = look.b
    body, kind = finish(look, 0.45)
    doors = paint(look, body.colour) if b.chance(0.3) else None
    w = b.uniform(1.3, 1.6)
    with b.thing("sideboard", body, kind), b.at(0, -0.012):
        cabinet(b, w, 0.42, 0.8, body, 3, 1, b.pick((BRASS, DARK, CHROME)), 0.14, doors=doors)
        b.box(0, -0.22, 0.79, w + 0.04, 0.46, 0.035, body, 0.008)
    b.cone(-0.36 * w, -0.22, 0.825, 0.05, 0.24, paint(look, body.colour, gloss=0.1), 0.55)
    if b.chance(0.6):
        books_lying(look, 0.3 * w, -0.22, 0.825)


def display_cabinet(look: Look) -> None:
    """Glass front with cups and plates on lit shelves, drawers below."""
    b = look.b
    body, kind = finish(look, 0.5)
    inside = skin(232, 216, 184, emission=0.18)
    with b.thing("display cabinet", body, kind), b.at(0, -0.01):
        b.box(0, -0.19, 0.0, 1.0, 0.36, 0.62, body, 0.008)
        b.box(0, -0.02, 0.6, 0.96, 0.03, 1.24, inside)
        for s in (-1, 1):
            b.box(s * 0.48, -0.19, 0.6, 0.04, 0.36, 1.24, body)
            b.box(s * 0.25, -0.375, 0.08, 0.44, 0.02, 0.48, shade_of(body, 1.06), 0.006)
            b.ellipsoid(s * 0.06, -0.39, 0.36, 0.018, 0.018, 0.018, BRASS)
            b.box(s * 0.24, -0.372, 0.62, 0.025, 0.012, 1.2, body)
        b.box(0, -0.372, 0.62, 0.04, 0.02, 1.2, body)
        for z in (0.99, 1.36):
            b.box(0, -0.18, z, 0.92, 0.3, 0.02, body)
        b.box(0, -0.19, 1.82, 1.08, 0.4, 0.06, body, 0.012)
        for j, z in enumerate((0.62, 1.01, 1.38)):
            glaze = paint(look, "beige", gloss=0.1)
            for k in range(4):
                x = -0.34 + 0.23 * k
                if (j + k) % 2:
                    b.rod((x, -0.06, z + 0.12), (x, -0.085, z + 0.12), 0.09, glaze)
                else:
                    b.cone(x, -0.16, z, 0.04, 0.12, glaze, 1.4)


def grandfather_clock(look: Look) -> None:
    """Tall case with a dial, and a pendulum behind glass."""
    b = look.b
    body, kind = finish(look, 0.6)
    dial = Material(
        CLOCK, IVORY.c1, BRASS.c1, srgb(36, 34, 34), (b.uniform(0, 6.28), b.uniform(0, 6.28), 0.0, 0.0), 0.04
    )
    with b.thing("grandfather clock", body, kind):
        b.box(0, -0.17, 0.0, 0.54, 0.34, 0.1, body, 0.01)
        b.box(0, -0.17, 0.1, 0.48, 0.3, 0.36, body)
        b.box(0, -0.165, 0.46, 0.36, 0.25, 0.96, body)
        b.box(0, -0.17, 1.4, 0.5, 0.31, 0.46, body, 0.01)
        b.rod((0, -0.02, 1.84), (0, -0.32, 1.84), 0.25, body)
        b.box(0, -0.17, 1.38, 0.54, 0.34, 0.04, body)
        b.box(0, -0.17, 0.45, 0.52, 0.33, 0.04, body)
        b.box(0, -0.326, 0.16, 0.34, 0.012, 0.22, shade_of(body, 0.8))
        b.box(0, -0.292, 0.54, 0.25, 0.012, 0.8, skin(54, 40, 32, gloss=0.12))
        b.ellipsoid(0, -0.325, 1.66, 0.19, 0.02, 0.19, dial)
        b.box(0.0, -0.3, 0.72, 0.016, 0.01, 0.62, BRASS)
        b.ellipsoid(0, -0.302, 0.7, 0.075, 0.014, 0.075, BRASS)
        for s in (-1, 1):
            b.cone(s * 0.075, -0.303, 0.95, 0.022, 0.2, BRASS, ry=0.012)
            b.cone(s * 0.215, -0.31, 1.42, 0.022, 0.42, shade_of(body, 0.85))
        b.ellipsoid(0, -0.17, 2.12, 0.035, 0.035, 0.045, BRASS)


def standing_mirror(look: Look) -> None:
    """Oval or tall glass that leans in a coloured frame on two feet."""
    b = look.b
    glass = one_colour(MIRROR, srgb(190, 198, 202), gloss=0.82)
    frame, kind = finish(look, 0.4)
    with b.thing("standing mirror", frame, kind), b.at(0, -0.28):
        for s in (-1, 1):
            b.rod((s * 0.36, -0.24, 0.03), (s * 0.36, 0.24, 0.03), 0.028, frame)
            b.cone(s * 0.36, 0, 0.03, 0.022, 1.0, frame)
            b.ellipsoid(s * 0.36, 0, 1.05, 0.034, 0.034, 0.034, frame)
        b.rod((-0.36, 0, 0.12), (0.36, 0, 0.12), 0.016, frame)
        with b.at(0, 0, 0.98, pitch=-7):
            if b.chance(0.5):
                b.cone(0, 0, -0.02, 0.33, 0.04, frame, ry=0.76, turn=ON_SIDE)
                b.cone(0, -0.022, -0.005, 0.28, 0.01, glass, ry=0.71, turn=ON_SIDE)
            else:
                b.box(0, 0, -0.76, 0.64, 0.035, 1.52, frame, 0.012)
                b.box(0, -0.02, -0.71, 0.54, 0.012, 1.42, glass)


def mirror(look: Look) -> None:
    """On the wall: round with a sunburst or a plain rim, or upright in a frame."""
    b = look.b
    glass = one_colour(MIRROR, srgb(190, 198, 202), gloss=0.82)
    frame = BRASS if b.chance(0.4) else finish(look, 0.4)[0]
    with b.thing("mirror", glass, "mirror"):
        if b.chance(0.6):
            burst, r = b.chance(0.5), b.uniform(0.36, 0.42)
            z = 0.42 if burst else r
            for k in range(20 if burst else 0):
                a = 0.31416 * k
                c, s, tip = math.cos(a), math.sin(a), 0.42 if k % 2 else 0.36
                b.rod((0.25 * c, -0.02, z + 0.25 * s), (tip * c, -0.02, z + tip * s), 0.014, frame, 0.4)
            r = 0.28 if burst else r
            b.rod((0, -0.002, z), (0, -0.035, z), r, frame)
            b.rod((0, -0.03, z), (0, -0.042, z), r - 0.045, glass)
        else:
            h = b.uniform(0.8, 0.86)
            b.box(0, -0.02, 0, 0.6, 0.036, h, frame, 0.01)
            b.box(0, -0.036, 0.05, 0.5, 0.012, h - 0.1, glass)


def clock(look: Look) -> None:
    """Wall clock in a coloured rim."""
    b = look.b
    rim, _ = finish(look, 0.2)
    face = Material(
        CLOCK, IVORY.c1, IVORY.c1, DARK.c1, (b.uniform(0, 6.28), b.uniform(0, 6.28), 0, 0), colour=rim.colour
    )
    r = b.uniform(0.2, 0.26)
    with b.thing("clock", rim, "clock"):
        b.rod((0, -0.002, r), (0, -0.05, r), r, rim)
        b.torus(0, -0.05, r, r - 0.02, 0.02, rim, rotation(pitch=90))
        b.ellipsoid(0, -0.045, r, r - 0.03, 0.018, r - 0.03, face)


def wine_rack(look: Look) -> None:
    """Diamond crate of bottles, necks to the front."""
    b = look.b
    body, kind = finish(look, 0.6)
    with b.thing("wine rack", body, kind):
        b.box(0, -0.02, 0, 0.72, 0.03, 0.92, shade_of(body, 0.5))
        for s in (-1, 1):
            b.box(s * 0.36, -0.15, 0, 0.03, 0.28, 0.95, body)
        for z in (0.0, 0.31, 0.62, 0.92):
            b.box(0, -0.15, z, 0.72, 0.28, 0.03, body)
        for j in range(3):
            for i in range(4):
                x, z = -0.26 + 0.173 * i, 0.1 + 0.31 * j
                glass = skin(*b.pick(((46, 84, 56), (96, 30, 40), (120, 140, 70))), gloss=0.15)
                b.rod((x, -0.06, z), (x, -0.24, z), 0.068, glass)
                b.rod((x, -0.24, z), (x, -0.34, z), 0.026, skin(*b.pick(((150, 40, 40), (200, 160, 70)))))


def barrel(look: Look) -> None:
    """Upright cask with iron hoops."""
    b = look.b
    staves = timber(look) if b.chance(0.7) else paint(look)
    kind = "wood" if staves.p[0] else "paint"
    lines = Material(BANDS, staves.c1, shade(staves.c1, 0.8), staves.c1, (1.0, 0, 0, 0), colour=staves.colour)
    s = b.uniform(0.9, 1.05)
    with b.thing("barrel", staves, kind), b.at(0, -0.35, 0, scale=s):
        b.cone(0, 0, 0.0, 0.26, 0.42, staves, 1.2)
        b.cone(0, 0, 0.42, 0.312, 0.42, staves, 0.833)
        for z, r in ((0.03, 0.272), (0.24, 0.3), (0.56, 0.306), (0.76, 0.278)):
            b.cone(0, 0, z, r, 0.05, DARK)
        b.cone(0, 0, 0.835, 0.225, 0.012, lines)
        if b.chance(0.6):
            b.rod((0, -0.28, 0.2), (0, -0.36, 0.2), 0.022, BRASS)


TABLES = (
    Movable("round table", round_table, (1.16, 1.18, 0.95), ("floor", "corner")),
    Movable("square table", square_table, (1.0, 1.05, 0.95), ("floor", "corner", "wall")),
    Movable("tea trolley", tea_trolley, (0.82, 0.5, 0.95), ("wall", "floor")),
    Movable("sideboard", sideboard, (1.64, 0.47, 1.07), ("wall",)),
    Movable("display cabinet", display_cabinet, (1.08, 0.42, 1.88), ("wall",)),
    Movable("grandfather clock", grandfather_clock, (0.54, 0.35, 2.17), ("wall", "corner")),
    Movable("standing mirror", standing_mirror, (0.8, 0.53, 1.75), ("wall", "corner", "floor")),
    Movable("mirror", mirror, (0.85, 0.05, 0.87), ("hanging",)),
    Movable("clock", clock, (0.52, 0.075, 0.53), ("hanging",)),
    Movable("wine rack", wine_rack, (0.75, 0.35, 0.95), ("wall",)),
    Movable("barrel", barrel, (0.66, 0.73, 0.9), ("corner", "wall", "floor")),
)
"""Every table and cabinet."""
