"""The choice which way is up in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gs_stein.gaussians.formats.table import AXES
from gs_stein.live.disk import Up

if TYPE_CHECKING:
    import viser

AUTOMATIC = "Automatic"
_KNOWN_FROM = {"comment": "says the file", "run": "says its run", "format": "usual"}


def words(axes: str) -> str:
    """A convention for people: z up, y down."""
    return axes.replace("-", " ")


class UpControl:
    """A dropdown for one file. What somebody chooses is noted for the thread that calls `taken`."""

    def __init__(self, server: viser.ViserServer, label: str) -> None:
        self._asked: str | None = None
        options: list[str] = [AUTOMATIC]
        self._choice = server.gui.add_dropdown(
            label, options, visible=False,
            hint="How the axes of this file lie. Try another if the scene lies on its side or stands on its head.",
        )  # fmt: skip
        self._choice.on_update(lambda event: None if event.client is None else self._ask())

    def show(self, up: Up | None, chosen: str | None) -> None:
        """What can be chosen, and what is.

        Args:
            up: of the file; None hides the control: there is no file, or it is a run's.
            chosen: the convention that somebody chose, now or once; None: none.
        """
        self._choice.visible = up is not None
        if up is None or self._asked is not None:  # what was just chosen is soon done
            return
        automatic = f"{AUTOMATIC} ({words(up.own)}, {_KNOWN_FROM[up.own_from]})"
        options = (automatic, *(words(axes) for axes in AXES))
        value = automatic if chosen is None else words(chosen)
        if self._choice.options != options:
            self._choice.options = options
        if self._choice.value != value:
            self._choice.value = value

    def taken(self) -> tuple[str | None] | None:
        """The convention that was chosen since the last call, in a tuple, (None,) for the automatic one; else None."""
        asked, self._asked = self._asked, None
        return None if asked is None else (next((axes for axes in AXES if words(axes) == asked), None),)

    def _ask(self) -> None:
        self._asked = str(self._choice.value)
