"""The distiller: one family on one draw, unbiased, resumable, safe; and that it reaches modes and Gaussians.

Error rates: |z| < 4 fails by chance once in 16 000; seeds are fixed.
"""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gs_stein.bench.mixture.stage import RandomGeometry
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, CoefficientOptions, DistillOptions, FittedSDS, Raw
from gs_stein.prior.mixture import MixturePrior
from gs_stein.prior.options import GuidanceOptions, TimestepOptions, Weighting
from gs_stein.prior.schedule import Schedule

GEOMETRY = RandomGeometry(4, 0)
FULL = SSD((Baseline.SPECTRAL, Baseline.DEPTH, Baseline.NORMAL))
ESTIMATORS = {
    "raw": Raw(),
    "sds": SDS(),
    "fitted": FittedSDS(),
    "ssd": FULL,
    "ssd scalar": SSD((Baseline.CONSTANT, Baseline.DEPTH)),
    "vsd": VSD(rank=2),
}


class Bench:
    """A mixture prior, a frozen image and its geometry."""

    def __init__(self, scale: float = 3.0, views: int = 2):
        self.prior = MixturePrior((4, 8, 8))
        self.scale = scale
        generator = torch.Generator().manual_seed(11)
        self.x0 = 0.5 * torch.randn(views, 4, 8, 8, generator=generator)
        self.depth = 1.0 + torch.rand(views, 8, 8, generator=generator)
        self.normals = torch.nn.functional.normalize(torch.randn(views, 8, 8, 3, generator=generator), dim=-1)

    def distiller(self, options: DistillOptions) -> Distiller:
        options = replace(options, guidance=GuidanceOptions(scale=self.scale))
        return Distiller(options, self.prior, GEOMETRY.depth, GEOMETRY.normals)

    def step(self, distiller: Distiller, generator: torch.Generator, x0=None, progress=0.0):
        return distiller(
            self.x0 if x0 is None else x0,
            text=self.prior.embed(["class 1"]),
            negative=self.prior.embed([""]),
            cameras=None,
            generator=generator,
            progress=progress,
            depth=self.depth,
            normals=self.normals,
        )


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_all_estimators_share_one_draw():
    bench, found = Bench(), {}
    for name, estimator in ESTIMATORS.items():
        distiller = bench.distiller(DistillOptions(estimator=estimator, noises=3))
        found[name] = bench.step(distiller, seeded(4))
        distiller.close()
    for name, estimate in found.items():
        assert torch.equal(estimate.t, found["sds"].t), name
        torch.testing.assert_close(estimate.eps_hat, found["sds"].eps_hat)
        assert estimate.finite
    # Before any data the fitted ones are SDS; raw differs from it by ω ε.
    for name in ("fitted", "ssd", "ssd scalar"):
        once = bench.distiller(DistillOptions(estimator=ESTIMATORS[name]))
        plain = bench.distiller(DistillOptions(estimator=SDS()))
        torch.testing.assert_close(
            bench.step(once, seeded(5)).grad, bench.step(plain, seeded(5)).grad, rtol=1e-4, atol=1e-5
        )
    assert not torch.allclose(found["raw"].grad, found["sds"].grad)


@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(2, 9), st.integers(2, 9)),
    views=st.integers(1, 3),
    noises=st.integers(1, 3),
    antithetic=st.booleans(),
    schedule=st.sampled_from([Schedule.flow(), Schedule.stable_diffusion(), Schedule.stable_diffusion(250)]),
    seed=st.integers(0, 99),
)
def test_any_shape_and_schedule_starts_as_sds_and_then_learns(shape, views, noises, antithetic, schedule, seed):
    bench = Bench(views=views)
    bench.prior = MixturePrior(shape, schedule=schedule)
    generator = seeded(seed)
    bench.x0 = torch.randn(views, *shape, generator=generator)
    options = DistillOptions(
        estimator=SSD((Baseline.SPECTRAL,)),
        noises=noises,
        antithetic=antithetic,
        coefficients=CoefficientOptions(leave_one_out=False),
    )
    ours, plain = bench.distiller(options), bench.distiller(replace(options, estimator=SDS()))
    first, sds = bench.step(ours, seeded(seed)), bench.step(plain, seeded(seed))
    assert first.grad.shape == bench.x0.shape
    torch.testing.assert_close(first.grad, sds.grad, rtol=1e-3, atol=1e-4)
    second = bench.step(ours, seeded(seed))  # the same draw again: its coefficients have moved
    assert torch.isfinite(second.grad).all()
    assert not torch.equal(second.grad, first.grad)


