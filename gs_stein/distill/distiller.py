"""From a latent to a gradient: one call a step, whatever the estimator.

distiller = Distiller(options, denoiser, depth_estimator)
x0 = denoiser.encode(rgb)                       # with its graph
estimate = distiller(x0.detach(), text=text, negative=negative, cameras=cameras, generator=generator,
                     progress=step / steps, depth=render.depth.detach())
if estimate.finite:
    ((x0 * estimate.grad).sum() + regularisers).backward()
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.distill.draw import sample_draw
from gs_stein.distill.estimators import Conditions, NotFiniteError, Parts, make_estimator, sds
from gs_stein.distill.nonfinite import Guard
from gs_stein.distill.options import DistillOptions
from gs_stein.distill.variance_meter import VarianceMeter
from gs_stein.prior.denoiser import Denoiser, DepthEstimator, NormalEstimator
from gs_stein.prior.guidance import guided
from gs_stein.prior.response import NoiseResponse
from gs_stein.types import Cameras, TextEmbedding

_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Estimate:
    """What one distillation step found."""

    grad: Float[Tensor, "V C h w"]
    """dL/dx₀: ω(t)·(ε̂ − Σ β_k h_k), averaged over the noises; zero where `finite` is False."""
    x0_hat: Float[Tensor, "V C h w"]
    """The prior's clean guess from the least noisy draw, for display."""
    eps_hat: Float[Tensor, "V C h w"]
    """ε̂ of the same draw as `x0_hat`."""
    t: Float[Tensor, " B"]
    """Timesteps drawn (twins included)."""
    finite: bool
    """False: skip this step (it was counted)."""
    evaluations: int
    """Views denoised by this call, guidance branches and the LoRA's training included."""
    lora_loss: float | None = None
    """VSD only: denoising loss of the LoRA before its update."""
    stiffness: Float[Tensor, "V 1 1 1"] | float = 0.0
    """Derivative of `grad` by x₀ if the clean guess stays: ω α/σ, averaged over the noises, and clipped as `grad` was.
    0 for VSD, whose gradient is the difference of two guesses."""

    def views(self, some: slice | Tensor) -> Estimate:
        """What it says of some of the views."""
        slope = self.stiffness
        return replace(
            self, grad=self.grad[some], x0_hat=self.x0_hat[some], eps_hat=self.eps_hat[some],
            stiffness=slope[some] if isinstance(slope, Tensor) else slope,
        )  # fmt: skip


