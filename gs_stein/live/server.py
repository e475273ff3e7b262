"""Opens the page: on this machine only unless told otherwise, closed to strangers' pages, no public tunnel."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import io
import json
import socket
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from gs_stein.live.door import Door, door_of, guarding, is_loopback
from gs_stein.live.html import ON_A_PHONE, printable
from gs_stein.live.inputs import guard_inputs
from gs_stein.live.intake import bound_intake
from gs_stein.live.options import LiveOptions

if TYPE_CHECKING:
    import viser

_DOORS: WeakKeyDictionary[viser.ViserServer, Door] = WeakKeyDictionary()
_TRIES = 50
_TITLE = 80
"""Characters of a page's name."""
_FAREWELL = 0.3
"""Seconds in which browsers may say goodbye."""


def open_server(host: str, port: int, title: str, options: LiveOptions | None = None) -> viser.ViserServer:
    """Serve an empty page.

    Args:
        host: address to listen at.
        port: port to listen at; the next free one if it is taken, any if 0.
        title: of the panel.
        options: who else may come in; None: nobody, as by default.

    Raises:
        ValueError: the address cannot be listened at, or no port is free.
    """
    import viser
    from viser import _messages

    door = door_of(replace(LiveOptions() if options is None else options, host=host))
    port = free_port(host, port)
    with guarding(door), contextlib.redirect_stdout(io.StringIO()):  # its banner; callers print `address`
        server = viser.ViserServer(host=host, port=port, label=title, verbose=False)
    _DOORS[server] = door
    # A public share tunnel is one message away for every client: take its handlers off, not only its button.
    for message in (_messages.ShareUrlRequest, _messages.ShareUrlDisconnect):
        server._websock_server.unregister_handler(message)
    server.gui.configure_theme(
        control_layout="collapsible", control_width="large", dark_mode=True, brand_color=(66, 133, 190),
        show_logo=False, show_share_button=False,
    )  # fmt: skip
    server.gui.add_html(ON_A_PHONE)
    set_title(server, "" if title == "gs_stein" else title.removeprefix("gs_stein "))
    guard_inputs(server)
    bound_intake(server)
    return server


def set_title(server: viser.ViserServer, text: str) -> None:
    """Name the browser's tab, of pages that are open and of those to come."""
    from viser import _messages

    short = " ".join(printable(text).split())[:_TITLE]
    name = json.dumps(f"{short} – gs_stein" if short else "gs_stein")  # ASCII, so that it is a string of JavaScript too
    server._websock_server.queue_message(_messages.RunJavascriptMessage(f"document.title = {name}"))


def clear(server: viser.ViserServer) -> None:
    """Take everything off the page but its style."""
    server.gui.reset()
    server.scene.reset()
    server.gui.add_html(ON_A_PHONE)


def token_of(server: viser.ViserServer) -> str | None:
    """What the link to the page must carry; None: nothing."""
    return _DOORS[server].token


def close_server(server: viser.ViserServer) -> None:
    """Stop serving, quietly, and within a second of a browser that has the page open."""
    loop = server._websock_server._background_event_loop
    with contextlib.suppress(RuntimeError):  # it has ended
        if loop is not None:
            loop.call_soon_threadsafe(loop.call_later, _FAREWELL, _hang_up, loop)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
        server.stop()


def _hang_up(loop: asyncio.AbstractEventLoop) -> None:
    """End what still listens to connections. Browsers open some ahead of time and ask nothing through them; the library
    would wait ten seconds for a question."""
    for task in asyncio.all_tasks(loop):
        if getattr(task.get_coro(), "__qualname__", "") == "Server.conn_handler":
            task.cancel()


def free_port(host: str, port: int) -> int:
    """The first port from `port` on that can be listened at.

    The server would look for one by itself, but never come back where there is none.

    Raises:
        ValueError: the address is not this machine's, or no port is free.
    """
    try:
        family, kind, protocol, _, (address, *_) = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise ValueError(f"host: {host} is no address ({error}); give 127.0.0.1 for this machine only") from error
    reason: OSError | None = None
    for candidate in range(port, min(port + _TRIES, 65536)) if port else [0]:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, candidate))
                return probe.getsockname()[1]
            except OSError as error:
                reason = error
    text = reason.strerror if reason is not None else "unknown"
    raise ValueError(
        f"host, port: nothing from {host}:{port} on can be listened at ({text}); give 127.0.0.1 and another port"
    )


def address(server: viser.ViserServer) -> str:
    """The link to the page."""
    host = server.get_host()
    shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{server.get_port()}{_query(server)}"


def describe(server: viser.ViserServer) -> str:
    """The lines to print: where the page is, and how to reach it from another machine."""
    port, host, door = server.get_port(), server.get_host(), _DOORS[server]
    lines = [f"Viewer: {address(server)}"]
    if is_loopback(host):
        try:
            user = getpass.getuser()
        except (OSError, KeyError, ImportError):
            user = "USER"
        target = f"{user}@{socket.gethostname()}"
        here = f"http://127.0.0.1:{port}{_query(server)}"
        lines.append(f"  from another machine: ssh -N -L {port}:127.0.0.1:{port} {target}, then {here}")
    elif door.token is None:
        lines.append("  whoever can reach this address can steer it: --token none asks for no secret")
    else:
        lines.append("  whoever has this link can steer it; elsewhere put this machine's name in place of the host")
    path = f"PATH, if it has one for port {port}"
    lines += [f"  through the proxy: {origin}{_query(server)} (after the host: {path})" for origin in door.origins]
    return "\n".join(lines)


def _query(server: viser.ViserServer) -> str:
    token = _DOORS[server].token
    return "" if token is None else f"/?token={token}"
