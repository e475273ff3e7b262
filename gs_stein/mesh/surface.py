"""A triangle mesh and what can be said of it. Vertices lie in our world, metres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Mesh:
    """Triangles with vertex colours, counter-clockwise seen from where one may look."""

    vertices: Float[np.ndarray, "n 3"]
    """Metres, z up."""
    triangles: Int[np.ndarray, "m 3"]
    """Indices of vertices."""
    colours: Float[np.ndarray, "n 3"]
    """As a display shows them, in [0, 1]."""

    @property
    def closed(self) -> bool:
        """Whether it is watertight: every edge belongs to two triangles, which run along it in opposite directions."""
        edges = self.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
        codes = edges[:, 0] * len(self.vertices) + edges[:, 1]
        back = edges[:, 1] * len(self.vertices) + edges[:, 0]
        return len(np.unique(codes)) == len(codes) and np.array_equal(np.sort(codes), np.sort(back))

    @property
    def normals(self) -> Float[np.ndarray, "n 3"]:
        """Unit normals of the vertices: of their triangles, weighted by area."""
        corners = self.vertices[self.triangles]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        total = np.zeros_like(self.vertices)
        for i in range(3):
            np.add.at(total, self.triangles[:, i], across)
        return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-30)


def load_open3d() -> Any:
    """The library that fuses and decimates.

    Raises:
        ValueError: it does not load; one line says what to install.
    """
    try:
        import open3d
    except (ImportError, OSError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"mesh: needs open3d, which does not load here ({first}); on Debian "
            "`apt install libusb-1.0-0 libgl1 libgomp1`"
        ) from error
    return open3d


def as_open3d(mesh: Mesh) -> Any:
    """The same triangles in Open3D's legacy class, without colours."""
    o3d = load_open3d()
    vertices, triangles = mesh.vertices.astype(np.float64), mesh.triangles.astype(np.int32)
    return o3d.geometry.TriangleMesh(o3d.utility.Vector3dVector(vertices), o3d.utility.Vector3iVector(triangles))


def ray_scene(mesh: Mesh) -> Any:
    """Open3D's scene for casting rays and measuring distances."""
    o3d = load_open3d()
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(mesh.vertices.astype(np.float32)), o3d.core.Tensor(mesh.triangles.astype(np.uint32))
    )
    return scene


def distance_to(mesh: Mesh, points: Float[np.ndarray, "k 3"]) -> Float[np.ndarray, " k"]:
    """From each point to the nearest place on the mesh, metres."""
    o3d = load_open3d()
    return ray_scene(mesh).compute_distance(o3d.core.Tensor(points.astype(np.float32))).numpy()
