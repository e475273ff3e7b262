"""Strangers at the page: messages from other origins that must not arrive, and many clients that come at once."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from viser import ViserServer
    from websockets.sync.connection import Connection

    from gs_stein.live.options import LiveOptions

PATIENCE = 60.0
"""Seconds to wait for anything on a busy machine."""
ORIGINS = (
    "https://evil.example", "http://evil.example", "null", "http://127.0.0.1:1", "http://localhost:1",
    "https://127.0.0.1.evil.example", "http://[::1]:1", "file://", "http://0.0.0.0:1", "https://gs-stein.example",
)  # fmt: skip
"""Whose pages may not speak to ours."""
NAMES = ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example")
"""Under which a stranger's domain may have been made to point here."""
SECONDS = 2.0
"""Length of a block of iterations, and how many blocks each are measured before and while clients are there."""
BLOCKS = 4

CROWD = """
import asyncio, socket, sys
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol
host, port, count, protocol, hello = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
pages = []
async def page():
    try:
        page = await connect(f"ws://{host}:{port}", subprotocols=[Subprotocol(protocol)], max_queue=1, open_timeout=50)
        await page.send(bytes.fromhex(hello))
        pages.append(page)
        return True
    except Exception:
        return False
async def main():
    kept = []
    for i in range(count // 3):  # who says nothing, and who does not finish
        for said in (b"", b"GET / HTTP/1.1\\r\\nHost: "):
            plain = socket.create_connection((host, port), 50)
            plain.sendall(said)
            kept.append(plain)
    asked = [asyncio.create_task(page()) for _ in range(count - len(kept))]  # who opens the page and reads nothing
    print(sum([await one for one in asked]), flush=True)
    await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""


@contextlib.contextmanager
def served(options: LiveOptions | None = None) -> Iterator[tuple[ViserServer, list]]:
    """A page with one button, and the list of all messages that its server has taken in.

    Args:
        options: who may come in; None: as by default.
    """
    from gs_stein.live.server import close_server, open_server

    server = open_server("127.0.0.1", 0, "chaos", options)
    taken: list = []
    dispatch = server._websock_server._handle_incoming_message

    async def noted(client: Any, message: Any) -> None:
        taken.append(message)
        await dispatch(client, message)

    server._websock_server._handle_incoming_message = noted  # type: ignore[method-assign]
    server.gui.add_button("Press")
    try:
        yield server, taken
    finally:
        close_server(server)


def protocol() -> str:
    """What the page's own program says it speaks."""
    return f"viser-v{version('viser')}"


def opened(port: int, origin: str | None, host: str | None = None) -> Connection:
    """A websocket to the page, as a browser opens it from a page of this origin, by this name of the machine.

    Raises:
        Exception: it was turned away.
    """
    from websockets.sync.client import connect
    from websockets.typing import Origin, Subprotocol

    plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
    try:
        return connect(
            f"ws://{host or '127.0.0.1'}:{port}", sock=plain, subprotocols=[Subprotocol(protocol())],
            origin=None if origin is None else Origin(origin), open_timeout=PATIENCE, proxy=None,
        )  # fmt: skip
    except BaseException:
        plain.close()
        raise


def early(port: int, origin: str, message: bytes) -> None:
    """Opening and message leave together, as from a browser that does not wait for an answer."""
    from websockets.frames import OP_BINARY, Frame

    lines = (
        "GET / HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {protocol()}", f"Origin: {origin}", "", "",
    )  # fmt: skip
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
        plain.sendall("\r\n".join(lines).encode() + Frame(OP_BINARY, message).serialize(mask=True))
        while plain.recv(4096):
            pass


