"""Libraries, and what stands in them alone."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.materials import BRICK, SOLID, Material, Number, one_colour, plain, shade, srgb
from gs_stein.world.rooms.decoration import picture, plant, rug
from gs_stein.world.rooms.lamps import floor_lamp
from gs_stein.world.rooms.seating import bench, sofa
from gs_stein.world.rooms.shell import at_wall
from gs_stein.world.rooms.storage import bookshelf
from gs_stein.world.rooms.tables import candles, side_table
from gs_stein.world.styles import Look


def fireplace(look: Look) -> None:
    """Mantelpiece with a fire, a picture's width from the wall."""
    b = look.b
    c = srgb(156, 80, 60)
    brick = Material(BRICK, shade(c, 0.8), shade(c, 1.15), srgb(186, 172, 156), (0.1, 0.24, 0.007, 0), colour="red")
    stone = b.pick((plain(b.rng, "white", 0.02), brick, plain(b.rng, "grey", 0.02)))
    dark = one_colour(SOLID, srgb(30, 27, 26), colour="black")
    with b.thing("fireplace", stone, "brick" if stone is brick else "stone"):
        for s in (-1, 1):
            b.box(s * 0.56, -0.2, 0, 0.3, 0.4, 1.08, stone)
        b.box(0, -0.2, 0.76, 0.9, 0.4, 0.32, stone)
        b.box(0, -0.24, 1.08, 1.6, 0.5, 0.07, look.wood, 0.012)
        b.box(0, -0.07, 0, 0.84, 0.12, 0.78, dark)
        b.box(0, -0.26, 0.0, 0.84, 0.42, 0.03, dark)
        for k in range(3):
            b.rod(
                (-0.22 + 0.1 * k, -0.16, 0.08 + 0.03 * (k % 2)),
                (0.2, -0.22 - 0.03 * k, 0.08 + 0.06 * (k % 2)),
                0.045,
                one_colour(SOLID, srgb(86, 58, 42)),
            )
        if look.lamps_on or b.chance(0.5):
            for k in range(5):
                x = -0.2 + 0.1 * k
                h = (0.22, 0.32, 0.4, 0.3, 0.2)[k]
                hot = one_colour(SOLID, srgb(255, 150 + 22 * (k % 3), 50), emission=1.0, colour="orange")
                b.ellipsoid(x, -0.2, 0.1 + 0.5 * h, 0.06, 0.04, 0.5 * h, hot, casts=False)
            b.lamp(0, -0.5, 0.35, (1.0, 0.5, 0.18), 0.55 if look.time == "night" else 0.2, 0.15)
    if b.chance(0.6):
        candles(look, -0.5, -0.24, 1.15)


def globe(look: Look) -> None:
    """Globe on a wooden stand."""
    b = look.b
    sea = one_colour(SOLID, srgb(70, 122, 160), gloss=0.05, colour="blue")
    land = one_colour(SOLID, srgb(122, 142, 84))
    with b.thing("globe", sea, "globe"):
        for k in range(3):
            a = 2.0944 * k
            b.rod(
                (0.2 * math.cos(a), -0.3 + 0.2 * math.sin(a), 0),
                (0.05 * math.cos(a), -0.3 + 0.05 * math.sin(a), 0.5),
                0.022,
                look.wood,
            )
        b.torus(0, -0.3, 0.72, 0.27, 0.018, look.wood, rotation(pitch=90, yaw=20))
        b.ellipsoid(0, -0.3, 0.72, 0.24, 0.24, 0.24, sea)
        for k in range(6):
            z = 0.7 - 0.28 * k
            a, r = 2.4 * k, math.sqrt(max(1 - z * z, 0.05))
            b.ellipsoid(0.155 * r * math.cos(a), -0.3 + 0.155 * r * math.sin(a), 0.72 + 0.155 * z, 0.1, 0.1, 0.1, land)


def bookcase_wall(look: Look, width: Number, height: Number = 2.25) -> None:
    """Bookshelves side by side."""
    parts = max(1, round(width / 1.15))
    for k in range(parts):
        with look.b.at((k - (parts - 1) / 2) * width / parts, 0.0):
            bookshelf(look, width / parts, height)


def ladder(look: Look) -> None:
    """Library ladder leaning on the shelves."""
    b = look.b
    rail = look.wood
    with b.thing("ladder", rail, "wood"):
        for s in (-1, 1):
            b.rod((s * 0.2, -0.75, 0.0), (s * 0.18, -0.36, 2.15), 0.025, rail)
        for k in range(7):
            t = (k + 0.7) / 7.4
            b.rod((-0.2, -0.75 + 0.39 * t, 2.15 * t), (0.2, -0.75 + 0.39 * t, 2.15 * t), 0.018, rail)


def library(look: Look) -> None:
    """Fireplace between bookshelves north, a wall of books with a ladder east, armchairs south."""
    b = look.b
    clutter = look.palette.clutter
    with at_wall(look, "north", 0.0):
        fireplace(look)
    with at_wall(look, "north", 0.0, 0.0):
        picture(look, 0.0, 1.75, b.uniform(0.9, 1.2), b.uniform(0.55, 0.7))
    for s in (-1, 1):
        with at_wall(look, "north", s * 1.62):
            bookshelf(look, 1.3, 2.2)
    with at_wall(look, "east", 0.0):
        bookcase_wall(look, b.uniform(3.2, 3.7), 2.2)
        if b.chance(0.5):
            with b.at(b.uniform(-0.9, 0.9), 0.0):
                ladder(look)
    x, cloth = b.uniform(-0.15, 0.15), look.fabric()
    with at_wall(look, "south", x - 0.75, 0.15, b.uniform(-15, 0)):
        sofa(look, b.uniform(0.85, 0.95), "armchair", cloth)
    with at_wall(look, "south", x + 0.75, 0.15, b.uniform(0, 15)):
        if b.chance(0.7):
            sofa(look, b.uniform(0.85, 0.95), "armchair", cloth)
        else:
            globe(look)
    with at_wall(look, "south", x):
        side_table(look)
    with at_wall(look, "south", 1.9):
        floor_lamp(look)
    with at_wall(look, "south", -1.75):
        if b.chance(0.5):
            globe(look)
        elif b.chance(clutter):
            plant(look, b.uniform(1.0, 1.4))
    with at_wall(look, "south", x, 0.0):
        if b.chance(0.5 + 0.4 * clutter):
            picture(look, 0.0, 1.65, b.uniform(0.8, 1.2), b.uniform(0.5, 0.65))
    with at_wall(look, "west", 0.0, 0.22):
        if b.chance(0.6):
            bench(look, 1.3)
    if b.chance(max(look.palette.rug, 0.7)):
        with b.at(0.0, 0.1):
            rug(look, b.uniform(2.2, 2.7), b.uniform(1.5, 1.9))
