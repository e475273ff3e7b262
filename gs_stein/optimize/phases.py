"""The three kinds of iteration: ask the prior (Distill), follow its last guess (Reuse), fit refined views (Refine).

A phase says where an iteration looks from, what gradient the latents get there, what else enters the loss, and which
changes of the Gaussians are made in closed form instead of by gradient. `next_phase` picks it. Without reuse, solved
colours and refinement every iteration is a `Distill`: plain score distillation.

Of several ranks each renders its own views (`gs_stein.ranks.own`), and needs to know of the others' only where the
prior is asked about all of them together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein import ranks
from gs_stein.cameras.options import OrbitCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.schema import Config
from gs_stein.distill.distiller import Estimate
from gs_stein.distill.nonfinite import all_finite, squares_finite
from gs_stein.distill.reuse import ReusedGuess
from gs_stein.gaussians.model import Gaussians
from gs_stein.optimize.plan import Plan, draw_background
from gs_stein.optimize.state import State
from gs_stein.prior.denoiser import Denoiser
from gs_stein.rasterize.api import rasterize
from gs_stein.refine.targets import Targets
from gs_stein.types import Cameras, Render
from gs_stein.update import adam
from gs_stein.update.colours import blend_colours
from gs_stein.update.visual_hull import DISSENT, inside_hull, prune_outside_hull, seed_in_hull

TRIES = 2
"""How often a round of refinement is denoised, each time of fresh noise, until it is finite; then it is left out."""


@dataclass(frozen=True)
class ClosedForm:
    """Changes of the Gaussians that no gradient makes."""

    solved: Float[Tensor, "N 1 3"] | None = None
    """Added to the constant colours in place of Adam's step."""
    inside: Float[Tensor, " N"] | None = None
    """How surely each Gaussian lies in the visual hull: outside, it loses opacity before Adam's step."""
    blended: Float[Tensor, "N 1 3"] | None = None
    """Added to the constant colours after Adam's step."""

    def all(self) -> tuple[Tensor | None, ...]:
        """Every change, for whoever looks at all of them."""
        return self.solved, self.inside, self.blended


@runtime_checkable
class Phase(Protocol):
    """What `optimize` asks of an iteration."""

    @property
    def cameras(self) -> Cameras:
        """Where it looks from, all ranks together."""
        ...

    def estimate(self, x0: Float[Tensor, "v C h w"], render: Render) -> Estimate:
        """dL/dx₀ at the encoded renders of this rank's views, nothing differentiated through any network.

        Raises:
            FloatingPointError: too many steps in a row were not finite (one line).
        """
        ...

    def extra_loss(self, render: Render) -> Float[Tensor, ""] | float:
        """A further term of the loss, beside distillation and regularisers."""
        ...

    def closed_form(
        self, gaussians: Gaussians, render: Render, estimate: Estimate, background: Float[Tensor, 3]
    ) -> ClosedForm:
        """Changes without a gradient; asked while the render's graph is there."""
        ...


def next_phase(config: Config, state: State, plan: Plan, watch: Callable[[float], None] | None = None) -> Phase:
    """The phase of this iteration; a round of refinement that begins here is denoised before it returns.

    Args:
        config: of the run.
        state: whose generator draws cameras, and whose refiner is prepared.
        plan: of this iteration.
        watch: told what share of a round's denoising is done, now and then.
    """
    refiner = state.refiner
    if state.step >= refiner.first:
        follow_round(config, state, plan, watch)
        if refiner.ready:
            return Refine(config, state, refiner.draw(config.views, state.generator))
    guess = state.reused
    if guess is not None and guess.cameras.width == plan.side:
        return Reuse(config, state, plan, guess.part(config.distill.reuse_views).cameras, guess)
    # Views that are denoised together stand as those that such a prior learnt from: evenly all round, at one height.
    group = state.priors.group if isinstance(config.cameras, OrbitCameras) else 1
    cameras = sample_cameras(config.cameras, plan.views, state.generator, group).resized(plan.side, plan.side)
    return Distill(config, state, plan, cameras)


@dataclass(frozen=True)
class Distill:
    """The prior is asked about new views: score distillation."""

    config: Config
    state: State
    plan: Plan
    cameras: Cameras

    def estimate(self, x0: Float[Tensor, "v C h w"], render: Render) -> Estimate:
        """One step of the configured estimator; the guess is kept if further iterations shall follow it."""
        state, device, V = self.state, x0.device, len(self.cameras)
        x0 = ranks.whole(x0, V)
        text, negative = state.prompts.at(self.cameras)
        estimate = state.distiller(
            x0, text=text, negative=negative, empty=state.prompts.empty, cameras=self.cameras.to(device),
            generator=state.generator, progress=self.plan.distilled,
            depth=ranks.whole(render.depth.detach(), V).to(device),
            normals=None if render.normals is None else ranks.whole(render.normals.detach(), V).to(device),
        )  # fmt: skip
        if self.config.distill.reuse > 1 and estimate.finite and squares_finite(estimate.x0_hat):
            state.reused = ReusedGuess(self.cameras, x0, estimate, self.config.distill.reuse - 1)
        return estimate.views(ranks.own(V)) if ranks.count() > 1 else estimate

    def extra_loss(self, render: Render) -> float:
        """None."""
        return 0.0

    def closed_form(
        self, gaussians: Gaussians, render: Render, estimate: Estimate, background: Float[Tensor, 3]
    ) -> ClosedForm:
        """In the first iterations, the colours that show the guess, and what lies outside the hull of its views."""
        if not self.plan.solve_colours:
            return ClosedForm()
        state, rates = self.state, self.config.rates
        views = len(self.cameras)
        guess = decoded(state.priors.denoiser, estimate.x0_hat, self.cameras).to(render.rgb)
        solved, inside = state.colours.change(state.parameters["sh0"], render.rgb, guess), None
        if rates.prune_outside_hull > 0:
            cameras = self.cameras.to(guess.device)
            inside = inside_hull(gaussians.means.detach(), cameras, ranks.whole(guess, views), background)
        return ClosedForm(solved, inside)


