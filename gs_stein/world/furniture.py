"""Furniture for living rooms and bedrooms, and what hangs on walls: every piece of several recognisable parts.

Each function builds in the present frame of the builder: the piece's back is at y = 0 against the wall, its front
faces −y, x runs along the wall, z = 0 is the floor.
"""

from __future__ import annotations

import math

from gs_stein.world.looks import Look
from gs_stein.world.materials import (
    BOOKS,
    CLOCK,
    FOLDS,
    GRAIN,
    MIRROR,
    PICTURE,
    PLAID,
    RUG,
    SCREEN,
    SHADE,
    SOLID,
    Material,
    Number,
    fabric,
    mix,
    named,
    one_colour,
    plain,
    shade,
    srgb,
)
from gs_stein.world.primitives import Builder, rotation

GREENS = ((66, 112, 58), (84, 132, 70), (56, 96, 60), (104, 142, 76))
BLACK = one_colour(SOLID, srgb(30, 30, 32), gloss=0.05, colour="black")
STEEL = one_colour(SOLID, srgb(176, 178, 180), gloss=0.15, colour="grey")
PAPER = one_colour(SOLID, srgb(235, 230, 218), colour="white")


def surface_kind(material: Material) -> str:
    """Word for captions: wood for grained finishes, else paint."""
    return "wood" if material.texture == GRAIN else "paint"


def legs(
    b: Builder,
    width: Number,
    depth: Number,
    y: Number,
    height: Number,
    radius: Number,
    material: Material,
    taper: Number = 0.7,
) -> None:
    """Four legs under a width × depth rectangle around (0, y)."""
    for sx in (-1, 1):
        for sy in (-1, 1):
            b.cone(sx * width / 2, y + sy * depth / 2, 0.0, radius * taper, height, material, 1 / taper)


def sofa(look: Look, width: Number = 2.1, name: str = "sofa", cloth: Material | None = None) -> None:
    """Two- or three-seater (or an armchair) with arms, seat and back cushions and legs."""
    b = look.b
    cloth = cloth or look.fabric()
    dark = fabric(b.rng, cloth.colour)
    seats = 1 if width < 1.2 else (3 if width > 2.15 else 2)
    arm = b.uniform(0.14, 0.22)
    soft = b.uniform(0.04, 0.08)
    low = b.uniform(0.08, 0.14)
    inner = width - 2 * arm
    with b.thing(name, cloth, "fabric"):
        b.box(0, -0.46, low, width - 0.04, 0.84, 0.22, cloth, 0.03)
        b.box(0, -0.12, low, width - 0.03, 0.22, 0.68 - low, cloth, soft)
        for s in (-1, 1):
            b.box(s * (width - arm) / 2, -0.46, low, arm, 0.9, 0.56 - low, cloth, soft)
        for i in range(seats):
            w = inner / seats
            x = -inner / 2 + (i + 0.5) * w
            b.box(x, -0.56, low + 0.2, w - 0.015, 0.7, 0.17, dark, 0.055)
            b.box(x, -0.27, low + 0.34, w - 0.03, 0.2, 0.46, dark, 0.085, rotation(pitch=-12))
        legs(b, width - 0.16, 0.7, -0.45, low + 0.02, 0.03, look.wood)
    count = int(b.chance(look.palette.clutter)) + int(b.chance(0.5 * look.palette.clutter))
    if name == "sofa" and count:
        pillow = look.accent()
        with b.thing("cushions" if count > 1 else "cushion", pillow, "fabric", count > 1):
            for s in (-1, 1)[:count]:
                b.box(
                    s * (inner / 2 - 0.22),
                    -0.42,
                    low + 0.37,
                    0.4,
                    0.14,
                    0.38,
                    pillow,
                    0.065,
                    rotation(yaw=-s * 12, pitch=-22, roll=s * 6),
                )


def coffee_table(look: Look) -> None:
    """Low table, round or rectangular, with a few things on it; centred on the origin."""
    b = look.b
    top = look.timber()
    height = b.uniform(0.36, 0.44)
    leg = look.metal if look.style in ("modern", "industrial") else top
    round_top = b.chance(0.45)
    with b.thing("coffee table", top, surface_kind(top)):
        if round_top:
            b.cone(0, 0, height - 0.04, 0.45, 0.04, top)
            for k in range(3):
                a = 2.0944 * k + 0.5
                b.rod(
                    (0.33 * math.cos(a), 0.33 * math.sin(a), 0.0),
                    (0.24 * math.cos(a), 0.24 * math.sin(a), height),
                    0.022,
                    leg,
                )
        else:
            b.box(0, 0, height - 0.05, 1.05, 0.58, 0.05, top, 0.008)
            b.box(0, 0, 0.13, 0.95, 0.48, 0.025, top)
            legs(b, 0.94, 0.48, 0.0, height - 0.04, 0.025, leg, 0.8)
    if b.chance(look.palette.clutter):
        vase(look, -0.15, 0.05, height)
    if b.chance(look.palette.clutter):
        books_lying(look, 0.2, -0.06, height)


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


