"""On a phone's narrow screen the scene stands above the panel, not behind it."""

from __future__ import annotations

import pytest
from viewer_support import PATIENCE, browser

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
