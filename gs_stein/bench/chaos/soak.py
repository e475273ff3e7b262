"""Memory of a long run: what it takes for every thousand iterations."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

from gs_stein.bench.chaos.kills import last_line
from gs_stein.bench.chaos.runs import forked, started

WARM = 0.3
"""Share of a run before memory is looked at: its caches fill, and it becomes what it will be."""


def long_run(output: Path, iterations: int, told: Path) -> None:
    """A run that writes its memory down every ten iterations; in a warm process.

    Raises:
        ValueError: it does not end well.
    """
    line = [*started(output), "--iterations", str(iterations), "--checkpoint-every", "100", "--log-every", "10"]
    ended = forked((*line, "--distill.reuse", "20"), output, prepare=lambda: _noting(told), patience=float("inf"))
    if ended.status:
        raise ValueError(f"chaos: a long run ended with {ended.status}: {last_line(ended)}")


def _noting(told: Path) -> None:
    """From now on in this process, every row of metrics is followed by one of memory."""
    from gs_stein.bench.chaos.foreign import resident
    from gs_stein.optimize.step import Step
    from gs_stein.run.metrics import Recorder

    add = Recorder.add

    def noted(self: Recorder, step: Step) -> None:
        add(self, step)
        if step.step % self.every == 0:
            with open(told, "a", encoding="ascii") as file:
                file.write(f"{step.step} {resident()}\n")

    Recorder.add = noted  # type: ignore[method-assign]


def slope(rows: list[tuple[float, float]], iterations: int) -> float:
    """Megabytes for every thousand iterations, by least squares over the part that is looked at."""
    import numpy as np

    steps, memory = np.array([row for row in rows if row[0] > WARM * iterations]).T
    return float(1000 * np.polyfit(steps, memory, 1)[0])


def rows_of(told: Path) -> list[tuple[float, float]]:
    """Iterations and megabytes so far."""
    lines = told.read_text(encoding="ascii").splitlines() if told.exists() else []
    pairs = [line.split() for line in lines]
    return [(float(step), float(memory)) for step, memory in pairs]


def measure(
    found: dict[str, float], pool: ProcessPoolExecutor, folder: Path, iterations: int,
    progress: Callable[[int, int], None],
) -> None:  # fmt: skip
    """Watch the memory of a long run.

    Args:
        found: takes the figures, as they are found: `soak_iterations`, done so far; `soak_mb`: memory then;
            `soak_mb_per_1000`: what it takes for every thousand iterations.
        pool: of warm processes.
        folder: for the run.
        iterations: how long.
        progress: told how many are done, of how many.
    """
    if not os.path.exists("/proc/self/statm"):
        print("soak: left out, this system does not tell what memory a process has", file=sys.stderr)
        return
    told = folder / "memory.txt"
    running: Future[None] = pool.submit(long_run, folder / "run", iterations, told)
    while not running.done():
        time.sleep(1.0)
        if rows := rows_of(told):
            found["soak_iterations"], found["soak_mb"] = rows[-1]
            progress(int(rows[-1][0]), iterations)
    running.result()
    rows = rows_of(told)
    found["soak_iterations"], found["soak_mb"] = rows[-1]
    found["soak_mb_per_1000"] = slope(rows, iterations)
