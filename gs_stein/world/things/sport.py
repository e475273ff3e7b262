"""Sport, play and travel."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import SCREEN, Material, Number, srgb
from gs_stein.world.rooms.parts import shade_of
from gs_stein.world.styles import Look
from gs_stein.world.things.finishes import BRASS, CHROME, DARK, IVORY, finish, paint, skin, timber
from gs_stein.world.things.movable import Movable

_LEATHER = skin(112, 70, 44, "brown", 0.04)


def _wheel(look: Look, x: Number, z: Number, radius: Number, spokes: int = 6) -> None:
    """Tyre, rim and spokes in the plane y = 0."""
    b = look.b
    b.torus(x, 0, z, radius - 0.022, 0.022, DARK, ON_SIDE)
    b.torus(x, 0, z, radius - 0.05, 0.01, CHROME, ON_SIDE)
    for k in range(spokes // 2):
        a = math.pi * k / (spokes // 2) + 0.3
        dx, dz = (radius - 0.05) * math.cos(a), (radius - 0.05) * math.sin(a)
        b.rod((x - dx, 0, z - dz), (x + dx, 0, z + dz), 0.006, CHROME)
    b.rod((x, -0.05, z), (x, 0.05, z), 0.022, CHROME)


def bicycle(look: Look) -> None:
    """Seen from the side, with a sloping or level top tube and often a basket."""
    b = look.b
    frame = paint(look, gloss=0.1)
    saddle = _LEATHER if b.chance(0.5) else DARK
    s = 1 if b.chance(0.5) else -1
    r, low = 0.34, 0.12 if b.chance(0.5) else 0.0
    with b.thing("bicycle", frame, "metal"), b.at(0, -0.28):
        _wheel(look, -s * 0.52, r, r, 8)
        _wheel(look, s * 0.52, r, r, 8)
        crank, seat = (-s * 0.08, 0, 0.3), (-s * 0.22, 0, 0.78)
        b.rod(crank, seat, 0.026, frame)
        b.rod(crank, (s * 0.37, 0, 0.74), 0.03, frame)
        b.rod((-s * 0.2, 0, 0.74 - low * 2), (s * 0.36, 0, 0.82), 0.026, frame)
        for y in (-0.05, 0.05):
            b.rod((-s * 0.52, y, r), crank, 0.014, frame)
            b.rod((-s * 0.52, y, r), (-s * 0.2, 0.3 * y, 0.72), 0.014, frame)
            b.rod((s * 0.52, y, r), (s * 0.38, y, 0.72), 0.018, frame)
        b.rod((s * 0.385, 0, 0.68), (s * 0.345, 0, 0.96), 0.03, frame)
        b.rod((s * 0.33, -0.26, 0.98), (s * 0.33, 0.26, 0.98), 0.014, CHROME)
        for y in (-0.25, 0.25):
            b.rod((s * 0.34, y, 0.98), (s * 0.22, y, 0.97), 0.022, saddle)
        b.rod(seat, (-s * 0.24, 0, 0.88), 0.016, CHROME)
        b.ellipsoid(-s * 0.25, 0, 0.9, 0.14, 0.08, 0.04, saddle)
        b.rod((crank[0], -0.06, 0.3), (crank[0], -0.075, 0.3), 0.095, CHROME)
        b.rod((crank[0], -0.09, 0.3), (crank[0] + 0.14, -0.09, 0.22), 0.012, CHROME)
        b.box(crank[0] + 0.14, -0.12, 0.205, 0.1, 0.07, 0.025, DARK)
        if b.chance(0.5):
            b.box(s * 0.5, 0, 0.78, 0.24, 0.32, 0.2, skin(190, 148, 96), 0.03)


def treadmill(look: Look) -> None:
    """Belt to the front, uprights, a lit display."""
    b = look.b
    body = paint(look)
    screen = Material(SCREEN, DARK.c1, srgb(40, 120, 190), srgb(90, 220, 200), (0.0, 0, 0, 0), emission=0.6)
    with b.thing("treadmill", body, "metal"), b.at(0, -0.08):
        b.box(0, -0.72, 0.05, 0.62, 1.4, 0.12, body, 0.03)
        b.box(0, -0.78, 0.168, 0.44, 1.24, 0.012, DARK)
        b.box(0, -0.2, 0.08, 0.64, 0.34, 0.19, body, 0.06)
        for s in (-1, 1):
            b.rod((s * 0.31, -0.22, 0.1), (s * 0.31, -0.1, 1.16), 0.035, body)
            b.rod((s * 0.31, -0.12, 1.05), (s * 0.31, -0.62, 0.98), 0.025, DARK)
            b.box(s * 0.26, -0.72, 0.165, 0.06, 1.3, 0.025, shade_of(body, 0.7))
            b.box(s * 0.28, -0.7, 0, 0.06, 1.2, 0.06, DARK)
        b.box(0, -0.1, 1.08, 0.7, 0.07, 0.26, body, 0.03, rotation(pitch=-24))
        b.box(0, -0.138, 1.14, 0.34, 0.02, 0.16, screen, turn=rotation(pitch=-24))
        b.rod((-0.3, -0.2, 1.06), (0.3, -0.2, 1.06), 0.02, DARK)


def punching_bag(look: Look) -> None:
    """Heavy bag on chains from a bent stand."""
    b = look.b
    bag = paint(look, gloss=0.06)
    with b.thing("punching bag", bag, "leather"), b.at(0, -0.5):
        for s in (-1, 1):
            b.rod((s * 0.5, -0.45, 0.04), (0, 0.42, 0.04), 0.035, DARK)
        b.rod((-0.46, -0.4, 0.04), (0.46, -0.4, 0.04), 0.03, DARK)
        b.rod((0, 0.42, 0.02), (0, 0.42, 1.95), 0.04, DARK)
        b.rod((0, 0.44, 1.93), (0, -0.06, 1.98), 0.035, DARK)
        b.rod((0, 0.42, 1.6), (0, 0.16, 1.95), 0.02, DARK)
        for k in range(4):
            a = 1.5708 * k + 0.7854
            b.rod((0, 0, 1.94), (0.17 * math.cos(a), 0.17 * math.sin(a), 1.66), 0.009, CHROME)
        b.cone(0, 0, 0.55, 0.19, 1.1, bag)
        b.ellipsoid(0, 0, 0.55, 0.19, 0.19, 0.07, bag)
        b.ellipsoid(0, 0, 1.65, 0.19, 0.19, 0.04, DARK)
        for z in (0.72, 1.42):
            b.cone(0, 0, z, 0.193, 0.07, IVORY)


def skateboard(look: Look) -> None:
    """Leaning on its wheels, deck up."""
    b = look.b
    deck = paint(look)
    wheels = paint(look, deck.colour)
    with b.thing("skateboard", deck, "wood"), b.at(0, -0.2, 0, yaw=b.uniform(-12, 12), scale=1.15):
        b.box(0, 0, 0.1, 0.52, 0.22, 0.022, deck, 0.01)
        for s in (-1, 1):
            b.cone(s * 0.26, 0, 0.1, 0.11, 0.022, deck, turn=rotation(roll=-s * 12))
            b.box(s * 0.33, 0, 0.118, 0.12, 0.18, 0.022, deck, 0.01, rotation(roll=-s * 22))
            b.box(s * 0.2, 0, 0.055, 0.05, 0.12, 0.05, CHROME)
            b.rod((s * 0.2, -0.1, 0.042), (s * 0.2, 0.1, 0.042), 0.012, CHROME)
            for y in (-0.09, 0.09):
                b.rod((s * 0.2, y - 0.025, 0.042), (s * 0.2, y + 0.025, 0.042), 0.042, wheels)
        b.box(0, 0, 0.122, 0.4, 0.07, 0.004, wheels)


def football(look: Look) -> None:
    """White ball with twelve dark or coloured patches, at the corners of an icosahedron."""
    b = look.b
    r = b.uniform(0.15, 0.19)
    white = skin(240, 238, 232, "white", 0.05)
    patch = DARK if b.chance(0.6) else paint(look, "white", "beige", "yellow")
    golden = (1 + math.sqrt(5)) / 2
    n = math.sqrt(1 + golden * golden)
    with b.thing("football", white, "leather"), b.at(0, -0.2, r, yaw=b.uniform(0, 360), pitch=b.uniform(0, 40)):
        b.ellipsoid(0, 0, 0, r, r, r, white)
        for i in (-1, 1):
            for j in (-golden, golden):
                for v in ((0, i, j), (i, j, 0), (j, 0, i)):
                    x, y, z = (r * c / n for c in v)
                    b.rod((0.9 * x, 0.9 * y, 0.9 * z), (x, y, z), 0.36 * r, patch, 0.8)


def basketball(look: Look) -> None:
    """Orange, sometimes of another colour, with black seams."""
    b = look.b
    r = b.uniform(0.15, 0.19)
    ball = paint(look, "black") if b.chance(0.3) else skin(206, 106, 46, "orange", 0.03)
    with b.thing("basketball", ball, "rubber"), b.at(0, -0.2, r, yaw=b.uniform(0, 360), pitch=b.uniform(0, 40)):
        b.ellipsoid(0, 0, 0, r, r, r, ball)
        b.torus(0, 0, 0, r - 0.004, 0.007, DARK)
        b.torus(0, 0, 0, r - 0.004, 0.007, DARK, ON_SIDE)
        for s in (-1, 1):
            b.torus(s * 0.62 * r, 0, 0, 0.785 * r - 0.004, 0.007, DARK, rotation(roll=90))


def surfboard(look: Look) -> None:
    """Leaning upright at the wall, with a stripe and a fin."""
    b = look.b
    board = paint(look, gloss=0.12)
    stripe = paint(look, board.colour, gloss=0.12)
    h = b.uniform(1.75, 1.95)
    with b.thing("surfboard", board, "paint"), b.at(0, -0.2, 0, pitch=-5):
        b.ellipsoid(0, 0, h / 2, 0.27, 0.035, h / 2, board)
        b.ellipsoid(0, -0.006, h / 2, 0.05, 0.036, 0.97 * h / 2, stripe)
        for z in (0.3, 0.38):
            b.ellipsoid(0, -0.004, z * h * 1.9, 0.262, 0.034, 0.03, stripe)
        b.frustum(0, 0.07, 0.16, 0.015, 0.12, 0.14, DARK, 0.8, 0.3, rotation(pitch=-90))


def suitcase(look: Look) -> None:
    """Upright shell on wheels with a pulled handle, or an old one with straps."""
    b = look.b
    body = paint(look)
    old = b.chance(0.5)
    with b.thing("suitcase", body, "leather" if old else "plastic"):
        if old:
            with b.at(0, -0.16):
                b.box(0, 0, 0, 0.72, 0.24, 0.5, body, 0.03)
                for s in (-1, 1):
                    b.box(s * 0.2, 0, -0.002, 0.06, 0.252, 0.51, _LEATHER, 0.01)
                    b.box(s * 0.2, -0.13, 0.36, 0.075, 0.015, 0.06, BRASS)
                    for z in (0.02, 0.44):
                        b.ellipsoid(s * 0.33, -0.1, z + 0.02, 0.045, 0.04, 0.04, _LEATHER)
                b.box(0, -0.118, 0.24, 0.7, 0.01, 0.015, DARK)
                b.torus(0, 0, 0.51, 0.075, 0.016, _LEATHER, ON_SIDE)
        else:
            with b.at(0, -0.2):
                b.box(0, 0, 0.06, 0.48, 0.3, 0.68, body, 0.06)
                for k in range(5):
                    b.box(-0.16 + 0.08 * k, -0.148, 0.14, 0.035, 0.02, 0.52, shade_of(body, 0.82), 0.008)
                for s in (-1, 1):
                    for y in (-0.09, 0.09):
                        b.rod((s * 0.18 - 0.02, y, 0.035), (s * 0.18 + 0.02, y, 0.035), 0.035, DARK)
                    b.rod((s * 0.12, 0.09, 0.7), (s * 0.12, 0.09, 1.04), 0.012, CHROME)
                b.box(0, 0.09, 1.03, 0.28, 0.035, 0.035, DARK, 0.012)
                b.box(0, 0, 0.74, 0.16, 0.03, 0.03, DARK, 0.01)


def doll_house(look: Look) -> None:
    """Open rooms on two floors under a gable roof."""
    b = look.b
    wall, kind = finish(look, 0.2)
    roof = paint(look, wall.colour)
    with b.thing("doll house", wall, kind), b.at(0, -0.21):
        b.box(0, 0, 0, 0.92, 0.42, 0.04, wall)
        b.box(0, 0.19, 0, 0.86, 0.03, 0.72, shade_of(wall, 0.9))
        for x in (-0.43, 0.0, 0.43):
            b.box(x, 0.01, 0, 0.03, 0.38, 0.72, wall)
        for z in (0.36, 0.7):
            b.box(0, 0.01, z, 0.88, 0.38, 0.03, wall)
        b.frustum(0, 0.01, 0.72, 0.9, 0.34, 0.3, shade_of(wall, 1.1), 0.0, 1.0)
        for s in (-1, 1):
            b.box(s * 0.245, 0.0, 0.865, 0.64, 0.42, 0.03, roof, turn=rotation(roll=s * 33.7))
        b.rod((0, -0.16, 0.85), (0, -0.175, 0.85), 0.075, skin(130, 190, 220))
        b.box(0.27, 0.02, 0.86, 0.09, 0.1, 0.22, skin(166, 82, 62))
        for x, z in ((-0.215, 0.04), (0.215, 0.04), (-0.215, 0.39), (0.215, 0.39)):
            b.box(x, 0.17, z, 0.4, 0.012, 0.31, paint(look, wall.colour, gloss=0.0))
        b.box(-0.24, 0.05, 0.04, 0.22, 0.16, 0.09, paint(look), 0.02)
        b.box(0.2, 0.05, 0.39, 0.24, 0.2, 0.08, paint(look), 0.02)
        b.cone(0.22, 0.05, 0.04, 0.07, 0.12, timber(look))
        b.cone(-0.3, 0.05, 0.39, 0.05, 0.2, paint(look), 0.5)


def toy_train(look: Look) -> None:
    """Engine with two wagons in a row."""
    b = look.b
    engine = paint(look)
    first, second, wheel = paint(look, engine.colour), paint(look, engine.colour), DARK
    s = 1 if b.chance(0.5) else -1
    with b.thing("toy train", engine, "wood"), b.at(0, -0.18, 0, scale=1.2):
        b.box(s * 0.3, 0, 0.05, 0.34, 0.15, 0.05, shade_of(engine, 0.75), 0.01)
        b.rod((s * 0.24, 0, 0.17), (s * 0.47, 0, 0.17), 0.075, engine)
        b.rod((s * 0.47, 0, 0.17), (s * 0.48, 0, 0.17), 0.065, BRASS)
        b.box(s * 0.19, 0, 0.09, 0.13, 0.16, 0.22, engine, 0.01)
        b.box(s * 0.19, 0, 0.3, 0.18, 0.2, 0.03, first, 0.01)
        b.box(s * 0.19, -0.078, 0.19, 0.08, 0.01, 0.08, skin(160, 210, 230))
        b.cone(s * 0.41, 0, 0.23, 0.024, 0.11, DARK, 1.7)
        b.ellipsoid(s * 0.32, 0, 0.245, 0.03, 0.03, 0.035, BRASS)
        for x, body in ((-0.08, first), (-0.38, second)):
            b.box(s * x, 0, 0.07, 0.24, 0.15, 0.13, body, 0.01)
            b.rod((s * (x + 0.1), 0, 0.08), (s * (x + 0.2), 0, 0.08), 0.012, DARK)
            for k in range(3):
                b.ellipsoid(s * x - 0.07 + 0.07 * k, 0, 0.21, 0.045, 0.055, 0.035, paint(look, body.colour))
        for x in (0.4, 0.21, -0.02, -0.14, -0.32, -0.44):
            b.rod((s * x, -0.09, 0.045), (s * x, 0.09, 0.045), 0.045, wheel)
            b.rod((s * x, -0.092, 0.045), (s * x, 0.092, 0.045), 0.018, BRASS)


def scooter(look: Look) -> None:
    """Kick scooter leaning at the wall, seen from the side."""
    b = look.b
    deck = paint(look)
    with b.thing("kick scooter", deck, "metal"), b.at(0, -0.235):
        b.box(-0.06, 0, 0.08, 0.56, 0.14, 0.04, deck, 0.015)
        for x in (-0.38, 0.4):
            b.torus(x, 0, 0.085, 0.06, 0.025, DARK, ON_SIDE)
            b.rod((x, -0.03, 0.085), (x, 0.03, 0.085), 0.04, IVORY)
        b.rod((0.2, 0, 0.1), (0.36, 0, 0.26), 0.028, deck)
        b.rod((0.4, 0, 0.085), (0.26, 0, 0.88), 0.022, deck)
        b.rod((0.26, -0.2, 0.88), (0.26, 0.2, 0.88), 0.018, CHROME)
        for y in (-0.18, 0.18):
            b.rod((0.26, y - 0.05, 0.88), (0.26, y + 0.05, 0.88), 0.026, DARK)


SPORT = (
    Movable("bicycle", bicycle, (1.74, 0.56, 1.0), ("wall", "floor")),
    Movable("treadmill", treadmill, (0.71, 1.52, 1.35), ("wall", "floor", "corner")),
    Movable("punching bag", punching_bag, (1.1, 1.0, 2.02), ("corner", "floor")),
    Movable("skateboard", skateboard, (0.92, 0.4, 0.19), ("floor", "wall")),
    Movable("football", football, (0.4, 0.4, 0.39), ("floor", "corner")),
    Movable("basketball", basketball, (0.4, 0.4, 0.39), ("floor", "corner")),
    Movable("surfboard", surfboard, (0.54, 0.22, 1.95), ("wall", "corner")),
    Movable("suitcase", suitcase, (0.76, 0.36, 1.07), ("wall", "floor", "corner")),
    Movable("doll house", doll_house, (1.06, 0.42, 1.1), ("wall", "corner")),
    Movable("toy train", toy_train, (1.21, 0.31, 0.42), ("floor", "wall")),
    Movable("kick scooter", scooter, (0.98, 0.47, 0.92), ("wall", "floor")),
)
"""Everything for sport, play and travel."""
