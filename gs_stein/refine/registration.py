"""Refined views moved a little, to where the scene has what they show.

Views that were denoised jointly agree on what there is, but not to the pixel on where. Fitting their mean blurs every
edge by as much as they disagree. So each view is registered to the scene's rendering of it, which is about that mean,
and the scene goes on being fitted to the moved views: the atlas of groupwise registration (Joshi et al., NeuroImage
2004), whose mean is sharp. Zhou and Koltun (ACM TOG 2014) straighten photographs likewise before they colour a mesh.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

SIDE = 128
"""Pixels at most, in which displacements are looked for."""
COARSEST = 32
"""Pixels of the smallest pictures of the pyramid, at least."""
ITERATIONS = 4
"""At every level of the pyramid, of a pixel at most."""
WINDOW = 5.0
"""Standard deviation (pixels) of the window that is taken to move as one."""
STIFFNESS = 1e-3
"""Mean squared gradient (per pixel², colours in [0, 1]) below which a window rather stays."""


@torch.no_grad()
def estimate_flow(pictures: Float[Tensor, "V 3 H W"], wanted: Float[Tensor, "V 3 a b"]) -> Float[Tensor, "V 2 h w"]:
    """Where every place of `wanted` is to be found in `pictures`.

    Args:
        pictures: in [0, 1].
        wanted: the same views, in which things stand somewhat elsewhere.

    Returns:
        What to add to a place, (x, y), to come there: in halves of the picture's width and height, as in `grid_sample`.

    Source: the pyramidal method of Lucas and Kanade (IJCAI 1981; Bouguet 2000), of all channels, in Gaussian windows.
    """
    height, width = (min(SIDE, n) for n in pictures.shape[-2:])
    source, target = (F.interpolate(x, (height, width), mode="area") for x in (pictures, wanted.to(pictures)))
    pyramid = [(source, target)]
    while min(pyramid[-1][0].shape[-2:]) >= 2 * COARSEST:
        pyramid.append((F.avg_pool2d(pyramid[-1][0], 2), F.avg_pool2d(pyramid[-1][1], 2)))
    flow = pictures.new_zeros(len(pictures), 2, 1, 1)
    for source, target in reversed(pyramid):
        half = flow.new_tensor([source.shape[-1], source.shape[-2]]).view(1, 2, 1, 1) / 2
        for _ in range(ITERATIONS):
            further = pixels_further(warp(source, flow), target) / half
            flow = F.interpolate(flow, further.shape[-2:], mode="bilinear") + further
    return flow


def pixels_further(source: Float[Tensor, "V 3 h w"], target: Float[Tensor, "V 3 h w"]) -> Float[Tensor, "V 2 a b"]:
    """One step of Lucas and Kanade: pixels, (x, y), by which the source has to be looked up elsewhere, one at most.

    At every other place (a, b = h/2, w/2): windows are wide.
    """
    mean, missing = (source + target) / 2, target - source
    x, y = F.pad(mean, (1, 1, 0, 0), mode="replicate"), F.pad(mean, (0, 0, 1, 1), mode="replicate")
    x, y = (x[..., 2:] - x[..., :-2]) / 2, (y[..., 2:, :] - y[..., :-2, :]) / 2
    products = torch.stack([(a * b).mean(1) for a, b in ((x, x), (x, y), (y, y), (x, missing), (y, missing))], 1)
    xx, xy, yy, xm, ym = blurred(F.avg_pool2d(products, 2), WINDOW / 2).unbind(1)
    xx, yy = xx + STIFFNESS, yy + STIFFNESS
    step = torch.stack([yy * xm - xy * ym, xx * ym - xy * xm], 1) / (xx * yy - xy * xy)[:, None]
    return step.clamp(-1, 1)


def warp(
    pictures: Float[Tensor, "V C H W"], flow: Float[Tensor, "V 2 h w"], mode: str = "bilinear"
) -> Float[Tensor, "V C H W"]:
    """Pictures of any size looked up where a displacement says; beyond its border a picture goes on as it ends."""
    size = list(pictures.shape)
    straight = F.affine_grid(torch.eye(2, 3).to(flow).expand(size[0], 2, 3), size, align_corners=False)
    further = F.interpolate(flow, size[-2:], mode="bilinear").permute(0, 2, 3, 1)
    return F.grid_sample(pictures, straight + further, mode=mode, padding_mode="border", align_corners=False)


def blurred(x: Float[Tensor, "V C h w"], sigma: float) -> Float[Tensor, "V C h w"]:
    """Convolved with a Gaussian of so many pixels; beyond its border a picture goes on as it ends."""
    radius = int(3 * sigma)
    weights = torch.exp(-torch.arange(-radius, radius + 1).to(x).square() / (2 * sigma**2))
    weights = (weights / weights.sum()).expand(x.shape[1], 1, 1, -1)
    x = F.conv2d(F.pad(x, (radius, radius, 0, 0), mode="replicate"), weights, groups=x.shape[1])
    return F.conv2d(F.pad(x, (0, 0, radius, radius), mode="replicate"), weights.mT, groups=x.shape[1])


def moved_by(rgb: Float[Tensor, "V 3 H W"], flow: Float[Tensor, "V 2 h w"]) -> Float[Tensor, "V 3 H W"]:
    """Pictures in [0, 1], sharp as they are, looked up where a displacement says."""
    return warp(rgb, flow, "bicubic").clamp(0, 1)
