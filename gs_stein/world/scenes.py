"""Scenes from seeds."""

from __future__ import annotations

import zlib

import numpy as np

from gs_stein.world.objects import Maker, draw_object
from gs_stein.world.objects_home import HOME
from gs_stein.world.objects_world import WORLD
from gs_stein.world.outdoors import OUTDOORS as _LANDSCAPES
from gs_stein.world.outdoors import draw_landscape
from gs_stein.world.primitives import Scene
from gs_stein.world.rooms import FURNISH, draw_room
from gs_stein.world.rooms_more import MORE

_LAYOUTS = {**FURNISH, **MORE}
ROOMS = tuple(FURNISH)
"""Kinds of rooms that came first and matter most."""
MORE_ROOMS = tuple(MORE)
"""Further kinds of rooms."""
_MAKERS: dict[str, Maker] = {**HOME, **WORLD}
OBJECTS = tuple(_MAKERS)
"""Kinds of objects."""
OUTDOORS = tuple(_LANDSCAPES)
"""Kinds of landscapes."""
KINDS = (*ROOMS, *MORE_ROOMS, *OUTDOORS, *OBJECTS)
"""Everything that can be drawn."""
_SHARES = (0.45, 0.15, 0.1, 0.3)
"""Of rooms, further rooms, landscapes and objects in the mixture."""


def draw_scene(seed: int, kind: str | None = None) -> Scene:
    """The scene of a seed: the same on every machine.

    Args:
        seed: any non-negative integer.
        kind: one of `KINDS`; None draws from the mixture.

    Raises:
        ValueError: for an unknown kind.
    """
    if kind is None:
        rng = np.random.default_rng(np.random.SeedSequence([2401, seed]))
        kinds = (ROOMS, MORE_ROOMS, OUTDOORS, OBJECTS)[int(rng.choice(4, p=_SHARES))]
        kind = kinds[int(rng.integers(len(kinds)))]
    if kind not in KINDS:
        raise ValueError(f"kind: no scene is called {kind!r}; use one of {', '.join(KINDS)}")
    rng = np.random.default_rng(np.random.SeedSequence([2401, seed, zlib.crc32(kind.encode())]))
    if kind in _LAYOUTS:
        return draw_room(rng, kind, _LAYOUTS[kind])
    if kind in _LANDSCAPES:
        return draw_landscape(rng, kind, _LANDSCAPES[kind])
    return draw_object(rng, kind, _MAKERS[kind])
