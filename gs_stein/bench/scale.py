"""What a batch of prompts costs beside the runs themselves, and what it withstands.

    python -m gs_stein.bench scale --json

`workers_over_processes`: prompts an hour of two Ray workers with one thread each, over those of two shells that run
`gs-stein train` one after another beside each other, in the same minutes; starting Ray counts. `workers_2x1_over_1x2`:
the same over one worker with two threads. `overhead`: time between two runs of that one worker, over the time of the
runs. `growth`: seconds a prompt of all runs, over those of the first half. Then workers and a driver are killed at
random moments: what is missing in the end, and how many iterations a kill made to be done again, beyond what the
interval of the checkpoints allows (0). Then seconds until a folder of finished runs is recognised. Last
`ranks_over_processes`: one object by two ranks with a thread each, over two objects by as many processes beside each
other: views an hour, where the ranks look through twice as many in every iteration (seconds in iterations).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gs_stein.files import read_json, write_json

Part = Literal["throughput", "kills", "recognition", "ranks"]
_INTERVAL = 20
"""Iterations between the checkpoints of runs that are killed."""
_VIEWS = (4, 2, 8, 24)
"""Views of a process: a step, followed again, refined at first and later. Those of --preset preview."""
_LOGGED = 10
"""Iterations between rows of metrics.csv, by which it is told how far a killed run was."""
_LONGEST = 3600.0
"""Seconds that one command may take."""


@dataclass(frozen=True)
class Options:
    """Throughput of batches, kills, and the recognition of what is finished."""

    parts: tuple[Part, ...] = ("throughput", "kills", "recognition", "ranks")
    """Which of them."""
    runs: int = 24
    """Objects made in each of the three ways that are compared."""
    iterations: int = 400
    """Of each; 400 are those of --preset preview."""
    kills: int = 20
    """Workers killed."""
    finished: int = 2000
    """Runs to recognise."""
    seed: int = 0
    """Of the moments of the kills."""
    quick: bool = False
    """Only try whether all runs: few and short ones."""
    json: bool = False
    """Print one JSON object as the last line."""


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench scale`."""
    import tyro

    options = tyro.cli(Options, args=argv, description=__doc__)
    if options.quick:
        options = Options(options.parts, 4, 20, 2, 50, options.seed, True, options.json)
    found: dict[str, float | int] = {}
    with tempfile.TemporaryDirectory(prefix="gs_stein-scale-") as folder:
        for part in options.parts:
            measured = PARTS[part](Path(folder), options)
            found |= measured
            for name, value in measured.items():
                print(f"{name:28s} {value:g}", flush=True)
    if options.json:
        print(json.dumps(found))
    return 0


def wanted(runs: int, iterations: int) -> list[dict[str, Any]]:
    """Objects of the written list of prompts, as often as needed, with other seeds."""
    from gs_stein.bench.prompts import WRITTEN
    from gs_stein.config.serialize import read_yaml

    prompts = read_yaml(WRITTEN)["objects"]
    return [
        {"prompt": prompts[i % len(prompts)], "seed": i // len(prompts), "scene": False, "iterations": iterations}
        for i in range(runs)
    ]


def environment(threads: int) -> dict[str, str]:
    """Of a process with so many threads."""
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)}


def batch_command(lines: Path, output: Path, *more: str) -> list[str]:
    """A batch on this machine's own Ray."""
    return [
        sys.executable, "-m", "gs_stein.batch", str(lines), "-o", str(output), "--address", "local",
        "--video-frames", "0", *more,
    ]  # fmt: skip


def finish(command: Sequence[str], threads: int = 1) -> str:
    """What a command prints.

    Raises:
        ValueError: it failed; its last line is in the message.
    """
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", timeout=_LONGEST, env=environment(threads)
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise ValueError(f"scale: {' '.join(command[1:4])} failed: {said[-1]}")
    return done.stdout


