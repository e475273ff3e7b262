"""Lamps of every room, with the light they give."""

from __future__ import annotations

from gs_stein.world.materials import BLACK, SHADE, SOLID, Material, Number, mix, named, plain, srgb
from gs_stein.world.styles import Look


def shade_material(look: Look, colour: str = "") -> Material:
    """Lamp shade that glows when the lamps are on."""
    c = named(look.b.rng, colour) if colour else mix(srgb(240, 226, 200), look.glow, 0.25)
    if look.lamps_on:
        warm = tuple(a * g for a, g in zip(mix(c, (1, 1, 1), 0.35), look.glow, strict=True))
        return Material(SHADE, warm, c, c, emission=1.1 if look.time == "night" else 0.7, colour=colour or "white")  # type: ignore[arg-type]
    return Material(SOLID, c, c, c, colour=colour or "white")


def lamp_power(look: Look) -> float:
    """Irradiance of an ordinary lamp at one metre."""
    return 0.75 if look.time == "night" else 0.32


def table_lamp(look: Look, x: Number, y: Number, z: Number) -> None:
    """Foot, belly and shade."""
    b = look.b
    foot = b.pick((look.metal, look.paint()))
    with b.thing("table lamp", foot, "lamp"):
        if b.chance(0.5):
            b.ellipsoid(x, y, z + 0.09, 0.075, 0.075, 0.09, foot, casts=False)
        else:
            b.cone(x, y, z, 0.07, 0.02, foot, casts=False)
        b.cone(x, y, z, 0.014, 0.24, foot, casts=False)
        b.cone(x, y, z + 0.2, 0.14, 0.19, shade_material(look), 0.68, casts=False)
    if look.lamps_on:
        b.lamp(x, y, z + 0.3, look.glow, lamp_power(look), 0.1)


def floor_lamp(look: Look) -> None:
    """Base, pole and a shade at head height; around (0, -0.25)."""
    b = look.b
    with b.thing("floor lamp", look.metal, "lamp"):
        b.cone(0, -0.25, 0.0, 0.15, 0.025, look.metal, casts=False)
        b.cone(0, -0.25, 0.0, 0.016, 1.4, look.metal, casts=False)
        b.cone(0, -0.25, 1.36, 0.21, 0.27, shade_material(look), 0.68, casts=False)
    if look.lamps_on:
        b.lamp(0, -0.25, 1.48, look.glow, 1.2 * lamp_power(look), 0.14)


def pendant(look: Look, z: Number, radius: Number = 0.2, always: bool = False) -> None:
    """Lamp hanging from the ceiling (2.6 m) with its bottom at z."""
    b = look.b
    colour = "" if b.chance(0.5) else look.accent_colour()
    dome = look.style in ("industrial", "modern") or b.chance(0.3)
    body = look.metal if dome and not colour else (plain(b.rng, colour, 0.04) if dome else shade_material(look, colour))
    with b.thing("pendant lamp", body, "lamp"):
        b.cone(0, 0, z + 0.1, 0.008, 2.6 - z - 0.1, BLACK, casts=False)
        if dome:
            b.ellipsoid(0, 0, z, radius, radius, 0.8 * radius, body, cut=0.0, casts=False)
            b.ellipsoid(0, 0, z + 0.01, 0.07, 0.07, 0.06, shade_material(look), casts=False)
        else:
            b.cone(0, 0, z, radius, 0.8 * radius, body, 0.75, casts=False)
    if look.lamps_on or always:
        b.lamp(0, 0, z - 0.06, look.glow, 1.35 * lamp_power(look), 0.16)
