"""Control variates: zero mean where Stein says so, and only there; exact gradients; what the baselines measure.

Error rates: z of a mean is about N(0, 1) under zero mean, so |z| < 4 fails by chance once in 16 000; every seed is
fixed.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from gs_stein.bench.analysis import z_along, z_of_mean
from gs_stein.bench.mixture.stage import RandomGeometry
from gs_stein.distill.baselines import Constant, Depth, Normal, build, phi_and_gradient, stein
from gs_stein.distill.draw import Draw, make_draw
from gs_stein.distill.options import Baseline
from gs_stein.prior.agreement import pearson
from gs_stein.prior.options import Weighting
from gs_stein.prior.schedule import Schedule

SHAPE = (4, 8, 8)


def scene(views=6, noises=64, t=(60.0, 300.0, 700.0), seed=0, schedule=None, dtype=torch.float32) -> Draw:
    generator = torch.Generator().manual_seed(seed)
    schedule = Schedule.stable_diffusion() if schedule is None else schedule
    x0 = 0.7 * torch.randn(views, *SHAPE, generator=generator, dtype=dtype)
    depth = 1.0 + 3.0 * torch.rand(views, 16, 16, generator=generator)
    depth[:, :3] = 0.0  # nothing hit
    normals = nn.functional.normalize(torch.randn(views, 16, 16, 3, generator=generator), dim=-1)
    times = torch.tensor(t).repeat_interleave(noises)
    eps = torch.randn(len(times), *x0.shape, generator=generator, dtype=dtype)
    return make_draw(x0, times, eps, schedule, Weighting.UNIFORM, depth=depth.to(dtype), normals=normals.to(dtype))


def z(h: torch.Tensor, draw: Draw, timesteps: int = 3) -> float:
    return z_of_mean(h.unflatten(0, (timesteps, len(draw.t) // timesteps)).permute(2, 0, 1, 3, 4, 5))


def z_directed(h: torch.Tensor, baseline, draw: Draw, timesteps: int = 3) -> float:
    """z along E∇φ, the direction in which a wrong σ∇φ shows."""
    phi, gradient = phi_and_gradient(baseline, draw)
    phi = phi.expand(-1, draw.x_t.shape[1], 1, 1, 1)[..., 0, 0, 0]
    split = [v.unflatten(0, (timesteps, -1)).transpose(1, 2).transpose(0, 1) for v in (h, draw.eps, phi, gradient)]
    return z_along(*split)


class Toy:
    """φ = mean x²."""

    def phi(self, x_t, draw):
        return x_t.square().mean((2, 3, 4))


class Joint:
    """A group φ that couples the views."""

    def phi(self, x_t, draw):
        return torch.tanh(x_t.mean((2, 3, 4))).prod(1, keepdim=True) + x_t.var((1, 2, 3, 4), keepdim=False)[:, None]


class Frozen:
    """Stops a gradient inside: breaks the identity."""

    def phi(self, x_t, draw):
        return (x_t * x_t.detach()).mean((2, 3, 4))


class LatentDepth:
    """Depth of decoded latents, as in latent diffusion: the gradient goes through the decoder too."""

    def __init__(self):
        with torch.random.fork_rng():
            torch.manual_seed(5)
            self.decode = nn.Sequential(nn.ConvTranspose2d(4, 3, 2, stride=2), nn.Tanh(), nn.Conv2d(3, 1, 3, padding=1))
        self.decode.requires_grad_(False)

    def __call__(self, x_t, t, cameras):
        return self.decode(x_t.flatten(0, 1))[:, 0].unflatten(0, x_t.shape[:2])


GEOMETRY = RandomGeometry(4, 0)
VARIATES = {
    "constant": lambda draw: Constant().variate(draw),
    "depth": lambda draw: Depth(GEOMETRY.depth).variate(draw),
    "depth per group": lambda draw: Depth(GEOMETRY.depth, per_group=True).variate(draw),
    "depth through a decoder": lambda draw: Depth(LatentDepth()).variate(draw),
    "normal": lambda draw: Normal(GEOMETRY.normals).variate(draw),
    "toy": lambda draw: stein(Toy(), draw),
    "joint": lambda draw: stein(Joint(), draw),
}


@pytest.mark.parametrize("name", VARIATES)
@pytest.mark.parametrize("schedule", [Schedule.stable_diffusion(), Schedule.flow()], ids=["ddpm", "flow"])
def test_every_control_variate_has_zero_mean(name, schedule):
    draw = scene(noises=128, schedule=schedule)
    h = VARIATES[name](draw)
    assert abs(z(h, draw)) < 4
    baselines = {"depth": Depth(GEOMETRY.depth), "normal": Normal(GEOMETRY.normals), "toy": Toy()}
    if name in baselines:
        assert abs(z_directed(h, baselines[name], draw)) < 4


def test_the_printed_form_has_not():
    """METHOD's own check, x_t = 0.24 + 0.6 ε and φ = x²: E[εφ + ∇φ] = (1 + σ) E φ' = 0.768, ours 0."""
    generator = torch.Generator().manual_seed(0)
    eps = torch.randn(1_000_000, generator=generator, dtype=torch.float64)
    x = 0.24 + 0.6 * eps
    ours, printed = eps * x**2 - 0.6 * 2 * x, eps * x**2 + 2 * x
    assert abs(float(ours.mean() / (ours.std() / 1000))) < 4
    assert float(printed.mean()) == pytest.approx((1 + 0.6) * 2 * 0.24, abs=0.01)


def test_the_printed_depth_fails_the_test_that_depth_passes():
    draw, depth = scene(noises=128, seed=1), Depth(GEOMETRY.depth)
    assert abs(z_directed(depth.variate(draw), depth, draw)) < 4
    assert z_directed(Depth(GEOMETRY.depth, printed=True).variate(draw), depth, draw) > 6


def test_a_stopped_gradient_is_caught():
    # ∇(x · stop(x)) is half of what Stein's identity asks for.
    draw = scene(noises=128, seed=2)
    assert abs(z_directed(stein(Toy(), draw), Toy(), draw)) < 4
    assert z_directed(stein(Frozen(), draw), Toy(), draw) > 6


@pytest.mark.parametrize("baseline", [Depth(GEOMETRY.depth), Normal(GEOMETRY.normals), Joint()])
def test_gradients_are_exact(baseline):
    network = RandomGeometry(4, 0).double()
    if isinstance(baseline, Depth):
        baseline = Depth(network.depth)
    elif isinstance(baseline, Normal):
        baseline = Normal(network.normals)
    draw = scene(views=2, noises=1, t=(300.0,), dtype=torch.float64)
    _, gradient = phi_and_gradient(baseline, draw)
    generator, step = torch.Generator().manual_seed(7), 1e-5
    for _ in range(4):
        direction = torch.randn(draw.x_t.shape, generator=generator, dtype=torch.float64)
        ahead, behind = (baseline.phi(draw.x_t + s * step * direction, draw).sum() for s in (1, -1))
        expected = float((ahead - behind) / (2 * step))
        assert float((gradient * direction).sum()) == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_nothing_keeps_a_graph():
    h = Depth(GEOMETRY.depth).variate(scene(noises=1))
    assert not h.requires_grad
    with torch.no_grad():  # works inside a caller's no_grad
        assert Depth(GEOMETRY.depth).variate(scene(noises=1)).equal(h)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(2, 9),
    columns=st.integers(2, 9),
    scale=st.floats(0.1, 20),
    shift=st.floats(-5, 5, allow_subnormal=False),
    seed=st.integers(0, 999),
)
def test_pearson_is_numpys_and_ignores_scale_and_shift(rows, columns, scale, shift, seed):
    import numpy as np

    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(2, 3, rows, columns, generator=generator, dtype=torch.float64)
    b = torch.randn(3, rows, columns, generator=generator, dtype=torch.float64)
    ones = torch.ones_like(b)
    correlation = pearson(a, b, ones)
    for group in range(2):
        for view in range(3):
            expected = np.corrcoef(a[group, view].flatten(), b[view].flatten())[0, 1]
            assert float(correlation[group, view]) == pytest.approx(expected, abs=1e-6)
    torch.testing.assert_close(pearson(scale * a + shift, b, ones), correlation, rtol=1e-4, atol=1e-6)


def test_depth_looks_at_covered_pixels_only():
    draw = scene(noises=1)
    phi, _ = phi_and_gradient(Depth(GEOMETRY.depth), draw)
    polluted = draw.depth.clone()
    network = lambda x, t, c: GEOMETRY.depth(x, t, c)  # noqa: E731
    assert (polluted[:, :2] == 0).all()  # the first row of the 8 × 8 grid is empty
    estimate = GEOMETRY.depth(draw.x_t, draw.t, None)
    estimate[:, :, 0] = 1e3
    spoiled = Depth(lambda x, t, c: estimate + 0 * network(x, t, c)).phi(draw.x_t, draw)
    torch.testing.assert_close(spoiled[:, :, None, None, None], phi, rtol=1e-4, atol=1e-4)


def test_depth_that_agrees_gives_zero_and_opposite_gives_two():
    draw = scene(noises=1)
    small = nn.functional.interpolate(draw.depth[:, None], size=(16, 16))[:, 0]
    same = Depth(lambda x, t, c: (3 * small + 1).expand(len(x), -1, -1, -1) + 0 * x.sum()).phi(draw.x_t, draw)
    opposite = Depth(lambda x, t, c: (-small).expand(len(x), -1, -1, -1) + 0 * x.sum()).phi(draw.x_t, draw)
    torch.testing.assert_close(same, torch.zeros_like(same), rtol=0, atol=1e-5)
    torch.testing.assert_close(opposite, torch.full_like(same, 2.0), rtol=0, atol=1e-5)


def test_a_flat_depth_map_is_harmless():
    h = Depth(lambda x, t, c: x.mean(2) * 0.0 + 1.0).variate(scene(noises=2))
    assert torch.isfinite(h).all()
    torch.testing.assert_close(h, scene(noises=2).eps)  # φ = 1


def test_normals_that_agree_give_zero():
    draw = scene(noises=1)
    phi = Normal(lambda x, t, c: draw.normals.expand(len(x), -1, -1, -1, -1) + 0 * x.sum()).phi(draw.x_t, draw)
    torch.testing.assert_close(phi, torch.zeros_like(phi), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [Baseline.DEPTH, Baseline.NORMAL, Baseline.PRINTED_DEPTH])
def test_missing_estimators_are_named(kind):
    with pytest.raises(ValueError, match=rf"{kind.name} needs a \w+ estimator"):
        build((Baseline.CONSTANT, kind), None, None)


def test_missing_renders_are_named():
    draw = make_draw(
        torch.zeros(1, *SHAPE), torch.tensor([5.0]), torch.zeros(1, 1, *SHAPE), Schedule.flow(), Weighting.SIGMA
    )
    with pytest.raises(ValueError, match="DEPTH needs the rendered depth"):
        Depth(GEOMETRY.depth).variate(draw)
    with pytest.raises(ValueError, match="NORMAL needs rendered normals"):
        Normal(GEOMETRY.normals).variate(draw)