def books_lying(look: Look, x: Number, y: Number, z: Number) -> None:
    """Two or three books in a pile."""
    b = look.b
    for k in range(2 if b.chance(0.5) else 3):
        cover = plain(b.rng, b.pick(("red", "blue", "green", "yellow", "navy", "orange", "white")))
        b.box(x, y, z + 0.035 * k, 0.24 - 0.02 * k, 0.17, 0.033, cover, turn=rotation(yaw=b.uniform(-20, 20)))


def side_table(look: Look, lamp: bool = True) -> None:
    """Small table beside a sofa, with a lamp."""
    b = look.b
    top = look.timber()
    with b.thing("side table", top, surface_kind(top)):
        b.cone(0, -0.27, 0.5, 0.23, 0.035, top)
        b.cone(0, -0.27, 0.02, 0.03, 0.5, look.metal)
        b.cone(0, -0.27, 0.0, 0.17, 0.025, look.metal)
    if lamp:
        table_lamp(look, 0, -0.27, 0.535)


def shade_material(look: Look, colour: str = "") -> Material:
    """Lamp shade that glows when the lamps are on."""
    c = named(look.b.rng, colour) if colour else mix(srgb(240, 226, 200), look.glow, 0.25)
    if look.lamps_on:
        warm = tuple(a * g for a, g in zip(mix(c, (1, 1, 1), 0.35), look.glow, strict=True))
        return Material(SHADE, warm, c, c, emission=1.1 if look.time == "night" else 0.7, colour=colour or "white")  # type: ignore[arg-type]
    return Material(SOLID, c, c, c, colour=colour or "white")


def lamp_power(look: Look) -> float:
    """Irradiance of an ordinary lamp at one metre, beside windows of `rooms.WINDOW_POWER`."""
    return 0.75 if look.time == "night" else 0.32


def table_lamp(look: Look, x: Number, y: Number, z: Number) -> None:
    """Foot, belly and shade."""
    b = look.b
    foot = b.pick((look.metal, look.paint()))
    with b.thing("table lamp", foot, "lamp"):
        if b.chance(0.5):
            b.ellipsoid(x, y, z + 0.09, 0.075, 0.075, 0.09, foot, casts=False)
        else:
            b.cone(x, y, z, 0.07, 0.02, foot, casts=False)
        b.cone(x, y, z, 0.014, 0.24, foot, casts=False)
        b.cone(x, y, z + 0.2, 0.14, 0.19, shade_material(look), 0.68, casts=False)
    if look.lamps_on:
        b.lamp(x, y, z + 0.3, look.glow, lamp_power(look), 0.1)


def floor_lamp(look: Look) -> None:
    """Base, pole and a shade at head height; around (0, -0.25)."""
    b = look.b
    with b.thing("floor lamp", look.metal, "lamp"):
        b.cone(0, -0.25, 0.0, 0.15, 0.025, look.metal, casts=False)
        b.cone(0, -0.25, 0.0, 0.016, 1.4, look.metal, casts=False)
        b.cone(0, -0.25, 1.36, 0.21, 0.27, shade_material(look), 0.68, casts=False)
    if look.lamps_on:
        b.lamp(0, -0.25, 1.48, look.glow, 1.2 * lamp_power(look), 0.14)


def pendant(look: Look, z: Number, radius: Number = 0.2, always: bool = False) -> None:
    """Lamp hanging from the ceiling (2.6 m) with its bottom at z."""
    b = look.b
    colour = "" if b.chance(0.5) else look.accent_colour()
    dome = look.style in ("industrial", "modern") or b.chance(0.3)
    body = look.metal if dome and not colour else (plain(b.rng, colour, 0.04) if dome else shade_material(look, colour))
    with b.thing("pendant lamp", body, "lamp"):
        b.cone(0, 0, z + 0.1, 0.008, 2.6 - z - 0.1, BLACK, casts=False)
        if dome:
            b.ellipsoid(0, 0, z, radius, radius, 0.8 * radius, body, cut=0.0, casts=False)
            b.ellipsoid(0, 0, z + 0.01, 0.07, 0.07, 0.06, shade_material(look), casts=False)
        else:
            b.cone(0, 0, z, radius, 0.8 * radius, body, 0.75, casts=False)
    if look.lamps_on or always:
        b.lamp(0, 0, z - 0.06, look.glow, 1.35 * lamp_power(look), 0.16)


