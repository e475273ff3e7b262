"""What captions leave open: an unbiased variance over scenes that fit, and no guess below it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.options import DiffusionOptions
from gs_stein.world.measure import attainable
from gs_stein.world.scenes import draw_scene


def question(rgb: torch.Tensor) -> attainable.Question:
    cameras = sample_cameras(RoomCameras(), rgb.shape[1], torch.Generator().manual_seed(0))
    return attainable.Question("a modern office, in daylight", cameras, rgb)


def test_the_best_error_is_the_variance_of_pictures():
    generator = torch.Generator().manual_seed(0)
    found = [question(0.3 * torch.randn(3, 1, 3, 16, 16, generator=generator)).attainable() for _ in range(200)]
    # 200 · 3·256 variances of three numbers each: the mean's standard error is 0.09 · 1 / √153600, a four-hundredth
    assert np.mean(found) == pytest.approx(0.09, rel=0.015)  # 6 standard errors; without the correction it is 0.06
    assert question(torch.full((3, 1, 3, 16, 16), 0.4)).attainable() == 0
    stripes = torch.zeros(2, 1, 3, 16, 16)
    stripes[..., ::2] = 1
    assert question(stripes).mean_colour() == pytest.approx(0.25)


def test_prompts_fit_their_scenes():
    found = attainable.fitting("bedroom", 60)
    plain = {text: seeds for text, seeds in found.items() if " with " not in text}
    assert sum(len(seeds) for seeds in plain.values()) == sum(
        draw_scene(seed, "bedroom").time == "day" for seed in range(attainable.FIRST_SEED, attainable.FIRST_SEED + 60)
    )
    beds = [(text, seeds) for text, seeds in found.items() if text.endswith(" bed, in daylight") and " red " in text]
    assert beds
    for text, seeds in beds:
        for seed in seeds:
            scene = draw_scene(seed, "bedroom")
            assert scene.style in text
            assert any(thing.name == "bed" and thing.colour == "red" for thing in scene.things)


def test_the_prior_does_not_beat_it():
    options = attainable.Options(plain=1, named=0, scenes=6, views=2, draws=80)
    (asked,) = attainable.questions("living room", options)
    guesses = asked.guesses(load_prior(DiffusionOptions(model="bundled")))
    error = (asked.rgb[:, None] - guesses).square().mean().item()
    # of six scenes: the variance has an error of its own, some tenths of it
    assert 0.7 * asked.attainable() < error < asked.mean_colour()


def test_too_few_scenes_are_named():
    with pytest.raises(ValueError, match=r"--draws: 5 scenes are too few: .* draw more, or lower --scenes"):
        attainable.questions("office", attainable.Options(draws=5))
    with pytest.raises(ValueError, match="--scenes: 1 "):
        attainable.main(attainable.Options(scenes=1))
