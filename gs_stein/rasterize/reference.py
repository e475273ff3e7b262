"""The specification: what a rasterizer computes, in plain torch, slow, readable, and exact in float64.

Conventions are those of gsplat 1.5.3: EWA splatting with the Jacobian clamped beyond the image's edge, pixel centres
at +0.5, `eps2d` added to the projected covariance, opacity-aware extents, one global depth order per view (ties by
index), alpha at most 0.999, contributions below 1/255 skipped, and a pixel finished just before its transmittance
would reach 1e-4.

Sources: Zwicker et al., "EWA volume splatting", 2001; Kerbl et al., "3D Gaussian Splatting", 2023; Ye et al.,
"gsplat", arXiv 2409.06765; Radl et al., "StopThePop", arXiv 2402.00525 (extents).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.options import ALPHA_MAX, ALPHA_MIN, EXTENT, FOV_MARGIN, T_MIN, RasterizeOptions
from gs_stein.rasterize.sh import sh_colors
from gs_stein.types import Cameras, Render

ROWS_AT_ONCE = 8
"""Image rows blended together; bounds the memory of the dense pixel × Gaussian tables."""


def rotation_matrices(quats: Float[Tensor, "N 4"]) -> Float[Tensor, "N 3 3"]:
    """Rotations own axes → world from quaternions wxyz of any length (length zero gives the identity)."""
    w, x, y, z = torch.nn.functional.normalize(quats, dim=-1).unbind(-1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def covariances(quats: Float[Tensor, "N 4"], scales: Float[Tensor, "N 3"]) -> Float[Tensor, "N 3 3"]:
    """World covariances R diag(s²) Rᵀ, in square metres."""
    M = rotation_matrices(quats) * scales[:, None, :]
    return M @ M.transpose(1, 2)


@dataclass(frozen=True)
class Projection:
    """N Gaussians as one camera sees them."""

    means2d: Float[Tensor, "N 2"]
    """Centres, pixels."""
    depths: Float[Tensor, " N"]
    """Camera z, metres."""
    conics: Float[Tensor, "N 3"]
    """Inverse 2D covariance (xx, xy, yy), pixels⁻²."""
    opacities: Float[Tensor, " N"]
    """Peak opacities, after the antialiasing compensation if there is one."""
    radii: Int[Tensor, "N 2"]
    """Half extents in x and y of the region where alpha can reach 1/255, pixels; 0 where culled."""


def project(
    means: Float[Tensor, "N 3"],
    covars: Float[Tensor, "N 3 3"],
    opacities: Float[Tensor, " N"],
    viewmat: Float[Tensor, "4 4"],
    K: Float[Tensor, "3 3"],
    width: int,
    height: int,
    options: RasterizeOptions,
) -> Projection:
    """Project 3D Gaussians to one image.

    Args:
        means: centres in the world, metres.
        covars: world covariances, square metres.
        opacities: peak opacities in [0, 1].
        viewmat: world-to-camera, OpenCV axes.
        K: intrinsics, pixels.
        width: image width, pixels.
        height: image height, pixels.
        options: near, far, eps2d, antialiased.

    Returns:
        The projection; rows with radii 0 are culled and hold no meaningful numbers.
    """
    R, t = viewmat[:3, :3], viewmat[:3, 3]
    x, y, z = (means @ R.T + t).unbind(-1)
    covars_c = R @ covars @ R.T
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]

    # Beyond the edge of the image the perspective's slope explodes: linearise at the margin instead.
    margin_x, margin_y = FOV_MARGIN * 0.5 * width / fx, FOV_MARGIN * 0.5 * height / fy
    x_lin = z * torch.clamp(x / z, min=-(cx / fx + margin_x), max=(width - cx) / fx + margin_x)
    y_lin = z * torch.clamp(y / z, min=-(cy / fy + margin_y), max=(height - cy) / fy + margin_y)
    zero = torch.zeros_like(z)
    J = torch.stack(
        [
            torch.stack([fx / z, zero, -fx * x_lin / z**2], dim=-1),
            torch.stack([zero, fy / z, -fy * y_lin / z**2], dim=-1),
        ],
        dim=-2,
    )
    cov2d = J @ covars_c @ J.transpose(1, 2)
    a, b, c = cov2d[:, 0, 0], cov2d[:, 0, 1], cov2d[:, 1, 1]
    det_sharp = a * c - b * b
    a, c = a + options.eps2d, c + options.eps2d
    det = a * c - b * b
    conics = torch.stack([c / det, -b / det, a / det], dim=-1)
    if options.antialiased:
        opacities = opacities * torch.sqrt((det_sharp / det).clamp_min(0.0))
    means2d = torch.stack([fx * x / z + cx, fy * y / z + cy], dim=-1)

    with torch.no_grad():
        extent = torch.sqrt(2 * torch.log(opacities / ALPHA_MIN)).clamp_max(EXTENT)
        radii = torch.ceil(extent[:, None] * torch.sqrt(torch.stack([a, c], dim=-1))).clamp_max(1e9)
        drawn = (z >= options.near) & (z <= options.far) & (det > 0) & det.isfinite() & (opacities >= ALPHA_MIN)
        size = means2d.new_tensor([width, height])
        drawn &= ((means2d + radii > 0) & (means2d - radii < size) & (radii > 0)).all(dim=-1)
        radii = torch.where(drawn[:, None], radii, 0.0).to(torch.int32)
    return Projection(means2d, z, conics, opacities, radii)


def facing_normals(
    quats: Float[Tensor, "N 4"], log_scales: Float[Tensor, "N 3"], to_gaussians: Float[Tensor, "N 3"]
) -> Float[Tensor, "N 3"]:
    """World unit vectors along the shortest axes, turned towards the camera.

    Args:
        quats: rotations wxyz.
        log_scales: logarithms of the standard deviations.
        to_gaussians: vectors from the camera to the Gaussians.
    """
    shortest = log_scales.argmin(dim=-1)
    axes = rotation_matrices(quats)[torch.arange(len(quats), device=quats.device), :, shortest]
    away = (axes * to_gaussians).sum(dim=-1, keepdim=True) > 0
    return torch.where(away, -axes, axes)


def blend(
    view: Projection, features: Float[Tensor, "N C"], width: int, height: int
) -> tuple[Float[Tensor, "H W C"], Float[Tensor, "H W"]]:
    """Composite features front to back.

    Args:
        view: projected Gaussians in depth order, none of them culled.
        features: what to composite.
        width: image width, pixels.
        height: image height, pixels.

    Returns:
        Sums Σ wᵢ featureᵢ, and the accumulated opacities Σ wᵢ.
    """
    u = torch.arange(width, dtype=features.dtype, device=features.device) + 0.5
    sums, alphas = [], []
    for top in range(0, height, ROWS_AT_ONCE):
        rows = min(ROWS_AT_ONCE, height - top)
        v = torch.arange(top, top + rows, dtype=features.dtype, device=features.device) + 0.5
        y, reach = view.means2d[:, 1], view.radii[:, 1]
        near = ((y + reach > top) & (y - reach < top + rows)).nonzero()[:, 0]
        dx = u[None, None, :] - view.means2d[near, 0, None, None]
        dy = v[None, :, None] - view.means2d[near, 1, None, None]
        xx, xy, yy = view.conics[near, :, None, None].unbind(1)
        sigma = 0.5 * (xx * dx * dx + yy * dy * dy) + xy * dx * dy
        alpha = (view.opacities[near, None, None] * torch.exp(-sigma)).clamp_max(ALPHA_MAX)
        alpha = torch.where((sigma >= 0) & (alpha >= ALPHA_MIN), alpha, 0.0)
        transmittance = torch.cumprod(1 - alpha, dim=0)
        # Once at the limit a pixel stays there: the transmittance never grows.
        alpha = torch.where(transmittance > T_MIN, alpha, 0.0)
        before = torch.cat([alpha.new_ones(1, rows, width), torch.cumprod(1 - alpha, dim=0)])
        weight = alpha * before[:-1]
        sums.append(torch.einsum("nhw,nc->hwc", weight, features[near]))
        alphas.append(1 - before[-1])
    return torch.cat(sums), torch.cat(alphas)


def rasterize_reference(
    gaussians: Gaussians, cameras: Cameras, options: RasterizeOptions, background: Float[Tensor, "V 3"]
) -> Render:
    """Rasterize every view, one after the other. See `gs_stein.rasterize.api.rasterize`."""
    degree = gaussians.sh_degree if options.sh_degree is None else min(options.sh_degree, gaussians.sh_degree)
    width, height = cameras.width, cameras.height

    def see(subset: Gaussians, view: int) -> Projection:
        return project(
            subset.means, covariances(subset.quats, subset.scales), subset.opacities,
            cameras.viewmats[view], cameras.Ks[view], width, height, options,
        )  # fmt: skip

    # Who is seen, and in what order, is decided outside the graph; only those enter it. So a Gaussian that is not
    # drawn (behind the camera, not finite, …) cannot send a NaN backwards.
    orders, all_radii = [], []
    with torch.no_grad():
        for i in range(len(cameras)):
            everyone = see(gaussians, i)
            seen = (everyone.radii > 0).all(dim=-1)
            orders.append(torch.where(seen, everyone.depths, torch.inf).argsort(stable=True)[: int(seen.sum())])
            all_radii.append(everyone.radii.amax(dim=-1))

    views = [see(gaussians[order], i) for i, order in enumerate(orders)]
    # The centres enter the images through this one tensor, so that its gradient is what densification wants.
    empty = gaussians.means.new_zeros(len(gaussians), 2)
    means2d = torch.stack([empty.index_copy(0, order, view.means2d) for order, view in zip(orders, views, strict=True)])
    rgbs, depths, alphas, normals = [], [], [], []
    for i, (order, view) in enumerate(zip(orders, views, strict=True)):
        view = replace(view, means2d=means2d[i, order])
        drawn = gaussians[order]
        to_gaussians = drawn.means - cameras.positions[i]
        features = [sh_colors(drawn.sh, to_gaussians, degree), view.depths[:, None]]
        if options.normals:
            features.append(facing_normals(drawn.quats, drawn.log_scales, to_gaussians))
        sums, alpha = blend(view, torch.cat(features, dim=-1), width, height)
        rgbs.append(sums[..., :3] + (1 - alpha)[..., None] * background[i])
        depths.append(sums[..., 3] / alpha.clamp_min(1e-10))
        alphas.append(alpha)
        normals.append(sums[..., 4:])
    return Render(
        rgb=torch.stack(rgbs),
        depth=torch.stack(depths),
        alpha=torch.stack(alphas),
        normals=torch.stack(normals) if options.normals else None,
        means2d=means2d,
        radii=torch.stack(all_radii),
    )
