"""Things that may stand in any room keep within the size they state, touch the floor and are drawn alike again."""

from __future__ import annotations

import numpy as np
import pytest

from gs_stein.world.builder import BOX, CONE, ELLIPSOID, FRUSTUM, Builder, Scene
from gs_stein.world.rooms.shell import OPTIONS
from gs_stein.world.styles import draw_look
from gs_stein.world.things.catalogue import MOVABLES
from gs_stein.world.things.movable import Movable

PLACES = {"wall", "floor", "corner", "table", "hanging"}
SEEDS, SLACK = 30, 0.02
"""Draws of each thing; metres by which it may leave its bound."""
by_name = pytest.mark.parametrize("movable", MOVABLES, ids=lambda movable: movable.name)


def draw(movable: Movable, seed: int) -> Scene:
    """The thing alone, its back at y = 0."""
    b = Builder(np.random.default_rng(seed))
    movable.make(draw_look(b))
    return b.scene("living room", "", "day", OPTIONS)


def reach(shape: int, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exact lowest and highest coordinates of a primitive (a row of `Scene.geometry`) along x, y and z."""
    centre, R, half, (p0, p1) = row[:3], row[3:12].reshape(3, 3), row[12:15], row[15:]
    out = []
    for d in np.concatenate([-R, R]):
        x, y, z = d * half
        across = np.hypot(x, y)
        if shape == BOX:
            out.append(np.abs(d * (half - p0)).sum() + p0)
        elif shape == ELLIPSOID:
            length = np.sqrt(x * x + y * y + z * z)
            out.append(length if z >= p0 * length else z * p0 + across * np.sqrt(1 - p0 * p0))
        elif shape == CONE:
            out.append(max(across - z, p0 * across + z))
        elif shape == FRUSTUM:
            out.append(max(abs(x) + abs(y) - z, p0 * abs(x) + p1 * abs(y) + z))
        else:
            out.append((half[0] - half[2]) * np.hypot(d[0], d[1]) + half[2])
    return centre - np.array(out[:3]), centre + np.array(out[3:])


def bounds(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest coordinates of the whole scene."""
    low, high = zip(*(reach(*pair) for pair in zip(scene.shapes, scene.geometry, strict=True)), strict=True)
    return np.min(low, axis=0), np.max(high, axis=0)


def test_catalogue_names_each_thing_once():
    names = [movable.name for movable in MOVABLES]
    assert len(names) == len(set(names)) >= 45
    for movable in MOVABLES:
        assert movable.places, movable.name
        assert set(movable.places) <= PLACES, movable.name


@by_name
def test_stays_within_its_size_and_touches_the_floor(movable: Movable):
    width, depth, height = movable.size
    for seed in range(SEEDS):
        scene = draw(movable, seed)
        low, high = bounds(scene)
        assert (low >= (-width / 2 - SLACK, -depth - SLACK, -SLACK)).all(), f"seed {seed}: {low}"
        assert (high <= (width / 2 + SLACK, SLACK, height + SLACK)).all(), f"seed {seed}: {high}"
        assert low[2] <= SLACK, f"seed {seed}: hovers at {low[2]:.3f} m"
        assert scene.things[0].name == movable.name
        assert 2 <= len(scene.shapes) <= 45
        assert np.isfinite(scene.geometry).all()


@by_name
def test_same_seed_draws_the_same_and_others_differ(movable: Movable):
    first, again, other = draw(movable, 3), draw(movable, 3), draw(movable, 4)
    assert first.things == again.things
    for name in ("shapes", "geometry", "material_ids", "thing_ids", "materials", "lights"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert len({repr((scene.geometry.tolist(), scene.materials.tolist())) for scene in (first, other)}) == 2
