"""How noisy is each estimator on real scenes? The protocol of docs/method.md with a prior that learned from pictures.

    python -m gs_stein.bench variance --json

Runs of the main job (its presets, without refinement) by SDS and by SSD are frozen along the way. At each frozen scene
every arm sees the same cameras × timesteps × noises, with the timesteps, the weighting and the guidance that the run
has there; coefficients and VSD's LoRA are fitted on other draws. Three variances are given, each relative to SDS's:
of the gradient of the latents, over noises; of the gradient of the Gaussians, over noises, each attribute scaled as
Adam scales it; and all of the latter, with the spread over timesteps and cameras that no control variate removes.

`ratio_*` are the first times the seconds of an iteration of the main loop (render and backward pass included). SDS and
SSD with K noises divide the variance over noises by K, as independent noises do. An arm that follows each guess for R
iterations has R times the variance of one that asks in each: R gradients in a row are the same, so that their sum has
R² instead of R times the variance of one; its seconds are the mean over the R. Intervals (95 %) bootstrap the views.
`ratio_learned_over_sds` is the learned baseline's variance of the latents' gradient, `product_learned_over_sds` that
times its seconds, `max_abs_z_mean` the largest z-score of what unbiased arms subtract beyond SDS.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from dataclasses import replace
from typing import Annotated

from gs_stein.bench.variance.arms import ARMS, configured
from gs_stein.bench.variance.frozen import Stage, trajectory
from gs_stein.bench.variance.measure import measure, price
from gs_stein.bench.variance.options import Options
from gs_stein.bench.variance.report import draw, summarise
from gs_stein.distill.options import SSD, Baseline
from gs_stein.files import print_anything
from gs_stein.optimize.networks import load_priors


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench variance`."""
    import tyro

    options = tyro.cli(
        Annotated[Options, tyro.conf.arg(name="")], args=argv, prog="python -m gs_stein.bench variance",
        description=__doc__,
    )  # fmt: skip
    arms = {"sds": ARMS["sds"], "ssd": ARMS["ssd"]}
    everything = SSD((Baseline.SPECTRAL, Baseline.DEPTH, Baseline.LEARNED))
    if options.quick:
        options = replace(
            options, scenes=options.scenes[:1], objects=options.objects[:0] if options.scenes else options.objects[:1],
            iterations=40, stages=(0.5,), groups=2, timesteps=2, noises=2, fits=4, repeats=2,
        )  # fmt: skip
        arms = {"sds": ARMS["sds"]}
    started = time.perf_counter()
    figures: dict[str, object] = {"prior": options.prior, "iterations": options.iterations, "seed": options.seed}
    flat: dict[str, float | list[float]] = {}
    z: list[float] = []
    kinds = [(name, prompts) for name, prompts in (("scenes", options.scenes), ("objects", options.objects)) if prompts]
    for kind, prompts in kinds:
        scene, found = kind == "scenes", []
        priors = load_priors(configured("", scene, replace(ARMS["ssd"], estimator=everything), options))
        cost = price(options, prompts[0], scene)
        for number, prompt in enumerate(prompts):
            for name, arm in arms.items():
                for frozen in trajectory(configured(prompt, scene, arm, options), name, priors, options.stages):
                    found.append(measure(Stage(frozen, priors), options, options.seed + 100 * number + len(found)))
                    ratio = found[-1].latent["ssd"].sum() / found[-1].latent["sds"].sum()
                    print(
                        f"{time.perf_counter() - started:6.0f} s  {prompt!r}, {name} run at {frozen.progress:.0%}: "
                        f"SSD's variance {ratio:.3f} of SDS's", file=sys.stderr, flush=True,
                    )  # fmt: skip
        z += [abs(value) for one in found for value in one.z.values()]
        more, rows = summarise(found, cost, options.seed, f"_{kind}")
        flat |= more
        guidance = configured("x", scene, ARMS["sds"], options).distill.guidance.scale
        print(f"\n{kind}: {len(found)} frozen scenes, guidance {guidance:g}; relative to SDS")
        print("\n".join(rows))
        shares = ", ".join(f"{p} {flat[f'share_{p}_sds_{kind}']:.0%}" for p in ("camera", "timestep", "noise"))
        print(f"SDS's gradient of the Gaussians varies by {shares}")
    flat |= headline(flat, [kind for kind, _ in kinds], z)
    print(f"learned: variance {flat['ratio_learned_over_sds']:.3f} of SDS's, times seconds "
          f"{flat['product_learned_over_sds']:.3f}; z of means up to {flat['max_abs_z_mean']:.1f}")  # fmt: skip
    if options.plot is not None:
        draw(options.plot, flat, [kind for kind, _ in kinds])
    if options.json:
        figures["seconds"] = round(time.perf_counter() - started, 1)
        rounded = {
            key: [round(x, 5) for x in value] if isinstance(value, list) else round(value, 5)
            for key, value in flat.items()
            if isinstance(value, list) or math.isfinite(value)  # JSON knows no NaN
        }
        print(json.dumps(figures | rounded))
    return 0


def headline(flat: dict[str, float | list[float]], kinds: list[str], z: list[float]) -> dict[str, float]:
    """The learned arm over all kinds (geometric means), and the largest z-score of a mean that should be zero."""
    found = {"max_abs_z_mean": max(z)}
    for key, name in (("ratio", "variance_learned_over_sds"), ("product", "ratio_learned_over_sds")):
        found[f"{key}_learned_over_sds"] = statistics.geometric_mean(_number(flat[f"{name}_{kind}"]) for kind in kinds)
    return found


def _number(value: float | list[float]) -> float:
    assert isinstance(value, float)
    return value


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
