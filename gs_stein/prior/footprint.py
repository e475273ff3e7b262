"""How much GPU memory a run will need, before it starts, and how many Gaussians fit into the rest.

Weights are counted exactly. Activations were measured by running each network on PyTorch's "meta" device, where
tensors have shapes but no content (`gs_stein.prior.measure_footprint`): the denoiser without a graph, the codec with
the graph its gradient needs. The rest (CUDA context, cuDNN workspaces, fragmentation) is an allowance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gs_stein.prior.options import DepthDecoder, DiffusionOptions, Precision

if TYPE_CHECKING:
    import torch

GIB = 2**30
CONTEXT = 0.7 * GIB
"""CUDA context, cuBLAS and cuDNN handles, kernels."""
MARGIN = 1.12
"""On activations: convolution workspaces and allocator fragmentation."""
GAUSSIAN_FLOATS = 14
"""Mean 3, quaternion 4, scale 3, opacity 1, base colour 3; each further SH coefficient adds 3."""
GAUSSIAN_COPIES = 4
"""Parameter, gradient, and Adam's two moments."""
VISIBLE_BYTES = 320
"""Per Gaussian and view in the rasterizer: projection (mean, conic, depth, radius, colour), its gradients, and about
eight tile intersections of 12 bytes, twice for sorting."""
SMALL = 10_000
"""Gaussians that are always allowed: they weigh next to nothing."""
PIXEL_BYTES = 96
"""Per pixel and view: colour, depth, alpha, normal, their gradients, last ids."""


@dataclass(frozen=True)
class Footprint:
    """What one model needs. Parameters are counted; activations are in numbers (not bytes) for one image."""

    network: int
    """Parameters of the denoiser."""
    codec: int
    """Parameters of the autoencoder."""
    text: int
    """Parameters of all text encoders but T5."""
    t5: int
    """Parameters of the T5 encoder."""
    pixels: int
    """Side of the image the activations below were measured at."""
    predict: float
    """Peak of one network evaluation without gradient."""
    train: float
    """Peak of one network evaluation with gradient (VSD's LoRA step)."""
    encode: float
    """Peak of encoding one image with gradient."""
    decode: float
    """Peak of decoding one latent with gradient (the depth baseline through the full VAE)."""
    train_saved: float
    """`train` with checkpointing."""
    encode_saved: float
    """`encode` with checkpointing."""


# Measured by gs_stein.prior.measure_footprint at the native resolution (in millions of numbers); a test repeats it.
SD15 = Footprint(859_520_964, 83_653_863, 123_060_480, 0, 512, 34e6, 400e6, 795e6, 1526e6, 117e6, 512e6)
SD21 = Footprint(865_910_724, 83_653_863, 340_387_840, 0, 512, 34e6, 378e6, 795e6, 1526e6, 95e6, 512e6)
SDXL = Footprint(2_567_463_684, 83_653_863, 817_720_320, 0, 1024, 83e6, 2677e6, 3180e6, 6105e6, 315e6, 2047e6)
SD3 = Footprint(
    2_028_328_000, 83_819_683, 818_310_144, 4_762_310_656, 1024, 85e6, 1688e6, 3181e6, 6105e6, 280e6, 2048e6
)
BUNDLED = Footprint(16_000_000, 40_000, 22_700_000, 0, 128, 3e6, 12e6, 0.1e6, 0.1e6, 12e6, 0.1e6)
"""Of the small prior, rounded up."""
TINY_DECODE = 179e6 / 512**2
"""Numbers per pixel of decoding by TAESD with gradient."""
DEPTH_NETWORK = 215e6
"""Peak of one view through the largest depth estimator (DPT-hybrid at 384) with gradient; Depth-Anything needs half."""
DEPTH_PARAMETERS = 123_000_000


