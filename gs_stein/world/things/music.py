"""Instruments."""

from __future__ import annotations

import math
from itertools import pairwise

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import Material, Number
from gs_stein.world.rooms.parts import shade_of
from gs_stein.world.styles import Look
from gs_stein.world.things.finishes import BRASS, CHROME, DARK, IVORY, finish, paint, timber
from gs_stein.world.things.movable import Movable


def _keys(look: Look, width: Number, y: Number, z: Number) -> None:
    """Keyboard of that width whose middle is at y, lying at height z."""
    b = look.b
    b.box(0, y, z, width, 0.15, 0.018, IVORY)
    count = 9
    for k in range(count):
        if k % 7 not in (2, 6):
            b.box((k - (count - 1) / 2) * width / count, y + 0.03, z + 0.016, 0.42 * width / count, 0.09, 0.02, DARK)


def _stool(look: Look, y: Number, body: Material) -> None:
    b = look.b
    b.box(0, y, 0.42, 0.6, 0.3, 0.08, body, 0.03)
    for x in (-0.25, 0.25):
        for s in (-0.1, 0.1):
            b.cone(x, y + s, 0.0, 0.022, 0.43, DARK)


def piano(look: Look) -> None:
    """Upright, with a music sheet, pedals and often a stool."""
    b = look.b
    body, kind = finish(look, 0.45)
    if b.chance(0.25):
        body, kind = DARK, "paint"
    height = b.uniform(1.08, 1.26)
    with b.thing("piano", body, kind):
        b.box(0, -0.16, 0.0, 1.42, 0.3, height, body, 0.01)
        b.box(0, -0.17, height - 0.02, 1.48, 0.34, 0.04, body, 0.012)
        b.box(0, -0.315, 0.12, 1.2, 0.02, 0.44, shade_of(body, 0.82), 0.006)
        b.box(0, -0.315, 0.86, 1.2, 0.02, height - 0.94, shade_of(body, 0.82), 0.006)
        b.box(0, -0.43, 0.62, 1.42, 0.27, 0.07, body, 0.01)
        for s in (-1, 1):
            b.box(s * 0.675, -0.43, 0.69, 0.07, 0.27, 0.09, body, 0.015)
            b.cone(s * 0.66, -0.52, 0.0, 0.035, 0.63, body, 1.3)
            b.box(s * 0.66, -0.44, 0.0, 0.08, 0.25, 0.07, body)
        _keys(look, 1.26, -0.47, 0.69)
        b.box(0, -0.36, 0.84, 0.42, 0.012, 0.26, IVORY, turn=rotation(pitch=-12))
        for x in (-0.1, 0.0, 0.1):
            b.ellipsoid(x, -0.36, 0.07, 0.025, 0.07, 0.015, BRASS)
        if b.chance(0.6):
            _stool(look, -0.8, paint(look, body.colour) if b.chance(0.5) else DARK)


def grand_piano(look: Look) -> None:
    """Keys to the front, the tail behind under an open lid."""
    b = look.b
    body, kind = (DARK, "paint") if b.chance(0.5) else finish(look, 0.3)
    lid = rotation(roll=-38)
    with b.thing("grand piano", body, kind):
        b.box(0, -1.12, 0.62, 1.46, 0.66, 0.26, body, 0.03)
        b.cone(-0.18, -0.78, 0.62, 0.55, 0.26, body, ry=0.76)
        b.box(-0.53, -0.86, 0.62, 0.4, 0.9, 0.26, body, 0.02)
        b.cone(-0.16, -0.76, 0.87, 0.5, 0.012, BRASS, ry=0.68)
        b.box(0, -1.52, 0.62, 1.46, 0.24, 0.1, body, 0.01)
        for s in (-1, 1):
            b.box(s * 0.69, -1.5, 0.62, 0.08, 0.26, 0.2, body, 0.015)
            b.cone(s * 0.58, -1.36, 0.0, 0.04, 0.63, body, 1.5)
        _keys(look, 1.28, -1.53, 0.72)
        b.cone(-0.25, -0.35, 0.0, 0.04, 0.63, body, 1.5)
        b.cone(-0.3, -0.8, 1.18, 0.55, 0.03, body, ry=0.72, turn=lid)
        b.box(-0.42, -0.95, 1.3, 0.75, 0.8, 0.028, body, turn=lid)
        b.rod((0.4, -1.0, 0.87), (-0.05, -0.9, 1.3), 0.014, body)
        b.box(0, -1.27, 0.88, 0.6, 0.02, 0.24, body, turn=rotation(pitch=-15))
        b.box(0, -1.29, 0.9, 0.4, 0.012, 0.22, IVORY, turn=rotation(pitch=-15))
        for x in (-0.05, 0.05):
            b.rod((x, -1.25, 0.1), (x, -1.2, 0.63), 0.012, BRASS)
        b.box(0, -1.27, 0.05, 0.22, 0.1, 0.06, body)


