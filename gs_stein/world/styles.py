"""Styles: which palettes, woods and lights go together, so that a draw is handsome and a mood is visible."""

from __future__ import annotations

from dataclasses import dataclass

from gs_stein.world.builder import Builder
from gs_stein.world.materials import (
    BRICK,
    COLOURS,
    MOTTLED,
    PLANKS,
    SOLID,
    STRIPES,
    TILES,
    WAINSCOT,
    WOODS,
    Material,
    Number,
    fabric,
    mix,
    named,
    one_colour,
    plain,
    shade,
    srgb,
    wood,
)

STYLES = ("cozy", "modern", "minimalist", "rustic", "industrial", "colorful")
TIMES = ("day", "sunny", "sunset", "night")


@dataclass(frozen=True)
class Palette:
    """Odds of a style: colours repeated are likelier."""

    walls: tuple[str, ...]
    wall_kinds: tuple[str, ...]
    floors: tuple[str, ...]
    fabrics: tuple[str, ...]
    accents: tuple[str, ...]
    woods: tuple[str, ...]
    free: Number
    """Chance that a piece takes any colour at all."""
    rug: Number
    clutter: Number
    """Chance of each small extra."""
    warmth: Number
    """Of the lamps, 0 to 1."""


PALETTES: dict[str, Palette] = {
    "cozy": Palette(
        ("beige", "beige", "white", "yellow", "orange", "green", "pink"),
        ("paint", "paint", "paint", "stripes"),
        ("oak planks", "oak planks", "light planks", "carpet"),
        ("red", "orange", "brown", "beige", "green", "yellow", "teal"),
        ("orange", "red", "yellow", "green", "pink"),
        ("oak", "oak", "walnut", "light"),
        0.3,
        0.95,
        0.85,
        1.0,
    ),
    "modern": Palette(
        ("white", "white", "grey", "grey", "navy", "teal", "beige"),
        ("paint",),
        ("light planks", "light planks", "oak planks", "grey tiles", "concrete"),
        ("grey", "black", "white", "teal", "blue", "orange", "navy"),
        ("yellow", "teal", "orange", "blue", "red"),
        ("light", "walnut", "white", "black"),
        0.3,
        0.7,
        0.45,
        0.5,
    ),
    "minimalist": Palette(
        ("white", "white", "white", "grey", "beige"),
        ("paint",),
        ("light planks", "light planks", "white tiles", "concrete"),
        ("white", "grey", "beige", "black"),
        ("grey", "black", "beige", "green"),
        ("light", "light", "white"),
        0.12,
        0.35,
        0.1,
        0.4,
    ),
    "rustic": Palette(
        ("beige", "white", "brown", "green", "yellow"),
        ("brick", "wood", "wood", "paint", "wainscot"),
        ("dark planks", "oak planks", "terracotta tiles"),
        ("red", "brown", "green", "beige", "orange", "navy"),
        ("red", "green", "orange", "yellow"),
        ("oak", "dark", "walnut"),
        0.25,
        0.8,
        0.7,
        1.0,
    ),
    "industrial": Palette(
        ("grey", "grey", "white", "beige"),
        ("brick", "brick", "concrete", "concrete", "paint"),
        ("concrete", "concrete", "dark planks"),
        ("brown", "black", "grey", "navy", "orange"),
        ("orange", "red", "yellow", "teal"),
        ("walnut", "dark", "black"),
        0.25,
        0.5,
        0.4,
        0.8,
    ),
    "colorful": Palette(
        ("teal", "pink", "yellow", "blue", "green", "orange", "purple", "red", "navy"),
        ("paint", "paint", "stripes", "wainscot"),
        ("light planks", "oak planks", "checkered tiles"),
        tuple(COLOURS)[:9],
        tuple(COLOURS)[:9],
        ("light", "oak", "white"),
        0.8,
        0.9,
        0.7,
        0.7,
    ),
}
"""Keyed by style."""