def test_sds_is_ssd_with_phi_one_and_beta_one():
    bench = Bench()
    faith = CoefficientOptions(ridge=1e15)
    pinned = bench.distiller(DistillOptions(estimator=SSD((Baseline.CONSTANT,)), coefficients=faith))
    plain, a, b = bench.distiller(DistillOptions(estimator=SDS())), seeded(1), seeded(1)
    for _ in range(5):
        torch.testing.assert_close(bench.step(pinned, a).grad, bench.step(plain, b).grad, rtol=1e-5, atol=1e-6)


def test_sds_is_written_out():
    bench = Bench(scale=7.5)
    estimate = bench.step(bench.distiller(DistillOptions(estimator=SDS(), weighting=Weighting.SIGMA)), seeded(2))
    generator = seeded(2)
    uniform = torch.rand(1, generator=generator, dtype=torch.float64)
    t = (20 + uniform * 961).floor().float()
    eps = torch.randn(1, *bench.x0.shape, generator=generator)
    bar = bench.prior.schedule.alphas_cumprod[t.long()]
    x_t = bar.sqrt() * bench.x0[None] + (1 - bar).sqrt() * eps
    texts = [bench.prior.embed([prompt]) for prompt in ("", "class 1")]
    empty, text = (bench.prior.predict(x_t, t, [p], None) for p in texts)
    expected = ((1 - bar).sqrt() * (empty + 7.5 * (text - empty) - eps))[0]
    assert torch.equal(estimate.t, t)
    torch.testing.assert_close(estimate.grad, expected, rtol=1e-4, atol=1e-4)
    eps_hat = empty + 7.5 * (text - empty)
    x0_hat = ((x_t - (1 - bar).sqrt() * eps_hat) / bar.sqrt())[0]
    torch.testing.assert_close(estimate.x0_hat, x0_hat, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["fitted", "ssd", "ssd antithetic", "ssd many", "importance", "golden"])
def test_learned_coefficients_leave_the_mean_alone(name):
    """Mean of the estimator against SDS's own, in the direction of the difference seen on other draws."""
    bench, options = Bench(), DistillOptions(estimator=FULL, coefficients=CoefficientOptions(half_life=20.0, ridge=1.0))
    window = TimestepOptions(0.2, 0.6, sampling="golden" if name == "golden" else "uniform")
    options = replace(options, timesteps=window)
    if name == "fitted":
        options = replace(options, estimator=FittedSDS())
    elif name != "ssd":
        options = replace(
            options, antithetic="anti" in name, noises=4 if "many" in name else 1, importance=name == "importance"
        )
    ours = bench.distiller(options)
    sds = bench.distiller(DistillOptions(estimator=SDS(), noises=32, timesteps=TimestepOptions(0.2, 0.6)))
    a, b = seeded(6), seeded(7)
    for _ in range(10):
        bench.step(ours, a)
    ours_g = torch.stack([bench.step(ours, a).grad for _ in range(160)]).flatten(1).double()
    sds_g = torch.stack([bench.step(sds, b).grad for _ in range(30)]).flatten(1).double()
    for index in range(2):  # two disjoint halves, each the other's direction
        own, other = (ours_g[index::2], ours_g[1 - index :: 2])
        ref, ref_other = sds_g[index::2], sds_g[1 - index :: 2]
        direction = other.mean(0) - ref_other.mean(0)
        x, y = own @ direction, ref @ direction
        z = (x.mean() - y.mean()) / (x.var() / len(x) + y.var() / len(y)).sqrt()
        assert abs(float(z)) < 4
    # The test has power: a mean 20 % off would show.
    direction = sds_g.mean(0)
    x, y = 1.2 * (ours_g @ direction), sds_g @ direction
    assert float((x.mean() - y.mean()) / (x.var() / len(x) + y.var() / len(y)).sqrt()) > 4


