"""Furniture for kitchens and offices; the conventions are those of `furniture.py`."""

from __future__ import annotations

import math

from gs_stein.world.furniture import (
    BLACK,
    PAPER,
    STEEL,
    books_lying,
    cabinet,
    legs,
    ornament,
    shade_of,
    surface_kind,
)
from gs_stein.world.looks import Look
from gs_stein.world.materials import (
    BRICK,
    GRID,
    MOTTLED,
    SCREEN,
    SOLID,
    TILES,
    Material,
    Number,
    fabric,
    named,
    one_colour,
    plain,
    shade,
    srgb,
    wood,
)
from gs_stein.world.primitives import rotation


def kitchen_run(look: Look, left: Number, right: Number) -> None:
    """Base cabinets with worktop, sink, oven, hob, hood, wall cabinets and splashback between two places in x."""
    b = look.b
    if look.style in ("rustic", "industrial") or b.chance(0.3):
        fronts, kind = look.timber(), surface_kind(look.wood)
    else:
        name = look.fabric_colour()
        fronts, kind = plain(b.rng, name, 0.04), "paint"
    if b.chance(0.5):
        top = wood(b.rng, b.pick(("light", "oak", "walnut")))
    else:
        c = srgb(*b.pick(((60, 60, 64), (225, 222, 216), (150, 150, 152))))
        top = Material(MOTTLED, shade(c, 0.9), shade(c, 1.1), c, (0.3, 0, 0, 0), 0.06, colour="grey")
    width, middle = right - left, (left + right) / 2
    hob = middle + b.uniform(-0.1, 0.1)
    with b.thing("cabinets", fronts, kind, True):
        b.box(middle, -0.29, 0.0, width - 0.02, 0.5, 0.1, BLACK)
        b.box(middle, -0.3, 0.1, width, 0.56, 0.78, shade_of(fronts, 0.8))
        doors: list[float] = []
        unit = 0.56
        spans = [(left, hob - 0.3), (hob + 0.3, right)]
        for start, end in spans:
            count = max(1, round((end - start) / unit))
            w = (end - start) / count
            for k in range(count):
                x = start + (k + 0.5) * w
                doors.append(x)
                drawers = b.chance(0.25)
                for z, h in ((0.62, 0.24), (0.37, 0.23), (0.11, 0.24)) if drawers else ((0.11, 0.75),):
                    b.box(x, -0.585, z, w - 0.025, 0.03, h, fronts, 0.008)
                    b.box(x, -0.615, z + h - 0.07, min(0.2, 0.45 * w), 0.025, 0.024, look.metal)
            upper = max(1, round((end - start) / 0.6))
            w = (end - start) / upper
            for k in range(upper):
                x = start + (k + 0.5) * w
                b.box(x, -0.16, 1.45, w, 0.32, 0.72, shade_of(fronts, 0.8))
                b.box(x, -0.325, 1.46, w - 0.025, 0.03, 0.7, fronts, 0.008)
                b.box(x, -0.355, 1.5, min(0.2, 0.45 * w), 0.025, 0.024, look.metal)
    with b.thing("worktop", top, surface_kind(top)):
        b.box(middle, -0.31, 0.88, width + 0.01, 0.62, 0.04, top)
    tile = named(b.rng, b.pick(("white", "white", "beige", "teal", "green", "blue", "grey")))
    splash = b.pick(
        (
            Material(BRICK, shade(tile, 0.95), shade(tile, 1.03), shade(tile, 0.7), (0.11, 0.22, 0.004, 0), 0.06),
            Material(TILES, tile, shade(tile, 0.93), shade(tile, 0.7), (0.15, 0.0, 0, 0), 0.06),
        )
    )
    b.box(middle, -0.008, 0.92, width, 0.016, 0.53, splash)
    glass = one_colour(SOLID, srgb(24, 24, 27), gloss=0.09, colour="black")
    with b.thing("oven", STEEL if b.chance(0.6) else BLACK, "metal"):
        b.box(hob, -0.59, 0.12, 0.58, 0.03, 0.75, STEEL, 0.006)
        b.box(hob, -0.607, 0.2, 0.48, 0.012, 0.4, glass)
        b.box(hob, -0.64, 0.64, 0.46, 0.03, 0.028, look.metal)
        for k in range(4):
            b.cone(hob - 0.18 + 0.12 * k, -0.612, 0.78, 0.025, 0.02, BLACK, turn=rotation(pitch=90))
    b.box(hob, -0.31, 0.92, 0.56, 0.5, 0.012, glass)
    for sx, sy, r in ((-0.14, -0.2, 0.08), (0.14, -0.2, 0.095), (-0.14, -0.42, 0.095), (0.14, -0.42, 0.07)):
        b.cone(hob + sx, sy, 0.931, r, 0.003, one_colour(SOLID, srgb(52, 52, 56)))
    with b.thing("hood", STEEL, "metal"):
        b.frustum(hob, -0.24, 1.55, 0.58, 0.46, 0.2, STEEL, 0.45, 0.5)
        b.box(hob, -0.15, 1.74, 0.25, 0.22, 0.86, STEEL)
    sink = doors[0] + 0.12
    with b.thing("sink", STEEL, "metal"):
        b.box(sink, -0.33, 0.915, 0.5, 0.38, 0.01, STEEL)
        b.box(sink, -0.35, 0.918, 0.42, 0.29, 0.009, one_colour(SOLID, srgb(96, 98, 102), gloss=0.1))
        b.cone(sink, -0.1, 0.92, 0.016, 0.24, STEEL)
        b.rod((sink, -0.1, 1.15), (sink, -0.3, 1.13), 0.014, STEEL)
    pot_colour = look.paint()
    if b.chance(0.35 + 0.5 * look.palette.clutter):
        with b.thing("pot", pot_colour, "metal"):
            b.cone(hob + 0.14, -0.2, 0.934, 0.1, 0.12, pot_colour)
            b.cone(hob + 0.14, -0.2, 1.054, 0.1, 0.02, shade_of(pot_colour, 0.8), 0.8)
            b.ellipsoid(hob + 0.14, -0.2, 1.085, 0.02, 0.02, 0.02, BLACK)
            b.rod((hob - 0.02, -0.2, 1.02), (hob + 0.3, -0.2, 1.02), 0.013, BLACK)
    if b.chance(look.palette.clutter):
        for k in range(3):
            jar = look.paint()
            b.cone(doors[-1] - 0.16 + 0.16 * k, -0.14, 0.92, 0.055, 0.19 - 0.035 * k, jar)
            b.cone(doors[-1] - 0.16 + 0.16 * k, -0.14, 1.11 - 0.035 * k, 0.045, 0.025, look.wood)


