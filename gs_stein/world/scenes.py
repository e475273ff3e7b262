"""Scenes from seeds: the tables of everything that can be drawn.

To add a room, write a file in `rooms/` with a function that furnishes a `Look`, and give it a row in `MORE_ROOMS`; a
landscape likewise with a function that fills a `Place`, in `landscapes/` and `MORE_LANDSCAPES`; an object with a
function that makes it of a `Kit`, in a file of `objects/` and `MORE_OBJECTS`. Captions name what `Builder.thing` was
told. Words beyond that (synonyms, what to name first) go into the tables of `captions.py` or `more_words.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from gs_stein.world.builder import Scene
from gs_stein.world.held_out import HELD_OUT
from gs_stein.world.landscapes.beach import beach
from gs_stein.world.landscapes.desert import desert
from gs_stein.world.landscapes.forest import forest
from gs_stein.world.landscapes.garden import garden
from gs_stein.world.landscapes.lake import lake
from gs_stein.world.landscapes.meadow import meadow
from gs_stein.world.landscapes.mountains import mountains
from gs_stein.world.landscapes.place import Place, draw_landscape
from gs_stein.world.landscapes.street import street
from gs_stein.world.objects.animals import cat, duck, penguin
from gs_stein.world.objects.belongings import backpack, boot, crown, skateboard, umbrella
from gs_stein.world.objects.buildings import castle, house, lighthouse, well, windmill
from gs_stein.world.objects.devices import camera, candle, chess_piece, globe, telephone
from gs_stein.world.objects.figures import astronaut, ghost, knight, pirate
from gs_stein.world.objects.food import apple, cake, donut, hamburger, ice_cream, pear, pineapple
from gs_stein.world.objects.fruit import bananas, carrot, cherries, strawberry, watermelon
from gs_stein.world.objects.furniture import armchair, bed, bookshelf, chair, lamp, sofa, stool, table
from gs_stein.world.objects.household import bottle, clock, mug, potted_plant, teapot, vase
from gs_stein.world.objects.instruments import drum, piano, trumpet, violin
from gs_stein.world.objects.kit import Maker, draw_object
from gs_stein.world.objects.large_animals import cow, dinosaur, dog, elephant, horse, sheep
from gs_stein.world.objects.more_vehicles import bicycle, motorcycle, ship, tractor
from gs_stein.world.objects.nature import cactus, mushroom, palm, snowman, tree
from gs_stein.world.objects.small_animals import fish, owl, rabbit, turtle
from gs_stein.world.objects.tools import hammer, lantern, saw, watering_can, wrench
from gs_stein.world.objects.toys import gift_box, guitar, robot, teddy_bear, treasure_chest
from gs_stein.world.objects.vehicles import (
    airplane,
    balloon,
    bus,
    car,
    helicopter,
    rocket,
    sailboat,
    submarine,
    train,
    truck,
)
from gs_stein.world.rooms.bathroom import bathroom
from gs_stein.world.rooms.bedroom import bedroom
from gs_stein.world.rooms.dining_room import dining_room
from gs_stein.world.rooms.kitchen import kitchen
from gs_stein.world.rooms.library import library
from gs_stein.world.rooms.living_room import living_room
from gs_stein.world.rooms.nursery import nursery
from gs_stein.world.rooms.office import office
from gs_stein.world.rooms.shell import draw_room
from gs_stein.world.styles import Look
from gs_stein.world.things.alone import alone
from gs_stein.world.things.mixed import mixed_landscape, mixed_room
from gs_stein.world.things.table import MOVABLES

ROOMS: dict[str, Callable[[Look], None]] = {
    "living room": living_room,
    "bedroom": bedroom,
    "kitchen": kitchen,
    "office": office,
}
"""The rooms that came first and matter most."""
MORE_ROOMS: dict[str, Callable[[Look], None]] = {
    "dining room": dining_room,
    "bathroom": bathroom,
    "library": library,
    "nursery": nursery,
}
"""The other rooms."""
LANDSCAPES: dict[str, Callable[[Place], None]] = {
    "forest clearing": forest,
    "desert": desert,
    "snowy mountains": mountains,
    "beach": beach,
}
MORE_LANDSCAPES: dict[str, Callable[[Place], None]] = {
    "street": street,
    "garden": garden,
    "lake": lake,
    "meadow": meadow,
}
"""Landscapes that came later: the mixture, and the shipped weights, know nothing of them."""
OBJECTS: dict[str, Maker] = {
    "chair": chair,
    "armchair": armchair,
    "sofa": sofa,
    "stool": stool,
    "table": table,
    "bed": bed,
    "bookshelf": bookshelf,
    "lamp": lamp,
    "potted plant": potted_plant,
    "mug": mug,
    "teapot": teapot,
    "vase": vase,
    "cake": cake,
    "hamburger": hamburger,
    "apple": apple,
    "pear": pear,
    "pineapple": pineapple,
    "donut": donut,
    "ice cream": ice_cream,
    "teddy bear": teddy_bear,
    "robot": robot,
    "gift box": gift_box,
    "treasure chest": treasure_chest,
    "guitar": guitar,
    "alarm clock": clock,
    "bottle": bottle,
    "car": car,
    "truck": truck,
    "bus": bus,
    "train": train,
    "airplane": airplane,
    "helicopter": helicopter,
    "rocket": rocket,
    "sailboat": sailboat,
    "submarine": submarine,
    "hot air balloon": balloon,
    "house": house,
    "castle": castle,
    "lighthouse": lighthouse,
    "windmill": windmill,
    "tree": tree,
    "palm tree": palm,
    "cactus": cactus,
    "mushroom": mushroom,
    "snowman": snowman,
    "rubber duck": duck,
    "penguin": penguin,
    "cat": cat,
    "well": well,
}
MORE_OBJECTS: dict[str, Maker] = {
    "dog": dog,
    "horse": horse,
    "cow": cow,
    "sheep": sheep,
    "elephant": elephant,
    "dinosaur": dinosaur,
    "rabbit": rabbit,
    "fish": fish,
    "turtle": turtle,
    "owl": owl,
    "piano": piano,
    "drum": drum,
    "violin": violin,
    "trumpet": trumpet,
    "hammer": hammer,
    "saw": saw,
    "wrench": wrench,
    "watering can": watering_can,
    "lantern": lantern,
    "bananas": bananas,
    "cherries": cherries,
    "watermelon": watermelon,
    "strawberry": strawberry,
    "carrot": carrot,
    "bicycle": bicycle,
    "motorcycle": motorcycle,
    "tractor": tractor,
    "ship": ship,
    "knight": knight,
    "astronaut": astronaut,
    "pirate": pirate,
    "ghost": ghost,
    "camera": camera,
    "telephone": telephone,
    "globe": globe,
    "candle": candle,
    "chess piece": chess_piece,
    "crown": crown,
    "umbrella": umbrella,
    "backpack": backpack,
    "boot": boot,
    "skateboard": skateboard,
}
"""Objects that came later: the mixture, and the shipped weights, know nothing of them."""
THINGS: dict[str, Maker] = {
    name: alone(movable) for name, movable in MOVABLES.items() if name not in OBJECTS | MORE_OBJECTS
}
"""What stands in rooms and landscapes, as objects: fireplaces, aquaria, washing machines."""
KINDS = (*ROOMS, *MORE_ROOMS, *LANDSCAPES, *OBJECTS, *MORE_LANDSCAPES, *MORE_OBJECTS, *THINGS)
"""Everything that can be drawn; a kind's name decides its random numbers, its place here only the mixture."""
_SHARES = (0.45, 0.15, 0.1, 0.3)
"""Of rooms, further rooms, landscapes and objects in the mixture."""
MIXED = "mixed "
"""Before the name of a room or a landscape: the same with guests (see `things/`)."""


