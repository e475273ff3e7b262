"""Baselines φ and their Stein control variates h = εφ(x_t) − σ∇φ(x_t).

For x_t = αx₀ + σε with ε ~ N(0, I), Stein's identity E[εψ(ε)] = E[∇_ε ψ(ε)] with ψ(ε) = φ(αx₀ + σε) gives
E[εφ − σ∇φ] = 0 for any φ that is weakly differentiable and sees ε only through x_t. So any small class with a
`phi` is a baseline; its gradient is autograd's vector-Jacobian product through everything between x_t and φ.
(The paper prints εφ + ∇φ, whose mean is (1 + σ)E∇φ: `PrintedDepth`, for the ablation.)
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from gs_stein.distill.draw import Draw
from gs_stein.distill.learned import Learned, LearnedPart
from gs_stein.distill.options import Baseline
from gs_stein.prior.agreement import pearson, shrink
from gs_stein.prior.denoiser import DepthEstimator, NormalEstimator


@runtime_checkable
class StatisticBaseline(Protocol):
    """A baseline given by its φ; `stein` does the rest."""

    def phi(self, x_t: Float[Tensor, "B V C h w"], draw: Draw) -> Float[Tensor, "B views"]:
        """φ of each view, (B, V), where view v's φ sees view v of x_t only; or one φ for the whole group, (B, 1),
        that may look at all of it. In both cases ∇Σφ is the gradient that Stein's identity asks for."""
        ...


class Constant:
    """φ = 1: h = ε, SDS's control variate."""

    def variate(self, draw: Draw) -> Float[Tensor, "B V C h w"]:
        """h."""
        return draw.eps


class Depth:
    """φ = 1 − Pearson(rendered depth, estimated depth); invariant to the estimator's scale and shift.

    Args:
        estimator: network of depth. One that looks at several views jointly needs `per_group`.
        printed: use the sign printed in the paper (not zero-mean).
        per_group: average φ over the views of a group.

    Source: arXiv 2401.00604, section 4.2, with the sign of ∇φ corrected.
    """

    def __init__(self, estimator: DepthEstimator, *, printed: bool = False, per_group: bool = False) -> None:
        self.estimator, self.printed, self.per_group = estimator, printed, per_group

    def phi(self, x_t: Float[Tensor, "B V C h w"], draw: Draw) -> Float[Tensor, "B views"]:
        """1 − Pearson, over the pixels that the render covers."""
        if draw.depth is None:
            raise ValueError("estimator.baselines: DEPTH needs the rendered depth; pass depth=… or drop it")
        estimated = self.estimator(x_t, draw.t, draw.cameras)
        depth, covered = shrink(draw.depth[..., None], (draw.depth > 0).to(x_t), estimated.shape[-2:])
        phi = 1.0 - pearson(estimated, depth[..., 0].to(x_t), covered)
        return phi.mean(1, keepdim=True) if self.per_group else phi

    def variate(self, draw: Draw) -> Float[Tensor, "B V C h w"]:
        """h, or the paper's printed form of it."""
        phi, gradient = phi_and_gradient(self, draw)
        if self.printed:
            return draw.eps * phi + gradient
        return draw.eps * phi - draw.noise_scale() * gradient


class Normal:
    """φ = 1 − cosine of rendered and estimated normals, averaged over the covered pixels of a view."""

    def __init__(self, estimator: NormalEstimator) -> None:
        self.estimator = estimator

    def phi(self, x_t: Float[Tensor, "B V C h w"], draw: Draw) -> Float[Tensor, "B V"]:
        """1 − mean cosine."""
        if draw.normals is None:
            raise ValueError("estimator.baselines: NORMAL needs rendered normals; pass normals=… or drop it")
        estimated = self.estimator(x_t, draw.t, draw.cameras)
        hit = (draw.normals.square().sum(-1) > 0.25).to(x_t)
        normals, covered = shrink(draw.normals, hit, estimated.shape[-3:-1])
        cosine = functional.cosine_similarity(estimated, normals.to(x_t), dim=-1, eps=1e-6)
        return 1.0 - (cosine * covered).sum((-2, -1)) / covered.sum((-2, -1)).clamp_min(1e-6)

    def variate(self, draw: Draw) -> Float[Tensor, "B V C h w"]:
        """h."""
        return stein(self, draw)


ControlVariate = Constant | Depth | Normal | LearnedPart


def phi_and_gradient(
    baseline: StatisticBaseline, draw: Draw
) -> tuple[Float[Tensor, "B views 1 1 1"], Float[Tensor, "B V C h w"]]:
    """φ and the exact ∇φ with respect to x_t, both detached."""
    with torch.enable_grad():
        x_t = draw.x_t.detach().requires_grad_(True)
        phi = baseline.phi(x_t, draw)
        (gradient,) = torch.autograd.grad(phi.sum(), x_t)
    return phi.detach()[:, :, None, None, None], gradient


def stein(baseline: StatisticBaseline, draw: Draw) -> Float[Tensor, "B V C h w"]:
    """The zero-mean control variate h = εφ − σ∇φ."""
    phi, gradient = phi_and_gradient(baseline, draw)
    return draw.eps * phi - draw.noise_scale() * gradient


def build(
    kinds: tuple[Baseline, ...],
    depth: DepthEstimator | None,
    normal: NormalEstimator | None,
    learned: Learned | None = None,
) -> list[ControlVariate]:
    """The control variates a set of baselines stands for.

    Raises:
        ValueError: an estimator is missing.
    """
    built: list[ControlVariate] = []
    for kind in kinds:
        if kind in (Baseline.CONSTANT, Baseline.SPECTRAL):
            built.append(Constant())
        elif kind is Baseline.LEARNED:
            if learned is None:
                raise ValueError("estimator.baselines: LEARNED needs its network; give one or drop it")
            built.extend(learned.variates())
        elif kind in (Baseline.DEPTH, Baseline.PRINTED_DEPTH):
            if depth is None:
                raise ValueError(f"estimator.baselines: {kind.name} needs a depth estimator; give one or drop it")
            built.append(Depth(depth, printed=kind is Baseline.PRINTED_DEPTH))
        else:
            if normal is None:
                raise ValueError(f"estimator.baselines: {kind.name} needs a normal estimator; give one or drop it")
            built.append(Normal(normal))
    return built
