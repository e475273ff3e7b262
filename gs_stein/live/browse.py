"""`viewer.py RUN_OR_FILE`: opens what is on the disk and follows it while it grows."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from gs_stein.gaussians.orientation import to_axes
from gs_stein.live.disk import Source
from gs_stein.live.notices import notify
from gs_stein.live.options import LiveOptions
from gs_stein.live.remembered import recall, remember
from gs_stein.live.rounds import Rounds, on_signals
from gs_stein.live.server import close_server, describe, open_server
from gs_stein.live.stage import Stage

_PATIENCE = 0.5
"""Seconds to wait for the scene before the address is printed: by then most files are there, or found to be bad."""


def browse(
    paths: list[Path], options: LiveOptions, ended: threading.Event | None = None, up: str | None = None
) -> bool:
    """Serve one scene, or two to compare, until Ctrl-C.

    Args:
        paths: splat files or folders; one or two.
        options: address and limits.
        ended: set by others to end; None: Ctrl-C and SIGTERM do.
        up: which way is up in the files; remembered for the next time. None: as remembered, else as they say.

    Returns:
        Whether all threads have ended; False where one still reads or draws and nobody will wait for it.

    Raises:
        ValueError: a path is no scene, or nothing can be served at the address.
    """
    if not 1 <= len(paths) <= 2:
        raise ValueError(f"viewer: {len(paths)} scenes cannot be shown together; give one, or two to compare")
    if up is not None:
        to_axes(up)
    sources = [Source(path, recall(path) if up is None else up) for path in paths]
    if up is not None and all(source.is_run for source in sources):
        raise ValueError(f"up: {paths[0]} is a run, which says itself which way is up; leave --up out")
    ended = on_signals() if ended is None else ended
    server = open_server(options.host, options.port, "gs_stein", options)
    stage = Stage(server, options)

    def begin() -> None:
        for line in stage.open(sources):
            print(line, file=sys.stderr, flush=True)
        for source in sources:
            if up is not None and not source.is_run:
                _keep(source.path, up)

    def follow() -> None:
        try:
            stage.poll()
        except Exception as error:  # replaced by something else meanwhile; what was shown stays
            notify(server, "Not opened", str(error) or type(error).__name__, "red")

    try:
        rounds = Rounds(ended, begin, follow)
        rounds.begun(_PATIENCE)
        print(describe(server), flush=True)
        rounds.wait()
    finally:
        drawn = stage.close()
        close_server(server)
    return drawn and not rounds.busy


def _keep(path: Path, up: str) -> None:
    try:
        remember(path, up)
    except ValueError as error:
        print(f"viewer: --up is not remembered: {error}", file=sys.stderr)
