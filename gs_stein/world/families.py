"""Stretches of the world that are rendered and mixed as one, by name."""

from __future__ import annotations

from dataclasses import dataclass

from gs_stein.world.scenes import LANDSCAPES, MORE_ROOMS, OBJECTS, ROOMS

HELD_OUT = 90_000_000
"""Scenes from this seed on are never trained on."""


@dataclass(frozen=True)
class Family:
    """A stretch of the world rendered and mixed as one: kinds of scene, taken in turn from consecutive seeds."""

    name: str
    kinds: tuple[str, ...]
    first_seed: int


FAMILIES = {
    family.name: family
    for family in (
        Family("rooms", tuple(ROOMS), 0),
        Family("objects", tuple(OBJECTS), 10_000_000),
        Family("more-rooms", tuple(MORE_ROOMS), 20_000_000),
        Family("landscapes", tuple(LANDSCAPES), 30_000_000),
    )
}
"""What the prior trains on."""
SCORER = Family("scorer", (*6 * (*ROOMS, *MORE_ROOMS), *3 * tuple(LANDSCAPES), *OBJECTS), 50_000_000)
"""What the scorer trains on: every kind, half of them rooms, from seeds of its own."""
