"""Rules that put guests into rooms and landscapes beside what was built there.

In rooms a guest stands with its back to a free stretch of wall, in a corner, on free floor, on a table or something
like it, or it hangs on a wall. Nothing above a metre stands where cameras do or in front of the window; nothing
overlaps; a guest must be seen from most of the places where cameras stand. Where walls and corners are taken, pieces
that do not make the room what it is (`ESSENTIAL`) go, with what stands on them. Outdoors guests stand on free ground, 2
to 5 m from the middle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import standing_region
from gs_stein.world.builder import Builder
from gs_stein.world.materials import Number
from gs_stein.world.rooms.shell import HALF_X, HALF_Y, HEIGHT
from gs_stein.world.styles import Look
from gs_stein.world.things.layout import Boxes, Layout, Pose, Sketch, around, meet, sketch
from gs_stein.world.things.movable import Movable

LOW, HIGH = np.array(standing_region(RoomCameras()))
"""Corners of the cameras' standing region."""
LOW_THINGS = 1.0
"""Metres up to which things may stand where cameras do, and before the window."""
ESSENTIAL: dict[str, frozenset[str]] = {
    "living room": frozenset(("sofa", "cushion", "cushions", "television", "TV stand")),
    "bedroom": frozenset(("bed", "pillows", "cushion", "blanket", "nightstand")),
    "kitchen": frozenset(("cabinets", "worktop", "oven", "sink", "hood", "fridge", "table", "chairs")),
    "office": frozenset(("desk", "computer", "office chair", "desk lamp")),
    "dining room": frozenset(("table", "chairs")),
    "bathroom": frozenset(("bathtub", "tap", "towels", "toilet", "sink", "bathroom cabinet", "mirror")),
    "library": frozenset(("bookshelf", "fireplace")),
    "nursery": frozenset(("crib", "blanket", "mobile", "toy shelf")),
}
"""What makes a room: never taken away for a guest."""
FIXED = frozenset(("walls", "floor", "ceiling", "window", "curtains", "pendant lamp"))
"""Nor are these."""
SOFT = frozenset(("rug", "grass", "sand", "snow"))
"""What guests may stand on as on the floor."""
TOPS = frozenset(
    ("table", "desk", "dresser", "sideboard", "coffee table", "nightstand", "side table", "washing machine", "stool",
     "filing cabinet", "worktop", "TV stand", "bathroom cabinet", "round table", "square table", "piano", "barrel",
     "tea trolley", "toy shelf")
)  # fmt: skip
"""What small things stand on."""
SEATS = frozenset(("sofa", "armchair", "bed", "bench", "pouf", "chair", "chairs", "garden bench", "chaise longue"))
SITTERS = frozenset(("cat", "dog", "teddy bear", "gift box", "robot", "guitar", "penguin"))
"""Who may sit on what: these on those."""
WALLS = {"north": 0.0, "east": -90.0, "south": 180.0, "west": 90.0}
"""Yaw of a frame with its back to each wall."""
TRIES = 10
"""Poses tried for each way to place a guest."""


class NoPlaceError(Exception):
    """No guest found a place, or not those that were wanted: the scene is drawn again."""


@dataclass
class Placed:
    """A guest in its place."""

    movable: Movable
    pose: Pose
    ids: list[int]
    parts: list[int]
    box: np.ndarray
    """(2, 3), around all of it."""


