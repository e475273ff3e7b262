"""Single objects before a plain background, under soft studio light: their kit and framing.

An object faces south (−y) and is scaled into a ball of radius `RADIUS` around the origin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np

from gs_stein.cameras.options import OrbitCameras
from gs_stein.world.builder import BOX, CONE, ELLIPSOID, Builder, Scene, Thing, Vector
from gs_stein.world.materials import (
    COLOURS,
    GRAIN,
    MOTTLED,
    SOLID,
    STRIPES,
    WOODS,
    Material,
    Number,
    named,
    one_colour,
    shade,
    srgb,
    wood,
)

RADIUS = 0.92
BACKGROUND = (0.17, 0.17, 0.17)
"""Linear radiance behind every object, middle grey once tone-mapped: white things stand out as much as black ones."""


@dataclass
class Kit:
    """A builder with the finishes that objects come in."""

    b: Builder

    def colour(self, *options: str) -> str:
        """One of the named colours, or of these."""
        return self.b.pick(options or tuple(COLOURS))

    def other(self, *taken: str) -> str:
        """A colour that stands out from those taken."""
        return self.b.pick([name for name in COLOURS if name not in taken])

    def paint(self, name: str, gloss: Number = 0.05) -> Material:
        """Lacquer, glaze or plastic."""
        c = named(self.b.rng, name)
        return Material(SOLID, c, c, c, gloss=gloss, colour=name)

    def cloth(self, name: str) -> Material:
        """Fabric or plush."""
        c = named(self.b.rng, name)
        return Material(MOTTLED, shade(c, 0.9), shade(c, 1.08), c, (0.25, 0.0, 0.0, 0.0), colour=name)

    def striped(self, name: str, second: str, width: Number, level: bool = False) -> Material:
        """Stripes, upright or level."""
        c, d = named(self.b.rng, name), named(self.b.rng, second)
        return Material(STRIPES, c, d, c, (width, float(level), 0.0, 0.0), 0.04, colour=name)

    def wood(self, tone: str = "") -> Material:
        """Grained wood."""
        return wood(self.b.rng, tone or self.b.pick(tuple(WOODS)))

    def metal(self, name: str = "grey") -> Material:
        """Polished metal; "yellow" is gold, "orange" copper."""
        c = {
            "grey": srgb(176, 178, 182),
            "yellow": srgb(222, 170, 74),
            "orange": srgb(206, 122, 80),
            "black": srgb(52, 52, 56),
        }[name]
        return Material(SOLID, c, c, c, gloss=0.28, colour=name)

    def finish(self, wooden: Number = 0.2, metal: Number = 0.12, colour: str = "") -> tuple[Material, str]:
        """Surface of a main part and its kind for captions: paint of any colour, wood or metal."""
        draw = float(self.b.rng.random())
        if draw < wooden:
            return self.wood(), "wood"
        if draw < wooden + metal:
            name = self.b.pick(("grey", "yellow", "orange"))
            return self.metal(name), {"grey": "metal", "yellow": "gold", "orange": "copper"}[name]
        return self.paint(colour or self.colour()), "paint"

    def part(
        self, name: str, material: Material, kind: str = "paint", plural: bool = False
    ) -> AbstractContextManager[Thing]:
        """A part that captions may name; the first one is the object itself."""
        return self.b.thing(name, material, kind, plural)

    def limb(self, points: Sequence[Vector], start: Number, end: Number, material: Material) -> None:
        """Tube through some points, from one radius to another, with round joints: tails, trunks, arms."""
        steps = len(points) - 1
        for i in range(steps):
            before, after = (start + (end - start) * (i + j) / steps for j in (0, 1))
            self.b.rod(points[i], points[i + 1], before, material, after / before)
            self.b.ellipsoid(*points[i + 1], after, after, after, material)

    def dark(self, gloss: Number = 0.06) -> Material:
        """Tyres, eyes, handles."""
        return one_colour(SOLID, srgb(38, 38, 41), gloss=gloss, colour="black")

    def glass(self) -> Material:
        """Window panes seen from outside."""
        return one_colour(SOLID, srgb(120, 168, 196), gloss=0.2, colour="blue")


Maker = Callable[[Kit], None]


def _support(scene: Scene, u: np.ndarray) -> np.ndarray:
    """Support function of all primitives along D directions (D, 3), exact for boxes, ellipsoids and cylinders."""
    centre, R, half = scene.geometry[:, :3], scene.geometry[:, 3:12].reshape(-1, 3, 3), scene.geometry[:, 12:15]
    local = np.einsum("nij,di->ndj", R, u) * half[:, None]
    box = np.abs(local).sum(-1)
    ball = np.sqrt((local**2).sum(-1))
    tube = np.sqrt((local[..., :2] ** 2).sum(-1)) + np.abs(local[..., 2])
    shape = scene.shapes[:, None]
    rounded = np.where(shape == BOX, 0.42 * scene.geometry[:, 15, None], 0.0)
    extent = np.where(shape == ELLIPSOID, ball, np.where(shape == CONE, tube, box - rounded))
    return (np.einsum("ni,di->nd", centre, u) + extent).max(0)


def framed(scene: Scene) -> Scene:
    """The same object, centred and scaled into the ball of radius `RADIUS`."""
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    reach = _support(scene, axes)
    middle = (reach[:3] - reach[3:]) / 2
    k = np.arange(200) + 0.5
    z, angle = 1 - 2 * k / 200, math.pi * (1 + math.sqrt(5)) * k
    u = np.stack([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z], axis=1)
    scale = RADIUS / float((_support(scene, u) - u @ middle).max())
    geometry = scene.geometry.copy()
    geometry[:, :3] = (geometry[:, :3] - middle) * scale
    geometry[:, 12:15] *= scale
    geometry[scene.shapes == BOX, 15] *= scale
    materials = scene.materials.copy()
    metric = np.isin(materials[:, 0], (GRAIN, MOTTLED, STRIPES))
    materials[metric, 10] *= scale
    return replace(scene, geometry=geometry, materials=materials)


def draw_object(rng: np.random.Generator, kind: str, make: Maker) -> Scene:
    """An object of a kind, under soft light from the upper left front."""
    b = Builder(rng)
    make(Kit(b))
    b.sun((-0.55, -0.75, 1.0), (1.0, 0.97, 0.92), 0.95, 0.22)
    b.sun((0.8, 0.45, 0.55), (0.9, 0.95, 1.0), 0.28, 0.3)
    return framed(
        b.scene(
            kind,
            "",
            "day",
            OrbitCameras(),
            None,
            (BACKGROUND, BACKGROUND),
            ((0.78, 0.8, 0.83), (0.44, 0.43, 0.42)),
            1.0,
        )
    )
