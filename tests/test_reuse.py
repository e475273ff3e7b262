"""A guess that several iterations follow: its gradient is the one it would give anew, and nothing is asked again."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from gs_stein.cameras.options import OrbitCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.schema import Config
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.options import SDS, VSD, DistillOptions, Estimator, FittedSDS
from gs_stein.distill.reuse import ReusedGuess, restored
from gs_stein.gaussians.options import BallStart
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import Priors
from gs_stein.optimize.state import State, begin
from gs_stein.prior.mixture import MixturePrior
from gs_stein.prior.options import GuidanceOptions, TimestepOptions
from gs_stein.refine.options import RefineOptions
from gs_stein.types import joined
from gs_stein.update.options import LearningRates, NoDensify

CAMERAS = sample_cameras(OrbitCameras(resolution=8), 2, torch.Generator().manual_seed(0))


def made(estimator: Estimator, noises: int = 1, clip: float = 0.0) -> tuple[MixturePrior, ReusedGuess]:
    """A guess at random latents."""
    prior = MixturePrior((4, 8, 8))
    options = DistillOptions(
        estimator=estimator, noises=noises, clip=clip, guidance=GuidanceOptions(scale=2.0),
        timesteps=TimestepOptions(0.6, 0.6),
    )  # fmt: skip
    generator = torch.Generator().manual_seed(1)
    x0 = 0.5 * torch.randn(2, 4, 8, 8, generator=generator)
    distiller = Distiller(options, prior)
    estimate = distiller(
        x0, text=prior.embed(["class 1"]), negative=prior.embed([""]), cameras=None, generator=generator, progress=0.0
    )
    distiller.close()
    return prior, ReusedGuess(CAMERAS, x0, estimate, 3)


@pytest.mark.parametrize("clip", [0.0, 1e-3])
def test_with_one_noise_the_gradient_leads_to_the_guess(clip: float) -> None:
    prior, held = made(SDS(), clip=clip)
    before = prior.evaluations
    for x0 in (held.x0, torch.zeros_like(held.x0), held.estimate.x0_hat):
        wanted = held.estimate.stiffness * (x0 - held.estimate.x0_hat)
        torch.testing.assert_close(held.at(x0).grad, wanted, atol=1e-4 if clip == 0 else 1e-7, rtol=1e-4)
    assert held.at(held.x0).evaluations == 0
    assert prior.evaluations == before


@pytest.mark.parametrize("estimator", [SDS(), FittedSDS()])
def test_where_it_was_made_nothing_changes_and_it_is_linear_from_there(estimator: Estimator) -> None:
    _, held = made(estimator, noises=3)
    assert torch.all(torch.as_tensor(held.estimate.stiffness) > 0)
    assert torch.equal(held.at(held.x0).grad, held.estimate.grad)
    once, twice = (held.at(held.x0 + k).grad - held.estimate.grad for k in (1.0, 2.0))
    torch.testing.assert_close(twice, 2 * once)


def test_the_difference_of_two_guesses_stays() -> None:
    _, held = made(VSD(rank=1))
    assert torch.all(torch.as_tensor(held.estimate.stiffness) == 0)
    assert torch.equal(held.at(held.x0 + 1).grad, held.estimate.grad)


def test_it_is_followed_as_often_as_said_and_survives_a_file() -> None:
    _, held = made(SDS())
    assert restored(None, torch.device("cpu")) is None
    again = restored(held.state_dict(), torch.device("cpu"))
    assert again is not None
    assert torch.equal(again.at(held.x0 + 1).grad, held.at(held.x0 + 1).grad)
    assert torch.equal(again.cameras.viewmats, CAMERAS.viewmats)
    left: list[int] = []
    following: ReusedGuess | None = held
    while following is not None:
        left.append(following.left)
        following = following.after_use()
    assert left == [3, 2, 1]


def test_parts_take_turns_and_follow_the_same_guess() -> None:
    _, pair = made(SDS())
    whole = replace(pair, cameras=joined(pair.cameras, pair.cameras), x0=pair.x0.repeat(2, 1, 1, 1), estimate=replace(
        pair.estimate, **{n: getattr(pair.estimate, n).repeat(2, 1, 1, 1) for n in ("grad", "x0_hat", "eps_hat")},
        stiffness=torch.arange(4.0).view(4, 1, 1, 1),
    ))  # fmt: skip
    assert whole.part(0) is whole
    assert whole.part(4) is whole
    at = whole.x0 + torch.randn(whole.x0.shape, generator=torch.Generator().manual_seed(2))
    full = whole.at(at).grad
    for views, chosen in ((2, [[1, 3], [0, 2], [1, 3]]), (1, [[3], [2], [1]]), (3, [[1, 3], [0, 2], [1, 3]])):
        following: ReusedGuess | None = whole
        for indices in chosen:  # 3, 2 and 1 are left
            assert following is not None
            part = following.part(views)
            assert torch.equal(part.cameras.viewmats, whole.cameras.viewmats[indices])
            found = part.at(at[indices])
            assert torch.equal(found.grad, full[indices])
            assert len(found.x0_hat) == len(found.eps_hat) == len(indices)
            following = following.after_use()
    with pytest.raises(ValueError, match=r"distill\.reuse_views: -1"):
        DistillOptions(reuse_views=-1)


def short_run(reuse_views: int) -> tuple[Config, State]:
    """Twelve iterations with a prior that costs nothing; the last three refine."""
    config = Config(
        prompt="class 1", iterations=12, views=2, cameras=OrbitCameras(resolution=16), start=BallStart(count=200),
        densify=NoDensify(), distill=DistillOptions(estimator=SDS(), reuse=3, reuse_views=reuse_views),
        rates=LearningRates(solve_colours=1),
        refine=RefineOptions(share=0.25, rounds=1, views=(2, 2), steps=1, antithetic_denoise=0.0),
    )  # fmt: skip
    config = replace(config, view_prompts=replace(config.view_prompts, enabled=False))
    return config, begin(config, Priors(MixturePrior((3, 16, 16))))


def test_further_iterations_may_render_fewer_views() -> None:
    config, state = short_run(reuse_views=1)
    cameras = [step.cameras.viewmats for step in optimize(config, state)]
    assert [len(c) for c in cameras] == [2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 2, 2]
    assert torch.equal(cameras[1], cameras[0][:1])  # two are left, then one
    assert torch.equal(cameras[2], cameras[0][1:])


def test_a_run_asks_once_for_several_iterations() -> None:
    config, state = short_run(reuse_views=0)
    evaluations, cameras = [0], []
    for step in optimize(config, state):
        evaluations.append(step.evaluations)
        cameras.append(step.cameras.viewmats)
    asked = [after > before for before, after in itertools.pairwise(evaluations[:10])]
    # That colours are solved for in the first makes no difference; refinement begins after nine.
    assert asked == [True, False, False] * 3
    for i in (1, 2, 4, 5, 7, 8):
        assert torch.equal(cameras[i], cameras[i - 1])
    assert not torch.equal(cameras[3], cameras[2])
    with pytest.raises(ValueError, match=r"distill\.reuse: 0"):
        DistillOptions(reuse=0)
