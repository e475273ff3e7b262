"""Layouts of the dining room, bathroom, library and nursery; see `rooms.py`."""

from __future__ import annotations

from gs_stein.world import furniture as f
from gs_stein.world import furniture_more as m
from gs_stein.world import workplaces as w
from gs_stein.world.looks import Look
from gs_stein.world.rooms import HALF_Y, at_wall


def dining_room(look: Look) -> None:
    """Table with six chairs to the north, china cabinet east, sideboard with a mirror south."""
    b = look.b
    clutter = look.palette.clutter
    y, width, depth = HALF_Y - 1.05, b.uniform(1.7, 2.1), b.uniform(0.85, 0.95)
    seat = w.cushion_seat(look) if b.chance(0.8) else None
    if b.chance(look.palette.rug):
        with b.at(0.0, y - 0.15):
            f.rug(look, 2.9, 1.7)
    with b.at(0.0, y):
        w.dining_table(look, width, depth)
        if b.chance(0.3 + 0.6 * clutter):
            m.place_settings(look, width, depth, 0.755)
        if b.chance(0.5):
            w.fruit_bowl(look, -0.05, 0.0, 0.76)
        else:
            f.vase(look, -0.05, 0.0, 0.76)
        if b.chance(clutter):
            m.candles(look, 0.38, 0.0, 0.76)
        for s in (-1, 1):
            for x in (-width / 3.2, 0.0, width / 3.2):
                with b.at(
                    x + b.uniform(-0.03, 0.03),
                    s * (depth / 2 + 0.14),
                    0.0,
                    (180.0 if s < 0 else 0.0) + b.uniform(-6, 6),
                ):
                    w.chair(look, seat, "chairs")
    for x in (-0.55, 0.55) if b.chance(0.4) else (0.0,):
        with b.at(x, y):
            f.pendant(look, 1.92, b.uniform(0.2, 0.25))
    with at_wall(look, "north", 0.0, 0.0):
        if b.chance(0.4 + 0.5 * clutter):
            f.picture(look, 0.0, 1.62, b.uniform(1.0, 1.4), b.uniform(0.55, 0.7))
    with at_wall(look, "east", b.uniform(-0.5, -0.3)):
        m.china_cabinet(look, b.uniform(1.1, 1.35))
    with at_wall(look, "east", -1.65):
        if b.chance(0.3 + 0.6 * clutter):
            f.plant(look, b.uniform(1.0, 1.5))
    with at_wall(look, "south", b.uniform(-0.15, 0.15)):
        w.sideboard(look, b.uniform(1.5, 1.9))
        f.table_lamp(look, -0.55, -0.22, 0.865)
        if b.chance(clutter):
            f.vase(look, 0.5, -0.22, 0.865)
    with at_wall(look, "south", 0.0, 0.0):
        f.mirror(look, 0.0, 1.6, *((0.8, 0.8) if b.chance(0.5) else (1.1, 0.7)))


def bathroom(look: Look) -> None:
    """Tub north, basin with a mirror and toilet east, shelves and washing machine south."""
    b = look.b
    clutter = look.palette.clutter
    with at_wall(look, "north", b.uniform(-0.35, -0.1)):
        m.bathtub(look, b.uniform(1.6, 1.85))
    with at_wall(look, "north", 1.6):
        if b.chance(0.5 + 0.4 * clutter):
            f.plant(look, b.uniform(0.8, 1.3))
    with at_wall(look, "east", b.uniform(0.35, 0.5)):
        m.vanity(look, b.uniform(1.1, 1.35))
    with at_wall(look, "east", b.uniform(-1.1, -0.95)):
        m.toilet(look)
    with at_wall(look, "east", -1.0, 0.0):
        if b.chance(0.5 * clutter):
            f.picture(look, 0.0, 1.6, 0.5, 0.6)
    with at_wall(look, "south", b.uniform(0.55, 0.75)):
        m.towel_shelf(look)
    if b.chance(0.7):
        with at_wall(look, "south", -0.55):
            m.washing_machine(look)
    m.basket(look, -1.75, -HALF_Y + 0.35)
    if b.chance(0.4 + 0.5 * look.palette.rug):
        with b.at(b.uniform(-0.4, 0.0), 0.75):
            f.rug(look, 1.3, 0.8)
    if look.time == "night" or b.chance(0.4):
        with b.at(0.0, -0.3):
            f.pendant(look, 2.25, 0.18)