def fridge(look: Look) -> None:
    """Two-door fridge, 0.7 m wide."""
    b = look.b
    name = b.pick(("grey", "white", "white", "black", "red", "teal")) if look.style != "minimalist" else "white"
    body = plain(b.rng, name, 0.07) if name != "grey" else STEEL
    with b.thing("fridge", body, "metal"):
        b.box(0, -0.33, 0.04, 0.68, 0.62, 1.84, shade_of(body, 0.85), 0.03)
        b.box(0, -0.655, 0.06, 0.66, 0.05, 1.12, body, 0.02)
        b.box(0, -0.655, 1.2, 0.66, 0.05, 0.66, body, 0.02)
        handle = BLACK if name != "black" else STEEL
        b.box(-0.26, -0.7, 0.72, 0.03, 0.04, 0.4, handle)
        b.box(-0.26, -0.7, 1.25, 0.03, 0.04, 0.28, handle)


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


def cup_shelves(look: Look, width: Number = 1.5) -> None:
    """Two wall shelves with cups, plates and jars."""
    b = look.b
    board = look.timber()
    with b.thing("shelves", board, surface_kind(board), True):
        for level in range(2):
            z = 1.32 + 0.4 * level
            b.box(0, -0.12, z, width, 0.24, 0.035, board)
            for s in (-1, 1):
                b.box(s * width * 0.38, -0.08, z - 0.1, 0.025, 0.15, 0.1, look.metal)
            count = 6 if b.chance(look.palette.clutter + 0.15) else 3
            for k in range(count):
                x = (k + 0.5) / count * (width - 0.1) - (width - 0.1) / 2
                ornament(look, x, -0.13, z + 0.035, b.uniform(0.055, 0.085))


def desk(look: Look, width: Number = 1.5) -> None:
    """Desk with drawers, monitor, keyboard, mouse and a lamp."""
    b = look.b
    top = look.timber()
    with b.thing("desk", top, surface_kind(top)):
        b.box(0, -0.35, 0.7, width, 0.7, 0.04, top, 0.008)
        side = 1 if b.chance(0.5) else -1
        with b.at(side * (width / 2 - 0.24), -0.04):
            cabinet(b, 0.42, 0.58, 0.7, shade_of(top, 0.95), 1, 3, look.metal, 0.0)
        for sy in (-0.06, -0.62):
            b.box(-side * (width / 2 - 0.05), sy, 0, 0.05, 0.05, 0.71, look.metal if look.style != "rustic" else top)
    on = look.time in ("night", "sunset") or b.chance(0.75)
    screen = (
        Material(
            SCREEN,
            srgb(26, 26, 28),
            srgb(30, 60, 110),
            srgb(90, 150, 200),
            (1.0, 0, 0, 0),
            emission=0.6 if on else 0.0,
            colour="blue",
        )
        if on
        else Material(SCREEN, srgb(20, 20, 22), srgb(16, 18, 24), srgb(44, 50, 62), gloss=0.08, colour="black")
    )
    with b.thing("computer", screen, "screen"):
        b.box(0, -0.24, 0.74, 0.26, 0.18, 0.015, BLACK)
        b.box(0, -0.2, 0.74, 0.05, 0.03, 0.16, BLACK)
        b.box(0, -0.22, 0.86, 0.68, 0.035, 0.4, screen, 0.005)
        keys = Material(GRID, srgb(208, 208, 206), srgb(120, 120, 122), srgb(0, 0, 0), (0.05, 0, 0, 0))
        b.box(0, -0.5, 0.74, 0.44, 0.15, 0.018, keys)
        b.ellipsoid(0.32, -0.5, 0.75, 0.035, 0.055, 0.022, BLACK)
    if b.chance(0.5 + 0.5 * look.palette.clutter):
        books_lying(look, -side * 0.5 * width + side * 0.2, -0.2, 0.74)
    desk_lamp(look, side * (width / 2 - 0.2), -0.2, 0.74, -side)


