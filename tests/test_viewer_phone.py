"""On a phone's narrow screen the scene stands above the panel, not behind it."""

from __future__ import annotations

import numpy as np
import pytest
from viewer_support import PATIENCE, browser, eventually

from gs_stein.live.server import address, close_server, open_server

SIDES = """() => {
  const sheet = [...document.querySelectorAll('.mantine-Paper-root')].find(e => e.style.maxHeight == '60%');
  const stage = document.querySelector('canvas[data-engine]');
  if (!sheet || !stage) return [];  // the page is still being made
  const [scene, panel] = [stage, sheet].map(e => e.getBoundingClientRect());
  return [panel.width, panel.top, scene.bottom];
}"""


@pytest.mark.slow
def test_the_scene_stands_above_the_panel() -> None:
    server = open_server("127.0.0.1", 0, "test")
    try:
        with browser(f"{address(server)}/?fixedDpr=1", 390, 844) as page:
            for _ in range(20):
                server.gui.add_button("one of many")
            page.wait_for_function(f"Math.abs(({SIDES})()[2] - 464) < 2", timeout=PATIENCE * 1000)
            width, top, bottom = page.evaluate(SIDES)
            assert width == 390
            assert abs(top - bottom) < 2
            page.get_by_text("test", exact=True).first.click()
            folded = f"(([_, top, bottom]) => bottom > 750 && Math.abs(top - bottom) < 2)(({SIDES})())"
            page.wait_for_function(folded, timeout=PATIENCE * 1000)
            page.set_viewport_size({"width": 1280, "height": 800})
            page.wait_for_function("document.querySelector('canvas[data-engine]').clientHeight == 800")
    finally:
        close_server(server)


@pytest.mark.slow
def test_one_finger_turns_and_two_fingers_zoom() -> None:
    server = open_server("127.0.0.1", 0, "test")
    try:
        with browser(f"{address(server)}/?fixedDpr=1", 390, 844) as page:
            page.wait_for_function(f"({SIDES})().length == 3", timeout=PATIENCE * 1000)
            eventually(server.get_clients, "the page is there")
            (client,) = server.get_clients().values()
            touch = page.context.new_cdp_session(page)
            touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})

            def fingers(kind: str, *points: tuple[float, float]) -> None:
                at = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
                touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
                page.wait_for_timeout(50)

            def camera() -> tuple[np.ndarray, float]:
                away = np.array(client.camera.position) - np.array(client.camera.look_at)
                distance = float(np.linalg.norm(away))
                return away / distance, distance

            def settled() -> tuple[np.ndarray, float]:
                before, now = camera(), None
                while now is None or not np.allclose(before[0], now[0], atol=1e-5) or abs(before[1] - now[1]) > 1e-4:
                    before = before if now is None else now
                    page.wait_for_timeout(500)
                    now = camera()
                return now

            start = settled()
            fingers("touchStart", (100, 200))
            for x in range(110, 250, 20):
                fingers("touchMove", (x, 200))
            fingers("touchEnd")
            eventually(lambda: camera()[0] @ start[0] < 0.95, "one finger turns the view")
            turned = settled()
            assert abs(turned[1] - start[1]) < 0.02 * start[1]
            fingers("touchStart", (180, 200), (210, 200))
            for x in range(10, 110, 20):
                fingers("touchMove", (180 - x, 200), (210 + x, 200))
            fingers("touchEnd")
            eventually(lambda: camera()[1] < 0.95 * turned[1], "two fingers come nearer")
    finally:
        close_server(server)
