"""Real spherical harmonics up to degree 3, for view-dependent colour.

Source: Sloan, "Efficient Spherical Harmonic Evaluation", JCGT 2013; sign and order as in the 3D Gaussian Splatting
files, that is (degree, order) = (0,0) (1,-1) (1,0) (1,1) (2,-2) … (3,3) with the Condon–Shortley phase.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

# Normalisations of the Cartesian forms below.
C0 = 0.5 / math.sqrt(math.pi)
C1 = math.sqrt(3 / (4 * math.pi))
C2_XY = math.sqrt(15 / (4 * math.pi))
C2_ZZ = math.sqrt(5 / (16 * math.pi))
C2_XX = math.sqrt(15 / (16 * math.pi))
C3_33 = math.sqrt(35 / (32 * math.pi))
C3_32 = math.sqrt(105 / (4 * math.pi))
C3_31 = math.sqrt(21 / (32 * math.pi))
C3_30 = math.sqrt(7 / (16 * math.pi))
C3_22 = math.sqrt(105 / (16 * math.pi))


def sh_basis(directions: Float[Tensor, "*shape 3"], degree: int) -> Float[Tensor, "*shape K"]:
    """Values of the K = (degree + 1)² basis functions in unit directions."""
    x, y, z = directions.unbind(-1)
    basis = [torch.full_like(x, C0)]
    if degree >= 1:
        basis += [-C1 * y, C1 * z, -C1 * x]
    if degree >= 2:
        xx, yy, zz = x * x, y * y, z * z
        basis += [
            C2_XY * x * y,
            -C2_XY * y * z,
            C2_ZZ * (3 * zz - 1),
            -C2_XY * x * z,
            C2_XX * (xx - yy),
        ]
        if degree >= 3:
            basis += [
                -C3_33 * y * (3 * xx - yy),
                C3_32 * x * y * z,
                -C3_31 * y * (5 * zz - 1),
                C3_30 * z * (5 * zz - 3),
                -C3_31 * x * (5 * zz - 1),
                C3_22 * z * (xx - yy),
                -C3_33 * x * (xx - 3 * yy),
            ]
    return torch.stack(basis, dim=-1)


def sh_colors(sh: Float[Tensor, "N K 3"], directions: Float[Tensor, "N 3"], degree: int) -> Float[Tensor, "N 3"]:
    """Colours seen along directions from the camera to the Gaussians (any length): max(0, 0.5 + Σ basis · sh)."""
    basis = sh_basis(torch.nn.functional.normalize(directions, dim=-1), degree)
    return (0.5 + torch.einsum("nk,nkc->nc", basis, sh[:, : basis.shape[-1]])).clamp_min(0.0)
