"""A run's folder: its name, who works in it, and what is written before the first iteration."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gs_stein.config.schema import Config
from gs_stein.config.serialize import to_yaml
from gs_stein.files import write_atomically

LOCK = ".lock"
"""The file that says who works in a folder; gone when nobody does."""
_UNFINISHED = re.compile(r"\..+?\.(\d+)(\.\d+)?\.tmp(\.mp4)?")
"""Name of a file that is being written, with the process that does (`gs_stein.files.atomic_file`, the video)."""


class BusyError(ValueError):
    """Another process works in a run's folder; one line."""


def slug(prompt: str) -> str:
    """A prompt as part of a folder's name."""
    words = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")
    return words[:48].rstrip("-") or "run"


def new_folder(output: Path, prompt: str) -> Path:
    """Make `output/<slug>-<time>`, never an existing one.

    Raises:
        ValueError: it cannot be made.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for attempt in range(100):
        folder = output / f"{slug(prompt)}-{stamp}{f'-{attempt}' if attempt else ''}"
        try:
            folder.mkdir(parents=True, exist_ok=False)
        except FileExistsError:
            if output.exists() and not output.is_dir():
                raise ValueError(f"output: {output} is a file; give a folder") from None
        except OSError as error:
            raise ValueError(f"output: {folder} cannot be made ({error.strerror}); give another --output") from error
        else:
            return folder
    raise ValueError(f"output: {output} already holds a hundred runs of this second; give another --output")


def write_start(run: Path, config: Config) -> None:
    """What is known before the first iteration: config.yaml."""
    write_atomically(run / "config.yaml", to_yaml(config).encode())


def check_there(run: Path) -> None:
    """Raise ValueError, in one line, if somebody has deleted a run's folder."""
    if not run.is_dir():
        raise ValueError(f"the run's folder {run} is gone, and with it what was done; start anew")


@contextmanager
def working_in(run: Path) -> Iterator[None]:
    """While entered, no other process may work in a run's folder; what killed ones left half written is removed.

    The system keeps the lock, and drops it however the process ends.

    Raises:
        BusyError: another process works there.
        ValueError: the folder cannot be written to.
    """
    try:
        file = _locked(run / LOCK)
    except OSError as error:
        raise ValueError(f"{run}: the run's folder cannot be written to ({error.strerror or error})") from error
    with file:
        sweep(run)
        try:
            yield
        finally:
            with suppress(OSError):  # on Windows an open file stays
                (run / LOCK).unlink()


def _locked(path: Path) -> BinaryIO:
    """The file, open, locked, and with this process's number in it."""
    while True:
        file = open(path, "a+b")  # noqa: SIM115 - whoever asked closes it
        try:
            _lock(file)
            # Whoever had it before may have removed the file meanwhile.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                _sign(file, path)
                return file
        except (BlockingIOError, PermissionError) as error:
            file.seek(0)
            number = file.read().decode(errors="replace") or "another"
            file.close()
            raise BusyError(
                f"resume: process {number} is working in {path.parent}; wait until it ends, or stop it"
            ) from error
        except BaseException:
            with suppress(OSError):  # what could not be written before cannot be now
                file.close()
            raise
        file.close()


def _sign(file: BinaryIO, path: Path) -> None:
    """Write this process's number into a file that it has locked; removes it where the disk is full."""
    try:
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise


def _lock(file: BinaryIO) -> None:
    """Lock an open file for this process alone, where the file system can.

    Raises:
        BlockingIOError, PermissionError: another one has it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        file.seek(1 << 30)  # what is locked there cannot be read, so beyond all there is
        getattr(msvcrt, "locking")(file.fileno(), getattr(msvcrt, "LK_NBLCK"), 1)  # noqa: B009 - unknown elsewhere
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP):
            raise


def sweep(run: Path) -> None:
    """Remove the files that a process which is no more was writing here.

    Those with this process's own number count: it writes nothing yet, and in containers numbers come again.
    """
    for path in (*run.glob(".*.tmp*"), *run.glob("*/.*.tmp*")):
        found = _UNFINISHED.fullmatch(path.name)
        if found is not None and not _lives(int(found[1])):
            with suppress(OSError):
                path.unlink()


def _lives(pid: int) -> bool:
    """Whether there is another process of this number; on Windows, where open files stay anyway, always False."""
    if os.name == "nt" or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True
