"""A training loop without a prior, and a real browser: what the viewer's tests share."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import numpy as np
import pytest
import torch
import viser
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.typing import Origin, Subprotocol

from gs_stein.cameras.sampling import orbit
from gs_stein.distill.distiller import Estimate
from gs_stein.gaussians.model import Gaussians, rgb_to_sh
from gs_stein.optimize.step import Controls, Losses, Step
from gs_stein.rasterize.api import rasterize
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.types import Render

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]  # fmt: skip
PATIENCE = 120.0
"""Seconds to wait for anything on a busy machine."""


def require_browser() -> str:
    """The path of a Chromium to test with; skips the test without one, or fails it where everything is required."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        reason = "playwright is not installed: pip install -e '.[dev]'"
    else:
        if CHROMIUM is not None:
            return CHROMIUM
        reason = "there is no chromium: apt install chromium"
    if os.environ.get("GS_STEIN_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def browser(url: str, width: int = 320, height: int = 240) -> Iterator:
    """A page of a fresh headless Chromium (playwright), open at `url`."""
    from playwright.sync_api import sync_playwright

    path = require_browser()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=path, headless=True, args=FLAGS, ignore_default_args=["--headless"],
            viewport={"width": width, "height": height}, timeout=PATIENCE * 1000,
        )  # fmt: skip
        try:
            page = context.pages[0] if context.pages else context.new_page()
            page.goto(url, timeout=PATIENCE * 1000)
            yield page
        finally:
            context.close()


def click(locator) -> None:
    """Click a button, wherever it is: where software rendering takes a second a frame, it may move under the mouse."""
    from playwright.sync_api import expect

    # A disabled button drops the click: the page may not have heard yet that the last export is over.
    expect(locator.first).to_be_enabled(timeout=PATIENCE * 1000)
    locator.first.dispatch_event("click", timeout=PATIENCE * 1000)


def open_tab(page, name: str) -> None:
    """Bring a tab of the panel to the front; these want a real mouse."""
    tab = page.get_by_role("tab", name=name).first
    tab.wait_for(state="attached", timeout=PATIENCE * 1000)

    def opened() -> bool:
        if tab.get_attribute("aria-selected") != "true":
            tab.click(force=True, timeout=PATIENCE * 1000)
            page.wait_for_timeout(300)
        return tab.get_attribute("aria-selected") == "true"

    eventually(opened, f"tab {name}")


def pixels(server: viser.ViserServer, number: int = -1) -> np.ndarray:
    """What one of the browsers draws (the last to join by default): RGBA, transparent where nothing is."""
    client = sorted(server.get_clients().items())[number][1]
    return client.get_render(height=240, width=320, transport_format="png", timeout=PATIENCE)


