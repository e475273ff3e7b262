"""What watching costs: the same training loop with and without a page and browsers that take everything.

Blocks of iterations alternate between the two, so that a machine that slows down slows both. The loop is the splat
half of a scene's iteration (30 000 Gaussians, four views of 128², forward, backward, Adam) and one matrix product a
view in the denoiser's place, which makes it a hard case: real iterations are longer and the page's updates as many.
A browser is a process that receives and throws away; drawing belongs to the machine it runs on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch


@dataclass(frozen=True)
class Options:
    """What to measure."""

    gaussians: int = 30_000
    """In the scene."""
    views: int = 4
    """An iteration."""
    resolution: int = 128
    """Pixels a side."""
    product: int = 1024
    """Side of the matrix product that stands for denoising one view; 0: none."""
    seconds: float = 3.0
    """Length of a block."""
    rounds: int = 10
    """Pairs of blocks."""
    updates: float = 4.0
    """Updates of the page a second, at most; as in `train.py`."""
    browsers: int = 1
    """That watch."""
    json: bool = False
    """Print one JSON object as the last line."""

    def __post_init__(self) -> None:
        counts = self.gaussians, self.views, self.resolution, self.rounds, self.browsers
        if min(counts) < 1 or self.product < 0 or self.seconds <= 0:
            raise ValueError("bench viewer: counts and lengths must be positive; leave out what you did not mean")


CLIENT = """
import sys, msgspec, viser
from viser._messages import ViewerCameraMessage
from websockets.sync.client import connect
from websockets.typing import Subprotocol
place, ahead, up = (0.0, 0.0, 1.5), (0.0, 1.0, 1.5), (0.0, 0.0, 1.0)
camera = ViewerCameraMessage((1.0, 0.0, 0.0, 0.0), place, 1.2, 0.01, 100.0, 600, 800, ahead, up)
with connect(sys.argv[1], subprotocols=[Subprotocol(f"viser-v{viser.__version__}")], max_size=None) as socket:
    socket.send(msgspec.msgpack.encode(camera.as_serializable_dict()))
    received = 0
    try:
        while True:
            received += len(socket.recv())
    except Exception:
        print(received, flush=True)
"""


def training(options: Options) -> Iterator:
    """Iterations without end; yields what `optimize` would."""
    from gs_stein.bench.scenes import room_scene
    from gs_stein.cameras.options import RoomCameras
    from gs_stein.cameras.sampling import sample_cameras
    from gs_stein.distill.distiller import Estimate
    from gs_stein.gaussians.model import Gaussians
    from gs_stein.optimize.step import Losses, Step
    from gs_stein.rasterize.api import rasterize
    from gs_stein.rasterize.options import RasterizeOptions
    from gs_stein.types import Render

    generator = torch.Generator().manual_seed(0)
    parameters = room_scene(options.gaussians).parameters()
    optimizer = torch.optim.Adam(parameters.values(), lr=1e-3)
    ranges = RoomCameras(size=(6.0, 6.0, 3.0), resolution=options.resolution)
    weights = torch.randn(options.product, options.product, generator=generator)
    seconds, i = 0.0, 0
    while True:
        started, i = time.perf_counter(), i + 1
        cameras = sample_cameras(ranges, options.views, generator)
        render = rasterize(Gaussians.from_parameters(parameters), cameras, RasterizeOptions())
        for _ in range(options.views if options.product else 0):
            torch.mm(weights, weights)
        loss = (render.rgb - 0.6).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds += time.perf_counter() - started
        latent = render.rgb.detach().permute(0, 3, 1, 2)[:, :, ::8, ::8]
        seen = Render(
            render.rgb.detach(),
            render.depth.detach(),
            render.alpha.detach(),
            None,
            render.means2d.detach(),
            render.radii,
        )
        value = loss.item()
        yield Step(
            i, 1_000_000, Losses(value, value), Gaussians.from_parameters(parameters).detach(), cameras, seen,
            Estimate(latent, latent, latent, torch.full((1,), 500.0), True, 0), 0.8, options.gaussians, 0, 0, seconds,
        )  # fmt: skip


@contextmanager
def watchers(address: str, count: int) -> Iterator[None]:
    """Browsers' stand-ins: they connect, receive everything, draw nothing."""
    command = [sys.executable, "-c", CLIENT, address.replace("http://", "ws://")]
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(options: Options) -> tuple[np.ndarray, np.ndarray, int]:
    """Seconds an iteration, watched and alone, one pair a round; and how many updates were sent."""
    from gs_stein.cameras.options import RoomCameras
    from gs_stein.live.options import LiveOptions
    from gs_stein.live.run_view import Live
    from gs_stein.optimize.step import Controls

    steps = training(options)
    for _ in range(3):
        next(steps)  # compiled and warm
    watched, alone, sent = [], [], 0
    with Live(Controls(), "bench", RoomCameras(), options=LiveOptions(port=0, updates=options.updates)) as live:
        show = live._show

        def counted(snapshot) -> None:
            nonlocal sent
            sent += 1
            show(snapshot)

        live._show = counted  # type: ignore[method-assign]
        with watchers(live.address, options.browsers):
            deadline = time.monotonic() + 60.0
            while len(live.server.get_clients()) < options.browsers:
                if time.monotonic() > deadline:
                    raise ValueError("bench viewer: its clients did not connect within a minute; try again")
                time.sleep(0.05)
            for i in range(2 * options.rounds):
                # Which of a pair comes first alternates, so that no drift favours one.
                viewer = (i % 2 == 0) == (i // 2 % 2 == 0)
                count, started = 0, time.perf_counter()
                while time.perf_counter() - started < options.seconds:
                    step = next(steps)
                    if viewer:
                        live.publish(step)
                        live.wait_while_paused()
                    count += 1
                (watched if viewer else alone).append((time.perf_counter() - started) / count)
                time.sleep(0.3)  # what is still being sent belongs to nobody
    return np.array(watched), np.array(alone), sent


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench viewer`."""
    import tyro

    options = tyro.cli(Annotated[Options, tyro.conf.arg(name="")], args=argv, description=__doc__)
    watched, alone, sent = measure(options)
    ratios = watched / alone - 1.0
    draws = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    slowdown = float(np.median(ratios))
    per_second = sent / (options.seconds * options.rounds)
    print(f"iteration without a viewer   {1e3 * np.median(alone):8.1f} ms")
    print(f"iteration with a viewer      {1e3 * np.median(watched):8.1f} ms")
    print(f"slowdown                     {slowdown:8.2%}   (95 % interval {low:.2%} … {high:.2%}, {len(ratios)} pairs)")
    print(f"updates of the page          {per_second:8.2f} a second, {options.browsers} watching")
    if options.json:
        found = {
            "slowdown": round(slowdown, 5), "interval": [round(float(low), 5), round(float(high), 5)],
            "iteration_ms": round(1e3 * float(np.median(alone)), 3), "updates_per_second": round(per_second, 3),
            "gaussians": options.gaussians, "pairs": len(ratios), "browsers": options.browsers,
        }  # fmt: skip
        print(json.dumps(found))
    return 0
