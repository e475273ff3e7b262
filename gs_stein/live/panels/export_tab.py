"""The export tab: files of the scene as it stands, written into the run's own folder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gs_stein.gaussians.files import FORMATS, write_gaussians
from gs_stein.gaussians.model import Gaussians
from gs_stein.live.camera_path import interpolate
from gs_stein.live.files import finite, save_page, save_picture, save_ply, save_video
from gs_stein.live.notices import notify, offer
from gs_stein.live.panels.camera_tab import CameraTab
from gs_stein.live.poses import Pose, bounded, browser_camera, camera_at
from gs_stein.types import Cameras

if TYPE_CHECKING:
    import viser

FOLDER = "exports"
"""Inside a run's folder."""
_OTHERS = {row.title: row.suffixes[0] for row in FORMATS if row.name not in ("ply", "html")}
"""Formats without a button of their own → their suffix."""
_SIDES = ("256", "384", "512", "768", "1024")
_HEIGHTS = ("480", "720", "1080", "1440", "2160")
_WIDEST = 4096
"""Pixels of a picture's longer side: windows may have any shape."""
_OFFERED = 300 << 20
"""Bytes of the largest file that is sent to the browser as well."""


@dataclass(frozen=True)
class Scene:
    """A whole scene to make files of."""

    gaussians: Gaussians
    """Nobody changes it meanwhile."""
    name: str
    """Beginning of the files' names; letters, digits and dashes."""
    background: float | None = None
    """Grey level behind it; None: the page's own."""


Make = Callable[[Scene, Path, Pose], bool]
"""Makes one file of a scene, with the asking browser's view; says whether it was finished."""


