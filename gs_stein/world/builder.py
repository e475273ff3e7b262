"""Scenes as analytic primitives in struct-of-arrays form, and the builder that furniture is written with.

A primitive lives in its own frame, where it is centred on the origin and spans ±half:

* BOX: edges rounded by p0 metres;
* ELLIPSOID: cut off below z = p0·half_z (p0 = -1 keeps all of it);
* CONE: an (elliptic) frustum along z, half_x at the bottom and p0·half_x at the top (p0 = 1 is a cylinder);
* FRUSTUM: a box whose top is scaled by p0 in x and by p1 in y (p0 = 1, p1 = 0 is a gable roof);
* TORUS: around z, outer radius half_x, tube radius half_z.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from gs_stein.cameras.options import CameraOptions, OrbitCameras, RoomCameras
from gs_stein.world.materials import Material, Number

BOX, ELLIPSOID, CONE, FRUSTUM, TORUS = range(5)
SPHERE_LIGHT, WINDOW_LIGHT, SUN_LIGHT = range(3)
Vector = tuple[Number, Number, Number]
Rotation = tuple[Vector, Vector, Vector]
IDENTITY: Rotation = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class Thing:
    """Something a caption may name."""

    id: int
    """Value in the label images, from 1."""
    name: str
    """Noun, such as "sofa"."""
    colour: str
    """Colour name from `materials.COLOURS`; "" where it has no main colour."""
    rgb: tuple[Number, Number, Number]
    """Mean sRGB of its main surface, in [0, 1]."""
    material: str
    """Such as "fabric", "wood", "brick"."""
    plural: bool = False
    """Takes no article ("curtains")."""


@dataclass(frozen=True)
class Relation:
    """Where something is, as cameras see it."""

    word: str
    """A row of `phrases.RELATIONS`, such as "on", "left", "corner"."""
    thing: int = 0
    """Id of what it is related to; 0 for a place, such as the corner."""


@dataclass(frozen=True)
class Guest:
    """One to three equal things that are not part of a scene's own furniture."""

    ids: tuple[int, ...]
    """Of the things that are counted."""
    parts: tuple[int, ...] = ()
    """Of what they bring along (the pillows of a bed)."""
    relations: tuple[Relation, ...] = ()
    """Everything that is true of all of them."""


@dataclass(frozen=True)
class Scene:
    """N primitives, M materials and L lights; everything in metres and linear RGB."""

    kind: str
    """A room, an object kind."""
    style: str
    """Such as "cozy"; "" where nothing in particular."""
    time: str
    """"day", "sunny", "sunset" or "night"."""
    is_object: bool
    cameras: CameraOptions
    """Where it is looked at from."""
    things: list[Thing]
    shapes: Int[np.ndarray, " N"]
    geometry: Float[np.ndarray, "N 17"]
    """Centre (3), local-to-world rotation (9, row-major), half extents (3), p0, p1."""
    material_ids: Int[np.ndarray, " N_plus_6"]
    """Of the primitives, then of the room's west, east, south, north wall, floor and ceiling."""
    thing_ids: Int[np.ndarray, " N_plus_6"]
    casts: Bool[np.ndarray, " N"]
    """Whether a primitive casts shadows (lamp shades and window panes don't)."""
    materials: Float[np.ndarray, "M 16"]
    lights: Float[np.ndarray, "L 12"]
    """Type, position (3), colour (3), radius; for windows half width, half height and bars; for the sun direction."""
    room: Float[np.ndarray, " 3"]
    """Half width, half depth and height of the room; zeros where there is none."""
    background: Float[np.ndarray, "2 3"]
    """Zenith and horizon behind everything, where there is no room."""
    ambient: Float[np.ndarray, "2 3"]
    """Irradiance from above and below where there is no room to bounce light."""
    exposure: Number
    """Brightness goal of the tone mapping (rooms), or the plain factor (no room)."""
    guests: tuple[Guest, ...] = ()
    """What stands beside its own things; none in scenes that are not mixed."""
    held_out: bool = False
    """Whether captions use the sentences that are never trained on (see `held_out.py`)."""

    def thing(self, name: str) -> Thing | None:
        """The first thing of that name, if the scene has one."""
        return next((thing for thing in self.things if thing.name == name), None)


