"""Words for the direction that a camera looks from. Free of torch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ViewPrompts:
    """Object mode with a prior that does not know the camera: words for the direction (DreamFusion)."""

    enabled: bool = True
    """Only ever used with priors that ignore cameras, and without --scene."""
    front: str = ", front view"
    """Added where the camera stands within 45° of the front (south)."""
    side: str = ", side view"
    back: str = ", back view"
    overhead: str = ", overhead view"
    """Added above `overhead_elevation`."""
    overhead_elevation: float = 60.0
    """Degrees."""
