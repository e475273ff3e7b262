"""The live view of a run: what `train.py` calls, and the thread that feeds the browsers.

    live = Live(config_of_the_run …)
    for step in optimize(config, state, controls):
        live.publish(step, state.distiller)
        live.wait_while_paused()
    live.finish("runs/…")

The training thread only copies, a few times a second and never for more than a fixed share of its time. Everything
that talks to browsers happens on a thread of its own, which may fail or be slow without anybody noticing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from gs_stein.cameras.options import CameraOptions, OrbitCameras
from gs_stein.cameras.paths import video_path
from gs_stein.gaussians.model import Gaussians
from gs_stein.live.familiar import Advice
from gs_stein.live.files import file_name
from gs_stein.live.layers import SplatLayer, set_first_view
from gs_stein.live.notices import notify
from gs_stein.live.options import LiveOptions
from gs_stein.live.panels.camera_tab import CameraTab
from gs_stein.live.panels.export_tab import ExportTab, Scene
from gs_stein.live.panels.layer_view import LayerView
from gs_stein.live.panels.pictures import Pictures
from gs_stein.live.panels.plots import Plots
from gs_stein.live.panels.run_panel import RunPanel, SteerTab
from gs_stein.live.pause import Gate
from gs_stein.live.poses import home
from gs_stein.live.server import address, close_server, describe, open_server, set_title
from gs_stein.live.snapshot import Eyes, Guess, History, Snapshot, Views, snapshot_of
from gs_stein.live.splats import copied, to_splats
from gs_stein.optimize.step import Controls, Step
from gs_stein.prior.denoiser import Denoiser, DepthEstimator
from gs_stein.rasterize.filter_3d import as_trained
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.run.steering import changes
from gs_stein.types import Cameras

if TYPE_CHECKING:
    import viser

    from gs_stein.distill.distiller import Distiller

log = logging.getLogger(__name__)
_UNWATCHED = 2.0
"""Seconds between copies while no browser is there: the first one to come sees a scene at once."""
_PANELS = 1.0
"""Seconds between redrawn curves."""
_PICTURES = 4.0
"""Seconds between pictures of the prior's guess; they need its decoder."""
_CORE = 3.0
"""Showing may take this many times the share of the training thread's copies, of one core."""
_TOO_MANY = 5
"""Failures in a row after which the view gives up."""


