"""The phases of a run."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gs_stein.config.schema import Config
from gs_stein.optimize.plan import background
from gs_stein.optimize.state import State
from gs_stein.prior.denoiser import Denoiser
from gs_stein.rasterize.api import rasterize
from gs_stein.types import Cameras
from gs_stein.update import adam
from gs_stein.update.visual_hull import DISSENT, carved, inside, sown


@torch.no_grad()
def fit_hull(config: Config, state: State, sow: bool) -> None:
    """Carve away what the refined views see past; on demand, sow what they show and the scene has not."""
    options, parameters = config.refine, state.parameters
    targets, behind = state.refiner.targets, background(config, state.generator).to(state.device)
    cameras = targets.cameras.to(state.device)
    rgb = pictured(state.priors.denoiser, targets.x0, cameras).to(behind)
    sow = sow and options.sow > 0
    alpha = rasterize(state.gaussians, cameras, config.rasterize, behind).alpha if sow else None
    standing = inside(parameters["means"], cameras, rgb, behind, DISSENT)
    parameters["opacities"].copy_(carved(parameters["opacities"], standing, options.carve))
    if alpha is None:
        return
    new = sown(cameras, rgb, alpha, behind, int(options.sow * len(standing)), state.generator)
    faintest = parameters["opacities"].argsort()[: len(new)]
    adam.put(parameters, state.optimizers, faintest, new.with_sh_degree(config.sh_degree).parameters())


@torch.no_grad()
def pictured(denoiser: Denoiser, x0: Tensor, cameras: Cameras) -> Tensor:
    """Clean latents as pictures (V, H, W, 3) of the cameras' size."""
    rgb = denoiser.decode(x0).clamp(0, 1).float()
    size = (cameras.height, cameras.width)
    if rgb.shape[2:] != size:
        rgb = F.interpolate(rgb, size, mode="bilinear", antialias=True)
    return rgb.permute(0, 2, 3, 1)
