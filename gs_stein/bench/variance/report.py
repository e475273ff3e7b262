"""Figures, table and plot of what the frozen scenes showed."""

from __future__ import annotations

import io
import statistics
from collections.abc import Callable
from pathlib import Path

import torch

from gs_stein.bench import analysis
from gs_stein.bench.variance.arms import ARMS, PARAMETRIC, REFERENCES, multiplicity, sampled
from gs_stein.bench.variance.measure import Found

BY_LEVEL = {
    "sds": "SDS", "fitted": "SDS, fitted", "depth": "SSD {1, depth}", "learned": "learned", "sds_antithetic": "pairs",
}  # fmt: skip
"""Arms whose variance is drawn by noise level, and what the picture calls them."""
LEVELS = 8
"""Noise levels that variance is told at, each of as many draws."""
PARTS = ("camera", "timestep", "noise")
"""Where variance comes from."""


def summarise(
    found: list[Found], cost: dict[str, float], seed: int, suffix: str
) -> tuple[dict[str, float | list[float]], list[str]]:
    """Every figure of a kind of scene, and a table."""
    figures: dict[str, float | list[float]] = {}
    reference = torch.stack([f.latent["sds"] for f in found])
    rows = [f"{'arm':22s} {'variance':>9s} {'95 % interval':>17s} {'seconds':>8s} {'product':>8s} {'Gaussians':>10s}"
            f" {'all of it':>10s} {'shift':>7s} {'cosine':>7s}"]  # fmt: skip
    for name in ARMS:
        source, (often, again) = sampled(name), multiplicity(name)
        ours = torch.stack([f.latent[source] for f in found])
        ratio, low, high = (often * x for x in analysis.ratio_interval(ours, reference, seed))
        seconds = cost[name]
        shift, cosine = (statistics.fmean(f.means[source][i] for f in found) for i in (0, 1))
        inner = whole = float("nan")
        if source in PARAMETRIC:
            noise = [(often * f.parts[source].noise, f.parts["sds"].noise) for f in found]
            inner = _geometric([a / b for a, b in noise])
            rest = [max(0.0, f.parts["sds"].camera) + max(0.0, f.parts["sds"].timestep) for f in found]
            whole = _geometric([(again * r + a) / (r + b) for r, (a, b) in zip(rest, noise, strict=True)])
        figures |= {
            f"ratio_{name}_over_sds{suffix}": ratio * seconds,
            f"ratio_{name}_over_sds{suffix}_interval": [low * seconds, high * seconds],
            f"variance_{name}_over_sds{suffix}": ratio, f"iteration_cost_{name}{suffix}": seconds,
            f"gaussians_{name}_over_sds{suffix}": inner, f"whole_{name}_over_sds{suffix}": whole,
            f"mean_shift_{name}{suffix}": shift, f"cosine_{name}{suffix}": cosine,
        }  # fmt: skip
        rows.append(
            f"{name:22s} {ratio:9.3f} [{low:7.3f}, {high:6.3f}] {seconds:8.3f} {ratio * seconds:8.3f} {inner:10.3f}"
            f" {whole:10.3f} {shift:7.3f} {cosine:7.3f}"
        )
    for name in (n for n in REFERENCES if n in found[0].latent):
        ours = torch.stack([f.latent[name] for f in found])
        ratio, low, high = analysis.ratio_interval(ours, reference, seed)
        figures |= {
            f"variance_{name}_over_sds{suffix}": ratio,
            f"variance_{name}_over_sds{suffix}_interval": [low, high],
        }
        rows.append(f"{name:22s} {ratio:9.3f} [{low:7.3f}, {high:6.3f}]")
    for name in ("sds", "ssd"):
        parts = [f.parts[name] for f in found]
        total = [max(0.0, p.camera) + max(0.0, p.timestep) + p.noise for p in parts]
        for part in PARTS:
            share = statistics.fmean(max(0.0, getattr(p, part)) / t for p, t in zip(parts, total, strict=True))
            figures[f"share_{part}_{name}{suffix}"] = share
    figures |= along(found, suffix) | by_level(found, suffix)
    figures[f"iteration_cost_ssd_over_vsd{suffix}"] = cost["ssd"] / cost["vsd"]
    for attribute in found[0].attributes["sds"]:
        figures[f"{attribute}_ssd_over_sds{suffix}"] = _geometric(
            [f.attributes["ssd"][attribute] / f.attributes["sds"][attribute] for f in found]
        )
    return figures, rows


