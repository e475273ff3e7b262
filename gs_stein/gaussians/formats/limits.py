"""What a format cannot say of a scene, in words: how many Gaussians its writer leaves out or holds at an end."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool
from torch import Tensor

from gs_stein.gaussians.formats.table import Format, Limits
from gs_stein.gaussians.model import SH_C0, Gaussians
from gs_stein.gaussians.options import ALPHA_MIN
from gs_stein.gaussians.orientation import turned_to


def beyond(row: Format, scene: Gaussians, axes: str | None = None) -> list[str]:
    """What writing a scene costs it beside rounding, a line each.

    Args:
        row: the format.
        scene: of our world, on the CPU, finite.
        axes: that it is written in, if not the format's own.
    """
    limits = row.limits
    if limits == Limits():
        return []
    faint = (scene.opacities < ALPHA_MIN) & limits.leaves_out_the_faint
    far = (scene.means.abs() > limits.farthest).any(dim=1)
    low, high = limits.log_scales
    sizes = ((scene.log_scales < low) | (scene.log_scales > high)).any(dim=1)
    gaudy, reach = (scene.sh[:, 0].abs() > limits.colours).any(dim=1), SH_C0 * limits.colours
    lines = (
        (faint, "are fainter than 1/255 and left out"),
        (far, f"lie beyond ±{limits.farthest:g} m and are left out"),
        (sizes, f"have a standard deviation beyond {math.exp(low):.2g} to {math.exp(high):.3g} m, where it is held"),
        (gaudy, f"have a base colour beyond {0.5 - reach:.1f} to {0.5 + reach:.1f}, where it is held"),
        (_vivid(scene, limits.harmonics, axes or row.axes), f"have spherical harmonics beyond ±{limits.harmonics:g}, "
         "where they are held"),
    )  # fmt: skip
    return [f"{int(mask.sum())} of {len(scene)} Gaussians {words}" for mask, words in lines if bool(mask.any())]


def _vivid(scene: Gaussians, limit: float, axes: str) -> Bool[Tensor, " N"]:
    """Which Gaussians have a higher harmonic beyond a limit, in the file's axes."""
    # A turn keeps the length of the coefficients of a colour and degree, seven at most.
    low, high = scene.sh[:, 1:].aminmax() if scene.sh_degree else scene.sh.new_zeros(2)
    if math.sqrt(7) * float(torch.maximum(-low, high)) <= limit:
        return torch.zeros(len(scene), dtype=torch.bool)
    found = (scene.sh[:, 1:].square().sum(dim=1) > limit**2).any(dim=1)
    if bool(found.any()):
        found[found.clone()] = (turned_to(scene[found], axes).sh[:, 1:].abs() > limit).flatten(1).any(dim=1)
    return found
