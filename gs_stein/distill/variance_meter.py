"""Running estimates of an estimator's size and variance per timestep bin, from the draws that training makes anyway."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.distill.draw import Draw, timestep_bins


@dataclass(frozen=True)
class Readout:
    """Per timestep bin; NaN where nothing was seen. Per latent element, weighted by ω²."""

    second_moment: Float[Tensor, " bins"]
    """E‖ω g‖²/D of one independent noise (the mean of its twins when antithetic, times their number: so per
    evaluation). Zero-mean variates leave ‖E g‖² alone, so a difference of second moments is one of variances."""
    variance: Float[Tensor, " bins"]
    """The same minus ‖E g‖²/D; only where a step put several independent noises of the same render into one bin."""


class VarianceMeter:
    """Decayed second moments of one estimator, and of products of independent noises of the same render.

    For independent noises i ≠ j of one render, E⟨g_i, g_j⟩ = ‖E g‖²: an unbiased estimate of what is not variance.
    """

    def __init__(self, bins: int, num_timesteps: int, half_life: float) -> None:
        self.bins, self.num_timesteps, self.decay = bins, num_timesteps, 0.5 ** (1.0 / half_life)
        # Rows: Σ‖g‖², its count, Σ⟨g_i, g_j⟩, its count, Σ‖g‖² where pairs exist.
        self.sums: Float[Tensor, "5 bins"] = torch.zeros(5, bins, dtype=torch.float64)

    def update(self, gradient: Float[Tensor, "B V C h w"], draw: Draw) -> None:
        """Fold in one step.

        Args:
            gradient: ω(t)·estimator of each group.
            draw: of the same step.
        """
        sources = int(draw.source.max()) + 1  # twins repeat the sources in order
        twins = len(draw.source) // sources
        mean = gradient.view(twins, sources, -1).mean(0)
        bins = timestep_bins(draw.t[:sources], self.bins, self.num_timesteps).cpu()
        # ‖mean of n twins‖² · n: cost per evaluation.
        gram = (mean @ mean.T).double().cpu() / mean.shape[1] * twins
        square = gram.diagonal()
        drawn = torch.bincount(bins, minlength=self.bins)
        self.sums *= torch.where(drawn > 0, self.decay, 1.0)
        self.sums[0].index_add_(0, bins, square)
        self.sums[1] += drawn
        for index in (drawn > 1).nonzero().flatten().tolist():
            block = gram[bins == index][:, bins == index]
            pairs = block.numel() - len(block)
            self.sums[2, index] += (block.sum() - block.trace()) / pairs
            self.sums[3, index] += 1.0
            self.sums[4, index] += block.trace() / len(block)

    def read(self) -> Readout:
        """Current estimates."""
        second = self.sums[0] / self.sums[1]
        return Readout(second, (self.sums[4] - self.sums[2]) / self.sums[3])

    def proposal(self) -> Float[Tensor, " bins"]:
        """Density for drawing t in proportion to the root second moment, with a floor that bounds the weights.

        A third of the mass stays uniform: weights p/q never exceed 3, and quiet bins are still visited.
        """
        root = self.read().second_moment.sqrt()
        seen = torch.isfinite(root)
        if not bool(seen.any()):
            return torch.ones(self.bins, dtype=torch.float64)
        mean = root[seen].mean().clamp_min(1e-30)
        return 1.0 / 3.0 + 2.0 / 3.0 * torch.where(seen, root / mean, torch.ones_like(root))

    def state_dict(self) -> dict[str, Tensor]:
        """The sums."""
        return {"sums": self.sums.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state_dict`."""
        self.sums = state["sums"].clone()
