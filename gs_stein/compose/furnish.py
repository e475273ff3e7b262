"""A finished scene furnished: every thing made, placed, set in, in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from gs_stein.cameras.options import RoomCameras
from gs_stein.compose import insert
from gs_stein.compose.place import WALL_GAP, Pose, Room, best_pose, lowest_seen, on_top
from gs_stein.compose.prompt import Composition, Wanted
from gs_stein.compose.things import Box, Table
from gs_stein.gaussians.model import Gaussians

_BACK = 0.75
"""Metres from which what carries a thing has a back, and is sat on."""
_TABLE = "table"
"""What is brought along for what stands on tables, where there is none."""


@dataclass(frozen=True)
class Piece:
    """A thing of a plan, with its box if a layout says one."""

    wanted: Wanted
    pose: Pose | None = None


def pieces(composition: Composition, layout: dict[str, Pose]) -> list[Piece]:
    """The plan's things in the order in which they are set in: what carries others first.

    Args:
        composition: of the prompt.
        layout: boxes by the words of a thing, or its noun; those of things that no prompt names are not used here.
    """
    found = [
        Piece(one, next((pose for words, pose in layout.items() if _same(words, one)), None))
        for one in composition.wanted
    ]
    nouns = {one.wanted.thing.noun for one in found}
    return sorted(
        found, key=lambda one: (one.pose is None, one.wanted.other in nouns, one.wanted.thing.places == ("table",))
    )


def _same(words: str, wanted: Wanted) -> bool:
    """Whether the words of a layout mean a thing of the prompt."""
    said = {word for word in words.lower().split() if word not in ("a", "an", "the")}
    return said <= set(wanted.prompt.lower().split()) or words.lower() in wanted.thing.names


class Furnisher:
    """Sets things into a scene.

    Args:
        scene: finished, as its training views showed it.
        cameras: that look at it.
        composition: of its prompt.
        table: of the prior; things are brought from it for others to stand on.
    """

    def __init__(self, scene: Gaussians, cameras: RoomCameras, composition: Composition, table: Table) -> None:
        self._host, self._table = scene, table
        self._room = Room(scene, cameras, composition.place)
        self._light = insert.brightness(scene)
        self._parts: list[Gaussians] = []

    def plan(self, piece: Piece) -> list[tuple[Wanted, list[Pose]]]:
        """Where copies of a thing go, and before them what is brought along for it to stand on."""
        if piece.pose is not None:
            return [(piece.wanted, [piece.pose])]
        wanted, room = piece.wanted, self._room
        size = wanted.thing.size
        if not self._stands_on_something(wanted):
            return [(wanted, self._several(wanted, lambda: best_pose(room, wanted, size)))]
        below = self._support(wanted)
        brought: list[tuple[Wanted, list[Pose]]] = []
        if below is None and _TABLE in self._table.things:
            carrier = Wanted(self._table.things[_TABLE], "a wooden table")
            pose = best_pose(room, carrier, carrier.thing.size)
            if pose is not None:
                brought, below = [(carrier, [pose])], pose.box
        if below is None:
            return [(wanted, [])]
        return [*brought, (wanted, self._several(wanted, lambda: on_top(room, size, below)))]

    def _several(self, wanted: Wanted, find: Callable[[], Pose | None]) -> list[Pose]:
        """Poses of as many as are wanted, none in another's place, and on the ground as it is there."""
        room, found = self._room, []
        before = len(room.taken)
        while len(found) < wanted.count and (pose := find()) is not None:
            if room.outdoors:
                x, y = pose.at(0.0, -pose.size[1] / 2)
                pose = replace(pose, z=lowest_seen(self._host, x, y, room.eyes))
            found.append(pose)
            room.taken.append(pose.box)
        del room.taken[before:]
        return found

    def _stands_on_something(self, wanted: Wanted) -> bool:
        if self._room.outdoors:
            return False
        carried = wanted.relation == "on" and wanted.other != ""
        return carried or (wanted.thing.places == ("table",) and wanted.relation not in ("floor", "corner", "wall"))

    def _support(self, wanted: Wanted) -> Box | None:
        """What carries it: what the prompt names, else a thing that was set in, else something of the scene's own."""
        room, table = self._room, self._table
        named = [wanted.other] if wanted.relation == "on" and wanted.other else []
        set_in = [noun for noun in room.boxes if noun in table.things and table.things[noun].top]
        own = [noun for noun in room.place.tops if noun in room.place.boxes]
        for noun in (*named, *set_in, *own):
            box = room.where(noun)
            if box is None:
                continue
            if noun in room.boxes:
                return box
            # Those that have a back are sat on at half their height.
            return (*box[:5], 0.5 * box[5] if box[5] > _BACK else box[5])
        return None

    def shown(self, thing: Gaussians, poses: list[Pose]) -> Gaussians:
        """The scene with a thing that is still being made; nothing changes."""
        return Gaussians.cat([self._host, *self._parts, *(self._placed(thing, pose) for pose in poses)])

    def _placed(self, thing: Gaussians, pose: Pose) -> Gaussians:
        """A thing in its place and in the scene's light, and out of the walls that a stouter one would stand in."""
        part = insert.lit(insert.placed(thing, pose), self._light)
        if self._room.outdoors:
            return part
        low, high = insert.extent(part)
        half = part.means.new_tensor(self._room.half) - WALL_GAP / 2
        shift = (-half - low[:2]).clamp(min=0) - (high[:2] - half).clamp(min=0)
        return replace(part, means=part.means + torch.cat([shift, shift.new_zeros(1)]))

    def put(self, thing: Gaussians, wanted: Wanted, poses: list[Pose]) -> tuple[Box, ...]:
        """Set a finished thing in; the boxes of what is to be seen of it."""
        boxes = []
        for pose in poses:
            part = self._placed(thing, pose)
            self._host = self._host[~insert.inside(self._host, part)]
            self._host = insert.shaded(self._host, part, pose.z)
            low, high = (corner.tolist() for corner in insert.extent(part))
            box = (low[0], low[1], low[2], high[0], high[1], high[2])
            self._parts.append(part)
            self._room.taken.append(box)
            self._room.boxes.setdefault(wanted.thing.noun, box)
            boxes.append(box)
        return tuple(boxes)

    @property
    def scene(self) -> Gaussians:
        """The scene with everything that was set in."""
        return Gaussians.cat([self._host, *self._parts])
