"""Bathrooms, and what stands in them alone."""

from __future__ import annotations

from gs_stein.world.builder import ON_SIDE
from gs_stein.world.materials import (
    BANDS,
    BRICK,
    MIRROR,
    PORCELAIN,
    SOLID,
    STEEL,
    Material,
    Number,
    named,
    one_colour,
    plain,
    shade,
    srgb,
)
from gs_stein.world.rooms.decoration import picture, plant, rug
from gs_stein.world.rooms.lamps import pendant, shade_material
from gs_stein.world.rooms.parts import cabinet, legs, shade_of, surface_kind
from gs_stein.world.rooms.shell import HALF_Y, at_wall
from gs_stein.world.styles import Look


def bathtub(look: Look, width: Number = 1.7) -> None:
    """Tub along the wall with water, tap, and tiles behind."""
    b = look.b
    tile = named(b.rng, b.pick(("white", "white", "beige", "teal", "blue", "green", "grey")))
    splash = Material(BRICK, shade(tile, 0.95), shade(tile, 1.04), shade(tile, 0.7), (0.13, 0.26, 0.004, 0), 0.06)
    b.box(0, -0.008, 0.0, width + 0.5, 0.016, 1.5, splash)
    free = b.chance(0.5)
    skin = PORCELAIN if b.chance(0.7) else plain(b.rng, look.accent_colour(), 0.06)
    with b.thing("bathtub", skin, "ceramic"):
        if free:
            b.box(0, -0.42, 0.1, width, 0.76, 0.46, skin, 0.2)
            legs(b, width - 0.5, 0.4, -0.42, 0.16, 0.04, look.metal)
        else:
            b.box(0, -0.4, 0.0, width, 0.76, 0.54, skin, 0.03)
        b.box(0, -0.41, 0.53, width - 0.02, 0.75, 0.04, PORCELAIN, 0.018)
        b.box(0, -0.41, 0.562, width - 0.2, 0.54, 0.012, one_colour(SOLID, srgb(150, 196, 206), gloss=0.12), 0.006)
    with b.thing("tap", look.metal, "metal"):
        b.cone(width / 2 - 0.25, -0.06, 0.57, 0.02, 0.2, look.metal)
        b.rod((width / 2 - 0.25, -0.06, 0.75), (width / 2 - 0.25, -0.22, 0.73), 0.018, look.metal)
    rail = look.metal
    towel = look.fabric()
    with b.thing("towels", towel, "fabric", True):
        b.rod((-0.55, -0.06, 1.35), (0.25, -0.06, 1.35), 0.015, rail)
        b.box(-0.32, -0.075, 0.86, 0.36, 0.05, 0.5, towel, 0.02)
        b.box(0.06, -0.075, 0.98, 0.26, 0.05, 0.38, towel, 0.02)


def vanity(look: Look, width: Number = 1.2) -> None:
    """Cabinet with a basin, tap, soap and a mirror with lamps above."""
    b = look.b
    body = look.timber() if b.chance(0.6) else plain(b.rng, look.fabric_colour(), 0.04)
    with b.thing("bathroom cabinet", body, surface_kind(body)):
        cabinet(b, width, 0.5, 0.82, body, 2, 1, look.metal, 0.12)
    with b.thing("sink", PORCELAIN, "ceramic"):
        b.box(0, -0.26, 0.82, width + 0.02, 0.53, 0.04, PORCELAIN, 0.01)
        b.cone(0, -0.28, 0.85, 0.17, 0.11, PORCELAIN, 1.3)
        b.cone(0, -0.28, 0.956, 0.19, 0.006, one_colour(SOLID, srgb(186, 204, 208), gloss=0.1))
        b.cone(0, -0.07, 0.86, 0.018, 0.24, look.metal)
        b.rod((0, -0.07, 1.09), (0, -0.2, 1.07), 0.016, look.metal)
    soap = look.paint()
    b.cone(0.4 * width, -0.2, 0.86, 0.04, 0.13, soap)
    b.cone(0.4 * width, -0.2, 0.99, 0.012, 0.05, look.metal)
    glass = one_colour(MIRROR, srgb(190, 198, 202), gloss=0.82)
    frame = b.pick((look.metal, look.wood))
    with b.thing("mirror", glass, "mirror"):
        if b.chance(0.5):
            b.cone(0, -0.015, 1.57, 0.38, 0.03, frame, turn=ON_SIDE)
            b.cone(0, -0.025, 1.57, 0.35, 0.03, glass, turn=ON_SIDE)
        else:
            b.box(0, -0.015, 1.22, 0.9, 0.03, 0.74, frame)
            b.box(0, -0.025, 1.25, 0.84, 0.022, 0.68, glass)
    for s in (-1, 1):
        b.cone(s * 0.55, -0.09, 1.56, 0.06, 0.16, shade_material(look), 0.85, casts=False)
        b.box(s * 0.55, -0.04, 1.6, 0.04, 0.08, 0.04, look.metal, casts=False)
    if look.lamps_on:
        b.lamp(0, -0.25, 1.75, look.glow, 0.8 if look.time == "night" else 0.3, 0.15)


