"""Scenes that went through a file and what they are compared by."""

from __future__ import annotations

import math

import torch
from scenes import random_scene

from gs_stein.gaussians.model import Gaussians
from gs_stein.rasterize.reference import covariances


def scene(count: int = 300, degree: int = 3, seed: int = 0) -> Gaussians:
    """A cloud whose Gaussians can be seen, and whose harmonics lie within ±1 in any axes."""
    found = random_scene(count, degree, seed).to(torch.float32)
    sh = found.sh * torch.tensor([1.0, *[0.3] * (found.sh.shape[1] - 1)])[:, None]
    return Gaussians(found.means, found.log_scales, found.quats, found.opacity_logits.clamp(-4, 6), sh)


def shape_error(a: Gaussians, b: Gaussians) -> float:
    """The largest difference of covariances over their size."""
    first, second = (covariances(s.quats.double(), s.scales.double()).flatten(1) for s in (a, b))
    return float(((first - second).norm(dim=1) / second.norm(dim=1)).max())


def in_order_of(found: Gaussians, original: Gaussians) -> Gaussians:
    return found[torch.cdist(original.means.double(), found.means.double()).argmin(dim=1)]


# Largest errors: means (m), covariances (relative), opacities, base colour (0 to 1), higher harmonics.
STEPS = {
    ".ply": (0, 1e-6, 0, 0, 1e-6),
    ".glb": (0, 1e-6, 1e-6, 0, 1e-6),
    ".compressed.ply": (0.002, 0.02, 0.5 / 255 + 1e-6, 0.002, 4 / 256 * 1.6),
    ".splat": (0, 0.03, 0.5 / 255 + 1e-6, 1 / 255, math.inf),
    ".spz": (2**-13 * 1.01, 0.07, 0.5 / 255 + 1e-6, 0.5 / 255 / 0.15 * 0.29, 0.14),
    ".sog": (1e-4, 0.25, 0.5 / 255 + 1e-6, 0.03, 0.06),
    # Others' decoders and encoders of .splat are half a step off, or truncate instead of rounding; so in their .sog.
    "another's .splat": (0, 0.4, 1 / 255 + 1e-6, 1.01 / 255, math.inf),
    "another's .sog": (2e-4, 0.5, 1 / 255 + 1e-6, 0.05, 0.12),
    # Three bytes for a rotation: up to ten degrees.
    "SPZ 2": (2**-13 * 1.01, 1.0, 0.5 / 255 + 1e-6, 0.5 / 255 / 0.15 * 0.29, 0.14),
}


def check_close(found: Gaussians, original: Gaussians, suffix: str) -> None:
    """Assert that what was read is what was written, whatever its order, within the steps of a format."""
    assert len(found) == len(original)
    back = in_order_of(found, original)
    means, shape, opacity, colour, higher = STEPS[suffix]
    assert float((back.means - original.means).abs().max()) <= means
    assert shape_error(back, original) <= shape
    assert float((back.opacities - original.opacities).abs().max()) <= opacity
    shown, wanted = (0.28209479177387814 * s.sh[:, 0] + 0.5 for s in (back, original))
    within = (wanted > 0) & (wanted < 1) if suffix == ".splat" else torch.ones_like(wanted, dtype=torch.bool)
    assert float((shown - wanted)[within].abs().max()) <= colour
    if higher < math.inf:
        assert float((back.sh - original.sh)[:, 1:].abs().max()) <= higher
