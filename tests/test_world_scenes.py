"""The procedural world: seeds, captions and layouts."""

from __future__ import annotations

import re

import numpy as np
import pytest

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.cameras.sampling import standing_region
from gs_stein.world import scenes
from gs_stein.world.builder import Scene
from gs_stein.world.captions import captions, phrase
from gs_stein.world.materials import COLOURS, named, to_srgb
from gs_stein.world.objects.kit import RADIUS
from gs_stein.world.render.cull import bounds
from gs_stein.world.rooms.seating import bench
from gs_stein.world.rooms.shell import at_wall
from gs_stein.world.scenes import KINDS, MORE_ROOMS, OBJECTS, ROOMS, draw_scene
from gs_stein.world.styles import Look


@pytest.mark.parametrize("kind", [*ROOMS, "teapot", None])
def test_a_seed_gives_one_scene(kind):
    first, again, other = draw_scene(5, kind), draw_scene(5, kind), draw_scene(6, kind)
    for name in ("shapes", "geometry", "materials", "lights", "material_ids", "thing_ids"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert first.things == again.things
    assert captions(first, 3, 8) == captions(again, 3, 8)
    assert first.geometry.shape != other.geometry.shape or not np.array_equal(first.materials, other.materials)


def test_unknown_kind_is_refused_in_one_line():
    with pytest.raises(ValueError, match="kind: no scene is called 'moon base'") as error:
        draw_scene(0, "moon base")
    assert "\n" not in str(error.value)


def test_there_are_enough_kinds():
    assert set(ROOMS) == {"living room", "bedroom", "kitchen", "office"}
    assert len(OBJECTS) >= 20
    assert len(set(KINDS)) == len(KINDS)


def test_a_new_room_is_its_function_and_a_row(monkeypatch):
    def attic(look: Look) -> None:
        with at_wall(look, "north", 0.5):
            bench(look)

    for table, row in (("MORE_ROOMS", {"attic": attic}), ("KINDS", ("attic",))):
        monkeypatch.setattr(scenes, table, row)
    scene = draw_scene(4, "attic")
    assert scene.thing("bench") is not None
    texts = captions(scene, 0, 40)
    assert all("attic" in text for text in texts)
    assert any("bench" in text for text in texts)


@pytest.mark.parametrize("kind", KINDS)
def test_scenes_are_well_formed(kind):
    for seed in range(3):
        scene = draw_scene(seed, kind)
        n = len(scene.shapes)
        assert scene.kind == kind
        assert scene.geometry.shape == (n, 17)
        assert len(scene.material_ids) == len(scene.thing_ids) == n + 6
        assert scene.material_ids.max() < len(scene.materials)
        assert scene.thing_ids.max() <= len(scene.things)
        assert [thing.id for thing in scene.things] == list(range(1, len(scene.things) + 1))
        R = scene.geometry[:, 3:12].reshape(n, 3, 3)
        np.testing.assert_allclose(R @ R.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (n, 3, 3)), atol=1e-9)
        np.testing.assert_allclose(np.linalg.det(R), 1.0, atol=1e-9)