def eventually(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until something holds; fails with its name."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.05)


VERSION = [Subprotocol(f"viser-v{viser.__version__}")]


@contextmanager
def socket_of(
    server: viser.ViserServer, origin: Origin | None = None, *, path: str = "", **headers: str
) -> Iterator[Connection]:
    """A web socket to a page's server, as a program or (with an origin) a browser opens it."""
    url = f"ws://127.0.0.1:{server.get_port()}{path}"
    with connect(url, origin=origin, subprotocols=VERSION, open_timeout=PATIENCE, additional_headers=headers) as socket:
        yield socket


def change(uuid: str, value: object, name: str = "value") -> bytes:
    """The message of a browser in which somebody has set a control."""
    return msgspec.msgpack.encode({"type": "GuiUpdateMessage", "uuid": uuid, "updates": {name: value}})


def hello(height: int = 240, width: int = 320) -> bytes:
    """The message by which a browser says where it looks from; before it, nobody is there for the page."""
    return msgspec.msgpack.encode({
        "type": "ViewerCameraMessage", "wxyz": (1.0, 0.0, 0.0, 0.0), "position": (0.0, 0.0, 0.0), "fov": 1.0,
        "near": 0.01, "far": 1000.0, "image_height": height, "image_width": width, "look_at": (0.0, 0.0, 1.0),
        "up_direction": (0.0, -1.0, 0.0),
    })  # fmt: skip


class Handle:
    """Stands for a browser's event: it came from a client."""

    client = object()


def moved(slider, value) -> None:
    """As if somebody had dragged it, or chosen."""
    slider._impl.value = value
    for callback in slider._impl.update_cb:
        callback(Handle())


def blob(rgb: tuple[float, float, float], count: int = 300, seed: int = 0, size: float = 0.08) -> Gaussians:
    """A ball of one colour, radius about 0.6, opaque."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.randn(count, 3, generator=generator) * 0.3
    quats = torch.nn.functional.normalize(torch.randn(count, 4, generator=generator), dim=-1)
    colours = rgb_to_sh(torch.tensor([rgb]).expand(count, 3))
    return Gaussians(
        means, torch.full((count, 3), math.log(size)), quats, torch.full((count,), 3.0), colours[:, None].clone()
    )


def fake_training(
    total: int = 200,
    count: int = 300,
    views: int = 2,
    resolution: int = 32,
    controls: Controls | None = None,
    rest: float = 0.0,
    seed: int = 0,
    rasterized: bool = False,
) -> Iterator[Step]:
    """A red ball that turns green; yields what `optimize` does, and like it changes the yielded tensors afterwards.

    Args:
        rasterized: fit it by rasterizer, loss and Adam instead of moving its colours by hand, which is quicker.
    """
    controls = Controls() if controls is None else controls
    generator = torch.Generator().manual_seed(seed)
    parameters = blob((0.9, 0.1, 0.1), count).parameters()
    optimizer = torch.optim.Adam([parameters["sh0"], parameters["quats"]], lr=0.03)
    goal = torch.tensor([0.1, 0.8, 0.2])
    seconds, loss = 0.0, 0.0
    shape = (views, resolution, resolution)
    render = Render(
        torch.full((*shape, 3), 0.5), torch.full(shape, 2.0), torch.ones(shape), None,
        torch.zeros(views, count, 2), torch.ones(views, count, dtype=torch.int32),
    )  # fmt: skip
    for i in range(1, total + 1):
        if controls.stop:
            return
        started = time.perf_counter()
        azimuth = 360.0 * torch.rand(views, generator=generator)
        level = (torch.full((views,), v) for v in (15.0, 2.6, 50.0))
        cameras = orbit(azimuth, *level, resolution)
        noise = 0.05 * torch.randn((*shape, 3), generator=generator)
        if rasterized:
            drawn = rasterize(Gaussians.from_parameters(parameters), cameras, RasterizeOptions(backend="reference"))
            error = ((drawn.rgb - goal * drawn.alpha[..., None] + noise) ** 2).mean()
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
            loss = error.item()
            render = Render(
                drawn.rgb.detach(), drawn.depth.detach(), drawn.alpha.detach(), None, drawn.means2d.detach(),
                drawn.radii,
            )  # fmt: skip
        else:
            with torch.no_grad():
                parameters["sh0"].lerp_(rgb_to_sh(goal[None])[None].expand_as(parameters["sh0"]), 0.05)
            loss = 0.95**i
        time.sleep(rest)
        seconds += time.perf_counter() - started
        rgb = render.rgb.permute(0, 3, 1, 2)
        eps_hat, t = noise.permute(0, 3, 1, 2), torch.tensor([400.0])
        estimate = Estimate(torch.zeros_like(rgb), rgb, eps_hat, t, True, 2 * views)
        gaussians = Gaussians.from_parameters(parameters).detach()
        yield Step(
            i, total, Losses(loss, loss**0.5, opacity=0.01 / i), gaussians, cameras, render,
            estimate, 0.6 + 0.3 / i, count, 0, 2 * views * i, seconds,
        )  # fmt: skip


def mean_colour(image: np.ndarray) -> np.ndarray:
    """Mean RGB of what is drawn in a PNG render (RGBA, transparent background)."""
    drawn = image[..., 3] > 128
    return image[drawn][:, :3].mean(axis=0) if drawn.any() else np.zeros(3)
