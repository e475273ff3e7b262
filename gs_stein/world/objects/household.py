"""Plants, crockery, clocks and lamps."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import BANDS, SOLID, Material, Number, named, one_colour, srgb
from gs_stein.world.objects.kit import Kit


def mixed(material: Material, white: Number) -> tuple[Number, Number, Number]:
    """Main colour, lightened."""
    return tuple(c + white * (0.9 - c) for c in material.c1)  # type: ignore[return-value]


def potted_plant(k: Kit) -> None:
    """Bush of leaves in a pot."""
    b = k.b
    pot = k.paint(k.colour())
    leaves = [k.paint("green", 0.02) for _ in range(3)]
    earth = one_colour(SOLID, srgb(62, 46, 36))
    blades = b.chance(0.4)
    with k.part("potted plant", leaves[0], "plant"):
        for j in range(11 if blades else 20):
            a, lift = 2.399963 * j, (j + 0.5) / (11 if blades else 20)
            if blades:
                tilt, length = 5 + 30 * lift, 0.85 - 0.3 * lift
                t = math.radians(tilt)
                b.ellipsoid(
                    0.5 * length * math.sin(t) * math.cos(a),
                    0.5 * length * math.sin(t) * math.sin(a),
                    0.36 + 0.5 * length * math.cos(t),
                    0.025,
                    0.065,
                    0.5 * length,
                    leaves[j % 3],
                    rotation(yaw=math.degrees(a), roll=tilt),
                )
            else:
                r = 0.34 * math.sqrt(1 - 0.75 * lift) * (0.6 + 0.4 * (j % 2))
                b.ellipsoid(
                    0.85 * r * math.cos(a),
                    0.85 * r * math.sin(a),
                    0.44 + 0.5 * lift,
                    0.19,
                    0.09,
                    0.035,
                    leaves[j % 3],
                    rotation(yaw=math.degrees(a), roll=-40 + 25 * lift),
                )
    with k.part("pot", pot, "ceramic"):
        b.cone(0, 0, 0, 0.17, 0.34, pot, 1.4)
        b.cone(0, 0, 0.3, 0.255, 0.06, pot)
        b.cone(0, 0, 0.345, 0.22, 0.02, earth)


def mug(k: Kit) -> None:
    """Cylinder with a handle and coffee."""
    b = k.b
    name = k.colour()
    striped = b.chance(0.25)
    second = k.other(name)
    glaze = (
        Material(BANDS, named(b.rng, name), named(b.rng, second), (0, 0, 0), (6.0, 0, 0, 0), 0.07, colour=name)
        if striped
        else k.paint(name, 0.08)
    )
    plain = k.paint(name, 0.08)
    with k.part("mug", glaze, f"striped {second}" if striped else "ceramic"):
        b.cone(0, 0, 0, 0.38, 0.86, glaze, 1.06)
        b.torus(0.42, 0, 0.42, 0.23, 0.058, plain, rotation(pitch=90))
        b.torus(0, 0, 0.86, 0.375, 0.032, plain)
        b.cone(0, 0, 0.855, 0.35, 0.012, one_colour(SOLID, srgb(74, 46, 30), gloss=0.08))


def teapot(k: Kit) -> None:
    """Belly, spout to the east, handle to the west, lid with a knob."""
    b = k.b
    glaze, kind = k.finish(0.0, 0.2)
    lid = glaze if b.chance(0.5) else k.paint(k.other(glaze.colour))
    with k.part("teapot", glaze, kind):
        b.ellipsoid(0, 0, 0.4, 0.5, 0.5, 0.4, glaze)
        b.cone(0, 0, 0.0, 0.3, 0.1, glaze, 0.9)
        b.rod((0.38, 0, 0.3), (0.78, 0, 0.66), 0.13, glaze, 0.5)
        b.torus(-0.5, 0, 0.44, 0.22, 0.05, glaze, rotation(pitch=90))
    with k.part("lid", lid):
        b.ellipsoid(0, 0, 0.68, 0.3, 0.3, 0.16, lid, cut=0.0)
        b.cone(0, 0, 0.67, 0.31, 0.03, lid)
        b.ellipsoid(0, 0, 0.88, 0.075, 0.075, 0.07, lid)


def vase(k: Kit) -> None:
    """Vase with a bunch of flowers."""
    b = k.b
    glaze, kind = k.finish(0.0, 0.12)
    petals = k.paint(k.colour("red", "yellow", "pink", "white", "purple", "orange"), 0.0)
    with k.part("vase", glaze, kind):
        b.cone(0, 0, 0, 0.15, 0.08, glaze, 1.1)
        b.ellipsoid(0, 0, 0.3, 0.25, 0.25, 0.27, glaze)
        b.cone(0, 0, 0.48, 0.12, 0.18, glaze, 1.3)
    stem = k.paint("green", 0.0)
    with k.part("flowers", petals, "flowers", True):
        for j in range(8):
            a = 2.399963 * j
            r, h = 0.11 * math.sqrt(j) + 0.02, 1.18 - 0.045 * j
            x, y = r * math.cos(a), r * math.sin(a)
            b.rod((0, 0, 0.62), (x, y, h), 0.014, stem)
            b.ellipsoid(x, y, h, 0.105, 0.105, 0.075, petals)
            b.ellipsoid(
                x, y, h + 0.05, 0.042, 0.042, 0.04, k.paint("yellow" if petals.colour != "yellow" else "brown", 0.0)
            )


def clock(k: Kit) -> None:
    """Alarm clock with two bells."""
    from gs_stein.world.materials import CLOCK

    b = k.b
    body, kind = k.finish(0.1, 0.2)
    face = Material(
        CLOCK, srgb(244, 242, 235), srgb(244, 242, 235), srgb(34, 34, 36), (b.uniform(0, 6.2), b.uniform(0, 6.2), 0, 0)
    )
    bell = k.metal(b.pick(("grey", "yellow")))
    with k.part("alarm clock", body, kind):
        b.cone(0, 0, 0.4, 0.5, 0.3, body, turn=ON_SIDE)
        b.ellipsoid(0, -0.15, 0.55, 0.43, 0.035, 0.43, face)
        for s in (-1, 1):
            b.rod((s * 0.22, 0, 0.3), (s * 0.36, 0, 0.0), 0.05, body)
            b.ellipsoid(s * 0.3, 0, 1.03, 0.2, 0.2, 0.15, bell, rotation(roll=s * 32), cut=0.0)
        b.cone(0, 0, 1.0, 0.03, 0.22, bell)


def bottle(k: Kit) -> None:
    """Bottle with a label and a cork or cap."""
    b = k.b
    glass = k.paint(k.colour("green", "brown", "blue", "teal", "red", "purple", "black"), 0.14)
    label = k.paint(k.other(glass.colour), 0.0)
    with k.part("bottle", glass, "glass"):
        b.cone(0, 0, 0, 0.26, 0.8, glass)
        b.ellipsoid(0, 0, 0.8, 0.26, 0.26, 0.24, glass, cut=0.0)
        b.cone(0, 0, 0.9, 0.095, 0.4, glass, 0.9)
        b.cone(0, 0, 1.2, 0.105, 0.06, glass)
    with k.part("label", label, "paper"):
        b.cone(0, 0, 0.22, 0.266, 0.36, label)
    b.cone(0, 0, 1.28, 0.075, 0.1, k.wood("light"))