def bookshelf(look: Look, width: Number = 1.2, height: Number = 2.0, name: str = "bookshelf") -> None:
    """Boards with rows of books, a few gaps and ornaments."""
    b = look.b
    body = look.timber()
    depth, board = 0.32, 0.035
    rows = 5 if height > 1.7 else 3
    with b.thing(name, body, surface_kind(body)):
        b.box(0, -0.015, 0, width, 0.03, height, shade_of(body, 0.75))
        for s in (-1, 1):
            b.box(s * (width / 2 - board / 2), -depth / 2, 0, board, depth, height, body)
        pitch = (height - board - 0.06) / rows
        for i in range(rows + 1):
            b.box(
                0, -depth / 2, 0.06 + i * pitch - (0.0 if i else 0.06), width, depth, board + (0.0 if i else 0.06), body
            )
        for i in range(rows):
            z = 0.06 + i * pitch + board
            free = pitch - board
            inner = width - 2 * board - 0.02
            share = b.uniform(0.55, 1.0) if b.chance(0.55) else 1.0
            muted = 1.0 if look.style in ("minimalist", "industrial") and b.chance(0.6) else 0.0
            texture = Material(BOOKS, shade(body.c1, 0.5), p=(0.068, float(b.rng.integers(1000)), muted, 0.0))
            side = -1 if b.chance(0.5) else 1
            b.box(side * inner * (1 - share) / 2, -0.15, z, inner * share, 0.22, 0.86 * free, texture)
            if share < 0.85:
                ornament(
                    look, -side * (inner / 2 - inner * (1 - share) / 2), -0.17, z, min(0.09, inner * (1 - share) / 2.6)
                )


def shade_of(material: Material, factor: Number) -> Material:
    """The same surface, darker or brighter."""
    return Material(
        material.texture,
        shade(material.c1, factor),
        shade(material.c2, factor),
        shade(material.c3, factor),
        material.p,
        material.gloss,
        material.emission,
        material.colour,
    )


def ornament(look: Look, x: Number, y: Number, z: Number, size: Number) -> None:
    """Ball, box or cup on a shelf."""
    b = look.b
    glaze = look.paint()
    kind = int(b.rng.integers(3))
    if kind == 0:
        b.ellipsoid(x, y, z + size, size, size, size, glaze)
    elif kind == 1:
        b.cone(x, y, z, 0.7 * size, 1.8 * size, glaze, 1.2)
    else:
        b.box(x, y, z, 1.5 * size, 1.5 * size, 1.6 * size, glaze, 0.01)


def tv_stand(look: Look, width: Number = 1.7) -> None:
    """Low cabinet with doors and a television on it."""
    b = look.b
    body = look.timber()
    with b.thing("TV stand", body, surface_kind(body)):
        cabinet(b, width, 0.42, 0.46, body, 3 if width > 1.5 else 2, 1, look.metal, foot=0.08)
    with b.thing("television", BLACK, "screen"):
        w = b.uniform(1.0, 1.3)
        screen = Material(SCREEN, *(srgb(20, 20, 22), srgb(16, 18, 24), srgb(44, 50, 62)), gloss=0.07, colour="black")
        b.box(0, -0.22, 0.5, 0.34, 0.2, 0.02, BLACK)
        b.box(0, -0.2, 0.5, 0.08, 0.03, 0.1, BLACK)
        b.box(0, -0.2, 0.57, w, 0.045, 0.56 * w + 0.03, screen, 0.006)


