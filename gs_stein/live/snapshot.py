"""What the training thread hands over: numbers of every step, and now and then copies of its tensors."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float

from gs_stein.gaussians.model import Gaussians
from gs_stein.live.splats import copied
from gs_stein.prior.denoiser import Denoiser, DepthEstimator
from gs_stein.types import Cameras

if TYPE_CHECKING:
    from gs_stein.distill.distiller import Distiller
    from gs_stein.optimize.step import Step

TERMS = ("depth_tv", "opacity", "scale", "anisotropy", "sparsity", "range", "haze")
"""Regularisers that are plotted when they are in use."""
_NAMES = {"Constant": "noise (SDS's)", "Depth": "depth", "Normal": "normals"}


@dataclass
class History:
    """Numbers of all steps so far, thinned once there are more than can be seen."""

    limit: int = 2000
    steps: list[int] = field(default_factory=list)
    gradient: list[float] = field(default_factory=list)
    """Root mean square of the distillation gradient."""
    ratio: list[float] = field(default_factory=list)
    """Second moment of the estimator over SDS's; NaN before there is one."""
    terms: list[tuple[float, ...]] = field(default_factory=list)
    """Values of `TERMS`."""
    recent: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=50))
    """(step, seconds) of the last iterations, for the speed."""
    stride: int = 1

    def add(self, step: Step) -> None:
        """Note one step. Costs microseconds."""
        self.recent.append((step.step, step.seconds))
        if step.step % self.stride:
            return
        self.steps.append(step.step)
        self.gradient.append(float(step.losses.gradient))
        self.ratio.append(math.nan if step.variance_ratio is None else float(step.variance_ratio))
        self.terms.append(tuple(float(getattr(step.losses, name)) for name in TERMS))
        if len(self.steps) > self.limit:
            self.stride *= 2
            for column in (self.steps, self.gradient, self.ratio, self.terms):
                del column[::2]

    def speed(self) -> float | None:
        """Iterations a second, over the last ones; None before the second."""
        if len(self.recent) < 2:
            return None
        (first, since), (last, until) = self.recent[0], self.recent[-1]
        return (last - first) / (until - since) if until > since and last > first else None

    def table(self) -> Float[np.ndarray, "columns n"]:
        """Rows: step, gradient, ratio, then `TERMS`. Safe to call while another thread adds."""
        n = min(len(self.steps), len(self.gradient), len(self.ratio), len(self.terms))
        terms = np.array(self.terms[:n], dtype=np.float64).reshape(n, len(TERMS))
        return np.vstack([self.steps[:n], self.gradient[:n], self.ratio[:n], terms.T])


@dataclass(frozen=True)
class Curves:
    """What distillation has learned, per timestep bin."""

    t: Float[np.ndarray, " bins"]
    """Middle of each bin, t/T."""
    names: tuple[str, ...]
    """Of the control variates; empty for estimators without."""
    beta: Float[np.ndarray, "bins n"]
    """Coefficients, averaged over channels and frequency bands."""
    moment: Float[np.ndarray, " bins"]
    """Second moment of the chosen estimator; NaN where nothing was seen."""
    moment_sds: Float[np.ndarray, " bins"]
    """Of SDS on the same draws."""


@dataclass(frozen=True)
class Views:
    """The last training views, as the pictures need them: one view of the group, copied."""

    index: int
    count: int
    """Views of the group."""
    cameras: Cameras
    """All of the group."""
    rgb: Float[torch.Tensor, "H W 3"]
    depth: Float[torch.Tensor, "H W"]
    alpha: Float[torch.Tensor, "H W"]


@dataclass(frozen=True)
class Guess:
    """The prior's answer to one view, as pictures."""

    t: float
    """Fraction of T at which it was asked."""
    rgb: Float[torch.Tensor, "H W 3"]
    """x̂₀, decoded."""
    depth: Float[torch.Tensor, "a b"] | None
    """The depth estimator's view of the noisy image, relative; None without an estimator."""


