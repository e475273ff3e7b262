"""The 2D experiment: optimise an image directly with each estimator, and count what it costs to reach a mode.

    python -m gs_stein.bench pixels --json

Each run walks V independent images from grey noise under a prior with a known score. The error is the root-mean-square
distance to where the *exact* expected gradient of the same guidance leads from the image's final place (a fixed point,
found with many antithetic noises); the target is 1.25 × the error at which SDS ends. The learning rate is constant, so
that the noise of the estimator sets the floor, as it does at the end of a real run. It is also the same for every arm
and Adam's step does not grow with a quieter gradient, so an arm of antithetic pairs, which takes half as many steps for
its evaluations, walks half as far: its `calls` are limited by the steps, not by its noise.

    python -m gs_stein.bench pixels --optimizer sgd --guidance 7.5 100 --rates 1 4 16 --json

asks where variance buys time at all. `gain_*_rate4` is SDS's evaluations over the arm's, both at that factor of the
learning rate, to 1.25 × what SDS ends at with it; `gain_*` each at its own best factor, to 1.25 × the lowest error that
SDS ends at with any (medians over images, 90 % bootstrap intervals). `halved` and `noiseless` are no estimators
but what one could be: the means over two noises and over 16 antithetic pairs at the step's own noise level, counted as
one evaluation. Where neither arrives sooner, taking the noise of ε away buys no time. (The second is no bound: a walk
without noise may end at a worse mode.)
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.bench.convergence.figures import interval
from gs_stein.bench.mixture.stage import PROMPT, Stage
from gs_stein.distill.estimators import sds
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, DistillOptions, FittedSDS, Raw
from gs_stein.files import print_anything
from gs_stein.prior.options import TimestepOptions
from gs_stein.prior.schedule import sample_timesteps

GIVEN = {"halved": (2, False), "noiseless": (16, True)}
"""Arms that are given more noises than they pay for: how many, and whether each comes with its opposite."""
ARMS = {
    "raw": DistillOptions(estimator=Raw()),
    "sds": DistillOptions(estimator=SDS()),
    "fitted": DistillOptions(estimator=FittedSDS()),
    "vsd": DistillOptions(estimator=VSD(rank=4)),
    "spectral": DistillOptions(estimator=SSD((Baseline.SPECTRAL,))),
    "ssd": DistillOptions(),
    "sds + antithetic": DistillOptions(estimator=SDS(), antithetic=True),
    "ssd + antithetic": DistillOptions(antithetic=True),
} | dict.fromkeys(GIVEN, DistillOptions(estimator=SDS()))


@dataclass(frozen=True)
class Options:
    """Optimise images directly."""

    prior: Literal["mixture"] = "mixture"
    preset: Literal["quick", "full"] = "quick"
    """quick: 12 images, 1 seed, some minutes of CPU. full: 48 images, 2 seeds, three times as many steps."""
    guidance: tuple[float, ...] = (7.5, 1.0)
    """Scales of guidance."""
    arms: tuple[str, ...] = tuple(name for name in ARMS if name not in GIVEN)
    """Which arms to run; SDS always does."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """Adam, or plain gradient descent without momentum."""
    rates: tuple[float, ...] = (1.0,)
    """Factors on the learning rate that every arm is run with."""
    seeds: int = 0
    """Runs of each; 0: the preset's."""
    json: bool = False
    """Print one JSON object as the last line."""
    seed: int = 0

    def __post_init__(self) -> None:
        if unknown := set(self.arms) - set(ARMS):
            raise ValueError(f"arms: {', '.join(sorted(unknown))} unknown; choose from {', '.join(ARMS)}")
        if not self.rates or not all(0 < rate < math.inf for rate in self.rates):
            raise ValueError(f"rates: {self.rates}; give one positive factor or more")
        if not self.guidance or not all(map(math.isfinite, self.guidance)):
            raise ValueError(f"guidance: {self.guidance}; give one finite scale or more")
        if self.seeds < 0:
            raise ValueError(f"seeds: {self.seeds} is below 0; give how many runs of each, or 0 for the preset's")


@dataclass(frozen=True)
class Row:
    """One arm at one guidance scale and learning rate."""

    name: str
    scale: float
    rate: float
    """Factor on the learning rate."""
    calls: float | None
    """Median denoiser evaluations per image until its error, smoothed over 5 % of the run, first falls below 1.25 ×
    that at which SDS ends with the same rate; None: at most half got there."""
    reached: float
    """Fraction of the images that got there."""
    error: float
    """Median error over the last tenth of the run."""
    seconds: float


