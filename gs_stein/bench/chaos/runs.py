"""Small whole runs of `gs-stein train` in processes of their own, which may be killed, and what is left of them.

Most of a short run is the start of its process, so workers do that once: each has run the command before, and forks a
process for every further run. A worker and its children have one thread; the two of a pool work side by side.
"""

from __future__ import annotations

import os
import runpy
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import active_children, get_context
from pathlib import Path

from gs_stein.files import write_atomically

STEPS = 12
REFINED = 7
"""Iterations of a run, and how many of them come before the round of refinement."""
SMALL = (
    "--model", "bundled", "--prompt", "a red armchair", "--iterations", str(STEPS), "--views", "2",
    "--start.count", "300", "--densify.cap", "320", "--resolution.first", "16", "--cameras.resolution", "32",
    "--refine.share", "0.4", "--refine.rounds", "1", "--refine.shortest", "1", "--refine.views", "4", "4",
    "--refine.steps", "2", "--refine.group", "3", "--refine.anchors", "1", "--prior-device", "cpu", "--device", "cpu",
)  # fmt: skip
"""An object by the bundled prior, with everything that a run has, in about a second."""
AROUND = (
    "--no-viewer", "--no-score", "--checkpoint-every", "2", "--log-every", "1", "--video-frames", "4",
    "--video-size", "32",
)  # fmt: skip
"""What does not change its numbers."""
CHANGES = """\
step,prompt,guidance_scale,t_min,t_max,learning_rate
0,a red armchair,,,,
3,a red armchair,4.0,,,0.5
5,a blue armchair,4.0,,,
"""
"""What somebody changes on the page of each run, which is noted and kept over every interruption."""
PATIENCE = 300.0
"""Seconds after which a run counts as hanging."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


@dataclass
class Ended:
    """What became of a process."""

    status: int
    """Its exit status; negative: the signal that ended it."""
    said: str
    """On both outputs."""
    events: list[tuple[float, str]] = field(default_factory=list)
    """Seconds since it began, and what it did to a file then."""
    hung: bool = False

    @property
    def seconds(self) -> float:
        """Until its last event."""
        return self.events[-1][0] if self.events else 0.0


def started(output: Path) -> tuple[str, ...]:
    """The command line of a new run, whose folder is made in `output`."""
    return ("train", *SMALL, *AROUND, *steered(output.parent), "--output", str(output))


def resumed(run: Path) -> tuple[str, ...]:
    """The command line that goes on with a run."""
    return ("train", "--resume", str(run), *AROUND, *steered(run.parent.parent))


def steered(folder: Path) -> tuple[str, ...]:
    """Options that make the changes, which are written there."""
    path = folder / "changes.csv"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, CHANGES.encode())
    return ("--steering", str(path))


def run_of(output: Path) -> Path:
    """The folder of the one run in `output`.

    Raises:
        ValueError: there is none, or there are several.
    """
    found = [path for path in output.iterdir() if path.is_dir()] if output.is_dir() else []
    if len(found) != 1:
        raise ValueError(f"chaos: {output} holds {len(found)} runs, not one; give another --output")
    return found[0]


def call(arguments: tuple[str, ...]) -> int:
    """`gs-stein` with these arguments, in this process; its exit status."""
    sys.argv = ["gs-stein", *arguments]
    try:
        runpy.run_module("gs_stein", run_name="__main__", alter_sys=False)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def spawned(environment: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a process of its own, with one thread unless told otherwise."""
    return {**os.environ, **ONE_THREAD, **(environment or {})}


