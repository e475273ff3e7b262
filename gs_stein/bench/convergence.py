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
--output and not repeated, so an interrupted bench goes on where it was.

`evaluations_ratio_*` and `seconds_ratio_*` are the cost of reaching 95 % of the way from the start to SDS's final
score, over SDS's own cost (medians over prompts × seeds, bootstrap intervals); `compute_multiplier_*` is the inverse
of the latter. An arm that never gets there counts as infinite.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import itertools
import json
import math
import multiprocessing
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.bench.patch_distance import swd
from gs_stein.config.presets import presets_folder
from gs_stein.config.schema import BACKGROUNDS, Config, ResolutionSchedule
from gs_stein.config.serialize import read_config, to_yaml
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, DistillOptions, FittedSDS
from gs_stein.evaluate import distractors, held_out, scorer_folder
from gs_stein.files import write_atomically
from gs_stein.gaussians.model import Gaussians
from gs_stein.optimize.networks import Priors, load_priors
from gs_stein.optimize.step import Controls
from gs_stein.prior.checkpoints.registry import BUNDLED
from gs_stein.refine.options import RefineOptions


@dataclass(frozen=True)
class Arm:
    """What a run does."""

    distill: DistillOptions
    """Only estimator, noises, antithetic, reuse and reuse_views are taken from it."""
    coarse: bool = False
    """Keep the presets' small pictures at first, and their evenly spread timesteps."""
    views: tuple[int, int] = (4, 4)
    """A step, while pictures are small and later; of coarse arms alone."""
    solved: bool = False
    """Keep the presets' first iterations, in which colours are solved for and objects carved out
    (`gs_stein.update.colours`, `gs_stein.update.visual_hull`)."""
    refined: bool = False
    """Keep the presets' refinement."""


DEPTH = SSD((Baseline.CONSTANT, Baseline.DEPTH))
FULL = SSD((Baseline.SPECTRAL, Baseline.DEPTH))
FOLLOWED = DistillOptions(reuse=5, reuse_views=2)
"""As the presets follow a guess."""
ARMS = {
    "sds": Arm(DistillOptions(estimator=SDS())),
    "fitted": Arm(DistillOptions(estimator=FittedSDS())),
    "vsd": Arm(DistillOptions(estimator=VSD(rank=4))),
    "ssd_depth": Arm(DistillOptions(estimator=DEPTH)),
    "ssd": Arm(DistillOptions(estimator=FULL)),
    "ssd_antithetic": Arm(DistillOptions(estimator=FULL, antithetic=True)),
    "coarse": Arm(DistillOptions(estimator=FittedSDS()), coarse=True),
    "coarse_growing": Arm(DistillOptions(estimator=FittedSDS()), coarse=True, views=(1, 4)),
    "solved": Arm(DistillOptions(estimator=FittedSDS()), solved=True),
    "coarse_solved": Arm(DistillOptions(estimator=FittedSDS()), coarse=True, solved=True),
    "coarse_solved_ssd": Arm(DistillOptions(estimator=DEPTH), coarse=True, solved=True),
    "reused": Arm(replace(FOLLOWED, estimator=FittedSDS())),
    "coarse_solved_reused": Arm(replace(FOLLOWED, estimator=FittedSDS()), coarse=True, solved=True),
    "preset": Arm(replace(FOLLOWED, estimator=DEPTH), coarse=True, solved=True, refined=True),
    "preset_antithetic": Arm(
        replace(FOLLOWED, estimator=DEPTH, antithetic=True), coarse=True, solved=True, refined=True
    ),
}


@dataclass(frozen=True)
class Options:
    """Quality against time and denoiser evaluations, run by run."""

    scenes: tuple[str, ...] = (
        "a cozy living room with a red sofa", "a bedroom with blue walls and a large bed",
        "a kitchen with teal cabinets",
    )  # fmt: skip
    """Prompts of rooms."""
    objects: tuple[str, ...] = ("a wooden chair", "a potted plant", "a red car")
    """Prompts of objects."""
    arms: tuple[str, ...] = tuple(ARMS)
    """Which arms to run; SDS always runs, since it is what the others are measured by."""
    seeds: int = 2
    """Runs of each prompt and arm."""
    iterations: int = 160
    """Length of each run; the presets' schedules are stretched to it."""
    marks: int = 24
    """Times the scene is scored in a run, more often at its start."""
    rates: tuple[float, ...] = (1.0, 4.0, 8.0, 16.0, 32.0)
    """Factors on every learning rate that are tried for each arm."""
    tuning: float = 0.5
    """Length of the tuning runs as a fraction of `iterations`."""
    model: str = BUNDLED
    """The prior."""
    output: Path = Path("runs/convergence")
    """Where finished runs are remembered, and convergence.png is drawn."""
    quick: bool = False
    """A smoke check within a minute: one prompt, one seed, 12 iterations, no tuning."""
    json: bool = False
    """Print one JSON object as the last line."""


