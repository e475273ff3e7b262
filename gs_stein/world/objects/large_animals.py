"""Animals on four legs; they look east."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.materials import Material, Number
from gs_stein.world.objects.kit import Kit


def _legs(
    k: Kit, xs: tuple[Number, ...], y: Number, top: Number, radius: Number, fur: Material, foot: Material
) -> None:
    """Four straight legs that end in feet or hooves."""
    for x in xs:
        for s in (-1, 1):
            k.b.rod((x, s * y, top), (x, s * y, 0.1), radius * 1.15, fur, 0.8)
            k.b.cone(x, s * y, 0, radius * 1.1, 0.13, foot, 0.95)


def _eyes(k: Kit, x: Number, y: Number, z: Number, size: Number = 0.032) -> None:
    for s in (-1, 1):
        k.b.ellipsoid(x, s * y, z, size, size, size * 1.2, k.dark(0.15))


def dog(k: Kit) -> None:
    """Standing, with floppy or pointed ears, a collar, sometimes spots."""
    b = k.b
    fur = k.cloth(k.colour("brown", "brown", "beige", "black", "white", "grey", "orange"))
    ear = k.cloth(b.pick(("brown", "black")) if fur.colour in ("white", "beige", "orange") else fur.colour)
    pale = k.cloth("beige" if fur.colour in ("brown", "black", "orange") else "white")
    long = b.uniform(0.46, 0.58)
    with k.part("dog", fur, "animal"):
        b.ellipsoid(-0.05, 0, 0.64, long, 0.23, 0.24, fur)
        b.ellipsoid(0.3, 0, 0.68, 0.25, 0.235, 0.28, fur)
        b.rod((0.36, 0, 0.76), (0.6, 0, 1.08), 0.17, fur, 0.85)
        b.ellipsoid(0.64, 0, 1.16, 0.22, 0.2, 0.2, fur)
        b.ellipsoid(0.86, 0, 1.08, 0.19, 0.115, 0.1, pale)
        b.ellipsoid(1.03, 0, 1.12, 0.05, 0.06, 0.045, k.dark(0.12))
        b.ellipsoid(0.93, 0, 0.99, 0.08, 0.05, 0.02, k.paint("pink", 0.05), rotation(roll=25))
        _eyes(k, 0.8, 0.13, 1.23, 0.036)
        upright = b.chance(0.35)
        for s in (-1, 1):
            if upright:
                b.frustum(0.58, s * 0.12, 1.28, 0.1, 0.15, 0.24, ear, 0.2, 0.05, rotation(pitch=-s * 12))
            else:
                b.ellipsoid(0.58, s * 0.21, 1.08, 0.11, 0.05, 0.2, ear, rotation(pitch=s * 12))
        for x in (-0.4, 0.34):
            for s in (-1, 1):
                b.rod((x, s * 0.14, 0.62), (x + 0.02, s * 0.14, 0.06), 0.095, fur, 0.75)
                b.ellipsoid(x + 0.07, s * 0.14, 0.06, 0.13, 0.09, 0.06, pale)
        k.limb(((-0.48, 0, 0.74), (-0.7, 0, 0.9), (-0.78, 0, 1.12)), 0.07, 0.035, fur)
        if b.chance(0.4) and ear.colour != fur.colour:
            for s in (-1, 1):
                b.ellipsoid(-0.2, s * 0.14, 0.7, 0.17, 0.12, 0.14, ear)
    collar = k.paint(k.colour("red", "blue", "green", "yellow", "purple"), 0.06)
    with k.part("collar", collar, "leather"):
        b.torus(0.5, 0, 0.94, 0.155, 0.035, collar, rotation(roll=36))
        b.ellipsoid(0.62, 0, 0.82, 0.04, 0.04, 0.045, k.metal("yellow"))


def horse(k: Kit) -> None:
    """With a mane, often a saddle."""
    b = k.b
    coat = k.paint(k.colour("brown", "brown", "white", "black", "grey", "beige", "orange"), 0.03)
    mane = k.cloth("black" if coat.colour in ("brown", "grey", "orange") else k.colour("brown", "white", "beige"))
    with k.part("horse", coat, "animal"):
        b.ellipsoid(0, 0, 0.98, 0.6, 0.25, 0.27, coat)
        b.ellipsoid(-0.38, 0, 1.0, 0.25, 0.25, 0.27, coat)
        b.ellipsoid(0.4, 0, 1.02, 0.23, 0.23, 0.28, coat)
        b.rod((0.42, 0, 1.06), (0.76, 0, 1.56), 0.2, coat, 0.65)
        b.ellipsoid(0.79, 0, 1.6, 0.16, 0.12, 0.14, coat)
        b.rod((0.8, 0, 1.6), (1.12, 0, 1.34), 0.125, coat, 0.72)
        b.ellipsoid(1.12, 0, 1.34, 0.095, 0.09, 0.09, coat)
        _eyes(k, 0.88, 0.1, 1.62)
        for s in (-1, 1):
            b.rod((0.74, s * 0.07, 1.68), (0.74, s * 0.09, 1.86), 0.05, coat, 0.15)
            b.ellipsoid(1.18, s * 0.05, 1.36, 0.02, 0.018, 0.022, k.dark())
        _legs(k, (-0.42, 0.38), 0.14, 0.9, 0.085, coat, k.dark())
        for j in range(6):
            b.ellipsoid(0.36 + 0.07 * j, 0, 1.27 + 0.095 * j, 0.11, 0.055, 0.11, mane)
        b.ellipsoid(0.86, 0, 1.73, 0.1, 0.05, 0.05, mane, rotation(roll=35))
        k.limb(((-0.58, 0, 1.1), (-0.74, 0, 0.95), (-0.78, 0, 0.5)), 0.06, 0.09, mane)
    if b.chance(0.65):
        saddle = k.paint(k.other(coat.colour, "white"), 0.05)
        with k.part("saddle", saddle, "leather"):
            b.ellipsoid(0, 0, 1.06, 0.26, 0.265, 0.22, saddle, cut=-0.5)
            b.ellipsoid(-0.2, 0, 1.27, 0.07, 0.17, 0.07, saddle)
            b.ellipsoid(0.18, 0, 1.27, 0.06, 0.06, 0.08, saddle)


def cow(k: Kit) -> None:
    """Patched, with horns, often a bell."""
    b = k.b
    coat, patch = b.pick((("white", "black"), ("white", "brown"), ("brown", "white"), ("black", "white")))
    skin, second, pink = k.paint(coat, 0.02), k.paint(patch, 0.02), k.paint("pink", 0.03)
    with k.part("cow", skin, "animal"):
        b.box(-0.05, 0, 0.55, 1.25, 0.54, 0.58, skin, 0.22)
        b.ellipsoid(0.35, 0, 0.85, 0.32, 0.27, 0.3, skin)
        b.rod((0.5, 0, 0.92), (0.76, 0, 1.12), 0.19, skin, 0.85)
        b.ellipsoid(0.82, 0, 1.13, 0.2, 0.19, 0.22, skin)
        b.ellipsoid(0.98, 0, 1.02, 0.14, 0.15, 0.12, pink)
        _eyes(k, 0.94, 0.13, 1.22, 0.04)
        for s in (-1, 1):
            b.ellipsoid(1.1, s * 0.06, 1.05, 0.02, 0.025, 0.03, k.dark())
            b.ellipsoid(0.74, s * 0.26, 1.2, 0.06, 0.13, 0.06, second, rotation(pitch=-s * 12))
            b.rod((0.76, s * 0.11, 1.3), (0.84, s * 0.2, 1.46), 0.045, k.paint("beige", 0.05), 0.2)
            b.ellipsoid(0.12, s * 0.2, 0.9, 0.24, 0.08, 0.16, second)
            b.ellipsoid(-0.42, s * 0.2, 0.78, 0.18, 0.08, 0.2, second)
        b.ellipsoid(-0.2, 0, 1.07, 0.22, 0.2, 0.08, second)
        b.ellipsoid(-0.3, 0, 0.55, 0.18, 0.15, 0.14, pink)
        _legs(k, (-0.5, 0.38), 0.17, 0.7, 0.095, skin, k.dark())
        k.limb(((-0.66, 0, 1.02), (-0.76, 0, 0.8), (-0.76, 0, 0.55)), 0.035, 0.03, skin)
        b.ellipsoid(-0.76, 0, 0.46, 0.06, 0.06, 0.1, second)
    if b.chance(0.5):
        bell = k.metal("yellow")
        with k.part("bell", bell, "gold"):
            b.torus(0.63, 0, 1.0, 0.18, 0.025, k.wood("dark"), rotation(roll=52))
            b.cone(0.72, 0, 0.66, 0.1, 0.17, bell, 0.6)


def sheep(k: Kit) -> None:
    """Woolly, with a dark or pale face."""
    b = k.b
    wool = k.cloth(k.colour("white", "white", "white", "beige", "grey", "black", "brown"))
    face = k.paint(k.colour("black", "beige") if wool.colour != "black" else "white", 0.02)
    with k.part("sheep", wool, "animal"):
        b.ellipsoid(0, 0, 0.68, 0.52, 0.34, 0.34, wool)
        for j in range(22):
            z = 1 - 2 * (j + 0.5) / 22
            a, r = 2.399963 * j, math.sqrt(1 - z * z)
            s = 0.16 if j % 2 else 0.14
            b.ellipsoid(0.47 * r * math.cos(a), 0.29 * r * math.sin(a), 0.68 + 0.29 * z, s, s, s, wool)
        b.ellipsoid(0.66, 0, 0.9, 0.19, 0.145, 0.17, face)
        b.ellipsoid(0.8, 0, 0.84, 0.12, 0.11, 0.1, face)
        b.ellipsoid(0.58, 0, 1.06, 0.15, 0.15, 0.11, wool)
        for s in (-1, 1):
            b.ellipsoid(0.58, s * 0.2, 0.93, 0.06, 0.13, 0.05, face, rotation(pitch=-s * 22))
            b.ellipsoid(0.76, s * 0.11, 0.97, 0.035, 0.03, 0.04, k.paint("white", 0.1))
            b.ellipsoid(0.785, s * 0.125, 0.97, 0.018, 0.018, 0.022, k.dark(0.1))
        _legs(k, (-0.3, 0.3), 0.15, 0.5, 0.07, face, k.dark())
        b.ellipsoid(-0.58, 0, 0.72, 0.12, 0.1, 0.12, wool)


def elephant(k: Kit) -> None:
    """Trunk, tusks and large ears, sometimes a blanket."""
    b = k.b
    skin = k.paint(k.colour("grey", "grey", "grey", "blue", "pink", "navy"), 0.02)
    ivory = k.paint("white", 0.06)
    lift = b.uniform(-0.25, 0.45)
    with k.part("elephant", skin, "animal"):
        b.ellipsoid(-0.1, 0, 0.85, 0.62, 0.42, 0.45, skin)
        b.ellipsoid(0.55, 0, 1.1, 0.33, 0.3, 0.33, skin)
        k.limb(
            ((0.78, 0, 1.08), (0.98, 0, 0.82), (1.04, 0, 0.52), (1.12, 0, 0.3), (1.3, 0, 0.28 + 0.5 * lift)),
            0.15, 0.065, skin,
        )  # fmt: skip
        for x in (-0.45, 0.26):
            for s in (-1, 1):
                b.rod((x, s * 0.22, 0.8), (x, s * 0.22, 0), 0.17, skin, 0.95)
                for j in (-1, 0, 1):
                    b.ellipsoid(x + 0.14, s * 0.22 + 0.075 * j, 0.04, 0.04, 0.036, 0.04, ivory)
        for s in (-1, 1):
            b.ellipsoid(0.4, s * 0.4, 1.06, 0.28, 0.055, 0.36, skin, rotation(yaw=s * 28))
            b.rod((0.74, s * 0.17, 0.92), (1.08, s * 0.2, 0.78), 0.05, ivory, 0.3)
        _eyes(k, 0.8, 0.18, 1.22, 0.042)
        k.limb(((-0.68, 0, 0.95), (-0.8, 0, 0.7), (-0.8, 0, 0.5)), 0.035, 0.03, skin)
    if b.chance(0.45):
        cloth = k.paint(k.colour("red", "purple", "blue", "yellow", "green", "teal"), 0.02)
        if cloth.colour == skin.colour:
            return
        with k.part("blanket", cloth, "fabric"):
            b.ellipsoid(-0.15, 0, 0.88, 0.36, 0.45, 0.46, cloth, cut=0.05)
            b.torus(-0.15, 0, 0.92, 0.355, 0.02, k.metal("yellow"))


def dinosaur(k: Kit) -> None:
    """Long neck and tail, with spikes or plates along the back."""
    b = k.b
    skin = k.paint(k.colour("green", "green", "teal", "orange", "purple", "blue", "brown", "red"), 0.03)
    spike = k.paint(k.other(skin.colour, "black", "navy"), 0.03)
    neck = ((0.36, 0, 0.82), (0.62, 0, 1.06), (0.74, 0, 1.38), (0.78, 0, 1.66))
    tail = ((-0.42, 0, 0.66), (-0.78, 0, 0.44), (-1.1, 0, 0.28), (-1.42, 0, 0.24))
    with k.part("dinosaur", skin, "animal"):
        b.ellipsoid(0, 0, 0.66, 0.56, 0.36, 0.37, skin)
        b.ellipsoid(0, 0, 0.56, 0.48, 0.33, 0.32, k.paint("beige", 0.02))
        k.limb(neck, 0.23, 0.12, skin)
        k.limb(tail, 0.25, 0.05, skin)
        b.ellipsoid(0.9, 0, 1.72, 0.23, 0.15, 0.14, skin)
        for s in (-1, 1):
            b.ellipsoid(0.9, s * 0.11, 1.82, 0.055, 0.045, 0.06, k.paint("white", 0.1))
            b.ellipsoid(0.93, s * 0.135, 1.83, 0.027, 0.025, 0.034, k.dark(0.1))
            b.ellipsoid(1.11, s * 0.05, 1.75, 0.014, 0.014, 0.014, k.dark())
        for x in (-0.28, 0.26):
            for s in (-1, 1):
                b.rod((x, s * 0.22, 0.6), (x, s * 0.24, 0), 0.15, skin, 0.85)
                b.ellipsoid(x + 0.08, s * 0.24, 0.05, 0.16, 0.13, 0.05, skin)
    with k.part("spikes", spike, "paint", True):
        places = ((0.62, 1.46), (0.5, 1.2), (0.3, 1.02), (0.05, 1.02), (-0.2, 0.98), (-0.46, 0.84), (-0.72, 0.63))
        for x, z in (*places, (-1.0, 0.42)):
            b.frustum(x, 0, z - 0.06, 0.18, 0.06, 0.22, spike, 0.05, 0.4, rotation(roll=-22 if x < 0.4 else -62))
