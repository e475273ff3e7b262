"""The first colours: solved for, so that pictures show the prior's guesses at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from gs_stein.camera_options import RoomCameras
from gs_stein.cameras import sample_cameras
from gs_stein.colours import FirstColours
from gs_stein.config import Config
from gs_stein.distill.options import SDS, DistillOptions
from gs_stein.gaussians import Gaussians
from gs_stein.initialise import initialise
from gs_stein.optimize import optimize
from gs_stein.prior.mixture import MixturePrior
from gs_stein.priors import Priors
from gs_stein.rasterize import RasterizeOptions, rasterize
from gs_stein.start_options import FileStart, RoomStart
from gs_stein.state import begin, solves_colours
from gs_stein.train_options import LearningRates, NoDensify

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
    parameters["sh0"].data += FirstColours().change(parameters["sh0"], before, target)
    seen = picture(parameters)
    assert (seen - target).square().mean() < 0.05 * (before - target).square().mean()


def test_guesses_are_averaged_over_steps(parameters) -> None:
    colours, levels = FirstColours(), (0.2, 0.3, 0.7, 0.8)
    for level in levels:
        seen = picture(parameters)
        parameters["sh0"].data += colours.change(parameters["sh0"], seen, torch.full_like(seen, level))
    assert picture(parameters).mean().item() == pytest.approx(0.5, abs=0.03)


def test_a_changed_number_of_gaussians_starts_anew(parameters) -> None:
    colours = FirstColours()
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
        densify=NoDensify(), background="grey", rates=LearningRates(solved=1), distill=DistillOptions(estimator=SDS()),
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
