"""What a landscape is built in: its time of day, its light and its sky.

Cameras stand where they stand in rooms; things are placed around them at 2 to 6 m (nothing above a metre inside the
standing region), hills and clouds far behind. There is no room box: the sky is the background.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gs_stein.cameras.options import RoomCameras
from gs_stein.world.builder import Builder, Scene, Vector
from gs_stein.world.materials import SOLID, one_colour, shade, srgb
from gs_stein.world.objects.kit import Kit
from gs_stein.world.styles import TIMES


@dataclass(frozen=True)
class Sky:
    """Light of a time of day."""

    zenith: tuple[int, int, int]
    """sRGB, as is the horizon's."""
    horizon: tuple[int, int, int]
    sun: Vector
    """Direction to the sun or the moon."""
    colour: Vector
    """Linear RGB of its light."""
    power: float
    """Irradiance of a surface that faces it."""
    above: Vector
    """Irradiance from the sky; `below` from the ground."""
    below: Vector
    exposure: float
    """Factor of the tone mapping."""


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


def draw_landscape(rng: np.random.Generator, kind: str, build: Callable[[Place], None]) -> Scene:
    """An outdoor scene that `build` fills, with its light."""
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
