"""What the main loop yields, and what may be changed while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from gs_stein.distill.distiller import Estimate
from gs_stein.gaussians.model import Gaussians
from gs_stein.types import Cameras, Render


@dataclass
class Controls:
    """What somebody may change while a run goes on. `optimize` reads it at the start of every iteration.

    Plain attributes, set from any thread; a change takes effect at the next iteration.
    """

    guidance_scale: float | None = None
    """Classifier-free guidance; None: as configured."""
    t_min: float | None = None
    """Lower end of the timestep window as a fraction of T; None: as configured (annealed)."""
    t_max: float | None = None
    """Upper end of the timestep window as a fraction of T; None: as configured (annealed)."""
    learning_rate: float = 1.0
    """Factor on every learning rate."""
    prompt: str | None = None
    """Another prompt from now on; None: as configured."""
    stop: bool = False
    """End the run after the current iteration, as if it were complete."""


@dataclass(frozen=True)
class Losses:
    """Value of each term of the loss, weighted as it entered. NaN where a step was skipped."""

    distill: float
    """Σ x₀·(dL/dx₀): not a quantity that falls, only the handle of the gradient."""
    gradient: float
    """Root-mean-square of dL/dx₀, the distillation gradient in latent space."""
    depth_tv: float = 0.0
    opacity: float = 0.0
    scale: float = 0.0
    anisotropy: float = 0.0
    sparsity: float = 0.0
    range: float = 0.0
    haze: float = 0.0


@dataclass(frozen=True)
class Step:
    """One finished iteration. Tensors are live and detached: receivers that keep them must copy."""

    step: int
    """Iterations finished, 1 … total."""
    total: int
    """Iterations of the whole run."""
    losses: Losses
    gaussians: Gaussians
    """The scene after this iteration: detached views of the parameters, which the next iteration changes."""
    cameras: Cameras
    """Cameras of this iteration."""
    render: Render
    """What they saw (before the update), detached."""
    estimate: Estimate
    """The prior's answer: x0_hat (V, C, h, w; `denoiser.decode` makes it a picture), timesteps, finite."""
    variance_ratio: float | None
    """Second moment of the estimator over that of SDS on the same draws, running mean; None before there is one."""
    count: int
    """Number of Gaussians."""
    skipped: int
    """Non-finite steps so far."""
    evaluations: int
    """Views denoised so far, each guidance branch counted."""
    seconds: float
    """Time spent in iterations so far, earlier sessions of a resumed run included."""
    seconds_left: float | None = None
    """What the rest is expected to take; None before it can be told."""
    reset: int = 0
    """Gaussians so far that were no longer finite and have been put right."""
    left_out: int = 0
    """Rounds of refinement, registrations and looks at the visual hull so far that came to nothing likewise."""
