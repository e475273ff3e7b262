"""Where a scene starts: a ball, the inside of a room, the inside of a sphere, points, or somebody's file.

`initialise` turns one of the options in `gs_stein.start_options` into Gaussians. Sizes come from the distance to the
nearest neighbours, so that the Gaussians just touch whatever their number.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.files import read_gaussians, read_points
from gs_stein.gaussians import Gaussians, rgb_to_sh
from gs_stein.start_options import BallStart as BallStart
from gs_stein.start_options import FileStart as FileStart
from gs_stein.start_options import PointsStart as PointsStart
from gs_stein.start_options import RoomStart as RoomStart
from gs_stein.start_options import SphereStart as SphereStart
from gs_stein.start_options import Start as Start


def initialise(start: Start, generator: torch.Generator, sh_degree: int = 0) -> Gaussians:
    """Make the first scene.

    Args:
        start: what to start from.
        generator: the only source of randomness (CPU).
        sh_degree: degree of the colours' view dependence; coefficients above what the start has are 0.

    Returns:
        float32 Gaussians on the CPU, without gradients.

    Raises:
        ValueError: an option is out of range, or the file is bad (one line with its name).
    """
    if isinstance(start, FileStart):
        return read_gaussians(start.path).with_sh_degree(sh_degree)
    if not 0 < start.opacity < 1:
        raise ValueError(f"start.opacity: {start.opacity} must lie between 0 and 1, both excluded")
    if isinstance(start, PointsStart):
        points, rgb = read_points(start.path)
        return from_points(points, rgb, start.opacity).with_sh_degree(sh_degree)
    if start.count < 1:
        raise ValueError(f"start.count: {start.count} Gaussians make no scene; give at least 1")
    if isinstance(start, BallStart | SphereStart) and not 0 < start.radius < math.inf:
        raise ValueError(f"start.radius: {start.radius} m has no inside; give a positive length")
    if isinstance(start, RoomStart | SphereStart) and not 0 < start.flatness < math.inf:
        raise ValueError(f"start.flatness: {start.flatness} leaves no thickness; give more than 0 (1 is round)")
    if isinstance(start, SphereStart) and not all(map(math.isfinite, start.centre)):
        raise ValueError(f"start.centre: {start.centre} m is no place; give three finite numbers")
    if not 0 <= start.grey <= 1:
        raise ValueError(f"start.grey: {start.grey} is no grey level; give 0 (black) to 1 (white)")
    if not 0 <= start.colour_noise < math.inf:
        raise ValueError(f"start.colour_noise: {start.colour_noise} is no standard deviation; give 0 or more")
    rgb = (start.grey + start.colour_noise * torch.randn(start.count, 3, generator=generator)).clamp(0, 1)
    if isinstance(start, BallStart):
        direction = torch.nn.functional.normalize(torch.randn(start.count, 3, generator=generator), dim=-1)
        radius = start.radius * torch.rand(start.count, 1, generator=generator) ** (1 / 3)
        return from_points(direction * radius, rgb, start.opacity).with_sh_degree(sh_degree)
    if isinstance(start, RoomStart):
        points, normals = _room_points(start, generator)
    else:
        normals = torch.nn.functional.normalize(torch.randn(start.count, 3, generator=generator), dim=-1)
        points = torch.tensor(start.centre) + start.radius * normals
    return from_points(points, rgb, start.opacity, normals, start.flatness).with_sh_degree(sh_degree)


def from_points(
    points: Float[Tensor, "N 3"],
    rgb: Float[Tensor, "N 3"],
    opacity: float,
    normals: Float[Tensor, "N 3"] | None = None,
    flatness: float = 1.0,
) -> Gaussians:
    """One Gaussian a point, as large as the root mean square distance to its three nearest neighbours.

    Args:
        points: centres, metres.
        rgb: colours in [0, 1].
        opacity: of every Gaussian, between 0 and 1.
        normals: unit vectors; the Gaussians lie flat across them. None: round Gaussians.
        flatness: size along the normal over the size across it.
    """
    n = points.shape[0]
    size = neighbour_distances(points)
    log_scales = size.log()[:, None].repeat(1, 3)
    quats = torch.zeros(n, 4)
    quats[:, 0] = 1.0
    if normals is not None:
        log_scales[:, 2] += math.log(flatness)
        quats = _turn_z_to(normals)
    logit = math.log(opacity / (1 - opacity))
    return Gaussians(points.float(), log_scales, quats, torch.full((n,), logit), rgb_to_sh(rgb.float())[:, None])


def neighbour_distances(points: Float[Tensor, "N 3"], neighbours: int = 3) -> Float[Tensor, " N"]:
    """Root mean square distance to the nearest neighbours, metres; never below a ten-thousandth of the extent.

    A single point, or points that all coincide, get a tenth of a metre.
    """
    from scipy.spatial import KDTree

    cloud = points.detach().cpu().double().numpy()
    k = min(neighbours, len(cloud) - 1)
    extent = float(np.linalg.norm(np.ptp(cloud, axis=0))) if len(cloud) else 0.0
    if k < 1 or extent == 0.0:
        return torch.full((len(cloud),), 0.1)
    distances = np.atleast_2d(KDTree(cloud).query(cloud, k=k + 1)[0])[:, 1:]
    size = np.sqrt((distances**2).mean(axis=1)).clip(min=1e-4 * extent)
    return torch.from_numpy(size).float()


def _turn_z_to(normals: Float[Tensor, "N 3"]) -> Float[Tensor, "N 4"]:
    """Quaternions that turn the z axis onto unit vectors by the shortest way."""
    x, y, z = normals.unbind(-1)
    quats = torch.stack([1 + z, -y, x, torch.zeros_like(x)], dim=-1)
    # Straight down there is no shortest way: half a turn around x.
    down = z < -1 + 1e-6
    quats[down] = quats.new_tensor([0.0, 1.0, 0.0, 0.0])
    return torch.nn.functional.normalize(quats, dim=-1)


def _room_points(start: RoomStart, generator: torch.Generator) -> tuple[Float[Tensor, "N 3"], Float[Tensor, "N 3"]]:
    """Points spread by area over the six faces of the room, and the faces' normals."""
    if not all(0 < length < math.inf for length in start.size):
        raise ValueError(f"start.size: {start.size} m has no inside; give three positive lengths")
    if not 0 <= start.depth_noise < math.inf:
        raise ValueError(f"start.depth_noise: {start.depth_noise} m is no standard deviation; give 0 or more")
    size = torch.tensor(start.size)
    areas = torch.stack([size[1] * size[2], size[0] * size[2], size[0] * size[1]])
    axis = torch.multinomial(areas, start.count, replacement=True, generator=generator)
    side = torch.randint(2, (start.count,), generator=generator).float()
    points = (torch.rand(start.count, 3, generator=generator) - 0.5) * size
    normals = torch.zeros(start.count, 3).scatter_(1, axis[:, None], (1 - 2 * side)[:, None])
    inward = (start.depth_noise * torch.randn(start.count, generator=generator)).abs().minimum(size[axis])
    wall = (side - 0.5) * size[axis] + (1 - 2 * side) * inward
    points.scatter_(1, axis[:, None], wall[:, None])
    points[:, 2] += start.size[2] / 2
    return points, normals
