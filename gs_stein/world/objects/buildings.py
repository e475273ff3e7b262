"""Buildings."""

from __future__ import annotations

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import BANDS, BRICK, SOLID, Material, named, one_colour, shade, srgb
from gs_stein.world.objects.kit import Kit


def house(k: Kit) -> None:
    """Walls, gable roof, door, windows and a chimney."""
    b = k.b
    brick = b.chance(0.25)
    c = srgb(168, 84, 62)
    wall = (
        Material(BRICK, shade(c, 0.85), shade(c, 1.12), srgb(200, 186, 168), (0.1, 0.26, 0.008, 0), colour="red")
        if brick
        else k.paint(k.colour("white", "beige", "yellow", "pink", "blue", "green", "teal", "orange"), 0.0)
    )
    roof = k.paint(
        k.colour("red", "brown", "grey", "navy", "orange", "green", "teal", "purple")
        if not brick
        else k.colour("grey", "brown", "black", "navy"),
        0.0,
    )
    door = k.paint(k.other(wall.colour, roof.colour, "white"), 0.03)
    white = k.paint("white", 0.02)
    with k.part("house", wall, "brick" if brick else "paint"):
        b.box(0, 0, 0, 1.2, 0.9, 0.7, wall)
        b.frustum(0, 0, 0.7, 1.2, 0.9, 0.5, wall, 1.0, 0.0)
        for x in (-0.4, 0.4):
            b.box(x, -0.455, 0.26, 0.3, 0.03, 0.3, white)
            b.box(x, -0.465, 0.285, 0.25, 0.03, 0.25, k.glass())
            b.box(x, -0.475, 0.285, 0.03, 0.03, 0.25, white)
            b.box(x, 0.455, 0.26, 0.3, 0.03, 0.3, white)
            b.box(x, 0.465, 0.285, 0.25, 0.03, 0.25, k.glass())
        for s in (-1, 1):
            b.box(s * 0.605, 0, 0.26, 0.03, 0.36, 0.3, white)
            b.box(s * 0.615, 0, 0.285, 0.03, 0.31, 0.25, k.glass())
    with k.part("roof", roof):
        for s in (-1, 1):  # two boards on the gable's slopes
            b.box(0, s * 0.275, 0.885, 1.36, 0.8, 0.06, roof, turn=rotation(pitch=-s * 48.0))
    with k.part("door", door):
        b.box(0, -0.455, 0.0, 0.28, 0.03, 0.5, white)
        b.box(0, -0.465, 0.0, 0.23, 0.03, 0.47, door)
        b.ellipsoid(0.075, -0.485, 0.23, 0.02, 0.02, 0.02, k.metal("yellow"))
    chimney = k.paint("red" if roof.colour != "red" else "grey", 0.0)
    b.box(0.36, 0.2, 0.8, 0.16, 0.16, 0.5, chimney)
    b.box(0.36, 0.2, 1.28, 0.2, 0.2, 0.05, k.dark(0.0))


def castle(k: Kit) -> None:
    """Four towers with pointed roofs, battlements and a gate."""
    b = k.b
    stone = k.paint(k.colour("grey", "grey", "beige", "white", "pink"), 0.0)
    roof = k.paint(k.other(stone.colour, "white", "beige"), 0.03)
    with k.part("castle", stone, "stone"):
        b.box(0, 0, 0, 1.1, 1.1, 0.5, stone)
        for s in (-1, 1):
            for j in range(5):
                t = -0.4 + 0.2 * j
                b.box(t, s * 0.52, 0.5, 0.11, 0.07, 0.1, stone)
                b.box(s * 0.52, t, 0.5, 0.07, 0.11, 0.1, stone)
        for sx in (-1, 1):
            for sy in (-1, 1):
                b.cone(sx * 0.55, sy * 0.55, 0, 0.2, 0.85, stone, 0.95)
                b.cone(sx * 0.55, sy * 0.55, 0.82, 0.22, 0.08, stone)
                b.box(sx * 0.55, sy * 0.55 + sy * 0.19, 0.55, 0.07, 0.03, 0.14, k.dark(0.0))
        b.cone(0, 0, 0.4, 0.28, 0.75, stone, 0.95)
        b.cone(0, 0, 1.12, 0.3, 0.08, stone)
        b.box(0, -0.56, 0, 0.3, 0.03, 0.24, k.wood("walnut"))
        b.cone(0, -0.56, 0.225, 0.15, 0.03, k.wood("walnut"), turn=ON_SIDE)
    with k.part("roofs", roof, "paint", True):
        for sx in (-1, 1):
            for sy in (-1, 1):
                b.cone(sx * 0.55, sy * 0.55, 0.89, 0.24, 0.42, roof, 0.02)
        b.cone(0, 0, 1.19, 0.33, 0.5, roof, 0.02)
    b.cone(0, 0, 1.65, 0.012, 0.22, k.dark(0.0))
    b.box(0.09, 0, 1.76, 0.17, 0.015, 0.1, k.paint("red", 0.0))


