"""The same run under other circumstances, which must not change a bit of it: first, resumed, watched, two threads."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from gs_stein.bench.chaos.kills import last_line, uninterrupted
from gs_stein.bench.chaos.left import faults
from gs_stein.bench.chaos.runs import PATIENCE, REFINED, forked, resumed, run_of, spawned, started


def alone(output: Path, environment: dict[str, str]) -> Path:
    """A run in a process of its own, with these variables besides; its folder.

    Raises:
        ValueError: it did not end well.
    """
    command = [sys.executable, "-m", "gs_stein", *started(output)]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=2 * PATIENCE, env=spawned(environment)
    )
    if done.returncode:
        raise ValueError(f"chaos: a run with {environment} ended with {done.returncode}: {done.stderr.strip()}")
    return run_of(output)


def stopped_and_resumed(output: Path, events: int) -> Path:
    """A run that Ctrl-C ends after so many of its events, and that is gone on with; in a warm process.

    Raises:
        ValueError: it does not end well.
    """
    first = forked(started(output), output, (events, 0.0), number=signal.SIGINT)
    if first.status != 128 + signal.SIGINT:
        raise ValueError(f"chaos: Ctrl-C ended a run with {first.status}: {last_line(first)}")
    second = forked(resumed(run_of(output)), output)
    if second.status:
        raise ValueError(f"chaos: a resumed run ended with {second.status}: {last_line(second)}")
    return run_of(output)


def watched(output: Path) -> Path:
    """A run with a page that a client looks at from before the first iteration to the last; in a warm process.

    Raises:
        ValueError: it does not end well, or nobody looked.
    """
    line = tuple(part for part in started(output) if part != "--no-viewer")
    seen = output.with_name("seen.txt")
    ended = forked(
        (*line, "--serve", "no", "--port", "0", "--share", "1", "--updates", "100"),
        output,
        prepare=lambda: _joined(seen),
    )
    if ended.status or not seen.exists():
        raise ValueError(f"chaos: a watched run ended with {ended.status}: {last_line(ended)}")
    return run_of(output)


def _joined(seen: Path) -> None:
    """From now on in this process, whoever opens a page waits until a client has joined it, and notes that it did."""
    import time

    from gs_stein.bench.viewer import CLIENT
    from gs_stein.live.run_view import Live

    enter = Live.__init__

    def opened(self: Live, *arguments: object, **more: object) -> None:
        enter(self, *arguments, **more)  # type: ignore[arg-type]
        url = self.address.replace("http://", "ws://")
        # It ends with the page.
        subprocess.Popen([sys.executable, "-c", CLIENT, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while not self.server.get_clients() and time.monotonic() < end:
            time.sleep(0.02)
        if self.server.get_clients():
            seen.touch()

    Live.__init__ = opened  # type: ignore[method-assign]


def measure(
    found: dict[str, float], pool: ProcessPoolExecutor, folder: Path, progress: Callable[[int, int], None],
    compiled: bool = True,
) -> None:  # fmt: skip
    """Compare whole runs with one to which nothing happens.

    Args:
        found: takes the figures, as they are found: `bits_compared`; `bits_differ`: how many of the pairs differ in
            anything; `bits_differ_by_threads`.
        pool: of warm processes.
        folder: for the runs.
        progress: told how many are done, of how many.
        compiled: also compare those in processes of their own: of which the first compiles every kernel, and another
            has two threads. Minutes.
    """
    whole = folder / "whole"
    events = pool.submit(uninterrupted, whole).result().events
    # Half way, in the middle of what the refinement fits.
    half = next(i for i, (_, event) in enumerate(events, 1) if f".step_{REFINED + 1:07d}" in event)
    runs: dict[str, Callable[[], Path]] = {
        "stopped and resumed": lambda: pool.submit(stopped_and_resumed, folder / "stopped", half).result(),
        "watched": lambda: pool.submit(watched, folder / "watched").result(),
    }
    if compiled:
        cache = {"NUMBA_CACHE_DIR": str(folder / "kernels")}
        two = {"OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2"}
        runs |= {
            "first of all": lambda: alone(folder / "first", cache),
            "after the first": lambda: alone(folder / "second", cache),
            "two threads": lambda: alone(folder / "threads", {**cache, **two}),
        }
    found |= {"bits_compared": 0.0, "bits_differ": 0.0} | ({"bits_differ_by_threads": 0.0} if compiled else {})
    for done, (name, run) in enumerate(runs.items(), 1):
        differences = faults(run(), run_of(whole))
        key = "bits_differ_by_threads" if name == "two threads" else "bits_differ"
        found["bits_compared"] += 1
        found[key] += bool(differences)
        if differences:
            print(f"bits: {name}: {'; '.join(differences)}", file=sys.stderr, flush=True)
        progress(done, len(runs))
