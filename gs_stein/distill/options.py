"""The choices of this room: which estimator, and how it is run. No logic."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from gs_stein.prior.options import GuidanceOptions, TimestepOptions, Weighting


class Baseline(Enum):
    """A baseline φ of the Stein control variate h = εφ − σ∇φ."""

    CONSTANT = "constant"
    """φ = 1, so h = ε: SDS's own control variate. One coefficient per timestep bin."""
    SPECTRAL = "spectral"
    """φ = 1 with one coefficient per (timestep bin, radial frequency band, channel); the other baselines of the set
    get coefficients of the same resolution."""
    DEPTH = "depth"
    """φ = 1 − Pearson(rendered depth, depth estimated from the noisy image)."""
    NORMAL = "normal"
    """φ = 1 − cosine(rendered normals, normals estimated from the noisy image)."""
    LEARNED = "learned"
    """h = A ε, where a small network makes A of render, camera, noise level and prompt (`distill/learned.py`)."""
    PRINTED_DEPTH = "printed_depth"
    """Depth with the sign printed in the paper, εφ + ∇φ. Not zero-mean: only for the ablation."""


@dataclass(frozen=True)
class Raw:
    """No control variate: ε̂ itself."""

    kind: ClassVar[str] = "raw"


@dataclass(frozen=True)
class SDS:
    """Score distillation sampling, ε̂ − ε (DreamFusion, arXiv 2209.14988)."""

    kind: ClassVar[str] = "sds"


@dataclass(frozen=True)
class FittedSDS:
    """ε̂ − b_t ε with b_t fitted per timestep bin: the honest rival of SSD."""

    kind: ClassVar[str] = "sds-fitted"


@dataclass(frozen=True)
class VSD:
    """Variational score distillation, ε̂ − ε̂_LoRA (ProlificDreamer, arXiv 2305.16213)."""

    kind: ClassVar[str] = "vsd"

    rank: int = 8
    """Rank of the LoRA."""
    alpha: int = 8
    """LoRA's scale is alpha / rank."""
    target_modules: tuple[str, ...] = ()
    """Endings of the names of the modules to adapt; empty: every Linear of an attention ("attn" in its name), or
    every Linear if there is none of that name."""
    learning_rate: float = 1e-3
    """Of the LoRA's AdamW."""
    warmup: int = 50
    """Steps over which the LoRA's learning rate rises to its value."""
    steps: int = 1
    """LoRA updates for each distillation step."""
    samples: int = 1
    """Groups (noises) in one LoRA update."""
    drop_camera: float = 0.1
    """How often the LoRA is trained without its camera and text, as ProlificDreamer does."""
    camera_token: bool = True
    """Add a learned projection of each camera's pose (zero at first) to the text tokens the LoRA sees. Networks that
    ignore cameras become camera-conditioned by it."""

    def __post_init__(self) -> None:
        for name in ("rank", "steps", "samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"estimator.{name}: {getattr(self, name)} is below 1; use a positive integer")


@dataclass(frozen=True)
class SSD:
    """Stein score distillation: ε̂ − Σ β_k(t) ⊙ h_k with β learned (SteinDreamer, arXiv 2401.00604)."""

    kind: ClassVar[str] = "ssd"

    baselines: tuple[Baseline, ...] = (Baseline.CONSTANT, Baseline.DEPTH)
    """Which baselines are fitted together."""
    learning_rate: float | None = None
    """Of the network behind LEARNED, trained on the draws of earlier steps. None: 0 where the prior's folder brings
    weights for it (`response/`), else 1e-3, from nothing."""

    def __post_init__(self) -> None:
        if self.learning_rate is not None and not 0 <= self.learning_rate <= 1:
            raise ValueError(f"estimator.learning_rate: {self.learning_rate}; use a number from 0 (never) to 1")
        if self.learning_rate is not None and Baseline.LEARNED not in self.baselines:
            raise ValueError(
                f"estimator.learning_rate: {self.learning_rate}, but no baseline learns; add LEARNED to "
                "estimator.baselines, or leave it out"
            )
        if not self.baselines:
            raise ValueError("estimator.baselines: empty; name at least one, e.g. SPECTRAL DEPTH")
        if len(set(self.baselines)) != len(self.baselines):
            raise ValueError("estimator.baselines: a baseline appears twice; name each once")
        if {Baseline.CONSTANT, Baseline.SPECTRAL} <= set(self.baselines):
            raise ValueError("estimator.baselines: SPECTRAL contains CONSTANT; name one of them")


Estimator = Raw | SDS | FittedSDS | VSD | SSD


@dataclass(frozen=True)
class CoefficientOptions:
    """How β is fitted."""

    bins: int = 16
    """Equal timestep bins over [0, T]."""
    bands: int = 8
    """Radial frequency bands of the spectral resolution."""
    half_life: float = 50.0
    """Updates of a bin after which an old draw counts half; large remembers longer."""
    ridge: float = 16.0
    """Faith in SDS's coefficients: 1 / variance of a Gaussian prior around them (16: β is expected within ±0.25)."""
    leave_one_out: bool = True
    """Also use the other, independent noises of the same step (never a draw's own)."""

    def __post_init__(self) -> None:
        if self.bins < 1 or self.bands < 1:
            raise ValueError(f"coefficients.bins, bands: {self.bins}, {self.bands}; both must be at least 1")
        if self.half_life <= 0 or self.ridge < 0:
            raise ValueError(
                f"coefficients.half_life, ridge: {self.half_life}, {self.ridge}; use a positive and a non-negative one"
            )


@dataclass(frozen=True)
class DistillOptions:
    """From a render to a gradient."""

    estimator: Estimator = field(default_factory=SSD)
    """Raw, SDS, FittedSDS, VSD or SSD."""
    guidance: GuidanceOptions = field(default_factory=GuidanceOptions)
    timesteps: TimestepOptions = field(default_factory=TimestepOptions)
    coefficients: CoefficientOptions = field(default_factory=CoefficientOptions)
    weighting: Weighting = Weighting.SIGMA2
    """ω(t)."""
    noises: int = 1
    """Noises per render (K): the render is encoded once and denoised K times."""
    antithetic: bool = False
    """Follow each noise ε by −ε at the same t; doubles the evaluations."""
    reuse: int = 1
    """Iterations that follow a guess of the prior; 1: it is asked anew in each. The further ones cost a render."""
    reuse_views: int = 0
    """Views that a further iteration renders, in turns, of those the guess was made for; 0: all of them."""
    importance: bool = False
    """Draw t in proportion to the running size of the gradient (weights keep the estimate unbiased)."""
    clip: float = 0.0
    """Largest root-mean-square of a view's gradient in latent space; 0 never clips. Clipping biases the estimate."""
    max_skips: int = 20
    """Stop after this many non-finite steps in a row."""

    def __post_init__(self) -> None:
        if self.noises < 1:
            raise ValueError(f"distill.noises: {self.noises} is below 1; use a positive integer")
        if self.reuse < 1:
            raise ValueError(f"distill.reuse: {self.reuse} is below 1; use 1 to ask the prior in every iteration")
        if self.reuse_views < 0:
            raise ValueError(f"distill.reuse_views: {self.reuse_views} is negative; use 0 to render all of them")
        if self.clip < 0:
            raise ValueError(f"distill.clip: {self.clip} is negative; use 0 to never clip")
        if self.max_skips < 1:
            raise ValueError(f"distill.max_skips: {self.max_skips} is below 1; use a positive integer")
