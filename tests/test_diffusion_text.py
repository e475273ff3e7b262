"""Prompts: encoded once, kept in memory and on disk, encoders dropped before images come; view-dependent words."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import pytest
import tiny_models
import torch

from gs_stein.cameras.sampling import orbit
from gs_stein.prior.adapters import stack_embeddings
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.encoders import CLIPText, PromptCache
from gs_stein.prior.options import DiffusionOptions
from gs_stein.text.view_prompts import Direction, ViewText, azimuth_elevation, directions, view_negatives, view_prompts
from gs_stein.types import TextEmbedding


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "sd"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tiny_models.stable_diffusion(path)
    return path


class Counting:
    """Encodes a prompt as its length; counts loads and encodings."""

    def __init__(self) -> None:
        self.loads = 0
        self.encoded: list[str] = []

    def load(self):
        self.loads += 1

        def encode(prompts: list[str]) -> TextEmbedding:
            self.encoded += prompts
            length = torch.tensor([float(len(p)) for p in prompts])[:, None]
            mask = torch.ones(len(prompts), 3, dtype=torch.bool)
            return TextEmbedding(length[:, :, None].expand(-1, 3, 2), mask, length)

        return encode


def test_each_prompt_is_encoded_once():
    count = Counting()
    cache = PromptCache(count.load, torch.device("cpu"))
    first = cache(["ab", "", "ab", "abc"])
    assert first.tokens[:, 0, 0].tolist() == [2, 0, 2, 3]
    assert first.pooled is not None
    assert first.pooled[:, 0].tolist() == [2, 0, 2, 3]
    assert cache(["abc"]).tokens[0, 0, 0] == 3
    assert count.encoded == ["ab", "", "abc"]
    assert count.loads == 1


def test_release_drops_the_encoder_until_the_next_new_prompt():
    count = Counting()
    cache = PromptCache(count.load, torch.device("cpu"))
    cache(["a"])
    assert cache.loaded
    cache.release()
    assert not cache.loaded
    cache(["a"])
    assert count.loads == 1, "a known prompt needs no encoder"
    cache(["b"])
    assert count.loads == 2


def test_a_kept_encoder_is_not_released():
    count = Counting()
    cache = PromptCache(count.load, torch.device("cpu"), keep=True)
    cache(["a"])
    cache.release()
    assert cache.loaded


def test_prompts_outlive_the_process_on_disk(tmp_path):
    def make(identity: str) -> tuple[Counting, PromptCache]:
        count = Counting()
        return count, PromptCache(count.load, torch.device("cpu"), folder=tmp_path / "prompts", identity=identity)

    count, cache = make("model A")
    before = cache(["ab", ""])
    again, cache = make("model A")
    after = cache(["ab", ""])
    assert again.loads == 0
    for a, b in ((before.tokens, after.tokens), (before.mask, after.mask), (before.pooled, after.pooled)):
        assert torch.equal(a, b)
    other, cache = make("model B")
    cache(["ab"])
    assert other.encoded == ["ab"], "another checkpoint must not read these"
    assert not list((tmp_path / "prompts").glob("*.tmp"))
    assert len(list((tmp_path / "prompts").glob("*.safetensors"))) == 3


def test_no_prompts():
    with pytest.raises(ValueError, match="prompts: got an empty list; give at least one"):
        PromptCache(Counting().load, torch.device("cpu"))([])


def test_the_prior_frees_its_text_encoder_when_it_looks_at_images(folder):
    prior = load_prior(DiffusionOptions(model=str(folder)))
    assert not prior.text.loaded, "nothing is loaded before a prompt comes"
    prior.embed(["a red chair"])
    prior.embed([""])
    assert prior.text.loaded
    prior.encode(torch.rand(1, 3, 32, 32))
    assert not prior.text.loaded
    prior.embed(["a lamp"])
    prior.predict(torch.zeros(1, 1, 4, 16, 16), torch.tensor([5.0]), [prior.embed(["a lamp"])], None)
    assert not prior.text.loaded
    kept = load_prior(DiffusionOptions(model=str(folder), keep_text_encoder=True))
    kept.embed([""])
    kept.encode(torch.rand(1, 3, 32, 32))
    assert kept.text.loaded


def test_the_priors_prompt_cache_on_disk_follows_the_weights(folder, tmp_path):
    import os

    options = DiffusionOptions(model=str(folder), prompt_cache=tmp_path)
    load_prior(options).embed(["a red chair"])
    load_prior(options).embed(["a red chair"])
    assert len(list(tmp_path.iterdir())) == 1
    os.utime(folder / "text_encoder" / "model.safetensors")
    load_prior(options).embed(["a red chair"])
    assert len(list(tmp_path.iterdir())) == 2, "other weights, other file"


def test_a_prompt_that_is_too_long_is_said(folder):
    prior = load_prior(DiffusionOptions(model=str(folder)))
    with pytest.warns(UserWarning, match=r"prompt: 'word word .*… has \d+ tokens; the model reads the first 77"):
        prior.embed(["word " * 40])


def test_clip_attends_to_padding_unless_its_config_says_otherwise(folder, tmp_path):
    tokenizer, vocabulary = tiny_models.clip_tokenizer(tmp_path / "tokenizer")
    model = tiny_models.clip_model(vocabulary, projection=False)
    plain = CLIPText(tokenizer, model)(["a red chair"])
    model.config.use_attention_mask = True
    masked = CLIPText(tokenizer, model)(["a red chair"])
    real = plain.mask[0]
    assert 0 < real.sum() < 77
    assert torch.allclose(plain.tokens[0, real], masked.tokens[0, real], atol=1e-5), "attention is causal"
    assert not torch.allclose(plain.tokens[0, ~real], masked.tokens[0, ~real], atol=1e-3)


def test_stacking_pads_with_masked_zeros():
    def one(length: int) -> TextEmbedding:
        return TextEmbedding(torch.ones(1, length, 4), torch.ones(1, length, dtype=torch.bool))

    both = stack_embeddings([one(2), one(5)])
    assert both.tokens.shape == (2, 5, 4)
    assert both.mask.sum(1).tolist() == [2, 5]
    assert both.tokens[0, 2:].abs().max() == 0
    with_pooled = TextEmbedding(torch.ones(1, 2, 4), torch.ones(1, 2, dtype=torch.bool), torch.ones(1, 3))
    with pytest.raises(ValueError, match="some embeddings have a pooled state"):
        stack_embeddings([one(2), with_pooled])


@dataclass(frozen=True)
class Words:
    front: str = ", front view"
    side: str = ", side view"
    back: str = ", back view"
    overhead: str = ", overhead view"
    overhead_elevation: float = 60.0


def around(azimuths: list[float], elevations: list[float]):
    """Orbit cameras at these azimuths and elevations."""
    count = len(azimuths)
    return orbit(
        torch.tensor(azimuths), torch.tensor(elevations), torch.full((count,), 2.5), torch.full((count,), 50.0), 32
    )  # fmt: skip


def test_azimuth_and_elevation_undo_the_orbit():
    azimuths, elevations = [0.0, 90.0, -90.0, 170.0, -135.0, 44.0], [0.0, 30.0, -5.0, 45.0, 80.0, 59.0]
    found = azimuth_elevation(around(azimuths, elevations))
    torch.testing.assert_close(found[0], torch.tensor(azimuths), rtol=1e-3, atol=1e-2)
    torch.testing.assert_close(found[1], torch.tensor(elevations), rtol=1e-3, atol=1e-2)


def test_directions_follow_dreamfusion():
    front, side, back, overhead = Direction
    cases = [
        (0, 0, front), (44, 10, front), (-44, 10, front), (46, 10, side), (90, 0, side), (-90, 0, side),
        (134, 0, side), (136, 0, back), (180, 0, back), (-136, -10, back), (0, 61, overhead), (180, 75, overhead),
        (0, 59, front),
    ]  # fmt: skip
    found = directions(around([float(c[0]) for c in cases], [float(c[1]) for c in cases]))
    assert found == [c[2] for c in cases]


def test_the_front_faces_south():
    """The camera south of the object (-y) sees its front, as the world's conventions say."""
    cameras = around([0.0], [0.0])
    assert cameras.positions[0, 1] < -2
    assert directions(cameras) == [Direction.FRONT]


