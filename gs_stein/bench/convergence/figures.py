"""What finished runs say: cost of reaching a score, intervals, curves."""

from __future__ import annotations

import io
import math
import statistics
from collections.abc import Iterator
from pathlib import Path

from gs_stein.bench.convergence.runs import Run
from gs_stein.files import write_atomically


def cost_to_reach(target: float, costs: list[float], scores: list[float]) -> float:
    """Cost at which a curve of scores first reaches the target, interpolated after the first mark; inf: never."""
    for i in range(1, len(scores)):
        if scores[i] >= target:
            before, after = scores[i - 1], scores[i]
            share = 1.0 if i == 1 else 0.0 if before >= target else (target - before) / (after - before)
            return costs[i - 1] + share * (costs[i] - costs[i - 1])
    return math.inf


def score_at(seconds: float, run: Run) -> float:
    """The score at a time, interpolated; its last one after the end."""
    for i in range(1, len(run.seconds)):
        if run.seconds[i] >= seconds:
            share = (seconds - run.seconds[i - 1]) / max(run.seconds[i] - run.seconds[i - 1], 1e-9)
            return run.scores[i - 1] + share * (run.scores[i] - run.scores[i - 1])
    return run.scores[-1]


def interval(values: list[float], seed: int = 0) -> tuple[float, float, float]:
    """Median, and its 5 % and 95 % bootstrap quantiles; NaN of nothing."""
    import numpy as np

    if not values:
        return math.nan, math.nan, math.nan
    generator = np.random.default_rng(seed)
    draws = generator.choice(np.array(values), (2000, len(values)))
    middle = np.sort(draws, axis=1)[:, (len(values) - 1) // 2]  # no mean of a finite and an infinite one
    middle.sort()
    return statistics.median_low(values), float(middle[100]), float(middle[1900])


def compare(arm: str, ours: list[Run], sds: list[Run]) -> Iterator[tuple[str, float]]:
    """Every figure of an arm; `ours` and `sds` are paired by prompt and seed."""
    evaluations, seconds, equal, iteration = [], [], [], []
    for run, base in zip(ours, sds, strict=True):
        target = base.scores[0] + 0.95 * (base.scores[-1] - base.scores[0])
        if base.scores[-1] > base.scores[0]:  # otherwise SDS went nowhere, and there is nothing to reach
            for found, name in ((evaluations, "evaluations"), (seconds, "seconds")):
                own = cost_to_reach(target, [float(x) for x in getattr(run, name)], run.scores)
                found.append(own / cost_to_reach(target, [float(x) for x in getattr(base, name)], base.scores))
        together = min(run.seconds[-1], base.seconds[-1])
        equal.append(score_at(together, run) - score_at(together, base))
        iteration.append(run.seconds[-1] / base.seconds[-1])
    for name, values in (
        (f"evaluations_ratio_{arm}", evaluations), (f"seconds_ratio_{arm}", seconds),
        (f"score_gain_equal_time_{arm}", equal), (f"iteration_cost_{arm}", iteration),
    ):  # fmt: skip
        middle, low, high = interval(values)
        yield from ((name, middle), (f"{name}_low", low), (f"{name}_high", high))
    yield f"compute_multiplier_{arm}", 1 / interval(seconds)[0]
    yield f"final_score_{arm}", statistics.fmean(run.scores[-1] for run in ours)
    yield f"patch_distance_{arm}", statistics.fmean(run.patch_distance for run in ours)


def draw(path: Path, runs: dict[str, list[Run]]) -> None:
    """Log-probability of the prompt among 50 against seconds, a panel a prompt."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    prompts = list(dict.fromkeys(run.prompt for run in next(iter(runs.values()))))
    columns = min(3, len(prompts))
    rows = -(-len(prompts) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4 * columns, 3 * rows), squeeze=False)
    for axis in axes.flat[len(prompts) :]:
        axis.axis("off")
    for prompt, axis in zip(prompts, axes.flat, strict=False):
        for number, (arm, found) in enumerate(runs.items()):
            for i, run in enumerate(r for r in found if r.prompt == prompt):
                axis.plot(run.seconds[1:], run.scores[1:], color=f"C{number}", lw=1, label=arm if i == 0 else None)
        axis.set(title=prompt, xscale="log")  # most happens within seconds
    for axis in axes[-1]:
        axis.set_xlabel("seconds")
    for row in axes:
        row[0].set_ylabel("log-probability")
    axes[0][0].legend(fontsize=8)
    figure.tight_layout()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    write_atomically(path, picture.getvalue())
    plt.close(figure)
