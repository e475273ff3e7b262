"""Plants, rugs and what hangs on the walls of several rooms; frames as in `parts.py`."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import (
    BLACK,
    CLOCK,
    GREENS,
    MIRROR,
    PAPER,
    PICTURE,
    RUG,
    SOLID,
    Material,
    Number,
    mix,
    named,
    one_colour,
    plain,
    shade,
    srgb,
)
from gs_stein.world.styles import Look


def rug(look: Look, width: Number, depth: Number) -> None:
    """Rectangular or round carpet around the origin, with a border and a pattern."""
    b = look.b
    name = look.fabric_colour()
    main = named(b.rng, name)
    border = named(b.rng, b.pick(("white", "beige", "navy", "brown")) if name not in ("white", "beige") else "grey")
    third = mix(main, border, 0.5) if b.chance(0.5) else named(b.rng, look.accent_colour())
    round_rug = b.chance(0.25)
    pattern = int(b.rng.integers(4)) if not round_rug else b.pick((0, 3))
    if look.style == "minimalist":
        pattern = 0
    material = Material(
        RUG,
        main,
        border,
        third if pattern in (1, 2) else mix(main, border, 0.35),
        (float(pattern), b.uniform(0.28, 0.4) if pattern < 3 else 0.13, float(round_rug), 0.0),
        colour=name,
    )
    with b.thing("rug", material, "fabric"):
        if round_rug:
            b.cone(0, 0, 0.002, min(width, depth) / 2 + 0.15, 0.014, material)
        else:
            b.box(0, 0, 0.002, width, depth, 0.014, material)


def plant(
    look: Look, height: Number = 1.1, name: str = "potted plant", x: Number = 0.0, y: Number = -0.3, z: Number = 0.0
) -> None:
    """Pot with leaves: a bush, tall blades or a little tree."""
    b = look.b
    pot = b.pick((look.paint(), plain(b.rng, "white", 0.03), one_colour(SOLID, srgb(178, 96, 64), colour="orange")))
    radius = 0.15 * height / 1.1 + 0.02
    earth = one_colour(SOLID, srgb(62, 46, 36))
    tone = b.pick(GREENS)
    leaves = [one_colour(SOLID, shade(srgb(*tone), f), gloss=0.02, colour="green") for f in (0.75, 1.0, 1.25)]
    kind = int(b.rng.integers(3))
    with b.thing(name, leaves[1], "plant"):
        b.cone(x, y, z, 0.72 * radius, 1.7 * radius, pot, 1.35)
        b.cone(x, y, z + 1.68 * radius, 0.88 * radius, 0.02, earth)
        base = z + 1.7 * radius
        free = height - 1.7 * radius
        if kind == 0:  # bush of leaves on stems
            for k in range(13):
                a = 2.399963 * k
                lift = (k + 0.5) / 13
                r = 0.3 * height * math.sqrt(1 - 0.8 * lift) * (0.55 + 0.45 * (k % 2))
                b.ellipsoid(
                    x + 0.75 * r * math.cos(a),
                    y + 0.75 * r * math.sin(a),
                    base + free * (0.2 + 0.68 * lift),
                    0.17 * height,
                    0.075 * height,
                    0.03 * height,
                    leaves[k % 3],
                    rotation(yaw=math.degrees(a), roll=-38 + 20 * lift),
                )
        elif kind == 1:  # blades
            for k in range(9):
                a = 2.399963 * k
                tilt = 6 + 3.2 * k
                length = free * (1.0 - 0.035 * k)
                t = math.radians(tilt)
                r = 0.5 * length * math.sin(t)
                b.ellipsoid(
                    x + r * math.cos(a),
                    y + r * math.sin(a),
                    base + 0.5 * length * math.cos(t) - 0.02,
                    0.018 * height + 0.01,
                    0.05 * height,
                    0.5 * length,
                    leaves[k % 3],
                    rotation(yaw=math.degrees(a), roll=tilt),
                )
        else:  # little tree
            bark = one_colour(SOLID, srgb(98, 72, 52))
            b.cone(x, y, base - 0.02, 0.022, 0.55 * free, bark, 0.7)
            for k in range(8):
                a, lift = 2.399963 * k, k / 7
                r = 0.16 * height * math.sqrt(1 - (2 * lift - 1) ** 2) + 0.02
                s = 0.125 * height
                b.ellipsoid(
                    x + r * math.cos(a),
                    y + r * math.sin(a),
                    base + free * (0.5 + 0.36 * lift),
                    s,
                    s,
                    0.8 * s,
                    leaves[k % 3],
                )


def vase(look: Look, x: Number, y: Number, z: Number) -> None:
    """Small vase, sometimes with flowers."""
    b = look.b
    glaze = look.paint()
    with b.thing("vase", glaze, "ceramic"):
        b.ellipsoid(x, y, z + 0.085, 0.07, 0.07, 0.09, glaze)
        b.cone(x, y, z + 0.14, 0.035, 0.07, glaze, 1.25)
    if b.chance(0.6):
        petals = plain(b.rng, b.pick(("red", "yellow", "pink", "white", "purple")))
        stem = one_colour(SOLID, srgb(*GREENS[0]), colour="green")
        with b.thing("flowers", petals, "flowers", True):
            for k in range(5):
                a = 1.2566 * k + b.uniform(-0.3, 0.3)
                r, h = (0.09, b.uniform(0.3, 0.36)) if k else (0.0, 0.4)
                b.rod((x, y, z + 0.2), (x + r * math.cos(a), y + r * math.sin(a), z + h), 0.006, stem)
                b.ellipsoid(x + r * math.cos(a), y + r * math.sin(a), z + h, 0.045, 0.045, 0.035, petals)


def picture(look: Look, x: Number, z: Number, width: Number, height: Number, name: str = "picture") -> None:
    """Framed landscape or abstract painting on the wall, centred at (x, z)."""
    b = look.b
    variant = b.pick((0, 2, 3, 4, 4))
    if variant == 4:
        first, second, third = (
            b.pick(("red", "orange", "yellow", "teal", "blue", "navy", "pink", "white", "beige")) for _ in range(3)
        )
        colours = (named(b.rng, first), named(b.rng, second), named(b.rng, third))
    else:
        sky = b.pick(
            (((120, 170, 210), (220, 226, 220)), ((230, 150, 90), (248, 214, 150)), ((60, 90, 140), (170, 190, 210)))
        )
        land = b.pick(((86, 122, 78), (70, 90, 110), (140, 100, 70), (46, 96, 110)))
        colours = (srgb(*sky[0]), srgb(*sky[1]), srgb(*land))
    frame = b.pick((BLACK, look.wood, PAPER))
    painting = Material(PICTURE, *colours, (float(variant), b.uniform(0, 3), 0.0, float(b.chance(0.4))))
    with b.thing(name, frame, "picture"):
        b.box(x, -0.015, z - height / 2, width, 0.03, height, frame)
        b.box(x, -0.03, z - height / 2 + 0.035, width - 0.07, 0.012, height - 0.07, PAPER)
        b.box(x, -0.035, z - height / 2 + 0.08, width - 0.16, 0.012, height - 0.16, painting)


def mirror(look: Look, x: Number, z: Number, width: Number, height: Number) -> None:
    """Mirror in a frame; round where it is as high as wide."""
    b = look.b
    glass = one_colour(MIRROR, srgb(190, 198, 202), gloss=0.82)
    with b.thing("mirror", glass, "mirror"):
        if abs(width - height) < 1e-6:
            b.cone(x, -0.015, z - 0.015, width / 2, 0.03, look.wood, turn=ON_SIDE)
            b.cone(x, -0.025, z - 0.015, width / 2 - 0.035, 0.03, glass, turn=ON_SIDE)
        else:
            b.box(x, -0.015, z - height / 2, width, 0.03, height, look.wood)
            b.box(x, -0.025, z - height / 2 + 0.035, width - 0.07, 0.022, height - 0.07, glass)


def clock(look: Look, x: Number, z: Number) -> None:
    """Wall clock."""
    b = look.b
    rim = look.paint()
    face = Material(
        CLOCK,
        srgb(240, 238, 230),
        rim.c1,
        srgb(36, 36, 38),
        (b.uniform(0, 6.28), b.uniform(0, 6.28), 0, 0),
        colour=rim.colour,
    )
    with b.thing("clock", face, "clock"):
        b.ellipsoid(x, -0.02, z, 0.18, 0.035, 0.18, face)
