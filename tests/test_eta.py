"""How long a run still takes is told from what it will do, not from its last iterations alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gs_stein.cameras.options import OrbitCameras
from gs_stein.config.schema import Config
from gs_stein.distill.options import SDS, DistillOptions
from gs_stein.gaussians.options import BallStart
from gs_stein.optimize.eta import Eta
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import Priors
from gs_stein.optimize.state import begin
from gs_stein.prior.mixture import MixturePrior
from gs_stein.refine.options import RefineOptions
from gs_stein.update.options import NoDensify


def test_two_prices_are_found_and_compiling_is_no_part_of_them() -> None:
    eta = Eta()
    assert eta.left(10, 10) is None
    eta.add(60.0, 8)  # compiles
    assert eta.left(10, 10) is None
    for i in range(40):
        asked = 8 if i % 5 == 0 else 0
        eta.add(0.02 + 0.05 * asked, asked)
    # A round of refinement that it has not seen yet: 500 views, then 100 iterations that ask nothing.
    assert eta.left(100, 500) == pytest.approx(100 * 0.02 + 500 * 0.05, rel=0.02)
    assert eta.left(0, 0) == 0


def test_where_all_iterations_ask_alike_it_is_their_mean() -> None:
    eta = Eta()
    for _ in range(30):
        eta.add(0.5, 8)
    assert eta.left(100, 800) == pytest.approx(50, rel=0.01)


@pytest.mark.parametrize("slow", [2, 3, 6])
def test_kernels_that_are_compiled_later_do_not_make_it_hours(slow: int) -> None:
    eta, told = Eta(), {}
    for step in range(1, 101):
        asked = 8 if step % 5 == 1 else 0
        eta.add(0.02 + 0.05 * asked + 10.0 * (step == slow), asked)
        told[step] = eta.left(1000, 1600)
    assert all(told[step] is None for step in range(1, 6)), "nothing is known of what denoising takes"
    true = 1000 * 0.02 + 1600 * 0.05
    assert told[100] == pytest.approx(true, rel=0.1)
    assert told[34] < 2 * true


def test_of_iterations_that_follow_a_guess_only_the_first_asks() -> None:
    config = Config(
        prompt="class 1", iterations=12, views=2, cameras=OrbitCameras(resolution=16), start=BallStart(count=200),
        densify=NoDensify(), background="grey", distill=DistillOptions(estimator=SDS(), reuse=5),
    )  # fmt: skip
    config = replace(config, view_prompts=replace(config.view_prompts, enabled=False))
    state = begin(config, Priors(MixturePrior((3, 16, 16))))
    ahead = [(step.evaluations, state.evaluations_ahead) for step in optimize(config, state)]
    assert len({evaluations for evaluations, _ in ahead}) == 3
    assert {evaluations + left for evaluations, left in ahead} == {ahead[-1][0]}


def test_it_forgets() -> None:
    eta = Eta()
    for seconds in (0.1, 1.0):
        for _ in range(400):
            eta.add(seconds, 0)
    assert eta.left(10, 0) == pytest.approx(10, rel=0.03)


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("level", [0.0, 0.35])
def test_views_that_refinement_denoises_are_known_before(guidance: float, level: float) -> None:
    refine = RefineOptions(
        share=0.75, rounds=3, views=(5, 7), group=4, anchors=2, steps=3, guidance=guidance, antithetic_denoise=level
    )
    config = Config(
        prompt="class 1", iterations=16, views=2, cameras=OrbitCameras(resolution=16), start=BallStart(count=200),
        densify=NoDensify(), background="grey", distill=DistillOptions(estimator=SDS()), refine=refine,
    )  # fmt: skip
    config = replace(config, view_prompts=replace(config.view_prompts, enabled=False))
    state = begin(config, Priors(MixturePrior((3, 16, 16))))
    steps = list(optimize(config, state))
    for step in steps[3:]:
        assert state.refiner.evaluations_after(step.step) == steps[-1].evaluations - step.evaluations
    assert steps[0].seconds_left is None
    assert steps[-1].seconds_left == 0
    assert all(step.seconds_left > 0 for step in steps[1:-1])
