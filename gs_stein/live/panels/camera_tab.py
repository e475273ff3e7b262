"""The camera tab: jumps, training cameras, and keyframes of a path."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from gs_stein.live.camera_path import Keyframe, interpolate
from gs_stein.live.layers import CameraLayer, jump, orientation
from gs_stein.live.poses import Pose, bounded, pose_of
from gs_stein.types import Cameras

if TYPE_CHECKING:
    import viser

_HELP = (
    '<p style="padding:0 1em;margin:.3em 0;opacity:.75;font-size:.85em">Drag to turn, right-drag to shift, wheel to '
    "move; W A S D Q E fly, arrows look around. One finger turns, two shift and zoom.</p>"
)
_MOST = 200
"""Keyframes of a path."""
_RATE = 15.0
"""Camera positions a second while a path is played in the browser."""


class CameraTab:
    """Jumps and keyframes; one a page."""

    def __init__(self, server: viser.ViserServer, home: Pose, size: float, training: bool) -> None:
        from viser import Icon

        self._server, self.home = server, home
        self._lock = threading.Lock()
        self._keyframes: list[Keyframe] = []
        self._marks: list[viser.CameraFrustumHandle] = []
        self._line: viser.SplineCatmullRomHandle | None = None
        self._size = size
        self.cameras = CameraLayer(server, size)
        gui = server.gui
        gui.add_html(_HELP)
        go_home = gui.add_button("Home view", icon=Icon.HOME)
        go_home.on_click(lambda event: jump(event.client, self.home))
        self._number = gui.add_slider("Training view", 1, 2, 1, 1, visible=False)
        self._jump = gui.add_button("Go to training view", icon=Icon.CAMERA, visible=False)
        self._jump.on_click(lambda event: self._to_view(event.client))
        self._frustums = gui.add_checkbox("Show training cameras", False, visible=training)
        self._frustums.on_update(lambda _: self.cameras.visible(bool(self._frustums.value)))
        with gui.add_folder("Camera path"):
            self._state = gui.add_html("")
            add = gui.add_button("Add keyframe", icon=Icon.PLUS, hint="Note this view as the next stop of the path")
            add.on_click(lambda event: self._add(event.client))
            change = gui.add_button_group("Keyframes", ("Undo", "Clear", "Play"))
            change.on_click(lambda event: self._change(str(change.value), event.client))
            self.seconds = gui.add_slider("Seconds", 1, 60, 1, 6)
        self._tell()

    def show(self, cameras: Cameras) -> None:
        """The latest training cameras."""
        self.cameras.show(cameras)
        self._number.max = max(len(cameras), 2)
        self._number.visible = len(cameras) > 1
        self._jump.visible = True

    @property
    def keyframes(self) -> list[Keyframe]:
        """A copy of those recorded."""
        with self._lock:
            return list(self._keyframes)

    @property
    def duration(self) -> float:
        """Of the path, seconds. Clients may send any number."""
        return min(max(float(self.seconds.value), 1.0), 60.0)

    def _to_view(self, client: viser.ClientHandle | None) -> None:
        cameras = self.cameras.cameras
        if cameras is not None:
            jump(client, pose_of(cameras, min(max(int(self._number.value), 1), len(cameras)) - 1))

    def _add(self, client: viser.ClientHandle | None) -> None:
        if client is None:
            return
        camera = client.camera
        keyframe = Keyframe(
            (*(float(v) for v in camera.wxyz),),  # type: ignore[arg-type]
            (*(float(v) for v in camera.position),),  # type: ignore[arg-type]
            float(camera.fov),
        )
        turned = all(map(math.isfinite, keyframe.wxyz)) and any(keyframe.wxyz)
        if not turned or bounded(Pose(keyframe.position, keyframe.position, keyframe.fov)) is None:
            return  # a client may send anything
        if not 0.01 < keyframe.fov < 3.1 or len(self.keyframes) >= _MOST:
            return
        with self._lock:
            self._keyframes.append(keyframe)
        self._draw()

    def _change(self, what: str, client: viser.ClientHandle | None) -> None:
        if what == "Play":
            self._play(client)
            return
        with self._lock:
            self._keyframes = self._keyframes[:-1] if what == "Undo" else []
        self._draw()

    def _draw(self) -> None:
        with self._lock:
            keyframes = list(self._keyframes)
            for mark in self._marks:
                mark.remove()
            if self._line is not None:
                self._line.remove()
                self._line = None
            self._marks = [
                self._server.scene.add_camera_frustum(
                    f"/path/{i}", fov=k.fov, aspect=1.3, scale=self._size * 0.6, color=(90, 200, 120), thickness=1.5,
                    thickness_units="screen",
                    wxyz=k.wxyz, position=k.position,
                )
                for i, k in enumerate(keyframes)
            ]  # fmt: skip
            if len({k.position for k in keyframes}) > 1:
                points = interpolate(keyframes, 16 * len(keyframes), 4, 3).positions.double().numpy()
                self._line = self._server.scene.add_spline_catmull_rom(
                    "/path/line",
                    points=np.ascontiguousarray(points),
                    color=(90, 200, 120),
                    thickness=1.5,
                    thickness_units="screen",
                )
        self._tell()

    def _tell(self) -> None:
        n = len(self._keyframes)
        text = "No keyframes yet." if n == 0 else f"{n} keyframe{'s' if n > 1 else ''}; a video follows them."
        self._state.content = f'<p style="padding:0 1em;margin:.3em 0;opacity:.75;font-size:.85em">{text}</p>'

    def _play(self, client: viser.ClientHandle | None) -> None:
        keyframes = self.keyframes
        if client is None or not keyframes:
            return
        cameras = interpolate(keyframes, max(2, int(self.duration * _RATE)), 64, 48)
        started = time.monotonic()
        for i in range(len(cameras)):
            if client.client_id not in self._server.get_clients():
                return
            pose = pose_of(cameras, i)
            try:
                with client.atomic():
                    client.camera.wxyz = orientation(cameras, i)
                    client.camera.position = pose.position
                    client.camera.fov = pose.fov
            except RuntimeError:
                return
            time.sleep(max(0.0, started + (i + 1) / _RATE - time.monotonic()))
