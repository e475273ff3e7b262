"""From a scene of splats to a mesh: look everywhere, fuse, leave out specks, decimate, colour, measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gs_stein.mesh.fuse import coloured, fuse, with_triangles, without_specks
from gs_stein.mesh.surface import Mesh, distance_to, load_open3d
from gs_stein.mesh.views import Seen, look, look_everywhere
from gs_stein.render.subject import Subject

Kind = Literal["surface", "collider"]
CELLS: dict[str, int] = {"surface": 4_000_000, "collider": 700_000}
"""Voxels, about."""
TRIANGLES: dict[str, int] = {"surface": 200_000, "collider": 10_000}
_VIEWS = 8
"""Views that the distance to the splats' depth is measured in."""


@dataclass(frozen=True)
class Made:
    """A mesh, and how well it fits."""

    mesh: Mesh
    voxel: float
    """Edge of the cells it was made from, metres."""
    median: float
    """Distance from where the splats' depth is to the mesh, metres."""
    most: float
    """The same for 95 % of the pixels."""


def make_mesh(
    subject: Subject,
    kind: Kind = "surface",
    triangles: int | None = None,
    voxel: float | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Made:
    """Make a closed mesh of a scene.

    Of an object it is its surface, with what nobody can see (its underside) filled. Of a room it is the surface of the
    free space inside: floor, walls, furniture, facing inwards; as a collider also the outside of a solid block around.

    Args:
        subject: the scene, and whether it is seen from around or inside.
        kind: what for.
        triangles: at most so many.
        voxel: edge of the cells, metres; by the size of the scene if None.
        progress: told how many views of how many are done.

    Raises:
        ValueError: Open3D does not load, or the views see no surface.
    """
    load_open3d()  # before the views are drawn
    inside = not subject.is_object
    seen = look_everywhere(subject, progress)
    whole, voxel = fuse(seen, voxel, CELLS[kind], inside, shell=inside and kind == "collider")
    small = with_triangles(without_specks(whole), TRIANGLES[kind] if triangles is None else triangles)
    mesh = coloured(small, seen, voxel)
    return Made(mesh, voxel, *fit(mesh, look(subject, subject.views(_VIEWS))))


def fit(mesh: Mesh, seen: Seen) -> tuple[float, float]:
    """Median and 95th percentile of the distance from where pixels' depth is to the mesh (metres)."""
    points = seen.points((seen.alpha > 0.5) & (seen.depth > 0))
    if len(points) == 0:
        return float("nan"), float("nan")
    median, most = np.percentile(distance_to(mesh, points), [50, 95])
    return float(median), float(most)
