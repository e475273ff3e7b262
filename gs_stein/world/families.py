"""Stretches of the world that are rendered and mixed as one, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gs_stein.world.held_out import HELD_OUT as HELD_OUT
from gs_stein.world.scenes import LANDSCAPES, MORE_LANDSCAPES, MORE_OBJECTS, MORE_ROOMS, OBJECTS, ROOMS, THINGS


@dataclass(frozen=True)
class Family:
    """A stretch of the world rendered and mixed as one: kinds of scene, taken in turn from consecutive seeds."""

    name: str
    kinds: tuple[str, ...]
    first_seed: int
    part: Literal["rooms", "objects", "landscapes"] = "rooms"
    """How it is looked at and denoised: objects have a network of their own, landscapes settings of their own."""

    def scene(self, number: int) -> tuple[int, str]:
        """Seed and kind of one of its scenes, from 0 on."""
        return self.first_seed + number, self.kinds[number % len(self.kinds)]


FAMILIES = {
    family.name: family
    for family in (
        Family("rooms", tuple(ROOMS), 0),
        Family("objects", tuple(OBJECTS), 10_000_000, "objects"),
        Family("more-rooms", tuple(MORE_ROOMS), 20_000_000),
        Family("landscapes", tuple(LANDSCAPES), 30_000_000, "landscapes"),
        Family("more-objects", tuple(MORE_OBJECTS), 25_000_000, "objects"),
        Family("things", tuple(THINGS), 60_000_000, "objects"),
        Family("more-landscapes", tuple(MORE_LANDSCAPES), 35_000_000, "landscapes"),
        Family("mixed-rooms", tuple(f"mixed {kind}" for kind in (*2 * tuple(ROOMS), *MORE_ROOMS)), 40_000_000),
        Family("mixed-landscapes", tuple(f"mixed {kind}" for kind in LANDSCAPES), 45_000_000, "landscapes"),
    )
}
"""What the prior may train on. Mixed rooms and landscapes have guests; what they hold out is told in `held_out.py`."""
SHIPPED = ("rooms", "objects", "more-rooms", "landscapes")
"""Families that the shipped weights were trained on: their kinds are what prompts are told to be known."""
SCORER = Family("scorer", (*6 * (*ROOMS, *MORE_ROOMS), *3 * tuple(LANDSCAPES), *OBJECTS), 50_000_000)
"""What the scorer trains on: every kind of the shipped families, half of them rooms, from seeds of its own."""
