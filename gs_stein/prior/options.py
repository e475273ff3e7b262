"""The choices of this room. Free of torch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch


class Precision(Enum):
    """Number format of the frozen networks; the optimisation itself always runs in float32."""

    AUTO = "auto"
    """fp16 on a GPU (SANA, FLUX.2 and Z-Image: bf16), fp32 elsewhere; the bundled network fp32, or bf16 on a CPU that
    multiplies it."""
    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"

    def dtype(self, device: torch.device) -> torch.dtype:
        """The torch dtype this means on a device."""
        import torch

        if self is Precision.AUTO:
            return torch.float16 if device.type == "cuda" else torch.float32
        return {Precision.FP32: torch.float32, Precision.FP16: torch.float16, Precision.BF16: torch.bfloat16}[self]

    def bundled(self, device: torch.device) -> torch.dtype:
        """The same for the bundled network: it bears bf16, but its activations reach 94,000, and fp16 ends at 65,504.

        So fp16 means fp32 here, in which an H200 was no slower than in bf16.
        """
        import torch

        if self is Precision.BF16 or (self is Precision.AUTO and device.type == "cpu" and multiplies_bf16()):
            return torch.bfloat16
        return torch.float32


def multiplies_bf16() -> bool:
    """Whether this processor has instructions for products of bf16: AVX-512 BF16 or AMX. False if nobody can tell."""
    import torch

    tells = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.11 and newer
    return bool(tells.get("avx512_bf16") or tells.get("amx_bf16"))


@dataclass(frozen=True)
class DiffusionOptions:
    """Which prior, and how to fit it into memory."""

    model: str = "bundled"
    """bundled, sd15, sd21-base, sd21, sdxl, sd3, mvdream, pixart-sigma, sana, flux2-klein, z-image, a local diffusers
    folder, or a hub id (owner/name, owner/name@rev)."""
    precision: Precision = Precision.AUTO
    """Number format of the networks."""
    vae_fp32: bool | None = None
    """Run the VAE in fp32 even if the rest is half precision: costs twice its memory, cures NaN and black images.
    None: where the checkpoint is known to overflow (SDXL)."""
    resolution: int | None = None
    """Side in pixels at which the prior looks at renders; None: what it was trained on. Smaller is faster and worse."""
    views_at_once: int = 0
    """Images in one call of a single-image network; 0: all at once. Lower it when memory runs out."""
    attention_slicing: bool = False
    """Compute attention in slices (UNets only). PyTorch's fused attention is used otherwise and is usually enough."""
    vae_tiling: bool = False
    """Encode and decode in overlapping tiles: less memory at 1024 pixels, faint seams."""
    checkpointing: bool = False
    """Recompute the VAE's activations view by view, and for VSD the network's, in the backward pass: a fraction of the
    memory (four views at 512²: 1 GB instead of 6), two more encoder passes a view."""
    cpu_offload: bool = False
    """Keep the network in CPU memory and move it to the GPU for each evaluation: slow. Not with VSD."""
    text_on_cpu: bool = False
    """Encode prompts on the CPU in fp32 (slow, once); for GPUs that the text encoders do not fit on."""
    keep_text_encoder: bool = False
    """Keep the text encoders in memory after the prompts are encoded."""
    drop_t5: bool = False
    """SD3: leave out the T5 encoder (10 GB); long prompts are followed less well."""
    prompt_cache: Path | None = None
    """Folder where encoded prompts are kept for later runs; None: memory only."""

    def __post_init__(self) -> None:
        if self.resolution is not None and (self.resolution < 8 or self.resolution % 8):
            raise ValueError(f"prior.resolution: {self.resolution} is not a positive multiple of 8; use e.g. 512")
        if self.views_at_once < 0:
            raise ValueError(f"prior.views_at_once: {self.views_at_once} is negative; use 0 for all at once")


class DepthDecoder(Enum):
    """How the depth baseline looks at a noisy latent. Cost of one 512² view, forward and backward, against the 0.8
    TFLOP of one evaluation of Stable Diffusion 1.5's network; memory in fp16."""

    AUTO = "auto"
    """tiny where a tiny autoencoder of the model's latents is known, else linear."""
    FULL = "full"
    """The model's own VAE: 5.1 TFLOP, 3.1 GB. Exact, and several times the price of the denoiser."""
    TINY = "tiny"
    """TAESD: 0.3 TFLOP, 0.4 GB."""
    LINEAR = "linear"
    """A linear map latent → RGB, fitted to the VAE when loaded: next to nothing, an eighth of the resolution."""


