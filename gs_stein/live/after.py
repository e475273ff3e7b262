"""The page of a run that has ended: looked at, exported, compared, for as long as somebody is there."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gs_stein.live import html
from gs_stein.live.disk import Source
from gs_stein.live.notices import notify
from gs_stein.live.options import LiveOptions
from gs_stein.live.rounds import Rounds, on_signals
from gs_stein.live.server import clear, close_server
from gs_stein.live.stage import Stage

if TYPE_CHECKING:
    import viser

_ALONE = 5.0
"""Seconds without a browser after which nobody is taken to look any more: one that reloads is back by then."""


def serve_finished(
    server: viser.ViserServer,
    folder: Path,
    options: LiveOptions,
    while_watched: bool,
    next_steps: list[str],
    ended: threading.Event | None = None,
) -> None:
    """Turn the page of a run into that of a finished one, at the same address, and serve it.

    Args:
        server: of the run, which nobody else uses any more; closed in the end.
        folder: of the run.
        options: limits.
        while_watched: end when the last browser has left; otherwise only with Ctrl-C.
        next_steps: what could be done with the run now, as commands to type.
        ended: set by others to end; None: Ctrl-C and SIGTERM do.
    """
    ended = on_signals() if ended is None else ended
    last_seen = time.monotonic()

    def tabs(group: viser.GuiTabGroupHandle) -> None:
        with group.add_tab("Next"):
            server.gui.add_html("".join(html.note(line) for line in next_steps))

    clear(server)
    stage = Stage(server, options, tabs)

    def follow() -> None:
        nonlocal last_seen
        now = time.monotonic()
        if server.get_clients():
            last_seen = now
        elif while_watched and now - last_seen > _ALONE:
            ended.set()
        try:
            stage.poll()
        except Exception as error:  # whatever became of the folder, the page goes on
            notify(server, "Not opened", str(error) or type(error).__name__, "red")

    try:
        Rounds(ended, lambda: stage.open([Source(folder)]), follow).wait()
    finally:
        stage.close()
        close_server(server)
