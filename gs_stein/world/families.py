"""Stretches of the world that are rendered and mixed as one, by name."""

from __future__ import annotations

from dataclasses import dataclass

from gs_stein.world.held_out import HELD_OUT as HELD_OUT
from gs_stein.world.scenes import LANDSCAPES, MORE_ROOMS, OBJECTS, ROOMS


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
"""What the prior trains on, and whose kinds the scorer and the known words are of."""
MIXED = {
    family.name: family
    for family in (
        Family("mixed-rooms", tuple(f"mixed {kind}" for kind in (*2 * tuple(ROOMS), *MORE_ROOMS)), 40_000_000),
        Family("mixed-landscapes", tuple(f"mixed {kind}" for kind in LANDSCAPES), 45_000_000),
    )
}
"""The same rooms and landscapes with guests; what they hold out is told in `held_out.py`."""
TRAINED = FAMILIES | MIXED
"""All that the prior can train on, by name."""
SCORER = Family("scorer", (*6 * (*ROOMS, *MORE_ROOMS), *3 * tuple(LANDSCAPES), *OBJECTS), 50_000_000)
"""What the scorer trains on: every kind, half of them rooms, from seeds of its own."""