@dataclass(frozen=True)
class Reuse(Distill):
    """The prior's last guess is followed, with some of its views, and nothing is evaluated."""

    guess: ReusedGuess

    def estimate(self, x0: Float[Tensor, "v C h w"], render: Render) -> Estimate:
        """What the guess says where the scene has gone meanwhile."""
        self.state.reused = self.guess.after_use()
        return self.guess.part(self.config.distill.reuse_views).own().at(x0)


@dataclass(frozen=True)
class Refine:
    """Some of the views that were denoised all the way are fitted like photographs."""

    config: Config
    state: State
    target: Targets

    @property
    def cameras(self) -> Cameras:
        """Those of the views."""
        return self.target.cameras

    @property
    def own(self) -> Targets:
        """Those that this rank renders."""
        views = len(self.cameras)
        return self.target[torch.arange(views)[ranks.own(views)]] if ranks.count() > 1 else self.target

    def estimate(self, x0: Float[Tensor, "v C h w"], render: Render) -> Estimate:
        """Towards the views."""
        return self.state.refiner.estimate(x0, self.own, self.state.distiller.guard)

    def extra_loss(self, render: Render) -> Float[Tensor, ""]:
        """How far the rendered depth is from the views' own."""
        return self.state.refiner.depth_term(render, self.own)

    def closed_form(
        self, gaussians: Gaussians, render: Render, estimate: Estimate, background: Float[Tensor, 3]
    ) -> ClosedForm:
        """Now and then, colours nearer to what the views show."""
        if not self.state.refiner.blends(self.state.step):
            return ClosedForm()
        pictures = self.own.rgb
        assert pictures is not None
        shown = sized(pictures, self.cameras).to(render.rgb)
        sh0, share = self.state.parameters["sh0"], self.config.refine.blend_colours
        return ClosedForm(blended=blend_colours(sh0, render.rgb, shown, share))


def follow_round(config: Config, state: State, plan: Plan, watch: Callable[[float], None] | None = None) -> None:
    """What a refinement iteration begins with: denoise a new round's views, or register them to the scene; hull."""
    refiner, step = state.refiner, state.step

    def rendered(cameras: Cameras) -> Float[Tensor, "V 3 H W"]:
        """The scene as it stands, where the denoiser is."""
        render = look(config, state, cameras, draw_background(config, state.generator).to(state.device))
        return ranks.whole(render.rgb, len(cameras)).permute(0, 3, 1, 2).to(state.priors.device)

    if (new := refiner.round(step, (state.prompts.current, plan.guidance_scale))) is not None:
        tries = (
            refiner.prepare(new, rendered, state.prompts.at, config.cameras, state.generator, watch)
            for _ in range(TRIES)
        )
        if not any(tries):  # one after the other, until one is good
            refiner.left_out, new = refiner.left_out + 1, None
    elif refiner.ready and refiner.registers(step):
        refiner.left_out += not refiner.register_views(rendered)
    if refiner.ready and refiner.prunes(step, new):
        refiner.left_out += not fit_hull(config, state, seed=new is not None)


def look(config: Config, state: State, cameras: Cameras, background: Float[Tensor, 3]) -> Render:
    """The scene as it stands, from those of the cameras that are this rank's."""
    mine = cameras[ranks.own(len(cameras))]
    return rasterize(state.gaussians, mine.to(state.device), config.rasterize, background)


@torch.no_grad()
def fit_hull(config: Config, state: State, seed: bool) -> bool:
    """Prune what the refined views see past; on demand, seed Gaussians where they show what the scene has not.

    Returns:
        False: what the views show is not finite, and nothing has changed.
    """
    options, parameters = config.refine, state.parameters
    targets, background = state.refiner.targets, draw_background(config, state.generator).to(state.device)
    cameras = targets.cameras.to(state.device)
    assert targets.rgb is not None
    rgb = sized(targets.rgb, cameras).to(background)
    seed = seed and options.seed_in_hull > 0
    alpha = ranks.whole(look(config, state, cameras, background).alpha, len(cameras)) if seed else None
    if not all_finite(rgb, alpha):
        return False
    inside = inside_hull(parameters["means"], cameras, rgb, background, DISSENT)
    parameters["opacities"].copy_(prune_outside_hull(parameters["opacities"], inside, options.prune_outside_hull))
    if alpha is None:
        return True
    new = seed_in_hull(cameras, rgb, alpha, background, int(options.seed_in_hull * len(inside)), state.generator)
    faintest = parameters["opacities"].argsort()[: len(new)]
    adam.put(parameters, state.optimizers, faintest, new.with_sh_degree(config.sh_degree).parameters())
    return True


@torch.no_grad()
def decoded(denoiser: Denoiser, x0: Float[Tensor, "V C h w"], cameras: Cameras) -> Float[Tensor, "V H W 3"]:
    """Clean latents as pictures of the cameras' size."""
    return sized(denoiser.decode(x0).clamp(0, 1).float(), cameras)


def sized(rgb: Float[Tensor, "V 3 h w"], cameras: Cameras) -> Float[Tensor, "V H W 3"]:
    """Pictures in the cameras' size."""
    size = (cameras.height, cameras.width)
    if rgb.shape[2:] != size:
        rgb = F.interpolate(rgb, size, mode="bilinear", antialias=True)
    return rgb.permute(0, 2, 3, 1)
