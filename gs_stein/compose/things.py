"""What can be made on its own and set into a scene: a table that lies beside the prior's networks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FILE = "things.json"
Size = tuple[float, float, float]
"""Width (along its back), depth and height in metres."""
Box = tuple[float, float, float, float, float, float]
"""Lowest and highest corner in metres."""


@dataclass(frozen=True)
class Thing:
    """A thing that the prior makes as an object."""

    noun: str
    names: tuple[str, ...]
    """What prompts may call it."""
    size: Size
    """A bound of what such things measure."""
    places: tuple[str, ...]
    """Of "wall", "corner", "floor", "table", "hanging" (on a wall), "ground" (under the sky)."""
    top: bool
    """Whether small things may stand on it."""


@dataclass(frozen=True)
class Place:
    """A kind of room or landscape."""

    kind: str
    names: tuple[str, ...]
    outdoors: bool
    own: dict[str, tuple[str, ...]]
    """What it has without being asked for a thing from elsewhere, and the names of that."""
    boxes: dict[str, Box]
    """Where those stand that have a place of their own, in the median over such scenes."""
    tops: tuple[str, ...]
    """Those of them that small things may stand on."""


@dataclass(frozen=True)
class Table:
    """Things and places."""

    things: dict[str, Thing]
    places: dict[str, Place]

    @staticmethod
    def load(folder: Path) -> Table | None:
        """Read things.json of a folder; None where there is none: such a prior's prompts are left whole."""
        path = folder / FILE
        if not path.is_file():
            return None
        tree = json.loads(path.read_text(encoding="utf-8"))
        things = {
            noun: Thing(noun, tuple(row["names"]), tuple(row["size"]), tuple(row["places"]), row["top"])
            for noun, row in tree["things"].items()
        }
        places = {
            kind: Place(
                kind, tuple(row["names"]), row["outdoors"],
                {noun: tuple(names) for noun, names in row["own"].items()},
                {noun: tuple(box) for noun, box in row["boxes"].items()},
                tuple(row["tops"]),
            )
            for kind, row in tree["places"].items()
        }  # fmt: skip
        return Table(things, places)