@dataclass(frozen=True)
class Snapshot:
    """One moment of the run that nobody changes any more."""

    step: int
    total: int
    count: int
    skipped: int
    evaluations: int
    seconds_left: float | None
    ratio: float | None
    finite: bool
    gaussians: Gaussians
    """An even sample if there are more than a browser should get."""
    views: Views | None
    curves: Curves | None


def curves_of(distiller: Distiller) -> Curves:
    """Copies of the coefficients and of the running moments; a millisecond."""
    chosen, sds = distiller.meter.read().second_moment, distiller.meter_sds.read().second_moment
    bins = len(chosen)
    names: tuple[str, ...] = ()
    beta = np.zeros((bins, 0))
    variates, coefficients = distiller.estimator.variates, distiller.estimator.coefficients
    if variates is not None and coefficients is not None:
        names = tuple(getattr(v, "name", _NAMES.get(type(v).__name__, type(v).__name__)) for v in variates)
        beta = coefficients.table().detach().double().mean(dim=1).cpu().numpy().copy()
    middle = (np.arange(bins) + 0.5) / bins
    return Curves(middle, names, beta, chosen.cpu().numpy().copy(), sds.cpu().numpy().copy())


class Eyes:
    """Makes pictures of what the prior answered. Only for the training thread, which owns the prior's networks.

    Args:
        denoiser: its decoder is used.
        depth_estimator: for the second picture, or None.
        device: where both run.
    """

    def __init__(self, denoiser: Denoiser, depth_estimator: DepthEstimator | None, device: torch.device) -> None:
        self._denoiser, self._depth, self._device = denoiser, depth_estimator, device

    @torch.no_grad()
    def look(self, step: Step, index: int) -> Guess | None:
        """The prior's answer to one view of a step; None if the step was skipped."""
        estimate = step.estimate
        if not estimate.finite or estimate.t.numel() == 0:
            return None
        x0_hat = estimate.x0_hat[index : index + 1].to(self._device)
        rgb = self._denoiser.decode(x0_hat)[0].permute(1, 2, 0).float().cpu()
        schedule, t = self._denoiser.schedule, estimate.t.min().reshape(1)
        depth = None
        if self._depth is not None:
            # x̂₀ and ε̂ belong to the least noisy draw; together they give the image that was denoised.
            x_t = schedule.add_noise(
                x0_hat[None], estimate.eps_hat[None, index : index + 1].to(self._device), t.to(x0_hat)
            )
            cameras = step.cameras[index : index + 1].to(self._device)
            depth = self._depth(x_t, t.to(x0_hat), cameras)[0, 0].float().cpu()
        return Guess(float(t) / schedule.num_timesteps, rgb, depth)


def views_of(step: Step, index: int) -> Views:
    """Copies of one training view of a step."""
    count = len(step.cameras)
    index = min(max(index, 0), count - 1)

    def copy(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.detach().to("cpu", copy=True)

    render, cameras = step.render, step.cameras
    return Views(
        index, count, Cameras(copy(cameras.viewmats), copy(cameras.Ks), cameras.width, cameras.height),
        copy(render.rgb[index]), copy(render.depth[index]), copy(render.alpha[index]),
    )  # fmt: skip


def snapshot_of(
    step: Step, distiller: Distiller | None, view: int, limit: int, view_dependent: bool = False
) -> Snapshot:
    """Copy what a page shows of one step.

    Args:
        step: live.
        distiller: where coefficients and moments are; None: not shown.
        view: which training view's pictures.
        limit: Gaussians to keep at most.
        view_dependent: keep also the part of the colours that a browser cannot show.
    """
    return Snapshot(
        step.step, step.total, step.count, step.skipped, step.evaluations, step.seconds_left,
        step.variance_ratio, bool(step.estimate.finite), copied(step.gaussians, limit, view_dependent),
        views_of(step, view), None if distiller is None else curves_of(distiller),
    )  # fmt: skip