def test_ssd_is_quieter_than_sds():
    bench = Bench(scale=1.0, views=4)
    x0 = bench.prior.means[[1, 5, 1, 5]].clone()
    ssd, generator = bench.distiller(DistillOptions(estimator=FULL)), seeded(8)
    for _ in range(200):
        bench.step(ssd, generator, x0)
    ours, plain = ssd.meter.read().second_moment, ssd.meter_sds.read().second_moment
    assert float(ours.nanmean()) < 0.5 * float(plain.nanmean())
    table = ssd.estimator.coefficients.table()
    assert table.shape == (16, 4 * 8, 3)
    assert torch.isfinite(table).all()


def test_variance_readout_finds_the_variance():
    """Two noises a bin: second moment minus cross products must match brute force within 25 %."""
    bench = Bench()
    window = TimestepOptions(0.48, 0.49, sampling="uniform")
    options = DistillOptions(
        estimator=SDS(), noises=4, timesteps=window, coefficients=CoefficientOptions(bins=2, half_life=1e6)
    )
    distiller, generator = bench.distiller(options), seeded(9)
    singles = []
    one = bench.distiller(replace(options, noises=1))
    for _ in range(150):
        bench.step(distiller, generator)
        singles.append(bench.step(one, generator).grad)
    truth = float(torch.stack(singles).var(0).mean())
    assert float(distiller.meter.read().variance[0]) == pytest.approx(truth, rel=0.25)
    assert torch.isnan(distiller.meter.read().second_moment[1])
    assert torch.isnan(one.meter.read().variance[0])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (DistillOptions(estimator=SDS()), 2),
        (DistillOptions(estimator=SDS(), noises=3), 6),
        (DistillOptions(estimator=SDS(), noises=3, antithetic=True), 12),
        (DistillOptions(estimator=FULL, noises=2), 4),
        (DistillOptions(estimator=VSD(rank=1, steps=2, samples=3)), 2 + 1 + 6),
    ],
)
def test_evaluations_are_counted(options, expected):
    bench = Bench()
    distiller = bench.distiller(options)
    assert bench.step(distiller, seeded()).evaluations == expected * len(bench.x0) == bench.prior.evaluations
    distiller.close()


def test_twins_share_t_and_cancel_the_noise_of_a_linear_prior():
    bench = Bench(scale=1.0)
    x0 = bench.prior.means[[1, 5]]
    window = TimestepOptions(0.1, 0.1)
    grads = [
        bench.step(bench.distiller(DistillOptions(estimator=SDS(), antithetic=twins, timesteps=window)), seeded(3), x0)
        for twins in (False, True)
    ]
    assert torch.equal(grads[1].t, grads[0].t.repeat(2))
    # In a mode the prior is linear at low noise: the pair's mean is exact, and tiny next to one draw.
    assert float(grads[1].grad.norm()) < 0.02 * float(grads[0].grad.norm())


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_resumed_run_equals_an_uninterrupted_one(name):
    options = DistillOptions(
        estimator=ESTIMATORS[name], noises=2, importance=True, timesteps=TimestepOptions(sampling="golden")
    )
    bench = Bench()
    distiller, generator = bench.distiller(options), seeded(3)
    for _ in range(6):
        bench.step(distiller, generator)
    file = io.BytesIO()
    torch.save({"distiller": distiller.state_dict(), "generator": generator.get_state()}, file)
    expected = [bench.step(distiller, generator, progress=0.5) for _ in range(4)]
    distiller.close()
    file.seek(0)
    state = torch.load(file, weights_only=True)
    fresh = Bench()
    resumed, generator = fresh.distiller(options), seeded(99)
    resumed.load_state_dict(state["distiller"])
    generator.set_state(state["generator"])
    for one in expected:
        other = fresh.step(resumed, generator, progress=0.5)
        assert torch.equal(one.grad, other.grad)
        assert torch.equal(one.t, other.t)
        assert one.lora_loss == other.lora_loss
    resumed.close()


