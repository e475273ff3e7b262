"""Mixed scenes: rooms and landscapes with guests, and what captions say of them."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
import tyro

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import sample_cameras, standing_region
from gs_stein.prior.bundled import LONGEST_PROMPT
from gs_stein.text.minilm import MiniLM
from gs_stein.world.builder import Builder, Scene, Thing
from gs_stein.world.captions import SYNONYMS, captions, describe
from gs_stein.world.families import FAMILIES, HELD_OUT, SHIPPED, Family
from gs_stein.world.held_out import held_out
from gs_stein.world.materials import COLOURS
from gs_stein.world.phrases import HELD_OUT_SHAPES, RELATIONS, SHAPES, TRAINED_SHAPES, guest_phrase, plural
from gs_stein.world.render.cull import bounds
from gs_stein.world.render.render import render
from gs_stein.world.scenes import LANDSCAPES, MORE_ROOMS, OBJECTS, ROOMS, draw_scene
from gs_stein.world.styles import draw_look
from gs_stein.world.things.table import MOVABLES
from gs_stein.world.training import run, train

PLACES = {
    "the corner": "corner", "against the wall": "wall", "left of": "left", "right of": "right", "on top of": "on",
    "below the": "under", "on the wall above": "above",
}  # fmt: skip
"""Words of a caption, and the relation that they tell."""
HALF = np.array(RoomCameras().size[:2]) / 2
MIXED = {name: family for name, family in FAMILIES.items() if name.startswith("mixed")}


def draw(family: Family, count: int, first: int = 0) -> list[Scene]:
    """The first so many scenes of a family, from its first seed or so far beyond it."""
    return [draw_scene(first + family.first_seed + i, family.kinds[i % len(family.kinds)]) for i in range(count)]


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [*draw(MIXED["mixed-rooms"], 200), *draw(MIXED["mixed-landscapes"], 80)]


@pytest.fixture(scope="module")
def unseen() -> list[Scene]:
    return [*draw(MIXED["mixed-rooms"], 48, HELD_OUT), *draw(MIXED["mixed-landscapes"], 24, HELD_OUT)]


def boxes(scene: Scene, *ids: int) -> np.ndarray:
    """(n, 2, 3), around the primitives of some things; of all without."""
    middle, half = bounds(scene.shapes, scene.geometry).reshape(2, 3, -1)
    every = np.stack([middle - half, middle + half]).transpose(2, 0, 1)
    return every[np.isin(scene.thing_ids[:-6], ids)] if ids else every


def box(scene: Scene, *ids: int) -> np.ndarray:
    """(2, 3), around some things."""
    every = boxes(scene, *ids)
    return np.stack([every[:, 0].min(0), every[:, 1].max(0)])


def names(scene: Scene) -> list[str]:
    return [scene.things[guest.ids[0] - 1].name for guest in scene.guests]


def pairs(scene: Scene) -> list[tuple[str, str]]:
    guests = names(scene)
    return [(name, other) for i, name in enumerate(guests) for other in (scene.kind, *guests[:i])]


def test_older_scenes_are_what_they_were():
    digest = hashlib.sha256()
    for i, kind in enumerate((*ROOMS, *MORE_ROOMS, *LANDSCAPES, *OBJECTS)):
        scene = draw_scene(70 + i, kind)
        assert not scene.guests
        looks = [thing.name + thing.colour for thing in scene.things]
        rows = [captions(scene, i, 4), looks, scene.shapes.tolist(), scene.material_ids.tolist()]
        digest.update(json.dumps(rows).encode())
    assert digest.hexdigest() == "0d11f7cbe713d239e2501f9d94e68e03c0d93c408191970ec26f9e4d5379bd12"
    total = sum(
        float(np.abs(draw_scene(70 + i, kind).geometry).sum())
        for i, kind in enumerate((*ROOMS, *MORE_ROOMS, *LANDSCAPES, *OBJECTS))
    )
    assert total == pytest.approx(34960.12185299775, rel=1e-9)


@pytest.mark.parametrize("name", MOVABLES)
def test_movables_keep_to_their_bounds(name):
    movable = MOVABLES[name]
    width, depth, height = movable.size
    assert movable.name == name
    for seed in range(12):
        b = Builder(np.random.default_rng(seed))
        movable.make(draw_look(b))
        assert b.things[0].name == name
        shapes, geometry, _ = b.primitives
        middle, half = bounds(shapes, geometry).reshape(2, 3, -1)
        low, high = (middle - half).min(1), (middle + half).max(1)
        assert (low >= (-width / 2 - 0.06, -depth - 0.06, -0.05)).all(), (low, high)
        assert (high <= (width / 2 + 0.06, 0.06, height + 0.06)).all(), (low, high)


@pytest.mark.parametrize("kind", ["mixed living room", "mixed bathroom", "mixed beach"])
def test_a_seed_gives_one_mixed_scene(kind):
    first, again, other = (draw_scene(40_000_000 + seed, kind) for seed in (5, 5, 6))
    for name in ("shapes", "geometry", "materials", "lights", "material_ids", "thing_ids"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (first.things, first.guests) == (again.things, again.guests)
    assert first.kind == kind.removeprefix("mixed ")
    assert captions(first, 3, 8) == captions(again, 3, 8)
    assert first.guests != other.guests or first.things != other.things


def test_every_room_and_landscape_has_a_mixed_kind():
    kinds = {kind for family in MIXED.values() for kind in family.kinds}
    assert kinds == {f"mixed {kind}" for kind in (*ROOMS, *MORE_ROOMS, *LANDSCAPES)}
    assert not set(MIXED) & set(SHIPPED)
    with pytest.raises(ValueError, match="kind: no scene is called 'mixed mug'"):
        draw_scene(0, "mixed mug")


def test_mixed_families_have_flags():
    job = tyro.cli(train.Job, args=["denoiser", "--mixed-rooms.shards", "4", "--mixed-landscapes.share", "0.2"])
    assert isinstance(job, train.Denoiser)
    assert (job.data.mixed_rooms.shards, job.data.mixed_landscapes) == (4, run.Portion(0, 0.2))
    assert [source.family.name for source in job.data.sources()] == ["rooms", "mixed-rooms"]


def test_scenes_have_one_to_three_kinds_of_guests_of_one_to_three(scenes, unseen):
    for scene in (*scenes, *unseen):
        assert [thing.id for thing in scene.things] == list(range(1, len(scene.things) + 1))
        assert len(scene.things) < 64  # what label images hold
        assert 1 <= len(scene.guests) <= 3
        assert len(set(names(scene))) == len(scene.guests)
        for guest in scene.guests:
            things = [scene.things[i - 1] for i in guest.ids]
            assert 1 <= len(guest.ids) <= 3
            assert len({(thing.name, thing.colour, thing.rgb, thing.material) for thing in things}) == 1
            assert sum(thing.name == things[0].name for thing in scene.things) == len(things)  # counts are true
    counts = [len(guest.ids) for scene in scenes for guest in scene.guests]
    assert {1, 2, 3} == set(counts)


def test_nothing_overlaps(scenes, unseen):
    """Guests keep clear of own things, of each other, of the window and of where cameras stand."""
    low, high = standing_region(RoomCameras())
    for scene in (*scenes, *unseen):
        soft = [t.id for t in scene.things if t.name in ("rug", "sand", "snow", "grass")]
        for guest in scene.guests:
            mine = np.isin(scene.thing_ids[:-6], (*guest.ids, *guest.parts))
            on = {relation.thing for relation in guest.relations if relation.word == "on"}
            rest = boxes(scene)[~mine & ~np.isin(scene.thing_ids[:-6], soft)]
            owners = scene.thing_ids[:-6][~mine & ~np.isin(scene.thing_ids[:-6], soft)]
            for part in boxes(scene)[mine]:
                meets = ((rest[:, 0] < part[1] - 0.004) & (rest[:, 1] > part[0] + 0.004)).all(1)
                meets &= ~(np.isin(owners, list(on)) & (rest[:, 1, 2] < part[0, 2] + 0.04))
                carried = rest[:, 0, 2] > part[1, 2] - 0.04  # what stands on it
                assert not (meets & ~carried).any(), (scene.kind, names(scene), owners[meets])
                assert not ((part[0] < high) & (part[1] > low)).all()
            if scene.style:
                around = box(scene, *guest.ids, *guest.parts)
                assert (np.abs(around[:, :2]) <= HALF + 1e-3).all()
                assert -0.05 < around[0, 2] < around[1, 2] < 2.6
                if not on and not any(relation.word == "hanging" for relation in guest.relations):
                    assert around[0, 2] < 0.05  # stands on the floor


@pytest.mark.parametrize("family", MIXED)
def test_guests_are_seen(family):
    """Nearly all guests are in two or more of sixteen views as training draws them."""
    seen = []
    for i, scene in enumerate(draw(MIXED[family], 16, 500)):
        cameras = replace(scene.cameras, resolution=64)
        views = [sample_cameras(cameras, 8, torch.Generator().manual_seed(2 * i + k)) for k in (0, 1)]
        labels = np.concatenate([render(scene, v).labels for v in views])
        for guest in scene.guests:
            for one in guest.ids:
                seen.append(((labels == one).mean((1, 2)) > 0.001).sum() >= 2)
    assert np.mean(seen) >= 0.95


def _left(box: np.ndarray, other: np.ndarray) -> bool:
    """Whether a box is left of another, seen from the middle."""
    a, b = box[:, :2].mean(0), other[:, :2].mean(0)
    return float(b[0] * a[1] - b[1] * a[0]) > 0


def test_relations_are_true(scenes, unseen):
    checked = dict.fromkeys(RELATIONS, 0)
    for scene in (*scenes, *unseen):
        for guest in scene.guests:
            mine = box(scene, *guest.ids, *guest.parts)
            assert guest.relations
            for relation in guest.relations:
                checked[relation.word] += 1
                other = box(scene, relation.thing) if relation.thing else mine
                gap = np.maximum(np.maximum(other[0] - mine[1], mine[0] - other[1]), 0)
                walls = int((HALF - np.abs(mine[:, :2]).max(0) < 0.45).sum())
                true = {
                    "on": np.abs(boxes(scene, relation.thing)[:, 1, 2] - mine[0, 2]).min() < 0.03 and gap[:2].max() == 0
                    if relation.thing
                    else False,
                    "above": mine[0, 2] > other[1, 2],
                    "left": _left(mine, other),
                    "right": _left(other, mine),
                    "under": mine[1, 2] < other[0, 2] + 0.11,
                    "by": math.hypot(*gap[:2]) < 0.95,
                    "next": math.hypot(*gap[:2]) < 0.65,
                    "corner": walls == 2,
                    "wall": walls >= 1,
                    "hanging": mine[0, 2] > 0.8 and walls >= 1,
                    "middle": np.abs(mine[:, :2].mean(0)).max() < 0.8,
                    "floor": mine[0, 2] < 0.05,
                    "ground": mine[0, 2] < 0.05 and not scene.style,
                }[relation.word]
                assert true, (scene.kind, names(scene), relation)
    assert sum(count > 0 for count in checked.values()) >= len(RELATIONS) - 2, checked


def test_captions_of_guests_are_true(scenes):
    """Counts, colours and places that captions tell are those of the things they name."""
    told = counted = placed = 0
    for i, scene in enumerate(scenes):
        guests = {scene.things[guest.ids[0] - 1].name: guest for guest in scene.guests}
        words = {relation.word for guest in scene.guests for relation in guest.relations}
        for caption in describe(scene, i, 6):
            text = caption.text
            assert len(text.split()) <= 28, text
            assert set(caption.named) <= set(range(1, len(scene.things) + 1))
            named = [name for name, guest in guests.items() if set(guest.ids) <= set(caption.named)]
            assert named, text
            told += len(named)
            for name, guest in guests.items():
                thing = scene.things[guest.ids[0] - 1]
                nouns = "|".join(map(re.escape, {plural(noun) for noun in (name, *SYNONYMS.get(name, ()))}))
                for match in re.finditer(rf"\b(two|three|a pair of) (?:\w+ ){{0,4}}?(?:{nouns})\b", text):
                    if len(guest.ids) > 1 and " and " not in match[0]:
                        assert len(guest.ids) == {"two": 2, "three": 3, "a pair of": 2}[match[1]], text
                        counted += 1
                for match in re.finditer(rf"\b({'|'.join(COLOURS)}) {re.escape(name)}s?\b(?! lamp| chair)", text):
                    assert match[1] == thing.colour or name not in named, text
            for phrase, word in PLACES.items():
                if phrase in text:
                    assert word in words, text
                    placed += 1
    assert told > 0.85 * 6 * sum(len(scene.guests) for scene in scenes[:200])
    assert min(counted, placed) > 40


def test_a_tenth_is_held_out(scenes, unseen):
    share = np.mean([held_out(a, b) for a in MOVABLES for b in (*ROOMS, *MORE_ROOMS, *MOVABLES) if a != b])
    assert 0.07 < share < 0.13
    assert 0.05 <= len(HELD_OUT_SHAPES) / len(SHAPES) <= 0.15
    assert len(SHAPES) == len(set(SHAPES)) == len(HELD_OUT_SHAPES) + len(TRAINED_SHAPES)
    for scene in scenes:
        assert not any(held_out(*pair) for pair in pairs(scene)), names(scene)
        assert not scene.held_out
    for scene in unseen:
        assert any(held_out(*pair) for pair in pairs(scene)), names(scene)
        assert scene.held_out


def test_sentences_held_out_are_never_trained_on(scenes, unseen):
    def written(scenes: list[Scene]) -> set[str]:
        return {text.split(", ")[-1] for i, scene in enumerate(scenes) for text in captions(scene, i, 8)}

    only_unseen = re.compile(r"^(the .+ (has|contains) |a scene with )")
    assert not any(only_unseen.match(text) for text in written(scenes))
    assert sum(bool(only_unseen.match(text)) for text in written(unseen)) > 100


def test_captions_of_mixed_scenes_vary_and_fit_the_prior(scenes):
    texts = [text for i, scene in enumerate(scenes) for text in captions(scene, i, 4)]
    assert len(set(texts)) > 0.95 * len(texts)
    assert MiniLM()(texts).mask.sum(1).max() <= LONGEST_PROMPT


def test_several_of_what_is_several_already():
    sunflowers = Thing(1, "sunflowers", "yellow", (0.9, 0.7, 0.2), "flowers", True)
    said = {guest_phrase(sunflowers, count, np.random.default_rng(0), bare=0.0) for count in (1, 3)}
    assert said == {"yellow sunflowers", "three vases of yellow sunflowers"}
