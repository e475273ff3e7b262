"""Offline analysis of estimators at a frozen scene: variance components, mean shifts, paired intervals.

All functions take samples of shape (cameras, timesteps, noises, …) on the *same* (c, t, ε) for every arm.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Components:
    """Variance per element, split by nested ANOVA. A control variate can only lower `noise`."""

    camera: float
    timestep: float
    noise: float


def noise_variance(samples: Float[Tensor, "C T N *rest"]) -> Tensor:
    """Unbiased variance over noises given camera and timestep, averaged over timesteps: (C, …)."""
    return samples.var(2, unbiased=True).mean(1)


def components(samples: Float[Tensor, "C T N *rest"]) -> Components:
    """Unbiased nested ANOVA: camera, timestep within camera, noise within timestep (mean over elements)."""
    cameras, timesteps, noises = samples.shape[:3]
    flat = samples.flatten(3)
    noise = flat.var(2, unbiased=True).mean((0, 1))
    over_t = flat.mean(2)
    timestep = over_t.var(1, unbiased=True).mean(0) - noise / noises
    camera = over_t.mean(1).var(0, unbiased=True) - timestep / timesteps - noise / (noises * timesteps)
    return Components(*(float(part.mean()) for part in (camera, timestep, noise)))


def split_halves(samples: Float[Tensor, "C T N *rest"]) -> tuple[Tensor, Tensor]:
    """Means over two disjoint halves of the noises, flattened to (C·T, D)."""
    half = samples.shape[2] // 2
    first, second = samples[:, :, :half].mean(2), samples[:, :, half:].mean(2)
    return first.flatten(0, 1).flatten(1), second.flatten(0, 1).flatten(1)


def z_of_mean(samples: Float[Tensor, "C T N *rest"]) -> float:
    """z-score of ‖E h‖², about N(0, 1) when h has zero mean given camera and timestep.

    ⟨mean of one half, mean of the other⟩ estimates ‖E h‖² without bias, independently for each camera and timestep.
    """
    first, second = split_halves(samples)
    products = (first * second).sum(1)
    return float(products.mean() / (products.std() / len(products) ** 0.5).clamp_min(1e-30))


def z_along(
    h: Float[Tensor, "C T N *rest"],
    eps: Float[Tensor, "C T N *rest"],
    phi: Float[Tensor, "C T N"],
    gradient: Float[Tensor, "C T N *rest"],
) -> float:
    """z-score of the mean of h along E∇φ: where a wrong sign or factor of σ∇φ would show.

    The direction E∇φ and the level E φ come from the first half of the noises, the test from the second; taking off
    E φ · ε, whose mean is zero, removes most of the noise. About N(0, 1) under zero mean.
    """
    half = h.shape[2] // 2
    direction = gradient[:, :, :half].mean(2, keepdim=True)
    level = phi[:, :, :half].mean(2, keepdim=True).view(*phi.shape[:2], 1, *([1] * (h.ndim - 3)))
    values = ((h[:, :, half:] - level * eps[:, :, half:]) * direction).flatten(3).sum(3).flatten()
    return float(values.mean() / (values.std() / len(values) ** 0.5).clamp_min(1e-30))


def mean_shift(samples: Float[Tensor, "C T N *rest"], reference: Float[Tensor, "C T N *rest"]) -> tuple[float, float]:
    """(‖E_A − E_ref‖ / ‖E_ref‖, cosine of E_A and E_ref), from disjoint halves so that noise does not count as shift.

    The shift is the signed root of an unbiased estimate of its square: a small negative number means "none seen".
    """
    a1, a2 = split_halves(samples)
    r1, r2 = split_halves(reference)
    shift2 = ((a1 - r1) * (a2 - r2)).sum()
    size2 = (r1 * r2).sum().clamp_min(1e-30)
    other2 = (a1 * a2).sum().clamp_min(1e-30)
    cosine = (0.5 * ((a1 * r2).sum() + (a2 * r1).sum()) / (size2 * other2).sqrt()).clamp(-1, 1)
    return float(shift2.sign() * (shift2.abs() / size2).sqrt()), float(cosine)


def ratio_interval(
    arm: Float[Tensor, "S C"], reference: Float[Tensor, "S C"], seed: int = 0, draws: int = 2000
) -> tuple[float, float, float]:
    """Paired variance ratio with a 95 % interval, bootstrapping cameras.

    Args:
        arm, reference: variance of each camera at each of S frozen scenes.

    Returns:
        ratio, low, high: the geometric mean over scenes of Σ_c arm / Σ_c reference.
    """
    generator = torch.Generator().manual_seed(seed)
    cameras = arm.shape[1]
    picks = torch.randint(cameras, (draws, cameras), generator=generator)
    counts = torch.nn.functional.one_hot(picks, cameras).sum(1).double()
    arm, reference = arm.double(), reference.double()
    logs = ((counts @ arm.T).clamp_min(1e-300) / (counts @ reference.T).clamp_min(1e-300)).log().mean(1)
    centre = (arm.sum(1).clamp_min(1e-300) / reference.sum(1).clamp_min(1e-300)).log().mean()
    low, high = torch.quantile(logs, torch.tensor([0.025, 0.975], dtype=torch.float64)).exp().tolist()
    return float(centre.exp()), low, high
