"""What a scene can start from. Free of torch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

ALPHA_MIN = 1.0 / 255.0
"""Contributions below one grey level are not drawn; a Gaussian of lower opacity cannot be seen."""


@dataclass(frozen=True)
class BallStart:
    """Object mode: points spread evenly through a ball around the origin."""

    kind: ClassVar[str] = "ball"

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

    kind: ClassVar[str] = "room"

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
class OutdoorStart:
    """Scene mode under the sky: flat Gaussians on level ground and on a far dome, faint ones in the air between."""

    kind: ClassVar[str] = "outdoors"

    count: int = 30_000
    """Number of Gaussians."""
    eye: float = 1.5
    """Metres above the ground; from there, Gaussians are spread evenly over all directions."""
    elevation: tuple[float, float] = (-65.0, 55.0)
    """Degrees above the horizon between which they are: what cameras see."""
    air: tuple[float, float] = (2.5, 9.0)
    """Metres from the eye between which something may stand."""
    air_share: float = 0.5
    """Of the Gaussians, that are there; the others are on the ground and the dome."""
    air_opacity: float = 0.1
    """Between 0 and 1."""
    dome: float = 30.0
    """Radius of the dome, metres."""
    flatness: float = 0.2
    """Thickness as a fraction of the size along the ground or across the line of sight."""
    opacity: float = 0.5
    """Of ground and dome, between 0 and 1."""
    grey: float = 0.5
    """Colour, the same everywhere, in [0, 1]; `colour_noise` varies it."""
    colour_noise: float = 0.1
    """Standard deviation of the colour."""


@dataclass(frozen=True)
class PointsStart:
    """Points from a file: .npy or .npz (N×3, or N×6 with colours), .ply, text, or whatever open3d reads."""

    kind: ClassVar[str] = "points"

    path: Path
    """The file."""
    opacity: float = 0.5
    """Between 0 and 1."""


@dataclass(frozen=True)
class FileStart:
    """An existing scene of Gaussians, in any format that can be read, ours or another tool's; or a folder with one."""

    kind: ClassVar[str] = "file"

    path: Path
    """The file."""


Start = BallStart | RoomStart | OutdoorStart | PointsStart | FileStart
