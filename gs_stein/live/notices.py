"""Word to whoever is watching. A browser that has gone is no error."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal

from gs_stein.live.html import printable

if TYPE_CHECKING:
    import viser

Tone = Literal["blue", "green", "orange", "red"]


def notify(server: viser.ViserServer, title: str, body: str, tone: Tone = "blue", seconds: float | None = 8.0) -> None:
    """Show a note in every browser; titles and bodies are shown as text, whatever is in them."""
    for client in server.get_clients().values():
        with contextlib.suppress(RuntimeError):
            client.add_notification(title, printable(body), color=tone, auto_close_seconds=seconds)


def offer(client: viser.ClientHandle | None, name: str, content: bytes) -> None:
    """Have one browser save a file, as its user has asked with a click."""
    if client is None:
        return
    with contextlib.suppress(RuntimeError):
        client.send_file_download(name, content, save_immediately=True)