def toilet(look: Look) -> None:
    """Bowl, seat and cistern."""
    b = look.b
    with b.thing("toilet", PORCELAIN, "ceramic"):
        b.box(0, -0.1, 0.38, 0.42, 0.18, 0.42, PORCELAIN, 0.03)
        b.box(0, -0.1, 0.8, 0.45, 0.21, 0.04, PORCELAIN, 0.015)
        b.cone(0, -0.42, 0.0, 0.14, 0.36, PORCELAIN, 1.35, 0.2)
        b.ellipsoid(0, -0.42, 0.38, 0.21, 0.28, 0.06, PORCELAIN)
        b.ellipsoid(0, -0.42, 0.41, 0.2, 0.27, 0.035, shade_of(PORCELAIN, 0.92))


def washing_machine(look: Look) -> None:
    """White front loader."""
    b = look.b
    white = plain(b.rng, "white", 0.05)
    with b.thing("washing machine", white, "metal"):
        b.box(0, -0.3, 0.0, 0.6, 0.58, 0.85, white, 0.015)
        b.cone(0, -0.6, 0.39, 0.2, 0.03, STEEL, turn=ON_SIDE)
        b.cone(0, -0.61, 0.39, 0.15, 0.03, one_colour(SOLID, srgb(40, 48, 58), gloss=0.12), turn=ON_SIDE)
        b.box(0, -0.595, 0.72, 0.56, 0.01, 0.1, shade_of(white, 0.8))
        b.cone(0.18, -0.6, 0.765, 0.035, 0.03, STEEL, turn=ON_SIDE)


def towel_shelf(look: Look) -> None:
    """Open shelves with folded towels and bottles."""
    b = look.b
    board = look.timber()
    first, second = look.accent(), look.accent()
    with b.thing("shelves", board, surface_kind(board), True):
        for s in (-1, 1):
            b.box(s * 0.4, -0.17, 0, 0.04, 0.32, 1.7, board)
        for j in range(4):
            b.box(0, -0.17, 0.15 + 0.5 * j, 0.8, 0.32, 0.035, board)
        for j in range(3):
            for i in range(2):
                cloth = (first, second)[(i + j) % 2]
                z = 0.185 + 0.5 * j
                if (i + j) % 3 == 2:
                    for q in range(3):
                        b.cone(-0.28 + 0.12 * q + 0.3 * i, -0.17, z, 0.04, 0.16 + 0.04 * q, look.paint())
                else:
                    for q in range(3):
                        b.box(-0.19 + 0.38 * i, -0.17, z + 0.08 * q, 0.3, 0.24, 0.075, cloth, 0.035)


def basket(look: Look, x: Number, y: Number) -> None:
    """Laundry basket."""
    b = look.b
    c = srgb(186, 146, 98)
    wicker = Material(BANDS, shade(c, 0.85), shade(c, 1.1), c, (9.0, 0, 0, 0), colour="brown")
    with b.thing("laundry basket", wicker, "wicker"):
        b.cone(x, y, 0, 0.2, 0.5, wicker, 1.15)
        b.ellipsoid(x, y, 0.49, 0.2, 0.2, 0.07, plain(b.rng, "white"))


def bathroom(look: Look) -> None:
    """Tub north, basin with a mirror and toilet east, shelves and washing machine south."""
    b = look.b
    clutter = look.palette.clutter
    with at_wall(look, "north", b.uniform(-0.35, -0.1)):
        bathtub(look, b.uniform(1.6, 1.85))
    with at_wall(look, "north", 1.6):
        if b.chance(0.5 + 0.4 * clutter):
            plant(look, b.uniform(0.8, 1.3))
    with at_wall(look, "east", b.uniform(0.35, 0.5)):
        vanity(look, b.uniform(1.1, 1.35))
    with at_wall(look, "east", b.uniform(-1.1, -0.95)):
        toilet(look)
    with at_wall(look, "east", -1.0, 0.0):
        if b.chance(0.5 * clutter):
            picture(look, 0.0, 1.6, 0.5, 0.6)
    with at_wall(look, "south", b.uniform(0.55, 0.75)):
        towel_shelf(look)
    if b.chance(0.7):
        with at_wall(look, "south", -0.55):
            washing_machine(look)
    basket(look, -1.75, -HALF_Y + 0.35)
    if b.chance(0.4 + 0.5 * look.palette.rug):
        with b.at(b.uniform(-0.4, 0.0), 0.75):
            rug(look, 1.3, 0.8)
    if look.time == "night" or b.chance(0.4):
        with b.at(0.0, -0.3):
            pendant(look, 2.25, 0.18)