def cabinet(
    b: Builder,
    width: Number,
    depth: Number,
    height: Number,
    body: Material,
    columns: int,
    rows: int,
    handle: Material,
    foot: Number = 0.06,
    knobs: bool = False,
    doors: Material | None = None,
) -> None:
    """Box on a plinth or feet with columns × rows of doors or drawers and their handles."""
    front = doors or shade_of(body, 1.04)
    b.box(0, -depth / 2, foot, width, depth - 0.02, height - foot, body)
    if foot > 0:
        legs(b, width - 0.14, depth - 0.14, -depth / 2, foot + 0.01, 0.025, handle)
    w, h = width / columns, (height - foot) / rows
    for i in range(columns):
        for j in range(rows):
            x, z = -width / 2 + (i + 0.5) * w, foot + j * h
            b.box(x, -depth, z + 0.018, w - 0.03, 0.025, h - 0.036, front, 0.006)
            if knobs:
                b.ellipsoid(x, -depth - 0.03, z + h / 2, 0.022, 0.022, 0.022, handle)
            elif rows > 1 or w > h:
                b.box(x, -depth - 0.025, z + h * 0.62, min(0.16, 0.5 * w), 0.025, 0.025, handle)
            else:
                side = 1 if i % 2 == 0 else -1
                b.box(x + side * (w / 2 - 0.07), -depth - 0.025, z + 0.42 * h, 0.025, 0.025, min(0.24, 0.3 * h), handle)


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
            turn = rotation(pitch=90)
            b.cone(x, -0.015, z - 0.015, width / 2, 0.03, look.wood, turn=turn)
            b.cone(x, -0.025, z - 0.015, width / 2 - 0.035, 0.03, glass, turn=turn)
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


def window(
    look: Look, y: Number, z: Number, half_width: Number, half_height: Number, view: Material, bars: bool
) -> None:
    """Pane with a view, frame, bars and a sill, in the frame of its wall."""
    b = look.b
    trim, w = look.trim, 0.07
    with b.thing("window", None, "window"):
        b.box(y, -0.012, z - half_height, 2 * half_width, 0.02, 2 * half_height, view, casts=False)
        for s in (-1, 1):
            b.box(
                y + s * (half_width + w / 2 - 0.01),
                -0.03,
                z - half_height - w,
                w,
                0.06,
                2 * half_height + 2 * w,
                trim,
                casts=False,
            )
        b.box(y, -0.03, z + half_height - 0.01, 2 * half_width + 2 * w, 0.06, w, trim, casts=False)
        if bars:
            b.box(y, -0.022, z - half_height, 0.035, 0.03, 2 * half_height, trim, casts=False)
            b.box(y, -0.022, z - 0.018, 2 * half_width, 0.03, 0.035, trim, casts=False)
        b.box(y, -0.08, z - half_height - w, 2 * half_width + 0.24, 0.16, 0.05, trim, 0.01, casts=False)


def curtains(look: Look, y: Number, half_width: Number, long: bool) -> None:
    """Two curtains with folds on a rod."""
    b = look.b
    name = look.fabric_colour()
    c = named(b.rng, name)
    cloth = Material(FOLDS, shade(c, 0.82), shade(c, 1.12), c, (0.115, 0.0, 0.0, 0.0), colour=name)
    bottom = 0.06 if long else 0.72
    width = b.uniform(0.38, 0.5)
    with b.thing("curtains", cloth, "fabric", True):
        b.rod((y - half_width - 0.5, -0.13, 2.28), (y + half_width + 0.5, -0.13, 2.28), 0.017, look.metal, casts=False)
        for s in (-1, 1):
            b.ellipsoid(y + s * (half_width + 0.52), -0.13, 2.28, 0.035, 0.035, 0.035, look.metal, casts=False)
            b.box(y + s * (half_width + 0.2), -0.13, bottom, width, 0.09, 2.27 - bottom, cloth, 0.03, casts=False)


