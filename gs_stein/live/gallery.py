"""The runs of a folder as pictures: looked at rarely, read with care, since anything may lie in a folder."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from gs_stein.live import html

if TYPE_CHECKING:
    import viser

_SHOWN = 8
"""Runs in the gallery."""
_SHARE = 0.02
"""Of the time that looking for runs may take: it becomes rarer where a folder is large or its disk slow."""
_BYTES, _PIXELS = 32 << 20, 16 << 20
"""Of the largest preview that is shown: a run's own has at most a few million pixels."""
_WIDTH = 320
_CHOICES = ("Open", "Compare with what is shown")

Stamp = tuple[int, int]
"""Time of the last change in nanoseconds, and bytes; of a file that is not there, zeros."""


@dataclass(frozen=True)
class _Known:
    """What was found out about a folder."""

    changed: int
    """When its list of files had changed last."""
    settings: int
    """When its run was set up; 0: it is none, or has nothing to show."""


class RunList:
    """The latest runs of a folder that have something to show. Only what has changed is looked at again.

    Args:
        output: the folder; need not be there yet.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self._known: dict[str, _Known] = {}

    def latest(self, limit: int = _SHOWN) -> list[Path]:
        """Newest first. What vanishes or cannot be read meanwhile is left out."""
        known: dict[str, _Known] = {}
        try:
            with os.scandir(self._output) as entries:
                folders = [(entry.name, entry.stat().st_mtime_ns) for entry in entries if entry.is_dir()]
        except OSError:
            folders = []
        for name, changed in folders:
            before = self._known.get(name)
            # Files of a run are put in place by renaming, which its folder notes; a first checkpoint lies deeper.
            if before is None or before.changed != changed or not before.settings:
                before = _Known(changed, _set_up(self._output / name))
            known[name] = before
        self._known = known
        return self.known(limit)

    def known(self, limit: int = _SHOWN) -> list[Path]:
        """The same as it was when `latest` looked."""
        runs = sorted(((item.settings, name) for name, item in self._known.items() if item.settings), reverse=True)
        return [self._output / name for _, name in runs[:limit]]


class Gallery:
    """A tab with the latest runs. Only one thread may call `refresh`.

    Args:
        server: the page.
        tab: where it stands.
        output: folder of the runs.
        opened: called with the run that somebody wants to see, and whether beside the one that is shown.
    """

    def __init__(
        self, server: viser.ViserServer, tab: viser.GuiTabHandle, output: Path, opened: Callable[[Path, bool], None]
    ) -> None:
        self._server, self._tab, self._opened = server, tab, opened
        self._runs = RunList(output)
        self._folders: list[viser.GuiFolderHandle] = []
        self.listed: list[tuple[Path, Stamp]] = []
        """What is shown: runs, and the state of their previews."""
        self.known = self._runs.known
        self._thumbnails: dict[tuple[Path, Stamp], UInt8[np.ndarray, "H W 3"] | None] = {}
        self._due = 0.0
        with tab:
            self._none = server.gui.add_html(html.note("No runs yet."))

    def refresh(self, at_once: bool = False) -> None:
        """Show what is new, if it is time to look."""
        started = time.monotonic()
        if started < self._due and not at_once:
            return
        listed = [(run, stamp(run / "preview.png")) for run in self._runs.latest()]
        self._due = time.monotonic() + (time.monotonic() - started) / _SHARE
        if listed != self.listed:
            self.listed = listed
            kept = self._thumbnails
            self._thumbnails = {key: kept[key] if key in kept else preview(*key) for key in listed}
            self._draw()

    def _draw(self) -> None:
        for old in self._folders:
            old.remove()
        self._folders = []
        self._none.visible = not self.listed
        gui = self._server.gui
        with self._tab:
            for key in self.listed:
                run, thumbnail = key[0], self._thumbnails[key]
                # Without a label: one that folds would measure its height while its tab is hidden, and stay closed.
                folder = gui.add_folder(None)
                self._folders.append(folder)
                with folder:
                    gui.add_html(html.heading(run.name))
                    if thumbnail is not None:
                        gui.add_image(thumbnail, format="jpeg")
                    what = gui.add_button_group("", _CHOICES)
                    what.on_click(lambda event, run=run: self._opened(run, event.target.value == _CHOICES[1]))


def preview(run: Path, expected: Stamp | None = None) -> UInt8[np.ndarray, "H W 3"] | None:
    """A run's contact sheet, small; None if there is none (yet), or none that can be shown.

    Args:
        run: its folder.
        expected: the state of the file in which it is wanted; None: as it is.
    """
    from PIL import Image

    path = run / "preview.png"
    found = stamp(path) if expected is None else expected
    if not 0 < found[1] <= _BYTES:
        return None
    try:
        with Image.open(path, formats=("PNG",)) as image:  # reads the header only
            if image.width * image.height > _PIXELS:
                return None
            whole = image.convert("RGB")
    except Exception:  # a decoder fails in many ways, and whatever lies in a folder, the page and its run go on
        return None
    height = min(max(1, round(_WIDTH * whole.height / whole.width)), 4 * _WIDTH)
    return np.asarray(whole.resize((_WIDTH, height)))


def stamp(path: Path) -> Stamp:
    """The state of a file or folder, so that changes are noticed; zeros where there is none, or only a pipe."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return 0, 0
    ordinary = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    return (found.st_mtime_ns, found.st_size) if ordinary else (0, 0)


def _set_up(folder: Path) -> int:
    """When a run was set up; 0 if it has nothing to show yet."""
    try:
        settings = folder / "config.yaml"
        shown = (folder / "point_cloud.ply").is_file() or any(folder.glob("checkpoints/step_*.pt"))
        return stamp(settings)[0] if settings.is_file() and shown else 0
    except OSError:
        return 0
