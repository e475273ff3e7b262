"""From depth pictures to a closed mesh: a truncated signed distance on a grid, solid wherever nobody could see.

A voxel that some view saw through is free; one that no view ever saw is solid. So the surface closes by itself: under
an object, behind a sofa, inside a wall. Open3D finds the triangles (its VoxelBlockGrid does so alike in 0.19 and 0.20,
where ScalableTSDFVolume returns nothing for float depth in metres). Distances are integrated here, because Open3D reads
the nearest pixel's depth, which makes steps of floors, and does not count the views that something hid a voxel from.

Sources: Curless and Levoy, "A volumetric method for building complex models from range images" (1996), whose unseen
voxels are solid here; Garland and Heckbert, "Surface simplification using quadric error metrics" (1997).
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gs_stein.mesh.surface import Mesh, as_open3d, load_open3d
from gs_stein.mesh.views import Seen
from gs_stein.types import Cameras

_BLOCK = 8
"""Voxels along the edge of a block."""
_TRUNCATED = 4.0
"""Voxels in front of and behind a surface that it is averaged over."""
_CUBE = 32
"""Edge of a cube of voxels that is worked through at once, in the processor's cache; a multiple of the block's."""
_BELIEVED = 0.12
"""Views that must have seen a voxel, for one that something hid it from: fewer looked through a gap between splats."""
_ONE_SURFACE = 0.1
"""Neighbouring pixels whose inverse depths differ by less than this fraction show one surface."""
_HIT, _MISSED = 0.5, 0.3
"""Opacities from which a pixel shows a surface, and to which it shows none."""
_FEWEST = 5
"""Voxels along a scene's longest side at least: made of fewer, a mesh has nothing of its shape."""
_SPECK = 0.002
"""Pieces of less than this fraction of the largest one's area are left out."""


def fuse(seen: Seen, voxel: float | None, cells: int, inside: bool, shell: bool) -> tuple[Mesh, float]:
    """The closed surface between what views saw through and everything else.

    Args:
        seen: the views.
        voxel: edge of a voxel, metres; None: such that there are about `cells`.
        cells: voxels in all.
        inside: of a room, which is free inside a solid block; else of an object in free space.
        shell: of a room, also give the block an outside.

    Returns:
        The mesh without colours, and the voxel's edge.

    Raises:
        ValueError: nothing was seen, or there would be too many voxels or too few.
    """
    low, high = _bounds(seen, inside)
    if voxel is None:
        voxel = float(np.cbrt(np.prod(high - low) / cells))
    elif voxel > (longest := float(np.max(high - low)) / _FEWEST):
        raise ValueError(f"voxel: {voxel:g} m is too long for this scene; give {longest:.2g} m at most")
    # Beyond the surface on every side: for what is behind it, and for the border.
    low = low - (_TRUNCATED + 2) * voxel
    counts = np.ceil((high - low) / voxel + _TRUNCATED + 2).astype(int)
    if np.prod(counts.astype(float)) > 2e8:
        raise ValueError(f"voxel: {voxel:g} m makes more than 200 million voxels of this scene; give a longer edge")
    far = 2 * float(np.linalg.norm(high - low)) + float(seen.depth.max())
    total, weight, behind = _integrated(_usable(seen, voxel, inside, far), seen.cameras, low, voxel, counts)
    distance = np.where(weight > _BELIEVED * behind, total / np.maximum(weight, 1), np.float32(-1))
    _close_border(distance, inside, shell)
    whole = _triangles(distance, low, voxel)
    if len(whole.triangles) == 0:
        raise ValueError("mesh: the views see no surface; the scene is too faint, or too small for its voxels")
    return whole, voxel


