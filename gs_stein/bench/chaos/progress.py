"""A line on standard error that says how far a part is, and when it will be done."""

from __future__ import annotations

import sys
import time

from gs_stein.run.progress import QUIET_SECONDS, duration


class Countdown:
    """Says "kills 12/200  ETA 3:20" every ten seconds; calling it with what is done and how much there is does so.

    Args:
        what: the part's name.
    """

    def __init__(self, what: str) -> None:
        self._what, self._began = what, time.monotonic()
        self._next = self._began + QUIET_SECONDS

    def __call__(self, done: int, total: int) -> None:
        """Tell that so many pieces of so many are done."""
        now = time.monotonic()
        if now < self._next or not done:
            return
        self._next = now + QUIET_SECONDS
        left = (now - self._began) / done * max(total - done, 0)
        print(f"{self._what} {done}/{total}  ETA {duration(left)}", file=sys.stderr, flush=True)
