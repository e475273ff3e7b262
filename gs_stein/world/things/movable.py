"""What a thing that may stand in any room is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gs_stein.world.styles import Look


@dataclass(frozen=True)
class Movable:
    """A thing that may stand in any room."""

    name: str
    """Noun as captions say it ("piano")."""
    make: Callable[[Look], None]
    """Builds it in `look.b`'s frame: back at y = 0, centred on x = 0, standing on z = 0, facing -y, in metres."""
    size: tuple[float, float, float]
    """Width (x), depth (y, from 0 to -depth) and height in metres: a bound."""
    places: tuple[str, ...]
    """Of "wall", "floor", "corner", "table", "hanging" (on a wall at eye height, z = 0 its lowest edge)."""
