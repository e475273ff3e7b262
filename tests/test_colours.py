"""The first colours: solved for, so that pictures show the prior's guesses at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.schema import Config
from gs_stein.distill.options import SDS, DistillOptions
from gs_stein.gaussians.initialise import initialise
from gs_stein.gaussians.model import SH_C0, Gaussians, sh_to_rgb
from gs_stein.gaussians.options import FileStart, RoomStart
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import Priors
from gs_stein.optimize.plan import solves_colours
from gs_stein.optimize.state import begin
from gs_stein.prior.mixture import MixturePrior
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.update.colours import MARGIN, ColourSolver, blend_colours, keep_in_gamut
from gs_stein.update.options import LearningRates, NoDensify

VIEWS = sample_cameras(RoomCameras(resolution=32), 4, torch.Generator().manual_seed(0))


@pytest.fixture
def parameters() -> dict[str, torch.nn.Parameter]:
    start = RoomStart(count=4000, opacity=0.5)
    return initialise(start, torch.Generator().manual_seed(0), sh_degree=0).parameters()


def picture(parameters: dict[str, torch.nn.Parameter]) -> torch.Tensor:
    return rasterize(Gaussians.from_parameters(parameters), VIEWS, RasterizeOptions(), torch.zeros(3)).rgb


def test_one_step_shows_what_it_is_told_to(parameters) -> None:
    """Every direction has a colour of its own, so Gaussians have to find theirs."""
    directions = VIEWS.rays(32, 32)[0]
    target = 0.5 + 0.35 * directions
    before = picture(parameters)
    parameters["sh0"].data += ColourSolver().change(parameters["sh0"], before, target)
    seen = picture(parameters)
    assert (seen - target).square().mean() < 0.05 * (before - target).square().mean()


def test_guesses_are_averaged_over_steps(parameters) -> None:
    colours, levels = ColourSolver(), (0.2, 0.3, 0.7, 0.8)
    for level in levels:
        seen = picture(parameters)
        parameters["sh0"].data += colours.change(parameters["sh0"], seen, torch.full_like(seen, level))
    assert picture(parameters).mean().item() == pytest.approx(0.5, abs=0.03)


def test_a_changed_number_of_gaussians_starts_anew(parameters) -> None:
    colours = ColourSolver()
    seen = picture(parameters)
    colours.change(parameters["sh0"], seen, seen)
    fewer = {name: torch.nn.Parameter(value[:1000]) for name, value in parameters.items()}
    seen = picture(fewer)
    assert colours.change(fewer["sh0"], seen, seen).abs().max() == 0
    assert colours.weight is not None
    assert colours.weight.shape == (1000, 1, 3)


def test_a_run_looks_like_the_first_guess_after_one_iteration_and_keeps_the_colours_of_a_file() -> None:
    cameras, prior = RoomCameras(resolution=16), MixturePrior((3, 16, 16))
    config = Config(
        prompt="class 1", scene=True, iterations=1, views=2, cameras=cameras, start=RoomStart(count=2000),
        densify=NoDensify(), background="grey", rates=LearningRates(solve_colours=1),
        distill=DistillOptions(estimator=SDS()),
    )  # fmt: skip
    state = begin(config, Priors(prior))
    step = next(optimize(config, state))
    guess = prior.decode(step.estimate.x0_hat).clamp(0, 1).permute(0, 2, 3, 1)
    after = rasterize(step.gaussians, step.cameras, config.rasterize, torch.full((3,), 0.5)).rgb

    def far(rgb: torch.Tensor) -> float:
        """Of cells that hold some Gaussians; the mixture's modes are noise from pixel to pixel."""
        return F.avg_pool2d((rgb - guess).permute(0, 3, 1, 2), 4).square().mean().item()

    assert far(after) < 0.35 * far(step.render.rgb)
    assert solves_colours(config, 0)
    assert not solves_colours(config, 1)
    assert not solves_colours(Config(start=FileStart(Path("scene.ply")), rates=config.rates), 0)


def test_colours_stay_in_gamut_and_black_can_still_learn(parameters) -> None:
    parameters["sh0"].data.uniform_(-9, 5, generator=torch.Generator().manual_seed(0))
    keep_in_gamut(parameters["sh0"])
    colours = sh_to_rgb(parameters["sh0"].detach()[:, 0])
    assert colours.min().item() == pytest.approx(MARGIN, abs=1e-6)
    assert colours.max().item() == pytest.approx(1 - MARGIN, abs=1e-6)
    inside = parameters["sh0"].detach().clone()
    keep_in_gamut(parameters["sh0"])
    assert torch.equal(parameters["sh0"], inside)

    parameters["sh0"].data.fill_(-9)
    picture(parameters).sum().backward()
    assert not parameters["sh0"].grad.any()  # what the margin is for
    keep_in_gamut(parameters["sh0"])
    picture(parameters).sum().backward()
    assert (parameters["sh0"].grad > 0).any()


def test_a_run_keeps_colours_in_gamut() -> None:
    """Steps of Adam would take them anywhere."""
    config = Config(
        prompt="class 1", scene=True, iterations=4, views=2, cameras=RoomCameras(resolution=16), densify=NoDensify(),
        start=RoomStart(count=500), background="grey", rates=LearningRates(sh0=(1.0, 1.0)),
        distill=DistillOptions(estimator=SDS()),
    )  # fmt: skip
    *_, last = optimize(config, begin(config, Priors(MixturePrior((3, 16, 16)))))
    colours = sh_to_rgb(last.gaussians.sh[:, 0])
    assert colours.std() > 0.2
    assert colours.min() >= 0
    assert colours.max() <= 1


def test_colours_that_cancel_out_come_to_what_is_shown(parameters) -> None:
    """Grey, made of colours far from it: nothing is missing, and yet nothing is honest."""
    generator = torch.Generator().manual_seed(0)
    parameters["sh0"].data = torch.where(torch.rand(4000, 1, 3, generator=generator) < 0.5, -1.5, 1.5)
    seen = picture(parameters)
    shown = torch.full_like(seen, 0.6)
    weight = torch.autograd.grad(seen, parameters["sh0"], torch.ones_like(seen), retain_graph=True)[0]
    clear = weight[:, 0] > 2
    before = sh_to_rgb(parameters["sh0"].detach()[:, 0])[clear]
    half, whole = (
        before + SH_C0 * blend_colours(parameters["sh0"], seen, shown, share)[:, 0][clear] for share in (0.5, 1.0)
    )
    assert clear.sum() > 100
    assert whole == pytest.approx(torch.full_like(whole, 0.6), abs=0.02)
    assert half == pytest.approx((before + whole) / 2, abs=1e-4)
    assert not blend_colours(parameters["sh0"], seen, shown, 0.0).any()
