"""How much of one page's messages may wait to be worked on: who sends more is read no further until some are done.

The library reads whatever comes, and hands what a control asks for to threads through a queue without an end. Nothing
is dropped here: what is not read waits in the browser, and the last place of a slider still arrives.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import viser

MOST = 64
"""Calls of one page that wait or are under way. With as many pages as the door lets in, a bound for all."""
_PAUSE = 0.02
"""Seconds until it is looked again whether a page may be read on."""


def bound_intake(server: viser.ViserServer) -> None:
    """Stop reading from a page while `MOST` calls that it has caused are not done; of pages that are there, too."""
    sockets, executor = server._websock_server, server._thread_executor
    submit, lock, waiting = executor.submit, threading.Lock(), Counter[int | None]()

    def counted(function: Any, *arguments: Any, **more: Any) -> Future:
        page = _page_of(arguments)

        def done(_: Future) -> None:
            with lock:
                waiting[page] -= 1
                if not waiting[page]:
                    del waiting[page]

        with lock:
            waiting[page] += 1
        try:
            future = submit(function, *arguments, **more)
        except RuntimeError:  # the server is being closed
            with lock:
                waiting[page] -= 1
            raise
        future.add_done_callback(done)
        return future

    def enter(page: int) -> None:
        connection = sockets._live_connections.get(page)
        if connection is None:
            return
        receive = connection.recv

        async def patient(*arguments: Any, **more: Any) -> Any:
            # Many short messages may have come at once: each is handed over, and counted, before the next is read.
            await asyncio.sleep(0)
            while waiting[page] >= MOST:
                await asyncio.sleep(_PAUSE)
            return await receive(*arguments, **more)

        connection.recv = patient

    executor.submit = counted  # type: ignore[method-assign]
    sockets.on_client_connect(lambda connection: enter(connection.client_id))
    for page in tuple(sockets._live_connections):
        enter(page)


def _page_of(arguments: tuple[Any, ...]) -> int | None:
    """Whose page has caused a call: events say so, and cameras belong to somebody; None: nobody's."""
    for argument in arguments:
        found = getattr(argument, "client_id", None)
        found = getattr(getattr(argument, "client", None), "client_id", None) if found is None else found
        if found is not None:
            return found
    return None
