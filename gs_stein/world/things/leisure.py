"""Games, small machines and treats."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import TILES, Material, srgb
from gs_stein.world.rooms.parts import shade_of
from gs_stein.world.styles import Look
from gs_stein.world.things.finishes import CHROME, DARK, IVORY, finish, paint, skin, timber
from gs_stein.world.things.movable import Movable


def pool_table(look: Look) -> None:
    """Green, blue or red cloth in a wooden frame, balls, a cue across."""
    b = look.b
    frame = timber(look)
    felt = skin(*b.pick(((40, 120, 70), (40, 120, 70), (44, 84, 150), (160, 44, 48))))
    with b.thing("pool table", frame, "wood"), b.at(0, -0.56):
        b.box(0, 0, 0.58, 1.9, 1.06, 0.18, frame, 0.02)
        b.box(0, 0, 0.755, 1.7, 0.86, 0.012, felt)
        for s in (-1, 1):
            b.box(0, s * 0.48, 0.74, 1.9, 0.1, 0.06, frame, 0.02)
            b.box(s * 0.9, 0, 0.74, 0.1, 1.06, 0.06, frame, 0.02)
            b.cone(0, s * 0.45, 0.765, 0.05, 0.004, DARK)
            for e in (-1, 1):
                b.cone(s * 0.84, e * 0.41, 0.765, 0.055, 0.006, DARK)
                b.cone(s * 0.78, e * 0.38, 0.0, 0.06, 0.6, frame, 1.5)
        hues = ((226, 186, 50), (46, 80, 160), (200, 50, 44), (110, 60, 140), (226, 120, 40), (40, 40, 42))
        for k, hue in enumerate(hues):
            row = 0 if k == 0 else 1 if k < 3 else 2
            y = 0.09 * (k - (0, 1.5, 4)[row])
            b.ellipsoid(0.4 + 0.08 * row, y, 0.81, 0.044, 0.044, 0.044, skin(*hue, gloss=0.1))
        b.ellipsoid(-0.45, -0.05, 0.81, 0.044, 0.044, 0.044, IVORY)
        b.rod((-0.95, -0.25, 0.84), (-0.1, 0.3, 0.82), 0.014, skin(214, 176, 120), 0.5)


def tricycle(look: Look) -> None:
    """Child's, with a big front wheel, to the front and a little to the side."""
    b = look.b
    frame = paint(look, "black", gloss=0.1)
    trim = paint(look, frame.colour, "black")
    side = 1 if b.chance(0.5) else -1
    with b.thing("tricycle", frame, "metal"), b.at(0, -0.35, 0, scale=b.uniform(1.0, 1.1)):
        for x, y, r in ((side * 0.3, 0.0, 0.19), (-side * 0.26, -0.2, 0.12), (-side * 0.26, 0.2, 0.12)):
            b.torus(x, y, r, r - 0.024, 0.024, DARK, ON_SIDE)
            b.rod((x, y - 0.012, r), (x, y + 0.012, r), r - 0.045, trim)
            b.rod((x, y - 0.03, r), (x, y + 0.03, r), 0.025, CHROME)
        b.rod((-side * 0.26, -0.2, 0.12), (-side * 0.26, 0.2, 0.12), 0.018, CHROME)
        b.rod((-side * 0.26, 0, 0.13), (side * 0.2, 0, 0.36), 0.028, frame)
        for y in (-0.04, 0.04):
            b.rod((side * 0.3, y, 0.19), (side * 0.22, y, 0.42), 0.016, frame)
        b.rod((side * 0.225, 0, 0.36), (side * 0.16, 0, 0.58), 0.022, frame)
        b.rod((side * 0.15, -0.22, 0.6), (side * 0.15, 0.22, 0.6), 0.014, CHROME)
        for y in (-1, 1):
            b.rod((side * 0.15, y * 0.14, 0.6), (side * 0.15, y * 0.23, 0.6), 0.024, trim)
            b.box(side * 0.3, y * 0.085, 0.14 + 0.05 * (1 + y), 0.08, 0.09, 0.025, DARK)
        b.rod((-side * 0.14, 0, 0.18), (-side * 0.14, 0, 0.38), 0.02, CHROME)
        b.ellipsoid(-side * 0.14, 0, 0.39, 0.12, 0.1, 0.04, trim)