@dataclass
class Host:
    """A room or a landscape that takes guests."""

    look: Look
    kind: str
    indoors: bool
    layout: Layout = field(init=False)
    placed: list[Placed] = field(default_factory=list)
    reach: Number = 4.2
    """Metres from the middle up to which guests stand outdoors; large ones somewhat further."""
    gone: set[int] = field(default_factory=set)
    """Ids of things that were taken away."""

    def __post_init__(self) -> None:
        self.refresh()

    @property
    def b(self) -> Builder:
        """What it is built with."""
        return self.look.b

    def refresh(self) -> None:
        """Look again at what stands there."""
        self.layout = Layout.of(self.b, SOFT, self.indoors)

    def put(self, movable: Movable, count: int) -> bool:
        """Place so many of a thing, or say that there is no place."""
        seed = int(self.b.rng.integers(2**62))
        gap = self.b.uniform(0.06, 0.22) * min(1.0, 2 * movable.size[0])
        width = movable.size[0]

        def make(look: Look) -> None:
            state = look.b.rng
            for k in range(count):
                look.b.rng = np.random.default_rng(seed)
                first, new = len(look.b.primitives[0]), len(look.b.things)
                with look.b.at((k - (count - 1) / 2) * (width + gap), 0.0):
                    movable.make(look)
                look.b.adopt(first, look.b.things[new].id)
            look.b.rng = state

        drawn = sketch(self.look, make)
        ways = self._ways(movable)
        fallback: tuple[Pose, np.ndarray] | None = None
        for way in ways:
            for pose in way(drawn):
                parts = drawn.boxes(pose)
                hit = self._hits(pose, parts)
                if hit is None:
                    continue
                if not hit.any():
                    if self._seen(parts, count):
                        self._build(movable, make, pose)
                        return True
                elif fallback is None and pose.place in ("wall", "corner") and self._spare(hit):
                    gone = self.layout.resting(hit)
                    if self._spare(gone) and self._seen(parts, count, gone):
                        fallback = pose, gone
        if fallback is None:
            return False
        self._clear(fallback[1])
        self._build(movable, make, fallback[0])
        return True

    def _ways(self, movable: Movable) -> list[Callable[[Sketch], Iterator[Pose]]]:
        """Ways to place it, in random order."""
        table = {"table": self._table, "ground": self._ground}
        if self.indoors:
            table |= {"wall": self._wall, "corner": self._corner, "floor": self._floor, "hanging": self._hanging}
        places = movable.places if self.indoors or movable.places == ("table",) else ("ground", *movable.places)
        ways = [table[place] for place in places if place in table]
        if movable.name in SITTERS:
            ways.append(self._seat)
        return [ways[i] for i in self.b.rng.permutation(len(ways))]

    # Poses to try.

    def _wall(self, drawn: Sketch) -> Iterator[Pose]:
        for _ in range(2 * TRIES):
            wall = ("north", "east", "south", "west")[int(self.b.rng.integers(4))]
            free = (HALF_X if wall in ("north", "south") else HALF_Y) - drawn.width / 2 - 0.04
            if free > 0:
                along = self.b.uniform(-free, free)
                curtains = wall == "west" and abs(along) - drawn.width / 2 < 1.45
                gap = 0.3 if curtains else self.b.uniform(0.03, 0.06)
                yield self._at_wall(wall, along, gap, drawn, "wall")

    def _at_wall(self, wall: str, along: Number, gap: Number, drawn: Sketch, place: str, z: Number = 0.0) -> Pose:
        """Back to a wall, the middle of its width at `along` (east or north)."""
        yaw = WALLS[wall]
        side = drawn.middle[0]  # x of the frame runs east at the north wall, south at the east wall, and so on
        gap += drawn.high[1]
        if wall == "north":
            return Pose(along - side, HALF_Y - gap, z, yaw, place)
        if wall == "south":
            return Pose(along + side, -HALF_Y + gap, z, yaw, place)
        if wall == "east":
            return Pose(HALF_X - gap, along + side, z, yaw, place)
        return Pose(-HALF_X + gap, along - side, z, yaw, place)

    def _corner(self, drawn: Sketch) -> Iterator[Pose]:
        for _ in range(TRIES):
            sx, sy = self.b.pick((-1, 1)), self.b.pick((-1, 1))
            small = max(drawn.width, drawn.depth) < 1.1
            yaw = WALLS["north" if sy > 0 else "south"] if self.b.chance(0.5) else WALLS["east" if sx > 0 else "west"]
            if small:
                yaw = _facing(sx * HALF_X, sy * HALF_Y) + self.b.uniform(-25, 25)
            low, high = around(drawn.boxes(Pose(0, 0, 0, yaw)))
            gap = 0.05 if max(drawn.width, drawn.depth) > 0.5 else self.b.uniform(0.06, 0.14)
            x = HALF_X - gap - high[0] if sx > 0 else -HALF_X + gap - low[0]
            y = HALF_Y - gap - high[1] if sy > 0 else -HALF_Y + gap - low[1]
            yield Pose(float(x), float(y), 0.0, yaw, "corner")

    def _floor(self, drawn: Sketch) -> Iterator[Pose]:
        for _ in range(2 * TRIES):
            x, y = self.b.uniform(-HALF_X + 0.4, HALF_X - 0.4), self.b.uniform(-HALF_Y + 0.4, HALF_Y - 0.4)
            yaw = _facing(x, y) + self.b.uniform(-30, 30)
            if drawn.width > 1.2:  # large things stand square
                yaw = 90.0 * round(yaw / 90)
            yield Pose(*drawn.around(x, y, yaw), 0.0, yaw, "floor")

    def _hanging(self, drawn: Sketch) -> Iterator[Pose]:
        height = drawn.high[2]
        for _ in range(2 * TRIES):
            wall = ("north", "east", "south", "west")[int(self.b.rng.integers(4))]
            free = (HALF_X if wall in ("north", "south") else HALF_Y) - drawn.width / 2 - 0.15
            if free > 0:
                z = min(max(1.62 + self.b.uniform(-0.12, 0.12) - height / 2, 0.9), 2.35 - height)
                yield self._at_wall(wall, self.b.uniform(-free, free), 0.004, drawn, "hanging", z)

    def _table(self, drawn: Sketch) -> Iterator[Pose]:
        yield from self._top(drawn, TOPS, 0.004)

    def _seat(self, drawn: Sketch) -> Iterator[Pose]:
        yield from self._top(drawn, SEATS, 0.02)

    def _top(self, drawn: Sketch, names: frozenset[str], sink: Number) -> Iterator[Pose]:
        surfaces = self.layout.surfaces(names)
        for _ in range(3 * TRIES if surfaces else 0):
            thing, primitive, top = surfaces[int(self.b.rng.integers(len(surfaces)))]
            row = self.layout.geometry[primitive]
            free = np.maximum(row[12:14] - 0.4 * max(drawn.width, drawn.depth), 0.0)
            spread = np.array([self.b.uniform(-1, 1), self.b.uniform(-1, 1)]) * free
            x, y = row[:2] + row[3:12].reshape(3, 3)[:2, :2] @ spread
            yaw = _facing(float(x), float(y)) + self.b.uniform(-25, 25)
            if drawn.width > 0.4:  # rows and long things lie along the edge
                yaw = 90.0 * round(_facing(float(x), float(y)) / 90)
            pose = Pose(*drawn.around(float(x), float(y), yaw), top - sink, yaw, "table", thing)
            low, high = around(drawn.boxes(pose))
            corners = np.array([(u, v) for u in (low[0], high[0]) for v in (low[1], high[1])])
            middle = corners.mean(0)
            if self.layout.on(primitive, middle + 0.92 * (corners - middle)):
                yield pose

    def _ground(self, drawn: Sketch) -> Iterator[Pose]:
        for _ in range(4 * TRIES):
            angle = self.b.uniform(0, 2 * math.pi)
            radius = self.b.uniform(2.0, self.reach) + 0.4 * max(drawn.depth, drawn.width)
            x, y = radius * math.cos(angle), radius * math.sin(angle)
            yaw = _facing(x, y) + self.b.uniform(-28, 28)
            yield Pose(*drawn.around(x, y, yaw), 0.0, yaw, "ground")

    # Whether a pose will do.

    def _hits(self, pose: Pose, parts: Boxes) -> np.ndarray | None:
        """Which solids are in the way; None where nothing may stand anyway."""
        box = around(parts)
        tall = parts[:, 1, 2] > LOW_THINGS
        margin = 0.25 if self.indoors else 0.5
        standing = ((parts[:, 0, :2] < HIGH[:2] + margin) & (parts[:, 1, :2] > LOW[:2] - margin)).all(1)
        if (tall & standing).any():
            return None
        if self.indoors:
            limit = np.array([HALF_X, HALF_Y]) - (0.0 if pose.place == "hanging" else 0.02)
            if (np.abs(box[:, :2]) > limit).any() or box[1, 2] > HEIGHT - 0.1:
                return None
            for window in self.layout.called("window"):
                pane = self.layout.box(window)
                before = box[0, 0] < -HALF_X + 1.1 and box[0, 1] < pane[1, 1] and box[1, 1] > pane[0, 1]
                if before and box[1, 2] > (pane[0, 2] if box[0, 0] < -HALF_X + 0.7 else LOW_THINGS):
                    return None
        if pose.support:
            mine = self.layout.owners == pose.support
            hit = meet(self.layout.boxes, box, 0.01)
            hit &= ~mine | (self.layout.boxes[:, 1, 2] > box[0, 2] + 0.025)
            return hit
        gap = {"floor": 0.12, "ground": 0.1, "hanging": 0.03}.get(pose.place, 0.02)
        return meet(self.layout.solids, box, gap)

    def _seen(self, parts: Boxes, count: int, gone: np.ndarray | None = None) -> bool:
        """Whether each of so many equal things with these boxes is seen, once some solids are gone."""
        without = None if gone is None else self._primitives(gone)
        return all(self.layout.seen(one, without) for one in np.split(parts, count))

    def _spare(self, solids: np.ndarray) -> bool:
        """Whether the room stays what it is without these."""
        essential = ESSENTIAL[self.kind] | FIXED
        guests = {i for one in self.placed for i in (*one.ids, *one.parts)}
        for i in np.flatnonzero(solids):
            owner = int(self.layout.solid_owners[i])
            if owner in guests or self.layout.names.get(owner) in essential:
                return False
            if not owner and self.layout.solids[i, 0, 2] < 0.01:  # skirting, tiles, radiator
                return False
        return True

    def _primitives(self, solids: np.ndarray) -> np.ndarray:
        gone = np.zeros(len(self.layout.boxes), bool)
        for i in np.flatnonzero(solids):
            gone[self.layout.members[i]] = True
        return gone

    def _clear(self, solids: np.ndarray) -> None:
        """Take pieces away."""
        owners = {int(i) for i in self.layout.solid_owners[solids]} - {0}
        self.gone |= owners
        shapes, geometry, all_owners = self.b.primitives
        loose = geometry[:, :3][all_owners == 0]
        mine = self.layout.geometry[self._primitives(solids) & (self.layout.owners == 0)]
        gone = np.isin(all_owners, list(owners))
        gone[all_owners == 0] = (loose[:, None] == mine[None, :, :3]).all(-1).any(1)
        boxes = self.layout.solids[solids] + np.array([-0.15, 0.15])[:, None]
        self.b.remove(gone, boxes)
        self.refresh()

    def _build(self, movable: Movable, make: Callable[[Look], None], pose: Pose) -> None:
        """Build a guest where it was found to fit."""
        before = len(self.b.things)
        with self.b.at(pose.x, pose.y, pose.z, pose.yaw):
            make(self.look)
        new = self.b.things[before:]
        ids = [thing.id for thing in new if thing.name == movable.name]
        self.refresh()
        box = around(self.layout.boxes[np.isin(self.layout.owners, [thing.id for thing in new])])
        parts = [thing.id for thing in new if thing.id not in ids]
        self.placed.append(Placed(movable, pose, ids, parts, box))


def _facing(x: Number, y: Number) -> float:
    """Yaw in degrees with which something at (x, y) faces the middle."""
    return math.degrees(math.atan2(-x, y))
