"""One draw of (t, ε) for a render: what every estimator shares, so that they can be compared in pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gs_stein.prior.options import TimestepOptions, Weighting
from gs_stein.prior.schedule import Schedule, sample_timesteps
from gs_stein.types import Cameras, TextEmbedding


@dataclass(frozen=True)
class Draw:
    """B noisy versions of the V views of one render."""

    x0: Float[Tensor, "V C h w"]
    """Clean latents, detached."""
    x_t: Float[Tensor, "B V C h w"]
    """α x₀ + σ ε."""
    eps: Float[Tensor, "B V C h w"]
    t: Float[Tensor, " B"]
    alpha: Float[Tensor, " B"]
    sigma: Float[Tensor, " B"]
    weight: Float[Tensor, " B"]
    """ω(t) times the importance weight of t."""
    source: Int[Tensor, " B"]
    """Which independent noise a group came from: 0 … K − 1, and once more in the same order for antithetic twins."""
    cameras: Cameras | None = None
    depth: Float[Tensor, "V H W"] | None = None
    """Rendered depth, detached; 0 where nothing was hit."""
    normals: Float[Tensor, "V H W 3"] | None = None
    """Rendered world-space normals, detached."""
    text: TextEmbedding | None = None
    """The prompt, of one or V prompts."""
    guidance: float = 1.0
    """Scale of classifier-free guidance that ε̂ has."""

    def views(self, some: slice) -> Draw:
        """The same draw for some of the views."""
        cameras, depth, normals = (None if x is None else x[some] for x in (self.cameras, self.depth, self.normals))
        text = self.text if self.text is None or len(self.text) == 1 else self.text[some]
        return replace(
            self, x0=self.x0[some], x_t=self.x_t[:, some], eps=self.eps[:, some], cameras=cameras, depth=depth,
            normals=normals, text=text,
        )  # fmt: skip

    def noise_scale(self) -> Float[Tensor, "B 1 1 1 1"]:
        """σ, shaped to multiply x_t."""
        return self.sigma.view(-1, 1, 1, 1, 1)


def make_draw(
    x0: Float[Tensor, "V C h w"],
    t: Float[Tensor, " K"],
    eps: Float[Tensor, "K V C h w"],
    schedule: Schedule,
    weighting: Weighting,
    *,
    importance: Float[Tensor, " K"] | None = None,
    antithetic: bool = False,
    cameras: Cameras | None = None,
    depth: Float[Tensor, "V H W"] | None = None,
    normals: Float[Tensor, "V H W 3"] | None = None,
    text: TextEmbedding | None = None,
    guidance: float = 1.0,
) -> Draw:
    """Noise a render K times (2K when antithetic: ε, then −ε at the same t).

    Args:
        x0: clean latents.
        t, eps: timesteps and standard normal noise.
        schedule, weighting: give α, σ and ω(t).
        importance: p(t)/q(t) of the timestep sampler; None is 1.
        antithetic: add the twins.
        cameras, depth, normals, text, guidance: what baselines look at.
    """
    x0 = x0.detach()
    source = torch.arange(len(t), device=x0.device)
    weight = schedule.weight(t, weighting).to(x0)
    if importance is not None:
        weight = weight * importance.to(weight)
    if antithetic:
        t, eps, source, weight = t.repeat(2), torch.cat([eps, -eps]), source.repeat(2), weight.repeat(2)
    groups = len(t)
    x_t = schedule.add_noise(x0.expand(groups, *x0.shape), eps, t)
    alpha, sigma = schedule.alpha(t).to(x0), schedule.sigma(t).to(x0)
    return Draw(x0, x_t, eps, t, alpha, sigma, weight, source, cameras, depth, normals, text, guidance)


def sample_draw(
    x0: Float[Tensor, "V C h w"],
    schedule: Schedule,
    weighting: Weighting,
    timesteps: TimestepOptions,
    generator: torch.Generator,
    *,
    noises: int = 1,
    progress: float = 0.0,
    phase: float | None = None,
    proposal: Float[Tensor, " bins"] | None = None,
    antithetic: bool = False,
    cameras: Cameras | None = None,
    depth: Float[Tensor, "V H W"] | None = None,
    normals: Float[Tensor, "V H W 3"] | None = None,
    text: TextEmbedding | None = None,
    guidance: float = 1.0,
) -> Draw:
    """Draw `noises` timesteps and noises with `generator` (on the CPU, so that a seed means the same everywhere)."""
    t, importance = sample_timesteps(
        schedule, timesteps, noises, progress, generator, phase=phase, proposal=proposal, device=x0.device
    )
    eps = torch.randn(noises, *x0.shape, generator=generator, dtype=x0.dtype).to(x0.device)
    return make_draw(
        x0,
        t,
        eps,
        schedule,
        weighting,
        importance=None if proposal is None else importance,
        antithetic=antithetic,
        cameras=cameras,
        depth=depth,
        normals=normals,
        text=text,
        guidance=guidance,
    )


def timestep_bins(t: Float[Tensor, " B"], bins: int, num_timesteps: int) -> Int[Tensor, " B"]:
    """Which of `bins` equal bins over [0, T] each timestep falls into."""
    return (t * (bins / num_timesteps)).long().clamp(0, bins - 1)
