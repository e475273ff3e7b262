"""Rooms: the fixed box, its light, and furniture at canonical places along the compass walls.

The window is always in the west wall. Cameras stand in the middle (`RoomCameras`), so whatever rises above a metre
keeps to the walls.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np

from gs_stein.cameras.options import RoomCameras
from gs_stein.world.builder import Builder, Scene
from gs_stein.world.materials import FOLDS, VIEW, Material, Number, named, plain, shade, srgb, wood
from gs_stein.world.styles import Look, ceiling_material, draw_look, floor_material, wall_material

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
        window(look, 0.0, z, half_width, half_height, view, bars)
        if (look.style != "minimalist" and b.chance(0.85)) or b.chance(0.25):
            curtains(look, 0.0, half_width, b.chance(0.6))
        if look.style in ("industrial", "cozy") and b.chance(0.35):
            radiator(look, 0.0)
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


def window(
    look: Look, y: Number, z: Number, half_width: Number, half_height: Number, view: Material, bars: bool
) -> None:
    """Pane with a view, frame, bars and a sill, in the frame of its wall."""
    b = look.b
    trim, w = look.trim, 0.07
    with b.thing("window", None, "window"):
        b.box(y, -0.012, z - half_height, 2 * half_width, 0.02, 2 * half_height, view, casts=False)
        for s in (-1, 1):
            b.box(
                y + s * (half_width + w / 2 - 0.01),
                -0.03,
                z - half_height - w,
                w,
                0.06,
                2 * half_height + 2 * w,
                trim,
                casts=False,
            )
        b.box(y, -0.03, z + half_height - 0.01, 2 * half_width + 2 * w, 0.06, w, trim, casts=False)
        if bars:
            b.box(y, -0.022, z - half_height, 0.035, 0.03, 2 * half_height, trim, casts=False)
            b.box(y, -0.022, z - 0.018, 2 * half_width, 0.03, 0.035, trim, casts=False)
        b.box(y, -0.08, z - half_height - w, 2 * half_width + 0.24, 0.16, 0.05, trim, 0.01, casts=False)


def curtains(look: Look, y: Number, half_width: Number, long: bool) -> None:
    """Two curtains with folds on a rod."""
    b = look.b
    name = look.fabric_colour()
    c = named(b.rng, name)
    cloth = Material(FOLDS, shade(c, 0.82), shade(c, 1.12), c, (0.115, 0.0, 0.0, 0.0), colour=name)
    bottom = 0.06 if long else 0.72
    width = b.uniform(0.38, 0.5)
    with b.thing("curtains", cloth, "fabric", True):
        b.rod((y - half_width - 0.5, -0.13, 2.28), (y + half_width + 0.5, -0.13, 2.28), 0.017, look.metal, casts=False)
        for s in (-1, 1):
            b.ellipsoid(y + s * (half_width + 0.52), -0.13, 2.28, 0.035, 0.035, 0.035, look.metal, casts=False)
            b.box(y + s * (half_width + 0.2), -0.13, bottom, width, 0.09, 2.27 - bottom, cloth, 0.03, casts=False)


def radiator(look: Look, y: Number, width: Number = 1.1) -> None:
    """White ribbed radiator under a window."""
    b = look.b
    white = plain(b.rng, "white", 0.02)
    for k in range(7):
        b.box(y + (k - 3) * width / 7, -0.08, 0.12, width / 7 - 0.03, 0.1, 0.5, white, 0.03)
    b.box(y, -0.08, 0.2, width, 0.05, 0.34, white)