@dataclass(frozen=True)
class Run:
    """One finished run."""

    arm: str
    prompt: str
    seed: int
    rate: float
    evaluations: list[int]
    """Views denoised, at each mark."""
    seconds: list[float]
    """Time in iterations, at each mark; scoring not included."""
    scores: list[float]
    """At each mark; the first is before the first iteration."""
    patch_distance: float
    """Distance of the last pictures' patches to real ones."""


@functools.cache
def real_pictures(scene: bool) -> Float[Tensor, "n 3 H W"]:
    """Renders of scenes of the world that nothing was trained on."""
    from gs_stein.world.families import FAMILIES
    from gs_stein.world.measure import evaluate

    truths = evaluate.held_out(FAMILIES["rooms" if scene else "objects"].kinds, 49, 4)
    return torch.cat([truth.rgb for truth in truths])


class Judge:
    """Judges a scene against its prompt, and against how real renders look."""

    def __init__(self, config: Config) -> None:
        from gs_stein.scorer import Scorer
        from gs_stein.text.minilm import MiniLM

        self.scorer = Scorer.load(scorer_folder())
        self.config, self.cameras = config, held_out(config, 16)
        with torch.no_grad():
            texts = [config.prompt, *distractors(config.scene, config.prompt)]
            self.captions = self.scorer.captions(MiniLM()(texts))

    def views(self, gaussians: Gaussians) -> Float[Tensor, "16 3 H W"]:
        """What the held-out cameras see."""
        from gs_stein.rasterize.many_views import render_views

        behind = BACKGROUNDS[self.config.background]
        views = [r.rgb for r in render_views(gaussians, self.cameras, self.config.rasterize, behind)]
        return torch.cat(views).permute(0, 3, 1, 2).float().cpu()

    @torch.no_grad()
    def score(self, gaussians: Gaussians) -> float:
        """Mean log-probability of the prompt among 50 captions, over four groups of four held-out views."""
        rgb = self.views(gaussians)
        # Every fourth view, so that a group looks in all directions.
        groups = torch.stack([rgb[i::4] for i in range(4)])
        logits = self.scorer.log_scale.exp().clamp(max=50) * self.scorer.scenes(groups) @ self.captions.T
        return F.log_softmax(logits, dim=-1)[:, 0].mean().item()

    def patch_distance(self, gaussians: Gaussians) -> float:
        """Distance of patches of the held-out views to those of real renders."""
        return swd(self.views(gaussians), real_pictures(self.config.scene))


def configured(prompt: str, scene: bool, arm: str, seed: int, iterations: int, model: str) -> Config:
    """The preset of the main job with another estimator."""
    preset = read_config(presets_folder() / ("scene.yaml" if scene else "object.yaml"))
    preset = replace(preset, prompt=prompt, seed=seed, iterations=iterations, prior=replace(preset.prior, model=model))
    wanted = ARMS[arm]
    kind = wanted.distill
    distill = replace(
        preset.distill, estimator=kind.estimator, noises=kind.noises, antithetic=kind.antithetic, reuse=kind.reuse,
        reuse_views=kind.reuse_views,
    )  # fmt: skip
    # The estimators differ in distillation; refinement, the same for all of them, would only cover it up.
    preset = replace(preset, distill=distill, refine=preset.refine if wanted.refined else RefineOptions())
    if not wanted.solved:
        preset = replace(preset, rates=replace(preset.rates, solved=0))
    if wanted.coarse:
        early, later = wanted.views
        fewer = replace(preset.resolution, views=0 if early == later else early)
        return replace(preset, views=later, resolution=fewer)
    plain = replace(distill, timesteps=replace(distill.timesteps, sampling="uniform"))
    return replace(preset, distill=plain, resolution=ResolutionSchedule())


def mark_steps(iterations: int, marks: int) -> list[int]:
    """When a run is scored: quadratically spaced, since most happens at the start."""
    return sorted({max(1, round(iterations * (i / marks) ** 2)) for i in range(1, marks + 1)})


def measure(config: Config, arm: str, rate: float, marks: int, priors: Priors) -> Run:
    """Run a configuration and score it as it goes."""
    from gs_stein.optimize.loop import optimize
    from gs_stein.optimize.state import begin

    torch.manual_seed(config.seed)
    judge, state = Judge(config), begin(config, priors)
    wanted = mark_steps(config.iterations, marks)
    evaluations, seconds, scores = [0], [0.0], [judge.score(state.gaussians)]
    try:
        for step in optimize(config, state, Controls(learning_rate=rate)):
            if step.step in wanted:
                evaluations.append(step.evaluations)
                seconds.append(step.seconds)
                scores.append(judge.score(step.gaussians))
    finally:
        state.distiller.close()
    patch_distance = judge.patch_distance(state.gaussians)
    return Run(arm, config.prompt, config.seed, rate, evaluations, seconds, scores, patch_distance)