def messages(progress: Callable[[int, int], None]) -> dict[str, float]:
    """Send a harmless message, the press of a button, from each stranger, in each way.

    Raises:
        ValueError: our own page is not heard either, so that the count would mean nothing.
    """
    import msgspec

    with served() as (server, taken):
        port = server.get_port()
        button = next(iter(server.gui._gui_input_handle_from_uuid))
        press = msgspec.msgpack.encode({"type": "GuiUpdateMessage", "uuid": button, "updates": {"value": True}})
        ways = [(origin, None) for origin in ORIGINS]
        ways += [(f"http://{name}:{port}", name) for name in NAMES] + [(None, name) for name in NAMES]
        for done, (origin, name) in enumerate(ways, 1):
            with contextlib.suppress(Exception), opened(port, origin, name) as stranger:  # turned away: as it should
                stranger.send(press)
                time.sleep(0.5)
            if origin is not None and name is None:
                early(port, origin, press)
            progress(done, len(ways))
        time.sleep(0.5)
        arrived = len(taken)
        with opened(port, f"http://127.0.0.1:{port}") as own:
            own.send(press)
            end = time.monotonic() + PATIENCE
            while len(taken) == arrived and time.monotonic() < end:
                time.sleep(0.05)
        if len(taken) == arrived:
            raise ValueError("chaos: our own page is not heard either; the count of strangers' messages says nothing")
    return {"foreign_tried": float(len(ways) + len(ORIGINS)), "foreign_messages": float(arrived)}


def hello() -> bytes:
    """The message by which a page says where it looks from; before it, nobody is there to be shown anything."""
    import msgspec

    return msgspec.msgpack.encode({
        "type": "ViewerCameraMessage", "wxyz": (1.0, 0.0, 0.0, 0.0), "position": (0.0, 0.0, 1.5), "fov": 1.2,
        "near": 0.01, "far": 100.0, "image_height": 240, "image_width": 320, "look_at": (0.0, 1.0, 1.5),
        "up_direction": (0.0, 0.0, 1.0),
    })  # fmt: skip


def resident() -> float:
    """Megabytes of memory that this process has; 0 where the system does not tell."""
    path = Path("/proc/self/statm")
    if not path.exists():
        return 0.0
    import resource

    return int(path.read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1e6


def crowd(clients: int, progress: Callable[[int, int], None]) -> dict[str, float]:
    """Iterations and memory of a run before, while and after many clients are at its page at once.

    A third of them say nothing, a third begin to ask and do not finish, a third open the page and read nothing.
    """
    import numpy as np

    from gs_stein.bench.viewer import Options, training
    from gs_stein.cameras.options import RoomCameras
    from gs_stein.live.options import LiveOptions
    from gs_stein.live.run_view import Live
    from gs_stein.optimize.step import Controls

    steps = training(Options(gaussians=5000, product=0))
    blocks = 0

    def seconds_each(live: Live) -> float:
        nonlocal blocks
        taken = []
        for _ in range(BLOCKS):
            began, count = time.perf_counter(), 0
            while time.perf_counter() - began < SECONDS:
                live.publish(next(steps))
                count += 1
            taken.append((time.perf_counter() - began) / count)
            blocks += 1
            progress(blocks, 3 * BLOCKS)
        return float(np.median(taken))

    with Live(Controls(), "chaos", RoomCameras(), options=LiveOptions(port=0)) as live:
        at = "127.0.0.1", str(live.server.get_port())
        command = [sys.executable, "-c", CROWD, *at, str(clients), protocol(), hello().hex()]
        seconds_each(live)  # warm
        blocks = 0
        before, memory = seconds_each(live), resident()
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", errors="replace"
        ) as process:
            try:
                assert process.stdout is not None
                admitted = float(process.stdout.readline() or "nan")
                meanwhile, more = seconds_each(live), resident()
            finally:
                process.kill()
        after, left = seconds_each(live), resident()
    return {
        "crowd_clients": float(clients), "crowd_admitted": admitted, "crowd_slowdown": meanwhile / before - 1.0,
        "crowd_slowdown_after": after / before - 1.0, "crowd_mb": more - memory, "crowd_mb_after": left - memory,
    }  # fmt: skip


def measure(found: dict[str, float], clients: int, progress: Callable[[int, int], None]) -> None:
    """Strangers' messages, then a crowd.

    Args:
        found: takes the figures, as they are found.
        clients: how many come at once.
        progress: told how much is done, of how much.
    """
    found |= messages(progress)
    found |= crowd(clients, progress)