def write_lines(path: Path, lines: Sequence[dict[str, Any]]) -> Path:
    """Prompts as a file of JSON lines."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def shells(lines: Sequence[dict[str, Any]], output: Path, threads: int = 1) -> None:
    """One `gs-stein train` after another.

    Raises:
        ValueError: one failed.
    """
    for line in lines:
        finish([
            sys.executable, "-m", "gs_stein.command.train", "--object", f"--prompt={line['prompt']}",
            f"--seed={line['seed']}", f"--iterations={line['iterations']}", f"--output={output}", "--no-viewer",
            "--video-frames=0",
        ], threads)  # fmt: skip


def throughput(folder: Path, options: Options) -> dict[str, float | int]:
    """Two shells, two workers with a thread each, one worker with two: all make the same objects."""
    lines = wanted(options.runs, options.iterations)
    file = write_lines(folder / "lines.jsonl", lines)
    finish([*batch_command(write_lines(folder / "one.jsonl", lines[:1]), folder / "warm")])  # compiles the kernels
    seconds: dict[str, float] = {}
    began = time.perf_counter()
    failed: list[ValueError] = []

    def shell(part: Sequence[dict[str, Any]]) -> None:
        try:
            shells(part, folder / "shells")
        except ValueError as error:
            failed.append(error)

    beside = [threading.Thread(target=shell, args=(lines[i::2],)) for i in range(2)]
    for thread in beside:
        thread.start()
    for thread in beside:
        thread.join()
    if failed:
        raise failed[0]
    seconds["processes"] = time.perf_counter() - began
    for name, cpus in (("2x1", 1), ("1x2", 2)):
        began = time.perf_counter()
        finish(batch_command(file, folder / name, f"--cpus-per-run={cpus}"), cpus)
        seconds[name] = time.perf_counter() - began
    spans = sorted((kept["began"], kept["ended"]) for kept in asked(folder / "1x2"))
    found = {f"seconds_{name}": round(value, 2) for name, value in seconds.items()}
    return {
        **found,
        "workers_over_processes": round(seconds["processes"] / seconds["2x1"], 4),
        "workers_2x1_over_1x2": round(seconds["1x2"] / seconds["2x1"], 4),
        "overhead": round(between(spans), 5),
        "growth": round(growth(spans), 4),
    }


def asked(output: Path) -> Iterator[dict[str, Any]]:
    """What each run of a batch notes of itself."""
    for path in sorted(output.glob("*/batch.json")):
        yield read_json(path)


def between(spans: Sequence[tuple[float, float]]) -> float:
    """Time between runs that follow one another, over that of the runs.

    Args:
        spans: begin and end of each, in order.
    """
    gaps = sum(after[0] - before[1] for before, after in itertools.pairwise(spans))
    return gaps / sum(end - begin for begin, end in spans[:-1])


def growth(spans: Sequence[tuple[float, float]]) -> float:
    """Seconds a run of all, over those of the first half; 1: linear."""
    half = len(spans) // 2
    all_of_them, first = (part[-1][1] - part[0][0] for part in (spans, spans[:half]))
    return (all_of_them / len(spans)) / (first / half)


def kills(folder: Path, options: Options) -> dict[str, float | int]:
    """Workers, then a driver, killed with −9 at random moments; what is missing in the end, and what was repeated."""
    chance = random.Random(options.seed)
    # Long enough that there is somebody to kill until the last one.
    lines = wanted(max(2, options.kills), max(60, options.iterations))
    file, output = write_lines(folder / "kills.jsonl", lines), folder / "kills"
    command = batch_command(file, output, f"--checkpoint-every={_INTERVAL}", f"--retries={options.kills}", "--no-score")
    repeated: list[int] = []
    with started(command) as driver:
        while len(repeated) < options.kills and driver.poll() is None:
            # Seldom enough that runs get anywhere between kills: a worker takes seconds to start.
            time.sleep(chance.uniform(0.5, max(4.0, options.iterations / 20)))
            if (victim := working(output, chance)) is not None:
                repeated.append(kill(*victim))
        status = driver.wait(_LONGEST)
    missing = len(lines) - len([kept for kept in asked(output) if "ended" in kept])

    output = folder / "driver"
    command = batch_command(file, output, f"--checkpoint-every={_INTERVAL}", "--no-score")
    with started(command) as driver:
        while not list(output.glob("*/checkpoints/step_*.pt")) and driver.poll() is None:
            time.sleep(0.1)
        time.sleep(chance.uniform(0.0, 4.0))
        driver.kill()
        driver.wait()
    before = {path: path.stat().st_mtime_ns for path in output.glob("*/report.json")}
    said = finish(command)
    untouched = all(path.stat().st_mtime_ns == changed for path, changed in before.items())
    return {
        "kills": len(repeated),
        "kills_missing": missing + (status != 0),
        "kills_repeated_most": max(repeated, default=0),
        "kills_repeated_allowed": _INTERVAL + _LOGGED,
        "driver_missing": len(lines) - int((re.search(r"(\d+) of \d+ runs? (?:is|are) there", said) or ["", "0"])[1]),
        "driver_repeated_finished": int(not untouched),
    }


@contextlib.contextmanager
def started(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A command at work; it does not outlive the block."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment(1))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def working(output: Path, chance: random.Random) -> tuple[Path, int] | None:
    """A run that a worker is at work on, and that worker's process; None if there is none just now."""
    found = []
    for lock in output.glob("*/.lock"):
        with contextlib.suppress(OSError, ValueError):
            found.append((lock.parent, int(lock.read_text())))
    return chance.choice(found) if found else None


