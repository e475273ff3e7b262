"""Nurseries, and what stands in them alone."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.materials import (
    BANDS,
    BLACK,
    SOLID,
    STRIPES,
    Material,
    Number,
    fabric,
    mix,
    named,
    one_colour,
    plain,
)
from gs_stein.world.rooms.decoration import clock, picture, plant, rug
from gs_stein.world.rooms.lamps import floor_lamp
from gs_stein.world.rooms.parts import shade_of, surface_kind
from gs_stein.world.rooms.seating import pouf, sofa
from gs_stein.world.rooms.shell import at_wall
from gs_stein.world.rooms.storage import dresser
from gs_stein.world.styles import Look


def crib(look: Look) -> None:
    """Cot with bars, mattress, blanket and a mobile above."""
    b = look.b
    frame = look.timber()
    blanket = fabric(b.rng, look.fabric_colour())
    with b.thing("crib", frame, surface_kind(frame)):
        for s in (-1, 1):
            b.box(s * 0.64, -0.42, 0.0, 0.05, 0.74, 0.92, frame, 0.02)
        for y in (-0.07, -0.77):
            b.box(0, y, 0.86, 1.28, 0.045, 0.05, frame, 0.015)
            b.box(0, y, 0.24, 1.28, 0.04, 0.06, frame)
            for k in range(9):
                b.cone(-0.52 + 0.13 * k, y, 0.28, 0.016, 0.6, frame)
        b.box(0, -0.42, 0.3, 1.2, 0.66, 0.14, plain(b.rng, "white"), 0.04)
    with b.thing("blanket", blanket, "fabric"):
        b.box(0.16, -0.42, 0.42, 0.86, 0.64, 0.06, blanket, 0.028)
        b.box(-0.42, -0.42, 0.44, 0.26, 0.44, 0.08, plain(b.rng, "white"), 0.035)


def mobile(look: Look) -> None:
    """Stars and balls that hang from the ceiling over the crib."""
    b = look.b
    with b.thing("mobile", None, "toy"):
        b.cone(0, -0.45, 2.05, 0.005, 0.55, BLACK, casts=False)
        for k in range(4):
            a = 1.5708 * k + 0.4
            x, y = 0.2 * math.cos(a), -0.45 + 0.2 * math.sin(a)
            b.rod((0, -0.45, 2.06), (x, y, 2.06), 0.007, look.wood, casts=False)
            b.cone(x, y, 1.88, 0.003, 0.18, BLACK, casts=False)
            b.ellipsoid(x, y, 1.84, 0.055, 0.055, 0.055, look.paint(), casts=False)


def toy_bear(look: Look, x: Number, y: Number, z: Number, size: Number = 1.0) -> None:
    """Teddy bear sitting at a place, facing −y."""
    b = look.b
    fur = fabric(b.rng, b.pick(("brown", "brown", "beige", "white", "pink")))
    pale = one_colour(SOLID, mix(fur.c3, (0.9, 0.85, 0.8), 0.5))
    with b.thing("teddy bear", fur, "plush"), b.at(x, y, z, 0.0, size):
        b.ellipsoid(0, 0, 0.15, 0.13, 0.12, 0.15, fur)
        b.ellipsoid(0, -0.01, 0.36, 0.12, 0.11, 0.11, fur)
        b.ellipsoid(0, -0.1, 0.335, 0.055, 0.045, 0.045, pale)
        b.ellipsoid(0, -0.145, 0.35, 0.018, 0.012, 0.014, BLACK)
        for s in (-1, 1):
            b.ellipsoid(s * 0.09, 0, 0.455, 0.045, 0.03, 0.045, fur)
            b.ellipsoid(s * 0.045, -0.105, 0.39, 0.014, 0.01, 0.014, BLACK)
            b.ellipsoid(s * 0.14, -0.04, 0.2, 0.045, 0.05, 0.1, fur, rotation(roll=s * 30))
            b.ellipsoid(s * 0.09, -0.15, 0.055, 0.055, 0.11, 0.055, fur)


def toy_shelf(look: Look, width: Number = 1.5) -> None:
    """Low shelf with coloured boxes and toys on it."""
    b = look.b
    body = look.timber()
    with b.thing("toy shelf", body, surface_kind(body)):
        b.box(0, -0.02, 0, width, 0.03, 0.8, shade_of(body, 0.8))
        for k in range(4):
            b.box((k - 1.5) * (width - 0.04) / 3, -0.19, 0, 0.04, 0.36, 0.8, body)
        for j in range(3):
            b.box(0, -0.19, 0.38 * j, width, 0.36, 0.04, body)
        for k in range(3):
            for j in range(2):
                if b.chance(0.8):
                    box = look.paint()
                    b.box((k - 1) * (width - 0.04) / 3, -0.2, 0.04 + 0.38 * j, width / 3 - 0.1, 0.32, 0.26, box, 0.02)
                    b.box((k - 1) * (width - 0.04) / 3, -0.365, 0.2 + 0.38 * j, 0.1, 0.012, 0.03, shade_of(box, 0.5))
    toy_bear(look, -0.45, -0.2, 0.8)
    rings = b.pick(
        (
            ("red", "orange", "yellow", "green"),
            ("blue", "teal", "green", "yellow"),
            ("purple", "pink", "orange", "yellow"),
        )
    )
    for k, name in enumerate(rings):
        b.torus(0.05, -0.2, 0.835 + 0.065 * k, 0.08 - 0.013 * k, 0.034, plain(b.rng, name, 0.04))
    for k in range(3):
        b.box(0.36 + 0.13 * (k % 2), -0.2, 0.8 + 0.12 * (k // 2), 0.12, 0.12, 0.12, look.paint(), 0.01)


def toys(look: Look, x: Number, y: Number) -> None:
    """Ball and blocks on the floor."""
    b = look.b
    ball = look.paint()
    with b.thing("ball", ball, "toy"):
        b.ellipsoid(
            x,
            y,
            0.14,
            0.14,
            0.14,
            0.14,
            Material(BANDS, ball.c1, named(b.rng, "white"), ball.c1, (5.0, 0, 0, 0), 0.04, colour=ball.colour),
            rotation(roll=30, yaw=40),
        )
    for k in range(4):
        b.box(
            x + 0.4 + 0.16 * (k % 3),
            y + 0.1 * (k % 2),
            0.14 * (k // 3),
            0.13,
            0.13,
            0.13,
            look.paint(),
            0.01,
            rotation(yaw=25 * k),
        )


def tent(look: Look) -> None:
    """Play tent with a dark opening."""
    b = look.b
    name = look.fabric_colour()
    c = named(b.rng, name)
    cloth = (
        Material(STRIPES, c, named(b.rng, "white"), c, (0.24, 0, 0, 0), colour=name)
        if b.chance(0.5)
        else fabric(b.rng, name)
    )
    with b.thing("play tent", cloth, "fabric"):
        b.frustum(0, -0.5, 0, 1.0, 0.9, 1.3, cloth, 0.06, 0.06)
        b.frustum(0, -0.765, 0, 0.46, 0.4, 0.72, shade_of(fabric(b.rng, name), 0.25), 0.1, 0.5)
        for s in (-1, 1):
            b.rod((s * 0.03, -0.5, 1.26), (-s * 0.06, -0.5, 1.42), 0.015, look.wood)


def bunting(look: Look, width: Number) -> None:
    """Pennants along a wall."""
    b = look.b
    with b.thing("pennants", None, "fabric", True):
        count = 9
        for k in range(count):
            t = (k + 0.5) / count
            x, z = (t - 0.5) * width, 2.15 - 0.22 * (1 - (2 * t - 1) ** 2)
            flag = plain(b.rng, b.pick(("red", "yellow", "teal", "pink", "blue", "orange", "green", "white")))
            b.frustum(x, -0.02, z - 0.2, 0.19, 0.012, 0.2, flag, 0.05, 1.0, rotation(roll=180), casts=False)


def nursery(look: Look) -> None:
    """Crib with a mobile north, dresser with a bear east, toy shelf and play tent south."""
    b = look.b
    clutter = look.palette.clutter
    x = b.uniform(-0.2, 0.2)
    with at_wall(look, "north", x):
        crib(look)
        mobile(look)
    with at_wall(look, "north", x, 0.0):
        if b.chance(0.55):
            bunting(look, 3.2)
        else:
            picture(look, 0.0, 1.6, b.uniform(0.7, 1.0), b.uniform(0.5, 0.6))
    with at_wall(look, "north", -1.65):
        sofa(look, 0.8, "armchair")
    with at_wall(look, "north", 1.55):
        floor_lamp(look)
    with at_wall(look, "east", b.uniform(0.0, 0.3)):
        dresser(look, b.uniform(1.1, 1.3))
        toy_bear(look, 0.0, -0.24, 0.86)
    with at_wall(look, "east", 0.15, 0.0):
        if b.chance(0.4 + 0.5 * clutter):
            picture(look, 0.0, 1.72, b.uniform(0.6, 0.9), b.uniform(0.5, 0.6))
    with at_wall(look, "east", -1.55):
        if b.chance(0.5 * clutter):
            plant(look, 1.0)
        else:
            pouf(look)
    with at_wall(look, "south", b.uniform(0.5, 0.7)):
        toy_shelf(look, b.uniform(1.4, 1.6))
    with at_wall(look, "south", 0.6, 0.0):
        if b.chance(0.5):
            clock(look, 0.0, 1.7)
    with at_wall(look, "south", -1.25):
        tent(look)
    if b.chance(max(look.palette.rug, 0.6)):
        with b.at(0.0, 0.0):
            rug(look, b.uniform(1.7, 2.1), b.uniform(1.5, 1.8))
    if b.chance(0.4 + 0.5 * clutter):
        toys(look, b.uniform(-0.6, -0.2), b.uniform(-0.5, 0.1))