def memory(config: Config, iterations: int = 6) -> float:
    """Largest resident memory in MB of a process of its own that loads what a run needs and begins it."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(begin_run, config, iterations).result()


def begin_run(config: Config, iterations: int) -> float:
    """The first iterations of a run; the largest memory of this process until then."""
    from gs_stein.optimize.loop import optimize
    from gs_stein.optimize.state import begin

    state = begin(config, load_priors(config))
    for _ in itertools.islice(optimize(config, state), iterations):
        pass
    state.distiller.close()
    return peak()


def peak() -> float:
    """Largest resident memory of this process so far, in MB; NaN where the system does not tell."""
    path = Path("/proc/self/status")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), math.nan)


class Bench:
    """Runs what is not in the output folder yet."""

    def __init__(self, options: Options) -> None:
        self.options = options
        options.output.mkdir(parents=True, exist_ok=True)
        self.path = options.output / "runs.jsonl"
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        self.known = {entry["key"]: Run(**entry["run"]) for entry in map(json.loads, lines)}
        self.started = time.monotonic()
        # Both baselines' networks, whatever the arm: one load serves all of them.
        self.priors = {scene: load_priors(configured("", scene, "ssd", 0, 1, options.model)) for scene in (True, False)}

    def run(self, arm: str, prompt: str, seed: int, rate: float, iterations: int, marks: int) -> Run:
        """One run, from memory if its configuration was run before."""
        options = self.options
        scene = prompt in options.scenes
        config = configured(prompt, scene, arm, seed, iterations, options.model)
        identity = f"{to_yaml(config)}{rate}{marks}{self.priors[scene].identity}"
        key = hashlib.sha256(identity.encode()).hexdigest()[:16]
        if key not in self.known:
            found = measure(config, arm, rate, marks, self.priors[scene])
            self.known[key] = found
            with self.path.open("a") as file:
                file.write(json.dumps({"key": key, "run": asdict(found)}) + "\n")
            print(
                f"{time.monotonic() - self.started:6.0f} s  {arm:14s} {prompt!r} seed {seed}, rate × {rate:g}: "
                f"score {found.scores[-1]:.2f} in {found.seconds[-1]:.0f} s", file=sys.stderr, flush=True,
            )  # fmt: skip
        return self.known[key]

    def tuned(self, arm: str) -> float:
        """The best factor on the learning rates, by the same few short runs for every arm.

        The best by the mean of their scores, as they go: most of it happens at the start, and at the end several
        factors tell nothing apart.
        """
        options = self.options
        if len(options.rates) == 1:
            return options.rates[0]
        prompts = [*options.scenes[:1], *options.objects[:1]]
        short, marks = max(1, round(options.tuning * options.iterations)), max(1, options.marks // 2)

        def merit(rate: float) -> float:
            runs = [self.run(arm, prompt, 1000, rate, short, marks) for prompt in prompts]
            return sum(statistics.fmean(run.scores[1:]) for run in runs)

        return max(options.rates, key=merit)


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

    prompts = list(dict.fromkeys(run.prompt for run in runs["sds"]))
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


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench convergence`."""
    import tyro

    options = tyro.cli(Annotated[Options, tyro.conf.arg(name="")], args=argv, description=__doc__)
    if unknown := set(options.arms) - set(ARMS):
        raise ValueError(f"arms: {', '.join(sorted(unknown))} unknown; choose from {', '.join(ARMS)}")
    if not options.scenes + options.objects:
        raise ValueError("scenes, objects: both are empty; give at least one prompt")
    if options.quick:
        options = dataclasses.replace(
            options, scenes=options.scenes[:1], objects=(), seeds=1, iterations=12, marks=3, rates=(1.0,),
        )  # fmt: skip
    bench = Bench(options)
    arms = list(dict.fromkeys(["sds", *options.arms]))
    rates = {arm: bench.tuned(arm) for arm in arms}
    pairs = [(prompt, seed) for prompt in (*options.scenes, *options.objects) for seed in range(options.seeds)]
    runs: dict[str, list[Run]] = {arm: [] for arm in arms}
    for prompt, seed in pairs:  # arm by arm within a pair, so that a slower hour hits all of them
        for arm in arms:
            runs[arm].append(bench.run(arm, prompt, seed, rates[arm], options.iterations, options.marks))
    found: dict[str, object] = {"prompts": len(options.scenes + options.objects), "seeds": options.seeds}
    print(
        f"{'arm':14s} {'rate':>5s} {'s/iteration':>12s} {'evaluations':>12s} {'seconds':>20s} {'gain':>8s} "
        f"{'score':>7s} {'patches':>9s} {'MB':>7s}"
    )
    for arm in arms:
        figures = dict(compare(arm, runs[arm], runs["sds"]))
        first = (*options.scenes, *options.objects)[0]
        mb = memory(configured(first, first in options.scenes, arm, 0, options.iterations, options.model))
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
    sys.exit(main())
