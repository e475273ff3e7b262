"""Schedules against diffusers', conversions over all schedules, and the law of the sampled timesteps."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gs_stein.prior.options import TimestepOptions, Weighting
from gs_stein.prior.schedule import Schedule, sample_timesteps

DDPM = {
    "scaled_linear": {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
    "linear": {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02},
    "cosine": {"beta_schedule": "squaredcos_cap_v2"},
}


def diffusers_ddpm(name: str, **kwargs):
    from diffusers import DDPMScheduler

    return DDPMScheduler(num_train_timesteps=1000, **DDPM[name], **kwargs)


def pair(seed: int = 0, shape=(6, 3, 5, 4)):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator), torch.randn(shape, generator=generator)


@pytest.mark.parametrize("name", DDPM)
def test_ddpm_noising_and_velocity_equal_diffusers(name):
    theirs = diffusers_ddpm(name)
    ours = Schedule.from_alphas_cumprod(theirs.alphas_cumprod)
    x0, eps = pair()
    t = torch.tensor([0, 1, 20, 500, 980, 999])
    torch.testing.assert_close(ours.add_noise(x0, eps, t.float()), theirs.add_noise(x0, eps, t), rtol=0, atol=0)
    v = ours.convert(eps, ours.add_noise(x0, eps, t.float()), t.float(), "eps", "v")
    torch.testing.assert_close(v[2:4], theirs.get_velocity(x0, eps, t)[2:4], rtol=1e-4, atol=1e-5)


def test_stable_diffusion_betas_are_diffusers():
    theirs = diffusers_ddpm("scaled_linear").alphas_cumprod
    assert torch.equal(Schedule.stable_diffusion().alphas_cumprod, theirs)


@pytest.mark.parametrize("kind", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("scheduler", ["DDIMScheduler", "DDPMScheduler"])
def test_x0_of_each_prediction_type_equals_diffusers(kind, scheduler):
    import diffusers

    theirs = getattr(diffusers, scheduler)(
        **DDPM["scaled_linear"],
        prediction_type=kind,
        clip_sample=False,
        **({"set_alpha_to_one": False} if "DDIM" in scheduler else {}),
    )
    theirs.set_timesteps(1000)
    ours = Schedule.from_alphas_cumprod(theirs.alphas_cumprod)
    x_t, prediction = pair(1)
    for step in (1, 300, 800):
        expected = theirs.step(prediction, step, x_t, generator=torch.Generator()).pred_original_sample
        source = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}[kind]
        actual = ours.convert(prediction, x_t, torch.full((6,), float(step)), source, "x0")
        torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_flow_matching_equals_diffusers(shift):
    from diffusers import FlowMatchEulerDiscreteScheduler

    theirs = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=shift)
    ours, (x0, eps) = Schedule.flow(), pair(2)
    t = theirs.timesteps[[0, 10, 400, 700, 990, 999]]
    torch.testing.assert_close(ours.add_noise(x0, eps, t), theirs.scale_noise(x0, t, eps), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(ours.sigma(t), theirs.sigmas[[0, 10, 400, 700, 990, 999]], rtol=1e-6, atol=1e-7)
    # One Euler step with the exact flow lands on the line at the next sigma.
    theirs.set_timesteps(10)
    now = theirs.timesteps[3:4]
    x_t = ours.add_noise(x0[:1], eps[:1], now)
    moved = theirs.step(ours.convert(eps[:1], x_t, now, "eps", "flow"), now[0], x_t).prev_sample
    torch.testing.assert_close(moved, ours.add_noise(x0[:1], eps[:1], theirs.timesteps[4:5]), rtol=1e-4, atol=1e-5)


schedules = st.sampled_from(
    [
        Schedule.flow(),
        Schedule.flow(250),
        Schedule.stable_diffusion(),
        Schedule.from_betas(torch.linspace(1e-4, 0.02, 400)),
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    schedule=schedules,
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    fraction=st.floats(0.05, 0.9),
    kinds=st.permutations(["eps", "x0", "v", "flow"]),
    seed=st.integers(0, 1000),
)
def test_conversions_agree_with_the_truth_and_invert(schedule, shape, fraction, kinds, seed):
    generator = torch.Generator().manual_seed(seed)
    x0, eps = (torch.randn(2, *shape, generator=generator, dtype=torch.float64) for _ in range(2))
    t = torch.full((2,), fraction * schedule.last, dtype=torch.float64)
    if not schedule.continuous:
        t = t.round()
    x_t = schedule.add_noise(x0, eps, t)
    alpha, sigma = (value.reshape(-1, *[1] * len(shape)) for value in (schedule.alpha(t), schedule.sigma(t)))
    truth = {"eps": eps, "x0": x0, "v": alpha * eps - sigma * x0, "flow": eps - x0}
    source, target = kinds[:2]
    there = schedule.convert(truth[source], x_t, t, source, target)
    torch.testing.assert_close(there, truth[target], rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(schedule.convert(there, x_t, t, target, source), truth[source], rtol=1e-7, atol=1e-7)


def test_weights_and_snr():
    schedule, t = Schedule.stable_diffusion(), torch.tensor([20.0, 500.0, 980.0])
    bar = schedule.alphas_cumprod[t.long()]
    expected = {
        Weighting.UNIFORM: torch.ones(3),
        Weighting.SIGMA2: 1 - bar,
        Weighting.SIGMA: (1 - bar).sqrt(),
        Weighting.ALPHA_SIGMA2: bar.sqrt() * (1 - bar),
        Weighting.X0: ((1 - bar) / bar).sqrt(),
    }
    assert set(expected) == set(Weighting)
    for weighting, value in expected.items():
        torch.testing.assert_close(schedule.weight(t, weighting), value)
    torch.testing.assert_close(schedule.snr(t), bar / (1 - bar))


def test_x0_weighting_makes_the_gradient_a_reconstruction_residual():
    schedule = Schedule.stable_diffusion()
    x0, eps = pair(3)
    eps_hat = eps + 0.3 * pair(4)[0]
    t = torch.tensor([20.0, 200.0, 400.0, 600.0, 800.0, 980.0])
    x_t = schedule.add_noise(x0, eps, t)
    weight = schedule.weight(t, Weighting.X0)[:, None, None, None]
    torch.testing.assert_close(
        weight * (eps_hat - eps), x0 - schedule.convert(eps_hat, x_t, t, "eps", "x0"), rtol=1e-3, atol=1e-4
    )


def test_between_integers_alpha_bar_is_interpolated():
    schedule = Schedule.stable_diffusion()
    between = schedule.alpha(torch.tensor([10.5])).square()
    torch.testing.assert_close(between[0], schedule.alphas_cumprod[10:12].mean())


@settings(max_examples=60, deadline=None)
@given(
    schedule=schedules,
    low=st.floats(0.0, 0.9, allow_subnormal=False),
    width=st.floats(0.0, 0.5, allow_subnormal=False),
    sampling=st.sampled_from(["uniform", "stratified", "golden"]),
    count=st.integers(1, 9),
    bins=st.sampled_from([None, 1, 7, 16]),
    seed=st.integers(0, 100),
)
def test_timesteps_stay_in_the_window(schedule, low, width, sampling, count, bins, seed):
    options = TimestepOptions(t_min=low, t_max=min(1.0, low + width), sampling=sampling)
    generator = torch.Generator().manual_seed(seed)
    proposal = None if bins is None else torch.rand(bins, generator=generator, dtype=torch.float64) + 0.05
    t, weight = sample_timesteps(schedule, options, count, 0.0, generator, phase=0.4, proposal=proposal)
    T = schedule.num_timesteps
    slack = 1e-4 * T if schedule.continuous else 0.5
    assert t.shape == weight.shape == (count,)
    assert (t >= low * T - slack - 0.5).all()
    assert (t <= options.t_max * T + slack).all()
    assert (t <= schedule.last).all()
    assert torch.isfinite(weight).all()
    assert (weight > 0).all()
    if not schedule.continuous:
        assert torch.equal(t, t.round())


def test_integer_timesteps_are_uniform():
    # Chi-square with 10 degrees of freedom at error rate 1e-4.
    options = TimestepOptions(t_min=0.02, t_max=0.03, sampling="uniform")
    t, _ = sample_timesteps(Schedule.stable_diffusion(), options, 22_000, 0.0, torch.Generator().manual_seed(0))
    counts = torch.bincount(t.long() - 20, minlength=11).double()
    assert len(counts) == 11
    assert float(((counts - 2000) ** 2 / 2000).sum()) < 35.6


def test_strata_hold_one_draw_each():
    options = TimestepOptions(t_min=0.0, t_max=1.0)
    t, _ = sample_timesteps(Schedule.flow(), options, 8, 0.0, torch.Generator().manual_seed(3))
    assert torch.equal((t / 125).long(), torch.arange(8))


def test_golden_sequence_covers_the_window_better_than_chance():
    options, generator = TimestepOptions(0.0, 1.0, sampling="golden"), torch.Generator().manual_seed(0)
    phases = [(0.3 + step * 0.6180339887498949) % 1.0 for step in range(64)]
    t = torch.cat([sample_timesteps(Schedule.flow(), options, 1, 0.0, generator, phase=p)[0] for p in phases])
    counts = torch.bincount((t / 1000 * 16).long(), minlength=16)
    assert counts.min() >= 3  # four expected; independent draws leave a bin with at most one
    assert counts.max() <= 5


@pytest.mark.parametrize("sampling", ["uniform", "stratified"])
@pytest.mark.parametrize("schedule", [Schedule.flow(), Schedule.stable_diffusion()])
def test_importance_weights_undo_the_proposal(sampling, schedule):
    # z-test of E[w g(t)] against the uniform average at error rate 6e-5 (|z| < 4).
    options, generator = TimestepOptions(0.1, 0.9, sampling=sampling), torch.Generator().manual_seed(1)
    proposal = torch.tensor([0.2, 1.0, 3.0, 0.5, 2.0])
    draws = [sample_timesteps(schedule, options, 4, 0.0, generator, proposal=proposal) for _ in range(4000)]
    values = torch.stack([(w * (t / 1000) ** 2).mean() for t, w in draws]).double()
    expected = (0.9**3 - 0.1**3) / 3 / 0.8
    assert abs(float((values.mean() - expected) / (values.std() / len(values) ** 0.5))) < 4
    # and the draws really follow it: bin 3 ([400, 600)) has 3 of 5.6 units of mass
    t = torch.cat([t for t, _ in draws])
    share = float(((t >= 400) & (t < 600)).float().mean())
    mass = torch.tensor([0.5, 1.0, 1.0, 1.0, 0.5]) * proposal
    assert abs(share - float(mass[2] / mass.sum())) < 0.02


@pytest.mark.parametrize(("anneal", "expected"), [("none", 0.98), ("linear", 0.86), ("sqrt", 0.74), ("step", 0.5)])
def test_annealing_moves_the_window(anneal, expected):
    options = TimestepOptions(t_min=0.02, t_max=0.98, t_max_end=0.5, anneal=anneal, anneal_at=0.2)
    assert options.window(0.25) == pytest.approx((0.02, expected))
    assert options.window(0.0) == pytest.approx((0.02, 0.98))
    assert options.window(2.0)[1] == pytest.approx(0.98 if anneal == "none" else 0.5)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"t_min": -0.1}, "t_min: -0.1 is not a fraction"),
        ({"t_min": 0.9, "t_max": 0.5}, "t_min: 0.9 is above t_max"),
        ({"t_max_end": 0.01, "anneal": "linear"}, "annealed window"),
    ],
)
def test_bad_options_are_one_line(kwargs, message):
    with pytest.raises(ValueError, match=message) as error:
        TimestepOptions(**kwargs)
    assert "\n" not in str(error.value)


def test_a_table_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="3 entries for num_timesteps=4"):
        Schedule(torch.ones(3), 4)
