"""Paths that videos and previews are filmed along."""

from __future__ import annotations

import math

import torch

from gs_stein.cameras.options import CameraOptions, OrbitCameras, RoomCameras
from gs_stein.cameras.sampling import inside, orbit, standing_region
from gs_stein.types import Cameras


def orbit_path(options: OrbitCameras, frames: int) -> Cameras:
    """One closed turn around the object, for the video."""
    turn = torch.arange(frames) / frames
    elevation, radius, fov = (
        torch.full((frames,), sum(r) / 2) for r in (options.elevation, options.radius, options.fov)
    )
    return orbit(360.0 * turn, elevation, radius, fov, options.resolution)


def look_around_path(options: RoomCameras, frames: int) -> Cameras:
    """One closed turn on the spot while walking a small circle, so that parallax shows the room's depth."""
    turn = torch.arange(frames) / frames
    low, high = (torch.tensor(corner) for corner in standing_region(options))
    centre, radius = (low + high) / 2, (high - low) / 4
    angle = 2 * math.pi * turn
    offset = torch.stack([-angle.sin() * radius[0], -angle.cos() * radius[1], torch.zeros(frames)], dim=-1)
    pitch, fov = (torch.full((frames,), sum(r) / 2) for r in (options.pitch, options.fov))
    return inside(centre + offset, 360.0 * turn, pitch, fov, options.resolution)


def video_path(options: CameraOptions, frames: int) -> Cameras:
    """The path a finished run is filmed along: an orbit around an object, a look around a room."""
    if isinstance(options, OrbitCameras):
        return orbit_path(options, frames)
    return look_around_path(options, frames)