def lighthouse(k: Kit) -> None:
    """Banded tower with a lantern room."""
    b = k.b
    name = k.colour("red", "red", "blue", "black", "orange", "green")
    tower = Material(BANDS, named(b.rng, name), named(b.rng, "white"), (0, 0, 0), (5.0, 0, 0, 0), 0.03, colour=name)
    with k.part("lighthouse", tower, "striped white"):
        b.cone(0, 0, 0.15, 0.34, 1.2, tower, 0.62)
        b.cone(0, 0, 1.35, 0.3, 0.05, k.dark())
        b.torus(0, 0, 1.47, 0.27, 0.012, k.dark())
        b.cone(0, 0, 1.4, 0.15, 0.22, one_colour(SOLID, srgb(255, 226, 140), emission=0.5, colour="yellow"))
        b.cone(0, 0, 1.62, 0.2, 0.22, k.paint(name, 0.05), 0.05)
        b.box(0, -0.33, 0.15, 0.16, 0.06, 0.26, k.wood("walnut"))
    b.ellipsoid(0, 0, 0.0, 0.6, 0.6, 0.2, one_colour(SOLID, srgb(128, 124, 118)), cut=0.0)


def windmill(k: Kit) -> None:
    """Tapered tower with four sails to the front."""
    b = k.b
    tower = k.paint(k.colour("white", "beige", "grey", "red", "blue", "green"), 0.0)
    cap = k.paint(k.other(tower.colour, "white"), 0.02)
    with k.part("windmill", tower, "paint"):
        b.cone(0, 0, 0, 0.42, 1.0, tower, 0.6)
        b.box(0, -0.38, 0, 0.2, 0.1, 0.32, k.wood("walnut"))
        b.box(0, -0.31, 0.55, 0.12, 0.06, 0.14, k.glass())
    with k.part("roof", cap):
        b.ellipsoid(0, 0, 1.0, 0.29, 0.29, 0.28, cap, cut=0.0)
    sail = k.wood("light")
    with b.at(0, -0.36, 1.06):
        b.cone(0, 0, -0.06, 0.06, 0.12, k.dark(), turn=ON_SIDE)
        for j in range(4):
            with b.at(0, 0, 0, roll=25 + 90 * j):
                b.box(0, 0, 0.0, 0.035, 0.03, 0.74, k.wood("dark"))
                b.box(0.075, 0, 0.16, 0.15, 0.02, 0.56, sail)


def well(k: Kit) -> None:
    """Stone well with a roof and a bucket."""
    b = k.b
    stone = Material(
        BRICK, srgb(150, 146, 140), srgb(122, 120, 116), srgb(88, 86, 84), (0.14, 0.2, 0.008, 0), colour="grey"
    )
    roof = k.paint(k.colour("red", "brown", "blue", "green", "orange"), 0.0)
    post = k.wood("oak")
    with k.part("well", stone, "stone"):
        for j in range(12):
            a = 30 * j
            with b.at(0, 0, 0, a):
                b.box(0.45, 0, 0, 0.14, 0.26, 0.5, stone, 0.02)
        b.cone(0, 0, 0.1, 0.4, 0.25, one_colour(SOLID, srgb(60, 110, 150), gloss=0.2))
        for s in (-1, 1):
            b.box(s * 0.44, 0, 0.4, 0.07, 0.07, 0.85, post)
        b.rod((-0.44, 0, 0.95), (0.44, 0, 0.95), 0.035, post)
        b.cone(0, 0, 0.6, 0.11, 0.18, k.wood("walnut"), 1.15)
        b.cone(0, 0, 0.76, 0.01, 0.2, k.dark())
    with k.part("roof", roof):
        b.frustum(0, 0, 1.2, 1.25, 0.95, 0.42, roof, 0.95, 0.04)
