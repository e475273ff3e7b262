"""What one page sends is read no further than it can be worked on, and none of it is lost."""

from __future__ import annotations

import threading
import time

from viewer_support import PATIENCE, change, eventually, hello, socket_of

from gs_stein.live.intake import MOST
from gs_stein.live.server import close_server, open_server
from gs_stein.live.studio import Requests

SENT = 400


def test_a_page_that_sends_more_than_is_worked_on_is_read_no_further_and_nothing_is_lost() -> None:
    server = open_server("127.0.0.1", 0, "test")
    gate, begun, done, others = threading.Event(), [], [], []
    slow, quick = server.gui.add_button("Slow"), server.gui.add_button("Quick")

    def held(_: object) -> None:
        gate.wait(PATIENCE)
        done.append(1)

    slow.on_click(held)
    quick.on_click(lambda _: others.append(1))
    # Calls are counted when they are handed over, whether a thread is free or not.
    submit = server._thread_executor.submit
    server._thread_executor.submit = lambda *call: (begun.append(call[0]), submit(*call))[1]
    try:
        with socket_of(server) as fast, socket_of(server) as other:
            fast.send(hello())
            other.send(hello())
            eventually(lambda: len(server.get_clients()) == 2, "two pages are there")
            press = change(slow._impl.uuid, True)
            sender = threading.Thread(target=lambda: [fast.send(press) for _ in range(SENT)], daemon=True)
            sender.start()
            eventually(lambda: begun.count(held) >= MOST, "as many as may wait")
            time.sleep(0.5)  # in which all would be read
            assert begun.count(held) <= MOST + 1, "one was being read already"
            other.send(change(quick._impl.uuid, True))
            eventually(lambda: len(begun) > begun.count(held), "another page is read on")
            gate.set()
            eventually(lambda: len(done) == SENT and others == [1], "everything has arrived")
            sender.join(PATIENCE)
    finally:
        gate.set()
        close_server(server)


def test_requests_that_wait_for_the_studio_are_bounded() -> None:
    requests, taken = Requests(), []
    for i in range(5000):
        requests.put(lambda i=i: taken.append(i))
    while not requests.empty():
        requests.get_nowait()()
    assert taken == list(range(1000))
