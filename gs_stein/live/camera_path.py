"""A camera path made of keyframes: recorded in the browser, smooth in between."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from gs_stein.cameras.sampling import intrinsics
from gs_stein.types import Cameras


@dataclass(frozen=True)
class Keyframe:
    """One recorded view."""

    wxyz: tuple[float, float, float, float]
    """Camera to world, OpenCV axes."""
    position: tuple[float, float, float]
    """Metres."""
    fov: float
    """Vertical field of view, radians."""


def interpolate(keyframes: list[Keyframe], frames: int, width: int, height: int) -> Cameras:
    """Cameras along a path through the keyframes, evenly spaced in time.

    Positions follow a centripetal Catmull-Rom curve, which neither overshoots nor loops between unevenly spaced
    keyframes; orientations turn by the shortest way, at a speed that has no jumps.

    Args:
        keyframes: at least one; a single one stands still.
        frames: number of cameras.
        width, height: of their images, pixels.

    Raises:
        ValueError: no keyframe.
    """
    from scipy.interpolate import CubicSpline
    from scipy.spatial.transform import Rotation, RotationSpline

    if not keyframes:
        raise ValueError("keyframes: the path is empty; add at least one view")
    unique = [k for i, k in enumerate(keyframes) if i == 0 or k != keyframes[i - 1]]
    if len(unique) == 1:
        unique = unique * 2
    time = np.arange(len(unique), dtype=np.float64)
    at = np.linspace(0.0, len(unique) - 1.0, frames)
    positions = np.array([k.position for k in unique], dtype=np.float64)
    rotations = Rotation.from_quat(np.array([[*k.wxyz[1:], k.wxyz[0]] for k in unique]))
    place = catmull_rom(positions, at)
    turned = RotationSpline(time, rotations)(at)
    fov = CubicSpline(time, np.log([math.tan(k.fov / 2) for k in unique]), bc_type="natural")(at)
    R = turned.as_matrix().transpose(0, 2, 1)
    viewmats = np.tile(np.eye(4), (frames, 1, 1))
    viewmats[:, :3, :3] = R
    viewmats[:, :3, 3] = -(R @ place[:, :, None])[:, :, 0]
    degrees = torch.from_numpy(np.degrees(2 * np.arctan(np.exp(fov)))).float()
    return Cameras(torch.from_numpy(viewmats).float(), intrinsics(degrees, width, height), width, height)


def catmull_rom(points: Float[np.ndarray, "n 3"], at: Float[np.ndarray, " m"]) -> Float[np.ndarray, "m 3"]:
    """Points on the centripetal Catmull-Rom curve through `points`; parameter i is the i-th point.

    Source: Barry and Goldman, "A recursive evaluation algorithm for a class of Catmull-Rom splines" (1988), with
    knots spaced by the square root of the distance.
    """
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    segment = np.clip(np.floor(at).astype(int), 0, len(points) - 2)
    p = [padded[segment + k] for k in range(4)]
    gaps = [np.maximum(np.sqrt(np.linalg.norm(p[k + 1] - p[k], axis=1)), 1e-6) for k in range(3)]
    knots = [np.zeros(len(at))]
    for gap in gaps:
        knots.append(knots[-1] + gap)
    t = knots[1] + (at - segment) * (knots[2] - knots[1])

    def between(a: np.ndarray, b: np.ndarray, i: int, j: int) -> np.ndarray:
        u = ((t - knots[i]) / (knots[j] - knots[i]))[:, None]
        return (1 - u) * a + u * b

    a = [between(p[k], p[k + 1], k, k + 1) for k in range(3)]
    b = [between(a[k], a[k + 1], k, k + 2) for k in range(2)]
    return between(b[0], b[1], 1, 2)
