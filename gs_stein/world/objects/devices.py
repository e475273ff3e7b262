"""Cameras, telephones, globes, candles and chess pieces."""

from __future__ import annotations

import math

from gs_stein.world.builder import ON_SIDE, rotation
from gs_stein.world.materials import SOLID, one_colour, srgb
from gs_stein.world.objects.kit import Kit


def camera(k: Kit) -> None:
    """Body with a lens to the south, a viewfinder and a shutter button."""
    b = k.b
    leather = k.paint(k.colour("black", "black", "brown", "red", "teal", "blue", "pink", "white"), 0.04)
    steel = k.metal("grey")
    r = b.uniform(0.27, 0.33)
    with k.part("camera", leather, "leather"):
        b.box(0, 0, 0.08, 1.3, 0.42, 0.58, leather, 0.08)
        b.box(0, 0, 0.62, 1.28, 0.42, 0.16, steel, 0.06)
        b.box(0, 0, 0.0, 1.28, 0.42, 0.12, steel, 0.05)
        b.box(0, -0.01, 0.76, 0.42, 0.36, 0.2, steel, 0.06)
        b.box(0, -0.19, 0.8, 0.22, 0.02, 0.1, k.glass(), 0.01)
        b.box(0, 0.18, 0.8, 0.18, 0.03, 0.1, k.dark(), 0.01)
        b.box(0.0, 0.21, 0.18, 0.6, 0.02, 0.38, k.dark(0.2), 0.01)
        b.cone(0.44, 0, 0.78, 0.11, 0.07, k.dark())
        b.cone(-0.36, 0, 0.78, 0.07, 0.04, steel)
        b.cone(-0.36, 0, 0.81, 0.045, 0.05, k.paint("red", 0.08))
        b.box(0.47, -0.2, 0.62, 0.22, 0.04, 0.13, k.paint("white", 0.2), 0.02)
        for s in (-1, 1):
            b.torus(s * 0.67, 0, 0.62, 0.05, 0.016, steel, ON_SIDE)
    with k.part("lens", k.dark(), "glass"), b.at(0, -0.2, 0.38):
        b.cone(0, -0.1, -0.1, r, 0.2, steel, turn=ON_SIDE)
        b.cone(0, -0.28, -0.1, 0.86 * r, 0.2, k.dark(), turn=ON_SIDE)
        b.torus(0, -0.38, 0, 0.8 * r, 0.03, steel, ON_SIDE)
        b.ellipsoid(0, -0.37, 0, 0.72 * r, 0.07, 0.72 * r, one_colour(SOLID, srgb(36, 44, 84), gloss=0.35))


def telephone(k: Kit) -> None:
    """With a dial and a receiver on its fork."""
    b = k.b
    body = k.paint(k.colour("red", "black", "green", "yellow", "blue", "white", "teal", "pink", "orange"), 0.1)
    receiver = body if b.chance(0.6) else k.paint(k.other(body.colour), 0.1)
    face = k.paint("white" if body.colour != "white" else "black", 0.06)
    with k.part("telephone", body, "plastic"):
        b.frustum(0, 0, 0.04, 1.0, 0.86, 0.5, body, 0.62, 0.5)
        b.box(0, 0, 0, 1.06, 0.92, 0.08, body, 0.03)
        for s in (-1, 1):
            b.box(s * 0.24, 0.04, 0.5, 0.1, 0.28, 0.18, body, 0.03)
        with b.at(0, -0.325, 0.3, pitch=-66 + 90):
            b.cone(0, -0.02, -0.03, 0.27, 0.06, face, turn=ON_SIDE)
            b.cone(0, -0.05, -0.02, 0.1, 0.04, k.metal("grey"), turn=ON_SIDE)
            for j in range(10):
                a = math.radians(40 + 28 * j)
                b.ellipsoid(0.19 * math.cos(a), -0.05, 0.19 * math.sin(a), 0.04, 0.02, 0.04, k.dark())
        k.limb([(0.5 + 0.03 * j, -0.05 - 0.05 * j, 0.05 + 0.03 * (j % 2)) for j in range(7)], 0.03, 0.03, k.dark())
    with k.part("receiver", receiver, "plastic"):
        k.limb(((-0.5, 0.04, 0.74), (-0.24, 0.04, 0.82), (0.24, 0.04, 0.82), (0.5, 0.04, 0.74)), 0.085, 0.085, receiver)
        for s in (-1, 1):
            b.cone(s * 0.52, 0.04, 0.52, 0.2, 0.16, receiver, 0.7)
            b.cone(s * 0.52, 0.04, 0.5, 0.17, 0.03, k.dark())


