"""Runs killed with SIGKILL at random moments, and gone on with: what is found in the end is what was to be found.

A moment is the n-th time that a run does something to a file, and a while after it, drawn from what a run to which
nothing happens takes until the next time: so each kind of moment can be aimed at, on a machine of any speed.
"""

from __future__ import annotations

import itertools
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from gs_stein.bench.chaos.left import faults
from gs_stein.bench.chaos.runs import PATIENCE, REFINED, Ended, forked, resumed, run_of, spawned, started

STAGES = ("start", "step", "checkpoint", "refinement", "final", "resume")
"""Kinds of moments; in the last, a run is killed twice: once anywhere, and then while it is gone on with."""
HIT = -signal.SIGKILL
"""Exit status of a process that was living when the signal came."""
IN_RESUME = 40
"""How many events of a run that is gone on with may come before it is killed again."""


@dataclass(frozen=True)
class Case:
    """A run that will be killed."""

    number: int
    stage: str
    """Of its moment."""
    kill: tuple[int, float]
    """How many events come first, and how many seconds after them."""
    again: tuple[int, float] | None
    """The same while it is gone on with; None: it is left alone then."""


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    case: Case
    faults: tuple[str, ...]
    retried: int = 0
    """Attempts before, in which a run had ended before its signal came."""


def stages_of(events: list[tuple[float, str]]) -> list[str]:
    """To which kind the time after each event belongs, that before the first included."""
    found, stage, step = ["start"], "start", 0
    for _, event in events:
        name = event.split()[-1]
        if name.startswith(".step_"):
            step = int(name.removeprefix(".step_")[:7])
            stage = "checkpoint" if event.startswith("open") else "refinement" if step >= REFINED - 1 else "step"
        elif any(part in name for part in ("point_cloud", "preview", "report", "video")):
            stage = "final"
        found.append(stage)
    return found


def cases(count: int, seed: int, events: list[tuple[float, str]]) -> list[Case]:
    """So many runs to be killed, as many of each kind.

    Args:
        count: of runs.
        seed: of the moments.
        events: of a run to which nothing happens.
    """
    draw = random.Random(seed)
    times = [0.0, *(time for time, _ in events)]
    gaps = [later - time for time, later in itertools.pairwise(times)]  # after the last one it is too late
    stages = stages_of(events)

    def moment(stage: str) -> tuple[int, float]:
        # What is to be killed again must have begun: else there is nothing to go on with.
        among = [i for i in range(len(gaps)) if (stages[i] != "start" if stage == "resume" else stages[i] == stage)]
        # Long stretches are hit more often than short ones, as by chance, but each now and then.
        weights = [gaps[i] + 0.3 * sum(gaps[j] for j in among) / len(among) for i in among]
        index = draw.choices(among, weights)[0]
        return index, draw.random() * gaps[index]

    found = []
    for number in range(count):
        stage = STAGES[number % len(STAGES)]
        first = moment(stage)
        again = (draw.randrange(IN_RESUME), 0.3 * draw.random() ** 2) if stage == "resume" else None
        found.append(Case(number, stage, first, again))
    return found


def moments(kill: tuple[int, float]) -> Iterator[tuple[int, float]]:
    """A moment, and earlier and earlier ones, down to the very beginning: a run that is quicker now had ended by then.

    Args:
        kill: events that come first, and seconds after them.
    """
    index, seconds = kill
    yield from ((index, share * seconds) for share in (1.0, 0.3, 0.0))
    back = 1
    while index > 0:
        index, back = max(0, index - back), 2 * back
        yield index, 0.0


def killed(case: Case, folder: Path, whole: Path) -> Outcome:
    """Kill a run, go on with it, and compare; in a warm process.

    A signal that comes after the run's end kills nothing: the run is made again, and the signal sent earlier.

    Args:
        case: which moment.
        folder: for the run; removed if all is well.
        whole: folder of a run to which nothing happened.
    """
    output = folder / f"kill-{case.number}"
    firsts, agains = moments(case.kill), moments(case.again or (0, 0.0))
    first, second = next(firsts), next(agains)
    retried = -1
    while True:
        retried += 1
        shutil.rmtree(output, ignore_errors=True)
        ended = forked(started(output), output, first)
        if ended.status == 0:
            first = next(firsts)
            continue
        statuses: list[int] = []

        def again(run: Path, statuses: list[int] = statuses, moment: tuple[int, float] = second) -> Ended:
            resumption = forked(resumed(run), run, moment)
            statuses.append(resumption.status)
            return resumption

        found = after(output, ended, None if case.again is None else again, forked, whole)
        if found or statuses != [0]:
            break
        second = next(agains)
    if not found:
        shutil.rmtree(output)
    return Outcome(case, tuple(found), retried)


