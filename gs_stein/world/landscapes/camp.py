"""What campers bring to several landscapes."""

from __future__ import annotations

import math

from gs_stein.world.landscapes.nature import rock
from gs_stein.world.landscapes.place import Place
from gs_stein.world.materials import SOLID, Material, Number, fabric, one_colour, shade, srgb, wood


def campfire(p: Place, x: Number, y: Number) -> None:
    """Burning logs in a ring of stones, with the light they give."""
    b = p.b
    log = wood(b.rng, "walnut")
    with b.thing("campfire", Material(colour="orange", c1=srgb(240, 150, 50)), "fire"), b.at(x, y):
        for k in range(8):
            a = 0.7854 * k
            rock(p, 0.42 * math.cos(a), 0.42 * math.sin(a), 0.1)
        for k in range(4):
            a = 0.7854 * k
            b.rod(
                (-0.28 * math.cos(a), -0.28 * math.sin(a), 0.06), (0.1 * math.cos(a), 0.1 * math.sin(a), 0.2), 0.05, log
            )
        for k in range(5):
            a, h = 1.2566 * k, 0.5 if k == 0 else 0.32
            r = 0.0 if k == 0 else 0.1
            hot = one_colour(SOLID, srgb(255, 150 + 20 * (k % 3), 46), emission=1.0, colour="orange")
            b.ellipsoid(r * math.cos(a), r * math.sin(a), 0.14 + 0.5 * h, 0.08, 0.08, 0.5 * h, hot, casts=False)
        b.lamp(0, 0, 0.5, (1.0, 0.55, 0.22), 1.3 if p.dark else 0.2, 0.2)


def tent(p: Place, x: Number, y: Number, yaw: Number) -> None:
    """Ridge tent of cloth that opens south."""
    b = p.b
    cloth = fabric(b.rng, p.kit.colour("red", "orange", "yellow", "green", "blue", "teal", "beige", "purple", "navy"))
    inside = one_colour(SOLID, shade(cloth.c1, 0.2))
    with b.thing("tent", cloth, "fabric"), b.at(x, y, 0, yaw):
        b.frustum(0, 0, 0, 2.0, 2.2, 1.5, cloth, 0.0, 0.94)
        b.frustum(0, -1.06, 0, 0.9, 0.12, 1.1, inside, 0.0, 0.6)
        for s in (-1, 1):
            b.rod((0, s * 1.08, 1.46), (0, s * 1.12, 1.62), 0.03, p.kit.wood("oak"))
