"""What a run is compared with: pictures that the prior samples as the run's refinement does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_bundled import tiny_bundled

from gs_stein import evaluate
from gs_stein.config.presets import preset_file
from gs_stein.config.schema import Config
from gs_stein.config.serialize import read_config
from gs_stein.prior import sampling
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.options import GuidanceOptions


@pytest.mark.parametrize("preset", ["scene", "object"])
def test_samples_have_the_guidance_of_the_views_that_are_fitted(preset: str) -> None:
    config = read_config(preset_file(preset))
    assert config.refine.share > 0
    assert config.refine.guidance != config.distill.guidance.scale
    assert evaluate.samples_guidance(config) == GuidanceOptions(scale=config.refine.guidance)
    guidance = GuidanceOptions(scale=3.0, perp_neg=1.0)
    plain = replace(
        config, refine=replace(config.refine, share=0.0), distill=replace(config.distill, guidance=guidance)
    )
    assert evaluate.samples_guidance(plain) == GuidanceOptions(scale=3.0)


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_pictures_are_sampled_with_it(share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, sample = [], sampling.sample

    def noted(denoiser, text, negative, cameras, guidance, generator, **settings):
        seen.append((len(cameras), guidance.scale, settings["eta"]))
        return sample(denoiser, text, negative, cameras, guidance, generator, steps=1, **settings)

    monkeypatch.setattr(sampling, "sample", noted)
    config = Config(prompt="a room")
    config = replace(
        config, prior=replace(config.prior, model=str(tiny_bundled(tmp_path / "tiny"))),
        refine=replace(config.refine, share=share, guidance=2.5, eta=1.0),
        distill=replace(config.distill, guidance=GuidanceOptions(scale=1.5)),
    )  # fmt: skip
    pictures = evaluate.sample_prior(config, evaluate.evaluation_cameras(config, 6))
    assert len(pictures) == 6
    assert torch.isfinite(pictures).all()
    expected = (2.5, 1.0) if share else (1.5, 0.0)
    assert seen == [(4, *expected), (2, *expected)]


def test_a_prior_of_groups_samples_views_from_all_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = evaluate.evaluation_cameras(config := Config(prompt="a chair"), 8)
    config = replace(config, prior=replace(config.prior, model=str(tiny_bundled(tmp_path / "tiny"))))
    seen = []

    def noted(denoiser, text, negative, some, guidance, generator, **settings):
        seen.append([int((cameras.viewmats == view).all((1, 2)).nonzero()) for view in some.viewmats])
        return torch.stack([torch.full((3, 2, 2), float(i)) for i in seen[-1]])

    monkeypatch.setattr(sampling, "sample", noted)
    monkeypatch.setattr(DiffusionPrior, "group", 4)
    pictures = evaluate.sample_prior(config, cameras)
    assert seen == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert pictures[:, 0, 0, 0].tolist() == list(range(8)), "and each is where its camera is"