def _integrated(
    depth: Float[Tensor, "V H W"], cameras: Cameras, low: np.ndarray, voxel: float, counts: np.ndarray
) -> tuple[Float[np.ndarray, "X Y Z"], Float[np.ndarray, "X Y Z"], Float[np.ndarray, "X Y Z"]]:
    """Sums of the truncated signed distances, in units of the truncation; how many views saw each voxel; and to how
    many something hid it."""
    sums = [np.zeros(counts, np.float32) for _ in range(3)]
    # Pixels times depth are linear in a voxel's indices.
    matrices = (cameras.Ks.double() @ cameras.viewmats[:, :3].double()).numpy()
    matrices[:, :, 3] += matrices[:, :, :3] @ low
    matrices[:, :, :3] *= voxel
    pictures = torch.where(depth > 0, 1 / depth.clamp_min(1e-6), 0.0).flatten(1).numpy()

    def cube(first: tuple[int, ...]) -> None:
        part = tuple(slice(i, min(i + _CUBE, int(n))) for i, n in zip(first, counts, strict=True))
        for view in _who_sees(matrices, part, cameras):
            _add_view(matrices[view], pictures[view], cameras, voxel, part, *(values[part] for values in sums))

    firsts = itertools.product(*(range(0, int(n), _CUBE) for n in counts))
    # In numpy, not torch: threads that each work through cubes of their own do not wait for each other.
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(cube, firsts))
    return sums[0], sums[1], sums[2]


def _who_sees(matrices: Float[np.ndarray, "V 3 4"], part: tuple[slice, ...], cameras: Cameras) -> np.ndarray:
    """The views that see some of a cube: not all of its corners lie beyond one side of the picture."""
    corners = np.array([(*corner, 1.0) for corner in itertools.product(*((s.start, s.stop) for s in part))])
    u, v, w = np.moveaxis(matrices @ corners.T, 1, 0)
    beyond = (w <= 0, u < 0, v < 0, u > cameras.width * w, v > cameras.height * w)
    return np.flatnonzero(~np.any([side.all(axis=1) for side in beyond], axis=0))


def _add_view(
    matrix: Float[np.ndarray, "3 4"], picture: Float[np.ndarray, " HW"], cameras: Cameras, voxel: float,
    part: tuple[slice, ...], total: np.ndarray, weight: np.ndarray, behind: np.ndarray,
) -> None:  # fmt: skip
    """Add one view to a cube of voxels."""
    x, y, z = (np.arange(s.start, s.stop, dtype=np.float32) for s in part)
    u, v, w = (
        (row[0] * x)[:, None, None] + (row[1] * y)[:, None] + (row[2] * z + row[3]) for row in matrix.astype(np.float32)
    )
    ahead = np.maximum(w, 1e-6)
    u /= ahead
    v /= ahead
    there = (w > 1e-3) & (u >= 0) & (u < cameras.width) & (v >= 0) & (v < cameras.height)
    index = np.flatnonzero(there)
    inverse = _between_pixels(picture, u.ravel()[index], v.ravel()[index], cameras.width, cameras.height)
    measured = 1 / np.maximum(inverse, np.float32(1e-9))
    distance = (measured - w.ravel()[index]) / np.float32(_TRUNCATED * voxel)
    # All three are views of the whole grid, which is not contiguous in a cube.
    known = inverse > 0
    hidden = np.unravel_index(index[known & (distance <= -1)], total.shape)
    behind[hidden] += 1
    good = known & (distance > -1)
    place = np.unravel_index(index[good], total.shape)
    total[place] += np.minimum(distance[good], 1)
    weight[place] += 1


def _between_pixels(
    picture: Float[np.ndarray, " HW"], u: Float[np.ndarray, " k"], v: Float[np.ndarray, " k"], width: int, height: int
) -> Float[np.ndarray, " k"]:
    """Inverse depth between the centres of pixels, exact on planes; the nearest pixel's where the four are not one
    surface. Without it, floors seen at a flat angle come out in steps."""
    column = np.clip((u - 0.5).astype(np.int64), 0, width - 2)
    row = np.clip((v - 0.5).astype(np.int64), 0, height - 2)
    first = row * width + column
    a, b, c, d = picture[first], picture[first + 1], picture[first + width], picture[first + width + 1]
    right, down = np.clip(u - 0.5 - column, 0, 1), np.clip(v - 0.5 - row, 0, 1)
    smooth = (1 - down) * ((1 - right) * a + right * b) + down * ((1 - right) * c + right * d)
    low, high = np.minimum(np.minimum(a, b), np.minimum(c, d)), np.maximum(np.maximum(a, b), np.maximum(c, d))
    nearest = picture[first + (down > 0.5) * width + (right > 0.5)]
    return np.where((low > 0) & (high - low < _ONE_SURFACE * high), smooth, nearest)


