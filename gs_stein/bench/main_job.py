"""The main job against an earlier build, side by side: is it faster, does it need less memory, is it still as good?

    python -m gs_stein.bench main --against 2727f14 --json

The other build is checked out into a worktree of this repository and installed into an environment of its own, once;
then both run the same commands in turn (other, this, other, this), each round with another seed. Seconds and memory
are of the whole process. Scenes of both are judged by this build (`gs_stein.bench.judge`), and compared prompt by
prompt. Runs are kept in --output and not repeated.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gs_stein.files import PACKAGE, print_anything, read_json, write_atomically

Job = Literal["room", "landscape", "object"]
PROMPTS: dict[Job, str] = {
    "room": "a cozy living room",
    "landscape": "a beach with palm trees and a sailboat",
    "object": "a red armchair",
}
"""What each job asks for; of the world, so that there are real renders to compare with."""
QUALITY = ("scorer", "detail_256", "swd_256")
"""What is compared beside time and memory."""


@dataclass(frozen=True)
class Options:
    """The main job against an earlier build of this repository, in turn on one machine."""

    against: str
    """Commit, tag or branch of the other build."""
    jobs: tuple[Job, ...] = ("room", "landscape", "object")
    """What to run; none (--jobs without a name): only the rasterizers are compared."""
    presets: tuple[Literal["default", "preview"], ...] = ("default", "preview")
    """At which length."""
    rounds: int = 2
    """Each of them runs both builds once, with a seed of its own."""
    raster: bool = True
    """Also time the rasterizers (python -m gs_stein.bench raster)."""
    output: Path = Path("runs/against")
    """Where the other build, its environment and all runs are kept."""
    python: Path | None = None
    """Interpreter of an environment that already has what the other build needs, instead of a new one."""
    json: bool = False
    """Print one JSON object as the last line."""


@dataclass(frozen=True)
class Build:
    """One of the two."""

    name: str
    python: Path
    root: Path

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Its Python, in its own tree."""
        environment = {**os.environ, "PYTHONPATH": str(self.root)}
        return subprocess.run(
            [str(self.python), *arguments], cwd=self.root, env=environment, capture_output=True, encoding="utf-8",
            errors="replace",
        )  # fmt: skip


def output_of(*command: str) -> str:
    """What a command prints.

    Raises:
        ValueError: it failed; its last line is in the message.
    """
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise ValueError(f"against: {' '.join(command[:4])} … failed: {said[-1]}")
    return done.stdout.strip()


def other_build(options: Options) -> Build:
    """The worktree of the other build, and an interpreter that has what it needs.

    Raises:
        ValueError: this is no checkout, there is no such commit, or it cannot be installed.
    """
    here = str(PACKAGE.parent)
    commit = output_of("git", "-C", here, "rev-parse", "--verify", f"{options.against}^{{commit}}")[:12]
    root = (options.output / commit).resolve()
    if not (root / "train.py").is_file():
        output_of("git", "-C", here, "worktree", "prune")
        output_of("git", "-C", here, "worktree", "add", "--force", "--detach", str(root), commit)
    if options.python is not None:
        return Build(options.against, options.python, root)
    environment = root.with_name(f"{commit}-environment")
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (environment / "installed").exists():
        print(f"installing {options.against} into {environment} (minutes)", file=sys.stderr, flush=True)
        output_of(sys.executable, "-m", "venv", str(environment))
        versions = next(p for p in (root / "constraints.txt", PACKAGE.parent / "constraints.txt") if p.is_file())
        output_of(str(python), "-m", "pip", "install", "--quiet", "-c", str(versions), "-e", str(root))
        (environment / "installed").touch()
    return Build(options.against, python, root)


