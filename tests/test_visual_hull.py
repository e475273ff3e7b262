"""What some view shows the background through goes; what all show and the scene has not is seeded."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from gs_stein.cameras.options import OrbitCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.schema import Config
from gs_stein.distill.options import SDS, DistillOptions
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.options import BallStart
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import Priors
from gs_stein.optimize.state import begin
from gs_stein.prior.mixture import MixturePrior
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.refine.options import RefineOptions
from gs_stein.refine.refiner import Refiner
from gs_stein.update import adam
from gs_stein.update.options import LearningRates, NoDensify
from gs_stein.update.visual_hull import inside_hull, like_background, prune_outside_hull, seed_in_hull

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
    found = inside_hull(points, CAMERAS, rgb, GREY)
    assert found[away < 0.17].min() > 0.9
    assert found[away > 0.4].max() < 0.1
    assert (away < 0.17).sum() > 10


def test_of_nothing_nothing_stays_and_behind_a_camera_nothing_is_known() -> None:
    empty = GREY.expand(len(CAMERAS), 48, 48, 3)
    assert inside_hull(torch.zeros(1, 3), CAMERAS, empty, GREY).item() == 0
    one = CAMERAS[torch.tensor([0])]
    behind = 2 * one.positions
    assert inside_hull(behind, one, empty[:1], GREY).item() == 1
    assert like_background(torch.tensor([[[[0.5, 0.5, 0.56]]]]), GREY).item() == pytest.approx(
        float(torch.exp(torch.tensor(-1 / 6))), rel=1e-4
    )


def test_opacity_falls_by_the_share_as_far_as_a_point_is_outside() -> None:
    logits = torch.tensor([0.0, 0.0, 0.0, -9.0])
    found = prune_outside_hull(logits, torch.tensor([1.0, 0.5, 0.0, 0.0]), 0.9).sigmoid()
    assert found.tolist() == pytest.approx([0.5, 0.275, 0.05, 1e-4], rel=1e-3)
    assert torch.isfinite(prune_outside_hull(torch.tensor([50.0, -50.0]), torch.zeros(2), 0.99)).all()


def test_a_run_prunes_while_it_solves_for_colours_and_needs_one_background() -> None:
    config = Config(
        prompt="class 1", iterations=2, views=4, cameras=OrbitCameras(resolution=16), start=BallStart(count=500),
        densify=NoDensify(), background="grey", distill=DistillOptions(estimator=SDS()),
        rates=LearningRates(solve_colours=1, prune_outside_hull=0.9),
    )  # fmt: skip
    config = replace(config, view_prompts=replace(config.view_prompts, enabled=False))
    priors = Priors(MixturePrior((3, 16, 16)))
    means = []
    for share in (0.0, 0.9):
        wanted = replace(config, rates=replace(config.rates, prune_outside_hull=share))
        run = optimize(wanted, begin(wanted, priors))
        opacities = [next(run).gaussians.opacities.clone() for _ in range(2)]
        means.append([o.mean().item() for o in opacities])
    assert means[1][0] < 0.9 * means[0][0]
    assert means[1][1] / means[1][0] == pytest.approx(means[0][1] / means[0][0], rel=0.2)  # only while solving
    with pytest.raises(ValueError, match=re.escape("rates.prune_outside_hull: 0.9 needs one background")):
        begin(replace(config, background="random"), priors)
    with pytest.raises(ValueError, match=re.escape("rates.prune_outside_hull: 1.0 is no share")):
        LearningRates(prune_outside_hull=1.0)


def test_one_view_of_many_may_dissent() -> None:
    rgb = rasterize(blob((0.0, 0.0, 0.0)), CAMERAS, RasterizeOptions(), GREY).rgb
    rgb[3] = 0.5  # this one shows nothing
    middle = torch.zeros(1, 3)
    assert inside_hull(middle, CAMERAS, rgb, GREY).item() < 0.01
    assert inside_hull(middle, CAMERAS, rgb, GREY, dissent=0.1).item() > 0.9


def test_what_views_show_and_the_scene_has_not_is_sown() -> None:
    centre = (0.15, -0.1, 0.1)
    render = rasterize(blob(centre), CAMERAS, RasterizeOptions(), GREY)
    nothing = torch.zeros_like(render.alpha)
    generator = torch.Generator().manual_seed(3)
    new = seed_in_hull(CAMERAS, render.rgb, nothing, GREY, 300, generator)
    away = (new.means - torch.tensor(centre)).norm(dim=1)
    assert len(new) == 300
    assert away.max() < 0.38  # its soft edge counts, a pixel is 5 cm
    assert away.median() < 0.3
    assert (new.opacities - 0.5).abs().max() < 1e-5
    assert (0.5 + 0.2821 * new.sh[:, 0]).mean(0)[0] > 0.6  # red, as the views are
    # Nothing where it stands already, and nothing where views show nothing.
    assert len(seed_in_hull(CAMERAS, render.rgb, render.alpha, GREY, 300, generator)) < 10
    assert len(seed_in_hull(CAMERAS, torch.full_like(render.rgb, 0.5), nothing, GREY, 300, generator)) == 0


def test_put_replaces_some_gaussians_and_forgets_their_gradients() -> None:
    parameters = {k: torch.nn.Parameter(v) for k, v in blob((0.0, 0.0, 0.0)).parameters().items()}
    optimizers = adam.make_optimizers(parameters, LearningRates())
    sum(p.sum() for p in parameters.values()).backward()
    for optimizer in optimizers.values():
        optimizer.step()
    before = {k: v.detach().clone() for k, v in parameters.items()}
    new = blob((1.0, 0.0, 0.0))[:2]
    adam.put(parameters, optimizers, torch.tensor([4, 7]), new.parameters())
    others = torch.ones(300, dtype=torch.bool)
    others[[4, 7]] = False
    for name, parameter in parameters.items():
        assert torch.equal(parameter[[4, 7]], new.parameters()[name])
        assert torch.equal(parameter[others], before[name][others])
        moments = optimizers[name].state[parameter]
        assert moments["step"].item() == 1
        for moment in (moments["exp_avg"], moments["exp_avg_sq"]):
            assert (moment[[4, 7]] == 0).all()
            assert (moment[others] != 0).all()


@pytest.mark.parametrize("option", ["prune_outside_hull", "seed_in_hull"])
def test_a_round_of_refinement_prunes_and_seeds(option: str) -> None:
    config = Config(
        prompt="class 1", iterations=4, views=4, cameras=OrbitCameras(resolution=16), start=BallStart(count=500),
        densify=NoDensify(), background="grey", distill=DistillOptions(estimator=SDS()),
        refine=RefineOptions(share=0.5, rounds=1, views=(4, 4), group=4, anchors=0, steps=4),
    )  # fmt: skip
    config = replace(config, view_prompts=replace(config.view_prompts, enabled=False))
    priors = Priors(MixturePrior((3, 16, 16)))
    moved, fainter = [], []
    for share in (0.0, 0.8):
        wanted = replace(config, refine=replace(config.refine, **{option: share}))
        run = optimize(wanted, begin(wanted, priors))
        before = [next(run) for _ in range(2)][-1].gaussians.clone()
        after = next(run).gaussians
        moved.append(int(((after.means - before.means).norm(dim=1) > 0.05).sum()))
        fainter.append(int((after.opacities < 0.9 * before.opacities).sum()))
    assert (moved[0], fainter[0]) == (0, 0)
    assert (0 < moved[1] <= 400) if option == "seed_in_hull" else (moved[1] == 0 < fainter[1])
    with pytest.raises(ValueError, match=re.escape(f"refine.{option}: 0.8 needs one background")):
        begin(replace(wanted, background="random"), priors)
    with pytest.raises(ValueError, match=re.escape(f"refine.{option}: 1.5 is no share")):
        RefineOptions(**{option: 1.5})


def test_a_long_round_is_pruned_again_and_again() -> None:
    options = RefineOptions(share=0.5, rounds=1, prune_outside_hull=0.5, prune_every=3)
    refiner = Refiner(options, MixturePrior((3, 16, 16)), None, 20)
    started = {step: refiner.round(step) for step in range(20)}
    assert [step for step in range(20) if refiner.prunes(step, started[step])] == [10, 13, 16, 19]
    anew = refiner.round(14, ("another prompt", None))
    assert refiner.prunes(14, anew)
    never = Refiner(replace(options, prune_outside_hull=0.0), MixturePrior((3, 16, 16)), None, 20)
    assert not never.prunes(10, started[10])
    with pytest.raises(ValueError, match=re.escape("refine.prune_every: 0 is below 1")):
        RefineOptions(prune_every=0)