@contextmanager
def workers(folder: Path, count: int = 2, warmed: bool = True) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes have each run the command before, so that `forked` is quick in them.

    An interrupt ends them and whatever they have started at once.

    Args:
        folder: for what they write meanwhile.
        count: of processes.
        warmed: whether they run it.

    Raises:
        ValueError: a worker has ended: the command does not work here, or memory was short.
    """
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)  # read when torch and Numba are imported
    try:
        with ProcessPoolExecutor(count, get_context("spawn"), initializer=_worker, initargs=(folder, warmed)) as pool:
            try:
                yield pool
            except BrokenProcessPool as error:
                raise ValueError("chaos: a worker has ended, for the reason above; nothing was measured") from error
            except KeyboardInterrupt:
                for process in active_children():
                    if process.pid is not None:
                        with suppress(ProcessLookupError):
                            os.killpg(process.pid, signal.SIGKILL)
                    process.kill()
                raise
            finally:
                pool.shutdown(cancel_futures=True)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def _worker(folder: Path, warmed: bool) -> None:
    """Begin: in a session of its own, so that Ctrl-C, which is for the bench, does not end a run that is measured."""
    os.setsid()
    if warmed:
        warm(folder)


def warm(folder: Path) -> None:
    """Import, compile and read whatever a run needs, by running one."""
    folder = folder / f"warm-{os.getpid()}"
    folder.mkdir(parents=True)
    with quiet(folder / "said.txt"):
        status = call(started(folder / "runs"))
    if status:
        raise ValueError(f"chaos: a run that nothing happens to ended with {status}; see {folder / 'said.txt'}")


@contextmanager
def quiet(path: Path) -> Iterator[None]:
    """Both outputs of this process, and of those that it starts, go to the end of a file."""
    streams, kept = (sys.stdout, sys.stderr), [os.dup(1), os.dup(2)]
    to = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def point(*handles: int) -> None:
        for stream, number, handle in zip(streams, (1, 2), handles, strict=True):
            stream.flush()
            os.dup2(handle, number)

    point(to, to)
    try:
        yield
    finally:
        point(*kept)
        for handle in (*kept, to):
            os.close(handle)


def forked(
    arguments: tuple[str, ...],
    folder: Path,
    kill: tuple[int, float] | None = None,
    prepare: Callable[[], None] | None = None,
    number: int = signal.SIGKILL,
    patience: float = PATIENCE,
) -> Ended:
    """Run the command in a child of this (warm) process.

    Args:
        arguments: of `gs-stein`.
        folder: of the run, or that in which it is made; what the child does to files below is noted.
        kill: after how many such events it is sent a signal, and how many seconds later than the last of them.
        prepare: called in the child first.
        number: the signal.
        patience: seconds after which it counts as hanging, and is killed.
    """
    said = folder.with_name(f"{folder.name}.said.txt")
    said.touch()  # a child may be killed before it has opened it
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(arguments, folder, said, writing, prepare)
    os.close(writing)
    try:
        return _watched(pid, reading, said, kill, number, patience)
    finally:
        os.close(reading)


def _child(
    arguments: tuple[str, ...], folder: Path, said: Path, writing: int, prepare: Callable[[], None] | None
) -> None:
    """What a forked process does, to its end."""
    status = 70
    try:
        with quiet(said):
            sys.addaudithook(_noting(str(folder), writing))
            if prepare is not None:
                prepare()
            try:
                status = call(arguments)
            except BaseException:
                traceback.print_exc()
    finally:
        os._exit(status)


def _noting(below: str, writing: int) -> Callable[[str, tuple], None]:
    """An audit hook that writes a line for everything that is made, renamed or removed below a folder."""

    def note(event: str, arguments: tuple) -> None:
        if event not in ("open", "os.mkdir", "os.rename", "os.remove"):
            return
        path = arguments[0]
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(below):
            os.write(writing, f"{event} {Path(path).name}\n".encode())

    return note


def _watched(pid: int, reading: int, said: Path, kill: tuple[int, float] | None, number: int, patience: float) -> Ended:
    """Read a child's events until it ends, and kill it when it is time."""
    began, due, events, rest = time.monotonic(), None, [], b""
    hung = False
    if kill is not None and kill[0] == 0:
        due = began + kill[1]
    while True:
        now = time.monotonic()
        if due is not None and now >= due:
            os.kill(pid, number)
            due = None
        if not hung and now - began > patience:
            os.kill(pid, signal.SIGKILL)
            hung = True
        wait = 1.0 if due is None else min(1.0, max(0.0, due - now))
        if not select.select([reading], [], [], wait)[0]:
            continue
        if not (more := os.read(reading, 1 << 16)):
            break
        *lines, rest = (rest + more).split(b"\n")
        for line in lines:
            events.append((time.monotonic() - began, line.decode()))
            if kill is not None and len(events) == kill[0]:
                due = time.monotonic() + kill[1]
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Ended(status, said.read_text(encoding="utf-8", errors="replace"), events, hung)
