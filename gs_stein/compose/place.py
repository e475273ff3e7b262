"""Where things stand in a finished scene: poses that are tried, and what speaks against each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import intrinsics, look_at, standing_region
from gs_stein.compose.prompt import Wanted
from gs_stein.compose.things import Box, Place, Size
from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.types import Cameras

CELL = 0.05
"""Metres of a cell of what is taken."""
LOW = 1.0
"""Metres up to which things may stand where cameras do, and before the window."""
EYES = 1.5
"""Metres at which pictures hang."""
WALLS = {"north": 0.0, "east": -90.0, "south": 180.0, "west": 90.0}
"""Degrees by which a thing is turned that has its back to a wall; at 0 it faces south."""
WALL_GAP = 0.06
"""Metres from the wall's surface, which no fit makes flat."""
_PEEK, _PIXELS = 24.0, 48
"""Degrees and pixels of a look at the ground where something shall stand."""
_SUNK, _NEAR = 0.3, 0.25
"""Metres up to which a thing is lifted out of thick ground, and before a point from where it is the ground."""
_SOLID = 0.3
"""Opacity from which a Gaussian takes up room."""
_FLOOR, _WALL = 0.12, 0.14
"""Metres from the floor, from walls and from the ceiling within which Gaussians are those."""
_ALLOWED = {
    "corner": ("corner",), "hanging": ("hanging",), "wall": ("wall",), "middle": ("floor",),
    "floor": ("floor", "corner"),
    "on": ("table",), "above": ("hanging",), "left": ("wall", "corner"), "right": ("wall", "corner"),
}  # fmt: skip
"""Ways of standing that go with a relation; another leaves them as the thing's own."""


