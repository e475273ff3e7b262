"""A thing set into a scene: scaled, turned and moved, room made for it, its light and its shadow."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gs_stein.compose.place import Pose
from gs_stein.gaussians.model import SH_C0, Gaussians, sh_to_rgb
from gs_stein.gaussians.orientation import rotated

_SOLID = 0.3
"""Opacity from which a Gaussian counts for a thing's extent."""
_OUTER = 0.004
"""Share of a thing's Gaussians at each end that its extent leaves out."""
_STOUT = 1.25
"""How much wider or deeper than its box a thing may be, if it is as high: a stouter one than the world's."""
_STRETCH = 1.6
"""How much longer one side of a thing may be made than another, to fill the box of a layout."""
_ABOVE = 0.04
"""Metres above what carries a thing from which it pushes out what the scene has there."""
_SHADE, _BLUR = 0.45, 0.1
"""How much darker the ground is beneath a thing, and metres over which that fades."""
_STUDIO = 0.55
"""Mean brightness of walls and floors by day, under which things are made."""
_DIMMEST, _BRIGHTEST = 0.4, 1.1
"""Range of the factor by which a scene's light changes a thing's colours."""


def extent(gaussians: Gaussians) -> tuple[Float[Tensor, 3], Float[Tensor, 3]]:
    """Lowest and highest corner of what is to be seen of a thing."""
    solid = gaussians.opacities > _SOLID
    chosen = gaussians[solid] if int(solid.sum()) >= 8 else gaussians
    reach = chosen.scales.amax(1, keepdim=True)
    ends = torch.tensor([_OUTER, 1 - _OUTER], dtype=chosen.dtype, device=chosen.device)
    low = torch.quantile(chosen.means - reach, ends[0], dim=0)
    high = torch.quantile(chosen.means + reach, ends[1], dim=0)
    return low, high


def placed(thing: Gaussians, pose: Pose) -> Gaussians:
    """A thing as it stands in the scene: as large as its box allows, its back at the pose's, on what carries it.

    Args:
        thing: as made, facing south (-y), about the origin.
        pose: where it shall stand.
    """
    low, high = extent(thing)
    if pose.fills:
        sides = (high - low).clamp(min=1e-6)
        ratios = thing.means.new_tensor(pose.size) / sides
        thing = stretched(thing, torch.minimum(ratios / ratios.min(), ratios.new_tensor(_STRETCH)))
        low, high = extent(thing)
    across, along, up = (size / max(float(side), 1e-6) for size, side in zip(pose.size, high - low, strict=True))
    stout = 1.0 if pose.fills else _STOUT
    scale = min(stout * across, stout * along, up)
    anchor = torch.stack([(low[0] + high[0]) / 2, high[1], low[2]])
    centred = replace(thing, means=(thing.means - anchor) * scale, log_scales=thing.log_scales + math.log(scale))
    turn = math.radians(pose.yaw)
    turned = rotated(centred, torch.tensor(
        [[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]], dtype=torch.float64
    ))  # fmt: skip
    depth = float(high[1] - low[1]) * scale
    # Where a box is deeper than the thing, the thing stands in its middle, but at a wall with its back to it.
    x, y = pose.at(0.0, -(pose.size[1] - depth) / 2 if pose.free else 0.0)
    return replace(turned, means=turned.means + turned.means.new_tensor([x, y, pose.z]))


def stretched(thing: Gaussians, factors: Float[Tensor, 3]) -> Gaussians:
    """A thing made longer along x, y and z by some factors: covariances become A Σ Aᵀ, colours stay. On the CPU."""
    from scipy.spatial.transform import Rotation

    rotation = torch.from_numpy(Rotation.from_quat(thing.quats.double().numpy(), scalar_first=True).as_matrix())
    axes, lengths, _ = torch.linalg.svd(factors.double()[:, None] * rotation * thing.scales.double()[:, None, :])
    axes = axes * torch.linalg.det(axes)[:, None, None].sign()  # an axis points either way, but not all in a mirror
    quats = torch.from_numpy(Rotation.from_matrix(axes.numpy()).as_quat(scalar_first=True))
    return replace(
        thing, means=thing.means * factors, log_scales=lengths.clamp(min=1e-12).log().to(thing.log_scales),
        quats=quats.to(thing.quats),
    )  # fmt: skip


def inside(gaussians: Gaussians, thing: Gaussians) -> Bool[Tensor, " N"]:
    """What of a scene is where a thing stands."""
    low, high = extent(thing)
    low = low.clone()
    low[2] += _ABOVE
    return ((gaussians.means > low) & (gaussians.means < high)).all(1)


def brightness(gaussians: Gaussians) -> float:
    """Mean brightness of what is solid in a scene."""
    seen = gaussians[gaussians.opacities > _SOLID]
    return float(sh_to_rgb(seen.sh[:, 0]).clamp(0, 1).mean()) if len(seen) else _STUDIO


def lit(thing: Gaussians, light: float) -> Gaussians:
    """A thing in the light of a scene of that mean brightness."""
    factor = min(max(light / _STUDIO, _DIMMEST), _BRIGHTEST)
    sh = thing.sh * factor
    # rgb = 0.5 + c·sh: a factor on rgb moves the constant too.
    sh[:, 0] += 0.5 * (factor - 1) / SH_C0
    return replace(thing, sh=sh)


def shaded(gaussians: Gaussians, thing: Gaussians, ground: float) -> Gaussians:
    """A scene with the soft shadow of a thing that stands on the ground, which is at that height in metres."""
    low, high = extent(thing)
    low, high = low.to(gaussians.means), high.to(gaussians.means)
    flat = (gaussians.means[:, 2] - ground).abs() < 0.08
    gaps = torch.maximum(low[:2] - gaussians.means[:, :2], gaussians.means[:, :2] - high[:2]).clamp(min=0)
    dark = torch.where(flat, 1 - _SHADE * torch.exp(-(gaps.norm(dim=1) / _BLUR).square()), 1.0)
    sh = gaussians.sh * dark[:, None, None]
    sh[:, 0] += 0.5 * (dark[:, None] - 1) / SH_C0
    return replace(gaussians, sh=sh)
