"""The first colours of a scene, solved for rather than stepped to.

A picture is linear in the colours of its Gaussians, and a distillation step wants it to be the prior's guess x̂₀. Adam
walks there in steps of its learning rate, ten or twenty of them, whatever the distance. Here every Gaussian takes at
once the mean of what the guesses show where it is seen, weighted by how much of each pixel it makes up: the
simultaneous algebraic reconstruction technique of tomography (Andersen and Kak 1984), with the weights summed over
iterations, so that views agree on their mean.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.gaussians import SH_C0

FAINT = 0.05
"""Pixels' worth of weight below which a Gaussian follows a guess only in part."""


class FirstColours:
    """Remembers how much of the pictures each Gaussian has made up so far."""

    def __init__(self) -> None:
        self.weight: Float[Tensor, "N 1 3"] | None = None

    def change(
        self, sh0: Float[Tensor, "N 1 3"], rgb: Float[Tensor, "V H W 3"], target: Float[Tensor, "V H W 3"]
    ) -> Float[Tensor, "N 1 3"]:
        """What to add to the colours so that the pictures come nearer to their targets.

        Args:
            sh0: the constant part of the colours, of which `rgb` was rendered; the graph is kept.
            rgb: pictures.
            target: what they shall show.
        """
        missing = (target - rgb).detach()
        # Derivatives of Σ rgb·x are Σ_pixels weight·x, times the basis function's constant.
        pulled, shown = (
            torch.autograd.grad(rgb, sh0, x, retain_graph=True)[0] / SH_C0 for x in (missing, torch.ones_like(rgb))
        )
        if self.weight is None or self.weight.shape != sh0.shape:
            self.weight = torch.zeros_like(sh0, requires_grad=False)
        self.weight = self.weight + shown
        return pulled / (self.weight + FAINT) / SH_C0