@dataclass(frozen=True)
class Pose:
    """Where a thing stands."""

    x: float
    """Of the middle of its back, in metres."""
    y: float
    z: float
    """Of its lowest point."""
    yaw: float
    """Degrees from facing south, counterclockwise seen from above."""
    size: Size
    """The box that it fills at most."""
    free: bool = False
    """Whether it stands free: in the middle of its box, not with its back to something."""

    fills: bool = False
    """Whether it is stretched somewhat to fill its box."""

    def footprint(self) -> tuple[float, float, float, float]:
        """West, south, east and north end."""
        corners = [self.at(u, v) for u in (-self.size[0] / 2, self.size[0] / 2) for v in (0.0, -self.size[1])]
        xs, ys = zip(*corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def at(self, along: float, forward: float) -> tuple[float, float]:
        """A point of its own frame: metres to its left seen from the front (x) and, negative, before its back (y)."""
        turn = math.radians(self.yaw)
        return (
            self.x + math.cos(turn) * along - math.sin(turn) * forward,
            self.y + math.sin(turn) * along + math.cos(turn) * forward,
        )

    @property
    def box(self) -> Box:
        """Lowest and highest corner of what it may fill."""
        west, south, east, north = self.footprint()
        return west, south, self.z, east, north, self.z + self.size[2]


@dataclass
class Room:
    """What is taken of a scene, and where its own things are.

    Args:
        gaussians: the scene.
        cameras: that look at it.
        place: what kind of scene it is.
    """

    gaussians: Gaussians
    cameras: RoomCameras
    place: Place
    boxes: dict[str, Box] = field(default_factory=dict)
    """Of things that were set in, by noun."""
    taken: list[Box] = field(default_factory=list)
    """Of all that were set in."""

    def __post_init__(self) -> None:
        width, depth, height = self.cameras.size
        self.outdoors = self.place.outdoors
        self.half = (width / 2, depth / 2)
        self.eyes = sum(self.cameras.height) / 2
        means = self.gaussians.means.detach().cpu()
        solid = self.gaussians.opacities.detach().cpu() > _SOLID
        high = height - _WALL if not self.outdoors else 4.0
        solid &= (means[:, 2] > _FLOOR) & (means[:, 2] < high)
        if self.outdoors:
            solid &= means[:, :2].norm(dim=1) < 8.0
        else:
            solid &= (means[:, 0].abs() < self.half[0] - _WALL) & (means[:, 1].abs() < self.half[1] - _WALL)
        self._points = means[solid]

    def where(self, noun: str) -> Box | None:
        """Where a thing is: one that was set in, or one of the scene's own that has a place of its own."""
        return self.boxes.get(noun) or self.place.boxes.get(noun)

    def crowded(self, box: Box) -> float:
        """Share of a box's floor above which something stands, 0 to 1; 2 and more where another thing was set in."""
        if any(_overlap(box, other) > 0.02 for other in self.taken):
            return 2.0
        p, (x0, y0, z0, x1, y1, z1) = self._points, box
        inside = (p[:, 0] > x0) & (p[:, 0] < x1) & (p[:, 1] > y0) & (p[:, 1] < y1) & (p[:, 2] > z0) & (p[:, 2] < z1)
        cells = torch.unique((p[inside, :2] / CELL).floor().to(torch.int64), dim=0)
        return min(1.0, len(cells) * CELL**2 / max((x1 - x0) * (y1 - y0), 1e-6))


def _overlap(a: Box, b: Box) -> float:
    """Share of the smaller box that lies in the other."""
    sides = [min(a[i + 3], b[i + 3]) - max(a[i], b[i]) for i in range(3)]
    if min(sides) <= 0:
        return 0.0
    volumes = [math.prod(box[i + 3] - box[i] for i in range(3)) for box in (a, b)]
    return math.prod(sides) / max(min(volumes), 1e-9)


def poses(room: Room, wanted: Wanted, size: Size) -> Iterator[tuple[Pose, str]]:
    """Poses to try, each with its way of standing."""
    allowed = _ALLOWED.get(wanted.relation, wanted.thing.places)
    if room.outdoors:
        yield from ((pose, "ground") for pose in _outside(room, size))
        return
    places = [place for place in wanted.thing.places if place in allowed] or list(allowed)
    for place in dict.fromkeys(places):
        if place in ("wall", "corner", "hanging"):
            yield from ((pose, place) for pose in _at_walls(room, size, place))
        elif place in ("floor", "ground"):
            yield from ((pose, "floor") for pose in _on_floor(room, size))


def _at_walls(room: Room, size: Size, place: str) -> Iterator[Pose]:
    width, _, height = size
    for wall, yaw in WALLS.items():
        across = wall in ("north", "south")
        end, reach = (room.half[0], room.half[1]) if across else (room.half[1], room.half[0])
        free = end - width / 2 - WALL_GAP
        if free < 0:
            continue
        steps = max(1, round(2 * free / 0.12))
        alongs = [-free, free] if place == "corner" else [-free + 2 * free * i / steps for i in range(steps + 1)]
        sign = 1 if wall in ("north", "east") else -1
        z = EYES - height / 2 if place == "hanging" else 0.0
        for along in alongs:
            back = sign * (reach - WALL_GAP)
            yield Pose(*((along, back) if across else (back, along)), z, yaw, size)


def _on_floor(room: Room, size: Size) -> Iterator[Pose]:
    reach = max(size[:2]) / 2
    for i in range(-9, 10):
        for j in range(-8, 9):
            x, y = 0.25 * i, 0.25 * j
            if abs(x) + reach < room.half[0] - 0.1 and abs(y) + reach < room.half[1] - 0.1:
                yield _facing_middle(x, y, size)


def _outside(room: Room, size: Size) -> Iterator[Pose]:
    near = 2.0 + max(size) / 2
    for i in range(24):
        for far in (near, near + 0.6, near + 1.2):
            turn = 2 * math.pi * i / 24
            yield _facing_middle(far * math.sin(turn), far * math.cos(turn), size)


def _facing_middle(x: float, y: float, size: Size) -> Pose:
    """Centred at a point, facing the middle of the scene, by the compass."""
    yaw = 90.0 * round(math.degrees(math.atan2(-x, y)) / 90) if max(abs(x), abs(y)) > 0.3 else 0.0
    turn = math.radians(yaw)
    return Pose(x - math.sin(turn) * size[1] / 2, y + math.cos(turn) * size[1] / 2, 0.0, yaw, size, free=True)


def against(room: Room, wanted: Wanted, pose: Pose, place: str) -> float:
    """What speaks against a pose; the least is best."""
    box = pose.box
    cost = 4.0 * room.crowded(box)
    middle = ((box[0] + box[3]) / 2, (box[1] + box[4]) / 2)
    tall = box[5] > LOW
    if not room.outdoors:
        low, high = standing_region(room.cameras)
        stands_in_view = tall and box[3] > low[0] and box[0] < high[0] and box[4] > low[1] and box[1] < high[1]
        cost += 3.0 * stands_in_view
        window = room.place.boxes.get("window")
        if tall and window is not None and _apart(box, window) < 0.5:
            (start, end), (first, last) = (_along(one, _wall_of(room, window)) for one in (box, window))
            cost += 1.5 * (start < last and first < end)
        cost += 0.3 * (place == "floor" and math.hypot(*middle) < 0.8 and wanted.relation != "middle")
        order = ["wall", "corner", "floor"]
        cost += 0.1 * (order.index(place) if place in order and not wanted.relation else 0)
    # Beside others rather than all in one corner, so that each is seen from somewhere.
    for other in room.taken:
        cost += 0.3 * max(0.0, 1.0 - _apart(box, other))
    return cost + _relation_cost(room, wanted, pose, middle)


def _relation_cost(room: Room, wanted: Wanted, pose: Pose, middle: tuple[float, float]) -> float:
    relation, box = wanted.relation, pose.box
    if relation == "middle":
        return 2.0 * math.hypot(*middle)
    other = room.where(wanted.other) if wanted.other else None
    if other is None:
        return 0.0
    if relation == "next":
        return 2.0 * abs(_apart(box, other) - 0.15)
    if relation in ("left", "right", "above", "under"):
        wall = _wall_of(room, other)
        start, end = _along(box, wall)
        first, last = _along(other, wall)
        same = 0.0 if _wall_of(room, box) == wall else 4.0
        if relation == "left":
            return same + 2.0 * abs(first - end - 0.15)
        if relation == "right":
            return same + 2.0 * abs(start - last - 0.15)
        return same + 2.0 * abs((start + end - first - last) / 2)
    return 0.0


def _wall_of(room: Room, box: Box) -> str:
    """The wall that a box is nearest to."""
    gaps = {
        "north": room.half[1] - box[4], "south": room.half[1] + box[1],
        "east": room.half[0] - box[3], "west": room.half[0] + box[0],
    }  # fmt: skip
    return min(gaps, key=lambda wall: gaps[wall])


def _along(box: Box, wall: str) -> tuple[float, float]:
    """What a box takes of a wall, from left to right as it is seen from the middle of the room."""
    axis, sign = {"north": (0, 1), "south": (0, -1), "east": (1, -1), "west": (1, 1)}[wall]
    start, end = sorted((sign * box[axis], sign * box[axis + 3]))
    return start, end


def _apart(a: Box, b: Box) -> float:
    """Metres between two boxes, seen from above."""
    gaps = [max(b[i] - a[i + 3], a[i] - b[i + 3], 0.0) for i in (0, 1)]
    return math.hypot(*gaps)


def best_pose(room: Room, wanted: Wanted, size: Size) -> Pose | None:
    """The pose that least speaks against; None where nothing of that size can stand so."""
    found = min(((against(room, wanted, pose, place), pose) for pose, place in poses(room, wanted, size)),
                key=lambda pair: pair[0], default=None)  # fmt: skip
    return None if found is None else found[1]


def on_top(room: Room, size: Size, below: Box) -> Pose:
    """On what carries it, where nothing was set yet and best in its middle, facing the middle of the room."""
    steps = [i / 8 for i in range(9)]
    low, high = (below[0], below[1]), (below[3], below[4])
    half = max(size[:2]) / 2
    spots = []
    for i in steps:
        for j in steps:
            # What is larger than what carries it stands in its middle.
            x, y = (
                (a + b) / 2 if b - a < 2 * half else a + half + share * (b - a - 2 * half)
                for a, b, share in ((low[0], high[0], i), (low[1], high[1], j))
            )
            pose = replace(_facing_middle(x, y, size), z=below[5])
            crowd = sum(_overlap(pose.box, other) > 0.02 for other in room.taken)
            spots.append((crowd + 0.2 * math.hypot(i - 0.5, j - 0.5), len(spots), pose))
    return min(spots)[2]


def lowest_seen(gaussians: Gaussians, x: float, y: float, eyes: float) -> float:
    """The height in metres from which on what stands at a point is seen from the middle of a scene, at most `_SUNK`.

    Ground that was fitted to views from the side is thick: what stands on it at 0 would stand in it.

    Args:
        gaussians: the scene.
        x: of the point.
        y: of the point.
        eyes: height of the camera in metres.
    """
    far = math.hypot(x, y)
    if far < 0.5:
        return 0.0
    aim = torch.tensor([[x, y, 0.5 * _SUNK - eyes]])
    viewmats = look_at(torch.tensor([[0.0, 0.0, eyes]]), torch.nn.functional.normalize(aim, dim=1))
    cameras = Cameras(viewmats, intrinsics(torch.tensor([_PEEK]), _PIXELS, _PIXELS), _PIXELS, _PIXELS)
    render = rasterize(gaussians, cameras, RasterizeOptions(), torch.zeros(3))
    middle = render.depth[0, :, _PIXELS // 2]
    rows = (torch.arange(_PIXELS) + 0.5 - _PIXELS / 2) / float(cameras.Ks[0, 1, 1])
    down = rows.atan() + math.atan2(eyes - 0.5 * _SUNK, far)
    heights = eyes - far * down.tan()
    reached = middle * (1 + rows.square()).sqrt() * down.cos()  # how far each look gets, over the ground
    open_ = (reached > far - _NEAR) | (render.alpha[0, :, _PIXELS // 2] < 0.5)
    hidden = (~open_ & (heights > 0) & (heights < _SUNK)).nonzero().flatten()
    return float(heights[hidden].max()) if len(hidden) else 0.0
