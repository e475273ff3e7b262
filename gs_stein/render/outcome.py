"""How a command ends: mistakes are one line, and what is printed to a closed pipe or a full disk stops no work."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from gs_stein.files import print_anything


def outcome(program: Callable[[], int]) -> int:
    """Run a command.

    Args:
        program: does it all and returns the exit status.

    Returns:
        The exit status: 2 after a mistake or if what it printed found no room, 130 after Ctrl-C. Nobody reading it
        to its end (`| head`) is no fault.
    """
    print_anything()
    out, err = Printed(sys.stdout), Printed(sys.stderr)
    with redirect_stdout(out), redirect_stderr(err):  # type: ignore[type-var]
        try:
            status = program()
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            status = 2
        except KeyboardInterrupt:
            status = 130
        finally:  # also where --help ends it
            out.flush()
        if out.fault is not None and not isinstance(out.fault, BrokenPipeError):
            print(f"error: standard output: cannot be written ({out.fault.strerror or out.fault})", file=sys.stderr)
            status = status or 2
        err.flush()
    return status


class Printed:
    """A stream that goes on silently where nobody reads it or nothing fits any more: the work is worth more.

    Args:
        stream: standard output or error.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.fault: OSError | None = None
        """Why something is missing."""

    def write(self, text: str) -> int:
        """As the stream's own."""
        try:
            self._stream.write(text)
        except OSError as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """As the stream's own."""
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.fault = self.fault or error
        # What still waits in the stream's buffer must go somewhere, else Python complains when it ends.
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def check_path(path: Path) -> None:
    """Raise ValueError for a path that the system refuses: too long, a link to itself, behind a closed door.

    That nothing is there is no fault here.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        shown = str(path) if len(str(path)) <= 80 else f"{str(path)[:60]}…{str(path)[-16:]}"
        raise ValueError(f"{shown}: is no usable path ({said or error})") from error
