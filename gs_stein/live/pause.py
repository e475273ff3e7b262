"""Flags between the page and the training thread: nothing here touches a tensor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Gate:
    """Where the training thread waits while the run is paused.

    Any thread may pause, resume or allow a single step; only the training thread waits.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = False
        self._steps = 0

    @property
    def paused(self) -> bool:
        """Whether the run stands, or will stand after the current iteration."""
        return self._paused

    def pause(self) -> None:
        """Stand still after the current iteration."""
        with self._changed:
            self._paused, self._steps = True, 0
            self._changed.notify_all()

    def resume(self) -> None:
        """Go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def one_step(self) -> None:
        """Do one more iteration and stand still; pauses a run that is going."""
        with self._changed:
            self._steps = self._steps + 1 if self._paused else 0
            self._paused = True
            self._changed.notify_all()

    def poke(self) -> None:
        """Have the waiting thread look at its conditions again."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, until: Callable[[], bool], meanwhile: Callable[[], None] = lambda: None) -> float:
        """Return at once unless paused; else when resumed, allowed a step, or `until()` holds.

        Args:
            until: an end to waiting from outside; asked ten times a second and at every change.
            meanwhile: called as often; for work that has to be done on this thread.

        Returns:
            Seconds spent waiting.
        """
        started = time.monotonic()
        while True:
            with self._changed:
                if not self._paused or until():
                    break
                if self._steps > 0:
                    self._steps -= 1
                    break
            meanwhile()
            with self._changed:
                if self._paused and self._steps == 0:
                    self._changed.wait(0.1)
        return time.monotonic() - started
