"""How finished do pictures look? Sliced Wasserstein distance of their patches to those of real renders.

The scorer sees 64 pixels and tells what a picture shows; whether it is sharp escapes it. Here nothing is learnt:
patches of 7×7 of each level of a Laplacian pyramid, down to 16 pixels, are compared as distributions, along random
directions (Karras et al., arXiv 1710.10196, section 5). Each level's channels are normalised first, for each set by
itself, so that a blue room is not far from a red one. It sees blur. It does not see blotches on flat walls, and takes
them for texture: samples before `antithetic_denoise` are a little nearer to real renders than after.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

PATCH = 7
SMALLEST = 16


def blurred(rgb: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """A binomial filter of five taps each way."""
    row = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    return F.conv2d(F.pad(rgb, (2, 2, 2, 2), mode="reflect"), (row[:, None] * row).expand(3, 1, 5, 5), groups=3)


def enlarged(rgb: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 2*h 2*w"]:
    """Twice the size, the pixels in between filled by the same filter."""
    n, _, h, w = rgb.shape
    spread = rgb.new_zeros(n, 3, 2 * h, 2 * w)
    spread[..., ::2, ::2] = 4 * rgb
    return blurred(spread)


def pyramid(rgb: Float[Tensor, "n 3 H W"]) -> list[Float[Tensor, "n 3 h w"]]:
    """Laplacian pyramid (Burt and Adelson 1983): what each level adds to the next smaller one, finest first."""
    levels = []
    while rgb.shape[-1] > SMALLEST:
        small = blurred(rgb)[..., ::2, ::2]
        levels.append(rgb - enlarged(small))
        rgb = small
    return [*levels, rgb]


def descriptors(level: Float[Tensor, "n 3 h w"], count: int, generator: torch.Generator) -> Float[Tensor, "count 147"]:
    """Patches from random places, channels of zero mean and unit spread over all of them."""
    n, _, h, w = level.shape
    image = torch.arange(count) % n
    top = torch.randint(h - PATCH + 1, (count,), generator=generator)
    left = torch.randint(w - PATCH + 1, (count,), generator=generator)
    patches = level.unfold(2, PATCH, 1).unfold(3, PATCH, 1)[image, :, top, left]
    mean, spread = patches.mean((0, 2, 3), keepdim=True), patches.std((0, 2, 3), keepdim=True)
    return ((patches - mean) / spread.clamp_min(1e-6)).flatten(1)


def swd(
    a: Float[Tensor, "n 3 H W"], b: Float[Tensor, "m 3 H W"], count: int = 4096, directions: int = 256, seed: int = 0
) -> float:
    """Sliced Wasserstein distance of two sets of square pictures in [0, 1], averaged over levels.

    Args:
        a, b: the sets.
        count: patches of each set and level.
        directions: random projections.
        seed: of places and directions; the same ones for every call of a comparison.
    """
    generator, total = torch.Generator().manual_seed(seed), []
    for one, other in zip(pyramid(a), pyramid(b), strict=True):
        x, y = descriptors(one, count, generator), descriptors(other, count, generator)
        along = F.normalize(torch.randn(x.shape[1], directions, generator=generator), dim=0)
        total.append(((x @ along).sort(0).values - (y @ along).sort(0).values).abs().mean())
    return torch.stack(total).mean().item()
