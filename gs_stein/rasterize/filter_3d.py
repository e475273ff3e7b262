"""Pictures of any size that look as the training views did.

A rasterizer widens every projected Gaussian by a fraction of a pixel. Whoever draws larger pictures than those that
were trained on widens less, measured in the world: Gaussians come out thinner than they ever were seen, edges fray and
speckles appear. Here the widening is put into the Gaussians, once training is over or somebody looks.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.cameras.options import CameraOptions
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.types import Cameras

VIEWS = 32
"""Cameras that stand for all that training drew."""
PIXEL = 1 / 12
"""Variance (pixels²) of a square pixel: by so much a picture of many small pixels, averaged, is blurred anyway."""


def sampling_density(gaussians: Gaussians, cameras: Cameras) -> Float[Tensor, " N"]:
    """Pixels per square metre at each Gaussian, the mean over the views that see its centre; 0 where none does."""
    total = gaussians.means.new_zeros(len(gaussians))
    seen = torch.zeros_like(total)
    for viewmat, K in zip(cameras.viewmats.to(total), cameras.Ks.to(total), strict=True):
        x, y, z = (gaussians.means.detach() @ viewmat[:3, :3].T + viewmat[:3, 3]).unbind(1)
        z = torch.where(z > 0.01, z, torch.nan)  # what compares false is not seen
        u, v = K[0, 0] * x / z + K[0, 2], K[1, 1] * y / z + K[1, 2]
        visible = (u > 0) & (u < cameras.width) & (v > 0) & (v < cameras.height)
        total = total + torch.where(visible, K[0, 0] * K[1, 1] / z.square(), 0.0)
        seen = seen + visible
    return total / seen.clamp_min(1)


@torch.no_grad()
def as_trained(gaussians: Gaussians, cameras: CameraOptions, options: RasterizeOptions | None = None) -> Gaussians:
    """A scene that shows at any resolution what it showed its training views.

    Args:
        gaussians: as optimised; not changed.
        cameras: where training looked from, and its resolution.
        options: of the rasterizer that it was trained with. With `antialiased` nothing needs to be done.

    Returns:
        The scene with the variance of (eps2d − 1/12) pixels² added to every axis.

    Source: the 3D smoothing filter of Mip-Splatting (arXiv 2311.16493, section 5.1), without its weakening of
    opacities, which training did not do either; and with the mean density of samples for the largest one, which comes
    nearest to what was seen.
    """
    options = RasterizeOptions() if options is None else options
    added = options.eps2d - PIXEL
    if options.antialiased or added <= 0 or len(gaussians) == 0:
        return gaussians
    density = sampling_density(gaussians, sample_cameras(cameras, VIEWS, torch.Generator().manual_seed(0)))
    variance = torch.where(density > 0, added / density, 0.0)
    widened = 0.5 * torch.log(torch.exp(2 * gaussians.log_scales) + variance[:, None])
    return replace(gaussians, log_scales=widened)
