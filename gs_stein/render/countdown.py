"""One line that says how far a longer piece of work is, for counted work such as frames and views."""

from __future__ import annotations

import io
import shutil
import sys
import time

from gs_stein.run.progress import QUIET_SECONDS, duration

PATIENCE = 2.0
"""Seconds before anything is said."""


class Countdown:
    """Says "WHAT 12/120  ETA 0:09" once the work has taken longer than two seconds; rewrites the line on a terminal.

    Args:
        what: is done, for people.
        total: number of pieces.
        stream: where to write; standard error by default.
    """

    def __init__(self, what: str, total: int, stream: io.TextIOBase | None = None) -> None:
        self.what, self.total = what, total
        self.stream = sys.stderr if stream is None else stream  # whatever stands in for it
        self._began = time.monotonic()
        self._next = self._began + PATIENCE
        self._done, self._width = 0, 0

    def step(self, pieces: int = 1) -> None:
        """So many more pieces are done."""
        self._done += pieces
        now = time.monotonic()
        if now < self._next or self._done >= self.total:  # after the last piece there is nothing to wait for
            return
        left = (now - self._began) / self._done * max(self.total - self._done, 0)
        line = f"{self.what} {self._done}/{self.total}  ETA {duration(left)}"
        if self.stream.isatty():
            self._next = now + 0.2
            self._width = max(self._width, len(line))
            self.stream.write("\r" + line.ljust(self._width)[: shutil.get_terminal_size().columns - 1])
        else:
            self._next = now + QUIET_SECONDS
            self.stream.write(line + "\n")
        self.stream.flush()

    def end(self) -> None:
        """Clear the line on a terminal."""
        if self._width:
            self.stream.write("\r" + " " * self._width + "\r")
            self.stream.flush()

    def __enter__(self) -> Countdown:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
