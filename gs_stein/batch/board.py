"""How far a batch is: a table that is redrawn on a terminal, lines elsewhere, and the page."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gs_stein.batch.ledger import Outcome
from gs_stein.batch.page import write_page
from gs_stein.batch.plan import Item
from gs_stein.run.progress import QUIET_SECONDS, duration

_ROWS = 12
"""Runs shown at once, at most."""
_PAGE_SECONDS, _PAGE_SHARE = 10.0, 0.01
"""Between two writings of the page, at least; and the share of the time that writing it may take."""


class Board:
    """Told what becomes of every run; shows it.

    Args:
        output: folder of the runs.
        items: those to be done here, in order.
        outcomes: how all stand, by name; kept up to date.
        shown: all runs of the folder, which the page shows.
    """

    def __init__(
        self, output: Path, items: Sequence[Item], outcomes: dict[str, Outcome], shown: Sequence[Item]
    ) -> None:
        self.outcomes = outcomes
        self._output, self._items, self._shown = output, items, shown
        self._running: dict[str, tuple[int, int]] = {}
        """Name → iterations done, and of how many (0: not known yet)."""
        self._stream = sys.stderr
        self._live = self._stream.isatty()
        self._drawn = 0
        self._next = self._next_page = 0.0
        self._began = time.monotonic()
        self._before: dict[str, float] = {}
        """Share that was done of a run when it was taken up here."""
        self._gained = 0.0
        """Runs' worth of iterations that finished runs gained here."""

    def started(self, item: Item) -> None:
        """A run was taken up."""
        self._running[item.name] = (0, 0)
        self._before.pop(item.name, None)
        self.refresh()

    def step(self, item: Item, done: int, total: int) -> None:
        """A run has done so many of its iterations; what is told too late, of one that has ended, is not heard."""
        if total and item.name in self._running:
            self._before.setdefault(item.name, max(0, done - 1) / total)
            self._running[item.name] = (done, total)
        self.refresh()

    def ended(self, item: Item, outcome: Outcome) -> None:
        """A run came to its end, or is left as it is."""
        self._running.pop(item.name, None)
        self.outcomes[item.name] = outcome
        if outcome.state == "finished":
            self._gained += 1 - self._before.get(item.name, 0.0)
        if outcome.state == "finished":
            score = "" if outcome.score is None else f"  scorer {outcome.score:.0%}"
            self.say(f"done        {item.name}  {duration(outcome.seconds)}{score}")
        elif outcome.state == "failed":
            self.say(f"failed      {item.name}: {outcome.reason}")
        for note in outcome.notes:
            self.say(f"note        {item.name}: {note}")
        self.refresh()

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._wipe()
        _write(sys.stdout, f"{line}\n")
        self._next = 0.0

    def refresh(self) -> None:
        """Show how far it is, and write the page, if it is time."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + (0.5 if self._live else QUIET_SECONDS)
            rows = [self.line(), *self._rows()] if self._live else [self.line()]
            self._wipe()
            width = shutil.get_terminal_size().columns - 1
            _write(self._stream, "".join(f"{row[:width] if self._live else row}\n" for row in rows))
            self._drawn = len(rows) if self._live else 0
        if now >= self._next_page:
            with suppress(ValueError):  # it is said at the end, if it lasts; no run fails for its page
                self.write_page(going=True)
            self._next_page = now + max(_PAGE_SECONDS, (time.monotonic() - now) / _PAGE_SHARE)

    def write_page(self, going: bool) -> None:
        """Write index.html.

        Raises:
            ValueError: it cannot be written.
        """
        write_page(self._output, self._shown, self.outcomes, self.line(), going)

    def line(self) -> str:
        """How many runs are there, running, failed, left; and how long the rest takes."""
        count = Counter(self.outcomes[item.name].state for item in self._items if item.name not in self._running)
        parts = [f"{count['finished']} of {len(self._items)} done"]
        if self._running:
            parts.append(f"{len(self._running)} running")
        if count["failed"]:
            parts.append(f"{count['failed']} failed")
        if count["elsewhere"]:
            parts.append(f"{count['elsewhere']} elsewhere")
        left = len(self._items) - count["finished"] - count["failed"] - count["elsewhere"]
        if left > len(self._running):
            parts.append(f"{left - len(self._running)} waiting")
        if self._running:
            parts.append(f"ETA {self._eta(left)}")
        return "  ".join(parts)

    def _eta(self, left: int) -> str:
        """How long so many runs take, those that are running included, at the rate so far."""
        shares = {name: done / total for name, (done, total) in self._running.items() if total}
        gained = self._gained + sum(share - self._before.get(name, 0.0) for name, share in shares.items())
        if gained <= 0:
            return "…"
        return duration((time.monotonic() - self._began) * (left - sum(shares.values())) / gained)

    def _rows(self) -> list[str]:
        """The runs at work."""
        rows = [
            f"  {name}  " + (f"step {done}/{total}" if total else "starting")
            for name, (done, total) in list(self._running.items())[:_ROWS]
        ]
        more = len(self._running) - _ROWS
        return [*rows, f"  and {more} more"] if more > 0 else rows

    def _wipe(self) -> None:
        """Take the table away, so that something else may be printed in its place."""
        if self._drawn:
            _write(self._stream, f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0


def _write(stream: Any, text: str) -> None:
    """Print, if anybody reads: no run fails since a pipe or a terminal is gone, or the disk of its log is full."""
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        with suppress(OSError), open(os.devnull, "wb") as nowhere:  # or the interpreter fails for the rest at its end
            os.dup2(nowhere.fileno(), stream.fileno())
