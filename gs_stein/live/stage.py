"""Shows scenes from the disk: one, or two side by side. What `viewer.py` and the studio have in common."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from gs_stein.cameras.paths import video_path
from gs_stein.files import PACKAGE
from gs_stein.gaussians.model import Gaussians
from gs_stein.live import html
from gs_stein.live.disk import SUFFIXES, Loaded, Source
from gs_stein.live.files import file_name
from gs_stein.live.layers import SplatLayer, jump, set_first_view
from gs_stein.live.notices import notify
from gs_stein.live.options import LiveOptions
from gs_stein.live.panels.camera_tab import CameraTab
from gs_stein.live.panels.export_tab import ExportTab, Scene
from gs_stein.live.panels.layer_view import SPLATS, LayerView
from gs_stein.live.panels.plots import Plots
from gs_stein.live.panels.up_control import UpControl, words
from gs_stein.live.poses import Layer, Pose, picture
from gs_stein.live.remembered import remember
from gs_stein.live.server import set_title
from gs_stein.live.splats import copied, to_splats
from gs_stein.types import Cameras

if TYPE_CHECKING:
    import viser

SPLIT, LEFT, RIGHT, APART = "Split screen", "First", "Second", "Next to each other"
_LARGE = 10_000_000
"""Bytes of a file from which reading it takes long enough for a bar."""
_EMPTY = Pose((0.0, -3.0, 1.0), (0.0, 0.0, 0.0), 1.0)


class Stage:
    """The scene in the middle and the tabs that concern it.

    Args:
        server: the page.
        options: limits.
        more_tabs: adds further tabs in front of the stage's own.
    """

    def __init__(
        self,
        server: viser.ViserServer,
        options: LiveOptions,
        more_tabs: Callable[[viser.GuiTabGroupHandle], None] = lambda _: None,
    ) -> None:
        self._server, self._options = server, options
        self._lock = threading.Lock()
        self._sources: list[Source] = []
        self._loaded: list[Loaded | None] = []
        self._uploaded: Source | None = None
        self._uploads = tempfile.TemporaryDirectory(prefix="gs-stein-upload-", ignore_cleanup_errors=True)
        self._offset = 0.0
        self._arrived = False
        gui = server.gui
        self._title = gui.add_html(html.note("Nothing opened yet."))
        self._bar = gui.add_progress_bar(0.0, visible=False)
        self._ups = [UpControl(server, label) for label in ("Up", "Up, second")]
        self._layers = LayerView(server, self._first_gaussians, self._draw)
        self._layers.on_change(lambda _: self._arrange())
        self._compare = gui.add_dropdown("Compare", (SPLIT, LEFT, RIGHT, APART), initial_value=SPLIT, visible=False)
        self._compare.on_update(lambda _: self._compared())
        self._splats = [SplatLayer(server, f"/splats/{i}") for i in range(2)]
        tabs = gui.add_tab_group()
        more_tabs(tabs)
        with tabs.add_tab("Camera"):
            self._camera = CameraTab(server, _EMPTY, 0.15, training=False)
        with tabs.add_tab("Export"):
            self._export = ExportTab(server, self._scene, self._folder, self._camera, self._path)
        self._plots = Plots(server, tabs.add_tab("Plots"), lambda: [c for s in self._sources[:1] for c in s.changes()])
        with tabs.add_tab("Open"):
            gui.add_html(html.note("A splat file from your disk, of ours or another tool's. It is only looked at."))
            upload = gui.add_upload_button("Open a splat file", mime_type="*/*", hint=", ".join(SUFFIXES))
            upload.on_upload(lambda event: self._upload(event.target.value.name, event.target.value.content))

    def open(self, sources: list[Source]) -> list[str]:
        """Show one scene, two, or none. Call from the thread that calls `poll`.

        Returns:
            Lines that are worth knowing: what was changed while reading, and whether a scene seems to lie on its side.

        Raises:
            ValueError: a file is bad; what was shown stays.
        """
        self._title.content = html.note("Reading " + " and ".join(map(_with_size, sources)) + " …")
        if sum(source.size for source in sources) > _LARGE:  # readers do not say how far they are
            self._bar.value, self._bar.animated, self._bar.visible = 100.0, True, True
        try:
            loaded = [source.load() for source in sources]
        except Exception:
            self._describe()
            raise
        with self._lock:
            self._sources, self._loaded = list(sources), list(loaded)
        set_title(self._server, " | ".join(source.prompt or source.name for source in sources))
        self._compare.visible = len(sources) == 2
        if len(sources) == 2 and self._layers.layer is None:
            self._layers.choose("RGB")
        for splats in self._splats[len(sources) :]:
            splats.visible(False)
        self._refresh(list(range(len(sources))), first=True)
        return [
            f"{source.name}: {line}"
            for source, scene in zip(sources, loaded, strict=True)
            if scene is not None
            for line in (*scene.notes, *_hints(scene))
        ]

    @property
    def run(self) -> Path | None:
        """Folder of the run that is shown, the first of two; None where it is no run."""
        return self._sources[0].path if self._sources and self._sources[0].is_run else None

    def poll(self) -> bool:
        """Look for newer states of what is shown; says whether there were any. Call about once a second.

        Raises:
            ValueError: a file was replaced by something that is no scene; what was shown stays.
        """
        with self._lock:
            uploaded, self._uploaded = self._uploaded, None
        if uploaded is not None:
            return self._open_uploaded(uploaded)
        if turned := self._turn():
            self._refresh(turned, first=0 in turned)
            return True
        changed = []
        for i, source in enumerate(self._sources):
            newer = source.load()
            if newer is not None:
                with self._lock:
                    self._loaded[i] = newer
                changed.append(i)
        if changed:
            self._refresh(changed, first=not self._arrived and 0 in changed)
        else:
            self._describe()
        return bool(changed)

    def close(self) -> bool:
        """Stop all threads; the server stays. Says whether they have ended: a picture of a large scene takes long."""
        self._export.close()
        drawn = self._layers.close(patience=0.5)
        self._uploads.cleanup()
        return drawn

    def _turn(self) -> list[int]:
        """Turn the scenes for which somebody has chosen another way up, and keep that for the next time."""
        turned = []
        for i, source in enumerate(self._sources):
            asked, loaded = self._ups[i].taken(), self._loaded[i]
            if asked is None or loaded is None or loaded.up is None:
                continue
            with self._lock:
                self._loaded[i] = source.turned(loaded, *asked)
            turned.append(i)
            if not self._is_upload(source):
                try:
                    remember(source.path, *asked)
                except ValueError as error:
                    notify(self._server, "Not remembered", str(error), "orange")
        return turned

    # Drawing.

    def _refresh(self, changed: list[int], first: bool) -> None:
        for i in changed:
            loaded = self._loaded[i]
            if loaded is not None:
                sample = copied(loaded.gaussians, self._options.max_splats, view_dependent=False)
                self._splats[i].show(to_splats(sample, len(loaded.gaussians)))
        if first:
            leading = self._pair()[0]
            self._arrived = leading is not None
            view = _EMPTY if leading is None else self._sources[0].first_view(leading.gaussians)
            self._camera.home = view
            set_first_view(self._server, view)
            for client in self._server.get_clients().values():
                jump(client, view)
        self._arrange()
        self._describe()
        table = self._sources[0].metrics() if self._sources else np.zeros((0, 0))
        if table.shape[1:] and table.shape[1] >= 2:
            self._plots.show_table(table)

    def _arrange(self) -> None:
        """Which splats are shown, and where."""
        loaded = self._pair()
        shown = self._layers.layer is None
        mode = str(self._compare.value)
        two = len(self._sources) == 2
        for i in range(2):
            here = loaded[i] is not None
            chosen = not two or mode in (APART, SPLIT) or mode == (LEFT, RIGHT)[i]
            self._splats[i].visible(shown and here and chosen)
        first = loaded[0]
        apart = two and mode in (APART, SPLIT)
        offset = 0.0 if not apart or first is None else 1.15 * _width(first.gaussians)
        if offset != self._offset:
            self._offset = offset
            self._splats[1].move((offset, 0.0, 0.0))
        self._layers.set_background(self._background())
        self._layers.changed()

    def _background(self) -> float | None:
        """Grey level behind what is shown."""
        if not self._sources:
            return None
        return self._sources[len(self._sources) == 2 and str(self._compare.value) == RIGHT].background

    def _compared(self) -> None:
        mode = str(self._compare.value)
        if mode == SPLIT and self._layers.layer is None:
            self._layers.choose("RGB")
        elif mode == APART:
            self._layers.choose(SPLATS)
        self._arrange()
        if mode == APART and (view := both_seen(self._camera.home, self._offset)) is not None:
            for client in self._server.get_clients().values():
                jump(client, view)

    def _pair(self) -> tuple[Loaded | None, Loaded | None]:
        with self._lock:
            both = [*self._loaded, None, None]
        return both[0], both[1]

    def _first_gaussians(self) -> Gaussians | None:
        loaded = self._pair()[0]
        return None if loaded is None else loaded.gaussians

    def _draw(self, cameras: Cameras, layer: Layer) -> UInt8[np.ndarray, "H W 3"] | None:
        first, second = self._pair()
        mode = str(self._compare.value)
        if len(self._sources) == 2 and mode in (SPLIT, APART):
            half = halved(cameras)
            parts = [
                np.zeros((half.height, half.width, 3), np.uint8)
                if loaded is None
                else picture(loaded.gaussians, half, layer, source.background)
                for source, loaded in zip(self._sources, (first, second), strict=True)
            ]
            parts[0][:, -1:] = 255
            return np.concatenate(parts, axis=1)
        chosen = second if len(self._sources) == 2 and mode == RIGHT else first
        return None if chosen is None else picture(chosen.gaussians, cameras, layer, self._background())

    def _describe(self) -> None:
        pairs: list[tuple[str, str]] = []
        with self._lock:
            together = list(zip(self._sources, self._loaded, strict=True))
        for i, (source, loaded) in enumerate(together):
            label = "" if len(together) == 1 else f"{('First', 'Second')[i]}: "
            pairs.append((f"{label}{'Run' if source.is_run else 'File'}", source.name))
            if source.prompt:
                pairs.append(("Prompt", source.prompt))
            if loaded is None:
                finished = source.is_run and source.finished
                pairs.append(
                    ("State", "its scene cannot be read" if finished else "waiting for the first checkpoint …")
                )
                continue
            shown = min(len(loaded.gaussians), self._options.max_splats)
            pairs.append(("Gaussians", html.splats_line(shown, len(loaded.gaussians), self._options.max_splats)))
            if source.is_run:
                pairs.append(("State", _state(source, loaded)))
            pairs += [("Note", line) for line in (*_hints(loaded), *loaded.notes)]
        for control, (source, loaded) in zip(self._ups, [*together, (None, None), (None, None)], strict=False):
            control.show(None if loaded is None else loaded.up, None if source is None else source.up)
        content = html.rows(pairs) if pairs else html.note("Nothing opened yet.")
        if content != self._title.content:
            self._title.content = content
        first = together[0] if together else None
        going = first is not None and not first[0].finished and first[1] is not None and first[1].step is not None
        if going and first is not None and first[1] is not None and first[0].total:
            self._bar.value = min(100.0, 100.0 * (first[1].step or 0) / first[0].total)
        if self._bar.animated:
            self._bar.animated = False
        self._bar.visible = going

    # Files.

    def _scene(self) -> Scene | None:
        first, second = self._pair()
        chosen = second if len(self._sources) == 2 and str(self._compare.value) == RIGHT else first
        if chosen is None:
            return None
        source = self._sources[1 if chosen is second else 0]
        return Scene(chosen.gaussians, file_name(source.stem, chosen.step), source.background)

    def _folder(self) -> Path | None:
        if not self._sources:
            return None
        # Neither into what is gone with the page, nor into the package, whose example may be shown.
        source = self._sources[0]
        return None if self._is_upload(source) or PACKAGE in source.path.parents else source.folder

    def _path(self, frames: int) -> Cameras | None:
        cameras = self._sources[0].cameras if self._sources else None
        return None if cameras is None else video_path(cameras, frames)

    def _upload(self, name: str, content: bytes) -> None:
        """Put a file from a browser where the thread that calls `poll` finds it."""
        fitting = [suffix for suffix in SUFFIXES if name.lower().endswith(suffix)]
        if not fitting:
            notify(self._server, "Refused", f"Give a file with one of {', '.join(SUFFIXES)}.", "red")
            return
        suffix = max(fitting, key=len)
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name[: -len(suffix)])[:60].strip("-") or "upload"
        # A folder of its own: an earlier file of this name may just be read.
        path = Path(tempfile.mkdtemp(dir=self._uploads.name)) / f"{stem}{suffix}"
        try:
            path.write_bytes(content)
            source = Source(path)
        except (ValueError, OSError) as error:
            self._refuse(path, error)
            return
        with self._lock:
            self._uploaded = source

    def _open_uploaded(self, source: Source) -> bool:
        try:
            self.open([source])
        except Exception as error:  # whatever a stranger's file is able to do, the page goes on
            self._refuse(source.path, error)
            return False
        source.path.unlink(missing_ok=True)
        return True

    def _refuse(self, path: Path, error: Exception) -> None:
        path.unlink(missing_ok=True)
        notify(self._server, "Refused", (str(error) or type(error).__name__).replace(str(path), path.name), "red")

    def _is_upload(self, source: Source) -> bool:
        return Path(self._uploads.name) in source.path.parents


def _with_size(source: Source) -> str:
    return f"{source.name} ({source.size / 1e6:.0f} MB)" if source.size >= 1e6 else source.name


def _hints(loaded: Loaded) -> list[str]:
    """What to try if a scene seems to lie on its side."""
    if loaded.up is None or not loaded.up.better:
        return []
    return [f"seems to lie on its side; choose Up: {' or '.join(words(axes) for axes in loaded.up.better)}"]


def halved(cameras: Cameras) -> Cameras:
    """The same views in images of half the width, looking at the same point."""
    width = max(8, cameras.width // 2)
    Ks = cameras.Ks.clone()
    Ks[:, 0, 2] = width / 2
    return Cameras(cameras.viewmats, Ks, width, cameras.height)


def both_seen(view: Pose, offset: float) -> Pose | None:
    """A view of one scene drawn back so that it shows a second one too; None for views from inside.

    Args:
        view: of the first scene.
        offset: metres along x from the first to the second.
    """
    position, target = np.array(view.position), np.array(view.look_at)
    if np.linalg.norm(position - target) < offset / 2:
        return None
    middle = target + np.array([offset / 2, 0.0, 0.0])
    back = middle + 1.8 * (position - target)
    return Pose((*(float(v) for v in back),), (*(float(v) for v in middle),), view.fov)  # type: ignore[arg-type]


def _width(gaussians: Gaussians) -> float:
    """Extent along x, metres, without stragglers."""
    x = gaussians.means[:, 0].detach().cpu().numpy()
    low, high = np.percentile(x[np.isfinite(x)], [1, 99])
    return float(high - low)


def _state(source: Source, loaded: Loaded) -> str:
    if source.finished:
        return "finished" if loaded.step is None else f"finished, shown at step {loaded.step}"
    if loaded.step is None:
        return "stopped early"
    return f"step {loaded.step}" + (f" of {source.total}, following" if source.total else "")
