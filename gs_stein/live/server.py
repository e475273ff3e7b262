"""Opens the page: on this machine only unless told otherwise, closed to strangers' pages, no public tunnel."""

from __future__ import annotations

import contextlib
import getpass
import io
import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import viser

MAX_UPLOAD = 1 << 30
"""Bytes of the largest file that a browser may hand over."""
_TRIES = 50


def open_server(host: str, port: int, title: str) -> viser.ViserServer:
    """Serve an empty page.

    Args:
        host: address to listen at.
        port: port to listen at; the next free one if it is taken, any if 0.
        title: of the panel.

    Raises:
        ValueError: the address cannot be listened at, or no port is free.
    """
    import viser
    from viser import _messages

    port = free_port(host, port)
    with contextlib.redirect_stdout(io.StringIO()):  # its banner; callers print `address`
        server = viser.ViserServer(host=host, port=port, label=title, verbose=False)
    sockets = server._websock_server

    # A public share tunnel is one message away for every client: take its handlers off, not only its button.
    for message in (_messages.ShareUrlRequest, _messages.ShareUrlDisconnect):
        sockets.unregister_handler(message)
    server.gui.configure_theme(
        control_layout="collapsible", control_width="large", dark_mode=True, brand_color=(66, 133, 190),
        show_logo=False, show_share_button=False,
    )  # fmt: skip

    # Uploads are held in memory until complete: refuse what declares too much, or sends more than it declared.
    starts, parts = server.gui._handle_file_transfer_start, server.gui._handle_file_transfer_part
    sockets.unregister_handler(_messages.FileTransferStartUpload, starts)
    sockets.unregister_handler(_messages.FileTransferPart, parts)

    def start(client: int, message: _messages.FileTransferStartUpload) -> None:
        if 0 <= message.size_bytes <= MAX_UPLOAD and message.part_count <= message.size_bytes:
            starts(client, message)  # type: ignore[arg-type]

    def part(client: int, message: _messages.FileTransferPart) -> None:
        state = server.gui._current_file_upload_states.get(message.transfer_uuid)
        if state is not None and state["transferred_bytes"] + len(message.content) <= state["total_bytes"]:
            parts(client, message)  # type: ignore[arg-type]

    sockets.register_handler(_messages.FileTransferStartUpload, start)
    sockets.register_handler(_messages.FileTransferPart, part)

    # Any page that a browser visits may open a socket to this machine; only ours is let in.
    local = is_loopback(host)

    async def guard(connection) -> None:
        socket_ = sockets._live_connections[connection.client_id]
        headers = socket_.request.headers if socket_.request is not None else {}
        if not admitted(headers.get("Origin"), headers.get("Host"), local):
            await socket_.close(1008, "this page is not served by gs_stein")

    sockets.on_client_connect(guard)
    return server


def close_server(server: viser.ViserServer) -> None:
    """Stop serving, quietly."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
        server.stop()


def admitted(origin: str | None, host: str | None, local: bool) -> bool:
    """Whether a web socket may be opened by a page of this origin.

    Args:
        origin: the request's Origin header; None from programs that are no browsers.
        host: its Host header.
        local: the server listens on this machine only, so that a browser must have called it by a local name
            (else a stranger's domain name was made to point here).
    """
    if origin is None:
        return True
    page, called = urlsplit(origin), urlsplit(f"//{host or ''}")
    if local and not is_loopback(called.hostname or ""):
        return False
    if is_loopback(page.hostname or "") and is_loopback(called.hostname or ""):
        return page.port == called.port
    return page.netloc != "" and page.netloc == called.netloc


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address of this name."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
    """Where the page is."""
    host = server.get_host()
    shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{server.get_port()}"


def describe(server: viser.ViserServer) -> str:
    """The lines to print: where the page is, and how to reach it from another machine."""
    port, host = server.get_port(), server.get_host()
    lines = [f"Viewer: {address(server)}"]
    if is_loopback(host):
        try:
            user = getpass.getuser()
        except (OSError, KeyError, ImportError):
            user = "USER"
        target = f"{user}@{socket.gethostname()}"
        lines.append(
            f"  from another machine: ssh -N -L {port}:127.0.0.1:{port} {target}, then http://127.0.0.1:{port}"
        )
    else:
        lines.append("  whoever can reach this address can steer it: there is no password")
    return "\n".join(lines)
