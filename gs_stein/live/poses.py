"""Cameras between our conventions and the browser's, and pictures of what a camera sees."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, UInt8

from gs_stein.cameras.options import CameraOptions, OrbitCameras
from gs_stein.cameras.sampling import intrinsics, look_at, standing_region
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.views import DARK as DARK
from gs_stein.gaussians.views import views_of
from gs_stein.images import depth_colours, depth_range, to_bytes
from gs_stein.types import Cameras

if TYPE_CHECKING:
    import viser

Layer = Literal["RGB", "Depth", "Normals", "Alpha"]
"""What our rasterizer can show of a scene."""
LAYERS: tuple[Layer, ...] = get_args(Layer)
_FAR = 1e6
"""Metres from where nothing is drawn: a browser may say anything."""


@dataclass(frozen=True)
class Pose:
    """Where a browser looks from, and to."""

    position: tuple[float, float, float]
    """Metres."""
    look_at: tuple[float, float, float]
    """The point that turning with the mouse goes around."""
    fov: float
    """Vertical field of view, radians."""


def home(options: CameraOptions) -> Pose:
    """The first view: in front of an object, or northwards from the southern half of where a room's cameras stand.

    At its very edge more of the room is seen, but the floor at one's feet is what few training views have shown.
    """
    if isinstance(options, OrbitCameras):
        fov = math.radians(sum(options.fov) / 2)
        distance, elevation = sum(options.radius) / 2, math.radians(max(sum(options.elevation) / 4, 8.0))
        return Pose((0.0, -distance * math.cos(elevation), distance * math.sin(elevation)), (0.0, 0.0, 0.0), fov)
    low, high = standing_region(options)
    x, y, z = (low[0] + high[0]) / 2, low[1] + (high[1] - low[1]) / 4, (low[2] + high[2]) / 2
    # A near pivot: dragging turns the head instead of flying through the walls.
    return Pose((x, y, z), (x, y + 0.3, z - 0.05), math.radians(options.fov[1]))


def home_of_points(means: Float[np.ndarray, "N 3"]) -> Pose:
    """A first view for a scene of which nothing is known but where its Gaussians are.

    Looks from inside if the middle of the scene is empty, as a room's is, from the south otherwise.
    """
    first = views_of(means)[0]
    return Pose(first.position, first.target, first.fov)


def pose_of(cameras: Cameras, index: int, pivot: float = 1.0) -> Pose:
    """The browser's view from one of our cameras, turning around a point `pivot` metres ahead."""
    matrix = cameras.viewmats[index].double().cpu().numpy()
    position = -matrix[:3, :3].T @ matrix[:3, 3]
    ahead = position + pivot * matrix[2, :3]
    fov = 2 * math.atan(0.5 * cameras.height / float(cameras.Ks[index, 1, 1]))
    return Pose((*(float(v) for v in position),), (*(float(v) for v in ahead),), fov)  # type: ignore[arg-type]


def browser_camera(camera: viser.CameraHandle, height: int) -> Cameras:
    """The camera of a browser as one of ours.

    Args:
        camera: viser's handle; its own axes are OpenCV's too.
        height: of the image, pixels; the width follows from the window's shape.

    Raises:
        RuntimeError: a browser says that it looks from nowhere.
    """
    wxyz, position = np.asarray(camera.wxyz, dtype=np.float64), np.asarray(camera.position, dtype=np.float64)
    view = bounded(Pose((*map(float, position),), (*map(float, camera.look_at),), float(camera.fov)))  # type: ignore[arg-type]
    if view is None or not np.isfinite(wxyz).all() or not wxyz.any():
        raise RuntimeError("a browser's camera is no camera")
    aspect = float(camera.aspect)
    width = max(8, round(height * min(max(aspect, 0.1), 10.0))) if math.isfinite(aspect) else height
    return camera_from(wxyz, position, view.fov, width, height)


def bounded(pose: Pose) -> Pose | None:
    """A pose as a browser has sent it, if it can be one, with an angle that can be drawn; else None."""
    numbers = (*pose.position, *pose.look_at, pose.fov)
    if not all(math.isfinite(number) and abs(number) < _FAR for number in numbers):
        return None
    return replace(pose, fov=min(max(pose.fov, math.radians(1)), math.radians(170)))


def camera_from(
    wxyz: Float[np.ndarray, " 4"], position: Float[np.ndarray, " 3"], fov: float, width: int, height: int
) -> Cameras:
    """One camera from its orientation (camera to world), centre (metres) and vertical field of view (radians)."""
    from viser.transforms import SO3

    R = SO3(wxyz).as_matrix()
    viewmat = np.eye(4)
    viewmat[:3, :3], viewmat[:3, 3] = R.T, -R.T @ position
    K = intrinsics(torch.tensor([math.degrees(fov)]), width, height)
    return Cameras(torch.from_numpy(viewmat).float()[None], K, width, height)


def camera_at(pose: Pose, width: int, height: int) -> Cameras:
    """One upright camera at a pose."""
    position, target = torch.tensor([pose.position]), torch.tensor([pose.look_at])
    K = intrinsics(torch.tensor([math.degrees(pose.fov)]), width, height)
    return Cameras(look_at(position, target - position), K, width, height)


def picture(
    gaussians: Gaussians, cameras: Cameras, layer: Layer, background: float | None = None
) -> UInt8[np.ndarray, "H W 3"]:
    """What the first camera sees, drawn by our rasterizer; colours stand before a grey level, None: the page's own."""
    from gs_stein.rasterize.api import rasterize
    from gs_stein.rasterize.options import RasterizeOptions

    with torch.no_grad():
        colour = gaussians.means.new_full((3,), DARK if background is None else background)
        options = RasterizeOptions(normals=layer == "Normals")
        render = rasterize(gaussians, cameras[:1].to(gaussians.device), options, colour)
    if layer == "RGB":
        return plain(render.rgb[0])
    if layer == "Depth":
        return depth_picture(render.depth[0], render.alpha[0])
    if layer == "Alpha":
        return plain(render.alpha[0, :, :, None].expand(-1, -1, 3))
    assert render.normals is not None
    return plain((render.normals[0] * 0.5 + 0.5) * (render.alpha[0, :, :, None] > 0.05))


def plain(image: Float[torch.Tensor, "H W 3"]) -> UInt8[np.ndarray, "H W 3"]:
    """Colours in [0, 1] as bytes; what is not finite becomes black."""
    return to_bytes(torch.nan_to_num(image.detach().float(), nan=0.0, posinf=1.0, neginf=0.0))


def depth_picture(
    depth: Float[torch.Tensor, "H W"], alpha: Float[torch.Tensor, "H W"] | None = None
) -> UInt8[np.ndarray, "H W 3"]:
    """Depth in false colours, warm is near; the range is the picture's own."""
    depth = torch.nan_to_num(depth.detach().float(), nan=0.0, posinf=0.0, neginf=0.0)
    alpha = torch.ones_like(depth) if alpha is None else alpha.detach()
    return depth_colours(depth[None], alpha[None], *depth_range(depth[None], alpha[None]))[0]
