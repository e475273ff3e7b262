"""Do views obey their cameras, and agree with each other?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import inside
from gs_stein.prior.denoiser import DepthEstimator
from gs_stein.prior.depth import CLEAN
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.types import Cameras
from gs_stein.world.measure.options import Options
from gs_stein.world.measure.pictures import Truth, sample_scene
from gs_stein.world.render.render import render


def turned(cameras: Cameras, degrees: float) -> Cameras:
    """Room cameras turned about the vertical through themselves."""
    angle = np.deg2rad(degrees)
    turn = torch.eye(4)
    turn[:2, :2] = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    about = torch.eye(4).repeat(len(cameras), 1, 1)
    about[:, :3, 3] = -cameras.positions
    back = torch.eye(4).repeat(len(cameras), 1, 1)
    back[:, :3, 3] = cameras.positions
    return replace(cameras, viewmats=cameras.viewmats @ back @ turn @ about)


def camera_error(pictures: list[Tensor], truths: list[Truth]) -> float:
    """Mean angle (degrees) by which a picture looks turned away from its camera.

    Each picture is compared (correlation of blurred pictures) with real renders from cameras turned by up to ±60° in
    steps of 15°; the best match tells where it seems to look.
    """
    turns = np.arange(-60, 61, 15)

    def blurred(rgb: Tensor) -> Tensor:
        small = F.interpolate(rgb, size=(32, 32), mode="area")
        return F.normalize((small - small.mean((2, 3), keepdim=True)).flatten(1), dim=-1)

    errors = []
    for rgb, truth in zip(pictures, truths, strict=True):
        scores = []
        for turn in turns:
            real = render(truth.scene, turned(truth.cameras, float(turn))).rgb
            scores.append((blurred(torch.from_numpy(real).permute(0, 3, 1, 2).float() / 255) * blurred(rgb)).sum(1))
        errors.append(np.abs(turns[torch.stack(scores).argmax(0).numpy()]))
    return float(np.mean(errors))


def overlap(cameras: Cameras, i: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Where view i + 1 shows what view i does, for views of one standpoint.

    Returns:
        For `grid_sample`, the places in view i + 1 of a picture of size² pixels (1, size, size, 2); how much farther
        along its axis than along that of view i things are there (size, size); where both see them (bool).
    """
    small = cameras.resized(size, size)
    v, u = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
    relative = cameras.viewmats[i + 1, :3, :3] @ cameras.viewmats[i, :3, :3].T
    homography = small.Ks[i + 1] @ relative @ torch.linalg.inv(small.Ks[i])
    target = torch.stack([u, v, torch.ones_like(u)], -1) @ homography.T
    farther = target[..., 2]
    grid = target[..., :2] / farther[..., None].clamp_min(1e-6) / size * 2 - 1
    return grid[None], farther, (grid.abs() < 0.97).all(-1) & (farther > 0)


def colour_gap(cameras: Cameras, rgb: Float[Tensor, "V 3 H W"], other: Float[Tensor, "V 3 H W"]) -> float:
    """Mean absolute difference of views v of `rgb` and v + 1 of `other` where they overlap."""
    total = []
    for i in range(len(rgb) - 1):
        grid, _, seen = overlap(cameras, i, rgb.shape[-1])
        warped = F.grid_sample(other[i + 1 : i + 2], grid, align_corners=False)[0]
        total.append((warped - rgb[i]).abs().mean(0)[seen].mean().item())
    return float(np.mean(total))


def depth_gap(cameras: Cameras, depth: Float[Tensor, "V h w"], other: Float[Tensor, "V h w"]) -> float:
    """Share of the variance of relative depth in views v that views v + 1 of `other` leave unexplained, in the overlap.

    z of the one is z of the other over `farther`. Each view's depth has a scale and a shift of its own, so that
    a d + b of the one is to be explained by d / farther and 1 / farther of the other, by least squares.
    """
    total = []
    for i in range(len(depth) - 1):
        grid, farther, seen = overlap(cameras, i, depth.shape[-1])
        warped = F.grid_sample(other[None, i + 1 : i + 2], grid, align_corners=False)[0, 0]
        known = torch.stack([warped / farther, 1 / farther, torch.ones_like(warped)], -1)[seen].double()
        wanted = depth[i][seen].double()
        left = wanted - known @ torch.linalg.lstsq(known, wanted[:, None]).solution[:, 0]
        total.append((left.square().mean() / wanted.var(correction=0).clamp_min(1e-12)).item())
    return float(np.mean(total))


@torch.no_grad()
def agreement(
    prior: DiffusionPrior, estimator: DepthEstimator | None, truths: list[Truth], options: Options
) -> dict[str, float]:
    """Do neighbouring views agree, in colour and in depth, where views of one standpoint, 30° apart, overlap?

    1 is the agreement of real renders, 0 that of unrelated scenes. Depth is the estimator's, for all of them.
    """
    room = RoomCameras()
    yaw = torch.arange(options.views) * 30.0
    level = torch.zeros(options.views)
    cameras = inside(torch.tensor([[0.0, 0.0, 1.45]]).expand(options.views, 3), yaw, level, level + 70, room.resolution)
    real = [torch.from_numpy(render(t.scene, cameras).rgb).permute(0, 3, 1, 2).float() / 255 for t in truths]
    samples = [sample_scene(prior, t.caption, cameras, options, 9000 + i) for i, t in enumerate(truths)]

    def over_real(gap: Callable[[Cameras, Tensor, Tensor], float], real: list[Tensor], samples: list[Tensor]) -> float:
        own = np.mean([gap(cameras, a, a) for a in real])
        strangers = np.mean([gap(cameras, a, b) for a, b in zip(real, real[1:] + real[:1], strict=True)])
        joint = np.mean([gap(cameras, a, a) for a in samples])
        return float((strangers - joint) / (strangers - own))

    figures = {"view_agreement": over_real(colour_gap, real, samples)}
    if estimator is not None:
        clean = torch.tensor([CLEAN * prior.schedule.num_timesteps])
        depths = [[estimator(prior.encode(a)[None], clean, cameras)[0] for a in group] for group in (real, samples)]
        figures["view_agreement_depth"] = over_real(depth_gap, *depths)
    return figures
