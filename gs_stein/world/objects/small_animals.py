"""Rabbits, fish, turtles and owls."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.objects.kit import Kit


def rabbit(k: Kit) -> None:
    """Sitting, with long ears and a puff for a tail, sometimes with a carrot."""
    b = k.b
    fur = k.cloth(k.colour("white", "white", "grey", "brown", "beige", "black", "orange"))
    pink, pale = k.paint("pink", 0.0), k.cloth("white" if fur.colour != "white" else "beige")
    bend = b.uniform(4, 16)
    with k.part("rabbit", fur, "animal"):
        b.ellipsoid(0, 0.1, 0.36, 0.31, 0.4, 0.36, fur)
        b.ellipsoid(0, -0.14, 0.46, 0.22, 0.2, 0.28, pale)
        b.ellipsoid(0, -0.18, 0.88, 0.25, 0.25, 0.23, fur)
        b.ellipsoid(0, 0.52, 0.32, 0.14, 0.13, 0.14, k.cloth("white"))
        b.ellipsoid(0, -0.44, 0.86, 0.035, 0.025, 0.025, pink)
        for s in (-1, 1):
            with b.at(s * 0.11, -0.1, 1.0, pitch=-6, roll=s * bend):
                b.ellipsoid(0, 0, 0.34, 0.085, 0.05, 0.38, fur)
                b.ellipsoid(0, -0.03, 0.34, 0.05, 0.035, 0.3, pink)
            b.ellipsoid(s * 0.15, -0.36, 0.96, 0.045, 0.035, 0.055, k.dark(0.15))
            b.ellipsoid(s * 0.07, -0.39, 0.8, 0.08, 0.06, 0.06, pale)
            b.ellipsoid(s * 0.26, 0.16, 0.2, 0.13, 0.26, 0.2, fur)
            b.ellipsoid(s * 0.22, -0.22, 0.06, 0.1, 0.24, 0.06, fur)
            b.rod((s * 0.14, -0.24, 0.46), (s * 0.1, -0.4, 0.38), 0.07, fur, 0.9)
        for s in (-0.02, 0.02):
            b.box(s, -0.43, 0.74, 0.035, 0.015, 0.07, k.paint("white", 0.05))
    if b.chance(0.45):
        carrot = k.paint("orange", 0.02)
        with k.part("carrot", carrot, "vegetable"):
            b.rod((0.16, -0.46, 0.46), (-0.3, -0.48, 0.3), 0.075, carrot, 0.12)
            for j in (-1, 0, 1):
                b.rod((0.16, -0.46, 0.46), (0.32, -0.46 + 0.05 * j, 0.54 + 0.03 * j), 0.02, k.paint("green", 0.0))


def fish(k: Kit) -> None:
    """Swimming east; plain or with bands."""
    b = k.b
    skin = k.paint(k.colour("orange", "orange", "yellow", "blue", "red", "teal", "purple", "pink", "green"), 0.1)
    second = k.other(skin.colour, "black", "navy")
    fin, band = k.paint(second, 0.06), k.paint("white" if skin.colour != "white" else "black", 0.08)
    tall = b.uniform(0.36, 0.5)
    with k.part("fish", skin, "animal"):
        b.ellipsoid(0, 0, 0.6, 0.62, 0.23, tall, skin)
        b.rod((-0.4, 0, 0.6), (-0.74, 0, 0.6), 0.17, skin, 0.5)
        if b.chance(0.6):
            for x, share in ((0.28, 0.9), (-0.16, 0.97)):
                b.ellipsoid(x, 0, 0.6, 0.06, 0.235 * share, tall * share * 1.01, band)
        for s in (-1, 1):
            b.ellipsoid(0.42, s * 0.145, 0.7, 0.085, 0.05, 0.085, k.paint("white", 0.1))
            b.ellipsoid(0.44, s * 0.185, 0.7, 0.045, 0.025, 0.045, k.dark(0.2))
        b.ellipsoid(0.6, 0, 0.52, 0.05, 0.1, 0.035, k.paint("pink", 0.05))
    with k.part("fins", fin, "paint", True):
        for s in (-1, 1):
            b.ellipsoid(-0.9, 0, 0.6 + s * 0.2, 0.13, 0.04, 0.28, fin, rotation(roll=-s * 38))
            b.ellipsoid(0.08, s * 0.27, 0.5, 0.2, 0.03, 0.1, fin, rotation(yaw=-s * 35, roll=-15))
        for j in range(4):
            b.ellipsoid(0.2 - 0.14 * j, 0, 0.56 + tall + 0.02 * j, 0.17, 0.03, 0.13, fin, rotation(roll=-30))
        b.ellipsoid(-0.15, 0, 0.6 - tall, 0.2, 0.03, 0.12, fin, rotation(roll=-24))


def turtle(k: Kit) -> None:
    """Domed shell with plates; looks east."""
    b = k.b
    shell = k.paint(k.colour("green", "brown", "brown", "orange", "red", "blue", "purple", "teal"), 0.05)
    skin = k.paint("green" if shell.colour not in ("green", "teal") else k.colour("yellow", "beige"), 0.03)
    plate = k.paint(k.other(shell.colour, skin.colour), 0.05)
    with k.part("turtle", skin, "animal"):
        b.ellipsoid(0, 0, 0.26, 0.6, 0.5, 0.1, k.paint("beige", 0.02))
        b.rod((0.5, 0, 0.28), (0.82, 0, 0.46), 0.12, skin, 0.9)
        b.ellipsoid(0.9, 0, 0.52, 0.2, 0.15, 0.15, skin)
        for s in (-1, 1):
            b.ellipsoid(1.0, s * 0.1, 0.59, 0.04, 0.04, 0.05, k.dark(0.15))
            b.ellipsoid(0.44, s * 0.46, 0.14, 0.24, 0.12, 0.1, skin, rotation(yaw=s * 50, roll=22))
            b.ellipsoid(-0.42, s * 0.44, 0.12, 0.2, 0.12, 0.1, skin, rotation(yaw=s * 130, roll=20))
        b.rod((-0.55, 0, 0.26), (-0.84, 0, 0.18), 0.07, skin, 0.2)
    with k.part("shell", shell):
        b.ellipsoid(0, 0, 0.28, 0.62, 0.53, 0.46, shell, cut=0.0)
        b.torus(0, 0, 0.28, 0.5, 0.06, shell)
        b.cone(0, 0, 0.24, 0.6, 0.09, shell, 1.0, 0.52)
        for count, lift in ((1, 90.0), (6, 50.0), (10, 18.0)):
            e = math.radians(lift)
            for j in range(count):
                a = 2 * math.pi * (j + 0.5 * (count == 10)) / count
                x, y = 0.6 * math.cos(e) * math.cos(a), 0.51 * math.cos(e) * math.sin(a)
                size = 0.16 if lift > 20 else 0.1
                turn = rotation(yaw=math.degrees(a), roll=90 - lift)
                b.ellipsoid(x, y, 0.28 + 0.445 * math.sin(e), size, size, 0.035, plate, turn)


def owl(k: Kit) -> None:
    """With large eyes, on a branch or on the ground."""
    b = k.b
    coat = k.cloth(k.colour("brown", "brown", "grey", "white", "orange", "purple", "blue", "teal"))
    pale = k.cloth("beige" if coat.colour != "white" else "grey")
    beak = k.paint("orange" if coat.colour != "orange" else "yellow", 0.05)
    with k.part("owl", coat, "animal"):
        b.ellipsoid(0, 0, 0.6, 0.42, 0.37, 0.56, coat)
        b.ellipsoid(0, -0.16, 0.48, 0.3, 0.25, 0.38, pale)
        b.ellipsoid(0, -0.02, 1.12, 0.4, 0.34, 0.3, coat)
        for j in range(9):
            b.ellipsoid(0.13 * (j % 3 - 1), -0.4 + 0.05 * abs(j % 3 - 1), 0.3 + 0.15 * (j // 3), 0.05, 0.03, 0.04, coat)
        for s in (-1, 1):
            b.ellipsoid(s * 0.17, -0.28, 1.16, 0.19, 0.08, 0.19, pale, rotation(yaw=s * 18))
            b.ellipsoid(s * 0.17, -0.34, 1.17, 0.12, 0.05, 0.12, k.paint("yellow", 0.1), rotation(yaw=s * 14))
            b.ellipsoid(s * 0.17, -0.375, 1.17, 0.065, 0.03, 0.07, k.dark(0.2))
            b.rod((s * 0.24, 0, 1.3), (s * 0.36, -0.02, 1.6), 0.1, coat, 0.1)
            b.ellipsoid(s * 0.42, 0.04, 0.6, 0.11, 0.28, 0.42, coat, rotation(roll=-s * 10, pitch=8))
            for j in (-1, 0, 1):
                b.ellipsoid(s * 0.16 + 0.06 * j, -0.26, 0.07, 0.035, 0.09, 0.045, beak)
        b.rod((0, -0.34, 1.08), (0, -0.44, 0.94), 0.065, beak, 0.1)
        b.box(0, 0.36, 0.02, 0.3, 0.06, 0.36, coat, 0.025, rotation(pitch=22))
    if b.chance(0.6):
        bark = k.wood("walnut")
        with k.part("branch", bark, "wood"):
            b.rod((-0.9, -0.12, -0.05), (0.9, -0.12, 0.0), 0.09, bark, 0.75)
            b.rod((0.5, -0.12, 0), (0.8, -0.16, 0.24), 0.045, bark, 0.5)
            b.ellipsoid(0.84, -0.16, 0.28, 0.12, 0.05, 0.07, k.paint("green", 0.02), rotation(roll=-30))
