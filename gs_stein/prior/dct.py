"""The orthonormal discrete cosine transform of images, as two small matrix products: exact and differentiable."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor


@lru_cache(maxsize=32)
def _dct_matrix(size: int) -> Float[Tensor, "size size"]:
    """Orthonormal DCT-II, row = frequency (float64)."""
    frequency = torch.arange(size, dtype=torch.float64)[:, None]
    position = torch.arange(size, dtype=torch.float64)[None, :] + 0.5
    matrix = torch.cos(math.pi * frequency * position / size) * math.sqrt(2.0 / size)
    matrix[0] *= math.sqrt(0.5)
    return matrix


def dct2(x: Float[Tensor, "*batch h w"]) -> Float[Tensor, "*batch h w"]:
    """Orthonormal two-dimensional DCT-II of the last two axes."""
    rows, columns = (_dct_matrix(size).to(x) for size in x.shape[-2:])
    return rows @ x @ columns.T


def idct2(x: Float[Tensor, "*batch h w"]) -> Float[Tensor, "*batch h w"]:
    """The inverse of `dct2`."""
    rows, columns = (_dct_matrix(size).to(x) for size in x.shape[-2:])
    return rows.T @ x @ columns
