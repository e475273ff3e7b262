"""The radial frequency bands in which coefficients are resolved (DCT domain, see `gs_stein.prior.dct`)."""

from __future__ import annotations

import math

import torch
from jaxtyping import Int
from torch import Tensor


def radial_bands(rows: int, columns: int, bands: int) -> Int[Tensor, "rows columns"]:
    """Band of every DCT coefficient: 0 is the mean, then equal ratios of radius (octaves, roughly) up to the corner.

    Pictures and denoisers change with the logarithm of frequency; low bands stay narrow although they hold few
    coefficients.
    """
    frequency = torch.meshgrid(
        torch.arange(rows, dtype=torch.float64), torch.arange(columns, dtype=torch.float64), indexing="ij"
    )
    radius = torch.hypot(*frequency)
    if bands == 1 or rows * columns == 1:
        return torch.zeros(rows, columns, dtype=torch.long)
    corner = math.log(max(float(radius.max()), 1.0) + 1e-9) or 1.0
    place = (radius.clamp_min(1.0).log() / max(corner, 1e-9)).clamp(0, 1 - 1e-9)
    return torch.where(radius < 0.5, 0, 1 + (place * (bands - 1)).floor().long()).long()


def parts(channels: int, rows: int, columns: int, bands: int) -> Int[Tensor, " D"]:
    """Part (channel × band) of every flattened DCT coefficient of a (C, h, w) latent, in [0, channels · bands)."""
    band = radial_bands(rows, columns, bands)
    return (torch.arange(channels)[:, None, None] * bands + band).flatten()
