"""How noisy is each estimator, for its cost? METHOD's protocol on a prior with a known score.

    python -m gs_stein.bench variance --prior mixture --json

Scenes are frozen at 0, 2, 10, 40 and 100 % of a run of SDS and of a run of SSD. At each, every arm sees the same
cameras × timesteps × noises; coefficients (and VSD's LoRA) are fitted on disjoint draws. The variance is that over
noises given camera and timestep, weighted by ω². Intervals bootstrap the cameras.

The mixture's denoiser is nearly free, so its raw seconds say little about a real run: they measure Python. Three costs
are therefore printed: denoiser evaluations; seconds as measured; and *priced* seconds, the measured ones plus, for each
evaluation, the time of one 1024³ matrix product in this process (2.1 GFLOP: about what a view costs in the bundled
prior), and for each look of a depth or normal network, backward pass included, `--geometry-price` of that. `ratio_*`
are variance × priced seconds; `*_evaluations` and `*_measured` are the other two. Arms are timed in turns, so that a
busy machine slows all of them alike. Intervals are of the variance; seconds are taken as they are.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gs_stein.bench import analysis
from gs_stein.distill import estimators
from gs_stein.distill.baselines import Constant, Depth, Normal, phi_and_gradient
from gs_stein.distill.coefficients import Coefficients
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.draw import Draw, make_draw
from gs_stein.distill.lora import LoraScore
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, CoefficientOptions, DistillOptions, FittedSDS, Raw
from gs_stein.prior.guidance import guided
from gs_stein.prior.mixture import MixturePrior
from gs_stein.prior.options import GuidanceOptions, TimestepOptions, Weighting
from gs_stein.prior.schedule import sample_timesteps
from gs_stein.types import Cameras

PROMPT = "class 1"
VIEWS = 4
"""In a step that is timed."""


@dataclass(frozen=True)
class Options:
    """Variance of the estimators at frozen scenes."""

    prior: Literal["mixture"] = "mixture"
    preset: Literal["quick", "full"] = "quick"
    """quick: 12 cameras × 6 timesteps × 8 noises, some minutes of CPU. full: 64 × 8 × 16."""
    json: bool = False
    """Print one JSON object as the last line."""
    seed: int = 0
    geometry_price: float = 0.16
    """Forward and backward of the depth network, as a part of one denoiser evaluation. 0.16 is the bundled prior's,
    measured on one core; Stable Diffusion with TAESD and a depth network is above 0.5 by their FLOP."""

    def __post_init__(self) -> None:
        if self.geometry_price < 0:
            raise ValueError(f"geometry-price: {self.geometry_price} is negative; use 0 for a free depth network")


@dataclass(frozen=True)
class Arm:
    """One row of the table; ratios are to SDS."""

    name: str
    scale: float
    variance: float
    variance_interval: tuple[float, float]
    adam: float
    """Ratio of the Adam-preconditioned variance."""
    evaluations: float
    """Denoiser evaluations per independent noise and view (a training step of VSD's LoRA counts three)."""
    cost_priced: float
    cost_measured: float
    mean_shift: float
    """‖E − E_SDS‖ / ‖E_SDS‖; negative is "none seen"."""
    cosine: float
    log_variance: float
    """log of the variance's trace per view."""

    def times(self, cost: float) -> tuple[float, float, float]:
        """variance × cost, with its interval."""
        return (self.variance * cost, self.variance_interval[0] * cost, self.variance_interval[1] * cost)


class RandomGeometry(nn.Module):
    """A random smooth convolutional network that stands in for a depth and normal estimator."""

    def __init__(self, channels: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.body = nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 4, 3, padding=1))
        self.looks = 0
        """Views looked at so far."""
        self.requires_grad_(False)

    def forward(self, x: Float[Tensor, "B V C h w"]) -> Float[Tensor, "B V 4 h w"]:
        """One depth and three normal channels."""
        self.looks += x.shape[0] * x.shape[1]
        return self.body(x.flatten(0, 1)).unflatten(0, x.shape[:2])

    def depth(self, x_t: Float[Tensor, "B V C h w"], t: Float[Tensor, " B"], cameras: Cameras | None) -> Tensor:
        """Relative depth."""
        return self(x_t)[:, :, 0]

    def normals(self, x_t: Float[Tensor, "B V C h w"], t: Float[Tensor, " B"], cameras: Cameras | None) -> Tensor:
        """Unit normals."""
        return nn.functional.normalize(self(x_t)[:, :, 1:].permute(0, 1, 3, 4, 2), dim=-1, eps=1e-3)


