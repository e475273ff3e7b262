"""What the three rasterizers agree on: options, and the constants of the blending rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gs_stein.gaussians.options import ALPHA_MIN as ALPHA_MIN

ALPHA_MAX = 0.999
"""A single Gaussian never hides more than this; beyond it no gradient reaches its opacity or shape."""
T_MIN = 1e-4
"""A pixel is finished before the Gaussian that would bring its transmittance to this or less."""
EXTENT = 3.33
"""Upper bound of a Gaussian's radius in standard deviations; √(2 ln 255) = 3.329 makes it a true bound."""
FOV_MARGIN = 0.3
"""Projection is linearised no farther out than this fraction of the half image beyond its edge."""


@dataclass(frozen=True)
class RasterizeOptions:
    """How to rasterize. The defaults are gsplat 1.5's."""

    near: float = 0.01
    """Gaussians whose centre is closer to the image plane than this (metres) are not drawn."""
    far: float = 1e10
    """Gaussians whose centre is farther than this (metres) are not drawn."""
    eps2d: float = 0.3
    """Variance (pixels²) added to every projected Gaussian, so that none is thinner than a pixel."""
    antialiased: bool = False
    """Weaken Gaussians by what eps2d enlarged them (Mip-Splatting, arXiv 2311.16493)."""
    normals: bool = False
    """Also composite the normals of the Gaussians' shortest axes."""
    sh_degree: int | None = None
    """Use only this many degrees of the spherical harmonics; None uses all there are."""
    backend: Literal["auto", "reference", "cpu", "gpu"] = "auto"
    """auto: reference for float64 tensors, gpu for others on a CUDA device, cpu for all the rest."""

    def __post_init__(self) -> None:
        if not 0 < self.near < self.far:
            raise ValueError(f"rasterize.near: {self.near} must lie between 0 and rasterize.far ({self.far})")
        if not self.eps2d >= 0:
            raise ValueError(f"rasterize.eps2d: {self.eps2d} pixels² is negative; give 0 or more (default 0.3)")
        if self.sh_degree is not None and not 0 <= self.sh_degree <= 3:
            raise ValueError(f"rasterize.sh_degree: {self.sh_degree} is not possible; give 0 to 3, or leave it out")


DEFAULTS = RasterizeOptions()
"""What `rasterize` uses when nothing else is said."""
