"""What pieces of furniture are made of.

Pieces, here and in the other files of this folder, are built in the present frame of the builder: their back is at
y = 0 against the wall, their front faces −y, x runs along the wall, z = 0 is the floor. Each consists of several
recognisable parts.
"""

from __future__ import annotations

from gs_stein.world.builder import Builder
from gs_stein.world.materials import GRAIN, Material, Number, shade


def surface_kind(material: Material) -> str:
    """Word for captions: wood for grained finishes, else paint."""
    return "wood" if material.texture == GRAIN else "paint"


def shade_of(material: Material, factor: Number) -> Material:
    """The same surface, darker or brighter."""
    return Material(
        material.texture,
        shade(material.c1, factor),
        shade(material.c2, factor),
        shade(material.c3, factor),
        material.p,
        material.gloss,
        material.emission,
        material.colour,
    )


def legs(
    b: Builder,
    width: Number,
    depth: Number,
    y: Number,
    height: Number,
    radius: Number,
    material: Material,
    taper: Number = 0.7,
) -> None:
    """Four legs under a width × depth rectangle around (0, y)."""
    for sx in (-1, 1):
        for sy in (-1, 1):
            b.cone(sx * width / 2, y + sy * depth / 2, 0.0, radius * taper, height, material, 1 / taper)


def cabinet(
    b: Builder,
    width: Number,
    depth: Number,
    height: Number,
    body: Material,
    columns: int,
    rows: int,
    handle: Material,
    foot: Number = 0.06,
    knobs: bool = False,
    doors: Material | None = None,
) -> None:
    """Box on a plinth or feet with columns × rows of doors or drawers and their handles."""
    front = doors or shade_of(body, 1.04)
    b.box(0, -depth / 2, foot, width, depth - 0.02, height - foot, body)
    if foot > 0:
        legs(b, width - 0.14, depth - 0.14, -depth / 2, foot + 0.01, 0.025, handle)
    w, h = width / columns, (height - foot) / rows
    for i in range(columns):
        for j in range(rows):
            x, z = -width / 2 + (i + 0.5) * w, foot + j * h
            b.box(x, -depth, z + 0.018, w - 0.03, 0.025, h - 0.036, front, 0.006)
            if knobs:
                b.ellipsoid(x, -depth - 0.03, z + h / 2, 0.022, 0.022, 0.022, handle)
            elif rows > 1 or w > h:
                b.box(x, -depth - 0.025, z + h * 0.62, min(0.16, 0.5 * w), 0.025, 0.025, handle)
            else:
                side = 1 if i % 2 == 0 else -1
                b.box(x + side * (w / 2 - 0.07), -depth - 0.025, z + 0.42 * h, 0.025, 0.025, min(0.24, 0.3 * h), handle)
