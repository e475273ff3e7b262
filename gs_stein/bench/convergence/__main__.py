"""How fast does each estimator get there? Whole runs of the main job, scored on held-out views as they go.

    python -m gs_stein.bench convergence --json

Every arm runs the same prompts with the same seeds and the presets of `train.py`, without refinement, on pictures of
full size, with a new guess of the prior in every iteration and timesteps drawn independently, as SDS has been
described; only the estimator differs. The `coarse` arms have what the presets do besides: pictures of half the size
first and evenly spread timesteps (`coarse_growing`: one view a step while pictures are small). The `solved` arms have
the presets' first iterations, in which colours are solved for and objects carved out; the `reused` ones follow each
guess for five iterations. All of these are SDS with a fitted coefficient, those on `_ssd` have the depth baseline, and
`preset` has everything, and the refinement too; `preset_antithetic` also asks for each noise's opposite. The score is
the mean log-probability that a contrastive scorer gives the prompt among 50 captions (groups of four held-out views).
It sees 64 pixels; `patch_distance_*` is the distance of patches of the last pictures to those of real renders
(`gs_stein.bench.patch_distance`), lower is better. Each arm's learning rate is the best of the same small grid on the
first prompts, by the mean score of half as long runs with a seed that is not measured. Finished runs are kept in
--output and not repeated, so an interrupted bench goes on where it was. --address has them made on Ray, as those of
`gs-stein batch`; seconds compare only where all machines are alike and equally busy.

`evaluations_ratio_*` and `seconds_ratio_*` are the cost of reaching 95 % of the way from the start to SDS's final
score, over SDS's own cost (medians over prompts × seeds, bootstrap intervals); `compute_multiplier_*` is the inverse
of the latter. An arm that never gets there counts as infinite.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from typing import Annotated

from gs_stein.bench.convergence.arms import ARMS, configured
from gs_stein.bench.convergence.figures import compare, draw
from gs_stein.bench.convergence.options import Options
from gs_stein.bench.convergence.runs import Bench, Job, Run, memory
from gs_stein.files import print_anything


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench convergence`."""
    import tyro

    options = tyro.cli(Annotated[Options, tyro.conf.arg(name="")], args=argv, description=__doc__)
    if unknown := {*options.arms, options.reference} - set(ARMS):
        raise ValueError(f"arms: {', '.join(sorted(unknown))} unknown; choose from {', '.join(ARMS)}")
    if not options.scenes + options.objects:
        raise ValueError("scenes, objects: both are empty; give at least one prompt")
    if options.quick:
        options = dataclasses.replace(
            options, scenes=options.scenes[:1], objects=(), seeds=1, iterations=min(options.iterations, 12), marks=3,
            rates=(1.0,),
        )  # fmt: skip
    bench = Bench(options)
    arms = list(dict.fromkeys([options.reference, *options.arms]))
    rates = bench.tuned(arms)
    pairs = [(prompt, seed) for prompt in (*options.scenes, *options.objects) for seed in range(options.seeds)]
    # Arm by arm within a pair, so that a slower hour hits all of them.
    jobs = [
        Job(arm, prompt, seed, rates[arm], options.iterations, options.marks) for prompt, seed in pairs for arm in arms
    ]
    bench.make(jobs)
    runs: dict[str, list[Run]] = {arm: [bench.run(job) for job in jobs if job.arm == arm] for arm in arms}
    found: dict[str, object] = {"prompts": len(options.scenes + options.objects), "seeds": options.seeds}
    print(
        f"{'arm':14s} {'rate':>5s} {'s/iteration':>12s} {'evaluations':>12s} {'seconds':>20s} {'gain':>8s} "
        f"{'score':>7s} {'patches':>9s} {'MB':>7s}"
    )
    for arm in arms:
        figures = dict(compare(arm, runs[arm], runs[options.reference]))
        first = (*options.scenes, *options.objects)[0]
        mb = memory(
            configured(first, first in options.scenes, arm, 0, options.iterations, options.model, options.guidance)
        )
        found |= {f"rate_{arm}": rates[arm], f"peak_mb_{arm}": mb} | figures
        print(
            f"{arm:14s} {rates[arm]:5g} {figures[f'iteration_cost_{arm}']:11.2f}× "
            f"{figures[f'evaluations_ratio_{arm}']:11.2f}× {figures[f'seconds_ratio_{arm}']:6.2f}× "
            f"[{figures[f'seconds_ratio_{arm}_low']:.2f}, {figures[f'seconds_ratio_{arm}_high']:.2f}] "
            f"{figures[f'score_gain_equal_time_{arm}']:+8.2f} {figures[f'final_score_{arm}']:7.2f} "
            f"{figures[f'patch_distance_{arm}']:9.3f} {mb:7.0f}"
        )
    picture = options.output / "convergence.png"
    draw(picture, runs)
    print(f"curves: {picture}")
    if options.json:
        print(json.dumps({k: clean(v) for k, v in found.items()}))
    return 0


def clean(value: object) -> object:
    """Rounded, and null where JSON has no number."""
    return (round(value, 4) if math.isfinite(value) else None) if isinstance(value, float) else value


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
