"""Terms that hold a scene together while the prior pulls at it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein import ranks
from gs_stein.gaussians.model import Gaussians
from gs_stein.threads import one_thread
from gs_stein.types import Render
from gs_stein.update.options import RegularizeOptions
from gs_stein.update.visual_hull import like_background


@dataclass(frozen=True)
class Regularizers:
    """Weighted terms; exactly 0 (and outside the graph) where the weight is 0."""

    depth_tv: Float[Tensor, ""]
    opacity: Float[Tensor, ""]
    scale: Float[Tensor, ""]
    anisotropy: Float[Tensor, ""]
    sparsity: Float[Tensor, ""]
    range: Float[Tensor, ""]
    haze: Float[Tensor, ""]

    def total(self) -> Float[Tensor, ""]:
        """Their sum."""
        own = (self.opacity, self.scale, self.anisotropy, self.sparsity, self.range, self.haze)
        return sum(own, self.depth_tv)

    def items(self) -> dict[str, float]:
        """Their values, by name."""
        return {item.name: getattr(self, item.name).item() for item in fields(self)}


@one_thread()
def regularize(
    options: RegularizeOptions, gaussians: Gaussians, render: Render, background: Float[Tensor, 3]
) -> Regularizers:
    """Every term of a step; see `RegularizeOptions` for what each is good for; `background` is the colour behind."""
    zero = gaussians.means.new_zeros(())
    opacities = gaussians.opacities
    return Regularizers(
        depth_tv=options.depth_tv * depth_variation(render.depth, render.alpha) if options.depth_tv else zero,
        opacity=options.opacity * opacities.mean() if options.opacity else zero,
        scale=options.scale * oversize(gaussians, options.scale_limit, options.scale_slope) if options.scale else zero,
        anisotropy=options.anisotropy * elongation(gaussians, options.anisotropy_limit) if options.anisotropy else zero,
        sparsity=options.sparsity * (opacities * (1 - opacities)).mean() if options.sparsity else zero,
        range=options.range * out_of_range(render.rgb) if options.range else zero,
        haze=options.haze * haze(render, background) if options.haze else zero,
    )


def depth_variation(depth: Float[Tensor, "V H W"], alpha: Float[Tensor, "V H W"]) -> Float[Tensor, ""]:
    """Mean absolute difference of neighbouring depths over the mean depth, where both pixels are covered.

    Relative to the mean, so that no scene gains by shrinking towards the camera.
    """
    hit = (alpha > 0.5).to(depth)
    depths, pixels = ranks.total(torch.stack([(depth.detach() * hit).sum(), hit.sum()]))[0]
    mean = depths / pixels.clamp_min(1.0)
    across = (depth[:, :, 1:] - depth[:, :, :-1]).abs() * hit[:, :, 1:] * hit[:, :, :-1]
    down = (depth[:, 1:] - depth[:, :-1]).abs() * hit[:, 1:] * hit[:, :-1]
    return (across.mean() + down.mean()) / mean.clamp_min(1e-6)


def oversize(gaussians: Gaussians, limit: float, slope: float = 0.0) -> Float[Tensor, ""]:
    """Mean of how far the longest axis exceeds its limit, as a fraction of it.

    Args:
        gaussians: a scene around the origin.
        limit: at the origin, metres.
        slope: what is added to it for each metre from there. Only sizes are pulled at, not distances.
    """
    longest = gaussians.log_scales.amax(dim=-1).exp()
    limits = limit + slope * gaussians.means.detach().norm(dim=-1)
    return torch.relu(longest / limits - 1.0).mean()


def elongation(gaussians: Gaussians, limit: float) -> Float[Tensor, ""]:
    """Mean of how far log(longest / second-longest axis) exceeds log(limit): needles count, discs do not."""
    ordered = gaussians.log_scales.sort(dim=-1).values
    return torch.relu(ordered[:, 2] - ordered[:, 1] - torch.tensor(limit).log().item()).mean()


def out_of_range(rgb: Float[Tensor, "V H W 3"]) -> Float[Tensor, ""]:
    """Mean square of what lies outside [0, 1]."""
    return (rgb - rgb.clamp(0.0, 1.0)).square().mean()


def haze(render: Render, background: Float[Tensor, 3]) -> Float[Tensor, ""]:
    """Mean opacity where a picture shows its background's colour anyway: there, nothing has to stand.

    Only opacity is pulled at; how far a pixel is from the background is taken as given.
    """
    return (render.alpha * like_background(render.rgb.detach(), background)).mean()
