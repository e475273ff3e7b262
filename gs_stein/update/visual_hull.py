"""The visual hull of an object: where every view shows something.

Learning where nothing is takes Adam dozens of steps, since every Gaussian along a ray is pulled at alike, and where no
Gaussian is, nothing is pulled. Views that agree with each other tell both at once: what projects onto the background in
any of them lies outside the visual hull (Laurentini 1994), and may go; what lies inside and shows nothing yet is
missing.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.gaussians.initialise import from_points
from gs_stein.gaussians.model import Gaussians
from gs_stein.threads import one_thread
from gs_stein.types import Cameras

TOLERANCE = 0.06
"""Root-mean-square difference of colours, over channels, that may still be the background."""
PLACES = 200_000
"""Places that are tried when Gaussians are sown."""
DISSENT = 0.25
"""Share of the refined views that may have nothing where something stands: they agree but roughly on thin parts.
Half as many where something is sown: what is sown too much stays as haze."""


def like_background(
    rgb: Float[Tensor, "V H W 3"], background: Float[Tensor, 3], tolerance: float = TOLERANCE
) -> Float[Tensor, "V H W"]:
    """How much each pixel looks like the background: 1 where it is the same, 0 far from it."""
    apart = (rgb - background).square().mean(-1)
    return torch.exp(-apart / (2 * tolerance**2))


@torch.no_grad()
def seen(
    points: Float[Tensor, "N 3"], cameras: Cameras, pictures: Float[Tensor, "V H W"], unseen: float
) -> Float[Tensor, "V N"]:
    """What every view shows where a point projects; `unseen` behind a camera.

    Beyond its border a picture goes on as it ends.
    """
    size = points.new_tensor([cameras.width, cameras.height])
    found = []
    for viewmat, K, picture in zip(cameras.viewmats, cameras.Ks, pictures, strict=True):
        at = points @ viewmat[:3, :3].T + viewmat[:3, 3]
        pixels = at[:, :2] / at[:, 2:].clamp_min(1e-6) * K.diagonal()[:2] + K[:2, 2]
        grid = (2 * pixels / size - 1)[None, None]
        value = F.grid_sample(picture[None, None], grid, padding_mode="border", align_corners=False)[0, 0, 0]
        found.append(torch.where(at[:, 2] > 0, value, unseen))
    return torch.stack(found)


@torch.no_grad()
def inside_hull(
    points: Float[Tensor, "N 3"],
    cameras: Cameras,
    rgb: Float[Tensor, "V H W 3"],
    background: Float[Tensor, 3],
    dissent: float = 0.0,
) -> Float[Tensor, " N"]:
    """How surely every view shows something other than the background where a point projects.

    Args:
        points: in the world, metres.
        cameras: V views on the same device.
        rgb: what they show.
        background: its colour.
        dissent: share of the views that may show the background there nevertheless.

    Returns:
        From 0, some view shows the background there, to 1, none does.
    """
    solid = seen(points, cameras, 1 - like_background(rgb, background), unseen=1.0)
    return solid.kthvalue(1 + int(dissent * len(solid)), dim=0).values


@one_thread()
def prune_outside_hull(
    opacity_logits: Float[Tensor, " N"], inside: Float[Tensor, " N"], share: float
) -> Float[Tensor, " N"]:
    """Opacity logits after Gaussians lose a share of their opacity, as far as they are outside."""
    left = 1 - share * (1 - inside)
    return torch.logit((opacity_logits.sigmoid() * left).clamp(1e-4, 1 - 1e-4))


@torch.no_grad()
def seed_in_hull(
    cameras: Cameras,
    rgb: Float[Tensor, "V H W 3"],
    alpha: Float[Tensor, "V H W"],
    background: Float[Tensor, 3],
    count: int,
    generator: torch.Generator,
) -> Gaussians:
    """Gaussians for what views show and the scene has not.

    Args:
        cameras: V views that look at the object, on the same device.
        rgb: what they shall show.
        alpha: the scene's opacity there.
        background: its colour.
        count: of Gaussians at most.
        generator: of the places that are tried (CPU).

    Returns:
        Half opaque ones at random places that lie in the visual hull of `rgb`, and through which half of the views or
        more see past the scene. (In fewer, places behind a back or under a seat would count too.)
    """
    half = 0.5 * cameras.width / cameras.Ks[:, 0, 0]
    radius = float((cameras.positions.norm(dim=1) * half / (1 + half**2).sqrt()).min())
    direction = F.normalize(torch.randn(PLACES, 3, generator=generator), dim=-1)
    points = (radius * direction * torch.rand(PLACES, 1, generator=generator) ** (1 / 3)).to(rgb)
    covered = seen(points, cameras, alpha, unseen=1.0).median(dim=0).values
    missing = inside_hull(points, cameras, rgb, background, DISSENT / 2) * (1 - covered)
    points = points[(missing > 0.5).nonzero()[:count, 0]]
    colours = [seen(points, cameras, rgb[..., i], unseen=0.5).mean(0) for i in range(3)]
    return from_points(points.cpu(), torch.stack(colours, dim=-1).cpu(), 0.5).to(rgb.device)
