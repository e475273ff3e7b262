"""Machines of the house."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import GRID, SCREEN, Material, Number, srgb
from gs_stein.world.rooms.parts import shade_of
from gs_stein.world.styles import Look
from gs_stein.world.things.finishes import BRASS, CHROME, DARK, IVORY, finish, paint, skin, timber
from gs_stein.world.things.movable import Movable


def _table(look: Look, width: Number, depth: Number, height: Number) -> None:
    """Small table with its back at y = 0."""
    b = look.b
    top = timber(look)
    b.box(0, -depth / 2, height - 0.04, width, depth, 0.04, top, 0.008)
    for sx in (-1, 1):
        for y in (-0.05, 0.05 - depth):
            b.cone(sx * (width / 2 - 0.05), y, 0, 0.018, height - 0.03, top, 1.5)


def sewing_machine(look: Look) -> None:
    """On a table with iron sides, cloth under the needle."""
    b = look.b
    body = DARK if b.chance(0.35) else paint(look, gloss=0.1)
    with b.thing("sewing machine", body, "metal"):
        _table(look, 0.95, 0.46, 0.74)
        for s in (-1, 1):
            b.rod((s * 0.4, -0.08, 0.1), (s * 0.4, -0.4, 0.6), 0.014, DARK)
            b.rod((s * 0.4, -0.4, 0.1), (s * 0.4, -0.08, 0.6), 0.014, DARK)
        b.box(-0.26, -0.3, 0.775, 0.34, 0.3, 0.03, paint(look, body.colour, gloss=0.0), 0.01)
        with b.at(0, -0.24, 0.74, scale=1.25):
            b.box(0, 0, 0, 0.46, 0.19, 0.05, body, 0.015)
            b.cone(0.14, 0, 0.04, 0.055, 0.24, body, 0.8)
            b.box(-0.02, 0, 0.23, 0.4, 0.09, 0.09, body, 0.035)
            b.box(-0.18, 0, 0.13, 0.075, 0.09, 0.18, body, 0.025)
            b.rod((-0.18, -0.01, 0.06), (-0.18, -0.01, 0.14), 0.008, CHROME)
            b.rod((0.18, 0, 0.27), (0.24, 0, 0.27), 0.085, CHROME)
            b.rod((0.24, 0, 0.27), (0.25, 0, 0.27), 0.045, BRASS)
            b.cone(0.02, 0, 0.31, 0.022, 0.07, paint(look, body.colour))
            b.box(-0.01, -0.048, 0.25, 0.22, 0.006, 0.035, BRASS)


def washing_machine(look: Look) -> None:
    """Front loader, white or coloured, sometimes with a basket or detergent on it."""
    b = look.b
    body = paint(look) if b.chance(0.6) else skin(236, 236, 234, "white", 0.06)
    with b.thing("washing machine", body, "metal"):
        b.box(0, -0.3, 0.0, 0.62, 0.58, 0.88, body, 0.02)
        b.torus(0, -0.592, 0.42, 0.2, 0.03, CHROME, ON_SIDE)
        b.ellipsoid(0, -0.58, 0.42, 0.18, 0.05, 0.18, skin(44, 58, 74, gloss=0.2))
        b.box(0, -0.585, 0.74, 0.58, 0.02, 0.11, shade_of(body, 0.72), 0.004)
        b.box(-0.19, -0.597, 0.755, 0.17, 0.012, 0.08, body, 0.004)
        b.rod((0.05, -0.58, 0.795), (0.05, -0.63, 0.795), 0.04, CHROME)
        b.box(0.2, -0.597, 0.77, 0.13, 0.01, 0.05, skin(40, 120, 130, emission=0.4))
    if b.chance(0.5):
        jug = paint(look, body.colour)
        b.box(0.12, -0.25, 0.88, 0.18, 0.1, 0.22, jug, 0.03)
        b.cone(0.16, -0.25, 1.09, 0.03, 0.05, IVORY)


def stove(look: Look) -> None:
    """Old cast-iron range with a pipe, or an enamelled cooker with a pot."""
    b = look.b
    body = paint(look, gloss=0.1)
    pot = paint(look, body.colour, gloss=0.1)
    with b.thing("stove", body, "metal"):
        b.box(0, -0.32, 0.1, 0.76, 0.6, 0.78, body, 0.02)
        b.box(0, -0.32, 0.88, 0.78, 0.62, 0.03, DARK, 0.006)
        b.box(0, -0.02, 0.9, 0.76, 0.03, 0.16, body, 0.008)
        for sx in (-1, 1):
            for y in (-0.1, -0.56):
                b.cone(sx * 0.32, y, 0, 0.022, 0.12, DARK, 1.3)
        b.box(0, -0.625, 0.18, 0.64, 0.02, 0.44, shade_of(body, 0.85), 0.006)
        b.box(0, -0.637, 0.26, 0.42, 0.01, 0.24, skin(52, 36, 30, gloss=0.15))
        b.rod((-0.28, -0.66, 0.6), (0.28, -0.66, 0.6), 0.016, CHROME)
        for k in range(5):
            b.rod((-0.27 + 0.135 * k, -0.62, 0.77), (-0.27 + 0.135 * k, -0.655, 0.77), 0.034, IVORY)
        for sx, y in ((-0.18, -0.18), (0.18, -0.18), (-0.18, -0.44), (0.18, -0.44)):
            b.torus(sx, y, 0.915, 0.09, 0.012, skin(80, 80, 84))
    with b.thing("pot", pot, "metal"):
        b.cone(0.18, -0.2, 0.925, 0.12, 0.15, pot)
        b.cone(0.18, -0.2, 1.075, 0.12, 0.025, pot, 0.6)
        b.ellipsoid(0.18, -0.2, 1.12, 0.02, 0.02, 0.02, DARK)
        for s in (-1, 1):
            b.ellipsoid(0.18 + s * 0.135, -0.2, 1.03, 0.03, 0.02, 0.012, DARK)


def jukebox(look: Look) -> None:
    """Round-topped with glowing tubes and a record window."""
    b = look.b
    body, _ = finish(look, 0.4)
    hues = [((255, 170, 40), (255, 70, 60)), ((255, 90, 160), (80, 200, 255)), ((120, 230, 90), (255, 210, 60))]
    first, second = (skin(*c, emission=0.7) for c in b.pick(hues))
    with b.thing("jukebox", body, "wood" if body.p[0] else "paint"):
        b.box(0, -0.3, 0, 0.86, 0.56, 1.0, body, 0.02)
        b.rod((0, -0.02, 1.0), (0, -0.58, 1.0), 0.43, body)
        b.rod((0, -0.57, 1.0), (0, -0.592, 1.0), 0.3, skin(255, 226, 170, emission=0.35))
        b.box(0, -0.582, 0.8, 0.6, 0.02, 0.2, skin(255, 226, 170, emission=0.35))
        b.rod((0, -0.585, 1.02), (0, -0.602, 1.02), 0.15, DARK)
        b.rod((0, -0.6, 1.02), (0, -0.608, 1.02), 0.05, skin(220, 60, 50))
        for s in (-1, 1):
            b.cone(s * 0.37, -0.57, 0.08, 0.045, 0.92, first)
        count = 9
        for k in range(count):
            a0, a1 = (math.pi * (k + j) / count for j in (0, 1))
            b.rod(
                (0.37 * math.cos(a0), -0.57, 1.0 + 0.37 * math.sin(a0)),
                (0.37 * math.cos(a1), -0.57, 1.0 + 0.37 * math.sin(a1)),
                0.045,
                first if k % 2 else second,
            )
        b.box(0, -0.59, 0.62, 0.56, 0.06, 0.14, CHROME, 0.012)
        for k in range(6):
            b.box(-0.22 + 0.088 * k, -0.625, 0.65, 0.055, 0.02, 0.06, IVORY if k % 2 else skin(210, 50, 50))
        b.box(0, -0.582, 0.1, 0.54, 0.02, 0.48, second)
        for k in range(4):
            b.box(-0.18 + 0.12 * k, -0.592, 0.1, 0.03, 0.02, 0.48, CHROME)


def gramophone(look: Look) -> None:
    """With a large horn, on a small table."""
    b = look.b
    body, _ = finish(look, 0.5)
    label = skin(*b.pick(((206, 60, 50), (230, 180, 60), (60, 120, 180))))
    horn = BRASS if b.chance(0.5) else paint(look, body.colour, gloss=0.12)
    with b.thing("gramophone", horn, "brass" if horn is BRASS else "paint"), b.at(0.05, -0.27, 0.62):
        with b.at(0, 0.25, -0.62):
            _table(look, 0.62, 0.5, 0.62)
        b.box(0, 0, 0, 0.4, 0.38, 0.16, body, 0.015)
        b.box(0, 0, 0.15, 0.44, 0.42, 0.02, body, 0.006)
        b.cone(0, -0.01, 0.17, 0.16, 0.014, DARK)
        b.cone(0, -0.01, 0.184, 0.055, 0.006, label)
        b.rod((0.12, 0.14, 0.17), (0.12, 0.14, 0.34), 0.02, horn)
        b.rod((0.12, 0.14, 0.34), (0.04, 0.1, 0.44), 0.03, horn, 1.4)
        b.rod((0.04, 0.1, 0.42), (-0.1, -0.1, 0.66), 0.04, horn, 2.6)
        b.rod((-0.1, -0.1, 0.66), (-0.18, -0.21, 0.76), 0.104, horn, 2.4)
        b.ellipsoid(-0.183, -0.215, 0.764, 0.2, 0.2, 0.01, shade_of(horn, 0.45), rotation(yaw=-36, pitch=54))
        b.rod((0.2, 0, 0.08), (0.26, 0, 0.08), 0.01, CHROME)
        b.rod((0.26, 0, 0.08), (0.26, -0.07, 0.04), 0.01, CHROME)


def radio(look: Look) -> None:
    """Old wireless: cloth over the speaker, dial and knobs."""
    b = look.b
    body, kind = finish(look, 0.4)
    mesh = Material(GRID, srgb(206, 178, 130), srgb(160, 130, 88), srgb(0, 0, 0), (0.03, 0, 0, 0))
    with b.thing("radio", body, kind), b.at(0, -0.13, 0, scale=b.uniform(0.95, 1.1)):
        b.box(0, 0, 0.012, 0.46, 0.2, 0.29, body, 0.045)
        b.box(-0.1, -0.097, 0.06, 0.2, 0.016, 0.19, mesh, 0.006)
        b.box(0.11, -0.097, 0.16, 0.16, 0.016, 0.09, skin(250, 226, 150, emission=0.3), 0.004)
        b.box(0.13, -0.107, 0.165, 0.008, 0.006, 0.08, skin(200, 40, 40))
        for x in (0.06, 0.16):
            b.rod((x, -0.09, 0.095), (x, -0.125, 0.095), 0.034, IVORY)
        for sx in (-1, 1):
            b.box(sx * 0.15, 0, 0, 0.05, 0.16, 0.02, DARK)
        b.rod((-0.16, 0.05, 0.3), (-0.16, 0.05, 0.34), 0.012, CHROME)
        b.rod((0.16, 0.05, 0.3), (0.16, 0.05, 0.34), 0.012, CHROME)
        b.rod((-0.17, 0.05, 0.34), (0.17, 0.05, 0.34), 0.014, CHROME)


def typewriter(look: Look) -> None:
    """Rows of round keys, a roller and a sheet of paper."""
    b = look.b
    body = paint(look, "white", "beige", gloss=0.1)
    with b.thing("typewriter", body, "metal"), b.at(0, -0.22, -0.01, scale=b.uniform(1.0, 1.15)):
        b.box(0, 0.04, 0.01, 0.38, 0.22, 0.13, body, 0.03)
        b.frustum(0, -0.06, 0.01, 0.38, 0.3, 0.08, body, 0.96, 0.5)
        b.rod((-0.24, 0.08, 0.17), (0.24, 0.08, 0.17), 0.034, DARK)
        for s in (-1, 1):
            b.rod((s * 0.23, 0.08, 0.17), (s * 0.26, 0.08, 0.17), 0.045, CHROME)
        b.box(0, 0.1, 0.17, 0.28, 0.006, 0.22, IVORY, turn=rotation(pitch=-10))
        for j in range(3):
            for i in range(6):
                x, y = -0.14 + 0.056 * i + 0.01 * j, -0.17 + 0.05 * j
                b.cone(x, y, 0.045 + 0.022 * j, 0.021, 0.024, IVORY)
        b.box(0, -0.205, 0.025, 0.2, 0.03, 0.016, DARK)


def laptop(look: Look) -> None:
    """Open, its screen lit."""
    b = look.b
    body = paint(look) if b.chance(0.6) else CHROME
    screen = Material(
        SCREEN, DARK.c1, srgb(60, 110, 190), srgb(*b.pick(((120, 200, 220), (230, 150, 180)))), (1.0, 0, 0, 0),
        emission=0.7,
    )  # fmt: skip
    keys = Material(GRID, srgb(60, 60, 64), srgb(150, 150, 154), srgb(0, 0, 0), (0.035, 0, 0, 0))
    with b.thing("laptop", body, "metal"), b.at(0, -0.15, 0, scale=b.uniform(1.1, 1.25)):
        b.box(0, -0.1, 0, 0.38, 0.26, 0.02, body, 0.008)
        b.box(0, -0.07, 0.018, 0.33, 0.13, 0.005, keys)
        b.box(0, -0.185, 0.018, 0.11, 0.06, 0.004, shade_of(body, 0.8))
        with b.at(0, 0.035, 0.015, pitch=-16):
            b.box(0, 0, 0, 0.38, 0.014, 0.26, body, 0.006)
            b.box(0, -0.006, 0.012, 0.355, 0.01, 0.236, screen)


def microwave(look: Look) -> None:
    """Door with a dark pane, a lit clock and buttons."""
    b = look.b
    body = paint(look)
    with b.thing("microwave", body, "metal"), b.at(0, -0.21):
        b.box(0, 0, 0.015, 0.52, 0.36, 0.3, body, 0.02)
        b.box(-0.07, -0.182, 0.04, 0.34, 0.02, 0.25, shade_of(body, 0.85), 0.008)
        b.box(-0.07, -0.193, 0.075, 0.26, 0.01, 0.18, skin(34, 36, 42, gloss=0.15))
        b.rod((0.085, -0.215, 0.07), (0.085, -0.215, 0.26), 0.012, CHROME)
        b.box(0.185, -0.182, 0.225, 0.1, 0.012, 0.05, skin(90, 240, 160, emission=0.5))
        for k in range(6):
            b.box(0.155 + 0.06 * (k % 2), -0.184, 0.06 + 0.052 * (k // 2), 0.045, 0.016, 0.035, IVORY)
        for s in (-1, 1):
            b.box(s * 0.2, 0, 0, 0.04, 0.3, 0.02, DARK)


def arcade_machine(look: Look) -> None:
    """Cabinet with a lit screen, joystick and buttons."""
    b = look.b
    body = paint(look)
    glow = Material(
        SCREEN,
        DARK.c1,
        srgb(40, 30, 110),
        srgb(*b.pick(((240, 80, 160), (80, 220, 180)))),
        (1.0, 0, 0, 0),
        emission=0.8,
    )
    sign = skin(*b.pick(((255, 220, 90), (255, 110, 90), (110, 220, 255))), emission=0.7)
    with b.thing("arcade machine", body, "paint"):
        b.box(0, -0.32, 0, 0.6, 0.6, 0.86, body, 0.01)
        b.box(0, -0.2, 0.8, 0.6, 0.38, 0.9, DARK)
        b.box(0, -0.39, 0.98, 0.5, 0.02, 0.44, glow, turn=rotation(pitch=-14))
        for s in (-1, 1):
            b.box(s * 0.31, -0.24, 0.8, 0.03, 0.46, 0.92, body, 0.01)
            b.box(s * 0.31, -0.42, 0.72, 0.03, 0.44, 0.2, body, 0.01)
        b.box(0, -0.3, 1.47, 0.6, 0.36, 0.22, sign, 0.01)
        b.box(0, -0.26, 1.68, 0.65, 0.48, 0.04, body)
        with b.at(0, -0.5, 0.88, pitch=14):
            b.box(0, 0, 0, 0.58, 0.26, 0.03, DARK)
            b.rod((-0.16, 0, 0.02), (-0.16, 0, 0.1), 0.012, CHROME)
            b.ellipsoid(-0.16, 0, 0.12, 0.032, 0.032, 0.032, skin(226, 50, 46, gloss=0.1))
            for k, c in enumerate(((240, 200, 60), (70, 160, 240), (90, 210, 110))):
                b.cone(0.04 + 0.085 * k, 0.02 * (k % 2), 0.03, 0.03, 0.02, skin(*c, gloss=0.1))
        b.box(0, -0.625, 0.2, 0.26, 0.012, 0.3, DARK)
        b.box(0.06, -0.632, 0.38, 0.05, 0.006, 0.06, skin(250, 170, 60, emission=0.5))


MACHINES = (
    Movable("sewing machine", sewing_machine, (0.95, 0.47, 1.25), ("wall",)),
    Movable("washing machine", washing_machine, (0.62, 0.64, 1.15), ("wall",)),
    Movable("stove", stove, (0.78, 0.68, 1.15), ("wall",)),
    Movable("jukebox", jukebox, (0.86, 0.64, 1.44), ("wall", "corner")),
    Movable("gramophone", gramophone, (0.72, 0.68, 1.6), ("wall", "corner")),
    Movable("radio", radio, (0.52, 0.28, 0.4), ("table",)),
    Movable("typewriter", typewriter, (0.6, 0.5, 0.46), ("table",)),
    Movable("laptop", laptop, (0.48, 0.45, 0.34), ("table",)),
    Movable("microwave", microwave, (0.52, 0.44, 0.32), ("table",)),
    Movable("arcade machine", arcade_machine, (0.66, 0.66, 1.74), ("wall", "corner")),
)
"""Every machine."""
