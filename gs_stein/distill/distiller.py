"""From a latent to a gradient: one call a step, whatever the estimator.

    distiller = Distiller(options, denoiser, depth_estimator)
    x0 = denoiser.encode(rgb)                       # with its graph
    estimate = distiller(x0.detach(), text=text, negative=negative, cameras=cameras, generator=generator,
                         progress=step / steps, depth=render.depth.detach())
    if estimate.finite:
        ((x0 * estimate.grad).sum() + regularisers).backward()
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.distill.options import DistillOptions
from gs_stein.types import Cameras, Denoiser, DepthEstimator, TextEmbedding


@dataclass(frozen=True)
class Estimate:
    """What one distillation step found."""

    grad: Float[Tensor, "V C h w"]
    """dL/dx₀: ω(t)·(ε̂ − Σ β_k h_k), averaged over the noises; zero where `finite` is False."""
    x0_hat: Float[Tensor, "V C h w"]
    """The prior's clean guess from the least noisy draw, for display."""
    t: Float[Tensor, " B"]
    """Timesteps drawn."""
    eps_hat: Float[Tensor, "V C h w"]
    """ε̂ of the same draw as `x0_hat`."""
    finite: bool
    """False: skip this step (it was counted)."""
    evaluations: int
    """Views denoised by this call."""
    lora_loss: float | None
    """VSD only: denoising loss of the LoRA before its update."""


class Distiller:
    """Owns what distillation has to remember: coefficients, variance meters, the LoRA and its optimiser."""

    def __init__(
        self,
        options: DistillOptions,
        denoiser: Denoiser,
        depth_estimator: DepthEstimator | None = None,
        normal_estimator: object | None = None,
    ) -> None:
        raise NotImplementedError

    def __call__(
        self,
        x0: Float[Tensor, "V C h w"],
        *,
        text: TextEmbedding,
        negative: TextEmbedding,
        cameras: Cameras | None,
        generator: torch.Generator,
        progress: float,
        depth: Float[Tensor, "V H W"] | None = None,
        normals: Float[Tensor, "V H W 3"] | None = None,
        empty: TextEmbedding | None = None,
    ) -> Estimate:
        """One gradient. `generator` lives on the CPU; nothing is differentiated through `x0`."""
        raise NotImplementedError

    def reject(self, where: str) -> None:
        """Count a non-finite step found outside (e.g. "the gradient of the Gaussians").

        Raises:
            FloatingPointError: one line, after `max_skips` in a row.
        """
        raise NotImplementedError

    def state_dict(self) -> dict:
        """Everything that a resumed run needs, as tensors and numbers (safe for torch.load(weights_only=True))."""
        raise NotImplementedError

    def load_state_dict(self, state: dict) -> None:
        """The inverse of `state_dict`, bit for bit."""
        raise NotImplementedError
