"""What the exporter tells `gs_stein.compose` of the world: which things are made on their own, how large they are,
where they stand, and what every kind of scene has of its own and where."""

from __future__ import annotations

from typing import Any

import numpy as np

from gs_stein.world.captions import OBJECT_NAMES, ROOM_WORDS, SYNONYMS
from gs_stein.world.families import FAMILIES
from gs_stein.world.render.cull import bounds
from gs_stein.world.scenes import is_landscape, is_object
from gs_stein.world.things.place import TOPS
from gs_stein.world.things.sizes import SIZES
from gs_stein.world.things.table import HOME, MOVABLES

DRAWS = 48
"""Scenes of a kind that are looked at for where its things stand."""
SPREAD = 0.35
"""Metres of standard deviation up to which a thing has a place of its own in a kind of room."""
USUAL = 0.3
"""Share of those scenes that must have it."""
_OTHER_NAMES = {"fireplace": ("hearth", "fire"), "television": ("tv",)}
_NOT_THINGS = frozenset(("walls", "floor", "ceiling"))


def known_things(families: tuple[str, ...]) -> dict[str, Any]:
    """The table that `gs_stein.compose.things` reads.

    Args:
        families: that the exported networks were trained on.
    """
    kinds = [kind for name in families for kind in FAMILIES[name].kinds]
    things = {}
    for noun in filter(is_object, kinds):
        size, places = (MOVABLES[noun].size, MOVABLES[noun].places) if noun in MOVABLES else SIZES[noun]
        names = {noun, *OBJECT_NAMES.get(noun, ()), *SYNONYMS.get(noun, ()), *_OTHER_NAMES.get(noun, ())}
        things[noun] = {
            "names": sorted(names), "size": [round(float(x), 2) for x in size], "places": list(places),
            "top": noun in TOPS,
        }  # fmt: skip
    places = {
        kind: {
            "names": sorted({kind, *ROOM_WORDS.get(kind, ())}), "outdoors": is_landscape(kind), **_own(kind)
        }
        for kind in kinds if not is_object(kind)
    }  # fmt: skip
    return {"things": things, "places": places}


def _own(kind: str) -> dict[str, Any]:
    """What a kind of scene has of its own, and where of those that have a place of their own."""
    from gs_stein.world.scenes import draw_scene

    found: dict[str, list[np.ndarray]] = {}
    for seed in range(6_000_000, 6_000_000 + DRAWS):
        scene = draw_scene(seed, kind)
        middle, half = bounds(scene.shapes, scene.geometry).reshape(2, 3, -1)
        for thing in scene.things:
            rows = scene.thing_ids[: len(scene.shapes)] == thing.id
            if rows.any() and thing.name not in _NOT_THINGS:
                low, high = (middle - half)[:, rows].min(1), (middle + half)[:, rows].max(1)
                found.setdefault(thing.name, []).append(np.concatenate([low, high]))
    own = {name for name in found} | set(HOME.get(kind, ()))
    boxes = {}
    for name, seen in sorted(found.items()):
        box = np.array(seen)
        if len(seen) >= USUAL * DRAWS and box[:, [0, 1, 3, 4]].std(0).max() <= SPREAD:
            boxes[name] = [round(float(x), 2) for x in np.median(box, 0)]
    names = {name: sorted({name, *SYNONYMS.get(name, ())}) for name in sorted(own)}
    return {"own": names, "boxes": boxes, "tops": [name for name in boxes if name in TOPS]}
