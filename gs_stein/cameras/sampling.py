"""Where we look from: object orbits, cameras inside a room, and paths for videos.

Sampling is a pure function of (options, number of views, generator). What changes with the step, such as the image
size, is the caller's to change (`Cameras.resized`). The procedural world renders its training views with the same
options, so the bundled prior knows exactly the cameras that distillation asks about.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.cameras.options import CameraOptions, OrbitCameras, Range, RoomCameras
from gs_stein.types import Cameras


def look_at(positions: Float[Tensor, "V 3"], forward: Float[Tensor, "V 3"]) -> Float[Tensor, "V 4 4"]:
    """World-to-camera matrices of cameras at `positions` looking along `forward`, upright (world z is up).

    A camera that looks straight up or down takes north as its upper edge.
    """
    z = torch.nn.functional.normalize(forward, dim=-1)
    up = z.new_tensor([0.0, 0.0, 1.0]).expand_as(z)
    steep = z[:, 2:].abs() > 1 - 1e-6
    up = torch.where(steep, z.new_tensor([0.0, 1.0, 0.0]), up)
    x = torch.nn.functional.normalize(torch.linalg.cross(z, up), dim=-1)
    y = torch.linalg.cross(z, x)
    R = torch.stack([x, y, z], dim=1)
    viewmats = torch.eye(4, dtype=z.dtype, device=z.device).repeat(z.shape[0], 1, 1)
    viewmats[:, :3, :3] = R
    viewmats[:, :3, 3] = -(R @ positions[:, :, None])[:, :, 0]
    return viewmats


def heading(yaw: Float[Tensor, " V"], pitch: Float[Tensor, " V"]) -> Float[Tensor, "V 3"]:
    """Unit vectors from compass yaw (0 north, 90 east) and pitch (positive up), both in degrees."""
    yaw, pitch = torch.deg2rad(yaw), torch.deg2rad(pitch)
    return torch.stack([yaw.sin() * pitch.cos(), yaw.cos() * pitch.cos(), pitch.sin()], dim=-1)


def intrinsics(fov: Float[Tensor, " V"], width: int, height: int) -> Float[Tensor, "V 3 3"]:
    """Pinhole matrices with square pixels and a centred principal point, from vertical fields of view in degrees."""
    focal = 0.5 * height / torch.tan(torch.deg2rad(fov) / 2)
    Ks = torch.zeros(len(fov), 3, 3, dtype=fov.dtype, device=fov.device)
    Ks[:, 0, 0] = Ks[:, 1, 1] = focal
    Ks[:, 0, 2], Ks[:, 1, 2], Ks[:, 2, 2] = width / 2, height / 2, 1.0
    return Ks


def orbit(
    azimuth: Float[Tensor, " V"],
    elevation: Float[Tensor, " V"],
    radius: Float[Tensor, " V"],
    fov: Float[Tensor, " V"],
    resolution: int,
) -> Cameras:
    """Cameras on a sphere looking at the origin (degrees, metres)."""
    forward = heading(-azimuth, -elevation)
    viewmats = look_at(-forward * radius[:, None], forward)
    return Cameras(viewmats, intrinsics(fov, resolution, resolution), resolution, resolution)


def inside(
    positions: Float[Tensor, "V 3"],
    yaw: Float[Tensor, " V"],
    pitch: Float[Tensor, " V"],
    fov: Float[Tensor, " V"],
    resolution: int,
) -> Cameras:
    """Cameras at given positions with given compass yaw and pitch (metres, degrees)."""
    viewmats = look_at(positions, heading(yaw, pitch))
    return Cameras(viewmats, intrinsics(fov, resolution, resolution), resolution, resolution)


def sample_cameras(options: CameraOptions, views: int, generator: torch.Generator, group: int = 1) -> Cameras:
    """Draw V cameras whose azimuths are stratified: one in each of V equal sectors, jittered inside it.

    Args:
        options: ranges to draw from.
        views: number of cameras V.
        generator: the only source of randomness (CPU).
        group: cameras that share what is drawn: every (V / group)-th stands at the same height and distance and sees
            as wide, and their azimuths lie equally far apart (a quarter turn where four go all round).

    Returns:
        V cameras in order of azimuth, from a random first sector.

    Raises:
        ValueError: the views make no such groups.
    """
    if views % group:
        raise ValueError(f"views: {views} make no groups of {group}; use --views {group}, or a multiple")

    def uniform(low_high: Range) -> Float[Tensor, " V"]:
        low, high = low_high
        return low + (high - low) * torch.rand(views // group, generator=generator).repeat(group)

    def stratified(low_high: Range) -> Float[Tensor, " V"]:
        low, high = low_high
        first = int(torch.randint(views, (1,), generator=generator))
        sector = (torch.arange(views) + first) % views
        return low + (high - low) * (sector + torch.rand(views // group, generator=generator).repeat(group)) / views

    if isinstance(options, OrbitCameras):
        return orbit(
            stratified(options.azimuth),
            uniform(options.elevation),
            uniform(options.radius),
            uniform(options.fov),
            options.resolution,
        )
    low, high = standing_region(options)
    positions = torch.stack([uniform((low[i], high[i])) for i in range(3)], dim=-1)
    return inside(positions, stratified((0.0, 360.0)), uniform(options.pitch), uniform(options.fov), options.resolution)


def standing_region(options: RoomCameras) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Lowest and highest corner of the box in which room cameras stand, clear of every wall by the margin."""
    half = [
        min(extent * fraction, extent - 2 * options.margin) / 2
        for extent, fraction in zip(options.size[:2], options.region, strict=True)
    ]
    floor, ceiling = options.margin, options.size[2] - options.margin
    if min(half) < 0 or floor > ceiling:
        raise ValueError(
            f"cameras.margin: {options.margin} m leaves no place to stand in a room of {options.size} m; use less"
        )
    low, high = (min(max(z, floor), ceiling) for z in options.height)
    return (-half[0], -half[1], low), (half[0], half[1], high)
