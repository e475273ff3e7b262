"""Densification laws: the cap holds, nothing breaks, optimiser moments follow their Gaussians, the picture stays."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from gs_stein.gaussians.initialise import initialise
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.options import BallStart
from gs_stein.rasterize.reference import covariances
from gs_stein.types import Render
from gs_stein.update import adam, densify
from gs_stein.update.densify import Densifier, relocation
from gs_stein.update.options import Densify, GradientDensify, LearningRates, MCMCDensify, NoDensify

COUNT, VIEWS = 60, 3


def scene(opacity: float = 0.3, sh_degree: int = 1):
    """Parameters and their optimisers after one step with gradients that tell Gaussians apart."""
    generator = torch.Generator().manual_seed(0)
    parameters = initialise(BallStart(count=COUNT, opacity=opacity), generator, sh_degree).parameters()
    optimizers = adam.make_optimizers(parameters, LearningRates())
    for parameter in parameters.values():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    for optimizer in optimizers.values():
        optimizer.step()
        optimizer.zero_grad()
    return parameters, optimizers


def seen(count: int, gradients: torch.Tensor | None = None) -> Render:
    """A render of VIEWS views in which every Gaussian is visible, with gradients of the centres."""
    means2d = torch.zeros(VIEWS, count, 2, requires_grad=True)
    means2d.grad = torch.zeros(VIEWS, count, 2) if gradients is None else gradients
    picture = torch.zeros(VIEWS, 8, 8)
    radii = torch.full((VIEWS, count), 2, dtype=torch.int32)
    return Render(picture[..., None].expand(-1, -1, -1, 3), picture, picture, None, means2d, radii)


def run(options: Densify, parameters, optimizers, iterations: int, seed: int = 1) -> Densifier:
    generator, noise = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(2)
    densifier = Densifier(options, iterations, len(parameters["means"]))
    for iteration in range(1, iterations + 1):
        count = len(parameters["means"])
        render = seen(count, torch.randn(VIEWS, count, 2, generator=noise).abs())
        densifier.after_update(parameters, optimizers, render, iteration, generator)
    return densifier


CHOICES = [
    MCMCDensify(cap=100, start=0.0, stop=1.0, every=2, noise=10.0),
    GradientDensify(cap=100, start=0.0, stop=1.0, every=2, share=0.5, split_scale=0.15),
]


@pytest.mark.parametrize("options", CHOICES, ids=["mcmc", "gradient"])
def test_grows_up_to_the_cap_and_stays_finite(options: Densify) -> None:
    parameters, optimizers = scene()
    run(options, parameters, optimizers, 60)
    gaussians = Gaussians.from_parameters(parameters)
    assert COUNT < len(gaussians) <= 100
    assert len(gaussians) >= 95  # it does get there
    assert bool(gaussians.finite().all())


@pytest.mark.parametrize("options", [*CHOICES, replace(CHOICES[0], noise=0.0), NoDensify()])
def test_what_may_have_changed_is_told(options: Densify) -> None:
    parameters, optimizers = scene()
    densifier, generator = Densifier(options, 40, COUNT), torch.Generator().manual_seed(1)
    told = 0
    for iteration in range(1, 41):
        before = {name: (parameter, parameter.detach().clone()) for name, parameter in parameters.items()}
        densifier.after_update(parameters, optimizers, seen(len(parameters["means"])), iteration, generator)
        same = all(parameters[name] is old and torch.equal(old, value) for name, (old, value) in before.items())
        assert same or densifier.changes(iteration)
        told += densifier.changes(iteration)
    assert told == (40 if getattr(options, "noise", 0) else 0 if isinstance(options, NoDensify) else 20)


@pytest.mark.parametrize("options", CHOICES, ids=["mcmc", "gradient"])
def test_optimizer_state_follows(options: Densify) -> None:
    parameters, optimizers = scene()
    run(options, parameters, optimizers, 20)
    count = len(parameters["means"])
    for name, optimizer in optimizers.items():
        (held,) = optimizer.param_groups[0]["params"]
        assert held is parameters[name]
        assert held.requires_grad
        assert held.is_leaf
        assert list(optimizer.state) == [held]
        for moment in ("exp_avg", "exp_avg_sq"):
            assert optimizer.state[held][moment].shape == held.shape
        assert len(held) == count
        held.grad = torch.ones_like(held)
        optimizer.step()  # and it still steps


def test_moments_of_untouched_gaussians_survive_growth() -> None:
    parameters, optimizers = scene()
    before = optimizers["means"].state[parameters["means"]]["exp_avg"].clone()
    gradients = torch.zeros(VIEWS, COUNT, 2)
    gradients[:, :6] = 1.0
    options = GradientDensify(cap=1000, start=0.0, stop=1.0, every=2, share=0.1, split_scale=1e9, min_opacity=0.0)
    densifier, generator = Densifier(options, 10, COUNT), torch.Generator().manual_seed(0)
    for iteration in (1, 2):
        densifier.after_update(parameters, optimizers, seen(COUNT, gradients), iteration, generator)
    after = optimizers["means"].state[parameters["means"]]["exp_avg"]
    assert len(after) == COUNT + 6
    assert torch.equal(after[:COUNT], before)
    assert torch.count_nonzero(after[COUNT:]) == 0
    assert torch.equal(parameters["means"][COUNT:], parameters["means"][:6])


def test_every_view_counts_not_only_the_last() -> None:
    parameters, optimizers = scene()
    gradients = torch.zeros(VIEWS, COUNT, 2)
    gradients[0, 5] = 9.0  # only the first view pulls at Gaussian 5
    options = GradientDensify(cap=1000, start=0.0, stop=1.0, every=1, share=0.02, split_scale=1e9, min_opacity=0.0)
    densifier = Densifier(options, 10, COUNT)
    generator = torch.Generator().manual_seed(0)
    densifier.after_update(parameters, optimizers, seen(COUNT, gradients), 1, generator)
    assert torch.equal(parameters["means"][COUNT:], parameters["means"][5:6])


def test_gaussians_that_no_view_saw_do_not_count() -> None:
    parameters, optimizers = scene()
    render = seen(COUNT, torch.ones(VIEWS, COUNT, 2))
    render.radii[:, 10:] = 0
    densifier = Densifier(GradientDensify(every=1000), 10, COUNT)
    densifier.after_update(parameters, optimizers, render, 1, torch.Generator().manual_seed(0))
    assert torch.equal(densifier.state["count"], torch.where(torch.arange(COUNT) < 10, float(VIEWS), 0.0))


def test_transparent_gaussians_are_removed_but_never_all() -> None:
    options = GradientDensify(start=0.0, stop=1.0, every=1, share=1e-9, min_opacity=0.2)
    parameters, optimizers = scene()
    with torch.no_grad():
        parameters["opacities"][:7] = -9.0
    run(options, parameters, optimizers, 2)
    assert len(parameters["means"]) == COUNT - 7
    with torch.no_grad():
        parameters["opacities"].fill_(-9.0)
    run(options, parameters, optimizers, 2)
    assert len(parameters["means"]) == COUNT - 7


def test_mcmc_moves_the_dead_onto_the_living() -> None:
    parameters, optimizers = scene(opacity=0.6)
    with torch.no_grad():
        parameters["opacities"][:9] = -20.0
        parameters["means"][:9] += 100.0
    options = MCMCDensify(cap=COUNT, start=0.0, stop=1.0, every=1, noise=0.0)
    run(options, parameters, optimizers, 2)
    assert len(parameters["means"]) == COUNT
    assert float(parameters["means"].abs().max()) < 10.0
    assert bool((parameters["opacities"].sigmoid() >= 0.9 * options.min_opacity).all())


def test_mcmc_survives_a_scene_that_is_all_dead() -> None:
    parameters, optimizers = scene()
    with torch.no_grad():
        parameters["opacities"].fill_(-20.0)
    before = parameters["means"].clone()
    run(MCMCDensify(start=0.0, every=1), parameters, optimizers, 3)
    assert torch.equal(parameters["means"], before)


def test_mcmc_jitters_transparent_gaussians_only_along_their_shape() -> None:
    parameters, optimizers = scene(opacity=0.001)
    with torch.no_grad():
        parameters["scales"][:, 2] = -15.0  # flat discs
        parameters["quats"][:] = torch.tensor([1.0, 0.0, 0.0, 0.0])
        parameters["opacities"][:30] = 5.0  # opaque: they stay
        parameters["opacities"][30:] = math.log(0.02)
    before = parameters["means"].detach().clone()
    run(MCMCDensify(start=1.0, stop=1.0, noise=1000.0), parameters, optimizers, 1)
    moved = (parameters["means"] - before).detach().abs()
    assert float(moved[30:, :2].min(dim=1).values.max()) > 1e-4
    assert float(moved[30:, 2].max()) < 1e-6
    assert float(moved[:30].max()) < 1e-3 * float(moved[30:, :2].max())


def test_without_noise_none_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What gsplat would add is 0, and took 6 % of a scene's time."""
    asked: list[int] = []

    def counted(quats: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        asked.append(len(quats))
        return covariances(quats, scales)

    monkeypatch.setattr(densify, "covariances", counted)
    for noise in (0.0, 1.0):
        run(MCMCDensify(start=1.0, stop=1.0, noise=noise), *scene(), 3)
        assert len(asked) == (0 if noise == 0 else 3)


@pytest.mark.parametrize("copies", [1, 2, 3, 7])
def test_relocation_keeps_the_line_integral(copies: int) -> None:
    """n coinciding copies composite to 1 − (1 − o'G(r/s'))ⁿ; its integral over r is that of o·G(r/s) (eq. 9)."""
    binoms = torch.tensor([[math.comb(n, k) for k in range(51)] for n in range(51)], dtype=torch.float32)
    opacity, scale = torch.tensor([0.05, 0.4, 0.9]), torch.tensor([[1.0, 2.0, 0.5]]).repeat(3, 1)
    new, scales = relocation(opacity, scale, torch.full((3,), copies), binoms)
    assert torch.allclose(1 - (1 - new) ** copies, opacity, atol=1e-6)
    r = torch.linspace(-12, 12, 24_001, dtype=torch.float64)

    def gaussian(sigma: torch.Tensor) -> torch.Tensor:
        return torch.exp(-0.5 * (r / sigma.double()) ** 2)

    for i in range(3):
        wanted = torch.trapezoid(opacity[i].double() * gaussian(scale[i, 0]), r)
        got = torch.trapezoid(1 - (1 - new[i].double() * gaussian(scales[i, 0])) ** copies, r)
        assert float(got / wanted) == pytest.approx(1.0, abs=2e-4)


def test_relocation_is_finite_at_the_ends() -> None:
    binoms = torch.tensor([[math.comb(n, k) for k in range(51)] for n in range(51)], dtype=torch.float32)
    opacity = torch.tensor([1e-4, 0.5, 0.9999])
    for copies in (1, 20, 51, 1000):
        new, scales = relocation(opacity, torch.ones(3, 3), torch.full((3,), copies), binoms)
        assert bool(new.isfinite().all())
        assert bool(scales.isfinite().all())
        assert bool((scales > 0).all())


@pytest.mark.parametrize("options", [*CHOICES, NoDensify()], ids=["mcmc", "gradient", "none"])
def test_same_seed_same_result_whatever_the_global_generator(options: Densify) -> None:
    results = []
    for noise in (0, 1):
        torch.manual_seed(noise)
        state = torch.random.get_rng_state()
        parameters, optimizers = scene()
        torch.random.set_rng_state(state)
        run(options, parameters, optimizers, 12)
        assert torch.equal(torch.random.get_rng_state(), state)  # and it is left alone
        results.append(parameters["means"].detach())
    assert torch.equal(results[0], results[1])


def test_a_start_above_the_cap_is_refused() -> None:
    with pytest.raises(ValueError, match=r"densify\.cap: 10 is below the 60 Gaussians"):
        Densifier(MCMCDensify(cap=10), 100, 60)
