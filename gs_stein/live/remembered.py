"""Which way is up in a file, as somebody once chose: kept in the user's own configuration, never beside the file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from gs_stein.files import write_json
from gs_stein.gaussians.formats.table import AXES

_MOST = 1000
"""Files that are remembered; those chosen longest ago are forgotten first."""


def store() -> Path:
    """Where the choices are kept: ~/.config/gs_stein/up.json, or below XDG_CONFIG_HOME."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(home) / "gs_stein" / "up.json"


def recall(path: Path) -> str | None:
    """The convention chosen for a file or folder, one of `AXES`; None if none was, or the choices cannot be read."""
    return _choices().get(os.path.realpath(path))


def remember(path: Path, axes: str | None) -> None:
    """Keep a choice for the next time that the file is opened; None forgets it.

    Raises:
        ValueError: it cannot be kept; one line.
    """
    before = _choices()
    key = os.path.realpath(path)
    if before.get(key) == axes:
        return
    after = {other: value for other, value in before.items() if other != key}
    if axes is not None:
        after[key] = axes
    try:
        store().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{store().parent}: cannot be made ({error.strerror or error})") from error
    write_json(store(), dict(list(after.items())[-_MOST:]))


def _choices() -> dict[str, str]:
    try:
        found = json.loads(store().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {path: axes for path, axes in found.items() if axes in AXES}
