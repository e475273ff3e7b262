"""Seats and beds, each in any colour."""

from __future__ import annotations

import math
from itertools import pairwise

from gs_stein.world.builder import rotation
from gs_stein.world.materials import STRIPES, Material, named
from gs_stein.world.rooms.parts import shade_of
from gs_stein.world.styles import Look
from gs_stein.world.things.finishes import CHROME, DARK, IVORY, a_colour, cloth, finish, paint, timber
from gs_stein.world.things.movable import Movable


def rocking_chair(look: Look) -> None:
    """On two curved runners, with a slatted back and often a cushion."""
    b = look.b
    frame, kind = finish(look, 0.5)
    with b.thing("rocking chair", frame, kind), b.at(0, -0.57, 0, yaw=b.uniform(-8, 8)):
        for s in (-1, 1):
            x = s * 0.26
            bend = [(0.5, 0.17), (0.34, 0.075), (0.14, 0.03), (-0.08, 0.03), (-0.28, 0.075), (-0.44, 0.16)]
            for (y0, z0), (y1, z1) in pairwise(bend):
                b.rod((x, y0, z0), (x, y1, z1), 0.026, frame)
            b.rod((x, 0.2, 0.05), (x, 0.2, 0.42), 0.022, frame)
            b.rod((x, -0.22, 0.05), (x, -0.22, 0.64), 0.022, frame)
            b.box(s * 0.27, -0.02, 0.63, 0.065, 0.56, 0.035, frame, 0.015)
            b.rod((s * 0.24, 0.18, 0.42), (s * 0.23, 0.34, 1.12), 0.028, frame)
        b.box(0, 0, 0.4, 0.52, 0.5, 0.04, frame, 0.015)
        b.box(0, 0.335, 1.05, 0.52, 0.04, 0.14, frame, 0.02, rotation(pitch=-12))
        for k in range(5):
            x = (k - 2) * 0.085
            b.rod((x, 0.19, 0.43), (x, 0.33, 1.07), 0.014, frame)
    if b.chance(0.6):
        pad = cloth(look, frame.colour)
        with b.thing("cushion", pad, "fabric"), b.at(0, -0.56):
            b.box(0, -0.01, 0.44, 0.46, 0.44, 0.08, pad, 0.038)


def bean_bag(look: Look) -> None:
    """Slumped bag with a dent."""
    b = look.b
    bag = cloth(look)
    with b.thing("bean bag", bag, "fabric"), b.at(0, -0.48, 0, scale=b.uniform(0.9, 1.05)):
        b.ellipsoid(0, 0, 0.23, 0.46, 0.44, 0.23, bag)
        b.ellipsoid(0, 0.14, 0.42, 0.4, 0.27, 0.36, bag, rotation(pitch=-18))
        b.ellipsoid(0, -0.17, 0.33, 0.34, 0.24, 0.15, shade_of(bag, 0.92), rotation(pitch=12))
        b.ellipsoid(0, 0.26, 0.77, 0.05, 0.05, 0.05, shade_of(bag, 0.85))


def bar_stool(look: Look) -> None:
    """Round padded seat with a low back on a chrome column or on four legs."""
    b = look.b
    seat = cloth(look) if b.chance(0.5) else paint(look)
    kind = "fabric" if seat.p[0] else "paint"
    column = b.chance(0.5)
    frame = CHROME if column else look.metal if b.chance(0.5) else timber(look)
    with b.thing("bar stool", seat, kind), b.at(0, -0.3):
        b.cone(0, 0, 0.7, 0.2, 0.09, seat, 1.03)
        b.ellipsoid(0, 0, 0.79, 0.205, 0.205, 0.025, seat)
        if column:
            b.cone(0, 0, 0.0, 0.22, 0.03, frame, 0.85)
            b.cone(0, 0, 0.02, 0.03, 0.7, frame)
            b.torus(0, 0, 0.3, 0.16, 0.014, frame)
            b.rod((0, -0.15, 0.3), (0, 0.15, 0.3), 0.012, frame)
        else:
            for sx in (-1, 1):
                for sy in (-1, 1):
                    b.rod((sx * 0.2, sy * 0.2, 0), (sx * 0.12, sy * 0.12, 0.71), 0.02, frame)
            b.torus(0, 0, 0.26, 0.225, 0.013, frame)
        if b.chance(0.6):
            b.box(0, 0.19, 0.93, 0.38, 0.05, 0.15, seat, 0.024)
            for s in (-1, 1):
                b.rod((s * 0.11, 0.16, 0.74), (s * 0.12, 0.19, 0.98), 0.014, frame)