class ExportTab:
    """Buttons that make files. One file is made at a time, on a thread of its own.

    Args:
        server: the page.
        scene: fetches the scene as it stands; called on the export thread, may wait, None if there is none.
        folder: where `exports/` is made; None: files are only offered to the browser, from a temporary folder.
        camera: the tab with the keyframes.
        default_path: cameras of the video while no keyframes are recorded.
    """

    def __init__(
        self,
        server: viser.ViserServer,
        scene: Callable[[], Scene | None],
        folder: Callable[[], Path | None],
        camera: CameraTab,
        default_path: Callable[[int], Cameras | None] = lambda _: None,
    ) -> None:
        from viser import Icon

        self._server, self._scene, self._folder = server, scene, folder
        self._camera, self._default = camera, default_path
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="export")
        self._cancelled = threading.Event()
        self._closed = False
        gui = server.gui
        self._buttons = [gui.add_button(label, icon=icon) for label, icon in (
            ("Save .ply", Icon.CUBE), ("Save web page (.html)", Icon.FILE_CODE), ("Save video (.mp4)", Icon.MOVIE),
            ("Save picture (.png)", Icon.PHOTO),
        )]  # fmt: skip
        kinds: tuple[tuple[str, Make], ...] = ((".ply", self._ply), (".html", self._page), (".mp4", self._video))
        for button, (suffix, make) in zip(self._buttons, kinds, strict=False):
            button.on_click(lambda event, suffix=suffix, make=make: self._start(suffix, make, event.client))
        self._buttons[-1].on_click(lambda event: self._start(".png", self._picture_of(event.client), event.client))
        self._height = gui.add_dropdown("Picture height", _HEIGHTS, initial_value="1080")
        self._side = gui.add_dropdown("Video width", _SIDES, initial_value="512")
        self._format = gui.add_dropdown("Other format", tuple(_OTHERS))
        self._buttons.append(gui.add_button("Save in this format", icon=Icon.FILE_EXPORT))
        self._buttons[-1].on_click(lambda event: self._start(self._suffix(), self._other, event.client))
        self._progress = gui.add_progress_bar(0.0, visible=False)
        self._cancel = gui.add_button("Cancel", visible=False, color="red")
        self._cancel.on_click(lambda _: self._cancelled.set())

    def close(self) -> None:
        """Give up what is being made."""
        self._closed = True
        self._cancelled.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, suffix: str, make: Make, client: viser.ClientHandle | None) -> None:
        view = _view(client) or self._camera.home
        if not self._closed:
            self._pool.submit(self._make, suffix, make, view, client)

    def _make(self, suffix: str, make: Make, view: Pose, client: viser.ClientHandle | None) -> None:
        import tempfile

        for button in self._buttons:
            button.disabled = True
        try:
            self._cancelled.clear()
            scene = self._scene()
            if scene is None:
                notify(self._server, "Nothing to save", "There is no scene yet.", "orange")
                return
            folder = self._folder()
            with tempfile.TemporaryDirectory(prefix="gs-stein-") as temporary:
                target = Path(temporary) if folder is None else folder / FOLDER
                target.mkdir(parents=True, exist_ok=True)
                path = unused(target / f"{scene.name}{suffix}")
                if not make(scene, path, view):
                    notify(self._server, "Cancelled", f"{path.name} was not made.", "orange")
                    return
                size = path.stat().st_size
                if folder is not None:
                    notify(self._server, "Saved", f"{folder.name}/{FOLDER}/{path.name} ({size / 1e6:.1f} MB)", "green")
                if size <= _OFFERED:
                    offer(client, path.name, path.read_bytes())
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            if not self._closed:
                notify(self._server, "Not saved", str(error) or type(error).__name__, "red", None)
        finally:
            if not self._closed:
                self._progress.visible = self._cancel.visible = False
                for button in self._buttons:
                    button.disabled = False

    def _ply(self, scene: Scene, path: Path, view: Pose) -> bool:
        save_ply(scene.gaussians, path)
        return True

    def _suffix(self) -> str:
        return _OTHERS.get(self._format.value, next(iter(_OTHERS.values())))  # a client may send anything

    def _other(self, scene: Scene, path: Path, view: Pose) -> bool:
        write_gaussians(path, finite(scene.gaussians))
        return True

    def _page(self, scene: Scene, path: Path, view: Pose) -> bool:
        save_page(scene.gaussians, path, view, scene.background, self._path(256), self._camera.duration)
        return True

    def _picture_of(self, client: viser.ClientHandle | None) -> Make:
        """Makes a picture of what a browser sees now, in the shape of its window."""
        height = int(self._height.value) if self._height.value in _HEIGHTS else 1080  # a client may send anything
        try:
            camera = None if client is None else browser_camera(client.camera, 1000)
        except (RuntimeError, AssertionError, ZeroDivisionError):  # it has gone, or has no camera yet
            camera = None

        def make(scene: Scene, path: Path, view: Pose) -> bool:
            seen = camera_at(view, 1600, 900) if camera is None else camera
            factor = min(height / seen.height, _WIDEST / seen.width)
            seen = seen.resized(max(8, round(seen.width * factor)), max(8, round(seen.height * factor)))
            save_picture(scene.gaussians, seen, path, scene.background)
            return True

        return make

    def _video(self, scene: Scene, path: Path, view: Pose) -> bool:
        cameras = self._path(int(self._side.value) if self._side.value in _SIDES else 512)  # a client may send anything
        if cameras is None:
            raise ValueError("The path is empty: go to a view and press “Add keyframe” in the Camera tab.")
        self._progress.value, self._progress.visible, self._cancel.visible = 0.0, True, True

        def progress(done: float) -> bool:
            self._progress.value = 100.0 * done
            return not self._cancelled.is_set()

        return save_video(scene.gaussians, cameras, path, background=scene.background, progress=progress)

    def _path(self, side: int) -> Cameras | None:
        """Cameras of a video, so many pixels wide: through the keyframes, else along the scene's own path."""
        frames = max(2, int(self._camera.duration * 24))
        if keyframes := self._camera.keyframes:
            return interpolate(keyframes, frames, side, round(side * 9 / 16))
        cameras = self._default(frames)
        return None if cameras is None else cameras.resized(side, round(side * cameras.height / cameras.width))


def unused(path: Path) -> Path:
    """The path, or the same with a number that no file has yet, before the first dot: .compressed.ply is one suffix."""
    candidate, number = path, 2
    stem, dot, suffix = path.name.partition(".")
    while candidate.exists():
        candidate = path.with_name(f"{stem}-{number}{dot}{suffix}")
        number += 1
    return candidate


def _view(client: viser.ClientHandle | None) -> Pose | None:
    if client is None:
        return None
    camera = client.camera
    try:
        position, target = map(float, camera.position), map(float, camera.look_at)
        return bounded(Pose((*position,), (*target,), float(camera.fov)))  # type: ignore[arg-type]
    except (RuntimeError, AssertionError):
        return None