class Broken(MixturePrior):
    """Predicts NaN when told to."""

    sick = False

    def predict(self, x_t, t, text, cameras):
        eps = super().predict(x_t, t, text, cameras)
        return eps * float("nan") if self.sick else eps


def test_non_finite_steps_are_skipped_counted_and_finally_stopped():
    bench = Bench()
    bench.prior = Broken((4, 8, 8))
    distiller, generator = bench.distiller(DistillOptions(estimator=FULL, max_skips=3)), seeded()
    bench.step(distiller, generator)
    before = distiller.estimator.coefficients.table()
    bench.prior.sick = True
    for _ in range(2):
        estimate = bench.step(distiller, generator)
        assert not estimate.finite
        assert not estimate.grad.any()
    assert torch.equal(distiller.estimator.coefficients.table(), before)  # nothing bad was learned
    bench.prior.sick = False
    assert bench.step(distiller, generator).finite
    assert distiller.guard.skipped == 2
    bench.prior.sick = True
    for _ in range(2):
        assert not bench.step(distiller, generator).finite
    with pytest.raises(FloatingPointError, match=r"3 steps in a row.*the denoiser's prediction \(t = \d+\)") as error:
        bench.step(distiller, generator)
    assert "\n" not in str(error.value)
    assert distiller.guard.skipped == 5


@pytest.mark.parametrize(("where", "match"), [("x0", "the render or its encoding"), ("depth", "a Stein baseline")])
def test_the_line_says_where(where, match):
    bench = Bench()
    distiller = bench.distiller(DistillOptions(estimator=FULL, max_skips=1))
    x0 = bench.x0.clone()
    if where == "x0":
        x0[0, 0, 0, 0] = float("inf")
    else:
        bench.depth[0, 0, 0] = float("inf")
    with pytest.raises(FloatingPointError, match=match):
        bench.step(distiller, seeded(), x0)


def test_rejections_from_outside_count_in_a_row_too():
    bench = Bench()
    distiller, generator = bench.distiller(DistillOptions(estimator=SDS(), max_skips=3)), seeded()
    for _ in range(2):
        assert bench.step(distiller, generator).finite
        distiller.reject("the gradient of the Gaussians")
    assert bench.step(distiller, generator).finite
    with pytest.raises(FloatingPointError, match="last in the gradient of the Gaussians"):
        distiller.reject("the gradient of the Gaussians")
    other = bench.distiller(DistillOptions(estimator=SDS(), max_skips=2))
    for _ in range(4):  # every other step bad: never two in a row
        bench.step(other, generator)
        other.reject("x")
        bench.step(other, generator)


def test_clipping_bounds_a_view():
    bench = Bench()
    free, bound = (bench.step(bench.distiller(DistillOptions(SDS(), clip=c)), seeded(1)).grad for c in (0.0, 0.05))
    size = bound.square().mean((1, 2, 3)).sqrt()
    assert (free.square().mean((1, 2, 3)).sqrt() > 0.05).all()
    torch.testing.assert_close(size, torch.full_like(size, 0.05))