def test_words_of_views_and_negatives():
    prompts = view_prompts("a fox", Words())
    assert prompts == ["a fox, front view", "a fox, side view", "a fox, back view", "a fox, overhead view"]
    assert view_negatives("blurry", Words()) == [
        "blurry, side view, back view", "blurry, front view, back view", "blurry, front view, side view", "blurry",
    ]  # fmt: skip
    assert view_negatives("", Words())[0] == "side view, back view"


def test_view_text_picks_the_embedding_of_each_camera(folder):
    prior = load_prior(DiffusionOptions(model=str(folder)))
    text = ViewText(prior.embed, "a fox", "blurry", Words(), negative_views=True)
    cameras = around([0.0, 180.0, 90.0, 10.0], [0.0, 0.0, 0.0, 70.0])
    positive, negative = text.at(cameras)
    words = ("a fox, front view", "a fox, back view", "a fox, side view", "a fox, overhead view")
    assert torch.equal(positive.tokens, prior.embed(list(words)).tokens)
    assert torch.equal(negative.tokens[3], prior.embed(["blurry"]).tokens[0])
    assert torch.equal(negative.tokens[0], prior.embed(["blurry, side view, back view"]).tokens[0])
    plain = ViewText(prior.embed, "a fox", "blurry", Words()).at(cameras)[1]
    assert torch.equal(plain.tokens, prior.embed(["blurry"] * 4).tokens)
