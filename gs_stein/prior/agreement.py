"""How well two maps agree, whatever their scale and shift."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def pearson(
    a: Float[Tensor, "*B V a b"], b: Float[Tensor, "*#B V a b"], weight: Float[Tensor, "*#B V a b"]
) -> Float[Tensor, "*B V"]:
    """Weighted Pearson correlation over pixels; 0 where either side is constant or nothing is covered."""
    weight = weight / weight.sum((-2, -1), keepdim=True).clamp_min(1e-6)
    a = a - (weight * a).sum((-2, -1), keepdim=True)
    b = b - (weight * b).sum((-2, -1), keepdim=True)
    covariance = (weight * a * b).sum((-2, -1))
    variances = (weight * a * a).sum((-2, -1)) * (weight * b * b).sum((-2, -1))
    # The floor keeps √ differentiable for a flat depth map; φ is then 1 and the variate harmless.
    return covariance / (variances + 1e-12).sqrt()


def shrink(
    values: Float[Tensor, "V H W c"], covered: Float[Tensor, "V H W"], size: tuple[int, int] | torch.Size
) -> tuple[Float[Tensor, "V a b c"], Float[Tensor, "V a b"]]:
    """Area-average to a × b over the covered pixels only; also the covered fraction of each cell."""
    size = (int(size[0]), int(size[1]))
    fraction = functional.interpolate(covered[:, None], size=size, mode="area")
    weighted = (values * covered[..., None]).permute(0, 3, 1, 2)
    mean = functional.interpolate(weighted, size=size, mode="area") / fraction.clamp_min(1e-6)
    return mean.permute(0, 2, 3, 1), fraction[:, 0]
