"""What stands where in a scene under construction: boxes to keep clear of, surfaces to stand on, who sees what."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from gs_stein.world.builder import BOX, CONE, Builder, rotation
from gs_stein.world.materials import Number
from gs_stein.world.render.cull import bounds
from gs_stein.world.styles import Look

Boxes = Float[np.ndarray, "n 2 3"]
"""Lowest and highest corners of axis-aligned boxes, in metres."""
EYES = np.array([(0.0, 0.0, 1.45), *((x, y, 1.45) for x in (-0.75, 0.75) for y in (-0.66, 0.66))])
"""Where guests are looked at from: the middle of the cameras' standing region, and halfway to its corners."""
DOWN, UP = math.tan(math.radians(36)), math.tan(math.radians(32))
"""How far below and above eye level the middle of a guest is still well inside a picture."""
NEAREST = 0.95
"""Metres from an eye."""
SEEN, LARGE = 0.65, 0.05
"""Share of a guest that an eye must see, and its size over its distance from the middle."""


def boxes_of(shapes: Int[np.ndarray, " n"], geometry: Float[np.ndarray, "n 17"]) -> Boxes:
    """Boxes around primitives."""
    middle, half = bounds(shapes, geometry).reshape(2, 3, -1).astype(np.float64)
    return np.stack([middle - half, middle + half]).transpose(2, 0, 1)


def around(boxes: Boxes) -> Float[np.ndarray, "2 3"]:
    """The box around all of them."""
    return np.stack([boxes[:, 0].min(0), boxes[:, 1].max(0)])


def meet(boxes: Boxes, box: Float[np.ndarray, "2 3"], gap: Number = 0.0) -> Bool[np.ndarray, " n"]:
    """Which boxes come closer to one than `gap` metres sideways, or overlap it in height."""
    room = np.array([gap, gap, -0.002])
    return ((boxes[:, 0] < box[1] + room) & (boxes[:, 1] > box[0] - room)).all(1)


@dataclass(frozen=True)
class Pose:
    """Where the frame of a guest stands."""

    x: Number
    y: Number
    z: Number = 0.0
    yaw: Number = 0.0
    """Degrees."""
    place: str = "floor"
    """As in `Movable.places`, or "ground"."""
    support: int = 0
    """Id of the thing that it stands on; 0 for the floor, the ground or a wall."""


@dataclass(frozen=True)
class Sketch:
    """A guest before it has a place: its primitives in its own frame."""

    shapes: Int[np.ndarray, " n"]
    geometry: Float[np.ndarray, "n 17"]
    low: tuple[float, float, float]
    high: tuple[float, float, float]

    @property
    def width(self) -> float:
        """Along x."""
        return self.high[0] - self.low[0]

    @property
    def depth(self) -> float:
        """Along y."""
        return self.high[1] - self.low[1]

    @property
    def middle(self) -> tuple[float, float]:
        """Of its footprint."""
        return (self.low[0] + self.high[0]) / 2, (self.low[1] + self.high[1]) / 2

    def boxes(self, pose: Pose) -> Boxes:
        """Of its primitives in the world."""
        turn = np.array(rotation(pose.yaw))
        moved = self.geometry.copy()
        moved[:, :3] = self.geometry[:, :3] @ turn.T + (pose.x, pose.y, pose.z)
        moved[:, 3:12] = (turn @ self.geometry[:, 3:12].reshape(-1, 3, 3)).reshape(-1, 9)
        return boxes_of(self.shapes, moved)

    def around(self, x: Number, y: Number, yaw: Number) -> tuple[float, float]:
        """Origin of its frame when the middle of its footprint is at (x, y)."""
        turn = np.array(rotation(yaw))[:2, :2]
        dx, dy = turn @ self.middle
        return x - float(dx), y - float(dy)


