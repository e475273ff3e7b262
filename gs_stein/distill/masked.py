"""Control variates that see half of the noise: a checkerboard hides what a response multiplies.

x_t = α x₀ + σ ε. Cells of the latent, with all their channels and at all views, are coloured like a checkerboard, M and
not M. A response R(ε, x) that is linear in its first argument, R(ε, x)_i = Σ_j A_ij(x) ε_j, gives

    h = R(ε on M, x_t without M's noise) + R(ε on not M, x_t without that of not M).

**Zero mean.** Given x₀, cameras and prompt, ε_M and ε_¬M are independent, and x_t without M's noise, α x₀ + σ ε_¬M, is
a function of the second alone. So E[h_i] = Σ_{j∈M} E[A_ij(α x₀ + σ ε_¬M)] E[ε_j] + the same with colours changed = 0,
whatever A is. That is Stein's identity for a vector of baselines, φ_j = A_ij, E[ε_j φ_j(x_t)] = σ E[∂φ_j/∂x_j], whose
divergence vanishes because φ_j does not see cell j. It fails as soon as the colours are not kept apart: R(ε, x_t) has
the mean σ E[∇·A], which a test shows.

Half of what A may know beyond x₀ (`gs_stein.distill.learned`) is so its own noise's neighbourhood, for two answers
instead of one. At best that takes a quarter to a half off what a linear h must leave; `products`, the smallest
such family, takes next to nothing off, and no cheap one is known that does better: docs/journal.md. So no estimator
has it, only the bench that says so.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.distill.draw import Draw

Response = Callable[[Float[Tensor, "B V C h w"], Float[Tensor, "B V C h w"]], list[Float[Tensor, "B V C h w"]]]
"""R(ε, x): one answer or several, each linear in ε."""


def checkerboard(like: Float[Tensor, "*any h w"]) -> Float[Tensor, "h w"]:
    """1 where row and column add up to an even number, else 0."""
    rows, columns = (torch.arange(n, device=like.device) for n in like.shape[-2:])
    return ((rows[:, None] + columns + 1) % 2).to(like)


def masked(response: Response, draw: Draw) -> list[Float[Tensor, "B V C h w"]]:
    """h of each answer: the response to each colour's noise, seeing x_t with that colour's noise taken out.

    Args:
        response: linear in its first argument; asked twice.
        draw: what it is asked about.
    """
    colour = checkerboard(draw.eps)
    halves = (
        response(draw.eps * hidden, draw.x_t - draw.noise_scale() * draw.eps * hidden)
        for hidden in (colour, 1 - colour)
    )
    return [one + other for one, other in zip(*halves, strict=True)]


def products(eps: Float[Tensor, "B V C h w"], seen: Float[Tensor, "B V C h w"]) -> list[Float[Tensor, "B V C h w"]]:
    """Five local responses: to the four neighbours; to a cell times what its neighbours show, and times their energy;
    to the neighbours times what a cell shows, and times its energy. All neighbours are of the other colour."""
    energy = seen.square().mean(2, keepdim=True)
    around = beside(eps)
    return [around, eps * beside(seen), eps * beside(energy), around * seen, around * energy]


def beside(x: Float[Tensor, "B V C h w"]) -> Float[Tensor, "B V C h w"]:
    """Mean of the four neighbours; beyond the edge is nothing."""
    cross = x.new_tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]) / 4
    return F.conv2d(x.flatten(0, 2)[:, None], cross[None, None], padding=1).view_as(x)
