"""The last part of a run: views denoised all the way, and Gaussians fitted to them."""

from __future__ import annotations

import itertools

import pytest
import torch

from gs_stein.cameras.options import OrbitCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.schema import Config
from gs_stein.distill.nonfinite import Guard
from gs_stein.distill.options import SDS, DistillOptions
from gs_stein.gaussians.options import BallStart
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import Priors
from gs_stein.optimize.state import begin
from gs_stein.prior.dct import dct2
from gs_stein.prior.mixture import MixturePrior
from gs_stein.prior.options import GuidanceOptions
from gs_stein.prior.sampling import antithetic_denoise, denoise, groups
from gs_stein.refine.options import RefineOptions
from gs_stein.refine.refiner import Refiner, Round
from gs_stein.refine.registration import blurred
from gs_stein.refine.sharpen import sharpened
from gs_stein.refine.targets import Targets
from gs_stein.text.options import ViewPrompts
from gs_stein.types import Render
from gs_stein.update.options import LearningRates, NoDensify

SIDE = 8


class FlatDepth:
    """Says that the left of every picture is near and the right far."""

    def __call__(self, x_t: torch.Tensor, t: torch.Tensor, cameras: object) -> torch.Tensor:
        return torch.linspace(0, 1, 4).expand(*x_t.shape[:2], 4, 4)


def refiner(options: RefineOptions, iterations: int = 100) -> Refiner:
    return Refiner(options, MixturePrior((3, SIDE, SIDE)), FlatDepth(), iterations)


def prepared(options: RefineOptions, level: float, views: int = 8) -> Refiner:
    made = refiner(options)
    text = made.denoiser.embed(["class 1"]), made.denoiser.embed([""])
    made.prepare(
        Round(level, views, options.guidance, anchored=False), lambda cameras: torch.zeros(len(cameras), 3, SIDE, SIDE),
        lambda cameras: text,
        OrbitCameras(resolution=SIDE), torch.Generator().manual_seed(0),
    )  # fmt: skip
    return made


def test_rounds_are_where_they_should_be() -> None:
    made = refiner(RefineOptions(share=0.4, rounds=4, level=(0.8, 0.5)))
    starts = {step: new for step in range(100) if (new := made.round(step)) is not None}
    assert made.first == 60
    assert list(starts) == [60, 70, 80, 90]
    assert [new.level for new in starts.values()] == pytest.approx([0.8, 0.7, 0.6, 0.5])
    assert [new.views for new in starts.values()] == [8, 24, 24, 24]
    assert all(refiner(RefineOptions()).round(step) is None for step in range(100))
    one = refiner(RefineOptions(share=0.1, rounds=1, level=(0.7, 0.3)))
    assert [one.round(step) for step in (89, 90, 91)] == [None, Round(0.7, 8, 4.0, False), None]


def test_a_round_tells_how_much_of_its_denoising_is_done() -> None:
    shares = []
    options = RefineOptions(steps=3, group=4, anchors=0, level=(0.5, 0.5), antithetic_denoise=0.0)
    made = refiner(options)
    text = made.denoiser.embed(["class 1"]), made.denoiser.embed([""])
    made.prepare(
        Round(0.5, 8, 1.0, anchored=False), lambda cameras: torch.zeros(len(cameras), 3, SIDE, SIDE),
        lambda cameras: text, OrbitCameras(resolution=SIDE), torch.Generator().manual_seed(0), shares.append,
    )  # fmt: skip
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])


def test_a_short_run_makes_fewer_rounds_of_the_same_levels() -> None:
    made = refiner(RefineOptions(share=0.4, rounds=4, shortest=13, level=(0.8, 0.5)))
    starts = {step: new.level for step in range(100) if (new := made.round(step)) is not None}
    assert list(starts) == [60, 74, 88]
    assert list(starts.values()) == pytest.approx([0.8, 0.65, 0.5])
    single = refiner(RefineOptions(share=0.1, rounds=4, shortest=50))
    assert [step for step in range(100) if single.round(step) is not None] == [90]


