"""Where to look at a scene from, if nothing is known of it but where its Gaussians are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

DARK = 20 / 255
"""Grey level behind scenes that say none."""
_FOV, _FOV_INSIDE = math.radians(60.0), math.radians(75.0)


@dataclass(frozen=True)
class View:
    """An upright look at a scene, with a name for people."""

    name: str
    position: tuple[float, float, float]
    """Metres."""
    target: tuple[float, float, float]
    """The point ahead that a browser turns around, metres."""
    fov: float
    """Vertical field of view, radians."""


@dataclass(frozen=True)
class Middle:
    """The middle of a scene, without its outliers."""

    centre: tuple[float, float, float]
    """Metres."""
    half: tuple[float, float, float]
    """Half the extent along each axis, metres."""
    empty: bool
    """Whether nothing is there and much all around, as in a room."""


def middle(means: Float[np.ndarray, "N 3"]) -> Middle | None:
    """The middle of 96 % of the Gaussians; None if there are none with finite places."""
    good = means[np.isfinite(means).all(axis=1)]
    if len(good) == 0:
        return None
    low, high = np.percentile(good, [2, 98], axis=0)
    centre, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-3)
    away = np.abs((good - centre) / half).max(axis=1)
    # Things that stand apart have an empty middle as well, but are not all around it.
    quadrants = np.bincount((good[:, 0] > centre[0]) + 2 * (good[:, 1] > centre[1]), minlength=4) / len(good)
    empty = bool(len(good) > 100 and (away < 0.35).mean() < 0.01 and quadrants.min() > 0.05)
    return Middle((*(float(v) for v in centre),), (*(float(v) for v in half),), empty)  # type: ignore[arg-type]


def views_of(means: Float[np.ndarray, "N 3"]) -> list[View]:
    """Named views, the one to begin with first: around a scene, or from inside if its middle is empty, as a room's is.

    Args:
        means: centres in our world.
    """
    found = middle(means)
    if found is None:
        return [View("Front", (0.0, -3.0, 1.0), (0.0, 0.0, 0.0), _FOV)]
    x, y, z = found.centre
    sides = (("North", 0.0, 1.0), ("East", 1.0, 0.0), ("South", 0.0, -1.0), ("West", -1.0, 0.0))
    if found.empty:
        near = 0.1 * max(found.half)
        return [View(name, (x, y, z), (x + near * a, y + near * b, z), _FOV_INSIDE) for name, a, b in sides]
    distance = 1.3 * math.hypot(*found.half) / math.tan(_FOV / 2)
    level, above = 0.97 * distance, 0.25 * distance
    names = ("Front", "Left", "Back", "Right")
    around = [
        View(name, (x - level * a, y - level * b, z + above), found.centre, _FOV)
        for name, (_, a, b) in zip(names, sides, strict=True)
    ]
    return [*around, View("Top", (x, y - 0.02 * distance, z + distance), found.centre, _FOV)]
