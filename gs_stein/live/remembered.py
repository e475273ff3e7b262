"""Which way is up in a file, as somebody once chose: kept in the user's own configuration, never beside the file."""

from __future__ import annotations

import os
from pathlib import Path

from gs_stein.files import read_json, write_json
from gs_stein.gaussians.formats.table import AXES

_MOST = 1000
"""Files that are remembered; those chosen longest ago are forgotten first."""


def store() -> Path:
    """Where the choices are kept: ~/.config/gs_stein/up.json, or below XDG_CONFIG_HOME."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(home) / "gs_stein" / "up.json"


def recall(path: Path, kept: Path | None = None) -> str | None:
    """The convention chosen for a file or folder, one of `AXES`; None if none was, or the choices cannot be read.

    Args:
        path: the file or folder.
        kept: where the choices are; None: `store()`.
    """
    return _choices(kept or store()).get(os.path.realpath(path))


def remember(path: Path, axes: str | None, kept: Path | None = None) -> None:
    """Keep a choice for the next time that the file is opened; None forgets it.

    Args:
        path: the file or folder.
        axes: the choice.
        kept: where the choices are; None: `store()`.

    Raises:
        ValueError: it cannot be kept; one line.
    """
    kept = kept or store()
    before = _choices(kept)
    key = os.path.realpath(path)
    if before.get(key) == axes:
        return
    after = {other: value for other, value in before.items() if other != key}
    if axes is not None:
        after[key] = axes
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{kept.parent}: cannot be made ({error.strerror or error})") from error
    write_json(kept, dict(list(after.items())[-_MOST:]))


def _choices(kept: Path) -> dict[str, str]:
    try:
        found = read_json(kept)
    except ValueError:
        return {}
    return {path: axes for path, axes in found.items() if isinstance(axes, str) and axes in AXES}