def bed(look: Look, width: Number = 1.6) -> None:
    """Frame with headboard, mattress, pillows and a folded blanket."""
    b = look.b
    frame = look.timber()
    cover = look.fabric(0.3)
    if b.chance(0.12):
        cover = Material(
            PLAID, cover.c1, mix(cover.c1, (0.8, 0.78, 0.74), 0.6), cover.c1, (0.36, 0, 0, 0), colour=cover.colour
        )
    sheet = plain(b.rng, "white" if cover.colour != "white" else "beige")
    padded = b.chance(0.3)
    with b.thing("bed", cover, "fabric"):
        head = b.uniform(0.95, 1.15)
        if padded:
            cloth = fabric(b.rng, b.pick(("grey", "beige", "navy", "teal", "pink")))
            b.box(0, -0.06, 0.1, width + 0.1, 0.12, head - 0.1, cloth, 0.05)
        else:
            b.box(0, -0.035, 0.0, width + 0.1, 0.07, head, frame, 0.015)
            for k in range(3):
                b.box(
                    (k - 1) * (width / 3), -0.075, 0.5, width / 3 - 0.06, 0.02, head - 0.6, shade_of(frame, 0.9), 0.01
                )
        b.box(0, -1.03, 0.12, width + 0.04, 2.0, 0.18, frame, 0.01)
        legs(b, width - 0.1, 1.8, -1.03, 0.14, 0.03, frame)
        b.box(0, -1.0, 0.28, width - 0.04, 1.9, 0.2, sheet, 0.05)
        b.box(0, -1.28, 0.27, width + 0.02, 1.44, 0.26, cover, 0.06)
        b.box(0, -0.6, 0.5, width + 0.015, 0.24, 0.05, sheet, 0.024)
    pillows = fabric(b.rng, "white" if b.chance(0.7) else look.accent_colour())
    with b.thing("pillows", pillows, "fabric", True):
        for s in (-1, 1):
            b.box(s * width * 0.24, -0.3, 0.47, width * 0.42, 0.36, 0.17, pillows, 0.08, rotation(pitch=28))
    if b.chance(look.palette.clutter):
        accent = look.accent()
        with b.thing("cushion", accent, "fabric"):
            b.box(0, -0.47, 0.5, 0.4, 0.15, 0.3, accent, 0.07, rotation(pitch=-30))
    if b.chance(0.5 * look.palette.clutter + 0.1):
        throw = look.accent()
        with b.thing("blanket", throw, "fabric"):
            b.box(0, -1.65, 0.29, width + 0.05, 0.42, 0.255, throw, 0.05)


def nightstand(look: Look, lamp: bool) -> None:
    """Small drawer cabinet beside the bed, with a lamp or a plant."""
    b = look.b
    body = look.timber()
    with b.thing("nightstand", body, surface_kind(body)):
        cabinet(b, 0.46, 0.4, 0.5, body, 1, 2, look.metal, 0.1, knobs=b.chance(0.5))
    if lamp:
        table_lamp(look, 0, -0.2, 0.5)
    else:
        vase(look, 0, -0.2, 0.5)


def dresser(look: Look, width: Number = 1.3) -> None:
    """Chest of drawers with small things on it."""
    b = look.b
    body = look.timber()
    with b.thing("dresser", body, surface_kind(body)):
        cabinet(b, width, 0.46, 0.84, body, 2, 3, look.metal, 0.1, knobs=b.chance(0.5))
        b.box(0, -0.24, 0.83, width + 0.03, 0.5, 0.03, body, 0.008)
    if b.chance(look.palette.clutter):
        vase(look, -0.3 * width, -0.24, 0.86)
    if b.chance(look.palette.clutter):
        books_lying(look, 0.28 * width, -0.24, 0.86)


def wardrobe(look: Look, width: Number = 1.9) -> None:
    """Tall closet with doors, sometimes a mirror in the middle."""
    b = look.b
    body = look.timber()
    columns = 4 if width > 1.7 else 3
    with b.thing("wardrobe", body, surface_kind(body)):
        cabinet(b, width, 0.58, 2.12, body, columns, 1, look.metal, 0.07)
        b.box(0, -0.3, 2.12, width + 0.06, 0.64, 0.05, body, 0.01)


def bench(look: Look, width: Number = 1.1) -> None:
    """Upholstered bench."""
    b = look.b
    cloth = look.accent()
    with b.thing("bench", cloth, "fabric"):
        b.box(0, -0.2, 0.32, width, 0.4, 0.13, cloth, 0.045)
        legs(b, width - 0.14, 0.28, -0.2, 0.34, 0.025, look.wood)


def pouf(look: Look) -> None:
    """Round stool of cloth."""
    b = look.b
    cloth = look.accent()
    with b.thing("pouf", cloth, "fabric"):
        b.cone(0, -0.3, 0.06, 0.27, 0.26, cloth)
        b.ellipsoid(0, -0.3, 0.32, 0.27, 0.27, 0.075, cloth)
        b.ellipsoid(0, -0.3, 0.07, 0.27, 0.27, 0.07, cloth)


def radiator(look: Look, y: Number, width: Number = 1.1) -> None:
    """White ribbed radiator under a window."""
    b = look.b
    white = plain(b.rng, "white", 0.02)
    for k in range(7):
        b.box(y + (k - 3) * width / 7, -0.08, 0.12, width / 7 - 0.03, 0.1, 0.5, white, 0.03)
    b.box(y, -0.08, 0.2, width, 0.05, 0.34, white)