def is_object(kind: str) -> bool:
    """Whether cameras look at a kind from around."""
    return kind in OBJECTS or kind in MORE_OBJECTS or kind in THINGS


def is_landscape(kind: str) -> bool:
    """Whether a kind lies outdoors, with cameras in its midst."""
    return kind in LANDSCAPES or kind in MORE_LANDSCAPES


def draw_scene(seed: int, kind: str | None = None) -> Scene:
    """The scene of a seed: the same on every machine.

    Args:
        seed: any non-negative integer.
        kind: one of `KINDS`; None draws from the mixture. "mixed living room" is a living room with guests, and so on
            for every room and landscape; the scene's kind is then "living room".

    Raises:
        ValueError: for an unknown kind.
    """
    if kind is None:
        rng = np.random.default_rng(np.random.SeedSequence([2401, seed]))
        kinds = tuple((ROOMS, MORE_ROOMS, LANDSCAPES, OBJECTS)[int(rng.choice(4, p=_SHARES))])
        kind = kinds[int(rng.integers(len(kinds)))]
    if kind.startswith(MIXED) and kind.removeprefix(MIXED) in (ROOMS | MORE_ROOMS | LANDSCAPES):
        return _draw_mixed(seed, kind)
    if kind not in KINDS:
        raise ValueError(f"kind: no scene is called {kind!r}; use one of {', '.join(KINDS)}")
    rng = np.random.default_rng(np.random.SeedSequence([2401, seed, zlib.crc32(kind.encode())]))
    if is_object(kind):
        return draw_object(rng, kind, (OBJECTS | MORE_OBJECTS | THINGS)[kind])
    if is_landscape(kind):
        return draw_landscape(rng, kind, (LANDSCAPES | MORE_LANDSCAPES)[kind])
    return draw_room(rng, kind, (ROOMS | MORE_ROOMS)[kind])


def _draw_mixed(seed: int, kind: str) -> Scene:
    """A room or a landscape with guests."""
    rng = np.random.default_rng(np.random.SeedSequence([2401, seed, zlib.crc32(kind.encode())]))
    own, unseen = kind.removeprefix(MIXED), seed >= HELD_OUT
    if own in LANDSCAPES:
        return mixed_landscape(rng, own, LANDSCAPES[own], unseen)
    return mixed_room(rng, own, (ROOMS | MORE_ROOMS)[own], unseen)
