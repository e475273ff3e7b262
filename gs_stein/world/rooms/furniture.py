"""Furniture for living rooms and bedrooms, and what hangs on walls: every piece of several recognisable parts.

Each function builds in the present frame of the builder: the piece's back is at y = 0 against the wall, its front
faces −y, x runs along the wall, z = 0 is the floor.
"""

from __future__ import annotations

import math

from gs_stein.world.builder import Builder, rotation
from gs_stein.world.materials import (
    BLACK,
    BOOKS,
    CLOCK,
    GRAIN,
    GREENS,
    MIRROR,
    PAPER,
    PICTURE,
    RUG,
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
from gs_stein.world.rooms.lamps import table_lamp
from gs_stein.world.styles import Look

ON_SIDE = rotation(pitch=90)


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


def candles(look: Look, x: Number, y: Number, z: Number) -> None:
    """Two candles in holders."""
    b = look.b
    wax = plain(b.rng, b.pick(("white", "white", "red", "beige", "green")))
    with b.thing("candles", wax, "wax", True):
        for s in (-1, 1):
            b.cone(x + s * 0.09, y, z, 0.05, 0.03, look.metal)
            b.cone(x + s * 0.09, y, z + 0.03, 0.02, 0.16 + 0.05 * s, wax)
            if look.lamps_on:
                b.ellipsoid(
                    x + s * 0.09,
                    y,
                    z + 0.225 + 0.05 * s,
                    0.014,
                    0.014,
                    0.032,
                    one_colour(SOLID, srgb(255, 200, 90), emission=1.1),
                    casts=False,
                )


def chair(look: Look, seat: Material | None = None, name: str = "chair", wood_frame: Material | None = None) -> None:
    """Dining chair around the origin, facing −y."""
    b = look.b
    frame = wood_frame or look.wood
    main = seat or frame
    with b.thing(name, main, "fabric" if seat else surface_kind(frame)):
        b.box(0, 0, 0.43, 0.42, 0.42, 0.035 if not seat else 0.06, main, 0.015)
        legs(b, 0.36, 0.36, 0.0, 0.44, 0.02, frame)
        for s in (-1, 1):
            b.box(s * 0.185, 0.195, 0.45, 0.035, 0.03, 0.48, frame)
        b.box(0, 0.19, 0.62, 0.37, 0.03, 0.29, main, 0.014)


def dining_table(look: Look, width: Number, depth: Number) -> None:
    """Table around the origin with a bowl of fruit or a vase."""
    b = look.b
    top = look.timber()
    with b.thing("table", top, surface_kind(top)):
        b.box(0, 0, 0.71, width, depth, 0.045, top, 0.01)
        b.box(0, 0, 0.63, width - 0.2, depth - 0.2, 0.08, shade_of(top, 0.85))
        legs(b, width - 0.16, depth - 0.16, 0.0, 0.71, 0.032, look.metal if look.style == "industrial" else top)


def fruit_bowl(look: Look, x: Number, y: Number, z: Number) -> None:
    """Bowl with red, orange, green and yellow fruit."""
    b = look.b
    glaze = look.paint()
    with b.thing("fruit bowl", glaze, "ceramic"):
        b.cone(x, y, z, 0.075, 0.07, glaze, 2.1)
        for k, colour in enumerate(("red", "orange", "green", "yellow")):
            a = 1.5708 * k + 0.4
            b.ellipsoid(
                x + 0.07 * math.cos(a), y + 0.07 * math.sin(a), z + 0.1, 0.052, 0.052, 0.05, plain(b.rng, colour, 0.03)
            )
        b.ellipsoid(x, y, z + 0.135, 0.052, 0.052, 0.05, plain(b.rng, b.pick(("red", "green", "orange")), 0.03))


def sideboard(look: Look, width: Number = 1.5) -> None:
    """Low cabinet with doors."""
    b = look.b
    body = look.timber()
    with b.thing("sideboard", body, surface_kind(body)):
        cabinet(b, width, 0.44, 0.84, body, 3, 1, look.metal, 0.1)
        b.box(0, -0.23, 0.835, width + 0.03, 0.48, 0.03, body, 0.008)


def cushion_seat(look: Look) -> Material:
    """Seat material of a set of chairs."""
    return fabric(look.b.rng, look.fabric_colour())