def settle(stage: Stage, x0: Float[Tensor, "V C h w"], steps: int, seed: int) -> Float[Tensor, "V C h w"]:
    """Follow the almost exact expected gradient (16 antithetic pairs a step) to its fixed point."""
    distiller = stage.distiller(DistillOptions(estimator=SDS(), noises=16, antithetic=True))
    generator, x0 = torch.Generator().manual_seed(seed), x0.clone()
    optimizer = torch.optim.Adam([x0], lr=0.02)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.02 * (1.0 - step / steps)
        x0.grad = stage.gradient(distiller, x0, generator, step / steps)
        optimizer.step()
    return x0


def quieter(
    stage: Stage, x0: Float[Tensor, "V C h w"], generator: torch.Generator, noises: int, twins: bool
) -> Float[Tensor, "V C h w"]:
    """SDS's gradient at one noise level as a mean over noises, counted as one evaluation with its branches."""
    before = stage.prior.evaluations
    t, _ = sample_timesteps(stage.prior.schedule, TimestepOptions(), 1, 0.0, generator)
    draw, eps_hat = stage.draw(x0, t.repeat(noises), generator, twins=twins)
    stage.prior.evaluations = before + (stage.prior.evaluations - before) // len(draw.t)
    return (draw.weight.view(-1, 1, 1, 1, 1) * sds(eps_hat, draw)).mean(0)


