"""Words that a small prior has not seen are named, and so are those that it never saw together."""

from __future__ import annotations

from pathlib import Path

import pytest
from familiarity import (
    KNOWN,
    LATER_KNOWN,
    LATER_UNKNOWN_OBJECTS,
    LATER_UNKNOWN_SCENES,
    STRANGERS_KNOWN,
    STRANGERS_UNKNOWN,
    UNKNOWN_OBJECTS,
    UNKNOWN_SCENES,
    Prompts,
)

from gs_stein.bench.prompts import WRITTEN
from gs_stein.command.auto import sounds_like_a_scene
from gs_stein.config.serialize import read_yaml
from gs_stein.live.familiar import advice
from gs_stein.prior.checkpoints.registry import bundled_folder
from gs_stein.text.known_prompts import Familiar
from gs_stein.text.minilm import MiniLM
from gs_stein.text.vocabulary import Vocabulary, words_of
from gs_stein.world.families import FAMILIES, SHIPPED
from gs_stein.world.scenes import OBJECTS
from gs_stein.world.training.export import known_words

ENCODER = MiniLM()


@pytest.fixture(scope="module")
def shipped() -> Familiar:
    found = Familiar.load(bundled_folder() / "captions")
    assert found is not None
    assert found.vocabulary is not None
    return found


def said(familiar: Familiar, prompt: str, scene: bool) -> list[str]:
    assert familiar.vocabulary is not None
    return familiar.vocabulary.advice(prompt, ENCODER.sentences, scene)


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        (KNOWN, UNKNOWN_SCENES + UNKNOWN_OBJECTS),
        (LATER_KNOWN, LATER_UNKNOWN_SCENES + LATER_UNKNOWN_OBJECTS),
        (STRANGERS_KNOWN, STRANGERS_UNKNOWN),
    ],
)  # fmt: skip
def test_precision_and_recall_of_the_warning(shipped: Familiar, known: Prompts, unknown: Prompts) -> None:
    assert len(known) + len(unknown) == 60
    false, right = (sum(bool(said(shipped, p, sounds_like_a_scene(p))) for p in part) for part in (known, unknown))
    assert right / (right + false) >= 0.9
    assert right / len(unknown) >= 0.9


def test_objects_are_offered_for_objects_and_scenes_for_scenes(shipped: Familiar) -> None:
    is_scene = dict(zip(shipped.captions, shipped.scenes, strict=True))
    for scene, prompts in ((True, UNKNOWN_SCENES), (False, UNKNOWN_OBJECTS)):
        offered = [advice(bundled_folder() / "captions", prompt, scene).nearest for prompt in prompts]
        assert all(len(some) == 3 for some in offered)
        assert {is_scene[caption] for some in offered for caption in some} == {scene}


def test_each_fault_is_named_by_its_words(shipped: Familiar) -> None:
    lines = said(shipped, "an astronaut in a living room with a fireplace", True)
    assert len(lines) == 2
    assert lines[0].startswith("'astronaut' is none of the words")
    assert lines[1] == "'fireplace': never seen with 'living room', only with 'library'; may be missing"
    assert said(shipped, "a bowl of fruit", False) == [
        "'bowl', 'fruit': known in scenes only ('kitchen', 'dining room'), --scene"
    ]
    assert said(shipped, "a rocket", True) == ["'rocket': known as objects only, --object"]
    assert said(shipped, "two penguins, 8k, highly detailed", False) == []
    told = shipped.advice("a dragon", ENCODER.sentences, False, ("sd15",))
    assert "--model sd15" in told[-1]
    assert any(repr(c) in told[-1] for c, scene in zip(shipped.captions, shipped.scenes, strict=True) if not scene)


@pytest.mark.parametrize("prompt", ["🛋️", "12345", "x", "the", "a b c"])
def test_a_prompt_that_names_nothing_is_told(shipped: Familiar, prompt: str) -> None:
    assert said(shipped, prompt, False) == [f"{prompt!r} names nothing that the bundled prior has seen"]


def test_words_are_recognised_however_they_are_written(shipped: Familiar) -> None:
    for prompt in ("a bath-room", "a bath room", "a desert with cactuses"):
        assert said(shipped, prompt, True) == []
    assert said(shipped, "a tea pot", False) == []
    assert said(shipped, "a red sports car", False) == [], "what only describes a known thing"
    assert said(shipped, "a cat on a sofa", False) == ["'sofa': never seen with 'cat', only alone; may be missing"]
    assert not sounds_like_a_scene("a house")


def test_written_prompts_are_known(shipped: Familiar) -> None:
    written = read_yaml(WRITTEN)
    wrong = {
        prompt: lines
        for kind, prompts in written.items()
        for prompt in prompts
        if (lines := said(shipped, prompt, kind != "objects"))
    }
    assert len(wrong) <= 2, wrong


def test_the_shipped_words_are_those_of_the_world(shipped: Familiar) -> None:
    vocabulary = shipped.vocabulary
    assert vocabulary is not None
    assert vocabulary.kinds == {k: k not in OBJECTS for name in SHIPPED for k in FAMILIES[name].kinds}
    some = {kind: vocabulary.kinds[kind] for kind in ("library", "cat", "beach")}
    for word, kinds in known_words(some, 40).words.items():
        assert kinds <= vocabulary.words[word]


def test_words_are_kept_in_a_file(tmp_path: Path) -> None:
    captions = [
        ("room", "A red room"),
        ("room", "a room, red"),
        ("cat", "the cats"),
        ("cat", "cats"),
        ("cat", "seldom"),
    ]
    built = Vocabulary.gather({"room": True, "cat": False}, captions)
    assert built.words == {"red": {"room"}, "room": {"room"}, "cats": {"cat"}}
    built.save(tmp_path)
    assert Vocabulary.load(tmp_path) == built
    assert built.advice("a cat", ENCODER.sentences, False) == [], "singular and plural are one"
    assert Vocabulary.load(tmp_path / "nowhere") is None
    assert words_of("Zwei STÜHLE, 8k!") == ["zwei", "stühle"]
