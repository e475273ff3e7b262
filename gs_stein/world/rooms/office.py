"""Offices, and what stands in them alone."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.materials import BLACK, GRID, MOTTLED, PAPER, SCREEN, STEEL, Material, Number, plain, shade, srgb
from gs_stein.world.rooms.decoration import clock, picture, plant, rug
from gs_stein.world.rooms.lamps import floor_lamp
from gs_stein.world.rooms.parts import cabinet, shade_of, surface_kind
from gs_stein.world.rooms.seating import sofa
from gs_stein.world.rooms.shell import HALF_Y, at_wall
from gs_stein.world.rooms.storage import books_lying, bookshelf, sideboard
from gs_stein.world.styles import Look


def office(look: Look) -> None:
    """Desk north, bookshelf east, sofa or sideboard south."""
    b = look.b
    clutter = look.palette.clutter
    x = b.uniform(-0.2, 0.2)
    with at_wall(look, "north", x):
        desk(look, b.uniform(1.4, 1.75))
    aside, turn = b.uniform(-0.1, 0.1), b.uniform(-18, 18)
    with b.at(x + aside, HALF_Y - 1.0, 0.0, turn + 180.0):  # the chair faces the desk
        office_chair(look)
    with at_wall(look, "north", x, 0.0):
        if b.chance(0.45):
            pin_board(look, 0.0, 1.78)
        elif b.chance(0.5 + 0.4 * clutter):
            picture(look, 0.0, 1.75, b.uniform(0.8, 1.1), b.uniform(0.5, 0.62))
    with at_wall(look, "north", -1.75):
        if b.chance(0.6):
            filing_cabinet(look)
    with at_wall(look, "east", 0.35):
        bookshelf(look, b.uniform(1.5, 2.0), b.uniform(1.85, 2.15))
    with at_wall(look, "east", -1.55):
        if b.chance(0.3 + 0.6 * clutter):
            plant(look, b.uniform(1.0, 1.5))
    if b.chance(0.65):
        with at_wall(look, "south", b.uniform(-0.2, 0.2)):
            sofa(look, b.uniform(1.5, 1.9))
    else:
        with at_wall(look, "south", b.uniform(-0.2, 0.2)):
            sideboard(look, b.uniform(1.4, 1.7))
    with at_wall(look, "south", b.uniform(-0.2, 0.2), 0.0):
        if b.chance(0.4 + 0.5 * clutter):
            picture(look, 0.0, 1.55, b.uniform(0.7, 1.1), b.uniform(0.5, 0.7))
    if b.chance(0.5):
        with at_wall(look, "south", 1.75, 0.0):
            clock(look, 0.0, 1.75)
    with at_wall(look, "south", -1.85):
        floor_lamp(look)
    paper_bin(look, x + 1.15, HALF_Y - 0.35)
    if b.chance(0.8 * look.palette.rug):
        with b.at(0.0, -0.2):
            rug(look, b.uniform(1.9, 2.5), b.uniform(1.4, 1.8))


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
