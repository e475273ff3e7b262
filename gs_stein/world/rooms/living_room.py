"""Living rooms, and what stands in them alone."""

from __future__ import annotations

import math

from gs_stein.world.materials import BLACK, SCREEN, Material, Number, srgb
from gs_stein.world.rooms.decoration import clock, picture, plant, rug, vase
from gs_stein.world.rooms.lamps import floor_lamp
from gs_stein.world.rooms.parts import cabinet, legs, surface_kind
from gs_stein.world.rooms.seating import bench, sofa
from gs_stein.world.rooms.shell import at_wall
from gs_stein.world.rooms.storage import books_lying, bookshelf
from gs_stein.world.rooms.tables import side_table
from gs_stein.world.styles import Look


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


def living_room(look: Look) -> None:
    """Sofa north, bookshelf and armchair east, television south, a low table in the middle."""
    b = look.b
    clutter = look.palette.clutter
    x = b.uniform(-0.25, 0.25)
    width = b.uniform(1.85, 2.35)
    with at_wall(look, "north", x):
        sofa(look, width)
    with at_wall(look, "north", x, 0.0):
        if b.chance(0.4 + 0.5 * clutter):
            picture(look, b.uniform(-0.2, 0.2), 1.55, b.uniform(0.8, 1.15), b.uniform(0.55, 0.72))
    side = 1.0 if x < 0 else -1.0
    with at_wall(look, "north", x + side * (width / 2 + 0.3)):
        side_table(look)
    if b.chance(0.35):
        with at_wall(look, "north", x - side * (width / 2 + 0.28)):
            plant(look, b.uniform(0.8, 1.2))
    with at_wall(look, "east", b.uniform(0.55, 0.75)):
        bookshelf(look, b.uniform(1.1, 1.35), b.uniform(1.85, 2.1))
    if b.chance(0.55 + 0.4 * clutter):
        with at_wall(look, "east", -0.85, 0.12, b.uniform(-22, 2)):
            sofa(look, b.uniform(0.82, 0.92), "armchair")
    with at_wall(look, "east", -1.75):
        floor_lamp(look)
    with at_wall(look, "south", b.uniform(-0.15, 0.15)):
        tv_stand(look, b.uniform(1.45, 1.9))
    with at_wall(look, "south", -1.85):
        if b.chance(0.3 + 0.7 * clutter):
            plant(look, b.uniform(1.0, 1.5))
    if b.chance(0.5 * clutter):
        with at_wall(look, "south", 1.55, 0.0):
            clock(look, 0.0, 1.75)
    if b.chance(look.palette.rug):
        with b.at(b.uniform(-0.1, 0.1), 0.25):
            rug(look, b.uniform(2.0, 2.6), b.uniform(1.4, 1.8))
    with b.at(x * 0.5, 0.35):
        coffee_table(look)
    if b.chance(0.35 * clutter):
        with at_wall(look, "west", b.uniform(-0.3, 0.3), 0.25):
            bench(look)
