"""Lakes."""

from __future__ import annotations

import math

from gs_stein.world.builder import rotation
from gs_stein.world.landscapes.camp import campfire, tent
from gs_stein.world.landscapes.nature import fir, ground, hills, leafy_tree, ring, rock
from gs_stein.world.landscapes.place import Place
from gs_stein.world.landscapes.village import bench
from gs_stein.world.materials import MOTTLED, SOLID, Material, Number, mix, one_colour, shade, srgb
from gs_stein.world.objects import vehicles


def lake(p: Place) -> None:
    """Water from west over north to east with a jetty, a boat and reeds; trees and a bench or a tent south."""
    b = p.b
    ground(p, "grass", (104, 138, 72), "green")
    hills(p, (78, 112, 84), 8, 11)
    deep = srgb(*{"night": (24, 48, 86), "sunset": (110, 110, 146)}.get(p.time, (62, 132, 168)))
    water = Material(MOTTLED, deep, shade(deep, 1.2), deep, (1.6, 0, 0, 0), gloss=0.18, colour="blue")
    sand = one_colour(SOLID, mix(srgb(206, 188, 146), srgb(104, 138, 72), 0.2))
    b.cone(0, 13.2, -0.03, 21.6, 0.04, sand, 1.0, 11.7, casts=False)
    with b.thing("water", water, "water", True):
        b.cone(0, 13.2, -0.02, 21, 0.04, water, 1.0, 11.1, casts=False)
    _jetty(p, b.uniform(-0.5, 0.5))
    _boat(p, b.uniform(1.7, 2.3), b.uniform(3.6, 4.4), b.uniform(50, 120))
    if b.chance(0.55):
        with b.at(b.uniform(-7, -4), 11, -0.1, b.uniform(-40, 40), 2.6):
            vehicles.sailboat(p.kit)
    _reeds(p)
    _far_shore(p)
    if b.chance(0.5):
        with b.at(b.uniform(-0.3, 0.3), -2.9, 0, 180):
            bench(p, p.kit.wood("oak") if b.chance(0.5) else p.kit.paint(p.kit.colour("red", "green", "white"), 0.04))
    else:
        tent(p, b.uniform(-0.5, 0.5), -4.2, 180 + b.uniform(-15, 15))
        campfire(p, b.uniform(1.2, 1.6), -2.4)
    leaf = one_colour(SOLID, srgb(78, 122, 58), colour="green")
    with b.thing("trees", leaf, "plant", True):
        for x, y in ring(p, 18, 4.6, 8.0, lambda x, y: y < 0.6 and not (abs(x) < 2.2 and y > -5.6)):
            (leafy_tree if b.chance(0.6) else fir)(p, x, y, b.uniform(3.0, 4.8))


def _jetty(p: Place, x: Number) -> None:
    """Planks on posts, from the shore into the water."""
    b = p.b
    plank = p.kit.wood(b.pick(("light", "oak", "walnut")))
    with b.thing("jetty", plank, "wood"):
        for k in range(17):
            b.box(x, 1.75 + 0.22 * k, 0.24, 1.1, 0.19, 0.05, plank)
        for y in (2.1, 3.6, 5.1):
            for s in (-1, 1):
                b.cone(x + s * 0.55, y, -0.1, 0.07, 0.85 if y > 4 else 0.6, plank)
            b.box(x, y, 0.15, 1.1, 0.1, 0.09, plank)


def _boat(p: Place, x: Number, y: Number, yaw: Number) -> None:
    """Rowing boat with benches and oars."""
    b, k = p.b, p.kit
    hull = (
        k.paint(k.colour("red", "white", "green", "yellow", "orange", "navy"), 0.05) if b.chance(0.7) else k.wood("oak")
    )
    inside, oak = k.wood("light"), k.wood("oak")
    with b.thing("boat", hull, "wood" if hull.texture else "paint"), b.at(x, y, 0, yaw):
        for s in (-1, 1):
            for u in range(5):  # each side in five boards along a bow's curve
                t0, t1 = -1 + 0.4 * u, -0.6 + 0.4 * u
                y0, y1 = 0.52 * (1 - 0.9 * t0**4 * (t0 > 0)), 0.52 * (1 - 0.9 * t1**4 * (t1 > 0))
                dx, dy = 1.2 * (t1 - t0), s * (y1 - y0)
                turn = rotation(yaw=math.degrees(math.atan2(dy, dx)), pitch=-s * 18)
                b.box(0.6 * (t0 + t1), s * (y0 + y1) / 2, 0.02, math.hypot(dx, dy) + 0.08, 0.05, 0.42, hull, 0.01, turn)
        b.box(-1.2, 0, 0.02, 0.05, 1.02, 0.42, hull, 0.01)
        b.box(-0.2, 0, 0.03, 2.0, 0.86, 0.04, inside)
        for dx in (-0.7, 0.1):
            b.box(dx, 0, 0.3, 0.26, 1.0, 0.04, inside)
        for s in (-1, 1):
            b.rod((-0.2, s * 0.4, 0.46), (0.5, s * 1.15, 0.12), 0.028, oak)
            b.box(0.6, s * 1.25, 0.06, 0.36, 0.13, 0.03, oak, 0.01, rotation(yaw=s * 46))


def _reeds(p: Place) -> None:
    """Clumps along the shore west and east of the jetty."""
    b = p.b
    blade = one_colour(SOLID, srgb(108, 140, 66), colour="green")
    head = one_colour(SOLID, srgb(104, 70, 46))
    with b.thing("reeds", blade, "plant", True):
        for x, y in ((-2.3, 2.5), (-3.1, 2.7), (-4.0, 2.6), (3.4, 2.6), (4.3, 2.9), (-5.4, 2.9), (5.8, 3.0)):
            for _ in range(6):
                px, py, h = x + b.uniform(-0.4, 0.4), y + b.uniform(-0.3, 0.3), b.uniform(0.7, 1.3)
                b.rod((px, py, 0), (px + b.uniform(-0.15, 0.15), py, h), 0.022, blade, 0.4)
                if b.chance(0.4):
                    b.ellipsoid(px, py, h, 0.04, 0.04, 0.13, head)
    for x, y in ((-1.6, 2.2), (2.6, 2.3), (3.0, 2.1)):
        rock(p, x, y, b.uniform(0.12, 0.26))


def _far_shore(p: Place) -> None:
    """A row of dark firs behind the water."""
    b = p.b
    haze = mix(srgb(*p.sky.horizon), srgb(*p.sky.zenith), 0.3)
    dark = one_colour(SOLID, mix(srgb(52, 88, 60), haze, 0.25), colour="green")
    with b.thing("fir trees", dark, "plant", True):
        for k in range(22):
            a = math.pi * (0.08 + 0.84 * (k + b.uniform(-0.3, 0.3)) / 21)
            h = b.uniform(3.0, 5.0)
            b.cone(22 * math.cos(a), 13.2 + 12.2 * math.sin(a), 0, 0.26 * h, h, dark, 0.05, casts=False)
