"""Coefficients: the DCT's parts, the regression, and why it may not see its own noise."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gs_stein.distill.coefficients import Coefficients
from gs_stein.distill.draw import Draw, make_draw
from gs_stein.distill.options import CoefficientOptions
from gs_stein.distill.spectral import parts, radial_bands
from gs_stein.prior.dct import dct2, idct2
from gs_stein.prior.options import Weighting
from gs_stein.prior.schedule import Schedule

sizes = st.integers(1, 9)


def random_draw(shape=(2, 3, 6, 5), groups=4, seed=0, *, antithetic=False, weighting=Weighting.UNIFORM, t=None) -> Draw:
    generator = torch.Generator().manual_seed(seed)
    x0 = torch.randn(shape, generator=generator, dtype=torch.float64)
    t = 100.0 + 700.0 * torch.rand(groups, generator=generator) if t is None else t
    eps = torch.randn(groups, *shape, generator=generator, dtype=torch.float64)
    return make_draw(x0, t, eps, Schedule.flow(), weighting, antithetic=antithetic)


def coefficients(count=1, *, spectral=False, **kwargs) -> Coefficients:
    options = CoefficientOptions(**{"bins": 1, "leave_one_out": False, "half_life": 1e9, "ridge": 0.0, **kwargs})
    prior = torch.tensor([1.0] + [0.0] * (count - 1))
    return Coefficients(options, count, prior, spectral=spectral, num_timesteps=1000)


@settings(max_examples=40, deadline=None)
@given(rows=sizes, columns=sizes, seed=st.integers(0, 99))
def test_the_dct_is_scipys_and_orthonormal(rows, columns, seed):
    from scipy.fft import dctn

    x = torch.randn(2, 3, rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    expected = torch.from_numpy(dctn(x.numpy(), axes=(-2, -1), norm="ortho"))
    torch.testing.assert_close(dct2(x), expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(idct2(dct2(x)), x, rtol=1e-10, atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(channels=st.integers(1, 4), rows=sizes, columns=sizes, bands=st.integers(1, 10))
def test_parts_cover_every_coefficient_once_and_grow_with_radius(channels, rows, columns, bands):
    part = parts(channels, rows, columns, bands)
    assert part.shape == (channels * rows * columns,)
    assert int(part.min()) >= 0
    assert int(part.max()) < channels * bands
    band = radial_bands(rows, columns, bands)
    radius = torch.hypot(torch.arange(rows)[:, None].double(), torch.arange(columns)[None].double())
    order = radius.flatten().argsort()
    assert (band.flatten()[order].diff() >= 0).all()
    if bands > 1 and rows * columns > 1:
        assert (band == 0).sum() == 1  # the mean has a band of its own


@settings(max_examples=40, deadline=None)
@given(
    spectral=st.booleans(),
    count=st.integers(1, 3),
    ridge=st.sampled_from([0.0, 1.0, 16.0, 1e4]),
    bins=st.sampled_from([1, 4]),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)),
    seed=st.integers(0, 999),
)
def test_in_sample_the_fit_is_never_worse_than_sds(spectral, count, ridge, bins, shape, seed):
    draw = random_draw(shape, 5, seed, weighting=Weighting.SIGMA2)
    generator = torch.Generator().manual_seed(seed + 1)
    others = [torch.randn(draw.eps.shape, generator=generator, dtype=torch.float64) for _ in range(count)]
    f = 0.6 * draw.eps + 0.5 * others[0] + 0.3
    fit = coefficients(count, spectral=spectral, ridge=ridge, bins=bins)
    hs = [draw.eps, *others[1:]]
    fit.update(f, hs, draw)
    weight = draw.weight.view(-1, 1, 1, 1, 1)
    fitted = (weight * fit.residual(f, hs, draw, update=False)).square().sum()
    assert float(fitted) <= float((weight * (f - draw.eps)).square().sum()) * (1 + 1e-9)


@pytest.mark.parametrize("spectral", [False, True])
def test_before_any_data_it_is_sds_exactly(spectral):
    draw = random_draw()
    f = torch.randn(draw.eps.shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    fit = coefficients(2, spectral=spectral, ridge=16.0)
    actual = fit.residual(f, [draw.eps, f**2], draw, update=False)
    torch.testing.assert_close(actual, f - draw.eps, rtol=1e-12, atol=1e-12)
    assert torch.equal(fit.table(), torch.tensor([1.0, 0.0], dtype=torch.float64).expand(1, 1, 2))


def test_infinite_faith_is_sds():
    draw = random_draw()
    f = 0.5 * draw.eps
    fit = coefficients(ridge=1e12)
    fit.update(f, [draw.eps], draw)
    torch.testing.assert_close(fit.residual(f, [draw.eps], draw, update=False), f - draw.eps, rtol=1e-8, atol=1e-8)


def test_spectral_coefficients_recover_a_filter():
    """f = A ε with A diagonal per channel and band: β must be A's diagonal."""
    shape, bands = (3, 2, 8, 8), 4
    part = parts(2, 8, 8, bands)
    truth = torch.linspace(0.2, 0.9, 2 * bands, dtype=torch.float64)
    fit = coefficients(spectral=True, bands=bands)
    for seed in range(10):
        draw = random_draw(shape, 4, seed)
        f = idct2((dct2(draw.eps).flatten(2) * truth[part]).view(draw.eps.shape))
        fit.update(f, [draw.eps], draw)
    torch.testing.assert_close(fit.table()[0, :, 0], truth, rtol=1e-6, atol=1e-6)
    assert float(fit.residual(f, [draw.eps], draw, update=False).abs().max()) < 1e-5


