"""Noise schedules: α_t and σ_t, adding noise, ε/x₀/v/flow conversions, loss weights ω(t), and how t is drawn.

Every forward process here is x_t = α_t x₀ + σ_t ε with ε ~ N(0, I). Two families are covered:

* *DDPM-type*, given by a table of ᾱ (`alphas_cumprod`): α = √ᾱ, σ = √(1 − ᾱ), integer t in [0, T − 1]
  (Ho et al. 2020, arXiv 2006.11239). t = 0 is nearly, not exactly, clean.
* *Flow matching*, x_t = (1 − s) x₀ + s ε with s = t/T, continuous t in [0, T] (Lipman et al. 2022, arXiv
  2210.02747). A "shifted" schedule (Stable Diffusion 3, Flux) only moves where t is sampled, never this relation.

Timesteps are float tensors, one a group, so that both families share one signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.prior.options import TimestepOptions, Weighting

Prediction = Literal["eps", "x0", "v", "flow"]
"""What a network outputs: the noise, the clean image, v = αε − σx₀, or the flow ε − x₀."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """α_t and σ_t of one forward process. Build it with `from_betas`, `stable_diffusion`, `flow`, or a table of ᾱ."""

    alphas_cumprod: Float[Tensor, " T"] | None
    """ᾱ_t for t = 0 … T − 1; None for flow matching."""
    num_timesteps: int = 1000
    """T."""

    def __post_init__(self) -> None:
        table = self.alphas_cumprod
        if self.num_timesteps < 1:
            raise ValueError(f"Schedule.num_timesteps: {self.num_timesteps} is not positive; use e.g. 1000")
        if table is not None and len(table) != self.num_timesteps:
            raise ValueError(
                f"Schedule.alphas_cumprod: {len(table)} entries for num_timesteps={self.num_timesteps}; make them equal"
            )

    @staticmethod
    def from_alphas_cumprod(alphas_cumprod: Float[Tensor, " T"]) -> Schedule:
        """The schedule of a checkpoint, e.g. `Schedule.from_alphas_cumprod(scheduler.alphas_cumprod)`."""
        return Schedule(alphas_cumprod, len(alphas_cumprod))

    @staticmethod
    def from_betas(betas: Float[Tensor, " T"]) -> Schedule:
        """ᾱ_t = Π_{s ≤ t} (1 − β_s)."""
        return Schedule.from_alphas_cumprod(torch.cumprod(1.0 - betas, dim=0))

    @staticmethod
    def stable_diffusion(num_timesteps: int = 1000, start: float = 0.00085, end: float = 0.012) -> Schedule:
        """Stable Diffusion's "scaled linear" betas: √β runs linearly from √start to √end."""
        betas = torch.linspace(start**0.5, end**0.5, num_timesteps, dtype=torch.float32) ** 2
        return Schedule.from_betas(betas)

    @staticmethod
    def flow(num_timesteps: int = 1000) -> Schedule:
        """Flow matching: x_t = (1 − t/T) x₀ + (t/T) ε."""
        return Schedule(None, num_timesteps)

    @property
    def continuous(self) -> bool:
        """Whether t is a real number in [0, T] rather than an integer in [0, T − 1]."""
        return self.alphas_cumprod is None

    @property
    def last(self) -> float:
        """The noisiest timestep: T − 1, or T for flow matching."""
        return float(self.num_timesteps if self.continuous else self.num_timesteps - 1)

    def _alpha_bar(self, t: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
        # A network may be asked between its integers (e.g. by an ODE solver): interpolate ᾱ, exact at integers.
        assert self.alphas_cumprod is not None
        table = self.alphas_cumprod.to(t.device)
        t = t.clamp(0, self.last)
        low = t.floor().long()
        high = (low + 1).clamp(max=len(table) - 1)
        return torch.lerp(table[low].to(t.dtype), table[high].to(t.dtype), t - low.to(t.dtype))

    def alpha(self, t: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
        """α_t, the factor of the clean image."""
        return 1.0 - t / self.num_timesteps if self.continuous else self._alpha_bar(t).sqrt()

    def sigma(self, t: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
        """σ_t, the standard deviation of the noise."""
        return t / self.num_timesteps if self.continuous else (1.0 - self._alpha_bar(t)).sqrt()

    def snr(self, t: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
        """Signal-to-noise ratio α²/σ² (infinite where σ = 0)."""
        return (self.alpha(t) / self.sigma(t)) ** 2

    def weight(self, t: Float[Tensor, "*B"], weighting: Weighting) -> Float[Tensor, "*B"]:
        """ω(t); see `Weighting`."""
        alpha, sigma = self.alpha(t), self.sigma(t)
        if weighting is Weighting.UNIFORM:
            return torch.ones_like(t)
        if weighting is Weighting.SIGMA2:
            return sigma**2
        if weighting is Weighting.SIGMA:
            return sigma
        if weighting is Weighting.ALPHA_SIGMA2:
            return alpha * sigma**2
        return sigma / alpha

    def add_noise(
        self, x0: Float[Tensor, "*shape"], eps: Float[Tensor, "*shape"], t: Float[Tensor, " B"]
    ) -> Float[Tensor, "*shape"]:
        """x_t = α_t x₀ + σ_t ε; the leading axis of x₀ is the group that t indexes."""
        return _spread(self.alpha(t), x0) * x0 + _spread(self.sigma(t), x0) * eps

    def convert(
        self,
        prediction: Float[Tensor, "*shape"],
        x_t: Float[Tensor, "*shape"],
        t: Float[Tensor, " B"],
        source: Prediction,
        target: Prediction,
    ) -> Float[Tensor, "*shape"]:
        """Turn one kind of prediction into another.

        Two linear equations in (x₀, ε): x_t = αx₀ + σε and the definition of the prediction. The division by σ
        (x₀ → ε) or α (ε → x₀) is the only delicate place: at σ = 0 or α = 0 the result is not finite.

        Args:
            prediction, x_t: (B, …).
            t: one timestep a group.
            source, target: what `prediction` is and what is wanted.
        """
        if source == target:
            return prediction
        alpha, sigma = _spread(self.alpha(t), x_t), _spread(self.sigma(t), x_t)
        if source == "eps":
            x0, eps = (x_t - sigma * prediction) / alpha, prediction
        elif source == "x0":
            x0, eps = prediction, (x_t - alpha * prediction) / sigma
        elif source == "v":
            norm = alpha**2 + sigma**2  # 1 for a variance-preserving process
            x0, eps = (alpha * x_t - sigma * prediction) / norm, (sigma * x_t + alpha * prediction) / norm
        else:
            norm = alpha + sigma  # 1 for flow matching
            x0, eps = (x_t - sigma * prediction) / norm, (x_t + alpha * prediction) / norm
        if target == "x0":
            return x0
        if target == "eps":
            return eps
        return alpha * eps - sigma * x0 if target == "v" else eps - x0


def _spread(per_group: Float[Tensor, " B"], like: Tensor) -> Tensor:
    """(B,) → (B, 1, …, 1), to multiply a (B, …) tensor."""
    return per_group.to(like.dtype).reshape(-1, *([1] * (like.ndim - 1)))


def sample_timesteps(
    schedule: Schedule,
    options: TimestepOptions,
    count: int,
    progress: float,
    generator: torch.Generator,
    *,
    phase: float | None = None,
    proposal: Float[Tensor, " bins"] | None = None,
    device: torch.device | str = "cpu",
) -> tuple[Float[Tensor, " count"], Float[Tensor, " count"]]:
    """Draw `count` timesteps from the (annealed) window, and the importance weight of each.

    Args:
        schedule: whose units t is in.
        options: the window and the kind of sampling.
        count: number of draws.
        progress: fraction of the run that is done, in [0, 1].
        generator: on the CPU.
        phase: in [0, 1); where the golden-ratio sequence stands (sampling="golden" only).
        proposal: positive density over equal bins of [0, T], up to a factor; draws follow it (by inverse CDF, so
            that strata are kept) instead of the uniform law, and the weights undo it. None: uniform, weights 1.
        device: of the results.

    Returns:
        t: in the schedule's units, integers for DDPM-type schedules.
        weight: p(t)/q(t), with mean 1 under the proposal.

    Source: stratified inverse-CDF draws as in arXiv 2605.21489.
    """
    low, high = (fraction * schedule.num_timesteps for fraction in options.window(progress))
    if schedule.continuous:
        start, stop = low, high
    else:
        # [start, stop) is floored, so every integer of the window is equally likely.
        start, stop = float(round(low)), min(float(round(high)), schedule.last) + 1.0
        start = min(start, stop - 1.0)
    uniform = torch.rand(count, generator=generator, dtype=torch.float64)
    if options.sampling == "stratified":
        uniform = (torch.arange(count) + uniform) / count
    elif options.sampling == "golden":
        if phase is None:
            raise ValueError('timesteps.sampling: "golden" needs a phase; the distiller keeps one')
        uniform = (torch.arange(count) + phase) / count
    if proposal is None:
        position, weight = start + uniform * (stop - start), torch.ones_like(uniform)
    else:
        edges = torch.linspace(0, schedule.num_timesteps, len(proposal) + 1, dtype=torch.float64).clamp(start, stop)
        width = edges.diff()
        if stop <= start:  # a window of one point
            return torch.full((count,), start, device=device), torch.ones(count, device=device)
        mass = width * proposal.to("cpu", torch.float64)
        mass = mass / mass.sum()
        cdf = torch.cat([mass.new_zeros(1), mass.cumsum(0)])
        index = (torch.searchsorted(cdf, uniform, right=True) - 1).clamp(0, len(mass) - 1)
        position = edges[index] + (uniform - cdf[index]) / mass[index].clamp_min(1e-300) * width[index]
        weight = width[index] / (stop - start) / mass[index].clamp_min(1e-300)
    position = position.clamp(start, stop)
    if not schedule.continuous:
        position = position.floor().clamp(max=stop - 1.0)
    return position.to(device, torch.float32), weight.to(device, torch.float32)
