"""Colours with names, and materials: a texture of three colours, gloss and emission.

Colours are written in sRGB and stored in linear RGB. What the textures look like is in `render/textures.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Number = float | int
RGB = tuple[Number, Number, Number]
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (176, 54, 48),
    "orange": (214, 120, 50),
    "yellow": (224, 184, 76),
    "green": (94, 138, 84),
    "teal": (44, 126, 126),
    "blue": (66, 112, 176),
    "navy": (36, 52, 94),
    "purple": (118, 78, 146),
    "pink": (218, 150, 164),
    "brown": (118, 80, 54),
    "beige": (212, 192, 160),
    "white": (238, 235, 229),
    "grey": (142, 144, 147),
    "black": (46, 45, 47),
}
"""Natural, slightly desaturated sRGB of every colour that captions name."""
WOODS: dict[str, tuple[str, tuple[int, int, int]]] = {
    "light": ("beige", (206, 172, 130)),
    "oak": ("brown", (164, 117, 76)),
    "walnut": ("brown", (112, 75, 52)),
    "dark": ("brown", (80, 54, 40)),
}
"""Colour name and sRGB of the wood tones."""
(
    SOLID,
    GRAIN,
    PLANKS,
    BRICK,
    TILES,
    STRIPES,
    RUG,
    PICTURE,
    VIEW,
    BOOKS,
    MOTTLED,
    FOLDS,
    SCREEN,
    GRID,
    SHADE,
    CLOCK,
    WAINSCOT,
    PLAID,
    MIRROR,
    BANDS,
) = range(20)
SECOND_COLOUR = {TILES: 0.5, STRIPES: 0.5, RUG: 0.4, PLANKS: 0.5, BRICK: 0.5, GRAIN: 0.5, MOTTLED: 0.5}
"""Share of the second colour in a texture's mean; none in the others."""


C1, C2, C3, P0, P1, P2, P3, GLOSS, EMISSION = 1, 4, 7, 10, 11, 12, 13, 14, 15
"""Columns of `Material.row` where the colours begin, and of its other numbers; column 0 is the texture."""


@dataclass(frozen=True)
class Material:
    """How a surface looks: a texture of three colours with four parameters, gloss and emission."""

    texture: int = SOLID
    c1: RGB = (0.5, 0.5, 0.5)
    """Linear RGB, as are the others."""
    c2: RGB = (0.5, 0.5, 0.5)
    c3: RGB = (0.5, 0.5, 0.5)
    p: tuple[Number, Number, Number, Number] = (0.0, 0.0, 0.0, 0.0)
    """Meaning depends on the texture."""
    gloss: Number = 0.0
    """Strength of the room's reflection at normal incidence."""
    emission: Number = 0.0
    """Radiance in units of the texture's colour, times π."""
    colour: str = ""
    """Name of the main colour."""

    def row(self) -> list[Number]:
        """The numbers the renderer reads."""
        return [self.texture, *self.c1, *self.c2, *self.c3, *self.p, self.gloss, self.emission]

    @property
    def rgb(self) -> RGB:
        """Mean sRGB in [0, 1]."""
        return tuple(round(to_srgb(c), 4) for c in self.mean)  # type: ignore[return-value]

    @property
    def mean(self) -> RGB:
        """Mean linear RGB, for bounced light."""
        weight = SECOND_COLOUR.get(self.texture, 0.0)
        return tuple(a + weight * (b - a) for a, b in zip(self.c1, self.c2, strict=True))  # type: ignore[return-value]


def one_colour(
    texture: int,
    rgb: RGB,
    p: tuple[Number, Number, Number, Number] = (0.0, 0.0, 0.0, 0.0),
    gloss: Number = 0.0,
    emission: Number = 0.0,
    colour: str = "",
) -> Material:
    """A material whose three colours are the same linear RGB."""
    return Material(texture, rgb, rgb, rgb, p, gloss, emission, colour)


def to_srgb(c: Number) -> float:
    """Linear to sRGB, one channel in [0, 1]."""
    return 12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055


def to_linear(c: Number) -> float:
    """sRGB to linear, one channel in [0, 1]."""
    return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4


def srgb(r: Number, g: Number, b: Number) -> RGB:
    """Linear RGB of sRGB values 0 to 255."""
    return (to_linear(r / 255), to_linear(g / 255), to_linear(b / 255))


def shade(colour: RGB, factor: Number) -> RGB:
    """Linear colour scaled and clipped to [0, 0.95]."""
    return tuple(min(max(c * factor, 0.0), 0.95) for c in colour)  # type: ignore[return-value]


def mix(a: RGB, b: RGB, weight: Number) -> RGB:
    """Between two linear colours."""
    return tuple(x + weight * (y - x) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def named(rng: np.random.Generator, name: str) -> RGB:
    """Linear RGB of a named colour with a little jitter in brightness and hue."""
    value = 1 + 0.09 * (2 * rng.random() - 1)
    r, g, b = (min(max(c * value + 5 * (2 * rng.random() - 1), 0), 250) for c in COLOURS[name])
    return srgb(r, g, b)


def plain(rng: np.random.Generator, name: str, gloss: Number = 0.0) -> Material:
    """A smooth surface of a named colour."""
    c = named(rng, name)
    return Material(SOLID, c, c, c, gloss=gloss, colour=name)


def fabric(rng: np.random.Generator, name: str, stripes: Number = 0.0, second: str = "white") -> Material:
    """Cloth of a named colour: a faint mottle, or stripes of that width (metres) in a second colour."""
    c = named(rng, name)
    if stripes:
        return Material(STRIPES, c, named(rng, second), c, (stripes, 0.0, 0.0, 0.0), colour=name)
    return Material(MOTTLED, shade(c, 0.92), shade(c, 1.08), c, (0.18, 0.0, 0.0, 0.0), colour=name)


def wood(rng: np.random.Generator, tone: str, gloss: Number = 0.03) -> Material:
    """Grained wood of a tone from `WOODS`."""
    colour, rgb = WOODS[tone]
    value = 1 + 0.08 * (2 * rng.random() - 1)
    c = srgb(*(min(x * value, 250) for x in rgb))
    return Material(GRAIN, shade(c, 0.84), shade(c, 1.14), c, (0.05, 0.6, 0.0, 0.0), gloss=gloss, colour=colour)


GREENS = ((66, 112, 58), (84, 132, 70), (56, 96, 60), (104, 142, 76))
BLACK = one_colour(SOLID, srgb(30, 30, 32), gloss=0.05, colour="black")
STEEL = one_colour(SOLID, srgb(176, 178, 180), gloss=0.15, colour="grey")
PAPER = one_colour(SOLID, srgb(235, 230, 218), colour="white")
PORCELAIN = one_colour(SOLID, srgb(240, 239, 235), gloss=0.07, colour="white")
