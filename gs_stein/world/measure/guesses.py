"""How near one look comes: the codec's picture, the prior's first guess, the estimator's depth."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.prior.agreement import pearson
from gs_stein.prior.denoiser import DepthEstimator
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.schedule import Schedule
from gs_stein.types import Cameras
from gs_stein.world.measure.pictures import Truth


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [0, 1]."""
    return -10 * float(torch.log10((a.clamp(0, 1) - b).square().mean()))


@torch.no_grad()
def reconstruction(prior: DiffusionPrior, truths: list[Truth]) -> dict[str, float]:
    """What the codec keeps."""
    rgb = torch.cat([truth.rgb for truth in truths])
    return {"autoencoder_psnr": psnr(prior.decode(prior.encode(rgb)), rgb)}


@torch.no_grad()
def first_guess(
    prior: DiffusionPrior, rgb: Float[Tensor, "V 3 H W"], cameras: Cameras, prompt: str, level: float, seed: int
) -> Float[Tensor, "V 3 H W"]:
    """One-step x̂₀, decoded, of pictures noised to a level in (0, 1) with a seed's noise."""
    x0 = prior.encode(rgb)[None]
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(seed))
    t = torch.tensor([level * prior.schedule.num_timesteps])
    x_t = prior.schedule.add_noise(x0, eps, t)
    output = prior.predict(x_t, t, [prior.embed([prompt])], cameras)
    return prior.decode(prior.schedule.convert(output, x_t, t, "eps", "x0")[0]).clamp(0, 1)


def denoising(prior: DiffusionPrior, truths: list[Truth]) -> dict[str, float]:
    """One-step x̂₀ against the picture, with and without its caption; a mean-colour oracle for scale."""
    figures = {}
    for name, level in (("near_noise", 0.98), ("half", 0.5)):
        errors: dict[str, list[float]] = {"": [], "_unconditional": []}
        for i, truth in enumerate(truths):
            for key, prompt in (("", truth.caption), ("_unconditional", "")):
                guess = first_guess(prior, truth.rgb, truth.cameras, prompt, level, i)
                errors[key].append((guess - truth.rgb).square().mean().item())
        for key, values in errors.items():
            figures[f"x0_psnr_{name}{key}"] = -10 * float(np.log10(np.mean(values)))
    flat = [(truth.rgb - truth.rgb.mean((2, 3), keepdim=True)).square().mean().item() for truth in truths]
    figures["x0_psnr_mean_colour_oracle"] = -10 * float(np.log10(np.mean(flat)))
    return figures


@torch.no_grad()
def depth_agreement(
    prior: DiffusionPrior, estimator: DepthEstimator, schedule: Schedule, truths: list[Truth]
) -> dict[str, float]:
    """Pearson correlation of estimated and true depth at several noise levels, over what was hit."""
    figures = {}
    for level in (0.1, 0.3, 0.5, 0.7):
        values = []
        for i, truth in enumerate(truths):
            x0 = prior.encode(truth.rgb)[None]
            t = torch.tensor([level * schedule.num_timesteps])
            eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(i))
            guess = estimator(schedule.add_noise(x0, eps, t), t, truth.cameras)[0]
            depth = torch.from_numpy(truth.views.depth)[:, None]
            mean, hit = (F.interpolate(x, guess.shape[-2:], mode="area")[:, 0] for x in (depth, (depth > 0).float()))
            values.append(pearson(guess, mean / hit.clamp_min(1e-6), (hit > 0).float()))
        figures[f"depth_pearson_{level}"] = torch.cat(values).mean().item()
    return figures
