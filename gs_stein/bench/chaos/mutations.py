"""Damaged files of every kind that is read: one line that names the file, or a finite result; never anything else.

Processes of their own take the cases, many each: what is measured may end them. They write what came of each case into
a file; one that dies is followed by another, which goes on behind the case that it died of. usd-core is left out: on
damaged files it may end a process, which is its own matter.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gs_stein.files import print_anything

LONGEST = 5.0
"""Seconds of computing that a case may take; what takes longer is a hang."""
ASLEEP = 60.0
"""Seconds by the clock, on a machine that may be busy otherwise."""
ROOM = 4 << 30
"""Bytes of address space that a case may ask for."""
FLOOR = 8 << 20
"""Bytes: memory is measured in units of the file, or of this where the file is smaller."""
LANES = 2
"""Workers at a time."""


@dataclass(frozen=True)
class Outcome:
    """What came of one case."""

    case: int
    kind: str
    """Of the input."""
    file: str
    """Which of its files was damaged."""
    verdict: str
    """accepted, refused, traceback, broken, hang or crash."""
    said: str = ""
    """The error."""
    peak: float = 0.0
    """Memory beyond what the worker holds anyhow, in units of the file."""


def measure(found: dict[str, float], count: int, seed: int, progress: Callable[[int, int], object]) -> None:
    """Damage files, read them, count what should not happen.

    Args:
        found: takes the figures, in the end, also if that is an interrupt. mutations: cases; accepted, refused of them;
            tracebacks: errors other than one line that names file or folder; hangs: more than 5 s of computing;
            crashes: the process ended; accepted_broken: something that is not finite was taken; peak_over_file:
            greatest memory of a case beyond what its worker holds anyhow, over the size of the file (or folder), of
            8 MiB if that is smaller.
        count: cases.
        seed: same seed, same cases.
        progress: told how many are done, and of how many.
    """
    done: list[Outcome] = []
    try:
        outcomes(count, seed, progress, into=done)
    finally:
        for outcome in done:
            if outcome.verdict not in ("accepted", "refused"):
                where = f"case {outcome.case} of seed {seed}: {outcome.kind}, {outcome.file}"
                print(f"{where}: {outcome.verdict}: {outcome.said}", file=sys.stderr)
        found |= summary(done)


def summary(found: list[Outcome]) -> dict[str, float]:
    """Figures of cases, see `measure`."""
    counts = Counter(outcome.verdict for outcome in found)
    return {
        "mutations": float(len(found)), "accepted": float(counts["accepted"]), "refused": float(counts["refused"]),
        "tracebacks": float(counts["traceback"]), "hangs": float(counts["hang"]), "crashes": float(counts["crash"]),
        "accepted_broken": float(counts["broken"]), "peak_over_file": max((o.peak for o in found), default=0.0),
    }  # fmt: skip


def outcomes(
    count: int, seed: int, progress: Callable[[int, int], object], lanes: int = LANES,
    program: tuple[str, ...] = ("-m", "gs_stein.bench.chaos.mutations"), into: list[Outcome] | None = None,
) -> list[Outcome]:  # fmt: skip
    """What came of every case, in order.

    Args:
        count, seed, progress: see `measure`.
        lanes: workers at a time.
        program: what they run.
        into: takes what came of each also if there is an error, or an interrupt.

    Raises:
        RuntimeError: a worker could not even begin; with its last words.
    """
    lanes = max(1, min(lanes, os.cpu_count() or 1, count))
    with tempfile.TemporaryDirectory(prefix="gs-stein-damage-") as place:
        tracks = [Track(Path(place) / str(lane), seed, range(lane, count, lanes), program) for lane in range(lanes)]
        threads = [threading.Thread(target=track.run, daemon=True) for track in tracks]
        try:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                time.sleep(0.2)
                progress(sum(track.done for track in tracks), count)
        finally:
            for track in tracks:
                track.end()
            for thread in threads:
                thread.join(10.0)
            done = sorted((outcome for track in tracks for outcome in track.found), key=lambda outcome: outcome.case)
            if into is not None:
                into += done
        faults = [track.fault for track in tracks if track.fault]
        if faults:
            raise RuntimeError(f"mutations: a worker cannot work: {faults[0]}")
        return done


class Track:
    """Workers, one after the other, for every n-th case.

    Args:
        folder: of its own; made here.
        seed: of all cases.
        cases: their numbers.
        program: of a worker.
    """

    def __init__(self, folder: Path, seed: int, cases: range, program: tuple[str, ...]) -> None:
        self.folder, self.seed, self.cases, self._program = folder, seed, cases, program
        self.found: list[Outcome] = []
        self.done = 0
        self.fault = ""
        """Why it could not go on, if it could not."""
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False
        folder.mkdir()

    def run(self) -> None:
        """All cases."""
        left = self.cases
        while left and not self._ended:
            results = self.folder / f"results-{left.start}.jsonl"
            status = self._work(left, results)
            lines = [json.loads(line) for line in _lines(results)]
            self.found += [Outcome(**line) for line in lines if "verdict" in line]
            if status == 0 or self._ended:
                return
            if not lines or "verdict" in lines[-1]:  # not while it was at a case
                self.fault = (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")[-2000:]
                return
            case, slow = lines[-1], -status in (signal.SIGPROF, signal.SIGALRM)
            self.found.append(Outcome(**case, verdict="hang" if slow else "crash", said=f"exit status {status}"))
            left = range(case["case"] + left.step, left.stop, left.step)

    def _work(self, cases: range, results: Path) -> int:
        command = [
            sys.executable, *self._program, str(self.folder), str(results), str(self.seed),
            *map(str, (cases.start, cases.stop, cases.step)),
        ]  # fmt: skip
        quiet = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "HF_HUB_OFFLINE": "1"}
        with open(self.folder / "log.txt", "wb") as log:
            # A session of its own: Ctrl-C is for the bench, and would count as a crash here.
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **quiet}, start_new_session=True
            )
        before = self.done
        while self._process.poll() is None:
            time.sleep(0.1)
            self.done = before + sum("verdict" in line for line in _lines(results))
        return self._process.returncode

    def end(self) -> None:
        """Leave nothing running."""
        self._ended = True
        if self._process is not None and self._process.poll() is None:
            self._process.kill()


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    except FileNotFoundError:
        return []


class Worker:
    """Takes cases in a process of its own.

    Args:
        folder: where its files lie.
        seed: of all cases.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        import torch

        from gs_stein.bench.chaos.inputs import all_inputs

        torch.set_num_threads(1)
        self.seed = seed
        self.inputs = [kind for kind in all_inputs() for _ in range(kind.share)]
        # Every file of a kind by its name, relative to the folder.
        self.good: dict[str, dict[str, bytes]] = {}
        self.places = {kind.name: folder / kind.name for kind in self.inputs}
        for kind in all_inputs():
            place = self.places[kind.name]
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            kind.make(place)
            files = sorted(path for path in place.rglob("*") if path.is_file())
            self.good[kind.name] = {str(path.relative_to(place)): path.read_bytes() for path in files}
            for value in kind.read(place):  # imports what it needs, once
                assert _finite(value), kind.name
        gc.freeze()

    def take(self, case: int) -> tuple[dict[str, Any], Callable[[], Outcome]]:
        """What a case is, and what does it."""
        from gs_stein.bench.chaos.damage import damaged

        dice, kind = random.Random(f"{self.seed} {case}"), self.inputs[case % len(self.inputs)]
        place, good = self.places[kind.name], self.good[kind.name]
        for name, data in good.items():
            if (place / name).read_bytes() != data:
                (place / name).write_bytes(data)
        file = dice.choice(kind.only or sorted(good))
        (place / file).write_bytes(damaged(file, good[file], dice))
        size = sum((place / name).stat().st_size for name in good)
        named = {"case": case, "kind": kind.name, "file": file}
        return named, lambda: Outcome(**named, **self.judged(lambda: kind.read(place), (str(place), file), size))

    def judged(self, read: Callable[[], Iterable[Any]], names: tuple[str, ...], size: int) -> dict[str, Any]:
        """What came of reading damaged files, one of whose names an error must say; size in bytes."""
        gc.collect()
        before = _resident("VmRSS", forget=True)
        verdict, said = "accepted", ""
        try:
            for value in read():
                if not _finite(value):
                    verdict, said = "broken", "a number that is not finite"
        except ValueError as error:
            verdict, said = "refused", str(error)
            if "\n" in said or not any(name in said for name in names):
                verdict, said = "traceback", _where(error)
        except Exception as error:
            verdict, said = "traceback", _where(error)
        return {"verdict": verdict, "said": said[:500], "peak": (_resident("VmHWM") - before) / max(size, FLOOR)}


def _where(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error)[:300]!r} at {frame.filename}:{frame.lineno}"


def _finite(value: Any) -> bool:
    import torch

    return bool(value.isfinite().all()) if isinstance(value, torch.Tensor) else math.isfinite(value)


def _resident(key: str, forget: bool = False) -> int:
    """Bytes in memory now (VmRSS), or at most since they were last forgotten (VmHWM); 0 where the system is silent."""
    try:
        if forget:
            Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith(key)), 0)


def work(folder: Path, results: Path, seed: int, cases: range) -> None:
    """Do cases and write what came of them, a line before and one after each."""
    worker = Worker(folder, seed)
    limit = _resident("VmSize") + ROOM
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with open(results, "w", encoding="utf-8") as file:
        for case in cases:
            named, run = worker.take(case)
            file.write(json.dumps(named) + "\n")
            file.flush()
            signal.setitimer(signal.ITIMER_PROF, LONGEST)
            signal.setitimer(signal.ITIMER_REAL, ASLEEP)
            outcome = run()
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            file.write(json.dumps(asdict(outcome)) + "\n")
            file.flush()


if __name__ == "__main__":
    print_anything()  # whatever the libraries have to say
    work(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), range(*map(int, sys.argv[4:7])))
