"""Who may come in, and what may be sent: strangers' messages are harmless here, and counted."""

from __future__ import annotations

import http.server
import threading
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import viser
from viewer_support import PATIENCE, VERSION, browser, change, eventually, socket_of
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.connection import Connection
from websockets.typing import Origin

from gs_stein.bench.chaos.foreign import served
from gs_stein.live import door
from gs_stein.live.door import MAX_MESSAGE, admitted, door_of
from gs_stein.live.jobs import Order, command
from gs_stein.live.options import LiveOptions
from gs_stein.live.server import address, describe, token_of

EVIL = Origin("https://evil.example")


def press(server: viser.ViserServer) -> bytes:
    """The message of somebody who presses the page's button."""
    return change(next(iter(server.gui._gui_input_handle_from_uuid)), True)


def get(server: viser.ViserServer, path: str = "/", **headers: str):
    return urlopen(Request(f"http://127.0.0.1:{server.get_port()}{path}", headers=headers), timeout=PATIENCE)


# Strangers.
@pytest.mark.parametrize("headers", [{}, {"Host": "evil.example"}])  # the second beside the right one
def test_nothing_of_a_strangers_page_is_ever_taken_in(headers):
    with served() as (server, taken):
        for _ in range(3):
            with pytest.raises(InvalidStatus) as refused, socket_of(server, EVIL, **headers) as socket:
                socket.send(press(server))
            assert refused.value.response.status_code == 403
        body = bytes(refused.value.response.body or b"")
        assert (b"ambiguous" if headers else b"--allow-origin") in body
        own = Origin(f"http://127.0.0.1:{server.get_port()}")
        with socket_of(server, own) as socket:
            assert len(socket.recv(timeout=PATIENCE)) > 0
            socket.send(press(server))
            eventually(lambda: taken, "our own page is heard")
        assert len(taken) == 1


def test_messages_sent_along_with_a_strangers_handshake_are_not_read():
    """As a browser does that does not wait: opening and message leave together."""
    import socket as plain

    from websockets.frames import OP_BINARY, Frame

    with served() as (server, taken):
        port = server.get_port()
        frame = Frame(OP_BINARY, press(server)).serialize(mask=True)

        def opening(origin: str) -> bytes:
            lines = (
                "GET / HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
                f"Sec-WebSocket-Protocol: {VERSION[0]}", f"Origin: {origin}",
            )  # fmt: skip
            return "\r\n".join((*lines, "", "")).encode()

        for origin, status in ((str(EVIL), b"403"), (f"http://127.0.0.1:{port}", b"101")):
            with plain.create_connection(("127.0.0.1", port), timeout=PATIENCE) as raw:
                raw.sendall(opening(origin) + frame)
                assert raw.recv(4096).startswith(b"HTTP/1.1 " + status)
                if status == b"101":
                    eventually(lambda: taken, "our own page's early message")
                else:
                    while raw.recv(4096):
                        pass
                    assert not taken