@dataclass(frozen=True)
class DepthOptions:
    """The depth estimator D of the Stein baseline φ(x_t) = 1 − Pearson(d, D(decode(x_t)))."""

    model: str = "auto"
    """auto (the prior's own if it ships one, else depth-anything-v2), midas, depth-anything, depth-anything-v2, a local
    folder, or a hub id; DPT and Depth-Anything kinds."""
    decoder: DepthDecoder = DepthDecoder.AUTO
    """From latent to image; any choice keeps the control variate zero-mean. auto: tiny where a tiny autoencoder of the
    model's latents is known (Stable Diffusion, PixArt-Σ, MVDream, Z-Image), or lies in the folder's tiny_decoder/, else
    linear. full: the VAE, 5.1 TFLOP and 3.1 GB a 512²
    view (one denoiser evaluation is 0.8 TFLOP); tiny: TAESD, 0.3 TFLOP and 0.4 GB; linear: next to nothing, an eighth
    of the resolution. Not used by a prior's own estimator."""
    size: int | None = None
    """Side in pixels the estimator works at; None: what it was trained at. Depth-Anything at 252 instead of 518 costs a
    fifth."""

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 32:
            raise ValueError(f"depth.size: {self.size} pixels is too small for a depth estimator; use e.g. 252")


@dataclass(frozen=True)
class GuidanceOptions:
    """How strongly the prompt pulls."""

    scale: float = 7.5
    """Classifier-free guidance s: 0 ignores the prompt, 1 follows the conditional model and costs half, 7.5 is usual
    for Stable Diffusion, 100 was DreamFusion's."""
    perp_neg: float = 0.0
    """Weight of the Perp-Neg negative prompt; 0 turns Perp-Neg off and the negative prompt replaces the empty one."""

    def __post_init__(self) -> None:
        if self.scale < 0:
            raise ValueError(f"guidance.scale: {self.scale} is negative; use 0 or more (7.5 is usual)")
        if self.perp_neg < 0:
            raise ValueError(f"guidance.perp_neg: {self.perp_neg} is negative; use 0 or more (1 is usual)")


class Weighting(Enum):
    """ω(t), the weight of a timestep in the distillation gradient ω(t)(ε̂ − ε)."""

    UNIFORM = "uniform"
    """1."""
    SIGMA2 = "sigma2"
    """σ², DreamFusion's and threestudio's choice (arXiv 2209.14988)."""
    SIGMA = "sigma"
    """σ: the score ε/σ times σ²."""
    ALPHA_SIGMA2 = "alpha_sigma2"
    """ασ², Fantasia3D's (arXiv 2303.13873): quiet at both ends."""
    X0 = "x0"
    """σ/α: the gradient becomes x₀ − x̂₀, the reconstruction loss of MVDream (arXiv 2308.16512). Loud near t = T."""


@dataclass(frozen=True)
class TimestepOptions:
    """How t is drawn."""

    t_min: float = 0.02
    """Lower end of the window, as a fraction of T."""
    t_max: float = 0.98
    """Upper end of the window, as a fraction of T."""
    t_min_end: float | None = None
    """Lower end once annealed; None keeps t_min."""
    t_max_end: float | None = None
    """Upper end once annealed (0.5 is usual); None keeps t_max."""
    anneal: Literal["none", "linear", "sqrt", "step"] = "none"
    """How the window moves: linearly (DreamGaussian), with √progress (HiFA, arXiv 2305.18766), or in one step at
    `anneal_at` (ProlificDreamer)."""
    anneal_at: float = 0.2
    """Progress at which "step" switches."""
    sampling: Literal["uniform", "stratified", "golden"] = "stratified"
    """uniform: independent draws. stratified: the draws of one step fall in equal strata of the window. golden: strata,
    and successive steps follow a golden-ratio sequence, so that a run covers the window evenly even with one draw
    a step."""

    def __post_init__(self) -> None:
        for name in ("t_min", "t_max", "t_min_end", "t_max_end", "anneal_at"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value <= 1.0:
                raise ValueError(f"timesteps.{name}: {value} is not a fraction of T; give a number in [0, 1]")
        if self.t_min > self.t_max:
            raise ValueError(f"timesteps.t_min: {self.t_min} is above t_max={self.t_max}; swap or widen them")
        low_end = self.t_min if self.t_min_end is None else self.t_min_end
        high_end = self.t_max if self.t_max_end is None else self.t_max_end
        if self.anneal != "none" and low_end > high_end:
            raise ValueError(
                f"timesteps.t_max_end: the annealed window [{low_end}, {high_end}] is empty; lower t_min_end too"
            )

    def window(self, progress: float) -> tuple[float, float]:
        """(low, high) of the window as fractions of T, at `progress` in [0, 1] through the run."""
        progress = min(max(progress, 0.0), 1.0)
        moved = {
            "none": 0.0,
            "linear": progress,
            "sqrt": progress**0.5,
            "step": float(progress >= self.anneal_at),
        }[self.anneal]
        low_end = self.t_min if self.t_min_end is None else self.t_min_end
        high_end = self.t_max if self.t_max_end is None else self.t_max_end
        return self.t_min + moved * (low_end - self.t_min), self.t_max + moved * (high_end - self.t_max)