@dataclass(frozen=True)
class Scene:
    """V images frozen somewhere along a run."""

    label: str
    x0: Float[Tensor, "V C h w"]
    second: Float[Tensor, "V C h w"]
    """Adam's running mean square of the gradient."""


class Stage:
    """The prior, a geometry to correlate with, and the frozen scenes of one guidance scale."""

    def __init__(self, scale: float, cameras: int, seed: int) -> None:
        self.prior = MixturePrior(seed=seed)
        self.geometry = RandomGeometry(self.prior.shape[0], seed)
        self.guidance = GuidanceOptions(scale=scale)
        self.text, self.negative = self.prior.embed([PROMPT]), self.prior.embed([""])
        # "Rendered" geometry: what the estimator sees in the modes of the class, one per camera.
        modes = self.prior.means[1 :: self.prior.classes]
        clean = modes[torch.arange(cameras) % len(modes)][None]
        depth = self.geometry.depth(clean, torch.zeros(1), None)[0]
        self.depth = depth - depth.amin() + 1.0
        self.normals = self.geometry.normals(clean, torch.zeros(1), None)[0]
        generator = torch.Generator().manual_seed(seed + 1)
        self.start = 0.3 * torch.randn(cameras, *self.prior.shape, generator=generator)

    def distiller(self, options: DistillOptions) -> Distiller:
        """A distiller with this stage's guidance and estimators."""
        return Distiller(
            replace(options, guidance=self.guidance), self.prior, self.geometry.depth, self.geometry.normals
        )

    def run(self, options: DistillOptions, steps: int, seed: int) -> list[Scene]:
        """Optimise the pixels and freeze them at 0, 2, 10, 40 and 100 %."""
        distiller, generator = self.distiller(options), torch.Generator().manual_seed(seed)
        x0 = self.start.clone()
        optimizer = torch.optim.Adam([x0], lr=0.02, betas=(0.9, 0.99))
        marks = {round(steps * part): f"{part:.0%}" for part in (0.0, 0.02, 0.1, 0.4, 1.0)}
        scenes = []
        for step in range(steps + 1):
            x0.grad = self.gradient(distiller, x0, generator, step / steps)
            if step in marks:
                seen = optimizer.state[x0]["exp_avg_sq"] if step else x0.grad.square()
                scenes.append(Scene(marks[step], x0.clone(), seen.clone()))
            optimizer.step()
        return scenes

    def gradient(self, distiller: Distiller, x0: Tensor, generator: torch.Generator, progress: float) -> Tensor:
        """One call of a distiller on this stage's prompt and geometry."""
        return distiller(
            x0,
            text=self.text,
            negative=self.negative,
            cameras=None,
            generator=generator,
            progress=progress,
            depth=self.depth[: len(x0)],
            normals=self.normals[: len(x0)],
        ).grad

    def draw(self, x0: Tensor, t: Tensor, generator: torch.Generator, *, twins: bool) -> tuple[Draw, Tensor]:
        """Noise the frozen scene, and ask the prior."""
        eps = torch.randn(len(t), *x0.shape, generator=generator)
        draw = make_draw(
            x0,
            t,
            eps,
            self.prior.schedule,
            Weighting.SIGMA2,
            antithetic=twins,
            depth=self.depth,
            normals=self.normals,
        )
        return draw, guided(self.prior, draw.x_t, draw.t, self.text, self.negative, None, self.guidance)


SETS = {
    "fitted": (("h 1",), False),
    "phi only": (("h depth",), False),
    "{1, depth}": (("h 1", "h depth"), False),
    "{1, normal}": (("h 1", "h normal"), False),
    "{1, depth, normal}": (("h 1", "h depth", "h normal"), False),
    "printed": (("h 1", "h printed"), False),
    "spectral": (("h 1",), True),
    "ssd": (("h 1", "h depth"), True),
    "ssd + normal": (("h 1", "h depth", "h normal"), True),
}
"""The fitted arms: their control variates, and whether coefficients are spectral."""