def globe(k: Kit) -> None:
    """The earth, tilted, in a bow on a stand."""
    b = k.b
    sea = k.paint("blue", 0.08) if b.chance(0.7) else k.paint(k.colour("teal", "beige", "navy"), 0.08)
    land = k.paint("green" if sea.colour != "teal" else "yellow", 0.03)
    stand, kind = (k.wood(), "wood") if b.chance(0.6) else (k.metal(b.pick(("yellow", "grey"))), "metal")
    with k.part("globe", sea, "paint"), b.at(0, 0, 0.92, b.uniform(0, 360), roll=0):
        b.ellipsoid(0, 0, 0, 0.56, 0.56, 0.56, sea)
        continents = (
            (10, 12, 0.26, 0.2), (22, -12, 0.16, 0.24), (100, 38, 0.34, 0.2), (60, 45, 0.24, 0.16),
            (140, -24, 0.2, 0.13), (258, 40, 0.28, 0.2), (285, 12, 0.12, 0.14), (300, -12, 0.18, 0.2),
            (294, -34, 0.1, 0.2), (318, 68, 0.13, 0.1), (196, 26, 0.24, 0.15),
            (222, -22, 0.2, 0.14),
        )  # fmt: skip
        for lon, lat, wide, high in continents:
            a, e = math.radians(lon), math.radians(lat)
            p = (0.53 * math.cos(e) * math.cos(a), 0.53 * math.cos(e) * math.sin(a), 0.53 * math.sin(e))
            b.ellipsoid(*p, 0.05, wide, high, land, rotation(yaw=lon, roll=-lat))
        b.ellipsoid(0, 0, 0.52, 0.2, 0.2, 0.045, k.paint("white", 0.02))
        b.ellipsoid(0, 0, -0.52, 0.24, 0.24, 0.045, k.paint("white", 0.02))
    with k.part("stand", stand, kind):
        arc = [(0.64 * math.cos(math.radians(a)), 0, 0.92 + 0.64 * math.sin(math.radians(a))) for a in
               range(-90, 91, 20)]  # fmt: skip
        k.limb(arc, 0.04, 0.04, stand)
        b.cone(0, 0, 0.08, 0.06, 0.24, stand)
        b.cone(0, 0, 0, 0.4, 0.1, stand, 0.75)
        b.ellipsoid(0, 0, 0.28, 0.09, 0.09, 0.05, stand)


def candle(k: Kit) -> None:
    """Burning, in a dish with a ring to hold."""
    b = k.b
    wax = k.paint(k.colour("white", "white", "red", "beige", "green", "blue", "pink", "yellow", "purple"), 0.04)
    dish, kind = k.finish(0.0, 0.6)
    h = b.uniform(0.75, 1.15)
    hot = one_colour(SOLID, srgb(255, 190, 70), emission=0.8, colour="orange")
    with k.part("candle", wax, "wax"):
        b.cone(0, 0, 0.1, 0.19, h, wax)
        b.torus(0, 0, 0.1 + h, 0.155, 0.035, wax)
        for j in range(7):
            a = 2.4 * j
            b.ellipsoid(0.18 * math.cos(a), 0.18 * math.sin(a), h - 0.02 * j, 0.045, 0.045, 0.1 + 0.02 * (j % 3), wax)
        b.cone(0, 0, 0.1 + h, 0.015, 0.1, k.dark())
        b.ellipsoid(0, 0, 0.28 + h, 0.08, 0.08, 0.12, hot)
        b.cone(0, 0, 0.3 + h, 0.075, 0.22, hot, 0.05)
    with k.part("candle holder", dish, kind):
        b.cone(0, 0, 0, 0.34, 0.09, dish, 1.4)
        b.torus(0, 0, 0.1, 0.46, 0.04, dish)
        b.cone(0, 0, 0.07, 0.25, 0.16, dish, 0.9)
        b.torus(0.63, 0, 0.12, 0.14, 0.035, dish, ON_SIDE)


def chess_piece(k: Kit) -> None:
    """King, bishop, rook or pawn on nine squares of its board."""
    b = k.b
    piece, kind = (k.wood(b.pick(("light", "walnut", "dark"))), "wood") if b.chance(0.4) else (
        k.paint(k.colour("white", "black", "white", "black", "red", "blue", "green"), 0.1), "paint")  # fmt: skip
    tones = k.wood("light"), k.wood("dark")
    what = b.pick(("king", "bishop", "rook", "pawn"))
    with k.part("chess piece", piece, kind):
        b.cone(0, 0, 0, 0.36, 0.1, piece)
        b.torus(0, 0, 0.13, 0.29, 0.06, piece)
        b.cone(0, 0, 0.14, 0.29, 0.14, piece, 0.7)
        if what == "pawn":
            b.cone(0, 0, 0.26, 0.2, 0.42, piece, 0.6)
            b.cone(0, 0, 0.66, 0.21, 0.06, piece, 0.9)
            b.ellipsoid(0, 0, 0.9, 0.23, 0.23, 0.23, piece)
        elif what == "rook":
            b.cone(0, 0, 0.26, 0.23, 0.6, piece, 0.85)
            b.cone(0, 0, 0.84, 0.22, 0.1, piece, 1.35)
            b.cone(0, 0, 0.94, 0.3, 0.08, piece)
            for j in range(6):
                with b.at(0, 0, 0, 60 * j):
                    b.box(0.25, 0, 1.0, 0.11, 0.17, 0.16, piece, 0.01)
            b.cone(0, 0, 1.015, 0.2, 0.01, k.dark(0.0))
        else:
            tall = 0.86 if what == "king" else 0.62
            b.cone(0, 0, 0.26, 0.2, tall, piece, 0.62)
            b.torus(0, 0, 0.24 + tall, 0.15, 0.045, piece)
            b.torus(0, 0, 0.34 + tall, 0.13, 0.035, piece)
            if what == "king":
                b.cone(0, 0, 0.34 + tall, 0.14, 0.26, piece, 1.55)
                b.ellipsoid(0, 0, 0.6 + tall, 0.215, 0.215, 0.08, piece)
                b.box(0, 0, 0.64 + tall, 0.07, 0.06, 0.26, piece, 0.01)
                b.box(0, 0, 0.74 + tall, 0.2, 0.06, 0.07, piece, 0.01)
            else:
                b.ellipsoid(0, 0, 0.58 + tall, 0.18, 0.18, 0.26, piece)
                b.ellipsoid(0, 0, 0.87 + tall, 0.05, 0.05, 0.05, piece)
                b.box(0.1, -0.06, 0.62 + tall, 0.04, 0.3, 0.2, k.dark(0.0), 0, rotation(roll=35))
    with b.thing("chessboard", None, "wood"):
        for i in range(9):
            b.box(0.45 * (i % 3 - 1), 0.45 * (i // 3 - 1), -0.08, 0.45, 0.45, 0.08, tones[i % 2])
