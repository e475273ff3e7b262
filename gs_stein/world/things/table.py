"""The table of all movables, and where they are at home.

To add some, write a file beside this one that exports a tuple of `Movable`s, and give it a line in `MOVABLES`.
"""

from __future__ import annotations

from gs_stein.world.things.catalogue import MOVABLES as CATALOGUE
from gs_stein.world.things.known import KNOWN
from gs_stein.world.things.movable import Movable

MOVABLES: dict[str, Movable] = {
    movable.name: movable
    for movable in (
        *KNOWN,
        *CATALOGUE,  # of two of one noun the later one is taken
    )
}
"""By noun."""
HOME: dict[str, frozenset[str]] = {
    "living room": frozenset(
        ("sofa", "armchair", "bookshelf", "floor lamp", "table lamp", "table", "vase", "picture", "clock", "bench")
    ),
    "bedroom": frozenset(("bed", "dresser", "wardrobe", "table lamp", "vase", "picture", "mirror", "bench", "pouf")),
    "kitchen": frozenset(("fridge", "sideboard", "table", "chair", "fruit bowl", "vase", "picture", "clock")),
    "office": frozenset(
        ("desk", "bookshelf", "sofa", "sideboard", "office chair", "chair", "filing cabinet", "floor lamp", "picture",
         "clock", "table lamp")
    ),
    "dining room": frozenset(
        ("table", "chair", "sideboard", "table lamp", "vase", "picture", "mirror", "fruit bowl")
    ),
    "bathroom": frozenset(("bathtub", "washing machine", "picture", "mirror", "laundry basket")),
    "library": frozenset(
        ("bookshelf", "fireplace", "armchair", "globe", "ladder", "floor lamp", "table lamp", "table", "picture",
         "bench")
    ),
    "nursery": frozenset(
        ("crib", "armchair", "floor lamp", "dresser", "play tent", "teddy bear", "pouf", "picture", "clock", "vase")
    ),
    "forest clearing": frozenset(("campfire", "tent", "house", "mushroom", "tree")),
    "desert": frozenset(("campfire", "tent", "cactus")),
    "snowy mountains": frozenset(("house", "snowman", "tree")),
    "beach": frozenset(("house",)),
}  # fmt: skip
"""What a kind of scene may have of its own (also under another noun): never a guest there, so that counts are true."""
OUTDOOR_PLACES = frozenset(("ground", "floor", "corner", "wall", "table"))
"""Movables with one of these may stand on the ground of a landscape or on what stands there,"""
INDOORS = frozenset(
    ("fireplace", "bookshelf", "wardrobe", "filing cabinet", "sideboard", "washing machine", "stove", "display cabinet",
     "grandfather clock", "bunk bed", "arcade machine", "microwave", "treadmill", "standing mirror", "lava lamp")
)  # fmt: skip
"""but these belong to a wall or a socket."""