def evaluate(geometry: RandomGeometry, draw: Draw) -> dict[str, Tensor]:
    """Every control variate once; the arms share them. "phi …" and "grad …" are what they were made of."""
    found = {"h 1": Constant().variate(draw)}
    for name, baseline in (("depth", Depth(geometry.depth)), ("normal", Normal(geometry.normals))):
        phi, gradient = phi_and_gradient(baseline, draw)
        found |= {f"phi {name}": phi.expand_as(draw.eps), f"grad {name}": gradient}
        found[f"h {name}"] = draw.eps * phi - draw.noise_scale() * gradient
    found["h printed"] = draw.eps * found["phi depth"] + found["grad depth"]
    return found


def steins() -> dict[str, Coefficients]:
    """Coefficients of the fitted arms, from disjoint draws only: leave-one-out is off."""
    fit = CoefficientOptions(half_life=1000.0, leave_one_out=False)
    return {
        name: Coefficients(
            fit,
            len(keys),
            torch.tensor([float(key == "h 1") for key in keys]),
            spectral=spectral,
            num_timesteps=1000,
        )
        for name, (keys, spectral) in SETS.items()
    }


def measure(stage: Stage, scene: Scene, timesteps: int, noises: int, fits: int, seed: int) -> dict[str, Tensor]:
    """Samples (cameras, timesteps, noises, C, h, w) of every arm, and "h …" of every control variate."""
    generator = torch.Generator().manual_seed(seed)
    x0, schedule = scene.x0, stage.prior.schedule
    arms = steins()
    for _ in range(fits):
        t, _ = sample_timesteps(schedule, TimestepOptions(), 8, 0.0, generator)
        draw, eps_hat = stage.draw(x0, t, generator, twins=False)
        variates = evaluate(stage.geometry, draw)
        for name, arm in arms.items():
            arm.update(eps_hat, [variates[key] for key in SETS[name][0]], draw)
    lora = LoraScore(VSD(rank=4, learning_rate=3e-3, steps=4 * fits, samples=4), stage.prior, len(stage.prior.means))
    lora.train(x0, stage.text, stage.negative, None, TimestepOptions().window(0.0), generator)

    grid, _ = sample_timesteps(schedule, TimestepOptions(), timesteps, 0.0, generator)
    draw, eps_hat = stage.draw(x0, grid.repeat_interleave(noises), generator, twins=True)
    residuals = {"raw": estimators.raw(eps_hat), "sds": estimators.sds(eps_hat, draw)}
    residuals["vsd"] = estimators.vsd(eps_hat, lora.predict(draw.x_t, draw.t, stage.text, None))
    lora.close()
    residuals |= evaluate(stage.geometry, draw)
    for name, arm in arms.items():
        residuals[name] = arm.residual(eps_hat, [residuals[key] for key in SETS[name][0]], draw, update=False)
    half = len(draw.t) // 2
    omega = draw.weight.view(-1, 1, 1, 1, 1)
    weighted = {n: value if n.startswith("phi") else omega * value for n, value in residuals.items()}
    samples = {
        name: value[:half].unflatten(0, (timesteps, noises)).permute(2, 0, 1, 3, 4, 5)
        for name, value in weighted.items()
    }
    for name, base in (("sds + antithetic", "sds"), ("ssd + antithetic", "ssd")):
        pair = 0.5 * (weighted[base][:half] + weighted[base][half:])
        samples[name] = pair.unflatten(0, (timesteps, noises)).permute(2, 0, 1, 3, 4, 5)
    return samples


@dataclass
class Cost:
    """What a distillation step of one arm costs."""

    evaluations: float
    """Of the denoiser, per view."""
    looks: float
    """Of the depth and normal networks, per view."""
    seconds: float = float("inf")
    """Least seen, on `VIEWS` views of the mixture."""

    def priced(self, price: float, geometry_price: float) -> float:
        """Seconds if an evaluation took `price` more, and a look a part of it."""
        return self.seconds + VIEWS * price * (self.evaluations + geometry_price * self.looks)


