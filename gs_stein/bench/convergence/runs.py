"""Runs that are scored as they go, and remembered."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import math
import multiprocessing
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from gs_stein.batch.spread import spread
from gs_stein.bench.convergence.arms import configured
from gs_stein.bench.convergence.judge import Judge
from gs_stein.bench.convergence.options import Options
from gs_stein.config.schema import Config
from gs_stein.config.serialize import to_yaml
from gs_stein.distill.options import SSD, Baseline
from gs_stein.optimize.networks import Priors, load_priors
from gs_stein.optimize.step import Controls


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
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), math.nan)


def remembered(line: str) -> tuple[str, Run] | None:
    """A run by its key, from a line of runs.jsonl; None of one that was cut short or damaged: it is run again."""
    try:
        entry = json.loads(line)
        return str(entry["key"]), Run(**entry["run"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


@dataclass(frozen=True)
class Job:
    """A run that is asked for."""

    arm: str
    prompt: str
    seed: int
    rate: float
    """Factor on every learning rate."""
    iterations: int
    marks: int
    """Times that it is scored."""


@functools.cache
def priors_of(scene: bool, model: str) -> Priors:
    """All baselines' networks, whatever the arm: one load serves all of them."""
    config = configured("", scene, "ssd", 0, 1, model)
    everything = SSD((Baseline.SPECTRAL, Baseline.DEPTH, Baseline.LEARNED))
    return load_priors(replace(config, distill=replace(config.distill, estimator=everything)))


def done(asked: tuple[Job, Config, str]) -> Run:
    """A run, in whatever process."""
    job, config, model = asked
    return measure(config, job.arm, job.rate, job.marks, priors_of(config.scene, model))


class Bench:
    """Runs what is not in the output folder yet."""

    def __init__(self, options: Options) -> None:
        self.options = options
        options.output.mkdir(parents=True, exist_ok=True)
        self.path = options.output / "runs.jsonl"
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        self.known = dict(filter(None, map(remembered, lines)))
        self.started = time.monotonic()

    def make(self, jobs: Sequence[Job]) -> None:
        """Make those runs whose configuration was not run before, here or on Ray."""
        missing = {key: job for job in jobs if (key := self.key(job)) not in self.known}
        keys = {job: key for key, job in missing.items()}
        asked = [(job, self.config(job), self.options.model) for job in missing.values()]
        for (job, _, _), found in spread(done, asked, self.options.address):
            self.known[keys[job]] = found
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": keys[job], "run": asdict(found)}) + "\n")
            print(
                f"{time.monotonic() - self.started:6.0f} s  {job.arm:14s} {job.prompt!r} seed {job.seed}, rate × "
                f"{job.rate:g}: score {found.scores[-1]:.2f} in {found.seconds[-1]:.0f} s", file=sys.stderr, flush=True,
            )  # fmt: skip

    def run(self, job: Job) -> Run:
        """One run, from memory if its configuration was run before."""
        self.make([job])
        return self.known[self.key(job)]

    def config(self, job: Job) -> Config:
        """Of a run, without its learning rates' factor."""
        scene = job.prompt in self.options.scenes
        o = self.options
        return configured(job.prompt, scene, job.arm, job.seed, job.iterations, o.model, o.guidance)

    def key(self, job: Job) -> str:
        """By which a run is remembered."""
        config = self.config(job)
        prior = priors_of(config.scene, self.options.model).identity
        return hashlib.sha256(f"{to_yaml(config)}{job.rate}{job.marks}{prior}".encode()).hexdigest()[:16]

    def tuned(self, arms: Sequence[str]) -> dict[str, float]:
        """The best factor on the learning rates of each arm, by the same few short runs for every one.

        The best by the mean of their scores, as they go: most of it happens at the start, and at the end several
        factors tell nothing apart.
        """
        options = self.options
        if len(options.rates) == 1:
            return dict.fromkeys(arms, options.rates[0])
        prompts = [*options.scenes[:1], *options.objects[:1]]
        short, marks = max(1, round(options.tuning * options.iterations)), max(1, options.marks // 2)
        tried = {
            (arm, rate): [Job(arm, prompt, 1000, rate, short, marks) for prompt in prompts]
            for arm in arms
            for rate in options.rates
        }
        self.make([job for jobs in tried.values() for job in jobs])

        def merit(arm: str, rate: float) -> float:
            return sum(statistics.fmean(self.run(job).scores[1:]) for job in tried[arm, rate])

        return {arm: max(options.rates, key=lambda rate, arm=arm: merit(arm, rate)) for arm in arms}