def sketch(look: Look, make: Callable[[Look], None]) -> Sketch:
    """Build a guest aside."""
    scratch = Builder(look.b.rng)
    make(replace(look, b=scratch))
    shapes, geometry, _ = scratch.primitives
    low, high = around(boxes_of(shapes, geometry))
    return Sketch(shapes, geometry, tuple(map(float, low)), tuple(map(float, high)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Layout:
    """What stands in a scene so far."""

    boxes: Boxes
    """Of every primitive."""
    owners: Int[np.ndarray, " n"]
    """Thing of every primitive."""
    solids: Float[np.ndarray, "m 2 3"]
    """Of every thing; where there is no thing, or things are as scattered as trees, of every primitive."""
    solid_owners: Int[np.ndarray, " m"]
    members: list[np.ndarray]
    """Primitives of every solid."""
    names: dict[int, str]
    """Of things by id."""
    shapes: Int[np.ndarray, " n"]
    geometry: Float[np.ndarray, "n 17"]

    @staticmethod
    def of(b: Builder, soft: frozenset[str], whole: bool) -> Layout:
        """What was built; things called one of `soft` are stepped on, and things are solid as a whole or in parts."""
        names = {thing.id: thing.name for thing in b.things}
        shapes, geometry, owners = b.primitives
        stay = ~np.isin(owners, [i for i, name in names.items() if name in soft])
        shapes, geometry, owners = shapes[stay], geometry[stay], owners[stay]
        boxes = boxes_of(shapes, geometry)
        numbers = np.arange(len(shapes))
        members = [numbers[owners == i] for i in np.unique(owners) if i] if whole else []
        members += [numbers[i : i + 1] for i in numbers if not whole or not owners[i]]
        solids = np.array([around(boxes[rows]) for rows in members])
        solid_owners = np.array([owners[rows[0]] for rows in members])
        return Layout(boxes, owners, solids, solid_owners, members, names, shapes, geometry)

    def box(self, thing: int) -> Float[np.ndarray, "2 3"]:
        """Around all of a thing."""
        return around(self.boxes[self.owners == thing])

    def called(self, *names: str) -> list[int]:
        """Ids of things with one of these names that have primitives."""
        return [i for i, name in self.names.items() if name in names and (self.owners == i).any()]

    def resting(self, gone: Bool[np.ndarray, " m"]) -> Bool[np.ndarray, " m"]:
        """Solids that go when others do: those, and whatever stands on them."""
        gone = gone.copy()
        for _ in range(4):
            below = self.solids[gone]
            middle = self.solids[:, :, :2].mean(1)[:, None]
            inside = ((middle > below[:, 0, :2]) & (middle < below[:, 1, :2])).all(-1)
            low = self.solids[:, 0, 2][:, None]
            gone |= (inside & (low >= 0.1) & (low <= below[:, 1, 2] + 0.06)).any(1)
        return gone

    def seen(self, parts: Float[np.ndarray, "p 2 3"], without: Bool[np.ndarray, " n"] | None = None) -> bool:
        """Whether a guest with these boxes is large and free enough to be seen from most of `EYES`.

        Args:
            parts: of its primitives.
            without: primitives that will be gone.
        """
        box = around(parts)
        middle, size = box.mean(0), box[1] - box[0]
        away = np.hypot(middle[0], middle[1])
        if (max(size[0], size[1]) + size[2]) / 2 < LARGE * np.hypot(away, middle[2] - 1.45):
            return False
        others = self.boxes if without is None else self.boxes[~without]
        steps = np.array([-0.8, 0.0, 0.8])
        grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
        points = middle + grid * size / 2
        good = 0
        for eye in EYES:
            flat = math.hypot(middle[0] - eye[0], middle[1] - eye[1])
            rise = middle[2] - eye[2]
            if flat < NEAREST or rise < -DOWN * flat or rise > UP * flat:
                continue
            way = points - eye
            way = np.where(np.abs(way) < 1e-9, 1e-9, way)[:, None]
            first, second = (others[:, 0] - eye) / way, (others[:, 1] - eye) / way
            enter = np.minimum(first, second).max(-1)
            leave = np.maximum(first, second).min(-1)
            blocked = ((enter < leave) & (leave > 0) & (enter < 1)).any(1)
            good += int((~blocked).mean() >= SEEN)
        return good >= 3

    def surfaces(self, names: frozenset[str]) -> list[tuple[int, int, float]]:
        """Level tops to stand on: thing, primitive and height."""
        tops = self.boxes[:, 1, 2]
        level = (self.geometry[:, 11] > 0.999) & np.isin(self.shapes, (BOX, CONE)) & (tops > 0.25) & (tops < 1.12)
        level &= self.geometry[:, 12:14].min(1) > 0.11
        numbers = np.flatnonzero(level & np.isin(self.owners, self.called(*names)))
        return [(int(self.owners[k]), int(k), float(tops[k])) for k in numbers]

    def on(self, primitive: int, points: Float[np.ndarray, "p 2"]) -> bool:
        """Whether these points lie on the top of a primitive."""
        row = self.geometry[primitive]
        turn = row[3:12].reshape(3, 3)[:2, :2]
        local = np.abs((points - row[:2]) @ turn)
        if self.shapes[primitive] == BOX:
            return bool((local <= row[12:14]).all())
        return bool((((local / (row[12:14] * row[15])) ** 2).sum(1) <= 1).all())