def stool(look: Look) -> None:
    """Low seat on three or four legs, round or square."""
    b = look.b
    seat, kind = finish(look, 0.35)
    feet = seat if b.chance(0.5) else timber(look) if kind == "paint" else paint(look)
    height, count = b.uniform(0.44, 0.54), 3 if b.chance(0.5) else 4
    with b.thing("stool", seat, kind), b.at(0, -0.25):
        if count == 4 and b.chance(0.6):
            b.box(0, 0, height - 0.06, 0.4, 0.4, 0.06, seat, 0.02)
        else:
            b.cone(0, 0, height - 0.06, 0.2, 0.06, seat, 1.06)
        for k in range(count):
            a = 6.2832 * k / count + 0.7854
            c, s = math.cos(a), math.sin(a)
            b.rod((0.21 * c, 0.21 * s, 0.0), (0.15 * c, 0.15 * s, height - 0.05), 0.026, feet)
        b.torus(0, 0, 0.2, 0.18, 0.014, feet)


def chaise_longue(look: Look) -> None:
    """Daybed with a rolled head end and a bolster."""
    b = look.b
    cover = cloth(look)
    s = 1 if b.chance(0.5) else -1
    feet = timber(look)
    with b.thing("chaise longue", cover, "fabric"):
        b.box(0, -0.34, 0.16, 1.62, 0.64, 0.16, cover, 0.04)
        b.box(-s * 0.06, -0.36, 0.3, 1.46, 0.58, 0.13, shade_of(cover, 1.08), 0.055)
        b.box(s * 0.69, -0.34, 0.5, 0.16, 0.62, 0.44, cover, 0.07, rotation(roll=s * 18))
        b.rod((s * 0.78, -0.03, 0.86), (s * 0.78, -0.65, 0.86), 0.09, cover)
        b.box(s * 0.1, -0.08, 0.28, 1.36, 0.13, 0.42, cover, 0.06, rotation(roll=-s * 13))
        for x in (-0.72, 0.72):
            for y in (-0.1, -0.58):
                b.cone(x, y, 0.0, 0.022, 0.18, feet, 1.6)
    roll = cloth(look, cover.colour)
    with b.thing("pillow", roll, "fabric"):
        b.rod((s * 0.5, -0.12, 0.51), (s * 0.5, -0.6, 0.51), 0.09, roll)


def bunk_bed(look: Look) -> None:
    """Two beds one above the other, with a ladder at one side."""
    b = look.b
    frame, kind = finish(look, 0.5)
    blanket = cloth(look, frame.colour)
    second = blanket if b.chance(0.5) else cloth(look, frame.colour)
    s = 1 if b.chance(0.5) else -1
    with b.thing("bunk bed", frame, kind):
        for x in (-0.97, 0.97):
            for y in (-0.05, -0.9):
                b.box(x, y, 0, 0.07, 0.07, 1.72, frame, 0.012)
            for z in (0.5, 1.5, 1.64):
                b.box(x, -0.475, z, 0.04, 0.8, 0.08, frame)
        for z, cover in ((0.3, blanket), (1.24, second)):
            for y in (-0.05, -0.9):
                b.box(0, y, z, 1.9, 0.04, 0.14, frame, 0.008)
            b.box(0, -0.475, z + 0.06, 1.88, 0.82, 0.15, IVORY, 0.04)
            b.box(-s * 0.24, -0.475, z + 0.1, 1.38, 0.83, 0.15, cover, 0.05)
            b.box(s * 0.72, -0.475, z + 0.18, 0.34, 0.62, 0.13, IVORY, 0.06)
        b.box(s * 0.42, -0.9, 1.55, 1.1, 0.035, 0.1, frame, 0.008)
        b.box(0, -0.05, 1.55, 1.9, 0.035, 0.1, frame, 0.008)
        for x in (-0.85, -0.45):
            b.rod((s * x, -1.1, 0), (s * x, -0.93, 1.6), 0.022, frame)
        for k in range(5):
            z = 0.24 + 0.27 * k
            b.rod((-s * 0.85, -1.1 + 0.106 * z, z), (-s * 0.45, -1.1 + 0.106 * z, z), 0.017, frame)


