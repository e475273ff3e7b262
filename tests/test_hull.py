"""The first shape: what some view's guess shows the background through goes, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from gs_stein.camera_options import OrbitCameras
from gs_stein.cameras import sample_cameras
from gs_stein.config import Config
from gs_stein.distill import SDS, DistillOptions
from gs_stein.gaussians import Gaussians
from gs_stein.hull import carved, inside, like_background
from gs_stein.optimize import optimize
from gs_stein.prior.mixture import MixturePrior
from gs_stein.priors import Priors
from gs_stein.rasterize import RasterizeOptions, rasterize
from gs_stein.start_options import BallStart
from gs_stein.state import begin
from gs_stein.train_options import LearningRates, NoDensify

GREY = torch.full((3,), 0.5)
CAMERAS = sample_cameras(OrbitCameras(resolution=48), 12, torch.Generator().manual_seed(0))


def blob(centre: tuple[float, float, float]) -> Gaussians:
    """A red ball of 0.2 m about a point."""
    generator = torch.Generator().manual_seed(1)
    n = 300
    away = torch.randn(n, 3, generator=generator)
    means = torch.tensor(centre) + 0.2 * away / away.norm(dim=1, keepdim=True)
    sh = torch.tensor([1.5, -1.5, -1.5]).expand(n, 1, 3)
    quats = torch.tensor([1.0, 0, 0, 0]).expand(n, 4)
    return Gaussians(means, torch.full((n, 3), -3.2), quats, torch.full((n,), 4.0), sh)


def test_points_of_an_object_stay_and_those_beside_it_go() -> None:
    centre = (0.15, -0.1, 0.1)  # off the middle, so that a flipped or swapped axis shows
    rgb = rasterize(blob(centre), CAMERAS, RasterizeOptions(), GREY).rgb
    generator = torch.Generator().manual_seed(2)
    points = torch.rand(4000, 3, generator=generator) * 1.4 - 0.7
    away = (points - torch.tensor(centre)).norm(dim=1)
    found = inside(points, CAMERAS, rgb, GREY)
    assert found[away < 0.17].min() > 0.9
    assert found[away > 0.4].max() < 0.1
    assert (away < 0.17).sum() > 10


def test_of_nothing_nothing_stays_and_behind_a_camera_nothing_is_known() -> None:
    empty = GREY.expand(len(CAMERAS), 48, 48, 3)
    assert inside(torch.zeros(1, 3), CAMERAS, empty, GREY).item() == 0
    one = CAMERAS[torch.tensor([0])]
    behind = 2 * one.positions
    assert inside(behind, one, empty[:1], GREY).item() == 1
    assert like_background(torch.tensor([[[[0.5, 0.5, 0.56]]]]), GREY).item() == pytest.approx(
        float(torch.exp(torch.tensor(-1 / 6))), rel=1e-4
    )


def test_opacity_falls_by_the_share_as_far_as_a_point_is_outside() -> None:
    logits = torch.tensor([0.0, 0.0, 0.0, -9.0])
    found = carved(logits, torch.tensor([1.0, 0.5, 0.0, 0.0]), 0.9).sigmoid()
    assert found.tolist() == pytest.approx([0.5, 0.275, 0.05, 1e-4], rel=1e-3)
    assert torch.isfinite(carved(torch.tensor([50.0, -50.0]), torch.zeros(2), 0.99)).all()


def test_a_run_carves_while_it_solves_for_colours_and_needs_one_background() -> None:
    config = Config(
        prompt="class 1", iterations=2, views=4, cameras=OrbitCameras(resolution=16), start=BallStart(count=500),
        densify=NoDensify(), background="grey", distill=DistillOptions(estimator=SDS()),
        rates=LearningRates(solved=1, carve=0.9),
    )  # fmt: skip
    config = replace(config, view_prompts=replace(config.view_prompts, enabled=False))
    priors = Priors(MixturePrior((3, 16, 16)))
    means = []
    for share in (0.0, 0.9):
        wanted = replace(config, rates=replace(config.rates, carve=share))
        run = optimize(wanted, begin(wanted, priors))
        opacities = [next(run).gaussians.opacities.clone() for _ in range(2)]
        means.append([o.mean().item() for o in opacities])
    assert means[1][0] < 0.9 * means[0][0]
    assert means[1][1] / means[1][0] == pytest.approx(means[0][1] / means[0][0], rel=0.2)  # only while solving
    with pytest.raises(ValueError, match=re.escape("rates.carve: 0.9 needs one background")):
        begin(replace(config, background="random"), priors)
    with pytest.raises(ValueError, match=re.escape("rates.carve: 1.0 is no share")):
        LearningRates(carve=1.0)
