"""Captions of mixed scenes: guests with their colours, counts and places, in many shapes of sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gs_stein.world.builder import Guest, Relation, Scene, Thing
from gs_stein.world.captions import (
    COLOURLESS,
    MATERIAL_WORDS,
    NATURAL,
    OBJECT_NAMES,
    ROOM_WORDS,
    STYLE_WORDS,
    SYNONYMS,
    TIME_ADJECTIVES,
    TIMES_INDOORS,
    TIMES_OUTDOORS,
    Caption,
    Claim,
    article,
    choose,
    join,
    phrase,
)
from gs_stein.world.held_out import held_out

LONGEST = 26
"""Words of a caption; one that would be longer says less."""
SHAPES = (
    "{room} with {all}",
    "{room} with {guests}",
    "{room} with {own} and {guests}",
    "{room}, {all}",
    "{guests} {in} {room}",
    "{all} {in} {room}",
    "there {is} {guests} {in} {room}",
    "{in} {room} there {is} {guests}",
    "{room} that has {all}",
    "{room} containing {all}",
    "{room} featuring {guests}",
    "{room} and {in} it {guests}",
    "{in} {room}, {guests}",
    "{room}, and {where} {is} {first}",
    "{room} where {first} {stands} {where}",
    "{first} {stands} {where} {in} {room}",
    "{where} {stands} {first}, {room}",
    "{room}. {where} {is} {first}",
    "{room}. there {is} {guests}",
    "{room}: {all}",
    "a photo of {room} with {all}",
    "a photo of {guests} {in} {room}",
    "a picture of {guests} {in} {room}",
    "a view of {room} with {guests}",
    "{guests}, {room}",
    "{guests} can be seen {in} {room}",
    "someone put {guests} {in} {room}",
    "imagine {room} with {all}",
    "i want {room} with {guests}",
    "{room} which has {guests}",
    "{room} that holds {all}",
    "{room} showing {guests}",
    "you see {guests} {in} {room}",
    "{first}, {where}, {in} {room}",
    "the {bare} has {all}",
    "the {bare} contains {guests}",
    "a scene with {guests} {in} {room}",
    "{guests} standing {in} {room}",
    "{room} plus {guests}",
    "{room}, complete with {guests}",
)
"""Of sentences; `held_out` tells which are never trained on. {where} is a place of the guest {first}."""
HELD_OUT_SHAPES = tuple(shape for shape in SHAPES if held_out("caption", shape))
TRAINED_SHAPES = tuple(shape for shape in SHAPES if not held_out("caption", shape))
RELATIONS: dict[str, tuple[str, ...]] = {
    "on": ("on {}", "on {}", "on top of {}"),
    "above": ("above {}", "on the wall above {}", "over {}"),
    "left": ("left of {}", "to the left of {}", "on the left of {}"),
    "right": ("right of {}", "to the right of {}", "on the right of {}"),
    "under": ("under {}", "below {}"),
    "by": ("by {}", "near {}", "next to {}"),
    "next": ("next to {}", "beside {}", "near {}", "by {}"),
    "corner": ("in the corner", "in the corner", "in a corner"),
    "wall": ("against the wall", "at the wall", "by the wall"),
    "hanging": ("on the wall", "on the wall", "hanging on the wall"),
    "middle": ("in the middle", "in the middle of the room"),
    "floor": ("on the floor",),
    "ground": ("on the {ground}", "outside", "in the open"),
}
"""Words for every `Relation.word`; {} is what it is related to."""
_GROUNDS = {"desert": "sand", "beach": "sand", "snowy mountains": "snow", "forest clearing": "grass"}
_OUTDOORS = {"beach": "on", "desert": "in", "snowy mountains": "in", "forest clearing": "in"}
"""Prepositions of landscapes."""
_IRREGULAR = {"bookshelf": "bookshelves", "teddy": "teddies", "couch": "couches", "bench": "benches", "bus": "buses"}
_COUNTS = {2: ("two", "two", "two", "a pair of"), 3: ("three",)}
_FAINT = {"table runner", "tap", "cushion", "cushions", "hood", "ceiling", "sink", "pillows", "blanket", "towels"}
"""Of own things, those that nothing is said to stand next to."""


def plural(noun: str) -> str:
    """More than one of a noun."""
    *before, last = noun.split(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh", "z")):
        last += "es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "s"
    return " ".join([*before, last])


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def attribute(thing: Thing) -> str:
    """What captions call the looks of a guest: a colour, or one of `MATERIAL_WORDS`; "" where they say nothing."""
    painted = thing.material == "metal" and thing.colour not in ("", "grey")
    if thing.material in MATERIAL_WORDS and not painted:
        return thing.material
    bare = not thing.material.startswith("striped ") and (thing.name in NATURAL or thing.name in COLOURLESS)
    return "" if bare else thing.colour


def says(text: str, looks: str) -> bool:
    """Whether a phrase has a word for what `attribute` found."""
    words = text.split()
    return looks != "" and any(word in words for word in (looks, *MATERIAL_WORDS.get(looks, ())))


def guest_phrase(thing: Thing, count: int, rng: np.random.Generator, bare: float = 0.12) -> str:
    """Noun phrase such as "a red piano", "two wooden stools".

    Args:
        thing: one of them.
        count: how many there are.
        rng: draws the wording.
        bare: chance of leaving out colour and material.
    """
    noun = _pick(OBJECT_NAMES.get(thing.name) or SYNONYMS.get(thing.name) or (thing.name,), rng)
    word = ""
    if rng.random() >= bare:
        word = looks = attribute(thing)
        if looks in MATERIAL_WORDS:
            word = _pick(MATERIAL_WORDS[looks], rng)
        elif thing.material.startswith("striped "):
            second = thing.material.split()[1]
            word = f"{looks} and {second} striped" if rng.random() < 0.6 else f"striped {looks}"
    if count > 1:
        several = f"vases of {word} {noun}" if thing.plural else f"{word} {plural(noun)}"
        return f"{_pick(_COUNTS[count], rng)} {' '.join(several.split())}"
    text = f"{word} {noun}".strip()
    return text if thing.plural else article(text)


def _where(scene: Scene, relation: Relation, rng: np.random.Generator) -> str:
    """Words for where a guest is."""
    words = _pick(RELATIONS[relation.word], rng)
    if not relation.thing:
        return words.format(ground=_GROUNDS.get(scene.kind, "ground"))
    thing = scene.things[relation.thing - 1]
    text = phrase(thing, rng, 0.6) if thing.name != "window" else "a window"
    alone = sum(other.name == thing.name for other in scene.things) == 1
    if alone and text.startswith(("a ", "an ")):
        text = "the " + text.split(" ", 1)[1]
    elif thing.name == "chairs":
        text = "a chair" if text == "chairs" else article(text.removesuffix("s"))
    return words.format(text)


def _relation(scene: Scene, guest: Guest, told: list[Guest], rng: np.random.Generator) -> Relation | None:
    """One to tell, most telling ones likelier; none to another guest that is told of, unless it carries this one."""
    weights = {"on": 5.0, "corner": 4.0, "above": 3.0, "left": 1.2, "right": 1.2, "under": 4.0, "by": 2.5, "next": 0.9}
    others = {i for one in told for i in one.ids}
    options = [
        r
        for r in guest.relations
        if not r.thing or (scene.things[r.thing - 1].name not in _FAINT and (r.thing not in others or r.word == "on"))
    ]
    if not options:
        return None
    p = np.array([weights.get(r.word, 1.0) for r in options])
    return options[int(rng.choice(len(options), p=p / p.sum()))]


def _head(scene: Scene, rng: np.random.Generator, brief: int) -> tuple[str, str, str]:
    """The room with an article and what is said of it, without, and the time to say after it."""
    indoors = scene.style != ""
    noun = _pick(ROOM_WORDS.get(scene.kind, (scene.kind,)), rng)
    adjectives, time = [], ""
    if brief < 2 and rng.random() < (0.4 if scene.time != "day" else 0.12):
        adjective = TIME_ADJECTIVES.get(scene.time, ())
        if adjective and indoors and rng.random() < 0.5:
            adjectives.append(_pick(adjective, rng))
        else:
            time = _pick((TIMES_INDOORS if indoors else TIMES_OUTDOORS)[scene.time], rng)
    if brief < 3 and indoors and rng.random() < 0.45:
        adjectives.append(_pick(STYLE_WORDS[scene.style], rng))
    bare = " ".join([*adjectives, noun])
    if noun.endswith("mountains"):
        return bare, f"{noun} landscape", time
    return article(bare), noun, time


def mixed_caption(scene: Scene, rng: np.random.Generator) -> Caption:
    """A description of a scene that names nearly all its guests."""
    for brief in range(5):
        caption = _attempt(scene, rng, brief)
        if len(caption.text.split()) <= LONGEST:
            return caption
    return _attempt(scene, rng, 5)


def _attempt(scene: Scene, rng: np.random.Generator, brief: int) -> Caption:
    """One caption; the briefer, the less it says beside the guests."""
    shapes = HELD_OUT_SHAPES if scene.held_out else TRAINED_SHAPES
    shape = _pick(shapes, rng)
    order = [scene.guests[i] for i in rng.permutation(len(scene.guests))]
    told = [guest for i, guest in enumerate(order) if i == 0 or rng.random() < (0.92 if brief < 4 else 0.4)]
    told = told[:1] if "{first}" in shape or brief == 5 else told
    room, bare, time = _head(scene, rng, brief)
    named, texts, said, place = set[int](), [], [], ""
    for guest in told:
        if named.issuperset(guest.ids):  # another one was said to be on it
            said.append(Claim(guest.ids))
            continue
        thing = scene.things[guest.ids[0] - 1]
        text = guest_phrase(thing, len(guest.ids), rng)
        claim = Claim(guest.ids, attribute(thing) if says(text, attribute(thing)) else "")
        relation = _relation(scene, guest, told, rng)
        if relation is not None and ("{where}" in shape or rng.random() < (0.6, 0.5, 0.35, 0.2, 0.1, 0.0)[brief]):
            where = _where(scene, relation, rng)
            claim = claim._replace(relation=relation)
            named.add(relation.thing)
            if "{where}" in shape:
                place = where
            else:
                text += f" {where}"
        named.update(guest.ids, guest.parts)
        said.append(claim)
        texts.append(text)
    own: list[str] = []
    if ("{all}" in shape or "{own}" in shape) and brief < 4:
        count = max(int("{own}" in shape), int(rng.choice(3, p=(0.3, 0.45, 0.25))))
        things = choose(_without_guests(scene, named), rng, min(count, (2, 2, 1, 1)[brief]))
        own = [phrase(thing, rng) for thing in things]
        looks = {(thing.name, thing.colour) for thing in things}
        named.update(thing.id for thing in scene.things if (thing.name, thing.colour) in looks)
    everything = [*own, *texts] if rng.random() < 0.5 else [*texts, *own]
    several = len(told[0].ids) > 1
    shape = shape.replace("{own} and ", "") if not own else shape
    if "{where}" in shape and not place:  # nothing to tell of its place
        shape = _pick(tuple(shape for shape in shapes if "{where}" not in shape), rng)
    text = shape.format(
        room=room,
        bare=bare,
        guests=join(texts),
        all=join(everything),
        own=", ".join(own),
        first=texts[0],
        where=place,
        **{"in": _OUTDOORS.get(scene.kind, "in"), "is": "are" if several else "is"},
        stands=("stand" if several else "stands") if "on the wall" not in place else ("hang" if several else "hangs"),
    )
    if time:
        text = f"{text}, {time}" if rng.random() < 0.7 or "with" in time else f"{time}, {text}"
    return Caption(text, tuple(sorted(named - {0})), tuple(said))


def _without_guests(scene: Scene, named: set[int]) -> Scene:
    """Its own things, but for those of a noun that was said already."""
    guests = {i for guest in scene.guests for i in (*guest.ids, *guest.parts)}
    said = {scene.things[i - 1].name for i in named if i}
    return replace(scene, things=[t for t in scene.things if t.id not in guests and t.name not in said])