@dataclass
class Look:
    """One scene's choices."""

    b: Builder
    style: str
    time: str
    palette: Palette
    wood: Material
    """Main wood of the furniture."""
    metal: Material
    trim: Material
    """Window frames and skirting."""

    @property
    def lamps_on(self) -> bool:
        """Lamps burn at night and at sunset, and always where it is cozy."""
        return self.time in ("night", "sunset") or self.style == "cozy"

    @property
    def glow(self) -> tuple[Number, Number, Number]:
        """Linear colour of lamp light."""
        return mix((1.0, 0.86, 0.7), (1.0, 0.7, 0.4), self.palette.warmth)

    def fabric_colour(self) -> str:
        """Name for a main piece."""
        return self.b.pick(tuple(COLOURS) if self.b.chance(self.palette.free) else self.palette.fabrics)

    def accent_colour(self) -> str:
        """Name for a small piece."""
        return self.b.pick(tuple(COLOURS) if self.b.chance(0.3) else self.palette.accents)

    def fabric(self, stripes: Number = 0.0) -> Material:
        """Cloth for a main piece; now and then striped."""
        name = self.fabric_colour()
        if stripes and self.b.chance(0.2):
            second = "white" if name not in ("white", "beige") else self.b.pick(("blue", "grey", "red"))
            return fabric(self.b.rng, name, stripes, second)
        return fabric(self.b.rng, name)

    def accent(self) -> Material:
        """Cloth for a small piece."""
        return fabric(self.b.rng, self.accent_colour())

    def paint(self) -> Material:
        """Smooth lacquer in an accent colour."""
        return plain(self.b.rng, self.accent_colour(), 0.04)

    def timber(self) -> Material:
        """The scene's wood, slightly varied."""
        return self.wood


def draw_wood(b: Builder, palette: Palette) -> Material:
    """Furniture finish: a wood tone, or white or black lacquer."""
    tone = b.pick(palette.woods)
    return wood(b.rng, tone) if tone in WOODS else plain(b.rng, tone, 0.03)


def draw_look(b: Builder) -> Look:
    """Style, time of day and the materials that go with them."""
    style = STYLES[int(b.rng.choice(len(STYLES), p=(0.26, 0.2, 0.12, 0.15, 0.11, 0.16)))]
    time = TIMES[int(b.rng.choice(len(TIMES), p=(0.34, 0.24, 0.14, 0.28)))]
    palette = PALETTES[style]
    dark = style in ("industrial", "modern") or b.chance(0.3)
    metal = (
        one_colour(SOLID, srgb(48, 48, 50), gloss=0.06, colour="black")
        if dark
        else one_colour(SOLID, srgb(172, 172, 174), gloss=0.12, colour="grey")
    )
    if style == "industrial":
        trim = plain(b.rng, "black", 0.03)
    elif style == "rustic":
        trim = wood(b.rng, b.pick(("oak", "dark")))
    else:
        trim = plain(b.rng, "white", 0.03)
    return Look(b, style, time, palette, draw_wood(b, palette), metal, trim)


