"""Renders sharpened before they are noised: a denoiser takes blur that noise does not hide for how things look."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.refine.registration import blurred

_BLUR = 1.2
"""Standard deviation, in pixels, of what is taken out of pictures to sharpen them."""
_NEAR = 2
"""Pixels to either side that are a pixel's neighbours then."""
_OVERSHOOT = 0.1
"""How far beyond their range it may come, as a share of that: thin lines, whose height blur has taken, need some."""


def sharpened(rgb: Float[Tensor, "V 3 H W"], amount: float) -> Float[Tensor, "V 3 H W"]:
    """Pictures in [0, 1] with more of what is finer than some pixels: unsharp masking, held to the range of each
    pixel's neighbours, without which edges get dark and light outlines that the denoiser takes for things."""
    around = F.pad(rgb, (_NEAR, _NEAR, _NEAR, _NEAR), mode="replicate")
    highest, lowest = (sign * F.max_pool2d(sign * around, 2 * _NEAR + 1, stride=1) for sign in (1, -1))
    beyond = _OVERSHOOT * (highest - lowest)
    found = rgb + amount * (rgb - blurred(rgb, _BLUR))
    return torch.minimum(torch.maximum(found, lowest - beyond), highest + beyond).clamp(0, 1)
