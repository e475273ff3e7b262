"""Meadows with a cottage."""

from __future__ import annotations

from gs_stein.world.builder import rotation
from gs_stein.world.landscapes.nature import ground, hills, leafy_tree, ring, rock
from gs_stein.world.landscapes.place import Place
from gs_stein.world.landscapes.village import cottage, fence, haystack, placed, strip
from gs_stein.world.materials import MOTTLED, SOLID, Material, one_colour, shade, srgb
from gs_stein.world.objects import large_animals, more_vehicles


def meadow(p: Place) -> None:
    """Cottage north, grazing animals west and south, a haystack or a tractor east, a fence, flowers and trees."""
    b, k = p.b, p.kit
    ground(p, "grass", (112, 150, 70), "green")
    hills(p, (100, 138, 80), 6, 10)
    c = srgb(178, 150, 112)
    earth = Material(MOTTLED, shade(c, 0.88), shade(c, 1.1), c, (0.3, 0, 0, 0), colour="brown")
    with b.thing("path", earth, "earth"):
        strip(p, 0, 1.4, 0.9, 4.8, earth)
    with b.at(b.uniform(-0.2, 0.2), 5.3, 0, b.uniform(-8, 8), b.uniform(1.0, 1.15)):
        cottage(p)
    make, size = b.pick(
        (
            (large_animals.sheep, 0.95),
            (large_animals.sheep, 0.95),
            (large_animals.cow, 1.25),
            (large_animals.horse, 1.1),
        )
    )
    for x, y, likely in ((-3.3, 0.3, 1.0), (-1.7, -3.4, 0.8), (-5.0, -1.6, 0.6), (1.4, -4.4, 0.5)):
        if b.chance(likely):
            placed(p, make, x + b.uniform(-0.3, 0.3), y + b.uniform(-0.3, 0.3), b.uniform(0, 360), size)
    if b.chance(0.7):
        haystack(p, 3.3, b.uniform(-0.6, 0.4), b.uniform(1.3, 1.6))
        haystack(p, 5.0, b.uniform(1.0, 1.8), b.uniform(1.2, 1.5))
    else:
        placed(p, more_vehicles.tractor, 3.6, b.uniform(-0.4, 0.4), b.uniform(100, 200), 1.3)
    post = k.paint("white", 0.02) if b.chance(0.5) else k.wood(b.pick(("oak", "walnut")))
    with b.thing("fence", post, "wood" if post.texture else "paint"):
        fence(p, (-6.0, 3.3), (-0.8, 3.3), post)
        fence(p, (0.8, 3.3), (6.0, 3.3), post)
    leaf = one_colour(SOLID, srgb(78, 122, 58), colour="green")
    with b.thing("trees", leaf, "plant", True):
        for x, y in ring(p, 15, 6.6, 10.0, lambda x, y: not (abs(x) < 3.2 and y > 0)):
            leafy_tree(p, x, y, b.uniform(3.2, 5.0))
    petals = k.paint(k.colour("red", "yellow", "white", "purple", "pink", "blue"), 0.0)
    with b.thing("wildflowers", petals, "flowers", True):
        for x, y in ring(p, 40, 1.7, 4.8, lambda x, y: abs(x) > 0.6 and y < 3.1):
            b.cone(x, y, 0, 0.012, 0.2, leaf, casts=False)
            b.ellipsoid(x, y, 0.22, 0.06, 0.06, 0.04, petals, casts=False)
    for x, y in ring(p, 16, 1.9, 4.5, lambda x, y: abs(x) > 0.7 and y < 3.0):
        tuft = one_colour(SOLID, srgb(124, 160, 74))
        for j in range(3):
            b.ellipsoid(x + 0.06 * j, y, 0.09, 0.025, 0.025, 0.14, tuft, rotation(roll=-25 + 25 * j), casts=False)
    for x, y in ring(p, 4, 2.6, 5.0, lambda x, y: x > 0.8 and y < 2.5):
        rock(p, x, y, b.uniform(0.12, 0.26))
