"""Pictures of all directions: six faces of a cube, drawn a little larger than needed and blended where they overlap."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.cameras.sampling import intrinsics, look_at
from gs_stein.types import Cameras

FOV = 100.0
"""Degrees that a face spans; ninety would do without an overlap."""
_EDGE = math.tan(math.radians(FOV / 2))
_SHARPER = 1.25
"""Pixels of a face for one of the panorama, where both are finest."""
_RING = 3.0
"""Degrees around what is filled whose colours go on into it."""
_FADE = 6.0
"""Degrees on either side of the limit over which the picture turns into the filling, so that no edge shows."""
_FORWARD = ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, -1.0))
"""North, east, south, west, up, down."""


def cube_cameras(position: Float[Tensor, "xyz=3"], side: int, fov: float = FOV) -> Cameras:
    """Six cameras at one place that together see everything.

    Args:
        position: metres.
        side: of a picture, pixels.
        fov: degrees that each spans.
    """
    viewmats = look_at(position.float().expand(6, 3), torch.tensor(_FORWARD))
    return Cameras(viewmats, intrinsics(torch.full((6,), fov), side, side), side, side)


def face_side(width: int) -> int:
    """Pixels of a face's side for a panorama of this width, so that nothing gets lost."""
    return math.ceil(_SHARPER * 2 * _EDGE * width / (2 * math.pi))


def equirectangular(
    faces: Float[Tensor, "6 S S C"], cameras: Cameras, width: int, height: int, yaw: float = 0.0
) -> Float[Tensor, "height width C"]:
    """The faces as one picture of all directions: 360° from left to right, from straight up to straight down.

    Neighbouring faces are blended where both see, so that no seam shows: each face projects Gaussians in its own way.

    Args:
        faces: what `cameras` saw.
        cameras: from `cube_cameras`.
        width, height: of the picture, pixels; 2 : 1 is usual.
        yaw: compass direction at the middle of the picture, degrees (0 north, 90 east).
    """
    azimuth = (torch.arange(width) + 0.5) / width * 2 * math.pi - math.pi + math.radians(yaw)
    elevation = math.pi / 2 - (torch.arange(height) + 0.5) / height * math.pi
    directions = torch.stack(
        [
            elevation.cos()[:, None] * azimuth.sin(),
            elevation.cos()[:, None] * azimuth.cos(),
            elevation.sin()[:, None].expand(height, width),
        ],
        dim=-1,
    ).to(faces)
    total = faces.new_zeros(height, width, faces.shape[-1])
    weights = faces.new_zeros(height, width, 1)
    for face, viewmat in zip(faces, cameras.viewmats.to(faces), strict=True):
        x, y, z = (directions @ viewmat[:3, :3].T).unbind(-1)
        slope = torch.stack([x, y], dim=-1) / z.clamp_min(1e-6)[..., None]
        grid = slope / _EDGE
        seen = torch.nn.functional.grid_sample(
            face.permute(2, 0, 1)[None], grid[None], padding_mode="border", align_corners=False
        )[0].permute(1, 2, 0)
        # From one where no other face sees anything down to zero at this face's own edge.
        weight = ((_EDGE - slope.abs().amax(dim=-1)) / (_EDGE - 1 / _EDGE)).clamp(0, 1) * (z > 0)
        total += weight[..., None] * seen
        weights += weight[..., None]
    return total / weights


def fill_caps(
    picture: Float[Tensor, "height width C"], lowest: float, highest: float
) -> Float[Tensor, "height width C"]:
    """The picture with what lies straight up and straight down filled from around it, as smoothly as can be.

    In the stereographic plane a cap is a disc, on which a ring of colours has one harmonic continuation: each of its
    waves fades towards the pole with the power of its frequency (Poisson's integral).

    Args:
        picture: of all directions, from straight up to straight down.
        lowest, highest: elevations between which it is left alone, degrees.
    """
    height, width, _ = picture.shape
    filled = picture.clone()
    waves = torch.arange(width // 2 + 1).to(picture)
    polar = (torch.arange(height) + 0.5) / height * 180  # degrees from the pole that is filled
    for limit, downwards in ((highest, False), (-lowest, True)):
        rim = 90 - limit + _FADE  # where the filling begins, still in sight
        cap, ring = polar < rim, (polar >= rim) & (polar < rim + max(_RING, 180 / height))
        if limit >= 90 or not cap.any() or not ring.any():
            continue
        view = filled.flip(0) if downwards else filled
        inwards = torch.tan(torch.deg2rad(polar[cap]) / 2) / math.tan(math.radians(rim) / 2)
        fading = inwards.to(picture)[:, None, None] ** waves[:, None]
        smooth = torch.fft.irfft(fading * torch.fft.rfft(view[ring].mean(dim=0), dim=0), n=width, dim=1)
        share = ((rim - polar[cap]) / (2 * _FADE)).clamp(0, 1).to(picture)[:, None, None]
        view[cap] = torch.lerp(view[cap], smooth, share * share * (3 - 2 * share))
        filled = view.flip(0) if downwards else view
    return filled


def distances(depth: Float[Tensor, "6 S S"], cameras: Cameras) -> Float[Tensor, "6 S S"]:
    """Distances from the camera instead of along its axis, which jump at the edges of faces (metres)."""
    side = cameras.width
    across = (torch.arange(side) + 0.5 - side / 2) / cameras.Ks[0, 0, 0]
    return depth * torch.sqrt(1 + across.square()[:, None] + across.square()[None]).to(depth)
