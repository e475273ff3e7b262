"""The estimators: f − Σ_k β_k ⊙ h_k with f = ε̂, one function each, all on the same draw."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.distill.baselines import Constant, ControlVariate
from gs_stein.distill.coefficients import Coefficients
from gs_stein.distill.draw import Draw
from gs_stein.distill.options import CoefficientOptions


def raw(eps_hat: Float[Tensor, "B V C h w"]) -> Float[Tensor, "B V C h w"]:
    """ε̂: no control variate."""
    return eps_hat


def sds(eps_hat: Float[Tensor, "B V C h w"], draw: Draw) -> Float[Tensor, "B V C h w"]:
    """ε̂ − ε: φ = 1 and β = 1 (arXiv 2209.14988)."""
    return eps_hat - draw.eps


def vsd(eps_hat: Float[Tensor, "B V C h w"], eps_lora: Float[Tensor, "B V C h w"]) -> Float[Tensor, "B V C h w"]:
    """ε̂ − ε̂_LoRA (arXiv 2305.16213). Not zero-mean given the render: it changes the target as well."""
    return eps_hat - eps_lora


class Stein:
    """ε̂ − Σ β_k(t) ⊙ h_k with learned β: SDS with fitted b_t, and SSD (arXiv 2401.00604).

    Args:
        variates: the control variates; a `Constant`, where there is one, comes first in the shrinkage target.
        spectral: coefficients per channel and frequency band rather than one a variate.
        options: of the regression.
        num_timesteps: T.
    """

    def __init__(
        self, variates: list[ControlVariate], *, spectral: bool, options: CoefficientOptions, num_timesteps: int
    ) -> None:
        self.variates = variates
        prior = torch.tensor([float(isinstance(variate, Constant)) for variate in variates])
        self.coefficients = Coefficients(options, len(variates), prior, spectral=spectral, num_timesteps=num_timesteps)

    def __call__(
        self, eps_hat: Float[Tensor, "B V C h w"], draw: Draw, *, update: bool = True
    ) -> Float[Tensor, "B V C h w"]:
        """The estimate of each group; `update` lets later draws learn from this one."""
        return self.coefficients.residual(eps_hat, self.evaluate(draw), draw, update=update)

    def evaluate(self, draw: Draw) -> list[Float[Tensor, "B V C h w"]]:
        """h_1 … h_n."""
        return [variate.variate(draw) for variate in self.variates]
