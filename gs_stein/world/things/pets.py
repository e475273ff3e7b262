"""Animals of the house, and where they live."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.materials import BANDS, Material, fabric, shade
from gs_stein.world.rooms.parts import shade_of
from gs_stein.world.styles import Look
from gs_stein.world.things.finishes import BRASS, DARK, IVORY, cloth, finish, paint, shiny, skin
from gs_stein.world.things.movable import Movable


def aquarium(look: Look) -> None:
    """Lit tank with fish, plants and stones, on a cabinet."""
    b = look.b
    body, _ = finish(look, 0.5)
    width = b.uniform(0.95, 1.2)
    water = skin(*b.pick(((58, 150, 190), (48, 130, 184), (70, 168, 186))), colour="blue", emission=0.35)
    with b.thing("aquarium", water, "glass"):
        b.box(0, -0.22, 0.0, width, 0.42, 0.68, body, 0.01)
        for s in (-1, 1):
            b.box(s * width / 4, -0.435, 0.05, width / 2 - 0.05, 0.012, 0.58, shade_of(body, 1.08), 0.004)
            b.box(s * 0.04, -0.45, 0.36, 0.02, 0.02, 0.12, DARK)
        b.box(0, -0.21, 0.68, width - 0.02, 0.36, 0.54, water)
        b.box(0, -0.22, 0.68, width, 0.4, 0.03, DARK)
        b.box(0, -0.22, 1.2, width, 0.4, 0.07, DARK, 0.01)
        for s in (-1, 1):
            b.box(s * (width / 2 - 0.012), -0.41, 0.7, 0.022, 0.02, 0.5, DARK)
        b.box(0, -0.395, 0.71, width - 0.06, 0.03, b.uniform(0.05, 0.08), skin(196, 168, 118))
        for _ in range(4):
            b.ellipsoid(b.uniform(-0.4, 0.4) * width, -0.4, 0.77, 0.05, 0.03, 0.04, skin(112, 104, 98))
        for k in range(5):
            x = (-0.44 + 0.05 * k + (0.66 if k > 2 else 0.0)) * width
            h = b.uniform(0.12, 0.2)
            b.ellipsoid(x, -0.395, 0.76 + h, 0.022, 0.015, h, skin(60, 150, 70), rotation(roll=b.uniform(-9, 9)))
        hues = ((246, 132, 40), (250, 206, 60), (236, 78, 60), (250, 250, 240))
        for k in range(5):
            x, z = (-0.32 + 0.17 * k) * width, 0.9 + 0.26 * ((k * 0.618 + b.uniform(0, 0.2)) % 1)
            s, fish = (1 if b.chance(0.5) else -1), skin(*b.pick(hues), emission=0.25)
            b.ellipsoid(x, -0.4, z, 0.065, 0.015, 0.036, fish)
            b.frustum(x - s * 0.075, -0.4, z - 0.04, 0.09, 0.012, 0.08, fish, 0.05, 1.0, rotation(roll=s * 90))
            b.ellipsoid(x + s * 0.04, -0.416, z + 0.008, 0.009, 0.004, 0.009, DARK)


_COATS = (
    ((150, 96, 54), "brown"),
    ((196, 146, 86), "beige"),
    ((60, 54, 52), "black"),
    ((228, 220, 206), "white"),
    ((120, 118, 116), "grey"),
    ((98, 62, 42), "brown"),
)


def _coat(look: Look) -> tuple[Material, Material]:
    """Fur and the paler fur of muzzle and paws."""
    rgb, colour = look.b.pick(_COATS)
    fur = skin(*rgb, colour=colour)
    pale = skin(232, 222, 206) if look.b.chance(0.6) and colour != "white" else Material(c1=shade(fur.c1, 0.75))
    return fur, pale


def _dog_head(look: Look, fur: Material, pale: Material, ears: Material, upright: bool) -> None:
    """Around the origin, muzzle toward -y."""
    b = look.b
    b.ellipsoid(0, 0, 0, 0.12, 0.13, 0.12, fur)
    b.ellipsoid(0, -0.14, -0.035, 0.066, 0.1, 0.06, pale)
    b.ellipsoid(0, -0.235, -0.01, 0.028, 0.02, 0.024, DARK)
    for s in (-1, 1):
        b.ellipsoid(s * 0.055, -0.112, 0.035, 0.02, 0.016, 0.022, DARK)
        if upright:
            b.cone(s * 0.08, 0.01, 0.07, 0.05, 0.14, ears, 0.15, 0.025, rotation(roll=s * 10))
        else:
            b.ellipsoid(s * 0.125, 0.0, -0.02, 0.03, 0.06, 0.11, ears, rotation(roll=-s * 12))


def dog(look: Look) -> None:
    """Sitting or lying, with hanging or pricked ears and a collar."""
    b = look.b
    fur, pale = _coat(look)
    ears = shade_of(fur, 0.6) if b.chance(0.5) else fur
    collar = paint(look, fur.colour)
    upright = b.chance(0.35)
    big = b.uniform(0.92, 1.12)
    with b.thing("dog", fur, "animal"):
        if b.chance(0.5):  # sitting, to the front
            with b.at(0, -0.34 * big, 0, scale=big):
                b.ellipsoid(0, 0.1, 0.2, 0.17, 0.2, 0.19, fur)
                b.ellipsoid(0, -0.02, 0.37, 0.135, 0.14, 0.25, fur, rotation(pitch=8))
                b.ellipsoid(0, -0.12, 0.38, 0.08, 0.06, 0.15, pale)
                for s in (-1, 1):
                    b.ellipsoid(s * 0.17, 0.04, 0.12, 0.075, 0.16, 0.12, fur)
                    b.ellipsoid(s * 0.18, -0.12, 0.04, 0.055, 0.1, 0.04, pale)
                    b.rod((s * 0.085, -0.13, 0.02), (s * 0.085, -0.1, 0.36), 0.045, fur, 1.2)
                    b.ellipsoid(s * 0.085, -0.17, 0.035, 0.05, 0.075, 0.035, pale)
                b.rod((0.05, 0.22, 0.06), (0.3, 0.14, 0.1), 0.04, fur, 0.5)
                b.torus(0, -0.07, 0.535, 0.095, 0.022, collar, rotation(pitch=12))
                b.ellipsoid(0, -0.19, 0.51, 0.02, 0.01, 0.025, BRASS)
                with b.at(0, -0.09, 0.66, yaw=b.uniform(-15, 15)):
                    _dog_head(look, fur, pale, ears, upright)
        else:  # lying, its side to the front
            side = 1 if b.chance(0.5) else -1
            with b.at(0, -0.26 * big, 0, scale=big):
                b.ellipsoid(0, 0, 0.16, 0.38, 0.17, 0.16, fur)
                b.ellipsoid(side * 0.24, 0, 0.2, 0.17, 0.15, 0.18, fur)
                b.ellipsoid(-side * 0.26, -0.12, 0.13, 0.16, 0.09, 0.13, fur)
                b.ellipsoid(-side * 0.16, -0.2, 0.04, 0.13, 0.05, 0.04, pale)
                for y in (-0.12, 0.08):
                    b.rod((side * 0.28, y, 0.06), (side * 0.52, y - 0.02, 0.045), 0.05, fur, 0.85)
                    b.ellipsoid(side * 0.54, y - 0.02, 0.042, 0.065, 0.05, 0.042, pale)
                b.rod((-side * 0.36, 0.03, 0.14), (-side * 0.58, -0.06, 0.045), 0.045, fur, 0.45)
                b.rod((side * 0.3, 0, 0.22), (side * 0.4, -0.03, 0.36), 0.1, fur, 0.9)
                b.torus(side * 0.36, -0.02, 0.32, 0.095, 0.022, collar, rotation(roll=side * 30))
                with b.at(side * 0.42, -0.04, 0.42, yaw=side * b.uniform(30, 75)):
                    _dog_head(look, fur, pale, ears, upright)


def cat(look: Look) -> None:
    """Lying like a loaf or curled up on a cushion, its head to the front."""
    b = look.b
    rgb, colour = b.pick(
        (((214, 130, 58), "orange"), ((112, 110, 110), "grey"), ((52, 50, 52), "black"), ((236, 230, 220), "white"))
    )
    fur = skin(*rgb, colour=colour)
    striped = Material(BANDS, fur.c1, shade(fur.c1, 0.62), fur.c1, (9.0, 0, 0, 0), colour=colour)
    pale = skin(242, 236, 226) if colour != "white" else skin(214, 204, 196)
    tabby = b.chance(0.6) and colour in ("orange", "grey")
    side = 1 if b.chance(0.5) else -1
    cushion = b.chance(0.6)
    with b.thing("cat", fur, "animal"), b.at(0, -0.32, 0.1 if cushion else 0.0):
        b.ellipsoid(0, 0.02, 0.13, 0.13, 0.16, 0.26, striped if tabby else fur, rotation(roll=90))
        b.ellipsoid(-side * 0.13, -0.05, 0.11, 0.13, 0.14, 0.11, fur)
        with b.at(side * 0.21, -0.12, 0.22, yaw=side * b.uniform(0, 30)):
            b.ellipsoid(0, 0, 0, 0.1, 0.085, 0.085, fur)
            b.ellipsoid(0, -0.07, -0.025, 0.045, 0.03, 0.03, pale)
            b.ellipsoid(0, -0.1, -0.012, 0.012, 0.008, 0.009, skin(220, 130, 130))
            for s in (-1, 1):
                b.cone(s * 0.06, 0, 0.05, 0.042, 0.085, fur, 0.08, 0.022, rotation(roll=s * 12))
                b.ellipsoid(s * 0.04, -0.076, 0.018, 0.018, 0.01, 0.017, skin(160, 196, 70, gloss=0.1))
                b.ellipsoid(s * 0.04, -0.085, 0.018, 0.006, 0.006, 0.015, DARK)
        b.ellipsoid(side * 0.2, -0.1, 0.1, 0.09, 0.08, 0.09, pale)
        for s in (-1, 1):
            b.ellipsoid(side * 0.2 + s * 0.05, -0.2, 0.035, 0.038, 0.09, 0.035, pale)
        for k in range(7):
            a = 0.26 * k
            x, y = -side * (0.27 - 0.32 * math.sin(a) * 0.9), -0.05 - 0.16 * (1 - math.cos(a)) - 0.05 * math.sin(a)
            b.ellipsoid(x, y, 0.04, 0.045, 0.04, 0.04, fur)
    if cushion:
        pad = cloth(look, colour)
        with b.thing("cat bed", pad, "fabric"):
            b.ellipsoid(0, -0.32, 0.06, 0.38, 0.28, 0.06, pad)
            b.cone(0, -0.32, 0.0, 0.36, 0.07, pad, 1.0, 0.26)


def birdcage(look: Look) -> None:
    """Domed cage on a stand, with a parrot on its swing."""
    b = look.b
    wire = BRASS if b.chance(0.4) else shiny("black") if b.chance(0.4) else paint(look)
    bird, wing = b.pick((("red", "blue"), ("green", "yellow"), ("blue", "yellow"), ("yellow", "green")))
    with b.thing("birdcage", wire, "metal"), b.at(0, -0.28):
        b.cone(0, 0, 0.0, 0.2, 0.03, wire, 0.9)
        b.cone(0, 0, 0.0, 0.02, 0.86, wire)
        b.cone(0, 0, 0.86, 0.27, 0.06, wire)
        for z in (1.1, 1.38):
            b.torus(0, 0, z, 0.26, 0.009, wire)
        for k in range(10):
            a = 0.6283 * k
            x, y = 0.26 * math.cos(a), 0.26 * math.sin(a)
            b.rod((x, y, 0.9), (x, y, 1.38), 0.007, wire)
            b.rod((x, y, 1.38), (0.12 * math.cos(a), 0.12 * math.sin(a), 1.56), 0.007, wire)
            if k % 2:
                b.rod((0.12 * math.cos(a), 0.12 * math.sin(a), 1.56), (0, 0, 1.61), 0.007, wire)
        b.torus(0, 0, 1.65, 0.04, 0.009, wire, rotation(pitch=90))
        b.rod((-0.25, 0, 1.1), (0.25, 0, 1.1), 0.012, skin(140, 96, 60))
    feathers = fabric(b.rng, bird)
    with b.thing("parrot", feathers, "animal"), b.at(0, -0.28, 1.2, scale=1.15):
        b.ellipsoid(0, 0, 0, 0.065, 0.065, 0.11, feathers, rotation(roll=14))
        b.ellipsoid(0.04, 0, 0.13, 0.056, 0.055, 0.056, feathers)
        b.ellipsoid(0.1, 0, 0.12, 0.03, 0.022, 0.032, DARK)
        b.ellipsoid(-0.01, -0.055, 0.0, 0.04, 0.02, 0.09, fabric(b.rng, wing), rotation(roll=14))
        b.ellipsoid(0.055, -0.045, 0.145, 0.02, 0.016, 0.02, IVORY)
        b.ellipsoid(0.057, -0.058, 0.145, 0.009, 0.006, 0.009, DARK)
        b.rod((-0.02, 0, -0.08), (-0.07, 0, -0.24), 0.028, feathers, 0.5)


def dog_house(look: Look) -> None:
    """Kennel with a gable roof and a bowl before it."""
    b = look.b
    body, kind = finish(look, 0.3)
    roof = paint(look, body.colour)
    with b.thing("dog house", body, kind), b.at(0, -0.36):
        b.box(0, 0, 0, 0.66, 0.66, 0.46, body)
        b.frustum(0, 0, 0.46, 0.66, 0.66, 0.3, body, 0.0, 1.0)
        b.box(0, -0.325, 0.02, 0.28, 0.02, 0.25, DARK)
        b.rod((0, -0.318, 0.27), (0, -0.338, 0.27), 0.14, DARK)
        for s in (-1, 1):
            b.box(s * 0.2, 0, 0.61, 0.56, 0.72, 0.035, roof, turn=rotation(roll=s * 42.3))
        b.box(0, -0.345, 0.5, 0.2, 0.015, 0.08, IVORY, 0.004)
    bowl = paint(look, body.colour)
    with b.thing("bowl", bowl, "ceramic"):
        b.cone(0.2, -0.85, 0, 0.12, 0.07, bowl, 0.8)
        b.cone(0.2, -0.85, 0.06, 0.085, 0.015, skin(110, 74, 50))


PETS = (
    Movable("aquarium", aquarium, (1.2, 0.47, 1.28), ("wall",)),
    Movable("dog", dog, (1.47, 0.77, 0.98), ("floor",)),
    Movable("cat", cat, (0.78, 0.63, 0.46), ("floor",)),
    Movable("birdcage", birdcage, (0.56, 0.56, 1.7), ("wall", "corner", "floor")),
    Movable("dog house", dog_house, (0.85, 1.0, 0.85), ("wall", "corner")),
)
"""Every pet."""
