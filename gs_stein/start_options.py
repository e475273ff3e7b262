"""What a scene can start from. Free of torch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BallStart:
    """Object mode: points spread evenly through a ball around the origin."""

    count: int = 4096
    """Number of Gaussians."""
    radius: float = 0.8
    """Metres."""
    opacity: float = 0.2
    """Between 0 and 1."""
    grey: float = 0.5
    """Colour, the same everywhere, in [0, 1]; `colour_noise` varies it."""
    colour_noise: float = 0.1
    """Standard deviation of the colour."""


@dataclass(frozen=True)
class RoomStart:
    """Scene mode: flat Gaussians on the floor, walls and ceiling of a box that stands on z = 0."""

    count: int = 30_000
    """Number of Gaussians."""
    size: tuple[float, float, float] = (5.0, 4.4, 2.6)
    """Width (east-west), depth (north-south) and height in metres."""
    depth_noise: float = 0.02
    """Standard deviation of the distance from the wall, metres."""
    flatness: float = 0.2
    """Thickness across the wall as a fraction of the size along it."""
    opacity: float = 0.5
    """Between 0 and 1."""
    grey: float = 0.5
    """Colour, the same everywhere, in [0, 1]; `colour_noise` varies it."""
    colour_noise: float = 0.1
    """Standard deviation of the colour."""


@dataclass(frozen=True)
class SphereStart:
    """Outdoor scenes: flat Gaussians on the inside of a sphere around the viewer."""

    count: int = 30_000
    """Number of Gaussians."""
    radius: float = 5.0
    """Metres."""
    centre: tuple[float, float, float] = (0.0, 0.0, 1.5)
    """Metres; the default is at eye height."""
    flatness: float = 0.2
    """Thickness across the shell as a fraction of the size along it."""
    opacity: float = 0.5
    """Between 0 and 1."""
    grey: float = 0.5
    """Colour, the same everywhere, in [0, 1]; `colour_noise` varies it."""
    colour_noise: float = 0.1
    """Standard deviation of the colour."""


@dataclass(frozen=True)
class PointsStart:
    """Points from a file: .npy or .npz (N×3, or N×6 with colours in [0, 1]), or whatever open3d reads."""

    path: Path
    """The file."""
    opacity: float = 0.5
    """Between 0 and 1."""


@dataclass(frozen=True)
class FileStart:
    """An existing scene of Gaussians (.ply or .splat, ours or another tool's)."""

    path: Path
    """The file."""


Start = BallStart | RoomStart | SphereStart | PointsStart | FileStart