def walk(
    stage: Stage, name: str, evaluations: int, optimizer: torch.optim.Optimizer, x0: Tensor, seed: int
) -> tuple[Tensor, Tensor, Tensor, float]:
    """Optimise until `evaluations` per image are spent.

    Args:
        stage: the prior, and what is asked of it.
        name: of the arm.
        evaluations: per image.
        optimizer: of `x0`.
        x0: the images; changed in place.
        seed: of timesteps and noise.

    Returns:
        Evaluations at each mark (M,), images at each mark (M, V, C, h, w), the final images averaged over the last
        tenth, and seconds.
    """
    distiller, generator = stage.distiller(ARMS[name]), torch.Generator().manual_seed(seed)
    start, spent, marks, images = time.perf_counter(), 0, [], []
    began = stage.prior.evaluations
    while spent < evaluations:
        if name in GIVEN:
            x0.grad = quieter(stage, x0, generator, *GIVEN[name])
        else:
            x0.grad = stage.gradient(distiller, x0, generator, 0.0)
        optimizer.step()
        spent = (stage.prior.evaluations - began) // len(x0)
        marks.append(spent)
        images.append(x0.clone())
    distiller.close()
    tail = images[-max(1, len(images) // 10) :]
    return torch.tensor(marks), torch.stack(images), torch.stack(tail).mean(0), time.perf_counter() - start


def reach(marks: Float[Tensor, " M"] | Tensor, errors: Float[Tensor, "M V"], target: float) -> Tensor:
    """Evaluations until each image's error, smoothed over 5 % of the run, first falls below the target; inf: never."""
    window = max(1, len(errors) // 20)
    padded = torch.cat([errors[:1].expand(window - 1, -1), errors])
    smooth = padded.unfold(0, window, 1).mean(-1)
    below = smooth < target
    first = below.float().argmax(0)
    return torch.where(below.any(0), marks[first].double(), torch.inf)


def optimizer_of(stage: Stage, x0: Tensor, kind: str, rate: float, seed: int) -> torch.optim.Optimizer:
    """Adam; or plain descent, whose first steps are as long (root mean square, by a few of SDS's gradients there)."""
    if kind == "adam":
        return torch.optim.Adam([x0], lr=rate, betas=(0.9, 0.99))
    distiller, generator = stage.distiller(ARMS["sds"]), torch.Generator().manual_seed(seed)
    first = torch.stack([stage.gradient(distiller, x0, generator, 0.0) for _ in range(16)])
    return torch.optim.SGD([x0], lr=rate / float(first.square().mean().sqrt()))


@dataclass(frozen=True)
class Walk:
    """Images on their way, and how far each is from its fixed point."""

    marks: Tensor
    """Evaluations per image at each mark, (M,)."""
    errors: Float[Tensor, "M V"]
    seconds: float

    @property
    def ends(self) -> Float[Tensor, "M V"]:
        """Errors over the last tenth."""
        return self.errors[-max(1, len(self.errors) // 10) :]


def walks(scale: float, options: Options) -> dict[tuple[str, float], list[Walk]]:
    """Of all arms at one guidance scale, by name and factor of the learning rate; SDS first."""
    full = options.preset == "full"
    images, seeds, budget, rate = (48, 2, 1600, 0.01) if full else (12, 1, 500, 0.02)
    evaluations = budget * (1 if scale == 1.0 else 2)
    stage, found = Stage(scale, images, options.seed), {}
    for name in dict.fromkeys(["sds", *options.arms]):
        for factor in options.rates:
            for seed in range(options.seeds or seeds):
                x0 = stage.start.clone()
                optimizer = optimizer_of(stage, x0, options.optimizer, rate * factor, options.seed)
                marks, path, end, seconds = walk(stage, name, evaluations, optimizer, x0, options.seed + 100 * seed)
                # An arm may end at another mode than SDS; its own fixed point is what it is measured against.
                home = settle(stage, end, 60 if full else 25, options.seed)
                errors = (path - home).square().mean((2, 3, 4)).sqrt()
                found.setdefault((name, factor), []).append(Walk(marks, errors, seconds))
    return found


def compare(scale: float, options: Options) -> tuple[list[Row], dict[str, tuple[float, float, float]]]:
    """All arms at one guidance scale; and SDS's evaluations over theirs, at each rate and at the best ones."""
    found = walks(scale, options)
    ends = {key: float(torch.cat([run.ends for run in runs]).median()) for key, runs in found.items()}

    def calls(key: tuple[str, float], target: float) -> Tensor:
        """Of each image."""
        return torch.cat([reach(run.marks, run.errors, target) for run in found[key]])

    def middle(some: Tensor) -> float:
        return float(some.quantile(0.5, interpolation="higher"))

    rows, gains = [], {}
    for name, factor in found:
        own = calls((name, factor), 1.25 * ends["sds", factor])
        reached, seconds = float(own.isfinite().double().mean()), sum(r.seconds for r in found[name, factor])
        shown = middle(own) if reached > 0.5 else None
        rows.append(Row(name, scale, factor, shown, reached, ends[name, factor], seconds / len(found[name, factor])))
        gains[f"{name}_rate{factor:g}"] = gain(calls(("sds", factor), 1.25 * ends["sds", factor]), own)
    lowest = 1.25 * min(ends["sds", factor] for factor in options.rates)
    best = {
        name: min((calls((name, factor), lowest) for factor in options.rates), key=middle)
        for name in dict.fromkeys(name for name, _ in found)
    }
    return rows, gains | {name: gain(best["sds"], own) for name, own in best.items()}


def gain(sds: Float[Tensor, " images"], own: Float[Tensor, " images"]) -> tuple[float, float, float]:
    """Evaluations of SDS over an arm's: median and interval. An image that the arm never brings there counts as zero;
    one that SDS does not, not at all."""
    return interval((sds / own)[sds.isfinite()].tolist())


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench pixels`."""
    import tyro

    options = tyro.cli(Annotated[Options, tyro.conf.arg(name="")], args=argv, description=__doc__)
    start = time.perf_counter()
    found: dict[str, object] = {"prior": options.prior, "preset": options.preset, "prompt": PROMPT}
    found["optimizer"] = options.optimizer
    tables = []
    for scale in options.guidance:
        suffix = {7.5: "", 1.0: "_cfg1"}.get(scale, f"_cfg{scale:g}")
        rows, gains = compare(scale, options)
        print(
            f"\nGuidance {scale:g}: denoiser evaluations per image to come within 1.25 × SDS's final error at that rate"
        )
        print(f"{'arm':18s} {'rate':>5s} {'calls':>7s} {'reached':>8s} {'final error':>12s} {'seconds':>8s}")
        for row in rows:
            shown = "never" if row.calls is None else f"{row.calls:.0f}"
            print(f"{row.name:18s} {row.rate:5g} {shown:>7s} {row.reached:8.0%} {row.error:12.4f} {row.seconds:8.2f}")
            key = row.name.replace(" + ", "_") + (f"_rate{row.rate:g}" if row.rate != 1.0 else "")
            found[f"calls_{key}{suffix}"] = row.calls
            found[f"error_{key}{suffix}"] = round(row.error, 5)
        for name, (middle, low, high) in gains.items():
            key = f"gain_{name.replace(' + ', '_')}{suffix}"
            if name.partition("_rate")[0] == "sds":
                continue
            found |= {key: round(middle, 3), f"{key}_interval": [round(low, 3), round(high, 3)]}
            print(f"  {key:32s} {middle:6.2f} ({low:.2f} … {high:.2f})")
        by_name = {row.name: row for row in rows if row.rate == options.rates[0]}
        for name in {"ssd", "ssd + antithetic", "fitted", "vsd"} & set(by_name):
            ours, base = by_name[name].calls, by_name["sds"].calls
            ratio = None if ours is None or base is None else round(ours / base, 4)
            found[f"calls_ratio_{name.replace(' + ', '_')}_over_sds{suffix}"] = ratio
        tables += [asdict(row) for row in rows]
    found["seconds"] = round(time.perf_counter() - start, 1)
    if options.json:
        print(json.dumps(found | {"arms": tables}))
    return 0


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