def wall_material(look: Look) -> tuple[Material, str]:
    """The walls' surface, and its kind for captions."""
    b = look.b
    kind = b.pick(look.palette.wall_kinds)
    if kind == "brick":
        if b.chance(0.2):
            c = named(b.rng, "white")
            return Material(BRICK, shade(c, 0.86), c, shade(c, 0.66), (0.13, 0.36, 0.006, 0.0), colour="white"), kind
        c = srgb(158 + b.uniform(-10, 10), 78, 58)
        return Material(
            BRICK, shade(c, 0.8), shade(c, 1.15), srgb(190, 176, 160), (0.13, 0.36, 0.008, 0.0), colour="red"
        ), kind
    if kind == "concrete":
        c = srgb(*(b.uniform(128, 150),) * 3)
        return Material(MOTTLED, shade(c, 0.82), shade(c, 1.12), c, (0.8, 0.0, 0.0, 0.0), colour="grey"), kind
    if kind == "wood":
        tone = b.pick(("oak", "light", "walnut"))
        colour, rgb = WOODS[tone]
        c = srgb(*rgb)
        upright = 1.0 if b.chance(0.5) else 0.0
        return Material(
            PLANKS, shade(c, 0.8), shade(c, 1.15), shade(c, 0.35), (0.2, upright, 2.2, 0.0), 0.02, colour=colour
        ), kind
    name = b.pick(tuple(COLOURS)[:-1]) if b.chance(0.5 * look.palette.free) else b.pick(look.palette.walls)
    c = named(b.rng, name)
    if name not in ("white", "beige", "grey", "black"):
        c = mix(c, (0.8, 0.78, 0.74), 0.16 if name in ("navy", "red", "purple", "brown") else 0.26)
    if kind == "stripes":
        second = mix(c, (0.85, 0.83, 0.78), 0.35)
        return Material(STRIPES, c, second, c, (0.3, 0.0, 0.0, 0.0), colour=name), "striped wallpaper"
    if kind == "wainscot":
        w = named(b.rng, "white")
        return Material(WAINSCOT, c, w, shade(w, 0.85), (0.9, 0.14, 0.0, 0.0), colour=name), "paint"
    return Material(SOLID, c, c, c, colour=name), "paint"


def floor_material(look: Look) -> tuple[Material, str]:
    """The floor's surface, and its kind for captions: "wood", "tiles", "carpet", "concrete"."""
    b = look.b
    kind = b.pick(look.palette.floors)
    if kind.endswith("planks"):
        tone = kind.split()[0]
        colour, rgb = WOODS[tone]
        c = srgb(*(min(x * b.uniform(0.92, 1.06), 250) for x in rgb))
        upright = 1.0 if b.chance(0.5) else 0.0
        return Material(
            PLANKS, shade(c, 0.8), shade(c, 1.15), shade(c, 0.4), (0.17, upright, 1.5, 0.0), 0.035, colour=colour
        ), "wood"
    if kind == "carpet":
        name = b.pick(("beige", "beige", "grey", "red", "green", "blue"))
        return fabric(b.rng, name), "carpet"
    if kind == "concrete":
        c = srgb(*(b.uniform(122, 152),) * 3)
        return Material(MOTTLED, shade(c, 0.85), shade(c, 1.1), c, (0.9, 0.0, 0.0, 0.0), 0.04, colour="grey"), kind
    first, second, size = {
        "grey tiles": ((150, 152, 154), (158, 160, 162), 0.5),
        "white tiles": ((226, 224, 220), (232, 230, 226), 0.5),
        "terracotta tiles": ((176, 98, 66), (188, 110, 74), 0.34),
        "checkered tiles": ((226, 222, 214), (62, 62, 64), 0.42),
    }[kind]
    c1, c2 = srgb(*first), srgb(*second)
    diagonal = 1.0 if b.chance(0.3) else 0.0
    colour = {"grey": "grey", "white": "white", "terracotta": "orange", "checkered": ""}[kind.split()[0]]
    grout = shade(c1, 0.6)
    return Material(TILES, c1, c2, grout, (size, diagonal, 0.0, 0.0), 0.06, colour=colour), (
        "checkered tiles" if kind.startswith("checkered") else "tiles"
    )


def ceiling_material(look: Look) -> Material:
    """White, or planks where it is rustic, or raw concrete."""
    b = look.b
    if look.style == "rustic" and b.chance(0.6):
        c = srgb(*WOODS["oak"][1])
        return Material(PLANKS, shade(c, 0.6), shade(c, 0.9), shade(c, 0.3), (0.26, 0.0, 2.5, 0.0), colour="brown")
    if look.style == "industrial" and b.chance(0.6):
        c = srgb(140, 140, 142)
        return Material(MOTTLED, shade(c, 0.9), shade(c, 1.06), c, (0.9, 0.0, 0.0, 0.0), colour="grey")
    c = named(b.rng, "white")
    return Material(SOLID, c, c, c, colour="white")