def hammock(look: Look) -> None:
    """Striped cloth sagging between the ends of a curved stand."""
    b = look.b
    name = a_colour(look)
    c, d = named(b.rng, name), named(b.rng, "white" if name not in ("white", "beige") else "teal")
    net = Material(STRIPES, c, d, c, (0.2, 1.0, 0.0, 0.0), colour=name)
    stand = timber(look) if b.chance(0.6) else DARK
    with b.thing("hammock", net, "fabric"), b.at(0, -0.48):
        for x in (-0.45, 0.45):
            b.box(x, 0, 0, 0.07, 0.86, 0.06, stand, 0.01)
        b.box(0, 0, 0.05, 1.3, 0.08, 0.07, stand, 0.01)
        for s in (-1, 1):
            b.rod((s * 0.62, 0, 0.08), (s * 1.1, 0, 1.05), 0.04, stand)
            for y in (-0.22, 0.0, 0.22):
                b.rod((s * 1.06, 0, 1.0), (s * 0.76, y, 0.66), 0.008, IVORY)
            b.rod((s * 0.76, -0.28, 0.66), (s * 0.76, 0.28, 0.66), 0.018, stand)
        count = 7
        for k in range(count):
            x0, x1 = (-0.76 + 1.52 * (k + j) / count for j in (0, 1))
            z0, z1 = (0.4 + 0.26 * (x / 0.76) ** 2 for x in (x0, x1))
            tilt = math.degrees(math.atan2(z1 - z0, x1 - x0))
            length = math.hypot(x1 - x0, z1 - z0) + 0.02
            b.box((x0 + x1) / 2, 0, (z0 + z1) / 2 - 0.018, length, 0.6, 0.036, net, 0.016, rotation(roll=-tilt))
        pad = paint(look, name)
        b.box(0.52, 0, 0.52, 0.26, 0.46, 0.13, pad, 0.06, rotation(roll=-20))


def deck_chair(look: Look) -> None:
    """Folding wooden frame with a striped sling."""
    b = look.b
    name = a_colour(look, "white")
    c, d = named(b.rng, name), named(b.rng, "white")
    sling = Material(STRIPES, c, d, c, (0.16, 0.0, 0.0, 0.0), colour=name)
    frame = timber(look)
    with b.thing("deck chair", sling, "fabric"), b.at(0, -0.6):
        for s in (-1, 1):
            b.rod((s * 0.3, 0.56, 1.02), (s * 0.3, -0.52, 0.025), 0.024, frame)
            b.rod((s * 0.27, 0.44, 0.025), (s * 0.27, -0.5, 0.46), 0.024, frame)
        for y, z in ((0.56, 1.02), (-0.5, 0.46), (0.44, 0.03), (-0.52, 0.03)):
            b.rod((-0.31, y, z), (0.31, y, z), 0.022, frame)
        path = [(0.56, 1.03), (0.32, 0.66), (0.1, 0.38), (-0.12, 0.29), (-0.34, 0.34), (-0.5, 0.47)]
        for (y0, z0), (y1, z1) in pairwise(path):
            tilt = math.degrees(math.atan2(z1 - z0, y1 - y0))
            length = math.hypot(y1 - y0, z1 - z0) + 0.015
            b.box(0, (y0 + y1) / 2, (z0 + z1) / 2 - 0.012, 0.5, length, 0.024, sling, 0.008, rotation(pitch=tilt))


