"""Shelves, drawers and cupboards of several rooms, and what lies in and on them; frames as in `parts.py`."""

from __future__ import annotations

from gs_stein.world.builder import rotation
from gs_stein.world.materials import BOOKS, Material, Number, plain, shade
from gs_stein.world.rooms.decoration import vase
from gs_stein.world.rooms.parts import cabinet, shade_of, surface_kind
from gs_stein.world.styles import Look


def bookshelf(look: Look, width: Number = 1.2, height: Number = 2.0, name: str = "bookshelf") -> None:
    """Boards with rows of books, a few gaps and ornaments."""
    b = look.b
    body = look.timber()
    depth, board = 0.32, 0.035
    rows = 5 if height > 1.7 else 3
    with b.thing(name, body, surface_kind(body)):
        b.box(0, -0.015, 0, width, 0.03, height, shade_of(body, 0.75))
        for s in (-1, 1):
            b.box(s * (width / 2 - board / 2), -depth / 2, 0, board, depth, height, body)
        pitch = (height - board - 0.06) / rows
        for i in range(rows + 1):
            b.box(
                0, -depth / 2, 0.06 + i * pitch - (0.0 if i else 0.06), width, depth, board + (0.0 if i else 0.06), body
            )
        for i in range(rows):
            z = 0.06 + i * pitch + board
            free = pitch - board
            inner = width - 2 * board - 0.02
            share = b.uniform(0.55, 1.0) if b.chance(0.55) else 1.0
            muted = 1.0 if look.style in ("minimalist", "industrial") and b.chance(0.6) else 0.0
            texture = Material(BOOKS, shade(body.c1, 0.5), p=(0.068, float(b.rng.integers(1000)), muted, 0.0))
            side = -1 if b.chance(0.5) else 1
            b.box(side * inner * (1 - share) / 2, -0.15, z, inner * share, 0.22, 0.86 * free, texture)
            if share < 0.85:
                ornament(
                    look, -side * (inner / 2 - inner * (1 - share) / 2), -0.17, z, min(0.09, inner * (1 - share) / 2.6)
                )


def dresser(look: Look, width: Number = 1.3) -> None:
    """Chest of drawers with small things on it."""
    b = look.b
    body = look.timber()
    with b.thing("dresser", body, surface_kind(body)):
        cabinet(b, width, 0.46, 0.84, body, 2, 3, look.metal, 0.1, knobs=b.chance(0.5))
        b.box(0, -0.24, 0.83, width + 0.03, 0.5, 0.03, body, 0.008)
    if b.chance(look.palette.clutter):
        vase(look, -0.3 * width, -0.24, 0.86)
    if b.chance(look.palette.clutter):
        books_lying(look, 0.28 * width, -0.24, 0.86)


def sideboard(look: Look, width: Number = 1.5) -> None:
    """Low cabinet with doors."""
    b = look.b
    body = look.timber()
    with b.thing("sideboard", body, surface_kind(body)):
        cabinet(b, width, 0.44, 0.84, body, 3, 1, look.metal, 0.1)
        b.box(0, -0.23, 0.835, width + 0.03, 0.48, 0.03, body, 0.008)


def ornament(look: Look, x: Number, y: Number, z: Number, size: Number) -> None:
    """Ball, box or cup on a shelf."""
    b = look.b
    glaze = look.paint()
    kind = int(b.rng.integers(3))
    if kind == 0:
        b.ellipsoid(x, y, z + size, size, size, size, glaze)
    elif kind == 1:
        b.cone(x, y, z, 0.7 * size, 1.8 * size, glaze, 1.2)
    else:
        b.box(x, y, z, 1.5 * size, 1.5 * size, 1.6 * size, glaze, 0.01)


def books_lying(look: Look, x: Number, y: Number, z: Number) -> None:
    """Two or three books in a pile."""
    b = look.b
    for k in range(2 if b.chance(0.5) else 3):
        cover = plain(b.rng, b.pick(("red", "blue", "green", "yellow", "navy", "orange", "white")))
        b.box(x, y, z + 0.035 * k, 0.24 - 0.02 * k, 0.17, 0.033, cover, turn=rotation(yaw=b.uniform(-20, 20)))
