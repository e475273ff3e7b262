"""One line that says how far a run is."""

from __future__ import annotations

import io
import shutil
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gs_stein.optimize.step import Step

QUIET_SECONDS = 10.0
"""Between lines where nobody watches (a log file, a pipe)."""


def duration(seconds: float) -> str:
    """m:ss, or h:mm:ss."""
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


class Progress:
    """Rewrites one line on a terminal a few times a second; elsewhere prints a line now and then.

    Args:
        address: of the viewer, shown at the end of the line.
        stream: where to write.
    """

    def __init__(self, address: str | None = None, stream: io.TextIOBase | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream  # whatever stands in for it
        self.address = address
        self.live = self.stream.isatty()
        self._next = 0.0
        self._shown = False
        self._last = ""

    def show(self, step: Step) -> None:
        """Show a step, if it is time."""
        self._shown = True
        now = time.monotonic()
        if now < self._next and step.step != step.total:
            return
        self._next = now + (0.2 if self.live else QUIET_SECONDS)
        self._last = self.line(step)
        self._write(self._last)

    def denoising(self, share: float) -> None:
        """Say how much of a round's denoising is done, during which no step ends; on terminals only."""
        if self.live and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.2
            self._write(f"denoising views {share:.0%}  {self._last}")

    def _write(self, line: str) -> None:
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write("\r" + line[:width].ljust(width))
        else:
            self.stream.write(line + "\n")
        self.stream.flush()

    def line(self, step: Step) -> str:
        """What is said of a step."""
        parts = [
            f"step {step.step}/{step.total}",
            f"ETA {'…' if step.seconds_left is None else duration(step.seconds_left)}",
            f"gradient {step.losses.gradient:.3f}",
            f"{step.count} Gaussians",
        ]
        if step.variance_ratio is not None:
            parts.append(f"variance {step.variance_ratio:.2f}× SDS")
        if step.skipped:
            parts.append(f"{step.skipped} skipped")
        if step.reset:
            parts.append(f"{step.reset} Gaussians reset")
        if step.left_out:
            parts.append(f"{step.left_out} rounds left out")
        if self.address is not None:
            parts.append(self.address)
        return "  ".join(parts)

    def end(self) -> None:
        """Leave the line as it stands."""
        if self.live and self._shown:
            self.stream.write("\n")
            self.stream.flush()