def along(found: list[Found], suffix: str) -> dict[str, float | list[float]]:
    """SDS's variance at each stage of the runs, in parts.

    Of the Gaussians' gradient as Adam scales it, between cameras, between timesteps and between noises; and of the
    latents' gradient, between noises, as it is.
    """
    stages = sorted({f.progress for f in found})
    there = [[f for f in found if f.progress == stage] for stage in stages]

    def mean(value: Callable[[Found], float]) -> list[float]:
        return [statistics.fmean(value(f) for f in some) for some in there]

    parts = {part: mean(lambda f, part=part: max(0.0, getattr(f.parts["sds"], part))) for part in PARTS}
    return {
        f"stages{suffix}": stages, **{f"variance_{part}_by_stage{suffix}": values for part, values in parts.items()},
        f"variance_latent_by_stage{suffix}": mean(lambda f: float(f.latent["sds"].mean())),
    }  # fmt: skip


def by_level(found: list[Found], suffix: str) -> dict[str, list[float]]:
    """Variance over noises of the latents' gradient where noise levels lie close to each other, a mean each."""
    levels = torch.cat([f.times for f in found])
    bins = torch.tensor_split(levels.argsort(), min(LEVELS, len(levels)))
    return {f"levels{suffix}": [float(levels[some].mean()) for some in bins]} | {
        f"variance_{name}_by_level{suffix}": [float(values[some].mean()) for some in bins]
        for name in found[0].latent
        for values in [torch.cat([f.latent[name] for f in found])]
    }


def _geometric(values: list[float]) -> float:
    return statistics.geometric_mean(max(value, 1e-12) for value in values)


def draw(path: Path, figures: dict[str, float | list[float]], kinds: list[str]) -> None:
    """Variance × seconds of every arm, and variance by noise level of some; a column a kind of scene."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np
    from matplotlib import pyplot as plt

    from gs_stein.files import write_atomically

    figure, axes = plt.subplots(
        2, len(kinds), figsize=(5.2 * len(kinds), 7.4), squeeze=False, sharey="row", height_ratios=(1.2, 1)
    )
    for (bars, lines), kind in zip(axes.T, kinds, strict=True):
        found = [(figures[f"ratio_{name}_over_sds_{kind}"], figures[f"ratio_{name}_over_sds_{kind}_interval"])
                 for name in ARMS]  # fmt: skip
        values = np.array([value for value, _ in found])
        errors = np.abs(np.array([bounds for _, bounds in found]).T - values)
        bars.barh(list(ARMS), values, xerr=errors, color=["0.6" if n == "sds" else "C0" for n in ARMS], capsize=2)
        bars.axvline(1.0, color="0.3", lw=0.8)
        bars.set(title=kind, xlabel="variance × seconds, SDS = 1", xlim=(0, min(4.0, 1.1 * float(values.max()))))
        for name, label in BY_LEVEL.items():
            lines.semilogy(
                figures[f"levels_{kind}"], figures[f"variance_{name}_by_level_{kind}"], "o-", ms=3, label=label
            )
        lines.set(xlabel="noise level t/T", ylabel="variance of one gradient over noises")
        lines.legend(fontsize=8)
    axes[0][0].invert_yaxis()  # shared
    figure.tight_layout()
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix.lstrip(".") or "png", dpi=110)
    write_atomically(path, picture.getvalue())
    plt.close(figure)