def rotation(yaw: Number = 0.0, pitch: Number = 0.0, roll: Number = 0.0) -> Rotation:
    """Local-to-world rotation: roll about y, then pitch about x, then yaw about z, in degrees."""
    cy, sy = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    cp, sp = math.cos(math.radians(pitch)), math.sin(math.radians(pitch))
    cr, sr = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    z = ((cy, -sy, 0.0), (sy, cy, 0.0), (0.0, 0.0, 1.0))
    x = ((1.0, 0.0, 0.0), (0.0, cp, -sp), (0.0, sp, cp))
    y = ((cr, 0.0, sr), (0.0, 1.0, 0.0), (-sr, 0.0, cr))
    return multiply(multiply(z, x), y)


def multiply(a: Rotation, b: Rotation) -> Rotation:
    """Matrix product."""
    columns = tuple(zip(*b, strict=True))
    return tuple(tuple(r[0] * c[0] + r[1] * c[1] + r[2] * c[2] for c in columns) for r in a)  # type: ignore[return-value]


def apply(a: Rotation, v: Vector) -> Vector:
    """Matrix times vector."""
    return (
        a[0][0] * v[0] + a[0][1] * v[1] + a[0][2] * v[2],
        a[1][0] * v[0] + a[1][1] * v[1] + a[1][2] * v[2],
        a[2][0] * v[0] + a[2][1] * v[1] + a[2][2] * v[2],
    )


ON_SIDE = rotation(pitch=90)
"""Turns an upright cylinder's axis toward y."""


