"""Tables, and what is served on them, of several rooms; frames as in `parts.py`."""

from __future__ import annotations

import math

from gs_stein.world.materials import SOLID, Number, one_colour, plain, srgb
from gs_stein.world.rooms.lamps import table_lamp
from gs_stein.world.rooms.parts import legs, shade_of, surface_kind
from gs_stein.world.styles import Look


def side_table(look: Look, lamp: bool = True) -> None:
    """Small table beside a sofa, with a lamp."""
    b = look.b
    top = look.timber()
    with b.thing("side table", top, surface_kind(top)):
        b.cone(0, -0.27, 0.5, 0.23, 0.035, top)
        b.cone(0, -0.27, 0.02, 0.03, 0.5, look.metal)
        b.cone(0, -0.27, 0.0, 0.17, 0.025, look.metal)
    if lamp:
        table_lamp(look, 0, -0.27, 0.535)


def dining_table(look: Look, width: Number, depth: Number) -> None:
    """Table around the origin with a bowl of fruit or a vase."""
    b = look.b
    top = look.timber()
    with b.thing("table", top, surface_kind(top)):
        b.box(0, 0, 0.71, width, depth, 0.045, top, 0.01)
        b.box(0, 0, 0.63, width - 0.2, depth - 0.2, 0.08, shade_of(top, 0.85))
        legs(b, width - 0.16, depth - 0.16, 0.0, 0.71, 0.032, look.metal if look.style == "industrial" else top)


def fruit_bowl(look: Look, x: Number, y: Number, z: Number) -> None:
    """Bowl with red, orange, green and yellow fruit."""
    b = look.b
    glaze = look.paint()
    with b.thing("fruit bowl", glaze, "ceramic"):
        b.cone(x, y, z, 0.075, 0.07, glaze, 2.1)
        for k, colour in enumerate(("red", "orange", "green", "yellow")):
            a = 1.5708 * k + 0.4
            b.ellipsoid(
                x + 0.07 * math.cos(a), y + 0.07 * math.sin(a), z + 0.1, 0.052, 0.052, 0.05, plain(b.rng, colour, 0.03)
            )
        b.ellipsoid(x, y, z + 0.135, 0.052, 0.052, 0.05, plain(b.rng, b.pick(("red", "green", "orange")), 0.03))


def candles(look: Look, x: Number, y: Number, z: Number) -> None:
    """Two candles in holders."""
    b = look.b
    wax = plain(b.rng, b.pick(("white", "white", "red", "beige", "green")))
    with b.thing("candles", wax, "wax", True):
        for s in (-1, 1):
            b.cone(x + s * 0.09, y, z, 0.05, 0.03, look.metal)
            b.cone(x + s * 0.09, y, z + 0.03, 0.02, 0.16 + 0.05 * s, wax)
            if look.lamps_on:
                b.ellipsoid(
                    x + s * 0.09,
                    y,
                    z + 0.225 + 0.05 * s,
                    0.014,
                    0.014,
                    0.032,
                    one_colour(SOLID, srgb(255, 200, 90), emission=1.1),
                    casts=False,
                )