def drum_set(look: Look) -> None:
    """Bass drum in the middle, toms, snare and two cymbals."""
    b = look.b
    shell = paint(look, gloss=0.1)
    with b.thing("drum set", shell, "paint"):
        b.rod((0, -0.35, 0.34), (0, -0.75, 0.34), 0.33, shell)
        b.rod((0, -0.74, 0.34), (0, -0.765, 0.34), 0.29, IVORY)
        b.torus(0, -0.75, 0.34, 0.32, 0.022, CHROME, ON_SIDE)
        b.rod((0, -0.76, 0.34), (0, -0.772, 0.34), 0.1, shell)
        for s in (-1, 1):
            with b.at(s * 0.2, -0.48, 0.72, pitch=-14):
                b.cone(0, 0, 0, 0.16, 0.2, shell)
                b.cone(0, 0, 0.2, 0.15, 0.012, IVORY)
                b.torus(0, 0, 0.2, 0.155, 0.012, CHROME)
            b.rod((s * 0.1, -0.5, 0.6), (s * 0.2, -0.48, 0.8), 0.02, CHROME)
        for x, y, r, low, h in ((-0.58, -0.38, 0.18, 0.5, 0.16), (0.6, -0.4, 0.22, 0.22, 0.4)):
            b.cone(x, y, low, r, h, shell)
            b.cone(x, y, low + h, r - 0.01, 0.012, IVORY)
            b.torus(x, y, low + h, r, 0.013, CHROME)
            for k in range(3):
                a = 2.0944 * k + 0.5
                b.rod((x, y, low + 0.1), (x + 0.9 * r * math.cos(a), y + 0.9 * r * math.sin(a), 0.008), 0.014, CHROME)
        for x, z, tilt in ((-0.6, 1.2, 14), (0.58, 1.3, -14)):
            y = -0.24
            b.rod((x, y, 0.0), (x, y, z), 0.013, CHROME)
            b.cone(x, y, 0.0, 0.12, 0.05, CHROME, 0.15)
            b.cone(x, y - 0.03, z - 0.02, 0.24, 0.04, BRASS, 0.12, turn=rotation(roll=tilt, pitch=12))


def _fiddle(look: Look, body: Material, bow: bool) -> None:
    """Violin or cello, 1.2 m tall, its belly's front at y = -0.2."""
    b = look.b
    for z, rx, rz in ((0.3, 0.22, 0.25), (0.62, 0.17, 0.2)):
        b.ellipsoid(0, -0.1, z, rx, 0.1, rz, body)
    b.box(0, -0.1, 0.32, 0.22, 0.17, 0.3, body, 0.05)
    for s in (-1, 1):
        b.box(s * 0.075, -0.195, 0.4, 0.018, 0.012, 0.13, DARK, turn=rotation(roll=s * 8))
    b.box(0, -0.2, 0.55, 0.055, 0.04, 0.55, DARK, 0.012, turn=rotation(pitch=-4))
    b.box(0, -0.17, 1.08, 0.05, 0.05, 0.14, body, 0.015)
    b.rod((-0.03, -0.19, 1.18), (0.03, -0.19, 1.18), 0.038, body)
    for s in (-1, 1):
        b.rod((0, -0.17, 1.1 + 0.025 * s), (s * 0.08, -0.17, 1.1 + 0.025 * s), 0.013, DARK)
    b.box(0, -0.215, 0.42, 0.1, 0.02, 0.045, IVORY)
    b.box(0, -0.2, 0.14, 0.06, 0.03, 0.2, DARK, 0.01)
    b.box(0, -0.226, 0.2, 0.022, 0.008, 0.88, CHROME, turn=rotation(pitch=-1))
    if bow:
        b.rod((0.28, -0.08, 0.05), (0.25, -0.04, 1.05), 0.012, DARK)
        b.rod((0.3, -0.09, 0.08), (0.26, -0.05, 1.04), 0.006, IVORY)


def _varnish(look: Look) -> tuple[Material, str]:
    return (timber(look), "wood") if look.b.chance(0.7) else (paint(look, gloss=0.1), "paint")


