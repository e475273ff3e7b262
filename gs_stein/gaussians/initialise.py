"""Where a scene starts: a ball, the inside of a room, open ground under a sky, points, or somebody's file.

`initialise` turns one of the options in `gs_stein.gaussians.options` into Gaussians. Sizes come from the distance to
the nearest neighbours, so that the Gaussians just touch whatever their number.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.gaussians.files import read_scene
from gs_stein.gaussians.formats.points import is_point_cloud, read_point_cloud
from gs_stein.gaussians.model import Gaussians, rgb_to_sh
from gs_stein.gaussians.options import BallStart, FileStart, OutdoorStart, PointsStart, RoomStart, Start
from gs_stein.threads import denormals


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
    if isinstance(start, FileStart | PointsStart):
        return read_start(start, sh_degree)[0]
    _check_opacity(start.opacity)
    if start.count < 1:
        raise ValueError(f"start.count: {start.count} Gaussians make no scene; give at least 1")
    if isinstance(start, BallStart) and not 0 < start.radius < math.inf:
        raise ValueError(f"start.radius: {start.radius} m has no inside; give a positive length")
    if isinstance(start, OutdoorStart):
        _check_outdoors(start)
    if isinstance(start, RoomStart | OutdoorStart) and not 0 < start.flatness < math.inf:
        raise ValueError(f"start.flatness: {start.flatness} leaves no thickness; give more than 0 (1 is round)")
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
        return from_points(points, rgb, start.opacity, normals, start.flatness).with_sh_degree(sh_degree)
    layers = _outdoor_layers(start, rgb, generator)
    names = ("means", "log_scales", "quats", "opacity_logits", "sh")
    joined = {name: torch.cat([getattr(layer, name) for layer in layers]) for name in names}
    return Gaussians(**joined).with_sh_degree(sh_degree)


def read_start(start: FileStart | PointsStart, sh_degree: int = 0) -> tuple[Gaussians, tuple[str, ...]]:
    """Read a scene of Gaussians or points to start from, as they lie in the file.

    Args:
        start: where it is; a .ply without scales and rotations holds points.
        sh_degree: as for `initialise`.

    Returns:
        float32 Gaussians on the CPU, and what the reader changed or left aside, a line each.

    Raises:
        ValueError: the file is bad (one line with its name), or the opacity out of range.
    """
    if isinstance(start, FileStart) and start.path.suffix.lower() == ".ply" and is_point_cloud(start.path):
        start = PointsStart(start.path)
    if isinstance(start, FileStart):
        scene = read_scene(start.path)
        return scene.gaussians.with_sh_degree(sh_degree), scene.notes
    _check_opacity(start.opacity)
    cloud = read_point_cloud(start.path)
    return from_points(cloud.points, cloud.rgb, start.opacity).with_sh_degree(sh_degree), cloud.notes


def _check_opacity(opacity: float) -> None:
    if not 0 < opacity < 1:
        raise ValueError(f"start.opacity: {opacity} must lie between 0 and 1, both excluded")


def from_points(
    points: Float[Tensor, "N 3"],
    rgb: Float[Tensor, "N 3"],
    opacity: float,
    normals: Float[Tensor, "N 3"] | None = None,
    flatness: float = 1.0,
    size: Float[Tensor, " N"] | None = None,
) -> Gaussians:
    """One Gaussian a point, as large as the root mean square distance to its three nearest neighbours.

    Args:
        points: centres, metres.
        rgb: colours in [0, 1].
        opacity: of every Gaussian, between 0 and 1.
        normals: unit vectors; the Gaussians lie flat across them. None: round Gaussians.
        flatness: size along the normal over the size across it.
        size: standard deviations, metres, instead of that distance.
    """
    n = points.shape[0]
    size = neighbour_distances(points) if size is None else size
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
    with denormals(flushed=False):  # the tree needs the number next to 0, or its recursion never ends
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


def _check_outdoors(start: OutdoorStart) -> None:
    """Raise ValueError at the first option that is out of range."""
    if not 0 < start.eye < start.dome < math.inf:
        raise ValueError(f"start.eye, dome: {start.eye}, {start.dome} m; give two lengths, the second the larger one")
    if not -90 <= start.elevation[0] < start.elevation[1] <= 90:
        raise ValueError(f"start.elevation: {start.elevation} is no range of degrees; give two from -90 to 90, rising")
    if not 0 < start.air[0] < start.air[1] <= start.dome:
        raise ValueError(f"start.air: {start.air} m is no range up to the dome at {start.dome} m; give two, rising")
    if not 0 <= start.air_share <= 1:
        raise ValueError(f"start.air_share: {start.air_share} is no share; give 0 (nothing in the air) to 1")
    if not 0 < start.air_opacity < 1:
        raise ValueError(f"start.air_opacity: {start.air_opacity} must lie between 0 and 1, both excluded")


def _outdoor_layers(
    start: OutdoorStart, rgb: Float[Tensor, "N 3"], generator: torch.Generator
) -> tuple[Gaussians, Gaussians, Gaussians]:
    """The ground, the dome, and what hangs in the air."""
    count, eye = start.count, torch.tensor([0.0, 0.0, start.eye])
    low, high = (math.sin(math.radians(angle)) for angle in start.elevation)
    z = low + (high - low) * torch.rand(count, generator=generator)
    yaw = 2 * math.pi * torch.rand(count, generator=generator)
    level = (1 - z * z).sqrt()
    direction = torch.stack([level * yaw.cos(), level * yaw.sin(), z], dim=-1)
    # What is seen there if nothing hangs before it: the ground, or the dome.
    to_ground = torch.where(z < 0, start.eye / -z.clamp_max(-1e-6), math.inf)
    near, far = (math.log(length) for length in start.air)
    distance = torch.exp(near + (far - near) * torch.rand(count, generator=generator))
    hanging = (torch.arange(count) < start.air_share * count) & (distance < to_ground)
    ground, dome = ~hanging & (to_ground < start.dome), ~hanging & (to_ground >= start.dome)
    distance = torch.where(hanging, distance, to_ground.clamp_max(start.dome))
    points = eye + distance[:, None] * direction
    up = torch.tensor([0.0, 0.0, 1.0]).expand(count, 3)
    # Side by side in the picture, whatever lies between them in depth.
    apart = distance[hanging] * neighbour_distances(direction[hanging])
    return (
        from_points(points[ground], rgb[ground], start.opacity, up[ground], start.flatness),
        from_points(points[dome], rgb[dome], start.opacity, -direction[dome], start.flatness),
        from_points(points[hanging], rgb[hanging], start.air_opacity, -direction[hanging], start.flatness, apart),
    )
