"""Every thing that may stand in any room."""

from __future__ import annotations

from gs_stein.world.things.festive import FESTIVE
from gs_stein.world.things.leisure import LEISURE
from gs_stein.world.things.machines import MACHINES
from gs_stein.world.things.movable import Movable
from gs_stein.world.things.music import MUSIC
from gs_stein.world.things.ornaments import ORNAMENTS
from gs_stein.world.things.pets import PETS
from gs_stein.world.things.seats import SEATS
from gs_stein.world.things.sport import SPORT
from gs_stein.world.things.study import STUDY
from gs_stein.world.things.tables import TABLES

MOVABLES: tuple[Movable, ...] = (
    *MUSIC,
    *PETS,
    *SEATS,
    *TABLES,
    *MACHINES,
    *SPORT,
    *STUDY,
    *LEISURE,
    *FESTIVE,
    *ORNAMENTS,
)
"""By theme."""
