"""Dining rooms, and what stands in them alone."""

from __future__ import annotations

from gs_stein.world.builder import ON_SIDE
from gs_stein.world.materials import PORCELAIN, Number
from gs_stein.world.rooms.decoration import mirror, picture, plant, rug, vase
from gs_stein.world.rooms.lamps import pendant, table_lamp
from gs_stein.world.rooms.parts import cabinet, shade_of, surface_kind
from gs_stein.world.rooms.seating import chair, cushion_seat
from gs_stein.world.rooms.shell import HALF_Y, at_wall
from gs_stein.world.rooms.storage import sideboard
from gs_stein.world.rooms.tables import candles, dining_table, fruit_bowl
from gs_stein.world.styles import Look


def china_cabinet(look: Look, width: Number = 1.2) -> None:
    """Doors below, open shelves with plates and glasses above."""
    b = look.b
    body = look.timber()
    with b.thing("cupboard", body, surface_kind(body)):
        cabinet(b, width, 0.42, 0.85, body, 2, 1, look.metal, 0.06)
        b.box(0, -0.22, 0.85, width + 0.04, 0.46, 0.035, body, 0.008)
        b.box(0, -0.02, 0.88, width - 0.04, 0.03, 1.1, shade_of(body, 0.75))
        for s in (-1, 1):
            b.box(s * (width / 2 - 0.04), -0.15, 0.88, 0.04, 0.28, 1.1, body)
        for j in range(3):
            b.box(0, -0.15, 1.2 + 0.37 * j, width - 0.04, 0.28, 0.035, body)
        glaze = look.paint()
        for j in range(3):
            z = 0.885 + (0.35 if j else 0.0) + 0.37 * max(j - 1, 0)
            for i in range(4):
                x = (i - 1.5) * (width - 0.2) / 4
                if (i + j) % 2:
                    b.cone(x, -0.07, z + 0.1, 0.105, 0.02, glaze if j % 2 else PORCELAIN, turn=ON_SIDE)
                else:
                    b.cone(x, -0.17, z, 0.05, 0.13, PORCELAIN if j % 2 else glaze, 1.15)


def place_settings(look: Look, width: Number, depth: Number, z: Number) -> None:
    """Plates around a table centred on the origin, with a runner."""
    b = look.b
    if b.chance(0.6):
        cloth = look.accent()
        with b.thing("table runner", cloth, "fabric"):
            b.box(0, 0, z, width + 0.02, 0.34, 0.006, cloth)
    for s in (-1, 1):
        for x in (-width / 3.2, 0.0, width / 3.2):
            b.cone(x, s * (depth / 2 - 0.2), z, 0.12, 0.014, PORCELAIN, 1.1)
            b.cone(x, s * (depth / 2 - 0.2), z + 0.014, 0.075, 0.004, shade_of(PORCELAIN, 0.86))


def dining_room(look: Look) -> None:
    """Table with six chairs to the north, china cabinet east, sideboard with a mirror south."""
    b = look.b
    clutter = look.palette.clutter
    y, width, depth = HALF_Y - 1.05, b.uniform(1.7, 2.1), b.uniform(0.85, 0.95)
    seat = cushion_seat(look) if b.chance(0.8) else None
    if b.chance(look.palette.rug):
        with b.at(0.0, y - 0.15):
            rug(look, 2.9, 1.7)
    with b.at(0.0, y):
        dining_table(look, width, depth)
        if b.chance(0.3 + 0.6 * clutter):
            place_settings(look, width, depth, 0.755)
        if b.chance(0.5):
            fruit_bowl(look, -0.05, 0.0, 0.76)
        else:
            vase(look, -0.05, 0.0, 0.76)
        if b.chance(clutter):
            candles(look, 0.38, 0.0, 0.76)
        for s in (-1, 1):
            for x in (-width / 3.2, 0.0, width / 3.2):
                with b.at(
                    x + b.uniform(-0.03, 0.03),
                    s * (depth / 2 + 0.14),
                    0.0,
                    (180.0 if s < 0 else 0.0) + b.uniform(-6, 6),
                ):
                    chair(look, seat, "chairs")
    for x in (-0.55, 0.55) if b.chance(0.4) else (0.0,):
        with b.at(x, y):
            pendant(look, 1.92, b.uniform(0.2, 0.25))
    with at_wall(look, "north", 0.0, 0.0):
        if b.chance(0.4 + 0.5 * clutter):
            picture(look, 0.0, 1.62, b.uniform(1.0, 1.4), b.uniform(0.55, 0.7))
    with at_wall(look, "east", b.uniform(-0.5, -0.3)):
        china_cabinet(look, b.uniform(1.1, 1.35))
    with at_wall(look, "east", -1.65):
        if b.chance(0.3 + 0.6 * clutter):
            plant(look, b.uniform(1.0, 1.5))
    with at_wall(look, "south", b.uniform(-0.15, 0.15)):
        sideboard(look, b.uniform(1.5, 1.9))
        table_lamp(look, -0.55, -0.22, 0.865)
        if b.chance(clutter):
            vase(look, 0.5, -0.22, 0.865)
    with at_wall(look, "south", 0.0, 0.0):
        mirror(look, 0.0, 1.6, *((0.8, 0.8) if b.chance(0.5) else (1.1, 0.7)))
