"""`viewer.py RUN_OR_PLY`: opens what is on the disk and follows it while it grows."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

from gs_stein.live.disk import Source
from gs_stein.live.notices import notify
from gs_stein.live.options import LiveOptions
from gs_stein.live.server import close_server, describe, open_server
from gs_stein.live.stage import Stage

INTERVAL = 1.0
"""Seconds between looks at the disk."""


def browse(paths: list[Path], options: LiveOptions, ended: threading.Event | None = None) -> None:
    """Serve one scene, or two to compare, until Ctrl-C.

    Args:
        paths: splat files or folders of runs; one or two.
        options: address and limits.
        ended: set by others to end; None: Ctrl-C and SIGTERM do.

    Raises:
        ValueError: a path is no scene, or nothing can be served at the address.
    """
    if not 1 <= len(paths) <= 2:
        raise ValueError(f"viewer: {len(paths)} scenes cannot be shown together; give one, or two to compare")
    sources = [Source(path) for path in paths]
    ended = on_signals() if ended is None else ended
    server = open_server(options.host, options.port, "gs_stein")
    stage = Stage(server, options)
    try:
        stage.open(sources)
        print(describe(server), flush=True)
        while not ended.wait(INTERVAL):
            try:
                stage.poll()
            except ValueError as error:  # replaced by something else meanwhile; what was shown stays
                notify(server, "Not opened", str(error), "red")
    finally:
        stage.close()
        close_server(server)


def on_signals() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set; a second Ctrl-C ends the program at once."""
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return ended