class Live:
    """A page that shows a run and steers it.

    Args:
        controls: flags that the training loop reads.
        prompt: shown, as text.
        cameras: of the run, for the first view.
        guidance_scale: as configured.
        window: the timesteps configured for a step, fractions of T; None where none are drawn.
        background: grey level behind the scene; None: the page's own.
        rasterize: how the run does it.
        options: address and limits.
        folder: of the run; exports go into its `exports/`. None: to the browser only.
        denoiser: decodes the prior's guess; None: no such picture.
        depth_estimator: for the fourth picture.
        prior_device: where those two run.
        adviser: says what the prior does not know of a prompt; None: it knows everything.
        first: the scene before the first step, so that nobody looks at an empty page.

    Raises:
        ValueError: nothing can be served at the address.
    """

    def __init__(
        self,
        controls: Controls,
        prompt: str,
        cameras: CameraOptions,
        *,
        guidance_scale: float = 7.5,
        window: Callable[[int], tuple[float, float] | None] = lambda _: (0.02, 0.98),
        background: float | None = None,
        rasterize: RasterizeOptions | None = None,
        options: LiveOptions | None = None,
        folder: Path | None = None,
        denoiser: Denoiser | None = None,
        depth_estimator: DepthEstimator | None = None,
        prior_device: torch.device | str = "cpu",
        adviser: Callable[[str], Advice] | None = None,
        first: Gaussians | None = None,
    ) -> None:
        options = LiveOptions() if options is None else options
        self._controls, self._options = controls, options
        self._cameras, self._window, self._background, self._rasterize = cameras, window, background, rasterize
        self._name = prompt if folder is None else folder.resolve().name
        self._history, self._gate = History(), Gate()
        self._latest: Snapshot | None = None
        self._shown: Snapshot | None = None
        self._smoothed: tuple[Snapshot, Gaussians] | None = None
        self._step: Step | None = None
        self._distiller: Distiller | None = None
        self._eyes = None if denoiser is None else Eyes(denoiser, depth_estimator, torch.device(prior_device))
        self._due, self._look_due, self._skipped = 0.0, 0.0, 0
        self._guess: Guess | None = None
        self._finished = self._broken = False
        self._closed = threading.Event()
        self._news = threading.Event()
        self._whole_wanted, self._whole_ready = threading.Event(), threading.Event()
        self._whole: Scene | None = None
        self.server = server = open_server(options.host, options.port, "gs_stein", options)
        view = home(cameras)
        set_first_view(server, view)
        self._splats = SplatLayer(server, "/splats")
        if first is not None:
            self._splats.show(to_splats(copied(first, options.max_splats, view_dependent=False), len(first)))
        set_title(server, prompt)
        self._panel = RunPanel(server, controls, self._gate, prompt, options.max_splats, adviser)
        self._layers = LayerView(server, self._latest_gaussians, background=background)
        self._layers.on_change(self._splats.visible)
        tabs = server.gui.add_tab_group()
        with tabs.add_tab("Steer"):
            self._steer = SteerTab(server, controls, guidance_scale, window(0))
        self._plots = Plots(server, tabs.add_tab("Plots"), lambda: changes(folder, guidance_scale))
        with tabs.add_tab("Pictures"):
            self._pictures = Pictures(server)
        with tabs.add_tab("Camera"):
            self._camera = CameraTab(server, view, 0.18 if isinstance(cameras, OrbitCameras) else 0.2, training=True)
        with tabs.add_tab("Export"):
            self._export = ExportTab(server, self._whole_scene, lambda: folder, self._camera, self._default_path)
        server.on_client_connect(lambda _: self._news.set())
        self._thread = threading.Thread(target=self._serve, name="viewer", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where the page is."""
        return address(self.server)

    def describe(self) -> str:
        """The lines to print: the address, and how to reach it from another machine."""
        return describe(self.server)

    @property
    def watched(self) -> bool:
        """Whether a browser is there."""
        return not self._broken and bool(self.server.get_clients())

    @property
    def paused(self) -> bool:
        """Whether somebody paused the run."""
        return self._gate.paused

    def publish(self, step: Step, distiller: Distiller | None = None) -> None:
        """Hand over a finished step. Costs next to nothing, and never raises.

        Copies are made at most `options.updates` times a second, and more rarely where copying is dear.

        Args:
            step: live; nothing of it is changed.
            distiller: where coefficients and variances are; None: no such curves.
        """
        if self._broken:
            return
        try:
            self._step, self._distiller, self._panel.denoising = step, distiller, None
            self._history.add(step)
            if self._whole_wanted.is_set():
                self._hand_over_whole()
            now = time.monotonic()
            if now >= self._due:
                self._take(now)
        except Exception:
            self._give_up("handing over a step")

    def denoising(self, share: float) -> None:
        """Say how much of a round's denoising is done, during which no step ends."""
        self._panel.denoising = share
        self._news.set()

    def wait_while_paused(self, until: Callable[[], bool] = lambda: False) -> float:
        """Block while the run is paused; a single step, resuming, or stopping ends it.

        Args:
            until: another reason to end, asked ten times a second.

        Returns:
            Seconds spent waiting.
        """
        if self._broken or not self._gate.paused:
            return 0.0

        def work() -> None:
            try:
                if self._whole_wanted.is_set():
                    self._hand_over_whole()
                # What stands still is shown as it is, not as it was half a second ago.
                if self._latest is None or (self._step is not None and self._latest.step != self._step.step):
                    self._take(time.monotonic())
            except Exception:
                self._give_up("waiting")

        return self._gate.wait(lambda: self._controls.stop or self._broken or until(), work)

    def finish(self, where: str) -> None:
        """The run is over: show its last state and say where its files are. Waits two seconds at most."""
        try:
            self._gate.resume()
            self._finished = True
            if self._whole_wanted.is_set():
                self._hand_over_whole()
            if self._step is not None and not self._broken:
                self._take(time.monotonic())
                end = time.monotonic() + 2.0
                while self.server.get_clients() and self._shown is not self._latest and time.monotonic() < end:
                    time.sleep(0.02)
            self._panel.finished(where)
            self.server.flush()
        except Exception:
            self._give_up("finishing")

    def tell(self, title: str, body: str) -> None:
        """A note in every browser, e.g. about a saved file."""
        try:
            notify(self.server, title, body, "green")
        except Exception:
            self._give_up("a note")

    def close(self) -> None:
        """Stop serving. Nothing that was running before goes on, nobody waits any longer."""
        close_server(self.release())

    def release(self) -> viser.ViserServer:
        """Leave the page to somebody else: nothing here writes to it any more, or listens to its buttons."""
        self._closed.set()
        self._news.set()
        self._broken = True
        self._gate.poke()
        try:
            self._export.close()
            self._layers.close()
            self._thread.join(timeout=5.0)
        except Exception:
            log.warning("viewer: an error while closing", exc_info=True)
        return self.server

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # On the training thread.

    def _take(self, now: float) -> None:
        assert self._step is not None
        watched = self.watched
        self._latest = snapshot_of(
            self._step, self._distiller, self._pictures.wanted, self._options.max_splats,
            view_dependent=self._layers.layer is not None,
        )  # fmt: skip
        cost = time.monotonic() - now
        self._due = now + max(1.0 / self._options.updates if watched else _UNWATCHED, cost / self._options.share)
        if watched and self._eyes is not None and now >= self._look_due:
            self._look()
        self._news.set()

    def _look(self) -> None:
        """Have the prior's answer decoded: here, since its networks belong to this thread."""
        assert self._step is not None
        assert self._eyes is not None
        started = time.monotonic()
        try:
            index = min(max(self._pictures.wanted, 0), len(self._step.cameras) - 1)
            self._guess = self._eyes.look(self._step, index) or self._guess
        except Exception:
            self._eyes = None
            log.warning("viewer: no pictures of the prior's guess from now on", exc_info=True)
        self._look_due = self._again(_PICTURES, started, self._options.share)

    def _hand_over_whole(self) -> None:
        if self._step is not None:
            self._whole_wanted.clear()
            self._whole = self._named(self._step)
            self._whole_ready.set()

    # On other threads.

    def _whole_scene(self) -> Scene | None:
        """All Gaussians of the next step, for a file; waits for the training thread."""
        if self._step is None:
            return None
        if self._finished:  # nobody changes it any more
            return self._named(self._step)
        self._whole_ready.clear()
        self._whole_wanted.set()
        self._gate.poke()
        while not self._whole_ready.wait(0.2):
            if self._closed.is_set() or self._broken:
                return None
        return self._whole

    def _named(self, step: Step) -> Scene:
        scene = as_trained(copied(step.gaussians), self._cameras, self._rasterize)
        return Scene(scene, file_name(self._name, step.step), self._background)

    def _latest_gaussians(self) -> Gaussians | None:
        latest = self._latest
        return None if latest is None else self._as_trained(latest)

    def _as_trained(self, snapshot: Snapshot) -> Gaussians:
        """The splats of a snapshot for any resolution; worked out once, though layers are drawn at every turn."""
        kept = self._smoothed
        if kept is None or kept[0] is not snapshot:
            kept = snapshot, as_trained(snapshot.gaussians, self._cameras, self._rasterize)
            self._smoothed = kept
        return kept[1]

    def _default_path(self, frames: int) -> Cameras:
        return video_path(self._cameras, frames)

    def _serve(self) -> None:
        failures = 0
        curves_at = pictures_at = 0.0
        shown_views: Views | None = None
        shown_guess: Guess | None = None
        while not self._closed.is_set():
            self._news.wait(0.5)
            self._news.clear()
            if self._closed.is_set():
                return
            snapshot = self._latest
            if snapshot is None or not self.server.get_clients():
                continue
            started = time.monotonic()
            try:
                self._panel.refresh()
                self._panel.advise()
                if snapshot is not self._shown:
                    self._show(snapshot)
                if started >= curves_at:
                    self._plots.show(self._history, snapshot.curves)
                    curves_at = self._again(_PANELS, started, _CORE * self._options.share)
                if started >= pictures_at and snapshot.views is not None:
                    before = time.monotonic()
                    if snapshot.views is not shown_views:
                        shown_views = snapshot.views
                        self._pictures.show(shown_views)
                    if self._guess is not None and self._guess is not shown_guess:
                        shown_guess = self._guess
                        self._pictures.show_guess(shown_guess)
                    pictures_at = self._again(_PANELS, before, _CORE * self._options.share)
                failures = 0
            except Exception as error:
                failures += 1
                log.warning("viewer: %s: %s", type(error).__name__, error)
                if failures >= _TOO_MANY:
                    self._give_up("showing a step")
                    return
            if not self._gate.paused:  # showing takes processor time from the training, though not its thread
                self._closed.wait(min((time.monotonic() - started) / (_CORE * self._options.share), 5.0))

    @staticmethod
    def _again(rest: float, started: float, share: float) -> float:
        """When to do again what was started at a time: after `rest` seconds, or later if it is dear."""
        now = time.monotonic()
        return now + max(rest, (now - started) / share)

    def _show(self, snapshot: Snapshot) -> None:
        self._shown = snapshot
        self._splats.show(to_splats(self._as_trained(snapshot), snapshot.count))
        self._panel.show(snapshot, self._history)
        self._steer.follow(self._window(snapshot.step))
        if snapshot.views is not None:
            self._camera.show(snapshot.views.cameras)
        self._layers.changed()
        if snapshot.skipped > self._skipped:
            self._skipped = snapshot.skipped
            notify(self.server, "Step skipped", f"{snapshot.skipped} so far: a value was not finite.", "orange")

    def _give_up(self, what: str) -> None:
        self._broken = True
        self._gate.resume()
        log.warning("viewer: stopped after an error in %s; the run goes on without it", what, exc_info=True)
