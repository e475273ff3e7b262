"""Rooms and landscapes with guests: what is drawn together, and how what stands where is told to captions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from gs_stein.world.builder import Guest, Relation, Scene
from gs_stein.world.held_out import held_out
from gs_stein.world.landscapes.place import Place, draw_landscape
from gs_stein.world.materials import STEEL
from gs_stein.world.rooms.shell import HALF_X, HALF_Y, draw_room
from gs_stein.world.styles import PALETTES, STYLES, Look, draw_wood
from gs_stein.world.things.movable import Movable
from gs_stein.world.things.place import FIXED, Host, NoPlaceError, Placed
from gs_stein.world.things.table import HOME, INDOORS, MOVABLES, OUTDOOR_PLACES

HOW_MANY = (0.34, 0.4, 0.26)
"""Chances of one, two and three kinds of guests."""
SEVERAL = 0.3
"""Chance that a guest comes twice or three times, where it is small enough."""
WIDEST, HIGHEST = 1.0, 1.3
"""Width and height in metres up to which guests come several times."""
NEAR, BESIDE = 0.9, 0.5
"""Metres up to which something is left or right of another, and next to it."""
_SUPPORTS = ("table", "table", "stool")
"""What a small guest brings along to stand on."""
AT_WALL = 0.4
"""Metres from a wall up to which something stands at it."""
REDRAWN = 40
"""How often a scene is drawn again until its guests fit."""


def mixed_room(rng: np.random.Generator, kind: str, furnish: Callable[[Look], None], unseen: bool) -> Scene:
    """A room with guests.

    Args:
        rng: decides everything.
        kind: of room.
        furnish: fills it with its own furniture.
        unseen: whether it has a pair of nouns that is held out (see `held_out.py`), or none.
    """

    def draw(guests: list[Guest]) -> Scene:
        def both(look: Look) -> None:
            furnish(look)
            guests.extend(_invite(look, kind, True, unseen))

        return draw_room(rng, kind, both)

    return _until_it_fits(draw, unseen)


def mixed_landscape(rng: np.random.Generator, kind: str, build: Callable[[Place], None], unseen: bool) -> Scene:
    """A landscape with guests; arguments as of `mixed_room`."""

    def draw(guests: list[Guest]) -> Scene:
        def both(p: Place) -> None:
            build(p)
            palette = PALETTES[p.b.pick(STYLES)]
            wood = draw_wood(p.b, palette)
            guests.extend(_invite(Look(p.b, "", p.time, palette, wood, STEEL, wood), kind, False, unseen))

        return draw_landscape(rng, kind, both)

    return _until_it_fits(draw, unseen)


def _until_it_fits(draw: Callable[[list[Guest]], Scene], unseen: bool) -> Scene:
    for _ in range(REDRAWN):
        guests: list[Guest] = []
        try:
            scene = draw(guests)
        except NoPlaceError:
            continue
        return replace(scene, guests=tuple(guests), held_out=unseen)
    raise RuntimeError(f"no guest found a place in {REDRAWN} draws")


def _names(rng: np.random.Generator, kind: str, indoors: bool, unseen: bool) -> Iterator[str]:
    """Guests in the order in which they are tried."""
    pool = [name for name, movable in MOVABLES.items() if name not in HOME[kind] and _suits(name, movable, indoors)]
    order = [pool[i] for i in rng.permutation(len(pool))]
    if unseen:  # a pair that is held out comes first
        pairs = [(name, "") for name in order if held_out(name, kind)]
        pairs += [(a, b) for i, a in enumerate(order) for b in order[:i] if held_out(a, b)][: max(3, len(pairs))]
        first = pairs[int(rng.integers(len(pairs)))]
        order = [name for name in first if name] + [name for name in order if name not in first]
    yield from order


def _suits(name: str, movable: Movable, indoors: bool) -> bool:
    """Whether a person would accept it there."""
    if indoors:
        return movable.places != ("ground",)
    return name not in INDOORS and not OUTDOOR_PLACES.isdisjoint(movable.places)


def _invite(look: Look, kind: str, indoors: bool, unseen: bool) -> list[Guest]:
    """Place guests, and say where they are."""
    b, host = look.b, Host(look, kind, indoors)
    wanted = 1 + int(b.rng.choice(3, p=HOW_MANY))
    tried = 0
    for name in _names(b.rng, kind, indoors, unseen):
        if len(host.placed) >= wanted or tried == 8:
            break
        there = [one.movable.name for one in host.placed]
        if not unseen and (held_out(name, kind) or any(held_out(name, other) for other in there)):
            continue
        tried += 1
        movable = MOVABLES[name]
        several = movable.size[0] <= WIDEST and movable.size[2] <= HIGHEST and b.chance(SEVERAL)
        count = b.pick((2, 2, 3)) if several else 1
        if host.put(movable, count) or (count > 1 and host.put(movable, 1)) or movable.places != ("table",):
            continue
        support = b.pick(_SUPPORTS)  # nothing to stand on: it brings something
        fits = unseen or not any(held_out(support, other) for other in (name, kind, *there))
        if fits and len(there) < 2 and support not in (*there, *HOME[kind]):
            host.reach, far = 2.2, host.reach
            if host.put(MOVABLES[support], 1):
                host.put(movable, 1)
            host.reach = far
    there = [one.movable.name for one in host.placed]
    pairs = [(name, other) for i, name in enumerate(there) for other in (kind, *there[:i])]
    if not there or (unseen and not any(held_out(*pair) for pair in pairs)):
        raise NoPlaceError
    found = [(one, relations(host, one)) for one in host.placed]
    ids = b.renumber(host.gone)
    return [
        Guest(
            tuple(ids[i] for i in one.ids),
            tuple(ids[i] for i in one.parts),
            tuple(Relation(relation.word, ids.get(relation.thing, 0)) for relation in true),
        )
        for one, true in found
    ]


def _walls(box: np.ndarray) -> list[str]:
    """Walls at which a box stands."""
    (x0, y0, _), (x1, y1, _) = box
    gaps = {"north": HALF_Y - y1, "south": y0 + HALF_Y, "east": HALF_X - x1, "west": x0 + HALF_X}
    return [wall for wall, gap in gaps.items() if gap < AT_WALL]


def _along(box: np.ndarray, wall: str) -> tuple[float, float]:
    """What a box takes of a wall, from left to right as it is seen from the middle of the room."""
    axis, sign = {"north": (0, 1), "south": (0, -1), "east": (1, -1), "west": (1, 1)}[wall]
    ends = sorted((sign * box[0, axis], sign * box[1, axis]))
    return float(ends[0]), float(ends[1])


def relations(host: Host, one: Placed) -> list[Relation]:
    """All that is true of where a guest is; `phrases.RELATIONS` has the words."""
    box, place, layout = one.box, one.pose.place, host.layout
    others = {
        i: layout.box(i)
        for i, name in layout.names.items()
        if i not in one.ids and i not in one.parts and name not in FIXED - {"window"} and (layout.owners == i).any()
    }
    if place == "table":
        return [Relation("on", one.pose.support)]
    if not host.indoors:
        near = [i for i, other in others.items() if _apart(box, other) < 1.2 * BESIDE and _solid(other)]
        return [Relation("ground"), *(Relation("next", i) for i in near)]
    out = []
    walls = _walls(box)
    if place == "hanging":
        out.append(Relation("hanging"))
        for i, other in others.items():
            start, end = _along(box, walls[0])
            first, last = _along(other, walls[0])
            under = other[1, 2] < box[0, 2] and first < (start + end) / 2 < last
            if under and walls[0] in _walls(other) and other[0, 2] < 0.2:
                out.append(Relation("above", i))
        return out
    if len(walls) >= 2 and (place == "corner" or (box[1, :2] - box[0, :2]).max() < 1.3):
        out.append(Relation("corner"))
    elif place == "wall":
        out.append(Relation("wall"))
    if abs(box[:, 0].mean()) < 0.7 and abs(box[:, 1].mean()) < 0.6:
        out.append(Relation("middle"))
    for i, other in others.items():
        window = layout.names[i] == "window"
        if other[0, 2] > 0.3 and not window:  # hangs, or stands on something
            continue
        for wall in walls:
            if wall not in _walls(other):
                continue
            (start, end), (first, last) = _along(box, wall), _along(other, wall)
            if -0.02 < first - end < NEAR:
                out.append(Relation("left", i))
            elif -0.02 < start - last < NEAR:
                out.append(Relation("right", i))
            elif window and wall == "west" and start < (first + last) / 2 < end and box[1, 2] < other[0, 2] + 0.1:
                out.append(Relation("under", i))
        if window and _apart(box, other) < NEAR:
            out.append(Relation("by", i))
        elif not window and _apart(box, other) < BESIDE:
            out.append(Relation("next", i))
    return out or [Relation("floor")]


def _apart(box: np.ndarray, other: np.ndarray) -> float:
    """Metres between two boxes, seen from above."""
    gaps = np.maximum(np.maximum(other[0, :2] - box[1, :2], box[0, :2] - other[1, :2]), 0.0)
    return float(np.hypot(*gaps))


def _solid(box: np.ndarray) -> bool:
    """Whether a thing outdoors is one that others stand next to: no sea, no wood, nothing far above."""
    return float((box[1, :2] - box[0, :2]).max()) < 4.0 and float(box[0, 2]) < 0.4
