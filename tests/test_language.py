"""Prompts that the text encoder does not understand, or not to their end, are told."""

from __future__ import annotations

import pytest

from gs_stein.bench.prompts import WRITTEN
from gs_stein.config.schema import Config
from gs_stein.config.serialize import read_yaml
from gs_stein.optimize.networks import Priors, load_denoiser
from gs_stein.prior.options import DiffusionOptions
from gs_stein.text.language import other_language
from gs_stein.text.minilm import MAX_TOKENS, MiniLM


@pytest.mark.parametrize(
    ("prompt", "language"),
    [
        ("ein gemütliches Wohnzimmer", "German"), ("une chaise rouge", "French"), ("un salon avec un canapé", "French"),
        ("el gato con botas", "Spanish"), ("una sedia nella cucina", "Italian"), ("uma cadeira vermelha", "Portuguese"),
        ("een rode stoel", "Dutch"), ("kırmızı bir sandalye", "Turkish"), ("una silla roja", "Spanish or Italian"),
        ("une salle de bain", "French"), ("casa de campo", "another language"),
        ("красное кресло", "Cyrillic letters"), ("赤い肘掛け椅子", "Chinese or Japanese"), ("빨간 의자", "Korean"),
    ],
)  # fmt: skip
def test_other_languages_are_told(prompt: str, language: str) -> None:
    assert other_language(prompt) == language


@pytest.mark.parametrize(
    "prompt", ["red chair", "a café de Paris", "armchair", "", "3", "a bed & breakfast", "ünder", "A chair"]
)
def test_english_and_what_cannot_be_told_pass(prompt: str) -> None:
    assert other_language(prompt) is None


@pytest.mark.parametrize("prompt", ["blue van", "dog dressed as pirate", "vitamin E bottle", "steel I beam", "Z"])
def test_english_words_and_capitals_are_no_little_words_of_others(prompt: str) -> None:
    assert other_language(prompt) is None


def test_every_written_prompt_passes() -> None:
    prompts = [prompt for part in read_yaml(WRITTEN).values() for prompt in part]
    assert len(prompts) == 44
    assert [prompt for prompt in prompts if other_language(prompt) is not None] == []


def test_what_is_not_read_is_named_by_whole_words() -> None:
    encoder = MiniLM()
    assert encoder.unread("a cosy room") == ""
    assert encoder.unread("") == ""
    words = [f"word{'s' * (i % 2)}" for i in range(40)]
    unread = encoder.unread(" ".join(words)).split()
    assert 0 < len(unread) < 40
    assert words[-len(unread) :] == unread
    kept = " ".join(words[: -len(unread)])
    assert encoder.unread(kept) == ""
    assert (encoder([kept]).tokens.shape[1] if kept else 0) <= MAX_TOKENS
    # The last word that fits only in part is not read.
    assert encoder.unread("a " * 28 + "chair antidisestablishmentarian sofa").startswith("antidis")


def test_what_is_read_is_not_said_to_be_left_out_where_no_spaces_part_the_words() -> None:
    encoder = MiniLM()
    kept = MAX_TOKENS - 2  # one token opens a prompt, one closes it
    assert encoder.unread("日" * 40) == "日" * (40 - kept)
    assert encoder.unread("a-" * 20) == ("a-" * 20)[kept:]
    assert encoder.unread("room " * (kept - 1) + "chair, red") == ", red"
    assert encoder.unread(" \t ") == encoder.unread("." * kept) == ""


def test_of_a_long_prompt_only_a_part_is_quoted() -> None:
    priors = Priors(load_denoiser(Config(prompt="a room", prior=DiffusionOptions(model="bundled"))))
    for prompt, told in (
        ("a room " + "with a chair and a lamp " * 30, "the prompt is longer than the text encoder reads: '"),
        ("ein Zimmer mit " + "Stuhl und Tisch " * 30, "'ein Zimmer mit Stuhl und Tisch"),
    ):
        line = priors.advice(prompt, scene=True)[0]
        assert told in line
        assert "…'" in line
        assert len(line) < 170
