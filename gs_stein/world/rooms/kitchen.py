"""Kitchens, and what stands in them alone."""

from __future__ import annotations

from gs_stein.world.builder import ON_SIDE
from gs_stein.world.materials import (
    BLACK,
    BRICK,
    MOTTLED,
    SOLID,
    STEEL,
    TILES,
    Material,
    Number,
    named,
    one_colour,
    plain,
    shade,
    srgb,
    wood,
)
from gs_stein.world.rooms.decoration import clock, picture, plant, rug, vase
from gs_stein.world.rooms.lamps import pendant
from gs_stein.world.rooms.parts import shade_of, surface_kind
from gs_stein.world.rooms.seating import chair, cushion_seat
from gs_stein.world.rooms.shell import HALF_X, at_wall
from gs_stein.world.rooms.storage import ornament, sideboard
from gs_stein.world.rooms.tables import dining_table, fruit_bowl
from gs_stein.world.styles import Look


def kitchen(look: Look) -> None:
    """Cabinets and fridge north, table and chairs east, sideboard under shelves south."""
    b = look.b
    clutter = look.palette.clutter
    with at_wall(look, "north", 0.0):
        kitchen_run(look, -HALF_X + 0.02, 1.74)
    with at_wall(look, "north", 2.12):
        fridge(look)
    y = b.uniform(-0.4, -0.2)
    depth = b.uniform(0.8, 0.9)
    seat = cushion_seat(look) if b.chance(0.75) else None
    with b.at(HALF_X - 0.55 - depth / 2, y):
        dining_table(look, depth, b.uniform(1.2, 1.45))
        if b.chance(0.3 + 0.6 * clutter):
            fruit_bowl(look, 0.0, 0.0, 0.755)
        else:
            vase(look, 0.0, 0.1, 0.755)
        for cx, cy, yaw in ((-0.56, 0.28, 90), (-0.56, -0.28, 90), (0.6, 0.0, -90)):
            with b.at(cx, cy, 0.0, yaw + 180 + b.uniform(-8, 8)):
                chair(look, seat, "chairs")
    with b.at(HALF_X - 0.55 - depth / 2, y):
        pendant(look, 1.95, b.uniform(0.2, 0.26), always=False)
    with at_wall(look, "east", y, 0.0):
        if b.chance(0.3 + 0.6 * clutter):
            picture(look, 0.0, 1.55, b.uniform(0.6, 0.9), b.uniform(0.5, 0.7))
    with at_wall(look, "south", b.uniform(-0.2, 0.2)):
        sideboard(look, b.uniform(1.4, 1.8))
    with at_wall(look, "south", 0.0, 0.0):
        cup_shelves(look, b.uniform(1.3, 1.7))
    with at_wall(look, "south", 1.6, 0.0):
        if b.chance(0.6 * clutter):
            clock(look, 0.0, 1.7)
    with at_wall(look, "south", -1.95):
        if b.chance(0.3 + 0.6 * clutter):
            plant(look, b.uniform(0.9, 1.4))
    if b.chance(0.35 * look.palette.rug):
        with b.at(-0.3, 0.6):
            rug(look, 1.9, 0.9)


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
            b.cone(hob - 0.18 + 0.12 * k, -0.612, 0.78, 0.025, 0.02, BLACK, turn=ON_SIDE)
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
