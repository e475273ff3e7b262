"""Whether a place or a thing is wanted is told from the prompt, unless somebody says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from gs_stein.bench.prompts import WRITTEN
from gs_stein.command import auto
from gs_stein.command.parse import parse
from gs_stein.config.serialize import read_yaml
from gs_stein.prior.checkpoints.registry import bundled_folder
from gs_stein.text.known_prompts import Familiar
from gs_stein.text.minilm import MiniLM
from gs_stein.text.scene_or_object import COEFFICIENTS, PLACES, THINGS, fit, sounds_like_a_scene

OTHER_PLACES = """a castle on a hill; the surface of the moon; a snowy village; a rose garden with a bench; a garage;
a hotel room by the sea; a conservatory full of plants; a cyberpunk street at night; a japanese garden; an old library;
the inside of a spaceship; a cozy cabin with a fireplace; a hospital corridor; a medieval tavern; a classroom; a gym;
a bathroom with green tiles; a children's room with toys; a street in paris; a dungeon; a meadow with flowers;
a church interior; a bar with neon lights; a small kitchen with a red fridge; a bedroom with a cat on the bed;
an art gallery; a train station; sunset over the ocean; a farm with a barn; an attic"""
OTHER_THINGS = """a bowl of fruit; a black cat sitting; a white rabbit; a teddy bear; a ceramic vase with tulips;
a vintage car; a sailing boat; a castle made of lego; a cheeseburger; a robot; an astronaut riding a horse;
a dragon statue; a wooden chair; a bookshelf with books; a kitchen table; a palm tree; a snowman; a bonsai tree;
a pair of sneakers; a porcelain teapot; a corgi puppy; a treasure chest; a motorcycle; a pineapple; a toy train;
a marble bust of a man; a cactus in a pot; a desk with a laptop; a grand piano; a cottage"""


def missed(places: list[str], things: list[str]) -> list[str]:
    found = [sounds_like_a_scene(pooled) for pooled in MiniLM().sentences(places + things)]
    meant = [True] * len(places) + [False] * len(things)
    return [prompt for prompt, a, b in zip(places + things, found, meant, strict=True) if a != b]


def test_every_written_prompt_is_taken_for_what_it_is() -> None:
    written = read_yaml(WRITTEN)
    assert missed(written["scenes"] + written["landscapes"], written["objects"]) == []


def test_so_are_nearly_all_of_sixty_others() -> None:
    """An attic and a cottage are missed."""
    places = [prompt.strip() for prompt in OTHER_PLACES.split(";")]
    things = [prompt.strip() for prompt in OTHER_THINGS.split(";")]
    assert len(places) == len(things) == 30
    assert missed(places, things) == ["an attic", "a cottage"]


def test_captions_are_what_the_bundled_prior_learnt_them_as() -> None:
    """Castles and houses among them, which sound like places."""
    familiar = Familiar.load(bundled_folder() / "captions")
    assert familiar is not None
    assert [familiar.kind_of(pooled) for pooled in familiar.embeddings] == familiar.scenes
    assert not auto.sounds_like_a_scene("a castle")
    assert auto.sounds_like_a_scene("a castle on a hill")


def test_the_coefficients_are_the_fit_of_the_words() -> None:
    """If not: fit them anew, as the module says."""
    assert not set(PLACES) & set(THINGS)
    familiar = Familiar.load(bundled_folder() / "captions")
    assert familiar is not None
    kept = torch.tensor(json.loads(COEFFICIENTS.read_text(encoding="utf-8")))
    torch.testing.assert_close(fit(familiar, MiniLM().sentences), kept, atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    ("flags", "scene", "said"),
    [
        (["--prompt", "a cozy living room"], True, "--object"),
        (["--prompt", "a red armchair"], False, "--scene"),
        (["--prompt", "a cozy living room", "--object"], False, None),
        (["--prompt", "a red armchair", "--scene"], True, None),
        (["--prompt", "a red armchair", "--outdoors", "yes"], True, "outdoors"),
    ],
)
def test_one_line_says_what_was_taken(flags: list[str], scene: bool, said: str | None) -> None:
    job = parse(["--model", "bundled", *flags])
    assert job.config.scene == scene
    assert job.config.cameras.kind == ("room" if scene else "orbit")
    assert [said in note for note in job.notes] == ([] if said is None else [True])


def test_a_file_that_says_it_is_believed(tmp_path: Path) -> None:
    for text, scene in (("scene: false", False), ("scene: true", True), ("seed: 3", True)):
        file = tmp_path / "mine.yaml"
        file.write_text(f"prompt: a cozy living room\n{text}\n", encoding="utf-8")
        assert parse(["--model", "bundled", "--config", str(file)]).config.scene == scene
