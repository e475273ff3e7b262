"""Options of the variance bench on a prior with a known score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Options:
    """Variance of the estimators at frozen scenes."""

    prior: Literal["mixture"] = "mixture"
    preset: Literal["quick", "full"] = "quick"
    """quick: 12 cameras × 6 timesteps × 8 noises, some minutes of CPU. full: 64 × 8 × 16."""
    json: bool = False
    """Print one JSON object as the last line."""
    seed: int = 0
    geometry_price: float = 0.16
    """Forward and backward of the depth network, as a part of one denoiser evaluation. 0.16 is the bundled prior's,
    measured on one core; Stable Diffusion with TAESD and a depth network is above 0.5 by their FLOP."""

    def __post_init__(self) -> None:
        if self.geometry_price < 0:
            raise ValueError(f"geometry-price: {self.geometry_price} is negative; use 0 for a free depth network")
