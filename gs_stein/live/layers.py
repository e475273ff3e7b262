"""What stands in the browser's world: the splats, the training cameras, and the first view."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from gs_stein.live.poses import Pose, pose_of
from gs_stein.live.splats import Splats
from gs_stein.types import Cameras

if TYPE_CHECKING:
    import viser


class SplatLayer:
    """One scene of splats. Only one thread may write."""

    def __init__(self, server: viser.ViserServer, name: str) -> None:
        one = np.zeros((1, 3), np.float32)
        # Late joiners get this message and the latest update: a first message without content keeps the scene from
        # being sent twice.
        self._handle = server.scene.add_gaussian_splats(
            name, one, 1e-4 * np.eye(3, dtype=np.float32)[None], one, np.zeros((1, 1), np.float32)
        )

    def show(self, splats: Splats) -> None:
        """Replace what is shown."""
        if len(splats) == 0:
            nothing = np.zeros((1, 3), np.float32)
            self._handle.set_gaussians(
                nothing, 1e-4 * np.eye(3, dtype=np.float32)[None], nothing, np.zeros((1, 1), np.float32)
            )
            return
        self._handle.set_gaussians(splats.centers, splats.covariances, splats.rgbs, splats.opacities)

    def visible(self, visible: bool) -> None:
        """Show or hide it."""
        if self._handle.visible != visible:
            self._handle.visible = visible

    def move(self, offset: tuple[float, float, float]) -> None:
        """Shift it, metres."""
        self._handle.position = offset

    def remove(self) -> None:
        """Take it away."""
        self._handle.remove()


class CameraLayer:
    """The training cameras as frustums; a click on one jumps to its view."""

    def __init__(self, server: viser.ViserServer, size: float) -> None:
        self._server, self._size = server, size
        self._root = server.scene.add_frame("/cameras", show_axes=False, visible=False)
        self._handles: list[viser.CameraFrustumHandle] = []
        self.cameras: Cameras | None = None

    def visible(self, visible: bool) -> None:
        """Show or hide them."""
        self._root.visible = visible

    def show(self, cameras: Cameras, images: list[UInt8[np.ndarray, "H W 3"]] | None = None) -> None:
        """Move the frustums to these cameras."""
        self.cameras = cameras
        if len(self._handles) != len(cameras):
            for handle in self._handles:
                handle.remove()
            self._handles = [self._add(i) for i in range(len(cameras))]
        for i, handle in enumerate(self._handles):
            handle.wxyz, handle.position = orientation(cameras, i), cameras.positions[i].double().cpu().numpy()
            handle.fov = pose_of(cameras, i).fov
            if images is not None and i < len(images):
                handle.image = images[i]

    def _add(self, index: int) -> viser.CameraFrustumHandle:
        handle = self._server.scene.add_camera_frustum(
            f"/cameras/{index}",
            fov=1.0,
            aspect=1.0,
            scale=self._size,
            color=(240, 160, 60),
            thickness=1.5,
            thickness_units="screen",
        )

        @handle.on_click
        def _(event: viser.SceneNodePointerEvent[viser.CameraFrustumHandle]) -> None:
            if self.cameras is not None and index < len(self.cameras):
                jump(event.client, pose_of(self.cameras, index))

        return handle


def orientation(cameras: Cameras, index: int) -> np.ndarray:
    """Camera-to-world quaternion (wxyz) of one camera."""
    from viser.transforms import SO3

    return SO3.from_matrix(cameras.viewmats[index, :3, :3].double().cpu().numpy().T).wxyz


def set_background(server: viser.ViserServer | viser.ClientHandle, level: float | None) -> None:
    """Put a grey level behind the splats, in every browser or in one; None: the page's own.

    Gaussians of the colour that a scene was made before are invisible there, and a haze before any other.
    """
    image = None if level is None else np.full((2, 2, 3), round(255 * level), np.uint8)
    server.scene.set_background_image(image, format="png")


def set_first_view(server: viser.ViserServer, pose: Pose) -> None:
    """Where browsers that join from now on start."""
    camera = server.initial_camera
    camera.position, camera.look_at, camera.up, camera.fov = pose.position, pose.look_at, (0.0, 0.0, 1.0), pose.fov


def jump(client: viser.ClientHandle | None, pose: Pose) -> None:
    """Take one browser to a view. Nothing happens if it is gone."""
    if client is None:
        return
    with contextlib.suppress(RuntimeError), client.atomic():
        client.camera.up_direction = (0.0, 0.0, 1.0)
        client.camera.fov = min(max(pose.fov, math.radians(5)), math.radians(150))
        client.camera.position = pose.position
        client.camera.look_at = pose.look_at
