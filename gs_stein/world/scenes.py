"""Scenes from seeds."""

from __future__ import annotations

import zlib

import numpy as np

from gs_stein.world.primitives import Scene
from gs_stein.world.rooms import ROOMS, draw_room

_SHARES = (0.28, 0.24, 0.24, 0.24)


def draw_scene(seed: int, kind: str | None = None) -> Scene:
    """The scene of a seed: the same on every machine.

    Args:
        seed: any non-negative integer.
        kind: one of `ROOMS`; None draws from the mixture.

    Raises:
        ValueError: for an unknown kind.
    """
    if kind is None:
        rng = np.random.default_rng(np.random.SeedSequence([2401, seed]))
        kind = ROOMS[int(rng.choice(len(ROOMS), p=_SHARES))]
    if kind not in ROOMS:
        raise ValueError(f"kind: no scene is called {kind!r}; use one of {', '.join(ROOMS)}")
    return draw_room(np.random.default_rng(np.random.SeedSequence([2401, seed, zlib.crc32(kind.encode())])), kind)