def _triangles(distance: Float[np.ndarray, "X Y Z"], low: np.ndarray, voxel: float) -> Mesh:
    """Marching cubes by Open3D's VoxelBlockGrid, filled with our distances."""
    o3d = load_open3d()
    o3c = o3d.core
    # Whole blocks: more of what is outermost.
    distance = np.pad(distance, [(0, -n % _BLOCK) for n in distance.shape], mode="edge")
    blocks = [n // _BLOCK for n in distance.shape]
    places = np.stack(np.meshgrid(*(np.arange(n) for n in blocks), indexing="ij"), axis=-1).reshape(-1, 3)
    keys = o3c.Tensor(places.astype(np.int32))
    grid = o3d.t.geometry.VoxelBlockGrid(
        ("tsdf", "weight"), (o3c.float32, o3c.float32), ((1,), (1,)), 1.0, _BLOCK, len(places), o3c.Device("CPU:0")
    )
    grid.hashmap().activate(keys)
    rows, _ = grid.hashmap().find(keys)
    # Blocks in the order of the keys; within one, x runs fastest.
    split = distance.reshape(blocks[0], _BLOCK, blocks[1], _BLOCK, blocks[2], _BLOCK)
    grid.attribute("tsdf").numpy()[rows.numpy(), ..., 0] = split.transpose(0, 2, 4, 5, 3, 1).reshape(-1, *[_BLOCK] * 3)
    grid.attribute("weight").numpy()[:] = 1.0
    mesh = grid.extract_triangle_mesh(0.0).to_legacy()
    # Open3D's threads number them in another order every time; what follows shall not depend on it.
    vertices, triangles = np.asarray(mesh.vertices), np.asarray(mesh.triangles)
    order = np.lexsort(vertices.T)
    triangles = np.argsort(order)[triangles]
    triangles = np.take_along_axis(triangles, (triangles.argmin(axis=1)[:, None] + np.arange(3)) % 3, axis=1)
    triangles = triangles[np.lexsort(triangles.T)]
    return Mesh(vertices[order] * voxel + low, triangles, np.zeros_like(vertices))


def _close_border(distance: Float[np.ndarray, "X Y Z"], inside: bool, shell: bool) -> None:
    """The outermost voxels: solid around a room, free around everything else and around a room's block."""
    walls = np.ones_like(distance, dtype=bool)
    if inside:
        walls[2:-2, 2:-2, 2:-2] = False
        distance[walls] = -1.0
        walls[1:-1, 1:-1, 1:-1] = False
    else:
        walls[1:-1, 1:-1, 1:-1] = False
    if shell or not inside:
        distance[walls] = 1.0


def _bounds(seen: Seen, inside: bool) -> tuple[Float[np.ndarray, "xyz=3"], Float[np.ndarray, "xyz=3"]]:
    """Corners of the box that nearly all of what was seen lies in."""
    mask = seen.alpha > _HIT
    if int(mask.sum()) < 100:
        raise ValueError("mesh: the views see next to nothing that is more than half opaque")
    points = seen.points(mask)
    share = 0.5 if inside else 0.02
    low, high = np.percentile(points, [share, 100 - share], axis=0)
    margin = 0.02 * float(np.max(high - low))
    return low - margin, high + margin


def _usable(seen: Seen, voxel: float, inside: bool, far: float) -> Float[Tensor, "V H W"]:
    """Depth that says something: 0 at edges, where it is a mean of near and far, and where the scene is half opaque.

    Around an object, a pixel that shows nothing shows that all is free up to `far`.
    """
    hit = (seen.alpha > _HIT) & (seen.depth > 0)
    depth = torch.where(hit & ~_edges(seen.depth, hit, voxel), seen.depth, 0.0)
    return depth if inside else torch.where(seen.alpha < _MISSED, far, depth)


def _edges(depth: Float[Tensor, "V H W"], hit: Bool[Tensor, "V H W"], voxel: float) -> Bool[Tensor, "V H W"]:
    """Pixels at which the depth jumps: there its inverse, which is linear on planes, bends by more than two voxels."""
    inverse = torch.where(hit, 1 / depth.clamp_min(1e-6), 0.0)
    found = torch.zeros_like(hit)
    for axis in (1, 2):
        count = inverse.shape[axis] - 2
        before, middle, after = (inverse.narrow(axis, i, count) for i in range(3))
        z = depth.narrow(axis, 1, count)
        bent = (before + after - 2 * middle).abs() * z * z > 2 * voxel
        # Beside an object is nothing, which is no wrong depth.
        known = hit.narrow(axis, 0, count) & hit.narrow(axis, 2, count)
        found.narrow(axis, 1, count).logical_or_(bent & known)
    return found


def without_specks(mesh: Mesh) -> Mesh:
    """Without small pieces that hang in the air."""
    solid = as_open3d(mesh)
    piece, _, areas = solid.cluster_connected_triangles()
    areas = np.asarray(areas)
    keep = areas[np.asarray(piece)] >= _SPECK * areas.max()
    return compact(mesh.vertices, mesh.triangles[keep])


def compact(vertices: np.ndarray, triangles: np.ndarray) -> Mesh:
    """Without vertices that no triangle has."""
    used, flat = np.unique(triangles, return_inverse=True)
    return Mesh(vertices[used], flat.reshape(-1, 3), np.zeros((len(used), 3)))


def with_triangles(mesh: Mesh, count: int) -> Mesh:
    """At most so many triangles, closed if the mesh is.

    Quadric decimation can fold a thin part onto itself; a little more or less of it then does not.
    """
    if len(mesh.triangles) <= count:
        return mesh
    best = None
    for share in (1.0, 0.97, 0.93, 0.88, 0.8, 0.7, 0.6, 0.5):
        solid = as_open3d(mesh).simplify_quadric_decimation(max(4, int(share * count)))
        solid.remove_degenerate_triangles()
        small = compact(np.asarray(solid.vertices), np.asarray(solid.triangles))
        if small.closed or not mesh.closed:
            return small
        best = best or small
    assert best is not None
    return best


def coloured(mesh: Mesh, seen: Seen, voxel: float) -> Mesh:
    """With the mean colour of the views that see each vertex; unseen ones take the nearest seen one's."""
    from scipy.spatial import KDTree

    points = torch.from_numpy(np.asarray(mesh.vertices)).float()
    normals = torch.from_numpy(mesh.normals).float()
    total, weights = torch.zeros(len(points), 3), torch.zeros(len(points), 1)
    size = torch.tensor([seen.cameras.width, seen.cameras.height])
    for i, (viewmat, K) in enumerate(zip(seen.cameras.viewmats, seen.cameras.Ks, strict=True)):
        local = points @ viewmat[:3, :3].T + viewmat[:3, 3]
        z = local[:, 2]
        uv = local[:, :2] / z.clamp_min(1e-6)[:, None] * K[[0, 1], [0, 1]] + K[:2, 2]
        there = 2 * uv / size - 1
        pictures = torch.cat([seen.rgb[i], seen.depth[i][..., None], seen.alpha[i][..., None]], dim=-1)
        at = torch.nn.functional.grid_sample(pictures.permute(2, 0, 1)[None], there[None, None], align_corners=False)
        at = at[0, :, 0].T
        toward = torch.nn.functional.normalize(seen.cameras.positions[i] - points, dim=1)
        facing = (toward * normals).sum(dim=1).clamp_min(0)
        visible = (z > 0.01) & (there.abs() < 1).all(dim=1) & (at[:, 4] > _HIT)
        near = (at[:, 3] - z).abs() < 3 * voxel
        weight = torch.where(visible & near, facing.square() / z.clamp_min(0.01).square(), 0.0)[:, None]
        total += weight * at[:, :3]
        weights += weight
    known = (weights[:, 0] > 0).numpy()
    colours = (total / weights.clamp_min(1e-12)).clamp(0, 1).double().numpy()
    if known.any() and not known.all():
        nearest = KDTree(mesh.vertices[known]).query(mesh.vertices[~known])[1]
        colours[~known] = colours[known][nearest]
    return Mesh(mesh.vertices, mesh.triangles, colours)
