"""How the Gaussians are moved: learning rates, regularisers, densification. Free of torch (see `camera_options`)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(frozen=True)
class LearningRates:
    """Adam's step sizes, one (start, end) pair an attribute, decaying exponentially from start to end."""

    means: tuple[float, float] = (2e-3, 2e-4)
    """Positions, metres."""
    scales: tuple[float, float] = (5e-3, 1e-3)
    """Logarithms of the sizes."""
    quats: tuple[float, float] = (5e-3, 1e-3)
    """Rotations."""
    opacities: tuple[float, float] = (3e-2, 1e-2)
    """Logits of the opacities."""
    sh0: tuple[float, float] = (2e-2, 5e-3)
    """Colours."""
    shN: tuple[float, float] = (1e-3, 2.5e-4)  # noqa: N815 - the name the parameter has
    """View-dependent part of the colours."""
    decay_until: float = 1.0
    """Fraction of the run at which the end is reached."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Adam's memory of the gradient and of its square."""
    solve_colours: int = 0
    """Iterations at the start in which colours are solved for instead of stepped: every Gaussian takes the mean of what
    the prior's guesses show where it is seen (`gs_stein.update.colours`). For priors that know the camera, whose first
    guesses agree; 0: none."""
    prune_outside_hull: float = 0.0
    """Share of its opacity that a Gaussian loses in those iterations where some view's guess shows the background
    through it: the shape at once (`gs_stein.update.visual_hull`). For objects before one background; 0: none."""

    def __post_init__(self) -> None:
        for item in fields(self)[:6]:
            start, end = getattr(self, item.name)
            if not (start >= end >= 0 and (end > 0 or start == 0)):
                raise ValueError(
                    f"rates.{item.name}: {start} → {end} does not decay; give start ≥ end > 0, or 0 0 to freeze it"
                )
        if self.solve_colours < 0:
            raise ValueError(f"rates.solve_colours: {self.solve_colours} is negative; give iterations, 0 for none")
        if not 0 <= self.prune_outside_hull < 1:
            raise ValueError(f"rates.prune_outside_hull: {self.prune_outside_hull} is no share; give one in [0, 1)")
        if not 0 < self.decay_until <= 1:
            raise ValueError(f"rates.decay_until: {self.decay_until} is not a fraction of the run; give one in (0, 1]")


@dataclass(frozen=True)
class RegularizeOptions:
    """Weights of the terms that hold a scene together; 0 turns one off.

    The distillation term is a mean over latent elements, every term here a mean over pixels or Gaussians.
    """

    depth_tv: float = 0.0
    """Total variation of the rendered depth over its mean: smooth surfaces."""
    opacity: float = 0.0
    """Mean opacity: lets idle Gaussians die, so that they can be put elsewhere (3DGS-MCMC)."""
    scale: float = 0.0
    """Sizes beyond `scale_limit`: no balloons in front of the camera."""
    scale_limit: float = 0.15
    """Metres (standard deviation along the longest axis)."""
    scale_slope: float = 0.0
    """Added to `scale_limit` for each metre from the origin: in a landscape what is far may be large."""
    anisotropy: float = 0.0
    """Longest over second-longest axis beyond `anisotropy_limit`: no needles (flat discs are welcome)."""
    anisotropy_limit: float = 4.0
    """Ratio."""
    sparsity: float = 0.0
    """o (1 − o): opacities near 0 or 1, no fog."""
    range: float = 0.0
    """Rendered colours outside [0, 1], squared. Only with `sh_degree` above 0: constant colours stay in that range."""
    haze: float = 0.0
    """Opacity where a picture shows its background's colour anyway: no fog that only other backgrounds reveal. For
    objects before one background."""

    def __post_init__(self) -> None:
        for item in fields(self):
            if getattr(self, item.name) < 0:
                raise ValueError(f"regularize.{item.name}: {getattr(self, item.name)} is negative; give 0 or more")


@dataclass(frozen=True)
class NoDensify:
    """The Gaussians stay as many as they were."""

    kind: ClassVar[str] = "none"


@dataclass(frozen=True)
class MCMCDensify:
    """3D Gaussian Splatting as Markov chain Monte Carlo (arXiv 2404.09591), gsplat's `MCMCStrategy`.

    Transparent Gaussians are moved onto opaque ones, new ones are added by opacity, positions are jittered.
    """

    kind: ClassVar[str] = "mcmc"

    cap: int = 60_000
    """Hard limit on the number of Gaussians."""
    start: float = 0.05
    """Fraction of the run after which refinement starts."""
    stop: float = 0.8
    """Fraction of the run at which it stops."""
    every: int = 50
    """Iterations between refinements."""
    min_opacity: float = 0.01
    """Gaussians below are moved."""
    noise: float = 1e4
    """Jitter of nearly transparent Gaussians, times the learning rate of positions and their covariance (5e5 in the
    paper, for photographs); 0 turns it off."""

    def __post_init__(self) -> None:
        _check(self.cap, self.start, self.stop, self.every)
        if not 0 < self.min_opacity < 1:
            raise ValueError(f"densify.min_opacity: {self.min_opacity} must lie between 0 and 1, both excluded")
        if self.noise < 0:
            raise ValueError(f"densify.noise: {self.noise} is negative; give 0 or more")


@dataclass(frozen=True)
class GradientDensify:
    """Clone and split by image-plane gradient, prune by opacity (3DGS), gsplat's `DefaultStrategy`.

    Distillation gradients have no natural size, so a fixed share of the Gaussians grows rather than those above an
    absolute threshold. Opacities are never reset.
    """

    kind: ClassVar[str] = "gradient"

    cap: int = 60_000
    """Hard limit on the number of Gaussians."""
    start: float = 0.05
    """Fraction of the run after which refinement starts."""
    stop: float = 0.8
    """Fraction of the run at which it stops."""
    every: int = 50
    """Iterations between refinements."""
    share: float = 0.05
    """Fraction of the Gaussians that grows at each refinement: those with the largest mean gradient over all views."""
    split_scale: float = 0.05
    """Larger ones (metres) are split, smaller ones duplicated."""
    min_opacity: float = 0.01
    """Gaussians below are removed."""

    def __post_init__(self) -> None:
        _check(self.cap, self.start, self.stop, self.every)
        if not 0 < self.share <= 1:
            raise ValueError(f"densify.share: {self.share} is not a fraction; give one in (0, 1]")
        if not 0 <= self.min_opacity < 1:
            raise ValueError(f"densify.min_opacity: {self.min_opacity} must lie in [0, 1)")


Densify = NoDensify | MCMCDensify | GradientDensify


def _check(cap: int, start: float, stop: float, every: int) -> None:
    if cap < 1:
        raise ValueError(f"densify.cap: {cap} is below 1; give the largest number of Gaussians, e.g. 60000")
    if not 0 <= start <= stop <= 1:
        raise ValueError(f"densify.start, stop: {start}, {stop} are no rising fractions of a run, 0 ≤ start ≤ stop ≤ 1")
    if every < 1:
        raise ValueError(f"densify.every: {every} is below 1; give a number of iterations")
