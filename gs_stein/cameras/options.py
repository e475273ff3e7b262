"""Ranges that cameras are drawn from. Free of torch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

Range = tuple[float, float]


def _check_range(name: str, low_high: Range, lowest: float, highest: float, unit: str) -> None:
    low, high = low_high
    if not lowest <= low <= high <= highest:
        raise ValueError(
            f"cameras.{name}: {low:g} to {high:g} {unit} is no range; give the lower value first, "
            f"both between {lowest:g} and {highest:g}"
        )


def _check_resolution(resolution: int) -> None:
    if resolution < 1:
        raise ValueError(f"cameras.resolution: {resolution} pixels make no image; give at least 1 (128 is usual)")


@dataclass(frozen=True)
class OrbitCameras:
    """Object mode: cameras on a sphere around the origin, looking at it."""

    kind: ClassVar[str] = "orbit"

    azimuth: Range = (-180.0, 180.0)
    """Degrees; 0 stands in front of the object (south), 90 on its right-hand side seen from there (east)."""
    elevation: Range = (-5.0, 45.0)
    """Degrees above the horizon."""
    radius: Range = (2.4, 2.8)
    """Metres from the origin; objects fill a ball of radius 1."""
    fov: Range = (45.0, 52.0)
    """Vertical field of view in degrees."""
    resolution: int = 128
    """Side of the square images, in pixels."""

    def __post_init__(self) -> None:
        _check_range("azimuth", self.azimuth, -360.0, 360.0, "degrees")
        _check_range("elevation", self.elevation, -90.0, 90.0, "degrees")
        _check_range("radius", self.radius, 0.01, 1e6, "metres")
        _check_range("fov", self.fov, 1.0, 170.0, "degrees")
        _check_resolution(self.resolution)


@dataclass(frozen=True)
class RoomCameras:
    """Scene mode: cameras standing inside a box-shaped room."""

    kind: ClassVar[str] = "room"

    size: tuple[float, float, float] = (5.0, 4.4, 2.6)
    """Room width (east-west), depth (north-south) and height in metres."""
    region: tuple[float, float] = (0.5, 0.5)
    """Fraction of the width and of the depth, around the centre, in which cameras stand."""
    height: Range = (1.25, 1.65)
    """Eye height above the floor in metres."""
    pitch: Range = (-20.0, 8.0)
    """Degrees; negative looks down."""
    fov: Range = (64.0, 78.0)
    """Vertical field of view in degrees."""
    margin: float = 0.3
    """No camera comes closer than this to a wall, the floor or the ceiling (metres)."""
    resolution: int = 128
    """Side of the square images, in pixels."""

    def __post_init__(self) -> None:
        if not all(0 < length < inf for length in self.size):
            raise ValueError(f"cameras.size: {self.size} m has no inside; give three positive lengths")
        if not all(0 <= fraction <= 1 for fraction in self.region):
            raise ValueError(f"cameras.region: {self.region} are no fractions of the room; give two between 0 and 1")
        if not self.margin >= 0:
            raise ValueError(f"cameras.margin: {self.margin} m would put cameras behind the walls; give 0 or more")
        _check_range("height", self.height, -1e6, 1e6, "metres")
        _check_range("pitch", self.pitch, -90.0, 90.0, "degrees")
        _check_range("fov", self.fov, 1.0, 170.0, "degrees")
        _check_resolution(self.resolution)


CameraOptions = OrbitCameras | RoomCameras