def fan(look: Look) -> None:
    """Standing fan with four blades in a round guard."""
    b = look.b
    body = paint(look)
    blade = paint(look, body.colour)
    z = b.uniform(1.05, 1.2)
    with b.thing("standing fan", body, "metal"), b.at(0, -0.3):
        b.cone(0, 0, 0, 0.22, 0.04, body, 0.85)
        b.cone(0, 0, 0.03, 0.02, z - 0.05, body)
        b.rod((0, 0.13, z), (0, -0.03, z), 0.065, body)
        for y in (-0.03, -0.13):
            b.torus(0, y, z, 0.27, 0.011, CHROME, ON_SIDE)
        b.torus(0, -0.135, z, 0.15, 0.008, CHROME, ON_SIDE)
        spin = b.uniform(0, 90)
        for k in range(4):
            a = math.radians(90 * k + spin)
            turn = rotation(roll=-math.degrees(a))
            b.ellipsoid(0.13 * math.cos(a), -0.07, z + 0.13 * math.sin(a), 0.125, 0.014, 0.075, blade, turn)
        for k in range(8):
            a = 0.7854 * k
            x, y = 0.27 * math.cos(a), 0.27 * math.sin(a)
            b.rod((0.04 * math.cos(a), -0.15, z + 0.04 * math.sin(a)), (x, -0.12, z + y), 0.006, CHROME)
        b.rod((0, -0.03, z), (0, -0.16, z), 0.045, body)
        b.box(0, -0.025, 0.6, 0.08, 0.05, 0.12, body, 0.015)


def vacuum_cleaner(look: Look) -> None:
    """Low body on wheels, a hose and a tube with its brush."""
    b = look.b
    body = paint(look, "black", gloss=0.12)
    s = 1 if b.chance(0.5) else -1
    with b.thing("vacuum cleaner", body, "plastic"), b.at(s * 0.03, -0.25):
        b.ellipsoid(-s * 0.24, 0, 0.17, 0.27, 0.19, 0.14, body)
        b.box(-s * 0.24, 0, 0.05, 0.44, 0.28, 0.12, shade_of(body, 0.6), 0.05)
        b.torus(-s * 0.22, 0, 0.3, 0.08, 0.016, DARK, ON_SIDE)
        for y in (-0.165, 0.165):
            b.rod((-s * 0.36, y - 0.02, 0.1), (-s * 0.36, y + 0.02, 0.1), 0.1, DARK)
            b.rod((-s * 0.36, y - 0.024, 0.1), (-s * 0.36, y + 0.024, 0.1), 0.05, body)
        b.ellipsoid(-s * 0.06, 0, 0.06, 0.05, 0.04, 0.05, DARK)
        path = [(0.0, 0.2), (0.12, 0.34), (0.2, 0.52), (0.2, 0.72), (0.13, 0.88)]
        for k in range(4):
            (x0, z0), (x1, z1) = path[k], path[k + 1]
            b.rod((s * x0, 0, z0), (s * x1, 0, z1), 0.03, DARK)
            b.ellipsoid(s * x1, 0, z1, 0.03, 0.03, 0.03, DARK)
        b.rod((s * 0.12, 0, 0.98), (s * 0.16, 0, 0.82), 0.035, body)
        b.rod((s * 0.16, 0, 0.84), (s * 0.4, -0.06, 0.08), 0.024, CHROME)
        b.box(s * 0.42, -0.08, 0.0, 0.32, 0.14, 0.07, DARK, 0.03)


def cactus(look: Look) -> None:
    """Column with arms and a flower, in a pot."""
    b = look.b
    flesh = skin(*b.pick(((74, 134, 82), (60, 118, 76), (92, 146, 84))), colour="green")
    pot = paint(look, "green")
    bloom = skin(236, 110, 150)
    h = b.uniform(0.62, 0.85)
    with b.thing("cactus", flesh, "plant"), b.at(0, -0.32):
        b.cone(0, 0, 0, 0.15, 0.26, pot, 1.25)
        b.cone(0, 0, 0.23, 0.2, 0.06, pot)
        b.cone(0, 0, 0.285, 0.165, 0.01, skin(206, 180, 132))
        b.cone(0, 0, 0.28, 0.1, h, flesh)
        b.ellipsoid(0, 0, 0.28 + h, 0.1, 0.1, 0.1, flesh)
        for k in range(8):
            a = 0.7854 * k
            x, y = 0.095 * math.cos(a), 0.095 * math.sin(a)
            b.rod((x, y, 0.29), (x, y, 0.28 + h), 0.014, shade_of(flesh, 1.3))
        left, up = b.uniform(0.2, 0.3), b.uniform(0.14, 0.22)
        for s, z, tall in ((-1, 0.5, left), (1, 0.64, up)):
            b.rod((0, 0, z), (s * 0.22, 0, z + 0.02), 0.055, flesh)
            b.ellipsoid(s * 0.22, 0, z + 0.02, 0.06, 0.06, 0.06, flesh)
            b.cone(s * 0.22, 0, z + 0.02, 0.058, tall, flesh)
            b.ellipsoid(s * 0.22, 0, z + 0.02 + tall, 0.058, 0.058, 0.06, flesh)
        b.ellipsoid(0, 0, 0.39 + h, 0.05, 0.05, 0.032, bloom)
        b.ellipsoid(0.22, 0, 0.72 + up, 0.035, 0.035, 0.025, bloom)


