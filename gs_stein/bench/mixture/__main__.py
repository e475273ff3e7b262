"""How noisy is each estimator, for its cost? The protocol of docs/method.md on a prior with a known score.

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
from dataclasses import asdict
from typing import Annotated

from gs_stein.bench.mixture.compare import compare, report
from gs_stein.bench.mixture.options import Options
from gs_stein.files import print_anything


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
    print_anything()
    sys.exit(main())