def costs(scale: float, repeats: int) -> tuple[dict[str, Cost], float]:
    """The cost of every arm, and the seconds of a 1024³ matrix product; arms take turns, each on a prior of its own."""
    kinds = {
        "raw": DistillOptions(estimator=Raw()),
        "sds": DistillOptions(estimator=SDS()),
        "fitted": DistillOptions(estimator=FittedSDS()),
        "phi only": DistillOptions(estimator=SSD((Baseline.DEPTH,))),
        "{1, depth}": DistillOptions(estimator=SSD((Baseline.CONSTANT, Baseline.DEPTH))),
        "{1, normal}": DistillOptions(estimator=SSD((Baseline.CONSTANT, Baseline.NORMAL))),
        "{1, depth, normal}": DistillOptions(estimator=SSD((Baseline.CONSTANT, Baseline.DEPTH, Baseline.NORMAL))),
        "printed": DistillOptions(estimator=SSD((Baseline.CONSTANT, Baseline.PRINTED_DEPTH))),
        "spectral": DistillOptions(estimator=SSD((Baseline.SPECTRAL,))),
        "ssd": DistillOptions(estimator=SSD((Baseline.SPECTRAL, Baseline.DEPTH))),
        "ssd + normal": DistillOptions(estimator=SSD((Baseline.SPECTRAL, Baseline.DEPTH, Baseline.NORMAL))),
        "sds + antithetic": DistillOptions(estimator=SDS(), antithetic=True),
        "ssd + antithetic": DistillOptions(estimator=SSD((Baseline.SPECTRAL, Baseline.DEPTH)), antithetic=True),
        "vsd": DistillOptions(estimator=VSD(rank=4)),
    }
    square, price, generator = torch.randn(1024, 1024), float("inf"), torch.Generator().manual_seed(0)
    steps, found = {}, {}
    for name, kind in kinds.items():
        # A prior each: VSD's LoRA may not slow the others down.
        stage = Stage(scale, VIEWS, 0)
        steps[name] = partial(stage.gradient, stage.distiller(kind), stage.start, generator, 0.0)
        before = stage.geometry.looks
        steps[name]()
        found[name] = Cost(stage.prior.evaluations / VIEWS, (stage.geometry.looks - before) / VIEWS)
    found["vsd"].evaluations += 2.0  # the backward pass of its training step
    for _ in range(repeats):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            found[name].seconds = min(found[name].seconds, time.perf_counter() - start)
        start = time.perf_counter()
        torch.mm(square, square)
        price = min(price, time.perf_counter() - start)
    return found, price


def compare(scale: float, options: Options) -> tuple[list[Arm], dict[str, float], dict[str, analysis.Components]]:
    """All arms at one guidance scale, the largest |z| of each control variate, and the ANOVA of some arms."""
    full = options.preset == "full"
    cameras, timesteps, noises = (64, 8, 16) if full else (12, 6, 8)
    stage = Stage(scale, cameras, options.seed)
    scenes = [
        scene
        for kind in (SDS(), SSD((Baseline.SPECTRAL, Baseline.DEPTH)))
        for scene in stage.run(DistillOptions(estimator=kind), 400 if full else 200, options.seed)
    ]
    variances: dict[str, list[Tensor]] = {}
    adams: dict[str, list[Tensor]] = {}
    means: dict[str, list[tuple[float, float]]] = {}
    worst: dict[str, float] = {}
    for index, scene in enumerate(scenes):
        samples = measure(stage, scene, timesteps, noises, 48 if full else 16, options.seed + 10 + index)
        for name in ("depth", "normal", "printed"):
            z = zscores(samples, name)
            worst[name] = max(worst.get(name, 0.0), z)
        worst["1"] = max(worst.get("1", 0.0), abs(analysis.z_of_mean(samples["h 1"])))
        for name, value in samples.items():
            if name.split()[0] in ("h", "phi", "grad"):
                continue
            variance = analysis.noise_variance(value)
            variances.setdefault(name, []).append(variance.mean((1, 2, 3)))
            adams.setdefault(name, []).append((variance / scene.second.clamp_min(1e-12)).mean((1, 2, 3)))
            means.setdefault(name, []).append(analysis.mean_shift(value, samples["sds"]))
    spent, price = costs(scale, 60 if full else 30)
    priced = {name: cost.priced(price, options.geometry_price) for name, cost in spent.items()}
    reference = torch.stack(variances["sds"])
    arms = []
    for name, values in variances.items():
        ratio, low, high = analysis.ratio_interval(torch.stack(values), reference, options.seed)
        adam = analysis.ratio_interval(torch.stack(adams[name]), torch.stack(adams["sds"]), options.seed)[0]
        shift, cosine = (sum(parts) / len(parts) for parts in zip(*means[name], strict=True))
        arms.append(
            Arm(
                name,
                scale,
                ratio,
                (low, high),
                adam,
                spent[name].evaluations,
                priced[name] / priced["sds"],
                spent[name].seconds / spent["sds"].seconds,
                shift,
                cosine,
                float((torch.stack(values).mean() * stage.start[0].numel()).log()),
            )
        )
    shown = {name: analysis.components(samples[name]) for name in ("sds", "spectral", "ssd")}
    return arms, worst, shown