@pytest.mark.parametrize("schedule", [Schedule.stable_diffusion(), Schedule.flow()], ids=["ddpm", "flow"])
@pytest.mark.parametrize("name", ["sds", "fitted", "ssd"])
def test_pixels_reach_a_mode(name, schedule):
    """The 2D run: an image optimised directly ends within a tenth of the modes' contrast of a mode of its class."""
    bench = Bench(scale=1.0)
    bench.prior = MixturePrior((4, 8, 8), schedule=schedule)
    distiller, generator = bench.distiller(DistillOptions(estimator=ESTIMATORS[name])), seeded(5)
    x0 = torch.zeros(2, 4, 8, 8)
    optimizer = torch.optim.Adam([x0], lr=0.05)
    start = bench.prior.distance(x0, "class 1")
    for step in range(200):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / 200)
        x0.grad = bench.step(distiller, generator, x0, step / 200).grad
        optimizer.step()
    end = bench.prior.distance(x0, "class 1")
    assert (start > 0.4).all()
    assert (end < 0.07).all()
    assert (bench.prior.distance(x0, "class 0") > 0.4).all()


def test_the_gradient_reaches_every_attribute_of_the_gaussians():
    from gs_stein.gaussians.model import Gaussians
    from gs_stein.rasterize.reference import rasterize_reference
    from gs_stein.types import Cameras

    generator = seeded(2)
    prior = MixturePrior((3, 8, 8))
    fields = {
        "means": 0.3 * torch.randn(24, 3, generator=generator),
        "log_scales": -1.5 + 0.3 * torch.randn(24, 3, generator=generator),
        "quats": torch.randn(24, 4, generator=generator),
        "opacity_logits": torch.randn(24, generator=generator),
        "sh": 0.5 * torch.randn(24, 4, 3, generator=generator),
    }
    gaussians = Gaussians(**{name: value.requires_grad_() for name, value in fields.items()})
    viewmats = torch.eye(4).repeat(2, 1, 1)
    viewmats[:, 2, 3] = 2.5
    viewmats[1, :3, :3] = torch.tensor([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    K = torch.tensor([[16.0, 0.0, 8.0], [0.0, 16.0, 8.0], [0.0, 0.0, 1.0]])
    cameras = Cameras(viewmats, K.repeat(2, 1, 1), 16, 16)
    from gs_stein.rasterize.options import RasterizeOptions

    render = rasterize_reference(gaussians, cameras, RasterizeOptions(), torch.zeros(2, 3))
    x0 = prior.encode(render.rgb.permute(0, 3, 1, 2))
    geometry = RandomGeometry(3, 1)
    distiller = Distiller(DistillOptions(), prior, geometry.depth)
    estimate = distiller(
        x0.detach(),
        text=prior.embed(["class 1"]),
        negative=prior.embed([""]),
        cameras=cameras,
        generator=generator,
        progress=0.0,
        depth=render.depth.detach(),
    )
    (x0 * estimate.grad).sum().backward()
    for name, value in fields.items():
        assert value.grad is not None, name
        assert torch.isfinite(value.grad).all(), name
        assert (value.grad.flatten(1) if value.grad.ndim > 1 else value.grad).abs().sum() > 0, name
        assert value.grad.abs().gt(0).float().mean() > 0.5, name


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: DistillOptions(noises=0), "noises: 0 is below 1"),
        (lambda: DistillOptions(clip=-1.0), "clip: -1.0 is negative"),
        (lambda: DistillOptions(max_skips=0), "max_skips: 0 is below 1"),
        (lambda: SSD(()), "baselines: empty"),
        (lambda: SSD((Baseline.DEPTH, Baseline.DEPTH)), "appears twice"),
        (lambda: SSD((Baseline.CONSTANT, Baseline.SPECTRAL)), "SPECTRAL contains CONSTANT"),
        (lambda: VSD(rank=0), "rank: 0 is below 1"),
        (lambda: Distiller(DistillOptions(), MixturePrior()), "DEPTH needs a depth estimator"),
    ],
)
def test_mistakes_are_one_line(build, message):
    with pytest.raises(ValueError, match=message) as error:
        build()
    assert "\n" not in str(error.value)