def library(look: Look) -> None:
    """Fireplace between bookshelves north, a wall of books with a ladder east, armchairs south."""
    b = look.b
    clutter = look.palette.clutter
    with at_wall(look, "north", 0.0):
        m.fireplace(look)
    with at_wall(look, "north", 0.0, 0.0):
        f.picture(look, 0.0, 1.75, b.uniform(0.9, 1.2), b.uniform(0.55, 0.7))
    for s in (-1, 1):
        with at_wall(look, "north", s * 1.62):
            f.bookshelf(look, 1.3, 2.2)
    with at_wall(look, "east", 0.0):
        m.bookcase_wall(look, b.uniform(3.2, 3.7), 2.2)
        if b.chance(0.5):
            with b.at(b.uniform(-0.9, 0.9), 0.0):
                m.ladder(look)
    x, cloth = b.uniform(-0.15, 0.15), look.fabric()
    with at_wall(look, "south", x - 0.75, 0.15, b.uniform(-15, 0)):
        f.sofa(look, b.uniform(0.85, 0.95), "armchair", cloth)
    with at_wall(look, "south", x + 0.75, 0.15, b.uniform(0, 15)):
        if b.chance(0.7):
            f.sofa(look, b.uniform(0.85, 0.95), "armchair", cloth)
        else:
            m.globe(look)
    with at_wall(look, "south", x):
        f.side_table(look)
    with at_wall(look, "south", 1.9):
        f.floor_lamp(look)
    with at_wall(look, "south", -1.75):
        if b.chance(0.5):
            m.globe(look)
        elif b.chance(clutter):
            f.plant(look, b.uniform(1.0, 1.4))
    with at_wall(look, "south", x, 0.0):
        if b.chance(0.5 + 0.4 * clutter):
            f.picture(look, 0.0, 1.65, b.uniform(0.8, 1.2), b.uniform(0.5, 0.65))
    with at_wall(look, "west", 0.0, 0.22):
        if b.chance(0.6):
            f.bench(look, 1.3)
    if b.chance(max(look.palette.rug, 0.7)):
        with b.at(0.0, 0.1):
            f.rug(look, b.uniform(2.2, 2.7), b.uniform(1.5, 1.9))


def nursery(look: Look) -> None:
    """Crib with a mobile north, dresser with a bear east, toy shelf and play tent south."""
    b = look.b
    clutter = look.palette.clutter
    x = b.uniform(-0.2, 0.2)
    with at_wall(look, "north", x):
        m.crib(look)
        m.mobile(look)
    with at_wall(look, "north", x, 0.0):
        if b.chance(0.55):
            m.bunting(look, 3.2)
        else:
            f.picture(look, 0.0, 1.6, b.uniform(0.7, 1.0), b.uniform(0.5, 0.6))
    with at_wall(look, "north", -1.65):
        f.sofa(look, 0.8, "armchair")
    with at_wall(look, "north", 1.55):
        f.floor_lamp(look)
    with at_wall(look, "east", b.uniform(0.0, 0.3)):
        f.dresser(look, b.uniform(1.1, 1.3))
        m.toy_bear(look, 0.0, -0.24, 0.86)
    with at_wall(look, "east", 0.15, 0.0):
        if b.chance(0.4 + 0.5 * clutter):
            f.picture(look, 0.0, 1.72, b.uniform(0.6, 0.9), b.uniform(0.5, 0.6))
    with at_wall(look, "east", -1.55):
        if b.chance(0.5 * clutter):
            f.plant(look, 1.0)
        else:
            f.pouf(look)
    with at_wall(look, "south", b.uniform(0.5, 0.7)):
        m.toy_shelf(look, b.uniform(1.4, 1.6))
    with at_wall(look, "south", 0.6, 0.0):
        if b.chance(0.5):
            f.clock(look, 0.0, 1.7)
    with at_wall(look, "south", -1.25):
        m.tent(look)
    if b.chance(max(look.palette.rug, 0.6)):
        with b.at(0.0, 0.0):
            f.rug(look, b.uniform(1.7, 2.1), b.uniform(1.5, 1.8))
    if b.chance(0.4 + 0.5 * clutter):
        m.toys(look, b.uniform(-0.6, -0.2), b.uniform(-0.5, 0.1))


MORE = {"dining room": dining_room, "bathroom": bathroom, "library": library, "nursery": nursery}
"""Keyed by kind."""
