"""Rooms: the fixed box, its light, and furniture at canonical places along the compass walls.

The window is always in the west wall. Cameras stand in the middle (`RoomCameras`), so whatever rises above a metre
keeps to the walls.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np

from gs_stein.cameras import RoomCameras
from gs_stein.world import furniture as f
from gs_stein.world import workplaces as w
from gs_stein.world.looks import Look, ceiling_material, draw_look, floor_material, wall_material
from gs_stein.world.materials import VIEW, Material, Number, srgb, wood
from gs_stein.world.primitives import Builder, Scene

OPTIONS = RoomCameras()
HALF_X, HALF_Y, HEIGHT = OPTIONS.size[0] / 2, OPTIONS.size[1] / 2, OPTIONS.size[2]

_WALLS = {
    "north": (0.0, HALF_Y, 0.0),
    "east": (HALF_X, 0.0, -90.0),
    "south": (0.0, -HALF_Y, 180.0),
    "west": (-HALF_X, 0.0, 90.0),
}


def at_wall(
    look: Look, wall: str, along: Number, gap: Number = 0.01, turn: Number = 0.0
) -> AbstractContextManager[None]:
    """Frame with its back to a wall; `along` is metres east (north, south wall) or north (east, west wall)."""
    x, y, yaw = _WALLS[wall]
    if wall in ("north", "south"):
        return look.b.at(along, y - math.copysign(gap, y), 0.0, yaw + turn)
    return look.b.at(x - math.copysign(gap, x), along, 0.0, yaw + turn)


_SKIES = {
    # zenith, horizon, land; light colour and power of the window, sun's colour and power, brightness goal
    "day": ((110, 165, 215), (215, 230, 238), (104, 142, 84), (0.92, 0.97, 1.0), 7.0, (1, 1, 1), 0.0, 1.0),
    "sunny": ((72, 146, 216), (190, 222, 240), (112, 158, 72), (0.95, 0.98, 1.0), 7.0, (1.0, 0.9, 0.72), 3.2, 1.22),
    "sunset": ((104, 96, 150), (246, 166, 98), (96, 72, 84), (1.0, 0.66, 0.42), 4.5, (1.0, 0.55, 0.25), 2.0, 0.95),
    "night": ((14, 22, 52), (42, 58, 104), (16, 24, 40), (0.35, 0.48, 0.9), 0.5, (1, 1, 1), 0.0, 0.82),
}


def west_window(look: Look) -> None:
    """Window with its light, a view that goes with the time of day, and usually curtains."""
    b = look.b
    zenith, horizon, land, colour, power, sun_colour, sun_power, _ = _SKIES[look.time]
    variant = b.pick((0, 0, 0, 1, 2, 3)) if look.style != "industrial" else b.pick((1, 1, 0))
    if variant == 1 and look.time != "night":
        land = tuple(0.25 * c + 0.75 * o for c, o in zip(land, (150, 148, 146), strict=True))
    if variant == 2:
        land = tuple(
            0.5 * c + o for c, o in zip(land, (10, 50, 70) if look.time != "night" else (4, 8, 20), strict=True)
        )
    y = b.uniform(-0.2, 0.2)
    half_width, half_height = b.uniform(0.62, 0.9), b.uniform(0.52, 0.62)
    z = 2.12 - half_height
    bars = look.style in ("cozy", "rustic", "industrial", "colorful") or b.chance(0.3)
    view = Material(
        VIEW,
        srgb(*zenith),
        srgb(*horizon),
        srgb(*land),
        (float(variant), b.uniform(0, 3), float(look.time == "night"), float(look.time == "sunset")),
        emission=0.62 if look.time == "night" else 1.35,
    )
    with at_wall(look, "west", y, 0.0):
        f.window(look, 0.0, z, half_width, half_height, view, bars)
        if (look.style != "minimalist" and b.chance(0.85)) or b.chance(0.25):
            f.curtains(look, 0.0, half_width, b.chance(0.6))
        if look.style in ("industrial", "cozy") and b.chance(0.35):
            f.radiator(look, 0.0)
    b.window_light(y, z, half_width, half_height, colour, power, -HALF_X + 0.09)
    if sun_power:
        high = 0.62 if look.time == "sunny" else 0.3
        b.sun((-1.0, b.uniform(-0.35, 0.35), high), sun_colour, sun_power, 0.02, 0.02 if bars else 0.0)


def shell(look: Look) -> list[tuple[Material, int]]:
    """Walls, floor, ceiling and skirting as things and room materials."""
    b = look.b
    wall, wall_kind = wall_material(look)
    floor, floor_kind = floor_material(look)
    ceiling = ceiling_material(look)
    with b.thing("walls", wall, wall_kind, True) as walls:
        pass
    with b.thing("floor", floor, floor_kind) as ground:
        pass
    with b.thing("ceiling", ceiling, "wood" if ceiling.colour == "brown" else "paint") as top:
        if look.style == "rustic" and b.chance(0.8):
            beam = wood(b.rng, b.pick(("dark", "oak")))
            for k in range(4):
                b.box(0.0, -1.5 + k * 1.0, HEIGHT - 0.14, 2 * HALF_X, 0.14, 0.14, beam)
    skirting = look.trim
    for name in _WALLS:
        with at_wall(look, name, 0.0, 0.0):
            width = 2 * (HALF_X if name in ("north", "south") else HALF_Y)
            b.box(0.0, -0.01, 0.0, width, 0.02, 0.09, skirting)
    return [(wall, walls.id)] * 4 + [(floor, ground.id), (ceiling, top.id)]


def _living_room(look: Look) -> None:
    b = look.b
    clutter = look.palette.clutter
    x = b.uniform(-0.25, 0.25)
    width = b.uniform(1.85, 2.35)
    with at_wall(look, "north", x):
        f.sofa(look, width)
    with at_wall(look, "north", x, 0.0):
        if b.chance(0.4 + 0.5 * clutter):
            f.picture(look, b.uniform(-0.2, 0.2), 1.55, b.uniform(0.8, 1.15), b.uniform(0.55, 0.72))
    side = 1.0 if x < 0 else -1.0
    with at_wall(look, "north", x + side * (width / 2 + 0.3)):
        f.side_table(look)
    if b.chance(0.35):
        with at_wall(look, "north", x - side * (width / 2 + 0.28)):
            f.plant(look, b.uniform(0.8, 1.2))
    with at_wall(look, "east", b.uniform(0.55, 0.75)):
        f.bookshelf(look, b.uniform(1.1, 1.35), b.uniform(1.85, 2.1))
    if b.chance(0.55 + 0.4 * clutter):
        with at_wall(look, "east", -0.85, 0.12, b.uniform(-22, 2)):
            f.sofa(look, b.uniform(0.82, 0.92), "armchair")
    with at_wall(look, "east", -1.75):
        f.floor_lamp(look)
    with at_wall(look, "south", b.uniform(-0.15, 0.15)):
        f.tv_stand(look, b.uniform(1.45, 1.9))
    with at_wall(look, "south", -1.85):
        if b.chance(0.3 + 0.7 * clutter):
            f.plant(look, b.uniform(1.0, 1.5))
    if b.chance(0.5 * clutter):
        with at_wall(look, "south", 1.55, 0.0):
            f.clock(look, 0.0, 1.75)
    if b.chance(look.palette.rug):
        with b.at(b.uniform(-0.1, 0.1), 0.25):
            f.rug(look, b.uniform(2.0, 2.6), b.uniform(1.4, 1.8))
    with b.at(x * 0.5, 0.35):
        f.coffee_table(look)
    if b.chance(0.35 * clutter):
        with at_wall(look, "west", b.uniform(-0.3, 0.3), 0.25):
            f.bench(look)


def _bedroom(look: Look) -> None:
    b = look.b
    clutter = look.palette.clutter
    x = b.uniform(-0.15, 0.15)
    width = b.uniform(1.45, 1.8)
    with at_wall(look, "north", x):
        f.bed(look, width)
    with at_wall(look, "north", x, 0.0):
        if b.chance(0.4 + 0.5 * clutter):
            f.picture(look, 0.0, 1.62, b.uniform(0.8, 1.2), b.uniform(0.5, 0.65))
    both = b.chance(0.75)
    for s in (-1, 1):
        with at_wall(look, "north", x + s * (width / 2 + 0.36)):
            f.nightstand(look, both or s == 1)
    with at_wall(look, "east", b.uniform(-0.1, 0.2)):
        f.dresser(look, b.uniform(1.15, 1.5))
    with at_wall(look, "east", 0.05, 0.0):
        if b.chance(0.5):
            size = b.uniform(0.7, 0.85)
            f.mirror(look, 0.0, 1.5, size, size)
        else:
            f.mirror(look, 0.0, 1.48, b.uniform(0.8, 1.1), b.uniform(0.7, 0.85))
    with at_wall(look, "east", -1.6):
        if b.chance(0.3 + 0.6 * clutter):
            f.plant(look, b.uniform(0.9, 1.4))
    with at_wall(look, "south", b.uniform(-0.2, 0.3)):
        f.wardrobe(look, b.uniform(1.6, 2.1))
    with at_wall(look, "south", -1.85, 0.05):
        if b.chance(0.5 * clutter):
            f.pouf(look)
    with at_wall(look, "west", b.uniform(-0.1, 0.1), 0.3):
        if b.chance(0.5 * clutter):
            f.bench(look)
    if b.chance(look.palette.rug):
        with b.at(0.0, -0.3):
            f.rug(look, b.uniform(2.2, 2.8), b.uniform(1.4, 1.7))
    if b.chance(0.6):
        with b.at(0.0, -0.2):
            f.pendant(look, 2.2, 0.2)


def _kitchen(look: Look) -> None:
    b = look.b
    clutter = look.palette.clutter
    with at_wall(look, "north", 0.0):
        w.kitchen_run(look, -HALF_X + 0.02, 1.74)
    with at_wall(look, "north", 2.12):
        w.fridge(look)
    y = b.uniform(-0.4, -0.2)
    depth = b.uniform(0.8, 0.9)
    seat = w.cushion_seat(look) if b.chance(0.75) else None
    with b.at(HALF_X - 0.55 - depth / 2, y):
        w.dining_table(look, depth, b.uniform(1.2, 1.45))
        if b.chance(0.3 + 0.6 * clutter):
            w.fruit_bowl(look, 0.0, 0.0, 0.755)
        else:
            f.vase(look, 0.0, 0.1, 0.755)
        for cx, cy, yaw in ((-0.56, 0.28, 90), (-0.56, -0.28, 90), (0.6, 0.0, -90)):
            with b.at(cx, cy, 0.0, yaw + 180 + b.uniform(-8, 8)):
                w.chair(look, seat, "chairs")
    with b.at(HALF_X - 0.55 - depth / 2, y):
        f.pendant(look, 1.95, b.uniform(0.2, 0.26), always=False)
    with at_wall(look, "east", y, 0.0):
        if b.chance(0.3 + 0.6 * clutter):
            f.picture(look, 0.0, 1.55, b.uniform(0.6, 0.9), b.uniform(0.5, 0.7))
    with at_wall(look, "south", b.uniform(-0.2, 0.2)):
        w.sideboard(look, b.uniform(1.4, 1.8))
    with at_wall(look, "south", 0.0, 0.0):
        w.cup_shelves(look, b.uniform(1.3, 1.7))
    with at_wall(look, "south", 1.6, 0.0):
        if b.chance(0.6 * clutter):
            f.clock(look, 0.0, 1.7)
    with at_wall(look, "south", -1.95):
        if b.chance(0.3 + 0.6 * clutter):
            f.plant(look, b.uniform(0.9, 1.4))
    if b.chance(0.35 * look.palette.rug):
        with b.at(-0.3, 0.6):
            f.rug(look, 1.9, 0.9)


def _office(look: Look) -> None:
    b = look.b
    clutter = look.palette.clutter
    x = b.uniform(-0.2, 0.2)
    with at_wall(look, "north", x):
        w.desk(look, b.uniform(1.4, 1.75))
    aside, turn = b.uniform(-0.1, 0.1), b.uniform(-18, 18)
    with b.at(x + aside, HALF_Y - 1.0, 0.0, turn + 180.0):  # the chair faces the desk
        w.office_chair(look)
    with at_wall(look, "north", x, 0.0):
        if b.chance(0.45):
            w.pin_board(look, 0.0, 1.78)
        elif b.chance(0.5 + 0.4 * clutter):
            f.picture(look, 0.0, 1.75, b.uniform(0.8, 1.1), b.uniform(0.5, 0.62))
    with at_wall(look, "north", -1.75):
        if b.chance(0.6):
            w.filing_cabinet(look)
    with at_wall(look, "east", 0.35):
        f.bookshelf(look, b.uniform(1.5, 2.0), b.uniform(1.85, 2.15))
    with at_wall(look, "east", -1.55):
        if b.chance(0.3 + 0.6 * clutter):
            f.plant(look, b.uniform(1.0, 1.5))
    if b.chance(0.65):
        with at_wall(look, "south", b.uniform(-0.2, 0.2)):
            f.sofa(look, b.uniform(1.5, 1.9))
    else:
        with at_wall(look, "south", b.uniform(-0.2, 0.2)):
            w.sideboard(look, b.uniform(1.4, 1.7))
    with at_wall(look, "south", b.uniform(-0.2, 0.2), 0.0):
        if b.chance(0.4 + 0.5 * clutter):
            f.picture(look, 0.0, 1.55, b.uniform(0.7, 1.1), b.uniform(0.5, 0.7))
    if b.chance(0.5):
        with at_wall(look, "south", 1.75, 0.0):
            f.clock(look, 0.0, 1.75)
    with at_wall(look, "south", -1.85):
        f.floor_lamp(look)
    w.paper_bin(look, x + 1.15, HALF_Y - 0.35)
    if b.chance(0.8 * look.palette.rug):
        with b.at(0.0, -0.2):
            f.rug(look, b.uniform(1.9, 2.5), b.uniform(1.4, 1.8))


FURNISH: dict[str, Callable[[Look], None]] = {
    "living room": _living_room,
    "bedroom": _bedroom,
    "kitchen": _kitchen,
    "office": _office,
}
"""Keyed by kind."""


def draw_room(rng: np.random.Generator, kind: str, furnish: Callable[[Look], None]) -> Scene:
    """A room that `furnish` fills with furniture."""
    b = Builder(rng)
    look = draw_look(b)
    walls = shell(look)
    west_window(look)
    furnish(look)
    if look.time == "night":  # a soft fill, so that far corners keep their colour
        b.lamp(0.0, 0.0, 2.35, look.glow, 0.55, 0.3)
    return b.scene(kind, look.style, look.time, OPTIONS, walls, exposure=_SKIES[look.time][-1])
