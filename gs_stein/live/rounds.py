"""Work of a page on a thread of its own, so that the program answers Ctrl-C at once, whatever is being read."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

INTERVAL = 1.0
"""Seconds between looks at the disk."""
_LAST_ROUND = 0.3
"""Seconds that a round has to finish in once the end has come; reading a large file is given up."""


class Rounds:
    """Calls `first` once and then `again` about once a second, until the event is set.

    Args:
        ended: set by others to end.
        first: what is done at the beginning.
        again: what is repeated.
    """

    def __init__(self, ended: threading.Event, first: Callable[[], object], again: Callable[[], object]) -> None:
        self._ended, self._first, self._again = ended, first, again
        self._begun = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="rounds", daemon=True)
        self._thread.start()

    def begun(self, patience: float) -> None:
        """Wait some seconds for the first round; goes on without it if it takes longer.

        Raises:
            Exception: whatever it raised.
        """
        self._begun.wait(patience)
        self._complain()

    def wait(self) -> None:
        """Wait for the end.

        Raises:
            Exception: whatever a round raised; that is an end as well.
        """
        while not self._ended.wait(INTERVAL):
            pass
        self._thread.join(_LAST_ROUND)
        self._complain()

    @property
    def busy(self) -> bool:
        """Whether a round is still under way; the thread ends with it, or with the process."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._first()
            self._begun.set()
            while not self._ended.wait(INTERVAL):
                self._again()
        except BaseException as error:  # handed to the thread that waits
            self._error = error
            self._begun.set()
            self._ended.set()

    def _complain(self) -> None:
        if self._error is not None:
            raise self._error


def on_signals() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set; a second Ctrl-C ends the program at once."""
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return ended
