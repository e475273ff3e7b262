"""The 2D experiment: optimise an image directly with each estimator, and count what it costs to reach a mode.

    python -m gs_stein.bench pixels --json

Each run walks V independent images from grey noise under a prior with a known score. The error is the root-mean-square
distance to where the *exact* expected gradient of the same guidance leads from the image's final place (a fixed point,
found with many antithetic noises); the target is 1.25 × the error at which SDS ends. The learning rate is constant, so
that the noise of the estimator sets the floor, as it does at the end of a real run. It is also the same for every arm
and Adam's step does not grow with a quieter gradient, so an arm of antithetic pairs, which takes half as many steps for
its evaluations, walks half as far: its `calls` are limited by the steps, not by its noise.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.bench.mixture.stage import PROMPT, Stage
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, DistillOptions, FittedSDS, Raw
from gs_stein.files import print_anything

ARMS = {
    "raw": DistillOptions(estimator=Raw()),
    "sds": DistillOptions(estimator=SDS()),
    "fitted": DistillOptions(estimator=FittedSDS()),
    "vsd": DistillOptions(estimator=VSD(rank=4)),
    "spectral": DistillOptions(estimator=SSD((Baseline.SPECTRAL,))),
    "ssd": DistillOptions(),
    "sds + antithetic": DistillOptions(estimator=SDS(), antithetic=True),
    "ssd + antithetic": DistillOptions(antithetic=True),
}


@dataclass(frozen=True)
class Options:
    """Optimise images directly."""

    prior: Literal["mixture"] = "mixture"
    preset: Literal["quick", "full"] = "quick"
    """quick: 12 images, 1 seed, some minutes of CPU. full: 48 images, 2 seeds, three times as many steps."""
    json: bool = False
    """Print one JSON object as the last line."""
    seed: int = 0


@dataclass(frozen=True)
class Row:
    """One arm at one guidance scale."""

    name: str
    scale: float
    calls: float | None
    """Median denoiser evaluations per image until its error, smoothed over 5 % of the run, first falls below the
    target; None: at most half got there."""
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


def walk(
    stage: Stage, options: DistillOptions, evaluations: int, rate: float, seed: int
) -> tuple[Tensor, Tensor, Tensor, float]:
    """Optimise until `evaluations` per image are spent.

    Returns:
        Evaluations at each mark (M,), images at each mark (M, V, C, h, w), the final images averaged over the last
        tenth, and seconds.
    """
    distiller, generator = stage.distiller(options), torch.Generator().manual_seed(seed)
    x0 = stage.start.clone()
    optimizer = torch.optim.Adam([x0], lr=rate, betas=(0.9, 0.99))
    start, spent, marks, images = time.perf_counter(), 0, [], []
    began = stage.prior.evaluations
    while spent < evaluations:
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


def compare(scale: float, options: Options) -> list[Row]:
    """All arms at one guidance scale."""
    full = options.preset == "full"
    images, seeds, budget, rate = (48, 2, 1600, 0.01) if full else (12, 1, 500, 0.02)
    evaluations = budget * (1 if scale == 1.0 else 2)
    stage = Stage(scale, images, options.seed)
    paths = {}
    for name, arm in ARMS.items():
        paths[name] = [walk(stage, arm, evaluations, rate, options.seed + 100 * s) for s in range(seeds)]
    errors: dict[str, list[Tensor]] = {}
    for name, runs in paths.items():
        # An arm may end at another mode than SDS; its own fixed point is what it is measured against.
        homes = [settle(stage, run[2], 60 if full else 25, options.seed) for run in runs]
        errors[name] = [(run[1] - home).square().mean((2, 3, 4)).sqrt() for run, home in zip(runs, homes, strict=True)]
    tail = [e[-max(1, len(e) // 10) :] for e in errors["sds"]]
    target = 1.25 * float(torch.cat(tail).median())
    rows = []
    for name, runs in paths.items():
        calls = torch.cat([reach(run[0], e, target) for run, e in zip(runs, errors[name], strict=True)])
        ends = torch.cat([e[-max(1, len(e) // 10) :] for e in errors[name]])
        reached = float(calls.isfinite().double().mean())
        middle = float(calls.quantile(0.5, interpolation="higher")) if reached > 0.5 else None
        seconds = sum(run[3] for run in runs) / len(runs)
        rows.append(Row(name, scale, middle, reached, float(ends.median()), seconds))
    return rows


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench pixels`."""
    import tyro

    options = tyro.cli(Annotated[Options, tyro.conf.arg(name="")], args=argv, description=__doc__)
    start = time.perf_counter()
    found: dict[str, object] = {"prior": options.prior, "preset": options.preset, "prompt": PROMPT}
    tables = []
    for scale, suffix in ((7.5, ""), (1.0, "_cfg1")):
        rows = compare(scale, options)
        print(f"\nGuidance {scale:g}: denoiser evaluations per image to come within 1.25 × SDS's final error")
        print(f"{'arm':18s} {'calls':>7s} {'reached':>8s} {'final error':>12s} {'seconds':>8s}")
        for row in rows:
            calls = "never" if row.calls is None else f"{row.calls:.0f}"
            print(f"{row.name:18s} {calls:>7s} {row.reached:8.0%} {row.error:12.4f} {row.seconds:8.2f}")
            key = row.name.replace(" + ", "_")
            found[f"calls_{key}{suffix}"] = row.calls
            found[f"error_{key}{suffix}"] = round(row.error, 5)
        by_name = {row.name: row for row in rows}
        for name in ("ssd", "ssd + antithetic", "fitted", "vsd"):
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
