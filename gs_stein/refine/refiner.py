"""The last part of a run: some views are denoised all the way, and the Gaussians are fitted to them.

Distillation follows the prior's guess after a single evaluation, which is smooth. Once there is a scene to hold on to,
its views can be noised to a level and denoised over many steps, a whole group jointly (SDEdit, arXiv 2108.01073), and
used as photographs. The first round settles what there is, with a single group, which agrees with itself; some of its
views then join every group of the later rounds, and who else meets in a group changes from step to step, so that all
come to agree. They do so not to the pixel, and are moved a little while the Gaussians follow. Instruct-NeRF2NeRF (arXiv
2303.12789) and the second stage of DreamGaussian (arXiv 2309.16653, section 3.3) refine likewise, view by view.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein import ranks
from gs_stein.cameras.options import CameraOptions
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.distill.distiller import Estimate
from gs_stein.distill.nonfinite import Guard, squares_finite
from gs_stein.prior.agreement import pearson
from gs_stein.prior.denoiser import Denoiser, DepthEstimator
from gs_stein.prior.depth import CLEAN
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.options import GuidanceOptions
from gs_stein.prior.sampling import antithetic_denoise, denoise
from gs_stein.refine.options import RefineOptions
from gs_stein.refine.registration import estimate_flow, moved_by, warp
from gs_stein.refine.sharpen import sharpened
from gs_stein.refine.targets import Targets, restored, saved
from gs_stein.threads import one_thread
from gs_stein.types import Cameras, Render, TextEmbedding, joined

_LARGEST = 1e6
"""Of a latent, whose deviation is about 1: what is larger is no picture's."""
_AT_ONCE = 4
"""Views whose pictures are sharpened, or moved, together: all of a round at once were the peak of a run's memory."""


@dataclass(frozen=True)
class Round:
    """What is fitted until the next one."""

    level: float
    """Fraction of T to which the views are noised."""
    views: int
    guidance: float
    """Scale of classifier-free guidance."""
    anchored: bool
    """Whether views of an earlier round join every group."""