def test_another_prompt_or_guidance_starts_a_round_anew() -> None:
    made = refiner(RefineOptions(share=0.4, rounds=4, level=(0.8, 0.5)))
    assert made.round(59, ("a lamp", None)) is None
    assert made.round(60, ("a lamp", None)) == Round(0.8, 8, 4.0, False)
    assert made.round(61, ("a lamp", None)) is None
    new = made.round(75, ("a lamp", 9.0))
    assert new is not None
    assert (new.views, new.guidance) == (24, 9.0)
    assert made.round(76, ("a lamp", 9.0)) is None
    again = made.round(77)
    assert again is not None
    assert again.guidance == 4.0


def test_denoising_ends_at_a_mode() -> None:
    """From high noise, without guidance, every view lands on what the class holds: a likely picture."""
    prior = MixturePrior((3, SIDE, SIDE))
    text, none = prior.embed(["class 1"]), prior.embed([""])
    cameras = sample_cameras(OrbitCameras(resolution=SIDE), 4, torch.Generator().manual_seed(1))
    times = torch.linspace(0.98, 0.0, 40) * prior.schedule.num_timesteps
    noise = torch.randn(1, 4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    found = denoise(prior, noise, times, text, none, cameras, GuidanceOptions(scale=1.0))
    # A clean picture is one that the prior would not change: ε̂ of it at a low level is nearly the noise put in.
    t = torch.tensor([0.1 * prior.schedule.num_timesteps])
    eps = torch.randn(found.shape, generator=torch.Generator().manual_seed(3))

    def surprise(x0: torch.Tensor) -> float:
        x_t = prior.schedule.add_noise(x0, eps, t)
        guess = prior.schedule.convert(prior.predict(x_t, t, [text], cameras), x_t, t, "eps", "x0")
        return (guess - x0).square().mean().item()

    stranger = found[..., torch.randperm(SIDE, generator=torch.Generator().manual_seed(4))]
    assert surprise(found) < 0.3 * surprise(stranger)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_samples_have_the_spread_of_the_prior_whatever_noise_is_fresh(eta: float) -> None:
    """A single Gaussian, sampled in 200 steps: its variance comes out, but for the 2 to 4 % that finite steps cost.

    Standard error 0.6 % (256 views of 192 numbers). All of the noise fresh at every step would leave half of it.
    """
    prior = MixturePrior((3, SIDE, SIDE), modes=1, classes=1, spread=0.5)
    text = prior.embed([""])
    cameras = sample_cameras(OrbitCameras(resolution=SIDE), 256, torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(2)
    noise = torch.randn(1, 256, 3, SIDE, SIDE, generator=generator)
    times = torch.linspace(1, 0, 200) ** 2 * prior.schedule.last
    once = GuidanceOptions(scale=1.0)
    found = denoise(prior, noise, times, text, text, cameras, once, eta=eta, generator=generator)
    variance = dct2(found[0] - found[0].mean(0)).square().mean(0).flatten()
    assert (variance / prior.network.spectrum.flatten()).mean().item() == pytest.approx(1.0, abs=0.06)


def test_twice_the_steps_quarter_the_error_of_the_second_order() -> None:
    """Against very many steps, from one noise level to another; of first order they halve it."""
    prior = MixturePrior((3, SIDE, SIDE), modes=1, classes=1, spread=0.5)
    text = prior.embed([""])
    cameras = sample_cameras(OrbitCameras(resolution=SIDE), 1, torch.Generator().manual_seed(1))
    noise = torch.randn(1, 1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))

    def ended(steps: int, order: int) -> torch.Tensor:
        """Denoised in so many steps, then the clean guess there."""
        times = torch.linspace(0.8, 0.2, steps + 1) * prior.schedule.num_timesteps
        times, once = torch.cat([times, torch.zeros(1)]), GuidanceOptions(scale=1.0)
        return denoise(prior, noise, times, text, text, cameras, once, order=order)

    limit = ended(240, 2)
    first, second = ([(ended(n, order) - limit).norm().item() for n in (15, 30, 60)] for order in (1, 2))
    assert 1.7 < first[1] / first[2] < 2.3
    assert 3.2 < second[1] / second[2] < 5
    assert second[0] < 0.3 * first[0]


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_the_second_order_keeps_the_spread_with_a_quarter_of_the_steps(eta: float) -> None:
    prior = MixturePrior((3, SIDE, SIDE), modes=1, classes=1, spread=0.5)
    text = prior.embed([""])
    cameras = sample_cameras(OrbitCameras(resolution=SIDE), 64, torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(2)
    noise = torch.randn(1, 64, 3, SIDE, SIDE, generator=generator)
    times = torch.linspace(1, 0, 50) ** 2 * prior.schedule.last
    once = GuidanceOptions(scale=1.0)

    def spread(order: int) -> float:
        found = denoise(prior, noise, times, text, text, cameras, once, None, None, eta, generator, 0, order)
        variance = dct2(found[0] - found[0].mean(0)).square().mean(0).flatten()
        return (variance / prior.network.spectrum.flatten()).mean().item()

    first, second = spread(1), spread(2)
    assert second == pytest.approx(1.0, abs=0.06)  # standard error 1.3 %
    assert abs(second - 1) < 0.5 * abs(first - 1)


def test_fresh_noise_is_the_generator_s() -> None:
    prior = MixturePrior((3, SIDE, SIDE))
    text, none = prior.embed(["class 1"]), prior.embed([""])
    cameras = sample_cameras(OrbitCameras(resolution=SIDE), 2, torch.Generator().manual_seed(1))
    noise = torch.randn(1, 2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    times = torch.linspace(0.9, 0.0, 6) * prior.schedule.num_timesteps

    def drawn(seed: int, eta: float) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        once = GuidanceOptions(scale=1.0)
        return denoise(prior, noise, times, text, none, cameras, once, eta=eta, generator=generator)

    assert torch.equal(drawn(3, 1.0), drawn(3, 1.0))
    assert not torch.equal(drawn(3, 1.0), drawn(4, 1.0))
    assert torch.equal(drawn(3, 0.0), drawn(4, 0.0))


def test_antithetic_denoising_takes_out_what_is_odd_in_the_noise() -> None:
    """The spread over noises of a polished view is far below that of a single guess; two of them would halve it."""
    prior = MixturePrior((3, SIDE, SIDE))
    text, level = prior.embed(["class 1"]), 0.3
    cameras = sample_cameras(OrbitCameras(resolution=SIDE), 2, torch.Generator().manual_seed(1))
    x0 = torch.full((1, 2, 3, SIDE, SIDE), 0.2)
    t = torch.tensor([level * prior.schedule.num_timesteps])

    def single(seed: int) -> torch.Tensor:
        x_t = prior.schedule.add_noise(x0, torch.randn(x0.shape, generator=torch.Generator().manual_seed(seed)), t)
        return prior.schedule.convert(prior.predict(x_t, t, [text], cameras), x_t, t, "eps", "x0")

    singles = torch.stack([single(seed) for seed in range(32)])
    before = prior.evaluations
    pairs = torch.stack(
        [antithetic_denoise(prior, x0, level, text, cameras, torch.Generator().manual_seed(seed)) for seed in range(32)]
    )
    assert pairs.shape == (32, 1, 2, 3, SIDE, SIDE)
    assert prior.evaluations - before == 32 * 4  # two noises of two views
    assert pairs.var(0).mean() < 0.25 * singles.var(0).mean()
    gap = (pairs.mean(0) - singles.mean(0)).square().mean()
    assert gap < 2 * singles.var(0).mean() / 32  # the mean is the same, up to its own error


def test_views_are_drawn_in_groups_and_reproducible() -> None:
    options = RefineOptions(share=0.5, views=(3, 5), group=2, anchors=1, steps=3, depth=1.0)
    made, again = prepared(options, 0.7, 5), prepared(options, 0.7, 5)
    views = made.draw(4, torch.Generator().manual_seed(5))
    assert len(views.cameras) == 4
    assert views.x0.shape == (4, 3, SIDE, SIDE)
    assert views.depth is not None
    assert views.depth.shape == (4, 4, 4)
    assert torch.equal(views.x0, again.draw(4, torch.Generator().manual_seed(5)).x0)
    assert len(made.draw(64, torch.Generator()).cameras) == 5  # there are no more
    other = refiner(options)
    other.load_state_dict(made.state_dict(), torch.device("cpu"))
    assert torch.equal(other.draw(4, torch.Generator().manual_seed(5)).x0, views.x0)


def test_the_gradient_is_that_of_the_squared_distance() -> None:
    made = prepared(RefineOptions(share=0.5, weight=3.0, steps=2), 0.6)
    target = made.draw(2, torch.Generator().manual_seed(0))
    x0 = torch.randn(target.x0.shape, generator=torch.Generator().manual_seed(1)).requires_grad_()
    (1.5 * (x0 - target.x0).square().sum()).backward()
    guard = Guard(2)
    estimate = made.estimate(x0.detach(), target, guard)
    assert x0.grad is not None
    torch.testing.assert_close(estimate.grad, x0.grad)
    assert estimate.finite
    assert not made.estimate(x0.detach() * torch.nan, target, guard).finite
    assert guard.skipped == 1
    with pytest.raises(FloatingPointError, match="the refined views"):
        made.estimate(x0.detach() * torch.nan, target, guard)


def anchored(made: Refiner, views: int, seed: int) -> None:
    text = made.denoiser.embed(["class 1"]), made.denoiser.embed([""])
    made.prepare(
        Round(0.6, views, 4.0, anchored=True), lambda cameras: torch.ones(len(cameras), 3, SIDE, SIDE),
        lambda cameras: text, OrbitCameras(resolution=SIDE), torch.Generator().manual_seed(seed),
    )  # fmt: skip


def test_views_of_the_first_round_join_later_groups_unchanged() -> None:
    made = prepared(RefineOptions(share=0.5, views=(4, 5), group=4, anchors=2, steps=3, depth=1.0), 0.7, 4)
    everything = torch.Generator().manual_seed(0)
    first = made.draw(64, everything)
    new = made.round(84)
    assert new is not None
    assert (new.views, new.anchored) == (5, True)
    anchored(made, 5, 1)
    later = made.draw(64, everything)
    assert len(later.cameras) == 2 + 5

    def kept(targets: Targets, view: torch.Tensor) -> bool:
        return any(torch.equal(x0, view) for x0 in targets.x0)

    assert sum(kept(later, view) for view in first.x0) == 2
    # With and without the prompt, three steps, from less noise two, and the last look at two noises.
    assert made.denoiser.evaluations == (2 * 3 + 2) * 4 + (2 * 2 + 2) * (4 + 4 + 3)
    anchored(made, 3, 2)
    again = made.draw(64, everything)
    assert sum(kept(again, view) for view in first.x0) == 2  # still those of the first round
    other = refiner(made.options)
    other.load_state_dict(made.state_dict(), torch.device("cpu"))
    anchored(made, 3, 3)
    anchored(other, 3, 3)
    assert torch.equal(
        made.draw(64, torch.Generator().manual_seed(9)).x0, other.draw(64, torch.Generator().manual_seed(9)).x0
    )


def test_another_prompt_lets_the_anchors_go() -> None:
    made = prepared(RefineOptions(share=0.5, rounds=4, steps=2), 0.7)
    same = made.round(63)
    assert same is not None
    assert same.anchored
    new = made.round(64, ("a lamp", None))
    assert new is not None
    assert not new.anchored


def test_sharpening_makes_edges_steeper_and_leaves_flat_and_sharp_ones() -> None:
    edge = torch.zeros(1, 3, 16, 16)
    edge[..., 8:] = 1.0
    soft = blurred(edge, 1.5)
    found = sharpened(soft, 4.0)
    assert (found - edge).abs().mean() < 0.6 * (soft - edge).abs().mean()
    torch.testing.assert_close(sharpened(edge, 4.0), edge)  # nothing beyond what its neighbours show
    flat = torch.full((1, 3, 16, 16), 0.3)
    torch.testing.assert_close(sharpened(flat, 4.0), flat)
    between = 0.4 + 0.2 * soft
    assert sharpened(between, 20.0).max() <= 0.6 + 0.2 * 0.2 + 1e-6
    assert torch.equal(sharpened(soft, 0.0), soft)


def test_the_scene_is_sharpened_from_the_second_round_on(monkeypatch: pytest.MonkeyPatch) -> None:
    amounts = []
    monkeypatch.setattr(
        "gs_stein.refine.refiner.sharpened", lambda rgb, amount: (amounts.extend(len(rgb) * [amount]), rgb)[1]
    )  # fmt: skip
    made = prepared(RefineOptions(share=0.5, rounds=4, steps=2, sharpen=2.0), 0.7)
    assert amounts == []
    anchored(made, 6, 1)
    assert amounts == 6 * [2.0], "every view once"


def test_without_anchors_groups_are_strangers() -> None:
    made = prepared(RefineOptions(share=0.5, rounds=4, steps=2, anchors=0), 0.7)
    new = made.round(63)
    assert new is not None
    assert not new.anchored


def test_what_is_known_stays_as_it_is() -> None:
    prior = MixturePrior((3, SIDE, SIDE))
    text, none = prior.embed(["class 1"]), prior.embed([""])
    cameras = sample_cameras(OrbitCameras(resolution=SIDE), 2, torch.Generator().manual_seed(1))
    times = torch.linspace(0.9, 0.0, 6) * prior.schedule.num_timesteps
    noise = torch.randn(1, 2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    known = torch.full((1, 1, 3, SIDE, SIDE), 0.3)
    found = denoise(prior, noise, times, text, none, cameras, GuidanceOptions(scale=1.0), known=known)
    assert torch.equal(found[:, :1], known)
    free = denoise(prior, noise, times, text, none, cameras, GuidanceOptions(scale=1.0))
    assert torch.equal(found[:, 1:], free[:, 1:])  # the mixture sees every view for itself


def test_groups_share_the_views_out_and_change() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = [groups(11, 5, 2, generator) for _ in range(20)]
    for some in drawn:
        assert [len(group) for group in some] == [5, 5, 5]
        assert all(group[:2].tolist() == [0, 1] for group in some)
        assert sorted(int(view) for group in some for view in group[2:]) == list(range(2, 11))
    met = {(int(a), int(b)) for some in drawn for group in some for a in group for b in group}
    assert len(met) == 11 * 11  # in twenty steps everybody has met everybody
    assert [len(group) for group in groups(7, 3, 0, generator)] == [3, 2, 2]
    assert [group.tolist() for group in groups(4, 8, 2, generator)] == [[0, 1, 2, 3]]
    assert [group.tolist() for group in groups(9, 0, 0, None)] == [list(range(9))]


class Echo(MixturePrior):
    """Guesses of every view the mean of its group, whatever the prompt."""

    def predict(self, x_t, t, text, cameras):
        guess = self.schedule.convert(super().predict(x_t, t, text, cameras), x_t, t, "eps", "x0")
        mean = guess.mean((1, 3, 4), keepdim=True).expand_as(guess)
        return self.schedule.convert(mean, x_t, t, "x0", "eps")


@pytest.mark.parametrize("size", [2, 0])
def test_groups_that_change_come_to_agree(size: int) -> None:
    """Eight views, two at a time, end as those end that were together all along; fixed groups would not."""
    prior = Echo((3, SIDE, SIDE))
    text = prior.embed(["class 1"])
    cameras = sample_cameras(OrbitCameras(resolution=SIDE), 8, torch.Generator().manual_seed(1))
    times = torch.linspace(0.9, 0.0, 25) * prior.schedule.num_timesteps
    noise = torch.randn(1, 8, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    once, generator = GuidanceOptions(scale=1.0), torch.Generator().manual_seed(3)
    found = denoise(prior, noise, times, text, text, cameras, once, generator=generator, group=size)
    pairs = torch.cat(
        [
            denoise(prior, noise[:, i : i + 2], times, text, text, cameras[torch.arange(i, i + 2)], once)
            for i in range(0, 8, 2)
        ],
        dim=1,
    )

    def apart(views: torch.Tensor) -> float:
        return views.mean((3, 4)).std(dim=1).mean().item()

    assert apart(found) < 0.5 * apart(pairs)


def test_antithetic_denoising_in_groups_leaves_the_shared_ones() -> None:
    prior = MixturePrior((3, SIDE, SIDE))
    text = prior.embed(["class 1"])
    cameras = sample_cameras(OrbitCameras(resolution=SIDE), 7, torch.Generator().manual_seed(1))
    x0 = torch.randn(1, 7, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    whole, parts = (
        antithetic_denoise(prior, x0, 0.3, text, cameras, torch.Generator().manual_seed(3), size, 2) for size in (0, 4)
    )
    assert torch.equal(parts[:, :2], x0[:, :2])
    assert not torch.equal(parts[:, 2:], x0[:, 2:])
    torch.testing.assert_close(whole, parts)  # the mixture sees every view for itself


def test_depth_is_pulled_towards_the_estimate() -> None:
    made = prepared(RefineOptions(share=0.5, steps=2, depth=2.0), 0.6)
    target = made.draw(2, torch.Generator().manual_seed(0))

    def term(depth: torch.Tensor) -> torch.Tensor:
        rgb, alpha = torch.zeros(2, SIDE, SIDE, 3), torch.ones(2, SIDE, SIDE)
        nothing = torch.zeros(2, 1, 2), torch.zeros(2, 1, dtype=torch.int32)
        return made.depth_term(Render(rgb, depth, alpha, None, *nothing), target)

    ramp = torch.linspace(1, 3, SIDE).expand(2, SIDE, SIDE)
    assert term(ramp).item() == pytest.approx(0.0, abs=1e-4)
    assert term(-ramp).item() == pytest.approx(4.0, abs=1e-4)
    depth = ramp.flip(-1).clone().requires_grad_()
    term(depth).backward()
    assert depth.grad is not None
    assert (depth.grad[..., -1] < 0).all()  # the right must go farther away


def test_a_run_comes_nearer_to_its_refined_views() -> None:
    config = Config(
        prompt="class 1", iterations=60, views=2, cameras=OrbitCameras(resolution=SIDE), start=BallStart(count=300),
        distill=DistillOptions(estimator=SDS()), densify=NoDensify(), background="grey",
        view_prompts=ViewPrompts(enabled=False),
        refine=RefineOptions(share=0.5, rounds=1, views=(2, 2), steps=8, level=(0.5, 0.5)),
    )  # fmt: skip
    state = begin(config, Priors(MixturePrior((3, SIDE, SIDE))))
    steps = list(optimize(config, state))
    assert len(steps) == 60
    distances = [s.losses.gradient for s in steps[30:]]
    assert max(distances[-5:]) < 0.95 * min(distances[:5])
    spent = [after.evaluations - before.evaluations for before, after in itertools.pairwise(steps)]
    assert spent[:29] == [4] * 29  # two views, with and without the prompt
    assert spent[29] == 8 * 4 + 4  # the round, and its last look
    assert set(spent[30:]) == {0}  # fitting asks nobody


def test_views_are_registered_so_many_times_a_round_and_only_on_demand() -> None:
    made = refiner(RefineOptions(share=0.4, rounds=2, register_views=3))
    assert [step for step in range(100) if made.registers(step)] == [65, 70, 75, 85, 90, 95]
    assert not any(refiner(RefineOptions(share=0.4, rounds=2)).registers(step) for step in range(100))
    hurried = refiner(RefineOptions(share=0.4, rounds=20, register_views=5))  # two iterations a round
    assert [step for step in range(60, 66) if hurried.registers(step)] == [61, 63, 65]


def test_views_move_to_what_is_rendered_and_begin_from_where_they_were_denoised() -> None:
    made = prepared(RefineOptions(share=0.5, rounds=2, steps=3, depth=1.0), 0.7)
    before = made.targets
    there = made.denoiser.decode(before.x0).clamp(0, 1)
    made.register_views(lambda cameras: there)
    assert torch.allclose(made.targets.x0, made.denoiser.encode(there), atol=1e-4)  # nothing to move
    made.register_views(lambda cameras: there.roll(1, -1))
    moved = made.targets
    assert not torch.allclose(moved.x0, before.x0, atol=1e-2)
    assert moved.depth is not None
    assert before.depth is not None
    assert moved.depth.shape == before.depth.shape
    other = refiner(made.options)
    other.load_state_dict(made.state_dict(), torch.device("cpu"))
    for one in (made, other):
        assert torch.equal(one.targets.x0, moved.x0)
        one.register_views(lambda cameras: there)
        assert torch.allclose(one.targets.x0, made.denoiser.encode(there), atol=1e-4)  # moved once, not twice


def test_checkpoints_of_versions_that_moved_no_views_are_read() -> None:
    made = prepared(RefineOptions(share=0.5, rounds=2, steps=2, register_views=1), 0.7)
    state = made.state_dict()
    del state["denoised"]
    other = refiner(made.options)
    other.load_state_dict(state, torch.device("cpu"))
    other.register_views(lambda cameras: torch.zeros(len(cameras), 3, SIDE, SIDE))
    assert len(other.targets.cameras) == len(made.targets.cameras)


@pytest.mark.parametrize("align", [0, 2])
def test_a_run_aligns_when_it_says_so(align: int) -> None:
    config = Config(
        prompt="class 1", iterations=40, views=2, cameras=OrbitCameras(resolution=SIDE), start=BallStart(count=300),
        distill=DistillOptions(estimator=SDS()), densify=NoDensify(), background="grey",
        view_prompts=ViewPrompts(enabled=False),
        refine=RefineOptions(share=0.5, rounds=1, views=(2, 2), steps=2, level=(0.5, 0.5), register_views=align),
    )  # fmt: skip
    state = begin(config, Priors(MixturePrior((3, SIDE, SIDE))))
    seen = [state.refiner.targets for step in optimize(config, state) if step.step > 20]
    assert [i for i, (a, b) in enumerate(itertools.pairwise(seen)) if a is not b] == ([5, 12] if align else [])


def test_colours_are_blended_now_and_then_and_only_on_demand() -> None:
    made = refiner(RefineOptions(share=0.4, blend_colours=0.1, blend_every=15))
    assert [step for step in range(60, 100) if made.blends(step)] == [60, 75, 90]
    assert not refiner(RefineOptions(share=0.4)).blends(60)


def test_a_run_blends_colours_when_it_says_so() -> None:
    """Adam leaves them alone here: whatever moves them is blending."""

    def moved(mend: float) -> list[int]:
        config = Config(
            prompt="class 1", iterations=40, views=2, cameras=OrbitCameras(resolution=SIDE),
            start=BallStart(count=300), distill=DistillOptions(estimator=SDS()), densify=NoDensify(), background="grey",
            view_prompts=ViewPrompts(enabled=False), rates=LearningRates(sh0=(0.0, 0.0)),
            refine=RefineOptions(
                share=0.5, rounds=1, views=(2, 2), steps=2, level=(0.5, 0.5), blend_colours=mend, blend_every=7
            ),
        )  # fmt: skip
        state = begin(config, Priors(MixturePrior((3, SIDE, SIDE))))
        colours = [state.gaussians.sh.clone()]
        colours += [step.gaussians.sh.clone() for step in optimize(config, state)]
        return [i for i, (a, b) in enumerate(itertools.pairwise(colours)) if not torch.equal(a, b)]

    assert moved(0.0) == []
    assert moved(0.3) == [20, 27, 34]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"share": 1.0}, r"refine.share: 1.0"), ({"rounds": 0}, r"refine.rounds: 0"),
        ({"shortest": 0}, r"refine.shortest: 0"),
        ({"level": (0.4, 0.8)}, r"refine.level: 0.4"), ({"depth": -1.0}, r"refine.weight, depth"),
        ({"anchors": 8}, r"refine.anchors: 8"), ({"blend_colours": 1.5}, r"refine.blend_colours: 1.5"),
        ({"blend_every": 0}, r"refine.blend_every: 0"), ({"register_views": -1}, r"refine.register_views: -1"),
        ({"sharpen": -1.0}, r"refine.sharpen: -1.0"),
        ({"antithetic_denoise": 1.0}, r"refine.antithetic_denoise: 1.0"), ({"eta": 1.5}, r"refine.eta: 1.5"),
    ],
)  # fmt: skip
def test_mistakes_are_named(wrong: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        RefineOptions(**wrong)