def test_bins_learn_separately():
    fit = coefficients(bins=4)
    for low, slope in ((100.0, 0.2), (600.0, 0.8)):
        draw = random_draw(t=torch.full((4,), low))
        fit.update(slope * draw.eps, [draw.eps], draw)
    assert fit.table()[:, 0, 0].tolist() == pytest.approx([0.2, 1.0, 0.8, 1.0])


def test_old_draws_fade_with_the_half_life():
    fit = coefficients(half_life=3.0)
    draw = random_draw(groups=3)
    fit.update(draw.eps, [draw.eps], draw)
    before = fit.moments.clone()
    fit.update(0.0 * draw.eps, [0.0 * draw.eps], draw)
    torch.testing.assert_close(fit.moments, 0.5 * before)


class Pixel:
    """One-pixel draws through the real class: f = 1 + 0.7 ε at one timestep."""

    def __init__(self, noises: int, generator: torch.Generator):
        self.noises, self.generator = noises, generator

    def draw(self) -> tuple[Draw, torch.Tensor]:
        eps = torch.randn(self.noises, 1, 1, 1, 1, generator=self.generator, dtype=torch.float64)
        x0 = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
        draw = make_draw(x0, torch.full((self.noises,), 500.0), eps, Schedule.flow(), Weighting.UNIFORM)
        return draw, 1.0 + 0.7 * eps


@pytest.mark.occasional
@pytest.mark.parametrize("noises", [6])
def test_own_sample_coefficients_are_biased_by_one_over_n_and_ours_are_not(noises):
    """E[f − βε] should be μ = 1. Own-sample: 1 − 1/n exactly. Error rate of each |z| < 4: 6e-5."""
    repeats = 1500
    results: dict[str, list[float]] = {"own": [], "lagged": [], "leave one out": []}
    pixel = Pixel(noises, torch.Generator().manual_seed(1))
    for _ in range(repeats):
        draw, f = pixel.draw()
        own = coefficients()
        own.update(f, [draw.eps], draw)
        results["own"].append(float(own.residual(f, [draw.eps], draw, update=False).mean()))
        others = coefficients(leave_one_out=True)
        results["leave one out"].append(float(others.residual(f, [draw.eps], draw, update=True).mean()))
        later, g = pixel.draw()  # a fresh draw meets the coefficients of the past one
        results["lagged"].append(float(others.residual(g, [later.eps], later, update=False).mean()))
    z = {}
    for name, values in results.items():
        value = torch.tensor(values, dtype=torch.float64)
        z[name] = float((value.mean() - 1.0) / (value.std() / repeats**0.5))
    assert abs(z["lagged"]) < 4
    assert abs(z["leave one out"]) < 4
    assert z["own"] < -6
    own = torch.tensor(results["own"], dtype=torch.float64)
    assert abs(float((own.mean() - (1.0 - 1.0 / noises)) / (own.std() / repeats**0.5))) < 4


def test_leave_one_out_uses_the_others_but_neither_itself_nor_its_twin():
    generator = torch.Generator().manual_seed(3)
    x0 = torch.zeros(1, 1, 2, 2, dtype=torch.float64)
    eps = torch.randn(3, 1, 1, 2, 2, generator=generator, dtype=torch.float64)
    draw = make_draw(x0, torch.full((3,), 500.0), eps, Schedule.flow(), Weighting.UNIFORM, antithetic=True)
    f = torch.randn(draw.eps.shape, generator=generator, dtype=torch.float64)
    residual = coefficients(leave_one_out=True).residual(f, [draw.eps], draw, update=False)
    for group in range(6):
        others = [g for g in range(6) if g % 3 != group % 3]
        beta = (f[others] * draw.eps[others]).sum() / draw.eps[others].square().sum()
        torch.testing.assert_close(residual[group], f[group] - beta * draw.eps[group])
    # Changing a draw's own f moves its residual one to one: its coefficient did not see it.
    bumped = f.clone()
    bumped[0] += 10.0
    again = coefficients(leave_one_out=True).residual(bumped, [draw.eps], draw, update=False)
    torch.testing.assert_close(again[0] - residual[0], torch.full_like(again[0], 10.0))
    torch.testing.assert_close(again[3], residual[3])


def test_collinear_and_vanishing_variates_are_survived():
    draw = random_draw()
    fit = coefficients(3, ridge=16.0)
    hs = [draw.eps, 2.0 * draw.eps, torch.zeros_like(draw.eps)]
    for _ in range(3):
        fit.update(0.4 * draw.eps, hs, draw)
    residual = fit.residual(0.4 * draw.eps, hs, draw, update=False)
    assert torch.isfinite(residual).all()
    assert float(residual.square().mean()) < float((0.6 * draw.eps).square().mean())


@pytest.mark.parametrize("spectral", [False, True])
def test_state_is_restored_bit_for_bit(spectral):
    fit, other = coefficients(2, spectral=spectral, ridge=3.0), coefficients(2, spectral=spectral, ridge=3.0)
    draw = random_draw()
    f = draw.eps**3
    fit.update(f, [draw.eps, draw.eps.abs()], draw)
    other.load_state_dict(fit.state_dict())
    assert torch.equal(fit.table(), other.table())
    fit.update(f, [draw.eps, draw.eps.abs()], draw)  # the copy does not alias
    assert not torch.equal(fit.table(), other.table())
    empty = coefficients(2, spectral=spectral)
    other.load_state_dict(empty.state_dict())
    assert other.moments is None


@pytest.mark.parametrize("kwargs", [{"bins": 0}, {"bands": 0}, {"half_life": 0.0}, {"ridge": -1.0}])
def test_bad_options_are_named(kwargs):
    with pytest.raises(ValueError, match=f"coefficients.*{next(iter(kwargs))}"):
        CoefficientOptions(**kwargs)
