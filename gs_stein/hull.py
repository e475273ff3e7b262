"""The first shape of an object: what some view's guess shows the background through cannot stand there.

Learning where nothing is takes Adam dozens of steps, since every Gaussian along a ray is pulled at alike. Views that
agree with each other tell at once: what projects onto the background in any of them lies outside the visual hull
(Laurentini 1994), and may go.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.types import Cameras

TOLERANCE = 0.06
"""Root-mean-square difference of colours, over channels, that may still be the background."""


def like_background(
    rgb: Float[Tensor, "V H W 3"], behind: Float[Tensor, 3], tolerance: float = TOLERANCE
) -> Float[Tensor, "V H W"]:
    """How much each pixel looks like the background: 1 where it is the same, 0 far from it."""
    apart = (rgb - behind).square().mean(-1)
    return torch.exp(-apart / (2 * tolerance**2))


@torch.no_grad()
def inside(
    means: Float[Tensor, "N 3"], cameras: Cameras, rgb: Float[Tensor, "V H W 3"], behind: Float[Tensor, 3]
) -> Float[Tensor, " N"]:
    """How surely every view shows something other than the background where a point projects.

    Args:
        means: points, metres.
        cameras: V views on the same device.
        rgb: what they show. Beyond its border a picture goes on as it ends; what lies behind a camera, it does not see.
        behind: the background's colour.

    Returns:
        From 0, some view shows the background there, to 1, none does.
    """
    solid = 1 - like_background(rgb, behind)
    size = means.new_tensor([cameras.width, cameras.height])
    least = means.new_ones(len(means))
    for viewmat, K, picture in zip(cameras.viewmats, cameras.Ks, solid, strict=True):
        at = means @ viewmat[:3, :3].T + viewmat[:3, 3]
        pixels = at[:, :2] / at[:, 2:].clamp_min(1e-6) * K.diagonal()[:2] + K[:2, 2]
        grid = (2 * pixels / size - 1)[None, None]
        found = F.grid_sample(picture[None, None], grid, padding_mode="border", align_corners=False)[0, 0, 0]
        least = torch.minimum(least, torch.where(at[:, 2] > 0, found, 1.0))
    return least


def carved(
    opacity_logits: Float[Tensor, " N"], inside: Float[Tensor, " N"], share: float
) -> Float[Tensor, " N"]:
    """Opacity logits after Gaussians lose a share of their opacity, as far as they are outside."""
    left = 1 - share * (1 - inside)
    return torch.logit((opacity_logits.sigmoid() * left).clamp(1e-4, 1 - 1e-4))