class Refiner:
    """Owns the views that the Gaussians are fitted to.

    Args:
        options: how.
        denoiser: the prior.
        depth: estimates the depth that is fitted too; may be missing.
        iterations: of the whole run.

    Attributes:
        first: iterations that are left to distillation.
        left_out: rounds, registrations and looks at the visual hull that came to nothing, since they were not finite.
    """

    def __init__(
        self, options: RefineOptions, denoiser: Denoiser, depth: DepthEstimator | None, iterations: int
    ) -> None:
        self.options, self.denoiser = options, denoiser
        self.depth = depth if options.depth > 0 else None
        self.first = iterations - round(options.share * iterations)
        refined = iterations - self.first
        self._rounds = max(1, min(options.rounds, refined // options.shortest))
        self._length = max(1, -(-refined // self._rounds))
        self.left_out = 0
        self._denoised: Targets | None = None
        self._targets: Targets | None = None
        self._anchors: Targets | None = None
        self._flow: Float[Tensor, "V 2 h w"] | None = None
        self._asked: tuple[str, float | None] | None = None

    def round(self, step: int, asked: tuple[str, float | None] = ("", None)) -> Round | None:
        """The round that this step starts; None if it starts none.

        Args:
            step: iterations finished.
            asked: the prompt, and the guidance that somebody holds in place of the configured one; another one starts
                the round anew, also after a run was resumed.
        """
        if step < self.first:
            return None
        # What was settled under another prompt shall not hold on to it.
        changed, self._asked = self._asked not in (None, asked), asked
        if (step - self.first) % self._length and not changed:
            return None
        number = (step - self.first) // self._length
        anchored = self._anchors is not None and not changed
        level = self._level(number)
        guidance = self.options.guidance if asked[1] is None else max(asked[1], 0.0)
        return Round(level, self.options.views[min(number, 1)], guidance, anchored)

    def _level(self, number: int) -> float:
        """How far the views of a round are noised."""
        start, end = self.options.level
        return start + (end - start) * min(1.0, number / max(1, self._rounds - 1))

    def _steps(self, level: float) -> int:
        """Denoising steps from there."""
        return max(1, round(self.options.steps * level / self.options.level[0]))

    def prunes(self, step: int, started: Round | None) -> bool:
        """Whether this step, which started a round or none, begins by looking at the visual hull of the views."""
        if step < self.first:
            return False
        if started is not None:
            return max(self.options.prune_outside_hull, self.options.seed_in_hull) > 0
        return self.options.prune_outside_hull > 0 and (step - self.first) % self.options.prune_every == 0

    def blends(self, step: int) -> bool:
        """Whether this step brings colours nearer to what the views show."""
        return self.options.blend_colours > 0 and (step - self.first) % self.options.blend_every == 0

    def registers(self, step: int) -> bool:
        """Whether this step begins by moving the views to where the scene has what they show."""
        parts = self.options.register_views + 1
        within = {self._length * part // parts for part in range(1, parts)} - {0}
        return step >= self.first and (step - self.first) % self._length in within

    @torch.no_grad()
    def prepare(
        self,
        wanted: Round,
        rendered: Callable[[Cameras], Float[Tensor, "V 3 H W"]],
        prompts: Callable[[Cameras], tuple[TextEmbedding, TextEmbedding]],
        cameras: CameraOptions,
        generator: torch.Generator,
        watch: Callable[[float], None] | None = None,
    ) -> bool:
        """Start a round: look at the scene and denoise what is seen.

        Args:
            wanted: how many views, noised how far.
            rendered: the scene as it stands.
            prompts: the prompt and its negative for cameras.
            cameras: where views are drawn from.
            generator: of cameras and noise (CPU).
            watch: told what share of the round's denoising is done, now and then.

        Returns:
            False: what came out was not finite, and nothing has changed. Another call draws fresh noise.
        """
        options, schedule = self.options, self.denoiser.schedule
        anchors = self._anchors if wanted.anchored else None
        kept = 0 if anchors is None else len(anchors.cameras)
        views = sample_cameras(cameras, wanted.views, generator)
        seen = rendered(views)
        if options.sharpen and self.ready:
            seen = torch.cat([sharpened(some, options.sharpen) for some in seen.split(_AT_ONCE)])
        x0, known = self.denoiser.encode(seen), None
        if anchors is not None:
            views, x0, known = joined(anchors.cameras, views), torch.cat([anchors.x0, x0]), anchors.x0[None]
        steps = self._steps(wanted.level)
        times = (torch.linspace(wanted.level, 0.0, steps + 1) * schedule.num_timesteps).to(x0)
        x_t = schedule.add_noise(x0[None], torch.randn(x0[None].shape, generator=generator).to(x0), times[:1])
        text, negative = prompts(views)
        there = views.to(x0.device)
        scale, asked = wanted.guidance, self.denoiser
        if (prior := self._guides(scale, negative)) is not None:
            scale, asked = 1.0, prior.at_once(scale)
        found = denoise(
            asked, x_t, times, text, negative, there, GuidanceOptions(scale=scale),
            None if watch is None else lambda i: watch((i + 1) / steps),
            known, options.eta, generator, options.group, options.order,
        )  # fmt: skip
        if level := options.antithetic_denoise:
            prior = self._looks
            looking = self.denoiser if prior is None else prior.at_once(1.0)
            found = antithetic_denoise(
                looking, found, level, text, there, generator, options.group, kept, learnt=prior is not None
            )
            self._count(looking)
        self._count(asked)
        clean = times.new_full((1,), CLEAN * schedule.num_timesteps)
        mine, count = ranks.own(len(views)), len(views)
        depth = None
        if self.depth is not None:
            depth = ranks.whole(self.depth(found[:, mine], clean, there[mine])[0], count)
        rgb = self._pictures(found[0])
        # Nor may they be finite and yet no pictures: steps towards them would throw the scene out of all numbers.
        if not squares_finite(options.weight * found, depth, rgb) or found.abs().max() > _LARGEST:
            return False
        self._denoised = self._targets = Targets(views, found[0], depth, rgb)
        self._flow = None
        if anchors is None and options.anchors:
            count = min(options.anchors, len(views))
            self._anchors = self._targets[torch.arange(count) * len(views) // count]
        return True

    @property
    def _taught(self) -> DiffusionPrior | None:
        """The prior, if it has learnt to say in one evaluation what takes two, and that is wanted."""
        prior = self.denoiser if self.options.at_once and isinstance(self.denoiser, DiffusionPrior) else None
        return None if prior is None or prior.shortcut is None else prior

    def _guides(self, guidance: float, negative: TextEmbedding | None = None) -> DiffusionPrior | None:
        """The prior, if its guided answer takes one evaluation, where the negative prompt is empty (or None)."""
        prior = self._taught
        if prior is None or prior.shortcut is None or not prior.shortcut.learnt(guidance):
            return None
        return None if negative is not None and bool(negative.mask.any()) else prior

    @property
    def _looks(self) -> DiffusionPrior | None:
        """The prior, if its last look takes one evaluation."""
        prior = self._taught
        if prior is None or prior.shortcut is None:
            return None
        return prior if math.isclose(prior.shortcut.level, self.options.antithetic_denoise) else None

    def _count(self, asked: Denoiser) -> None:
        """Add what another one was asked to the denoiser's own count."""
        if asked is not self.denoiser:
            self.denoiser.evaluations += asked.evaluations

    def _pictures(self, x0: Float[Tensor, "V C h w"]) -> Float[Tensor, "V 3 H W"] | None:
        """Latents as pictures in [0, 1], decoded once a round; None if nobody will look at them."""
        options = self.options
        looked_at = options.register_views, options.blend_colours, options.prune_outside_hull, options.seed_in_hull
        return self._decoded(x0) if max(looked_at) > 0 else None

    def _decoded(self, x0: Float[Tensor, "V C h w"]) -> Float[Tensor, "V 3 H W"]:
        """Latents as pictures in [0, 1]; each rank that is at work decodes its share."""
        # A group at a time: all views of a round at once were the largest thing in memory of a whole run.
        parts = x0[ranks.own(len(x0))].split(self.options.group)
        return ranks.whole(torch.cat([self.denoiser.decode(part).clamp(0, 1).float() for part in parts]), len(x0))

    @torch.no_grad()
    def register_views(self, rendered: Callable[[Cameras], Float[Tensor, "V 3 H W"]]) -> bool:
        """Move this round's views, as they were denoised, to where the scene has what they show
        (`gs_stein.refine.registration`).

        Args:
            rendered: the scene as it stands.

        Returns:
            False: what came out was not finite, and the views stay where they are.
        """
        found = self._denoised
        assert found is not None
        views = len(found.cameras)
        mine = ranks.own(views)  # views are moved apart from each other
        pictures, shown = (self._decoded(found.x0) if found.rgb is None else found.rgb)[mine], rendered(found.cameras)
        parts = pictures.split(_AT_ONCE)
        flows = [estimate_flow(part, there) for part, there in zip(parts, shown[mine].split(_AT_ONCE), strict=True)]
        flow = torch.cat(flows)
        moved = torch.cat([moved_by(part, how) for part, how in zip(parts, flows, strict=True)])
        depth = None
        if found.depth is not None:
            depth = ranks.whole(warp(found.depth[mine, None], flow.to(found.depth))[:, 0], views)
        x0 = ranks.whole(self.denoiser.encode(moved).to(found.x0), views)
        flow, moved = ranks.whole(flow, views), ranks.whole(moved, views)
        if not squares_finite(x0, depth):
            return False
        self._targets, self._flow = Targets(found.cameras, x0, depth, moved), flow
        return True

    def evaluations_after(self, step: int, negative: bool = False) -> int:
        """Views that the rounds from this step on will denoise, each guidance branch counted, if nobody interferes.

        Args:
            step: iterations finished.
            negative: whether there is a negative prompt.
        """
        options, total = self.options, 0
        once = options.guidance in (0, 1) or (not negative and self._guides(options.guidance) is not None)
        last = (2 if self._looks is None else 1) if options.antithetic_denoise else 0
        for number in range(self._rounds if options.share else 0):
            if self.first + number * self._length < step:
                continue
            kept = 0 if number == 0 else min(options.anchors, options.group, options.views[0])
            new, views = options.group - kept, options.views[min(number, 1)]
            a_view = self._steps(self._level(number)) * (1 if once else 2) + last
            total += (views + kept * -(-views // new)) * a_view
        return total

    @property
    def ready(self) -> bool:
        """Whether there are views to fit to: the first round may have come to nothing."""
        return self._targets is not None

    @property
    def targets(self) -> Targets:
        """The views of this round."""
        assert self._targets is not None
        return self._targets

    def draw(self, views: int, generator: torch.Generator) -> Targets:
        """Some of the views."""
        return self.targets[torch.randperm(len(self.targets.cameras), generator=generator)[:views]]

    def estimate(self, x0: Float[Tensor, "V C h w"], target: Targets, guard: Guard) -> Estimate:
        """The gradient of ½ weight · ‖x₀ − target‖², in the form of a distillation step.

        Raises:
            FloatingPointError: too many steps in a row were not finite.
        """
        grad = self.options.weight * (x0 - target.x0)
        guard.begin()
        # Ranks know their own views only, and have to skip a step together: they see it in the sum of their gradients.
        finite = ranks.count() > 1 or guard.finite("the refined views", grad)
        if finite:
            guard.accept()
        t = torch.full((1,), CLEAN * self.denoiser.schedule.num_timesteps)
        return Estimate(grad, target.x0, torch.zeros_like(x0), t, finite, 0)

    @one_thread()
    def depth_term(self, render: Render, target: Targets) -> Float[Tensor, ""]:
        """weight · (1 − Pearson) of rendered and estimated depth, averaged over views; 0 if depth is not fitted."""
        if target.depth is None:
            return render.depth.new_zeros(())
        shape = target.depth.shape[-2:]
        depth = F.interpolate(render.depth[:, None], shape, mode="area")[:, 0]
        covered = F.interpolate(render.alpha.detach()[:, None], shape, mode="area")[:, 0]
        agreement = pearson(target.depth[None].to(depth), depth, covered)
        return self.options.depth * (1 - agreement).mean()

    def state_dict(self) -> dict:
        """The views of the current round and those that anchor later ones, for checkpoints."""
        views = {"denoised": self._denoised, "targets": self._targets, "anchors": self._anchors}
        prompt, guidance = (None, None) if self._asked is None else self._asked
        counted = {"left_out": self.left_out, "prompt": prompt, "guidance": guidance, "flow": self._flow}
        return {name: saved(targets) for name, targets in views.items()} | counted

    @torch.no_grad()
    def load_state_dict(self, state: dict, device: torch.device) -> None:
        """The inverse of `state_dict`; latents go to the denoiser's device."""
        self._targets, self._anchors = restored(state["targets"], device), restored(state["anchors"], device)
        self._denoised = restored(state.get("denoised", state["targets"]), device)  # earlier versions moved none
        self._flow = None if state.get("flow") is None else state["flow"].to(device)
        if self._denoised is not None and self._targets is not None:
            rgb = self._pictures(self._denoised.x0)
            self._denoised = replace(self._denoised, rgb=rgb)
            if rgb is not None and self._flow is not None:
                rgb = moved_by(rgb, self._flow)
            self._targets = replace(self._targets, rgb=rgb)
        self.left_out = int(state.get("left_out", 0))
        self._asked = None if state.get("prompt") is None else (state["prompt"], state["guidance"])
