"""Figures that stand and look south."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import SOLID, Material, Number, one_colour, srgb
from gs_stein.world.objects.kit import Kit

SKINS = ((232, 190, 160), (206, 152, 116), (150, 102, 74), (104, 70, 52))


def _skin(k: Kit) -> Material:
    return one_colour(SOLID, srgb(*k.b.pick(SKINS)), gloss=0.02)


def _legs(k: Kit, trousers: Material, boots: Material, sides: tuple[int, ...] = (-1, 1)) -> None:
    """Straight legs with boots, up to the hips at 0.6."""
    for s in sides:
        k.b.rod((s * 0.15, 0, 0.62), (s * 0.16, 0, 0.1), 0.13, trousers, 0.9)
        k.b.box(s * 0.16, -0.06, 0, 0.24, 0.38, 0.16, boots, 0.07)
        k.b.cone(s * 0.16, 0, 0.06, 0.135, 0.2, boots)


def _arm(k: Kit, s: int, sleeve: Material, hand: Material, forward: Number) -> None:
    """Arm from the shoulder at 1.06, its hand before the hips."""
    end = (s * 0.46, -forward, 0.68)
    k.limb(((s * 0.29, 0, 1.06), (s * 0.44, -0.03, 0.88), end), 0.1, 0.085, sleeve)
    k.b.ellipsoid(end[0], end[1] - 0.03, end[2] - 0.06, 0.095, 0.095, 0.1, hand)


def knight(k: Kit) -> None:
    """Armour with a visor, a plume, a shield and a sword."""
    b = k.b
    steel = k.metal(b.pick(("grey", "grey", "grey", "black", "yellow")))
    kind = "gold" if steel.colour == "yellow" else "metal"
    name = k.colour("red", "blue", "green", "yellow", "purple", "orange", "white")
    bright, second = k.paint(name, 0.03), k.paint(k.other(name, "grey", "black"), 0.03)
    with k.part("knight", steel, kind):
        _legs(k, steel, steel)
        b.box(0, 0, 0.55, 0.54, 0.34, 0.58, steel, 0.12)
        b.cone(0, 0, 0.5, 0.34, 0.2, steel, 0.8, 0.24)
        for s in (-1, 1):
            _arm(k, s, steel, k.metal("grey"), 0.2)
            b.ellipsoid(s * 0.33, 0, 1.1, 0.16, 0.16, 0.14, steel)
            b.ellipsoid(s * 0.15, -0.1, 0.42, 0.09, 0.06, 0.09, steel)
        b.cone(0, 0, 1.16, 0.23, 0.26, steel)
        b.ellipsoid(0, 0, 1.42, 0.23, 0.23, 0.2, steel, cut=0.0)
        b.box(0, -0.2, 1.34, 0.34, 0.08, 0.045, k.dark(0.0))
        b.box(0, -0.225, 1.18, 0.05, 0.04, 0.3, k.metal("yellow"), 0.01)
        for j in (-1, 0, 1):
            b.ellipsoid(0.07 * j, -0.225, 1.25, 0.014, 0.02, 0.04, k.dark(0.0))
        b.rod((-0.46, -0.28, 0.62), (-0.46, -0.5, 1.5), 0.035, k.metal("grey"), 0.5)
        b.box(-0.46, -0.31, 0.71, 0.26, 0.05, 0.05, k.metal("yellow"), 0.01, rotation(pitch=14))
    with k.part("plume", bright, "feathers"):
        k.limb(((0, 0.0, 1.6), (0, 0.06, 1.78), (0, 0.22, 1.82), (0, 0.34, 1.66)), 0.06, 0.09, bright)
    with k.part("shield", second), b.at(0.5, -0.34, 0.74):
        b.box(0, 0, 0, 0.46, 0.06, 0.3, second, 0.02)
        b.frustum(0, 0, -0.3, 0.46, 0.06, 0.3, second, 0.05, 1.0, rotation(roll=180))
        b.box(0, -0.03, -0.1, 0.08, 0.03, 0.38, bright)
        b.box(0, -0.03, 0.1, 0.4, 0.03, 0.08, bright)


def astronaut(k: Kit) -> None:
    """Space suit with a helmet, a visor and a pack on the back."""
    b = k.b
    suit = k.paint(k.colour("white", "white", "white", "orange", "blue", "grey", "yellow"), 0.03)
    trim = k.paint(k.other(suit.colour, "black", "white", "beige"), 0.05)
    visor = one_colour(SOLID, srgb(*b.pick(((214, 160, 60), (40, 52, 84), (30, 30, 36)))), gloss=0.3)
    with k.part("astronaut", suit, "fabric"):
        for s in (-1, 1):
            b.rod((s * 0.17, 0, 0.66), (s * 0.2, 0, 0.1), 0.17, suit, 0.9)
            b.torus(s * 0.185, 0, 0.36, 0.12, 0.055, suit)
            b.box(s * 0.2, -0.06, 0, 0.28, 0.42, 0.18, k.metal("grey"), 0.08)
            _arm(k, s, suit, trim, 0.24 if s > 0 else 0.1)
            b.ellipsoid(s * 0.32, 0, 1.06, 0.16, 0.16, 0.15, suit)
        b.box(0, 0, 0.56, 0.62, 0.42, 0.6, suit, 0.16)
        b.ellipsoid(0, 0, 1.42, 0.33, 0.33, 0.32, suit)
        b.ellipsoid(0, -0.1, 1.43, 0.25, 0.27, 0.22, visor)
        b.torus(0, 0, 1.15, 0.23, 0.05, k.metal("grey"))
        b.box(0, -0.22, 0.84, 0.26, 0.06, 0.18, k.metal("grey"), 0.02)
        for j, c in enumerate(("red", "green", "blue")):
            b.ellipsoid(-0.07 + 0.07 * j, -0.255, 0.93, 0.024, 0.015, 0.024, k.paint(c, 0.05))
        b.rod((0.3, 0.05, 1.5), (0.34, 0.08, 1.86), 0.014, k.metal())
        b.ellipsoid(0.34, 0.08, 1.88, 0.035, 0.035, 0.035, k.paint("red", 0.08))
    with k.part("backpack", trim):
        b.box(0, 0.32, 0.58, 0.52, 0.26, 0.68, trim, 0.06)
        for s in (-1, 1):
            b.cone(s * 0.16, 0.34, 0.5, 0.07, 0.1, k.metal(), 0.7)
            b.box(s * 0.19, -0.2, 0.66, 0.07, 0.05, 0.5, trim, 0.02)
        b.box(0, 0, 0.6, 0.65, 0.45, 0.07, trim, 0.03)


def pirate(k: Kit) -> None:
    """Hat with a skull, eye patch, beard, hook and a wooden leg."""
    b = k.b
    skin = _skin(k)
    coat = k.paint(k.colour("red", "blue", "navy", "purple", "green", "brown", "black"), 0.02)
    beard = k.cloth(k.colour("brown", "black", "grey", "orange"))
    hat = k.paint("black" if coat.colour != "black" else "red", 0.02)
    gold, white = k.metal("yellow"), k.paint("white", 0.02)
    with b.thing("pirate", None, "figure"):
        _legs(k, k.paint("beige", 0.0), k.dark(0.06), (-1,))
        b.rod((0.15, 0, 0.62), (0.16, 0, 0.36), 0.13, k.paint("beige", 0.0), 0.9)
        b.rod((0.16, 0, 0.4), (0.16, 0, 0), 0.09, k.wood("oak"), 0.55)
        b.ellipsoid(-0.46, -0.19, 0.62, 0.095, 0.095, 0.1, skin)
        b.rod((0.46, -0.22, 0.81), (0.46, -0.31, 0.78), 0.1, gold)
        b.torus(0.46, -0.4, 0.85, 0.075, 0.022, k.metal("grey"), rotation(roll=90))
        b.ellipsoid(0, 0, 1.34, 0.25, 0.24, 0.25, skin)
        b.ellipsoid(0, -0.25, 1.34, 0.05, 0.06, 0.045, skin)
        b.ellipsoid(-0.1, -0.215, 1.39, 0.035, 0.03, 0.042, k.dark(0.1))
        b.ellipsoid(0.1, -0.215, 1.39, 0.075, 0.035, 0.07, k.dark(0.0))
        b.torus(0, 0, 1.43, 0.24, 0.018, k.dark(0.0), rotation(roll=-8))
    with k.part("coat", coat, "fabric"):
        b.box(0, 0, 0.6, 0.54, 0.36, 0.54, coat, 0.13)
        b.cone(0, 0.02, 0.38, 0.38, 0.36, coat, 0.75, 0.27)
        b.box(0, -0.165, 0.5, 0.16, 0.06, 0.62, white, 0.02)
        b.box(0, -0.01, 0.66, 0.58, 0.42, 0.09, k.wood("dark"), 0.03)
        b.box(0, -0.23, 0.64, 0.14, 0.03, 0.13, gold, 0.02)
        _arm(k, -1, coat, coat, 0.16)
        k.limb(((0.29, 0, 1.06), (0.46, -0.04, 0.9), (0.46, -0.24, 0.8)), 0.1, 0.085, coat)
        for s in (-1, 1):
            b.ellipsoid(s * 0.3, 0, 1.12, 0.14, 0.13, 0.05, gold)
    with k.part("beard", beard, "hair"):
        b.ellipsoid(0, -0.12, 1.2, 0.22, 0.17, 0.18, beard)
        b.ellipsoid(0, -0.26, 1.27, 0.13, 0.04, 0.04, beard)
    with k.part("hat", hat, "fabric"):
        b.ellipsoid(0, 0, 1.5, 0.27, 0.25, 0.26, hat, cut=0.0)
        for s in (-1, 1):
            b.ellipsoid(0, s * 0.24, 1.6, 0.44, 0.05, 0.2, hat, rotation(pitch=-s * 12), cut=-0.5)
        b.box(0, 0, 1.48, 0.84, 0.4, 0.05, hat, 0.02)
        b.ellipsoid(0, -0.31, 1.65, 0.075, 0.025, 0.07, white)
        b.box(0, -0.31, 1.56, 0.08, 0.03, 0.05, white, 0.01)
        for s in (-1, 1):
            b.ellipsoid(s * 0.03, -0.335, 1.65, 0.02, 0.01, 0.022, k.dark(0.0))


def ghost(k: Kit) -> None:
    """Floating sheet with a wavy hem, eyes and a mouth, sometimes a hat."""
    b = k.b
    sheet = k.paint(k.colour("white", "white", "white", "pink", "blue", "green", "purple", "yellow"), 0.02)
    hem = b.uniform(0.5, 0.62)
    with k.part("ghost", sheet, "fabric"):
        b.ellipsoid(0, 0, 1.0, 0.44, 0.4, 0.46, sheet)
        b.cone(0, 0, 0.22, hem, 0.78, sheet, 0.44 / hem, 0.9 * hem)
        for j in range(10):
            a = math.pi * j / 5
            b.ellipsoid(
                0.86 * hem * math.cos(a), 0.78 * hem * math.sin(a), 0.24, 0.145, 0.145, 0.2 if j % 2 else 0.13, sheet
            )
        for s in (-1, 1):
            k.limb(((s * 0.36, -0.1, 0.84), (s * 0.58, -0.2, 0.86), (s * 0.72, -0.28, 1.0)), 0.13, 0.08, sheet)
            b.ellipsoid(s * 0.15, -0.37, 1.1, 0.075, 0.05, 0.11, k.dark(0.1))
            b.ellipsoid(s * 0.13, -0.415, 1.14, 0.02, 0.015, 0.028, k.paint("white", 0.1))
            b.ellipsoid(s * 0.26, -0.33, 0.96, 0.06, 0.03, 0.03, k.paint("pink", 0.0))
        b.ellipsoid(0, -0.4, 0.9, 0.06, 0.04, 0.075, k.dark(0.05))
    if b.chance(0.45):
        hat = k.paint(k.colour("black", "purple", "red", "orange", "navy"), 0.03)
        if hat.colour == sheet.colour:
            return
        with k.part("hat", hat, "fabric"), b.at(0.05, 0, 1.38, roll=8):
            b.cone(0, 0, 0, 0.4, 0.035, hat)
            b.cone(0, 0, 0.02, 0.26, 0.5, hat, 0.05)
            b.cone(0, 0, 0.03, 0.262, 0.08, k.metal("yellow"), 0.86)
            b.cone(0, 0, 0.01, 0.05, 0.02, k.dark(), turn=ON_SIDE)
