"""Outdoor scenes: a forest clearing, a desert, snowy mountains and a beach.

Cameras stand where they stand in rooms; things are placed around them at 2 to 6 m (nothing above a metre inside the
standing region), hills and clouds far behind. There is no room box: the sky is the background.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gs_stein.cameras import RoomCameras
from gs_stein.world import objects_world as ow
from gs_stein.world.materials import MOTTLED, SOLID, Material, Number, fabric, mix, one_colour, shade, srgb, wood
from gs_stein.world.objects import Kit
from gs_stein.world.primitives import Builder, Scene, Vector, rotation

TIMES = ("day", "sunny", "sunset", "night")


@dataclass(frozen=True)
class Sky:
    """Light of a time of day."""

    zenith: tuple[int, int, int]
    horizon: tuple[int, int, int]
    sun: Vector
    colour: Vector
    power: float
    above: Vector
    below: Vector
    exposure: float


SKIES: dict[str, Sky] = {
    "day": Sky(
        (112, 166, 216),
        (206, 226, 238),
        (-0.6, -0.5, 0.9),
        (1.0, 0.97, 0.92),
        0.75,
        (0.62, 0.68, 0.76),
        (0.32, 0.31, 0.28),
        0.95,
    ),
    "sunny": Sky(
        (70, 144, 218),
        (182, 216, 240),
        (-0.7, -0.6, 0.8),
        (1.0, 0.94, 0.8),
        1.25,
        (0.5, 0.58, 0.72),
        (0.34, 0.32, 0.26),
        0.95,
    ),
    "sunset": Sky(
        (92, 92, 152),
        (250, 168, 100),
        (-1.0, 0.15, 0.3),
        (1.0, 0.58, 0.28),
        1.1,
        (0.46, 0.4, 0.5),
        (0.36, 0.27, 0.22),
        0.95,
    ),
    "night": Sky(
        (10, 18, 46),
        (40, 56, 104),
        (-0.6, 0.3, 0.8),
        (0.5, 0.62, 1.0),
        0.26,
        (0.13, 0.17, 0.32),
        (0.07, 0.08, 0.12),
        1.2,
    ),
}
"""Keyed by time."""


@dataclass
class Place:
    """A landscape under construction."""

    b: Builder
    time: str
    sky: Sky

    @property
    def kit(self) -> Kit:
        """Finishes, and the maker of single objects."""
        return Kit(self.b)

    @property
    def dark(self) -> bool:
        """Fires and windows glow."""
        return self.time in ("night", "sunset")


def _ground(p: Place, name: str, rgb: tuple[int, int, int], colour: str) -> None:
    c = srgb(*rgb)
    material = Material(MOTTLED, shade(c, 0.82), shade(c, 1.16), c, (0.9, 0, 0, 0), colour=colour)
    with p.b.thing(name, material, name):
        p.b.box(0, 0, -0.2, 160, 160, 0.2, material, casts=False)


def _heavens(p: Place, clouds: int = 7) -> None:
    """Sun or moon in the west, clouds or stars."""
    b = p.b
    x, y, z = p.sky.sun
    length = math.sqrt(x * x + y * y + z * z)
    d = 62.0
    if p.time == "night":
        moon = one_colour(SOLID, srgb(150, 152, 146), emission=1.6)
        b.ellipsoid(-0.8 * d, 0.25 * d, 0.42 * d, 2.4, 2.4, 2.4, moon, casts=False)
        star = one_colour(SOLID, srgb(160, 166, 190), emission=1.6)
        for k in range(26):
            a, e = 2.399963 * k, 0.25 + 0.5 * ((k * 0.618) % 1)
            b.ellipsoid(
                d * math.cos(a) * math.cos(e),
                d * math.sin(a) * math.cos(e),
                d * math.sin(e),
                0.2,
                0.2,
                0.2,
                star,
                casts=False,
            )
        return
    if p.time == "sunset":
        disc = one_colour(SOLID, srgb(255, 214, 140), emission=1.8)
        b.ellipsoid(-0.97 * d, 0.15 * d, 0.17 * d, 3.4, 3.4, 3.4, disc, casts=False)
    elif p.time == "sunny":
        disc = one_colour(SOLID, srgb(255, 244, 200), emission=2.2)
        b.ellipsoid(d * x / length, d * y / length, d * z / length * 0.8, 3.2, 3.2, 3.2, disc, casts=False)
    tint = srgb(226, 150, 130) if p.time == "sunset" else srgb(200, 204, 210)
    cloud = one_colour(SOLID, shade(tint, 0.75), emission=0.7)
    for k in range(clouds if p.time != "sunny" else clouds // 2):
        a, e = 2.399963 * k + b.uniform(-0.4, 0.4), b.uniform(0.16, 0.42)
        cx, cy, cz = d * math.cos(a) * math.cos(e), d * math.sin(a) * math.cos(e), d * math.sin(e)
        with b.at(cx, cy, cz, math.degrees(a) + 90):
            for s, r in ((-3.2, 2.2), (0.0, 3.2), (3.2, 2.4)):
                b.ellipsoid(s, 0, 0.25 * r - 0.7, 1.35 * r, r, 0.55 * r, cloud, casts=False)


def _hills(p: Place, rgb: tuple[int, int, int], height: Number, count: int = 9) -> None:
    """A ring of far, rounded hills, bluish with distance."""
    b = p.b
    haze = mix(srgb(*p.sky.horizon), srgb(*p.sky.zenith), 0.3)
    for k in range(count):
        a = 2 * math.pi * (k + b.uniform(-0.3, 0.3)) / count
        r = b.uniform(32, 46)
        c = mix(srgb(*rgb), haze, 0.12 + 0.011 * (r - 28))
        b.ellipsoid(
            r * math.cos(a),
            r * math.sin(a),
            -1.0,
            b.uniform(11, 17),
            b.uniform(11, 17),
            height * b.uniform(0.7, 1.4),
            Material(SOLID, c, c, c),
            casts=False,
        )


def _fir(p: Place, x: Number, y: Number, height: Number, snow: bool = False) -> None:
    b = p.b
    bark = one_colour(SOLID, srgb(88, 64, 48))
    needles = one_colour(SOLID, srgb(56 + b.uniform(-8, 12), 96 + b.uniform(-10, 14), 66), colour="green")
    white = one_colour(SOLID, srgb(232, 236, 240))
    b.cone(x, y, 0, 0.05 * height, 0.22 * height, bark)
    for k in range(3):
        z, r, h = (0.14 + 0.24 * k) * height, (0.24 - 0.055 * k) * height, 0.4 * height
        b.cone(x, y, z, r, h, needles, 0.05)
        if snow:
            b.cone(x, y, z + 0.5 * h, 0.56 * r, 0.52 * h, white, 0.05)


def _leafy(p: Place, x: Number, y: Number, height: Number) -> None:
    b = p.b
    bark = one_colour(SOLID, srgb(98, 72, 52))
    g = b.uniform(-12, 14)
    b.cone(x, y, 0, 0.055 * height, 0.6 * height, bark, 0.6)
    for k in range(5):
        c = srgb(78 + g + 8 * (k % 3), 122 + g + 7 * (k % 2), 58)
        a = 1.2566 * k + g
        r = 0.15 * height if k else 0.0
        s = (0.2 if k else 0.23) * height
        b.ellipsoid(
            x + r * math.cos(a),
            y + r * math.sin(a),
            (0.66 if k else 0.82) * height,
            s,
            s,
            0.82 * s,
            Material(SOLID, c, c, c, colour="green"),
        )


def _ring(
    p: Place, count: int, low: Number, high: Number, keep: Callable[[float, float], bool]
) -> list[tuple[float, float]]:
    """Places around the cameras, evenly in angle with jitter, where `keep` allows."""
    out = []
    for k in range(count):
        a = 2 * math.pi * (k + p.b.uniform(-0.35, 0.35)) / count
        r = p.b.uniform(low, high)
        x, y = r * math.cos(a), r * math.sin(a)
        if keep(x, y):
            out.append((x, y))
    return out


def _rock(p: Place, x: Number, y: Number, size: Number, rgb: tuple[int, int, int] = (132, 128, 122)) -> None:
    b = p.b
    stone = one_colour(SOLID, srgb(*rgb), colour="grey")
    b.ellipsoid(
        x,
        y,
        0.25 * size,
        size,
        0.75 * size,
        0.62 * size,
        stone,
        rotation(yaw=b.uniform(0, 180), roll=b.uniform(-12, 12)),
    )
    b.ellipsoid(x + 0.7 * size, y + 0.3 * size, 0.12 * size, 0.5 * size, 0.45 * size, 0.36 * size, stone)


def _campfire(p: Place, x: Number, y: Number) -> None:
    b = p.b
    log = wood(b.rng, "walnut")
    with b.thing("campfire", Material(colour="orange", c1=srgb(240, 150, 50)), "fire"), b.at(x, y):
        for k in range(8):
            a = 0.7854 * k
            _rock(p, 0.42 * math.cos(a), 0.42 * math.sin(a), 0.1)
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


def _tent(p: Place, x: Number, y: Number, yaw: Number) -> None:
    b = p.b
    cloth = fabric(b.rng, p.kit.colour("red", "orange", "yellow", "green", "blue", "teal", "beige", "purple", "navy"))
    inside = one_colour(SOLID, shade(cloth.c1, 0.2))
    with b.thing("tent", cloth, "fabric"), b.at(x, y, 0, yaw):
        b.frustum(0, 0, 0, 2.0, 2.2, 1.5, cloth, 0.0, 0.94)
        b.frustum(0, -1.06, 0, 0.9, 0.12, 1.1, inside, 0.0, 0.6)
        for s in (-1, 1):
            b.rod((0, s * 1.08, 1.46), (0, s * 1.12, 1.62), 0.03, p.kit.wood("oak"))


def forest(p: Place) -> None:
    """Clearing with a tent and a campfire north, a log east, a pond west."""
    b = p.b
    _ground(p, "grass", (96, 132, 66), "green")
    _hills(p, (72, 106, 70), 7)
    _campfire(p, b.uniform(-0.2, 0.3), 2.3)
    if b.chance(0.7):
        _tent(p, b.uniform(0.6, 1.2), 4.3, b.uniform(-20, -5))
    else:
        with b.at(0.4, 5.2, 0, 0, 2.1):
            ow.house(p.kit)
    bark = p.kit.wood("walnut")
    with b.thing("log", bark, "wood"):
        b.rod((2.6, -0.9, 0.2), (2.9, 0.9, 0.2), 0.2, bark)
        cut = one_colour(SOLID, srgb(206, 172, 126))
        b.rod((2.597, -0.915, 0.2), (2.6, -0.9, 0.2), 0.19, cut)
    water = one_colour(SOLID, srgb(70, 118, 146), gloss=0.2, colour="blue")
    if b.chance(0.7):
        with b.thing("pond", water, "water"):
            b.cone(-3.6, 0.1, -0.01, 1.5, 0.03, water, 1.0, 1.9, casts=False)
        for k in range(6):
            a = 1.9 + 0.75 * k
            _rock(p, -3.6 + 1.55 * math.cos(a), 0.1 + 1.95 * math.sin(a), b.uniform(0.12, 0.24))
    leafy = b.chance(0.5)
    first = one_colour(SOLID, srgb(78, 122, 58), colour="green")
    with b.thing("trees", first, "plant", True):
        for x, y in _ring(
            p,
            17,
            5.0,
            8.5,
            lambda x, y: not (abs(x) < 2.6 and 2.0 < y < 7) and not (x < -2 and abs(y) < 2.5 and x > -6),
        ):
            (_leafy if leafy or b.chance(0.25) else _fir)(p, x, y, b.uniform(3.2, 5.0))
    for x, y in ((1.6, -2.4), (-1.4, -2.8)):
        if b.chance(0.6):
            with b.at(x, y, 0, 180, 0.35):
                ow.mushroom(p.kit)
    for x, y in _ring(p, 16, 1.9, 4.5, lambda x, y: y < 1.6):
        tuft = one_colour(SOLID, srgb(112, 150, 70))
        for k in range(3):
            b.ellipsoid(x + 0.06 * k, y, 0.09, 0.025, 0.025, 0.14, tuft, rotation(roll=-25 + 25 * k), casts=False)
    petals = p.kit.paint(p.kit.colour("red", "yellow", "white", "purple", "pink"), 0.0)
    if b.chance(0.6):
        with b.thing("flowers", petals, "flowers", True):
            for x, y in _ring(p, 14, 1.8, 4.0, lambda x, y: y < 1.4):
                b.cone(x, y, 0, 0.01, 0.2, first, casts=False)
                b.ellipsoid(x, y, 0.22, 0.055, 0.055, 0.035, petals, casts=False)


def _saguaro(p: Place, x: Number, y: Number, height: Number, yaw: Number) -> None:
    b = p.b
    green = one_colour(SOLID, srgb(84, 124, 76), colour="green")
    with b.at(x, y, 0, yaw, height):
        b.cone(0, 0, 0, 0.1, 0.9, green)
        b.ellipsoid(0, 0, 0.9, 0.1, 0.1, 0.1, green)
        for s, z, h in ((-1, 0.4, 0.26), (1, 0.5, 0.24)):
            b.rod((0, 0, z), (s * 0.24, 0, z), 0.06, green)
            b.ellipsoid(s * 0.24, 0, z, 0.066, 0.066, 0.066, green)
            b.cone(s * 0.24, 0, z, 0.066, h, green)
            b.ellipsoid(s * 0.24, 0, z + h, 0.066, 0.066, 0.066, green)


def desert(p: Place) -> None:
    """Dunes, cacti and rocks; a tent north, pyramids far away east, an oasis west."""
    b = p.b
    _ground(p, "sand", (218, 180, 122), "beige")
    _hills(p, (214, 168, 108), 4.5, 11)
    sand = Material(
        MOTTLED, srgb(204, 164, 108), srgb(226, 190, 134), srgb(216, 178, 120), (1.2, 0, 0, 0), colour="beige"
    )
    for x, y in _ring(p, 9, 8, 15, lambda x, y: True):
        b.ellipsoid(x, y, -0.25, b.uniform(3, 5), b.uniform(2, 3.5), b.uniform(0.7, 1.5), sand)
    green = one_colour(SOLID, srgb(84, 124, 76), colour="green")
    with b.thing("cacti", green, "plant", True):
        for x, y in _ring(p, 9, 3.0, 6.5, lambda x, y: not (abs(x) < 1.8 and y > 0) and x > -3.4):
            _saguaro(p, x, y, b.uniform(1.5, 2.8), b.uniform(0, 180))
    if b.chance(0.6):
        _tent(p, b.uniform(-0.3, 0.3), 4.4, b.uniform(-12, 12))
    if b.chance(0.5):
        _campfire(p, b.uniform(-0.2, 0.2), 2.3)
    stone = Material(
        MOTTLED, srgb(192, 150, 96), srgb(216, 174, 116), srgb(200, 160, 104), (2.0, 0, 0, 0), colour="beige"
    )
    if b.chance(0.6):
        with b.thing("pyramids", stone, "stone", True):
            b.frustum(24, 3, 0, 15, 15, 10, stone, 0.0, 0.0)
            b.frustum(27, -10, 0, 10, 10, 7, stone, 0.0, 0.0)
    if b.chance(0.65):
        water = one_colour(SOLID, srgb(64, 140, 160), gloss=0.2, colour="teal")
        with b.thing("oasis", water, "water"):
            b.cone(-4.0, 0.0, -0.01, 1.5, 0.03, water, 1.0, 1.8, casts=False)
        for x, y in ((-5.6, 1.6), (-5.9, -0.6), (-5.2, -2.0)):
            with b.at(x, y, 0, b.uniform(-60, 60), b.uniform(1.7, 2.2)):
                ow.palm(p.kit)
    for x, y in _ring(p, 8, 2.4, 5.5, lambda x, y: abs(x) > 1.0 and x > -2.8):
        _rock(p, x, y, b.uniform(0.14, 0.4), (176, 136, 96))


def mountains(p: Place) -> None:
    """Snow, firs, a cabin north, a snowman east, a frozen lake west, peaks all around."""
    b = p.b
    _ground(p, "snow", (228, 233, 240), "white")
    haze = mix(srgb(*p.sky.horizon), srgb(*p.sky.zenith), 0.3)
    rock = mix(srgb(112, 118, 132), haze, 0.2)
    stone, snow = (
        Material(SOLID, rock, rock, rock, colour="grey"),
        one_colour(SOLID, mix(srgb(238, 241, 246), haze, 0.08)),
    )
    with b.thing("mountains", stone, "stone", True):
        for k in range(9):
            a = 2 * math.pi * (k + b.uniform(-0.25, 0.25)) / 9
            r, h = b.uniform(30, 44), b.uniform(12, 21)
            w = h * b.uniform(0.75, 0.95)
            x, y = r * math.cos(a), r * math.sin(a)
            b.cone(x, y, 0, w, h, stone, 0.02, casts=False)
            t = b.uniform(0.42, 0.6)
            b.cone(x, y, t * h, w * (1 - 0.98 * t) * 1.03, h * (1 - t) * 1.02, snow, 0.03, casts=False)
    house = b.chance(0.75)
    if house:
        with b.at(b.uniform(-0.4, 0.4), 4.6, 0, b.uniform(-12, 12), 2.0):
            ow.house(p.kit)
            with b.thing("snowy roof", None, "snow"):
                for s in (-1, 1):
                    b.box(0, s * 0.275, 0.94, 1.38, 0.78, 0.06, snow, 0.02, rotation(pitch=-s * 48.0))
    if b.chance(0.65):
        with b.at(2.9, b.uniform(-0.4, 0.4), 0, -90 + b.uniform(-10, 10), 0.85):
            ow.snowman(p.kit)
    if b.chance(0.6):
        ice = one_colour(SOLID, srgb(168, 204, 222), gloss=0.2, colour="blue")
        with b.thing("frozen lake", ice, "ice"):
            b.cone(-4.4, 0.0, -0.01, 1.9, 0.03, ice, 1.0, 2.5, casts=False)
    green = one_colour(SOLID, srgb(56, 96, 66), colour="green")
    with b.thing("fir trees", green, "plant", True):
        for x, y in _ring(
            p, 15, 4.6, 8.0, lambda x, y: not (abs(x) < 2.3 and y > 0) and not (-6.4 < x < -2 and abs(y) < 2.6)
        ):
            _fir(p, x, y, b.uniform(2.6, 4.4), True)
    for x, y in _ring(p, 8, 2.4, 4.5, lambda x, y: abs(x) > 1.0 and x > -2.2 and y < 2):
        b.ellipsoid(x, y, 0.0, b.uniform(0.3, 0.6), b.uniform(0.25, 0.5), b.uniform(0.12, 0.26), snow)


def beach(p: Place) -> None:
    """The sea and a boat west, umbrella and chair north, palms east, a hut or a castle of sand south."""
    b = p.b
    _ground(p, "sand", (226, 200, 150), "beige")
    deep = {"night": (22, 44, 84), "sunset": (92, 96, 140)}.get(p.time, (46, 130, 168))
    sea = Material(
        MOTTLED, srgb(*deep), shade(srgb(*deep), 1.25), srgb(*deep), (2.2, 0, 0, 0), gloss=0.16, colour="blue"
    )
    with b.thing("sea", sea, "water"):
        b.box(-44.2, 0, -0.02, 80, 160, 0.04, sea, casts=False)
        b.box(
            -3.95,
            0,
            -0.02,
            0.55,
            160,
            0.03,
            one_colour(SOLID, mix(srgb(236, 240, 240), srgb(*deep), 0.15)),
            casts=False,
        )
        b.box(
            -5.6,
            0,
            -0.02,
            0.25,
            160,
            0.045,
            one_colour(SOLID, mix(srgb(230, 238, 240), srgb(*deep), 0.4)),
            casts=False,
        )
    c = srgb(112, 148, 92)
    haze = mix(srgb(*p.sky.horizon), srgb(*p.sky.zenith), 0.3)
    for k in range(5):
        a = -1.2 + 0.6 * k + b.uniform(-0.2, 0.2)
        r = b.uniform(30, 42)
        b.ellipsoid(
            r * math.cos(a),
            r * math.sin(a),
            -1,
            13,
            13,
            b.uniform(4, 7),
            one_colour(SOLID, mix(c, haze, 0.3)),
            casts=False,
        )
    if b.chance(0.75):
        with b.at(-13, b.uniform(-4, 4), 0.0, b.uniform(-60, 60), 3.0):
            ow.sailboat(p.kit)
    name = p.kit.colour("red", "yellow", "blue", "orange", "green", "pink", "teal", "purple")
    cloth = p.kit.paint(name, 0.0)
    with b.thing("umbrella", cloth, "fabric"), b.at(b.uniform(-0.3, 0.3), 3.0):
        b.rod((0, 0, 0), (0.1, 0.1, 2.1), 0.03, p.kit.wood("light"))
        b.cone(0.1, 0.1, 1.75, 1.2, 0.45, cloth, 0.04)
        b.cone(0.1, 0.1, 1.742, 1.21, 0.03, p.kit.paint("white", 0.0))
    seat = fabric(b.rng, p.kit.other("beige", "brown"))
    with b.thing("beach chair", seat, "fabric"), b.at(0.75, 2.75, 0, b.uniform(-15, 15)):
        b.box(0, 0, 0.26, 0.55, 1.0, 0.06, seat, 0.02)
        b.box(0, 0.62, 0.46, 0.55, 0.7, 0.06, seat, 0.02, rotation(pitch=48))
        for sx in (-1, 1):
            for y in (-0.42, 0.3):
                b.box(sx * 0.25, y, 0, 0.05, 0.05, 0.28, p.kit.wood("light"))
    towel = fabric(b.rng, p.kit.other("beige", "brown"), 0.16, "white")
    if b.chance(0.7):
        with b.thing("towel", towel, "fabric"):
            b.box(-0.75, 2.7, 0.0, 0.7, 1.4, 0.03, towel)
    for x, y in ((4.0, 1.4), (4.6, -1.0), (5.4, 0.4), (3.6, 4.6), (3.8, -4.4)):
        if b.chance(0.85):
            with b.at(x + b.uniform(-0.3, 0.3), y, 0, b.uniform(120, 240), b.uniform(2.1, 2.8)):
                ow.palm(p.kit)
    draw = b.uniform(0, 1)
    if draw < 0.4:
        with b.at(b.uniform(-0.2, 0.6), -5.2, 0, 180, 2.0):
            ow.house(p.kit)
    elif draw < 0.75:
        with b.at(0.2, -5.0, 0, 180, 2.2):
            ow.lighthouse(p.kit)
    if b.chance(0.6):
        ball = p.kit.paint(p.kit.other("beige"), 0.03)
        with b.thing("ball", ball, "toy"):
            b.ellipsoid(1.7, -1.9, 0.2, 0.2, 0.2, 0.2, ball)
    for x, y in _ring(p, 7, 2.6, 5.0, lambda x, y: x < 1 and x > -3.6 and y < 0):
        _rock(p, x, y, b.uniform(0.12, 0.3), (160, 148, 134))


OUTDOORS: dict[str, Callable[[Place], None]] = {
    "forest clearing": forest,
    "desert": desert,
    "snowy mountains": mountains,
    "beach": beach,
}
"""Keyed by kind."""


def draw_landscape(rng: np.random.Generator, kind: str, build: Callable[[Place], None]) -> Scene:
    """An outdoor scene with its light."""
    b = Builder(rng)
    time = TIMES[int(rng.choice(4, p=(0.3, 0.3, 0.2, 0.2)))]
    p = Place(b, time, SKIES[time])
    build(p)
    _heavens(p)
    sky = p.sky
    b.sun(sky.sun, sky.colour, sky.power, 0.04)
    return b.scene(
        kind,
        "",
        time,
        RoomCameras(),
        None,
        (srgb(*sky.zenith), srgb(*sky.horizon)),
        (sky.above, sky.below),
        sky.exposure,
    )