@dataclass(frozen=True)
class Workload:
    """What a step does, as far as memory is concerned."""

    views: int
    """Cameras a step."""
    noises: int = 1
    """Groups of noisy views denoised from one render (antithetic twins counted)."""
    branches: int = 2
    """Guidance branches: 2 for classifier-free guidance, 3 for Perp-Neg."""
    render: int = 512
    """Side of the renders, in pixels."""
    sh_degree: int = 0
    vsd: int = 0
    """Groups in one LoRA update; 0: no VSD."""
    depth: DepthDecoder | None = None
    """The depth baseline's decoder, None without that baseline."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes of GPU memory by purpose."""

    weights: int
    """Networks that stay on the GPU."""
    text: int
    """Text encoders, while prompts are encoded (before anything else is allocated)."""
    encode: int
    """Encoding the renders, with its graph."""
    network: int
    """The largest of denoising, baseline and LoRA step."""
    pixels: int
    """The rasterizer, per pixel."""
    per_gaussian: int
    """Bytes for each Gaussian."""

    @property
    def fixed(self) -> int:
        """Everything that does not grow with the scene."""
        steps = self.encode + self.network + self.pixels
        return round(CONTEXT + self.weights + max(MARGIN * steps, self.text))

    def total(self, gaussians: int) -> int:
        """Bytes with this many Gaussians."""
        return self.fixed + gaussians * self.per_gaussian

    def cap(self, budget: int) -> int:
        """How many Gaussians fit into a budget of bytes; 0 where the rest alone does not."""
        return max(0, (budget - self.fixed) // self.per_gaussian)

    def line(self, gaussians: int) -> str:
        """One line to print before training."""
        parts = {
            "weights": self.weights, "VAE": MARGIN * self.encode, "denoiser": MARGIN * self.network,
            f"{gaussians:,} Gaussians": gaussians * self.per_gaussian + MARGIN * self.pixels, "CUDA itself": CONTEXT,
        }  # fmt: skip
        detail = ", ".join(f"{name} {value / GIB:.1f}" for name, value in parts.items())
        return f"GPU memory, estimated: {self.total(gaussians) / GIB:.1f} GiB ({detail})"


def footprint_of(model: str) -> Footprint | None:
    """The footprint of a named model; None for a folder or another hub id."""
    known = {
        "bundled": BUNDLED, "bundled-objects": BUNDLED, "sd15": SD15, "sd21-base": SD21, "sd21": SD21, "sdxl": SDXL,
        "sd3": SD3,
    }  # fmt: skip
    return known.get(model)


def estimate(model: Footprint, options: DiffusionOptions, work: Workload, resolution: int) -> MemoryEstimate:
    """Estimate a run's GPU memory.

    Args:
        model: what the prior needs.
        options: precision and memory savers.
        work: what a step does.
        resolution: side in pixels at which the prior looks at renders.
    """
    half = 4 if options.precision is Precision.FP32 else 2
    # Unless told otherwise SDXL's VAE runs in fp32 (it overflows in fp16); see `vae_dtype`.
    overflows = model is SDXL and options.precision is not Precision.BF16
    upcast = overflows if options.vae_fp32 is None else options.vae_fp32
    vae = 4 if upcast else half
    # Convolutions dominate: activations grow with the area.
    area = (resolution / model.pixels) ** 2

    images = work.views * work.noises * work.branches
    at_once = min(images, options.views_at_once or images)
    denoise = at_once * model.predict * area * half
    train = work.vsd * work.views * area * half * (model.train_saved if options.checkpointing else model.train)
    phi = 0.0
    if work.depth is not None:
        cells = {
            DepthDecoder.FULL: model.decode * area * vae,
            DepthDecoder.TINY: TINY_DECODE * resolution**2 * half,
            DepthDecoder.LINEAR: 0.0,
        }
        phi = work.views * work.noises * (cells[work.depth] + DEPTH_NETWORK * half)
    # With checkpointing each view's encoder pass is redone by itself in the backward pass.
    encode = area * vae * (model.encode_saved if options.checkpointing else work.views * model.encode)

    weights = model.codec * vae + (0 if options.cpu_offload else model.network * half)
    weights += DEPTH_PARAMETERS * half if work.depth is not None else 0
    text = (model.text + (0 if options.drop_t5 else model.t5)) * half
    if options.text_on_cpu:
        text = 0
    elif options.keep_text_encoder:
        weights, text = weights + text, 0
    offloaded = model.network * half if options.cpu_offload else 0

    floats = GAUSSIAN_FLOATS + 3 * ((work.sh_degree + 1) ** 2 - 1)
    return MemoryEstimate(
        weights=weights,
        text=text,
        encode=round(encode),
        network=round(max(denoise + offloaded, train, phi)),
        pixels=work.views * work.render**2 * PIXEL_BYTES,
        per_gaussian=floats * GAUSSIAN_COPIES * 4 + work.views * VISIBLE_BYTES,
    )


def free_memory(device: torch.device) -> int:
    """Bytes a run may plan with on a GPU: nine tenths of what is free now.

    Raises:
        ValueError: not a GPU.
    """
    import torch

    if device.type != "cuda":
        raise ValueError(f"device: {device} has no memory of its own to budget; use a CUDA device")
    free, _ = torch.cuda.mem_get_info(device)
    return int(0.9 * free)


def gaussians_that_fit(estimated: MemoryEstimate, wanted: int, budget: int) -> int:
    """The cap densification must keep: what was wanted, or what the memory allows.

    Args:
        estimated: of the run.
        wanted: the cap that was configured.
        budget: bytes, see `free_memory`.

    Returns:
        At least SMALL (or what was wanted): an estimate that is a little above the budget forbids nothing.

    Raises:
        ValueError: the estimate exceeds the budget by a quarter, without any Gaussian.
    """
    if estimated.fixed > 1.25 * budget:
        raise ValueError(
            f"prior: this run needs about {estimated.fixed / GIB:.1f} GiB of GPU memory and {budget / GIB:.1f} are "
            "free; use --preset gpu-8gb, fewer --views, or --prior.checkpointing True"
        )
    return min(wanted, max(SMALL, estimated.cap(budget)))