def cello(look: Look) -> None:
    """Upright on its spike, held by a stand."""
    b = look.b
    body, kind = _varnish(look)
    with b.thing("cello", body, kind):
        with b.at(-0.04, -0.06, 0.12, scale=b.uniform(0.98, 1.08), pitch=-3):
            _fiddle(look, body, True)
            b.cone(0, -0.1, -0.09, 0.012, 0.2, CHROME)
        for s in (-1, 1):
            b.rod((-0.04, -0.12, 0.26), (s * 0.22 - 0.04, -0.3, 0.015), 0.014, DARK)
        b.rod((-0.04, -0.12, 0.3), (-0.04, -0.02, 0.015), 0.014, DARK)


def violin(look: Look) -> None:
    """On the wall, with its bow."""
    b = look.b
    body, kind = _varnish(look)
    with b.thing("violin", body, kind), b.at(-0.03, -0.005, -0.028, scale=b.uniform(0.62, 0.7)):
        _fiddle(look, body, True)


def harp(look: Look) -> None:
    """Gilded or wooden, seen from the side: column, curved neck, sound box and strings."""
    b = look.b
    frame, kind = (BRASS, "gold") if b.chance(0.35) else finish(look, 0.5)
    column = 0.36
    with b.thing("harp", frame, kind), b.at(0, -0.28, 0, scale=b.uniform(0.95, 1.06)):
        b.box(0, 0, 0, 0.86, 0.36, 0.1, frame, 0.03)
        b.cone(column, 0, 0.08, 0.04, 1.5, frame)
        b.cone(column, 0, 0.08, 0.075, 0.16, frame, 0.6)
        b.cone(column, 0, 1.5, 0.045, 0.16, frame, 1.7)
        b.ellipsoid(column, 0, 1.7, 0.07, 0.07, 0.06, frame)
        top = [(0.36, 1.6), (0.22, 1.48), (0.06, 1.34), (-0.1, 1.3), (-0.26, 1.36), (-0.4, 1.34)]
        for (x0, z0), (x1, z1) in pairwise(top):
            b.rod((x0, 0, z0), (x1, 0, z1), 0.045, frame)
            b.ellipsoid(x1, 0, z1, 0.045, 0.045, 0.045, frame)
        b.rod((0.3, 0, 0.1), (-0.4, 0, 1.34), 0.15, frame, 0.4)
        for k in range(9):
            t = (k + 1) / 10
            x = 0.3 - 0.62 * t
            x0, z1 = x, 1.5 - 0.5 * t if t < 0.45 else 1.3 + 0.08 * (t - 0.45)
            b.rod((x0 + 0.02, 0, 0.25 + 1.0 * t), (x0 + 0.02, 0, z1), 0.006, IVORY)


def keyboard(look: Look) -> None:
    """Electric piano on crossed legs."""
    b = look.b
    body = paint(look, "white", "beige")
    z = b.uniform(0.74, 0.84)
    with b.thing("keyboard", body, "paint"), b.at(0, -0.2):
        b.box(0, 0, z, 1.2, 0.34, 0.09, body, 0.015)
        _keys(look, 1.1, -0.08, z + 0.082)
        b.box(0, 0.09, z + 0.085, 0.3, 0.07, 0.01, Material(c1=(0.1, 0.4, 0.5), emission=0.4))
        for s in (-1, 1):
            for k in range(3):
                b.cone(s * (0.28 + 0.09 * k), 0.09, z + 0.085, 0.02, 0.02, IVORY)
            for y in (-0.11, 0.11):
                b.rod((s * 0.38, y, 0.02), (-s * 0.38, y, z), 0.02, DARK)
            b.rod((s * 0.38, -0.18, 0.025), (s * 0.38, 0.18, 0.025), 0.025, DARK)
        b.box(0, 0.12, z + 0.09, 0.4, 0.012, 0.24, IVORY, turn=rotation(pitch=-12))


MUSIC = (
    Movable("piano", piano, (1.48, 0.95, 1.29), ("wall",)),
    Movable("grand piano", grand_piano, (1.5, 1.65, 1.57), ("corner", "floor")),
    Movable("drum set", drum_set, (1.7, 0.8, 1.37), ("corner", "floor")),
    Movable("cello", cello, (0.59, 0.32, 1.46), ("wall", "corner")),
    Movable("violin", violin, (0.38, 0.18, 0.83), ("hanging",)),
    Movable("harp", harp, (1.1, 0.48, 1.88), ("wall", "corner", "floor")),
    Movable("keyboard", keyboard, (1.2, 0.39, 1.18), ("wall",)),
)
"""Every instrument."""
