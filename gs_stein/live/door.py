"""Who may come in: decided while a connection is being opened, before anything that it sends is read."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import logging
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from gs_stein.live.options import LiveOptions

if TYPE_CHECKING:
    from websockets import Headers

MAX_MESSAGE = 1 << 20
"""Bytes of one message; a browser sends files in parts of half as many."""
_UNREAD = 4
"""Frames of one connection that are held before it is read no further; a frame is at most a message."""
_MOST = 32
"""Pages that may be open at a time."""
_PATCHING = threading.Lock()


@dataclass(frozen=True)
class Door:
    """Decides which requests are answered."""

    local: bool
    """The server listens on this machine only, so that a browser must have called it by a local name, or a proxy's:
    else a stranger's domain name was made to point here."""
    origins: tuple[str, ...] = ()
    """Of proxies in front of it, as browsers name them."""
    token: str | None = None
    """What the link must carry; None: nothing."""

    @property
    def cookie(self) -> str:
        """Name under which a browser keeps the token. Cookies know no ports: each token has a name of its own."""
        return f"gs_stein_{hashlib.sha256((self.token or '').encode()).hexdigest()[:12]}"

    def refusal(self, path: str, headers: Headers) -> str | None:
        """Why a request is turned away; None: it may come in.

        Args:
            path: with the query.
            headers: of the request.
        """
        origins, hosts = headers.get_all("Origin"), headers.get_all("Host")
        if len(origins) > 1 or len(hosts) > 1:
            return "this request is ambiguous"
        if not admitted(next(iter(origins), None), next(iter(hosts), None), self.local, self.origins):
            return "this page is not served by gs_stein; a proxy's origin is named by --allow-origin"
        if self.token is not None and not (self.asks_rightly(path) or self._remembers(headers)):
            return "open the link that gs_stein has printed, with its token"
        return None

    def asks_rightly(self, path: str) -> bool:
        """Whether the query of a request holds the token."""
        given = parse_qs(urlsplit(path).query).get("token", [])
        return self.token is not None and len(given) == 1 and _same(given[0], self.token)

    def stamp(self, path: str, headers: Headers) -> None:
        """Complete an answer: the browser keeps the token for what the page fetches, and no other page frames it."""
        if self.asks_rightly(path):
            headers["Set-Cookie"] = f"{self.cookie}={self.token}; HttpOnly; SameSite=Strict"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Content-Security-Policy"] = " ".join(("frame-ancestors 'self'", *self.origins))

    def _remembers(self, headers: Headers) -> bool:
        assert self.token is not None
        pairs = (part.strip().partition("=") for line in headers.get_all("Cookie") for part in line.split(";"))
        return any(name == self.cookie and _same(value, self.token) for name, _, value in pairs)


def door_of(options: LiveOptions) -> Door:
    """The door that was asked for, with a new token where none was given but others can come near."""
    local = is_loopback(options.host)
    token: str | None = options.token
    if token == "auto":
        token = "none" if local and not options.allow_origin else "new"
    if token == "none":
        token = None
    elif token == "new":
        token = secrets.token_urlsafe(16)
    return Door(local, tuple(map(_normal, options.allow_origin)), token)


def admitted(origin: str | None, host: str | None, local: bool, allowed: tuple[str, ...] = ()) -> bool:
    """Whether a page of this origin may speak to us.

    Args:
        origin: the request's Origin header; None from programs that are no browsers, and where a link is followed.
        host: its Host header.
        local: as of a `Door`.
        allowed: origins of proxies.
    """
    try:
        called = urlsplit(f"//{host or ''}")
        page = urlsplit(origin or "")
        ports = page.port, called.port
    except ValueError:
        return False
    proxies = {urlsplit(name).netloc for name in allowed}
    if local and not is_loopback(called.hostname or "") and called.netloc.lower() not in proxies:
        return False
    if origin is None or _normal(origin) in allowed:
        return True
    if is_loopback(page.hostname or "") and is_loopback(called.hostname or ""):
        return ports[0] == ports[1]
    return page.netloc != "" and page.netloc == called.netloc


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address of this name."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def guarding(door: Door) -> Iterator[None]:
    """A page server that is built inside asks the door first, and holds no more than a few messages of anyone.

    The library offers no such hook, but builds its server by one call, through which the checks are handed in here.

    Raises:
        RuntimeError: no server was built that way, so that the door would stand open.
    """
    from websockets.asyncio import server as web

    from gs_stein.live.methods import Connection, without_body

    logger = logging.getLogger("gs_stein.live.door")
    logger.setLevel(logging.CRITICAL)  # what strangers send does not fill the run's terminal
    build, mounted = web.serve, threading.Event()

    def serve(handler: Any, host: str, port: int, *, process_request: Any, **settings: Any) -> Any:
        inside = 0

        async def handle(connection: web.ServerConnection) -> None:
            nonlocal inside
            inside += 1
            try:
                await handler(connection)
            finally:
                inside -= 1

        def enter(connection: web.ServerConnection, request: Any) -> Any:
            reason = door.refusal(request.path, request.headers)
            if reason is not None:
                return connection.respond(HTTPStatus.FORBIDDEN, f"gs_stein: {reason}\n")
            if inside >= _MOST:
                return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "gs_stein: too many pages are open\n")
            response = process_request(connection, request)
            if response is not None:
                door.stamp(request.path, response.headers)
            return response

        def answer(connection: web.ServerConnection, request: Any) -> Any:
            return without_body(connection, enter(connection, request))

        mounted.set()
        limits = {"max_size": MAX_MESSAGE, "max_queue": _UNREAD, "logger": logger, "create_connection": Connection}
        return build(handle, host, port, process_request=answer, **{**settings, **limits})

    with _PATCHING:
        setattr(web, "serve", serve)  # noqa: B010
        try:
            yield
        finally:
            setattr(web, "serve", build)  # noqa: B010
    if not mounted.is_set():
        raise RuntimeError("viser builds its server in another way than 1.1: gs_stein cannot guard it")


def _same(given: str, wanted: str) -> bool:
    """Compare secrets in a time that says nothing of where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _normal(origin: str) -> str:
    return origin.rstrip("/").lower()