class Distiller:
    """Owns what distillation has to remember: coefficients, variance meters, the LoRA and its optimiser.

    Args:
        options: which estimator, and how.
        denoiser: the prior.
        depth_estimator, normal_estimator: for the baselines that want one.
        response: the prior's own weights of the learned baseline; None: it begins with nothing.

    Raises:
        ValueError: a baseline lacks its estimator, or VSD a network to adapt.

    Attributes:
        guard: counts non-finite steps (`guard.skipped`).
        meter: running size and variance of the chosen estimator (`meter.read()`).
        meter_sds: the same of SDS on the same draws.
        estimator: of the options; `estimator.coefficients.table()` is β where it is learned.
    """

    def __init__(
        self,
        options: DistillOptions,
        denoiser: Denoiser,
        depth_estimator: DepthEstimator | None = None,
        normal_estimator: NormalEstimator | None = None,
        response: NoiseResponse | None = None,
    ) -> None:
        self.options, self.denoiser = options, denoiser
        steps, fit = denoiser.schedule.num_timesteps, options.coefficients
        self.guard = Guard(options.max_skips)
        self.meter = VarianceMeter(fit.bins, steps, fit.half_life)
        self.meter_sds = VarianceMeter(fit.bins, steps, fit.half_life)
        self._phase: float | None = None
        self.estimator = make_estimator(
            options.estimator, Parts(denoiser, depth_estimator, normal_estimator, options, response)
        )

    def __call__(
        self,
        x0: Float[Tensor, "V C h w"],
        *,
        text: TextEmbedding,
        negative: TextEmbedding,
        cameras: Cameras | None,
        generator: torch.Generator,
        progress: float,
        depth: Float[Tensor, "V H W"] | None = None,
        normals: Float[Tensor, "V H W 3"] | None = None,
        empty: TextEmbedding | None = None,
    ) -> Estimate:
        """One gradient with respect to the clean latents.

        Args:
            x0: encoded renders; nothing is differentiated through them.
            text, negative: prompts, one or one a view.
            cameras: of the views; None where there are none.
            generator: on the CPU; the only source of randomness.
            progress: fraction of the run that is done, for annealing.
            depth, normals: rendered, for the baselines that look at them.
            empty: the empty prompt, for Perp-Neg.

        Raises:
            FloatingPointError: the last of `max_skips` non-finite steps in a row.
        """
        options, before = self.options, self.denoiser.evaluations
        x0 = x0.detach()
        self.guard.begin()
        if not self.guard.finite("the render or its encoding", x0):
            return self._nothing(x0, 0)
        draw = sample_draw(
            x0,
            self.denoiser.schedule,
            options.weighting,
            options.timesteps,
            generator,
            noises=options.noises,
            progress=progress,
            phase=self._next_phase(generator),
            proposal=self.meter.proposal() if options.importance else None,
            antithetic=options.antithetic,
            cameras=cameras,
            depth=None if depth is None else depth.detach(),
            normals=None if normals is None else normals.detach(),
            text=text,
            guidance=options.guidance.scale,
        )
        with torch.no_grad():
            eps_hat = guided(self.denoiser, draw.x_t, draw.t, text, negative, cameras, options.guidance, empty).to(
                x0.dtype
            )
        where = f"(t = {', '.join(f'{t:.0f}' for t in draw.t.tolist())})"
        if not self.guard.finite(f"the denoiser's prediction {where}", eps_hat):
            return self._nothing(x0, self.denoiser.evaluations - before)
        conditions = Conditions(x0, text, negative, cameras, options.timesteps.window(progress), generator)
        try:
            residual = self.estimator.residual(eps_hat, draw, conditions)
        except NotFiniteError as error:
            self.guard.reject(f"{error} {where}")
            return self._nothing(x0, self.denoiser.evaluations - before)
        lora_loss = self.estimator.learn(conditions)
        gradients, plain = (draw.weight.view(-1, 1, 1, 1, 1) * value for value in (residual, sds(eps_hat, draw)))
        grad = gradients.mean(0)
        evaluations = self.denoiser.evaluations - before
        if not self.guard.finite(f"the estimator {where}", gradients, plain):
            return self._nothing(x0, evaluations)
        self.guard.accept()
        self.meter.update(gradients, draw)
        self.meter_sds.update(plain, draw)
        slope = float((draw.weight * draw.alpha / draw.sigma).mean()) if self.estimator.follows_guess else 0.0
        stiffness = x0.new_full((len(x0), 1, 1, 1), slope)
        if options.clip > 0:
            size = grad.square().mean((1, 2, 3), keepdim=True).sqrt()
            scale = (options.clip / size.clamp_min(1e-30)).clamp(max=1.0)
            grad, stiffness = grad * scale, stiffness * scale
        shown = int(draw.t.argmin())
        x0_hat = self.denoiser.schedule.convert(
            eps_hat[shown][None], draw.x_t[shown][None], draw.t[shown][None], "eps", "x0"
        )[0]
        return Estimate(grad, x0_hat, eps_hat[shown], draw.t, True, evaluations, lora_loss, stiffness)

    @property
    def variance_ratio(self) -> float | None:
        """Second moment of the estimator over that of SDS on the same draws, over the timesteps seen so far."""
        ours, sds = self.meter.read().second_moment, self.meter_sds.read().second_moment
        seen = ours.isfinite() & sds.isfinite() & (sds > 0)
        return (ours[seen].sum() / sds[seen].sum()).item() if bool(seen.any()) else None

    def reject(self, where: str) -> None:
        """Count a non-finite step found outside (e.g. "the gradient of the Gaussians").

        Raises:
            FloatingPointError: one line, after `max_skips` in a row.
        """
        self.guard.reject(where)

    def close(self) -> None:
        """Leave the denoiser as it was (VSD adapts it)."""
        self.estimator.close()

    def state_dict(self) -> dict:
        """Everything that a resumed run needs, as tensors and numbers (safe for torch.load(weights_only=True))."""
        return {
            "estimator": self.estimator.state_dict(),
            "meter": self.meter.state_dict(),
            "meter_sds": self.meter_sds.state_dict(),
            "guard": self.guard.state_dict(),
            "phase": self._phase,
        }

    def load_state_dict(self, state: dict) -> None:
        """The inverse of `state_dict`, bit for bit."""
        self.estimator.load_state_dict(state["estimator"])
        self.meter.load_state_dict(state["meter"])
        self.meter_sds.load_state_dict(state["meter_sds"])
        self.guard.load_state_dict(state["guard"])
        self._phase = state["phase"]

    def _next_phase(self, generator: torch.Generator) -> float | None:
        if self.options.timesteps.sampling != "golden":
            return None
        if self._phase is None:  # a random start makes every t of the run uniform
            self._phase = float(torch.rand((), generator=generator, dtype=torch.float64))
        else:
            self._phase = (self._phase + _GOLDEN) % 1.0
        return self._phase

    def _nothing(self, x0: Float[Tensor, "V C h w"], evaluations: int) -> Estimate:
        zero = torch.zeros_like(x0)
        return Estimate(zero, zero, zero, x0.new_zeros(0), False, evaluations)
