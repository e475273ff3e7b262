"""What the kernels of the renderer pass to each other: named tuples of arrays, which Numba takes apart as it compiles.

A kernel cannot change what a tuple holds, but it may write into its arrays. Wherever a tuple is handed on or taken
apart, Numba counts a reference to each of its arrays, which costs more than a pixel's shading. So kernels take tuples
apart before their loops, and what they call for every pixel takes the few arrays it needs.

H × W are the pixels of a view, T the tiles of `TILE` × `TILE` pixels that it falls into.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int16, Int32, UInt8

TILE = 8
"""Side of a tile in pixels; a packet of rays covers one."""


class SceneArrays(NamedTuple):
    """N primitives with their M materials and L lights, in metres and linear RGB; see `builder.Scene`."""

    shapes: Int32[np.ndarray, " N"]
    """Kind of every primitive: `BOX` and its like."""
    geometry: Float[np.ndarray, "N 17"]
    """Centre (3), local-to-world rotation (9, row-major), half extents (3), p0, p1; in double precision for shading."""
    flat: Float32[np.ndarray, " 17*N"]
    """The same in single precision and one row, for packets."""
    boxes: Float32[np.ndarray, " 6*N"]
    """Axis-aligned boxes around the primitives, field by field: N centres' x, y, z, then N half extents' x, y, z."""
    casts: Bool[np.ndarray, " N"]
    """Whether a primitive casts shadows."""
    material_ids: Int32[np.ndarray, " N+6"]
    """Rows of `materials`: of the primitives, then of west, east, south, north wall, floor and ceiling."""
    thing_ids: Int32[np.ndarray, " N+6"]
    """Labels, in the same order."""
    materials: Float[np.ndarray, "M 16"]
    """Rows of `Material.row`."""
    walls: Float[np.ndarray, "6 16"]
    """Rows of west, east, south, north wall, floor and ceiling."""
    lights: Float[np.ndarray, "L 12"]
    """Kind (0), position (1-3), colour (4-6), radius (7), half width (8), half height (9), half a bar's width (10)."""
    room: Float[np.ndarray, " 3"]
    """Half width, half depth and height of the room; zeros where there is none."""
    background: Float[np.ndarray, "2 3"]
    """Radiance at the zenith and at the horizon, where there is no room."""
    probes: Float[np.ndarray, "X Y Z 6 3"]
    """Bounced irradiance on a surface that faces −x, +x, −y, +y, −z, +z, over the room."""
    exposure: Float[np.ndarray, " 3"]
    """Factors of red, green and blue before tone mapping."""


class Camera(NamedTuple):
    """One pinhole camera, x right, y down and z forward."""

    eye: Float[np.ndarray, " 3"]
    """Its centre in the world."""
    R: Float[np.ndarray, "3 3"]
    """World-to-camera rotation."""
    fx: float
    """Focal lengths and principal point in pixels, as are the next three."""
    fy: float
    cx: float
    cy: float


class Sampling(NamedTuple):
    """Where rays for shadows and ambient occlusion go."""

    samples: Float[np.ndarray, "S 12"]
    """Rows of `visibility.SAMPLES`."""
    order: Int[np.ndarray, " 16"]
    """Which row the pixels of a 4×4 neighbourhood take, row by row."""
    reach: float
    """Metres within which things occlude bounced light."""


class TileLists(NamedTuple):
    """For every tile a list of numbers: the primitives that may be seen in it, or its pixels on edges."""

    items: Int32[np.ndarray, "T capacity"]
    """Only the first of every row count."""
    counts: Int32[np.ndarray, " T"]
    """How many."""


class Surfaces(NamedTuple):
    """What the middle of every pixel sees."""

    hits: Int32[np.ndarray, "H W"]
    """Number of the primitive, N + face for the room's walls, -1 for nothing."""
    ranges: Float32[np.ndarray, "H W"]
    """Distance from the eye in metres."""
    points: Float32[np.ndarray, "H W 3"]
    """In the world; zeros where nothing was hit, as are the normals."""
    normals: Float32[np.ndarray, "H W 3"]
    """In the world, facing the camera."""


class Light(NamedTuple):
    """What light arrives where the middle of every pixel looks."""

    direct: Float32[np.ndarray, "H W L"]
    """Irradiance factor of every light, were nothing in between."""
    seen: Float32[np.ndarray, "H W L+1"]
    """Share of every light, and last of the hemisphere, that the surface sees."""
    arriving: Float32[np.ndarray, "H W 3"]
    """Irradiance in all."""


class Picture(NamedTuple):
    """The picture being written, and how radiance becomes bytes."""

    rgb: UInt8[np.ndarray, "H W 3"]
    """Tone-mapped sRGB."""
    depth: Float32[np.ndarray, "H W"]
    """Camera z in metres; 0 where nothing was hit, as are labels."""
    labels: Int16[np.ndarray, "H W"]
    """Ids of things."""
    alpha: Float32[np.ndarray, "H W"]
    """Share of the pixel that something covers."""
    tones: UInt8[np.ndarray, " size"]
    """See `pixels.tone_table`."""


class Box(NamedTuple):
    """An axis-aligned box."""

    low: Float[np.ndarray, " 3"]
    high: Float[np.ndarray, " 3"]


class TileRays(NamedTuple):
    """One tile whose pixels send rays, a pixel a lane."""

    u0: int
    """Its first column of pixels, then its first row."""
    v0: int
    active: Bool[np.ndarray, " 64"]
    """Which lanes send rays at all."""


class Face(NamedTuple):
    """Where a primitive or a wall was hit, in its own frame, as textures read it; lengths in metres."""

    point: tuple[float, float, float]
    """Centred on the primitive or the room."""
    half: tuple[float, float, float]
    """Half extents of the primitive or the room."""
    axis: int
    """Face of a box (0 x, 1 y, 2 z); curved surfaces give their largest normal component."""
    sign: float
    """Which of the two; room walls face inward."""