def cake(look: Look) -> None:
    """Two tiers on a stand, with icing and candles."""
    b = look.b
    icing = paint(look, "black", "grey", "navy", gloss=0.03)
    cream = skin(250, 240, 224, "white") if icing.colour not in ("white", "beige") else skin(226, 120, 140)
    with b.thing("birthday cake", icing, "icing"), b.at(0, -0.24):
        b.cone(0, 0, 0, 0.1, 0.03, IVORY)
        b.cone(0, 0, 0.02, 0.03, 0.07, IVORY)
        b.cone(0, 0, 0.085, 0.22, 0.015, IVORY)
        b.cone(0, 0, 0.1, 0.19, 0.12, icing)
        b.cone(0, 0, 0.22, 0.125, 0.11, icing)
        b.torus(0, 0, 0.11, 0.19, 0.018, cream)
        b.torus(0, 0, 0.225, 0.128, 0.016, cream)
        for k in range(8):
            a = 0.7854 * k
            x, y = 0.16 * math.cos(a), 0.16 * math.sin(a)
            b.ellipsoid(x, y, 0.225, 0.026, 0.026, 0.024, skin(204, 44, 52, gloss=0.1))
        for k in range(5):
            a = 1.2566 * k + 0.3
            x, y = 0.08 * math.cos(a), 0.08 * math.sin(a)
            b.cone(x, y, 0.33, 0.011, 0.1, paint(look, icing.colour))
            b.ellipsoid(x, y, 0.45, 0.012, 0.012, 0.024, skin(255, 206, 96, emission=1.1), casts=False)


def chess_table(look: Look) -> None:
    """Small table with a board of squares and pieces on it."""
    b = look.b
    top, kind = finish(look, 0.6)
    light, dark = srgb(226, 206, 168), srgb(84, 54, 38)
    board = Material(TILES, light, dark, dark, (0.075, 0.0, 0.0, 0.0), 0.05)
    with b.thing("chess table", top, kind), b.at(0, -0.4):
        b.box(0, 0, 0.66, 0.78, 0.78, 0.045, top, 0.012)
        b.box(0, 0, 0.7, 0.6, 0.6, 0.012, board)
        b.cone(0, 0, 0.05, 0.1, 0.62, top, 0.55)
        b.cone(0, 0, 0.0, 0.3, 0.06, top, 0.7)
        for s, colour in ((-1, skin(236, 222, 190)), (1, skin(52, 38, 32))):
            for k in range(5):
                x, y = -0.225 + 0.1125 * k, s * (0.19 if k % 2 else 0.26)
                tall = 0.1 if k == 2 else 0.07
                b.cone(x, y, 0.712, 0.026, tall, colour, 0.45)
                b.ellipsoid(x, y, 0.712 + tall, 0.019, 0.019, 0.021, colour)


LEISURE = (
    Movable("pool table", pool_table, (1.92, 1.1, 0.86), ("floor",)),
    Movable("tricycle", tricycle, (1.1, 0.62, 0.7), ("floor", "corner", "wall")),
    Movable("standing fan", fan, (0.56, 0.53, 1.5), ("corner", "wall", "floor")),
    Movable("vacuum cleaner", vacuum_cleaner, (1.23, 0.45, 1.0), ("wall", "floor")),
    Movable("cactus", cactus, (0.56, 0.53, 1.28), ("corner", "wall", "floor")),
    Movable("birthday cake", cake, (0.44, 0.46, 0.48), ("table",)),
    Movable("chess table", chess_table, (0.78, 0.8, 0.84), ("floor", "corner", "wall")),
)
"""Games, small machines and treats."""
