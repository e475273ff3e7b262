"""Prompts outside the small prior's world are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from gs_stein.bench.prompts import WRITTEN
from gs_stein.command.auto import sounds_outdoors
from gs_stein.config.serialize import read_yaml
from gs_stein.text.known_prompts import Familiar, representatives
from gs_stein.text.minilm import MiniLM

SCENES = [
    "a cozy living room with a red sofa", "a modern kitchen with white cabinets", "a bedroom at night with a blue bed",
    "a bright office with a wooden desk",
]  # fmt: skip
OBJECTS = ["a red chair", "a blue car", "a green potted plant", "a yellow mug", "a wooden house", "a brown teddy bear"]
HELD_OUT = ["a living room with a green sofa", "a kitchen with blue cabinets", "a white chair", "a red car"]


@pytest.fixture(scope="module")
def familiar(tmp_path_factory: pytest.TempPathFactory) -> Familiar:
    text = MiniLM().sentences
    scenes = [True] * len(SCENES) + [False] * len(OBJECTS)
    built = Familiar.gather(SCENES + OBJECTS, scenes, [False] * len(scenes), text(SCENES + OBJECTS), text(HELD_OUT))
    folder: Path = tmp_path_factory.mktemp("captions")
    built.save(folder)
    loaded = Familiar.load(folder)
    assert loaded is not None
    assert loaded.captions == SCENES + OBJECTS
    torch.testing.assert_close(loaded.embeddings, built.embeddings, atol=1e-3, rtol=0)
    return loaded


def advice(familiar: Familiar, prompt: str, scene: bool) -> str | None:
    return " ".join(familiar.advice(prompt, MiniLM().sentences, scene, ("sd15",))) or None


def test_known_prompts_pass(familiar: Familiar) -> None:
    assert advice(familiar, "a living room with a blue sofa", True) is None
    assert advice(familiar, "a red armchair", False) is None


@pytest.mark.parametrize("prompt", ["quarterly tax law reform", "two astronauts fighting a dragon on Mars"])
def test_unknown_prompts_get_one_line_with_the_nearest_thing_and_a_way_out(familiar: Familiar, prompt: str) -> None:
    note = advice(familiar, prompt, False)
    assert note is not None
    assert "\n" not in note
    assert prompt in note
    assert "--model sd15" in note
    assert any(caption in note for caption in SCENES + OBJECTS)


def test_a_room_without_scene_and_an_object_with_it_are_pointed_out(familiar: Familiar) -> None:
    assert "--scene lets" in (advice(familiar, "a kitchen with blue cabinets", False) or "")
    assert "--object shows" in (advice(familiar, "a blue car", True) or "")


@pytest.mark.parametrize(
    ("prompt", "outdoors"),
    [
        ("a castle on a hill", True), ("the surface of the moon", True), ("a lake between mountains", True),
        ("a snowy village", True), ("a rose garden with a bench", True), ("a beach with palm trees", True),
        ("a living room with a view of the mountains", False), ("a bedroom with a painting of a forest", False),
        ("a hotel room by the sea", False), ("a garage", False), ("a conservatory full of plants", False),
        ("a beach house interior", False),
    ],
)  # fmt: skip
def test_landscapes_are_told_from_rooms_also_where_neither_was_seen(prompt: str, outdoors: bool) -> None:
    assert sounds_outdoors(prompt) == outdoors


def test_every_written_prompt_is_taken_for_what_it_is() -> None:
    written = read_yaml(WRITTEN)
    assert [p for p in written["scenes"] if sounds_outdoors(p)] == []
    assert [p for p in written["landscapes"] if not sounds_outdoors(p)] == []


def test_without_landscapes_nothing_sounds_like_one(familiar: Familiar) -> None:
    assert not familiar.sounds_outdoors(MiniLM().sentences(["a forest"])[0])


def test_large_models_have_no_list(tmp_path: Path) -> None:
    assert Familiar.load(tmp_path) is None


def test_representatives_leave_no_kind_of_caption_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    directions = F.normalize(torch.randn(5, 32, generator=generator), dim=1)
    around = directions.repeat_interleave(20, 0) + 0.02 * torch.randn(100, 32, generator=generator)
    chosen = representatives(F.normalize(around, dim=1), 5)
    assert sorted(i // 20 for i in chosen) == [0, 1, 2, 3, 4]
    assert representatives(directions, 9) == [0, 1, 2, 3, 4]