def zscores(samples: dict[str, Tensor], name: str) -> float:
    """Largest |z| of the mean of one variate: in all directions together, and along E∇φ."""
    source, h = "depth" if name == "printed" else name, samples[f"h {name}"]
    along = analysis.z_along(h, samples["h 1"], samples[f"phi {source}"][..., 0, 0, 0], samples[f"grad {source}"])
    return max(abs(analysis.z_of_mean(h)), abs(along))


def report(arms: list[Arm]) -> None:
    """Print the table of one guidance scale."""
    base = next(arm for arm in arms if arm.name == "sds")
    print(f"\nGuidance {arms[0].scale:g}: variance over noises relative to SDS, whose log is {base.log_variance:.2f}")
    print(
        f"{'arm':20s} {'variance':>9s} {'95 % interval':>17s} {'Adam':>7s} {'evals':>6s} {'×evals':>8s}"
        f" {'×priced s':>9s} {'×mixture s':>10s} {'shift':>7s} {'cosine':>7s}"
    )
    for arm in sorted(arms, key=lambda arm: arm.times(arm.cost_priced)):
        evaluations = arm.evaluations / base.evaluations
        low, high = arm.variance_interval
        print(
            f"{arm.name:20s} {arm.variance:9.3f} [{low:7.3f}, {high:6.3f}] {arm.adam:7.3f} {arm.evaluations:6.1f}"
            f" {arm.variance * evaluations:8.3f} {arm.variance * arm.cost_priced:9.3f}"
            f" {arm.variance * arm.cost_measured:10.3f} {arm.mean_shift:7.3f} {arm.cosine:7.3f}"
        )


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench variance`."""
    import tyro

    options = tyro.cli(Annotated[Options, tyro.conf.arg(name="")], args=argv, description=__doc__)
    start, worst = time.perf_counter(), {}
    found: dict[str, object] = {"prior": options.prior, "preset": options.preset, "seed": options.seed}
    tables: list[dict] = []
    for scale, suffix in ((7.5, ""), (1.0, "_cfg1")):
        arms, z, shares = compare(scale, options)
        worst = {name: max(value, worst.get(name, 0.0)) for name, value in z.items()}
        report(arms)
        for name, part in shares.items():
            total = part.camera + part.timestep + part.noise
            print(
                f"  {name} at the end of the run: camera {part.camera / total:.0%}, "
                f"timestep {part.timestep / total:.0%}, noise {part.noise / total:.0%} of the variance"
            )
        by_name = {arm.name: arm for arm in arms}
        # SSD in full is the fitted family on antithetic pairs; `ssd_single` is the same without the twins.
        keys = {"ssd": "ssd + antithetic", "ssd_single": "ssd", "fitted": "fitted", "spectral": "spectral"}
        keys |= {"antithetic": "sds + antithetic", "vsd": "vsd", "raw": "raw"}
        for key, name in keys.items():
            arm = by_name[name]
            value, low, high = arm.times(arm.cost_priced)
            found[f"ratio_{key}_over_sds{suffix}"] = round(value, 5)
            found[f"ratio_{key}_over_sds{suffix}_interval"] = [round(low, 5), round(high, 5)]
            evaluations = arm.evaluations / by_name["sds"].evaluations
            found[f"ratio_{key}_over_sds{suffix}_evaluations"] = round(arm.times(evaluations)[0], 5)
            found[f"ratio_{key}_over_sds{suffix}_measured"] = round(arm.times(arm.cost_measured)[0], 5)
        tables += [asdict(arm) for arm in arms]
    printed = worst.pop("printed")
    found["max_abs_z_mean"] = round(max(worst.values()), 3)
    found["max_abs_z_mean_printed"] = round(printed, 3)
    found["seconds"] = round(time.perf_counter() - start, 1)
    print(f"\nLargest |z| of the mean of a control variate over all scenes ({found['seconds']} s in all):")
    print("  zero-mean: " + ", ".join(f"{n} {z:.2f}" for n, z in worst.items()) + f"; the printed form: {printed:.2f}")
    print('"×priced s" charges each denoiser evaluation one 1024³ matrix product, and each look at depth or normals')
    print(f"{options.geometry_price:g} of one: the mixture itself is nearly free.")
    if options.json:
        print(json.dumps(found | {"arms": tables}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
