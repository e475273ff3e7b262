"""Things of rooms and landscapes on their own, before the plain background of single objects."""

from __future__ import annotations

from dataclasses import replace

from gs_stein.world.objects.kit import Kit, Maker
from gs_stein.world.styles import draw_look
from gs_stein.world.things.movable import Movable


def alone(movable: Movable) -> Maker:
    """The same thing as an object, in the colours and woods of a style that is drawn; its lamps are off."""

    def make(kit: Kit) -> None:
        movable.make(replace(draw_look(kit.b), time="day"))

    return make