def test_a_real_browsers_page_from_elsewhere_does_nothing():
    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    try:
        with served() as (server, taken):
            elsewhere = f"http://127.0.0.1:{pages.server_port}/?{server.get_port()}"
            with browser(elsewhere) as page:
                page.wait_for_function("window.ended === 3", timeout=PATIENCE * 1000)
                assert page.evaluate("window.opened") == 0
            assert not taken
    finally:
        pages.shutdown()
        pages.server_close()


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A page of another origin that opens sockets to the port in its query and sends as soon as it may."""

    def do_GET(self) -> None:
        script = (
            "window.ended = window.opened = 0; for (let i = 0; i < 3; i++) {"
            f"const socket = new WebSocket('ws://127.0.0.1:' + location.search.slice(1), ['{VERSION[0]}']);"
            "socket.onopen = () => { window.opened++; socket.send(new Uint8Array([128])) };"
            "socket.onclose = () => { window.ended++ } }"
        )
        body = f"<script>{script}</script>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_name_that_was_made_to_point_here_gets_no_page():
    with served() as (server, _):
        for host in ("evil.example", f"evil.example:{server.get_port()}", "127.0.0.1.evil.example"):
            with pytest.raises(HTTPError) as refused:
                get(server, Host=host)
            assert refused.value.code == 403
        with get(server, Host=f"localhost:{server.get_port()}") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self'"
            assert "Set-Cookie" not in answer.headers


def test_a_library_that_builds_its_server_otherwise_is_not_left_unguarded():
    with pytest.raises(RuntimeError, match="cannot guard"), door.guarding(door_of(LiveOptions())):
        pass


# Proxies.
@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        ("https://hub.example", "127.0.0.1:8080", True),
        ("https://hub.example", "hub.example", True),
        ("https://HUB.example", "Hub.example", True),
        (None, "hub.example", True),
        ("https://evil.example", "hub.example", False),
        ("http://hub.example", "127.0.0.1:8080", False),
        ("https://hub.example:444", "127.0.0.1:8080", False),
        ("https://hub.example.evil.example", "127.0.0.1:8080", False),
        (None, "hub.example.evil.example", False),
        ("https://hub.example", "[", False),
    ],
)
def test_a_named_proxy_is_admitted_and_no_other(origin, host, expected):
    assert admitted(origin, host, local=True, allowed=("https://hub.example",)) is expected


def test_pages_behind_a_named_proxy_reach_the_run():
    hub = Origin("https://hub.example")
    options = LiveOptions(allow_origin=("https://hub.example/", "https://other.example"), token="none")
    with served(options) as (server, taken):
        with socket_of(server, hub) as socket:
            socket.send(press(server))
            eventually(lambda: taken, "the proxy's page is heard")
        with pytest.raises(InvalidStatus), socket_of(server, EVIL):
            pass
        assert "https://other.example" in describe(server)
        with get(server) as answer:
            assert answer.headers["Content-Security-Policy"].startswith("frame-ancestors 'self' https://hub.example ")


@pytest.mark.parametrize(
    "bad",
    [
        {"allow_origin": ("hub.example",)}, {"allow_origin": ("https://hub.example/user/me",)},
        {"allow_origin": ("https://hub.example; x",)}, {"allow_origin": ("https://[",)}, {"allow_origin": ("*",)},
        {"token": "short"}, {"token": "with spaces in it"}, {"token": ""},
    ],
)  # fmt: skip
def test_bad_origins_and_tokens_name_their_field(bad):
    with pytest.raises(ValueError, match=f"^{next(iter(bad))}: ") as error:
        LiveOptions(**bad)
    assert "\n" not in str(error.value)


# The secret.
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (LiveOptions(), False), (LiveOptions(host="0.0.0.0"), True), (LiveOptions(host="192.0.2.1"), True),
        (LiveOptions(allow_origin=("https://hub.example",)), True), (LiveOptions(token="new"), True),
        (LiveOptions(host="0.0.0.0", token="none"), False), (LiveOptions(host="localhost"), False),
    ],
)  # fmt: skip
def test_a_token_is_asked_for_where_others_can_come_near(options, expected):
    first, second = door_of(options), door_of(options)
    assert (first.token is not None) is expected
    assert not expected or (len(first.token or "") >= 20 and first.token != second.token)


def test_only_who_has_the_link_gets_the_page_and_its_socket():
    with served(LiveOptions(token="new")) as (server, taken):
        token = token_of(server)
        assert address(server) == f"http://127.0.0.1:{server.get_port()}/?token={token}"
        assert describe(server).count(f"/?token={token}") == 2
        for path in ("/", "/?token=", "/?token=wrong", f"/?token={token}&token=x", f"/?t={token}", "/?token=%ff"):
            with pytest.raises(HTTPError) as refused:
                get(server, path)
            assert refused.value.code == 403
        with get(server, f"/?token={token}") as answer:
            cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        pair = cookie.split(";")[0]
        with get(server, Cookie=f"other=1; {pair}") as answer:
            assert answer.status == 200
            assert "Set-Cookie" not in answer.headers
        for cookie in ("", f"{pair}x", "gs_stein=1"):
            with pytest.raises(InvalidStatus), socket_of(server, Cookie=cookie):
                pass
        assert not taken
        for path, cookie in (("", pair), (f"/?token={token}", "")):
            with socket_of(server, path=path, Cookie=cookie) as socket:
                socket.send(press(server))
                eventually(lambda: taken, "who has the link is heard")
                taken.clear()
        with pytest.raises(InvalidStatus), socket_of(server, EVIL, path=f"/?token={token}"):
            pass


def test_the_link_opens_in_a_real_browser():
    with served(LiveOptions(token="a-bookmarked-secret")) as (server, _):
        link = address(server)
        assert link.endswith("/?token=a-bookmarked-secret")
        with browser(link) as page:
            eventually(server.get_clients, "the page's socket is let in")
            page.get_by_role("button", name="Press").first.wait_for(state="attached", timeout=PATIENCE * 1000)


def test_runs_of_the_studio_have_tokens_of_their_own_and_their_links_are_understood():
    from gs_stein.live.jobs import _PAGE

    order = Order("a ball", False, None, 0)
    options = LiveOptions(host="0.0.0.0", token="my-own-secret", allow_origin=("https://hub.example",))
    line = command(order, Path("runs"), options, token=True)
    assert "--token=new" in line
    assert not any("my-own-secret" in part for part in line)
    assert "--allow-origin=https://hub.example" in line
    assert "--token=none" in command(order, Path("runs"), LiveOptions(), token=False)
    with served(LiveOptions(token="new")) as (server, _):
        found = _PAGE.match(describe(server).splitlines()[0])
        assert found is not None
        assert found[1] == address(server)


# How much.
def test_a_message_above_the_bound_ends_its_connection_only():
    with served() as (server, taken):
        with socket_of(server) as other, socket_of(server) as socket:
            socket.send(bytes(MAX_MESSAGE + 1))
            closed = drained(socket)
            assert closed.rcvd is not None
            assert closed.rcvd.code == 1009
            other.send(press(server))
            eventually(lambda: taken, "others are heard")
        assert len(taken) == 1


def drained(socket: Connection) -> ConnectionClosed:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            socket.recv(timeout=PATIENCE)
        except ConnectionClosed as closed:
            return closed
    raise AssertionError("never closed")


def test_only_so_many_pages_are_open_at_a_time(monkeypatch):
    monkeypatch.setattr(door, "_MOST", 2)
    with served() as (server, _):
        with socket_of(server), socket_of(server):
            with pytest.raises(InvalidStatus) as refused, socket_of(server):
                pass
            assert refused.value.response.status_code == 503

        def again() -> bool:
            try:
                with socket_of(server):
                    return True
            except InvalidStatus:
                return False

        eventually(again, "a closed page makes room")


# Other methods than GET.
def answer(server: viser.ViserServer, request: bytes) -> bytes:
    """All that comes back on a plain connection."""
    import socket as plain

    with plain.create_connection(("127.0.0.1", server.get_port()), timeout=PATIENCE) as raw:
        for start in range(0, len(request), 3):  # a slow line
            raw.sendall(request[start : start + 3])
        return b"".join(iter(lambda: raw.recv(1 << 16), b""))


def test_head_is_get_without_a_body_and_other_methods_are_refused_in_one_line():
    with served() as (server, _):
        host = f"Host: 127.0.0.1:{server.get_port()}\r\n"
        got, head = (answer(server, f"{method} / HTTP/1.1\r\n{host}\r\n".encode()) for method in ("GET", "HEAD"))
        headers, _, body = got.partition(b"\r\n\r\n")
        assert headers.startswith(b"HTTP/1.1 200")
        assert f"Content-Length: {len(body)}".encode() in headers

        def lines(headers: bytes) -> list[bytes]:
            return [line for line in headers.split(b"\r\n") if not line.startswith(b"Date")]

        assert head.endswith(b"\r\n\r\n")
        assert lines(head.removesuffix(b"\r\n\r\n")) == lines(headers)
        for method in ("POST", "OPTIONS", "DELETE"):
            refused = answer(server, f"{method} / HTTP/1.1\r\n{host}Content-Length: 3\r\n\r\nabc".encode())
            headers, _, body = refused.partition(b"\r\n\r\n")
            assert headers.startswith(b"HTTP/1.1 405")
            assert b"Allow: GET, HEAD" in headers
            assert body == b"gs_stein: only GET and HEAD are answered here\n"
        stranger = answer(server, b"HEAD / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert stranger.startswith(b"HTTP/1.1 403")
        assert stranger.endswith(b"\r\n\r\n")
        upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        more = f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {VERSION[0]}\r\n\r\n"
        assert answer(server, f"HEAD / HTTP/1.1\r\n{host}{upgrade}{more}".encode()).startswith(b"HTTP/1.1 400")
