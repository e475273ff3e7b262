"""HEAD and POST at a server that was made for GET only: the library would answer them with nothing at all."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Response

_LONGEST = 16
"""Bytes in which a request must have named its method."""
_REFUSAL = b"gs_stein: only GET and HEAD are answered here\n"
_REFUSED = (
    b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(_REFUSAL), _REFUSAL)
)


class Connection(ServerConnection):
    """A connection that answers HEAD like GET without the body, and refuses other methods in one line."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.only_head = False
        """Whether the request was HEAD."""
        self._start: bytes | None = b""
        self._refused = False

    def data_received(self, data: bytes) -> None:
        """Look at the first word of a request, and hand everything on as a GET."""
        if self._refused:
            return  # what else is sent is not read; the library closes the connection in the end
        if self._start is not None:
            data = self._start + data
            method, space, _ = data.partition(b" ")
            if not space and len(data) < _LONGEST:
                self._start = data
                return
            self._start = None
            if method == b"HEAD":
                self.only_head, data = True, b"GET" + data[len(method) :]
            elif space and method != b"GET" and method.isalpha() and method.isupper():
                self._refused = True
                self.transport.write(_REFUSED)
                self.transport.write_eof()
                return
        super().data_received(data)


def without_body(connection: ServerConnection, response: Response | None) -> Response | None:
    """The answer to a request as its method wants it.

    Args:
        connection: where it came from.
        response: to a GET; None: the connection becomes a web socket, which HEAD cannot ask for.
    """
    if not (isinstance(connection, Connection) and connection.only_head):
        return response
    if response is None:
        response = connection.respond(HTTPStatus.BAD_REQUEST, "gs_stein: a web socket is opened by GET\n")
    response.body = b""
    return response