def garden_bench(look: Look) -> None:
    """Iron sides, boards for seat and back."""
    b = look.b
    board, kind = finish(look, 0.4)
    with b.thing("garden bench", board, kind):
        for x in (-0.6, 0.6):
            b.box(x, -0.1, 0.0, 0.05, 0.05, 0.44, DARK)
            b.box(x, -0.5, 0.0, 0.05, 0.05, 0.62, DARK)
            b.box(x, -0.3, 0.38, 0.05, 0.42, 0.04, DARK)
            b.box(x, -0.3, 0.6, 0.06, 0.44, 0.035, DARK, 0.012)
            b.rod((x, -0.12, 0.4), (x, -0.03, 0.86), 0.024, DARK)
        for k in range(4):
            b.box(0, -0.15 - 0.105 * k, 0.42, 1.36, 0.085, 0.035, board, 0.01)
        for k in range(3):
            b.box(0, -0.13 + 0.028 * k, 0.52 + 0.12 * k, 1.36, 0.03, 0.09, board, 0.01, rotation(pitch=-11))


def rocking_horse(look: Look) -> None:
    """Seen from the side, on red or wooden runners."""
    b = look.b
    body, kind = finish(look, 0.3)
    other, mane = paint(look, body.colour), cloth(look, body.colour)
    s = 1 if b.chance(0.5) else -1
    with b.thing("rocking horse", body, kind), b.at(0, -0.24):
        for y in (-0.13, 0.13):
            bend = [(-0.56, 0.17), (-0.4, 0.075), (-0.18, 0.028), (0.06, 0.028), (0.3, 0.075), (0.5, 0.17)]
            for (x0, z0), (x1, z1) in pairwise(bend):
                b.rod((s * x0, y, z0), (s * x1, y, z1), 0.024, other)
            b.rod((s * 0.2, 0.6 * y, 0.45), (s * 0.32, y, 0.08), 0.042, body, 0.7)
            b.rod((-s * 0.2, 0.6 * y, 0.45), (-s * 0.32, y, 0.06), 0.042, body, 0.7)
        b.ellipsoid(0, 0, 0.5, 0.34, 0.14, 0.15, body)
        b.rod((s * 0.24, 0, 0.52), (s * 0.42, 0, 0.84), 0.1, body, 0.75)
        b.ellipsoid(s * 0.5, 0, 0.84, 0.17, 0.075, 0.085, body, rotation(roll=s * 32))
        for y in (-1, 1):
            b.cone(s * 0.4, y * 0.05, 0.89, 0.03, 0.1, body, 0.1)
            b.ellipsoid(s * 0.48, y * 0.065, 0.88, 0.018, 0.012, 0.02, DARK)
        b.rod((s * 0.42, -0.16, 0.74), (s * 0.42, 0.16, 0.74), 0.02, other)
        for k in range(4):
            b.ellipsoid(s * (0.36 - 0.055 * k), 0, 0.92 - 0.085 * k, 0.055, 0.035, 0.075, mane, rotation(roll=s * 28))
        b.ellipsoid(-s * 0.4, 0, 0.46, 0.05, 0.045, 0.19, mane, rotation(roll=s * 22))
        b.box(-s * 0.02, 0, 0.58, 0.26, 0.25, 0.085, other, 0.04)


SEATS = (
    Movable("rocking chair", rocking_chair, (0.73, 1.05, 1.2), ("corner", "floor", "wall")),
    Movable("bean bag", bean_bag, (0.97, 0.95, 0.86), ("corner", "floor", "wall")),
    Movable("bar stool", bar_stool, (0.5, 0.55, 1.1), ("wall", "floor", "corner")),
    Movable("stool", stool, (0.47, 0.48, 0.55), ("wall", "floor", "corner")),
    Movable("chaise longue", chaise_longue, (1.75, 0.68, 1.0), ("wall", "floor")),
    Movable("bunk bed", bunk_bed, (2.01, 1.13, 1.74), ("wall", "corner")),
    Movable("hammock", hammock, (2.3, 0.95, 1.1), ("wall", "floor")),
    Movable("deck chair", deck_chair, (0.65, 1.2, 1.05), ("corner", "floor", "wall")),
    Movable("garden bench", garden_bench, (1.36, 0.55, 0.9), ("wall",)),
    Movable("rocking horse", rocking_horse, (1.3, 0.42, 1.0), ("floor", "corner", "wall")),
)
"""Every seat and bed."""
