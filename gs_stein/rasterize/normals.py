"""Surface normals from a depth image, to compare with the Gaussians' own."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.types import Cameras


def points_from_depth(depth: Float[Tensor, "V H W"], cameras: Cameras) -> Float[Tensor, "V H W 3"]:
    """World points that pixels at these depths (camera z, metres) show."""
    V, H, W = depth.shape
    if depth.shape != (len(cameras), cameras.height, cameras.width):
        raise ValueError(
            f"depth: shape {(V, H, W)} does not fit {len(cameras)} cameras of {cameras.height}×{cameras.width} pixels"
        )
    v, u = torch.meshgrid(
        torch.arange(H, dtype=depth.dtype, device=depth.device) + 0.5,
        torch.arange(W, dtype=depth.dtype, device=depth.device) + 0.5,
        indexing="ij",
    )
    fx, fy, cx, cy = (cameras.Ks[:, i, j, None, None].to(depth) for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    local = torch.stack([(u - cx) / fx * depth, (v - cy) / fy * depth, depth], dim=-1)
    local = local - cameras.viewmats[:, None, None, :3, 3].to(depth)
    return torch.einsum("vji,vrcj->vrci", cameras.viewmats[:, :3, :3].to(depth), local)


def normals_from_depth(depth: Float[Tensor, "V H W"], cameras: Cameras) -> Float[Tensor, "V H W 3"]:
    """World unit normals of the surface that a depth image shows, turned towards the camera; differentiable.

    Central differences of the world points inside the image; the outermost ring of pixels is 0, and so is every
    pixel that itself or one of its four neighbours shows nothing (depth 0).

    Args:
        depth: expected depth, camera z in metres.
        cameras: the views it was rendered from.

    Returns:
        Normals of length 1 (or 0 where there is none).
    """
    points = points_from_depth(depth, cameras)
    across = points[:, 1:-1, 2:] - points[:, 1:-1, :-2]
    down = points[:, 2:, 1:-1] - points[:, :-2, 1:-1]
    # x right × y down points away from the camera (z forward), so the order is swapped.
    normals = torch.nn.functional.normalize(torch.linalg.cross(down, across), dim=-1)
    hit = depth > 0
    whole = hit[:, 1:-1, 1:-1] & hit[:, 1:-1, 2:] & hit[:, 1:-1, :-2] & hit[:, 2:, 1:-1] & hit[:, :-2, 1:-1]
    normals = torch.where(whole[..., None], normals, 0.0)
    return torch.nn.functional.pad(normals, (0, 0, 1, 1, 1, 1))