def _boxes(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    box = bounds(scene.shapes, scene.geometry).reshape(6, -1).T
    return box[:, :3] - box[:, 3:], box[:, :3] + box[:, 3:]


@pytest.mark.parametrize("kind", [*ROOMS, *MORE_ROOMS])
def test_where_cameras_stand_is_free(kind):
    low, high = standing_region(RoomCameras())
    low, high = np.subtract(low, 0.03), np.add(high, 0.03)  # nothing within the near plane of any camera
    for seed in range(60):
        below, above = _boxes(draw_scene(seed, kind))
        inside = ((below < high) & (above > low)).all(1)
        assert not inside.any(), f"seed {seed}: primitives {np.flatnonzero(inside)}"


@pytest.mark.parametrize("kind", [*ROOMS, *MORE_ROOMS])
def test_furniture_stays_in_the_room(kind):
    half = np.array(RoomCameras().size) / 2
    for seed in range(30):
        scene = draw_scene(seed, kind)
        assert isinstance(scene.cameras, RoomCameras)
        np.testing.assert_array_equal(scene.room, [half[0], half[1], 2 * half[2]])
        centres = scene.geometry[:, :3]
        assert (np.abs(centres[:, :2]) <= half[:2] + 0.02).all()
        assert (centres[:, 2] >= 0).all()
        assert (centres[:, 2] <= 2 * half[2] + 0.02).all()


@pytest.mark.parametrize("kind", ROOMS)
def test_main_furniture_stands_at_its_wall(kind):
    walls = {
        "living room": {"sofa": (1, 1), "bookshelf": (0, 1), "television": (1, -1)},
        "bedroom": {"bed": (1, 1), "dresser": (0, 1), "wardrobe": (1, -1)},
        "kitchen": {"cabinets": (1, 1), "table": (0, 1), "sideboard": (1, -1)},
        "office": {"desk": (1, 1), "bookshelf": (0, 1)},
    }[kind]
    for seed in range(20):
        scene = draw_scene(seed, kind)
        for name, (axis, sign) in {**walls, "window": (0, -1)}.items():
            thing = scene.thing(name)
            assert thing is not None
            mine = scene.geometry[scene.thing_ids[:-6] == thing.id, :3].mean(0)
            assert sign * mine[axis] > 0.8, f"{name} of seed {seed} is at {mine}"


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_fill_their_ball(kind):
    for seed in range(2):
        scene = draw_scene(seed, kind)
        assert scene.is_object
        assert isinstance(scene.cameras, OrbitCameras)
        assert np.linalg.norm(scene.geometry[:, :3], axis=1).max() < RADIUS
        below, above = _boxes(scene)
        assert np.abs(np.stack([below.min(0), above.max(0)])).max() < 1.1
        assert (above.max(0) - below.min(0)).max() > 1.1


def test_named_colours_look_like_their_names():
    rng = np.random.default_rng(0)
    palette = np.array(list(COLOURS.values())) / 255
    for index, name in enumerate(COLOURS):
        for _ in range(50):
            rgb = np.array([to_srgb(c) for c in named(rng, name)])
            assert np.linalg.norm(palette - rgb, axis=1).argmin() == index


@pytest.mark.parametrize("kind", KINDS)
def test_colours_of_captions_are_true(kind):
    """Every "<colour> <name>" in a caption is the colour of a thing of that name."""
    for seed in range(4):
        scene = draw_scene(seed, kind)
        for caption in captions(scene, seed, 12):
            for thing in scene.things:
                for match in re.finditer(rf"\b({'|'.join(COLOURS)}) {re.escape(thing.name)}\b(?! lamp| rack)", caption):
                    true = {t.colour for t in scene.things if t.name == thing.name}
                    assert match[1] in true, caption


def test_phrases_name_the_colour_of_their_thing():
    rng = np.random.default_rng(1)
    checked = 0
    for seed in range(30):
        for thing in draw_scene(seed, list(ROOMS)[seed % 4]).things:
            words = set(re.findall(r"\w+", phrase(thing, rng, 0.0))) & set(COLOURS)
            assert words <= {thing.colour} or thing.material in ("brick", "checkered tiles"), thing
            checked += len(words)
    assert checked > 100


def test_captions_vary_and_stay_short():
    from gs_stein.text.minilm import MiniLM

    texts = [c for seed in range(24) for c in captions(draw_scene(seed, KINDS[seed % len(KINDS)]), seed, 8)]
    texts += [c for seed in range(24) for c in captions(draw_scene(seed, list(ROOMS)[seed % 4]), seed, 8)]
    assert len(set(texts)) > 0.7 * len(texts)
    lengths = MiniLM()(texts[::4]).mask.sum(1)
    assert lengths.max() <= 40
    assert lengths.float().mean() < 20


def test_captions_tell_the_time_and_style_only_where_true():
    words = {"night": ("night",), "sunset": ("sunset", "dusk"), "sunny": ("sunny", "sunlit", "sunlight", "sunshine")}
    told = 0
    for seed in range(60):
        scene = draw_scene(seed, list(ROOMS)[seed % 4])
        for caption in captions(scene, seed, 6):
            for time, names in words.items():
                if any(name in re.findall(r"\w+", caption) for name in names):
                    assert scene.time == time, caption
                    told += 1
            for style in ("modern", "rustic", "industrial", "minimalist", "colorful"):
                if style in caption:
                    assert scene.style == style, caption
                    told += 1
    assert told > 100
