"""Colours beyond what Adam does with them: solved for at first, held to what views show later, and kept in gamut.

A picture is linear in the colours of its Gaussians, and a distillation step wants it to be the prior's guess x̂₀. Adam
walks there in steps of its learning rate, ten or twenty of them, whatever the distance. `ColourSolver` gives every
Gaussian at once the mean of what the guesses show where it is seen, weighted by how much of each pixel it makes up: the
simultaneous algebraic reconstruction technique of tomography (Andersen and Kak 1984), with the weights summed over
iterations, so that views agree on their mean.

Few views leave it open which Gaussians make up a pixel's colour: an orange and a blue one may cancel out in all of
them, and are coloured dust to every other camera. `blend_colours` and `keep_in_gamut` leave less room for that.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein import ranks
from gs_stein.gaussians.model import SH_C0

FAINT = 0.05
"""Pixels' worth of weight below which a Gaussian follows a guess only in part."""
MARGIN = 1 / 512
"""Half a level of eight bits: so far colours stay inside [0, 1]. At 0 rasterizers clamp, and give no gradient back."""


@torch.no_grad()
def keep_in_gamut(sh0: Float[Tensor, "N 1 3"]) -> None:
    """Clamp the constant part of the colours, in place, to what a surface can have.

    Adam overshoots, and blending hides it: a picture in range may be made of colours from −0.1 to 1.7.
    """
    limit = (0.5 - MARGIN) / SH_C0
    sh0.clamp_(-limit, limit)


def blend_colours(
    sh0: Float[Tensor, "N 1 3"], rgb: Float[Tensor, "V H W 3"], shown: Float[Tensor, "V H W 3"], share: float
) -> Float[Tensor, "N 1 3"]:
    """What to add to the colours to bring each nearer to the mean of what pictures show where its Gaussian is seen.

    Unlike `ColourSolver.change`, which looks at what is missing, this may take a picture away from its target: details
    finer than a Gaussian are for others to show.

    Args:
        sh0: the constant part of the colours, of which `rgb` was rendered; the graph is kept.
        rgb: pictures.
        shown: what they shall show.
        share: of the way.
    """
    colour, weight = (made_up(sh0, rgb, x) for x in (shown - 0.5, torch.ones_like(rgb)))
    return share * (colour / SH_C0 - weight * sh0.detach()) / (weight + FAINT)


def made_up(
    sh0: Float[Tensor, "N 1 3"], rgb: Float[Tensor, "V H W 3"], x: Float[Tensor, "V H W 3"]
) -> Float[Tensor, "N 1 3"]:
    """Σ over pixels, those of all ranks, of how much of each a Gaussian makes up, times x there: the derivative of
    Σ rgb·x."""
    return ranks.total(torch.autograd.grad(rgb, sh0, x, retain_graph=True)[0])[0] / SH_C0


class ColourSolver:
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
        pulled, shown = (made_up(sh0, rgb, x) for x in (missing, torch.ones_like(rgb)))
        if self.weight is None or self.weight.shape != sh0.shape:
            self.weight = torch.zeros_like(sh0, requires_grad=False)
        self.weight = self.weight + shown
        return pulled / (self.weight + FAINT) / SH_C0