def desk_lamp(look: Look, x: Number, y: Number, z: Number, lean: int) -> None:
    """Jointed lamp with a conical head."""
    b = look.b
    paint = look.paint()
    with b.thing("desk lamp", paint, "lamp"):
        b.cone(x, y, z, 0.09, 0.02, paint, casts=False)
        b.rod((x, y, z), (x - lean * 0.06, y, z + 0.26), 0.013, paint, casts=False)
        b.rod((x - lean * 0.06, y, z + 0.26), (x + lean * 0.14, y - 0.06, z + 0.4), 0.013, paint, casts=False)
        b.cone(x + lean * 0.16, y - 0.08, z + 0.32, 0.085, 0.12, paint, 0.35, casts=False)
    if look.lamps_on:
        b.lamp(x + lean * 0.16, y - 0.08, z + 0.28, look.glow, 0.4 if look.time == "night" else 0.2, 0.06)


def office_chair(look: Look) -> None:
    """Swivel chair on a star foot, facing −y."""
    b = look.b
    cloth = look.fabric()
    with b.thing("office chair", cloth, "fabric"):
        for k in range(5):
            a = 1.2566 * k
            b.rod((0, 0, 0.09), (0.27 * math.cos(a), 0.27 * math.sin(a), 0.06), 0.02, BLACK)
            b.ellipsoid(0.27 * math.cos(a), 0.27 * math.sin(a), 0.035, 0.035, 0.035, 0.035, BLACK)
        b.cone(0, 0, 0.08, 0.028, 0.36, look.metal)
        b.box(0, 0, 0.43, 0.5, 0.48, 0.09, cloth, 0.04)
        b.box(0, 0.24, 0.56, 0.46, 0.07, 0.42, cloth, 0.034, rotation(pitch=-8))
        b.box(0, 0.25, 0.42, 0.06, 0.04, 0.2, BLACK)
        for s in (-1, 1):
            b.box(s * 0.27, 0.02, 0.64, 0.05, 0.28, 0.035, BLACK, 0.012)
            b.box(s * 0.27, 0.06, 0.46, 0.03, 0.04, 0.19, BLACK)


def filing_cabinet(look: Look) -> None:
    """Three drawers of painted metal."""
    b = look.b
    paint = plain(b.rng, look.fabric_colour(), 0.05)
    with b.thing("filing cabinet", paint, "metal"):
        cabinet(b, 0.5, 0.5, 0.95, paint, 1, 3, STEEL, 0.03)


def pin_board(look: Look, x: Number, z: Number) -> None:
    """Cork board or whiteboard with notes."""
    b = look.b
    cork = b.chance(0.5)
    c = srgb(176, 132, 88) if cork else srgb(236, 236, 234)
    board = Material(MOTTLED, shade(c, 0.93), shade(c, 1.05), c, (0.1, 0, 0, 0), colour="brown" if cork else "white")
    with b.thing("pin board" if cork else "whiteboard", board, "board"):
        b.box(x, -0.012, z - 0.38, 1.15, 0.024, 0.76, look.wood if cork else STEEL)
        b.box(x, -0.025, z - 0.35, 1.09, 0.012, 0.7, board)
        for k in range(5):
            note = plain(b.rng, b.pick(("yellow", "pink", "blue", "green", "white", "red")))
            b.box(
                x - 0.42 + 0.2 * k + b.uniform(-0.03, 0.03),
                -0.034,
                z - 0.25 + b.uniform(0, 0.3),
                0.14,
                0.006,
                b.uniform(0.12, 0.2),
                note if cork else shade_of(note, 1.0),
            )


def paper_bin(look: Look, x: Number, y: Number) -> None:
    """Waste-paper basket with paper in it."""
    b = look.b
    paint = look.paint()
    with b.thing("bin", paint, "metal"):
        b.cone(x, y, 0, 0.13, 0.32, paint, 1.25)
        b.ellipsoid(x, y, 0.31, 0.12, 0.12, 0.05, PAPER)


def cushion_seat(look: Look) -> Material:
    """Seat material of a set of chairs."""
    return fabric(look.b.rng, look.fabric_colour())