def process(arguments: tuple[str, ...], seconds: float = PATIENCE) -> Ended:
    """`gs-stein` in a process that nobody has prepared, killed after so many seconds."""
    command = [sys.executable, "-m", "gs_stein", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", env=spawned()
    ) as running:
        try:
            said = running.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            running.kill()
            said = running.communicate()[0]
    return Ended(running.returncode, said, hung=seconds == PATIENCE and running.returncode < 0)


def killed_alone(number: int, delay: float, folder: Path, whole: Path) -> Outcome:
    """As `killed`, for a process that nobody has prepared, and at a time instead of an event."""
    output = folder / f"alone-{number}"
    for retried in itertools.count():
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()
        first = process(started(output), delay / 2**retried)
        if first.status:
            break
    found = after(output, first, None, lambda line, _: process(line), whole)
    if not found:
        shutil.rmtree(output)
    return Outcome(Case(number, "alone", (0, delay), None), tuple(found), retried)


def after(
    output: Path,
    first: Ended,
    again: Callable[[Path], Ended] | None,
    go: Callable[[tuple[str, ...], Path], Ended],
    whole: Path,
) -> list[str]:
    """Go on with a run that was killed, or begin anew if nothing of it is there yet; what is wrong in the end."""
    if first.hung:
        return [f"it did not end before it was killed: {last_line(first)}"]
    if first.status not in (0, HIT):
        return [f"it ended with {first.status} before it was killed: {last_line(first)}"]
    if not any(output.glob("*/config.yaml")):
        for leftover in output.glob("*"):
            refused = go(resumed(leftover), leftover)
            if refused.status != 2 or "holds no config.yaml" not in last_line(refused):
                return [f"a folder without anything in it is not refused but: {last_line(refused)}"]
            shutil.rmtree(leftover)
        end = go(started(output), output)
    else:
        run = run_of(output)
        if again is not None and (second := again(run)).status not in (0, HIT):
            return [f"resumed, it ended with {second.status} before it was killed: {last_line(second)}"]
        end = go(resumed(run), run)
    if end.hung or end.status:
        return ["it does not end" if end.hung else f"it ended with {end.status}: {last_line(end)}"]
    return faults(run_of(output), whole)


def last_line(ended: Ended) -> str:
    """The last of what a process said."""
    return (ended.said.strip().splitlines() or ["nothing was said"])[-1]


def uninterrupted(output: Path) -> Ended:
    """A run to which nothing happens; in a warm process."""
    ended = forked(started(output), output)
    if ended.status:
        raise ValueError(f"chaos: a run that nothing happens to ended with {ended.status}: {last_line(ended)}")
    return ended


def measure(
    found: dict[str, float], pool: ProcessPoolExecutor, folder: Path, count: int, alone: int, seed: int,
    progress: Callable[[int, int], None],
) -> None:  # fmt: skip
    """Kill so many living runs, some of them in processes of their own.

    Args:
        found: takes the figures, as they are found. `kills`; `lost`: how many of them did not end as if they had not
            been killed; `kills_retried`: runs that had ended before the signal came, and were made again;
            `kills_STAGE`: kills by kind.
        pool: of warm processes.
        folder: for the runs; those that were lost stay there.
        count: of kills.
        alone: how many of them in processes of their own.
        seed: of the moments.
        progress: told how many are done, of how many.
    """
    whole = folder / "whole"
    events = pool.submit(uninterrupted, whole).result().events
    run = run_of(whole)
    found |= {"kills": 0.0, "lost": 0.0, "kills_retried": 0.0} | {f"kills_{stage}": 0.0 for stage in STAGES}
    draw = random.Random(seed + 1)
    if alone:
        began = time.monotonic()
        if ended := pool.submit(process, started(folder / "alone")).result().status:
            raise ValueError(f"chaos: a run that nothing happens to ended with {ended}")
        longest = time.monotonic() - began
        if differences := faults(run_of(folder / "alone"), run):
            raise ValueError(f"chaos: prepared processes make other runs than others: {'; '.join(differences)}")
    futures = [pool.submit(killed, case, folder, run) for case in cases(count - alone, seed, events)]
    futures += [pool.submit(killed_alone, i, longest * draw.random(), folder, run) for i in range(alone)]
    for done, future in enumerate(as_completed(futures), 1):
        outcome = future.result()
        found["kills"] += 1
        found["kills_retried"] += outcome.retried
        found["lost"] += bool(outcome.faults)
        key = f"kills_{outcome.case.stage}"
        found[key] = found.get(key, 0.0) + 1
        if outcome.faults:
            print(f"kills: {outcome.case}: {'; '.join(outcome.faults)}", file=sys.stderr, flush=True)
        progress(done, len(futures))
