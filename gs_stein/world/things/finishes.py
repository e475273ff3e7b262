"""Surfaces of the things in this folder: any named colour often, so that captions bind colour to thing."""

from __future__ import annotations

from gs_stein.world.materials import COLOURS, GRAIN, SOLID, Material, Number, fabric, one_colour, plain, srgb, wood
from gs_stein.world.styles import Look

LEAF = ((52, 104, 52), (70, 126, 60), (44, 88, 52), (92, 142, 68))
"""sRGB of foliage."""


def a_colour(look: Look, *taken: str) -> str:
    """Any named colour but those taken."""
    return look.b.pick([name for name in COLOURS if name not in taken])


def paint(look: Look, *taken: str, gloss: Number = 0.05) -> Material:
    """Lacquer, glaze or plastic of any colour but those taken."""
    return plain(look.b.rng, a_colour(look, *taken), gloss)


def cloth(look: Look, *taken: str) -> Material:
    """Fabric of any colour but those taken."""
    return fabric(look.b.rng, a_colour(look, *taken))


def timber(look: Look) -> Material:
    """Grained wood: the room's where that is grained."""
    b = look.b
    if look.wood.texture == GRAIN and b.chance(0.5):
        return look.wood
    return wood(b.rng, b.pick(("light", "oak", "walnut", "dark")))


def finish(look: Look, wooden: Number = 0.4) -> tuple[Material, str]:
    """Main surface and its kind for captions: grained wood, or paint of any colour."""
    return (timber(look), "wood") if look.b.chance(wooden) else (paint(look), "paint")


def shiny(name: str = "grey") -> Material:
    """Polished metal: "grey" steel, "yellow" brass, "orange" copper, "black" iron."""
    rgb = {"grey": (178, 180, 184), "yellow": (216, 168, 76), "orange": (200, 118, 78), "black": (44, 44, 48)}[name]
    return one_colour(SOLID, srgb(*rgb), gloss=0.2, colour=name)


def skin(r: Number, g: Number, b: Number, colour: str = "", gloss: Number = 0.0, emission: Number = 0.0) -> Material:
    """One sRGB colour, 0 to 255."""
    return one_colour(SOLID, srgb(r, g, b), gloss=gloss, emission=emission, colour=colour)


DARK = skin(38, 38, 41, "black", 0.06)
"""Tyres, eyes, handles."""
IVORY = skin(238, 234, 222, "white", 0.04)
"""Piano keys, dials."""
BRASS, CHROME, IRON = shiny("yellow"), shiny(), shiny("black")