def kill(run: Path, process: int) -> int:
    """Kill a worker; how many iterations of its run no checkpoint holds."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:  # it ended in this moment
        return 0
    saved = max((int(path.stem.split("_")[1]) for path in run.glob("checkpoints/step_*.pt")), default=0)
    rows = run / "metrics.csv"
    lines = rows.read_text(encoding="utf-8").splitlines()[1:] if rows.is_file() else []
    done = max((int(line.split(",")[0]) for line in lines if line.count(",") > 2), default=0)
    return max(0, done - saved)


def recognition(folder: Path, options: Options) -> dict[str, float | int]:
    """Seconds of a whole command over a folder where all is finished, and over half as many."""
    from gs_stein.config.schema import Config
    from gs_stein.config.serialize import to_tree

    output, lines, runs = folder / "finished", [], options.finished
    report = {"seconds": 60.0, "scorer": {"views_top1": 0.5}, "settings": to_tree(Config())}
    for i in range(runs):
        wish = {"prompt": f"object {i}", "scene": False, "seed": 0}
        run = output / f"object-{i}-s0"
        run.mkdir(parents=True)
        kept = {**wish, "preset": None, "outdoors": "auto", "options": {}}
        write_json(run / "batch.json", {"asked": kept, "began": 0.0, "ended": 60.0, "notes": []})
        write_json(run / "report.json", report)
        (run / "point_cloud.ply").touch()
        lines.append(wish)
    seconds = []
    for part in (lines[: runs // 2], lines):
        file = write_lines(folder / f"finished-{len(part)}.jsonl", part)
        began = time.perf_counter()
        said = finish(batch_command(file, output))
        seconds.append(time.perf_counter() - began)
        if f"{len(part)} {'is' if len(part) == 1 else 'are'} there" not in said:
            raise ValueError(f"scale: of {len(part)} finished runs not all were recognised: {said.splitlines()[0]}")
    return {"recognised": runs, "seconds_recognised": round(seconds[1], 3), "seconds_half": round(seconds[0], 3)}


def ranks(folder: Path, options: Options) -> dict[str, float | int]:
    """Two processes beside each other, then two ranks of one run, for as many views in all."""
    output, line = folder / "ranks", wanted(1, options.iterations)[0]

    def command(name: str, times: int, *launcher: str) -> list[str]:
        step, followed, first, later = (times * views for views in _VIEWS)
        return [
            sys.executable, *launcher, "-m", "gs_stein.command.train", "--object", f"--prompt={line['prompt']}",
            f"--iterations={line['iterations']}", f"--output={output / name}", f"--views={step}",
            f"--distill.reuse-views={followed}", "--refine.views", str(first), str(later), "--no-viewer", "--no-score",
            "--video-frames=0",
        ]  # fmt: skip

    with ThreadPoolExecutor(2) as beside:
        list(beside.map(finish, [command(name, 1) for name in "ab"]))
    finish(command("both", 2, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"))
    seconds = {path.parts[-3]: read_json(path)["seconds"] for path in output.glob("*/*/report.json")}
    processes = max(seconds["a"], seconds["b"])
    return {
        "seconds_two_processes": round(processes, 2),
        "seconds_two_ranks": round(seconds["both"], 2),
        "ranks_over_processes": round(processes / seconds["both"], 4),
    }


PARTS = {"throughput": throughput, "kills": kills, "recognition": recognition, "ranks": ranks}
"""What measures each of the parts."""
