"""What a mesh is made from: depth, opacity and colour of views from everywhere that one may stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.cameras.sampling import orbit, standing_region
from gs_stein.rasterize.many_views import render_views
from gs_stein.render.panorama import cube_cameras
from gs_stein.render.subject import Subject, moved
from gs_stein.types import Cameras, joined

_RINGS = ((-15.0, 14), (10.0, 16), (35.0, 14), (60.0, 9), (85.0, 3))
"""Elevation in degrees, and cameras around an object at it. Not from far below: few scenes have an underside."""
_SIDE = 288
"""Pixels of a picture's side."""
_CUBE_FOV = 96.0
_PLACES = 20
"""Places in a room to look around from, at most."""
_TEST_SIDE = 48
_NOTHING = 0.01
"""Share of the pixels below which a scene is too faint everywhere."""
_CLEAR = 0.1
"""No place has anything nearer than this fraction of the room's smallest side."""


@dataclass(frozen=True)
class Seen:
    """What the views saw, on the CPU."""

    cameras: Cameras
    depth: Float[Tensor, "V H W"]
    """Metres along the axis."""
    alpha: Float[Tensor, "V H W"]
    rgb: Float[Tensor, "V H W 3"]

    def points(self, mask: Tensor) -> Float[np.ndarray, "k 3"]:
        """The places in the world that masked pixels (V, H, W) show, metres."""
        directions, origins = self.cameras.rays(self.cameras.height, self.cameras.width)
        # Depth runs along the axis, rays do not.
        along = torch.einsum("vhwc,vc->vhw", directions, self.cameras.viewmats[:, 2, :3])
        places = origins[:, None, None] + directions * (self.depth / along)[..., None]
        return places[mask].double().numpy()


def look_everywhere(subject: Subject, progress: Callable[[int, int], None]) -> Seen:
    """Render a scene from around, or from many places inside.

    Args:
        subject: the scene and how it is seen.
        progress: told how many views of how many are done.

    Raises:
        ValueError: there is no place inside to look from, or nothing opaque to see.
    """
    options = subject.cameras
    cameras = _around(options) if isinstance(options, OrbitCameras) else _inside(subject, options)
    return look(subject, moved(cameras, subject.offset), progress)


def look(subject: Subject, cameras: Cameras, progress: Callable[[int, int], None] = lambda *_: None) -> Seen:
    """Render a scene from these cameras."""
    depth, alpha, rgb = [], [], []
    for i in range(len(cameras)):
        (render,) = render_views(subject.gaussians, cameras[i : i + 1], subject.rasterize, subject.background)
        depth.append(render.depth)
        alpha.append(render.alpha)
        rgb.append(render.rgb)
        progress(i + 1, len(cameras))
    return Seen(cameras, torch.cat(depth), torch.cat(alpha), torch.cat(rgb))


def _around(options: OrbitCameras) -> Cameras:
    azimuth = torch.cat([torch.arange(n) * (360.0 / n) + 7.0 * i for i, (_, n) in enumerate(_RINGS)])
    elevation = torch.cat([torch.full((n,), degrees) for degrees, n in _RINGS])
    radius, fov = (torch.full_like(azimuth, sum(pair) / 2) for pair in (options.radius, options.fov))
    return orbit(azimuth, elevation, radius, fov, _SIDE)


def _inside(subject: Subject, options: RoomCameras) -> Cameras:
    """Six faces at every place of a grid that nothing is too near to, without the subject's offset."""
    low, high = (np.array(corner) for corner in standing_region(options))
    width, depth, height = options.size
    # Farther out than where training stood: from above in the corners, behind furniture, and low, under tables.
    reach = np.maximum(high, 0.72 * np.array([width / 2, depth / 2, 0]))[:2]
    eye, nine, four = (low[2] + high[2]) / 2, (-1, 0, 1), (-1, 1)
    places = [(x * reach[0], y * reach[1], eye) for y in nine for x in nine]
    places += [(x * reach[0], y * reach[1], 0.8 * height) for y in four for x in four]
    places += [(x * reach[0], y * reach[1], 0.2 * height) for y in nine for x in nine]
    found, clearance, most = [], _CLEAR * min(options.size), 0.0
    for place in places:
        cameras = moved(cube_cameras(torch.tensor(place), _TEST_SIDE, _CUBE_FOV), subject.offset)
        seen = look(subject, cameras)
        hit = seen.depth[seen.alpha > 0.5]
        covered = float((seen.alpha > 0.5).float().mean())
        most = max(most, covered)
        if covered > 0.5 and float(hit.quantile(0.02)) > clearance:
            found.append(cube_cameras(torch.tensor(place), _SIDE, _CUBE_FOV))
        if len(found) == _PLACES:
            break
    if not found and most < _NOTHING:
        raise ValueError(
            f"mesh: {subject.path} has nothing to make one of: views see next to nothing that is more than half opaque"
        )
    if not found:
        raise ValueError(
            f"mesh: {subject.path} has no clear place inside to look from; if it is no room, give --look around"
        )
    return joined(*found)
