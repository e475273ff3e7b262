"""Plants, fruit and what feasts bring."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import Material
from gs_stein.world.rooms.parts import shade_of
from gs_stein.world.styles import Look
from gs_stein.world.things.finishes import BRASS, CHROME, DARK, IVORY, LEAF, paint, shiny, skin
from gs_stein.world.things.movable import Movable

_FLAME = skin(255, 206, 96, emission=1.1)
_BARK = skin(98, 70, 50, "brown")


def _leaves(look: Look) -> Material:
    return skin(*look.b.pick(LEAF), colour="green", gloss=0.02)


def christmas_tree(look: Look) -> None:
    """Tiers of fir with balls, lights, a star and presents below."""
    b = look.b
    fir = skin(*b.pick(((34, 88, 50), (44, 100, 58), (30, 76, 56))), colour="green")
    balls = [shiny("yellow"), paint(look, "green", "black", "brown", gloss=0.15), skin(200, 40, 44, gloss=0.15)]
    h = b.uniform(1.65, 1.95)
    tiers = 5
    with b.thing("Christmas tree", fir, "plant"), b.at(0, -0.62):
        b.cone(0, 0, 0, 0.17, 0.2, paint(look, "green"), 1.2)
        b.cone(0, 0, 0.1, 0.045, 0.3, _BARK)
        for k in range(tiers):
            z, r = 0.26 + (h - 0.42) * k / tiers, 0.55 * (1 - 0.8 * k / tiers)
            b.cone(0, 0, z, r, 1.45 * (h - 0.42) / tiers, shade_of(fir, 1.0 + 0.06 * k), 0.16)
            count = 6 - k
            for j in range(count):
                a = 6.2832 * j / count + 1.1 * k - 0.4
                x, y = 0.93 * r * math.cos(a), 0.93 * r * math.sin(a)
                b.ellipsoid(x, y, z + 0.03, 0.05, 0.05, 0.05, balls[(j + k) % 3])
        star = skin(255, 214, 90, "yellow", emission=0.5)
        for k in range(3):
            b.ellipsoid(0, 0, h, 0.026, 0.02, 0.085, star, rotation(roll=60 * k))
    if b.chance(0.7):
        paper, ribbon = paint(look), paint(look)
        with b.thing("presents", paper, "paper", True), b.at(0, -0.62):
            for x, y, s, wrap, band in ((-0.42, -0.3, 0.24, paper, ribbon), (0.38, -0.36, 0.2, ribbon, paper)):
                b.box(x, y, 0, s, s, 0.8 * s, wrap, 0.006)
                b.box(x, y, 0, s + 0.01, 0.05, 0.8 * s + 0.006, band)
                b.box(x, y, 0, 0.05, s + 0.01, 0.8 * s + 0.006, band)
                for e in (-1, 1):
                    b.ellipsoid(x + e * 0.04, y, 0.8 * s + 0.03, 0.045, 0.02, 0.03, band, rotation(roll=-e * 20))


def pumpkin(look: Look) -> None:
    """Ribbed, with a stalk, now and then with a carved face."""
    b = look.b
    rind = skin(*b.pick(((222, 116, 36), (228, 130, 44), (206, 100, 34))), colour="orange", gloss=0.03)
    s = b.uniform(0.85, 1.1)
    with b.thing("pumpkin", rind, "vegetable"), b.at(0, -0.3, 0, scale=s):
        for k in range(8):
            a = 0.7854 * k + 0.39
            tone = shade_of(rind, 1.0 if k % 2 else 0.9)
            b.ellipsoid(
                0.1 * math.cos(a), 0.1 * math.sin(a), 0.19, 0.165, 0.1, 0.19, tone, rotation(yaw=math.degrees(a))
            )
        b.rod((0, 0, 0.34), (0.04, 0.0, 0.46), 0.034, skin(96, 110, 56), 0.7)
        if b.chance(0.5):
            glow = skin(255, 200, 70, emission=0.9)
            for e in (-1, 1):
                b.frustum(e * 0.09, -0.205, 0.2, 0.085, 0.1, 0.08, glow, 0.0, 1.0)
            b.frustum(0, -0.185, 0.155, 0.045, 0.1, 0.045, glow, 0.0, 1.0)
            b.box(0, -0.185, 0.09, 0.2, 0.1, 0.045, glow, 0.01)
            b.box(0.03, -0.22, 0.112, 0.035, 0.04, 0.025, rind)


def wreath(look: Look) -> None:
    """Fir ring with berries and a bow."""
    b = look.b
    fir = _leaves(look)
    bow = paint(look, "green")
    berries = skin(196, 36, 40, gloss=0.1)
    r = 0.25
    with b.thing("wreath", fir, "plant"), b.at(0, -0.07, 0.35):
        b.torus(0, 0, 0, r, 0.058, shade_of(fir, 0.8), ON_SIDE)
        for k in range(14):
            a = 0.4488 * k
            turn = rotation(roll=-math.degrees(a) + 35)
            b.ellipsoid(
                r * math.cos(a), -0.02, r * math.sin(a), 0.04, 0.045, 0.1, shade_of(fir, 0.9 + 0.2 * (k % 2)), turn
            )
            if k % 2:
                b.ellipsoid(r * math.cos(a + 0.2), -0.075, r * math.sin(a + 0.2), 0.024, 0.02, 0.024, berries)
        for s in (-1, 1):
            b.ellipsoid(s * 0.075, -0.075, -r, 0.08, 0.025, 0.05, bow, rotation(roll=-s * 18))
            b.box(s * 0.05, -0.07, -r - 0.1, 0.045, 0.02, 0.12, bow, 0.006, rotation(roll=-s * 18))
        b.ellipsoid(0, -0.09, -r, 0.03, 0.02, 0.03, bow)


def candelabra(look: Look) -> None:
    """Five candles on curved arms, on the floor."""
    b = look.b
    metal = b.pick((BRASS, CHROME, DARK))
    wax = paint(look, "black", gloss=0.0) if b.chance(0.5) else IVORY
    with b.thing("candelabra", metal, "metal"), b.at(0, -0.3):
        b.cone(0, 0, 0, 0.19, 0.04, metal, 0.7)
        b.cone(0, 0, 0.03, 0.022, 1.14, metal)
        for z in (0.12, 0.55, 0.98):
            b.ellipsoid(0, 0, z, 0.045, 0.045, 0.035, metal)
        for k in range(5):
            x, z = (k - 2) * 0.14, (1.16, 1.2, 1.3, 1.2, 1.16)[k]
            if k != 2:
                b.rod((0, 0, 0.98), (x, 0, 1.0), 0.016, metal)
                b.rod((x, 0, 0.99), (x, 0, z), 0.016, metal)
            else:
                b.rod((0, 0, 1.1), (0, 0, z), 0.018, metal)
            b.cone(x, 0, z, 0.03, 0.025, metal, 1.6)
            b.cone(x, 0, z + 0.02, 0.022, 0.17, wax)
            b.ellipsoid(x, 0, z + 0.225, 0.016, 0.016, 0.036, _FLAME, casts=False)
    if look.lamps_on:
        b.lamp(0, -0.35, 1.55, look.glow, 0.25, 0.08)


def sunflowers(look: Look) -> None:
    """Large yellow heads with dark middles in a floor vase."""
    b = look.b
    glaze = paint(look, "yellow", gloss=0.1)
    petals = skin(240, 188, 40, "yellow")
    stem, heart = _leaves(look), skin(84, 52, 30)
    with b.thing("sunflowers", petals, "flowers", True), b.at(0, -0.36):
        for x, y, z in (
            (0, -0.06, 1.12),
            (-0.23, 0.02, 0.98),
            (0.24, 0.0, 0.94),
            (0.08, -0.16, 0.78),
            (-0.14, -0.15, 0.74),
        ):
            b.rod((0.2 * x, 0.2 * y, 0.5), (x, y + 0.03, z), 0.014, stem)
            with b.at(x, y, z, yaw=50 * x * 2, pitch=-12):
                b.ellipsoid(0, 0, 0, 0.13, 0.018, 0.13, petals)
                for j in range(3):
                    b.box(0, 0, -0.135, 0.075, 0.014, 0.27, petals, 0.006, rotation(roll=60 * j + 15))
                b.ellipsoid(0, -0.018, 0, 0.068, 0.022, 0.068, heart)
        for s in (-1, 1):
            b.ellipsoid(s * 0.17, 0.0, 0.66, 0.13, 0.05, 0.02, stem, rotation(roll=-s * 28))
    with b.thing("vase", glaze, "ceramic"), b.at(0, -0.36):
        b.cone(0, 0, 0, 0.1, 0.12, glaze, 1.3)
        b.ellipsoid(0, 0, 0.24, 0.17, 0.17, 0.2, glaze)
        b.cone(0, 0, 0.38, 0.09, 0.16, glaze, 1.25)


def bonsai(look: Look) -> None:
    """Twisted trunk with clouds of leaves in a flat pot."""
    b = look.b
    pot, leaf = paint(look, "green", gloss=0.08), _leaves(look)
    s = 1 if b.chance(0.5) else -1
    with b.thing("bonsai", leaf, "plant"), b.at(0, -0.24, 0, scale=b.uniform(0.95, 1.15)):
        b.frustum(0, 0, 0.02, 0.4, 0.28, 0.1, pot, 0.99, 0.99)
        b.box(0, 0, 0.1, 0.43, 0.31, 0.03, pot, 0.01)
        for e in (-1, 1):
            b.box(e * 0.14, 0, 0, 0.06, 0.2, 0.03, pot)
        b.ellipsoid(0, 0, 0.125, 0.19, 0.13, 0.025, skin(86, 104, 52))
        path = [(0.0, 0.12), (0.07, 0.22), (0.0, 0.33), (-0.06, 0.43)]
        for k in range(3):
            (x0, z0), (x1, z1) = path[k], path[k + 1]
            b.rod((s * x0, 0, z0), (s * x1, 0, z1), 0.04 - 0.009 * k, _BARK, 0.8)
        clouds = ((-0.07, 0, 0.48, 0.15), (0.16, -0.03, 0.36, 0.12), (-0.2, -0.02, 0.34, 0.11), (0.06, 0.02, 0.56, 0.1))
        for x, y, z, r in clouds:
            b.rod((s * 0.02, 0, 0.3), (s * x, y, z - 0.01), 0.016, _BARK)
            b.ellipsoid(s * x, y, z, r, 0.8 * r, 0.45 * r, shade_of(leaf, b.uniform(0.85, 1.15)))
            b.ellipsoid(s * (x + 0.3 * r), y - 0.35 * r, z + 0.1 * r, 0.6 * r, 0.5 * r, 0.4 * r, leaf)


def oranges(look: Look) -> None:
    """Bowl heaped with oranges, a leaf on some."""
    b = look.b
    glaze = paint(look, "orange", gloss=0.1)
    peel = skin(234, 132, 36, "orange", 0.05)
    with b.thing("bowl of oranges", peel, "fruit"), b.at(0, -0.21, 0, scale=b.uniform(1.0, 1.15)):
        b.cone(0, 0, 0, 0.08, 0.02, glaze)
        b.cone(0, 0, 0.018, 0.085, 0.09, glaze, 2.1)
        for k in range(6):
            a = 1.0472 * k + 0.3
            b.ellipsoid(
                0.115 * math.cos(a),
                0.115 * math.sin(a),
                0.125,
                0.058,
                0.058,
                0.056,
                shade_of(peel, b.uniform(0.9, 1.08)),
            )
        for k in range(3):
            a = 2.0944 * k
            b.ellipsoid(0.055 * math.cos(a), 0.055 * math.sin(a), 0.19, 0.058, 0.058, 0.056, peel)
        b.ellipsoid(0, 0, 0.255, 0.057, 0.057, 0.055, peel)
        b.ellipsoid(0.03, -0.02, 0.312, 0.035, 0.016, 0.008, _leaves(look), rotation(roll=-20))


FESTIVE = (
    Movable("Christmas tree", christmas_tree, (1.12, 1.19, 2.04), ("corner", "wall", "floor")),
    Movable("pumpkin", pumpkin, (0.57, 0.6, 0.52), ("floor", "corner", "table")),
    Movable("wreath", wreath, (0.68, 0.18, 0.7), ("hanging",)),
    Movable("candelabra", candelabra, (0.66, 0.5, 1.57), ("wall", "corner", "floor")),
    Movable("sunflowers", sunflowers, (0.75, 0.57, 1.28), ("corner", "wall", "floor")),
    Movable("bonsai", bonsai, (0.72, 0.43, 0.71), ("table",)),
    Movable("bowl of oranges", oranges, (0.42, 0.42, 0.38), ("table",)),
)
"""Every plant and festive thing."""