def train(build: Build, job: Job, preset: str, seed: int, output: Path) -> Path:
    """One run, unless it was done before; its folder, which also holds `process.json`: seconds and peak memory.

    Raises:
        ValueError: the run failed; its last line is in the message.
    """
    folder = (output / f"{job}-{preset}-{seed}-{build.root.name}").resolve()
    done = sorted(folder.glob("*/process.json"))
    if done:
        return done[-1].parent
    arguments = [
        "train.py", f"--prompt={PROMPTS[job]}", f"--output={folder}", "--no-viewer", f"--seed={seed}",
        *(() if job == "object" else ("--scene",)), *(() if preset == "default" else (f"--preset={preset}",)),
    ]  # fmt: skip
    # What /proc says is the program's own; the peak of getrusage may be that of the process it was forked from.
    meter = (
        "import pathlib, re, resource, runpy, sys; sys.argv = sys.argv[1:]; sys.path.insert(0, '')\n"
        "status = pathlib.Path('/proc/self/status')\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally: print('\\nPEAK', re.search(r'VmHWM:\\s*(\\d+)', status.read_text())[1] if status.exists() else\n"
        "               resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    began = time.perf_counter()
    found = build.call("-c", meter, *arguments)
    seconds = time.perf_counter() - began
    reports = sorted(folder.glob("*/report.json"))
    if found.returncode or not reports:
        said = (found.stderr or found.stdout).strip().splitlines() or ["it said nothing"]
        raise ValueError(f"against: {build.name}, {PROMPTS[job]!r} failed: {said[-1]}")
    peak = int(found.stdout.rsplit("PEAK", 1)[1]) * (1 if sys.platform == "darwin" else 1024)
    run = reports[-1].parent
    write_atomically(run / "process.json", json.dumps({"seconds": seconds, "peak_gib": peak / 2**30}).encode())
    return run


def measured(run: Path, config: Path) -> dict[str, float]:
    """Seconds, memory and quality of a run, by the configuration that this build wrote for the same command."""
    from gs_stein.bench.judge import judge
    from gs_stein.config.serialize import read_config
    from gs_stein.gaussians.files import read_gaussians

    judged = run / "judged.json"
    if not judged.exists():
        found = judge(read_gaussians(run / "point_cloud.ply"), read_config(config / "config.yaml"))
        write_atomically(judged, json.dumps(found).encode())
    return read_json(run / "process.json") | read_json(judged)


def raster_milliseconds(builds: tuple[Build, Build], rounds: int) -> list[float]:
    """The shortest forward and backward pass of 100 000 Gaussians at 512², of either build.

    Raises:
        ValueError: a bench failed.
    """
    best = [math.inf, math.inf]
    for _ in range(rounds):
        for i, build in enumerate(builds):
            found = build.call("-m", "gs_stein.bench", "raster", "--json", "--repeats", "5")
            if found.returncode:
                raise ValueError(f"against: {build.name}, raster: {(found.stderr.splitlines() or ['failed'])[-1]}")
            best[i] = min(best[i], json.loads(found.stdout.splitlines()[-1])["fwd_bwd_ms"])
    return best


def mean_and_error(values: list[float]) -> tuple[float, float]:
    """Mean and its standard error; NaN with fewer than two."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return statistics.fmean(values), error


def compare(options: Options, other: Build, this: Build) -> dict[str, Any]:
    """Run everything, print a line a pair of runs, and return the figures."""
    ratios: dict[str, list[float]] = {}
    memory: list[float] = []
    differences: dict[str, list[float]] = {name: [] for name in QUALITY}
    medians: dict[str, dict[str, list[float]]] = {}
    pairs: list[tuple[int, str, Job]] = [
        (n, preset, job) for n in range(options.rounds) for preset in options.presets for job in options.jobs
    ]
    for number, preset, job in pairs:
        old = train(other, job, preset, number, options.output)
        new = train(this, job, preset, number, options.output)
        before, after = measured(old, new), measured(new, new)
        for build, figures in (("other", before), ("this", after)):
            for name, value in figures.items():
                medians.setdefault(f"{job}_{preset}_{build}", {}).setdefault(name, []).append(value)
        ratio = after["seconds"] / before["seconds"]
        ratios.setdefault("preview" if preset == "preview" else job, []).append(ratio)
        memory.append(after["peak_gib"] / before["peak_gib"])
        for name in QUALITY:
            differences[name].append(after[name] - before[name])
        quality = ", ".join(f"{name} {before[name]:.3f} → {after[name]:.3f}" for name in QUALITY)
        print(
            f"{job:9s} {preset:7s} seed {number}: {before['seconds']:6.1f} → {after['seconds']:6.1f} s ({ratio:.2f}), "
            f"{before['peak_gib']:.2f} → {after['peak_gib']:.2f} GiB; {quality}",
            flush=True,
        )
    found: dict[str, Any] = {f"{name}_seconds_ratio": statistics.median(x) for name, x in ratios.items()}
    if memory:
        found["memory_ratio"] = statistics.median(memory)
    for name, x in differences.items() if memory else ():
        found[f"{name}_difference"], found[f"{name}_difference_error"] = mean_and_error(x)
    if options.raster:
        before, after = raster_milliseconds((other, this), options.rounds)
        found |= {"raster_ms_other": before, "raster_ms_this": after, "raster_ratio": after / before}
    for case, figures in medians.items():
        found |= {f"{case}_{name}": statistics.median(values) for name, values in figures.items()}
    return {key: None if math.isnan(value) else round(value, 4) for key, value in found.items()}


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench main`."""
    import tyro

    options = tyro.cli(Options, args=argv, prog="python -m gs_stein.bench main", description=__doc__)
    if options.rounds < 1:
        raise ValueError(f"rounds: {options.rounds} runs nothing; give at least 1")
    other = other_build(options)
    found = compare(options, other, Build("this build", Path(sys.executable), PACKAGE.parent))
    write_atomically(options.output / "main.json", (json.dumps(found, indent=2) + "\n").encode())
    for name, value in found.items():
        if name.endswith(("_ratio", "_difference")):
            error = found.get(f"{name}_error")
            print(f"{name:28s} {value:8.3f}" + ("" if error is None else f" ± {error:.3f}"))
    if options.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
