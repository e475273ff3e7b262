"""Scenes frozen along a run of the main job, and a look at one: cameras, latents, noise, guesses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.schema import Config
from gs_stein.distill.baselines import Constant, Depth, phi_and_gradient
from gs_stein.distill.draw import Draw, make_draw
from gs_stein.distill.estimators import FROM_NOTHING
from gs_stein.distill.learned import Learned, response_for
from gs_stein.distill.masked import masked, products
from gs_stein.gaussians.model import Gaussians
from gs_stein.optimize.networks import Priors
from gs_stein.optimize.plan import draw_background
from gs_stein.optimize.state import begin, make_prompts
from gs_stein.prior.guidance import guided
from gs_stein.prior.schedule import sample_timesteps
from gs_stein.rasterize.api import rasterize
from gs_stein.types import Cameras, TextEmbedding

_SMALL, _LARGE = 0.1, 0.5
"""Of the central differences behind `Stage.jacobians`, as shares of the noise: at a point, and for a mean, of which a
large step needs fewer noises (a cubic part of the answer enters it with a quarter)."""


@dataclass(frozen=True)
class Frozen:
    """A scene somewhere along a run."""

    config: Config
    trajectory: str
    progress: float
    parameters: dict[str, Tensor]
    second: dict[str, Tensor]
    """Adam's running mean square of each parameter's gradient; empty before the first step."""


def trajectory(config: Config, name: str, priors: Priors, stages: tuple[float, ...]) -> Iterator[Frozen]:
    """Run, and freeze on the way."""
    from gs_stein.optimize.loop import optimize

    state = begin(config, priors)

    def freeze(progress: float) -> Frozen:
        second = {
            key: optimizer.state[p]["exp_avg_sq"].clone()
            for key, optimizer in state.optimizers.items()
            for p in optimizer.param_groups[0]["params"]
            if "exp_avg_sq" in optimizer.state[p]
        }
        return Frozen(config, name, progress, {k: p.detach().clone() for k, p in state.parameters.items()}, second)

    marks = {round(stage * config.iterations): stage for stage in stages}
    if 0 in marks:
        yield freeze(0.0)
    for step in optimize(config, state):
        if step.step in marks:
            yield freeze(marks[step.step])
        if step.step >= max(marks):
            break
    state.distiller.close()


class Stage:
    """A frozen scene, looked at."""

    def __init__(self, frozen: Frozen, priors: Priors) -> None:
        self.frozen, self.config, self.priors = frozen, frozen.config, priors
        self.prompts = make_prompts(frozen.config, priors)
        self.schedule = priors.denoiser.schedule
        assert priors.depth is not None
        self.depth = Depth(priors.depth)
        # A prior without weights of its own has its network learn on the draws that coefficients are fitted to.
        network = response_for(priors.denoiser) if priors.response is None else priors.response
        rate = FROM_NOTHING if priors.response is None else 0.0
        self.learned = Learned(network, rate)

    def look(self, generator: torch.Generator) -> tuple[Cameras, dict[str, torch.nn.Parameter], Tensor, Tensor]:
        """Cameras, Gaussians with a graph to the encoded views of them, and their depth."""
        cameras = sample_cameras(self.config.cameras, self.config.views, generator)
        parameters = {key: torch.nn.Parameter(value) for key, value in self.frozen.parameters.items()}
        background = draw_background(self.config, generator)
        render = rasterize(Gaussians.from_parameters(parameters), cameras, self.config.rasterize, background)
        x0 = self.priors.denoiser.encode(render.rgb.permute(0, 3, 1, 2))
        return cameras, parameters, x0, render.depth.detach()

    @torch.no_grad()
    def draw(
        self, x0: Tensor, t: Tensor, generator: torch.Generator, cameras: Cameras, depth: Tensor, *, twins: bool
    ) -> tuple[Draw, Tensor, TextEmbedding]:
        """Noise the views, and ask the prior; also the prompt."""
        eps = torch.randn(len(t), *x0.shape, generator=generator)
        text, negative = self.prompts.at(cameras)
        draw = make_draw(
            x0, t, eps, self.schedule, self.config.distill.weighting, antithetic=twins, cameras=cameras, depth=depth,
            text=text, guidance=self.config.distill.guidance.scale,
        )  # fmt: skip
        guess = guided(
            self.priors.denoiser, draw.x_t, draw.t, text, negative, cameras, self.config.distill.guidance,
            self.prompts.empty,
        )  # fmt: skip
        return draw, guess, text

    def variates(self, draw: Draw) -> dict[str, Tensor]:
        """Every control variate once; the arms share them."""
        phi, gradient = phi_and_gradient(self.depth, draw)
        learned, prompted = (part.variate(draw) for part in self.learned.variates())
        clean = draw.x_t - draw.noise_scale() * draw.eps
        halves = {"masked": masked(products, draw), "clean": products(draw.eps, clean)}
        return {
            **{f"{name} {i}": h for name, answers in halves.items() for i, h in enumerate(answers)},
            "learned": learned,
            "learned_prompt": prompted,
            "1": Constant().variate(draw),
            "depth": draw.eps * phi - draw.noise_scale() * gradient,
            "printed": draw.eps * phi + gradient,
        }

    @torch.no_grad()
    def jacobians(
        self, draw: Draw, cameras: Cameras, others: int, generator: torch.Generator
    ) -> dict[str, Float[Tensor, "B V C h w"]]:
        """What a linear response to the noise could do at best, at any price: J σε with J the Jacobian of ε̂ − ε at
        the picture without noise, and its mean over noises. By central differences.

        Args:
            draw: whose noise is asked about; antithetic twins in its second half.
            others: noises behind the mean.
            generator: of those.
        """
        text, negative = self.prompts.at(cameras)
        half = len(draw.eps) // 2
        eps, t, sigma = draw.eps[:half], draw.t[:half], draw.noise_scale()[:half]

        def response(around: Tensor, step: float) -> Tensor:
            ahead, behind = (
                guided(
                    self.priors.denoiser, around + sign * step * sigma * eps, t, text, negative, cameras,
                    self.config.distill.guidance, self.prompts.empty,
                )
                for sign in (1, -1)
            )  # fmt: skip
            return (ahead - behind) / (2 * step) - eps

        clean = (draw.x_t - draw.noise_scale() * draw.eps)[:half]
        first, mean = response(clean, _SMALL), torch.zeros_like(clean)
        for _ in range(others):
            # Step and noise together are as large as noise should be: the network knows no other.
            noise = (1 - _LARGE**2) ** 0.5 * torch.randn(clean.shape[1:], generator=generator)
            mean += response(clean + sigma * noise, _LARGE) / others
        return {name: torch.cat([value, -value]) for name, value in (("first_order", first), ("mean_jacobian", mean))}

    def times(self, count: int, generator: torch.Generator) -> Tensor:
        """Timesteps as the run draws them there, one in each of `count` strata."""
        options = replace(self.config.distill.timesteps, sampling="stratified")
        return sample_timesteps(self.schedule, options, count, self.frozen.progress, generator)[0]
