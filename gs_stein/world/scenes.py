"""Scenes from seeds."""

from __future__ import annotations

import zlib

import numpy as np

from gs_stein.world.primitives import Scene
from gs_stein.world.objects import Maker, draw_object
from gs_stein.world.objects_home import HOME
from gs_stein.world.objects_world import WORLD
from gs_stein.world.rooms import ROOMS, draw_room

_MAKERS: dict[str, Maker] = {**HOME, **WORLD}
OBJECTS = tuple(_MAKERS)
"""Kinds of objects."""
KINDS = (*ROOMS, *OBJECTS)
"""Everything that can be drawn."""
_SHARE_OF_ROOMS = 0.7


def draw_scene(seed: int, kind: str | None = None) -> Scene:
    """The scene of a seed: the same on every machine.

    Args:
        seed: any non-negative integer.
        kind: one of `ROOMS` or `OBJECTS`; None draws from the mixture.

    Raises:
        ValueError: for an unknown kind.
    """
    if kind is None:
        rng = np.random.default_rng(np.random.SeedSequence([2401, seed]))
        kinds = ROOMS if rng.random() < _SHARE_OF_ROOMS else OBJECTS
        kind = kinds[int(rng.integers(len(kinds)))]
    if kind not in KINDS:
        raise ValueError(f"kind: no scene is called {kind!r}; use one of {', '.join(KINDS)}")
    rng = np.random.default_rng(np.random.SeedSequence([2401, seed, zlib.crc32(kind.encode())]))
    return draw_room(rng, kind) if kind in ROOMS else draw_object(rng, kind, _MAKERS[kind])
