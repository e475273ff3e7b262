"""NaN and infinity from wherever they may come: what is applied to a scene, or kept of a run, is finite always."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gs_stein.bench.chaos.not_finite import CONFIG, SIDE, STEPS
from gs_stein.config.schema import Config
from gs_stein.distill.nonfinite import Guard, all_finite
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import Priors
from gs_stein.optimize.state import State, begin
from gs_stein.optimize.step import Step
from gs_stein.prior.mixture import MixturePrior
from gs_stein.refine.options import RefineOptions
from gs_stein.run import checkpoint
from gs_stein.run.progress import Progress
from gs_stein.run.report import make_report
from gs_stein.update.options import GradientDensify, LearningRates, MCMCDensify, NoDensify

PLAIN = replace(CONFIG, refine=RefineOptions())


def begun(config: Config = CONFIG) -> State:
    return begin(config, Priors(MixturePrior((3, SIDE, SIDE))))


def finite(state: State, folder: Path) -> bool:
    """Whether the scene is, and whatever else a checkpoint keeps (or it would refuse)."""
    checkpoint.save(folder, state)
    return bool(state.gaussians.finite().all())


def poisoning(function: Callable, calls: Callable[[int], bool], value: float = math.nan) -> Callable:
    """The same function, whose answers to some of its calls have one number that is not finite."""
    count = iter(range(10**9))

    def poisoned(*arguments, **more):
        answer = function(*arguments, **more).clone(memory_format=torch.contiguous_format)
        if calls(next(count)):
            answer.view(-1)[answer.numel() // 2] = value
        return answer

    return poisoned


def scene(state: State) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in state.parameters.values()]


def unchanged(before: list[torch.Tensor], state: State) -> bool:
    return all(torch.equal(a, b) for a, b in zip(before, scene(state), strict=True))


def test_sums_tell_and_large_numbers_are_no_alarm() -> None:
    big = torch.full((4,), 3e38)
    assert all_finite()
    assert all_finite(big, None, torch.zeros(2, 2))
    for value in (math.nan, math.inf, -math.inf):
        assert not all_finite(torch.zeros(3), torch.tensor([[1.0, value]]))
    assert not all_finite(torch.tensor([math.inf, -math.inf]))


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("calls", [lambda call: call == 0, lambda call: True], ids=["once", "always"])
def test_nan_of_the_decoder_in_refinement_leaves_the_hull_alone(calls, value: float, tmp_path: Path) -> None:
    state = begun()
    state.priors.denoiser.decode = poisoning(state.priors.denoiser.decode, calls, value)  # type: ignore[method-assign]
    steps = list(optimize(CONFIG, state))
    assert len(steps) == STEPS
    if math.isnan(value):  # pictures are clamped: an infinite pixel is white
        # A round is denoised again, and left out if that comes to nothing either.
        assert state.refiner.left_out == steps[-1].left_out == (0 if not calls(1) else 2)
        said = f"{state.refiner.left_out} rounds left out" in Progress().line(steps[-1])
        assert said == (state.refiner.left_out > 0)
        assert make_report(CONFIG, (), state)["rounds_left_out"] == state.refiner.left_out
    assert finite(state, tmp_path)


def test_a_bad_round_is_repeated_with_fresh_noise(tmp_path: Path) -> None:
    state = begun()
    loop = optimize(CONFIG, state)
    for _ in range(STEPS // 2):
        next(loop)
    before = state.evaluations
    state.priors.denoiser.predict = poisoning(state.priors.denoiser.predict, lambda call: call == 0)  # type: ignore
    next(loop)
    one_round = state.refiner.evaluations_after(STEPS // 2) - state.refiner.evaluations_after(STEPS // 2 + 1)
    assert state.evaluations - before == 2 * one_round
    assert (state.refiner.left_out, state.distiller.guard.skipped) == (0, 0)
    assert state.refiner.ready
    assert finite(state, tmp_path)
    list(loop)


def test_a_round_that_stays_bad_is_left_out_and_counted(tmp_path: Path) -> None:
    """Without any views yet, the run goes on distilling until the next round."""
    state = begun()
    loop = optimize(CONFIG, state)
    for _ in range(STEPS // 2):
        next(loop)
    good = state.priors.denoiser.predict
    calls = iter(range(10**9))
    rounds = 0

    def predict(x_t, *rest):
        nonlocal rounds
        first = next(calls) < 2 * 2 * (2 + 1)  # more than both tries ask for
        return good(x_t, *rest) * (math.nan if first and rounds < 2 else 1.0)

    prepare = state.refiner.prepare

    def counted(*arguments):
        nonlocal rounds
        done = prepare(*arguments)
        rounds += 1
        return done

    state.priors.denoiser.predict, state.refiner.prepare = predict, counted  # type: ignore[method-assign]
    step = next(loop)
    assert (rounds, state.refiner.left_out, state.refiner.ready) == (2, 1, False)
    assert step.estimate.finite
    assert finite(state, tmp_path)
    steps = list(loop)
    assert state.refiner.ready
    assert (rounds, steps[-1].left_out, steps[-1].skipped) == (3, 1, 0)
    assert finite(state, tmp_path)


def test_views_that_cannot_be_registered_stay_where_they_are(tmp_path: Path) -> None:
    config = replace(
        CONFIG, refine=replace(CONFIG.refine, rounds=1, register_views=1, prune_outside_hull=0.0, seed_in_hull=0.0)
    )
    state = begun(config)
    state.priors.denoiser.decode = poisoning(state.priors.denoiser.decode, lambda call: True)  # type: ignore
    list(optimize(config, state))
    assert state.refiner.left_out == 1
    assert finite(state, tmp_path)


@pytest.mark.parametrize("bad", [0, 1])
def test_nan_where_colours_are_solved_for_skips_the_step(bad: int, tmp_path: Path) -> None:
    config = replace(PLAIN, rates=LearningRates(solve_colours=3, prune_outside_hull=0.5))
    state = begun(config)
    state.priors.denoiser.decode = poisoning(state.priors.denoiser.decode, lambda call: call == bad)  # type: ignore
    before, weight = scene(state), state.colours.weight
    for step in optimize(config, state):
        if step.step == bad + 1:
            assert step.skipped == 1
            assert unchanged(before, state)
            assert state.colours.weight is weight
        before, weight = scene(state), state.colours.weight
    assert state.distiller.guard.skipped == 1
    assert finite(state, tmp_path)


def test_nan_in_the_gradient_while_colours_are_solved_for_skips_the_step(tmp_path: Path) -> None:
    config = replace(PLAIN, rates=LearningRates(solve_colours=3))
    state = begun(config)
    before = scene(state)
    state.parameters["sh0"].register_hook(lambda grad: grad * math.nan)
    loop = optimize(config, state)
    assert next(loop).skipped == 1
    assert unchanged(before, state)
    assert state.colours.weight is None
    assert finite(state, tmp_path)


@pytest.mark.parametrize("densify", [NoDensify(), MCMCDensify(cap=120), GradientDensify(cap=120)])
@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["means", "scales", "quats", "opacities", "sh0", "exp_avg", "exp_avg_sq"])
def test_one_broken_gaussian_is_put_right_counted_and_said(name: str, value: float, densify, tmp_path: Path) -> None:
    config = replace(PLAIN, densify=densify, iterations=8)
    state = begun(config)
    loop = optimize(config, state)
    next(loop), next(loop)
    if name in state.parameters:
        broken = state.parameters[name].data
    else:
        means = state.parameters["means"]
        broken = state.optimizers["means"].state[means][name]
    broken[3].fill_(value)
    others = [x[10:20] for x in scene(state)]
    step = next(loop)
    assert step.reset == 1
    assert bool(step.gaussians.finite().all())
    assert "1 Gaussians reset" in Progress().line(step)
    assert make_report(config, (), state)["reset_gaussians"] == 1
    moved = max(float((a - b[10:20]).abs().max()) for a, b in zip(others, scene(state), strict=True))
    assert moved < 0.2, "the others go on as they were"
    assert finite(state, tmp_path)
    *_, last = loop
    assert last.reset == 1
    assert last.skipped <= 1
    assert finite(state, tmp_path)


def poked(state: State, loop: Iterator[Step]) -> Iterator[Step]:
    for step in loop:
        yield step
        state.parameters["means"].data[step.step % 5, 0] = math.nan


def test_gaussians_that_keep_breaking_end_the_run_with_a_scene_that_is_whole(tmp_path: Path) -> None:
    state = begun(PLAIN)
    with pytest.raises(FloatingPointError, match="4 steps in a row were not finite"):
        list(poked(state, optimize(PLAIN, state)))
    assert finite(state, tmp_path)
    assert next(optimize(PLAIN, state)).step == state.step, "there are as many tries again"


def test_a_scene_of_which_nothing_is_left_is_said(tmp_path: Path) -> None:
    state = begun(PLAIN)
    loop = optimize(PLAIN, state)
    next(loop)
    state.parameters["means"].data.fill_(math.nan)
    with pytest.raises(FloatingPointError, match="no Gaussian is finite any more"):
        next(loop)
    with pytest.raises(ValueError, match="is not finite"):
        checkpoint.save(tmp_path, state)


def test_a_good_step_between_bad_ones_starts_the_count_anew() -> None:
    guard = Guard(3)
    for _ in range(4):
        guard.begin()
        guard.accept()
        guard.repaired(2)
        guard.begin()
        guard.accept()
        guard.begin()
        guard.reject("x")
    assert (guard.reset, guard.skipped, guard.in_a_row) == (8, 4, 1)
    other = Guard(3)
    other.load_state_dict(guard.state_dict())
    assert other.state_dict() == guard.state_dict()