@dataclass
class Builder:
    """Collects primitives while furniture is put together, in nested frames."""

    rng: np.random.Generator
    things: list[Thing] = field(default_factory=list)
    current: int = 0
    """Thing that new primitives belong to."""
    turn: Rotation = IDENTITY
    origin: Vector = (0.0, 0.0, 0.0)
    scale: Number = 1.0
    _shapes: list[int] = field(default_factory=list)
    _geometry: list[list[float]] = field(default_factory=list)
    _material_ids: list[int] = field(default_factory=list)
    _thing_ids: list[int] = field(default_factory=list)
    _casts: list[bool] = field(default_factory=list)
    _materials: dict[Material, int] = field(default_factory=dict)
    _lights: list[list[float]] = field(default_factory=list)

    # Random draws, spelled short because furniture is full of them.

    def uniform(self, low: Number, high: Number) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * float(self.rng.random())

    def chance(self, probability: Number) -> bool:
        """True with this probability."""
        return float(self.rng.random()) < probability

    def pick(self, options: list | tuple):
        """One of the options, all equally likely."""
        return options[int(self.rng.integers(len(options)))]

    # Frames and things.

    @contextmanager
    def at(
        self, x: Number, y: Number, z: Number = 0.0, yaw: Number = 0.0, scale: Number = 1.0, pitch: Number = 0.0,
        roll: Number = 0.0
    ) -> Iterator[None]:  # fmt: skip
        """Work in a frame placed at (x, y, z) of the present one, turned by yaw, pitch and roll (degrees)."""
        saved = self.turn, self.origin, self.scale
        self.origin = self.world((x, y, z))
        self.turn = multiply(self.turn, rotation(yaw, pitch, roll))
        self.scale *= scale
        try:
            yield
        finally:
            self.turn, self.origin, self.scale = saved

    def world(self, p: Vector) -> Vector:
        """A point of the present frame in the world."""
        q = apply(self.turn, p)
        return (
            self.origin[0] + self.scale * q[0],
            self.origin[1] + self.scale * q[1],
            self.origin[2] + self.scale * q[2],
        )

    @contextmanager
    def thing(self, name: str, material: Material | None, kind: str, plural: bool = False) -> Iterator[Thing]:
        """Primitives added inside belong to a new thing whose main surface is `material`."""
        colour = material.colour if material else ""
        rgb = material.rgb if material else (0.5, 0.5, 0.5)
        thing = Thing(len(self.things) + 1, name, colour, rgb, kind, plural)
        self.things.append(thing)
        saved, self.current = self.current, thing.id
        try:
            yield thing
        finally:
            self.current = saved

    def material_id(self, material: Material) -> int:
        """Row of the material table."""
        return self._materials.setdefault(material, len(self._materials))

    # What was built so far.

    @property
    def primitives(self) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, "N 17"], Int[np.ndarray, " N"]]:
        """Shapes, geometry and thing ids of all primitives, as in `Scene`."""
        geometry = np.array(self._geometry, np.float64).reshape(-1, 17)
        return np.array(self._shapes, np.int32), geometry, np.array(self._thing_ids, np.int32)

    def remove(self, gone: Bool[np.ndarray, " N"], boxes: Float[np.ndarray, "n 2 3"]) -> None:
        """Take primitives away again, and the lamps in these boxes (lowest and highest corner)."""
        for rows in (self._shapes, self._geometry, self._material_ids, self._thing_ids, self._casts):
            rows[:] = [row for row, out in zip(rows, gone, strict=True) if not out]  # type: ignore[index]
        places = np.array(self._lights).reshape(-1, 12)[:, None, 1:4]
        inside = np.asarray(np.logical_and(places > boxes[:, 0], places < boxes[:, 1]).all(axis=2))
        self._lights[:] = [
            row for row, out in zip(self._lights, inside, strict=True) if row[0] != SPHERE_LIGHT or not out.any()
        ]

    def adopt(self, first: int, thing: int) -> None:
        """Give what belongs to no thing, from that primitive on, to one."""
        self._thing_ids[first:] = [i or thing for i in self._thing_ids[first:]]

    def renumber(self, gone: set[int]) -> dict[int, int]:
        """Forget things that have no primitives any more; new ids of those that stay by their old ones."""
        kept = [thing for thing in self.things if thing.id not in gone]
        ids = {thing.id: i for i, thing in enumerate(kept, 1)}
        self.things[:] = [replace(thing, id=ids[thing.id]) for thing in kept]
        self._thing_ids[:] = [ids.get(i, 0) for i in self._thing_ids]
        return ids

    # Primitives. Boxes, cones and frustums take their bottom's height, ellipsoids and tori their centre's.

    def _add(
        self, shape: int, centre: Vector, half: Vector, material: Material, turn: Rotation, p0: Number, p1: Number,
        casts: bool
    ) -> None:  # fmt: skip
        s = self.scale
        r = self.turn if turn is IDENTITY else multiply(self.turn, turn)
        row = [*self.world(centre), *r[0], *r[1], *r[2], *(max(s * h, 1e-4) for h in half), p0, p1]
        self._shapes.append(shape)
        self._geometry.append(row)
        self._material_ids.append(self.material_id(material))
        self._thing_ids.append(self.current)
        self._casts.append(casts)

    def box(
        self, x: Number, y: Number, z: Number, width: Number, depth: Number, height: Number, material: Material,
        edge: Number = 0.0, turn: Rotation = IDENTITY, casts: bool = True
    ) -> None:  # fmt: skip
        """Box of full extents; (x, y) is its middle, z its bottom (turned about its centre); edge is a radius."""
        edge = min(edge, 0.499 * min(width, depth, height)) * self.scale
        half = (width / 2, depth / 2, height / 2)
        self._add(BOX, (x, y, z + height / 2), half, material, turn, edge, 0.0, casts)

    def ellipsoid(
        self, x: Number, y: Number, z: Number, rx: Number, ry: Number, rz: Number, material: Material,
        turn: Rotation = IDENTITY, cut: Number = -1.0, casts: bool = True
    ) -> None:  # fmt: skip
        """Ellipsoid of radii (rx, ry, rz) around (x, y, z), kept above cut·rz."""
        self._add(ELLIPSOID, (x, y, z), (rx, ry, rz), material, turn, cut, 0.0, casts)

    def cone(
        self, x: Number, y: Number, z: Number, radius: Number, height: Number, material: Material, top: Number = 1.0,
        ry: Number | None = None, turn: Rotation = IDENTITY, casts: bool = True
    ) -> None:  # fmt: skip
        """Upright (before the turn) cone frustum; `top` is the upper over the lower radius, 1 a cylinder."""
        half = (radius, radius if ry is None else ry, height / 2)
        if top > 1.0:  # the larger end has to span the frame: turn it upside down
            flip = rotation(roll=180.0)
            half, top, turn = (half[0] * top, half[1] * top, half[2]), 1.0 / top, multiply(turn, flip)
        self._add(CONE, (x, y, z + height / 2), half, material, turn, top, 0.0, casts)

    def rod(
        self, start: Vector, end: Vector, radius: Number, material: Material, top: Number = 1.0, casts: bool = True
    ) -> None:
        """Cylinder (or cone) between two points of the present frame."""
        d = [end[i] - start[i] for i in range(3)]
        length = math.sqrt(d[0] ** 2 + d[1] ** 2 + d[2] ** 2)
        z = (d[0] / length, d[1] / length, d[2] / length)
        helper = (1.0, 0.0, 0.0) if abs(z[0]) < 0.8 else (0.0, 1.0, 0.0)
        x = _unit(_cross(helper, z))
        y = _cross(z, x)
        turn = ((x[0], y[0], z[0]), (x[1], y[1], z[1]), (x[2], y[2], z[2]))
        middle = tuple((start[i] + end[i]) / 2 for i in range(3))
        self.cone(middle[0], middle[1], middle[2] - length / 2, radius, length, material, top, None, turn, casts)

    def frustum(
        self, x: Number, y: Number, z: Number, width: Number, depth: Number, height: Number, material: Material,
        top_x: Number = 1.0, top_y: Number = 1.0, turn: Rotation = IDENTITY, casts: bool = True
    ) -> None:  # fmt: skip
        """Box whose top is scaled by (top_x, top_y), each in [0, 1]."""
        half = (width / 2, depth / 2, height / 2)
        self._add(FRUSTUM, (x, y, z + height / 2), half, material, turn, top_x, top_y, casts)

    def torus(
        self, x: Number, y: Number, z: Number, radius: Number, tube: Number, material: Material,
        turn: Rotation = IDENTITY, casts: bool = True
    ) -> None:  # fmt: skip
        """Ring around its local z axis; `radius` goes to the tube's middle."""
        self._add(TORUS, (x, y, z), (radius + tube, radius + tube, tube), material, turn, 0.0, 0.0, casts)

    # Lights.

    def lamp(self, x: Number, y: Number, z: Number, colour: Vector, power: Number, radius: Number = 0.1) -> None:
        """Spherical light at a point of the present frame; power is irradiance at one metre."""
        self._lights.append([SPHERE_LIGHT, *self.world((x, y, z)), *(power * c for c in colour), radius, 0, 0, 0, 0])

    def window_light(
        self, y: Number, z: Number, half_width: Number, half_height: Number, colour: Vector, power: Number, x: Number
    ) -> None:
        """Area light that faces east, in the west wall at x; power is its radiance times π."""
        self._lights.append([WINDOW_LIGHT, x, y, z, *(power * c for c in colour), 0, half_width, half_height, 0, 0])

    def sun(self, direction: Vector, colour: Vector, power: Number, radius: Number = 0.03, bars: Number = 0.0) -> None:
        """Directional light; `direction` points to the sun. In a room it enters by the window light before it."""
        d = _unit(direction)
        self._lights.append([SUN_LIGHT, *d, *(power * c for c in colour), radius, 0, 0, bars, 0])

    def scene(
        self,
        kind: str,
        style: str,
        time: str,
        cameras: CameraOptions,
        shell: list[tuple[Material, int]] | None = None,
        background: tuple[Vector, Vector] = ((0.0,) * 3, (0.0,) * 3),  # type: ignore[assignment]
        ambient: tuple[Vector, Vector] = ((0.0,) * 3, (0.0,) * 3),  # type: ignore[assignment]
        exposure: Number = 1.0,
    ) -> Scene:
        """What was built; `shell` gives material and thing of west, east, south, north wall, floor, ceiling."""
        room = np.zeros(3)
        if shell is not None and isinstance(cameras, RoomCameras):
            room = np.array([cameras.size[0] / 2, cameras.size[1] / 2, cameras.size[2]])
        nothing = (Material(), 0)
        for material, thing in shell or [nothing] * 6:
            self._material_ids.append(self.material_id(material))
            self._thing_ids.append(thing)
        return Scene(
            kind,
            style,
            time,
            isinstance(cameras, OrbitCameras),
            cameras,
            self.things,
            np.array(self._shapes, np.int32),
            np.array(self._geometry, np.float64).reshape(-1, 17),
            np.array(self._material_ids, np.int32),
            np.array(self._thing_ids, np.int32),
            np.array(self._casts, np.bool_),
            np.array([material.row() for material in self._materials], np.float64),
            np.array(self._lights, np.float64).reshape(-1, 12),
            room,
            np.array(background, np.float64),
            np.array(ambient, np.float64),
            exposure,
        )


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _unit(v: Vector) -> Vector:
    length = math.sqrt(v[0] ** 2 + v[1] ** 2 + v[2] ** 2)
    return (v[0] / length, v[1] / length, v[2] / length)
