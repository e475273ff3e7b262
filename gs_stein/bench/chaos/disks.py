"""A disk that fails: whatever a run or another command writes, at the n-th time that it writes something, for every n.

It is full from there on, as disks are, or fails just once, as networks do. The run has to end with one line; what is
there has to be whole; and once there is space again, the run goes on to the same end as if nothing had happened.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gs_stein.bench.chaos.kills import after, last_line, uninterrupted
from gs_stein.bench.chaos.left import broken, hidden
from gs_stein.bench.chaos.runs import Ended, forked, run_of, started

ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS)
"""That are raised in turn."""


@dataclass
class Disk:
    """What a process writes below a folder, counted; from some time on, or that time only, it fails."""

    below: Path
    first: int
    """The number of the first write that fails, from 1; 0: none does."""
    number: int = errno.ENOSPC
    """The error's."""
    once: bool = False
    count: int = 0

    def mount(self) -> None:
        """Stand between this process and its files from now on."""
        fsync, opened = os.fsync, io.open

        def synced(handle: int) -> None:
            if self._has(f"/proc/self/fd/{handle}"):
                self._written()
            fsync(handle)

        def open_(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **more: Any) -> Any:
            if not (set(mode) & set("wax+") and isinstance(file, (str, os.PathLike)) and self._has(file)):
                return opened(file, mode, buffering, *rest, **more)
            raw = _Raw(file, mode.replace("b", "").replace("t", ""))
            raw.disk = self
            binary = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return binary if "b" in mode else io.TextIOWrapper(binary, *rest, **more)

        os.fsync, builtins.open, io.open = synced, open_, open_
        sys.addaudithook(self._audited)

    def _has(self, path: Any) -> bool:
        return os.path.realpath(os.fspath(path)).startswith(str(self.below))

    def _audited(self, event: str, arguments: tuple) -> None:
        making = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        named = arguments and isinstance(arguments[0], (str, os.PathLike))
        if named and (making or event in ("os.mkdir", "os.rename")) and self._has(arguments[0]):
            self._written()

    def _written(self) -> None:
        """One more write; fails if its time has come."""
        self.count += 1
        if self.first and (self.count == self.first or (self.count > self.first and not self.once)):
            raise OSError(self.number, os.strerror(self.number))


class _Raw(io.FileIO):
    """A file of a disk that may fail."""

    disk: Disk

    def write(self, data: Any) -> int:
        self.disk._written()
        return super().write(data)


@dataclass(frozen=True)
class Failure:
    """A run during which a disk fails."""

    at: int
    once: bool
    number: int


def counted(arguments: tuple[str, ...], output: Path) -> int:
    """How often a command writes something below a folder; in a warm process."""
    told = output.with_name("writes.txt")

    def counting() -> None:
        disk = Disk(output, 0)
        disk.mount()
        ended = os._exit

        def tell(status: int) -> None:
            told.write_text(str(disk.count), encoding="utf-8")
            ended(status)

        os._exit = tell  # type: ignore[assignment]

    ended = forked(arguments, output, prepare=counting)
    if ended.status:
        raise ValueError(f"chaos: a command that nothing happens to ended with {ended.status}: {last_line(ended)}")
    return int(told.read_text(encoding="utf-8"))


def writes_of(output: Path) -> int:
    """How often a whole run does; in a warm process."""
    return counted(started(output), output)


def badly_ended(ended: Ended, once: bool, said_otherwise: str | None = None) -> list[str]:
    """What is wrong with how a command ended whose disk failed: it has to say so, in one line.

    Args:
        ended: the command.
        once: whether the disk failed just once, which may be got over.
        said_otherwise: what may stand in what it said instead of that line.
    """
    found = [] if ended.status or once else ["it ended as if all had been written"]
    if ended.status not in (0, 1, 2):
        found.append(f"it ended with {ended.status}")
    said = ended.said.splitlines()
    errors = sum(line.startswith("error: ") for line in said)
    if "Traceback" in ended.said or any(line.startswith("Exception") for line in said):
        found.append(f"a traceback: {last_line(ended)}")
    elif ended.status and errors != 1 and (said_otherwise is None or said_otherwise not in ended.said):
        found.append(f"{errors} lines of errors: {last_line(ended)}")
    return found


def failing(failure: Failure, folder: Path, whole: Path) -> list[str]:
    """A run whose disk fails, and what is wrong with its end, its files, and the end that it comes to later."""
    output = folder / f"write-{failure.at}-{'once' if failure.once else 'full'}"
    disk = Disk(output, failure.at, failure.number, failure.once)
    ended = forked(started(output), output, prepare=disk.mount)
    found = badly_ended(ended, failure.once)
    errors = [line for line in ended.said.splitlines() if line.startswith("error: ")]
    if not found and errors and str(output) not in errors[0] and "no space left on the disk" not in errors[0]:
        found.append(f"a line that names no file: {errors[0]}")
    for run in output.glob("*/"):
        found += hidden(run) + broken(run)
    if not found and ended.status:
        ended.status = 0  # it ended as it should
        found = after(output, ended, None, forked, whole)
    if not found:
        shutil.rmtree(output, ignore_errors=True)
    return found


def spread(count: int, wanted: int) -> list[int]:
    """So many of the numbers from 1 to `count`, evenly; all if 0 are wanted."""
    if not wanted or wanted >= count:
        return list(range(1, count + 1))
    return [1 + round(i * (count - 1) / max(1, wanted - 1)) for i in range(wanted)]


def failures(count: int, wanted: int) -> list[Failure]:
    """Of each of so many writes, or of some; full from there on and only once, in turn where only some are wanted."""
    return [
        Failure(at, once, ERRORS[at % len(ERRORS)] if once else errno.ENOSPC)
        for i, at in enumerate(spread(count, wanted))
        for once in ((False, True) if not wanted else (bool(i % 2),))
    ]


def measure(
    found: dict[str, float], pool: ProcessPoolExecutor, folder: Path, writes: int, progress: Callable[[int, int], None]
) -> None:
    """Let the disk fail at every write of a run, and of the other commands that write.

    Args:
        found: takes the figures, as they are found: `disk_failures`; `disks_wrong`: after how many of them something
            was wrong.
        pool: of warm processes.
        folder: for the runs; those that went wrong stay there.
        writes: how many of them; 0: all.
        progress: told how many are done, of how many.
    """
    from gs_stein.bench.chaos import writers

    whole = folder / "whole"
    pool.submit(uninterrupted, whole).result()
    run = run_of(whole)
    count = pool.submit(writes_of, folder / "counted").result()
    # Counted first: behind all the failures of the run nothing could be told of how far they are.
    counts = {pool.submit(writers.writes_of, writer, folder, run): writer for writer in writers.WRITERS}
    futures = {pool.submit(failing, failure, folder, run): f"{failure}" for failure in failures(count, writes)}
    for future, writer in counts.items():
        count, names = future.result()
        for failure in failures(count, min(count, 2) if writes else 0):
            futures[pool.submit(writers.failing, writer, failure, folder, run, names)] = f"{writer.name}, {failure}"
    found |= {"disk_failures": 0.0, "disks_wrong": 0.0}
    for done, future in enumerate(as_completed(futures), 1):
        found["disk_failures"] += 1
        if faults := future.result():
            found["disks_wrong"] += 1
            print(f"disks: {futures[future]}: {'; '.join(faults)}", file=sys.stderr, flush=True)
        progress(done, len(futures))
