"""All arms side by side: variance, cost, and the table of both."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from gs_stein.bench import analysis
from gs_stein.bench.mixture.measure import measure, zscores
from gs_stein.bench.mixture.options import Options
from gs_stein.bench.mixture.stage import VIEWS, Stage
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, DistillOptions, FittedSDS, Raw


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
