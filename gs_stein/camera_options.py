"""Ranges that cameras are drawn from. Free of torch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class OrbitCameras:
    """Object mode: cameras on a sphere around the origin, looking at it."""

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


@dataclass(frozen=True)
class RoomCameras:
    """Scene mode: cameras standing inside a box-shaped room."""

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


CameraOptions = OrbitCameras | RoomCameras
