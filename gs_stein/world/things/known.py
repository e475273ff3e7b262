"""Movables made of what rooms, landscapes and single objects have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gs_stein.world.builder import Builder
from gs_stein.world.landscapes import camp
from gs_stein.world.landscapes.place import SKIES, Place
from gs_stein.world.materials import PORCELAIN, SOLID, Material, Number, one_colour, plain, srgb
from gs_stein.world.objects import animals, buildings, food, furniture, household, nature, toys, vehicles
from gs_stein.world.objects.kit import Kit, Maker
from gs_stein.world.render.cull import bounds
from gs_stein.world.rooms.bathroom import washing_machine
from gs_stein.world.rooms.bedroom import bed, wardrobe
from gs_stein.world.rooms.decoration import clock, mirror, picture, vase
from gs_stein.world.rooms.kitchen import fridge
from gs_stein.world.rooms.lamps import floor_lamp, table_lamp
from gs_stein.world.rooms.library import fireplace, globe
from gs_stein.world.rooms.nursery import crib, tent, toy_bear
from gs_stein.world.rooms.office import desk, filing_cabinet, office_chair
from gs_stein.world.rooms.parts import legs
from gs_stein.world.rooms.seating import bench, pouf, sofa
from gs_stein.world.rooms.storage import bookshelf, dresser, sideboard
from gs_stein.world.rooms.tables import fruit_bowl
from gs_stein.world.styles import Look
from gs_stein.world.things.movable import Movable


@dataclass
class SmallKit(Kit):
    """Finishes of objects that are built `scale` times as large as single objects are: their textures shrink along."""

    scale: Number = 1.0

    def _scaled(self, material: Material) -> Material:
        first, *others = material.p
        return replace(material, p=(first * self.scale, *others))

    def cloth(self, name: str) -> Material:
        """Fabric or plush."""
        return self._scaled(super().cloth(name))

    def striped(self, name: str, second: str, width: Number, level: bool = False) -> Material:
        """Stripes, upright or level."""
        return self._scaled(super().striped(name, second, width, level))

    def wood(self, tone: str = "") -> Material:
        """Grained wood."""
        return self._scaled(super().wood(tone))


def kit(make: Maker, height: Number, yaw: Number = 0.0) -> Callable[[Look], None]:
    """A single object of that height in metres, turned by yaw degrees, with its back at y = 0."""

    def build(look: Look) -> None:
        b = look.b
        state = b.rng.bit_generator.state
        sketch = Builder(b.rng)
        with sketch.at(0, 0, yaw=yaw):
            make(Kit(sketch))
        b.rng.bit_generator.state = state
        shapes, geometry, _ = sketch.primitives
        middle, half = bounds(shapes, geometry).reshape(2, 3, -1)
        low, high = (middle - half).min(1), (middle + half).max(1)
        scale = height / float(high[2] - low[2])
        x, y, z = (-scale * float(c) for c in ((low[0] + high[0]) / 2, high[1], low[2]))
        with b.at(x, y, z, yaw, scale):
            make(SmallKit(b, scale))

    return build


def bathtub(look: Look) -> None:
    """Free-standing tub on feet."""
    b = look.b
    skin = PORCELAIN if b.chance(0.4) else plain(b.rng, look.accent_colour(), 0.06)
    with b.thing("bathtub", skin, "ceramic"):
        b.box(0, -0.39, 0.1, 1.6, 0.74, 0.46, skin, 0.2)
        legs(b, 1.1, 0.4, -0.39, 0.16, 0.04, look.metal)
        b.box(0, -0.39, 0.53, 1.58, 0.73, 0.04, PORCELAIN, 0.018)
        b.box(0, -0.39, 0.562, 1.4, 0.54, 0.012, one_colour(SOLID, srgb(150, 196, 206), gloss=0.12), 0.006)


def table(look: Look) -> None:
    """Round or rectangular table with nothing on it."""
    b = look.b
    top, kind = Kit(b).finish(0.5, 0.0)
    leg = b.pick((top, look.metal))
    with b.thing("table", top, kind):
        if b.chance(0.5):
            radius = b.uniform(0.36, 0.46)
            with b.at(0, -0.48):
                b.cone(0, 0, 0.7, radius, 0.035, top)
                b.cone(0, 0, 0.02, 0.035, 0.69, leg)
                b.cone(0, 0, 0.0, 0.55 * radius, 0.03, leg, 0.9)
        else:
            width, depth = b.uniform(0.9, 1.2), b.uniform(0.6, 0.72)
            b.box(0, -depth / 2, 0.69, width, depth, 0.045, top, 0.01)
            legs(b, width - 0.14, depth - 0.14, -depth / 2, 0.69, 0.03, leg)


def _shifted(make: Callable[[Look], None], y: Number) -> Callable[[Look], None]:
    """The same thing, moved along its depth."""

    def build(look: Look) -> None:
        with look.b.at(0, y):
            make(look)

    return build


def _wardrobe(look: Look) -> None:
    with look.b.at(0, -0.02):
        wardrobe(look, look.b.uniform(1.1, 1.5))


def _place(look: Look) -> Place:
    """What makers of landscapes build in."""
    return Place(look.b, look.time, SKIES[look.time])


_ANYWHERE = ("wall", "corner", "floor")
FURNITURE = (
    Movable("sofa", lambda look: sofa(look, look.b.uniform(1.45, 1.9)), (1.95, 0.95, 1.0), ("wall", "floor")),
    Movable("armchair", lambda look: sofa(look, look.b.uniform(0.8, 0.92), "armchair"), (0.95, 0.95, 1.0), _ANYWHERE),
    Movable("desk", lambda look: desk(look, look.b.uniform(1.2, 1.5)), (1.55, 0.75, 1.35), ("wall",)),
    Movable("bed", lambda look: bed(look, look.b.uniform(0.95, 1.4)), (1.55, 2.1, 1.2), ("wall", "corner")),
    Movable("crib", crib, (1.4, 0.85, 1.0), ("wall", "corner")),
    Movable("bathtub", bathtub, (1.65, 0.8, 0.62), ("wall", "floor")),
    Movable("fridge", fridge, (0.72, 0.75, 1.95), ("wall", "corner")),
    Movable("bookshelf", lambda look: bookshelf(look, 1.0, look.b.uniform(1.2, 2.0)), (1.1, 0.4, 2.1), ("wall",)),
    Movable("wardrobe", _wardrobe, (1.6, 0.72, 2.2), ("wall", "corner")),
    Movable("dresser", lambda look: dresser(look, look.b.uniform(0.9, 1.2)), (1.3, 0.55, 1.35), ("wall",)),
    Movable("sideboard", lambda look: sideboard(look, look.b.uniform(1.1, 1.5)), (1.6, 0.52, 0.9), ("wall",)),
    Movable("washing machine", washing_machine, (0.62, 0.65, 0.87), ("wall", "corner")),
    Movable("filing cabinet", filing_cabinet, (0.52, 0.56, 0.97), ("wall", "corner")),
    Movable("fireplace", fireplace, (1.62, 0.52, 1.5), ("wall",)),
    Movable("floor lamp", floor_lamp, (0.44, 0.48, 1.65), ("corner", "wall")),
    Movable("globe", globe, (0.66, 0.62, 1.05), ("corner", "floor", "wall")),
    Movable("play tent", tent, (1.05, 1.0, 1.45), ("corner", "wall")),
    Movable("bench", bench, (1.12, 0.42, 0.47), ("wall", "floor")),
    Movable("pouf", pouf, (0.56, 0.58, 0.42), _ANYWHERE),
    Movable("office chair", _shifted(office_chair, -0.35), (0.66, 0.72, 1.02), ("floor", "corner")),
    Movable("chair", kit(furniture.chair, 0.95), (0.48, 0.48, 0.97), _ANYWHERE),
    Movable("stool", kit(furniture.stool, 0.55), (0.5, 0.5, 0.57), _ANYWHERE),
    Movable("table", table, (1.2, 0.96, 0.76), ("floor", "corner", "wall")),
)
"""What is sat on, lain in, put things in."""
SMALL = (
    Movable("teddy bear", lambda look: toy_bear(look, 0, -0.2, 0), (0.42, 0.5, 0.52), (*_ANYWHERE, "table")),
    Movable("cat", kit(animals.cat, 0.42), (0.36, 0.36, 0.43), (*_ANYWHERE, "table")),
    Movable("penguin", kit(animals.penguin, 0.65), (0.6, 0.5, 0.67), _ANYWHERE),
    Movable("robot", kit(toys.robot, 0.75), (0.6, 0.35, 0.77), (*_ANYWHERE, "table")),
    Movable("guitar", kit(toys.guitar, 1.0), (0.45, 0.2, 1.02), ("wall", "corner")),
    Movable("treasure chest", kit(toys.treasure_chest, 0.5), (0.8, 0.6, 0.52), _ANYWHERE),
    Movable("gift box", kit(toys.gift_box, 0.36), (0.45, 0.45, 0.38), (*_ANYWHERE, "table")),
    Movable("cactus", kit(nature.cactus, 0.9), (0.8, 0.6, 0.92), ("corner", "wall")),
    Movable("rubber duck", kit(animals.duck, 0.2, -90), (0.25, 0.35, 0.22), ("table",)),
    Movable("mug", kit(household.mug, 0.14), (0.25, 0.2, 0.16), ("table",)),
    Movable("teapot", kit(household.teapot, 0.22), (0.45, 0.3, 0.24), ("table",)),
    Movable("cake", kit(food.cake, 0.24), (0.5, 0.5, 0.26), ("table",)),
    Movable("alarm clock", kit(household.clock, 0.22), (0.25, 0.2, 0.24), ("table",)),
    Movable("bottle", kit(household.bottle, 0.32), (0.2, 0.2, 0.34), ("table",)),
    Movable("pineapple", kit(food.pineapple, 0.34), (0.25, 0.25, 0.36), ("table",)),
    Movable("hamburger", kit(food.hamburger, 0.17), (0.3, 0.3, 0.19), ("table",)),
    Movable("vase", lambda look: vase(look, 0, -0.14, 0), (0.32, 0.32, 0.46), ("table",)),
    Movable("fruit bowl", lambda look: fruit_bowl(look, 0, -0.17, 0), (0.36, 0.36, 0.22), ("table",)),
    Movable("table lamp", lambda look: table_lamp(look, 0, -0.15, 0), (0.3, 0.32, 0.42), ("table",)),
)
"""What is carried with two hands."""


def _picture(look: Look) -> None:
    width, height = look.b.uniform(0.6, 1.0), look.b.uniform(0.5, 0.75)
    picture(look, 0, height / 2, width, height)


def _mirror(look: Look) -> None:
    width = look.b.uniform(0.6, 0.8)
    height = width if look.b.chance(0.5) else look.b.uniform(0.8, 1.0)
    mirror(look, 0, height / 2 + 0.015, width, height)


HANGING = (
    Movable("picture", _picture, (1.02, 0.06, 0.77), ("hanging",)),
    Movable("mirror", _mirror, (0.82, 0.06, 1.03), ("hanging",)),
    Movable("clock", _shifted(lambda look: clock(look, 0, 0.18), -0.01), (0.38, 0.07, 0.38), ("hanging",)),
)
"""What hangs on walls."""
OUTDOORS = (
    Movable("car", kit(vehicles.car, 1.45), (3.0, 1.6, 1.5), ("ground",)),
    Movable("truck", kit(vehicles.truck, 2.0), (3.7, 1.6, 2.1), ("ground",)),
    Movable("snowman", kit(nature.snowman, 1.5), (1.3, 0.9, 1.55), ("ground",)),
    Movable("tent", lambda look: camp.tent(_place(look), 0, -1.2, 0), (2.1, 2.4, 1.7), ("ground",)),
    Movable("campfire", lambda look: camp.campfire(_place(look), 0, -0.65), (1.2, 1.2, 0.8), ("ground",)),
    Movable("house", kit(buildings.house, 2.6), (3.0, 2.6, 2.7), ("ground",)),
    Movable("well", kit(buildings.well, 1.7), (1.5, 1.3, 1.75), ("ground",)),
    Movable("mushroom", kit(nature.mushroom, 0.5), (0.7, 0.7, 0.52), ("ground",)),
    Movable("rocket", kit(vehicles.rocket, 2.6), (1.45, 1.25, 2.7), ("ground",)),
)
"""What stands under the sky alone."""
KNOWN = (*FURNITURE, *SMALL, *HANGING, *OUTDOORS)
"""Everything of this file."""
