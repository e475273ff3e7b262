"""The pictures on a page's buttons, found without waiting."""

from __future__ import annotations

import functools
import zipfile


def read_icons_once() -> None:
    """Have viser open its archive of icons once.

    By itself it reads the list of all 4285 anew for every icon, 20 ms each: an eighth of the wait for a finished run.
    """
    from viser import _gui_api, _gui_handles

    for module in (_gui_api, _gui_handles):
        setattr(module, "svg_from_icon", svg)  # noqa: B010


@functools.cache
def svg(name: str) -> str:
    """An icon, as the text of its file."""
    return _archive().read(f"{name}.svg").decode()


@functools.cache
def _archive() -> zipfile.ZipFile:
    from viser._icons import ICONS_DIR

    return zipfile.ZipFile(ICONS_DIR / "tabler-icons.zip")
