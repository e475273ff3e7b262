"""Bedrooms, and what stands in them alone."""

from __future__ import annotations

from gs_stein.world.builder import rotation
from gs_stein.world.materials import PLAID, Material, Number, fabric, mix, plain
from gs_stein.world.rooms.decoration import mirror, picture, plant, rug, vase
from gs_stein.world.rooms.lamps import pendant, table_lamp
from gs_stein.world.rooms.parts import cabinet, legs, shade_of, surface_kind
from gs_stein.world.rooms.seating import bench, pouf
from gs_stein.world.rooms.shell import at_wall
from gs_stein.world.rooms.storage import dresser
from gs_stein.world.styles import Look


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


def wardrobe(look: Look, width: Number = 1.9) -> None:
    """Tall closet with doors, sometimes a mirror in the middle."""
    b = look.b
    body = look.timber()
    columns = 4 if width > 1.7 else 3
    with b.thing("wardrobe", body, surface_kind(body)):
        cabinet(b, width, 0.58, 2.12, body, columns, 1, look.metal, 0.07)
        b.box(0, -0.3, 2.12, width + 0.06, 0.64, 0.05, body, 0.01)


def bedroom(look: Look) -> None:
    """Bed between nightstands north, dresser under a mirror east, wardrobe south."""
    b = look.b
    clutter = look.palette.clutter
    x = b.uniform(-0.15, 0.15)
    width = b.uniform(1.45, 1.8)
    with at_wall(look, "north", x):
        bed(look, width)
    with at_wall(look, "north", x, 0.0):
        if b.chance(0.4 + 0.5 * clutter):
            picture(look, 0.0, 1.62, b.uniform(0.8, 1.2), b.uniform(0.5, 0.65))
    both = b.chance(0.75)
    for s in (-1, 1):
        with at_wall(look, "north", x + s * (width / 2 + 0.36)):
            nightstand(look, both or s == 1)
    with at_wall(look, "east", b.uniform(-0.1, 0.2)):
        dresser(look, b.uniform(1.15, 1.5))
    with at_wall(look, "east", 0.05, 0.0):
        if b.chance(0.5):
            size = b.uniform(0.7, 0.85)
            mirror(look, 0.0, 1.5, size, size)
        else:
            mirror(look, 0.0, 1.48, b.uniform(0.8, 1.1), b.uniform(0.7, 0.85))
    with at_wall(look, "east", -1.6):
        if b.chance(0.3 + 0.6 * clutter):
            plant(look, b.uniform(0.9, 1.4))
    with at_wall(look, "south", b.uniform(-0.2, 0.3)):
        wardrobe(look, b.uniform(1.6, 2.1))
    with at_wall(look, "south", -1.85, 0.05):
        if b.chance(0.5 * clutter):
            pouf(look)
    with at_wall(look, "west", b.uniform(-0.1, 0.1), 0.3):
        if b.chance(0.5 * clutter):
            bench(look)
    if b.chance(look.palette.rug):
        with b.at(0.0, -0.3):
            rug(look, b.uniform(2.2, 2.8), b.uniform(1.4, 1.7))
    if b.chance(0.6):
        with b.at(0.0, -0.2):
            pendant(look, 2.2, 0.2)
