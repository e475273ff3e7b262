"""Runs that are scored as they go, and remembered."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import multiprocessing
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from gs_stein.bench.convergence.arms import configured
from gs_stein.bench.convergence.judge import Judge
from gs_stein.bench.convergence.options import Options
from gs_stein.config.schema import Config
from gs_stein.config.serialize import to_yaml
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


class Bench:
    """Runs what is not in the output folder yet."""

    def __init__(self, options: Options) -> None:
        self.options = options
        options.output.mkdir(parents=True, exist_ok=True)
        self.path = options.output / "runs.jsonl"
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        self.known = dict(filter(None, map(remembered, lines)))
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
            with self.path.open("a", encoding="utf-8") as file:
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
