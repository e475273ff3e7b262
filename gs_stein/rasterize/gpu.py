"""The adapter to gsplat's CUDA rasterizer; the only rasterizing code that imports gsplat."""

from __future__ import annotations

import torch
from gsplat import rasterization
from jaxtyping import Float
from torch import Tensor

from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.rasterize.reference import facing_normals, rasterize_reference
from gs_stein.rasterize.sh import sh_colors
from gs_stein.types import Cameras, Render


def rasterize_gpu(
    gaussians: Gaussians, cameras: Cameras, options: RasterizeOptions, background: Float[Tensor, "V 3"]
) -> Render:
    """Rasterize with gsplat. See `gs_stein.rasterize.api.rasterize`.

    Rows of `Render.means2d` whose radius is 0 hold nothing meaningful: gsplat does not write them.

    Source: gsplat 1.5.3, `gsplat.rasterization`.
    """
    if len(gaussians) == 0:
        # No kernel is needed, and none is launched with nothing to do.
        return rasterize_reference(gaussians, cameras, options, background)
    degree = gaussians.sh_degree if options.sh_degree is None else min(options.sh_degree, gaussians.sh_degree)
    # gsplat divides by the length of the quaternion; length zero means no rotation here.
    blank = gaussians.quats.abs().amax(dim=-1, keepdim=True) == 0
    quats = torch.where(blank, gaussians.quats.new_tensor([1.0, 0.0, 0.0, 0.0]), gaussians.quats)
    if options.normals:
        # gsplat composites any number of channels, but only if they are no spherical harmonics.
        to_gaussians = gaussians.means - cameras.positions[:, None]
        colors = torch.stack(
            [
                torch.cat(
                    [sh_colors(gaussians.sh, to, degree), facing_normals(quats, gaussians.log_scales, to)], dim=-1
                )
                for to in to_gaussians
            ]
        )
        backgrounds = torch.cat([background, torch.zeros_like(background)], dim=-1)
    else:
        colors, backgrounds = gaussians.sh, background
    images, alpha, meta = rasterization(
        means=gaussians.means,
        quats=quats,
        scales=gaussians.scales,
        opacities=gaussians.opacities,
        colors=colors,
        viewmats=cameras.viewmats,
        Ks=cameras.Ks,
        width=cameras.width,
        height=cameras.height,
        near_plane=options.near,
        far_plane=options.far,
        eps2d=options.eps2d,
        sh_degree=None if options.normals else degree,
        packed=False,
        backgrounds=backgrounds,
        render_mode="RGB+ED",
        rasterize_mode="antialiased" if options.antialiased else "classic",
    )
    return Render(
        rgb=images[..., :3],
        depth=images[..., -1],
        alpha=alpha[..., 0],
        normals=images[..., 3:6] if options.normals else None,
        means2d=meta["means2d"],
        radii=meta["radii"].amax(dim=-1),
    )
