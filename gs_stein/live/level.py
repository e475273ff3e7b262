"""Whether a scene seems to lie on its side, judged by what is level in rooms and landscapes."""

from __future__ import annotations

import numpy as np

from gs_stein.gaussians.formats.table import AXES
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import to_axes
from gs_stein.gaussians.views import middle

_FLAT, _FLAT_INSIDE = 0.25, 0.7
"""Thickness over the smaller of the other two extents below which a scene is flat. Rooms are wider than high (0.59 in
our world's), landscapes far wider (0.08 to 0.22); but bookshelves (0.33), clocks and guitars stand upright."""
_STANDING = 1.8
"""Metres of height below which nothing is a room: hollow things have an empty middle as well."""
_FAINT = -2.2
"""Logit of an opacity of 0.1."""
_SAMPLE = 50_000
"""Gaussians that are looked at."""


def lies_on_its_side(gaussians: Gaussians, axes: str) -> tuple[str, ...]:
    """Conventions in which a scene would stand level, if it seems not to in its own.

    Only a hint: a façade is as flat as a meadow, and nothing tells them apart but what they show.

    Args:
        gaussians: the scene, in our world.
        axes: the convention that its file's numbers were taken in.
    """
    means = gaussians.means[gaussians.opacity_logits > _FAINT]
    found = middle(means[:: max(1, len(means) // _SAMPLE)].detach().cpu().numpy())
    if len(means) < 100 or found is None:
        return ()
    thin = int(np.argmin(found.half))
    limit = _FLAT_INSIDE if found.empty and 2 * found.half[thin] > _STANDING else _FLAT
    if thin == 2 or found.half[thin] > limit * sorted(found.half)[1]:
        return ()
    # Up in another convention, as a direction of the world as it is now.
    ups = {other: to_axes(axes).T @ to_axes(other)[:, 2] for other in AXES}
    return tuple(other for other, up in ups.items() if abs(float(up[thin])) > 0.5)
